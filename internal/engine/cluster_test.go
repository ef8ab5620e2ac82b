package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
)

func TestAReportGoesToAnyServer(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, _ *hub, list []*server) {
		a, b := list[0], list[1]
		w := a.worker(1, "echo")
		first := a.start("echo")
		held := make(chan *engine.Started, 1)
		go func() { held <- a.start("echo", func(r *engine.StartRequest) { r.Wait = 30 * time.Second }) }()
		x := w.poll()[0]
		accepted(t, w.at(b).report(step(x, "one", `1`), complete(x, `{"by":"b"}`)))
		// The server where the session lives learns that there is room.
		y := w.poll()[0]
		if y.ID == first.ID {
			t.Fatal("the same execution again")
		}
		accepted(t, w.at(b).report(complete(y, `{}`)))
		if s := <-held; s.View.Status != execution.Completed {
			t.Errorf("the hold at one server answered %s", s.View.Status)
		}
		v := a.wantKinds(first.ID, "created claimed step_completed completed")
		if string(v.Output) != `{"by":"b"}` {
			t.Errorf("output %s", v.Output)
		}
		// Heartbeats too, and they prolong it everywhere.
		for i := range 20 {
			time.Sleep(4 * time.Second)
			w.at(list[i%2]).beat()
		}
		if n := len(mustSessions(t, b)); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

func mustSessions(t *testing.T, s *server) []engine.WorkerView {
	t.Helper()
	list, err := s.Sessions(t.Context(), s.root)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// A worker whose polls, reports and heartbeats go to whatever server loses nothing and does nothing twice.
func TestASessionMovesUnderLoad(t *testing.T) {
	t.Parallel()
	for _, hints := range []bool{true, false} {
		t.Run(fmt.Sprint("hints ", hints), func(t *testing.T) {
			t.Parallel()
			servers(t, 3, func(t *testing.T, h *hub, list []*server) {
				h.deaf = !hints
				const many = 120
				w := list[0].worker(16, "echo")
				var mu sync.Mutex
				held := map[execution.ID]engine.Assignment{}
				ran := map[string]int{}
				ends := map[execution.ID]int{}
				random := rand.New(rand.NewPCG(1, 2))
				pick := func() *server {
					mu.Lock()
					defer mu.Unlock()
					return list[random.IntN(len(list))]
				}
				holding := func() []engine.Assignment {
					mu.Lock()
					defer mu.Unlock()
					var out []engine.Assignment
					for _, x := range held {
						out = append(out, x)
					}
					return out
				}
				done := make(chan struct{})
				var loops sync.WaitGroup
				loops.Go(func() {
					for !closed(done) {
						time.Sleep(5 * time.Second)
						v := w.at(pick())
						mine := holding()
						r, err := v.tryBeat(mine...)
						if err == nil && r.Reconcile {
							_, err = v.tryList(holding()...)
						}
						if err != nil {
							t.Errorf("heartbeat: %v", err)
						}
					}
				})
				var left atomic.Int64
				left.Store(many)
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
						mu.Lock()
						ran[x.ID.String()+name]++
						pause := time.Duration(random.IntN(400)) * time.Millisecond
						mu.Unlock()
						time.Sleep(pause)
						if r := w.at(pick()).report(step(x, name, `1`)); r[0].Err != nil {
							t.Errorf("step of %s: %v", x.ID, r[0].Err)
							return
						}
					}
					r := w.at(pick()).report(complete(x, `{}`))
					mu.Lock()
					delete(held, x.ID)
					ends[x.ID]++
					mu.Unlock()
					if r[0].Err != nil {
						t.Errorf("end of %s: %v", x.ID, r[0].Err)
					}
					if left.Add(-1) == 0 {
						close(done)
					}
				}
				loops.Go(func() {
					for !closed(done) {
						v := w.at(pick())
						r := v.pollFor(2 * time.Second)
						w.received.Store(v.received.Load())
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
				var all []execution.ID
				for i := range many {
					all = append(all, list[i%3].start("echo").ID)
					if i%10 == 0 {
						time.Sleep(50 * time.Millisecond)
					}
				}
				select {
				case <-done:
				case <-time.After(5 * time.Minute):
					t.Errorf("%d executions are left", left.Load())
					close(done)
				}
				loops.Wait()
				for _, id := range all {
					list[1].wantStatus(id, execution.Completed)
					if ends[id] != 1 {
						t.Errorf("%s was ended %d times", id, ends[id])
					}
				}
				for what, n := range ran {
					if n != 1 {
						t.Errorf("%s ran %d times", what, n)
					}
				}
			})
		})
	}
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// tryList is list with its error.
func (w *worker) tryList(held ...engine.Assignment) (*engine.HeartbeatResult, error) {
	q := &engine.HeartbeatRequest{Session: w.id, Received: w.received.Load(), Held: len(held), Digest: digest(held), Listed: true}
	for _, a := range held {
		q.Leases = append(q.Leases, a.Lease)
	}
	return w.b.Heartbeat(w.b.t.Context(), w.as(), q)
}

// What a server that is gone had handed to workers that went with it, another one offers again after the lease.
func TestAServerThatIsGoneIsReplaced(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, _ *hub, list []*server) {
		a, b := list[0], list[1]
		time.Sleep(20 * time.Second) // longer than the grace after the start
		w := a.worker(100, "echo")
		for range 100 {
			a.start("echo")
		}
		got := w.poll()
		for len(got) < 100 {
			got = append(got, w.poll()...)
		}
		accepted(t, w.report(step(got[0], "one", `1`)))
		died := time.Now()
		a.peer.cut()
		v := b.worker(200, "echo")
		defer v.live(none)()
		again := v.pollFor(29 * time.Second).Executions
		for len(again) < 100 {
			again = append(again, v.poll()...)
		}
		if took := time.Since(died); took < 10*time.Second || took > 15*time.Second+4*time.Second {
			t.Errorf("offered again after %s, want within 4 s of the lease", took)
		}
		for _, x := range again {
			if x.ID == got[0].ID && (len(x.Recorded) != 1 || x.Attempt != 2) {
				t.Errorf("offered again as %+v", x)
			}
			accepted(t, v.report(complete(x, `{}`)))
		}
		for _, x := range got {
			b.wantStatus(x.ID, execution.Completed)
		}
		if r, err := b.Report(t.Context(), b.root, &engine.ReportRequest{Session: w.id, Operations: []engine.Operation{complete(got[0], `{}`)}}); err == nil && r.Results[0].Err == nil {
			t.Error("a lease of the server that is gone is still good")
		}
		time.Sleep(20 * time.Second)
		if n := len(mustSessions(t, b)); n != 1 {
			t.Errorf("%d sessions are left, want one", n)
		}
	})
}

// A worker that lives on goes on at another server with all that it holds.
func TestAWorkerOutlivesItsServer(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, _ *hub, list []*server) {
		a, b := list[0], list[1]
		w := a.worker(2, "echo")
		a.start("echo")
		a.start("echo")
		var got []engine.Assignment
		for len(got) < 2 {
			got = append(got, w.poll()...)
		}
		a.peer.cut()
		v := w.at(b)
		if r := v.pollFor(10 * time.Millisecond); len(r.Executions) != 0 {
			t.Errorf("handed over again: %+v", r.Executions)
		}
		for range 10 {
			time.Sleep(4 * time.Second)
			if r := v.beat(got...); r.Reconcile {
				v.list(got...)
			}
		}
		for _, x := range got {
			accepted(t, v.report(complete(x, `{}`)))
			b.wantKinds(x.ID, "created claimed completed")
		}
	})
}

