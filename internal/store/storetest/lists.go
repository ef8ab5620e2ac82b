package storetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// listed is an execution as the model of lists knows it.
type listed struct {
	x        execution.Execution
	input    string
	metadata map[string]string
}

// matches is what ListQuery promises, in the plainest words.
func (m *listed) matches(q *store.ListQuery) bool {
	created := execution.Time(m.x.ID.Millis() * 1000)
	switch {
	case m.x.Project != q.Project,
		q.Workflows != nil && !slices.Contains(q.Workflows, m.x.Workflow),
		q.Status != 0 && !q.Status.Has(m.x.Status),
		q.From != 0 && created < q.From,
		q.To != 0 && created > q.To,
		len(q.Triggers) > 0 && !slices.Contains(q.Triggers, m.x.Trigger),
		!q.Before.IsZero() && m.x.ID.Order() >= q.Before.Order(),
		!strings.Contains(fold(m.input), fold(q.Text)):
		return false
	}
	for k, v := range q.Metadata {
		if got, ok := m.metadata[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// fold lowers ASCII letters, and no others.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

var (
	listKeys   = []string{"customer", "plan", "Región"}
	listValues = []string{"", "a", "b", "ü"}
	listWords  = []string{"Invoice", "invoice-7", "ÄPFEL", "äpfel", "100%", "a_b", "x"}
)

// crowd stores random executions of two projects and returns the model of them, newest first.
func crowd(w *World, n int) []*listed {
	other := store.Project{Key: w.Key(), ID: w.ID(), Name: "other"}
	foreign := store.Workflow{Key: w.Key(), Project: other.Key, ID: w.ID(), Name: "foreign"}
	w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) {
		tx.Projects, tx.Workflows = []store.Project{other}, []store.Workflow{foreign}
	})
	var all []*listed
	began := w.Store.Now().Add(-100 * time.Hour)
	w.SetTime(began)
	for len(all) < n {
		known, last := all, began
		w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) {
			all, began = known, last
			for range min(50, n-len(all)) {
				m := &listed{metadata: map[string]string{}}
				if w.Random.IntN(3) > 0 {
					began = began.Add(time.Duration(w.Random.Int64N(int64(2 * 100 * time.Hour / time.Duration(n)))))
				}
				s := execution.Start{ID: w.IDAt(began), Project: w.Project, Trigger: execution.Trigger(w.Random.IntN(5) * w.Random.IntN(2))}
				if k := w.Random.IntN(10); k < 9 {
					s.Workflow = w.Workflows[k*k/30%len(w.Workflows)] // some more than others
				} else {
					s.Project, s.Workflow = other.Key, foreign.Key
				}
				m.input = fmt.Sprintf(`{"word":%q,"n":%d}`, listWords[w.Random.IntN(len(listWords))], w.Random.IntN(3))
				s.Input = []byte(m.input)
				if w.Random.IntN(6) == 0 {
					s.StartAt = began.Add(time.Hour)
				}
				now := began
				r := tx.Start(s, now)
				for _, rule := range lifetimes[w.Random.IntN(len(lifetimes))] {
					if r.Status == execution.Created {
						break
					}
					if err := tx.Apply(r, func(r *store.Row) ([]execution.Event, error) { return rule(w, r, now) }); err != nil {
						w.T.Fatal(err)
					}
				}
				for range w.Random.IntN(3) {
					m.metadata[listKeys[w.Random.IntN(len(listKeys))]] = listValues[w.Random.IntN(len(listValues))]
				}
				for k, v := range m.metadata {
					tx.Metadata = append(tx.Metadata, store.Metadata{Workflow: s.Workflow, Execution: s.ID, Key: k, Value: v})
				}
				m.x = r.Execution
				all = append(all, m)
			}
		})
	}
	slices.Reverse(all)
	return all
}

type rule = func(w *World, r *store.Row, now execution.Time) ([]execution.Event, error)

func claimRule(w *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
	return one(r.Claim(execution.Claim{Session: w.Session, Lease: Lease}, now))
}

