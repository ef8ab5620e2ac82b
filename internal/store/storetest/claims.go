package storetest

import (
	"bytes"
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

func claims(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"highest priority, then longest wait": queueOrder,
		"only what is in the queue":           onlyQueued,
		"with input, details and recorded steps": func(t *testing.T, w *World) {
			fresh := w.Start(func(s *execution.Start) { s.Input, s.Details = []byte(`{"a":1}`), []byte(`{"d":2}`) })
			again := w.Start(func(s *execution.Start) { s.Input, s.Details = []byte(`[1]`), []byte(`{"d":3}`) })
			w.Claim(again)
			w.Step(again, "one", `"first"`)
			w.Step(again, "two", `{"x":[2]}`)
			w.Change(again, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
				return one(r.StartSleep(Lease, execution.Sleep{Step: "nap", Duration: time.Hour}, now))
			})
			w.Change(again, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
				return one(r.LoseLease(w.Session, true, now))
			})
			w.MustCommit(store.Need{Claims: []store.ClaimNeed{{Workflow: w.Workflows[0], Limit: 10}}}, func(l *store.Loaded, _ *Tx) {
				if len(l.Claims[0]) != 2 {
					t.Fatalf("%d claimable, want 2", len(l.Claims[0]))
				}
				x, y := l.Claims[0][0], l.Claims[0][1]
				if x.Row.ID != fresh || string(x.Input) != `{"a":1}` || string(x.Details) != `{"d":2}` || len(x.Recorded) != 0 {
					t.Errorf("fresh: %s %s %s %v", x.Row.ID, x.Input, x.Details, x.Recorded)
				}
				if y.Row.ID != again || string(y.Input) != `[1]` || string(y.Details) != `{"d":3}` || len(y.Recorded) != 3 {
					t.Fatalf("again: %s %s %s %v", y.Row.ID, y.Input, y.Details, y.Recorded)
				}
				if r := y.Recorded; r[0].Step != "one" || string(r[0].Output) != `"first"` || string(r[1].Output) != `{"x":[2]}` ||
					r[2].Kind != execution.KindSleep || r[2].Until == 0 {
					t.Errorf("recorded: %+v", r)
				}
			})
		},
		"with those that must run alone, without them, or only them": func(t *testing.T, w *World) {
			alone, other := w.Start(), w.Start()
			for range execution.SoloStrikes {
				w.Claim(alone)
				w.Change(alone, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
					return one(r.LoseLease(w.Session, true, now))
				})
			}
			for choice, want := range map[store.SoloChoice][]execution.ID{
				store.SoloIncluded: {other, alone}, store.SoloLeftOut: {other}, store.SoloOnly: {alone},
			} {
				w.MustCommit(store.Need{Claims: []store.ClaimNeed{{Workflow: w.Workflows[0], Limit: 10, Solo: choice}}}, func(l *store.Loaded, _ *Tx) {
					var got []execution.ID
					for _, c := range l.Claims[0] {
						got = append(got, c.Row.ID)
					}
					if !slices.Equal(got, want) {
						t.Errorf("choice %d: claimable %v, want %v", choice, got, want)
					}
				})
			}
		},
		"no more bytes at a time than may be read": func(t *testing.T, w *World) {
			big := bytes.Repeat([]byte("7"), 10<<20)
			var ids []execution.ID
			for range 5 {
				ids = append(ids, w.Start(func(s *execution.Start) { s.Input = big }))
			}
			w.Claim(ids[0]) // one with a history
			w.Change(ids[0], func(r *store.Row, now execution.Time) ([]execution.Event, error) {
				return one(r.Return(Lease, execution.ReturnedInterrupted, now))
			})
			for _, limit := range []int{1, 5} {
				w.MustCommit(store.Need{Claims: []store.ClaimNeed{{Workflow: w.Workflows[0], Limit: limit}}}, func(l *store.Loaded, _ *Tx) {
					read := 0
					for i, c := range l.Claims[0] {
						if c.Withheld != (i >= 3) || c.Withheld == (len(c.Input) == len(big)) {
							t.Errorf("limit %d: claimable %d withheld %t with %d bytes", limit, i, c.Withheld, len(c.Input))
						}
						read += len(c.Input)
					}
					if len(l.Claims[0]) != limit || read > store.ClaimBytes {
						t.Errorf("limit %d: %d claimable, %d bytes", limit, len(l.Claims[0]), read)
					}
				})
			}
			huge := w.Start(func(s *execution.Start) {
				s.Workflow, s.Input = w.Workflows[1], bytes.Repeat([]byte("7"), store.ClaimBytes+1)
			})
			w.MustCommit(store.Need{Claims: []store.ClaimNeed{{Workflow: w.Workflows[1], Limit: 1}}}, func(l *store.Loaded, _ *Tx) {
				if c := l.Claims[0]; len(c) != 1 || c[0].Row.ID != huge || c[0].Withheld {
					t.Error("an execution that is too large alone is never claimed")
				}
			})
		},
		"held by any session": func(t *testing.T, w *World) {
			id := w.Start()
			w.Claim(id)
			w.Start()
			rows, err := w.Store.Held(t.Context(), 0)
			if err != nil || len(rows) != 1 || rows[0].ID != id {
				t.Errorf("held by any session: %v, %v, want %s alone", rows, err, id)
			}
		},
		"queues tell length and oldest": func(t *testing.T, w *World) {
			a := w.Start()
			w.Start()
			b := w.Start(inWorkflow(w.Workflows[1]))
			w.Finished(inWorkflow(w.Workflows[2]))
			queues, err := w.Store.Queues(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := []store.Queue{
				{Project: w.Project, Workflow: w.Workflows[0], Length: 2, Oldest: w.Get(a).ReadyAt},
				{Project: w.Project, Workflow: w.Workflows[1], Length: 1, Oldest: w.Get(b).ReadyAt},
			}
			slices.SortFunc(queues, func(a, b store.Queue) int { return cmp.Compare(a.Workflow, b.Workflow) })
			if !slices.Equal(queues, want) {
				t.Errorf("queues %+v, want %+v", queues, want)
			}
		},
		"held are those of the session": func(t *testing.T, w *World) {
			var want []execution.ID
			for i := range 6 {
				id := w.Start(inWorkflow(w.Workflows[i%3]))
				if i != 1 {
					w.Claim(id)
				}
				switch i {
				case 2:
					w.Complete(id, "1")
				case 3:
					w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
						return one(r.Return(Lease, execution.ReturnedInterrupted, now))
					})
				case 0, 4, 5:
					want = append(want, id)
				}
			}
			for session, want := range map[int64][]execution.ID{w.Session: want, w.Session + 1000: nil} {
				rows, err := w.Store.Held(t.Context(), session)
				if err != nil {
					t.Fatal(err)
				}
				var got []execution.ID
				for _, r := range rows {
					got = append(got, r.ID)
				}
				slices.SortFunc(got, func(a, b execution.ID) int { return cmp.Compare(a.Order(), b.Order()) })
				if !slices.Equal(got, want) {
					t.Errorf("session %d holds %v, want %v", session, got, want)
				}
			}
		},
	})
}

