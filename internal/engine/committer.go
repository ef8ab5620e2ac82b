package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/store"
)

// Limits of one batch.
const (
	maxBatch      = 1024
	maxBatchBytes = 8 << 20
)

// command is one unit of work that goes through the committer. Its methods are called by the committer's goroutine
// only, between submit and settle.
type command interface {
	// weigh tells how many operations and payload bytes the command brings.
	weigh() (operations, bytes int)
	// project is the store's key of the project that the command works for; 0: the engine's own.
	project() int64
	// need adds what the command must read and remembers where.
	need(n *store.Need)
	// decide runs the command's rules. It may run again when the batch is split: it starts from nothing each time.
	decide(t *tx)
	// settle answers. With nil the command's changes are durable; otherwise nothing of it happened, unless the error is
	// store.ErrUnknown.
	settle(err error)
}

// committer drains a queue of commands in batches: a batch is whatever arrived while the last one was being committed.
// It is the only place from which the store is written.
//
// A store with cells has one for each of them.
type committer struct {
	e     *Engine
	cell  int
	store store.Committer

	mu     sync.Mutex
	cond   sync.Cond
	queue  []command
	spare  []command
	closed bool

	t  tx
	nd store.Need

	crowd    crowd
	late     postponed
	lingers  atomic.Bool   // it pauses for rows that were locked
	credit   map[int64]int // by project: what it may take of the next batches, while more is queued than one takes
	doubts   []doubt       // what a transaction may have done of which the outcome is unknown
	doubtful atomic.Bool   // there are doubts
}

func newCommitter(e *Engine, cell int, s store.Committer) *committer {
	c := &committer{e: e, cell: cell, store: s, credit: map[int64]int{}}
	c.cond.L = &c.mu
	c.t.e, c.t.cell = e, cell
	c.t.changes.Reset()
	return c
}

// submit queues commands, one behind the other. It returns false when the committer is closed: they will not be settled.
func (c *committer) submit(list ...command) bool {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return false
	}
	c.queue = append(c.queue, list...)
	c.mu.Unlock()
	c.cond.Signal()
	return true
}

// close lets the committer finish what is queued and stop.
func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cond.Signal()
}

// run commits batches until close, or until the store fails.
func (c *committer) run(ctx context.Context) error {
	for {
		batch := c.next()
		if batch == nil {
			return nil
		}
		err := c.resolve(ctx)
		if err == nil {
			err = c.commit(ctx, batch)
		} else if !errors.Is(err, store.ErrFailed) {
			// What is in memory may be wrong as long as there are doubts: nothing is decided on it.
			settle(batch, err)
			err = nil
		} else {
			settle(batch, err)
		}
		clear(batch)
		c.spare = batch[:0]
		if err != nil {
			c.abandon(err)
			return err
		}
	}
}

// next waits for work and takes a batch of it, nil after close.
func (c *committer) next() []command {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue) == 0 {
		if c.closed {
			return nil
		}
		c.cond.Wait()
	}
	n, ops, bytes, part := 0, 0, 0, c.crowd.part(c.e.store.Now())
	for _, x := range c.queue {
		o, b := x.weigh()
		if n > 0 && (ops+o > maxBatch/part || bytes+b > maxBatchBytes/part) {
			break
		}
		n, ops, bytes = n+1, ops+o, bytes+b
		c.crowd.note(x.project())
	}
	if n < len(c.queue) {
		return c.share(n, maxBatch/part)
	}
	batch := c.queue
	c.queue = c.spare[:0]
	c.spare = nil
	clear(c.credit)
	return batch
}

// abandon answers everything that is queued after the store has failed.
func (c *committer) abandon(err error) {
	c.mu.Lock()
	c.closed = true
	queue := c.queue
	c.queue = nil
	c.mu.Unlock()
	for _, x := range queue {
		x.settle(&Error{Code: CodeUnavailable, Message: "the store has failed", Err: err})
	}
}

