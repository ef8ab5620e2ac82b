package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
	"github.com/sojournhq/sojourn/internal/store/teststore"
)

// fleet is several servers on one PostgreSQL database, in real time. On another store there is nothing to test: the
// tests on a double run everywhere.
func fleet(t *testing.T, n int, change ...func(*engine.Config)) []*server {
	t.Helper()
	address := teststore.Address(t)
	if address == "" {
		return nil
	}
	var list []*server
	for range n {
		fs := faultstore.NewShared(teststore.At(t, address))
		s := &server{bench: run(t, fs, change...), faults: fs}
		list = append(list, s)
	}
	t.Cleanup(func() {
		for _, s := range list {
			s.faults.Set(nil)
			if err := s.stop(); err != nil {
				t.Errorf("engine: %v", err)
			}
		}
		findings, err := list[0].store.Audit(context.WithoutCancel(t.Context()))
		if err != nil || len(findings) > 0 {
			t.Errorf("audit: %v, %v", findings, err)
		}
	})
	for _, s := range list {
		eventually(t, "a server becomes ready", func() bool { return s.Ready() == nil })
	}
	return list
}

// eventually returns once the condition holds, in real time.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// Workers whose requests go to whatever server, while servers are replaced, lose nothing and do nothing twice.
func TestAFleetOnPostgres(t *testing.T) {
	t.Parallel()
	list := fleet(t, 3, func(c *engine.Config) { c.Lease = 3 * time.Second })
	if list == nil {
		return
	}
	const many, each = 300, 4
	var mu sync.Mutex
	var turn atomic.Int64
	pick := func() *server { return list[(turn.Add(1)+rand.Int64N(2))%3] }
	ran := map[string]int{}
	ended := map[execution.ID]int{}
	done := make(chan struct{})
	var left atomic.Int64
	left.Store(many)
	var loops sync.WaitGroup
	unavailable := func(err error) bool { return code(err) == "unavailable" }
	for range each {
		first := list[0].worker(16, "echo")
		held := map[execution.ID]engine.Assignment{}
		holding := func() (out []engine.Assignment) {
			mu.Lock()
			defer mu.Unlock()
			for _, x := range held {
				out = append(out, x)
			}
			return out
		}
		report := func(o engine.Operation) engine.OpResult {
			for {
				s := pick()
				r, err := s.Report(t.Context(), s.root, &engine.ReportRequest{Session: first.id, Received: first.received.Load(), Operations: []engine.Operation{o}})
				if unavailable(err) {
					continue
				}
				if err != nil {
					return engine.OpResult{Err: err}
				}
				return r.Results[0]
			}
		}
		handle := func(x engine.Assignment) {
			known := map[string]bool{}
			for _, r := range x.Recorded {
				known[r.Step] = true
			}
			for i := range 3 {
				name := fmt.Sprint("step ", i)
				if known[name] {
					continue
				}
				if r := report(step(x, name, `1`)); r.Err != nil {
					t.Errorf("step of %s: %v", x.ID, r.Err)
					return
				}
				mu.Lock()
				ran[x.ID.String()+name]++
				mu.Unlock()
			}
			r := report(complete(x, `{}`))
			mu.Lock()
			delete(held, x.ID)
			ended[x.ID]++
			mu.Unlock()
			if r.Err != nil {
				t.Errorf("end of %s: %v", x.ID, r.Err)
			}
			if left.Add(-1) == 0 {
				close(done)
			}
		}
		loops.Go(func() {
			for !closed(done) {
				select {
				case <-done:
				case <-time.After(time.Second):
				}
				v := first.at(pick())
				r, err := v.tryBeat(holding()...)
				if err == nil && r.Reconcile {
					_, err = v.tryList(holding()...)
				}
				if err != nil && !unavailable(err) {
					t.Errorf("heartbeat: %v", err)
				}
			}
		})
		loops.Go(func() {
			at := pick()
			for n := 0; !closed(done); n++ {
				if n%10 == 9 {
					at = pick()
				}
				r, err := at.Poll(t.Context(), at.root, &engine.PollRequest{Session: first.id, Received: first.received.Load(), Wait: 500 * time.Millisecond})
				if unavailable(err) {
					continue
				}
				if err != nil {
					t.Errorf("poll: %v", err)
					return
				}
				first.receive(r)
				mu.Lock()
				for _, x := range r.Executions {
					if old, ok := held[x.ID]; ok && old.Lease == x.Lease {
						continue
					}
					held[x.ID] = x
					loops.Go(func() { handle(x) })
				}
				mu.Unlock()
			}
		})
	}
	var all []execution.ID
	for i := range many {
		all = append(all, list[i%3].start("echo").ID)
	}
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		t.Errorf("%d executions are left", left.Load())
		close(done)
	}
	loops.Wait()
	for _, id := range all {
		list[2].wantStatus(id, execution.Completed)
		if ended[id] != 1 {
			t.Errorf("%s was ended %d times", id, ended[id])
		}
		for i := range 3 {
			if n := ran[id.String()+fmt.Sprint("step ", i)]; n != 1 {
				t.Errorf("step %d of %s was recorded %d times", i, id, n)
			}
		}
	}
}

