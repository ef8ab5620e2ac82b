package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// checkAfter is when what a session holds is read again after it has moved here: the server that it came from may have
// claimed something for it in the last moment, even with a transaction that hung.
var checkAfter = [...]time.Duration{time.Second, 7 * time.Second, 20 * time.Second}

// unverified is how long a session that moved here may hold executions of which its worker has not said that it has them.
const unverified = 30 * time.Second

// orphan is a claim that was handed over by this server and not acknowledged before its session moved away.
type orphan struct {
	leased
	delivery int64
	due      execution.Time
}

// sessionWrite changes the record of one session under lock.
type sessionWrite struct {
	e    *Engine
	id   execution.ID
	key  int64
	fill func(t *tx, x *store.Session) // x nil: there is no such session; what it leaves in x is saved when it returns true
	slot int
	done chan error
}

func (w *sessionWrite) project() int64 { return 0 }

func (w *sessionWrite) cell() int { return w.e.cellOf(w.id) }

func (w *sessionWrite) weigh() (int, int) { return 1, 0 }

func (w *sessionWrite) need(n *store.Need) {
	w.slot = len(n.Sessions)
	n.Sessions = append(n.Sessions, w.key)
}

func (w *sessionWrite) decide(t *tx) { w.fill(t, t.loaded.Sessions[w.slot]) }

func (w *sessionWrite) settle(err error) { w.done <- err }

// changeSession runs fill on the record of a session; fill saves it with saveSession.
func (c *cluster) changeSession(id execution.ID, key int64, fill func(t *tx, x *store.Session)) error {
	w := &sessionWrite{e: c.e, id: id, key: key, fill: fill, done: make(chan error, 1)}
	return c.e.do(w, w.done)
}

// saveSession saves a loaded session once, whatever several commands of the batch did to it.
func (t *tx) saveSession(x *store.Session) {
	for i := range t.changes.Sessions {
		if t.changes.Sessions[i].Key == x.Key {
			t.changes.Sessions[i] = *x
			return
		}
	}
	t.changes.Sessions = append(t.changes.Sessions, *x)
}

// session is what is known of a live session anywhere that the caller may speak for, or errSessionLost.
func (c *cluster) session(ctx context.Context, caller *Caller, id execution.ID) (*store.Session, error) {
	x := c.knownSession(id)
	if x == nil {
		if err := c.readSessions(ctx); err != nil {
			return nil, c.e.unavailable(err)
		}
		x = c.knownSession(id)
	}
	if x == nil || x.ExpiresAt == 0 || x.Project != caller.Project {
		return nil, errSessionLost
	}
	if caller.Workflows != nil {
		for _, key := range x.Workflows {
			if w := c.e.workflowOf(key); w == nil || !slices.Contains(caller.Workflows, w.info.Name) {
				return nil, errSessionLost
			}
		}
	}
	return x, nil
}

func (c *cluster) knownSession(id execution.ID) *store.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := c.known[c.knownIDs[id]]; x != nil {
		copied := *x
		return &copied
	}
	return nil
}

// readSessions reads all sessions of the cluster.
func (c *cluster) readSessions(ctx context.Context) error {
	list, err := c.store.Sessions(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.known)
	clear(c.knownIDs)
	for i := range list {
		c.known[list[i].Key], c.knownIDs[list[i].ID] = &list[i], list[i].Key
	}
	return nil
}

