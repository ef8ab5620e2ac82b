package engine_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
)

// wait is the operation that begins a wait, or asks about it.
func wait(a engine.Assignment, kind execution.WaitKind, step string) engine.Operation {
	o := op(a, engine.OpWait)
	o.Wait, o.Step = kind, step
	return o
}

func (b *bench) signal(id execution.ID, name, payload string) *engine.View {
	b.t.Helper()
	v, replayed, err := b.Signal(b.t.Context(), b.root, id, &engine.SignalRequest{Name: name, Payload: []byte(payload)})
	if err != nil || replayed {
		b.t.Fatalf("signal %s: replayed %t, %v", name, replayed, err)
	}
	return v
}

func (b *bench) decide(id execution.ID, r engine.DecisionRequest) (*engine.View, error) {
	return b.Decide(b.t.Context(), b.root, id, &r)
}

// ended writes how a wait ended.
func ended(e *execution.WaitEnd) string {
	if e == nil {
		return "open"
	}
	return fmt.Sprintf("%s %s %s %s", e.Outcome, e.Payload, e.By, e.Comment)
}

func TestASignalIsKeptUntilItIsAwaited(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		id := b.start("echo").ID
		a := w.poll()[0]
		b.signal(id, "go", "1")
		b.signal(id, "go", "2")
		rs := w.report(wait(a, execution.WaitForSignal, "go"), wait(a, execution.WaitForSignal, "go#2"), wait(a, execution.WaitForSignal, "go#3"))
		accepted(t, rs)
		for i, want := range []string{"received 1  ", "received 2  ", "open"} {
			if got := ended(rs[i].Wait.Ended); got != want || rs[i].Duplicate || rs[i].Wait.Bounded {
				t.Errorf("wait %d: %q, %+v; want %q", i+1, got, rs[i], want)
			}
		}
		// The same report again, as after a lost answer.
		rs = w.report(wait(a, execution.WaitForSignal, "go"), wait(a, execution.WaitForSignal, "go#2"), wait(a, execution.WaitForSignal, "go#3"))
		accepted(t, rs)
		for i, want := range []string{"received 1  ", "received 2  ", "open"} {
			if got := ended(rs[i].Wait.Ended); got != want || !rs[i].Duplicate {
				t.Errorf("wait %d asked again: %q, %+v; want %q", i+1, got, rs[i], want)
			}
		}
		accepted(t, w.report(op(a, engine.OpSuspend)))
		v := b.wantStatus(id, execution.Waiting)
		if v.Reason.Code != "signal:go" || v.Reason.Until != 0 {
			t.Errorf("it waits because of %+v", v.Reason)
		}
		if v := b.signal(id, "go", "3"); v.Status != execution.Running {
			t.Errorf("signalled, it is %s", v.Status)
		}
		again := w.poll()
		if len(again) != 1 || len(again[0].Recorded) != 3 || ended(again[0].Recorded[2].Ended) != "received 3  " {
			t.Fatalf("handed out again: %+v", again)
		}
		b.wantKinds(id, "created claimed signalled signalled wait_started wait_ended wait_started wait_ended wait_started suspended "+
			"signalled wait_ended claimed")
		b.audit()
	})
}

func TestAnApprovalIsDecidedOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		id := b.start("echo").ID
		_, err := b.decide(id, engine.DecisionRequest{Approved: true})
		wantCode(t, "before it is asked for", err, "not_awaiting")
		a := w.poll()[0]
		o := wait(a, execution.WaitForApproval, "boss")
		o.Duration, o.HasDuration, o.Body = time.Hour, true, []byte(`{"amount":7}`)
		rs := w.report(o, op(a, engine.OpSuspend))
		accepted(t, rs)
		if !rs[0].Wait.Bounded || rs[0].Wait.Left != time.Hour || !rs[1].Suspended {
			t.Errorf("answers: %+v %+v", rs[0], rs[1])
		}
		v := b.wantStatus(id, execution.Waiting)
		if v.Reason.Code != "approval:boss" || v.Reason.Until != v.Inbox.Waits()[0].Until {
			t.Errorf("it waits because of %+v", v.Reason)
		}
		_, err = b.decide(id, engine.DecisionRequest{Name: "somebody else"})
		wantCode(t, "another name", err, "not_awaiting")
		if v, err := b.decide(id, engine.DecisionRequest{By: "Ann", Comment: "no", Payload: []byte(`{"max":5}`)}); err != nil || v.Status != execution.Running {
			t.Fatalf("rejected: %+v, %v", v, err)
		}
		_, err = b.decide(id, engine.DecisionRequest{Name: "boss", Approved: true})
		wantCode(t, "a second decision", err, "not_awaiting")
		again := w.poll()
		if len(again) != 1 || ended(again[0].Recorded[0].Ended) != `rejected {"max":5} Ann no` {
			t.Fatalf("handed out again: %+v", again)
		}
		o = op(again[0], engine.OpReject)
		o.Code, o.Message = "approval_rejected", "no"
		accepted(t, w.report(o))
		_, err = b.decide(id, engine.DecisionRequest{})
		wantCode(t, "after the end", err, "already_terminal")
		_, _, err = b.Signal(t.Context(), b.root, id, &engine.SignalRequest{Name: "go"})
		wantCode(t, "a signal after the end", err, "already_terminal")
		v, err = b.Get(t.Context(), b.root, id, engine.GetOptions{Steps: true})
		if err != nil || v.Status != execution.Rejected || len(v.Steps) != 1 {
			t.Fatalf("%+v, %v", v, err)
		}
		if s := v.Steps[0]; s.Status.Name() != "rejected" || s.Kind != "approval" || string(s.Payload) != `{"amount":7}` || ended(s.Ended) != `rejected {"max":5} Ann no` {
			t.Errorf("the step: %+v", s)
		}
		b.audit()
	})
}

func TestManyDecisionsAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.worker(1, "echo")
	id := b.start("echo").ID
	a := w.poll()[0]
	accepted(t, w.report(wait(a, execution.WaitForApproval, "boss"), op(a, engine.OpSuspend)))
	results := make(chan error, 50)
	for i := range cap(results) {
		go func() {
			_, err := b.Decide(context.WithoutCancel(t.Context()), b.root, id, &engine.DecisionRequest{Approved: i%2 == 0})
			results <- err
		}()
	}
	taken := 0
	for range cap(results) {
		if err := <-results; err == nil {
			taken++
		} else {
			wantCode(t, "a decision too many", err, "not_awaiting")
		}
	}
	if taken != 1 {
		t.Errorf("%d decisions were taken", taken)
	}
	b.audit()
}

// Timeouts of waits are timers: never early, hardly late, whether a worker holds the execution or not.
func TestWaitsTimeOut(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(3, "echo")
		parked, held, over := b.start("echo").ID, b.start("echo").ID, b.start("echo").ID
		var as [3]engine.Assignment
		for n := 0; n < 3; {
			for _, a := range w.poll() {
				as[slices.Index([]execution.ID{parked, held, over}, a.ID)] = a
				n++
			}
		}
		begun := b.Now()
		for i, a := range as[:2] {
			o := wait(a, execution.WaitForSignal, "go")
			o.Duration, o.HasDuration = 3*time.Second, true
			accepted(t, w.report(o))
			if i == 0 {
				accepted(t, w.report(op(a, engine.OpSuspend)))
			}
		}
		o := wait(as[2], execution.WaitForSignal, "go")
		o.HasDuration = true
		rs := w.report(o)
		accepted(t, rs)
		if ended(rs[0].Wait.Ended) != "timeout   " {
			t.Errorf("a wait of no length: %+v", rs[0].Wait)
		}
		r := w.pollFor(10 * time.Second)
		for len(r.Executions) == 0 && len(r.Wake) == 0 {
			r = w.pollFor(10 * time.Second)
		}
		if late := b.Now().Sub(begun); late < 3*time.Second || late > 3*time.Second+100*time.Millisecond {
			t.Errorf("timed out after %s", late)
		}
		for len(r.Executions) == 0 || len(r.Wake) == 0 {
			more := w.pollFor(time.Second)
			r.Executions, r.Wake = append(r.Executions, more.Executions...), append(r.Wake, more.Wake...)
		}
		if r.Executions[0].ID != parked || ended(r.Executions[0].Recorded[0].Ended) != "timeout   " {
			t.Errorf("handed out: %+v", r.Executions)
		}
		if !sameIDs(r.Wake, []execution.ID{held}) {
			t.Errorf("woken: %v", r.Wake)
		}
		// Too late for a signal: it is kept for the next wait.
		b.signal(held, "go", "1")
		rs = w.report(wait(as[1], execution.WaitForSignal, "go"), wait(as[1], execution.WaitForSignal, "go#2"))
		accepted(t, rs)
		if ended(rs[0].Wait.Ended) != "timeout   " || ended(rs[1].Wait.Ended) != "received 1  " {
			t.Errorf("asked: %q, %q", ended(rs[0].Wait.Ended), ended(rs[1].Wait.Ended))
		}
		b.audit()
	})
}

