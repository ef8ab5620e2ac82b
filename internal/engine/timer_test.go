package engine_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
	"github.com/sojournhq/sojourn/internal/store/teststore"
)

// G9: never early, and in an idle engine at once.
func TestTimersAreNeverEarlyAndHardlyLate(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(100, "echo")
		defer w.live(none)()
		type due struct {
			id   execution.ID
			at   execution.Time
			kind execution.EventKind
		}
		var all []due
		expect := func(id execution.ID, at execution.Time, kind execution.EventKind) {
			all = append(all, due{id, at, kind})
		}
		run := func(change ...func(*engine.StartRequest)) engine.Assignment {
			id := b.start("echo", change...).ID
			for {
				for _, a := range w.poll() {
					if a.ID == id {
						w.pollFor(0)
						return a
					}
				}
			}
		}
		if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "nobody"}); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			d := time.Duration(i*1337+1) * time.Millisecond
			s := b.start("nobody", func(r *engine.StartRequest) { r.Delay = d })
			expect(s.ID, s.View.WakeAt, execution.EventReady)
			s = b.start("nobody", func(r *engine.StartRequest) { r.StartAt = b.Now().Std().Add(d) })
			if s.View.Status != execution.Created || s.View.ScheduledAt != s.View.WakeAt {
				t.Errorf("a start in the future: %s, scheduled at %s", s.View.Status, s.View.ScheduledAt)
			}
			expect(s.ID, s.View.WakeAt, execution.EventReady)
			s = b.start("nobody", func(r *engine.StartRequest) { r.QueueTTL = d })
			expect(s.ID, s.View.ExpiresAt, execution.EventRejected)
			s = b.start("nobody", func(r *engine.StartRequest) { r.Timeout = d })
			expect(s.ID, s.View.DeadlineAt, execution.EventCancelled)
			a := run()
			sleep := op(a, engine.OpSleep)
			sleep.Step, sleep.Duration = "nap", d
			rs := w.report(sleep, op(a, engine.OpSuspend))
			accepted(t, rs)
			expect(a.ID, rs[1].WakeAt, execution.EventWoken)
			a = run()
			fail := op(a, engine.OpFail)
			fail.Retry = execution.Retry{MaxAttempts: 5, Initial: d, Jitter: 0.5}
			rs = w.report(fail)
			accepted(t, rs)
			expect(a.ID, rs[0].RetryAt, execution.EventRetried)
			a = run()
			failed := op(a, engine.OpStepFailed)
			failed.Step, failed.Try, failed.Retry = "a", 1, execution.Retry{MaxAttempts: 5, Initial: 6*time.Second + d}
			rs = w.report(failed)
			accepted(t, rs)
			if !rs[0].Suspended {
				t.Errorf("a long backoff keeps the lease: %+v", rs[0])
			}
			expect(a.ID, rs[0].RetryAt, execution.EventRetried)
			a = run(func(r *engine.StartRequest) { r.Timeout = d })
			expect(a.ID, a.DeadlineAt, execution.EventCancelRequest)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		for _, x := range all {
			found := false
			for _, e := range b.get(x.id).Events {
				if e.Kind != x.kind {
					continue
				}
				found = true
				if late := e.At.Sub(x.at); late < 0 || late > 50*time.Millisecond {
					t.Errorf("%s of %s was %s late", x.kind, x.id, late)
				}
				break
			}
			if !found {
				t.Errorf("%s of %s never came: %s", x.kind, x.id, kinds(b.get(x.id)))
			}
		}
		b.audit()
	})
}

