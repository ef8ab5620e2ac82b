package storetest

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// stats: what statistics are made of is as the executions are.
func stats(t *testing.T, h Harness) {
	t.Run("as the model", func(t *testing.T) {
		t.Parallel()
		w := NewWorld(t, h.Open(t), 4)
		all := crowd(w, 300)
		random := rand.New(rand.NewPCG(5, 6))
		for range 40 {
			seriesAsModel(t, w, all, random)
			sampleAsModel(t, w, all, random)
		}
		oldestAsModel(t, w, all)
	})
	h.each(t, map[string]func(*testing.T, *World){
		"of another project": func(t *testing.T, w *World) {
			w.Finished()
			hour := int64(store.HourOf(w.ID()))
			points, err := w.Store.Series(t.Context(), store.SeriesQuery{Project: 1 << 40, Workflows: w.Workflows, First: hour - 1, Last: hour + 1})
			if err != nil || len(points) != 0 {
				t.Errorf("series: %v, %v", points, err)
			}
			found, err := w.Store.Sample(t.Context(), store.SampleQuery{Project: 1 << 40, Workflows: w.Workflows, Status: execution.All, Spans: []store.Span{{}}, Each: 5})
			if err != nil || len(found) != 0 {
				t.Errorf("sample: %v, %v", found, err)
			}
		},
		"of nothing": func(t *testing.T, w *World) {
			w.Finished()
			for _, workflows := range [][]int64{nil, {}, {1 << 40}} {
				points, err := w.Store.Series(t.Context(), store.SeriesQuery{Project: w.Project, Workflows: workflows, Last: 1 << 30})
				if err != nil || len(points) != 0 {
					t.Errorf("series of %v: %v, %v", workflows, points, err)
				}
				found, err := w.Store.Sample(t.Context(), store.SampleQuery{Project: w.Project, Workflows: workflows, Status: execution.All, Spans: []store.Span{{}}, Each: 5})
				if err != nil || len(found) != 0 {
					t.Errorf("sample of %v: %v, %v", workflows, found, err)
				}
				oldest, err := w.Store.Oldest(t.Context(), workflows)
				if err != nil || len(oldest) != 0 {
					t.Errorf("oldest of %v: %v, %v", workflows, oldest, err)
				}
			}
		},
		"the oldest of all priorities": func(t *testing.T, w *World) {
			var first execution.Time
			for i, priority := range []int8{0, 127, -128, 5, -128, 127} {
				id := w.Start(func(s *execution.Start) { s.Priority = priority })
				if i == 2 {
					first = w.Get(id).ReadyAt
				}
			}
			for _, priority := range []int8{0, 127} { // those that came before
				w.claimOf(priority)
			}
			got, err := w.Store.Oldest(t.Context(), w.Workflows)
			if err != nil || len(got) != 1 || got[w.Workflows[0]] != first {
				t.Errorf("%v, %v; want %d", got, err, first)
			}
		},
		"about": func(t *testing.T, w *World) {
			cells := 1
			if c, ok := w.Store.(store.Celled); ok {
				cells = c.Cells()
			}
			about, err := w.Store.About(t.Context())
			if err != nil || len(about) != cells {
				t.Fatalf("%+v, %v; want %d", about, err, cells)
			}
			for _, a := range about {
				if a.Kind == "" || a.Schema <= 0 || a.Bytes == 0 || (a.Cell == "") != (cells == 1) {
					t.Errorf("%+v", a)
				}
			}
		},
		"who waits for what": awaiting,
	})
}

// claimOf claims the execution of the priority that has waited longest.
func (w *World) claimOf(priority int8) {
	w.T.Helper()
	page, err := w.Store.List(w.T.Context(), store.ListQuery{Project: w.Project, Status: execution.SetOf(execution.Pending), Limit: 100})
	if err != nil {
		w.T.Fatal(err)
	}
	for _, x := range slices.Backward(page.Items) {
		if x.Priority == priority {
			w.Claim(x.ID)
			return
		}
	}
	w.T.Fatalf("no execution has the priority %d", priority)
}

func seriesAsModel(t *testing.T, w *World, all []*listed, random *rand.Rand) {
	t.Helper()
	period := func(m *listed, days bool) int64 {
		hour := int64(store.HourOf(m.x.ID))
		if days {
			return hour / 24
		}
		return hour
	}
	q := store.SeriesQuery{Project: w.Project, Days: random.IntN(2) == 0, Workflows: w.Workflows[:1+random.IntN(4)]}
	q.First = period(all[random.IntN(len(all))], q.Days)
	q.Last = period(all[random.IntN(len(all))], q.Days)
	want := map[store.SeriesPoint]int64{}
	for _, m := range all {
		p := store.SeriesPoint{Workflow: m.x.Workflow, Status: m.x.Status, Period: period(m, q.Days)}
		if slices.Contains(q.Workflows, p.Workflow) && q.First <= p.Period && p.Period <= q.Last {
			want[p]++
		}
	}
	points, err := w.Store.Series(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range points {
		n := p.N
		p.N = 0
		if want[p] != n {
			t.Errorf("%+v: %+v has %d, want %d", q, p, n, want[p])
		}
		delete(want, p)
	}
	if len(want) > 0 {
		t.Errorf("%+v: missing %v", q, want)
	}
}

func sampleAsModel(t *testing.T, w *World, all []*listed, random *rand.Rand) {
	t.Helper()
	q := store.SampleQuery{
		Project: w.Project, Workflows: w.Workflows[:1+random.IntN(4)], Status: execution.StatusSet(random.IntN(1 << execution.Statuses)),
		Each: 1 + random.IntN(20),
	}
	l := store.ListQuery{Project: q.Project, Workflows: q.Workflows, Status: q.Status}
	at := execution.Time(all[random.IntN(len(all))].x.ID.Millis() * 1000)
	for range random.IntN(4) {
		q.Spans = append(q.Spans, store.Span{From: at, To: at.Add(10 * time.Hour)})
		at = at.Add(11 * time.Hour)
	}
	if len(q.Spans) == 0 {
		q.Spans = []store.Span{{}}
	}
	var want []store.Sampled
	of := map[[3]int64]int{}
	for _, m := range all { // newest first
		span := slices.IndexFunc(q.Spans, func(s store.Span) bool { return s.Has(m.x.ID) })
		k := [3]int64{m.x.Workflow, int64(m.x.Status), int64(span)}
		if q.Status.Has(m.x.Status) && m.matches(&l) && span >= 0 && of[k] < q.Each {
			of[k]++
			want = append(want, store.Sampled{
				ID: m.x.ID, Workflow: m.x.Workflow, Status: m.x.Status, StartedAt: m.x.StartedAt, CompletedAt: m.x.CompletedAt,
			})
		}
	}
	got, err := w.Store.Sample(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b store.Sampled) int { return cmp.Compare(b.ID.Order(), a.ID.Order()) })
	if !slices.Equal(got, want) {
		t.Fatalf("%+v: %d sampled, want %d:\n%+v\n%+v", q, len(got), len(want), got, want)
	}
}

