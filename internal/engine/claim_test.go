package engine_test

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
)

func TestAStartIsClaimedInItsOwnTransaction(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		// Each transaction takes a while, so that two of them have two times.
		fs.Delay(func(*store.Need) time.Duration { return time.Millisecond })
		w := b.worker(2, "echo")
		if as := w.take(); len(as) != 0 {
			t.Fatalf("%d executions from nowhere", len(as))
		}
		s := b.start("echo")
		if s.View.Revision != 1 || s.View.Status != execution.Pending {
			t.Errorf("answered revision %d, %s; want 1, pending", s.View.Revision, s.View.Status)
		}
		row, err := b.store.Get(t.Context(), b.root.Project, s.ID)
		if err != nil || row.Revision != 2 || row.Status != execution.Running || row.Attempt != 1 {
			t.Errorf("stored %+v, %v; want revision 2, running", row, err)
		}
		v := b.wantKinds(s.ID, "created claimed")
		if v.Events[0].At != v.Events[1].At {
			t.Errorf("created at %s, claimed at %s: not one transaction", v.Events[0].At, v.Events[1].At)
		}
		if as := w.poll(); len(as) != 1 || as[0].ID != s.ID || as[0].Attempt != 1 {
			t.Errorf("delivered %+v", as)
		}
	})
}

// A worker that was heard of less than a second ago gets work; an older one only while its poll is parked.
func TestWorkIsPromisedOnlyToTheLiving(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(10, "echo")
		w.take()
		time.Sleep(time.Second)
		s := b.start("echo")
		b.wantKinds(s.ID, "created")
		if as := w.take(); len(as) != 1 || as[0].ID != s.ID {
			t.Fatalf("delivered %v, want %s", ids(as), s.ID)
		}
		polled := make(chan []engine.Assignment)
		go func() { polled <- w.poll() }()
		time.Sleep(5 * time.Second)
		s = b.start("echo")
		if as := <-polled; len(as) != 1 || as[0].ID != s.ID {
			t.Errorf("the parked poll got %v, want %s", ids(as), s.ID)
		}
		b.wantKinds(s.ID, "created claimed")
	})
}

func TestTheQueueIsInOrder(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		w.take()
		first := b.start("echo")
		var want []execution.ID
		byPriority := map[int8][]execution.ID{}
		for i := range 30 {
			p := int8(i%3 - 1)
			s := b.start("echo", func(r *engine.StartRequest) { r.Priority = p })
			byPriority[p] = append(byPriority[p], s.ID)
			time.Sleep(time.Millisecond)
		}
		want = slices.Concat([]execution.ID{first.ID}, byPriority[1], byPriority[0], byPriority[-1])
		var got []execution.ID
		for range want {
			as := w.poll()
			if len(as) != 1 {
				t.Fatalf("capacity 1 got %d executions", len(as))
			}
			got = append(got, as[0].ID)
			accepted(t, w.report(complete(as[0], `{}`)))
		}
		if !sameIDs(got, want) {
			t.Errorf("claimed in the order\n%v, want\n%v", got, want)
		}
		b.audit()
	})
}

// While starts stream in and workers come, go and report, no execution is claimed before an older one of the same
// priority. The claims of one transaction share their instant, so the order of claims is that of their events.
func TestNothingOvertakesTheQueue(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(3, "echo")
		const starts = 400
		var wg sync.WaitGroup
		begun := make([]execution.ID, 0, starts)
		stop := make(chan struct{})
		for range 3 {
			v := b.worker(3, "echo")
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					for _, a := range v.pollFor(40 * time.Millisecond).Executions {
						time.Sleep(time.Duration(a.ID[9]) * 10 * time.Microsecond)
						v.report(complete(a, `{}`))
					}
				}
			})
		}
		_ = w // it never polls after its first second: what it is given comes back
		for range starts {
			s := b.start("echo")
			begun = append(begun, s.ID)
			time.Sleep(time.Millisecond)
		}
		for _, id := range begun {
			for {
				v := b.get(id)
				if v.Status.Final() {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
		}
		close(stop)
		wg.Wait()
		last := execution.Time(0)
		for _, id := range begun {
			es := b.get(id).Events
			at := es[slices.IndexFunc(es, func(e execution.Event) bool { return e.Kind == execution.EventClaimed })].At
			if at < last {
				t.Errorf("%s was claimed at %s, before an older one at %s", id, at, last)
			}
			last = max(last, at)
		}
		b.audit()
	}, func(c *engine.Config) { c.Acknowledge = 200 * time.Millisecond })
}

