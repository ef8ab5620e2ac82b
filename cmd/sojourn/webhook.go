package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/internal/config"
	"github.com/sojournhq/sojourn/sdk/go"
)

var webhookEvents = []string{sojourn.WebhookCreated, sojourn.WebhookStatusChanged, sojourn.WebhookTerminal}

func (c *cli) webhookCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "webhook",
		Aliases: []string{"webhooks"},
		Short:   "manage webhook endpoints, and see what was delivered",
		Args:    cobra.NoArgs,
		RunE:    needsSubcommand,
	}
	endpoint := &cobra.Command{
		Use:     "endpoint",
		Aliases: []string{"endpoints"},
		Short:   "manage the URLs that hear of executions",
		Args:    cobra.NoArgs,
		RunE:    needsSubcommand,
	}
	endpoint.AddCommand(
		c.endpointCreateCommand(), c.endpointListCommand(), c.endpointGetCommand(), c.endpointUpdateCommand(),
		c.endpointDeleteCommand(), c.endpointRotateCommand(), c.endpointTestCommand(),
	)
	delivery := &cobra.Command{
		Use:     "delivery",
		Aliases: []string{"deliveries"},
		Short:   "see and repeat deliveries of webhooks and callbacks",
		Args:    cobra.NoArgs,
		RunE:    needsSubcommand,
	}
	delivery.AddCommand(c.deliveryListCommand(), c.deliveryGetCommand(), c.deliveryRedeliverCommand())
	cmd.AddCommand(endpoint, delivery, c.callbackSecretCommand())
	return cmd
}

// showEndpoint prints an endpoint; with its secret, the secret stands alone on standard output.
func (c *cli) showEndpoint(x *sojourn.WebhookEndpoint) error {
	switch {
	case c.structured():
		return c.value(x)
	case c.output == outputName:
		_, err := fmt.Fprintln(c.out, x.ID)
		return err
	case x.Secret != "":
		c.say("%s %s", x.ID, x.URL)
		_, err := fmt.Fprintln(c.out, x.Secret)
		return err
	}
	s := c.plain
	var b bytes.Buffer
	field := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%s %s\n", s.faint(fmt.Sprintf("%-10s", name)), text)
		}
	}
	fmt.Fprintf(&b, "%s  %s\n", s.bold(oneLine(x.URL)), s.faint(x.ID))
	field("about", oneLine(x.Description))
	field("state", endpointState(x))
	field("events", strings.Join(x.Events, ","))
	field("workflows", oneLine(strings.Join(x.Workflows, ",")))
	field("secrets", "…"+strings.Join(x.SecretHints, ", …"))
	field("created", clock(x.CreatedAt))
	_, err := c.out.Write(b.Bytes())
	return err
}

func endpointState(x *sojourn.WebhookEndpoint) string {
	switch {
	case x.Enabled:
		return "enabled"
	case x.DisabledReason == "receiver_gone":
		return "disabled: the receiver answered 410 Gone"
	default:
		return "disabled"
	}
}

func checkEvents(events []string) error {
	for _, e := range events {
		if !slices.Contains(webhookEvents, e) {
			return usagef("--events %s: the events are %s", e, strings.Join(webhookEvents, ", "))
		}
	}
	return nil
}

func (c *cli) endpointCreateCommand() *cobra.Command {
	var p sojourn.WebhookEndpointParams
	cmd := &cobra.Command{
		Use:   "create URL",
		Short: "make a webhook endpoint and print its secret, this once",
		Long: `Make a webhook endpoint: messages about the project's executions are sent to the URL, signed with its secret.

The secret is printed alone on standard output, and nobody can read it again.`,
		Example: `  sojourn webhook endpoint create https://example.com/hooks
  sojourn webhook endpoint create https://example.com/orders --events created,terminal --workflows order`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkEvents(p.Events); err != nil {
				return err
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			p.URL = args[0]
			x, err := client.Webhooks.Endpoints.Create(cmd.Context(), p)
			if err != nil {
				return err
			}
			return c.showEndpoint(x)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&p.Description, "description", "", "`text` to know it by")
	fs.StringSliceVar(&p.Events, "events", nil, "`events` it hears of: "+strings.Join(webhookEvents, ", ")+"; default: terminal")
	fs.StringSliceVar(&p.Workflows, "workflows", nil, "the only `workflows` it hears of; default: all")
	fs.StringVar(&p.Secret, "secret", "", "sign with this `secret`, whsec_ and base64; default: one is made")
	fs.BoolVar(&p.Disabled, "disabled", false, "send nothing until it is enabled")
	_ = cmd.RegisterFlagCompletionFunc("events", cobra.FixedCompletions(webhookEvents, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) endpointListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "list webhook endpoints",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			all, err := client.Webhooks.Endpoints.List(cmd.Context())
			if err != nil {
				return err
			}
			if len(all) == 0 && !c.structured() {
				c.say("no webhook endpoints")
				return nil
			}
			type endpoint = *sojourn.WebhookEndpoint
			return list(c, all, []column[endpoint]{
				{title: "ID", text: func(x endpoint) string { return x.ID }},
				{title: "URL", text: func(x endpoint) string { return clip(oneLine(x.URL), 60) }, style: styles.bold},
				{title: "STATE", text: endpointState},
				{title: "EVENTS", text: func(x endpoint) string { return strings.Join(x.Events, ",") }},
				{title: "WORKFLOWS", wide: true, text: func(x endpoint) string { return oneLine(strings.Join(x.Workflows, ",")) }},
				{title: "CREATED", wide: true, text: func(x endpoint) string { return clock(x.CreatedAt) }},
				{title: "DESCRIPTION", text: func(x endpoint) string { return clip(oneLine(x.Description), 40) }},
			}, func(x endpoint) string { return x.ID }, func(x endpoint) any { return x })
		},
	}
}

