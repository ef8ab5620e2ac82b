package storetest

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// audits: after any legal traffic an audit finds nothing. That it finds what is wrong, each store's own tests show.
func audits(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"of an empty store": func(t *testing.T, w *World) { w.Audit() },
		"after random traffic": func(t *testing.T, w *World) {
			var ids []execution.ID
			for range 12 {
				for range 15 {
					traffic(w, &ids)
				}
				w.Audit()
			}
		},
	})
	t.Run("as the rules say", func(t *testing.T) {
		t.Parallel()
		w := NewWorld(t, h.Open(t), 2)
		rapid.Check(t, func(rt *rapid.T) { agrees(t, rt, w) })
		w.Audit()
	})
}

// traffic runs one transaction with a few random changes.
func traffic(w *World, ids *[]execution.ID) {
	var need store.Need
	seen := map[execution.ID]bool{}
	for range w.Random.IntN(4) {
		if len(*ids) > 0 {
			if id := (*ids)[w.Random.IntN(len(*ids))]; !seen[id] {
				seen[id] = true
				need.Executions = append(need.Executions, id)
			}
		}
	}
	known := *ids
	w.MustCommit(need, func(l *store.Loaded, tx *Tx) {
		*ids = known
		now := w.Later()
		for range w.Random.IntN(3) {
			s := w.NewStart()
			s.Workflow = w.Workflows[w.Random.IntN(len(w.Workflows))]
			s.Priority = int8(w.Random.IntN(3))
			if w.Random.IntN(3) == 0 {
				s.StartAt = now.Add(time.Hour)
			}
			if w.Random.IntN(3) == 0 {
				s.Timeout, s.QueueTTL = time.Hour, time.Minute
			}
			r := tx.Start(s, now)
			*ids = append(*ids, r.ID)
			if w.Random.IntN(2) == 0 {
				tx.Metadata = append(tx.Metadata, store.Metadata{Workflow: r.Workflow, Execution: r.ID, Key: "k", Value: "v"})
			}
		}
		for _, r := range l.Executions {
			if r == nil {
				continue
			}
			if r.Status.Final() && w.Random.IntN(4) == 0 {
				tx.Delete = append(tx.Delete, r)
				tx.Count(r, r.Status, -1)
				continue
			}
			for range 1 + w.Random.IntN(3) {
				act := actions[w.Random.IntN(len(actions))]
				_ = tx.Apply(r, func(r *store.Row) ([]execution.Event, error) { return act(w, r, now) }) // a refusal changes nothing
			}
			if w.Random.IntN(3) == 0 {
				tx.Logs = append(tx.Logs, store.Log{Row: r, Attempt: max(r.Attempt, 1), At: now, Level: "info", Message: "m"})
			}
		}
	})
}

// actions are the commands on one execution. One that does not apply is refused by its rule.
var actions = []rule{
	claimRule,
	claimRule,
	func(w *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.CompleteStep(Lease, execution.StepCompleted{Step: w.ID().String(), Output: []byte("1")}, now))
	},
	func(w *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.StartSleep(Lease, execution.Sleep{Step: w.ID().String(), Duration: time.Hour}, now))
	},
	func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Suspend(Lease, 0, now))
	},
	func(w *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		kind := []execution.WaitKind{execution.WaitForSignal, execution.WaitForApproval}[w.Random.IntN(2)]
		return r.StartWait(Lease, execution.WaitStart{
			Step: w.ID().String(), Name: "w", Kind: kind, Timeout: time.Hour, Bounded: w.Random.IntN(2) == 0,
		}, now)
	},
	func(w *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return r.Signal(execution.SignalSent{Name: "w", Key: uint64(w.Random.IntN(100)), Payload: []byte("3")}, now)
	},
	func(w *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Decide(execution.Decision{Name: "w", Approved: w.Random.IntN(2) == 0}, now))
	},
	func(w *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.FailStep(Lease, execution.StepFailed{Step: w.ID().String(), Failure: execution.Failure{
			Code: "x", Try: 1, Policy: execution.Retry{MaxAttempts: 3, Initial: time.Minute},
		}}, now))
	},
	func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Fail(Lease, execution.Failure{Code: "x", Policy: execution.Retry{MaxAttempts: 3, Initial: time.Minute}}, now))
	},
	func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Complete(Lease, []byte("2"), now))
	},
	func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Reject(Lease, "no", "declined", nil, now))
	},
	func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Return(Lease, execution.ReturnedUnacknowledged, now))
	},
	func(w *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.LoseLease(w.Session, w.Random.IntN(2) == 0, now))
	},
	func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return none(r.RequestCancel(execution.Cancel{Reason: execution.CancelByRequest, Grace: time.Minute}, now))
	},
	func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.ConfirmCancel(Lease, now))
	},
	func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Terminate(execution.Actor{Kind: execution.ActorKey, Ref: 5}, "", now))
	},
	func(w *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return none(r.ReportProgress(Lease, w.Random.Float64(), now))
	},
	func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return r.Fire(nil, time.Minute, now), nil
	},
}

// none turns "nothing happened" into no event.
func none(e execution.Event, ok bool, err error) ([]execution.Event, error) {
	if err != nil || !ok {
		return nil, err
	}
	return []execution.Event{e}, nil
}

// agrees runs a random life of one execution twice, in memory and through the store, and compares each step.
func agrees(t *testing.T, rt *rapid.T, w *World) {
	s := w.NewStart()
	s.Priority = rapid.Int8().Draw(rt, "priority")
	s.Input = rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "input")
	s.Details = rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(rt, "details")
	s.Timeout = time.Duration(rapid.IntRange(0, 1000).Draw(rt, "timeout")) * time.Hour
	var history []execution.Event
	var model store.Row
	w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
		model = *tx.Start(s, w.Later())
		history = []execution.Event{tx.Events[0].Event}
	})
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(actions)-1), 1, 12).Draw(rt, "actions") {
		before, known := model, history
		w.MustCommit(store.Need{Executions: []execution.ID{s.ID}}, func(l *store.Loaded, tx *Tx) {
			r := l.Executions[0]
			if r == nil || !same(&r.Execution, &before.Execution) {
				rt.Fatalf("stored %+v, read %+v", before.Execution, r)
			}
			history = known
			now := w.Later()
			_ = tx.Apply(r, func(r *store.Row) ([]execution.Event, error) { return actions[i](w, r, now) })
			for _, e := range tx.Events {
				history = append(history, e.Event)
			}
			model = *r
		})
	}
	got, err := w.Store.Events(t.Context(), w.Get(s.ID), 0, 0)
	if err != nil {
		rt.Fatal(err)
	}
	if len(got) != len(history) {
		rt.Fatalf("%d events, want %d", len(got), len(history))
	}
	for i := range got {
		if !sameEvent(got[i], history[i]) {
			rt.Fatalf("event %d: stored %+v, read %+v", i+1, history[i], got[i])
		}
	}
}

// sameEvent compares events. Empty payloads are the same as none.
func sameEvent(a, b execution.Event) bool {
	if !bytes.Equal(a.Body, b.Body) || !bytes.Equal(a.Details, b.Details) {
		return false
	}
	a.Body, a.Details, b.Body, b.Details = nil, nil, nil, nil
	return reflect.DeepEqual(a, b)
}
