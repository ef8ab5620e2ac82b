package storetest

import (
	"errors"
	"testing"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// retries: after a transaction that failed, its caller tries again, with new rows or the same.
func retries(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"with the same rows": func(t *testing.T, w *World) {
			done := w.Finished()
			rows := map[execution.ID]*store.Row{}
			events := map[execution.ID][]execution.Event{}
			for range 3 {
				x, e := execution.New(w.NewStart(), w.Store.Now())
				r := &store.Row{Execution: x}
				claimed, err := r.Claim(execution.Claim{Session: w.Session, Lease: Lease}, w.Store.Now())
				if err != nil {
					t.Fatal(err)
				}
				rows[r.ID], events[r.ID] = r, []execution.Event{e, claimed}
			}
			save := func(tx *Tx) {
				for id, r := range rows {
					tx.Insert = append(tx.Insert, r)
					for _, e := range events[id] {
						tx.Events = append(tx.Events, store.RowEvent{Row: r, Event: e})
					}
					tx.Count(r, r.Status, 1)
				}
			}
			bad, _ := w.forced(done, nil)
			for range 3 {
				if err := w.Commit(bad, func(l *store.Loaded, tx *Tx) {
					save(tx)
					r := l.Executions[0]
					r.Revision++
					tx.Update = append(tx.Update, store.Update{Row: r, From: r.Revision - 1})
				}); !errors.Is(err, store.ErrRefused) {
					t.Fatalf("commit returned %v, want ErrRefused", err)
				}
				for _, r := range rows {
					if r.First != 0 || r.Last != 0 {
						t.Fatalf("a row of a failed transaction has a history from %d to %d", r.First, r.Last)
					}
				}
			}
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { save(tx) })
			for id := range rows {
				if got := kinds(w.Events(id)); got != "created claimed" {
					t.Errorf("history: %s", got)
				}
			}
			w.Audit()
		},
		"split until the guilty one stands alone": func(t *testing.T, w *World) {
			good, done := []execution.ID{w.Start(), w.Start(), w.Start()}, w.Finished()
			all := []execution.ID{good[0], done, good[1], good[2]}
			var run func(ids []execution.ID) int
			run = func(ids []execution.ID) int {
				err := w.Commit(store.Need{Executions: ids}, func(l *store.Loaded, tx *Tx) {
					for _, r := range l.Executions {
						from := r.Revision
						if r.ID == done {
							r.Revision++
							tx.Update = append(tx.Update, store.Update{Row: r, From: from})
							continue
						}
						if err := tx.Apply(r, func(r *store.Row) ([]execution.Event, error) { return claimRule(w, r, l.Now) }); err != nil {
							t.Fatal(err)
						}
					}
				})
				switch {
				case err == nil:
					return 0
				case !errors.Is(err, store.ErrRefused):
					t.Fatal(err)
				case len(ids) == 1:
					return 1
				}
				return run(ids[:len(ids)/2]) + run(ids[len(ids)/2:])
			}
			if n := run(all); n != 1 {
				t.Errorf("%d commands failed, want 1", n)
			}
			for _, id := range good {
				if s := w.Get(id).Status; s != execution.Running {
					t.Errorf("%s is %s, want running", id, s)
				}
			}
			w.Audit()
		},
	})
}
