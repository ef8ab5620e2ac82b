package engine

import (
	"context"
	"fmt"
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
	holders    map[execution.ID]*session // which session holds an execution; nil without a cluster
	turn       int
}

// session is one live worker. The matcher's mutex guards it.
type session struct {
	m         *matcher
	record    store.Session
	workflows []*workflow

	held     map[execution.ID]*holding
	reserved int           // promised in the running transaction
	mailbox  []*assignment // claimed, not yet taken by a poll
	most     int           // most executions that its latest poll wanted, 0: any number
	polling  int           // parked polls
	claiming bool          // a claim for it is with the committer
	next     int           // where its next claim begins among its workflows
	cell     int           // of the store in which its latest claim looked
	seen     execution.Time
	expires  execution.Time
	beating  int           // heartbeats that are with the committer
	wake     chan struct{} // a poll has something to look at

	delivery int64      // number of the latest delivery
	unacked  []*holding // handed over, not yet acknowledged, oldest first
	cancels  []execution.ID
	drops    []execution.ID
	wakes    []execution.ID
	taken    map[execution.Lease]execution.ID // leases taken from it, for a worker that has missed it

	solo      bool // holds an execution that must run alone
	soloNext  bool // takes no more until it is empty, then one that must run alone
	draining  bool
	lost      bool
	moved     bool // with lost: it goes on at another server
	reconcile bool // the worker must list its leases
	mismatch  int  // heartbeats in a row whose digest differed

	// Of a cluster.
	born    int64            // ticks that had begun when it came here
	from    int64            // server that it came from; 0: none, or its worker has said since what it holds
	arrived execution.Time   // when it came from there
	checks  []execution.Time // when what it holds is read again, earliest first
}

// holding is one execution that a session holds.
type holding struct {
	id        execution.ID
	lease     execution.Lease
	hash      uint64 // of the lease's text; 0 when only the fingerprint is known
	revision  int64  // of the execution, as far as it is known
	delivery  int64  // 0: still in the mailbox; earlier: handed over in the server's last life
	since     execution.Time
	acked     bool
	cancel    bool
	wake      int64          // revision at which a wait ended that its worker has not asked about since, 0: none
	reporting int            // operations that are with the committer
	idleUntil execution.Time // the handler sleeps until then
}

// earlier is the delivery of what a session held already when the server started.
const earlier = -1

// guilty reports whether a step may have been in flight when the worker was last heard of.
func (h *holding) guilty(seen execution.Time) bool {
	return (h.acked || h.delivery == earlier) && seen >= h.idleUntil
}

// arrived reports whether the worker must know of the execution when it has seen every delivery up to received.
func (h *holding) arrived(received int64) bool {
	return h.delivery == earlier || h.delivery != 0 && h.delivery <= received
}

// assignment is a claim on its way to a worker.
type assignment struct {
	Assignment
	session *session
	row     *store.Row
	print   execution.Lease
	waited  time.Duration
}

// stands reports whether the row still has the claim: a later command of the same transaction may have ended it.
func (a *assignment) stands(r *store.Row) bool {
	return r != nil && r.ID == a.ID && r.Session == a.session.record.Key && r.Lease == a.print
}

func newMatcher(e *Engine) *matcher {
	m := &matcher{
		e: e, sessions: map[int64]*session{}, byID: map[execution.ID]*session{}, byWorkflow: map[int64][]*session{},
	}
	if e.cluster != nil {
		m.holders = map[execution.ID]*session{}
	}
	return m
}

// holds notes who holds the execution; the matcher's mutex is held.
func (m *matcher) holds(s *session, id execution.ID) {
	if m.holders == nil {
		return
	}
	if old := m.holders[id]; old != nil && old != s {
		if h := old.held[id]; h != nil {
			old.release(h, true)
		}
	}
	m.holders[id] = s
}

