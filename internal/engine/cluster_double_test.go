package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
	"github.com/sojournhq/sojourn/internal/store/sqlite"
)

// hub is one store that several servers use: it does for a store of a single server what a database does for many.
type hub struct {
	base store.Store

	commits sync.Mutex // held by the commit under way: the log has their order

	mu      sync.Mutex
	log     []hubEntry
	nodes   map[int64]hubNode
	extras  map[int64]store.Session // what a single server's store does not keep of a session
	ears    map[*peer]func()
	deaf    bool                  // hints are lost
	locked  map[execution.ID]bool // rows that another transaction holds
	servers int64
	forgets int // places of the log before this one are no longer kept
}

type hubEntry struct {
	node   int64
	change store.Change
}

type hubNode struct {
	name    string
	expires execution.Time
}

// peer is a server's side of a hub.
type peer struct {
	store.Store
	h    *hub
	node int64

	mu   sync.Mutex
	dead error
}

func newHub(base store.Store) *hub {
	return &hub{
		base: base, nodes: map[int64]hubNode{}, extras: map[int64]store.Session{}, ears: map[*peer]func(){},
		locked: map[execution.ID]bool{},
	}
}

func (h *hub) join(t *testing.T) *peer {
	t.Helper()
	node, err := h.base.NewKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &peer{Store: h.base, h: h, node: node}
}

// lock makes rows busy for everybody, or free again.
func (h *hub) lock(ids ...execution.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.locked)
	for _, id := range ids {
		h.locked[id] = true
	}
}

// cut separates the server from the database, as its end does.
func (p *peer) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = errors.New("the connection is gone")
}

func (p *peer) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = nil
}

func (p *peer) alive() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

func (p *peer) Node() int64 { return p.node }

func (p *peer) Commit(ctx context.Context, need *store.Need, decide func(*store.Loaded) *store.Changes) error {
	if err := p.alive(); err != nil {
		return err
	}
	h := p.h
	h.commits.Lock()
	defer h.commits.Unlock()
	var told []store.Change
	var sessions []store.Session
	var gone []int64
	err := p.Store.Commit(ctx, need, func(l *store.Loaded) *store.Changes {
		told, sessions, gone = nil, nil, nil
		l.Busy = nil
		h.mu.Lock()
		for _, x := range l.Sessions {
			if x != nil {
				h.fill(x)
			}
		}
		if len(h.locked) > 0 {
			l.Busy = make([]bool, len(need.Executions))
			for i, id := range need.Executions {
				if h.locked[id] {
					l.Busy[i], l.Executions[i] = true, nil
				}
			}
			for i := range l.Claims {
				l.Claims[i] = slices.DeleteFunc(l.Claims[i], func(c store.Claimable) bool { return h.locked[c.Row.ID] })
			}
		}
		h.mu.Unlock()
		c := decide(l)
		if c == nil {
			return nil
		}
		for _, r := range c.Insert {
			told = append(told, store.ChangeOf(r))
		}
		for _, u := range c.Update {
			told = append(told, store.ChangeOf(u.Row))
		}
		sessions, gone = slices.Clone(c.Sessions), slices.Clone(c.Gone)
		keys := map[int64]bool{}
		for _, x := range sessions {
			if keys[x.Key] {
				panic("a session is saved twice in a transaction")
			}
			keys[x.Key] = true
		}
		return c
	})
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, x := range sessions {
		h.extras[x.Key] = x
	}
	for _, key := range gone {
		delete(h.extras, key)
	}
	for _, c := range told {
		h.log = append(h.log, hubEntry{p.node, c})
	}
	if len(told)+len(sessions) > 0 && !h.deaf {
		for q, hint := range h.ears {
			if q != p {
				hint()
			}
		}
	}
	return nil
}

// fill completes a session; h.mu is held.
func (h *hub) fill(x *store.Session) {
	e := h.extras[x.Key]
	x.Node, x.Term, x.Received, x.Unsure = e.Node, e.Term, e.Received, e.Unsure
}

func (p *peer) Sessions(ctx context.Context) ([]store.Session, error) {
	if err := p.alive(); err != nil {
		return nil, err
	}
	list, err := p.Store.Sessions(ctx)
	p.h.mu.Lock()
	defer p.h.mu.Unlock()
	for i := range list {
		p.h.fill(&list[i])
	}
	return list, err
}

