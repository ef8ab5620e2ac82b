package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
)

// T8: cancel in each state, with the worker alive, hung or dead, and with each sort of timer ahead.
func TestCancelInEachState(t *testing.T) {
	t.Parallel()
	const grace = 10 * time.Second
	type situation struct {
		make   func(t *testing.T, b *bench, w *worker) execution.ID
		leased bool
	}
	start := func(b *bench, change ...func(*engine.StartRequest)) execution.ID {
		return b.start("echo", change...).ID
	}
	take := func(w *worker) engine.Assignment { return w.poll()[0] }
	situations := map[string]situation{
		"created": {make: func(_ *testing.T, b *bench, _ *worker) execution.ID {
			return start(b, func(r *engine.StartRequest) { r.Delay = 5 * time.Second })
		}},
		"pending": {make: func(_ *testing.T, b *bench, _ *worker) execution.ID {
			return b.start("nobody", func(r *engine.StartRequest) { r.QueueTTL, r.Timeout = 5*time.Second, 6*time.Second }).ID
		}},
		"running": {leased: true, make: func(_ *testing.T, b *bench, w *worker) execution.ID {
			id := start(b, func(r *engine.StartRequest) { r.Timeout = 5 * time.Second })
			take(w)
			return id
		}},
		"backoff of the handler": {make: func(t *testing.T, b *bench, w *worker) execution.ID {
			id := start(b)
			o := op(take(w), engine.OpFail)
			o.Retry = execution.Retry{MaxAttempts: 9, Initial: 5 * time.Second}
			accepted(t, w.report(o))
			return id
		}},
		"backoff of a step": {make: func(t *testing.T, b *bench, w *worker) execution.ID {
			id := start(b)
			o := op(take(w), engine.OpStepFailed)
			o.Step, o.Try, o.Retry = "a", 1, execution.Retry{MaxAttempts: 9, Initial: 5 * time.Second}
			accepted(t, w.report(o))
			return id
		}},
		"waiting": {make: func(t *testing.T, b *bench, w *worker) execution.ID {
			id := start(b)
			a := take(w)
			o := op(a, engine.OpSleep)
			o.Step, o.Duration = "nap", 5*time.Second
			accepted(t, w.report(o, op(a, engine.OpSuspend)))
			return id
		}},
	}
	for name, c := range situations {
		for _, worker := range []string{"alive", "hung", "dead"} {
			t.Run(name+", "+worker, func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T, b *bench) {
					if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "nobody"}); err != nil {
						t.Fatal(err)
					}
					w := b.worker(1, "echo")
					id := c.make(t, b, w)
					w.pollFor(0)
					if worker != "dead" {
						defer w.live(none)()
					}
					at := b.Now()
					v, done, err := b.Cancel(t.Context(), b.root, id, engine.CancelRequest{Reason: "enough", Grace: grace})
					if err != nil || done == c.leased || done != v.Status.Final() {
						t.Fatalf("cancel: %s, done %t, %v", v.Status, done, err)
					}
					if done && v.Message != "enough" {
						t.Errorf("the answer gives the reason %q, want the caller's", v.Message)
					}
					again, doneAgain, err := b.Cancel(t.Context(), b.root, id, engine.CancelRequest{Reason: "again", Grace: time.Millisecond})
					if done {
						wantCode(t, "cancel again", err, "already_terminal")
					} else if err != nil || doneAgain || again.CancelRequestedAt != v.CancelRequestedAt || again.CancelBy != v.CancelBy || again.Revision != v.Revision {
						t.Errorf("cancel again: %+v, done %t, %v; want the first stamp kept", again, doneAgain, err)
					}
					if c.leased && worker == "alive" {
						r := w.pollFor(5 * time.Second)
						if len(r.Cancel) != 1 || r.Cancel[0] != id {
							t.Errorf("the poll says cancel %v, want %s", r.Cancel, id)
						}
						if h := w.beat(); len(h.Cancel) != 1 || h.Cancel[0] != id {
							t.Errorf("the heartbeat says cancel %v, want %s", h.Cancel, id)
						}
					}
					time.Sleep(grace + 2*time.Second)
					synctest.Wait()
					v = b.wantStatus(id, execution.Cancelled)
					if late := v.CompletedAt.Sub(at); late > grace+time.Second {
						t.Errorf("cancelled after %s, want at most the grace of %s", late, grace)
					}
					want := execution.ErrorRequested
					if c.leased {
						want = execution.ErrorForced
					}
					if v.ErrorCode != want {
						t.Errorf("error code %q, want %q", v.ErrorCode, want)
					}
					// Nothing happens any more: no timer, no claim, no retry.
					time.Sleep(20 * time.Second)
					after := kinds(b.get(id))
					if i := strings.Index(after, "cancel"); strings.Contains(after[i:], "claimed") || strings.Contains(after[i:], "retried") || strings.Contains(after[i:], "woken") {
						t.Errorf("events: %s", after)
					}
					b.audit()
				})
			})
		}
	}
}

