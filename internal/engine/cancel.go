package engine

import (
	"context"
	"errors"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// CancelRequest says how to cancel.
type CancelRequest struct {
	Reason string        // the caller's words
	Grace  time.Duration // how long a worker may take to stop; 0: the server's default; negative: none
}

// cancel is the command behind Cancel and Terminate.
type cancel struct {
	e         *Engine
	caller    *Caller
	id        execution.ID
	req       CancelRequest
	terminate bool

	at   int
	was  execution.Status // when it was asked
	live *store.Row       // while the transaction runs
	row  store.Row        // after the command
	err  error
	done chan error
}

func (c *cancel) project() int64 { return c.caller.Project }

func (c *cancel) cell() int { return c.e.cellOf(c.id) }

func (c *cancel) weigh() (int, int) { return 1, 0 }

func (c *cancel) need(n *store.Need) {
	c.at = len(n.Executions)
	n.Executions = append(n.Executions, c.id)
}

func (c *cancel) decide(t *tx) {
	c.err, c.live = nil, nil
	row := t.loaded.Executions[c.at]
	if row == nil || row.Project != c.caller.Project {
		c.err = absent
		return
	}
	was := snapshot(row)
	c.was = row.Status
	var e execution.Event
	ok := true
	var err error
	if c.terminate {
		e, err = row.Terminate(c.caller.actor(), c.req.Reason, t.now)
	} else {
		e, ok, err = row.RequestCancel(execution.Cancel{
			Actor: c.caller.actor(), Reason: execution.CancelByRequest, Note: c.req.Reason, Grace: c.grace(),
		}, t.now)
	}
	c.err = err
	if err == nil && ok {
		t.takeAway(row, was, e)
	}
	c.row, c.live = *row, row
}

func (c *cancel) grace() time.Duration {
	switch {
	case c.req.Grace == 0:
		return c.e.cfg.CancelGrace
	case c.req.Grace < 0:
		return 0
	}
	return c.req.Grace
}

func (c *cancel) settle(err error) {
	if c.live != nil { // where the history ends is known only when it is saved
		c.row.First, c.row.Last = c.live.First, c.live.Last
	}
	c.done <- err
}

func (e *Engine) cancel(ctx context.Context, c *Caller, id execution.ID, r CancelRequest, terminate bool) (*cancel, error) {
	cmd := &cancel{e: e, caller: c, id: id, req: r, terminate: terminate, done: make(chan error, 1)}
	if err := e.traced(ctx, "engine.cancel", cmd, cmd.done); err != nil {
		return nil, err
	}
	return cmd, cmd.err
}

// Cancel asks an execution to stop. done is true when it became cancelled in the same transaction; otherwise its worker
// was told, now or by an earlier request, and the engine ends it after the grace at the latest.
func (e *Engine) Cancel(ctx context.Context, c *Caller, id execution.ID, r CancelRequest) (v *View, done bool, err error) {
	cmd, err := e.cancel(ctx, c, id, r, false)
	if err != nil {
		return nil, false, e.absence(ctx, c, id, err)
	}
	v, err = e.read(ctx, &cmd.row, GetOptions{})
	return v, cmd.row.Status.Final(), err
}

// CancelFrom asks an execution to stop and answers the state that it was in when it was asked. One that has ended is no
// error: nothing changes.
func (e *Engine) CancelFrom(ctx context.Context, c *Caller, id execution.ID, r CancelRequest) (execution.Status, error) {
	cmd := &cancel{e: e, caller: c, id: id, req: r, done: make(chan error, 1)}
	if err := e.traced(ctx, "engine.cancel", cmd, cmd.done); err != nil {
		return 0, err
	}
	var refused *execution.Error
	if errors.As(cmd.err, &refused) && refused.Code == execution.CodeAlreadyTerminal {
		return cmd.was, nil
	}
	if cmd.err != nil {
		return 0, e.absence(ctx, c, id, cmd.err)
	}
	return cmd.was, nil
}

// Terminate ends an execution at once, whatever its worker does.
func (e *Engine) Terminate(ctx context.Context, c *Caller, id execution.ID, reason string) (*View, error) {
	cmd, err := e.cancel(ctx, c, id, CancelRequest{Reason: reason}, true)
	if err != nil {
		return nil, e.absence(ctx, c, id, err)
	}
	return e.read(ctx, &cmd.row, GetOptions{})
}

// absence tells an execution that was deleted from one that never was.
func (e *Engine) absence(ctx context.Context, c *Caller, id execution.ID, err error) error {
	if !errors.Is(err, absent) {
		return err
	}
	return e.missing(ctx, c.Project, id)
}
