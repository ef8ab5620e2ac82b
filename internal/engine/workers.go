package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/store"
)

// Protocol is the version of the worker protocol that this engine speaks.
const Protocol = 1

// Limits of the worker protocol.
const (
	MaxWait       = 30 * time.Second // longest hold of a poll
	MaxOperations = 1024             // most operations of a report
	MaxCapacity   = 10_000           // most executions a session may hold
)

// SessionSpec describes a worker that wants to serve.
type SessionSpec struct {
	Protocol  int
	Name      string
	SDK       string
	Version   string
	Capacity  int
	Workflows []WorkflowSpec
}

// SessionView tells a worker how to behave.
type SessionView struct {
	ID            execution.ID
	Lease         time.Duration
	Heartbeat     time.Duration
	MaxWait       time.Duration
	MaxOperations int
	Workflows     []SessionWorkflow
}

// SessionWorkflow is one workflow that a session serves.
type SessionWorkflow struct {
	Name    string
	ID      execution.ID
	Version int32 // the current version, 0: none
}

// OpenSession registers a worker and the workflows it serves; unknown workflows and new version labels are created.
func (e *Engine) OpenSession(ctx context.Context, c *Caller, spec *SessionSpec) (*SessionView, error) {
	switch {
	case spec.Capacity < 1 || spec.Capacity > MaxCapacity:
		return nil, invalid("capacity", FieldRange, "capacity must be 1 to %d", MaxCapacity)
	case len(spec.Workflows) == 0:
		return nil, invalid("workflows", FieldRequired, "workflows must name at least one workflow that the worker serves")
	}
	if spec.Protocol != Protocol {
		return nil, invalid("protocol", FieldInvalid, "protocol %d is not spoken here; this server speaks %d", spec.Protocol, Protocol)
	}
	if e.isDraining() {
		return nil, &Error{Code: CodeUnavailable, RetryAfter: time.Second, Message: "the server is draining"}
	}
	if c.Workflows != nil {
		for _, w := range spec.Workflows {
			if !slices.Contains(c.Workflows, w.Name) {
				return nil, &Error{Code: CodeForbidden, Message: fmt.Sprintf("this key may not serve workflow %q", clip(w.Name))}
			}
		}
	}
	view := &SessionView{
		ID: e.openID(), Lease: e.cfg.Lease, Heartbeat: e.cfg.Lease / 3, MaxWait: MaxWait, MaxOperations: MaxOperations,
	}
	record := store.Session{
		Project: c.Project, ID: view.ID, Name: spec.Name, SDK: spec.SDK, Version: spec.Version, Capacity: int32(spec.Capacity),
	}
	for i := range spec.Workflows {
		w, err := e.register(ctx, c, &spec.Workflows[i])
		if err != nil {
			return nil, err
		}
		s := SessionWorkflow{Name: w.info.Name, ID: w.info.ID}
		if v := w.record.Load().current; v != nil {
			s.Version = v.Number
		}
		view.Workflows = append(view.Workflows, s)
		if !slices.Contains(record.Workflows, w.key) {
			record.Workflows = append(record.Workflows, w.key)
		}
	}
	key, err := e.store.NewKey(ctx)
	if err != nil {
		return nil, err
	}
	record.Key = key
	if e.cluster != nil {
		record.Node, record.Term = e.cluster.node, 1
	}
	err = e.writeIn(e.cellOf(view.ID), func(t *tx, _ []*store.Row) {
		record.CreatedAt, record.SeenAt, record.ExpiresAt = t.now, t.now, t.now.Add(e.cfg.Lease)
		t.changes.Sessions = append(t.changes.Sessions, record)
	})
	if err != nil {
		if errors.Is(err, store.ErrUnknown) {
			// The worker opens another session; the next start of the server ends this one if this does not.
			_ = e.writeIn(e.cellOf(view.ID), func(t *tx, _ []*store.Row) { t.changes.Gone = append(t.changes.Gone, key) })
		}
		return nil, err
	}
	e.matcher.add(record, e.pulse())
	e.log.Info("worker session opened", "session_id", view.ID.Text(execution.PrefixSession), "name", record.Name, "capacity", record.Capacity)
	e.pump()
	return view, nil
}

// PollRequest asks for work.
type PollRequest struct {
	Session  execution.ID
	Received int64         // every delivery up to this one has arrived
	Max      int           // most executions wanted; 0: what the capacity allows
	Wait     time.Duration // longest hold
}

// PollResult is a delivery.
type PollResult struct {
	Delivery   int64 // to be acknowledged by the next contact; 0 when it carries no execution
	Executions []Assignment
	signals
	Draining bool // the server hands out nothing any more
	moved    bool // another server has the session
}