func TestAWorkerConfirmsACancel(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		s := b.start("echo")
		a := w.poll()[0]
		if _, _, err := b.Cancel(t.Context(), b.root, s.ID, engine.CancelRequest{}); err != nil {
			t.Fatal(err)
		}
		rs := w.report(step(a, "a", `1`))
		wantCode(t, "a step after the cancel", rs[0].Err, "cancel_requested")
		accepted(t, w.report(op(a, engine.OpCancelled)))
		v := b.wantKinds(s.ID, "created claimed cancel_requested cancelled")
		if v.ErrorCode != execution.ErrorRequested {
			t.Errorf("error code %q, want %q: the worker stopped by itself", v.ErrorCode, execution.ErrorRequested)
		}
		b.audit()
	})
}

// A completion and a cancel race: one of them wins, and both answers say so.
func TestCompletionRacesCancel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.worker(64, "echo")
	for range 30 {
		s := b.start("echo")
		a := w.poll()[0]
		var wg sync.WaitGroup
		var rs []engine.OpResult
		var v *engine.View
		var done bool
		var err error
		wg.Go(func() { rs = w.report(complete(a, `{}`)) })
		wg.Go(func() { v, done, err = b.terminated(t, s.ID) })
		wg.Wait()
		end := b.get(s.ID)
		switch end.Status {
		case execution.Completed:
			accepted(t, rs)
			wantCode(t, "terminate after the completion", err, "already_terminal")
		case execution.Cancelled:
			wantCode(t, "completion after the end", rs[0].Err, "already_terminal")
			if err != nil || !done || v.Status != execution.Cancelled {
				t.Errorf("terminate: %+v, %t, %v", v, done, err)
			}
		default:
			t.Errorf("ended as %s", end.Status)
		}
	}
	for range 30 {
		s := b.start("echo")
		a := w.poll()[0]
		var wg sync.WaitGroup
		var v *engine.View
		var done bool
		var err error
		wg.Go(func() { accepted(t, w.report(complete(a, `{}`))) })
		wg.Go(func() { v, done, err = b.Cancel(t.Context(), b.root, s.ID, engine.CancelRequest{}) })
		wg.Wait()
		if b.wantStatus(s.ID, execution.Completed); code(err) != "already_terminal" && (err != nil || done || v.CancelRequestedAt == 0) {
			t.Errorf("cancel: %+v, %t, %v", v, done, err)
		}
	}
	b.audit()
}

// terminated is Terminate with the answer's form of Cancel.
func (b *bench) terminated(t *testing.T, id execution.ID) (*engine.View, bool, error) {
	v, err := b.Terminate(t.Context(), b.root, id, "stop")
	return v, err == nil && v.Status.Final(), err
}

func TestTerminate(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		s := b.start("echo")
		a := w.poll()[0]
		v, err := b.Terminate(t.Context(), b.root, s.ID, "now")
		if err != nil || v.Status != execution.Cancelled || v.ErrorCode != execution.ErrorTerminated || v.Message != "now" {
			t.Errorf("terminated: %+v, %v", v, err)
		}
		if r := w.pollFor(0); len(r.Drop) != 1 || r.Drop[0] != s.ID {
			t.Errorf("the worker is told to drop %v, want %s", r.Drop, s.ID)
		}
		wantCode(t, "its report", w.report(complete(a, `{}`))[0].Err, "already_terminal")
		_, err = b.Terminate(t.Context(), b.root, s.ID, "again")
		wantCode(t, "again", err, "already_terminal")
		b.audit()
	})
}

