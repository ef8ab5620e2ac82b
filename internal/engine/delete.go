package engine

import (
	"context"
	"slices"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Delete removes a finished execution and leaves a tombstone.
func (e *Engine) Delete(ctx context.Context, c *Caller, id execution.ID) error {
	return e.erase(ctx, c, id, false)
}

// Redact removes the payloads, messages, metadata and logs of a finished execution and keeps the rest.
func (e *Engine) Redact(ctx context.Context, c *Caller, id execution.ID) error {
	return e.erase(ctx, c, id, true)
}

func (e *Engine) erase(ctx context.Context, c *Caller, id execution.ID, redact bool) error {
	var refused error
	err := e.write(func(t *tx, rows []*store.Row) {
		refused = nil
		row := rows[0]
		switch {
		case row == nil || row.Project != c.Project || slices.Contains(t.changes.Delete, row):
			refused = absent
			return
		case !row.Status.Final():
			refused = &execution.Error{
				Code: execution.CodeNotFinished, Status: row.Status,
				Message: "the execution is still " + row.Status.String() + "; cancel or terminate it first",
			}
			return
		}
		t.changes.Tombstones = append(t.changes.Tombstones, store.Tombstone{
			Project: c.Project, Execution: id, Redacted: redact, At: t.now, Actor: c.actor(),
		})
		if redact {
			t.changes.Redact = append(t.changes.Redact, row)
		} else {
			t.remove(row)
		}
	}, id)
	if err != nil {
		return err
	}
	if refused != nil {
		return e.absence(ctx, c, id, refused)
	}
	return nil
}

// LogPosition is a place among an execution's log lines.
type LogPosition = store.LogPosition

// LogLine is one line that a handler logged.
type LogLine struct {
	Step    string // empty outside a step
	Attempt int32
	N       int32
	At      execution.Time
	Level   string
	Message string
	Fields  []byte // JSON object, may be nil
}

// LogRequest selects log lines.
type LogRequest struct {
	Step    *string // nil: all; "": those outside steps
	Attempt int32   // 0: all
	Limit   int
	After   LogPosition
}

// Logs reads log lines by step, attempt and arrival; next is where the following page begins.
func (e *Engine) Logs(ctx context.Context, c *Caller, id execution.ID, r LogRequest) (lines []LogLine, more bool, next LogPosition, err error) {
	row, err := e.row(ctx, c, id)
	if err != nil {
		return nil, false, next, err
	}
	logs, err := e.store.Logs(ctx, row, store.LogQuery{Step: r.Step, Attempt: r.Attempt, After: r.After, Limit: r.Limit + 1})
	if err != nil {
		return nil, false, next, err
	}
	if len(logs) > r.Limit {
		logs, more = logs[:r.Limit], true
	}
	lines = make([]LogLine, len(logs))
	for i, l := range logs {
		lines[i] = LogLine{Step: l.Step, Attempt: l.Attempt, N: l.N, At: l.At, Level: l.Level, Message: l.Message, Fields: l.Fields}
		next = LogPosition{Step: l.Step, Attempt: l.Attempt, N: l.N}
	}
	return lines, more, next, nil
}
