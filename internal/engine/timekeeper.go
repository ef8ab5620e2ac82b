package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/store"
)

// timekeeper does what has come due. The truth is the column in the store; what it keeps in memory is a hint of when to
// look next.
type timekeeper struct {
	e    *Engine
	next atomic.Int64 // execution.Time of the earliest timer known; 0: none
	wake chan struct{}
}

const (
	// fireBatch bounds one round, so that a storm of timers leaves room for other commands between rounds.
	fireBatch = 512
	// lookEvery is the longest time between two looks at the store.
	lookEvery = time.Second
)

func newTimekeeper(e *Engine) *timekeeper {
	return &timekeeper{e: e, wake: make(chan struct{}, 1)}
}

// hint tells that a timer at the given time was saved.
func (k *timekeeper) hint(at execution.Time) {
	for {
		next := k.next.Load()
		if next != 0 && next <= int64(at) {
			return
		}
		if k.next.CompareAndSwap(next, int64(at)) {
			break
		}
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *timekeeper) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(k.round(ctx))
		case <-k.wake:
			timer.Reset(min(k.until(), lookEvery))
		}
	}
}

// until is how long the earliest timer known is away.
func (k *timekeeper) until() time.Duration {
	next := k.next.Load()
	if next == 0 {
		return lookEvery
	}
	return max(0, execution.Time(next).Sub(k.e.store.Now()))
}

// round fires what is due and returns when to look again.
func (k *timekeeper) round(ctx context.Context) time.Duration {
	now := k.e.store.Now()
	next := k.next.Load()
	if k.e.cluster != nil && (next == 0 || next > int64(now)) {
		return min(k.until(), lookEvery) // each tick tells the earliest
	}
	if next == 0 || next <= int64(now) {
		k.next.Store(0)
	}
	ids, err := k.due(ctx, now)
	fired := 0
	if err == nil && len(ids) > 0 {
		fired, err = k.fire(ids)
	}
	if errors.Is(err, errBusy) {
		k.hint(now)
		return busyTimers
	}
	if err != nil && ctx.Err() == nil {
		k.e.log.Error("could not fire timers", "error", err)
	}
	switch {
	case fired == 0 && (err != nil || len(ids) > 0):
		return lookEvery // whatever is wrong, it is not made better by trying all the time
	case len(ids) == fireBatch:
		return 0
	}
	if k.e.cluster != nil && fired == 0 {
		return min(k.until(), lookEvery)
	}
	if next, err := k.e.store.NextDue(ctx); err == nil && next != 0 && (k.e.cluster == nil || next > now) {
		k.hint(next)
	}
	return min(k.until(), lookEvery)
}

// busyTimers is when timers are looked at again whose executions another server had locked.
const busyTimers = 20 * time.Millisecond

// due are executions with timers that are due and this server's to fire: those of its part, and those that another one
// has left for too long.
func (k *timekeeper) due(ctx context.Context, now execution.Time) ([]execution.ID, error) {
	part := k.e.part()
	ids, err := k.e.store.Due(ctx, now, part, fireBatch)
	if err != nil || len(ids) > 0 || part.All() {
		return ids, err
	}
	late := now.Add(-others)
	if next := k.e.cluster.nextDue.Load(); next == 0 || next > int64(late) {
		return nil, nil
	}
	return k.e.store.Due(ctx, late, store.Part{}, fireBatch)
}

// fire runs the rule on each execution; what came due meanwhile is done too, what changed meanwhile is left alone. It
// returns how many executions it changed.
func (k *timekeeper) fire(ids []execution.ID) (int, error) {
	e := k.e
	n := 0
	err := e.writeEach(ids, fireBatch, func(t *tx, row *store.Row) {
		due := row.DueAt()
		was := snapshot(row)
		events := row.Fire(nil, e.cfg.CancelGrace, t.now)
		if len(events) == 0 {
			return
		}
		t.takeAway(row, was, events...)
		late := t.now.Sub(due)
		t.then = append(t.then, func() {
			n++
			e.metrics.Fired(late)
		})
	})
	_ = failpoint.Hit(failpoint.TimerFired)
	return n, err
}