// In one batch, an execution that goes back to the queue must not be overtaken by a start behind it.
func TestNothingOvertakesWithinABatch(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		w := b.worker(2, "echo")
		w.take()
		older := b.start("echo")
		a := w.take()[0]
		if a.ID != older.ID {
			t.Fatal("the first start was not claimed")
		}
		// The queue is known to be empty and the worker has room. While a commit is under way, the older execution is
		// given back and a younger one started: both are decided in the next batch.
		fs.Delay(func(*store.Need) time.Duration { return 100 * time.Millisecond })
		var wg sync.WaitGroup
		wg.Go(func() { w.beat(a) })
		synctest.Wait()
		wg.Go(func() { accepted(t, w.report(op(a, engine.OpReturn))) })
		synctest.Wait()
		var younger *engine.Started
		wg.Go(func() { younger = b.start("echo") })
		wg.Wait()
		fs.Delay(nil)
		at := func(id execution.ID) execution.Time {
			es := b.get(id).Events
			for _, e := range slices.Backward(es) {
				if e.Kind == execution.EventClaimed {
					return e.At
				}
			}
			return 0
		}
		for n := 0; n < 2; {
			n += len(w.poll())
		}
		if x, y := at(older.ID), at(younger.ID); y == 0 || y < x {
			t.Errorf("the younger one was claimed at %s, the older one again at %s", y, x)
		}
		if e := b.get(older.ID).Events[2]; e.Kind != execution.EventReturned || e.At != b.get(younger.ID).Events[0].At {
			t.Error("the two were not decided in one batch: the test tests nothing")
		}
	})
}

// A worker becomes free while one execution is in the queue and another one is being started: the older one is next.
func TestAStartDoesNotOvertakeTheClaimBehindIt(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		w := b.worker(1, "echo")
		b.start("echo")
		a := w.poll()[0]
		older := b.start("echo")
		fs.Delay(func(*store.Need) time.Duration { return 100 * time.Millisecond })
		var wg sync.WaitGroup
		wg.Go(func() { accepted(t, w.report(complete(a, `{}`))) })
		synctest.Wait() // the report is in its transaction: the claim that follows from it comes behind this start
		wg.Go(func() { b.start("echo") })
		wg.Wait()
		if as := w.poll(); len(as) != 1 || as[0].ID != older.ID {
			t.Errorf("the freed worker got %v, want %s", ids(as), older.ID)
		}
		fs.Delay(nil)
	})
}

func TestCreditIsNeverExceeded(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		const capacity = 5
		var mu sync.Mutex
		running := map[execution.ID]int{}
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for range 3 {
			w := b.worker(capacity, "echo", "other")
			held := 0
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					r := w.pollFor(20 * time.Millisecond)
					mu.Lock()
					held += len(r.Executions)
					if held > capacity {
						t.Errorf("a worker of capacity %d holds %d", capacity, held)
					}
					for _, a := range r.Executions {
						if running[a.ID]++; running[a.ID] > 1 {
							t.Errorf("%s runs twice", a.ID)
						}
					}
					mu.Unlock()
					for _, a := range r.Executions {
						wg.Go(func() {
							time.Sleep(time.Duration(10+int(a.ID[8])) * time.Millisecond)
							mu.Lock()
							held--
							mu.Unlock()
							w.report(complete(a, `{}`))
						})
					}
				}
			})
		}
		var all []execution.ID
		for i := range 200 {
			all = append(all, b.start([]string{"echo", "other"}[i%2]).ID)
		}
		for _, id := range all {
			for !b.get(id).Status.Final() {
				time.Sleep(time.Second / 4)
			}
		}
		close(stop)
		wg.Wait()
		b.audit()
	})
}

