package engine

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// aliveFor is how long after its last contact a session without a parked poll may still be given work.
const aliveFor = time.Second

// matcher knows the live worker sessions and gives executions to them. It is memory only: what it promises becomes
// true in the store by the transaction that claims.
type matcher struct {
	e *Engine

	mu         sync.Mutex
	sessions   map[int64]*session // by the store's key
	byID       map[execution.ID]*session
	byWorkflow map[int64][]*session
	turn       int
}

// session is one live worker. The matcher's mutex guards it.
type session struct {
	record    store.Session
	workflows []*workflow

	held     map[execution.ID]*holding
	reserved int           // promised in the running transaction
	mailbox  []*assignment // claimed, not yet taken by a poll
	polling  int           // parked polls
	claiming bool          // a claim for it is with the committer
	seen     execution.Time
	expires  execution.Time
	wake     chan struct{} // a poll has something to look at

	delivery int64      // number of the latest delivery
	unacked  []*holding // handed over, not yet acknowledged, oldest first
	cancels  []execution.ID
	drops    []execution.ID

	solo      bool // holds an execution that must run alone
	soloNext  bool // takes no more until it is empty, then one that must run alone
	draining  bool
	lost      bool
	reconcile bool // the worker must list its leases
	mismatch  int  // heartbeats in a row whose digest differed
}

// holding is one execution that a session holds.
type holding struct {
	id        execution.ID
	lease     execution.Lease
	hash      uint64 // of the lease's text; 0 when only the fingerprint is known
	delivery  int64  // 0: still in the mailbox
	since     execution.Time
	acked     bool
	cancel    bool
	idleUntil execution.Time // the handler sleeps until then
}

// guilty reports whether a step may have been in flight.
func (h *holding) guilty(now execution.Time) bool { return h.acked && now >= h.idleUntil }

// assignment is a claim on its way to a worker.
type assignment struct {
	Assignment
	session *session
	print   execution.Lease
	waited  time.Duration
}

func newMatcher(e *Engine) *matcher {
	return &matcher{
		e: e, sessions: map[int64]*session{}, byID: map[execution.ID]*session{}, byWorkflow: map[int64][]*session{},
	}
}

// load takes over the sessions of the server's last life. Each gets one full lease before it is judged, and must list
// what it holds.
func (m *matcher) load(ctx context.Context) error {
	records, err := m.e.store.Sessions(ctx)
	if err != nil {
		return fmt.Errorf("read the sessions: %w", err)
	}
	now := m.e.store.Now()
	for _, r := range records {
		rows, err := m.e.store.Held(ctx, r.Key)
		if err != nil {
			return fmt.Errorf("read what sessions hold: %w", err)
		}
		s := m.add(r, now)
		s.reconcile = true
		for _, row := range rows {
			s.held[row.ID] = &holding{id: row.ID, lease: row.Lease, delivery: -1, since: now, cancel: row.CancelRequestedAt != 0}
		}
	}
	return nil
}

