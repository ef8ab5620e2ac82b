package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/store"
)

// recoverer takes executions back from workers that are gone, and claims back that never arrived.
type recoverer struct {
	e *Engine

	mu     sync.Mutex
	ending []*ending // sessions whose end is not durable yet
}

// ending is a session that is no longer live but may still have leases in the store.
type ending struct {
	s    *session
	lost bool // its worker fell silent; otherwise it let go
	// foreign says that it lived at another server: any of its executions may have had a step in flight. late says that
	// such a server may have claimed something for it in the last moment: what it holds is read once more, at again.
	foreign, late bool
	again         execution.Time
	guilty        map[execution.ID]bool
	busy          bool // somebody is at it
}

// recoverEvery is how often the recoverer looks; a lost lease is offered again that much after its end at the latest,
// and the time to do it.
const recoverEvery = 500 * time.Millisecond

// recoverBatch bounds how many executions one command takes back.
const recoverBatch = 256

func newRecoverer(e *Engine) *recoverer { return &recoverer{e: e} }

func (r *recoverer) run(ctx context.Context) {
	tick := time.NewTicker(recoverEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.sweep(ctx)
		r.e.pump()
	}
}

// sweep does one round: lost sessions first, because for them there is a promise of how soon.
func (r *recoverer) sweep(ctx context.Context) {
	e, m := r.e, r.e.matcher
	now := e.pulse()
	var expired []*session
	var back []leased
	m.mu.Lock()
	for _, s := range m.sessions {
		// A heartbeat that waits for its commit has arrived in time or late, but the worker lives.
		if e.cluster == nil && s.expires <= now && s.beating == 0 {
			expired = append(expired, s)
			continue
		}
		back = s.unacknowledged(back, now.Add(-e.ackWindow()))
	}
	m.mu.Unlock()
	for _, s := range expired {
		r.expire(s)
	}
	r.mu.Lock()
	list := slices.Clone(r.ending)
	r.mu.Unlock()
	if e.cluster != nil {
		e.cluster.judge(ctx)
		if err := e.cluster.loose(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("could not look for leases without a session", "error", err)
		}
	}
	for _, x := range list {
		if x.again > now {
			continue
		}
		if err := r.end(ctx, x); err != nil && ctx.Err() == nil && !errors.Is(err, errBusy) {
			e.log.Error("could not recover what a session held, trying again", "session_id", x.s.record.ID.Text(execution.PrefixSession), "error", err)
		}
	}
	if err := e.giveBack(back, true); err != nil && ctx.Err() == nil && !errors.Is(err, errBusy) {
		e.log.Error("could not take back what was not acknowledged", "error", err)
	}
	for _, c := range e.committers {
		if c.doubtful.Load() {
			_ = e.writeIn(c.cell, func(*tx, []*store.Row) {}) // lets the committer find out
		}
	}
}

// leased is one claim.
type leased struct {
	session int64
	id      execution.ID
	lease   execution.Lease
}

// unacknowledged appends what the session was given before the limit and has not acknowledged; the matcher's mutex is
// held.
func (s *session) unacknowledged(dst []leased, limit execution.Time) []leased {
	s.unacked = slices.DeleteFunc(s.unacked, func(h *holding) bool { return h.acked || h.id.IsZero() })
	for _, h := range s.unacked {
		if h.since > limit {
			break
		}
		dst = append(dst, leased{s.record.Key, h.id, h.lease})
	}
	for _, a := range s.mailbox {
		if h := s.held[a.ID]; h != nil && h.delivery == 0 && h.since <= limit {
			dst = append(dst, leased{s.record.Key, h.id, h.lease})
		}
	}
	return dst
}

