package engine_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
	"github.com/sojournhq/sojourn/internal/store/teststore"
)

// wide says that the heavier variants run.
var wide = os.Getenv("SOJOURN_TEST_WIDE") == "1"

// bubble runs a test in virtual time with an engine of its own.
func bubble(t *testing.T, f func(t *testing.T, b *bench), change ...func(*engine.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, change...)
		f(t, b)
	})
}

// faulty runs a test in virtual time with an engine on a store that can be made to fail.
func faulty(t *testing.T, f func(t *testing.T, b *bench, fs *faultstore.Store), change ...func(*engine.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		st := teststore.Open(t)
		fs := faultstore.New(st)
		b := run(t, fs, change...)
		f(t, b, fs)
		fs.Set(nil)
		fs.RefuseIf(nil)
		fs.Delay(nil)
		if err := b.stop(); err != nil && !errors.Is(err, store.ErrFailed) {
			t.Errorf("engine: %v", err)
		}
		b.audit()
	})
}

// restart ends the engine and starts another one on the same store.
func (b *bench) restart(change ...func(*engine.Config)) *bench {
	b.t.Helper()
	if err := b.stop(); err != nil {
		b.t.Fatal(err)
	}
	// Ids may run a little ahead of the clock, which the store makes good when it is opened; here it stays open.
	for begun := b.Now(); b.Now().Sub(begun) < 20*time.Millisecond; {
		time.Sleep(time.Millisecond)
	}
	return run(b.t, b.store, change...)
}

// adopt is the worker at another engine.
func (w *worker) adopt(b *bench) *worker {
	v := &worker{b: b, id: w.id, caller: w.caller}
	v.received.Store(w.received.Load())
	return v
}

// beat sends a heartbeat that says what the worker holds.
func (w *worker) beat(held ...engine.Assignment) *engine.HeartbeatResult {
	w.b.t.Helper()
	r, err := w.tryBeat(held...)
	if err != nil {
		w.b.t.Fatal(err)
	}
	return r
}

func (w *worker) tryBeat(held ...engine.Assignment) (*engine.HeartbeatResult, error) {
	return w.b.Heartbeat(w.b.t.Context(), w.as(), &engine.HeartbeatRequest{
		Session: w.id, Received: w.received.Load(), Held: len(held), Digest: digest(held),
	})
}

// list sends a heartbeat with the leases themselves.
func (w *worker) list(held ...engine.Assignment) *engine.HeartbeatResult {
	w.b.t.Helper()
	q := &engine.HeartbeatRequest{Session: w.id, Received: w.received.Load(), Held: len(held), Digest: digest(held), Listed: true}
	for _, a := range held {
		q.Leases = append(q.Leases, a.Lease)
	}
	r, err := w.b.Heartbeat(w.b.t.Context(), w.as(), q)
	if err != nil {
		w.b.t.Fatal(err)
	}
	return r
}

// digest is computed here as the protocol describes it.
func digest(held []engine.Assignment) uint64 {
	var d uint64
	for _, a := range held {
		h := uint64(0xcbf29ce484222325)
		for _, c := range []byte(a.Lease) {
			h = (h ^ uint64(c)) * 0x100000001b3
		}
		d ^= h
	}
	return d
}

// live keeps heartbeats coming until the returned function is called.
func (w *worker) live(held func() []engine.Assignment) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(5 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				_, _ = w.tryBeat(held()...)
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

// none is what a worker holds that holds nothing.
func none() []engine.Assignment { return nil }

// take polls without waiting longer than it takes to claim what is in the queue.
func (w *worker) take() []engine.Assignment {
	w.b.t.Helper()
	return w.pollFor(10 * time.Millisecond).Executions
}

// code is the machine-readable code of an error of the engine, "" without one.
func code(err error) string {
	var e *engine.Error
	var x *execution.Error
	switch {
	case errors.As(err, &e):
		return string(e.Code)
	case errors.As(err, &x):
		return string(x.Code)
	case err != nil:
		return "internal: " + err.Error()
	}
	return ""
}

func wantCode(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := code(err); got != want {
		t.Errorf("%s: %q (%v), want %q", what, got, err, want)
	}
}

// print is everything that is stored of an execution.
func (b *bench) print(id execution.ID) string {
	b.t.Helper()
	row, err := b.store.Get(b.t.Context(), b.root.Project, id)
	if err != nil {
		b.t.Fatal(err)
	}
	events, err := b.store.Events(b.t.Context(), row, 0, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	return fmt.Sprintf("%+v %+v", *row, events)
}

// kinds are the kinds of an execution's events.
func kinds(v *engine.View) string {
	var names []string
	for i := range v.Events {
		names = append(names, v.Events[i].Kind.String())
	}
	return strings.Join(names, " ")
}

func (b *bench) wantKinds(id execution.ID, want string) *engine.View {
	b.t.Helper()
	v := b.get(id)
	if got := kinds(v); got != want {
		b.t.Errorf("events: %s\nwant:   %s", got, want)
	}
	return v
}

func (b *bench) wantStatus(id execution.ID, want execution.Status) *engine.View {
	b.t.Helper()
	v := b.get(id)
	if v.Status != want {
		b.t.Errorf("execution %s is %s (%s), want %s", id, v.Status, v.Reason.Code, want)
	}
	return v
}

func ids(as []engine.Assignment) []execution.ID {
	var out []execution.ID
	for _, a := range as {
		out = append(out, a.ID)
	}
	return out
}

func sameIDs(a, b []execution.ID) bool { return slices.Equal(a, b) }

// results fails the test when an operation was refused.
func accepted(t *testing.T, results []engine.OpResult) {
	t.Helper()
	for i, r := range results {
		if r.Err != nil {
			t.Errorf("operation %d: %v", i, r.Err)
		}
	}
}

func keyed(key string, hash uint64) func(*engine.StartRequest) {
	return func(r *engine.StartRequest) { r.IdempotencyKey, r.Hash = key, hash }
}

// wantField fails the test unless the error is about the field.
func wantField(t *testing.T, err error, field string) {
	t.Helper()
	var e *engine.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 || e.Fields[0].Field != field || e.Fields[0].Message == "" {
		t.Errorf("error %v, want one about %q", err, field)
	}
}
