package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

const (
	// tickEvery is the longest pause between two ticks of a server that no hint wakes.
	tickEvery = time.Second
	// tickPause is the shortest.
	tickPause = 10 * time.Millisecond
	// tickLimit is how many changes one tick reads.
	tickLimit = 10_000
	// nodeTTL is how long a server counts as alive after a tick.
	nodeTTL = 5 * time.Second
	// outage is how long a server goes without a tick before what it knows of workers counts as old.
	outage = 3 * time.Second
	// others is how long after its time something is left to the server whose part it is in.
	others = 2 * time.Second
)

// cluster is a server's place among the servers on the same data. What the others do it learns from the store alone,
// by ticks; nothing that it keeps must outlive the process.
type cluster struct {
	e     *Engine
	store store.Shared
	node  int64
	name  string

	wake  chan struct{}
	given chan struct{} // closed when a draining server has given back what its workers were not yet handed
	ticks atomic.Int64  // how many were begun
	good  atomic.Int64  // pulse of the last one that came back; 0: none yet
	place atomic.Pointer[place]
	reads atomic.Int64 // how often the catalog was read

	nextDue    atomic.Int64 // earliest timer of all, as of the last tick; 0: none
	deliveries dueDeliveries

	mu        sync.Mutex
	after     store.Cursor   // of the goroutine that ticks
	lookedIn  execution.Time // of the goroutine that ticks: when it last looked into all queues
	offset    time.Duration  // the database's clock minus the pulse
	judgeFrom execution.Time // pulse from which on sessions are judged
	marks     []store.SessionMark
	known     map[int64]*store.Session // all sessions of the cluster, as far as they were read
	knownIDs  map[execution.ID]int64
	moving    map[execution.ID]chan struct{} // sessions that are on their way here
	mail      mail
	closing   map[int64]bool // sessions whose workers let go, of which that could not be written yet
	looked    execution.Time // when leases without a session were last looked for
	strays    []leased       // claimed for sessions that had moved away
	orphans   []orphan
	countedAt execution.Time
	counted   map[int64]int // projects whose open executions are to be counted, and how often
	files     execution.Time
}

// place is a server's rank among those alive.
type place struct {
	rank  int
	nodes []int64
	infos []store.NodeInfo
}

func (p *place) alive(node int64) bool { return slices.Contains(p.nodes, node) }

func (p *place) part() store.Part { return store.Part{Index: p.rank, Of: len(p.nodes)} }

// newCluster is nil for a store that one server uses at a time.
func newCluster(e *Engine) *cluster {
	shared, ok := e.store.(store.Shared)
	if !ok {
		return nil
	}
	c := &cluster{
		e: e, store: shared, node: shared.Node(), name: e.cfg.Name, wake: make(chan struct{}, 1), given: make(chan struct{}),
		known: map[int64]*store.Session{}, knownIDs: map[execution.ID]int64{}, moving: map[execution.ID]chan struct{}{},
		closing: map[int64]bool{}, mail: newMail(), counted: map[int64]int{},
		files: e.pulse(), // they are added up at the start
	}
	if c.name == "" {
		c.name, _ = os.Hostname()
	}
	c.place.Store(&place{nodes: []int64{c.node}})
	return c
}

// part is the share of timers and messages that is this server's.
func (e *Engine) part() store.Part {
	if e.cluster == nil {
		return store.Part{}
	}
	return e.cluster.place.Load().part()
}

// first reports whether the server does what only one of them need do.
func (e *Engine) first() bool { return e.cluster == nil || e.cluster.place.Load().rank == 0 }

// poke makes the server tick soon.
func (c *cluster) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// now is the time by the database's clock.
func (c *cluster) now() execution.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.e.pulse().Add(c.offset)
}

