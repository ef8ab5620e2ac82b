package engine_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
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

// storm is a workload on a store that fails now and then: clients that retry with their keys, workers that repeat their
// reports, cancels. It keeps what was acknowledged.
type storm struct {
	t  *testing.T
	b  *bench
	mu sync.Mutex

	starts  map[string]execution.ID           // acknowledged, by key
	steps   map[execution.ID]map[string]bool  // acknowledged
	ended   map[execution.ID]execution.Status // acknowledged ends
	cancels map[execution.ID]bool
}

func newStorm(t *testing.T, b *bench) *storm {
	return &storm{
		t: t, b: b, starts: map[string]execution.ID{}, steps: map[execution.ID]map[string]bool{},
		ended: map[execution.ID]execution.Status{}, cancels: map[execution.ID]bool{},
	}
}

// transient tells an error that a client repeats its request after.
func (s *storm) transient(err error) bool {
	return code(err) == "unavailable" || errors.Is(err, faultstore.ErrInjected)
}

func (s *storm) client(n, starts int) {
	for i := range starts {
		key := fmt.Sprintf("%d-%d", n, i)
		var first execution.ID
		for {
			got, err := s.b.tryStart("echo", keyed(key, 1))
			if err == nil {
				first = got.ID
				break
			}
			if !s.transient(err) {
				s.t.Errorf("start: %v", err)
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		s.mu.Lock()
		s.starts[key] = first
		s.mu.Unlock()
		if i%2 == 1 {
			time.Sleep(100 * time.Millisecond) // now and then it is awaited already
		}
		for {
			_, _, err := s.b.Signal(s.t.Context(), s.b.root, first, &engine.SignalRequest{Name: "go", Key: key, Payload: []byte(strconv.Quote(key))})
			if err == nil || !s.transient(err) {
				if err != nil {
					s.t.Errorf("signal: %v", err)
				}
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if i%7 == 3 {
			for {
				_, done, err := s.b.Cancel(s.t.Context(), s.b.root, first, engine.CancelRequest{Grace: 2 * time.Second})
				if err == nil {
					s.mu.Lock()
					s.cancels[first] = true
					if done {
						s.ended[first] = execution.Cancelled
					}
					s.mu.Unlock()
				}
				if err == nil || !s.transient(err) {
					if err != nil && code(err) != "already_terminal" {
						s.t.Errorf("cancel: %v", err)
					}
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// worker serves until stop is closed; it opens a new session whenever it has lost the old one.
func (s *storm) worker(stop <-chan struct{}, handlers *sync.WaitGroup) {
	b, t := s.b, s.t
	for {
		var view *engine.SessionView
		for {
			select {
			case <-stop:
				return
			default:
			}
			var err error
			view, err = b.OpenSession(t.Context(), b.root, &engine.SessionSpec{Protocol: 1, Capacity: 8, Workflows: []engine.WorkflowSpec{{Name: "echo"}}})
			if err == nil {
				break
			}
			if !s.transient(err) {
				t.Errorf("session: %v", err)
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		w := &worker{b: b, id: view.ID}
		var mu sync.Mutex
		held := map[execution.ID]engine.Assignment{}
		over := make(chan struct{})
		var beats sync.WaitGroup
		beats.Go(func() {
			listed := false
			for {
				pause := 500 * time.Millisecond
				if listed {
					pause = 0
				}
				select {
				case <-over:
					return
				case <-time.After(pause):
				}
				mu.Lock()
				q := &engine.HeartbeatRequest{Session: w.id, Received: w.received.Load(), Listed: listed}
				var as []engine.Assignment
				for _, a := range held {
					as = append(as, a)
					q.Leases = append(q.Leases, a.Lease)
				}
				q.Held, q.Digest = len(as), digest(as)
				mu.Unlock()
				r, err := b.Heartbeat(t.Context(), b.root, q)
				listed = err == nil && r.Reconcile
				if err == nil {
					mu.Lock()
					for _, id := range r.Drop {
						delete(held, id)
					}
					mu.Unlock()
				}
			}
		})
		for lost := false; !lost; {
			select {
			case <-stop:
				lost = true
				continue
			default:
			}
			mu.Lock()
			received := w.received.Load()
			mu.Unlock()
			r, err := b.Poll(t.Context(), b.root, &engine.PollRequest{Session: w.id, Received: received, Wait: 300 * time.Millisecond})
			switch {
			case code(err) == "session_lost":
				lost = true
				continue
			case err != nil:
				if !s.transient(err) {
					t.Errorf("poll: %v", err)
				}
				time.Sleep(50 * time.Millisecond)
				continue
			}
			mu.Lock()
			w.receive(r)
			for _, id := range r.Drop {
				delete(held, id)
			}
			for _, a := range r.Executions {
				held[a.ID] = a
			}
			mu.Unlock()
			for _, a := range r.Executions {
				handlers.Go(func() {
					s.handle(w, a)
					mu.Lock()
					if held[a.ID].Lease == a.Lease {
						delete(held, a.ID)
					}
					mu.Unlock()
				})
			}
		}
		close(over)
		beats.Wait()
	}
}

// handle runs three steps, of which those recorded are not run again, waits for a signal between them, and completes.
func (s *storm) handle(w *worker, a engine.Assignment) {
	recorded := map[string]bool{}
	var signal *execution.WaitEnd
	for _, r := range a.Recorded {
		recorded[r.Step] = true
		if r.Kind == execution.KindWait {
			signal = r.Ended
		}
	}
	s.mu.Lock()
	acked := s.steps[a.ID]
	if acked == nil {
		acked = map[string]bool{}
		s.steps[a.ID] = acked
	}
	for name := range acked {
		if !recorded[name] {
			s.t.Errorf("%s: step %s was acknowledged and is not handed to the next worker", a.ID, name)
		}
	}
	s.mu.Unlock()
	var result engine.OpResult
	send := func(o engine.Operation) bool {
		for {
			r, err := s.b.Report(s.t.Context(), s.b.root, &engine.ReportRequest{Session: w.id, Received: w.received.Load(), Operations: []engine.Operation{o}})
			switch {
			case err == nil:
				switch c := code(r.Results[0].Err); c {
				case "":
					result = r.Results[0]
					return true
				case "stale_lease", "already_terminal", "cancel_requested":
					return false
				default:
					s.t.Errorf("operation %s: %s", engine.OpNames[o.Kind], c)
					return false
				}
			case code(err) == "session_lost":
				return false
			case !s.transient(err):
				s.t.Errorf("report: %v", err)
				return false
			}
			time.Sleep(30 * time.Millisecond)
		}
	}
	for i := range 3 {
		if i == 2 && signal == nil {
			if !send(wait(a, execution.WaitForSignal, "go")) {
				return
			}
			if signal = result.Wait.Ended; signal == nil {
				send(op(a, engine.OpSuspend))
				return
			}
		}
		name := fmt.Sprint("s", i)
		if recorded[name] {
			continue
		}
		time.Sleep(10 * time.Millisecond)
		if !send(step(a, name, `1`)) {
			return
		}
		s.mu.Lock()
		acked[name] = true
		s.mu.Unlock()
	}
	key, err := strconv.Unquote(string(signal.Payload))
	s.mu.Lock()
	if id, known := s.starts[key]; err != nil || known && id != a.ID {
		s.t.Errorf("%s received the signal %s", a.ID, signal.Payload)
	}
	s.mu.Unlock()
	if send(complete(a, `{}`)) {
		s.mu.Lock()
		s.ended[a.ID] = execution.Completed
		s.mu.Unlock()
	}
}

// run lets the workload run and come to its end; heal is called when the clients are done.
func (s *storm) run(clients, starts int, heal func()) {
	stop := make(chan struct{})
	var workers, handlers, cs sync.WaitGroup
	for range 2 {
		workers.Go(func() { s.worker(stop, &handlers) })
	}
	for n := range clients {
		cs.Go(func() { s.client(n, starts) })
	}
	cs.Wait()
	heal()
	for end := time.Now().Add(2 * time.Minute); ; {
		c, err := s.b.Counts(s.t.Context(), s.b.root, "", time.Time{}, time.Time{})
		if err != nil {
			s.t.Fatal(err)
		}
		open := total(c)
		for i := execution.Completed; i <= execution.Rejected; i++ {
			open -= c.N[i]
		}
		if open == 0 {
			break
		}
		if time.Now().After(end) {
			list, _ := s.b.List(s.t.Context(), s.b.root, &engine.ListRequest{Status: execution.Open, Limit: 5})
			for _, v := range list.Items {
				s.t.Errorf("%s is still %s: %s; %s", v.ID, v.Status, v.Reason.Message, kinds(s.b.get(v.ID)))
			}
			s.t.Fatalf("%d executions do not come to an end", open)
		}
		time.Sleep(200 * time.Millisecond)
	}
	close(stop)
	workers.Wait()
	handlers.Wait()
}

// check compares what was acknowledged with what is stored.
func (s *storm) check(clients, starts int) {
	if len(s.starts) != clients*starts {
		s.t.Errorf("%d starts came through, want %d", len(s.starts), clients*starts)
	}
	c, err := s.b.Counts(s.t.Context(), s.b.root, "", time.Time{}, time.Time{})
	if err != nil || total(c) != int64(len(s.starts)) {
		s.t.Errorf("%d executions are stored, %v; want one per key, %d", total(c), err, len(s.starts))
	}
	for key, id := range s.starts {
		got, err := s.b.tryStart("echo", keyed(key, 1))
		if err != nil || !got.Replayed || got.ID != id {
			s.t.Errorf("key %s: %+v, %v, want %s", key, got, err, id)
			continue
		}
		v := s.b.get(id)
		if want, ok := s.ended[id]; ok && v.Status != want {
			s.t.Errorf("%s was acknowledged as %s and is %s", id, want, v.Status)
		}
		if s.cancels[id] && v.Status != execution.Cancelled && v.Status != execution.Completed {
			s.t.Errorf("%s was cancelled and is %s", id, v.Status)
		}
		if v.Status == execution.Completed && v.Execution.Steps != 3 {
			s.t.Errorf("%s completed with %d steps", id, v.Execution.Steps)
		}
		names := map[string]int{}
		for _, e := range v.Events {
			if e.Kind == execution.EventStepCompleted {
				names[e.Step]++
			}
		}
		for name := range s.steps[id] {
			if names[name] != 1 {
				s.t.Errorf("%s: acknowledged step %s is recorded %d times", id, name, names[name])
			}
		}
		// A session whose heartbeats were not answered may be lost with all it held, but no handler failed.
		if v.Status != execution.Completed && v.Status != execution.Cancelled {
			s.t.Errorf("%s ended as %s with %d strikes", id, v.Status, v.Strikes)
		}
	}
	sessions, err := s.b.Sessions(s.t.Context(), s.b.root)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, v := range sessions {
		if v.Held != 0 {
			s.t.Errorf("a session is said to hold %d executions when all have ended", v.Held)
		}
	}
}

// T12: every n-th commit fails in each way; nothing acknowledged is lost, everything comes to its end.
func TestEveryNthCommitFails(t *testing.T) {
	t.Parallel()
	ns := []int{2, 7}
	clients, starts := 4, 8
	if wide {
		ns, clients, starts = []int{2, 3, 4, 5, 6, 7, 8, 11, 13, 17, 23}, 8, 40
	}
	for name, fault := range map[string]faultstore.Fault{
		"before": faultstore.Before, "applied": faultstore.Applied, "unknown": faultstore.Unknown, "refused": faultstore.Refused,
	} {
		for _, n := range ns {
			if fault == faultstore.Refused && n == 2 {
				continue // a refusal of every other commit is one of single commands too: those are no transient error
			}
			t.Run(fmt.Sprintf("%s, every %d", name, n), func(t *testing.T) {
				t.Parallel()
				faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
					if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "echo"}); err != nil {
						t.Fatal(err)
					}
					s := newStorm(t, b)
					fs.Set(faultstore.Every("Commit", n, fault))
					s.run(clients, starts, func() { fs.Set(nil) })
					if fs.Hits() < 4 {
						t.Errorf("%d faults: the test tests nothing", fs.Hits())
					}
					s.check(clients, starts)
				}, func(c *engine.Config) { c.Lease = 3 * time.Second; c.Acknowledge = time.Second })
			})
		}
	}
}

// T12: reads and commits fail at a rate, in every way.
func TestOneCallInTwentyFails(t *testing.T) {
	t.Parallel()
	seeds, clients, starts := 1, 4, 8
	if wide {
		seeds, clients, starts = 20, 8, 60
	}
	for seed := range seeds {
		for _, rate := range []float64{0.01, 0.05} {
			t.Run(fmt.Sprintf("seed %d, rate %g", seed, rate), func(t *testing.T) {
				t.Parallel()
				faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
					if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "echo"}); err != nil {
						t.Fatal(err)
					}
					s := newStorm(t, b)
					r := rand.New(rand.NewPCG(uint64(seed), 1))
					fs.Delay(func(*store.Need) time.Duration { return time.Millisecond })
					fs.Set(func(faultstore.Call) faultstore.Fault {
						if r.Float64() >= rate {
							return faultstore.None
						}
						return []faultstore.Fault{faultstore.Before, faultstore.Applied, faultstore.Unknown}[r.IntN(3)]
					})
					s.run(clients, starts, func() { fs.Set(nil) })
					s.check(clients, starts)
				}, func(c *engine.Config) { c.Lease = 3 * time.Second; c.Acknowledge = time.Second })
			})
		}
	}
}

// One bad command fails alone, and the caller hears that nothing will help.
func TestABadCommandFailsAlone(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "echo"}); err != nil {
			t.Fatal(err)
		}
		fs.RefuseIf(func(c *store.Changes) bool {
			for _, r := range c.Insert {
				if r.Priority == 66 {
					return true
				}
			}
			return false
		})
		var rs []*engine.StartRequest
		for i := range 300 {
			r := &engine.StartRequest{Workflow: "echo", Input: []byte(`{}`), IdempotencyKey: fmt.Sprint(i), Hash: 1}
			if i%100 == 42 {
				r.Priority = 66
			}
			rs = append(rs, r)
		}
		out := b.StartBatch(t.Context(), b.root, rs)
		for i, o := range out {
			if bad := i%100 == 42; bad != (o.Err != nil) {
				t.Errorf("start %d: %v", i, o.Err)
			} else if bad && (code(o.Err) == "unavailable" || !errors.Is(o.Err, store.ErrRefused)) {
				t.Errorf("start %d: %v, want the refusal itself: nothing happened and a repeat does not help", i, o.Err)
			}
		}
		fs.RefuseIf(nil)
		// Its key is free, its place in memory too.
		rs[42].Priority = 0
		s, err := b.Start(t.Context(), b.root, rs[42])
		if err != nil || s.Replayed {
			t.Errorf("the repaired start: %+v, %v", s, err)
		}
	})
}