func TestAFleetSeesWhatEachServerDoes(t *testing.T) {
	t.Parallel()
	list := fleet(t, 2)
	if list == nil {
		return
	}
	a, b := list[0], list[1]
	w := b.worker(1, "echo")
	defer w.live(none)()
	var took []time.Duration
	rounds := 30
	if !teststore.Hints() {
		rounds = 8 // each takes two ticks
	}
	for range rounds {
		s := a.start("echo")
		x := w.poll()[0]
		ended := make(chan time.Time, 1)
		go func() {
			if _, err := a.Get(t.Context(), a.root, s.ID, engine.GetOptions{Wait: time.Minute}); err != nil {
				t.Error(err)
			}
			ended <- time.Now()
		}()
		eventually(t, "the request is held", func() bool { return a.Holds(s.ID) })
		accepted(t, w.report(complete(x, `{}`)))
		began := time.Now()
		took = append(took, (<-ended).Sub(began))
	}
	slices.Sort(took)
	// On a machine that does much else the worst are of no use.
	if most := took[len(took)/2]; most > 1200*time.Millisecond || teststore.Hints() && most > 200*time.Millisecond {
		t.Errorf("half of the holds took more than %s", most)
	}
	t.Logf("half %s, most %s", took[len(took)/2], took[len(took)-1])
	// A cancel reaches the worker elsewhere.
	s := a.start("echo")
	w.poll()
	if _, _, err := a.Cancel(t.Context(), a.root, s.ID, engine.CancelRequest{}); err != nil {
		t.Fatal(err)
	}
	for {
		if r := w.pollFor(10 * time.Second); slices.Contains(r.Cancel, s.ID) {
			break
		}
	}
}

func TestAFleetReplacesAServer(t *testing.T) {
	t.Parallel()
	list := fleet(t, 2, func(c *engine.Config) { c.Lease = 2 * time.Second })
	if list == nil {
		return
	}
	a, b := list[0], list[1]
	w := a.worker(50, "echo")
	beating := make(chan struct{})
	beat := func(v *worker, until chan struct{}) {
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for {
			_, _ = v.tryBeat()
			select {
			case <-until:
				return
			case <-tick.C:
			}
		}
	}
	opened := a.Now()
	var old sync.WaitGroup
	old.Go(func() { beat(w, beating) })
	silence := sync.OnceFunc(func() {
		close(beating)
		old.Wait()
	})
	defer silence()
	// A server judges nobody within a lease of its beginning: both are older than that once the other one has heard of a
	// heartbeat that came later.
	eventually(t, "the other server hears of heartbeats", func() bool {
		list := mustSessions(t, b)
		return len(list) == 1 && list[0].SeenAt.Sub(opened) > 2*time.Second
	})
	for range 50 {
		a.start("echo")
	}
	var got []engine.Assignment
	for len(got) < 50 {
		got = append(got, w.poll()...)
	}
	silence()
	// The server is cut off, with its workers.
	a.faults.Set(func(c faultstore.Call) faultstore.Fault { return faultstore.Before })
	died := time.Now()
	v := b.worker(50, "echo")
	alive := make(chan struct{})
	var beats sync.WaitGroup
	beats.Go(func() { beat(v, alive) })
	defer beats.Wait()
	defer close(alive)
	again := map[execution.ID]bool{}
	for len(again) < 50 {
		if time.Since(died) > 30*time.Second {
			t.Fatalf("only %d were offered again", len(again))
		}
		for _, x := range v.pollFor(time.Second).Executions {
			again[x.ID] = true
			if x.Attempt != 2 {
				t.Errorf("attempt %d", x.Attempt)
			}
			accepted(t, v.report(complete(x, `{}`)))
		}
	}
	t.Logf("offered again within %s", time.Since(died))
	// A drain hands over at once.
	c := b.worker(5, "other")
	c.pollFor(time.Millisecond)
	s := b.start("other")
	c.poll()
	b.Drain()
	if r := c.pollFor(time.Second); !r.Draining {
		t.Errorf("a draining server's poll answers %+v", r)
	}
	a.faults.Set(nil)
	eventually(t, "a server that reaches its database again becomes ready", func() bool { return a.Ready() == nil })
	c.at(a).pollFor(10 * time.Millisecond)
	a.wantStatus(s.ID, execution.Running)
}

var _ store.Shared = (*faultstore.Shared)(nil)