// Poll waits until there is something for the worker, the wait is over, or the server drains.
func (e *Engine) Poll(ctx context.Context, c *Caller, r *PollRequest) (*PollResult, error) {
	m := e.matcher
	contact := func(s *session) {
		s.polling++
		s.most = r.Max
	}
	s, err := m.contact(c, r.Session, r.Received, contact)
	if errors.Is(err, errSessionLost) && e.cluster != nil {
		if err = e.cluster.adopt(ctx, c, r.Session, r.Received); errors.Is(err, errDraining) {
			return &PollResult{Draining: true}, nil
		}
		if err == nil {
			s, err = m.contact(c, r.Session, r.Received, contact)
		}
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		now := e.pulse()
		m.mu.Lock()
		s.polling--
		s.seen = now
		m.mu.Unlock()
	}()
	timer := time.NewTimer(min(r.Wait, MaxWait))
	defer timer.Stop()
	for over := false; ; {
		out, lost := e.take(s, r)
		switch {
		case lost:
			return nil, errSessionLost
		case over || out.moved || len(out.Executions) > 0 || out.any():
			if len(out.Executions) > 0 {
				if err := failpoint.Hit(failpoint.PollTaken); err != nil {
					return nil, e.unavailable(err)
				}
			}
			return out, nil
		case e.isDraining():
			return &PollResult{Draining: true}, nil
		}
		e.pump()
		select {
		case <-s.wake:
		case <-timer.C:
			over = true
		case <-ctx.Done():
			return out, nil
		case <-e.draining:
		}
	}
}

// take empties the mailbox, as far as the poll wants, into a delivery.
func (e *Engine) take(s *session, r *PollRequest) (out *PollResult, lost bool) {
	now := e.pulse()
	m := e.matcher
	m.mu.Lock()
	defer m.mu.Unlock()
	out = &PollResult{}
	if s.lost {
		out.moved = s.moved
		return out, !s.moved
	}
	out.signals = s.signals()
	n := len(s.mailbox)
	if r.Max > 0 {
		n = min(n, r.Max)
	}
	if n == 0 {
		return out, false
	}
	s.delivery++
	out.Delivery = s.delivery
	out.Executions = make([]Assignment, n)
	for i, a := range s.mailbox[:n] {
		out.Executions[i] = a.Assignment
		if h := s.held[a.ID]; h != nil {
			h.delivery, h.since = s.delivery, now
			s.unacked = append(s.unacked, h)
		}
	}
	if n == len(s.mailbox) {
		clear(s.mailbox)
		s.mailbox = s.mailbox[:0]
	} else {
		s.mailbox = slices.Delete(s.mailbox, 0, n)
		s.poke()
	}
	return out, false
}

// HeartbeatRequest keeps a session alive.
type HeartbeatRequest struct {
	Session  execution.ID
	Received int64
	Held     int      // how many executions the worker holds
	Digest   uint64   // XOR of the FNV-1a hashes of their leases
	Leases   []string // all of them, when the server asked
	Listed   bool     // Leases was given, even if empty
}

// HeartbeatResult answers a heartbeat.
type HeartbeatResult struct {
	Expires time.Duration // the session lives this long without another heartbeat
	signals
	Reconcile bool // send the leases with the next heartbeat, at once
}