// When the database is away a batch is not taken apart to find out who is to blame.
func TestADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "echo"}); err != nil {
			t.Fatal(err)
		}
		commits := 0
		fs.Set(func(c faultstore.Call) faultstore.Fault {
			if c.Method != "Commit" || c.Need == nil || len(c.Need.Reservations) == 0 {
				return faultstore.None
			}
			commits++
			return faultstore.Away
		})
		var rs []*engine.StartRequest
		for i := range 100 {
			rs = append(rs, &engine.StartRequest{Workflow: "echo", Input: []byte(`{}`), IdempotencyKey: fmt.Sprint(i), Hash: 1})
		}
		for i, o := range b.StartBatch(t.Context(), b.root, rs) {
			if code(o.Err) != "unavailable" {
				t.Fatalf("start %d: %v, want that the server is not available", i, o.Err)
			}
		}
		if commits > 10 {
			t.Errorf("%d commits were tried", commits)
		}
		fs.Set(nil)
		for i, o := range b.StartBatch(t.Context(), b.root, rs) {
			if o.Err != nil || o.Started.Replayed {
				t.Fatalf("start %d once it is back: %+v, %v", i, o.Started, o.Err)
			}
		}
	})
}

// An outcome that nobody knows is answered so, and a repeat with the same key finds the first execution or makes it.
func TestAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]faultstore.Fault{"applied": faultstore.Applied, "not applied": faultstore.Unknown} {
		for _, claimed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, claimed %t", name, claimed), func(t *testing.T) {
				t.Parallel()
				faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
					w := b.worker(2, "echo")
					w.take()
					if !claimed {
						time.Sleep(2 * time.Second) // nobody is there to claim it at once
					}
					fs.Set(faultstore.At("Commit", 1, fault))
					_, err := b.tryStart("echo", keyed("k", 1))
					wantCode(t, "the start", err, "unavailable")
					var e *engine.Error
					if !errors.As(err, &e) || e.RetryAfter <= 0 || !errors.Is(err, store.ErrUnknown) {
						t.Errorf("the answer %v does not say when to repeat", err)
					}
					fs.Set(nil)
					s := b.start("echo", keyed("k", 1))
					if s.Replayed != (fault == faultstore.Applied) {
						t.Errorf("the repeat: %+v", s)
					}
					as := w.poll()
					if len(as) != 1 || as[0].ID != s.ID || as[0].Attempt != 1 {
						t.Errorf("the worker got %+v", as)
					}
					// The same with a report and a hold.
					held := make(chan *engine.View, 1)
					go func() {
						v, err := b.Get(t.Context(), b.root, s.ID, engine.GetOptions{Wait: time.Minute})
						if err != nil {
							t.Error(err)
						}
						held <- v
					}()
					synctest.Wait()
					fs.Set(faultstore.At("Commit", 1, fault))
					_, err = b.Report(t.Context(), b.root, &engine.ReportRequest{Session: w.id, Operations: []engine.Operation{complete(as[0], `{"z":1}`)}})
					wantCode(t, "the report", err, "unavailable")
					fs.Set(nil)
					begun := time.Now()
					r := w.report(complete(as[0], `{"z":1}`))[0]
					if want := map[bool]string{true: "already_terminal", false: ""}[fault == faultstore.Applied]; code(r.Err) != want {
						t.Errorf("the repeated report: %v, want %q", r.Err, want)
					}
					if v := <-held; v.Status != execution.Completed || string(v.Output) != `{"z":1}` || time.Since(begun) != 0 {
						t.Errorf("the hold answered %s with %s after %s", v.Status, v.Output, time.Since(begun))
					}
					if v, err := b.Sessions(t.Context(), b.root); err != nil || v[0].Held != 0 {
						t.Errorf("the worker is said to hold %d, %v", v[0].Held, err)
					}
				})
			})
		}
	}
}

