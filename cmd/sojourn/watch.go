package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/internal/config"
	"github.com/sojournhq/sojourn/sdk/go"
)

// drawEvery is how often a terminal is redrawn while nothing changes.
const drawEvery = 100 * time.Millisecond

// watchFlags say how to watch.
type watchFlags struct {
	timeout config.Duration
	compact bool
}

func (w *watchFlags) add(cmd *cobra.Command) {
	cmd.Flags().Var(&w.timeout, "timeout", "stop watching after this `time` (exit code 124); the execution goes on")
	cmd.Flags().Lookup("timeout").DefValue = ""
	cmd.Flags().BoolVar(&w.compact, "compact", false, "show the execution without its steps")
}

func (c *cli) watchCommand() *cobra.Command {
	var flags watchFlags
	cmd := &cobra.Command{
		Use:   "watch ID",
		Short: "watch an execution until it ends",
		Long: `Watch an execution until it ends, and exit as it did: 0 completed, 1 failed, 2 cancelled, 3 cancelled by its
deadline, 6 rejected. Ctrl-C stops watching (130), not the execution.

With -o json or jsonl, each change is printed as one line of JSON.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeExecutions(sojourn.StatusCreated, sojourn.StatusPending, sojourn.StatusRunning, sojourn.StatusWaiting, sojourn.StatusFinalizing),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			v := c.newView(flags.compact)
			if c.output == outputJSON || c.output == outputJSONLines {
				v = quietView{}
			}
			x, err := c.follow(cmd.Context(), client, args[0], v, &flags, func(x *sojourn.Execution) error {
				if c.output != outputJSON && c.output != outputJSONLines {
					return nil
				}
				text, err := plainJSON(x.RawJSON())
				if err != nil {
					return err
				}
				_, err = c.out.Write(append(text, '\n'))
				return err
			})
			if err != nil {
				return err
			}
			return mirror(x)
		},
	}
	flags.add(cmd)
	return cmd
}

// follow shows an execution until it ends. Each state is handed to seen first.
func (c *cli) follow(ctx context.Context, client *sojourn.Client, id string, v view, flags *watchFlags, seen func(*sojourn.Execution) error) (*sojourn.Execution, error) {
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	if flags.timeout > 0 {
		watching, cancel = context.WithTimeout(watching, time.Duration(flags.timeout))
		defer cancel()
	}
	type news struct {
		x   *sojourn.Execution
		err error
	}
	changes := make(chan news)
	go func() {
		defer close(changes)
		for x, err := range client.Executions.Watch(watching, id, sojourn.IncludeSteps()) {
			select {
			case changes <- news{x, err}:
			case <-watching.Done():
				return
			}
		}
	}()
	ticker := time.NewTicker(drawEvery)
	defer ticker.Stop()
	var last *sojourn.Execution
	for {
		select {
		case <-ticker.C:
			v.tick()
		case n, ok := <-changes:
			switch {
			case !ok || n.err != nil && watching.Err() != nil:
				v.end()
				return nil, c.detached(ctx, id, flags)
			case n.err != nil:
				v.end()
				return nil, n.err
			}
			last = n.x
			if err := seen(last); err != nil {
				return nil, err
			}
			v.update(last)
			if last.Status.Terminal() {
				v.end()
				return last, nil
			}
		case <-watching.Done():
			v.end()
			return nil, c.detached(ctx, id, flags)
		}
	}
}

// detached says that the execution goes on without us.
func (c *cli) detached(ctx context.Context, id string, flags *watchFlags) error {
	if !interrupted(ctx) {
		return &exitError{exitTimeout, fmt.Errorf("%s has not ended after %s; it goes on. See: sojourn execution watch %s", id, flags.timeout.String(), id)}
	}
	c.say("%s goes on. To come back: sojourn execution watch %s\nTo stop it: sojourn execution cancel %s", id, id, id)
	return &exitError{code: exitInterrupt}
}

func (c *cli) runCommand() *cobra.Command {
	var start startFlags
	var watch watchFlags
	cmd := &cobra.Command{
		Use:   "run WORKFLOW",
		Short: "start an execution, watch it and print its result",
		Long: `Start an execution, watch it until it ends, and print its output as JSON on standard output.

It exits as the execution ended: 0 completed, 1 failed, 2 cancelled, 3 cancelled by its deadline, 6 rejected. Ctrl-C
stops watching (130), not the execution. With -o json, yaml or jsonl the whole execution is printed, however it ended.`,
		Example: `  sojourn run echo -f name=Ada
  sojourn run order --input @order.json --timeout 5m > result.json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeWorkflows,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			p, err := c.startParams(cmd.Context(), args[0], &start)
			if err != nil {
				return err
			}
			x, err := client.Executions.Start(cmd.Context(), p)
			if err != nil {
				return err
			}
			if x.Deleted {
				return errors.New("the execution of this idempotency key was deleted: " + x.ID)
			}
			if x.Replayed {
				c.say("the idempotency key was used before; this is the execution it made")
			}
			x, err = c.follow(cmd.Context(), client, x.ID, c.newView(watch.compact), &watch, func(*sojourn.Execution) error { return nil })
			if err != nil {
				return err
			}
			if err := c.result(x); err != nil {
				return err
			}
			return mirror(x)
		},
	}
	start.add(cmd.Flags())
	watch.add(cmd)
	return cmd
}

// result prints what an execution made.
func (c *cli) result(x *sojourn.Execution) error {
	switch {
	case c.structured():
		return c.value(x.RawJSON())
	case c.output == outputName:
		_, err := fmt.Fprintln(c.out, x.ID)
		return err
	case x.Status == sojourn.StatusCompleted:
		output := x.Output
		if len(output) == 0 {
			output = []byte("null")
		}
		return c.value(output)
	default:
		return nil
	}
}