// lifetimes are ways through the states.
var lifetimes = [][]rule{
	{},
	{claimRule},
	{claimRule, func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Complete(Lease, []byte(`{"ok":true}`), now))
	}},
	{claimRule, func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.CompleteStep(Lease, execution.StepCompleted{Step: "s", Output: []byte("1")}, now))
	}, func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Complete(Lease, []byte("2"), now))
	}},
	{claimRule, func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Fail(Lease, execution.Failure{Code: "boom", Message: "it failed"}, now))
	}},
	{claimRule, func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Fail(Lease, execution.Failure{Code: "boom", Policy: execution.Retry{MaxAttempts: 3}}, now))
	}},
	{claimRule, func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.StartSleep(Lease, execution.Sleep{Step: "nap", Duration: time.Hour}, now))
	}, func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Suspend(Lease, 0, now))
	}},
	{claimRule, func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Reject(Lease, "no", "declined", nil, now))
	}},
	{func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Terminate(execution.Actor{Kind: execution.ActorKey, Ref: 3}, "enough", now))
	}},
	{claimRule, func(_ *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		e, _, err := r.RequestCancel(execution.Cancel{Reason: execution.CancelByRequest, Grace: time.Minute}, now)
		return one(e, err)
	}},
	{claimRule, func(w *World, r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.LoseLease(w.Session, true, now))
	}},
}

// randomQuery asks for anything.
func randomQuery(random *rand.Rand, w *World, all []*listed) store.ListQuery {
	q := store.ListQuery{Project: w.Project, Limit: 1 + random.IntN(60), Slice: time.Minute}
	any := func() *listed { return all[random.IntN(len(all))] }
	if random.IntN(8) == 0 {
		q.Project = any().x.Project
	}
	if random.IntN(3) == 0 {
		q.Workflows = []int64{}
		for range random.IntN(3) {
			q.Workflows = append(q.Workflows, any().x.Workflow) // also the other project's, also twice
		}
	}
	if random.IntN(3) == 0 {
		q.Status = execution.StatusSet(random.IntN(1 << execution.Statuses))
	}
	if random.IntN(4) == 0 {
		q.From = execution.Time(any().x.ID.Millis()*1000 + random.Int64N(3) - 1)
	}
	if random.IntN(4) == 0 {
		q.To = execution.Time(any().x.ID.Millis()*1000 + random.Int64N(1001))
	}
	if random.IntN(4) == 0 {
		q.Metadata = map[string]string{}
		for range 1 + random.IntN(2) {
			q.Metadata[listKeys[random.IntN(len(listKeys))]] = listValues[random.IntN(len(listValues))]
		}
	}
	if random.IntN(4) == 0 {
		for range 1 + random.IntN(2) {
			q.Triggers = append(q.Triggers, execution.Trigger(random.IntN(5)))
		}
	}
	if random.IntN(5) == 0 {
		q.Text = []string{"invoice", "INVOICE-7", "äpfel", "ÄPFEL", "100%", "a_b", "_", "nowhere", `"n":1`}[random.IntN(9)]
	}
	if random.IntN(5) == 0 {
		q.Before = any().x.ID
	}
	q.Payloads = random.IntN(3) == 0
	return q
}

func lists(t *testing.T, h Harness) {
	t.Run("as the model", func(t *testing.T) {
		t.Parallel()
		w := NewWorld(t, h.Open(t), 4)
		all := crowd(w, 500)
		w.Audit()
		random := rand.New(rand.NewPCG(3, 5))
		for range 150 {
			q := randomQuery(random, w, all)
			checkPage(t, w, &q, all)
		}
	})
	t.Run("page by page", func(t *testing.T) {
		t.Parallel()
		w := NewWorld(t, h.Open(t), 4)
		all := crowd(w, 120)
		random := rand.New(rand.NewPCG(4, 6))
		for range 50 {
			q := randomQuery(random, w, all)
			q.Before = execution.ID{}
			if random.IntN(3) == 0 {
				q.Slice = 1 // the search stops wherever it is, and the pages still tell everything
			}
			checkPages(t, w, q, all)
		}
	})
	t.Run("by offset", func(t *testing.T) {
		t.Parallel()
		w := NewWorld(t, h.Open(t), 4)
		all := crowd(w, 400)
		random := rand.New(rand.NewPCG(5, 7))
		for range 100 {
			q := randomQuery(random, w, all)
			q.Metadata, q.Triggers, q.Text, q.Offset = nil, nil, "", random.IntN(200)
			checkPage(t, w, &q, all)
		}
	})
	h.each(t, map[string]func(*testing.T, *World){
		"nothing to list": func(t *testing.T, w *World) {
			for name, q := range map[string]store.ListQuery{
				"no execution":      {Project: w.Project, Limit: 10},
				"no such project":   {Project: w.Project + 1000, Limit: 10},
				"no such workflow":  {Project: w.Project, Workflows: []int64{-1}, Limit: 10},
				"no workflow named": {Project: w.Project, Workflows: []int64{}, Limit: 10},
				"no limit":          {Project: w.Project},
				"dates upside down": {Project: w.Project, From: 2_000_000, To: 1_000_000, Limit: 10},
			} {
				page, err := w.Store.List(t.Context(), q)
				if err != nil || len(page.Items) != 0 || page.More || !page.SearchedUntil.IsZero() {
					t.Errorf("%s: %+v, %v", name, page, err)
				}
			}
		},
		"a deleted workflow keeps its executions": func(t *testing.T, w *World) {
			id := w.Start()
			w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
				cat, err := w.Store.Catalog(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				f := cat.Workflows[slices.IndexFunc(cat.Workflows, func(f store.Workflow) bool { return f.Key == w.Workflows[0] })]
				f.DeletedAt = l.Now
				tx.Workflows = append(tx.Workflows, f)
			})
			for _, workflows := range [][]int64{nil, {w.Workflows[0]}} {
				page, err := w.Store.List(t.Context(), store.ListQuery{Project: w.Project, Workflows: workflows, Limit: 10})
				if err != nil || len(page.Items) != 1 || page.Items[0].ID != id {
					t.Errorf("workflows %v: %+v, %v", workflows, page, err)
				}
			}
		},
		"follows changes of state": func(t *testing.T, w *World) {
			id := w.Start()
			check := func(want execution.Status) {
				t.Helper()
				for s := range execution.Status(execution.Statuses) {
					page, err := w.Store.List(t.Context(), store.ListQuery{Project: w.Project, Status: execution.SetOf(s), Limit: 10})
					if err != nil || (len(page.Items) == 1) != (s == want) {
						t.Errorf("%s: %d items, want them in %s only; %v", s, len(page.Items), want, err)
					}
				}
			}
			check(execution.Pending)
			w.Claim(id)
			check(execution.Running)
			w.Complete(id, "1")
			check(execution.Completed)
		},
	})
}