// The same for the catalog: a repeat finds what the first one made.
func TestAnUnknownOutcomeInTheCatalog(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		again := func(what string, fault faultstore.Fault, f func() error, want string) {
			t.Helper()
			fs.Set(faultstore.At("Commit", 1, fault))
			wantCode(t, what, f(), "unavailable")
			fs.Set(nil)
			wantCode(t, what+" again", f(), want)
		}
		create := func(name string) func() error {
			return func() error {
				_, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: name, Version: "v1"})
				return err
			}
		}
		again("create", faultstore.Applied, create("a"), "conflict")
		again("create", faultstore.Unknown, create("b"), "")
		again("project", faultstore.Applied, func() error { _, err := b.CreateProject(t.Context(), b.root, "p"); return err }, "conflict")
		again("version", faultstore.Applied, func() error {
			_, err := b.CreateVersion(t.Context(), b.root, "a", engine.VersionSpec{Label: "v2", Current: true})
			return err
		}, "conflict")
		if w, err := b.Workflow(t.Context(), b.root, "a"); err != nil || w.Version != 2 || w.VersionLabel != "v2" {
			t.Errorf("workflow %+v, %v, want version 2", w, err)
		}
		fs.Set(faultstore.At("Commit", 1, faultstore.Applied))
		_, err := b.OpenSession(t.Context(), b.root, &engine.SessionSpec{Protocol: 1, Capacity: 1, Workflows: []engine.WorkflowSpec{{Name: "a"}}})
		wantCode(t, "session", err, "unavailable")
		fs.Set(nil)
		if records, err := b.store.Sessions(t.Context()); err != nil || len(records) != 0 {
			t.Errorf("%d session records, %v, want none of a session that nobody knows", len(records), err)
		}
		// The fence before the deletion is a commit of its own: the fault meets the second.
		fs.Set(faultstore.At("Commit", 2, faultstore.Applied))
		wantCode(t, "delete", b.DeleteWorkflow(t.Context(), b.root, "b"), "unavailable")
		fs.Set(nil)
		wantCode(t, "delete again", b.DeleteWorkflow(t.Context(), b.root, "b"), "not_found")
	})
}

