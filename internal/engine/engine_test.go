package engine_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/teststore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(teststore.Main(m)) }

// bench is an engine on a store of its own, with a caller who may do everything.
type bench struct {
	*engine.Engine
	t     *testing.T
	store store.Store
	root  *engine.Caller
	stop  func() error
}

func setup(t *testing.T, change ...func(*engine.Config)) *bench {
	t.Helper()
	b := run(t, teststore.Open(t), change...)
	t.Cleanup(func() {
		if err := b.stop(); err != nil {
			t.Errorf("engine: %v", err)
		}
	})
	return b
}

// run starts an engine on the store; stop ends it and leaves the store open.
func run(t *testing.T, st store.Store, change ...func(*engine.Config)) *bench {
	t.Helper()
	cfg := engine.Config{Store: st}
	for _, f := range change {
		f(&cfg)
	}
	e, err := engine.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	b := &bench{Engine: e, t: t, store: st}
	stopped := false
	b.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() { _ = b.stop() })
	if b.root, err = e.Root(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	return b
}

// worker opens a session for the workflows.
func (b *bench) worker(capacity int, workflows ...string) *worker {
	b.t.Helper()
	spec := &engine.SessionSpec{Protocol: 1, Name: "test", Capacity: capacity}
	for _, w := range workflows {
		spec.Workflows = append(spec.Workflows, engine.WorkflowSpec{Name: w})
	}
	s, err := b.OpenSession(b.t.Context(), b.root, spec)
	if err != nil {
		b.t.Fatal(err)
	}
	return &worker{b: b, id: s.ID}
}

type worker struct {
	b        *bench
	id       execution.ID
	received atomic.Int64
	caller   *engine.Caller // nil: root
}

func (w *worker) as() *engine.Caller {
	if w.caller != nil {
		return w.caller
	}
	return w.b.root
}

// receive notes that a delivery arrived.
func (w *worker) receive(r *engine.PollResult) {
	w.received.Store(max(w.received.Load(), r.Delivery))
}

// poll waits for a delivery with at least one execution.
func (w *worker) poll() []engine.Assignment {
	w.b.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if r := w.pollFor(10 * time.Second); len(r.Executions) > 0 {
			return r.Executions
		}
	}
	w.b.t.Fatal("the poll brought nothing")
	return nil
}

func (w *worker) pollFor(d time.Duration) *engine.PollResult {
	w.b.t.Helper()
	r, err := w.b.Poll(w.b.t.Context(), w.as(), &engine.PollRequest{Session: w.id, Received: w.received.Load(), Wait: d})
	if err != nil {
		w.b.t.Fatal(err)
	}
	w.receive(r)
	return r
}

// report sends operations and returns their results.
func (w *worker) report(ops ...engine.Operation) []engine.OpResult {
	w.b.t.Helper()
	r, err := w.b.Report(w.b.t.Context(), w.as(), &engine.ReportRequest{Session: w.id, Received: w.received.Load(), Operations: ops})
	if err != nil {
		w.b.t.Fatal(err)
	}
	return r.Results
}

func op(a engine.Assignment, kind engine.OpKind) engine.Operation {
	return engine.Operation{Execution: a.ID, Lease: a.Lease, Kind: kind}
}

func complete(a engine.Assignment, output string) engine.Operation {
	o := op(a, engine.OpComplete)
	o.Body = []byte(output)
	return o
}

func step(a engine.Assignment, name, output string) engine.Operation {
	o := op(a, engine.OpStepCompleted)
	o.Step, o.Try, o.Body = name, 1, []byte(output)
	return o
}

func (b *bench) start(workflow string, change ...func(*engine.StartRequest)) *engine.Started {
	b.t.Helper()
	s, err := b.tryStart(workflow, change...)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bench) tryStart(workflow string, change ...func(*engine.StartRequest)) (*engine.Started, error) {
	r := &engine.StartRequest{Workflow: workflow, Input: []byte(`{"n":1}`)}
	for _, f := range change {
		f(r)
	}
	return b.Start(b.t.Context(), b.root, r)
}

func (b *bench) get(id execution.ID) *engine.View {
	b.t.Helper()
	v, err := b.Get(b.t.Context(), b.root, id, engine.GetOptions{Steps: true, Events: true})
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// audit fails the test when the store's invariants are broken.
func (b *bench) audit() {
	b.t.Helper()
	findings, err := b.store.Audit(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range findings {
		b.t.Errorf("audit: %s: %s (%s)", f.Invariant, f.Subject, f.Promise)
	}
}

func TestOneExecutionFromStartToCompletion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.worker(4, "echo")
	s := b.start("echo", func(r *engine.StartRequest) {
		r.Metadata = map[string]string{"tenant": "acme"}
		r.IdempotencyKey, r.Hash = "k1", 7
	})
	if s.View.Status != execution.Pending || s.View.Revision != 1 {
		t.Fatalf("start answered %s at revision %d, want pending at 1", s.View.Status, s.View.Revision)
	}
	got := w.poll()
	if len(got) != 1 || got[0].ID != s.ID || string(got[0].Input) != `{"n":1}` || got[0].Details.Metadata["tenant"] != "acme" {
		t.Fatalf("poll gave %+v", got)
	}
	for i, r := range w.report(step(got[0], "a", `"A"`), step(got[0], "b", `"B"`), complete(got[0], `{"ok":true}`)) {
		if r.Err != nil {
			t.Fatalf("operation %d: %v", i, r.Err)
		}
	}
	v := b.get(s.ID)
	if v.Status != execution.Completed || string(v.Output) != `{"ok":true}` || v.Revision != 5 || len(v.Steps) != 2 || len(v.Events) != 5 {
		t.Fatalf("ended as %s, output %s, revision %d, %d steps, %d events", v.Status, v.Output, v.Revision, len(v.Steps), len(v.Events))
	}
	again := b.start("echo", func(r *engine.StartRequest) { r.IdempotencyKey, r.Hash = "k1", 7 })
	if !again.Replayed || again.ID != s.ID || again.View.Status != execution.Completed {
		t.Fatalf("a repeat gave %+v", again)
	}
	b.audit()
}

func TestStartHoldsUntilTheEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.worker(4, "echo")
	held := make(chan *engine.Started, 1)
	go func() { held <- b.start("echo", func(r *engine.StartRequest) { r.Wait = 30 * time.Second }) }()
	w.report(complete(w.poll()[0], `{"ok":1}`))
	s := <-held
	if s.View.Status != execution.Completed || string(s.View.Output) != `{"ok":1}` {
		t.Fatalf("the hold answered %s with %s", s.View.Status, s.View.Output)
	}
	b.audit()
}