// commit runs the batch in one transaction. A batch that the database refuses is split until the guilty command stands
// alone. Only an error after which the store must not be used is returned.
func (c *committer) commit(ctx context.Context, batch []command) error {
	began := c.e.store.Now()
	c.nd.Reset()
	clustered := c.e.cluster != nil
	c.late.spans, c.late.now = c.late.spans[:0], c.late.now[:0]
	for _, x := range batch {
		if clustered {
			c.late.spans = append(c.late.spans, len(c.nd.Executions))
		}
		x.need(&c.nd)
	}
	if clustered {
		c.late.spans = append(c.late.spans, len(c.nd.Executions))
	}
	t := &c.t
	t.reset()
	var decided execution.Time
	err := c.store.Commit(ctx, &c.nd, func(l *store.Loaded) *store.Changes {
		_ = failpoint.Hit(failpoint.BatchLoaded)
		t.begin(l)
		c.late.now, c.late.ids = c.late.now[:0], c.late.ids[:0]
		for i, x := range batch {
			if clustered && c.busy(i, x, t) {
				continue
			}
			x.decide(t)
		}
		t.collect()
		decided = c.e.store.Now()
		_ = failpoint.Hit(failpoint.BatchDecided)
		return &t.changes
	})
	if err == nil {
		_ = failpoint.Hit(failpoint.BatchCommitted)
		c.e.measure(len(batch), began, decided)
		t.publish()
		if clustered {
			batch = c.requeue(batch)
		}
		for _, x := range batch {
			x.settle(nil)
		}
		_ = failpoint.Hit(failpoint.BatchAnswered)
		c.e.pump()
		return nil
	}
	if errors.Is(err, store.ErrUnknown) && !errors.Is(err, store.ErrFailed) {
		c.doubt(t)
	}
	t.abandon()
	err = fmt.Errorf("commit: %w", err)
	switch {
	case errors.Is(err, store.ErrFailed):
		settle(batch, err)
		return err
	case errors.Is(err, store.ErrUnknown):
		c.e.log.Error("the outcome of a commit is unknown", "error", err, "commands", len(batch))
		failed := c.resolve(ctx)
		settle(batch, err)
		if errors.Is(failed, store.ErrFailed) {
			return failed
		}
		return nil
	case errors.Is(err, store.ErrUnavailable):
		// A part of the batch would meet the same.
		c.e.log.Error("the database is not available", "error", err, "commands", len(batch))
		settle(batch, err)
		return nil
	case len(batch) == 1:
		c.e.log.Log(ctx, gravity(err), "commit failed", "error", err)
		settle(batch, err)
		return nil
	}
	c.e.log.Log(ctx, gravity(err), "batch refused, splitting it", "error", err, "commands", len(batch))
	half := len(batch) / 2
	if err := c.commit(ctx, batch[:half]); err != nil {
		settle(batch[half:], err)
		return err
	}
	if err := c.resolve(ctx); err != nil {
		settle(batch[half:], err)
		if errors.Is(err, store.ErrFailed) {
			return err
		}
		return nil
	}
	return c.commit(ctx, batch[half:])
}

// gravity is the level at which a refusal is logged. That another server was quicker is no mistake: who made the change
// repeats it, or asks its caller to.
func gravity(err error) slog.Level {
	if errors.Is(err, store.ErrOvertaken) {
		return slog.LevelDebug
	}
	return slog.LevelError
}

// measure tells how long a batch took, whole and from its decision.
func (e *Engine) measure(commands int, began, decided execution.Time) {
	now := e.store.Now()
	e.pace.note(now, commands, now.Sub(began))
	e.metrics.Batch(commands, now.Sub(began), now.Sub(decided))
}

func settle(batch []command, err error) {
	for _, x := range batch {
		x.settle(err)
	}
}

