package cells_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/cells"
	"github.com/sojournhq/sojourn/internal/store/postgres"
	"github.com/sojournhq/sojourn/internal/store/storetest"
)

// wide says that the heavier variants run.
var wide = os.Getenv("SOJOURN_TEST_WIDE") == "1"

// databases opens cells in PostgreSQL databases, as one server.
func databases(t *testing.T, dsns ...string) store.Celled {
	t.Helper()
	var c cells.Config
	node := int64(0)
	for n, dsn := range dsns {
		s, err := postgres.Open(t.Context(), postgres.Options{DSN: dsn, Node: node})
		if err != nil {
			t.Fatal(err)
		}
		node = s.Node()
		c.Cells = append(c.Cells, cells.Cell{Name: fmt.Sprint("db", n), Store: s})
	}
	s, err := cells.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// halves makes two empty databases cells that have one half of the shards each.
func halves(t *testing.T, a, b string) {
	t.Helper()
	for n, dsn := range []string{a, b} {
		s, err := postgres.Open(t.Context(), postgres.Options{DSN: dsn})
		if err != nil {
			t.Fatal(err)
		}
		seat := store.Seat{Group: 7, Number: n, Joined: s.Epoch()}
		for shard := n * store.Shards / 2; shard < (n+1)*store.Shards/2; shard++ {
			seat.Shards[shard] = store.Owned
		}
		if err := errors.Join(s.Join(t.Context(), seat), s.Leave(t.Context()), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// The promises of a store hold for cells in PostgreSQL, also between servers.
func TestStoreInDatabases(t *testing.T) {
	t.Parallel()
	if !wide {
		t.Skip("in the wide form only: it takes two databases for each test")
	}
	var places sync.Map // dsns, by store
	open := func(t *testing.T, dsns []string) store.Celled {
		s := databases(t, dsns...)
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		places.Store(s, dsns)
		return s
	}
	of := func(s store.Store) []string {
		dsns, _ := places.Load(s)
		return dsns.([]string)
	}
	storetest.Run(t, storetest.Harness{
		Open: func(t *testing.T) store.Store {
			server := pgtest.Shared(t, pgtest.Versions()[0])
			a, b := server.Database(t), server.Database(t)
			halves(t, a, b)
			return open(t, []string{a, b})
		},
		Reopen: func(t *testing.T, s store.Store) store.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, of(s))
		},
		Join: func(t *testing.T, s store.Store) store.Shared { return open(t, of(s)).(store.Shared) },
	})
}

// member is one server on cells.
func member(t *testing.T, dsns ...string) *bench {
	t.Helper()
	b := &bench{t: t, store: databases(t, dsns...)}
	b.run()
	return b
}

// shardsOf is how many shards each cell has.
func shardsOf(t *testing.T, m *cells.Mover) (list []int) {
	t.Helper()
	status, err := m.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range status {
		if x.Leaving > 0 {
			t.Errorf("%+v: shards are still on their way", x)
		}
		list = append(list, x.Shards)
	}
	return list
}

// An empty database joins one that has work, and takes half of the shards while two servers go on: what is started,
// reported and cancelled meanwhile is there, once, and everything ends.
func TestACellJoins(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t, pgtest.Versions()[0])
	first, second := server.Database(t), server.Database(t)
	alone := member(t, first)
	alone.worker(1)
	var before []execution.ID
	for i := range 200 {
		before = append(before, alone.start(fmt.Sprint("before-", i)).ID)
	}
	alone.stop()

	a, b := member(t, first, second), member(t, first, second)
	m, err := cells.NewMover(a.store)
	if err != nil {
		t.Fatal(err)
	}
	m.Batch = store.Shards / 4
	if got := shardsOf(t, m); got[0] != store.Shards || got[1] != 0 {
		t.Fatalf("the cells have %v shards", got)
	}

	moving, moved := context.WithCancel(t.Context())
	working, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	started := map[string]execution.ID{}
	var clients, worker sync.WaitGroup
	for i, x := range []*bench{a, b} {
		clients.Go(func() { starts(moving, t, x, fmt.Sprint(i), &mu, started) })
	}
	var done atomic.Int64
	worker.Go(func() { serve(working, t, b, &done) })
	if err := m.Balance(t.Context()); err != nil {
		t.Error(err)
	}
	if got := shardsOf(t, m); got[0] != store.Shards/2 || got[1] != store.Shards/2 {
		t.Errorf("the cells have %v shards", got)
	}
	moved()
	clients.Wait()
	total := len(started) + len(before)
	for end := time.Now().Add(time.Minute); done.Load() < int64(total); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%d of %d executions are completed", done.Load(), total)
			break
		}
	}
	stop()
	worker.Wait()
	in := [2]int{}
	for key, id := range started {
		if again := a.start(key); again.ID != id || !again.Replayed {
			t.Errorf("key %s: %s, then %s", key, id, again.ID)
		}
		in[a.cellOf(id)]++
	}
	for i, id := range before {
		if again := b.start(fmt.Sprint("before-", i)); again.ID != id || !again.Replayed {
			t.Errorf("%s became %s", id, again.ID)
		}
		in[b.cellOf(id)]++
	}
	if in[0] == 0 || in[1] == 0 {
		t.Errorf("%v executions in the cells", in)
	}
	counts, err := a.Counts(t.Context(), a.root, "echo", time.Time{}, time.Time{})
	// A server says that its counts may be too small or large until it has heard that the move is over.
	for end := time.Now().Add(10 * time.Second); err == nil && !counts.Exact && time.Now().Before(end); {
		rest(t.Context(), 20*time.Millisecond)
		counts, err = a.Counts(t.Context(), a.root, "echo", time.Time{}, time.Time{})
	}
	sum := int64(0)
	for _, n := range counts.N {
		sum += n
	}
	if err != nil || sum != int64(len(started)+len(before)) || !counts.Exact {
		t.Errorf("%d executions are counted, want %d; exact: %t, %v", sum, len(started)+len(before), counts.Exact, err)
	}
	a.audit()
}

