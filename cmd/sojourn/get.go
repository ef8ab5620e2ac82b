package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/sdk/go"
)

func (c *cli) getCommand() *cobra.Command {
	var events bool
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "show an execution with its steps",
		Example: `  sojourn execution get exec_01jd… 
  sojourn execution get exec_01jd… -o json | jq .output
  sojourn execution get exec_01jd… --events`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeExecutions(),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			options := []sojourn.GetOption{sojourn.IncludeSteps()}
			if events {
				options = append(options, sojourn.IncludeEvents())
			}
			x, err := client.Executions.Get(cmd.Context(), args[0], options...)
			if err != nil {
				return err
			}
			if c.output == outputTable || c.output == outputWide {
				return c.describe(x)
			}
			return c.show(x)
		},
	}
	cmd.Flags().BoolVar(&events, "events", false, "show its whole history too")
	return cmd
}

// describe prints an execution for people.
func (c *cli) describe(x *sojourn.Execution) error {
	s := c.plain
	var b bytes.Buffer
	field := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%s %s\n", s.faint(fmt.Sprintf("%-10s", name)), text)
		}
	}
	fmt.Fprintf(&b, "%s  %s\n", s.bold(x.ID), s.status(string(x.Status)))
	version := ""
	if x.Version != 0 {
		version = fmt.Sprintf(" (version %d)", x.Version)
	}
	field("workflow", oneLine(workflowName(x))+version)
	if !x.Status.Terminal() {
		field("why", oneLine(x.StatusMessage))
	}
	for _, w := range x.Awaiting {
		field("awaits", awaitedText(w, time.Now()))
	}
	if x.Progress != nil {
		field("progress", percent(x.Progress))
	}
	field("created", clock(x.CreatedAt))
	field("scheduled", clock(x.ScheduledAt))
	if !x.StartedAt.IsZero() {
		field("started", clock(x.StartedAt)+s.faint("  after "+short(x.StartedAt.Sub(x.CreatedAt))))
	}
	if !x.CompletedAt.IsZero() {
		after := ""
		if !x.StartedAt.IsZero() {
			after = s.faint("  after " + short(x.CompletedAt.Sub(x.StartedAt)))
		}
		field("ended", clock(x.CompletedAt)+after)
	}
	field("deadline", clock(x.DeadlineAt))
	if !x.CancelRequestedAt.IsZero() {
		field("cancel", clock(x.CancelRequestedAt)+"  "+oneLine(x.CancelReason))
	}
	if x.Attempt > 1 {
		field("attempt", fmt.Sprint(x.Attempt))
	}
	if x.Priority != 0 {
		field("priority", fmt.Sprint(x.Priority))
	}
	field("trigger", x.TriggerType)
	field("metadata", oneLine(joinPairs(x.Metadata)))
	if x.Redacted {
		field("redacted", "its payloads were removed")
	}
	if len(x.Steps) > 0 {
		fmt.Fprintf(&b, "\n%s\n", s.faint("steps"))
		b.WriteString(strings.Join(stepLines(s, x, time.Now(), 0), "\n") + "\n")
	}
	if len(x.Events) > 0 {
		fmt.Fprintf(&b, "\n%s\n", s.faint("history"))
		for _, e := range x.Events {
			b.WriteString(eventLine(s, e) + "\n")
		}
	}
	for _, w := range x.Awaiting {
		c.payload(&b, "shown for "+oneLine(w.Kind+" "+w.Step), w.Payload)
	}
	c.payload(&b, "input", x.Input)
	c.payload(&b, "output", x.Output)
	if x.Error != "" || x.ErrorCode != "" {
		fmt.Fprintf(&b, "\n%s\n  %s\n", s.faint("error"), s.bad(failureText(x.ErrorCode, x.Error)))
		c.payload(&b, "error details", x.ErrorDetails)
	}
	_, err := c.out.Write(b.Bytes())
	return err
}

// failureText is an error with its code, kept from steering the terminal.
func failureText(code, message string) string {
	if code != "" && message != "" {
		return oneLine(code) + ": " + oneLine(message)
	}
	return oneLine(code + message)
}

// maxShown is how many bytes of a payload people get to see.
const maxShown = 4 << 10

func (c *cli) payload(b *bytes.Buffer, title string, raw json.RawMessage) {
	if len(raw) == 0 {
		return
	}
	text, err := indent(raw)
	if err != nil {
		text = raw
	}
	fmt.Fprintf(b, "\n%s\n", c.plain.faint(title))
	cut := ""
	if len(text) > maxShown {
		text, cut = text[:maxShown], fmt.Sprintf("  … %d bytes in all; -o json shows them\n", len(raw))
	}
	for line := range strings.SplitSeq(strings.ToValidUTF8(string(text), ""), "\n") {
		b.WriteString("  " + oneLine(line) + "\n")
	}
	b.WriteString(c.plain.faint(cut))
}

// eventLine is one event of the history.
func eventLine(s styles, e sojourn.Event) string {
	text := fmt.Sprintf("  %s  %s", s.faint(e.At.Local().Format("15:04:05.000")), strings.ReplaceAll(e.Type, "_", " "))
	if e.Step != "" {
		text += " " + s.bold(oneLine(e.Step))
	}
	if e.Attempt > 1 {
		text += fmt.Sprintf(" (attempt %d)", e.Attempt)
	}
	if e.Name != "" {
		text += " " + s.bold(oneLine(e.Name))
	}
	if e.Outcome != "" {
		text += " " + decisionText(e.Outcome, e.By, e.Comment)
	}
	if e.Progress != nil {
		text += " " + percent(e.Progress)
	}
	if !e.Until.IsZero() {
		text += " until " + clock(e.Until)
	}
	if e.Code != "" || e.Message != "" {
		text += "  " + s.faint(failureText(e.Code, e.Message))
	}
	return text
}
