package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Signal sends a signal without payload to an execution.
func (w *World) Signal(id execution.ID, name string) {
	w.T.Helper()
	w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
		return r.Signal(execution.SignalSent{Name: name, Actor: execution.Actor{Kind: execution.ActorKey, Ref: 3}}, now)
	})
}

// Wait begins a wait of an execution.
func (w *World) Wait(id execution.ID, c execution.WaitStart) {
	w.T.Helper()
	w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) { return r.StartWait(Lease, c, now) })
}

// Suspend parks an execution.
func (w *World) Suspend(id execution.ID) {
	w.T.Helper()
	w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Suspend(Lease, 0, now))
	})
}

// waits: an execution comes back with what it waits for and the signals that it keeps, and whoever takes it over is told
// how its waits ended.
func waits(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"the inbox comes back": func(t *testing.T, w *World) {
			id := w.Start()
			check := func(when string, want int) {
				t.Helper()
				r := w.Get(id)
				if told := execution.FoldInbox(w.Events(id)); r.Inbox != told {
					t.Errorf("%s: %q came back, the history tells %q", when, r.Inbox, told)
				}
				if n := len(r.Inbox.Waits()); n != want {
					t.Errorf("%s: %d open waits, want %d", when, n, want)
				}
			}
			check("new", 0)
			w.Signal(id, "it's \x00 \"early\" ✓")
			check("a signal is kept", 0)
			w.Claim(id)
			w.Wait(id, execution.WaitStart{Step: "a#2", Kind: execution.WaitForApproval, Payload: []byte(`{"n":1}`)})
			w.Wait(id, execution.WaitStart{Step: "b", Kind: execution.WaitForSignal, Name: "other"})
			check("two waits", 2)
			w.Step(id, "c", "1")
			check("a change of something else", 2)
			w.Signal(id, "other")
			check("one wait ended", 1)
			w.Suspend(id)
			w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) { return r.Fire(nil, 0, now), nil })
			w.Claim(id)
			check("claimed again", 1)
			w.Complete(id, "1")
			check("completed", 0)
			if r := w.Get(id); r.Inbox != "" {
				t.Errorf("a completed execution keeps %q", r.Inbox)
			}
			w.Audit()
		},
		"a full inbox comes back": func(t *testing.T, w *World) {
			id := w.Start()
			// A part at a time: on a machine that does much else, all of it takes longer than a database waits for a decision.
			const part = 50
			for begin := 0; begin < execution.MaxSignals; begin += part {
				w.MustCommit(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) {
					if err := tx.Apply(l.Executions[0], func(r *store.Row) (events []execution.Event, err error) {
						for i := begin; i < min(begin+part, execution.MaxSignals); i++ {
							e, err := r.Signal(execution.SignalSent{Name: fmt.Sprint(i, strings.Repeat("n", 250)), Key: ^uint64(i)}, l.Now)
							if err != nil {
								return nil, err
							}
							events = append(events, e...)
						}
						return events, nil
					}); err != nil {
						t.Fatal(err)
					}
				})
			}
			if r := w.Get(id); r.Inbox != execution.FoldInbox(w.Events(id)) || len(r.Inbox) < 250*execution.MaxSignals {
				t.Errorf("an inbox of %d bytes came back", len(r.Inbox))
			}
			w.Audit()
		},
		"who takes over is told how waits ended": func(t *testing.T, w *World) {
			id := w.Start()
			for _, payload := range []string{"1", "2"} {
				w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
					return r.Signal(execution.SignalSent{Name: "go", Payload: []byte(payload)}, now)
				})
			}
			w.Claim(id)
			w.Wait(id, execution.WaitStart{Step: "go", Kind: execution.WaitForSignal})
			w.Wait(id, execution.WaitStart{Step: "boss", Kind: execution.WaitForApproval, Timeout: time.Hour, Bounded: true})
			w.Wait(id, execution.WaitStart{Step: "late", Kind: execution.WaitForSignal, Bounded: true})
			w.Wait(id, execution.WaitStart{Step: "open", Kind: execution.WaitForSignal, Timeout: time.Hour, Bounded: true})
			w.Suspend(id)
			w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
				return one(r.Decide(execution.Decision{Name: "boss", Comment: "too dear", By: "Ann", Payload: []byte(`{"max":5}`)}, now))
			})
			w.MustCommit(store.Need{Claims: []store.ClaimNeed{{Workflow: w.Workflows[0], Limit: 10}}}, func(l *store.Loaded, _ *Tx) {
				if len(l.Claims[0]) != 1 || len(l.Claims[0][0].Recorded) != 4 {
					t.Fatalf("claimable: %+v", l.Claims[0])
				}
				var told []string
				for _, r := range l.Claims[0][0].Recorded {
					text := fmt.Sprint(r.Step, " ", r.Kind, " ", r.Wait, " ", r.Until != 0)
					if r.Ended != nil {
						text += fmt.Sprintf(" %s %s %s %s", r.Ended.Outcome, r.Ended.Payload, r.Ended.Comment, r.Ended.By)
					}
					told = append(told, text)
				}
				want := `go wait signal false received 1  ,boss wait approval true rejected {"max":5} too dear Ann,` +
					`late wait signal true timeout   ,open wait signal true`
				if got := strings.Join(told, ","); got != want {
					t.Errorf("told %q, want %q", got, want)
				}
			})
			w.Audit()
		},
		"a wait is due when it times out": func(t *testing.T, w *World) {
			id := w.Start()
			w.Claim(id)
			w.Wait(id, execution.WaitStart{Step: "a", Kind: execution.WaitForSignal, Timeout: 2 * time.Hour, Bounded: true})
			w.Wait(id, execution.WaitStart{Step: "b", Kind: execution.WaitForSignal, Timeout: time.Hour, Bounded: true})
			until := w.Get(id).Inbox.Waits()[1].Until
			if next := nextDue(t, w); next != until {
				t.Errorf("held: due at %s, want %s", next, until)
			}
			w.Suspend(id)
			if next := nextDue(t, w); next != until {
				t.Errorf("waiting: due at %s, want %s", next, until)
			}
			w.Signal(id, "b")
			if next := nextDue(t, w); next != w.Get(id).Inbox.Waits()[0].Until {
				t.Errorf("one wait ended: due at %s", next)
			}
			w.Audit()
		},
		"a wait is recorded once": func(t *testing.T, w *World) {
			id := w.Start()
			w.Claim(id)
			w.Wait(id, execution.WaitStart{Step: "a", Kind: execution.WaitForSignal})
			w.Step(id, "b", "1")
			w.MustCommit(store.Need{Steps: []store.StepRef{{Execution: id, Step: "a"}, {Execution: id, Step: "c"}}}, func(l *store.Loaded, _ *Tx) {
				if !l.Recorded[0] || l.Recorded[1] {
					t.Errorf("recorded: %v", l.Recorded)
				}
			})
			for _, step := range []string{"a", "b"} {
				w.refused(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) {
					if err := tx.Apply(l.Executions[0], func(r *store.Row) ([]execution.Event, error) {
						return r.StartWait(Lease, execution.WaitStart{Step: step, Kind: execution.WaitForSignal}, l.Now)
					}); err != nil {
						t.Fatal(err)
					}
				})
			}
		},
		"of two decisions one counts": func(t *testing.T, w *World) {
			id := w.Start()
			w.Claim(id)
			w.Wait(id, execution.WaitStart{Step: "a", Kind: execution.WaitForApproval})
			w.Suspend(id)
			for i := range 2 {
				w.MustCommit(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) {
					err := tx.Apply(l.Executions[0], func(r *store.Row) ([]execution.Event, error) {
						return one(r.Decide(execution.Decision{Name: "a", Approved: i == 0}, l.Now))
					})
					var refused *execution.Error
					if i == 1 && (!errors.As(err, &refused) || refused.Code != execution.CodeNotAwaiting) || i == 0 && err != nil {
						t.Errorf("decision %d: %v", i, err)
					}
				})
			}
			w.Audit()
		},
	})
}
