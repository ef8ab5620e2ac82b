package storetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// pair is two servers on the same data.
type pair struct {
	*World // on the first server
	a, b   store.Shared
	after  map[store.Shared]store.Cursor
}

// ttl is how long a server of a test counts as alive.
const ttl = time.Minute

// shared tests what several servers on the same data see of each other. A store that one server uses at a time has
// nothing to show.
func shared(t *testing.T, h Harness) {
	for name, test := range map[string]func(*testing.T, *pair){
		"servers know each other":             sharedNodes,
		"changes of others are told in order": sharedChanges,
		"changes come in pages":               sharedPages,
		"a cursor of elsewhere is refused":    sharedCursor,
		"locked rows are busy":                sharedBusy,
		"sessions move":                       sharedSessions,
		"timers and the catalog are told":     sharedTimers,
		"hints come":                          sharedHints,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := h.Open(t)
			a, ok := s.(store.Shared)
			if !ok || h.NoHints && name == "hints come" || h.NoBusy && name == "locked rows are busy" {
				return
			}
			p := &pair{World: NewWorld(t, s, 3), a: a, b: h.Join(t, s), after: map[store.Shared]store.Cursor{}}
			p.tick(p.a)
			p.tick(p.b)
			test(t, p)
			p.Audit()
		})
	}
}

// tick makes a server tick and go on from there.
func (p *pair) tick(s store.Shared) *store.Tick {
	p.T.Helper()
	x, err := s.Tick(p.T.Context(), store.TickQuery{
		Name: "node", TTL: ttl, After: p.after[s], Limit: 1000, Version: "v1.2", StartedAt: 77,
	})
	if err != nil {
		p.T.Fatalf("tick: %v", err)
	}
	if x.Next == "" {
		p.T.Fatal("a tick gave no cursor")
	}
	p.after[s] = x.Next
	return x
}

// seen ticks until the changes that were told fulfil the condition, and returns them all.
func (p *pair) seen(s store.Shared, enough func([]store.Change) bool) []store.Change {
	p.T.Helper()
	var all []store.Change
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		all = append(all, p.tick(s).Changes...)
		if enough(all) {
			return all
		}
		if time.Now().After(end) {
			p.T.Fatalf("told only %+v", all)
		}
	}
}

// last is the latest change of the execution.
func last(list []store.Change, id execution.ID) (c store.Change) {
	for _, x := range list {
		if x.Execution == id {
			c = x
		}
	}
	return c
}

func (p *pair) on(s store.Shared) *World {
	w := *p.World
	w.Store = s
	w.millis, w.counter = w.millis+1000, 0
	return &w
}

func sharedNodes(t *testing.T, p *pair) {
	keys := func(x *store.Tick) (keys []int64) {
		for _, n := range x.Nodes {
			keys = append(keys, n.Key)
			// A server writes what it takes the database's time to be, which may be a little ahead of it.
			if n.Name != "node" || n.Version != "v1.2" || n.StartedAt != 77 || n.SeenAt <= 77 || n.SeenAt > x.Now.Add(time.Second) {
				t.Errorf("server %d tells %+v of itself at %d", n.Key, n, x.Now)
			}
		}
		return keys
	}
	want := []int64{p.a.Node(), p.b.Node()}
	slices.Sort(want)
	if want[0] == want[1] || want[0] == 0 {
		t.Fatalf("servers have the keys %v", want)
	}
	if got := keys(p.tick(p.a)); !slices.Equal(got, want) {
		t.Errorf("alive are %v, want %v", got, want)
	}
	if err := p.b.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := keys(p.tick(p.a)); !slices.Equal(got, []int64{p.a.Node()}) {
		t.Errorf("after one left alive are %v", got)
	}
	// It comes back by ticking, for as long as it says.
	if _, err := p.b.Tick(t.Context(), store.TickQuery{
		Name: "node", TTL: 500 * time.Millisecond, Limit: 10, Version: "v1.2", StartedAt: 77,
	}); err != nil {
		t.Fatal(err)
	}
	if got := keys(p.tick(p.a)); !slices.Equal(got, want) {
		t.Errorf("after it came back alive are %v, want %v", got, want)
	}
	for end := time.Now().Add(10 * time.Second); len(p.tick(p.a).Nodes) > 1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a silent server still counts as alive")
		}
	}
}

