package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/internal/config"
	"github.com/sojournhq/sojourn/sdk/go"
)

func (c *cli) approvalLinkCommand() *cobra.Command {
	var p sojourn.ApprovalLinkParams
	var expires config.Duration
	cmd := &cobra.Command{
		Use:   "approval-link ID",
		Short: "make a link with which somebody without a key decides",
		Long: `Make a link for one approval. Whoever has it sees what is asked and decides, once. It is shown only now.

With --name the link may be made before the execution waits.`,
		Example: `  sojourn execution approval-link exec_01jd…
  sojourn execution approval-link exec_01jd… --name manager --expires-in 24h`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeExecutions(sojourn.StatusPending, sojourn.StatusRunning, sojourn.StatusWaiting),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			p.ExpiresIn = time.Duration(expires)
			link, err := client.Executions.CreateApprovalLink(cmd.Context(), args[0], p)
			if err != nil {
				return err
			}
			if c.structured() {
				return c.value(link)
			}
			c.say("decides %s, until %s", oneLine(link.Step), clock(link.ExpiresAt))
			_, err = fmt.Fprintln(c.out, link.URL)
			return err
		},
	}
	cmd.Flags().StringVar(&p.Name, "name", "", "`name` of the approval; default: the only one that is awaited")
	cmd.Flags().StringVar(&p.Step, "step", "", "which `wait` of that name, such as manager#2")
	cmd.Flags().Var(&expires, "expires-in", "how long it works; default 7 days, at most 90 days")
	cmd.Flags().Lookup("expires-in").DefValue = ""
	return cmd
}