// G15: after an error of the disk nothing is acknowledged any more, the engine says so and Run returns it.
func TestAFailedStoreStopsTheEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fs := faultstore.New(teststore.Open(t))
		e, err := engine.New(t.Context(), engine.Config{Store: fs})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- e.Run(t.Context()) }()
		b := &bench{Engine: e, t: t, store: fs}
		if b.root, err = e.Root(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
		w := b.worker(1, "echo")
		s := b.start("echo")
		a := w.poll()[0]
		var wg sync.WaitGroup
		wg.Go(func() { w.pollFor(30 * time.Second) })
		wg.Go(func() {
			_, _ = b.Get(t.Context(), b.root, s.ID, engine.GetOptions{Wait: time.Hour})
		})
		synctest.Wait()
		fs.Delay(func(*store.Need) time.Duration { return 10 * time.Millisecond })
		fs.Set(faultstore.At("Commit", 2, faultstore.Failed))
		var mu sync.Mutex
		accepted := map[execution.ID]bool{}
		for range 20 {
			wg.Go(func() {
				for range 5 {
					s, err := b.tryStart("echo")
					if err != nil {
						wantCode(t, "a start", err, "unavailable")
						continue
					}
					mu.Lock()
					accepted[s.ID] = true
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if err := <-done; !errors.Is(err, store.ErrFailed) {
			t.Errorf("Run: %v, want the failure", err)
		}
		if err := b.Ready(); err == nil || !errors.Is(err, store.ErrFailed) {
			t.Errorf("Ready: %v, want the failure", err)
		}
		_, err = b.Report(t.Context(), b.root, &engine.ReportRequest{Session: w.id, Operations: []engine.Operation{complete(a, `{}`)}})
		wantCode(t, "a report", err, "unavailable")
		_, _, err = b.Cancel(t.Context(), b.root, s.ID, engine.CancelRequest{})
		wantCode(t, "a cancel", err, "unavailable")
		n, err := fs.Store.Counts(t.Context(), store.CountQuery{Project: b.root.Project})
		var stored int64
		for _, x := range n.N {
			stored += x
		}
		if err != nil || stored != int64(len(accepted))+1 {
			t.Errorf("%d executions are stored, %v; want the %d acknowledged", stored, err, len(accepted)+1)
		}
		b.audit()
	})
}
