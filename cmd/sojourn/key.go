package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/internal/config"
	"github.com/sojournhq/sojourn/sdk/go"
)

const offlineHelp = `
With --data, the server that runs on that directory is asked; when none does, the data is opened for the moment.
With --database-url, the command joins the servers of that database for the moment.`

var scopeNames = []string{
	sojourn.ScopeStart, sojourn.ScopeRead, sojourn.ScopeCancel, sojourn.ScopeSignal, sojourn.ScopeApprove, sojourn.ScopeManage, sojourn.ScopeWorkflowsRead,
	sojourn.ScopeWorkflowsManage, sojourn.ScopeWorkers, sojourn.ScopeKeys, sojourn.ScopeWebhooks, sojourn.ScopeFilesRead,
	sojourn.ScopeFilesWrite, sojourn.ScopeAdmin,
}

func (c *cli) keyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "key",
		Aliases: []string{"keys"},
		Short:   "make, list and revoke API keys",
		Args:    cobra.NoArgs,
		RunE:    needsSubcommand,
	}
	cmd.AddCommand(c.keyCreateCommand(), c.keyListCommand(), c.keyRevokeCommand())
	return cmd
}

func (c *cli) keyCreateCommand() *cobra.Command {
	var p sojourn.KeyParams
	var expires string
	cmd := &cobra.Command{
		Use:   "create",
		Short: "make an API key and print it, this once",
		Long: `Make an API key and print it alone on standard output. Nobody can read it again: store it where it is needed.

A project that does not exist is made.
` + offlineHelp,
		Example: `  sojourn key create --name web --scopes executions:start,executions:read
  sojourn key create --name worker --scopes workers:run --workflows order,refund
  sojourn key create --data /var/lib/sojourn --name admin --scopes admin --expires 90d
  export SOJOURN_API_KEY=$(sojourn key create --project shop --scopes admin --rate-limit 100/s)`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(p.Scopes) == 0 {
				return usagef("--scopes is needed: one or more of %s", strings.Join(scopeNames, ", "))
			}
			for _, s := range p.Scopes {
				if !slices.Contains(scopeNames, s) {
					return usagef("--scopes %s: the scopes are %s", s, strings.Join(scopeNames, ", "))
				}
			}
			var err error
			if p.ExpiresAt, err = expiry(expires, time.Now()); err != nil {
				return err
			}
			return c.managed(cmd.Context(), func(client *sojourn.Client) error {
				k, err := client.Keys.Create(cmd.Context(), p)
				if p.Project != "" && missingProject(err) {
					if _, made := client.Projects.Create(cmd.Context(), p.Project); made != nil {
						return err
					}
					c.say("made the project %s", p.Project)
					k, err = client.Keys.Create(cmd.Context(), p)
				}
				if err != nil {
					return err
				}
				if c.structured() {
					return c.value(k)
				}
				c.say("%s", first(k.Name+" "+k.ID, k.ID))
				_, err = fmt.Fprintln(c.out, k.Secret)
				return err
			})
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&p.Name, "name", "", "`name` to know it by")
	fs.StringSliceVar(&p.Scopes, "scopes", nil, "what it may do: `scopes`, as executions:start,executions:read or admin")
	fs.StringVar(&p.Project, "project", "", "`project` it belongs to; default: that of the key in use")
	fs.StringVar(&p.RateLimit, "rate-limit", "", "requests it may send, as `10/s`; default: no limit")
	fs.StringVar(&expires, "expires", "", "end it after this `time`, as 90d, or at this time, as 2027-01-31T00:00:00Z; default: never")
	fs.StringSliceVar(&p.Workflows, "workflows", nil, "the only `workflows` that a worker with it may serve; default: all")
	_ = cmd.RegisterFlagCompletionFunc("scopes", cobra.FixedCompletions(scopeNames, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// missingProject reports whether a key was refused because its project is not there.
func missingProject(err error) bool {
	var e *sojourn.Error
	return errors.As(err, &e) && slices.ContainsFunc(e.Fields, func(f sojourn.FieldError) bool {
		return f.Field == "project" && f.Code == "not_found"
	})
}

// expiry reads a length of time or a time.
func expiry(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	d, err := config.ParseDuration(text)
	if err != nil || d == 0 {
		return time.Time{}, usagef("--expires %q is neither a length of time such as 90d nor a time such as 2027-01-31T00:00:00Z", text)
	}
	return now.Add(d), nil
}

func (c *cli) keyListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "list API keys",
		Long:    "List the API keys of the project, newest first. The keys themselves are not kept, only their last letters.\n" + offlineHelp,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.managed(cmd.Context(), func(client *sojourn.Client) error {
				all, err := client.Keys.List(cmd.Context())
				if err != nil {
					return err
				}
				if len(all) == 0 && !c.structured() {
					c.say("no keys")
					return nil
				}
				now := time.Now()
				return list(c, all, []column[*sojourn.APIKey]{
					{title: "ID", text: func(k *sojourn.APIKey) string { return k.ID }},
					{title: "NAME", text: func(k *sojourn.APIKey) string { return k.Name }, style: styles.bold},
					{title: "ENDS IN", text: func(k *sojourn.APIKey) string { return "…" + k.Last4 }},
					{title: "STATE", text: func(k *sojourn.APIKey) string { return keyState(k, now) }},
					{title: "USED", right: true, text: func(k *sojourn.APIKey) string { return age(k.LastUsedAt) }},
					{title: "LIMIT", wide: true, right: true, text: keyRate},
					{title: "EXPIRES", wide: true, text: func(k *sojourn.APIKey) string { return clock(k.ExpiresAt) }},
					{title: "CREATED", wide: true, text: func(k *sojourn.APIKey) string { return clock(k.CreatedAt) }},
					{title: "WORKFLOWS", wide: true, text: func(k *sojourn.APIKey) string { return strings.Join(k.Workflows, ",") }},
					{title: "SCOPES", text: func(k *sojourn.APIKey) string { return strings.Join(k.Scopes, ",") }},
				}, func(k *sojourn.APIKey) string { return k.ID }, func(k *sojourn.APIKey) any { return k })
			})
		},
	}
}

