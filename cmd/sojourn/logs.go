package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/sdk/go"
)

func (c *cli) logsCommand() *cobra.Command {
	var p sojourn.LogParams
	cmd := &cobra.Command{
		Use:               "logs ID",
		Short:             "print what an execution's handler and steps logged",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeExecutions(),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			var all []any
			some := false
			for line, err := range client.Executions.AllLogs(cmd.Context(), args[0], p) {
				if err != nil {
					return err
				}
				some = true
				switch c.output {
				case outputJSON, outputYAML:
					all = append(all, line)
				case outputJSONLines:
					err = c.value(line)
				default:
					_, err = fmt.Fprintln(c.out, c.logLine(line))
				}
				if err != nil {
					return err
				}
			}
			if c.output == outputJSON || c.output == outputYAML {
				return c.value(append([]any{}, all...))
			}
			if !some {
				c.say("nothing was logged")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&p.Step, "step", "", "only of this `step`")
	cmd.Flags().IntVar(&p.Attempt, "attempt", 0, "only of this `attempt` of the execution")
	return cmd
}

func (c *cli) logLine(l sojourn.LogLine) string {
	s := c.plain
	level := fmt.Sprintf("%-5s", strings.ToUpper(l.Level))
	switch l.Level {
	case "error":
		level = s.bad(level)
	case "warn":
		level = s.warn(level)
	default:
		level = s.faint(level)
	}
	text := s.faint(l.At.Local().Format("15:04:05.000")) + " " + level + " "
	if l.Step != "" {
		text += s.bold(oneLine(l.Step)) + " "
	}
	text += oneLine(l.Message)
	if len(l.Fields) > 0 && string(l.Fields) != "{}" {
		text += " " + s.faint(oneLine(string(l.Fields)))
	}
	return text
}