// Heartbeat prolongs a session by one lease. The prolongation is durable when it returns.
func (e *Engine) Heartbeat(ctx context.Context, c *Caller, r *HeartbeatRequest) (*HeartbeatResult, error) {
	if e.cluster != nil {
		return e.cluster.heartbeat(ctx, c, r)
	}
	m := e.matcher
	var missing []leased
	out := &HeartbeatResult{Expires: e.cfg.Lease}
	s, err := m.contact(c, r.Session, r.Received, func(s *session) {
		s.beating++
		missing, out.Drop = e.reconcile(s, r)
	})
	if err != nil {
		return nil, err
	}
	err = e.giveBack(missing, false)
	if saved := e.saveSession(s, true); err == nil {
		err = saved
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s.beating--
	switch {
	case err != nil:
		return nil, err
	case s.lost:
		return nil, errSessionLost
	}
	s.expires = e.pulse().Add(e.cfg.Lease)
	out.Reconcile = s.reconcile
	s.tellAll(out)
	return out, nil
}

// tellAll tells a worker all that concerns what it holds; the matcher's mutex is held.
func (s *session) tellAll(out *HeartbeatResult) {
	out.Drop = append(out.Drop, s.signals().Drop...)
	for _, h := range s.held {
		if h.cancel {
			out.Cancel = append(out.Cancel, h.id)
		}
		if h.wake != 0 {
			out.Wake = append(out.Wake, h.id)
		}
	}
}

// saveSession writes a session's record as it is now, unless the session has ended: its record must not come back.
func (e *Engine) saveSession(s *session, prolong bool) error {
	return e.writeIn(e.cellOf(s.record.ID), func(t *tx, _ []*store.Row) {
		m := e.matcher
		m.mu.Lock()
		defer m.mu.Unlock()
		if s.lost {
			return
		}
		s.record.SeenAt, s.record.Draining = t.now, s.draining
		if prolong {
			s.record.ExpiresAt = t.now.Add(e.cfg.Lease)
		}
		t.changes.Sessions = append(t.changes.Sessions, s.record)
	})
}

// reconcile compares what the worker says it holds with what the session holds. It returns what the worker has never
// received or has forgotten, and the executions that it holds no longer without knowing. The matcher's mutex is held.
//
// The worker's list and its count of received deliveries belong together: what was handed over later is not missing
// from the list. Neither is what the worker reports about at this moment; and a worker lists a lease until the report
// that ends it is answered, so that a report still under way is not overtaken.
func (e *Engine) reconcile(s *session, r *HeartbeatRequest) (missing []leased, drop []execution.ID) {
	if !r.Listed {
		var digest uint64
		held := 0
		for _, h := range s.held {
			if h.acked {
				digest ^= h.hash
				held++
			}
		}
		if held == r.Held && digest == r.Digest {
			s.mismatch = 0
		} else if s.mismatch++; s.mismatch >= 2 {
			s.reconcile = true
		}
		return nil, nil
	}
	s.reconcile, s.mismatch, s.from = false, 0, 0
	listed := make(map[execution.Lease]uint64, len(r.Leases))
	for _, text := range r.Leases {
		print := fingerprint(e.store.Epoch(), text)
		listed[print] = leaseHash(text)
		if id, ok := s.taken[print]; ok && s.held[id] == nil {
			drop = append(drop, id) // what it holds anew replaces the old lease by itself
		}
	}
	for _, h := range s.held {
		hash, ok := listed[h.lease]
		switch {
		case ok:
			h.acked, h.hash = true, hash
		case e.cluster != nil && h.delivery == earlier && e.pulse().Sub(h.since) < onItsWay:
			s.reconcile = true
		case h.arrived(r.Received) && h.reporting == 0:
			missing = append(missing, leased{s.record.Key, h.id, h.lease})
		}
	}
	return missing, drop
}

// onItsWay is how long after a session has moved a list that lacks something of what it held elsewhere says nothing: the
// other server's last answer to a poll may have arrived after the list was made. The worker is asked again.
const onItsWay = time.Second

// CloseSession gives back everything that a worker holds and ends its session.
func (e *Engine) CloseSession(ctx context.Context, c *Caller, id execution.ID) error {
	if e.cluster != nil {
		return e.cluster.closeSession(ctx, c, id)
	}
	s, err := e.matcher.contact(c, id, 0, nil)
	if err != nil {
		return err
	}
	x := e.recoverer.let(s)
	if x == nil {
		return errSessionLost
	}
	return e.recoverer.end(context.WithoutCancel(ctx), x)
}

// DrainSession stops handing out work to a worker; it keeps what it holds.
func (e *Engine) DrainSession(ctx context.Context, c *Caller, id execution.ID) error {
	if e.cluster != nil {
		return e.cluster.drainSession(ctx, c, id)
	}
	s, err := e.matcher.contact(c, id, 0, func(s *session) { s.draining = true })
	if err != nil {
		return err
	}
	return e.saveSession(s, false)
}

// WorkerView is a live worker as the API shows it.
type WorkerView struct {
	ID                execution.ID
	Name              string
	SDK               string
	Version           string
	Workflows         []string
	Capacity          int
	Held              int
	SeenAt, ExpiresAt execution.Time
	Draining          bool
}

// Sessions are the live workers of the caller's project, oldest first.
func (e *Engine) Sessions(ctx context.Context, c *Caller) ([]WorkerView, error) {
	m := e.matcher
	out := []WorkerView{}
	if e.cluster != nil {
		elsewhere, err := e.cluster.sessions(ctx, c.Project)
		if err != nil {
			return nil, err
		}
		out = elsewhere
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sessions {
		if s.record.Project != c.Project {
			continue
		}
		v := WorkerView{
			ID: s.record.ID, Name: s.record.Name, SDK: s.record.SDK, Version: s.record.Version,
			Capacity: int(s.record.Capacity), Held: len(s.held), SeenAt: max(s.seen, s.record.SeenAt), ExpiresAt: s.expires, Draining: s.draining,
			Workflows: []string{},
		}
		for _, w := range s.workflows {
			v.Workflows = append(v.Workflows, w.info.Name)
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b WorkerView) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return out, nil
}
