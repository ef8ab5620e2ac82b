package engine_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
)

// lose polls and throws the reply away, as a broken connection does.
func (w *worker) lose() []engine.Assignment {
	w.b.t.Helper()
	r, err := w.b.Poll(w.b.t.Context(), w.as(), &engine.PollRequest{Session: w.id, Received: w.received.Load(), Wait: time.Second})
	if err != nil {
		w.b.t.Fatal(err)
	}
	return r.Executions
}

func TestALostReplyIsOfferedAgain(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(10, "echo")
		s := b.start("echo")
		lost := w.lose()
		if len(lost) != 1 {
			t.Fatal("nothing was delivered")
		}
		defer w.live(none)()
		time.Sleep(4900 * time.Millisecond)
		synctest.Wait()
		b.wantKinds(s.ID, "created claimed")
		begun := time.Now()
		again := w.poll()
		if d := time.Since(begun); d > time.Second {
			t.Errorf("offered again after 4.9 s and %s, want within recoverEvery of 5 s", d)
		}
		if len(again) != 1 || again[0].ID != s.ID || again[0].Lease == lost[0].Lease || again[0].Attempt != 1 {
			t.Fatalf("offered again: %+v; want %s, a new lease, attempt 1 still", again, s.ID)
		}
		before := b.print(s.ID)
		wantCode(t, "a step under the lost lease", w.report(step(lost[0], "a", `1`))[0].Err, "stale_lease")
		if b.print(s.ID) != before {
			t.Error("the stale report changed the row")
		}
		accepted(t, w.report(complete(again[0], `{}`)))
		b.wantKinds(s.ID, "created claimed returned claimed completed")
		b.audit()
	})
}

// An old report must not acknowledge a new delivery of the same execution.
func TestAStaleReportAcknowledgesNothing(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(10, "echo")
		s := b.start("echo")
		lost := w.lose()[0]
		defer w.live(none)()
		time.Sleep(6 * time.Second)
		synctest.Wait()
		second := w.lose()
		if len(second) != 1 || second[0].ID != s.ID {
			t.Fatalf("second delivery: %v", ids(second))
		}
		wantCode(t, "a report under the first lease", w.report(step(lost, "a", `1`))[0].Err, "stale_lease")
		third := w.poll()
		if len(third) != 1 || third[0].ID != s.ID || third[0].Lease == second[0].Lease {
			t.Errorf("the second lost delivery: %+v, want it offered a third time", third)
		}
	})
}

func TestAcknowledgements(t *testing.T) {
	t.Parallel()
	for name, acknowledge := range map[string]func(w *worker, a engine.Assignment){
		"by the next poll": func(w *worker, _ engine.Assignment) { w.pollFor(time.Millisecond) },
		"by a heartbeat":   func(w *worker, a engine.Assignment) { w.beat(a) },
		"by a report of something else": func(w *worker, _ engine.Assignment) {
			w.report()
		},
		"by a report about it, without a number": func(w *worker, a engine.Assignment) {
			w.received.Store(0)
			w.report(step(a, "a", `1`))
		},
		"by a list": func(w *worker, a engine.Assignment) {
			w.received.Store(0)
			w.list(a)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, b *bench) {
				w := b.worker(10, "echo")
				s := b.start("echo")
				a := w.poll()[0]
				acknowledge(w, a)
				for range 3 {
					time.Sleep(4 * time.Second)
					w.received.Store(0)
					w.beat(a)
				}
				synctest.Wait()
				b.wantStatus(s.ID, execution.Running)
				accepted(t, w.report(complete(a, `{}`)))
				b.audit()
			})
		})
	}
}

// The number is cumulative: it acknowledges all deliveries up to it, and none after it.
func TestReceivedIsCumulative(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(10, "echo")
		w.take()
		b.start("echo")
		one := w.poll()[0]
		b.start("echo")
		two := w.poll()[0]
		b.start("echo")
		three := w.lose()[0]
		w.beat(one, two)
		defer w.live(func() []engine.Assignment { return []engine.Assignment{one, two} })()
		if as := w.poll(); len(as) != 1 || as[0].ID != three.ID {
			t.Errorf("offered again: %v, want %s alone", ids(as), three.ID)
		}
		b.wantKinds(one.ID, "created claimed")
		b.wantKinds(two.ID, "created claimed")
	})
}