// giveBack offers executions again whose claims were not acknowledged, but for those whose lease has changed since. tell
// says that the worker may have them all the same and must drop them.
func (e *Engine) giveBack(claims []leased, tell bool) error {
	if len(claims) == 0 {
		return nil
	}
	by := make(map[execution.ID]leased, len(claims))
	ids := make([]execution.ID, len(claims))
	for i, c := range claims {
		by[c.id], ids[i] = c, c.id
	}
	return e.writeEach(ids, recoverBatch, func(t *tx, row *store.Row) {
		c := by[row.ID]
		was := snapshot(row)
		ev, err := row.Return(c.lease, execution.ReturnedUnacknowledged, t.now)
		if err != nil {
			t.then = append(t.then, func() { e.matcher.forget(c.session, c.id, c.lease) })
			return
		}
		t.changed(row, was, ev)
		t.touched[row.Mark-1].taken = tell
		t.then = append(t.then, func() { e.metrics.Returned(execution.ReturnedUnacknowledged) })
	})
}

// expire ends a session whose lease is over, unless a heartbeat came in between.
func (r *recoverer) expire(s *session) {
	m := r.e.matcher
	now := r.e.pulse()
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.expires <= now && s.beating == 0 {
		r.lose(s)
	}
}

// lose ends a session as lost, nil when it has ended already; the matcher's mutex is held.
func (r *recoverer) lose(s *session) *ending {
	if s.lost {
		return nil
	}
	x := &ending{s: s, lost: true, guilty: map[execution.ID]bool{}}
	for id, h := range s.held {
		x.guilty[id] = h.guilty(s.seen)
	}
	r.add(x)
	return x
}

// let ends a session whose worker lets go.
func (r *recoverer) let(s *session) *ending {
	m := r.e.matcher
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.lost {
		return nil
	}
	x := &ending{s: s}
	r.add(x)
	return x
}

// add notes that the session ends; the matcher's mutex is held. From here on nothing more is promised to it.
func (r *recoverer) add(x *ending) {
	r.e.matcher.remove(x.s)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ending = append(r.ending, x)
}

// end takes everything back from a session that ends. What a lost session had a step in flight on gets a strike; when a
// worker lets go, no attempt is counted. After an error it is to be called again.
func (r *recoverer) end(ctx context.Context, x *ending) error {
	r.mu.Lock()
	if x.busy {
		r.mu.Unlock()
		return nil
	}
	x.busy = true
	r.mu.Unlock()
	err := r.takeBack(ctx, x)
	r.mu.Lock()
	defer r.mu.Unlock()
	x.busy = false
	if err == nil && x.late && x.again == 0 {
		x.again = r.e.pulse().Add(lateLook)
		return nil
	}
	if err == nil {
		r.ending = slices.DeleteFunc(r.ending, func(y *ending) bool { return y == x })
	}
	return err
}

func (r *recoverer) takeBack(ctx context.Context, x *ending) error {
	e, key := r.e, x.s.record.Key
	_ = failpoint.Hit(failpoint.SessionLost)
	// What the running transaction promised is durable once an empty one has passed behind it.
	passed := e.pass()
	rows, err := e.store.Held(ctx, key) // also with an error: those that could be read
	passed = errors.Join(passed, err)
	if passed != nil && len(rows) == 0 {
		return passed
	}
	ids := make([]execution.ID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	err = e.writeEach(ids, recoverBatch, func(t *tx, row *store.Row) {
		if row.Session != key {
			return
		}
		was := snapshot(row)
		var ev execution.Event
		var err error
		if x.lost {
			ev, err = row.LoseLease(key, x.foreign || x.guilty[row.ID], t.now)
		} else {
			ev, err = row.Return(row.Lease, execution.ReturnedInterrupted, t.now)
		}
		if err != nil {
			return
		}
		t.changed(row, was, ev)
		t.then = append(t.then, func() {
			if x.lost {
				e.metrics.LeaseLost()
			} else {
				e.metrics.Returned(execution.ReturnedInterrupted)
			}
		})
	})
	if err = errors.Join(passed, err); err != nil || x.late && x.again == 0 {
		return err
	}
	err = e.writeIn(e.cellOf(x.s.record.ID), func(t *tx, _ []*store.Row) { t.changes.Gone = append(t.changes.Gone, key) })
	if err == nil {
		e.log.Info("worker session ended", "session_id", x.s.record.ID.Text(execution.PrefixSession), "name", x.s.record.Name, "lost", x.lost)
	}
	return err
}