// What was claimed and never handed over does not wait for the end of the session.
func TestAClaimThatDiedWithItsServer(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, _ *hub, list []*server) {
		a, b := list[0], list[1]
		w := a.worker(4, "echo")
		w.pollFor(time.Millisecond)
		s := a.start("echo") // claimed for the worker, which does not poll
		synctest.Wait()
		a.wantStatus(s.ID, execution.Running)
		a.peer.cut()
		v := w.at(b)
		began := time.Now()
		var x engine.Assignment
		for x.Lease == "" {
			if r := v.pollFor(time.Second); len(r.Executions) > 0 {
				x = r.Executions[0]
				break
			}
			if r := v.beat(); r.Reconcile {
				v.list()
			}
			if time.Since(began) > 30*time.Second {
				t.Fatal("never offered again")
			}
		}
		accepted(t, v.report(complete(x, `{}`)))
		b.wantStatus(s.ID, execution.Completed)
	})
}

func TestServersSeeEachOthersWork(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		deaf bool
		most time.Duration
	}{{false, 50 * time.Millisecond}, {true, 1100 * time.Millisecond}} {
		t.Run(fmt.Sprint("without hints ", c.deaf), func(t *testing.T) {
			t.Parallel()
			servers(t, 2, func(t *testing.T, h *hub, list []*server) {
				h.deaf = c.deaf
				a, b := list[0], list[1]
				w := b.worker(1, "echo")
				defer w.live(none)()
				for i := range 20 {
					time.Sleep(time.Duration(i*73) * time.Millisecond)
					s := a.start("echo")
					stream, err := a.Follow(t.Context(), a.root, s.ID, 0)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := stream.Read(t.Context()); err != nil {
						t.Fatal(err)
					}
					began := time.Now()
					x := w.poll()[0]
					if took := time.Since(began); took > c.most {
						t.Errorf("the worker got it after %s", took)
					}
					type seen struct {
						at     time.Time
						status execution.Status
					}
					held := make(chan seen, 1)
					go func() {
						v, err := a.Get(t.Context(), a.root, s.ID, engine.GetOptions{Wait: time.Minute})
						if err != nil {
							t.Error(err)
							held <- seen{}
							return
						}
						held <- seen{time.Now(), v.Status}
					}()
					streamed := make(chan time.Time, 1)
					go func() {
						for {
							<-stream.Changed()
							if p, err := stream.Read(t.Context()); err != nil || p.Ended {
								streamed <- time.Now()
								return
							}
						}
					}()
					synctest.Wait()
					accepted(t, w.report(complete(x, `{}`)))
					ended := time.Now()
					v := <-held
					if took := v.at.Sub(ended); took > c.most || v.status != execution.Completed {
						t.Errorf("the hold answered %s after %s", v.status, took)
					}
					if took := (<-streamed).Sub(ended); took > c.most {
						t.Errorf("the stream ended after %s", took)
					}
					stream.Close()
				}
			})
		})
	}
}

