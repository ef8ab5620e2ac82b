package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

func events(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"every field comes back": everyEventField,
		"ranges of a history":    historyRanges,
		"ends": func(t *testing.T, w *World) {
			id := w.Start(func(s *execution.Start) { s.Input, s.Details = []byte(`"in"`), []byte(`{"k":1}`) })
			check := func(wantLast bool) {
				t.Helper()
				first, last, err := w.Store.Ends(t.Context(), w.Get(id))
				if err != nil {
					t.Fatal(err)
				}
				if first == nil || first.Kind != execution.EventCreated || string(first.Body) != `"in"` || string(first.Details) != `{"k":1}` || first.Execution != id {
					t.Errorf("first event: %+v", first)
				}
				if (last != nil) != wantLast {
					t.Errorf("last event: %+v, want one: %t", last, wantLast)
				}
				if last != nil && (last.Kind != execution.EventCompleted || string(last.Body) != `"out"`) {
					t.Errorf("last event: %+v", last)
				}
			}
			check(false)
			w.Claim(id)
			check(false)
			w.Complete(id, `"out"`)
			check(true)
		},
		"several changes in one transaction": func(t *testing.T, w *World) {
			s := w.NewStart()
			w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
				r := tx.Start(s, l.Now)
				for _, rule := range []func(*store.Row) (execution.Event, error){
					func(r *store.Row) (execution.Event, error) {
						return r.Claim(execution.Claim{Session: w.Session, Lease: Lease}, l.Now)
					},
					func(r *store.Row) (execution.Event, error) {
						return r.CompleteStep(Lease, execution.StepCompleted{Step: "a", Output: []byte("1")}, l.Now)
					},
					func(r *store.Row) (execution.Event, error) { return r.Complete(Lease, []byte("2"), l.Now) },
				} {
					if err := tx.Apply(r, func(r *store.Row) ([]execution.Event, error) { return one(rule(r)) }); err != nil {
						t.Fatal(err)
					}
				}
			})
			if got := kinds(w.Events(s.ID)); got != "created claimed step_completed completed" {
				t.Errorf("history: %s", got)
			}
			w.Audit()
		},
		"a payload of a megabyte": func(t *testing.T, w *World) {
			big := bytes.Repeat([]byte("x"), 1<<20)
			big[0], big[len(big)-1] = '"', '"'
			id := w.Start(func(s *execution.Start) { s.Input = big })
			if got := w.Events(id)[0].Body; !bytes.Equal(got, big) {
				t.Errorf("%d bytes came back as %d, or others", len(big), len(got))
			}
		},
		"a step has one record": func(t *testing.T, w *World) {
			id, other := w.Start(), w.Start()
			w.Claim(id)
			w.Claim(other)
			w.Step(id, "a", "1")
			w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
				return one(r.StartSleep(Lease, execution.Sleep{Step: "nap", Duration: 1}, now))
			})
			w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
				return one(r.FailStep(Lease, execution.StepFailed{Step: "b", Failure: execution.Failure{Try: 1, Policy: execution.Retry{MaxAttempts: 5, Initial: 1}}}, now))
			})
			w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
				return one(r.StartStep(Lease, execution.StepStarted{Step: "c"}, now))
			})
			need := store.Need{Steps: []store.StepRef{
				{Execution: id, Step: "a"},
				{Execution: id, Step: "nap"},
				{Execution: id, Step: "b"},
				{Execution: id, Step: "c"},
				{Execution: other, Step: "a"},
				{Execution: id, Step: "A"},
				{Execution: id, Step: ""},
				{Execution: w.ID(), Step: "a"},
			}}
			w.MustCommit(need, func(l *store.Loaded, _ *Tx) {
				if want := []bool{true, true, false, false, false, false, false, false}; !reflect.DeepEqual(l.Recorded, want) {
					t.Errorf("recorded: %v, want %v", l.Recorded, want)
				}
			})
		},
		"histories do not mix": func(t *testing.T, w *World) {
			var ids []execution.ID
			for range 5 {
				ids = append(ids, w.Start())
			}
			for round := range 4 {
				for i, id := range ids {
					if round == 0 {
						w.Claim(id)
						continue
					}
					w.Step(id, fmt.Sprint("s", round), fmt.Sprint(i))
				}
			}
			for i, id := range ids {
				for n, e := range w.Events(id) {
					if e.Revision != int64(n+1) || e.Execution != id || e.Kind == execution.EventStepCompleted && string(e.Body) != fmt.Sprint(i) {
						t.Errorf("event %d of execution %d: %+v", n, i, e)
					}
				}
			}
			w.Audit()
		},
	})
}

func kinds(events []execution.Event) string {
	var b bytes.Buffer
	for i, e := range events {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(e.Kind.String())
	}
	return b.String()
}

func everyEventField(t *testing.T, w *World) {
	id := w.Start()
	before := w.Events(id)
	want := []execution.Event{
		{
			Kind: execution.EventStepFailed, Status: execution.Running, At: 1, Actor: execution.Actor{Kind: execution.ActorSession, Ref: 1 << 60}, Attempt: 2, Try: 3,
			Step: "päge/1 \x00 ✓", Until: 4, Since: 5, Value: 0.5, Code: "boom", Message: "it'; broke", Hash: 1<<64 - 1,
			Details: []byte(`{"stack":"…"}`), Body: []byte{0, 255, '"'},
		},
		{Kind: execution.EventProgressed, At: 2, Actor: execution.Actor{Kind: execution.ActorKey, Ref: 1}, Value: 1},
		{Kind: execution.EventStepCompleted, At: 3, Step: "x", Hash: 1 << 63, Body: []byte("null")},
		{Kind: execution.EventSuspended, Status: execution.Finalizing, At: 4},
	}
	w.MustCommit(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) {
		r := l.Executions[0]
		from := r.Revision
		for i := range want {
			r.Revision++
			want[i].Execution, want[i].Revision = id, r.Revision
			tx.Events = append(tx.Events, store.RowEvent{Row: r, Event: want[i]})
		}
		tx.Update = append(tx.Update, store.Update{Row: r, From: from})
	})
	got := w.Events(id)
	if !reflect.DeepEqual(got, append(before, want...)) {
		t.Errorf("stored %+v\ncame back as %+v", want, got[len(before):])
	}
}

func historyRanges(t *testing.T, w *World) {
	id := w.Start()
	w.Claim(id)
	early := w.Get(id)
	for i := range 20 {
		w.Step(id, fmt.Sprint("s", i), "1")
	}
	row := w.Get(id)
	all := w.Events(id)
	for after := int64(-1); after <= row.Revision+1; after++ {
		for _, limit := range []int{0, 1, 3, 21, 22, 100} {
			got, err := w.Store.Events(t.Context(), row, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			want := all[min(max(after, 0), row.Revision):]
			if limit > 0 {
				want = want[:min(limit, len(want))]
			}
			if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("after %d, at most %d: %d events, want %d", after, limit, len(got), len(want))
			}
		}
	}
	// What came later than the row is not in its history.
	if got, err := w.Store.Events(t.Context(), early, 0, 0); err != nil || len(got) != 2 {
		t.Errorf("a row of revision 2 has %d events, %v", len(got), err)
	}
	// A row that is gone has none.
	gone := w.Finished()
	deleted := w.Get(gone)
	w.delete(gone)
	if got, err := w.Store.Events(t.Context(), deleted, 0, 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a deleted execution has %d events, %v, want ErrNotFound", len(got), err)
	}
	if _, _, err := w.Store.Ends(t.Context(), deleted); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("ends of a deleted execution: %v, want ErrNotFound", err)
	}
}
