package engine_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
)

// G14: one project's flood does not double what another one waits for its claims. A commit takes 1 ms and 20 µs for
// each thing it reads, in virtual time, so that the figures are those of the engine's order of work alone.
func TestANoisyProjectDoesNotDelayAQuietOne(t *testing.T) {
	t.Parallel()
	if !wide {
		t.Skip("stores some hundred thousand executions: runs with SOJOURN_TEST_WIDE=1; TestABatchIsShared holds the committer to the same")
	}
	measure := func(noise int) (p99 time.Duration) {
		faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
			quiet, err := b.Root(t.Context(), "quiet")
			if err != nil {
				t.Fatal(err)
			}
			open := func(c *engine.Caller, capacity int) *worker {
				v, err := b.OpenSession(t.Context(), c, &engine.SessionSpec{Protocol: 1, Capacity: capacity, Workflows: []engine.WorkflowSpec{{Name: "w"}}})
				if err != nil {
					t.Fatal(err)
				}
				return &worker{b: b, id: v.ID, caller: c}
			}
			w, n := open(quiet, 10), open(b.root, 10)
			fs.Delay(func(need *store.Need) time.Duration {
				d := time.Millisecond + time.Duration(len(need.Executions)+len(need.Reservations))*20*time.Microsecond
				for _, c := range need.Claims {
					d += time.Duration(c.Limit) * 20 * time.Microsecond
				}
				return d
			})
			stop := make(chan struct{})
			var wg sync.WaitGroup
			over := func() bool {
				select {
				case <-stop:
					return true
				default:
					return false
				}
			}
			serve := func(w *worker) {
				wg.Go(func() {
					for !over() {
						var ops []engine.Operation
						for _, a := range w.pollFor(50 * time.Millisecond).Executions {
							ops = append(ops, complete(a, `{}`))
						}
						if len(ops) > 0 {
							w.report(ops...)
						}
					}
				})
			}
			serve(w)
			serve(n)
			for i := range noise {
				wg.Go(func() {
					for k := 0; !over(); k++ {
						var rs []*engine.StartRequest
						for j := range 300 {
							rs = append(rs, &engine.StartRequest{Workflow: "w", Input: []byte(`{}`), IdempotencyKey: fmt.Sprint(i, ".", k, ".", j), Hash: 1})
						}
						b.StartBatch(t.Context(), b.root, rs)
					}
				})
			}
			var waits []time.Duration
			time.Sleep(100 * time.Millisecond)
			for range 100 {
				begun := time.Now()
				s, err := b.Start(t.Context(), quiet, &engine.StartRequest{Workflow: "w", Input: []byte(`{}`), IdempotencyKey: begun.String(), Hash: 1, Wait: time.Minute})
				if err != nil || !s.View.Status.Final() {
					t.Fatalf("%+v, %v", s, err)
				}
				waits = append(waits, s.View.StartedAt.Sub(s.View.CreatedAt)+time.Since(begun))
			}
			close(stop)
			wg.Wait()
			fs.Delay(nil)
			slices.Sort(waits)
			p99 = waits[len(waits)*99/100]
		})
		return p99
	}
	// Four callers fill the committer's batches; from there on, more of them must not make a difference.
	base, flood := measure(4), measure(16)
	t.Logf("p99 from start to completion of the quiet project: %s beside 4 callers, %s beside 16", base, flood)
	if flood > 2*base {
		t.Errorf("the flood raises the quiet project's p99 from %s to %s, more than twice", base, flood)
	}
}