func oldestAsModel(t *testing.T, w *World, all []*listed) {
	t.Helper()
	want := map[int64]execution.Time{}
	for _, m := range all {
		if at, ok := want[m.x.Workflow]; m.x.Project == w.Project && m.x.ReadyAt != 0 && (!ok || m.x.ReadyAt < at) {
			want[m.x.Workflow] = m.x.ReadyAt
		}
	}
	got, err := w.Store.Oldest(t.Context(), w.Workflows)
	if err != nil {
		t.Fatal(err)
	}
	for k, at := range want {
		if got[k] != at {
			t.Errorf("workflow %d: %d, want %d", k, got[k], at)
		}
	}
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%d queues, want %d", len(got), len(want))
	}
}

// awaiting: a list by what executions wait for has those with such a wait, and says how far it searched.
func awaiting(t *testing.T, w *World) {
	approval := func(name string) execution.WaitStart {
		return execution.WaitStart{Step: name, Kind: execution.WaitForApproval}
	}
	signal := func(name string) execution.WaitStart {
		return execution.WaitStart{Step: name, Kind: execution.WaitForSignal}
	}
	parked := func(waits ...execution.WaitStart) execution.ID {
		id := w.Start()
		w.Claim(id)
		for _, x := range waits {
			w.Wait(id, x)
		}
		w.Suspend(id)
		return id
	}
	boss := parked(approval("boss"))
	both := parked(signal("paid"), approval("clerk"))
	paid := parked(signal("paid"))
	kept := w.Start() // a signal that no wait has taken is no wait
	w.Signal(kept, "boss")
	decided := parked(approval("boss"))
	w.Change(decided, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Decide(execution.Decision{Name: "boss", Approved: true}, now))
	})
	held := w.Start()
	w.Claim(held)
	w.Wait(held, approval("boss"))
	over := parked(approval("boss"))
	w.Change(over, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Terminate(execution.Actor{}, "", now))
	})
	for _, c := range []struct {
		name string
		q    store.ListQuery
		want []execution.ID // newest first
	}{
		{"approvals", store.ListQuery{Awaiting: execution.WaitFilter{Kind: execution.WaitForApproval}}, []execution.ID{held, both, boss}},
		{"signals", store.ListQuery{Awaiting: execution.WaitFilter{Kind: execution.WaitForSignal}}, []execution.ID{paid, both}},
		{"approvals of a name", store.ListQuery{Awaiting: execution.WaitFilter{Kind: execution.WaitForApproval, Name: "boss"}}, []execution.ID{held, boss}},
		{"signals of that name", store.ListQuery{Awaiting: execution.WaitFilter{Kind: execution.WaitForSignal, Name: "boss"}}, nil},
		{"with a status", store.ListQuery{
			Awaiting: execution.WaitFilter{Kind: execution.WaitForApproval}, Status: execution.SetOf(execution.Waiting),
		}, []execution.ID{both, boss}},
		{"before one", store.ListQuery{Awaiting: execution.WaitFilter{Kind: execution.WaitForApproval}, Before: both}, []execution.ID{boss}},
		{"of another workflow", store.ListQuery{
			Awaiting: execution.WaitFilter{Kind: execution.WaitForApproval}, Workflows: w.Workflows[1:],
		}, nil},
		{"by a trigger", store.ListQuery{
			Awaiting: execution.WaitFilter{Kind: execution.WaitForApproval}, Triggers: []execution.Trigger{execution.TriggerManual},
		}, nil},
		{"with metadata", store.ListQuery{
			Awaiting: execution.WaitFilter{Kind: execution.WaitForApproval}, Metadata: map[string]string{"a": "b"},
		}, nil},
		{"with a text", store.ListQuery{Awaiting: execution.WaitFilter{Kind: execution.WaitForApproval}, Text: `"N":1`}, []execution.ID{held, both, boss}},
	} {
		for _, limit := range []int{1, 2, 10} {
			var got []execution.ID
			q := c.q
			q.Project, q.Limit = w.Project, limit
			for {
				page, err := w.Store.List(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				for _, x := range page.Items {
					got = append(got, x.ID)
					q.Before = x.ID
				}
				if !page.SearchedUntil.IsZero() {
					q.Before = page.SearchedUntil
				}
				if !page.More {
					break
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s, %d at a time: %v, want %v", c.name, limit, got, c.want)
			}
		}
	}
	w.Audit()
}
