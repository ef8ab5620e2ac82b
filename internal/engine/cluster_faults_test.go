package engine_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
)

// Commits that fail in every way, ticks that fail and hints that are lost: every start that was accepted ends, once.
func TestAClusterWithFaults(t *testing.T) {
	t.Parallel()
	seeds := uint64(4)
	if wide {
		seeds = 40
	}
	for seed := range seeds {
		servers(t, 2, func(t *testing.T, _ *hub, list []*server) {
			for i, s := range list {
				random := rand.New(rand.NewPCG(seed, uint64(i)))
				s.faults.Set(func(c faultstore.Call) faultstore.Fault {
					switch c.Method {
					case "Commit":
						switch random.IntN(40) {
						case 0:
							return faultstore.Before
						case 1:
							return faultstore.Unknown
						case 2:
							return faultstore.Applied
						case 3:
							return faultstore.Refused
						}
					case "Tick", "Hint", "Held", "Sessions", "Catalog", "Due", "NextDue":
						if random.IntN(8) == 0 {
							return faultstore.Before
						}
					}
					return faultstore.None
				})
			}
			random := rand.New(rand.NewPCG(seed, 9))
			pick := func() *server { return list[random.IntN(2)] }
			w := openWorker(t, pick)
			var mu sync.Mutex
			var held []engine.Assignment
			done := make(chan struct{})
			var beats sync.WaitGroup
			beats.Go(func() {
				for n := 0; !closed(done); n++ {
					select {
					case <-done:
					case <-time.After(2 * time.Second):
					}
					mu.Lock()
					mine := append([]engine.Assignment(nil), held...)
					mu.Unlock()
					v := w.at(list[n%2])
					if r, err := v.tryBeat(mine...); err == nil && r.Reconcile {
						_, _ = v.tryList(mine...)
					}
				}
			})
			started := map[string]execution.ID{}
			for i := range 30 {
				key := string(rune('a'+i%26)) + string(rune('0'+i/26))
				for {
					s, err := pick().tryStart("echo", keyed(key, 1))
					if err == nil {
						started[key] = s.ID
						break
					}
				}
			}
			ended := map[execution.ID]bool{}
			for began := time.Now(); len(ended) < len(started); {
				if time.Since(began) > 5*time.Minute {
					t.Errorf("seed %d: %d of %d ended", seed, len(ended), len(started))
					break
				}
				s := pick()
				r, err := s.Poll(t.Context(), s.root, &engine.PollRequest{Session: w.id, Received: w.received.Load(), Wait: time.Second})
				if code(err) == "session_lost" {
					t.Errorf("seed %d: the session was lost", seed)
					break
				}
				if err != nil {
					continue
				}
				w.receive(r)
				mu.Lock()
				held = append(held, r.Executions...)
				mu.Unlock()
				for _, x := range r.Executions {
					for {
						s := pick()
						r, err := s.Report(t.Context(), s.root, &engine.ReportRequest{
							Session: w.id, Received: w.received.Load(), Operations: []engine.Operation{complete(x, `{}`)},
						})
						if err == nil {
							if c := code(r.Results[0].Err); c != "" && c != "stale_lease" && c != "already_terminal" {
								t.Errorf("seed %d: %s: %v", seed, x.ID, r.Results[0].Err)
							}
							break
						}
					}
				}
				mu.Lock()
				held = nil
				mu.Unlock()
				for _, id := range started {
					if row, err := list[0].peer.h.base.Get(t.Context(), list[0].root.Project, id); err == nil && row.Status == execution.Completed {
						ended[id] = true
					}
				}
			}
			close(done)
			beats.Wait()
		})
	}
}

// openWorker opens a session where it can.
func openWorker(t *testing.T, pick func() *server) *worker {
	t.Helper()
	for {
		s := pick()
		v, err := s.OpenSession(t.Context(), s.root, &engine.SessionSpec{
			Protocol: 1, Name: "test", Capacity: 4, Workflows: []engine.WorkflowSpec{{Name: "echo"}},
		})
		if err == nil {
			return &worker{b: s.bench, id: v.ID}
		}
	}
}