func TestCancelByFilter(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(3, "echo", "other")
		running := map[execution.ID]bool{}
		for range 3 {
			b.start("echo")
			for _, a := range w.poll() {
				running[a.ID] = true
			}
		}
		var queued []execution.ID
		for i := range 250 {
			queued = append(queued, b.start("echo", func(r *engine.StartRequest) {
				r.Metadata = map[string]string{"half": fmt.Sprint(i % 2)}
			}).ID)
		}
		other := b.start("other").ID
		cancel := func(r engine.ListRequest) *engine.BulkCancel {
			t.Helper()
			got, err := b.CancelAll(t.Context(), b.root, &r, engine.CancelRequest{})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		if got := cancel(engine.ListRequest{Workflow: "echo", Metadata: map[string]string{"half": "1"}, Limit: 1000}); *got != (engine.BulkCancel{Matched: 125, Cancelled: 125}) {
			t.Errorf("by metadata: %+v", got)
		}
		if got := cancel(engine.ListRequest{Workflow: "echo", Status: execution.SetOf(execution.Pending), Limit: 120}); *got != (engine.BulkCancel{Matched: 120, Cancelled: 120, More: true}) {
			t.Errorf("with a limit: %+v", got)
		}
		if got := cancel(engine.ListRequest{Workflow: "echo", Limit: 1000}); *got != (engine.BulkCancel{Matched: 8, Cancelled: 5, Requested: 3}) {
			t.Errorf("the rest: %+v", got)
		}
		if got := cancel(engine.ListRequest{Status: execution.Final, Limit: 1000}); *got != (engine.BulkCancel{}) {
			t.Errorf("finished ones: %+v, want none touched", got)
		}
		for _, id := range queued {
			b.wantStatus(id, execution.Cancelled)
		}
		for id := range running {
			if v := b.get(id); v.CancelRequestedAt == 0 {
				t.Errorf("%s was not asked to stop", id)
			}
		}
		b.wantStatus(other, execution.Pending)
		b.audit()
	})
}

// unserved makes a workflow that no worker serves.
func (b *bench) unserved(name string) {
	b.t.Helper()
	if _, err := b.CreateWorkflow(b.t.Context(), b.root, engine.WorkflowSpec{Name: name}); err != nil {
		b.t.Fatal(err)
	}
}

// Repeated as long as there are more, a cancel of all comes to an end, though what runs takes its time to stop; what
// nobody runs goes first.
func TestCancelAllComesToAnEnd(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(7, "echo")
		for range 3 {
			b.start("echo")
		}
		w.poll()
		b.unserved("unserved")
		queued := b.start("unserved").ID
		for range 4 { // newer than what is queued
			b.start("echo")
		}
		w.poll()
		var got []engine.BulkCancel
		for range 10 {
			r, err := b.CancelAll(t.Context(), b.root, &engine.ListRequest{Limit: 3}, engine.CancelRequest{Reason: "closing"})
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, *r); len(got) == 1 {
				b.wantStatus(queued, execution.Cancelled)
			}
			if !r.More {
				break
			}
		}
		want := []engine.BulkCancel{
			{Matched: 3, Cancelled: 1, Requested: 2, More: true}, {Matched: 3, Requested: 3, More: true}, {Matched: 2, Requested: 2},
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
		b.audit()
	})
}

// Why an execution was asked to stop is shown when it has stopped, whoever ended it.
func TestCancelledShowsItsReason(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(3, "echo")
		b.unserved("unserved")
		confirmed, forced, waiting := b.start("echo").ID, b.start("echo").ID, b.start("unserved").ID
		held := map[execution.ID]engine.Assignment{}
		for len(held) < 2 {
			for _, a := range w.poll() {
				held[a.ID] = a
			}
		}
		for _, id := range []execution.ID{confirmed, forced, waiting} {
			if _, _, err := b.Cancel(t.Context(), b.root, id, engine.CancelRequest{Reason: "out of stock: " + id.String()}); err != nil {
				t.Fatal(err)
			}
			if _, _, err := b.Cancel(t.Context(), b.root, id, engine.CancelRequest{Reason: "second"}); err != nil && id != waiting {
				t.Fatal(err)
			}
		}
		b.audit()
		accepted(t, w.report(engine.Operation{Execution: confirmed, Lease: held[confirmed].Lease, Kind: engine.OpCancelled}))
		time.Sleep(time.Minute) // the grace
		for _, id := range []execution.ID{confirmed, forced, waiting} {
			if v := b.get(id); v.Status != execution.Cancelled || v.Message != "out of stock: "+id.String() {
				t.Errorf("%s: %s, %q", id, v.Status, v.Message)
			}
		}
		b.audit()
	})
}
