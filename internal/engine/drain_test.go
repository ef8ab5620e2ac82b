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

// G13.
func TestDrain(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w, idle := b.worker(1, "echo"), b.worker(5, "other")
		s := b.start("echo")
		a := w.poll()[0]
		if err := b.Ready(); err != nil {
			t.Errorf("before: %v", err)
		}
		var wg sync.WaitGroup
		begun := time.Now()
		wg.Go(func() {
			if r := idle.pollFor(30 * time.Second); !r.Draining {
				t.Errorf("the parked poll was answered %+v, want draining", r)
			}
		})
		wg.Go(func() {
			r, err := b.tryStart("echo", func(r *engine.StartRequest) { r.Wait = time.Minute })
			if err != nil || r.View.Status != execution.Pending || r.View.Reason.Code == "" {
				t.Errorf("the held start was answered %+v, %v; want it pending, with the reason", r, err)
			}
		})
		wg.Go(func() {
			v, err := b.Get(t.Context(), b.root, s.ID, engine.GetOptions{Wait: time.Minute})
			if err != nil || v.Status != execution.Running {
				t.Errorf("the held read was answered %+v, %v", v, err)
			}
		})
		synctest.Wait()
		b.Drain()
		b.Drain()
		wg.Wait()
		if d := time.Since(begun); d != 0 {
			t.Errorf("the holds ended after %s, want at once", d)
		}
		if err := b.Ready(); err == nil {
			t.Error("ready while draining")
		}
		if r := w.pollFor(30 * time.Second); !r.Draining || len(r.Executions) != 0 {
			t.Errorf("a poll while draining: %+v", r)
		}
		_, err := b.OpenSession(t.Context(), b.root, &engine.SessionSpec{Protocol: 1, Capacity: 1, Workflows: []engine.WorkflowSpec{{Name: "echo"}}})
		wantCode(t, "a new session while draining", err, "unavailable")
		// Reports, heartbeats, reads and starts go on.
		accepted(t, w.report(complete(a, `{}`)))
		w.beat()
		n := b.start("other")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.wantKinds(n.ID, "created")
		b.wantStatus(s.ID, execution.Completed)
		if err := b.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
		_, err = b.tryStart("other")
		wantCode(t, "a start after the end", err, "unavailable")
		b.audit()
	})
}

// A claim that waits for the committer when the drain begins claims nothing.
func TestNothingIsClaimedAfterADrain(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		w, other := b.worker(1, "echo"), b.worker(1, "other")
		w.take()
		time.Sleep(2 * time.Second) // nobody is there to claim at once
		s := b.start("echo")
		fs.Delay(func(*store.Need) time.Duration { return time.Second })
		var wg sync.WaitGroup
		wg.Go(func() { other.beat() })
		synctest.Wait() // while this is committed, the poll's claim gets in line
		wg.Go(func() { w.pollFor(30 * time.Second) })
		synctest.Wait()
		b.Drain()
		wg.Wait()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		fs.Delay(nil)
		b.wantKinds(s.ID, "created")
	})
}

// What is accepted before the end is finished, also when a lot of it waits.
func TestTheEndFinishesWhatWasAccepted(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		b.worker(1, "echo")
		fs.Delay(func(*store.Need) time.Duration { return 100 * time.Millisecond })
		var mu sync.Mutex
		acked := map[execution.ID]bool{}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				for range 3 {
					s, err := b.tryStart("echo")
					if err != nil {
						wantCode(t, "a start at the end", err, "unavailable")
						return
					}
					mu.Lock()
					acked[s.ID] = true
					mu.Unlock()
				}
			})
		}
		time.Sleep(150 * time.Millisecond)
		if err := b.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
		wg.Wait()
		if len(acked) < 50 {
			t.Errorf("%d starts were accepted, want those of the first rounds at least", len(acked))
		}
		for id := range acked {
			if _, err := b.store.Get(t.Context(), b.root.Project, id); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
	})
}
