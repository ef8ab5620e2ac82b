package storetest

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

func executions(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"every field comes back":        everyFieldComesBack,
		"get knows project and full id": getKnowsProjectAndID,
		"an update needs its revision":  updateNeedsRevision,
		"one id is one pointer":         oneIDOnePointer,
		"absent executions are nil": func(t *testing.T, w *World) {
			id := w.Start()
			other := execution.IDFromParts(id.Order(), id.Tail()^1)
			w.MustCommit(store.Need{Executions: []execution.ID{w.ID(), other, id, w.ID()}}, func(l *store.Loaded, _ *Tx) {
				for i, r := range l.Executions {
					if want := i == 2; (r != nil) != want {
						t.Errorf("execution %d of the need: found %t, want %t", i, r != nil, want)
					}
				}
				if len(l.Executions) != 4 {
					t.Errorf("%d executions for a need of 4", len(l.Executions))
				}
			})
		},
		"nothing decided, nothing changed": func(t *testing.T, w *World) {
			id := w.Start()
			before := w.Dump()
			for name, changes := range map[string]*store.Changes{"nil": nil, "empty": {}, "zero counts": {Counts: map[store.CountKey]int64{{Project: 1}: 0}}} {
				calls := 0
				err := w.Store.Commit(t.Context(), &store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded) *store.Changes {
					calls++
					l.Executions[0].Status = execution.Failed
					return changes
				})
				if err != nil || calls != 1 {
					t.Errorf("%s: error %v after %d calls of decide, want none after one", name, err, calls)
				}
			}
			if w.Dump() != before {
				t.Error("something changed")
			}
		},
		"a context that is over starts nothing": func(t *testing.T, w *World) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			err := w.Store.Commit(ctx, &store.Need{}, func(*store.Loaded) *store.Changes {
				t.Error("decide was called")
				return nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("commit returned %v, want context.Canceled", err)
			}
			w.Start()
		},
		"a panic in decide rolls back": func(t *testing.T, w *World) {
			key := store.Reservation{Project: w.Project, Key: "k", Execution: w.ID()}
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the panic did not come through")
					}
				}()
				_ = w.Store.Commit(t.Context(), &store.Need{Reservations: []store.Reservation{key}}, func(*store.Loaded) *store.Changes { panic("rule") })
			}()
			w.MustCommit(store.Need{Reservations: []store.Reservation{key}}, func(l *store.Loaded, tx *Tx) {
				if l.Taken[0] != nil {
					t.Error("the reservation outlived the panic")
				}
			})
			w.Start()
		},
		"now is between the times around it": func(t *testing.T, w *World) {
			before := w.Store.Now()
			w.MustCommit(store.Need{}, func(l *store.Loaded, _ *Tx) {
				if after := w.Store.Now(); l.Now < before || l.Now > after {
					t.Errorf("now is %d, before %d, after %d", l.Now, before, after)
				}
			})
		},
	})
}