// add makes a session live.
func (m *matcher) add(r store.Session, now execution.Time) *session {
	s := &session{
		record: r, held: map[execution.ID]*holding{}, seen: now, expires: now.Add(m.e.cfg.Lease),
		wake: make(chan struct{}, 1), draining: r.Draining,
	}
	c := m.e.catalog.Load()
	for _, key := range r.Workflows {
		if w := c.workflows[key]; w != nil {
			s.workflows = append(s.workflows, w)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions[r.Key] = s
	m.byID[r.ID] = s
	for _, w := range s.workflows {
		m.byWorkflow[w.key] = append(m.byWorkflow[w.key], s)
	}
	return s
}

// remove ends a session. Whoever still refers to it sees it lost.
func (m *matcher) remove(s *session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.lost = true
	delete(m.sessions, s.record.Key)
	delete(m.byID, s.record.ID)
	for _, w := range s.workflows {
		m.byWorkflow[w.key] = slices.DeleteFunc(m.byWorkflow[w.key], func(x *session) bool { return x == s })
		if len(m.byWorkflow[w.key]) == 0 {
			delete(m.byWorkflow, w.key)
		}
	}
	s.poke()
}

// workers is how many live sessions serve the workflow.
func (m *matcher) workers(workflow int64) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, s := range m.byWorkflow[workflow] {
		if !s.draining {
			n++
		}
	}
	return n
}

// credit is how many more executions the session can take.
func (s *session) credit() int {
	holds := len(s.held) + s.reserved
	switch {
	case s.draining || s.lost || s.solo:
		return 0
	case s.soloNext:
		if holds > 0 {
			return 0
		}
		return 1
	}
	return int(s.record.Capacity) - holds
}

func (s *session) alive(now execution.Time) bool {
	return s.polling > 0 || now.Sub(s.seen) < aliveFor
}

// poke makes a parked poll look again.
func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// reserve finds a session that can take a new execution of the workflow right now, and promises it one. It returns nil
// while the queue may hold older ones.
func (m *matcher) reserve(w *workflow, now execution.Time) *session {
	if w.backlog.Load() || m.e.isDraining() {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.byWorkflow[w.key]
	for i := range list {
		s := list[(m.turn+i)%len(list)]
		if s.credit() > 0 && s.alive(now) && !s.soloNext {
			m.turn++
			s.reserved++
			return s
		}
	}
	return nil
}

// unreserve takes a promise back.
func (m *matcher) unreserve(a *assignment) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a.session.reserved--
	if len(a.session.held)+a.session.reserved == 0 {
		a.session.solo = false
	}
}

// deliver puts a durable claim into its session's mailbox.
func (m *matcher) deliver(a *assignment) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := a.session
	s.reserved--
	s.held[a.ID] = &holding{id: a.ID, lease: a.print, hash: leaseHash(a.Lease), since: a.Now}
	s.mailbox = append(s.mailbox, a)
	s.poke()
}

// release forgets an execution that the session no longer holds.
func (m *matcher) release(key int64, id execution.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[key]
	if s == nil {
		return
	}
	h := s.held[id]
	if h == nil {
		return
	}
	delete(s.held, id)
	h.cancel = false
	if len(s.held)+s.reserved == 0 {
		s.solo = false
	}
	if h.delivery == 0 {
		s.mailbox = slices.DeleteFunc(s.mailbox, func(a *assignment) bool { return a.ID == id })
	}
	h.id = execution.ID{} // no longer to be acknowledged
}

// tell lets the holder of an execution know that it must stop.
func (m *matcher) tell(key int64, id execution.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[key]
	if s == nil {
		return
	}
	h := s.held[id]
	if h == nil || h.cancel {
		return
	}
	h.cancel = true
	s.cancels = append(s.cancels, id)
	s.poke()
}

// dropped lets a worker know that an execution was taken from it.
func (m *matcher) dropped(key int64, id execution.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.sessions[key]; s != nil {
		s.drops = append(s.drops, id)
		s.poke()
	}
}

// acknowledge notes that the worker received every delivery up to n.
func (s *session) acknowledge(n int64) {
	i := 0
	for i < len(s.unacked) && s.unacked[i].delivery <= n {
		s.unacked[i].acked = true
		i++
	}
	if i > 0 {
		s.unacked = slices.Delete(s.unacked, 0, i)
	}
}

// contact finds a live session of the caller's project and notes that its worker was heard of.
func (m *matcher) contact(project int64, id execution.ID, received int64, f func(s *session)) (*session, error) {
	now := m.e.store.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.byID[id]
	if s == nil || s.lost || s.record.Project != project {
		return nil, errSessionLost
	}
	s.seen = now
	s.acknowledge(received)
	if f != nil {
		f(s)
	}
	return s, nil
}

// signals takes what the worker must be told; the matcher's mutex is held.
func (s *session) signals() (cancels, drops []execution.ID) {
	cancels, drops = s.cancels, s.drops
	s.cancels, s.drops = nil, nil
	return cancels, drops
}

// pump submits a claim for every session that has credit and serves a workflow with a backlog.
func (e *Engine) pump() {
	if e.isDraining() || !e.ready.Load() {
		return
	}
	m := e.matcher
	now := e.store.Now()
	m.mu.Lock()
	var claims []*claim
	for _, s := range m.sessions {
		if s.claiming || s.credit() <= 0 || !s.alive(now) {
			continue
		}
		for _, w := range s.workflows {
			if w.backlog.Load() {
				s.claiming = true
				claims = append(claims, &claim{e: e, session: s})
				break
			}
		}
	}
	m.mu.Unlock()
	for _, c := range claims {
		if !e.committer.submit(c) {
			c.settle(nil)
		}
	}
}

// leaseHash is the hash of a lease's text that goes into a heartbeat's digest.
func leaseHash(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	return h.Sum64()
}
