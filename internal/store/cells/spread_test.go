package cells_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/cells"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
	"github.com/sojournhq/sojourn/internal/store/sqlite"
)

// bench is an engine on two cells that can be made to fail.
type bench struct {
	*engine.Engine
	t     *testing.T
	root  *engine.Caller
	store store.Celled
	cells []*faultstore.Store
	stop  func()
}

// on runs an engine on cells in the directories.
func on(t *testing.T, dirs ...string) *bench {
	t.Helper()
	b := &bench{t: t}
	var c cells.Config
	for _, dir := range dirs {
		s, err := sqlite.Open(t.Context(), sqlite.Config{Path: dir, Synchronous: "OFF"})
		if err != nil {
			t.Fatal(err)
		}
		fs := faultstore.New(s)
		b.cells = append(b.cells, fs)
		c.Cells = append(c.Cells, cells.Cell{Name: filepath.Base(dir), Store: fs})
	}
	var err error
	if b.store, err = cells.New(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	b.run()
	return b
}

// run begins the engine.
func (b *bench) run() {
	b.t.Helper()
	var err error
	if b.Engine, err = engine.New(b.t.Context(), engine.Config{Store: b.store}); err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := contextOf(b.t)
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	ended := false
	b.stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("engine: %v", err)
		}
		if err := b.store.Close(); err != nil {
			b.t.Errorf("close: %v", err)
		}
	}
	b.t.Cleanup(b.stop)
	if b.root, err = b.Root(b.t.Context(), "default"); err != nil {
		b.t.Fatal(err)
	}
}

// start starts an execution.
func (b *bench) start(key string) *engine.Started {
	b.t.Helper()
	s, err := b.Start(b.t.Context(), b.root, &engine.StartRequest{Workflow: "echo", Input: []byte(`{"n":1}`), IdempotencyKey: key, Hash: 1})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bench) cellOf(id execution.ID) int { return b.store.CellOf(id.Shard()) }

// inBoth starts executions until each cell has n of them.
func (b *bench) inBoth(n int) (by [2][]execution.ID) {
	b.t.Helper()
	for i := 0; len(by[0]) < n || len(by[1]) < n; i++ {
		if i > 100*n {
			b.t.Fatalf("%d starts: %d and %d in the cells", i, len(by[0]), len(by[1]))
		}
		id := b.start("").ID
		by[b.cellOf(id)] = append(by[b.cellOf(id)], id)
	}
	return by
}