func TestACancelReachesTheWorkerElsewhere(t *testing.T) {
	t.Parallel()
	servers(t, 3, func(t *testing.T, _ *hub, list []*server) {
		a, b, c := list[0], list[1], list[2]
		w := a.worker(2, "echo")
		s := a.start("echo")
		x := w.poll()[0]
		told := make(chan *engine.PollResult, 1)
		go func() { told <- w.pollFor(20 * time.Second) }()
		synctest.Wait()
		began := time.Now()
		if _, done, err := b.Cancel(t.Context(), b.root, s.ID, engine.CancelRequest{}); err != nil || done {
			t.Fatalf("cancel: done %t, %v", done, err)
		}
		if r := <-told; len(r.Cancel) != 1 || r.Cancel[0] != s.ID || time.Since(began) > 50*time.Millisecond {
			t.Errorf("the poll answered %+v after %s", r, time.Since(began))
		}
		// A heartbeat names it at any server, and a report too.
		time.Sleep(50 * time.Millisecond)
		for i, at := range list {
			if r := w.at(at).beat(x); len(r.Cancel) != 1 {
				t.Errorf("a heartbeat at server %d names %v", i, r.Cancel)
			}
		}
		line := op(x, engine.OpLog)
		line.Level, line.Message = "info", "stopping"
		r, err := c.Report(t.Context(), c.root, &engine.ReportRequest{Session: w.id, Operations: []engine.Operation{line}})
		if err != nil || len(r.Cancel) != 1 {
			t.Fatalf("a report: %+v, %v", r, err)
		}
		accepted(t, w.at(c).report(op(x, engine.OpCancelled)))
		time.Sleep(2 * time.Second)
		for _, at := range list {
			if r := w.at(at).beat(); len(r.Cancel) != 0 {
				t.Error("a cancel that is over is told")
			}
		}
		a.wantStatus(s.ID, execution.Cancelled)
		// An execution that is terminated elsewhere is taken from its worker.
		s = c.start("echo")
		w.poll()
		if _, err := b.Terminate(t.Context(), b.root, s.ID, "enough"); err != nil {
			t.Fatal(err)
		}
		if r := w.pollFor(5 * time.Second); len(r.Drop) != 1 || r.Drop[0] != s.ID {
			t.Errorf("the poll answered %+v", r)
		}
	})
}

