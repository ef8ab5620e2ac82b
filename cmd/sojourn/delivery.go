package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/sdk/go"
)

var deliveryStates = []string{sojourn.DeliveryPending, sojourn.DeliveryDelivered, sojourn.DeliveryDead, sojourn.DeliveryCancelled}

// awaitDelivery waits until a message was tried, at most half a minute.
func (c *cli) awaitDelivery(ctx context.Context, client *sojourn.Client, d *sojourn.WebhookDelivery) (*sojourn.WebhookDelivery, error) {
	tried := d.Attempts
	for end := time.Now().Add(30 * time.Second); d.State == sojourn.DeliveryPending && d.Attempts == tried && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		var err error
		if d, err = client.Webhooks.Deliveries.Get(ctx, d.ID); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// showDelivery prints a delivery with its attempts and its body.
func (c *cli) showDelivery(d *sojourn.WebhookDelivery) error {
	switch {
	case c.structured():
		return c.value(d)
	case c.output == outputName:
		_, err := fmt.Fprintln(c.out, d.ID)
		return err
	}
	s := c.plain
	var b bytes.Buffer
	field := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%s %s\n", s.faint(fmt.Sprintf("%-10s", name)), text)
		}
	}
	fmt.Fprintf(&b, "%s  %s  %s\n", s.bold(d.Type), deliveryStyle(s, d.State), s.faint(d.ID))
	field("to", oneLine(d.URL))
	field("endpoint", d.EndpointID)
	if d.ExecutionID != "" {
		field("about", fmt.Sprintf("%s at revision %d", d.ExecutionID, d.Revision))
	}
	field("created", clock(d.CreatedAt))
	field("next", clock(d.NextAttemptAt))
	field("delivered", clock(d.DeliveredAt))
	for i, a := range d.AttemptLog {
		line := fmt.Sprintf("%s  %d ms", clock(a.At), a.DurationMS)
		if a.Status != 0 {
			line += fmt.Sprintf("  %d", a.Status)
		}
		if a.Error != "" {
			line += "  " + s.bad(oneLine(a.Error))
		}
		field(fmt.Sprintf("attempt %d", i+1), line)
		if a.ResponseExcerpt != "" {
			field("answer", clip(oneLine(a.ResponseExcerpt), 200))
		}
	}
	if d.Body != "" {
		c.payload(&b, "body", []byte(d.Body))
	}
	_, err := c.out.Write(b.Bytes())
	return err
}

func deliveryStyle(s styles, state string) string {
	switch state {
	case sojourn.DeliveryDelivered:
		return s.good(state)
	case sojourn.DeliveryDead:
		return s.bad(state)
	case sojourn.DeliveryPending:
		return s.live(state)
	default:
		return s.faint(state)
	}
}

func (c *cli) deliveryListCommand() *cobra.Command {
	var p sojourn.WebhookDeliveryParams
	var most int
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "list deliveries of webhooks and callbacks, newest first",
		Example: `  sojourn webhook delivery list --state pending,dead
  sojourn webhook delivery list --execution exec_…`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, s := range p.States {
				if !slices.Contains(deliveryStates, s) {
					return usagef("--state %s: the states are %s", s, strings.Join(deliveryStates, ", "))
				}
			}
			if most < 1 {
				return usagef("--limit must be at least 1")
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			p.Limit = min(most, 100)
			var all []*sojourn.WebhookDelivery
			for d, err := range client.Webhooks.Deliveries.All(cmd.Context(), p) {
				if err != nil {
					return err
				}
				if all = append(all, d); len(all) == most {
					break
				}
			}
			if len(all) == 0 && !c.structured() {
				c.say("no deliveries")
				return nil
			}
			type delivery = *sojourn.WebhookDelivery
			return list(c, all, []column[delivery]{
				{title: "ID", text: func(d delivery) string { return d.ID }},
				{title: "STATE", text: func(d delivery) string { return d.State }},
				{title: "TYPE", text: func(d delivery) string { return d.Type }, style: styles.bold},
				{title: "TRIES", right: true, text: func(d delivery) string { return fmt.Sprint(d.Attempts) }},
				{title: "KIND", wide: true, text: func(d delivery) string { return d.Kind }},
				{title: "EXECUTION", text: func(d delivery) string { return d.ExecutionID }},
				{title: "NEXT", wide: true, text: func(d delivery) string { return clock(d.NextAttemptAt) }},
				{title: "URL", text: func(d delivery) string { return clip(oneLine(d.URL), 50) }},
				{title: "LAST ERROR", wide: true, text: func(d delivery) string { return clip(oneLine(d.LastError), 60) }},
				{title: "AGE", right: true, text: func(d delivery) string { return age(d.CreatedAt) }},
			}, func(d delivery) string { return d.ID }, func(d delivery) any { return d })
		},
	}
	fs := cmd.Flags()
	fs.StringSliceVar(&p.States, "state", nil, "only in these `states`: "+strings.Join(deliveryStates, ", "))
	fs.StringVar(&p.EndpointID, "endpoint", "", "only to the endpoint with this `id`")
	fs.StringVar(&p.ExecutionID, "execution", "", "only about the execution with this `id`")
	fs.IntVar(&most, "limit", 20, "at most this `many`")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(deliveryStates, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) deliveryGetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "get ID",
		Short: "show a delivery with its attempts and its body",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			d, err := client.Webhooks.Deliveries.Get(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.showDelivery(d)
		},
	}
}

func (c *cli) deliveryRedeliverCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "redeliver ID…",
		Short: "send messages again, under the same ids",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			for _, id := range args {
				if _, err := client.Webhooks.Deliveries.Redeliver(cmd.Context(), id); err != nil {
					return err
				}
				c.say("%s is sent again", id)
			}
			return nil
		},
	}
}
