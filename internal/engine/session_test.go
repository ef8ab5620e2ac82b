package engine_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
)

// short makes leases short, so that less virtual time passes.
func short(c *engine.Config) { c.Lease = 2 * time.Second }

// T7: the earliest new offer is not before the lease ends, the latest at most two seconds after it.
func TestALostWorkersWorkIsOfferedInTime(t *testing.T) {
	t.Parallel()
	for i, lease := range []time.Duration{15 * time.Second, 3 * time.Second, 700 * time.Millisecond} {
		t.Run(lease.String(), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, b *bench) {
				w := b.worker(10, "echo")
				s := b.start("echo")
				a := w.poll()[0]
				time.Sleep(time.Duration(i*137) * time.Millisecond)
				w.beat(a)
				expires := b.Now().Add(lease)
				// A report is a sign of life but does not prolong the lease.
				time.Sleep(lease / 2)
				accepted(t, w.report(step(a, "one", `1`)))
				v := b.worker(10, "echo")
				defer v.live(none)()
				again := v.pollFor(25 * time.Second).Executions
				at := b.Now()
				if len(again) != 1 || again[0].ID != s.ID || again[0].Attempt != 2 {
					t.Fatalf("offered again: %+v", again)
				}
				if at < expires || at > expires.Add(2*time.Second) {
					t.Errorf("offered again %s after the lease ended, want 0 to 2 s", at.Sub(expires))
				}
				if r := again[0].Recorded; len(r) != 1 || r[0].Step != "one" || string(r[0].Output) != `1` {
					t.Errorf("recorded steps: %+v", r)
				}
				_, err := w.tryBeat(a)
				wantCode(t, "the lost worker's heartbeat", err, "session_lost")
				b.wantKinds(s.ID, "created claimed step_completed lease_lost claimed")
				b.audit()
			}, func(c *engine.Config) { c.Lease = lease })
		})
	}
}

func TestAHeartbeatProlongs(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		s := b.start("echo")
		a := w.poll()[0]
		for range 20 {
			time.Sleep(1900 * time.Millisecond)
			if r := w.beat(a); r.Expires != 2*time.Second {
				t.Errorf("expires in %s, want the lease", r.Expires)
			}
		}
		b.wantKinds(s.ID, "created claimed")
		accepted(t, w.report(complete(a, `{}`)))
	}, short)
}

// lost lets a worker take the execution and fall silent until it is taken back.
func (b *bench) lost(id execution.ID, before func(w *worker, a engine.Assignment)) {
	b.t.Helper()
	w := b.worker(1, "echo")
	for _, a := range w.poll() {
		if a.ID != id {
			b.t.Fatalf("the worker got %s, want %s", a.ID, id)
		}
		w.pollFor(0)
		if before != nil {
			before(w, a)
		}
	}
	time.Sleep(16 * time.Second)
	synctest.Wait()
}

func TestFiveLostWorkersArePoison(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		b.worker(1, "echo")
		s := b.start("echo")
		time.Sleep(20 * time.Second)
		for i := range 5 {
			v := b.wantStatus(s.ID, execution.Running)
			if int(v.Strikes) != i {
				t.Errorf("%d strikes after %d lost workers", v.Strikes, i)
			}
			if want := i >= 2; (v.Reason.Code == "awaiting_idle_worker") == want && v.Reason.Code != "no_worker" {
				t.Errorf("reason %s after %d strikes", v.Reason.Code, i)
			}
			b.lost(s.ID, nil)
		}
		v := b.wantStatus(s.ID, execution.Failed)
		if v.ErrorCode != execution.ErrorPoison || v.Strikes != 5 {
			t.Errorf("failed with %q after %d strikes, want poison after 5", v.ErrorCode, v.Strikes)
		}
		w := b.worker(1, "echo")
		b.start("echo")
		if as := w.poll(); len(as) != 1 || as[0].ID == s.ID {
			t.Errorf("the sixth worker got %v", ids(as))
		}
		b.audit()
	})
}