func checkPage(t *testing.T, w *World, q *store.ListQuery, all []*listed) {
	t.Helper()
	page, err := w.Store.List(t.Context(), *q)
	if err != nil {
		t.Fatalf("%+v: %v", *q, err)
	}
	var want []*listed
	for _, m := range all {
		if m.matches(q) {
			want = append(want, m)
		}
	}
	want = want[min(len(want), q.Offset):]
	more := len(want) > q.Limit
	if page.More != more || !page.SearchedUntil.IsZero() {
		t.Errorf("%+v: more %t, searched until %s, want more %t", *q, page.More, page.SearchedUntil, more)
	}
	want = want[:min(len(want), q.Limit)]
	if len(page.Items) != len(want) {
		t.Fatalf("%+v: %d items, want %d", *q, len(page.Items), len(want))
	}
	for i, item := range page.Items {
		if !same(&item.Execution, &want[i].x) {
			t.Fatalf("%+v: item %d is %+v, want %+v", *q, i, item.Execution, want[i].x)
		}
		switch {
		case !q.Payloads:
			if item.FirstEvent != nil || item.LastEvent != nil {
				t.Fatalf("%+v: item %d has payloads", *q, i)
			}
		case item.FirstEvent == nil || string(item.FirstEvent.Body) != want[i].input,
			(item.LastEvent != nil) != item.Status.Final(), item.LastEvent != nil && item.LastEvent.Revision != item.Revision:
			t.Fatalf("%+v: item %d, %s, has events %+v and %+v", *q, i, item.Status, item.FirstEvent, item.LastEvent)
		}
	}
}

// checkPages walks all pages of a query, and holds each stop to its promise.
func checkPages(t *testing.T, w *World, q store.ListQuery, all []*listed) {
	t.Helper()
	var got, want []execution.ID
	for _, m := range all {
		if m.matches(&q) {
			want = append(want, m.x.ID)
		}
	}
	asked := q
	asked.Metadata = maps.Clone(q.Metadata)
	for pages := 0; ; pages++ {
		if pages > len(all) {
			t.Fatalf("%+v: no end after %d pages", q, pages)
		}
		page, err := w.Store.List(t.Context(), asked)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if len(page.Items) > q.Limit {
			t.Fatalf("%+v: %d items on a page", q, len(page.Items))
		}
		for _, item := range page.Items {
			got = append(got, item.ID)
			asked.Before = item.ID
		}
		if !page.More {
			break
		}
		if !page.SearchedUntil.IsZero() {
			if n := len(page.Items); n > 0 && page.SearchedUntil.Order() > page.Items[n-1].ID.Order() {
				t.Fatalf("%+v: searched until %s, newer than the last item", q, page.SearchedUntil)
			}
			asked.Before = page.SearchedUntil
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%+v: %d executions on all pages, want %d", q, len(got), len(want))
	}
}