// join ticks until the store answers.
func (c *cluster) join(ctx context.Context) error {
	for failures := 0; ; failures++ {
		_, err := c.tick(ctx)
		if err == nil {
			return nil
		}
		if failures == 0 && ctx.Err() == nil {
			c.e.log.Error("could not join the other servers, trying again", "error", err)
		}
		timer := time.NewTimer(tickEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// run ticks until ctx ends.
func (c *cluster) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { c.listen(ctx) })
	wg.Go(func() { c.drain(ctx) })
	failing := false
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-c.wake:
		}
		more, err := c.tick(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			c.e.log.Error("could not learn what other servers did, trying again", "error", err)
		}
		failing = err != nil
		pause := time.NewTimer(tickPause)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
		next := tickEvery - rand.N(tickEvery/5)
		if more {
			next = 0
		}
		timer.Reset(next)
	}
}

// listen lets hints of the others make the server tick.
func (c *cluster) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := c.store.Listen(ctx, c.poke)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			c.e.log.Warn("hints of other servers do not come; the server looks for itself every second", "error", err)
		}
		timer := time.NewTimer(tickEvery + rand.N(tickEvery))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// tick reads what the others did and passes it on. more says that there is more to read.
func (c *cluster) tick(ctx context.Context) (more bool, err error) {
	n := c.ticks.Add(1)
	q := store.TickQuery{
		Name: c.name, TTL: nodeTTL, After: c.after, Limit: tickLimit, Version: c.e.cfg.Version, StartedAt: c.e.startedAt,
	}
	x, err := c.store.Tick(ctx, q)
	if errors.Is(err, store.ErrCursor) {
		c.e.log.Warn("what other servers did cannot be followed from where it was left: everything is looked at again")
		q.After = ""
		if x, err = c.store.Tick(ctx, q); err == nil {
			c.lookAgain()
		}
	}
	if err != nil {
		return false, fmt.Errorf("tick: %w", err)
	}
	c.after = x.Next
	now := c.e.pulse()
	c.mu.Lock()
	c.offset = x.Now.Sub(now)
	if last := execution.Time(c.good.Load()); last == 0 || now.Sub(last) > outage {
		// Nobody could reach the database for a while: no worker is lost for that.
		c.judgeFrom = now.Add(c.e.cfg.Lease)
	}
	c.mu.Unlock()
	c.rank(x.Nodes)
	c.good.Store(int64(now))
	if version := c.e.catalog.Load().version; x.Catalog != version {
		c.recallAll(ctx)
	}
	for i := range x.Changes {
		c.learn(&x.Changes[i])
	}
	c.watched(x.Changes)
	c.compare(ctx, n, x)
	c.nextDue.Store(int64(x.NextDue))
	if x.NextDue != 0 {
		c.e.timekeeper.hint(x.NextDue)
	}
	if c.deliveries.told(x.NextDelivery, x.Now) {
		c.e.outgoing.hint()
	}
	c.tidy(ctx)
	c.count(ctx)
	if now.Sub(c.lookedIn) >= lookInEvery {
		c.lookedIn = now
		c.lookIn()
	}
	if len(x.Changes) > 0 {
		c.e.pump()
	}
	return x.More, nil
}

// lookInEvery is how often the queues are looked into whatever is known of them: an execution that another server had
// locked while this one looked, and left, is told to nobody.
const lookInEvery = 5 * time.Second

// lookIn looks into the queues of the workflows that are served here.
func (c *cluster) lookIn() {
	m := c.e.matcher
	m.mu.Lock()
	for key := range m.byWorkflow {
		if w := c.e.catalog.Load().workflows[key]; w != nil {
			w.backlog.fill()
			w.solo.fill()
		}
	}
	m.mu.Unlock()
	c.e.pump()
}

// rank takes over who is alive.
func (c *cluster) rank(nodes []store.NodeInfo) {
	p := &place{infos: nodes}
	for _, n := range nodes {
		p.nodes = append(p.nodes, n.Key)
	}
	if p.rank = slices.Index(p.nodes, c.node); p.rank < 0 {
		p = &place{rank: 0, nodes: []int64{c.node}}
	}
	c.place.Store(p)
}