func TestACompletedStepClearsTheStrikes(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		s := b.start("echo")
		b.lostBy(w)
		for i := range 8 {
			b.lost(s.ID, func(w *worker, a engine.Assignment) { accepted(t, w.report(step(a, fmt.Sprint(i), `1`))) })
		}
		if v := b.wantStatus(s.ID, execution.Running); v.Strikes != 1 {
			t.Errorf("%d strikes, want 1: a step was completed under each lease", v.Strikes)
		}
	})
}

// lostBy lets a worker that has polled nothing fall silent.
func (b *bench) lostBy(*worker) {
	time.Sleep(20 * time.Second)
	synctest.Wait()
}

// Whose handler slept when the worker was last heard of, and what was never received, is innocent.
func TestOnlyTheGuiltyGetAStrike(t *testing.T) {
	t.Parallel()
	sleep := func(a engine.Assignment, d time.Duration) engine.Operation {
		o := op(a, engine.OpSleep)
		o.Step, o.Duration = "nap", d
		return o
	}
	for name, c := range map[string]struct {
		do      func(t *testing.T, w *worker, a engine.Assignment)
		strikes int32
	}{
		"running":  {func(t *testing.T, w *worker, a engine.Assignment) { w.beat(a) }, 1},
		"sleeping": {func(t *testing.T, w *worker, a engine.Assignment) { accepted(t, w.report(sleep(a, 2*time.Second))) }, 0},
		"after a sleep": {func(t *testing.T, w *worker, a engine.Assignment) {
			accepted(t, w.report(sleep(a, 2*time.Second)))
			time.Sleep(3 * time.Second)
			w.beat(a)
		}, 1},
		"sleeping beside a step": {func(t *testing.T, w *worker, a engine.Assignment) {
			o := op(a, engine.OpStepStarted)
			o.Step, o.Try = "work", 1
			accepted(t, w.report(sleep(a, 2*time.Second), o))
		}, 1},
		"a long sleep that is not suspended": {func(t *testing.T, w *worker, a engine.Assignment) {
			accepted(t, w.report(sleep(a, 24*time.Hour)))
			time.Sleep(4 * time.Second)
			w.beat(a)
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, b *bench) {
				w := b.worker(1, "echo")
				s := b.start("echo")
				a := w.poll()[0]
				c.do(t, w, a)
				time.Sleep(17 * time.Second)
				synctest.Wait()
				v := b.get(s.ID)
				if v.Strikes != c.strikes || v.Session != 0 {
					t.Errorf("%d strikes, session %d; want %d and none", v.Strikes, v.Session, c.strikes)
				}
				b.audit()
			})
		})
	}
	t.Run("never received", func(t *testing.T) {
		t.Parallel()
		bubble(t, func(t *testing.T, b *bench) {
			w := b.worker(1, "echo")
			s := b.start("echo")
			synctest.Wait()
			w.lose()
			time.Sleep(17 * time.Second)
			synctest.Wait()
			if v := b.get(s.ID); v.Strikes != 0 || v.Attempt != 0 {
				t.Errorf("%d strikes, attempt %d; want none", v.Strikes, v.Attempt)
			}
		})
	})
}

// Two strikes and more: only a worker that holds nothing else gets it, and gets nothing else beside it.
func TestTheSuspectRunAlone(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w0 := b.worker(2, "echo")
		s := b.start("echo")
		b.lostBy(w0)
		b.lost(s.ID, nil)
		b.lost(s.ID, nil)
		if v := b.get(s.ID); v.Strikes != 2 {
			t.Fatalf("%d strikes, want 2", v.Strikes)
		}
		// Both workers are busy with something else when it becomes theirs to take; it is not taken by either, and they
		// go on with other work except for the one that empties itself.
		w := b.worker(3, "echo")
		first := w.poll()
		if len(first) != 1 || first[0].ID != s.ID {
			t.Fatalf("the idle worker got %v, want the suspect", ids(first))
		}
		for range 5 {
			b.start("echo")
		}
		if as := w.pollFor(4 * time.Second).Executions; len(as) != 0 {
			t.Errorf("beside the suspect the worker got %v", ids(as))
		}
		w.beat(first...)
		accepted(t, w.report(complete(first[0], `{}`)))
		if as := w.poll(); len(as) != 3 {
			t.Errorf("after the suspect the worker got %d executions, want its capacity 3", len(as))
		}
		b.audit()
	})
}

