package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/sdk/go"
)

func (c *cli) workflowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "workflow",
		Aliases: []string{"workflows", "wf"},
		Short:   "list workflows and their versions, change their settings",
		Args:    cobra.NoArgs,
		RunE:    needsSubcommand,
	}
	cmd.AddCommand(c.workflowListCommand(), c.workflowGetCommand(), c.workflowUpdateCommand(), c.workflowStatsCommand())
	return cmd
}

func (c *cli) workflowListCommand() *cobra.Command {
	var search string
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "list workflows",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			var all []*sojourn.Workflow
			for w, err := range client.Workflows.All(cmd.Context(), sojourn.WorkflowListParams{Search: search, Limit: 100}) {
				if err != nil {
					return err
				}
				all = append(all, w)
			}
			if len(all) == 0 && !c.structured() {
				c.say("no workflows; a worker that serves one registers it")
				return nil
			}
			return list(c, all, []column[*sojourn.Workflow]{
				{title: "NAME", text: func(w *sojourn.Workflow) string { return w.Name }, style: styles.bold},
				{title: "WORKERS", right: true, text: func(w *sojourn.Workflow) string { return fmt.Sprint(w.Workers) }},
				{title: "VERSION", right: true, text: workflowVersion},
				{title: "ID", wide: true, text: func(w *sojourn.Workflow) string { return w.ID }},
				{title: "KEPT", wide: true, right: true, text: func(w *sojourn.Workflow) string { return milliseconds(w.RetentionMS) }},
				{title: "DEADLINE", wide: true, right: true, text: func(w *sojourn.Workflow) string { return milliseconds(w.TimeoutMS) }},
				{title: "DESCRIPTION", text: func(w *sojourn.Workflow) string { return clip(oneLine(w.Description), 70) }},
			}, func(w *sojourn.Workflow) string { return w.Name }, func(w *sojourn.Workflow) any { return w })
		},
	}
	cmd.Flags().StringVar(&search, "search", "", "only with this `text` in name or description")
	return cmd
}

func workflowVersion(w *sojourn.Workflow) string {
	return first(w.VersionLabel, number(w.Version))
}

func milliseconds(ms int64) string {
	if ms == 0 {
		return ""
	}
	return short(time.Duration(ms) * time.Millisecond)
}

func (c *cli) workflowGetCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "get NAME",
		Short:             "show a workflow and its versions",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeWorkflows,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			w, err := client.Workflows.Get(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			switch c.output {
			case outputName:
				_, err := fmt.Fprintln(c.out, w.Name)
				return err
			case outputJSON, outputJSONLines, outputYAML:
				return c.value(w)
			}
			var versions []*sojourn.WorkflowVersion
			for v, err := range client.Workflows.AllVersions(cmd.Context(), args[0]) {
				if err != nil {
					return err
				}
				versions = append(versions, v)
			}
			return c.describeWorkflow(w, versions)
		},
	}
}