// load takes over the sessions of the server's last life. Each gets one full lease before it is judged, and must list
// what it holds. A session whose record is gone but that holds leases is taken over too, so that they end with it.
//
// In a cluster sessions come by themselves, with their next poll.
func (m *matcher) load(ctx context.Context) error {
	if m.e.cluster != nil {
		return nil
	}
	records, err := m.e.store.Sessions(ctx)
	if err != nil {
		return fmt.Errorf("read the sessions: %w", err)
	}
	rows, err := m.e.store.Held(ctx, 0)
	if err != nil {
		return fmt.Errorf("read what sessions hold: %w", err)
	}
	now := m.e.pulse()
	for _, r := range records {
		s := m.add(r, now)
		s.reconcile, s.seen = true, 0
		// Deliveries of the last life are acknowledged by number: those of this one come after all of them.
		s.delivery = int64(m.e.store.Now())
	}
	for _, row := range rows {
		s := m.sessions[row.Session]
		if s == nil {
			s = m.add(store.Session{Key: row.Session, Project: row.Project, ID: m.e.mint.id(), Name: "unknown", Draining: true}, now)
		}
		h := &holding{id: row.ID, lease: row.Lease, delivery: earlier, since: now, cancel: row.CancelRequestedAt != 0}
		s.held[row.ID] = h
		s.solo = s.solo || row.Solo()
		if h.cancel {
			s.cancels = append(s.cancels, row.ID)
		}
		if row.Inbox.Unseen() {
			s.wakeUp(h, row.Revision)
		}
	}
	return nil
}

// add makes a session live.
func (m *matcher) add(r store.Session, now execution.Time) *session {
	s := m.newSession(r, now)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.insert(s)
	return s
}

// newSession makes a session that is not live yet.
func (m *matcher) newSession(r store.Session, now execution.Time) *session {
	s := &session{
		m: m, record: r, held: map[execution.ID]*holding{}, seen: now, expires: now.Add(m.e.cfg.Lease),
		wake: make(chan struct{}, 1), draining: r.Draining,
	}
	c := m.e.catalog.Load()
	for _, key := range r.Workflows {
		if w := c.workflows[key]; w != nil {
			s.workflows = append(s.workflows, w)
		}
	}
	return s
}

// insert makes a session live; the matcher's mutex is held.
func (m *matcher) insert(s *session) {
	if m.e.cluster != nil {
		s.born = m.e.cluster.ticks.Load()
	}
	m.sessions[s.record.Key] = s
	m.byID[s.record.ID] = s
	for _, w := range s.workflows {
		m.byWorkflow[w.key] = append(m.byWorkflow[w.key], s)
	}
}

// remove ends a session; the matcher's mutex is held. Whoever still refers to it sees it lost.
func (m *matcher) remove(s *session) {
	s.lost = true
	if m.holders != nil {
		for id := range s.held {
			if m.holders[id] == s {
				delete(m.holders, id)
			}
		}
	}
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
	if m.e.cluster != nil {
		n = m.e.cluster.workers(workflow)
	}
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
	free := int(s.record.Capacity) - holds
	if s.most > 0 {
		free = min(free, s.most-len(s.mailbox)-s.reserved)
	}
	return free
}

// empty reports whether the session holds nothing and is promised nothing.
func (s *session) empty() bool { return len(s.held)+s.reserved == 0 }

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
	if w.backlog.any(len(m.e.committers)) || m.e.isDraining() {
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

// promise notes an execution that the session is about to get.
func (m *matcher) promise(s *session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.reserved++
}

// unreserve takes back the promise behind a claim.
func (m *matcher) unreserve(a *assignment) { m.unpromise(a.session) }

// unpromise takes a promise back.
func (m *matcher) unpromise(s *session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.reserved--
	if s.empty() {
		s.solo = false
	}
}

// deliver puts a durable claim into its session's mailbox.
func (m *matcher) deliver(a *assignment, cancel bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := a.session
	s.reserved--
	if s.moved {
		m.e.cluster.stray(leased{s.record.Key, a.ID, a.print})
		return
	}
	s.held[a.ID] = &holding{
		id: a.ID, lease: a.print, hash: leaseHash(a.Lease), since: m.e.pulse(), cancel: cancel, revision: a.row.Revision,
	}
	m.holds(s, a.ID)
	s.mailbox = append(s.mailbox, a)
	// What the worker has not yet been told about an earlier lease of the execution would be taken for this one's.
	s.drops = remove(s.drops, a.ID)
	s.cancels = remove(s.cancels, a.ID)
	s.wakes = remove(s.wakes, a.ID)
	if cancel {
		s.cancels = append(s.cancels, a.ID)
	}
	s.poke()
}

func remove(ids []execution.ID, id execution.ID) []execution.ID {
	if len(ids) == 0 {
		return ids
	}
	return slices.DeleteFunc(ids, func(x execution.ID) bool { return x == id })
}

// maxTaken bounds how many lost leases a session remembers.
const maxTaken = 10_000

// release forgets an execution that the session no longer holds. taken says that the worker does not know yet.
func (m *matcher) release(key int64, id execution.ID, taken bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.sessions[key]; s != nil {
		if h := s.held[id]; h != nil {
			s.release(h, taken)
		}
	}
}

// forget is release for a lease that turned out not to be the session's any more.
func (m *matcher) forget(key int64, id execution.ID, lease execution.Lease) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.sessions[key]; s != nil {
		if h := s.held[id]; h != nil && h.lease == lease {
			s.release(h, true)
		}
	}
}