// After a restart of the server, numbers of its last life acknowledge nothing of this one.
func TestNumbersOfTheLastLifeAcknowledgeNothing(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(10, "echo")
		for range 5 {
			s := b.start("echo")
			a := w.poll()[0]
			if a.ID != s.ID {
				t.Fatal("another execution")
			}
			accepted(t, w.report(complete(a, `{}`)))
		}
		b = b.restart()
		w = w.adopt(b)
		w.list()
		s := b.start("echo")
		lost := w.lose()
		if len(lost) != 1 {
			t.Fatal("nothing was delivered")
		}
		w.beat() // with the number of the last life
		defer w.live(none)()
		if again := w.poll(); len(again) != 1 || again[0].ID != s.ID || again[0].Lease == lost[0].Lease {
			t.Errorf("offered again: %+v", again)
		}
	})
}

// Two heartbeats in a row that disagree make the worker list its leases; what it has forgotten goes to others.
func TestADigestThatDiffersIsReconciled(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(10, "echo")
		b.start("echo")
		b.start("echo")
		as := w.poll()
		for len(as) < 2 {
			as = append(as, w.poll()...)
		}
		if w.beat(as...).Reconcile {
			t.Error("asked for a list though the digest is right")
		}
		if w.beat(as[0]).Reconcile {
			t.Error("asked for a list after one difference, which a report under way explains")
		}
		if w.beat(as...).Reconcile || w.beat(as[0]).Reconcile {
			t.Error("the differences were not in a row")
		}
		if !w.beat(as[0]).Reconcile {
			t.Fatal("not asked for a list after two differences")
		}
		r := w.list(as[0])
		if r.Reconcile || len(r.Drop) != 0 {
			t.Errorf("answer to the list: %+v", r)
		}
		got := w.poll()
		b.wantKinds(as[1].ID, "created claimed returned claimed")
		b.wantKinds(as[0].ID, "created claimed")
		if len(got) != 1 || got[0].ID != as[1].ID || got[0].Attempt != 1 {
			t.Errorf("offered again: %+v, want %s with attempt 1", got, as[1].ID)
		}
		b.audit()
	})
}

// The list and the count of received deliveries are one snapshot: what was delivered after it is not missing, though
// the worker has already reported about it.
func TestWhatIsDeliveredAfterTheListIsNotMissing(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(10, "echo")
		b.start("echo")
		old := w.poll()[0]
		list := engine.HeartbeatRequest{Session: w.id, Received: w.received.Load(), Held: 1, Leases: []string{old.Lease}, Listed: true}
		s := b.start("echo")
		young := w.poll()[0]
		accepted(t, w.report(step(young, "a", `1`)))
		if _, err := b.Heartbeat(t.Context(), b.root, &list); err != nil { // it was composed before, and arrives now
			t.Fatal(err)
		}
		accepted(t, w.report(complete(young, `{}`)))
		b.wantStatus(s.ID, execution.Completed)
	})
}

// A worker whose final report is with the server while it lists the rest keeps that execution's lease: the report wins.
func TestAReportUnderWayIsNotTakenBack(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		w := b.worker(10, "echo")
		s := b.start("echo")
		a := w.poll()[0]
		w.beat(a)
		fs.Delay(func(*store.Need) time.Duration { return time.Second })
		var results []engine.OpResult
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.beat(a) // occupies the committer, so that both of the following wait behind it
		}()
		synctest.Wait()
		listed, reported := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(reported)
			results = w.report(complete(a, `{}`))
		}()
		synctest.Wait()
		go func() {
			defer close(listed)
			w.list()
		}()
		<-done
		<-listed
		<-reported
		accepted(t, results)
		b.wantKinds(s.ID, "created claimed completed")
	})
}