// adopt moves a session here, whose worker polls here. When it returns nil the session is live, unless it has moved on.
func (c *cluster) adopt(ctx context.Context, caller *Caller, id execution.ID, received int64) error {
	for {
		c.mu.Lock()
		other := c.moving[id]
		if other == nil {
			c.moving[id] = make(chan struct{})
		}
		c.mu.Unlock()
		if other == nil {
			break
		}
		select {
		case <-other:
			if c.e.matcher.has(id) {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer func() {
		c.mu.Lock()
		close(c.moving[id])
		delete(c.moving, id)
		c.mu.Unlock()
	}()
	if c.e.matcher.has(id) {
		return nil
	}
	x, err := c.session(ctx, caller, id)
	if err != nil {
		return err
	}
	if c.e.isDraining() {
		return errDraining
	}
	for _, key := range x.Workflows {
		c.e.workflowOf(key)
	}
	var from int64
	var lost bool
	var left time.Duration
	var began execution.Time
	var moved store.Session
	err = c.changeSession(id, x.Key, func(t *tx, x *store.Session) {
		if lost = x == nil || x.ExpiresAt == 0; lost {
			return
		}
		from = x.Node
		x.Node = c.node
		x.Term++
		x.SeenAt = t.now
		x.Received = max(x.Received, received)
		if from == c.node || !c.place.Load().alive(from) {
			x.Unsure = true // nobody is left to take back what has not arrived
		}
		t.saveSession(x)
		moved, left, began = *x, x.ExpiresAt.Sub(t.now), t.now
	})
	switch {
	case err != nil:
		return err
	case lost:
		c.forget(x.Key)
		return errSessionLost
	}
	rows, err := c.store.Held(ctx, x.Key)
	if err != nil {
		return c.e.unavailable(err) // the next poll moves it once more
	}
	now := c.e.pulse()
	s := c.e.matcher.newSession(moved, now)
	s.expires, s.reconcile, s.from, s.arrived = now.Add(left), moved.Unsure, from, now
	s.delivery = max(moved.Received, int64(began))
	for _, d := range checkAfter {
		s.checks = append(s.checks, now.Add(d))
	}
	c.e.matcher.arrive(s, rows, now)
	c.e.log.Debug("a worker session has moved here", "session_id", id.Text(execution.PrefixSession), "held", len(rows))
	return nil
}

// forget drops what is known of a session.
func (c *cluster) forget(key int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := c.known[key]; x != nil {
		delete(c.knownIDs, x.ID)
		delete(c.known, key)
	}
}

var errDraining = &Error{Code: CodeUnavailable, RetryAfter: 50 * time.Millisecond, Message: "the server is draining; try again, another one answers"}

// has reports whether the session lives here.
func (m *matcher) has(id execution.ID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byID[id] != nil
}

// compare brings the sessions here into line with what their records say, as of the tick with the number.
func (c *cluster) compare(ctx context.Context, tick int64, x *store.Tick) {
	e, m := c.e, c.e.matcher
	marks := make(map[int64]*store.SessionMark, len(x.Sessions))
	unknown := false
	c.mu.Lock()
	c.marks = x.Sessions
	for i := range x.Sessions {
		k := &x.Sessions[i]
		marks[k.Key] = k
		known := c.known[k.Key]
		if known == nil {
			unknown = true
			continue
		}
		known.Node, known.Term, known.ExpiresAt, known.Draining, known.Received, known.Unsure = k.Node, k.Term, k.ExpiresAt, k.Draining, k.Received, k.Unsure
	}
	for key, s := range c.known {
		if marks[key] == nil {
			delete(c.known, key)
			delete(c.knownIDs, s.ID)
		}
	}
	c.mail.keep(marks)
	c.mu.Unlock()
	now := e.pulse()
	p := c.place.Load()
	var unsure []*session
	m.mu.Lock()
	var gone []*session
	for _, s := range m.sessions {
		if s.born >= tick {
			continue // it came after the tick had begun
		}
		k := marks[s.record.Key]
		switch {
		case k == nil || k.ExpiresAt == 0:
			m.remove(s)
			continue
		case k.Node != c.node || k.Term != s.record.Term:
			gone = append(gone, s)
			continue
		}
		s.expires = now.Add(k.ExpiresAt.Sub(x.Now))
		s.draining = s.draining || k.Draining
		s.acknowledge(k.Received)
		if s.from != 0 && (!p.alive(s.from) || now.Sub(s.arrived) > unverified) && !s.reconcile && s.doubtful() {
			s.from, s.reconcile = 0, true
			unsure = append(unsure, s)
		}
	}
	var strays []leased
	var orphans []orphan
	for _, s := range gone {
		due := now.Add(e.ackWindow())
		for _, h := range s.unacked {
			if !h.acked && !h.id.IsZero() {
				orphans = append(orphans, orphan{leased{s.record.Key, h.id, h.lease}, h.delivery, due})
			}
		}
		for _, a := range s.mailbox {
			strays = append(strays, leased{s.record.Key, a.ID, a.print})
		}
		s.mailbox = nil
		s.moved = true
		m.remove(s)
	}
	m.mu.Unlock()
	if len(strays)+len(orphans) > 0 {
		c.mu.Lock()
		c.strays, c.orphans = append(c.strays, strays...), append(c.orphans, orphans...)
		c.mu.Unlock()
	}
	for _, s := range unsure {
		if err := c.changeSession(s.record.ID, s.record.Key, func(t *tx, x *store.Session) {
			if x != nil && x.ExpiresAt != 0 {
				x.Unsure = true
				t.saveSession(x)
			}
		}); err != nil && ctx.Err() == nil {
			e.log.Warn("could not ask for what a worker holds", "error", err)
		}
	}
	if unknown {
		if err := c.readSessions(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("could not read the worker sessions", "error", err)
		}
	}
}

// doubtful reports whether the session holds something of which its worker has not said that it has it; the matcher's
// mutex is held.
func (s *session) doubtful() bool {
	for _, h := range s.held {
		if h.delivery == earlier && h.hash == 0 {
			return true
		}
	}
	return false
}

// stray notes a claim that became durable for a session that had moved away.
func (c *cluster) stray(x leased) {
	c.mu.Lock()
	c.strays = append(c.strays, x)
	c.mu.Unlock()
	c.poke()
}

// tidy gives back what sessions that moved away were never handed, and reads again what those hold that moved here.
func (c *cluster) tidy(ctx context.Context) {
	e := c.e
	now := e.pulse()
	c.mu.Lock()
	strays := c.strays
	c.strays = nil
	var late []orphan
	var back []leased
	c.orphans = slices.DeleteFunc(c.orphans, func(x orphan) bool {
		i := slices.IndexFunc(c.marks, func(m store.SessionMark) bool { return m.Key == x.session })
		switch {
		case i < 0 || c.marks[i].ExpiresAt == 0 || c.marks[i].Received >= x.delivery:
			return true
		case x.due <= now:
			late, back = append(late, x), append(back, x.leased)
			return true
		}
		return false
	})
	c.mu.Unlock()
	if err := e.giveBack(strays, false); err != nil {
		c.mu.Lock()
		c.strays = append(c.strays, strays...)
		c.mu.Unlock()
	}
	switch err := e.giveBack(back, true); {
	case errors.Is(err, errBusy): // with the next tick
		c.mu.Lock()
		c.orphans = append(c.orphans, late...)
		c.mu.Unlock()
	case err != nil && ctx.Err() == nil:
		e.log.Warn("could not take back what was not acknowledged before a session moved; its worker is asked", "error", err)
	}
	var due []*session
	e.matcher.mu.Lock()
	for _, s := range e.matcher.sessions {
		if len(s.checks) > 0 && s.checks[0] <= now {
			s.checks = slices.DeleteFunc(s.checks, func(at execution.Time) bool { return at <= now })
			due = append(due, s)
		}
	}
	e.matcher.mu.Unlock()
	for _, s := range due {
		if err := c.check(ctx, s); err != nil && ctx.Err() == nil {
			e.matcher.mu.Lock()
			s.checks = append(s.checks, now)
			e.matcher.mu.Unlock()
			return
		}
	}
}

// check compares what a session holds by the store with what it holds here.
func (c *cluster) check(ctx context.Context, s *session) error {
	m := c.e.matcher
	began := c.e.pulse()
	rows, err := c.store.Held(ctx, s.record.Key)
	if err != nil {
		return err
	}
	there := make(map[execution.ID]*store.Row, len(rows))
	for _, row := range rows {
		there[row.ID] = row
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.lost {
		return nil
	}
	for id, h := range s.held {
		if row := there[id]; (row == nil || row.Lease != h.lease) && h.since < began && (row == nil || row.Revision > h.revision) {
			s.release(h, false)
		}
	}
	for id, row := range there {
		if s.held[id] == nil {
			s.hold(row, began)
		}
	}
	return nil
}

// arrive makes a session live that moved here, with what it holds by the store.
func (m *matcher) arrive(s *session, rows []*store.Row, now execution.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, row := range rows {
		s.hold(row, now)
	}
	m.insert(s)
}

// hold takes over what a session holds by the store without having been handed over in this server's life; the matcher's
// mutex is held.
func (s *session) hold(row *store.Row, now execution.Time) {
	h := &holding{
		id: row.ID, lease: row.Lease, delivery: earlier, since: now, revision: row.Revision, cancel: row.CancelRequestedAt != 0,
	}
	s.held[row.ID] = h
	s.m.holds(s, row.ID)
	s.solo = s.solo || row.Solo()
	if h.cancel {
		s.cancels = append(s.cancels, row.ID)
	}
	if row.Inbox.Unseen() {
		s.wakeUp(h, row.Revision)
	}
}

// ackWindow is how long a claim that was handed over may stay unacknowledged. In a cluster the acknowledgement may go to
// another server, with a heartbeat.
func (e *Engine) ackWindow() time.Duration {
	if e.cluster == nil || len(e.cluster.place.Load().nodes) == 1 {
		return e.cfg.Acknowledge
	}
	return e.cfg.Acknowledge + e.cfg.Lease/3 + 2*tickEvery
}

// drain makes the workers of a draining server free to go on elsewhere: what they were not yet handed is offered again.
func (c *cluster) drain(ctx context.Context) {
	defer close(c.given)
	e := c.e
	select {
	case <-ctx.Done():
		return
	case <-e.draining:
	}
	// No claim follows behind an empty transaction.
	if err := e.pass(); err != nil {
		e.log.Warn("could not wait for the last claims", "error", err)
	}
	claims := e.matcher.undelivered()
	err := e.giveBack(claims, false)
	for end := e.pulse().Add(nodeTTL); errors.Is(err, errBusy) && e.pulse() < end; {
		timer := time.NewTimer(tickPause)
		<-timer.C
		err = e.giveBack(claims, false)
	}
	if err != nil {
		e.log.Warn("could not give back what was not handed over; the next server asks the workers", "error", err)
	}
}

// undelivered is what sessions were claimed and not yet handed.
func (m *matcher) undelivered() (list []leased) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sessions {
		for _, a := range s.mailbox {
			list = append(list, leased{s.record.Key, a.ID, a.print})
		}
		s.mailbox = nil
	}
	return list
}

// heartbeat is that of the engine in a cluster, for a session that lives anywhere.
func (c *cluster) heartbeat(ctx context.Context, caller *Caller, r *HeartbeatRequest) (*HeartbeatResult, error) {
	e, m := c.e, c.e.matcher
	out := &HeartbeatResult{Expires: e.cfg.Lease}
	var missing []leased
	unsure := false // the list does not settle it
	local := func() (*session, error) {
		return m.contact(caller, r.Session, r.Received, func(s *session) {
			s.beating++
			missing, out.Drop = e.reconcile(s, r)
			unsure = s.reconcile
		})
	}
	s, err := local()
	var id execution.ID
	var key int64
	if err == nil {
		id, key = s.record.ID, s.record.Key
	} else {
		x, err := c.session(ctx, caller, r.Session)
		if err != nil {
			return nil, err
		}
		if r.Listed && !e.isDraining() {
			// A list can be compared only where the session lives.
			if err := c.adopt(ctx, caller, r.Session, r.Received); err != nil {
				return nil, err
			}
			if s, err = local(); err != nil {
				return nil, err
			}
		}
		id, key = x.ID, x.Key
	}
	err = e.giveBack(missing, false)
	locked := errors.Is(err, errBusy)
	if locked {
		err = nil // the worker is asked for its list once more
	}
	var saved store.Session
	lost := false
	written := c.changeSession(id, key, func(t *tx, x *store.Session) {
		if lost = x == nil || x.ExpiresAt == 0; lost {
			return
		}
		x.SeenAt, x.ExpiresAt = t.now, t.now.Add(e.cfg.Lease)
		x.Received = max(x.Received, r.Received)
		if s != nil && r.Listed && x.Node == c.node && !unsure {
			x.Unsure = false
		}
		t.saveSession(x)
		saved = *x
	})
	if err == nil {
		err = written
	}
	if s == nil {
		switch {
		case err != nil:
			return nil, err
		case lost:
			c.forget(key)
			return nil, errSessionLost
		}
		// What the server knew that had the session is lost with it: a list makes it live here.
		out.Reconcile = saved.Unsure || saved.Node == c.node || !c.place.Load().alive(saved.Node)
		c.mu.Lock()
		out.Cancel, out.Wake = c.mail.of(key)
		c.mu.Unlock()
		return out, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s.beating--
	switch {
	case err != nil:
		return nil, err
	case lost:
		if !s.lost {
			m.remove(s)
		}
		return nil, errSessionLost
	case s.moved:
		return out, nil
	case s.lost:
		return nil, errSessionLost
	}
	s.expires = e.pulse().Add(e.cfg.Lease)
	s.record.SeenAt, s.record.ExpiresAt, s.record.Received, s.record.Unsure = saved.SeenAt, saved.ExpiresAt, saved.Received, saved.Unsure
	s.reconcile = s.reconcile || locked
	out.Reconcile = s.reconcile
	s.tellAll(out)
	return out, nil
}

// drainSession is DrainSession of the engine in a cluster.
func (c *cluster) drainSession(ctx context.Context, caller *Caller, id execution.ID) error {
	x, err := c.session(ctx, caller, id)
	if err != nil {
		return err
	}
	_, _ = c.e.matcher.contact(caller, id, 0, func(s *session) { s.draining = true })
	lost := false
	err = c.changeSession(id, x.Key, func(t *tx, x *store.Session) {
		if lost = x == nil || x.ExpiresAt == 0; !lost {
			x.Draining = true
			t.saveSession(x)
		}
	})
	if err == nil && lost {
		err = errSessionLost
	}
	return err
}

// workers is how many live sessions serve the workflow at other servers; the matcher's mutex is held.
func (c *cluster) workers(workflow int64) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for key, x := range c.known {
		if c.e.matcher.sessions[key] == nil && x.ExpiresAt != 0 && !x.Draining && slices.Contains(x.Workflows, workflow) {
			n++
		}
	}
	return n
}

// sessions are the sessions of a project that live elsewhere.
func (c *cluster) sessions(ctx context.Context, project int64) ([]WorkerView, error) {
	if err := c.readSessions(ctx); err != nil {
		return nil, c.e.unavailable(err)
	}
	var list []store.Session
	c.mu.Lock()
	for _, x := range c.known {
		if x.Project == project && x.ExpiresAt != 0 {
			list = append(list, *x)
		}
	}
	c.mu.Unlock()
	list = slices.DeleteFunc(list, func(x store.Session) bool { return c.e.matcher.has(x.ID) })
	out := make([]WorkerView, len(list))
	for i, x := range list {
		rows, err := c.store.Held(ctx, x.Key)
		if err != nil {
			return nil, err
		}
		out[i] = WorkerView{
			ID: x.ID, Name: x.Name, SDK: x.SDK, Version: x.Version, Capacity: int(x.Capacity), Held: len(rows),
			SeenAt: x.SeenAt, ExpiresAt: x.ExpiresAt, Draining: x.Draining, Workflows: []string{},
		}
		for _, key := range x.Workflows {
			if w := c.e.workflowOf(key); w != nil {
				out[i].Workflows = append(out[i].Workflows, w.info.Name)
			}
		}
	}
	return out, nil
}
