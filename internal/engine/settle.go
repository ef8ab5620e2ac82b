package engine

import (
	"context"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// pulse is the time by which workers are judged. The records of executions never carry it.
func (e *Engine) pulse() execution.Time { return e.cfg.Pulse() }

// Settle does what is due by the store's clock before it returns: it fires timers and removes what its retention allows.
// The engine's loops do the same in their own time; Settle is for tests that have moved the clock.
func (e *Engine) Settle(ctx context.Context) error {
	for {
		ids, err := e.store.Due(ctx, e.store.Now(), store.Part{}, fireBatch)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return e.janitor.round(ctx)
		}
		if _, err := e.timekeeper.fire(ids); err != nil {
			return err
		}
	}
}

// LoseSession ends a worker's session as if the worker had been silent for the length of its lease.
func (e *Engine) LoseSession(ctx context.Context, id execution.ID) error {
	m := e.matcher
	if e.cluster != nil {
		x := e.cluster.knownSession(id)
		if x == nil {
			if err := e.cluster.readSessions(ctx); err != nil {
				return err
			}
			if x = e.cluster.knownSession(id); x == nil {
				return errSessionLost
			}
		}
		return e.cluster.finish(ctx, x.Key, finishForced)
	}
	m.mu.Lock()
	s := m.byID[id]
	if s == nil {
		m.mu.Unlock()
		return errSessionLost
	}
	x := e.recoverer.lose(s)
	m.mu.Unlock()
	return e.recoverer.end(ctx, x)
}