// resolve reads what became of the executions in doubt and brings what is in memory into line with it. Nothing else may
// be decided before that: an execution could be leased to a session that does not know of it.
func (c *committer) resolve(ctx context.Context) error {
	if c.handOver(); len(c.doubts) == 0 {
		return nil
	}
	var need store.Need
	for i := range c.doubts {
		need.Executions = append(need.Executions, c.doubts[i].id)
	}
	rows := make([]*store.Row, len(c.doubts))
	busy := false
	err := c.store.Commit(ctx, &need, func(l *store.Loaded) *store.Changes {
		copy(rows, l.Executions)
		busy = slices.Contains(l.Busy, true)
		return nil
	})
	if err == nil && busy {
		err = errBusy // perhaps by the transaction in doubt itself
	}
	if err != nil {
		c.e.log.Error("could not read what a commit of unknown outcome did", "error", err)
		return fmt.Errorf("read what a commit of unknown outcome did: %w", err)
	}
	for i := range c.doubts {
		c.e.restore(&c.doubts[i], rows[i])
	}
	clear(c.doubts)
	c.doubts = c.doubts[:0]
	c.doubtful.Store(false)
	return nil
}

// tx is one transaction as commands see it: what was loaded, what changes, and what follows once it is durable.
type tx struct {
	e       *Engine
	cell    int // of the store
	now     execution.Time
	loaded  *store.Loaded
	changes store.Changes

	touched  []touched
	given    []*assignment  // claims to hand over
	drained  []want         // workflows whose queue was found empty, but for what must run alone
	queued   []queuedRow    // what is in a queue now
	recorded []recordedStep // steps whose record it makes
	freed    []execution.ID // executions whose idempotency key it gives up

	soloDrained []want   // workflows in whose queue nothing must run alone
	then        []func() // what else to do once it is durable
}

type queuedRow struct {
	w   *workflow
	row *store.Row
}

// touched is a row that the transaction changes, with what it was before.
type touched struct {
	row     *store.Row
	from    int64 // stored revision, 0: new
	status  execution.Status
	session int64
	taken   bool            // its holder does not know yet that it has lost the lease
	woken   bool            // a wait ended without its holder
	last    execution.Event // latest event of the transaction
}

func (t *tx) reset() {
	clear(t.touched)
	clear(t.given)
	clear(t.queued)
	clear(t.drained)
	clear(t.recorded)
	clear(t.soloDrained)
	clear(t.then)
	t.recorded, t.freed, t.soloDrained, t.then = t.recorded[:0], t.freed[:0], t.soloDrained[:0], t.then[:0]
	t.touched, t.given, t.queued, t.drained = t.touched[:0], t.given[:0], t.queued[:0], t.drained[:0]
	t.changes.Reset()
	t.loaded = nil
}

func (t *tx) begin(l *store.Loaded) {
	// A store may run decide again for the same batch.
	for _, a := range t.given {
		t.e.matcher.unreserve(a)
	}
	t.reset()
	t.loaded, t.now = l, l.Now
}

// before is what a row is before a rule runs on it.
type before struct {
	revision int64
	status   execution.Status
	session  int64
}

func snapshot(r *store.Row) before { return before{r.Revision, r.Status, r.Session} }

// changed notes that a rule has changed the row and appends its events.
func (t *tx) changed(r *store.Row, was before, events ...execution.Event) {
	if r.Mark == 0 {
		t.touched = append(t.touched, touched{row: r, from: was.revision, status: was.status, session: was.session})
		r.Mark = len(t.touched)
	}
	for i := range events {
		t.changes.Events = append(t.changes.Events, store.RowEvent{Row: r, Event: events[i]})
	}
	x := &t.touched[r.Mark-1]
	x.last = events[len(events)-1]
	for i := range events {
		x.woken = x.woken || events[i].Kind == execution.EventWaitEnded && events[i].Actor.Kind != execution.ActorSession
	}
	t.outbox(r, was)
	if r.ReadyAt != 0 && was.revision != 0 {
		t.waits(t.e.catalog.Load().workflows[r.Workflow], r)
	}
}

