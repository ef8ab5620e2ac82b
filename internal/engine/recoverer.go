package engine

import (
	"context"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/store"
)

// recoverer takes executions back from workers that are gone, and claims back that never arrived.
type recoverer struct {
	e *Engine
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

// sweep does one round.
func (r *recoverer) sweep(ctx context.Context) {
	now := r.e.store.Now()
	m := r.e.matcher
	var expired []*session
	var unacked []*holding
	m.mu.Lock()
	for _, s := range m.sessions {
		if s.expires <= now {
			expired = append(expired, s)
			continue
		}
		limit := now.Add(-r.e.cfg.Acknowledge)
		for _, h := range s.unacked {
			if h.since > limit {
				break
			}
			if !h.acked && !h.id.IsZero() {
				unacked = append(unacked, h)
			}
		}
		for _, a := range s.mailbox {
			if h := s.held[a.ID]; h != nil && h.delivery == 0 && h.since <= limit {
				unacked = append(unacked, h)
			}
		}
	}
	m.mu.Unlock()
	for _, h := range unacked {
		r.e.giveBack(h.id, h.lease, execution.ReturnedUnacknowledged)
	}
	for _, s := range expired {
		if err := r.end(ctx, s, true); err != nil && ctx.Err() == nil {
			r.e.log.Error("could not recover a lost session", "session_id", s.record.ID.Text(execution.PrefixSession), "error", err)
		}
	}
}

// giveBack offers an execution again whose claim does not count, unless its lease has changed since.
func (e *Engine) giveBack(id execution.ID, lease execution.Lease, why string) {
	holder := int64(0)
	err := e.write(func(t *tx, rows []*store.Row) {
		holder = 0
		row := rows[0]
		if row == nil {
			return
		}
		was := snapshot(row)
		if ev, err := row.Return(lease, why, t.now); err == nil {
			holder = was.session
			t.changed(row, was, ev)
		}
	}, id)
	if err == nil && holder != 0 {
		e.matcher.dropped(holder, id)
		e.metrics.Returned(why)
	}
}

// end takes everything back from a session and removes it. lost says that its worker fell silent: executions with a
// step in flight get a strike; otherwise the worker let go, and no attempt is counted.
func (r *recoverer) end(ctx context.Context, s *session, lost bool) error {
	e := r.e
	now := e.store.Now()
	e.matcher.mu.Lock()
	if lost && s.expires > now {
		e.matcher.mu.Unlock()
		return nil // a heartbeat came in between
	}
	guilty := map[execution.ID]bool{}
	for id, h := range s.held {
		guilty[id] = lost && h.guilty(now)
	}
	e.matcher.mu.Unlock()
	e.matcher.remove(s)
	_ = failpoint.Hit(failpoint.SessionLost)
	// From here on nothing more is promised to the session. What the running transaction promised is durable once an
	// empty one has passed behind it.
	if err := e.write(func(*tx, []*store.Row) {}); err != nil {
		return err
	}
	rows, err := e.store.Held(ctx, s.record.Key)
	if err != nil {
		return err
	}
	for len(rows) > 0 {
		n := min(len(rows), recoverBatch)
		ids := make([]execution.ID, n)
		for i, row := range rows[:n] {
			ids[i] = row.ID
		}
		taken := 0
		err := e.write(func(t *tx, rows []*store.Row) {
			taken = 0
			for _, row := range rows {
				if row == nil {
					continue
				}
				was := snapshot(row)
				var ev execution.Event
				var err error
				if lost {
					ev, err = row.LoseLease(s.record.Key, guilty[row.ID], t.now)
				} else if row.Session == s.record.Key {
					ev, err = row.Return(row.Lease, execution.ReturnedInterrupted, t.now)
				} else {
					continue
				}
				if err == nil {
					t.changed(row, was, ev)
					taken++
				}
			}
		}, ids...)
		if err != nil {
			return err
		}
		for range taken {
			if lost {
				e.metrics.LeaseLost()
			} else {
				e.metrics.Returned(execution.ReturnedInterrupted)
			}
		}
		rows = rows[n:]
	}
	err = e.write(func(t *tx, _ []*store.Row) { t.changes.Gone = append(t.changes.Gone, s.record.Key) })
	if err == nil {
		e.log.Info("worker session ended", "session_id", s.record.ID.Text(execution.PrefixSession), "name", s.record.Name, "lost", lost)
	}
	return err
}
