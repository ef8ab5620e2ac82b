package engine

import (
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// doubt is one execution that a transaction of unknown outcome may have changed, with what was known of it before.
type doubt struct {
	id      execution.ID
	open    bool // it was there and not final
	session int64
	given   []*assignment
}

// doubt notes what the transaction would have changed.
func (c *committer) doubt(t *tx) {
	for i := range t.touched {
		x := &t.touched[i]
		d := doubt{id: x.row.ID, open: x.from != 0 && !x.status.Final(), session: x.session}
		for _, a := range t.given {
			if a.ID == d.id {
				d.given = append(d.given, a)
			}
		}
		c.doubts = append(c.doubts, d)
	}
	c.doubtful.Store(len(c.doubts) > 0)
}

// restore takes over what the store knows of an execution that was in doubt.
func (e *Engine) restore(d *doubt, r *store.Row) {
	if r == nil {
		if d.session != 0 {
			e.matcher.release(d.session, d.id, true)
		}
		return
	}
	e.watchers.noteOne(r)
	open := e.open(r.Project)
	switch {
	case d.open && r.Status.Final():
		open.Add(-1)
	case !d.open && !r.Status.Final():
		open.Add(1)
	}
	if d.session != 0 && r.Session != d.session {
		e.matcher.release(d.session, d.id, true)
	}
	if r.CancelRequestedAt != 0 && r.Session != 0 {
		e.matcher.tell(r.Session, r.ID, r.Revision)
	}
	if r.Session != 0 && r.Inbox.Unseen() {
		e.matcher.wake(r.Session, r.ID, r.Revision)
	}
	if w := e.catalog.Load().workflows[r.Workflow]; w != nil && r.ReadyAt != 0 {
		w.backlog.set(e.cellOf(r.ID))
		w.solo.set(e.cellOf(r.ID))
	}
	if due := r.DueAt(); due != 0 {
		e.timekeeper.hint(due)
	}
	if r.Actionable() {
		e.waiters.awaits(r.ID)
	}
	if r.Status.Final() {
		e.waiters.look(r.ID)
	}
	for _, a := range d.given {
		if a.stands(r) {
			e.matcher.promise(a.session)
			e.matcher.deliver(a, r.CancelRequestedAt != 0)
		}
	}
}