// release is that of the matcher, with its mutex held.
func (s *session) release(h *holding, taken bool) {
	id := h.id
	delete(s.held, id)
	if s.m.holders != nil && s.m.holders[id] == s {
		delete(s.m.holders, id)
	}
	s.cancels = remove(s.cancels, id)
	s.wakes = remove(s.wakes, id)
	if s.empty() {
		s.solo = false
	}
	if h.delivery == 0 {
		s.mailbox = slices.DeleteFunc(s.mailbox, func(a *assignment) bool { return a.ID == id })
		taken = false // it was never handed over
	}
	if taken {
		s.drops = append(s.drops, id)
		if s.taken == nil || len(s.taken) >= maxTaken {
			s.taken = map[execution.Lease]execution.ID{}
		}
		s.taken[h.lease] = id
		s.poke()
	}
	h.id = execution.ID{} // no longer to be acknowledged
}

// tell lets the holder of an execution know that it must stop, as of a revision.
func (m *matcher) tell(key int64, id execution.ID, revision int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[key]
	if s == nil {
		if m.e.cluster != nil {
			m.e.cluster.post(key, id, letter{cancel: true, as: revision})
		}
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

// contact finds a live session that the caller may speak for and notes that its worker was heard of.
func (m *matcher) contact(c *Caller, id execution.ID, received int64, f func(s *session)) (*session, error) {
	now := m.e.pulse()
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.byID[id]
	if s == nil || s.lost || s.record.Project != c.Project {
		return nil, errSessionLost
	}
	if c.Workflows != nil {
		for _, w := range s.workflows {
			if !slices.Contains(c.Workflows, w.info.Name) {
				return nil, errSessionLost // the session of a key that may do more
			}
		}
	}
	s.seen = now
	s.acknowledge(received)
	if f != nil {
		f(s)
	}
	return s, nil
}

// signals is what a worker is told beside the answer to what it asked.
type signals struct {
	Cancel []execution.ID // it holds these and must stop them
	Drop   []execution.ID // these are no longer its own
	Wake   []execution.ID // it holds these, and a wait of them has ended: it asks again about those that it knows
}

func (s *signals) any() bool { return len(s.Cancel)+len(s.Drop)+len(s.Wake) > 0 }

// signals takes what the worker must be told; the matcher's mutex is held.
func (s *session) signals() signals {
	out := signals{s.cancels, s.drops, s.wakes}
	s.cancels, s.drops, s.wakes = nil, nil, nil
	return out
}

// pump submits a claim for every session that has credit and serves a workflow with a backlog.
func (e *Engine) pump() {
	if e.isDraining() || !e.ready.Load() {
		return
	}
	m := e.matcher
	now := e.pulse()
	m.mu.Lock()
	var claims []*claim
	for _, s := range m.sessions {
		if s.claiming || s.credit() <= 0 || !s.alive(now) {
			continue
		}
		for i := range e.committers {
			cell := (s.cell + 1 + i) % len(e.committers)
			if slices.ContainsFunc(s.workflows, func(w *workflow) bool { return m.worth(s, w, cell) }) {
				s.claiming, s.cell = true, cell
				claims = append(claims, &claim{e: e, session: s, at: cell, most: min(s.credit(), maxClaim)})
				break
			}
		}
	}
	m.mu.Unlock()
	for _, c := range claims {
		if !e.submit(c) {
			c.settle(nil)
		}
	}
}

// worth reports whether a claim for the session may find something in a cell of the workflow's queue; the mutex is held.
func (m *matcher) worth(s *session, w *workflow, cell int) bool {
	return w.backlog.has(cell) && !s.soloNext || m.worthSolo(s, w, cell)
}

// worthSolo reports whether the session should look for executions that must run alone: it can take one, or somebody
// has to be chosen who empties itself for one. The mutex is held.
func (m *matcher) worthSolo(s *session, w *workflow, cell int) bool {
	return w.solo.has(cell) && (s.empty() || !m.soloAwaited(w))
}

// soloAwaited reports whether a session of the workflow already empties itself for an execution that must run alone.
func (m *matcher) soloAwaited(w *workflow) bool {
	return slices.ContainsFunc(m.byWorkflow[w.key], func(s *session) bool { return s.soloNext && !s.draining })
}

// leaseHash is the FNV-1a hash of a lease's text that goes into a heartbeat's digest.
func leaseHash(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}
