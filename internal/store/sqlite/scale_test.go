package sqlite

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// The statuses and triggers of the scale fixture are skewed: three executions are rejected, three belong to the last
// workflow and three are started by hand, and all of these are among the oldest.
const rare = 3

// populate stores n executions over 90 days, most of them finished.
func (f *fixture) populate(n int) (first, last execution.ID) {
	f.tb.Helper()
	const days = 90
	began := time.Now().Add(-days * 24 * time.Hour).UnixMilli()
	lease := execution.Lease{1, 2, 3}
	rareWorkflow := f.workflows[len(f.workflows)-1]
	for done := 0; done < n; {
		batch := min(1000, n-done)
		f.commit(func(l *store.Loaded, c *store.Changes) {
			rows := make([]store.Row, batch)
			for i := range rows {
				k := done + i
				f.millis = began + int64(k)*days*86_400_000/int64(n)
				f.counter = uint16(k % 4096)
				id := execution.MakeID(f.millis, f.counter, f.random.Uint64())
				if k == 0 {
					first = id
				}
				last = id
				now := execution.Time(f.millis * 1000)
				start := execution.Start{ID: id, Project: 1, Workflow: f.workflows[f.random.IntN(len(f.workflows)-1)], Input: f.input}
				switch {
				case k < rare:
					start.Workflow = rareWorkflow
				case k < 2*rare:
					start.Trigger = execution.TriggerManual
				case k%10 == 0:
					start.Trigger = execution.TriggerScheduled
				}
				r := &rows[i]
				var e execution.Event
				r.Execution, e = execution.New(start, now)
				add := func(e execution.Event, err error) {
					if err != nil {
						f.tb.Fatal(err)
					}
					c.Events = append(c.Events, store.RowEvent{Row: r, Event: e})
				}
				add(e, nil)
				if p := f.random.IntN(100); p < 97 || k < 100 {
					add(r.Claim(execution.Claim{Session: 5, Lease: lease}, now))
					switch {
					case k >= 2*rare && k < 3*rare:
						add(r.Reject(lease, "no", "not wanted", nil, now))
					case p < 3:
						add(r.Fail(lease, execution.Failure{Code: "boom", Message: "it failed"}, now))
					case p < 4:
						add(r.Terminate(execution.Actor{}, "", now))
					case p < 96 || k < 100:
						add(r.Complete(lease, output, now))
					}
				}
				c.Insert = append(c.Insert, r)
				f.count(c, r, r.Status, 1)
				if k%3 == 0 {
					c.Metadata = append(
						c.Metadata,
						store.Metadata{Workflow: r.Workflow, Execution: id, Key: "customer", Value: fmt.Sprint("c", f.random.IntN(1000))},
						store.Metadata{Workflow: r.Workflow, Execution: id, Key: "plan", Value: []string{"free", "pro"}[f.random.IntN(2)]},
					)
				}
			}
		})
		done += batch
	}
	return first, last
}