// A worker of several workflows takes from each, also when one of them has an endless queue.
func TestWorkflowsOfAWorkerShare(t *testing.T) {
	t.Parallel()
	for _, capacity := range []int{1, 4} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, b *bench) {
				for _, name := range []string{"busy", "calm", "third"} {
					if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: name}); err != nil {
						t.Fatal(err)
					}
				}
				for range 100 {
					b.start("busy")
				}
				for range 5 {
					b.start("calm")
					b.start("third")
				}
				w := b.worker(capacity, "busy", "calm", "third")
				seen := map[string]int{}
				for range 24 / capacity {
					as := w.poll()
					var ops []engine.Operation
					for _, a := range as {
						seen[a.Workflow]++
						ops = append(ops, complete(a, `{}`))
					}
					accepted(t, w.report(ops...))
				}
				if seen["calm"] != 5 || seen["third"] != 5 {
					t.Errorf("after 24 executions: %v, want all 5 of calm and of third", seen)
				}
				b.audit()
			})
		})
	}
}

// A poll that wants few executions is not given a mailbox full of what it will not take in time.
func TestAPollsWishBoundsTheMailbox(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(100, "echo")
		ask := func() []engine.Assignment {
			r, err := b.Poll(t.Context(), b.root, &engine.PollRequest{Session: w.id, Received: w.received.Load(), Max: 1, Wait: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			w.receive(r)
			return r.Executions
		}
		ask()
		defer w.live(none)()
		for range 20 {
			b.start("echo")
		}
		if as := ask(); len(as) != 1 {
			t.Fatalf("got %d executions, want 1", len(as))
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		list, err := b.List(t.Context(), b.root, &engine.ListRequest{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list.Items {
			if v.Revision > 6 {
				t.Errorf("an execution went to and fro: revision %d", v.Revision)
			}
		}
	})
}

// The time of an execution can be over while it lies in the queue and the timekeeper has not come to it: it is not
// handed out, and it does not keep the others from being.
func TestStaleWorkIsNotHandedOut(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "echo"}); err != nil {
			t.Fatal(err)
		}
		old := b.start("echo", func(r *engine.StartRequest) { r.QueueTTL = time.Second })
		late := b.start("echo", func(r *engine.StartRequest) { r.Timeout = time.Second })
		fresh := b.start("echo")
		fs.Set(faultstore.Every("Due", 1, faultstore.Before)) // the timekeeper is blind
		time.Sleep(3 * time.Second)
		w := b.worker(10, "echo")
		if as := w.poll(); len(as) != 1 || as[0].ID != fresh.ID {
			t.Errorf("handed out %v, want %s alone", ids(as), fresh.ID)
		}
		b.wantStatus(old.ID, execution.Rejected)
		b.wantStatus(late.ID, execution.Cancelled)
	})
}

// One claim reads a bounded number of payload bytes; what it leaves comes with the next, in order.
func TestLargeInputsAreClaimedInParts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "echo"}); err != nil {
		t.Fatal(err)
	}
	input := append(append([]byte(`{"text":"`), bytes.Repeat([]byte("x"), 1<<20)...), `"}`...)
	const n = store.ClaimBytes>>20 + 8
	var want []execution.ID
	for range n {
		want = append(want, b.start("echo", func(r *engine.StartRequest) { r.Input = input }).ID)
	}
	w := b.worker(n+1, "echo")
	var got []execution.ID
	for len(got) < n {
		for _, a := range w.poll() {
			if len(a.Input) != len(input) {
				t.Fatalf("%s came with %d bytes of input", a.ID, len(a.Input))
			}
			got = append(got, a.ID)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("delivered %v, want %v", got, want)
	}
}
