package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// SignalRequest is a signal for an execution.
type SignalRequest struct {
	Name    string
	Payload []byte // JSON; nil: none
	Key     string // idempotency key; a repeat among the execution's latest signals does nothing
}

// DecisionRequest approves or rejects what an execution awaits.
type DecisionRequest struct {
	Name     string // of the approval; empty: the only one that is awaited
	Step     string // the one wait that is meant, such as manager#2; empty: chosen by Name
	Approved bool
	Comment  string
	By       string // who decided, as shown to people
	Payload  []byte // JSON; nil: none
}

// address is the command behind Signal, Approve and Reject: a rule for one execution on behalf of a caller.
type address struct {
	e      *Engine
	caller *Caller
	id     execution.ID
	size   int
	files  *attachment // of its payload
	rule   func(row *store.Row, now execution.Time) ([]execution.Event, error)

	at    int
	live  *store.Row // while the transaction runs
	row   store.Row  // after the command
	moved bool       // the rule had something to do
	err   error
	done  chan error
}

func (c *address) project() int64 { return c.caller.Project }

func (c *address) cell() int { return c.e.cellOf(c.id) }

func (c *address) weigh() (int, int) { return 1, c.size }

func (c *address) need(n *store.Need) {
	c.at = len(n.Executions)
	n.Executions = append(n.Executions, c.id)
	c.files.need(n)
}

func (c *address) decide(t *tx) {
	c.err, c.live, c.moved = nil, nil, false
	row := t.loaded.Executions[c.at]
	if row == nil || row.Project != c.caller.Project {
		c.err = absent
		return
	}
	if c.err = c.files.check(t, c.caller.Project); c.err != nil {
		return
	}
	was := snapshot(row)
	events, err := c.rule(row, t.now)
	c.err = err
	if c.moved = err == nil && len(events) > 0; c.moved {
		t.changed(row, was, events...)
		c.files.attach(t, c.id)
	}
	c.row, c.live = *row, row
}

func (c *address) settle(err error) {
	if c.live != nil { // where the history ends is known only when it is saved
		c.row.First, c.row.Last = c.live.First, c.live.Last
	}
	c.done <- err
}

// address runs the rule on an execution of the caller's project, with the payload as the rule is to store it, and reads
// what became of it. moved is false when there was nothing to do.
func (e *Engine) address(ctx context.Context, c *Caller, id execution.ID, span string, payload []byte, rule func(*store.Row, []byte, execution.Time) ([]execution.Event, error)) (v *View, moved bool, err error) {
	payload, files, err := e.references(ctx, c.Project, "payload", payload)
	if err != nil {
		return nil, false, err
	}
	cmd := &address{
		e: e, caller: c, id: id, size: len(payload), files: files, done: make(chan error, 1),
		rule: func(row *store.Row, now execution.Time) ([]execution.Event, error) { return rule(row, payload, now) },
	}
	if err := e.traced(ctx, span, cmd, cmd.done); err != nil {
		return nil, false, err
	}
	if cmd.err != nil {
		return nil, false, e.absence(ctx, c, id, cmd.err)
	}
	v, err = e.read(ctx, &cmd.row, GetOptions{})
	return v, cmd.moved, err
}

// Signal sends a signal: the oldest open wait of its name takes it, or it is kept for one to come. replayed is true when
// its key is that of an earlier one.
func (e *Engine) Signal(ctx context.Context, c *Caller, id execution.ID, r *SignalRequest) (v *View, replayed bool, err error) {
	sent := execution.SignalSent{Actor: c.actor(), Name: r.Name, Key: signalKey(r.Key)}
	v, moved, err := e.address(ctx, c, id, "engine.signal", r.Payload, func(row *store.Row, payload []byte, now execution.Time) ([]execution.Event, error) {
		sent.Payload = payload
		return row.Signal(sent, now)
	})
	return v, err == nil && !moved, err
}

// signalKey is the fingerprint of a signal's idempotency key, 0 when there is none.
func signalKey(key string) uint64 {
	if key == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(key))
	return max(1, binary.BigEndian.Uint64(sum[:8]))
}

// Decide approves or rejects what an execution awaits.
func (e *Engine) Decide(ctx context.Context, c *Caller, id execution.ID, r *DecisionRequest) (*View, error) {
	decision := execution.Decision{
		Actor: c.actor(), Step: r.Step, Name: r.Name, Approved: r.Approved, Comment: r.Comment, By: r.By,
	}
	v, _, err := e.address(ctx, c, id, "engine.decide", r.Payload, func(row *store.Row, payload []byte, now execution.Time) ([]execution.Event, error) {
		decision.Payload = payload
		ev, err := row.Decide(decision, now)
		return []execution.Event{ev}, err
	})
	return v, ambiguous(err)
}

// ambiguous tells a caller who named no approval where to name one.
func ambiguous(err error) error {
	if refused, ok := errors.AsType[*execution.Error](err); ok && refused.Code == execution.CodeAmbiguous {
		return invalid("name", string(refused.Code), "%s", refused.Message)
	}
	return err
}