func TestASignalWakesTheHolderElsewhere(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, _ *hub, list []*server) {
		a, b := list[0], list[1]
		w := a.worker(1, "echo")
		s := a.start("echo")
		x := w.poll()[0]
		wait := op(x, engine.OpWait)
		wait.Step, wait.Wait, wait.Name = "go", execution.WaitForSignal, "go"
		accepted(t, w.report(wait))
		told := make(chan *engine.PollResult, 1)
		go func() { told <- w.pollFor(20 * time.Second) }()
		synctest.Wait()
		if _, _, err := b.Signal(t.Context(), b.root, s.ID, &engine.SignalRequest{Name: "go", Payload: []byte(`1`)}); err != nil {
			t.Fatal(err)
		}
		if r := <-told; len(r.Wake) != 1 || r.Wake[0] != s.ID {
			t.Errorf("the poll answered %+v", r)
		}
		if r := w.at(b).report(wait); r[0].Err != nil || r[0].Wait == nil || r[0].Wait.Ended == nil {
			t.Errorf("asking elsewhere: %+v", r[0])
		}
	})
}

func TestWhatOneServerMakesTheOthersKnow(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, _ *hub, list []*server) {
		a, b := list[0], list[1]
		if _, err := a.CreateWorkflow(t.Context(), a.root, engine.WorkflowSpec{Name: "fresh", Version: "v1"}); err != nil {
			t.Fatal(err)
		}
		b.start("fresh", func(r *engine.StartRequest) { r.Version = "v1" })
		if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "fresh"}); code(err) != "conflict" {
			t.Errorf("a second one of the name: %v", err)
		}
		if _, err := a.CreateVersion(t.Context(), a.root, "fresh", engine.VersionSpec{Label: "v2"}); err != nil {
			t.Fatal(err)
		}
		v, err := b.CreateVersion(t.Context(), b.root, "fresh", engine.VersionSpec{Label: "v3"})
		if err != nil || v.Number != 3 {
			t.Errorf("the third version: %+v, %v", v, err)
		}
		a.start("fresh", func(r *engine.StartRequest) { r.Version = "v3" })
		if _, err := a.CreateProject(t.Context(), a.root, "second"); err != nil {
			t.Fatal(err)
		}
		k, text, err := b.CreateKey(t.Context(), b.root, engine.KeySpec{Project: "second", Scopes: engine.ScopeRead})
		if err != nil || k.Project != "second" {
			t.Fatalf("a key for a project of the other server: %+v, %v", k, err)
		}
		for _, s := range list {
			if c, err := s.Authenticate(t.Context(), text); err != nil || c.ProjectName != "second" {
				t.Errorf("the key at a server: %+v, %v", c, err)
			}
		}
		if err := a.RevokeKey(t.Context(), a.root, k.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1100 * time.Millisecond)
		if _, err := b.Authenticate(t.Context(), text); code(err) != "unauthenticated" {
			t.Errorf("a revoked key after a tick: %v", err)
		}
		// Changes at the same time both stand, or one is told to come again.
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { list[i%2].worker(1, fmt.Sprint("many-", i/2), "common") })
		}
		wg.Wait()
		page, _, _, err := a.Workflows(t.Context(), a.root, engine.WorkflowQuery{Limit: 100})
		if err != nil || len(page) != 12 {
			t.Errorf("%d workflows, %v", len(page), err)
		}
		time.Sleep(1100 * time.Millisecond)
		for _, s := range list {
			if w, err := s.Workflow(t.Context(), s.root, "common"); err != nil || w.Workers != 20 {
				t.Errorf("a server says %+v, %v: want 20 workers", w, err)
			}
			if n := len(mustSessions(t, s)); n != 20 {
				t.Errorf("a server lists %d sessions", n)
			}
		}
	})
}

// Workers that register the same workflows at several servers at once meet each other's changes of the catalog. That is
// repeated, and no mistake that anybody must hear of.
func TestServersRegisterAtTheSameTime(t *testing.T) {
	t.Parallel()
	var text lockedBuffer
	handler := slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})
	servers(t, 3, func(t *testing.T, _ *hub, list []*server) {
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() { list[i%3].worker(1, fmt.Sprint("many-", i/3), "common") })
		}
		wg.Wait()
		page, _, _, err := list[0].Workflows(t.Context(), list[0].root, engine.WorkflowQuery{Limit: 100})
		if err != nil || len(page) != 11 {
			t.Errorf("%d workflows, %v", len(page), err)
		}
	}, func(c *engine.Config) { c.Log = slog.New(handler) })
	met := false
	for line := range strings.Lines(text.String()) {
		if strings.Contains(line, "level=ERROR") || strings.Contains(line, "level=WARN") {
			t.Errorf("logged: %s", line)
		}
		met = met || strings.Contains(line, "level=DEBUG") && strings.Contains(line, "another server was quicker")
	}
	if !met {
		t.Error("the servers did not meet each other's changes: nothing was tested")
	}
}