func keyRate(k *sojourn.APIKey) string {
	if k.RateLimit == 0 {
		return ""
	}
	return strconv.FormatFloat(k.RateLimit, 'g', 6, 64) + "/s"
}

func keyState(k *sojourn.APIKey, now time.Time) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked"
	case !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(now):
		return "expired"
	default:
		return "active"
	}
}

func (c *cli) keyRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID…",
		Short: "end API keys; they stop working within 5 seconds",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.managed(cmd.Context(), func(client *sojourn.Client) error {
				for _, id := range args {
					if err := client.Keys.Revoke(cmd.Context(), id); err != nil {
						return err
					}
					c.say("%s revoked", id)
				}
				return nil
			})
		},
	}
}

// managed runs do with a client that manages the data.
func (c *cli) managed(ctx context.Context, do func(*sojourn.Client) error) error {
	client, done, err := c.manager(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(client), done())
}

func (c *cli) projectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "project",
		Aliases: []string{"projects"},
		Short:   "make and list projects",
		Args:    cobra.NoArgs,
		RunE:    needsSubcommand,
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:     "list",
			Aliases: []string{"ls"},
			Short:   "list projects",
			Args:    cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return c.managed(cmd.Context(), func(client *sojourn.Client) error {
					all, err := client.Projects.List(cmd.Context())
					if err != nil {
						return err
					}
					return list(c, all, []column[sojourn.Project]{
						{title: "NAME", text: func(p sojourn.Project) string { return p.Name }, style: styles.bold},
						{title: "ID", text: func(p sojourn.Project) string { return p.ID }},
						{title: "CREATED", text: func(p sojourn.Project) string { return clock(p.CreatedAt) }},
					}, func(p sojourn.Project) string { return p.Name }, func(p sojourn.Project) any { return p })
				})
			},
		},
		&cobra.Command{
			Use:   "create NAME",
			Short: "make a project",
			Args:  cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.managed(cmd.Context(), func(client *sojourn.Client) error {
					p, err := client.Projects.Create(cmd.Context(), args[0])
					if err != nil {
						return err
					}
					if c.structured() {
						return c.value(p)
					}
					_, err = fmt.Fprintln(c.out, p.Name)
					return err
				})
			},
		},
	)
	return cmd
}