// worker opens a session.
func (b *bench) worker(capacity int) execution.ID {
	b.t.Helper()
	s, err := b.OpenSession(b.t.Context(), b.root, &engine.SessionSpec{
		Protocol: 1, Name: "w", Capacity: capacity, Workflows: []engine.WorkflowSpec{{Name: "echo"}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return s.ID
}

// take polls until the worker has n executions.
func (b *bench) take(session execution.ID, n int) []engine.Assignment {
	b.t.Helper()
	var got []engine.Assignment
	var received int64
	for end := time.Now().Add(20 * time.Second); len(got) < n; {
		r, err := b.Poll(b.t.Context(), b.root, &engine.PollRequest{Session: session, Received: received, Wait: time.Second})
		if err != nil {
			b.t.Fatal(err)
		}
		received = max(received, r.Delivery)
		got = append(got, r.Executions...)
		if time.Now().After(end) {
			b.t.Fatalf("the worker got %d executions, want %d", len(got), n)
		}
	}
	return got
}

// complete ends executions in one report.
func (b *bench) complete(session execution.ID, list []engine.Assignment) []engine.OpResult {
	b.t.Helper()
	q := &engine.ReportRequest{Session: session}
	for _, a := range list {
		q.Operations = append(q.Operations,
			engine.Operation{Execution: a.ID, Lease: a.Lease, Kind: engine.OpStepCompleted, Step: "one", Body: []byte(`1`)},
			engine.Operation{Execution: a.ID, Lease: a.Lease, Kind: engine.OpComplete, Body: []byte(`2`)})
	}
	r, err := b.Report(b.t.Context(), b.root, q)
	if err != nil {
		b.t.Fatal(err)
	}
	return r.Results
}

func (b *bench) audit() {
	b.t.Helper()
	findings, err := b.store.Audit(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range findings {
		b.t.Errorf("audit: %s: %s", f.Invariant, f.Subject)
	}
}

func dirs(t *testing.T) (home, second string) {
	dir := t.TempDir()
	return filepath.Join(dir, "home"), filepath.Join(dir, "second")
}

// Executions spread over the cells, and whoever looks sees one store.
func TestExecutionsSpread(t *testing.T) {
	t.Parallel()
	home, second := dirs(t)
	b := on(t, home, second)
	w := b.worker(1000)
	by := b.inBoth(20)
	total := len(by[0]) + len(by[1])
	as := b.take(w, total)
	for i, r := range b.complete(w, as) {
		if r.Err != nil {
			t.Fatalf("operation %d: %v", i, r.Err)
		}
	}
	var listed []execution.ID
	var cursor execution.ID
	for {
		p, err := b.List(t.Context(), b.root, &engine.ListRequest{Limit: 7, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range p.Items {
			listed = append(listed, v.ID)
			if v.Status != execution.Completed || string(v.Output) != `2` {
				t.Errorf("%s is %s with %s", v.ID, v.Status, v.Output)
			}
		}
		if !p.More {
			break
		}
		cursor = p.Next
	}
	want := slices.Concat(by[0], by[1])
	slices.SortFunc(want, func(x, y execution.ID) int { return slices.Compare(y[:], x[:]) })
	if !slices.Equal(listed, want) {
		t.Errorf("listed %v, want %v", listed, want)
	}
	at, n, err := b.ListAt(t.Context(), b.root, &engine.ListRequest{Limit: 5}, 9)
	if err != nil || n != int64(total) || len(at) != 5 || at[0].ID != want[9] {
		t.Errorf("from the ninth on: %d of %d, %v", len(at), n, err)
	}
	counts, err := b.Counts(t.Context(), b.root, "echo", time.Time{}, time.Time{})
	if err != nil || counts.N[execution.Completed] != int64(total) {
		t.Errorf("counted %v, %v", counts, err)
	}
	b.audit()
	b.stop()

	// A restart finds it all, and the two halves in their files.
	b = on(t, home, second)
	for n, ids := range by {
		for _, id := range ids {
			if v, err := b.Get(t.Context(), b.root, id, engine.GetOptions{Steps: true}); err != nil || len(v.Steps) != 1 {
				t.Errorf("%s in cell %d: %v", id, n, err)
			}
			if _, err := b.cells[1-n].Get(t.Context(), b.root.Project, id); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s is in the other cell too: %v", id, err)
			}
		}
	}
}

// An idempotency key is one key, however many cells there are and wherever its execution is.
func TestKeysAreUnique(t *testing.T) {
	t.Parallel()
	b := on(t, join(dirs(t))...)
	b.worker(1000)
	var in [2]int
	for i := range 64 {
		key := string(rune('a'+i%26)) + time.Duration(i).String()
		first := b.start(key)
		if again := b.start(key); again.ID != first.ID || !again.Replayed {
			t.Errorf("key %q: %s, then %s", key, first.ID, again.ID)
		}
		in[b.cellOf(first.ID)]++
	}
	if in[0] == 0 || in[1] == 0 {
		t.Errorf("%v executions with keys in the cells", in)
	}
	b.audit()
}

func join(a, b string) []string { return []string{a, b} }

// A project's stream tells everything that happens in any cell, once, also across pages.
func TestStreamsMerge(t *testing.T) {
	t.Parallel()
	b := on(t, join(dirs(t))...)
	w := b.worker(1000)
	s, err := b.FollowProject(t.Context(), b.root, &engine.FollowRequest{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	by := b.inBoth(40)
	b.complete(w, b.take(w, len(by[0])+len(by[1])))
	seen := map[execution.ID]int64{}
	for {
		p, err := s.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Events {
			if seen[e.Execution]++; e.Revision != seen[e.Execution] {
				t.Fatalf("%s: revision %d after %d", e.Execution, e.Revision, seen[e.Execution]-1)
			}
		}
		if !p.More {
			break
		}
	}
	for _, id := range slices.Concat(by[0], by[1]) {
		if seen[id] != 4 { // created, claimed, step, completed
			t.Errorf("%s: %d events", id, seen[id])
		}
	}
}

// While a cell is down the executions of the other go on: starts go there, and what is reported together with
// executions of the cell that is down is taken. Those come back with it.
func TestACellIsDown(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]int{"the home": 0, "another": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := on(t, join(dirs(t))...)
			w := b.worker(1000)
			for b.cellOf(w) == down { // the session is in the cell that lives
				if err := b.CloseSession(t.Context(), b.root, w); err != nil {
					t.Fatal(err)
				}
				w = b.worker(1000)
			}
			by := b.inBoth(5)
			as := b.take(w, len(by[0])+len(by[1]))
			b.cells[down].Set(func(faultstore.Call) faultstore.Fault { return faultstore.Before })

			results := b.complete(w, as)
			for i, r := range results {
				lives := b.cellOf(as[i/2].ID) != down
				if lives && r.Err != nil || !lives && codeOf(r.Err) != engine.CodeSkipped {
					t.Errorf("operation %d, in the cell that lives: %t, %v", i, lives, r.Err)
				}
			}
			for n, ids := range by {
				for _, id := range ids {
					v, err := b.Get(t.Context(), b.root, id, engine.GetOptions{})
					if n == down && !errors.Is(err, faultstore.ErrInjected) || n != down && (err != nil || v.Status != execution.Completed) {
						t.Errorf("cell %d: %v", n, err)
					}
				}
			}
			if _, err := b.List(t.Context(), b.root, &engine.ListRequest{Limit: 10}); err == nil {
				t.Error("a list without the executions of a cell")
			}
			if _, err := b.Heartbeat(t.Context(), b.root, &engine.HeartbeatRequest{Session: w}); err != nil {
				t.Errorf("heartbeat: %v", err)
			}
			for range 10 {
				if id := b.start("").ID; b.cellOf(id) == down {
					t.Errorf("%s was started in the cell that is down", id)
				}
			}

			b.cells[down].Set(nil)
			var rest []engine.Assignment
			for _, a := range as {
				if b.cellOf(a.ID) == down {
					rest = append(rest, a)
				}
			}
			for i, r := range b.complete(w, rest) {
				if r.Err != nil {
					t.Errorf("operation %d afterwards: %v", i, r.Err)
				}
			}
			b.audit()
		})
	}
}

// A change of the catalog while a cell is down reaches the cell before anything that refers to it.
func TestTheCatalogFollows(t *testing.T) {
	t.Parallel()
	b := on(t, join(dirs(t))...)
	b.cells[1].Set(func(faultstore.Call) faultstore.Fault { return faultstore.Before })
	if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "echo"}); err != nil {
		t.Fatal(err)
	}
	if c, err := b.cells[1].Store.Catalog(t.Context()); err != nil || len(c.Workflows) != 0 {
		t.Fatalf("the cell that is down has %v, %v", c.Workflows, err)
	}
	b.cells[1].Set(nil)
	for b.cellOf(b.start(time.Now().String()).ID) != 1 { // a start with a key goes where it must
	}
	c, err := b.cells[1].Store.Catalog(t.Context())
	if err != nil || len(c.Workflows) != 1 || c.Workflows[0].Name != "echo" {
		t.Errorf("the cell has the workflows %v, %v", c.Workflows, err)
	}
	b.audit()
}

// A transaction is within one cell.
func TestATransactionIsWithinACell(t *testing.T) {
	t.Parallel()
	b := on(t, join(dirs(t))...)
	b.worker(1)
	by := b.inBoth(1)
	need := &store.Need{Executions: []execution.ID{by[0][0], by[1][0]}}
	if err := b.store.Commit(t.Context(), need, func(*store.Loaded) *store.Changes { return nil }); !errors.Is(err, store.ErrRefused) {
		t.Errorf("over two cells: %v", err)
	}
	need.Executions = need.Executions[:1]
	if err := b.store.Cell(1).Commit(t.Context(), need, func(*store.Loaded) *store.Changes { return nil }); !errors.Is(err, store.ErrMoved) {
		t.Errorf("in the other cell: %v", err)
	}
}