// A server that stops in the middle of a read says nothing about the read: it was its own doing.
func TestAStopIsNoFailure(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"Sessions", "Counts"} {
		var text lockedBuffer
		log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelWarn}))
		servers(t, 2, func(t *testing.T, _ *hub, list []*server) {
			b := list[1]
			stopped := make(chan error, 1)
			b.faults.Amid(method, func(ctx context.Context) {
				go func() { stopped <- b.stop() }()
				<-ctx.Done()
				b.faults.Set(faultstore.At(method, 1, faultstore.Before))
			})
			list[0].worker(1, "echo")
			list[0].start("echo")
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		}, func(c *engine.Config) { c.Log = log })
		if text.String() != "" {
			t.Errorf("stopped amid %s, logged: %s", method, text.String())
		}
	}
}

// lockedBuffer is text that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestServersFireTimersOnce(t *testing.T) {
	t.Parallel()
	servers(t, 3, func(t *testing.T, _ *hub, list []*server) {
		w := list[0].worker(100, "echo")
		defer w.live(none)()
		var all []*engine.Started
		began := list[0].Now()
		for i := range 60 {
			all = append(all, list[i%3].start("echo", func(r *engine.StartRequest) { r.Delay = time.Duration(1000+i*50) * time.Millisecond }))
		}
		got := map[execution.ID]bool{}
		for len(got) < 60 {
			for _, x := range w.poll() {
				got[x.ID] = true
				accepted(t, w.report(complete(x, `{}`)))
			}
		}
		for i, s := range all {
			v := list[0].wantKinds(s.ID, "created ready claimed completed")
			due := began.Add(time.Duration(1000+i*50) * time.Millisecond)
			if late := v.Events[1].At.Sub(due); late < 0 || late > 1100*time.Millisecond {
				t.Errorf("a timer fired %s late", late)
			}
		}
		// Those of a server that hangs are fired by the others.
		list[1].faults.Set(func(c faultstore.Call) faultstore.Fault {
			if c.Method == "Due" {
				return faultstore.Before
			}
			return faultstore.None
		})
		began = list[0].Now()
		for range 30 {
			list[0].start("echo", func(r *engine.StartRequest) { r.Delay = time.Second })
		}
		for clear(got); len(got) < 30; {
			for _, x := range w.poll() {
				got[x.ID] = true
				accepted(t, w.report(complete(x, `{}`)))
			}
		}
		if took := list[0].Now().Sub(began); took > 6*time.Second {
			t.Errorf("timers of a server that hangs fired after %s", took)
		}
	})
}