func (c *cli) workflowUpdateCommand() *cobra.Command {
	var retention, timeout time.Duration
	var apiTrigger bool
	cmd := &cobra.Command{
		Use:   "update NAME",
		Short: "change a workflow's settings",
		Long: "Changes what is given and leaves the rest. 0 returns to the server's default.\n\n" +
			"With --api-trigger=false the workflow is closed: starts are refused, and what was started goes on.",
		Example: "  sojourn workflow update order --retention 168h\n" +
			"  sojourn workflow update order --api-trigger=false",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeWorkflows,
		RunE: func(cmd *cobra.Command, args []string) error {
			var u sojourn.WorkflowUpdate
			if cmd.Flags().Changed("retention") {
				u.Retention = &retention
			}
			if cmd.Flags().Changed("timeout") {
				u.Timeout = &timeout
			}
			if cmd.Flags().Changed("api-trigger") {
				u.APITrigger = &apiTrigger
			}
			if u == (sojourn.WorkflowUpdate{}) {
				return usagef("nothing to change: give --retention, --timeout or --api-trigger")
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			w, err := client.Workflows.Update(cmd.Context(), args[0], u)
			if err != nil {
				return err
			}
			switch c.output {
			case outputName:
				_, err := fmt.Fprintln(c.out, w.Name)
				return err
			case outputJSON, outputJSONLines, outputYAML:
				return c.value(w)
			}
			return c.describeWorkflow(w, nil)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&retention, "retention", 0, "how long finished executions are kept")
	f.DurationVar(&timeout, "timeout", 0, "default deadline of executions")
	f.BoolVar(&apiTrigger, "api-trigger", true, "whether it may be started through the API")
	return cmd
}

func (c *cli) describeWorkflow(w *sojourn.Workflow, versions []*sojourn.WorkflowVersion) error {
	s := c.plain
	var b bytes.Buffer
	field := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%s %s\n", s.faint(fmt.Sprintf("%-10s", name)), text)
		}
	}
	fmt.Fprintf(&b, "%s  %s\n", s.bold(w.Name), s.faint(w.ID))
	field("about", oneLine(w.Description))
	switch w.Workers {
	case 0:
		field("workers", s.warn("none: executions wait until one starts"))
	default:
		field("workers", fmt.Sprint(w.Workers))
	}
	field("deadline", milliseconds(w.TimeoutMS))
	field("kept for", milliseconds(w.RetentionMS))
	if !w.APITrigger {
		field("starts", s.warn("refused: the workflow is closed"))
	}
	field("created", clock(w.CreatedAt))
	c.payload(&b, "input schema", w.InputSchema)
	if len(versions) > 0 {
		fmt.Fprintf(&b, "\n%s\n", s.faint("versions"))
	}
	for _, v := range versions {
		line := fmt.Sprintf("  %-4d %s", v.Version, clock(v.CreatedAt))
		if v.Label != "" {
			line += "  " + s.bold(oneLine(v.Label))
		}
		if v.IsCurrent {
			line += "  " + s.good("current")
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := c.out.Write(b.Bytes())
	return err
}

func (c *cli) workerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "worker",
		Aliases: []string{"workers"},
		Short:   "list the workers that are connected",
		Args:    cobra.NoArgs,
		RunE:    needsSubcommand,
	}
	cmd.AddCommand(&cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "list the workers that are connected",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			all, err := client.Workers.List(cmd.Context())
			if err != nil {
				return err
			}
			if len(all) == 0 && !c.structured() {
				c.say("no worker is connected")
				return nil
			}
			return list(c, all, []column[sojourn.WorkerInfo]{
				{title: "NAME", text: func(w sojourn.WorkerInfo) string { return first(w.Name, w.ID) }, style: styles.bold},
				{title: "BUSY", right: true, text: func(w sojourn.WorkerInfo) string { return fmt.Sprintf("%d/%d", w.Held, w.Capacity) }},
				{title: "SEEN", right: true, text: func(w sojourn.WorkerInfo) string { return age(w.LastSeenAt) }},
				{title: "STATE", text: workerState},
				{title: "VERSION", wide: true, text: func(w sojourn.WorkerInfo) string { return w.Version }},
				{title: "SDK", wide: true, text: func(w sojourn.WorkerInfo) string { return w.SDK }},
				{title: "ID", wide: true, text: func(w sojourn.WorkerInfo) string { return w.ID }},
				{title: "WORKFLOWS", text: func(w sojourn.WorkerInfo) string {
					text := strings.Join(w.Workflows, ",")
					if c.output == outputWide {
						return text
					}
					return clip(text, 60)
				}},
			}, func(w sojourn.WorkerInfo) string { return w.ID }, func(w sojourn.WorkerInfo) any { return w })
		},
	})
	return cmd
}

func workerState(w sojourn.WorkerInfo) string {
	if w.Draining {
		return "draining"
	}
	return "ready"
}