// learn passes on what became of one execution elsewhere.
func (c *cluster) learn(x *store.Change) {
	e := c.e
	cell := e.cellOf(x.Execution)
	e.committers[cell].free(x.Execution)
	if x.Ready {
		if w := e.catalog.Load().workflows[x.Workflow]; w != nil {
			w.heard.Add(1) // before the flag: a claim that began earlier may not clear it
			if x.Solo {
				w.solo.set(cell)
			} else {
				w.backlog.set(cell)
			}
		}
	}
	if x.DueAt != 0 && e.part().Has(int64(x.Execution.Shard())) {
		e.timekeeper.hint(x.DueAt)
	}
	if x.Actionable {
		e.waiters.awaits(x.Execution)
	}
	if x.Status.Final() {
		e.waiters.look(x.Execution)
	}
	if !e.matcher.learn(x) {
		c.mu.Lock()
		c.mail.learn(x)
		c.mu.Unlock()
	}
	c.mu.Lock()
	c.counted[x.Project] = 2
	c.mu.Unlock()
}

// learn takes over what became of an execution that a session here holds. It returns false when what must be said about
// it concerns a session that lives elsewhere, or none.
func (m *matcher) learn(x *store.Change) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.holders[x.Execution]; s != nil {
		h := s.held[x.Execution]
		switch {
		case h == nil || x.Revision <= h.revision:
			// It tells of something before this claim.
		case x.Session != s.record.Key:
			// Workers know what they reported themselves.
			s.release(h, x.Status == execution.Cancelled)
		default:
			h.revision = x.Revision
			if x.CancelRequested && !h.cancel {
				h.cancel = true
				s.cancels = append(s.cancels, h.id)
				s.poke()
			}
			if x.Woken {
				s.wakeUp(h, x.Revision)
			}
		}
	}
	return x.Session != 0 && m.sessions[x.Session] != nil
}

// watched wakes the streams of what changed.
func (c *cluster) watched(list []store.Change) {
	w := c.e.watchers
	if w.n.Load() == 0 || len(list) == 0 {
		return
	}
	w.noteMu.Lock()
	for i := range list {
		w.noteID(list[i].Execution, list[i].Project)
	}
	w.noteMu.Unlock()
	w.poke()
}

// lookAgain treats everything as changed, because nobody knows what was.
func (c *cluster) lookAgain() {
	e := c.e
	for _, w := range e.catalog.Load().workflows {
		w.backlog.fill()
		w.solo.fill()
	}
	e.waiters.lookAll()
	e.watchers.noteAll()
	m := e.matcher
	m.mu.Lock()
	for _, s := range m.sessions {
		s.checks = append(s.checks, e.pulse())
	}
	m.mu.Unlock()
	e.pump()
}

// lookAll wakes everybody without telling how anything ended.
func (w *waiters) lookAll() {
	for i := range w.shards {
		s := &w.shards[i]
		s.mu.Lock()
		ids := make([]execution.ID, 0, len(s.by))
		for id := range s.by {
			ids = append(ids, id)
		}
		s.mu.Unlock()
		for _, id := range ids {
			w.look(id)
		}
	}
}

// noteAll wakes every stream.
func (w *watchers) noteAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, list := range w.executions {
		for _, x := range list {
			x.hint()
		}
	}
	for _, list := range w.projects {
		for _, x := range list {
			x.hint()
		}
	}
}

// reachable is nil when the last tick is not long ago.
func (c *cluster) reachable() error {
	if good := execution.Time(c.good.Load()); good == 0 || c.e.pulse().Sub(good) > nodeTTL {
		return errors.New("the database does not answer")
	}
	return nil
}

// handOver waits until what workers were not yet handed is given back.
func (c *cluster) handOver() {
	if c.good.Load() == 0 {
		return
	}
	timer := time.NewTimer(nodeTTL)
	defer timer.Stop()
	select {
	case <-c.given:
	case <-timer.C:
	}
}

// leave takes the server out of the list of those alive.
func (c *cluster) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), nodeTTL)
	defer cancel()
	if err := c.store.Leave(ctx); err != nil {
		c.e.log.Warn("could not tell the other servers of the end; they notice by themselves", "error", err)
	}
}