// A busy worker empties itself for the suspect while others go on, nobody spins, and afterwards it works as before.
func TestABusyWorkerMakesRoomForTheSuspect(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		w0 := b.worker(1, "echo")
		s := b.start("echo")
		b.lostBy(w0)
		b.lost(s.ID, nil)
		b.lost(s.ID, nil)
		keeper := b.worker(1, "echo")
		k := keeper.poll() // takes the suspect, so that the two others fill up with other work
		w1, w2 := b.worker(4, "echo"), b.worker(4, "echo")
		others := map[execution.ID]bool{}
		for range 4 {
			others[b.start("echo").ID] = true
		}
		a1, a2 := w1.take(), w2.take()
		for len(a1)+len(a2) < 4 {
			a1, a2 = append(a1, w1.take()...), append(a2, w2.take()...)
		}
		if len(a1) == 0 || len(a2) == 0 {
			t.Fatalf("%d and %d executions: one worker is idle, the test tests nothing", len(a1), len(a2))
		}
		if err := b.CloseSession(t.Context(), b.root, keeper.id); err != nil {
			t.Fatal(err)
		}
		_ = k
		stop1, stop2 := w1.live(func() []engine.Assignment { return a1 }), w2.live(func() []engine.Assignment { return a2 })
		commits := 0
		fs.Set(func(c faultstore.Call) faultstore.Fault {
			if c.Method == "Commit" {
				commits++
			}
			return faultstore.None
		})
		p1, p2 := make(chan []engine.Assignment, 1), make(chan []engine.Assignment, 1)
		go func() { p1 <- w1.pollFor(10 * time.Second).Executions }()
		go func() { p2 <- w2.pollFor(10 * time.Second).Executions }()
		time.Sleep(9 * time.Second)
		synctest.Wait()
		fs.Set(nil)
		if commits > 60 {
			t.Errorf("%d commits in 9 s while nothing can be claimed: the claims spin", commits)
		}
		if as := append(<-p1, <-p2...); len(as) != 0 {
			t.Errorf("busy workers got %v, want nobody to get the suspect", ids(as))
		}
		stop1()
		stop2()
		// One of the two takes no other work now; when both are idle, the suspect is run and all else after it.
		more := b.start("echo")
		for _, a := range a1 {
			accepted(t, w1.report(complete(a, `{}`)))
		}
		for _, a := range a2 {
			accepted(t, w2.report(complete(a, `{}`)))
		}
		got := append(w1.take(), w2.take()...)
		seen := map[execution.ID]bool{}
		for _, a := range got {
			seen[a.ID] = true
		}
		if len(got) != 2 || !seen[s.ID] || !seen[more.ID] {
			t.Errorf("then they got %v, want %s and %s", ids(got), s.ID, more.ID)
		}
		b.audit()
	})
}