// TestScale measures lists and counts among many executions. It runs on demand: SOJOURN_SCALE is how many executions,
// SOJOURN_SCALE_WORKFLOWS how many workflows they belong to, and SOJOURN_SCALE_DIR keeps the file for another run.
func TestScale(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("SOJOURN_SCALE"))
	if n == 0 {
		t.Skip("SOJOURN_SCALE is not set")
	}
	workflows := 20
	if w, _ := strconv.Atoi(os.Getenv("SOJOURN_SCALE_WORKFLOWS")); w > 1 {
		workflows = w
	}
	dir := os.Getenv("SOJOURN_SCALE_DIR")
	var s *Store
	var f *fixture
	if _, err := os.Stat(dir + "/" + FileName); dir != "" && err == nil {
		f = reopened(t, dir, workflows)
		s = f.s
	} else {
		f = newFixture(t, Config{Path: dir, Synchronous: "OFF"}, workflows)
		began := time.Now()
		f.populate(n)
		t.Logf("stored %d executions in %s", n, time.Since(began))
		s = f.s
	}
	usage, err := s.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes an execution, %+v", usage.Data/int64(n), usage)

	middle := execution.TimeOf(time.Now().Add(-45 * 24 * time.Hour))
	early := execution.TimeOf(time.Now().Add(-89 * 24 * time.Hour))
	queries := []struct {
		name string
		q    store.ListQuery
	}{
		{"all", store.ListQuery{}},
		{"all, with payloads", store.ListQuery{Payloads: true}},
		{"open states", store.ListQuery{Status: execution.Open}},
		{"final states", store.ListQuery{Status: execution.Final}},
		{"failed", store.ListQuery{Status: execution.SetOf(execution.Failed)}},
		{"rejected: 3, oldest", store.ListQuery{Status: execution.SetOf(execution.Rejected)}},
		{"waiting: none", store.ListQuery{Status: execution.SetOf(execution.Waiting)}},
		{"workflow", store.ListQuery{Workflows: []int64{12}}},
		{"workflow: 3, oldest", store.ListQuery{Workflows: []int64{int64(10 + workflows - 1)}}},
		{"until 45 days ago", store.ListQuery{To: middle}},
		{"one day 89 days ago", store.ListQuery{From: early, To: early.Add(24 * time.Hour)}},
		{"metadata", store.ListQuery{Metadata: map[string]string{"customer": "c7"}}},
		{"metadata, common", store.ListQuery{Metadata: map[string]string{"plan": "pro"}}},
		{"metadata: none", store.ListQuery{Metadata: map[string]string{"customer": "nobody"}}},
		{"trigger scheduled", store.ListQuery{Triggers: []execution.Trigger{execution.TriggerScheduled}}},
		{"trigger manual: 3, oldest", store.ListQuery{Triggers: []execution.Trigger{execution.TriggerManual}}},
		{"trigger api", store.ListQuery{Triggers: []execution.Trigger{execution.TriggerAPI}}},
		{"workflow and failed", store.ListQuery{Workflows: []int64{12}, Status: execution.SetOf(execution.Failed)}},
		{"workflow and dates", store.ListQuery{Workflows: []int64{12}, From: early, To: middle}},
		{"workflow and metadata", store.ListQuery{Workflows: []int64{12}, Metadata: map[string]string{"customer": "c7"}}},
		{"workflow and trigger", store.ListQuery{Workflows: []int64{12}, Triggers: []execution.Trigger{execution.TriggerScheduled}}},
		{"two pairs of metadata", store.ListQuery{Metadata: map[string]string{"customer": "c7", "plan": "pro"}}},
		{"metadata and failed", store.ListQuery{Metadata: map[string]string{"plan": "pro"}, Status: execution.SetOf(execution.Failed)}},
		{"trigger and failed", store.ListQuery{Triggers: []execution.Trigger{execution.TriggerScheduled}, Status: execution.SetOf(execution.Failed)}},
		{"text found", store.ListQuery{Text: "INVOICE-2026"}},
		{"text not found (slice)", store.ListQuery{Text: "nothing like it"}},
	}
	lists := func() {
		for _, q := range queries {
			q.q.Project, q.q.Limit = 1, 50
			var took []time.Duration
			var page *store.ListPage
			for range 100 {
				began := time.Now()
				var err error
				if page, err = s.List(t.Context(), q.q); err != nil {
					t.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			report(t, q.name, took, fmt.Sprintf("%d items, more: %t, searched until: %t", len(page.Items), page.More, !page.SearchedUntil.IsZero()))
		}
	}
	lists()
	for name, q := range map[string]store.CountQuery{
		"counts": {Project: 1}, "counts, workflow": {Project: 1, Workflows: []int64{12}},
		"counts, dates": {Project: 1, From: early, To: middle}, "counts, 10 minutes": {Project: 1, From: middle, To: middle.Add(10 * time.Minute)},
	} {
		var took []time.Duration
		var counts store.Counts
		for range 100 {
			began := time.Now()
			if counts, err = s.Counts(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		report(t, name, took, fmt.Sprint(counts))
	}
	began := time.Now()
	findings, err := s.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("audit: %s", time.Since(began))
	for _, f := range findings {
		t.Errorf("%s: %s", f.Invariant, f.Subject)
	}

	t.Log("the same beside 64 starts every 10 ms:")
	stop := make(chan struct{})
	var commits sync.WaitGroup
	commits.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		f.millis, f.keys = time.Now().UnixMilli(), int(time.Now().UnixNano()) // apart from those of an earlier run
		for {
			select {
			case <-tick.C:
				f.start(64, true)
			case <-stop:
				return
			}
		}
	})
	lists()
	close(stop)
	commits.Wait()
}

// reopened is the fixture of an earlier run.
func reopened(t *testing.T, dir string, workflows int) *fixture {
	t.Helper()
	s, err := Open(t.Context(), Config{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{tb: t, s: s, random: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2)), input: []byte(`{"later":true}`)}
	for i := range workflows {
		f.workflows = append(f.workflows, int64(10+i))
	}
	return f
}

func report(t *testing.T, name string, took []time.Duration, result string) {
	slices.Sort(took)
	t.Logf("%-28s p50 %7.2f ms  p99 %7.2f ms  %s", name, ms(took[len(took)/2]), ms(took[len(took)*99/100]), result)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