// A lease that was taken away while its worker could not be told is dropped when the worker lists it.
func TestALostDropIsRepeated(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(10, "echo")
		s := b.start("echo")
		a := w.poll()[0]
		if _, err := b.Terminate(t.Context(), b.root, s.ID, ""); err != nil {
			t.Fatal(err)
		}
		if r := w.beat(a); len(r.Drop) != 1 || r.Drop[0] != s.ID { // this answer is lost
			t.Fatalf("the first heartbeat after it: %+v, want the drop", r)
		}
		w.beat(a)
		if r := w.beat(a); !r.Reconcile {
			t.Fatalf("two differences: %+v, want to be asked for a list", r)
		}
		if r := w.list(a); len(r.Drop) != 1 || r.Drop[0] != s.ID {
			t.Errorf("answer to the list: %+v, want the drop again", r)
		}
	})
}

// What no longer is the worker's takes no room, however the worker and the server came to differ.
func TestLostLeasesTakeNoRoom(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		for range 20 {
			s := b.start("echo")
			a := w.poll()[0]
			if a.ID != s.ID {
				t.Fatal("another execution")
			}
			if _, err := b.Terminate(t.Context(), b.root, s.ID, "x"); err != nil {
				t.Fatal(err)
			}
			wantCode(t, "a report about it", w.report(complete(a, `{}`))[0].Err, "already_terminal")
		}
		v, err := b.Sessions(t.Context(), b.root)
		if err != nil || len(v) != 1 || v[0].Held != 0 {
			t.Errorf("sessions %+v, %v, want nothing held", v, err)
		}
	})
}

// A claim that a later command of the same batch ends is not handed over and takes no room; one that it only asks to stop
// is handed over with that request.
func TestAClaimEndedInItsOwnBatch(t *testing.T) {
	t.Parallel()
	for _, terminate := range []bool{true, false} {
		faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
			w, other := b.worker(1, "echo"), b.worker(1, "other")
			w.take()
			time.Sleep(2 * time.Second) // nobody is there to claim at once
			s := b.start("echo")
			fs.Delay(func(*store.Need) time.Duration { return 100 * time.Millisecond })
			var wg sync.WaitGroup
			wg.Go(func() { other.beat() })
			synctest.Wait() // while this is committed, a poll's claim and the end of what it claims get in line
			var r *engine.PollResult
			wg.Go(func() { r = w.pollFor(time.Second) })
			synctest.Wait()
			wg.Go(func() {
				if terminate {
					if _, err := b.Terminate(t.Context(), b.root, s.ID, "x"); err != nil {
						t.Error(err)
					}
				} else if _, _, err := b.Cancel(t.Context(), b.root, s.ID, engine.CancelRequest{}); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			fs.Delay(nil)
			v := b.get(s.ID)
			if len(v.Events) != 3 || v.Events[1].Kind != execution.EventClaimed || v.Events[1].At != v.Events[2].At {
				t.Fatalf("events %s: not both in one batch, the test tests nothing", kinds(v))
			}
			if terminate {
				if len(r.Executions)+len(r.Drop)+len(r.Cancel) != 0 {
					t.Errorf("a terminated execution was handed over: %+v", r)
				}
			} else {
				if len(r.Executions) != 1 || len(r.Cancel) != 1 || r.Cancel[0] != s.ID {
					t.Fatalf("the poll got %+v, want the execution and the request to stop", r)
				}
				if h := w.beat(r.Executions...); len(h.Cancel) != 1 {
					t.Errorf("the heartbeat says cancel %v", h.Cancel)
				}
				accepted(t, w.report(op(r.Executions[0], engine.OpCancelled)))
			}
			next := b.start("echo")
			if as := w.poll(); len(as) != 1 || as[0].ID != next.ID {
				t.Errorf("then the worker of capacity 1 got %v, want %s", ids(as), next.ID)
			}
		})
	}
}