// The suspect can go away while a worker empties itself for it: the worker must not stay at one execution at a time.
func TestMakingRoomInVain(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w0 := b.worker(1, "echo")
		s := b.start("echo")
		b.lostBy(w0)
		b.lost(s.ID, nil)
		keeper := b.worker(1, "echo")
		keeper.poll()
		w := b.worker(3, "echo")
		b.start("echo")
		held := w.poll()
		w.pollFor(0)
		keeper.pollFor(0)
		for range 3 { // the keeper is lost while the other one lives
			time.Sleep(6 * time.Second)
			w.beat(held...)
		}
		synctest.Wait()
		w.take()
		if v := b.get(s.ID); v.Strikes != 2 || v.Reason.Code != "awaiting_idle_worker" {
			t.Fatalf("%d strikes, %s; want a suspect in the queue", v.Strikes, v.Reason.Code)
		}
		for range 3 {
			b.start("echo")
		}
		if as := w.take(); len(as) != 0 {
			t.Fatalf("the worker that makes room got %v", ids(as))
		}
		if _, _, err := b.Cancel(t.Context(), b.root, s.ID, engine.CancelRequest{}); err != nil {
			t.Fatal(err)
		}
		accepted(t, w.report(complete(held[0], `{}`)))
		if as := w.poll(); len(as) != 3 {
			t.Errorf("with the suspect gone the worker got %d executions, want 3", len(as))
		}
	})
}

func TestALostWorkersCancelsAreDone(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		s := b.start("echo")
		w.poll()
		if _, done, err := b.Cancel(t.Context(), b.root, s.ID, engine.CancelRequest{Grace: time.Hour}); err != nil || done {
			t.Fatalf("cancel: done %t, %v", done, err)
		}
		time.Sleep(17 * time.Second)
		synctest.Wait()
		b.wantKinds(s.ID, "created claimed cancel_requested cancelled")
		b.audit()
	})
}

// Heartbeats that wait for a slow disk keep their session, however long that takes.
func TestAHeartbeatUnderWayKeepsTheSession(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		w := b.worker(1, "echo")
		s := b.start("echo")
		a := w.poll()[0]
		w.beat(a)
		time.Sleep(14 * time.Second)
		fs.Delay(func(*store.Need) time.Duration { return 40 * time.Second })
		w.beat(a)
		fs.Delay(nil)
		synctest.Wait()
		w.beat(a)
		accepted(t, w.report(complete(a, `{}`)))
		b.wantKinds(s.ID, "created claimed completed")
	})
}

// Heartbeats, starts and reports race the end of the session: whoever wins, each execution ends up with one holder, an
// answered heartbeat is true, and the session's record is gone when the session is.
func TestRacesAroundTheEndOfASession(t *testing.T) {
	t.Parallel()
	rounds := 2
	if wide {
		rounds = 100
	}
	for i := range rounds {
		faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
			fs.Delay(func(*store.Need) time.Duration { return time.Duration((i+1)%4) * 30 * time.Millisecond })
			w := b.worker(100, "echo")
			w.take()
			b.start("echo")
			w.take()
			w.beat()
			var wg sync.WaitGroup
			wg.Go(func() {
				time.Sleep(1900 * time.Millisecond)
				for range 60 {
					if _, err := w.tryBeat(); err == nil {
						// The promise counts from the answer: the session is there a moment later.
						if _, err := b.Poll(t.Context(), b.root, &engine.PollRequest{Session: w.id}); err != nil {
							t.Errorf("a session whose heartbeat was just answered: %v", err)
						}
						time.Sleep(1850 * time.Millisecond)
					}
					time.Sleep(10 * time.Millisecond)
				}
			})
			wg.Go(func() {
				time.Sleep(1500 * time.Millisecond)
				for range 40 {
					b.start("echo")
					time.Sleep(30 * time.Millisecond)
				}
			})
			wg.Wait()
			time.Sleep(5 * time.Second)
			synctest.Wait()
			fs.Delay(nil)
			v := b.worker(1000, "echo")
			seen := map[execution.ID]bool{}
			for len(seen) < 41 {
				for _, a := range v.poll() {
					if seen[a.ID] {
						t.Fatalf("%s was handed out twice", a.ID)
					}
					seen[a.ID] = true
				}
			}
			sessions, err := b.store.Sessions(t.Context())
			if err != nil || len(sessions) != 1 {
				t.Errorf("%d session records, %v, want that of the last worker", len(sessions), err)
			}
		}, short)
	}
}