func sharedChanges(t *testing.T, p *pair) {
	id := p.Start()
	list := p.seen(p.b, func(l []store.Change) bool { return last(l, id).Revision >= 1 })
	if want := store.ChangeOf(p.Get(id)); !reflect.DeepEqual(last(list, id), want) {
		t.Errorf("told %+v, want %+v", last(list, id), want)
	}
	if c := last(list, id); !c.Ready || c.Session != 0 {
		t.Errorf("a start is told as %+v", c)
	}
	p.Claim(id)
	p.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
		e, _, err := r.RequestCancel(execution.Cancel{Reason: execution.CancelByRequest, Grace: time.Minute}, now)
		return one(e, err)
	})
	revision := p.Get(id).Revision
	list = p.seen(p.b, func(l []store.Change) bool { return last(l, id).Revision >= revision })
	if c := last(list, id); c.Ready || c.Session != p.Session || !c.CancelRequested || c.DueAt == 0 {
		t.Errorf("a claim and a cancel are told as %+v", c)
	}
	for i := 1; i < len(list); i++ {
		if list[i].Execution == id && list[i].Revision <= list[i-1].Revision {
			t.Errorf("told out of order: %+v", list)
		}
	}
	p.Complete(id, `1`)
	list = p.seen(p.b, func(l []store.Change) bool { return last(l, id).Status.Final() })
	if c := last(list, id); c.Status != execution.Completed || c.Session != 0 || c.DueAt != 0 {
		t.Errorf("an end is told as %+v", c)
	}
	if x := p.tick(p.b); len(x.Changes) != 0 || x.More {
		t.Errorf("told again: %+v", x)
	}
	if x := p.tick(p.a); len(x.Changes) != 0 {
		t.Errorf("a server is told of its own: %+v", x.Changes)
	}
	other := p.on(p.b).Start()
	p.seen(p.a, func(l []store.Change) bool { return last(l, other).Ready })
}

