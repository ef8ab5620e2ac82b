package storetest

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

func reservations(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"taken once": func(t *testing.T, w *World) {
			first, second := w.ID(), w.ID()
			w.reserve(t, reservation{"a", first, 1<<64 - 1, nil}, reservation{"A", second, 2, nil})
			w.reserve(t,
				reservation{"a", w.ID(), 3, &store.TakenKey{Hash: 1<<64 - 1, Execution: first}},
				reservation{"A", w.ID(), 3, &store.TakenKey{Hash: 2, Execution: second}},
				reservation{"b ✓ \x00", w.ID(), 3, nil},
				reservation{"", w.ID(), 3, nil},
			)
		},
		"taken earlier in the same need": func(t *testing.T, w *World) {
			first := w.ID()
			w.reserve(t, reservation{"a", first, 1, nil}, reservation{"a", w.ID(), 2, &store.TakenKey{Hash: 1, Execution: first}})
			w.reserve(t, reservation{"a", w.ID(), 2, &store.TakenKey{Hash: 1, Execution: first}})
		},
		"projects have their own keys": func(t *testing.T, w *World) {
			w.reserve(t, reservation{"a", w.ID(), 1, nil})
			need := store.Need{Reservations: []store.Reservation{{Project: w.Project + 1, Key: "a", Execution: w.ID()}}}
			w.MustCommit(need, func(l *store.Loaded, tx *Tx) {
				if l.Taken[0] != nil {
					t.Errorf("another project's key is taken: %+v", l.Taken[0])
				}
			})
		},
		"released": func(t *testing.T, w *World) {
			kept := w.ID()
			need := store.Need{Reservations: []store.Reservation{
				{Project: w.Project, Key: "a", Hash: 1, Execution: w.ID()},
				{Project: w.Project, Key: "b", Hash: 1, Execution: kept},
				{Project: w.Project, Key: "c", Hash: 1, Execution: w.ID()},
			}}
			w.MustCommit(need, func(l *store.Loaded, tx *Tx) {
				tx.Start(w.NewStart(), l.Now)
				tx.Released = append(tx.Released, 2, 0)
			})
			w.reserve(t, reservation{"a", w.ID(), 2, nil}, reservation{"b", w.ID(), 2, &store.TakenKey{Hash: 1, Execution: kept}}, reservation{"c", w.ID(), 2, nil})
		},
		"given back when nothing is committed": func(t *testing.T, w *World) {
			id := w.Start()
			need := func() *store.Need {
				return &store.Need{Reservations: []store.Reservation{{Project: w.Project, Key: "a", Hash: 1, Execution: w.ID()}}}
			}
			for name, decide := range map[string]func(*store.Loaded) *store.Changes{
				"nil":     func(*store.Loaded) *store.Changes { return nil },
				"empty":   func(*store.Loaded) *store.Changes { return &store.Changes{} },
				"refused": func(*store.Loaded) *store.Changes { return &store.Changes{Insert: []*store.Row{w.Get(id)}} },
			} {
				if err := w.Store.Commit(t.Context(), need(), decide); (err != nil) != (name == "refused") {
					t.Fatalf("%s: %v", name, err)
				}
				if err := w.Store.Commit(t.Context(), need(), func(l *store.Loaded) *store.Changes {
					if l.Taken[0] != nil {
						t.Errorf("%s: the key stayed taken", name)
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
		},
		"outlives its execution": func(t *testing.T, w *World) {
			s := w.NewStart()
			need := store.Need{Reservations: []store.Reservation{{Project: w.Project, Key: "a", Hash: 1, Execution: s.ID}}}
			w.MustCommit(need, func(l *store.Loaded, tx *Tx) { tx.Start(s, l.Now) })
			w.Claim(s.ID)
			w.Complete(s.ID, "1")
			w.delete(s.ID)
			w.reserve(t, reservation{"a", w.ID(), 2, &store.TakenKey{Hash: 1, Execution: s.ID}})
			w.Audit()
		},
		"swept": func(t *testing.T, w *World) {
			const n = 2500
			take := func(from int) {
				var all []reservation
				for i := range n {
					all = append(all, reservation{fmt.Sprintf("key-%06d", 2*i+from), w.ID(), 1, nil})
				}
				w.reserve(t, all...)
			}
			take(0)
			cut := w.Store.Now().Add(apart)
			w.waitUntil(cut.Add(apart))
			take(1)
			for range 20 { // each sweep takes a part, and they come round
				w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.SweepKeys = cut })
			}
			need := store.Need{}
			for i := range 2 * n {
				need.Reservations = append(need.Reservations, store.Reservation{Project: w.Project, Key: fmt.Sprintf("key-%06d", i), Execution: w.ID()})
			}
			wrong := 0
			w.MustCommit(need, func(l *store.Loaded, _ *Tx) {
				for i, taken := range l.Taken {
					if old := i%2 == 0; old != (taken == nil) {
						wrong++
					}
				}
			})
			if wrong > 0 {
				t.Errorf("%d of %d keys are kept that are old, or gone that are not", wrong, 2*n)
			}
		},
	})
}

type reservation struct {
	key       string
	execution execution.ID
	hash      uint64
	want      *store.TakenKey
}

// reserve commits reservations, and checks who has them.
func (w *World) reserve(t *testing.T, all ...reservation) {
	t.Helper()
	var need store.Need
	for _, r := range all {
		need.Reservations = append(need.Reservations, store.Reservation{Project: w.Project, Key: r.key, Hash: r.hash, Execution: r.execution})
	}
	w.MustCommit(need, func(l *store.Loaded, tx *Tx) {
		for i, r := range all {
			if !reflect.DeepEqual(l.Taken[i], r.want) {
				t.Errorf("key %q: taken by %+v, want %+v", r.key, l.Taken[i], r.want)
			}
		}
		tx.Start(w.NewStart(), l.Now)
	})
}
