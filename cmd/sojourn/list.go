package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sojournhq/sojourn/sdk/go"
)

// filterFlags select executions.
type filterFlags struct {
	status   []string
	workflow string
	from, to string
	metadata []string
	trigger  []string
	awaiting string
	text     string
}

func (f *filterFlags) add(cmd *cobra.Command, c *cli) {
	fs := cmd.Flags()
	fs.StringSliceVar(&f.status, "status", nil, "only in one of these `states`, as running,waiting")
	fs.StringVar(&f.workflow, "workflow", "", "only of this `workflow`")
	fs.StringVar(&f.from, "from", "", "only created at or after this `time`: 2026-11-01, 2026-11-01T08:00:00Z or now()-7d")
	fs.StringVar(&f.to, "to", "", "only created at or before this `time`")
	fs.StringArrayVar(&f.metadata, "metadata", nil, "only with this `name=text`; repeat for more")
	fs.StringSliceVar(&f.trigger, "trigger", nil, "only started by one of `api`, cli, manual")
	fs.StringVar(&f.awaiting, "awaiting", "", "only waiting for `approval` or signal, or one by name: approval:manager")
	fs.StringVar(&f.text, "text", "", "only with this `text` in the input")
	states := make([]string, len(sojourn.Statuses))
	for i, s := range sojourn.Statuses {
		states[i] = string(s)
	}
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(states, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("trigger", cobra.FixedCompletions([]string{"api", "cli", "manual"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("awaiting", cobra.FixedCompletions([]string{"approval", "signal"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("workflow", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return c.completeWorkflows(cmd, nil, typed)
	})
}

func (f *filterFlags) params() (sojourn.ListParams, error) {
	p := sojourn.ListParams{Workflow: f.workflow, CreatedFrom: f.from, CreatedTo: f.to, Trigger: f.trigger, Awaiting: f.awaiting, Text: f.text}
	for _, s := range f.status {
		if !slices.Contains(sojourn.Statuses, sojourn.Status(s)) {
			return p, usagef("--status %s: the states are %s", s, joinStates(sojourn.Statuses))
		}
		p.Status = append(p.Status, sojourn.Status(s))
	}
	var err error
	p.Metadata, err = pairs("--metadata", f.metadata)
	return p, err
}

func joinStates(states []sojourn.Status) string {
	texts := make([]string, len(states))
	for i, s := range states {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}

func joinPairs(m map[string]string) string {
	texts := make([]string, 0, len(m))
	for k, v := range m {
		texts = append(texts, k+"="+v)
	}
	slices.Sort(texts)
	return strings.Join(texts, ",")
}

// pageFlags say how much of a list to print.
type pageFlags struct {
	limit  int
	all    bool
	cursor string
}

func (p *pageFlags) add(fs *pflag.FlagSet) {
	fs.IntVar(&p.limit, "limit", 20, "print at most this `many`")
	fs.BoolVar(&p.all, "all", false, "print all of them")
	fs.StringVar(&p.cursor, "cursor", "", "go on where an earlier list ended")
}

func (c *cli) listCommand() *cobra.Command {
	var filter filterFlags
	var page pageFlags
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "list executions, newest first",
		Example: `  sojourn execution list --status running,waiting
  sojourn execution list --workflow order --from 'now()-1d' -o wide
  sojourn execution list --metadata customer=42 --all -o jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			p, err := filter.params()
			if err != nil {
				return err
			}
			if page.limit < 1 {
				return usagef("--limit must be 1 or more")
			}
			p.Cursor = page.cursor
			items, next, until, err := collect(cmd.Context(), client, p, page)
			if err != nil {
				return err
			}
			if len(items) == 0 && !c.structured() {
				c.say("no executions%s", until)
				return nil
			}
			if err := list(c, items, executionColumns, executionName, executionRaw); err != nil {
				return err
			}
			if next != "" {
				c.say("there are more%s; go on with --cursor %s, or print --all", until, next)
			}
			return nil
		},
	}
	filter.add(cmd, c)
	page.add(cmd.Flags())
	return cmd
}

// collect reads as many items as wanted, page by page; next is where the list goes on.
func collect(ctx context.Context, client *sojourn.Client, p sojourn.ListParams, page pageFlags) (items []*sojourn.Execution, next, until string, err error) {
	for {
		p.Limit = 100
		if !page.all {
			p.Limit = min(100, page.limit-len(items))
		}
		out, err := client.Executions.List(ctx, p)
		if err != nil {
			return nil, "", "", err
		}
		items = append(items, out.Data...)
		until = ""
		if !out.SearchedUntil.IsZero() {
			until = " (searched back to " + clock(out.SearchedUntil) + " so far)"
		}
		if !out.HasMore || out.NextCursor == "" {
			return items, "", "", nil
		}
		if !page.all && len(items) >= page.limit {
			return items, out.NextCursor, until, nil
		}
		p.Cursor = out.NextCursor
	}
}

func (c *cli) countsCommand() *cobra.Command {
	var p sojourn.CountParams
	cmd := &cobra.Command{
		Use:   "counts",
		Short: "count executions by state",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			n, err := client.Executions.Counts(cmd.Context(), p)
			if err != nil {
				return err
			}
			if c.structured() {
				return c.value(n)
			}
			return table(c, sojourn.Statuses, []column[sojourn.Status]{
				{title: "STATUS", text: func(s sojourn.Status) string { return string(s) }, style: styles.status},
				{title: "COUNT", right: true, text: func(s sojourn.Status) string { return fmt.Sprint(n.Counts[s]) }},
			})
		},
	}
	cmd.Flags().StringVar(&p.Workflow, "workflow", "", "only of this `workflow`")
	cmd.Flags().StringVar(&p.CreatedFrom, "from", "", "only created at or after this `time`: 2026-11-01 or now()-7d")
	cmd.Flags().StringVar(&p.CreatedTo, "to", "", "only created at or before this `time`")
	return cmd
}
