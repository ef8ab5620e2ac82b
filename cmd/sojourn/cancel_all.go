package main

import (
	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/sdk/go"
)

// cancelAll is the form of cancel that names no executions.
type cancelAll struct {
	all    bool
	filter filterFlags
}

func (b *cancelAll) add(cmd *cobra.Command, c *cli) {
	cmd.Flags().BoolVar(&b.all, "all", false, "every open execution, or those that the filters let through")
	b.filter.add(cmd, c)
}

// given reports whether this form was chosen, and refuses mixtures of the two.
func (b *cancelAll) given(cmd *cobra.Command, ids []string) (bool, error) {
	switch {
	case b.all && len(ids) > 0:
		return false, usagef("give executions or --all, not both")
	case b.all:
		return true, nil
	}
	for _, name := range []string{"status", "workflow", "from", "to", "metadata", "trigger", "awaiting", "text"} {
		if cmd.Flags().Changed(name) {
			return false, usagef("--%s narrows --all, which is missing", name)
		}
	}
	if len(ids) == 0 {
		return false, usagef("which executions? give their ids, or --all")
	}
	return false, nil
}

func (b *cancelAll) run(cmd *cobra.Command, c *cli, how sojourn.CancelParams) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	p, err := b.filter.params()
	if err != nil {
		return err
	}
	var total sojourn.CancelAllResult
	for {
		r, err := client.Executions.CancelAll(cmd.Context(), sojourn.CancelAllParams{
			Filter: sojourn.CancelFilter{
				Status: p.Status, Workflow: p.Workflow, CreatedFrom: p.CreatedFrom, CreatedTo: p.CreatedTo, Metadata: p.Metadata,
				Trigger: p.Trigger, Awaiting: p.Awaiting, Text: p.Text,
			},
			Reason: how.Reason, Grace: how.Grace,
		})
		if err != nil {
			return err
		}
		total.Matched += r.Matched
		total.Cancelled += r.Cancelled
		total.Requested += r.Requested
		total.AlreadyTerminal += r.AlreadyTerminal
		if !r.HasMore {
			break
		}
	}
	if c.structured() {
		return c.value(total)
	}
	c.say("%d cancelled, %d asked to stop", total.Cancelled, total.Requested)
	return nil
}
