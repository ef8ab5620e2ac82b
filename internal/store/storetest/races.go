package storetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// races: reads while commits go on see whole transactions, time never runs back for a reader, and commits at the same
// time are one after the other.
func races(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"readers beside the committer": func(t *testing.T, w *World) {
			const lives = 60
			target := w.Start()
			var latest atomic.Int64 // revision of the target that was committed
			latest.Store(1)
			ctx := t.Context()
			var readers sync.WaitGroup
			stop := make(chan struct{})
			loop := func(read func() error) {
				readers.Go(func() {
					for {
						if err := read(); err != nil {
							t.Error(err)
							return
						}
						select {
						case <-stop:
							return
						default:
						}
					}
				})
			}
			seen := int64(0)
			loop(func() error { // a commit that returned is read, and no revision falls
				floor := latest.Load()
				r, err := w.Store.Get(ctx, w.Project, target)
				if err != nil {
					return err
				}
				if r.Revision < floor || r.Revision < seen {
					return errors.New("a read went back in time")
				}
				seen = r.Revision
				events, err := w.Store.Events(ctx, r, 0, 0)
				if err != nil {
					return err
				}
				if int64(len(events)) != r.Revision || events[len(events)-1].Revision != r.Revision {
					return errors.New("a history is not that of its row")
				}
				return nil
			})
			loop(func() error { // each transaction starts and finishes a pair
				counts, err := w.Store.Counts(ctx, store.CountQuery{Project: w.Project, Workflows: w.Workflows[1:2]})
				if err != nil {
					return err
				}
				if counts.N[execution.Completed]%2 != 0 || counts.N[execution.Pending]+counts.N[execution.Running] != 0 {
					return errors.New("the counters show half a transaction")
				}
				page, err := w.Store.List(ctx, store.ListQuery{Project: w.Project, Workflows: w.Workflows[1:2], Limit: 1000, Payloads: true})
				if err != nil {
					return err
				}
				if len(page.Items)%2 != 0 || int64(len(page.Items)) < counts.N[execution.Completed] {
					return errors.New("a list shows half a transaction")
				}
				for _, item := range page.Items {
					if item.Status != execution.Completed || item.LastEvent == nil {
						return errors.New("a list shows half an execution")
					}
				}
				return nil
			})
			loop(func() error {
				if _, err := w.Store.Queues(ctx); err != nil {
					return err
				}
				_, err := w.Store.Due(ctx, w.Store.Now(), store.Part{}, 100)
				return err
			})
			for range lives {
				need := store.Need{Executions: []execution.ID{target}}
				w.MustCommit(need, func(l *store.Loaded, tx *Tx) {
					for range 2 {
						s := w.NewStart()
						s.Workflow = w.Workflows[1]
						r := tx.Start(s, l.Now)
						for _, rule := range lifetimes[2] {
							if err := tx.Apply(r, func(r *store.Row) ([]execution.Event, error) { return rule(w, r, l.Now) }); err != nil {
								t.Fatal(err)
							}
						}
					}
					r := l.Executions[0]
					rule := claimRule
					if r.Leased() {
						rule = func(w *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
							return one(r.Return(Lease, execution.ReturnedInterrupted, now))
						}
					}
					if err := tx.Apply(r, func(r *store.Row) ([]execution.Event, error) { return rule(w, r, l.Now) }); err != nil {
						t.Fatal(err)
					}
				})
				latest.Add(1)
			}
			close(stop)
			readers.Wait()
			w.Audit()
		},
		"readers that are cut off": func(t *testing.T, w *World) {
			// They leave nothing behind: who reads after them sees what was committed, and gets an answer.
			const readers, rounds = 4, 50
			target := w.Start()
			for range 20 {
				w.Finished()
			}
			row := w.Get(target)
			reads := []func(context.Context) error{
				func(ctx context.Context) error { _, err := w.Store.Get(ctx, w.Project, target); return err },
				func(ctx context.Context) error { _, err := w.Store.Events(ctx, row, 0, 0); return err },
				func(ctx context.Context) error {
					_, err := w.Store.List(ctx, store.ListQuery{Project: w.Project, Limit: 100, Payloads: true})
					return err
				},
				func(ctx context.Context) error {
					_, err := w.Store.Counts(ctx, store.CountQuery{Project: w.Project, From: 1})
					return err
				},
				func(ctx context.Context) error { _, err := w.Store.Queues(ctx); return err },
			}
			var all sync.WaitGroup
			for range readers {
				random := rand.New(rand.NewPCG(w.Random.Uint64(), w.Random.Uint64()))
				cutOff := func(read func(context.Context) error, after time.Duration) {
					ctx, cancel := context.WithTimeout(t.Context(), after)
					defer cancel()
					if err := read(ctx); err != nil && (ctx.Err() == nil || !errors.Is(err, ctx.Err())) {
						t.Errorf("cut off after %s, a read said: %v", after, err)
					}
				}
				all.Go(func() {
					for i := range rounds {
						read := reads[i%len(reads)]
						began := time.Now()
						if err := read(t.Context()); err != nil {
							t.Errorf("not cut off, a read said: %v", err)
							return
						}
						cutOff(read, time.Duration(random.Int64N(2*max(1, int64(time.Since(began))))))
					}
				})
			}
			defer all.Wait()
			cut := make(chan struct{})
			go func() {
				all.Wait()
				close(cut)
			}()
			for going := true; going; {
				select {
				case <-cut:
					going = false // what was committed since is read by all that read on
				default:
				}
				id := w.Start()
				for range 2 * readers {
					if n := len(w.Events(id)); n != 1 {
						t.Fatalf("an execution that was started has %d events", n)
					}
				}
			}
			w.Audit()
		},
		"committers beside each other": func(t *testing.T, w *World) {
			const committers, rounds = 4, 25
			ctx := t.Context()
			target := w.Start()
			var all sync.WaitGroup
			for range committers {
				starts := make([]execution.Start, rounds)
				for i := range starts {
					starts[i] = w.NewStart()
				}
				all.Go(func() {
					for _, start := range starts {
						need := store.Need{Executions: []execution.ID{target}}
						err := w.Commit(need, func(l *store.Loaded, tx *Tx) {
							tx.Start(start, l.Now)
							r := l.Executions[0]
							rule := claimRule
							if r.Leased() {
								rule = func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
									return one(r.Return(Lease, execution.ReturnedInterrupted, now))
								}
							}
							if err := tx.Apply(r, func(r *store.Row) ([]execution.Event, error) { return rule(w, r, l.Now) }); err != nil {
								t.Error(err)
							}
						})
						if err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			r, err := w.Store.Get(ctx, w.Project, target)
			if err != nil {
				t.Fatal(err)
			}
			if want := int64(1 + committers*rounds); r.Revision != want {
				t.Errorf("revision %d, want %d: a commit was lost", r.Revision, want)
			}
			w.Audit()
		},
	})
}