func (p *peer) Held(ctx context.Context, session int64) ([]*store.Row, error) {
	if err := p.alive(); err != nil {
		return nil, err
	}
	return p.Store.Held(ctx, session)
}

func (p *peer) Tick(ctx context.Context, q store.TickQuery) (*store.Tick, error) {
	if err := p.alive(); err != nil {
		return nil, err
	}
	// A snapshot: no commit is between its parts.
	p.h.commits.Lock()
	defer p.h.commits.Unlock()
	catalog, err := p.Store.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	list, err := p.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	due, err := p.NextDue(ctx)
	if err != nil {
		return nil, err
	}
	letters, err := p.DueDeliveries(ctx, store.DueQuery{Now: math.MaxInt64, Each: 1, Limit: 1000})
	if err != nil {
		return nil, err
	}
	x := &store.Tick{Now: p.Now(), NextDue: due, Catalog: catalog.Version}
	for _, d := range letters.Due {
		if x.NextDelivery == 0 || d.DueAt < x.NextDelivery {
			x.NextDelivery = d.DueAt
		}
	}
	for _, s := range list {
		x.Sessions = append(x.Sessions, store.SessionMark{
			Key: s.Key, Node: s.Node, Term: s.Term, ExpiresAt: s.ExpiresAt, Received: s.Received, Unsure: s.Unsure, Draining: s.Draining,
		})
	}
	h := p.h
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nodes[p.node] = hubNode{q.Name, x.Now.Add(q.TTL)}
	for key, n := range h.nodes {
		if n.expires > x.Now {
			x.Nodes = append(x.Nodes, store.NodeInfo{Key: key, Name: n.name})
		}
	}
	slices.SortFunc(x.Nodes, func(a, b store.NodeInfo) int { return int(a.Key - b.Key) })
	at := len(h.log)
	if q.After != "" {
		if at, err = strconv.Atoi(string(q.After)); err != nil || at < h.forgets || at > len(h.log) {
			return nil, fmt.Errorf("%w: %q", store.ErrCursor, q.After)
		}
	}
	for ; at < len(h.log) && len(x.Changes) < q.Limit; at++ {
		if h.log[at].node != p.node {
			x.Changes = append(x.Changes, h.log[at].change)
		}
	}
	x.More = at < len(h.log)
	x.Next = store.Cursor(strconv.Itoa(at))
	return x, nil
}

func (p *peer) Leave(context.Context) error {
	if err := p.alive(); err != nil {
		return err
	}
	p.h.mu.Lock()
	defer p.h.mu.Unlock()
	delete(p.h.nodes, p.node)
	return nil
}

func (p *peer) Listen(ctx context.Context, hint func()) error {
	p.h.mu.Lock()
	p.h.ears[p] = hint
	p.h.mu.Unlock()
	<-ctx.Done()
	p.h.mu.Lock()
	delete(p.h.ears, p)
	p.h.mu.Unlock()
	return ctx.Err()
}

// server is one of several engines on the same data.
type server struct {
	*bench
	peer   *peer
	faults *faultstore.Shared
}

// servers runs a test in virtual time with several engines on one store.
func servers(t *testing.T, n int, f func(t *testing.T, h *hub, list []*server), change ...func(*engine.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		st, err := sqlite.Open(t.Context(), sqlite.Config{Memory: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		h := newHub(st)
		var list []*server
		for range n {
			list = append(list, h.server(t, change...))
		}
		list[0].settled(list...)
		f(t, h, list)
		for _, s := range list {
			s.faults.Set(nil)
			s.peer.mend()
			if err := s.stop(); err != nil {
				t.Errorf("engine: %v", err)
			}
		}
		list[0].audit()
	})
}

// server starts one more engine on the data.
func (h *hub) server(t *testing.T, change ...func(*engine.Config)) *server {
	t.Helper()
	p := h.join(t)
	fs := faultstore.NewShared(p)
	s := &server{bench: run(t, fs, change...), peer: p, faults: fs}
	const most = 8
	h.servers++
	s.Spread(h.servers%most, most)
	return s
}

// settled waits until the servers know of each other.
func (s *server) settled(...*server) {
	time.Sleep(1500 * time.Millisecond)
	synctest.Wait()
}

// at is the worker as it goes on at another server.
func (w *worker) at(s *server) *worker { return w.adopt(s.bench) }
