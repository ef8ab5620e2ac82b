package storetest

import (
	"testing"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// walls: what no rule does, the database refuses, and nothing of the transaction stays.
func walls(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"every illegal edge": illegalEdges,
		"a final execution changes": func(t *testing.T, w *World) {
			id := w.Finished()
			w.refused(w.forced(id, func(r *store.Row) { r.Progress = 0.5 }))
			w.refused(w.forced(id, func(r *store.Row) { r.Status, r.CompletedAt = execution.Running, 0 }))
		},
		"a revision stands still": func(t *testing.T, w *World) {
			id := w.Start()
			w.refused(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) {
				r := l.Executions[0]
				r.Progress = 0.5
				tx.Update = append(tx.Update, store.Update{Row: r, From: r.Revision})
			})
			w.refused(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) {
				r := l.Executions[0]
				from := r.Revision
				r.Revision = 0
				tx.Update = append(tx.Update, store.Update{Row: r, From: from})
			})
		},
		"an id is used twice": func(t *testing.T, w *World) {
			s := w.NewStart()
			w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) { tx.Start(s, l.Now) })
			w.refused(store.Need{}, func(l *store.Loaded, tx *Tx) {
				tx.Start(w.NewStart(), l.Now) // this one is in order, and goes with the other
				tx.Start(s, l.Now)
			})
		},
		"a step has two results": func(t *testing.T, w *World) {
			id := w.Start()
			w.Claim(id)
			w.Step(id, "a", "1")
			again := func(rule func(r *store.Row, now execution.Time) (execution.Event, error)) {
				t.Helper()
				w.refused(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) {
					if err := tx.Apply(l.Executions[0], func(r *store.Row) ([]execution.Event, error) { return one(rule(r, l.Now)) }); err != nil {
						t.Fatal(err)
					}
				})
			}
			again(func(r *store.Row, now execution.Time) (execution.Event, error) {
				return r.CompleteStep(Lease, execution.StepCompleted{Step: "a", Output: []byte("2")}, now)
			})
			again(func(r *store.Row, now execution.Time) (execution.Event, error) {
				return r.StartSleep(Lease, execution.Sleep{Step: "a", Duration: 1}, now)
			})
			if events := w.Events(id); string(events[len(events)-1].Body) != "1" {
				t.Errorf("the step's result is %s", events[len(events)-1].Body)
			}
		},
		"an unknown state": func(t *testing.T, w *World) {
			id := w.Start()
			w.refused(w.forced(id, func(r *store.Row) { r.Status = 77 }))
		},
		"a final state without its time": func(t *testing.T, w *World) {
			id := w.Start()
			w.refused(w.forced(id, func(r *store.Row) { r.Status, r.ReadyAt, r.ErrorCode = execution.Cancelled, 0, "cancelled" }))
		},
		"an event for another's row": func(t *testing.T, w *World) {
			id, other := w.Start(), w.Start()
			w.refused(store.Need{Executions: []execution.ID{id, other}}, func(l *store.Loaded, tx *Tx) {
				r := l.Executions[0]
				from := r.Revision
				e, err := r.Claim(execution.Claim{Session: w.Session, Lease: Lease}, l.Now)
				if err != nil {
					t.Fatal(err)
				}
				tx.Events = append(tx.Events, store.RowEvent{Row: l.Executions[1], Event: e})
				tx.Update = append(tx.Update, store.Update{Row: r, From: from})
			})
		},
		"one of many": func(t *testing.T, w *World) {
			id := w.Finished()
			w.refused(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) {
				for range 50 {
					r := tx.Start(w.NewStart(), l.Now)
					tx.Metadata = append(tx.Metadata, store.Metadata{Workflow: r.Workflow, Execution: r.ID, Key: "k", Value: "v"})
					tx.Logs = append(tx.Logs, store.Log{Row: r, Attempt: 1, At: l.Now, Level: "info", Message: "m"})
				}
				tx.Sessions = append(tx.Sessions, store.Session{Key: w.Key(), Project: w.Project, ID: w.ID()})
				r := l.Executions[0]
				from := r.Revision
				r.Revision++
				tx.Update = append(tx.Update, store.Update{Row: r, From: from})
			})
			page, err := w.Store.List(t.Context(), store.ListQuery{Project: w.Project, Metadata: map[string]string{"k": "v"}, Limit: 10})
			if err != nil || len(page.Items) != 0 {
				t.Errorf("%d executions by metadata of the refused transaction, %v", len(page.Items), err)
			}
		},
	})
}

// forced is a transaction that changes a row as no rule does.
func (w *World) forced(id execution.ID, change func(*store.Row)) (store.Need, func(*store.Loaded, *Tx)) {
	return store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) {
		r := l.Executions[0]
		from := r.Revision
		change(r)
		r.Revision++
		tx.Events = append(tx.Events, store.RowEvent{Row: r, Event: execution.Event{Execution: r.ID, Revision: r.Revision, Kind: execution.EventProgressed, At: l.Now}})
		tx.Update = append(tx.Update, store.Update{Row: r, From: from})
	}
}

// illegalEdges tries every pair of states: those that the table connects, by one edge or several, and the others.
func illegalEdges(t *testing.T, w *World) {
	shaped := func(r *store.Row, s execution.Status) {
		r.Status, r.Intended, r.CompletedAt, r.ReadyAt, r.ErrorCode = s, execution.Created, 0, 0, ""
		if s.Final() {
			r.CompletedAt = 9
		}
	}
	for from := range execution.Status(execution.Statuses) {
		for to := range execution.Status(execution.Statuses) {
			id := w.ID()
			w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
				s := w.NewStart()
				s.ID = id
				r := tx.Start(s, l.Now)
				tx.Count(r, r.Status, -1)
				shaped(r, from)
				tx.Count(r, r.Status, 1)
			})
			err := w.Commit(w.forced(id, func(r *store.Row) { shaped(r, to) }))
			if legal := store.Reachable(from).Has(to); legal != (err == nil) {
				t.Errorf("%s to %s: %v, want it allowed: %t", from, to, err, legal)
			}
			want := from
			if err == nil {
				want = to
			}
			if got := w.Get(id); got.Status != want {
				t.Errorf("%s to %s: it is now %s", from, to, got.Status)
			}
		}
	}
}