// waits notes at once that the row is in its workflow's queue: a start of the same transaction must not overtake it.
func (t *tx) waits(w *workflow, r *store.Row) {
	switch {
	case w == nil:
	case r.Solo():
		w.solo.set(t.cell)
	default:
		w.backlog.set(t.cell)
	}
}

// takeAway is changed for a lease that is taken from its holder, which does not know yet.
func (t *tx) takeAway(r *store.Row, was before, events ...execution.Event) {
	t.changed(r, was, events...)
	if was.session != 0 && r.Session != was.session {
		t.touched[r.Mark-1].taken = true
	}
}

// inserted notes a new row.
func (t *tx) inserted(r *store.Row, e execution.Event) {
	t.changed(r, before{}, e)
}

// collect turns the touched rows into the changes to save.
func (t *tx) collect() {
	for i := range t.touched {
		x := &t.touched[i]
		r := x.row
		r.Mark = 0
		key := store.CountKey{Project: r.Project, Workflow: r.Workflow, Status: r.Status, Hour: store.HourOf(r.ID)}
		if x.from == 0 {
			t.changes.Insert = append(t.changes.Insert, r)
			t.changes.Counts[key]++
			continue
		}
		t.changes.Update = append(t.changes.Update, store.Update{Row: r, From: x.from})
		if r.Status != x.status {
			t.changes.Counts[key]++
			key.Status = x.status
			t.changes.Counts[key]--
		}
	}
}

// publish lets the rest of the engine know what is now durable.
func (t *tx) publish() {
	e := t.e
	for i := range t.touched {
		x := &t.touched[i]
		r := x.row
		switch {
		case x.from == 0:
			e.open(r.Project).Add(1)
			if r.Status.Final() {
				e.open(r.Project).Add(-1)
			}
		case r.Status.Final() && !x.status.Final():
			e.open(r.Project).Add(-1)
		}
		if x.session != 0 && x.session != r.Session {
			e.matcher.release(x.session, r.ID, x.taken)
			if e.cluster != nil {
				e.cluster.unpost(r.ID)
			}
		}
		if r.CancelRequestedAt != 0 && r.Session != 0 {
			e.matcher.tell(r.Session, r.ID, r.Revision)
		}
		if x.woken && r.Session != 0 && r.Session == x.session {
			e.matcher.wake(r.Session, r.ID, r.Revision)
		}
		if r.ReadyAt != 0 {
			if w := e.catalog.Load().workflows[r.Workflow]; w != nil {
				t.queued = append(t.queued, queuedRow{w, r})
			}
		}
		if due := r.DueAt(); due != 0 {
			e.timekeeper.hint(due)
		}
		if r.Actionable() {
			e.waiters.awaits(r.ID)
		}
		if r.Status.Final() {
			e.waiters.ended(r, &x.last)
			e.metrics.Ended(r.Status, sinceCreation(r.ID, x.last.At))
		}
	}
	e.watchers.note(t.touched)
	for i := range t.drained {
		t.drained[i].empty(&t.drained[i].w.backlog, t.cell)
	}
	for i := range t.soloDrained {
		t.soloDrained[i].empty(&t.soloDrained[i].w.solo, t.cell)
	}
	for _, q := range t.queued {
		t.waits(q.w, q.row)
	}
	for _, a := range t.given {
		if !a.stands(a.row) {
			e.matcher.unreserve(a)
			continue
		}
		e.matcher.deliver(a, a.row.CancelRequestedAt != 0)
		e.metrics.Dispatched(a.waited)
	}
	for _, f := range t.then {
		f()
	}
	if e.cluster != nil && len(t.changes.Deliveries)+len(t.changes.DeliveryUpdates) > 0 {
		e.cluster.deliveries.changed()
	}
	if len(t.changes.Deliveries) > 0 {
		e.outgoing.hint()
	}
}

// abandon takes back what the rules promised for a transaction that did not happen.
func (t *tx) abandon() {
	for _, a := range t.given {
		t.e.matcher.unreserve(a)
	}
	for i := range t.touched {
		t.touched[i].row.Mark = 0
	}
	t.reset()
}