// A worker that holds the execution is told that a wait has ended, until it asks.
func TestTheHolderIsWoken(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(2, "echo")
		id := b.start("echo").ID
		a := w.poll()[0]
		accepted(t, w.report(wait(a, execution.WaitForSignal, "go"), wait(a, execution.WaitForApproval, "boss")))
		told := make(chan *engine.PollResult, 1)
		go func() { told <- w.pollFor(time.Minute) }()
		synctest.Wait()
		b.signal(id, "go", `"now"`)
		if r := <-told; !sameIDs(r.Wake, []execution.ID{id}) {
			t.Errorf("a parked poll is told %+v", r)
		}
		for range 2 { // the poll's answer may have been lost
			if r := w.beat(a); !sameIDs(r.Wake, []execution.ID{id}) {
				t.Errorf("a heartbeat is told %+v", r)
			}
		}
		// A report that does not ask changes nothing about that.
		accepted(t, w.report(wait(a, execution.WaitForSignal, "more")))
		if r := w.beat(a); !sameIDs(r.Wake, []execution.ID{id}) {
			t.Errorf("a heartbeat after a new wait is told %+v", r)
		}
		rs := w.report(wait(a, execution.WaitForSignal, "go"), wait(a, execution.WaitForApproval, "boss"))
		accepted(t, rs)
		if ended(rs[0].Wait.Ended) != `received "now"  ` || rs[1].Wait.Ended != nil || !rs[0].Duplicate || !rs[1].Duplicate {
			t.Errorf("asked: %+v %+v", rs[0], rs[1])
		}
		if r := w.beat(a); len(r.Wake) != 0 {
			t.Errorf("still told after asking: %v", r.Wake)
		}
		// The next one is told anew, with the report's answer as well.
		if _, err := b.decide(id, engine.DecisionRequest{Approved: true}); err != nil {
			t.Fatal(err)
		}
		o := op(a, engine.OpProgress)
		o.Value = 0.5
		r, err := b.Report(t.Context(), b.root, &engine.ReportRequest{Session: w.id, Operations: []engine.Operation{o}})
		if err != nil || !sameIDs(r.Wake, []execution.ID{id}) {
			t.Errorf("a report is told %+v, %v", r, err)
		}
		// A restart of the server does not forget it.
		b = b.restart()
		w = w.adopt(b)
		if r := w.list(a); !sameIDs(r.Wake, []execution.ID{id}) {
			t.Errorf("after a restart: %+v", r)
		}
		accepted(t, w.report(complete(a, "1")))
		if r := w.beat(); len(r.Wake) != 0 {
			t.Errorf("told after the end: %v", r.Wake)
		}
		b.audit()
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// A wait that ends while its worker is about to let go does not get lost: the execution comes again at once.
func TestAWaitThatEndsBeforeTheSuspend(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"signal", "decision"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, b *bench) {
				w := b.worker(1, "echo")
				id := b.start("echo").ID
				a := w.poll()[0]
				accepted(t, w.report(wait(a, execution.WaitForSignal, "go"), wait(a, execution.WaitForApproval, "boss")))
				if how == "signal" {
					b.signal(id, "go", "1")
				} else if _, err := b.decide(id, engine.DecisionRequest{Approved: true}); err != nil {
					t.Fatal(err)
				}
				rs := w.report(op(a, engine.OpSuspend))
				accepted(t, rs)
				if !rs[0].Suspended {
					t.Errorf("suspend: %+v", rs[0])
				}
				begun := b.Now()
				again := w.poll()
				if len(again) != 1 || b.Now().Sub(begun) > 10*time.Millisecond {
					t.Fatalf("handed out again after %s: %+v", b.Now().Sub(begun), again)
				}
				accepted(t, w.report(op(again[0], engine.OpSuspend)))
				b.wantStatus(id, execution.Waiting)
				b.audit()
			})
		})
	}
}