// At most five queries a second in a cluster of three where nothing happens.
func TestAnIdleClusterIsQuiet(t *testing.T) {
	t.Parallel()
	servers(t, 3, func(t *testing.T, _ *hub, list []*server) {
		var calls atomic.Int64
		by := map[string]int{}
		var mu sync.Mutex
		time.Sleep(30 * time.Second)
		for _, s := range list {
			s.faults.Set(func(c faultstore.Call) faultstore.Fault {
				calls.Add(1)
				mu.Lock()
				by[c.Method]++
				mu.Unlock()
				return faultstore.None
			})
		}
		const seconds = 100
		time.Sleep(seconds * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if n := calls.Load(); n > 5*seconds {
			t.Errorf("%.1f calls a second: %v", float64(n)/seconds, by)
		}
	})
}

func TestLockedRowsWaitTheirTurn(t *testing.T) {
	t.Parallel()
	servers(t, 1, func(t *testing.T, h *hub, list []*server) {
		a := list[0]
		w := a.worker(2, "echo")
		a.start("echo")
		a.start("echo")
		var got []engine.Assignment
		for len(got) < 2 {
			got = append(got, w.poll()...)
		}
		h.lock(got[0].ID)
		results := make(chan []engine.OpResult, 2)
		go func() { results <- w.report(step(got[0], "one", `1`)) }()
		synctest.Wait()
		// What is about other executions goes on meanwhile.
		accepted(t, w.report(complete(got[1], `{}`)))
		time.Sleep(2 * time.Second)
		select {
		case r := <-results:
			t.Fatalf("the report was answered with %+v", r)
		default:
		}
		h.lock()
		accepted(t, <-results)
		a.wantKinds(got[0].ID, "created claimed step_completed")
		// Whoever waits for too long is told.
		h.lock(got[0].ID)
		began := time.Now()
		_, err := a.Report(t.Context(), a.root, &engine.ReportRequest{Session: w.id, Operations: []engine.Operation{step(got[0], "two", `1`)}})
		if code(err) != "unavailable" || time.Since(began) < 10*time.Second || time.Since(began) > 15*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		h.lock()
		accepted(t, w.report(step(got[0], "two", `1`), complete(got[0], `{}`)))
	})
}

// A worker that lacks what is locked elsewhere is asked again: that is no failure of its heartbeat.
func TestAHeartbeatMeetsLockedRows(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, h *hub, list []*server) {
		a := list[0]
		w := a.worker(1, "echo")
		s := a.start("echo")
		w.poll()
		h.lock(s.ID)
		if r := w.list(); !r.Reconcile {
			t.Errorf("the heartbeat is answered with %+v", r)
		}
		a.wantStatus(s.ID, execution.Running)
		h.lock()
		if r := w.list(); r.Reconcile {
			t.Errorf("the heartbeat after that is answered with %+v", r)
		}
		accepted(t, w.report(complete(w.poll()[0], `{}`)))
		a.wantKinds(s.ID, "created claimed returned claimed completed")
	})
}

// A list that was made while the answer to a poll was on its way takes nothing from the worker.
func TestAListThatLacksWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, _ *hub, list []*server) {
		a, b := list[0], list[1]
		w := a.worker(1, "echo")
		s := a.start("echo")
		v := w.at(b) // it knows nothing of the poll
		x := w.poll()[0]
		if r := v.list(); !r.Reconcile {
			t.Errorf("the heartbeat is answered with %+v", r)
		}
		accepted(t, w.at(b).report(step(x, "one", `1`)))
		a.wantKinds(s.ID, "created claimed step_completed")
		// What it lacks a moment later it has not got.
		time.Sleep(1100 * time.Millisecond)
		if r := v.list(); r.Reconcile {
			t.Errorf("the second list is answered with %+v", r)
		}
		a.wantKinds(s.ID, "created claimed step_completed returned claimed") // and offered again
	})
}

// A draining server gives back what it had claimed, also what is locked elsewhere in that moment.
func TestADrainMeetsLockedRows(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, h *hub, list []*server) {
		a, b := list[0], list[1]
		a.worker(1, "echo") // it does not poll
		s := a.start("echo")
		h.lock(s.ID)
		a.Drain()
		time.Sleep(500 * time.Millisecond)
		h.lock()
		time.Sleep(500 * time.Millisecond)
		if v := b.get(s.ID); v.Session != 0 {
			t.Errorf("it is %s, of session %d", v.Status, v.Session)
		}
	})
}

// A server that has nothing but work on locked rows pauses, and not for longer than it must.
func TestAPauseForLockedRowsEndsEarly(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, h *hub, list []*server) {
		a, b := list[0], list[1]
		w := a.worker(1, "echo")
		defer w.live(none)()
		s := a.start("echo")
		x := w.poll()[0]
		h.lock(s.ID)
		results := make(chan []engine.OpResult, 1)
		go func() { results <- w.report(step(x, "one", `1`)) }()
		time.Sleep(2 * time.Second) // long enough for the longest pauses
		synctest.Wait()
		// Whatever else there is to do does not wait for the pause to end.
		for range 3 {
			time.Sleep(time.Millisecond)
			began := time.Now()
			a.start("echo")
			if took := time.Since(began); took > 0 {
				t.Errorf("a start waited %s", took)
			}
		}
		// Word of the commit that had the row ends it too, when it comes at once: not right after another tick.
		var ticked atomic.Int64
		since := func() time.Duration { return time.Since(time.Unix(0, ticked.Load())) }
		a.faults.Set(func(c faultstore.Call) faultstore.Fault {
			if c.Method == "Tick" {
				ticked.Store(time.Now().UnixNano())
			}
			return faultstore.None
		})
		for time.Sleep(time.Second); since() < 50*time.Millisecond || since() > 500*time.Millisecond; {
			time.Sleep(50 * time.Millisecond)
		}
		synctest.Wait()
		a.faults.Set(nil)
		h.lock()
		began := time.Now()
		if _, _, err := b.Signal(t.Context(), b.root, s.ID, &engine.SignalRequest{Name: "go"}); err != nil {
			t.Fatal(err)
		}
		accepted(t, <-results)
		if took := time.Since(began); took > 0 {
			t.Errorf("the report waited %s after the row was free", took)
		}
		accepted(t, w.report(complete(x, `{}`)))
	})
}

