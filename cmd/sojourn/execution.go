package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/internal/config"
	"github.com/sojournhq/sojourn/sdk/go"
)

func (c *cli) executionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "execution",
		Aliases: []string{"executions", "exec", "x"},
		Short:   "start, list, watch and end executions",
		Args:    cobra.NoArgs,
		RunE:    needsSubcommand,
	}
	cmd.AddCommand(
		c.startCommand(), c.listCommand(), c.getCommand(), c.watchCommand(), c.signalCommand(),
		c.approveCommand(), c.rejectCommand(), c.approvalLinkCommand(), c.cancelCommand(), c.terminateCommand(),
		c.deleteCommand(), c.logsCommand(), c.countsCommand(),
	)
	return cmd
}

// needsSubcommand explains a command that does nothing by itself.
func needsSubcommand(cmd *cobra.Command, _ []string) error {
	var names []string
	for _, x := range cmd.Commands() {
		if x.IsAvailableCommand() {
			names = append(names, x.Name())
		}
	}
	return usagef("say what to do: %s %s", cmd.CommandPath(), strings.Join(names, "|"))
}

// completionContext bounds how long the shell waits for suggestions.
func completionContext(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	return context.WithTimeout(ctx, 2*time.Second)
}

func workflowName(x *sojourn.Execution) string {
	if x.Workflow != nil {
		return x.Workflow.Name
	}
	return x.WorkflowID
}

// took is how long an execution ran, or has been running.
func took(x *sojourn.Execution) string {
	switch {
	case x.StartedAt.IsZero():
		return ""
	case x.CompletedAt.IsZero():
		return whole(time.Since(x.StartedAt))
	default:
		return short(x.CompletedAt.Sub(x.StartedAt))
	}
}

func percent(p *float64) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("%d%%", int(*p*100))
}

var executionColumns = []column[*sojourn.Execution]{
	{title: "ID", text: func(x *sojourn.Execution) string { return x.ID }},
	{title: "WORKFLOW", text: workflowName},
	{title: "STATUS", text: func(x *sojourn.Execution) string { return string(x.Status) }, style: styles.status},
	{title: "WHY", text: why},
	{title: "DONE", right: true, text: func(x *sojourn.Execution) string { return percent(x.Progress) }},
	{title: "AGE", right: true, text: func(x *sojourn.Execution) string { return age(x.CreatedAt) }},
	{title: "TOOK", right: true, text: took},
	{title: "VERSION", right: true, wide: true, text: func(x *sojourn.Execution) string { return number(x.Version) }},
	{title: "ATTEMPT", right: true, wide: true, text: func(x *sojourn.Execution) string { return number(x.Attempt) }},
	{title: "PRIORITY", right: true, wide: true, text: func(x *sojourn.Execution) string { return fmt.Sprint(x.Priority) }},
	{title: "TRIGGER", wide: true, text: func(x *sojourn.Execution) string { return x.TriggerType }},
	{title: "CREATED", wide: true, text: func(x *sojourn.Execution) string { return clock(x.CreatedAt) }},
	{title: "METADATA", wide: true, text: func(x *sojourn.Execution) string { return joinPairs(x.Metadata) }},
}