func TestARepeatedSignalIsOne(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "nobody"}); err != nil {
			t.Fatal(err)
		}
		id := b.start("nobody").ID
		for i, want := range []bool{false, true, true} {
			v, replayed, err := b.Signal(t.Context(), b.root, id, &engine.SignalRequest{Name: "go", Key: "k", Payload: []byte("1")})
			if err != nil || replayed != want || v.Revision != 2 {
				t.Errorf("signal %d: revision %d, replayed %t, %v", i, v.Revision, replayed, err)
			}
			if i == 1 {
				b = b.restart()
			}
		}
		if _, replayed, err := b.Signal(t.Context(), b.root, id, &engine.SignalRequest{Name: "go", Key: "other"}); err != nil || replayed {
			t.Errorf("another key: replayed %t, %v", replayed, err)
		}
		b.audit()
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWaitsAndCancels(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(2, "echo")
		id := b.start("echo").ID
		a := w.poll()[0]
		accepted(t, w.report(wait(a, execution.WaitForApproval, "boss"), op(a, engine.OpSuspend)))
		if v, done, err := b.Cancel(t.Context(), b.root, id, engine.CancelRequest{}); err != nil || !done || v.Status != execution.Cancelled {
			t.Errorf("a waiting execution is cancelled: %t, %v", done, err)
		}
		v, err := b.Get(t.Context(), b.root, id, engine.GetOptions{Steps: true})
		if err != nil || v.Steps[0].Status.Name() != "cancelled" || v.Inbox != "" {
			t.Errorf("its wait is %+v, %v", v.Steps, err)
		}
		id = b.start("echo").ID
		a = w.poll()[0]
		if _, done, err := b.Cancel(t.Context(), b.root, id, engine.CancelRequest{}); err != nil || done {
			t.Errorf("a held execution is cancelled: %t, %v", done, err)
		}
		rs := w.report(wait(a, execution.WaitForSignal, "go"))
		wantCode(t, "a wait after a cancel", rs[0].Err, "cancel_requested")
		b.audit()
	})
}

func TestAWaitIsNotAnotherStep(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		b.start("echo")
		a := w.poll()[0]
		sleep := op(a, engine.OpSleep)
		sleep.Step, sleep.Duration = "nap", time.Hour
		accepted(t, w.report(sleep, wait(a, execution.WaitForSignal, "go")))
		for step, kind := range map[string]execution.WaitKind{"nap": execution.WaitForSignal, "go": execution.WaitForApproval} {
			rs := w.report(wait(a, kind, step))
			wantCode(t, "step "+step+" as a wait for another thing", rs[0].Err, "invalid_request")
		}
		b.audit()
	})
}

// A commit of unknown outcome wakes the holder all the same, and a signal that is sent again is one signal.
func TestSignalsOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, fault := range []faultstore.Fault{faultstore.Applied, faultstore.Unknown} {
		faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
			w := b.worker(1, "echo")
			id := b.start("echo").ID
			a := w.poll()[0]
			accepted(t, w.report(wait(a, execution.WaitForSignal, "go")))
			hit := false
			fs.Set(func(c faultstore.Call) faultstore.Fault {
				if c.Method == "Commit" && !hit && slices.Contains(c.Need.Executions, id) {
					hit = true
					return fault
				}
				return faultstore.None
			})
			r := &engine.SignalRequest{Name: "go", Key: "k", Payload: []byte("1")}
			_, _, err := b.Signal(t.Context(), b.root, id, r)
			wantCode(t, "a signal of unknown outcome", err, "unavailable")
			if _, replayed, err := b.Signal(t.Context(), b.root, id, r); err != nil || replayed != (fault == faultstore.Applied) {
				t.Errorf("fault %d: sent again, replayed %t, %v", fault, replayed, err)
			}
			if r := w.beat(a); !sameIDs(r.Wake, []execution.ID{id}) {
				t.Errorf("fault %d: told %+v", fault, r)
			}
			rs := w.report(wait(a, execution.WaitForSignal, "go"), wait(a, execution.WaitForSignal, "go#2"))
			accepted(t, rs)
			if ended(rs[0].Wait.Ended) != "received 1  " || rs[1].Wait.Ended != nil {
				t.Errorf("fault %d: asked %+v %+v", fault, rs[0].Wait, rs[1].Wait)
			}
		})
	}
}