// Loops of the engine do what they can beside locked rows, and the rest later.
func TestLockedRowsAreRecoveredLater(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, h *hub, list []*server) {
		a := list[0]
		w := a.worker(3, "echo")
		for range 3 {
			a.start("echo")
		}
		var got []engine.Assignment
		for len(got) < 3 {
			got = append(got, w.poll()...)
		}
		h.lock(got[1].ID)
		if err := a.CloseSession(t.Context(), a.root, w.id); err != nil {
			t.Fatal(err)
		}
		a.wantStatus(got[0].ID, execution.Running)
		if v := a.get(got[1].ID); v.Session == 0 {
			t.Error("a locked row was changed")
		}
		if v := a.get(got[2].ID); v.Session != 0 {
			t.Error("a row beside a locked one was left")
		}
		h.lock()
		time.Sleep(2 * time.Second)
		if v := a.get(got[1].ID); v.Session != 0 {
			t.Error("a row that is free again was left")
		}
	})
}

// A rolling restart: workers go on, nothing is lost or done twice.
func TestServersAreReplacedOneByOne(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, h *hub, list []*server) {
		current := list[0]
		w := current.worker(4, "echo")
		a, b := current.start("echo"), current.start("echo")
		var got []engine.Assignment
		for len(got) < 2 {
			got = append(got, w.poll()...)
		}
		accepted(t, w.report(step(got[0], "one", `1`)))
		parked := make(chan *engine.PollResult, 1)
		go func() { parked <- w.pollFor(25 * time.Second) }()
		synctest.Wait()
		current.Drain()
		began := time.Now()
		if r := <-parked; !r.Draining || time.Since(began) > 10*time.Millisecond {
			t.Errorf("a parked poll of a draining server answers %+v after %s", r, time.Since(began))
		}
		if r := w.pollFor(time.Second); !r.Draining {
			t.Errorf("a poll of a draining server answers %+v", r)
		}
		// One that it claimed and did not hand over comes at once.
		v := w.at(list[1])
		v.pollFor(time.Millisecond)
		if err := current.stop(); err != nil {
			t.Fatal(err)
		}
		next := h.server(t)
		defer func() {
			if err := next.stop(); err != nil {
				t.Error(err)
			}
		}()
		accepted(t, v.report(step(got[0], "two", `2`)))
		if r := v.beat(got...); r.Reconcile {
			v.list(got...)
		}
		u := w.at(next)
		u.received.Store(v.received.Load())
		u.pollFor(time.Millisecond)
		accepted(t, u.report(complete(got[0], `{}`), complete(got[1], `{}`)))
		next.wantKinds(a.ID, "created claimed step_completed step_completed completed")
		next.wantKinds(b.ID, "created claimed completed")
	})
}

func TestADrainingServerGivesBackItsMailbox(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, _ *hub, list []*server) {
		a, b := list[0], list[1]
		w := a.worker(4, "echo")
		w.pollFor(time.Millisecond)
		s := a.start("echo") // claimed for a worker that does not poll at the moment
		synctest.Wait()
		a.wantStatus(s.ID, execution.Running)
		v := b.worker(1, "echo")
		got := make(chan []engine.Assignment, 1)
		go func() { got <- v.poll() }()
		synctest.Wait()
		began := time.Now()
		a.Drain()
		if x := <-got; x[0].ID != s.ID || x[0].Attempt != 1 || time.Since(began) > 100*time.Millisecond {
			t.Errorf("after %s: %+v", time.Since(began), x)
		} else {
			accepted(t, v.report(complete(x[0], `{}`)))
		}
	})
}

