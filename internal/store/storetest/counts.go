package storetest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

func counts(t *testing.T, h Harness) {
	t.Run("as the model", func(t *testing.T) {
		t.Parallel()
		w := NewWorld(t, h.Open(t), 4)
		all := crowd(w, 200)
		random := rand.New(rand.NewPCG(8, 9))
		instant := func() execution.Time {
			at := execution.Time(all[random.IntN(len(all))].x.ID.Millis() * 1000)
			switch random.IntN(4) {
			case 0:
				at -= at % 3_600_000_000 // a whole hour
			case 1:
				at -= at%86_400_000_000 + 1
			case 2:
				at += execution.Time(random.Int64N(2_000_000))
			}
			return at
		}
		for range 100 {
			q := store.CountQuery{Project: w.Project, Exact: random.IntN(2) == 0}
			if random.IntN(2) == 0 {
				q.Workflows = []int64{w.Workflows[random.IntN(4)]}
			}
			if random.IntN(3) > 0 {
				q.From = instant()
			}
			if random.IntN(3) > 0 {
				q.To = instant()
			}
			got, err := w.Store.Counts(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			want := store.Counts{Exact: true}
			l := store.ListQuery{Project: q.Project, Workflows: q.Workflows, From: q.From, To: q.To}
			for _, m := range all {
				if m.matches(&l) {
					want.N[m.x.Status]++
				}
			}
			if got != want {
				t.Fatalf("%+v: %+v, want %+v", q, got, want)
			}
		}
	})
	h.each(t, map[string]func(*testing.T, *World){
		"follow each change": func(t *testing.T, w *World) {
			id := w.Start()
			check := func(want ...execution.Status) {
				t.Helper()
				got, err := w.Store.Counts(t.Context(), store.CountQuery{Project: w.Project})
				if err != nil {
					t.Fatal(err)
				}
				var n store.Counts
				n.Exact = true
				for _, s := range want {
					n.N[s]++
				}
				if got != n {
					t.Errorf("counts %+v, want %+v", got, n)
				}
			}
			check(execution.Pending)
			w.Claim(id)
			check(execution.Running)
			w.Start(delayed(w, time.Hour))
			check(execution.Running, execution.Created)
			w.Complete(id, "1")
			check(execution.Completed, execution.Created)
			w.delete(id)
			check(execution.Created)
			w.Audit()
		},
		"nothing": func(t *testing.T, w *World) {
			for _, q := range []store.CountQuery{{Project: w.Project}, {Project: 1 << 40}, {Project: w.Project, Workflows: []int64{}}, {Project: w.Project, From: 5, To: 3}} {
				got, err := w.Store.Counts(t.Context(), q)
				if want := (store.Counts{Exact: true}); err != nil || got != want {
					t.Errorf("%+v: %+v, %v", q, got, err)
				}
			}
		},
	})
}
