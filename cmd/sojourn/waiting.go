package main

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/sdk/go"
)

func (c *cli) signalCommand() *cobra.Command {
	var payload, key string
	cmd := &cobra.Command{
		Use:   "signal ID NAME",
		Short: "send an execution a signal that it waits for, or is going to",
		Long: `Send an execution a signal. It does not matter whether the execution waits for it already: signals are kept in their
order until a wait of the same name takes them.`,
		Example: `  sojourn execution signal exec_01jd… paid --payload '{"amount": 12}'
  sojourn execution signal exec_01jd… document --payload @document.json`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: c.completeExecutions(sojourn.StatusPending, sojourn.StatusRunning, sojourn.StatusWaiting),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			p := sojourn.SignalParams{IdempotencyKey: key}
			if p.Payload, err = c.payloadFlag(payload); err != nil {
				return err
			}
			x, err := client.Executions.Signal(cmd.Context(), args[0], args[1], p)
			if err != nil {
				return err
			}
			return c.show(x)
		},
	}
	addPayload(cmd, &payload)
	cmd.Flags().StringVar(&key, "idempotency-key", "", "send it only once for this `text`")
	return cmd
}

// addPayload adds the flag that payloadFlag reads.
func addPayload(cmd *cobra.Command, payload *string) {
	cmd.Flags().StringVar(payload, "payload", "", "`JSON` for the handler, @file, or - for standard input")
}

// payloadFlag is the JSON that a --payload flag stands for, nil without one.
func (c *cli) payloadFlag(given string) (any, error) {
	if given == "" {
		return nil, nil
	}
	text, from, err := c.content(given)
	if err != nil {
		return nil, err
	}
	if from == "--input" {
		from = "--payload"
	}
	if _, err := decodeTree(text); err != nil {
		return nil, usagef("%s: %w (a text needs quotes: '\"text\"')", from, err)
	}
	return json.RawMessage(text), nil
}

// decideFunc is Approve or Reject.
type decideFunc func(context.Context, string, sojourn.DecisionParams) (*sojourn.Execution, error)

func (c *cli) approveCommand() *cobra.Command {
	return c.decideCommand("approve", "approve what an execution waits for", `Approve what an execution waits for.`,
		func(s *sojourn.ExecutionService) decideFunc { return s.Approve })
}

func (c *cli) rejectCommand() *cobra.Command {
	return c.decideCommand("reject", "refuse what an execution waits for",
		`Refuse what an execution waits for. Unless its handler handles that, the execution ends rejected.`,
		func(s *sojourn.ExecutionService) decideFunc { return s.Reject })
}

func (c *cli) decideCommand(verb, short, long string, call func(*sojourn.ExecutionService) decideFunc) *cobra.Command {
	var p sojourn.DecisionParams
	var payload string
	cmd := &cobra.Command{
		Use:   verb + " ID",
		Short: short,
		Long:  long + " --name says which approval when there are several.",
		Example: "  sojourn execution " + verb + " exec_01jd… --comment 'see ticket 4711'\n" +
			"  sojourn execution " + verb + " exec_01jd… --name manager --by 'Ada Lovelace'",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeExecutions(sojourn.StatusRunning, sojourn.StatusWaiting),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			if p.Payload, err = c.payloadFlag(payload); err != nil {
				return err
			}
			x, err := call(client.Executions)(cmd.Context(), args[0], p)
			if err != nil {
				return err
			}
			return c.show(x)
		},
	}
	cmd.Flags().StringVar(&p.Name, "name", "", "`name` of the approval; default: the only one that is awaited")
	cmd.Flags().StringVar(&p.Step, "step", "", "`step` of the approval when several have its name, such as manager#2; default: the oldest")
	cmd.Flags().StringVar(&p.Comment, "comment", "", "`text` for the handler and the history")
	cmd.Flags().StringVar(&p.By, "by", "", "`name` of the person who decided")
	addPayload(cmd, &payload)
	return cmd
}

func isWait(st sojourn.StepRecord) bool { return st.Kind == "signal" || st.Kind == "approval" }

func article(word string) string {
	if strings.HasPrefix(word, "a") {
		return "an"
	}
	return "a"
}

// timeLeft is what remains until a wait times out.
func timeLeft(until, now time.Time) string {
	if until.IsZero() {
		return ""
	}
	return ", " + short(max(until.Sub(now), 0).Round(time.Second)) + " left"
}

// awaitedText is an open wait in one line.
func awaitedText(w sojourn.Awaited, now time.Time) string {
	text := oneLine(w.Kind) + " " + oneLine(w.Step)
	if !w.Since.IsZero() {
		text += ", for " + whole(now.Sub(w.Since))
	}
	return text + timeLeft(w.ExpiresAt, now)
}

// waitOutcome is how a wait ended, with a space in front; empty while it is open.
func waitOutcome(st sojourn.StepRecord) string {
	var end struct {
		Outcome string `json:"outcome"`
		Comment string `json:"comment"`
		By      string `json:"by"`
	}
	if len(st.Output) == 0 || json.Unmarshal(st.Output, &end) != nil || end.Outcome == "" {
		return ""
	}
	return "  " + decisionText(end.Outcome, end.By, end.Comment)
}

func decisionText(outcome, by, comment string) string {
	if outcome == "timeout" {
		outcome = "timed out"
	}
	text := oneLine(outcome)
	if by != "" {
		text += " by " + oneLine(by)
	}
	if comment != "" {
		text += ": " + oneLine(comment)
	}
	return text
}

// hints say what to type for an execution that waits for somebody.
func hints(x *sojourn.Execution) []string {
	if !x.Actionable() {
		return nil
	}
	var out []string
	approvals := 0
	for _, w := range x.Awaiting {
		if w.Kind == "approval" {
			approvals++
		}
	}
	for _, w := range x.Awaiting {
		switch {
		case w.Kind == "signal":
			out = append(out, "sojourn execution signal "+x.ID+" "+quoted(w.Name))
		case approvals > 1:
			out = append(out, "sojourn execution approve|reject "+x.ID+" --name "+quoted(w.Name))
		default:
			out = append(out, "sojourn execution approve|reject "+x.ID)
		}
	}
	return out
}

// quoted is a word of a command line.
func quoted(word string) string {
	word = oneLine(word)
	if strings.ContainsFunc(word, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:/", r))
	}) {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}
