package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

func timers(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"due in order, up to now": func(t *testing.T, w *World) {
			now := w.Store.Now()
			ids := map[time.Duration]execution.ID{}
			for _, d := range []time.Duration{5 * time.Hour, time.Hour, 3 * time.Hour, 2 * time.Hour, 4 * time.Hour} {
				ids[d] = w.Start(func(s *execution.Start) { s.StartAt = now.Add(d) })
			}
			w.Start() // never due
			for _, c := range []struct {
				at    time.Duration
				limit int
				want  []execution.ID
			}{
				{time.Hour - time.Microsecond, 10, nil},
				{time.Hour, 10, []execution.ID{ids[time.Hour]}},
				{3 * time.Hour, 10, []execution.ID{ids[time.Hour], ids[2*time.Hour], ids[3*time.Hour]}},
				{5 * time.Hour, 2, []execution.ID{ids[time.Hour], ids[2*time.Hour]}},
			} {
				got, err := w.Store.Due(t.Context(), now.Add(c.at), store.Part{}, c.limit)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("due after %s, at most %d: %v, want %v", c.at, c.limit, got, c.want)
				}
			}
			if next := nextDue(t, w); next != now.Add(time.Hour) {
				t.Errorf("next due at %s, want %s", next, now.Add(time.Hour))
			}
		},
		"due by parts": func(t *testing.T, w *World) {
			now := w.Store.Now()
			want := make([][]execution.ID, 3)
			for range 30 {
				id := w.Start(func(s *execution.Start) { s.StartAt = now.Add(time.Hour) })
				want[id.Shard()%3] = append(want[id.Shard()%3], id)
			}
			for i := range want {
				got, err := w.Store.Due(t.Context(), now.Add(2*time.Hour), store.Part{Index: i, Of: 3}, 100)
				if err != nil {
					t.Fatal(err)
				}
				sortIDs(got)
				if !slices.Equal(got, want[i]) {
					t.Errorf("part %d: %v, want %v", i, got, want[i])
				}
			}
		},
		"due follows each change": dueFollows,
		"nothing due": func(t *testing.T, w *World) {
			w.Start()
			if next := nextDue(t, w); next != 0 {
				t.Errorf("next due at %s, want none", next)
			}
		},
		"ended": func(t *testing.T, w *World) {
			var old []execution.ID
			for range 5 {
				old = append(old, w.Finished())
			}
			open := w.Start()
			w.Finished(inWorkflow(w.Workflows[1]))
			cancelled := w.Start()
			w.Change(cancelled, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
				e, _, err := r.RequestCancel(execution.Cancel{Reason: execution.CancelByRequest}, now)
				return one(e, err)
			})
			late := w.Start()
			w.Claim(late)
			// Ids carry milliseconds: the bound must lie after those minted so far, and before the late end.
			bound := max(w.Store.Now(), execution.Time((w.millis+1)*1000)).Add(apart)
			w.waitUntil(bound.Add(apart))
			w.Complete(late, "1")
			got, err := w.Store.Ended(t.Context(), w.Workflows[0], bound, 100)
			if err != nil {
				t.Fatal(err)
			}
			want := append(slices.Clone(old), cancelled)
			sortIDs(got)
			sortIDs(want)
			if !slices.Equal(got, want) {
				t.Errorf("ended: %v, want %v; open is %s, late is %s", got, want, open, late)
			}
			if got, err = w.Store.Ended(t.Context(), w.Workflows[0], bound, 2); err != nil || len(got) != 2 {
				t.Errorf("ended, at most 2: %v, %v", got, err)
			}
			if got, err = w.Store.Ended(t.Context(), w.Workflows[0], 1000, 100); err != nil || len(got) != 0 {
				t.Errorf("ended long ago: %v, %v", got, err)
			}
		},
	})
}

// apart is how far two clocks of one store may be from each other, and how far one may step back: a database's clock is
// known to within the time that a reading of it takes, and databases that are used as one have a clock each.
const apart = 250 * time.Millisecond

// waitUntil waits until the store's clock is past the instant.
func (w *World) waitUntil(at execution.Time) {
	for w.Store.Now() <= at {
		time.Sleep(at.Sub(w.Store.Now()) + time.Microsecond)
	}
}

func sortIDs(ids []execution.ID) {
	slices.SortFunc(ids, func(a, b execution.ID) int { return int(min(max(a.Order()-b.Order(), -1), 1)) })
}

func nextDue(t *testing.T, w *World) execution.Time {
	t.Helper()
	next, err := w.Store.NextDue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func dueFollows(t *testing.T, w *World) {
	id := w.Start(func(s *execution.Start) { s.Timeout, s.QueueTTL = 10*time.Hour, time.Hour })
	check := func(when string, want execution.Time) {
		t.Helper()
		r := w.Get(id)
		if r.DueAt() != want {
			t.Fatalf("%s: the rule says %d, the test %d", when, r.DueAt(), want)
		}
		if next := nextDue(t, w); next != want {
			t.Errorf("%s: next due at %d, want %d", when, next, want)
		}
	}
	check("pending: time-to-live", w.Get(id).ExpiresAt)
	w.Claim(id)
	check("claimed: deadline", w.Get(id).DeadlineAt)
	w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.StartSleep(Lease, execution.Sleep{Step: "nap", Duration: time.Hour}, now))
	})
	check("sleeping under its lease: deadline", w.Get(id).DeadlineAt)
	w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Suspend(Lease, 0, now))
	})
	check("suspended: wake-up", w.Get(id).WakeAt)
	w.Change(id, func(r *store.Row, _ execution.Time) ([]execution.Event, error) {
		return r.Fire(nil, 0, r.WakeAt), nil
	})
	check("woken: deadline", w.Get(id).DeadlineAt)
	w.Claim(id)
	w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
		e, _, err := r.RequestCancel(execution.Cancel{Reason: execution.CancelByRequest, Grace: time.Minute}, now)
		return one(e, err)
	})
	check("cancelling: end of the grace", w.Get(id).CancelBy)
	w.Complete(id, "1")
	check("completed: never", 0)
}
