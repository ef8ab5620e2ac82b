package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/sdk/go"
)

func (c *cli) eventsCommand() *cobra.Command {
	var p sojourn.EventsParams
	var execution string
	limit := 0
	cmd := &cobra.Command{
		Use:   "events",
		Short: "follow what happens, as it happens",
		Long: `Follow what happens to the project's executions, one line each, until Ctrl-C. With -o json or jsonl each is one line
of JSON; its id is what --after goes on from. An interrupted connection is opened again, and nothing is missing then.`,
		Example: `  sojourn events --workflow order --type completed,failed
  sojourn events --execution exec_01jd… -o jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			if execution != "" && (len(p.Workflows)+len(p.Types) > 0 || p.After != "") {
				return usagef("--execution goes without --workflow, --type and --after: it shows all there is of one execution")
			}
			events := client.Events(cmd.Context(), p)
			if execution != "" {
				events = client.Executions.Events(cmd.Context(), execution, 0)
			}
			return c.printEvents(cmd.Context(), events, limit)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&p.Workflows, "workflow", nil, "only executions of this `workflow`; can be given several times")
	f.StringSliceVar(&p.Types, "type", nil, "only these `types`, separated by commas")
	f.StringVar(&p.After, "after", "", "begin after the event with this `id`; default: now")
	f.StringVar(&execution, "execution", "", "the events of this `execution`, from its first to its last")
	f.IntVar(&limit, "limit", 0, "end after this `number` of events")
	return cmd
}

// printEvents prints events until there are no more, limit of them were printed, or the user has enough.
func (c *cli) printEvents(ctx context.Context, events iter.Seq2[sojourn.Event, error], limit int) error {
	n := 0
	for e, err := range events {
		if err != nil && interrupted(ctx) {
			return nil
		}
		if err != nil {
			return err
		}
		switch c.output {
		case outputJSON, outputJSONLines:
			err = c.eventJSON(&e)
		case outputName:
			_, err = fmt.Fprintln(c.out, e.ExecutionID)
		default:
			_, err = fmt.Fprintln(c.out, c.eventLine(&e))
		}
		if err != nil {
			return err
		}
		if n++; n == limit {
			return nil
		}
	}
	return nil
}

// eventJSON prints an event as the server sent it, with its id.
func (c *cli) eventJSON(e *sojourn.Event) error {
	id, err := plainJSON(map[string]string{"id": e.ID})
	if err != nil {
		return err
	}
	raw, err := plainJSON(e.RawJSON())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%s,%s\n", id[:len(id)-1], raw[1:])
	return err
}

func (c *cli) eventLine(e *sojourn.Event) string {
	s := c.plain
	text := s.faint(e.At.Local().Format("15:04:05.000")) + "  " + s.faint(e.ExecutionID) + "  "
	if e.Workflow != "" {
		text += s.bold(oneLine(e.Workflow)) + "  "
	}
	text += e.Type
	if name := first(e.Step, e.Name); name != "" {
		text += " " + oneLine(name)
	}
	if e.Outcome != "" {
		text += " " + oneLine(e.Outcome)
	}
	if p := percent(e.Progress); p != "" {
		text += " " + p
	}
	if e.Code != "" || e.Message != "" {
		text += ": " + failureText(e.Code, e.Message)
	}
	if e.Status != "" && string(e.Status) != e.Type {
		text += "  " + s.status(string(e.Status))
	}
	return text
}