// What came due while the server was down is done oldest first, in bounded parts, within 5 s per 100,000.
func TestOverdueAtBoot(t *testing.T) {
	t.Parallel()
	n := 1500
	if wide {
		n = 100_000
	}
	synctest.Test(t, func(t *testing.T) {
		fs := faultstore.New(teststore.Open(t))
		b := run(t, fs)
		if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "echo"}); err != nil {
			t.Fatal(err)
		}
		due := map[execution.ID]execution.Time{}
		for done := 0; done < n; {
			var rs []*engine.StartRequest
			for range min(1000, n-done) {
				rs = append(rs, &engine.StartRequest{Workflow: "echo", Input: []byte(`{}`), Delay: time.Minute + time.Duration((done+len(rs))*7919%n)*time.Millisecond})
			}
			for _, o := range b.StartBatch(t.Context(), b.root, rs) {
				if o.Err != nil {
					t.Fatal(o.Err)
				}
				due[o.Started.ID] = o.Started.View.WakeAt
			}
			done += len(rs)
		}
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		largest := 0
		fs.Set(func(c faultstore.Call) faultstore.Fault {
			if c.Method == "Commit" {
				largest = max(largest, len(c.Need.Executions))
			}
			return faultstore.None
		})
		// Each transaction takes a while, so that their order shows in the times.
		fs.Delay(func(*store.Need) time.Duration { return time.Millisecond })
		begun := time.Now()
		b = run(t, fs)
		for {
			c, err := b.Counts(t.Context(), b.root, "", time.Time{}, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if c.N[execution.Created] == 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if took, most := time.Since(begun), 5*time.Second; took > most {
			t.Errorf("took %s of virtual time, want at most %s", took, most)
		}
		if largest > 512 {
			t.Errorf("%d timers in one transaction, want at most 512", largest)
		}
		var last execution.Time // latest due time of those fired so far
		var at execution.Time
		list := &engine.ListRequest{Limit: 100}
		fired := map[execution.Time][2]execution.Time{} // by transaction: earliest and latest due time
		for {
			page, err := b.List(t.Context(), b.root, list)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range page.Items {
				x, ok := fired[v.ReadyAt]
				d := due[v.ID]
				if !ok {
					x = [2]execution.Time{d, d}
				}
				fired[v.ReadyAt] = [2]execution.Time{min(x[0], d), max(x[1], d)}
			}
			if !page.More {
				break
			}
			list.Cursor = page.Next
		}
		for {
			next := execution.Time(0)
			for tx := range fired {
				if tx > at && (next == 0 || tx < next) {
					next = tx
				}
			}
			if next == 0 {
				break
			}
			if fired[next][0] < last {
				t.Errorf("at %s a timer of %s was fired after one of %s", next, fired[next][0], last)
			}
			at, last = next, fired[next][1]
		}
		fs.Delay(nil)
		b.audit()
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

// One execution that the database refuses to change does not keep the timers of the others from firing.
func TestABadTimerStandsAlone(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "echo"}); err != nil {
			t.Fatal(err)
		}
		var all []execution.ID
		for range 20 {
			all = append(all, b.start("echo", func(r *engine.StartRequest) { r.Delay = time.Second }).ID)
		}
		bad := all[3]
		fs.RefuseIf(func(c *store.Changes) bool {
			for _, u := range c.Update {
				if u.ID == bad {
					return true
				}
			}
			return false
		})
		time.Sleep(4 * time.Second)
		synctest.Wait()
		for _, id := range all {
			want := execution.Pending
			if id == bad {
				want = execution.Created
			}
			b.wantStatus(id, want)
		}
		fs.RefuseIf(nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.wantStatus(bad, execution.Pending)
	})
}

// stepped is what time.Now would give at the instant if somebody had set the system's clock by so much: a wall clock that
// was moved, and a monotonic reading that was not. Nothing in the standard library makes such a time.
func stepped(now, start time.Time, by time.Duration) time.Time {
	const (
		hasMonotonic = 1 << 63
		seconds1885  = 2682288000 // from the beginning of 1885 to that of 1970
	)
	moved := now.Add(by)
	t := time.Unix(0, 0)
	parts := (*struct {
		wall uint64
		ext  int64
	})(unsafe.Pointer(&t))
	parts.wall = hasMonotonic | uint64(moved.Unix()+seconds1885)<<30 | uint64(moved.Nanosecond())
	parts.ext = int64(now.Sub(start)) + 1
	if !t.Round(0).Equal(moved) {
		panic("time.Time is not laid out as this expects")
	}
	return t
}

// The system's clock is set back an hour, or ten years ahead: timers come when the time has passed, not before and not
// an hour late, and no live worker is lost.
func TestTheSystemsClockIsSet(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]time.Duration{"back an hour": -time.Hour, "ahead ten years": 10 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var offset atomic.Int64
				start := time.Now()
				b := run(t, teststore.Open(t, teststore.Clock(func() time.Time {
					return stepped(time.Now(), start, time.Duration(offset.Load()))
				})))
				w := b.worker(2, "echo")
				held := b.start("echo")
				a := w.poll()[0]
				w.pollFor(0)
				defer w.live(func() []engine.Assignment { return []engine.Assignment{a} })()
				s := b.start("echo", func(r *engine.StartRequest) { r.Delay = 20 * time.Second })
				begun := time.Now()
				time.Sleep(3 * time.Second)
				before := b.Now()
				offset.Store(int64(step))
				if now := b.Now(); now < before || now.Sub(before) > time.Second {
					t.Errorf("the store's clock went from %s to %s", before, now)
				}
				got := w.pollFor(25 * time.Second).Executions
				// The store's clock may run one per cent off while it approaches the system's.
				if d := time.Since(begun); len(got) != 1 || got[0].ID != s.ID || d < 19700*time.Millisecond || d > 20500*time.Millisecond {
					t.Errorf("after %s: %v; want %s after 20 s", d, ids(got), s.ID)
				}
				b.wantKinds(held.ID, "created claimed")
				later := b.start("echo")
				if later.ID.Millis() < s.ID.Millis() {
					t.Error("ids ran backwards")
				}
				b.audit()
				if err := b.stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
