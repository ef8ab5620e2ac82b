package engine_test

import (
	"sync"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
)

func TestConcurrentRepeatsMakeOneExecution(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.worker(100, "echo")
	const callers = 64
	var wg sync.WaitGroup
	got := make([]*engine.Started, callers)
	for i := range callers {
		wg.Go(func() {
			s, err := b.tryStart("echo", keyed("one", 1))
			if err != nil {
				t.Error(err)
				return
			}
			got[i] = s
		})
	}
	wg.Wait()
	first := 0
	for _, s := range got {
		if s.ID != got[0].ID {
			t.Errorf("two executions: %s and %s", s.ID, got[0].ID)
		}
		if !s.Replayed {
			first++
		}
		if s.KeyExpires == 0 {
			t.Error("the answer does not say when the key expires")
		}
	}
	if first != 1 {
		t.Errorf("%d answers say that they made the execution, want 1", first)
	}
	if n, err := b.Counts(t.Context(), b.root, "", time.Time{}, time.Time{}); err != nil || total(n) != 1 {
		t.Errorf("counts %+v, %v, want one execution", n, err)
	}
	if as := w.poll(); len(as) != 1 {
		t.Errorf("%d executions were handed out, want 1", len(as))
	}
	b.audit()
}

func total(n *engine.Counts) (sum int64) {
	for _, x := range n.N {
		sum += x
	}
	return sum
}

func TestAKeyOfAnotherRequestIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.worker(1, "echo")
	s := b.start("echo", keyed("k", 1))
	w.poll()
	before := b.print(s.ID)
	_, err := b.tryStart("echo", keyed("k", 2))
	wantCode(t, "a different request with the key", err, "idempotency_mismatch")
	if b.print(s.ID) != before {
		t.Errorf("the refused start changed the first execution:\n%s\n%s", before, b.print(s.ID))
	}
	other, err := b.Root(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreateWorkflow(t.Context(), other, engine.WorkflowSpec{Name: "echo"}); err != nil {
		t.Fatal(err)
	}
	o, err := b.Start(t.Context(), other, &engine.StartRequest{Workflow: "echo", Input: []byte(`{}`), IdempotencyKey: "k", Hash: 9})
	if err != nil || o.Replayed || o.ID == s.ID {
		t.Errorf("the key of another project: %+v, %v; want an execution of its own", o, err)
	}
	b.audit()
}

func TestARepeatAfterDeletionSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.worker(1, "echo")
	s := b.start("echo", keyed("k", 1))
	accepted(t, w.report(complete(w.poll()[0], `{}`)))
	if err := b.Delete(t.Context(), b.root, s.ID); err != nil {
		t.Fatal(err)
	}
	again := b.start("echo", keyed("k", 1))
	if !again.Replayed || !again.Deleted || again.ID != s.ID || again.View != nil {
		t.Errorf("a repeat after the deletion: %+v", again)
	}
	_, err := b.tryStart("echo", keyed("k", 2))
	wantCode(t, "another request with the key of a deleted execution", err, "idempotency_mismatch")
	b.audit()
}

func TestEqualKeysInOneBatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.worker(10, "echo")
	request := func(key string, hash uint64) *engine.StartRequest {
		return &engine.StartRequest{Workflow: "echo", Input: []byte(`{}`), IdempotencyKey: key, Hash: hash}
	}
	out := b.StartBatch(t.Context(), b.root, []*engine.StartRequest{request("k", 1), request("k", 1), request("k", 2), request("l", 1)})
	if out[0].Err != nil || out[0].Started.Replayed || out[1].Err != nil || !out[1].Started.Replayed || out[1].Started.ID != out[0].Started.ID {
		t.Errorf("two equal starts: %+v %+v, %+v %+v", out[0].Started, out[0].Err, out[1].Started, out[1].Err)
	}
	wantCode(t, "a different start with the key", out[2].Err, "idempotency_mismatch")
	if out[3].Err != nil || out[3].Started.Replayed {
		t.Errorf("another key: %+v, %v", out[3].Started, out[3].Err)
	}
	b.audit()
}

// A refused start has done nothing: it does not keep the key, not even from a start of the same batch, and a repeat of
// an accepted start is answered whatever a new start would meet now.
func TestARefusedStartGivesItsKeyUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{
		Name: "strict", InputSchema: []byte(`{"type":"object","required":["a"]}`),
	}); err != nil {
		t.Fatal(err)
	}
	bad := func() *engine.StartRequest {
		return &engine.StartRequest{Workflow: "strict", Input: []byte(`{}`), IdempotencyKey: "k", Hash: 1}
	}
	good := func() *engine.StartRequest {
		return &engine.StartRequest{Workflow: "strict", Input: []byte(`{"a":1}`), IdempotencyKey: "k", Hash: 2}
	}
	for range 3 {
		_, err := b.Start(t.Context(), b.root, bad())
		wantCode(t, "input that does not match", err, "invalid_request")
	}
	other := &engine.StartRequest{Workflow: "strict", Input: []byte(`{"a":1}`), Hash: 3} // makes the batch write something
	out := b.StartBatch(t.Context(), b.root, []*engine.StartRequest{bad(), good(), bad(), good(), other})
	wantCode(t, "the bad one of the batch", out[0].Err, "invalid_request")
	if out[1].Err != nil || out[1].Started.Replayed || out[1].Started.Deleted {
		t.Fatalf("the good one after it: %+v, %v", out[1].Started, out[1].Err)
	}
	wantCode(t, "the bad one with the key that is taken now", out[2].Err, "idempotency_mismatch")
	if out[3].Err != nil || !out[3].Started.Replayed || out[3].Started.ID != out[1].Started.ID {
		t.Errorf("the repeat: %+v, %v", out[3].Started, out[3].Err)
	}
	// A new version that the old input does not match must not turn the repeat into a refusal.
	if _, err := b.CreateVersion(t.Context(), b.root, "strict", engine.VersionSpec{
		InputSchema: []byte(`{"type":"object","required":["b"]}`), Current: true,
	}); err != nil {
		t.Fatal(err)
	}
	again, err := b.Start(t.Context(), b.root, good())
	if err != nil || !again.Replayed || again.ID != out[1].Started.ID {
		t.Errorf("a repeat under a new schema: %+v, %v", again, err)
	}
	b.audit()
}

func TestARepeatCanHold(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		s := b.start("echo", keyed("k", 1))
		held := make(chan *engine.Started, 1)
		go func() {
			held <- b.start("echo", keyed("k", 1), func(r *engine.StartRequest) { r.Wait = time.Minute })
		}()
		a := w.poll()[0]
		time.Sleep(3 * time.Second)
		accepted(t, w.report(complete(a, `{"n":2}`)))
		if got := <-held; !got.Replayed || got.ID != s.ID || got.View.Status != execution.Completed || string(got.View.Output) != `{"n":2}` {
			t.Errorf("the repeat answered %+v, %s", got, got.View.Output)
		}
		b.audit()
	})
}