// starts starts executions one after the other until ctx ends. What is answered 503 is repeated with its key.
func starts(ctx context.Context, t *testing.T, b *bench, who string, mu *sync.Mutex, started map[string]execution.ID) {
	for i := 0; ctx.Err() == nil; i++ {
		key := fmt.Sprintf("key-%s-%d", who, i)
		for ctx.Err() == nil {
			s, err := b.Start(t.Context(), b.root, &engine.StartRequest{Workflow: "echo", Input: []byte(`{}`), IdempotencyKey: key, Hash: 1})
			if err == nil {
				mu.Lock()
				started[key] = s.ID
				mu.Unlock()
				break
			}
			if codeOf(err) != engine.CodeUnavailable {
				t.Errorf("start: %v", err)
				return
			}
			rest(ctx, 20*time.Millisecond)
		}
		rest(ctx, 25*time.Millisecond)
	}
}

// rest waits for the pause or the end of ctx.
func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// serve is a worker that completes what it gets until ctx ends, as the protocol says: what has no answer is sent again.
func serve(ctx context.Context, t *testing.T, b *bench, done *atomic.Int64) {
	spec := &engine.SessionSpec{Protocol: 1, Name: "w", Capacity: 100, Workflows: []engine.WorkflowSpec{{Name: "echo"}}}
	session, err := b.OpenSession(ctx, b.root, spec)
	for codeOf(err) == engine.CodeUnavailable && ctx.Err() == nil {
		rest(ctx, 20*time.Millisecond)
		session, err = b.OpenSession(ctx, b.root, spec)
	}
	if err != nil {
		t.Error(err)
		return
	}
	var received int64
	beat := time.Now()
	counted := map[execution.ID]bool{}
	open := map[execution.ID]engine.Assignment{}
	for ctx.Err() == nil {
		r, err := b.Poll(ctx, b.root, &engine.PollRequest{Session: session.ID, Received: received, Wait: 50 * time.Millisecond})
		if err == nil {
			received = max(received, r.Delivery)
			for _, a := range r.Executions {
				open[a.ID] = a
			}
			for _, id := range r.Drop {
				delete(open, id)
			}
		} else if c := codeOf(err); ctx.Err() == nil && c != engine.CodeUnavailable {
			t.Errorf("poll: %v", err)
			return
		}
		if time.Since(beat) > 3*time.Second {
			beat = time.Now()
			_, _ = b.Heartbeat(ctx, b.root, &engine.HeartbeatRequest{Session: session.ID, Received: received})
		}
		q := &engine.ReportRequest{Session: session.ID, Received: received}
		for _, a := range open {
			q.Operations = append(q.Operations, engine.Operation{Execution: a.ID, Lease: a.Lease, Kind: engine.OpComplete, Body: []byte(`1`)})
		}
		if len(q.Operations) == 0 {
			continue
		}
		answer, err := b.Report(ctx, b.root, q)
		if err != nil {
			rest(ctx, 50*time.Millisecond)
			continue
		}
		for i, x := range answer.Results {
			id := q.Operations[i].Execution
			if codeOf(x.Err) == engine.CodeSkipped {
				continue
			}
			delete(open, id)
			if x.Err == nil && !counted[id] {
				counted[id] = true
				done.Add(1)
			}
		}
	}
}

