package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/sdk/go"
)

func (c *cli) workflowStatsCommand() *cobra.Command {
	var p sojourn.StatsParams
	cmd := &cobra.Command{
		Use:   "stats [NAME]",
		Short: "show how much a workflow runs, and how long it takes",
		Long: "Shows how many executions were started over a time, what became of them and how long they took; without a name,\n" +
			"of all workflows. Executions are counted in the part of the time in which they were created, by the state that they\n" +
			"are in now.",
		Example:           "  sojourn workflow stats\n  sojourn workflow stats order --from now()-7d --buckets 7",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.completeWorkflows,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				s, err := client.Workflows.Stats(cmd.Context(), args[0], p)
				if err != nil {
					return err
				}
				return c.workflowStats(s)
			}
			var all []*sojourn.WorkflowStats
			for s, err := range client.Workflows.AllStats(cmd.Context(), p) {
				if err != nil {
					return err
				}
				all = append(all, s)
			}
			if len(all) == 0 && !c.structured() {
				c.say("no workflows; a worker that serves one registers it")
				return nil
			}
			return list(c, all, []column[*sojourn.WorkflowStats]{
				{title: "NAME", text: func(s *sojourn.WorkflowStats) string { return s.WorkflowName }, style: styles.bold},
				{title: "WORKERS", right: true, text: func(s *sojourn.WorkflowStats) string { return fmt.Sprint(s.Workers) }},
				{title: "STARTED", right: true, text: func(s *sojourn.WorkflowStats) string { return fmt.Sprint(s.Started) }},
				{title: "COMPLETED", right: true, text: func(s *sojourn.WorkflowStats) string { return fmt.Sprint(s.Counts[sojourn.StatusCompleted]) }},
				{title: "FAILED", right: true, text: func(s *sojourn.WorkflowStats) string { return fmt.Sprint(s.Counts[sojourn.StatusFailed]) }},
				{title: "P50", right: true, text: func(s *sojourn.WorkflowStats) string { return half(s.Run) }},
				{title: "P95", right: true, text: func(s *sojourn.WorkflowStats) string { return most(s.Run) }},
				{title: "WAITING", right: true, text: func(s *sojourn.WorkflowStats) string { return since(s.OldestPendingAt) }},
			}, func(s *sojourn.WorkflowStats) string { return s.WorkflowName }, func(s *sojourn.WorkflowStats) any { return s })
		},
	}
	cmd.Flags().StringVar(&p.From, "from", "", "from this `time` on: 2026-11-01 or now()-7d; default now()-24h")
	cmd.Flags().StringVar(&p.To, "to", "", "up to this `time`; default now()")
	cmd.Flags().IntVar(&p.Buckets, "buckets", 24, "into about how many `parts` the time is divided, at most 200")
	return cmd
}

// workflowStats prints the statistics of one workflow, a line for each bucket.
func (c *cli) workflowStats(s *sojourn.WorkflowStats) error {
	switch c.output {
	case outputName:
		_, err := fmt.Fprintln(c.out, s.WorkflowName)
		return err
	case outputJSON, outputJSONLines, outputYAML:
		return c.value(s)
	}
	var ended []string
	for _, status := range sojourn.Statuses {
		if n := s.Counts[status]; n > 0 {
			ended = append(ended, fmt.Sprintf("%d %s", n, status))
		}
	}
	approximately := ""
	if !s.Exact {
		approximately = ", parts of an hour estimated"
	}
	if _, err := fmt.Fprintf(c.out, "%d started: %s%s\n", s.Started, first(strings.Join(ended, ", "), "nothing"), approximately); err != nil {
		return err
	}
	if s.Run != nil {
		if _, err := fmt.Fprintf(c.out, "half ran for up to %s and waited up to %s, 95 of 100 up to %s and %s\n",
			half(s.Run), half(s.Queue), most(s.Run), most(s.Queue)); err != nil {
			return err
		}
	}
	if s.OldestPendingAt != nil {
		if _, err := fmt.Fprintf(c.out, "one waits for a worker since %s\n", since(s.OldestPendingAt)); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(c.out); err != nil {
		return err
	}
	return table(c, s.Buckets, []column[sojourn.StatsBucket]{
		{title: "FROM", text: func(b sojourn.StatsBucket) string { return clock(b.At) }},
		{title: "STARTED", right: true, text: func(b sojourn.StatsBucket) string { return fmt.Sprint(b.Started) }},
		{title: "COMPLETED", right: true, text: func(b sojourn.StatsBucket) string { return fmt.Sprint(b.Counts[sojourn.StatusCompleted]) }},
		{title: "FAILED", right: true, text: func(b sojourn.StatsBucket) string { return fmt.Sprint(b.Counts[sojourn.StatusFailed]) }},
		{title: "P50", right: true, text: func(b sojourn.StatsBucket) string { return half(b.Run) }},
		{title: "P95", right: true, text: func(b sojourn.StatsBucket) string { return most(b.Run) }},
	})
}

func half(p *sojourn.Percentiles) string {
	if p == nil {
		return ""
	}
	return short(fractions(p.P50))
}

func most(p *sojourn.Percentiles) string {
	if p == nil {
		return ""
	}
	return short(fractions(p.P95))
}

// fractions is a duration of milliseconds and parts of them.
func fractions(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

func since(t *time.Time) string {
	if t == nil {
		return ""
	}
	return short(max(0, time.Since(*t)))
}