func (c *cli) endpointGetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "get ID",
		Short: "show a webhook endpoint",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			x, err := client.Webhooks.Endpoints.Get(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.showEndpoint(x)
		},
	}
}

func (c *cli) endpointUpdateCommand() *cobra.Command {
	var url, description string
	var events, workflows []string
	var enable, disable bool
	cmd := &cobra.Command{
		Use:   "update ID",
		Short: "change a webhook endpoint",
		Example: `  sojourn webhook endpoint update wh_… --disable
  sojourn webhook endpoint update wh_… --events created,terminal --workflows ""`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			given := cmd.Flags().Changed
			if err := checkEvents(events); err != nil {
				return err
			}
			p := sojourn.WebhookEndpointUpdate{Events: events}
			if given("workflows") {
				p.Workflows = append([]string{}, workflows...)
			}
			if given("url") {
				p.URL = &url
			}
			if given("description") {
				p.Description = &description
			}
			switch {
			case enable && disable:
				return usagef("--enable and --disable exclude each other")
			case enable || disable:
				p.Enabled = &enable
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			x, err := client.Webhooks.Endpoints.Update(cmd.Context(), args[0], p)
			if err != nil {
				return err
			}
			return c.showEndpoint(x)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&url, "url", "", "send to this `url`")
	fs.StringVar(&description, "description", "", "`text` to know it by")
	fs.StringSliceVar(&events, "events", nil, "`events` it hears of: "+strings.Join(webhookEvents, ", "))
	fs.StringSliceVar(&workflows, "workflows", nil, "the only `workflows` it hears of; empty: all")
	fs.BoolVar(&enable, "enable", false, "send to it, from the next message on")
	fs.BoolVar(&disable, "disable", false, "send nothing to it, and cancel what waits")
	return cmd
}

func (c *cli) endpointDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "delete ID…",
		Short: "delete webhook endpoints",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			for _, id := range args {
				if err := client.Webhooks.Endpoints.Delete(cmd.Context(), id); err != nil {
					return err
				}
				c.say("%s deleted", id)
			}
			return nil
		},
	}
}

// graceFlag is how long an old secret signs beside a new one.
func graceFlag(cmd *cobra.Command) func() *time.Duration {
	var grace config.Duration
	cmd.Flags().Var(&grace, "grace", "let the old secret sign too for this `time`; default 24h")
	cmd.Flags().Lookup("grace").DefValue = ""
	return func() *time.Duration {
		if !cmd.Flags().Changed("grace") {
			return nil
		}
		d := time.Duration(grace)
		return &d
	}
}

func (c *cli) endpointRotateCommand() *cobra.Command {
	var grace func() *time.Duration
	cmd := &cobra.Command{
		Use:   "rotate ID",
		Short: "give an endpoint a new secret and print it, this once",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			x, err := client.Webhooks.Endpoints.Rotate(cmd.Context(), args[0], grace())
			if err != nil {
				return err
			}
			return c.showEndpoint(x)
		},
	}
	grace = graceFlag(cmd)
	return cmd
}

func (c *cli) endpointTestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "test ID",
		Short: "send an endpoint a test message and tell how it went",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			d, err := client.Webhooks.Endpoints.Test(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if d, err = c.awaitDelivery(cmd.Context(), client, d); err != nil {
				return err
			}
			if err := c.showDelivery(d); err != nil {
				return err
			}
			if d.State != sojourn.DeliveryDelivered {
				return &exitError{exitFailed, fmt.Errorf("the endpoint did not accept the message: %s", oneLine(first(d.LastError, d.State)))}
			}
			return nil
		},
	}
}

func (c *cli) callbackSecretCommand() *cobra.Command {
	var rotate bool
	var grace func() *time.Duration
	cmd := &cobra.Command{
		Use:   "callback-secret",
		Short: "print the secrets that sign callbacks, the newest first",
		Long: `Print the secrets that sign the callbacks of the project's executions, the newest first.

There are two for a day after a rotation: verify with both.`,
		Example: `  sojourn webhook callback-secret
  sojourn webhook callback-secret --rotate --grace 7d`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			var secrets []sojourn.CallbackSecret
			switch {
			case rotate:
				secrets, err = client.Webhooks.RotateCallbackSecret(cmd.Context(), grace())
			case grace() != nil:
				return usagef("--grace goes with --rotate")
			default:
				secrets, err = client.Webhooks.CallbackSecrets(cmd.Context())
			}
			if err != nil {
				return err
			}
			if c.structured() {
				return c.value(secrets)
			}
			for _, s := range secrets {
				if _, err := fmt.Fprintln(c.out, s.Secret); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&rotate, "rotate", false, "make a new one first")
	grace = graceFlag(cmd)
	return cmd
}