func queueOrder(t *testing.T, w *World) {
	var rows []*store.Row
	for range 40 {
		id := w.Start(func(s *execution.Start) { s.Priority = int8(w.Random.IntN(5) - 2) })
		rows = append(rows, w.Get(id))
	}
	// Some share the instant: the older id goes first.
	known := rows
	w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
		rows = known
		for range 20 {
			s := w.NewStart()
			s.Priority = int8(w.Random.IntN(3))
			rows = append(rows, tx.Start(s, l.Now))
		}
	})
	slices.SortStableFunc(rows, func(a, b *store.Row) int {
		return cmp.Or(-cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.ReadyAt, b.ReadyAt), cmp.Compare(a.ID.Order(), b.ID.Order()))
	})
	for len(rows) > 0 {
		limit := min(7, len(rows))
		w.MustCommit(store.Need{Claims: []store.ClaimNeed{{Workflow: w.Workflows[0], Limit: 7}}}, func(l *store.Loaded, tx *Tx) {
			if len(l.Claims[0]) != limit {
				t.Fatalf("%d claimable, want %d", len(l.Claims[0]), limit)
			}
			for i, c := range l.Claims[0] {
				if c.Row.ID != rows[i].ID {
					t.Fatalf("claimed %s with priority %d, want %s with %d", c.Row.ID, c.Row.Priority, rows[i].ID, rows[i].Priority)
				}
				if err := tx.Apply(c.Row, func(r *store.Row) ([]execution.Event, error) {
					return one(r.Claim(execution.Claim{Session: w.Session, Lease: Lease}, l.Now))
				}); err != nil {
					t.Fatal(err)
				}
			}
		})
		rows = rows[limit:]
	}
}

func onlyQueued(t *testing.T, w *World) {
	queued := w.Start()
	w.Start(delayed(w, time.Hour))
	w.Claim(w.Start())
	w.Finished()
	w.Start(inWorkflow(w.Workflows[1]))
	backoff := w.Start()
	w.Claim(backoff)
	w.Change(backoff, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Fail(Lease, execution.Failure{Code: "x", Policy: execution.Retry{MaxAttempts: 3, Initial: time.Hour}}, now))
	})
	need := store.Need{Claims: []store.ClaimNeed{
		{Workflow: w.Workflows[0], Limit: 10}, {Workflow: w.Workflows[1], Limit: 0}, {Workflow: w.Workflows[2], Limit: 10},
	}}
	w.MustCommit(need, func(l *store.Loaded, _ *Tx) {
		if len(l.Claims) != 3 || len(l.Claims[1]) != 0 || len(l.Claims[2]) != 0 {
			t.Fatalf("claims %v, want the first only", l.Claims)
		}
		if len(l.Claims[0]) != 1 || l.Claims[0][0].Row.ID != queued {
			t.Errorf("claimable: %+v, want %s alone", l.Claims[0], queued)
		}
	})
}