func everyFieldComesBack(t *testing.T, w *World) {
	rows := []execution.Execution{
		{
			Version: 77, Status: execution.Running, Trigger: execution.TriggerRerun, Priority: -128, Why: execution.WhyNothing,
			Attempt: 3, Steps: 4, Failures: 2, Strikes: 1, Finalizers: 5, Session: math.MaxInt64, Lease: execution.Lease{0, 255, 15: 9},
			StartedAt: 1, WakeAt: 3, ExpiresAt: 4, DeadlineAt: 5, CancelRequestedAt: 6, CancelBy: 7,
			CancelReason: execution.CancelByTimeout, Progress: 0.25, Bytes: math.MaxInt64,
		},
		{Status: execution.Created, WakeAt: math.MaxInt64, Why: execution.WhyScheduled, Progress: math.NaN()},
		{Status: execution.Pending, ReadyAt: 42, Priority: 127, Progress: 0},
		{Status: execution.Waiting, WakeAt: 42, Why: execution.WhyTimer, Progress: 1},
		{Status: execution.Waiting, Why: execution.WhyApproval, Inbox: `{"w":[{"s":"ä \u0000","k":"approval","n":"a","at":1,"r":2}]}`, Progress: math.NaN()},
		{Status: execution.Finalizing, Intended: execution.Rejected, Finalizers: 1, ErrorCode: "no", Progress: math.NaN()},
		{Status: execution.Failed, CompletedAt: 9, ErrorCode: "x'; DROP TABLE executions; --", Progress: math.NaN()},
		{Status: execution.Cancelled, CompletedAt: 9, ErrorCode: "日本 \x00 ✓", CancelRequestedAt: 3, CancelReason: execution.CancelByTerminate, Progress: math.NaN()},
	}
	w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
		for i := range rows {
			x := &rows[i]
			x.ID, x.Project, x.Workflow, x.Revision = w.ID(), w.Project, w.Workflows[i%3], 1
			r := &store.Row{Execution: *x}
			tx.Insert = append(tx.Insert, r)
			tx.Events = append(tx.Events, store.RowEvent{Row: r, Event: execution.Event{Execution: x.ID, Revision: 1, Kind: execution.EventCreated, At: l.Now}})
		}
	})
	for i := range rows {
		got := w.Get(rows[i].ID)
		if !same(&got.Execution, &rows[i]) {
			t.Errorf("stored %+v\ncame back as %+v", rows[i], got.Execution)
		}
	}
	// An update writes all that may change.
	changed := rows[0]
	changed.Intended, changed.Why, changed.Attempt, changed.Steps, changed.Failures = execution.Failed, execution.WhyBackoff, 9, 8, 7
	changed.Strikes, changed.Finalizers, changed.Session, changed.Lease = 6, 0, 0, execution.Lease{}
	changed.StartedAt, changed.WakeAt, changed.ExpiresAt, changed.CancelRequestedAt, changed.CancelBy = 11, 12, 0, 13, 0
	changed.CancelReason, changed.ErrorCode, changed.Progress, changed.Bytes = execution.CancelByRequest, "late", math.NaN(), 15
	changed.Inbox = `{"k":[{"n":"it's","c":3}]}`
	changed.Status = execution.Finalizing
	w.MustCommit(store.Need{Executions: []execution.ID{changed.ID}}, func(l *store.Loaded, tx *Tx) {
		r := l.Executions[0]
		from := r.Revision
		changed.Revision = from + 1
		r.Execution = changed
		tx.Update = append(tx.Update, store.Update{Row: r, From: from})
		tx.Events = append(tx.Events, store.RowEvent{Row: r, Event: execution.Event{Execution: r.ID, Revision: r.Revision, Kind: execution.EventFinalizing, At: l.Now}})
	})
	if got := w.Get(changed.ID); !same(&got.Execution, &changed) {
		t.Errorf("updated to %+v\ncame back as %+v", changed, got.Execution)
	}
}

func getKnowsProjectAndID(t *testing.T, w *World) {
	id := w.Start()
	for name, read := range map[string]func() (*store.Row, error){
		"unknown id":      func() (*store.Row, error) { return w.Store.Get(t.Context(), w.Project, w.ID()) },
		"another project": func() (*store.Row, error) { return w.Store.Get(t.Context(), w.Project+100, id) },
		"same time, another rest": func() (*store.Row, error) {
			return w.Store.Get(t.Context(), w.Project, execution.IDFromParts(id.Order(), id.Tail()^1))
		},
		"zero id": func() (*store.Row, error) { return w.Store.Get(t.Context(), w.Project, execution.ID{}) },
	} {
		if r, err := read(); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: got %v, %v, want ErrNotFound", name, r, err)
		}
	}
	if w.Get(id).ID != id {
		t.Error("got another id")
	}
}

func updateNeedsRevision(t *testing.T, w *World) {
	id := w.Start()
	w.refused(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) {
		r := l.Executions[0]
		e, err := r.Claim(execution.Claim{Session: w.Session, Lease: Lease}, l.Now)
		if err != nil {
			t.Fatal(err)
		}
		tx.Events = append(tx.Events, store.RowEvent{Row: r, Event: e})
		tx.Update = append(tx.Update, store.Update{Row: r, From: r.Revision}) // the new revision, not the loaded one
	})
	w.refused(store.Need{}, func(l *store.Loaded, tx *Tx) {
		x, _ := execution.New(w.NewStart(), l.Now)
		x.Revision = 2
		tx.Update = append(tx.Update, store.Update{Row: &store.Row{Execution: x}, From: 1}) // never inserted
	})
}

func oneIDOnePointer(t *testing.T, w *World) {
	a, b := w.Start(), w.Start()
	need := store.Need{
		Executions: []execution.ID{b, a, b},
		Claims:     []store.ClaimNeed{{Workflow: w.Workflows[0], Limit: 10}},
	}
	w.MustCommit(need, func(l *store.Loaded, tx *Tx) {
		if l.Executions[0] != l.Executions[2] || l.Executions[0] == l.Executions[1] {
			t.Error("the same id gave different pointers, or different ids the same")
		}
		if len(l.Claims[0]) != 2 || l.Claims[0][0].Row != l.Executions[1] || l.Claims[0][1].Row != l.Executions[0] {
			t.Error("a claimable execution is not the one that was loaded")
		}
	})
}

// delayed edits a start to lie ahead.
func delayed(w *World, d time.Duration) func(*execution.Start) {
	return func(s *execution.Start) { s.StartAt = w.Store.Now().Add(d) }
}

func inWorkflow(key int64) func(*execution.Start) {
	return func(s *execution.Start) { s.Workflow = key }
}