// A move that is killed behind any step is ended by the next one, or taken back, and nothing is lost or doubled.
func TestAMoveIsResumed(t *testing.T) {
	t.Parallel()
	for name, crash := range map[string]func(ctx context.Context, from, to store.Keeper, shards []int) error{
		"before anything": func(context.Context, store.Keeper, store.Keeper, []int) error { return nil },
		"frozen": func(ctx context.Context, from, _ store.Keeper, shards []int) error {
			return from.Freeze(ctx, shards, 1)
		},
		"half frozen": func(ctx context.Context, from, _ store.Keeper, shards []int) error {
			return from.Freeze(ctx, shards[:len(shards)/2], 1)
		},
		"copied, not dropped": func(ctx context.Context, from, to store.Keeper, shards []int) error {
			return errors.Join(from.Freeze(ctx, shards, 1), to.Receive(ctx, shards, from))
		},
		"dropped": func(ctx context.Context, from, to store.Keeper, shards []int) error {
			return errors.Join(from.Freeze(ctx, shards, 1), to.Receive(ctx, shards, from), from.Drop(ctx, shards))
		},
		"taken back": func(ctx context.Context, from, _ store.Keeper, shards []int) error {
			return errors.Join(from.Freeze(ctx, shards, 1), from.Thaw(ctx, shards))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !wide && name != "half frozen" && name != "copied, not dropped" {
				t.Skip("in the wide form only")
			}
			server := pgtest.Shared(t, pgtest.Versions()[0])
			first, second := server.Database(t), server.Database(t)
			b := member(t, first, second)
			w := b.worker(1000)
			var ids []execution.ID
			for i := range 100 {
				ids = append(ids, b.start(fmt.Sprint("k", i)).ID)
			}
			b.complete(w, b.take(w, 100)[:50])
			b.stop()

			var keepers []store.Keeper
			for _, dsn := range []string{first, second} {
				s, err := postgres.Open(t.Context(), postgres.Options{DSN: dsn})
				if err != nil {
					t.Fatal(err)
				}
				defer func() {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				}()
				keepers = append(keepers, s)
			}
			shards := make([]int, 512)
			for i := range shards {
				shards[i] = 512 + i
			}
			if err := crash(t.Context(), keepers[0], keepers[1], shards); err != nil {
				t.Fatal(err)
			}

			b = member(t, first, second)
			m, err := cells.NewMover(b.store)
			if err != nil {
				t.Fatal(err)
			}
			m.Batch = store.Shards
			if err := m.Balance(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := shardsOf(t, m); got[0] != 512 || got[1] != 512 {
				t.Errorf("the cells have %v shards", got)
			}
			p, err := b.List(t.Context(), b.root, &engine.ListRequest{Limit: 200, Counts: true})
			if err != nil || len(p.Items) != len(ids) || p.Counts.N[execution.Completed] != 50 {
				t.Fatalf("%d executions are listed, %v counted, %v", len(p.Items), p.Counts, err)
			}
			for i, id := range ids {
				if again := b.start(fmt.Sprint("k", i)); again.ID != id || !again.Replayed {
					t.Errorf("%s became %s", id, again.ID)
				}
			}
			b.audit()
		})
	}
}

// A cell does not write to a shard that it froze, whatever the server believes, and does again when the move is taken
// back.
func TestAFrozenShardIsNotWritten(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t, pgtest.Versions()[0])
	first := server.Database(t)
	b := member(t, first, server.Database(t))
	b.worker(1)
	id := b.start("").ID
	keeper, err := postgres.Open(t.Context(), postgres.Options{DSN: first})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := keeper.Close(); err != nil {
			t.Error(err)
		}
	}()
	shards := []int{id.Shard()}
	if err := keeper.Freeze(t.Context(), shards, 1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Cancel(t.Context(), b.root, id, engine.CancelRequest{}); codeOf(err) != engine.CodeUnavailable {
		t.Errorf("a cancel in a frozen shard: %v", err)
	}
	if v, err := b.Get(t.Context(), b.root, id, engine.GetOptions{}); err != nil || v.Status.Final() {
		t.Errorf("it can be read: %v", err)
	}
	if err := keeper.Thaw(t.Context(), shards); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Cancel(t.Context(), b.root, id, engine.CancelRequest{}); err != nil {
		t.Errorf("a cancel afterwards: %v", err)
	}
	if err := keeper.Drop(t.Context(), shards); !errors.Is(err, store.ErrMoved) {
		t.Errorf("dropping what is not frozen: %v", err)
	}
}