// When nobody reaches the database for longer than a lease, no worker is lost for that.
func TestAnOutageOfTheDatabaseLosesNoWorker(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, _ *hub, list []*server) {
		a, b := list[0], list[1]
		time.Sleep(20 * time.Second) // longer than the grace after the start
		w := a.worker(1, "echo")
		s := a.start("echo")
		x := w.poll()[0]
		time.Sleep(5 * time.Second)
		w.beat(x)
		for _, s := range list {
			s.peer.cut()
		}
		time.Sleep(40 * time.Second)
		if err := a.Ready(); err == nil {
			t.Error("a server that does not reach the database is ready")
		}
		for _, s := range list {
			s.peer.mend()
		}
		time.Sleep(3 * time.Second)
		if err := a.Ready(); err != nil {
			t.Errorf("a server that reaches the database again: %v", err)
		}
		w.at(b).beat(x)
		time.Sleep(10 * time.Second)
		w.at(b).beat(x)
		accepted(t, w.report(complete(x, `{}`)))
		a.wantKinds(s.ID, "created claimed completed")
	})
}

// A place that is no longer kept costs a look at everything.
func TestAServerThatLostTrackLooksAgain(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, h *hub, list []*server) {
		a, b := list[0], list[1]
		w := b.worker(1, "echo")
		h.deaf = true
		s := b.start("echo")
		x := w.poll()[0]
		held := make(chan *engine.View, 1)
		go func() {
			v, err := a.Get(t.Context(), a.root, s.ID, engine.GetOptions{Wait: time.Minute})
			if err != nil {
				t.Error(err)
			}
			held <- v
		}()
		synctest.Wait()
		a.faults.Set(faultstore.Every("Tick", 1, faultstore.Before))
		accepted(t, w.report(complete(x, `{}`)))
		h.mu.Lock()
		h.forgets = len(h.log)
		h.log = append(h.log, hubEntry{})
		h.forgets++
		h.mu.Unlock()
		a.faults.Set(nil)
		began := time.Now()
		if v := <-held; v.Status != execution.Completed || time.Since(began) > 3*time.Second {
			t.Errorf("the hold answered %s after %s", v.Status, time.Since(began))
		}
	})
}

// Ticks that fail and hints that are lost cost time and nothing else.
func TestAClusterWithFaultyTicks(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, _ *hub, list []*server) {
		a, b := list[0], list[1]
		for i, s := range list {
			random := rand.New(rand.NewPCG(9, uint64(i)))
			s.faults.Set(func(c faultstore.Call) faultstore.Fault {
				switch c.Method {
				case "Tick", "Hint", "Held", "Sessions", "Catalog", "Due", "NextDue", "Counts", "Keys":
					if random.IntN(3) == 0 {
						return faultstore.Before
					}
				}
				return faultstore.None
			})
		}
		w := a.worker(4, "echo")
		defer w.live(none)()
		for i := range 40 {
			s := list[i%2].start("echo")
			var x engine.Assignment
			for x.Lease == "" {
				r, err := list[(i/2)%2].Poll(t.Context(), a.root, &engine.PollRequest{Session: w.id, Received: w.received.Load(), Wait: 5 * time.Second})
				if code(err) == "unavailable" {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				w.receive(r)
				for _, y := range r.Executions {
					x = y
				}
			}
			for {
				r, err := list[(i/3)%2].Report(t.Context(), a.root, &engine.ReportRequest{Session: w.id, Received: w.received.Load(), Operations: []engine.Operation{complete(x, `{}`)}})
				if code(err) == "unavailable" {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				accepted(t, r.Results)
				break
			}
			b.wantStatus(s.ID, execution.Completed)
		}
	})
}

// A start that another server takes before it hears of the deletion does not stay for ever.
func TestAStartInADeletedWorkflowIsCancelled(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, _ *hub, list []*server) {
		a, b := list[0], list[1]
		if _, err := a.CreateWorkflow(t.Context(), a.root, engine.WorkflowSpec{Name: "short"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1100 * time.Millisecond)
		b.faults.Set(faultstore.Every("Tick", 1, faultstore.Before))
		if err := a.DeleteWorkflow(t.Context(), a.root, "short"); err != nil {
			t.Fatal(err)
		}
		s := b.start("short")
		if _, err := a.tryStart("short"); code(err) != "not_found" {
			t.Errorf("a start where the workflow was deleted: %v", err)
		}
		b.faults.Set(nil)
		time.Sleep(25 * time.Second)
		a.wantStatus(s.ID, execution.Cancelled)
		if _, err := b.tryStart("short"); code(err) != "not_found" {
			t.Errorf("a start after the news: %v", err)
		}
	})
}