// A session that could not be ended in one go is ended later: nothing stays with it.
func TestAnEndThatFailsIsRepeated(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 4; n++ {
		for _, method := range []string{"Commit", "Held"} {
			faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
				w := b.worker(1, "echo")
				s := b.start("echo")
				w.poll()
				time.Sleep(1900 * time.Millisecond)
				synctest.Wait()
				fs.Set(faultstore.At(method, n, faultstore.Before))
				time.Sleep(3 * time.Second)
				synctest.Wait()
				if fs.Hits() == 0 && !(method == "Held" && n > 1) && n < 4 {
					t.Errorf("%s %d did not fail: the test tests nothing", method, n)
				}
				fs.Set(nil)
				v := b.worker(1, "echo")
				if as := v.poll(); len(as) != 1 || as[0].ID != s.ID {
					t.Errorf("offered again: %v", ids(as))
				}
			}, short)
			faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
				w := b.worker(1, "echo")
				s := b.start("echo")
				w.poll()
				fs.Set(faultstore.At(method, n, faultstore.Before))
				err := b.CloseSession(t.Context(), b.root, w.id)
				fs.Set(nil)
				time.Sleep(2 * time.Second)
				v := b.worker(1, "echo")
				if as := v.poll(); len(as) != 1 || as[0].ID != s.ID || as[0].Attempt != 1 {
					t.Errorf("after a close that answered %v: %+v", err, as)
				}
			}, short)
		}
	}
}

func TestClosingGivesEverythingBack(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(10, "echo")
		var want []execution.ID
		for range 5 {
			want = append(want, b.start("echo").ID)
		}
		w.poll()
		if err := b.CloseSession(t.Context(), b.root, w.id); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "closing again", b.CloseSession(t.Context(), b.root, w.id), "session_lost")
		v := b.worker(10, "echo")
		var got []execution.ID
		for len(got) < 5 {
			for _, a := range v.poll() {
				if a.Attempt != 1 {
					t.Errorf("attempt %d, want 1: what is given back does not count", a.Attempt)
				}
				got = append(got, a.ID)
			}
		}
		if !sameIDs(got, want) {
			t.Errorf("offered again %v, want %v", got, want)
		}
		b.audit()
	})
}

func TestADrainingWorkerGetsNothingNew(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(10, "echo")
		s := b.start("echo")
		a := w.poll()[0]
		if err := b.DrainSession(t.Context(), b.root, w.id); err != nil {
			t.Fatal(err)
		}
		b.start("echo")
		w.beat(a) // must not undo it
		b = b.restart()
		w = w.adopt(b)
		w.list(a)
		if as := w.pollFor(3 * time.Second).Executions; len(as) != 0 {
			t.Errorf("a draining worker got %v", ids(as))
		}
		accepted(t, w.report(complete(a, `{}`)))
		b.wantStatus(s.ID, execution.Completed)
	})
}

// After a restart every session has one full lease to come back, with everything it held.
func TestSessionsSurviveARestart(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w, dead := b.worker(1, "echo"), b.worker(1, "other")
		s, o := b.start("echo"), b.start("other")
		a := w.poll()[0]
		dead.poll()
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // far past every lease
		b = run(t, b.store)
		w = w.adopt(b)
		time.Sleep(14 * time.Second)
		synctest.Wait()
		b.wantKinds(s.ID, "created claimed")
		b.wantKinds(o.ID, "created claimed")
		if r := w.beat(a); !r.Reconcile {
			t.Error("the server does not ask for the leases after a restart")
		}
		if r := w.list(a); r.Reconcile {
			t.Error("the server asks again")
		}
		accepted(t, w.report(complete(a, `{}`)))
		time.Sleep(3 * time.Second)
		synctest.Wait()
		b.wantKinds(s.ID, "created claimed completed")
		if v := b.wantKinds(o.ID, "created claimed lease_lost"); v.Strikes != 1 {
			t.Errorf("%d strikes, want 1: its worker had it and never came back", v.Strikes)
		}
		b.audit()
	})
}