func sharedPages(t *testing.T, p *pair) {
	want := map[execution.ID]bool{}
	for range 25 {
		want[p.Start()] = true
	}
	after := p.after[p.b]
	for end := time.Now().Add(10 * time.Second); len(want) > 0; {
		x, err := p.b.Tick(t.Context(), store.TickQuery{Name: "node", TTL: ttl, After: after, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(x.Changes) > 10 {
			t.Errorf("%d changes in a page of 10", len(x.Changes))
		}
		for _, c := range x.Changes {
			delete(want, c.Execution)
		}
		after = x.Next
		if !x.More && time.Now().After(end) {
			t.Fatalf("not told of %v", want)
		}
	}
}

func sharedCursor(t *testing.T, p *pair) {
	_, err := p.b.Tick(t.Context(), store.TickQuery{Name: "node", TTL: ttl, After: "elsewhere", Limit: 10})
	if !errors.Is(err, store.ErrCursor) {
		t.Errorf("a foreign cursor gives %v, want ErrCursor", err)
	}
}

func sharedBusy(t *testing.T, p *pair) {
	busy, free := p.Start(), p.Start()
	need := func(ids ...execution.ID) *store.Need { return &store.Need{Executions: ids} }
	p.MustCommit(*need(busy), func(l *store.Loaded, tx *Tx) {
		err := p.b.Commit(t.Context(), need(busy, free, busy, p.ID()), func(l *store.Loaded) *store.Changes {
			if l.Executions[0] != nil || l.Executions[1] == nil || l.Executions[2] != nil || l.Executions[3] != nil ||
				!slices.Equal(l.Busy, []bool{true, false, true, false}) {
				t.Errorf("loaded %v, busy %v", l.Executions, l.Busy)
			}
			return nil
		})
		if err != nil {
			t.Errorf("a commit beside another: %v", err)
		}
		err = p.b.Commit(t.Context(), &store.Need{Claims: []store.ClaimNeed{{Workflow: p.Workflows[0], Limit: 10}}}, func(l *store.Loaded) *store.Changes {
			if len(l.Claims[0]) != 1 || l.Claims[0][0].Row.ID != free {
				t.Errorf("claimable beside a locked row: %+v", l.Claims[0])
			}
			return nil
		})
		if err != nil {
			t.Errorf("a claim beside another commit: %v", err)
		}
		tx.w = p.World
		if err := tx.Apply(l.Executions[0], func(r *store.Row) ([]execution.Event, error) {
			return one(r.Claim(execution.Claim{Session: p.Session, Lease: Lease}, l.Now))
		}); err != nil {
			t.Error(err)
		}
	})
	err := p.b.Commit(t.Context(), need(busy), func(l *store.Loaded) *store.Changes {
		if l.Executions[0] == nil || l.Executions[0].Revision != 2 || l.Busy != nil && l.Busy[0] {
			t.Errorf("after the commit: %+v, busy %v", l.Executions[0], l.Busy)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func sharedSessions(t *testing.T, p *pair) {
	w := p.on(p.b)
	var x store.Session
	w.MustCommit(store.Need{Sessions: []int64{p.Session}}, func(l *store.Loaded, tx *Tx) {
		x = *l.Sessions[0]
		x.Node, x.Term, x.Received, x.Unsure, x.Draining = p.b.Node(), 7, 1<<50, true, true
		tx.Sessions = []store.Session{x}
	})
	all, err := p.a.Sessions(t.Context())
	if err != nil || len(all) != 1 || !reflect.DeepEqual(all[0], x) {
		t.Errorf("%v: session %+v came back as %+v", err, x, all)
	}
	want := store.SessionMark{
		Key: x.Key, Node: x.Node, Term: x.Term, ExpiresAt: x.ExpiresAt, Received: x.Received, Unsure: true, Draining: true,
	}
	if got := p.tick(p.a).Sessions; !slices.Equal(got, []store.SessionMark{want}) {
		t.Errorf("marks %+v, want %+v", got, want)
	}
	w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Gone = []int64{p.Session} })
	if got := p.tick(p.a).Sessions; len(got) != 0 {
		t.Errorf("marks of sessions that are gone: %+v", got)
	}
}

func sharedTimers(t *testing.T, p *pair) {
	x := p.tick(p.b)
	if x.NextDue != 0 || x.NextDelivery != 0 || x.Catalog != p.catalog(t).Version {
		t.Errorf("an idle store is told as %+v", x)
	}
	at := p.Store.Now().Add(time.Hour)
	p.Start(func(s *execution.Start) { s.StartAt = at.Add(time.Hour) })
	p.Start(func(s *execution.Start) { s.StartAt = at })
	e := p.endpoint()
	p.deliver(e.Key, func(d *store.Delivery) { d.DueAt = at + 5 })
	p.deliver(e.Key, func(d *store.Delivery) { d.DueAt = at + 4 })
	y := p.tick(p.b)
	if y.NextDue != at || y.NextDelivery != at+4 {
		t.Errorf("next due %d and %d, want %d and %d", y.NextDue, y.NextDelivery, at, at+4)
	}
	if y.Catalog <= x.Catalog {
		t.Errorf("the catalog went from %d to %d with a new endpoint", x.Catalog, y.Catalog)
	}
}

func sharedHints(t *testing.T, p *pair) {
	ctx, stop := context.WithCancel(t.Context())
	hinted := make(chan struct{}, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- p.b.Listen(ctx, func() {
			select {
			case hinted <- struct{}{}:
			default:
			}
		})
	}()
	// A hint may be lost, and those before the listener is there are.
	w := p.World
	for end, told := time.Now().Add(20*time.Second), false; !told; {
		w.Start()
		select {
		case <-hinted:
			told = true
		case err := <-ended:
			t.Fatalf("listening ended: %v", err)
		case <-time.After(50 * time.Millisecond):
			if time.Now().After(end) {
				t.Fatal("no hint came")
			}
		}
	}
	stop()
	<-ended //nolint:errcheck // it was told to end
}
