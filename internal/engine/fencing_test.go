package engine_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
)

// every is one valid operation of each kind.
func every(a engine.Assignment, now execution.Time) []engine.Operation {
	var ops []engine.Operation
	for kind := engine.OpStepStarted; kind <= engine.OpReturn; kind++ {
		o := op(a, kind)
		o.Step, o.Try, o.Body, o.Duration, o.Value = "s", 1, []byte(`1`), time.Minute, 0.5
		o.Code, o.Message, o.Level = "c", "m", "info"
		o.WakeAt = now.Add(time.Hour)
		o.Retry = execution.Retry{MaxAttempts: 3}
		ops = append(ops, o)
	}
	return ops
}

// T6: a worker that lost its lease gets stale_lease for everything it says, and nothing changes.
func TestAStaleLeaseChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.worker(10, "echo")
	s := b.start("echo")
	stale := w.poll()[0]
	accepted(t, w.report(op(stale, engine.OpReturn)))
	current := w.poll()[0]
	if current.ID != s.ID || current.Lease == stale.Lease {
		t.Fatalf("claimed again: %+v", current)
	}
	forged := current
	last := "z"
	if strings.HasSuffix(current.Lease, last) {
		last = "y"
	}
	forged.Lease = current.Lease[:len(current.Lease)-1] + last
	empty := current
	empty.Lease = ""
	before := b.print(s.ID)
	for name, a := range map[string]engine.Assignment{"lost": stale, "forged": forged, "empty": empty} {
		for _, o := range every(a, b.Now()) {
			wantCode(t, name+" lease, "+engine.OpNames[o.Kind], w.report(o)[0].Err, "stale_lease")
		}
	}
	if lines, _, _, err := b.Logs(t.Context(), b.root, s.ID, engine.LogRequest{Limit: 10}); err != nil || len(lines) != 0 {
		t.Errorf("logs %v, %v, want none", lines, err)
	}
	if after := b.print(s.ID); after != before {
		t.Errorf("stale operations changed the row:\n%s\n%s", before, after)
	}
	accepted(t, w.report(complete(current, `{}`)))
	after := b.print(s.ID)
	for _, o := range every(current, b.Now()) {
		wantCode(t, "finished, "+engine.OpNames[o.Kind], w.report(o)[0].Err, "already_terminal")
	}
	if b.print(s.ID) != after {
		t.Error("reports changed a finished execution")
	}
	b.audit()
}

func TestAnotherProjectsExecutionIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.worker(1, "echo")
	s := b.start("echo")
	a := w.poll()[0]
	other, err := b.Root(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	v, err := b.OpenSession(t.Context(), other, &engine.SessionSpec{Protocol: 1, Capacity: 1, Workflows: []engine.WorkflowSpec{{Name: "echo"}}})
	if err != nil {
		t.Fatal(err)
	}
	before := b.print(s.ID)
	thief := &worker{b: b, id: v.ID, caller: other}
	missing := a
	missing.ID = execution.MakeID(1, 2, 3)
	for _, o := range every(a, b.Now()) {
		wantCode(t, "another project's, "+engine.OpNames[o.Kind], thief.report(o)[0].Err, "not_found")
		o.Execution = missing.ID
		wantCode(t, "nobody's, "+engine.OpNames[o.Kind], w.report(o)[0].Err, "not_found")
	}
	get := func(c *engine.Caller, id execution.ID) error {
		_, err := b.Get(t.Context(), c, id, engine.GetOptions{Wait: time.Millisecond})
		return err
	}
	wantCode(t, "get", get(other, s.ID), "not_found")
	_, _, err = b.Cancel(t.Context(), other, s.ID, engine.CancelRequest{})
	wantCode(t, "cancel", err, "not_found")
	_, err = b.Terminate(t.Context(), other, s.ID, "")
	wantCode(t, "terminate", err, "not_found")
	wantCode(t, "delete", b.Delete(t.Context(), other, s.ID), "not_found")
	wantCode(t, "redact", b.Redact(t.Context(), other, s.ID), "not_found")
	_, _, _, err = b.Logs(t.Context(), other, s.ID, engine.LogRequest{Limit: 1})
	wantCode(t, "logs", err, "not_found")
	if b.print(s.ID) != before {
		t.Error("another project changed the execution")
	}
}

func TestOperationsAfterARefusedOneAreSkipped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.worker(2, "echo")
	b.start("echo")
	b.start("echo")
	as := w.poll()
	for len(as) < 2 {
		as = append(as, w.poll()...)
	}
	bad := op(as[0], engine.OpProgress)
	bad.Value = math.NaN()
	rs := w.report(step(as[0], "a", `1`), step(as[1], "a", `1`), bad, step(as[0], "b", `1`), step(as[1], "b", `1`), complete(as[0], `{}`), complete(as[1], `{}`))
	for i, want := range []string{"", "", "invalid_progress", "skipped", "", "skipped", ""} {
		wantCode(t, "operation", rs[i].Err, want)
	}
	b.wantStatus(as[0].ID, execution.Running)
	b.wantStatus(as[1].ID, execution.Completed)
	// The next report is judged anew.
	accepted(t, w.report(step(as[0], "b", `1`), complete(as[0], `{}`)))
	b.audit()
}

func TestAStepIsRecordedOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		s := b.start("echo")
		a := w.poll()[0]
		rs := w.report(step(a, "a", `"first"`), step(a, "a", `"second"`), step(a, "b", `1`))
		accepted(t, rs)
		if rs[0].Duplicate || !rs[1].Duplicate || rs[2].Duplicate {
			t.Errorf("in one report: %+v", rs)
		}
		rs = w.report(step(a, "a", `"third"`), step(a, "c", `1`))
		accepted(t, rs)
		if !rs[0].Duplicate || rs[1].Duplicate {
			t.Errorf("in another report: %+v", rs)
		}
		sleep := func(name string, d time.Duration) engine.Operation {
			o := op(a, engine.OpSleep)
			o.Step, o.Duration = name, d
			return o
		}
		rs = w.report(sleep("long", time.Hour), sleep("short", time.Minute))
		accepted(t, rs)
		long, short := rs[0].WakeAt, rs[1].WakeAt
		time.Sleep(10 * time.Second)
		rs = w.report(sleep("long", time.Hour), sleep("short", time.Minute))
		accepted(t, rs)
		if !rs[0].Duplicate || rs[0].WakeAt != long || rs[0].Delay != time.Hour-10*time.Second {
			t.Errorf("the long sleep repeated: %+v, want its own end %s", rs[0], long)
		}
		if !rs[1].Duplicate || rs[1].WakeAt != short || rs[1].Delay != time.Minute-10*time.Second {
			t.Errorf("the short sleep repeated: %+v, want its own end %s", rs[1], short)
		}
		v := b.get(s.ID)
		if v.Execution.Steps != 3 || string(v.Steps[0].Output) != `"first"` {
			t.Errorf("%d steps, the first with %s; want 3 and what came first", v.Execution.Steps, v.Steps[0].Output)
		}
		b.audit()
	})
}