// Each message is taken by one server, and soon, whoever made it.
func TestServersShareTheOutbox(t *testing.T) {
	t.Parallel()
	servers(t, 2, func(t *testing.T, _ *hub, list []*server) {
		a, b := list[0], list[1]
		url := "https://hooks.example/in"
		if _, _, err := a.CreateEndpoint(t.Context(), a.root, engine.EndpointSpec{URL: &url}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1200 * time.Millisecond)
		var mu sync.Mutex
		taken := map[execution.ID]int{}
		at := map[execution.ID]time.Time{}
		done := make(chan struct{})
		var loops sync.WaitGroup
		for _, s := range list {
			loops.Go(func() {
				for !closed(done) {
					page, err := s.DueDeliveries(t.Context(), engine.DueQuery{Each: 4, Limit: 16})
					if err != nil {
						t.Error(err)
						return
					}
					got, err := s.TakeDeliveries(page.Due, 40*time.Second)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					for _, d := range got {
						taken[d.Execution]++
						at[d.Execution] = time.Now()
					}
					mu.Unlock()
					for _, d := range got {
						if err := s.SettleDelivery(t.Context(), &engine.DeliveryResult{Delivery: d, Outcome: engine.OutcomeDelivered, At: s.Now(), Status: 200}); err != nil {
							t.Error(err)
						}
					}
					select {
					case <-done:
					case <-s.Outgoing():
					case <-time.After(2 * time.Second):
					}
				}
			})
		}
		w := b.worker(1, "echo")
		defer w.live(none)()
		ended := map[execution.ID]time.Time{}
		for i := range 10 {
			list[i%2].start("echo")
			x := w.poll()[0]
			accepted(t, w.at(list[i/2%2]).report(complete(x, `{}`)))
			ended[x.ID] = time.Now()
			time.Sleep(700 * time.Millisecond)
		}
		time.Sleep(3 * time.Second)
		close(done)
		loops.Wait()
		for id, was := range ended {
			if taken[id] != 1 {
				t.Errorf("the message about %s was taken %d times", id, taken[id])
			} else if took := at[id].Sub(was); took > 2100*time.Millisecond {
				t.Errorf("the message about %s was taken after %s", id, took)
			}
		}
	})
}

// The end of a session that was written without an answer is gone on with: what it held is offered again, whether its
// worker fell silent or let go.
func TestAnEndOfUnknownOutcomeIsGoneOnWith(t *testing.T) {
	t.Parallel()
	for _, closes := range []bool{false, true} {
		servers(t, 2, func(t *testing.T, _ *hub, list []*server) {
			a, b := list[0], list[1]
			time.Sleep(20 * time.Second) // longer than the grace after the start
			w := a.worker(1, "echo")
			x := a.start("echo")
			if got := w.poll(); len(got) != 1 {
				t.Fatalf("got %d executions", len(got))
			}
			w.beat()
			struck := false
			a.faults.Set(func(c faultstore.Call) faultstore.Fault {
				if c.Method == "Commit" && c.Need != nil && len(c.Need.Sessions) > 0 && !struck {
					struck = true
					return faultstore.Applied
				}
				return faultstore.None
			})
			v := b.worker(1, "echo")
			defer v.live(none)()
			if closes {
				// Its answer says that nobody knows.
				_ = a.CloseSession(t.Context(), a.root, w.id)
			}
			got := v.pollFor(29 * time.Second).Executions
			if !struck {
				t.Fatal("no fault struck")
			}
			if len(got) != 1 || got[0].ID != x.ID {
				t.Fatalf("closes %v: offered %+v, want the execution that the session held", closes, got)
			}
			accepted(t, v.report(complete(got[0], `{}`)))
			time.Sleep(20 * time.Second)
			if n := len(mustSessions(t, b)); n != 1 {
				t.Errorf("closes %v: %d sessions are left, want one", closes, n)
			}
		})
	}
}