// why is what explains the state best in one line.
func why(x *sojourn.Execution) string {
	text := first(x.StatusReason, x.ErrorCode)
	if x.ErrorCode == string(x.Status) {
		text = x.CancelReason // the code says no more than the state
	}
	if x.Error != "" && x.Status.Terminal() {
		text = x.Error
		if x.ErrorCode != "" {
			text = x.ErrorCode + ": " + text
		}
	}
	if !x.ResumesAt.IsZero() && !x.Status.Terminal() {
		text += " (in " + whole(time.Until(x.ResumesAt)) + ")"
	}
	return clip(oneLine(text), 48)
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func executionName(x *sojourn.Execution) string { return x.ID }
func executionRaw(x *sojourn.Execution) any     { return x.RawJSON() }

// show prints one execution after a command that changed it.
func (c *cli) show(x *sojourn.Execution) error {
	switch c.output {
	case outputName:
		_, err := fmt.Fprintln(c.out, x.ID)
		return err
	case outputTable, outputWide:
		return table(c, []*sojourn.Execution{x}, executionColumns)
	default:
		return c.value(x.RawJSON())
	}
}

func (c *cli) startCommand() *cobra.Command {
	var flags startFlags
	var wait config.Duration
	var until string
	cmd := &cobra.Command{
		Use:   "start WORKFLOW",
		Short: "start an execution and return at once",
		Long: `Start an execution and return as soon as it is stored durably.

With --wait, return when it has ended, or when the time is over; the exit code then tells how it ended (8: not yet).
With --until actionable, return too when it waits for a signal or an approval.`,
		Example: `  sojourn execution start echo -f name=Ada
  sojourn execution start order --input @order.json --idempotency-key order-4711
  id=$(sojourn execution start echo -f name=Ada -o name)
  jq -n '{name: "Ada"}' | sojourn execution start echo --input - --wait 10s -o json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeWorkflows,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			p, err := c.startParams(cmd.Context(), args[0], &flags)
			if err != nil {
				return err
			}
			waiting := cmd.Flags().Changed("wait")
			switch {
			case until != "terminal" && until != "actionable":
				return usagef("--until %s: choose terminal or actionable", until)
			case until == "actionable" && !waiting:
				return usagef("--until goes with --wait")
			}
			p.UntilActionable = until == "actionable"
			deadline := time.Now().Add(time.Duration(wait))
			if waiting {
				p.Wait = min(time.Duration(wait), time.Minute)
			}
			x, err := client.Executions.Start(cmd.Context(), p)
			if err != nil {
				return err
			}
			if x.Deleted {
				c.say("the execution of this idempotency key was deleted")
				_, err := fmt.Fprintln(c.out, x.ID)
				return err
			}
			if x.Replayed {
				c.say("the idempotency key was used before; this is the execution it made")
			}
			if waiting && !x.Status.Terminal() && !(p.UntilActionable && x.Actionable()) {
				var options []sojourn.GetOption
				if p.UntilActionable {
					options = append(options, sojourn.UntilActionable())
				}
				if x, err = await(cmd.Context(), client, x, deadline, options...); err != nil {
					return err
				}
			}
			if err := c.show(x); err != nil {
				return err
			}
			if waiting {
				return mirror(x)
			}
			return nil
		},
	}
	flags.add(cmd.Flags())
	cmd.Flags().Var(&wait, "wait", "return only when it has ended, or this `time` is over")
	cmd.Flags().Lookup("wait").DefValue = ""
	cmd.Flags().StringVar(&until, "until", "terminal", "with --wait: `terminal`, or actionable")
	return cmd
}

// await is the execution when it has ended, or as it is at the given time.
func await(ctx context.Context, client *sojourn.Client, x *sojourn.Execution, until time.Time, options ...sojourn.GetOption) (*sojourn.Execution, error) {
	limited, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	ended, err := client.Executions.Wait(limited, x.ID, options...)
	if err == nil {
		return ended, nil
	}
	if ctx.Err() == nil && limited.Err() != nil {
		return client.Executions.Get(ctx, x.ID)
	}
	return nil, err
}

func (c *cli) cancelCommand() *cobra.Command {
	var reason string
	var grace config.Duration
	var bulk cancelAll
	cmd := &cobra.Command{
		Use:   "cancel {ID… | --all}",
		Short: "ask executions to stop",
		Long: `Ask executions to stop. One that no worker holds is cancelled at once. A running handler is told, and may clean up
during the grace; after that it is cancelled anyway.

With --all, every open execution is asked, or those that the filters let through.`,
		Example: `  sojourn execution cancel exec_01jd7x0m8ke9tb3a0r6v5n2w4q --reason "ordered twice"
  sojourn execution cancel --all --workflow order --status pending`,
		ValidArgsFunction: c.completeExecutions(sojourn.StatusCreated, sojourn.StatusPending, sojourn.StatusRunning, sojourn.StatusWaiting),
		RunE: func(cmd *cobra.Command, args []string) error {
			p := sojourn.CancelParams{Reason: reason}
			if cmd.Flags().Changed("grace") {
				d := time.Duration(grace)
				p.Grace = &d
			}
			if given, err := bulk.given(cmd, args); err != nil {
				return err
			} else if given {
				return bulk.run(cmd, c, p)
			}
			return c.each(args, func(client *sojourn.Client, id string) error {
				x, err := client.Executions.Cancel(cmd.Context(), id, p)
				if err != nil {
					return err
				}
				if !x.Status.Terminal() {
					c.say("%s was asked to stop", id)
				}
				return c.show(x)
			})
		},
	}
	bulk.add(cmd, c)
	cmd.Flags().StringVar(&reason, "reason", "", "`text` that is kept with it")
	cmd.Flags().Var(&grace, "grace", "how much `time` the handler may take; default 30s")
	cmd.Flags().Lookup("grace").DefValue = ""
	return cmd
}

func (c *cli) terminateCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:               "terminate ID…",
		Short:             "end executions at once, without letting them clean up",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: c.completeExecutions(sojourn.StatusCreated, sojourn.StatusPending, sojourn.StatusRunning, sojourn.StatusWaiting),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.each(args, func(client *sojourn.Client, id string) error {
				x, err := client.Executions.Terminate(cmd.Context(), id, reason)
				if err != nil {
					return err
				}
				return c.show(x)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`text` that is kept with it")
	return cmd
}

func (c *cli) deleteCommand() *cobra.Command {
	var redact bool
	cmd := &cobra.Command{
		Use:               "delete ID…",
		Short:             "remove finished executions",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: c.completeExecutions(sojourn.StatusCompleted, sojourn.StatusFailed, sojourn.StatusCancelled, sojourn.StatusRejected),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.each(args, func(client *sojourn.Client, id string) error {
				if redact {
					if err := client.Executions.Redact(cmd.Context(), id); err != nil {
						return err
					}
					c.say("%s redacted", id)
					return nil
				}
				if err := client.Executions.Delete(cmd.Context(), id); err != nil {
					return err
				}
				c.say("%s deleted", id)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&redact, "redact", false, "keep them, but remove inputs, outputs, messages and logs")
	return cmd
}

// each does the same to several executions. It goes on after one fails, and fails at the end.
func (c *cli) each(ids []string, do func(*sojourn.Client, string) error) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	var failed error
	for _, id := range ids {
		err := do(client, id)
		var unreachable *sojourn.ConnectionError
		if err == nil || len(ids) == 1 || errors.As(err, &unreachable) {
			if err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(c.err, "%s %s: %s\n", c.styles.bad("error:"), id, c.explain(err))
		failed = err
	}
	if failed != nil {
		return &exitError{code: exitCode(context.Background(), failed)}
	}
	return nil
}