// What a worker does not list after a restart was lost on the way to it or forgotten: others get it.
func TestWhatIsNotListedAfterARestartIsOffered(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(10, "echo")
		kept, lost := b.start("echo"), b.start("echo")
		var a engine.Assignment
		for range 2 {
			for _, x := range w.take() {
				if x.ID == kept.ID {
					a = x
				}
			}
		}
		b = b.restart()
		w = w.adopt(b)
		if w.list(a).Reconcile { // the session has just moved here, and the list may be older than the move
			time.Sleep(time.Second)
			w.list(a)
		}
		as := w.poll()
		if len(as) != 1 || as[0].ID != lost.ID || as[0].Attempt != 1 {
			t.Errorf("offered again: %+v, want %s", as, lost.ID)
		}
		b.wantKinds(kept.ID, "created claimed")
	})
}

// Leases of a session whose record is gone end like any other's.
func TestLeasesWithoutASession(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		s := b.start("echo")
		w.poll()
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		sessions, err := b.store.Sessions(t.Context())
		if err != nil || len(sessions) != 1 {
			t.Fatal(sessions, err)
		}
		err = b.store.Commit(t.Context(), &store.Need{}, func(*store.Loaded) *store.Changes {
			var c store.Changes
			c.Reset()
			c.Gone = []int64{sessions[0].Key}
			return &c
		})
		if err != nil {
			t.Fatal(err)
		}
		b = run(t, b.store)
		time.Sleep(17 * time.Second)
		v := b.worker(1, "echo")
		if as := v.poll(); len(as) != 1 || as[0].ID != s.ID {
			t.Errorf("offered again: %v, want %s", ids(as), s.ID)
		}
		b.audit()
	})
}

// A key that may serve only some workflows cannot speak for the session of another key.
func TestASessionIsForItsOwnKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.worker(1, "echo")
	b.start("echo")
	bound := *b.root
	bound.Workflows = []string{"other"}
	foreign, err := b.Root(t.Context(), "foreign")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*engine.Caller{"bound to another workflow": &bound, "another project's": foreign} {
		_, err := b.Poll(t.Context(), c, &engine.PollRequest{Session: w.id})
		wantCode(t, name+": poll", err, "session_lost")
		_, err = b.Report(t.Context(), c, &engine.ReportRequest{Session: w.id})
		wantCode(t, name+": report", err, "session_lost")
		_, err = b.Heartbeat(t.Context(), c, &engine.HeartbeatRequest{Session: w.id})
		wantCode(t, name+": heartbeat", err, "session_lost")
		wantCode(t, name+": drain", b.DrainSession(t.Context(), c, w.id), "session_lost")
		wantCode(t, name+": close", b.CloseSession(t.Context(), c, w.id), "session_lost")
	}
	_, err = b.OpenSession(t.Context(), &bound, &engine.SessionSpec{Protocol: 1, Capacity: 1, Workflows: []engine.WorkflowSpec{{Name: "echo"}}})
	wantCode(t, "opening a session for a workflow that is not the key's", err, "forbidden")
	for name, spec := range map[string]*engine.SessionSpec{
		"protocol":  {Protocol: 2, Capacity: 1, Workflows: []engine.WorkflowSpec{{Name: "echo"}}},
		"capacity":  {Protocol: 1, Capacity: 0, Workflows: []engine.WorkflowSpec{{Name: "echo"}}},
		"workflows": {Protocol: 1, Capacity: 1},
		"name":      {Protocol: 1, Capacity: 1, Workflows: []engine.WorkflowSpec{{Name: "Bad Name"}}},
	} {
		_, err := b.OpenSession(t.Context(), b.root, spec)
		wantField(t, err, name)
	}
	w.poll()
}
