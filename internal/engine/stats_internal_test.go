package engine

import (
	"context"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// busyStore has as many executions of every workflow as it is told, and notes what it is asked for.
type busyStore struct {
	store.Store
	now    execution.Time
	hourly int64 // executions of each workflow that complete in an hour
	hours  int64 // for how long that has been so
	asked  int64 // executions that it may have been made to read one by one
	read   int64 // rows that it gave
}

func (b *busyStore) Now() execution.Time { return b.now }

func (b *busyStore) Series(_ context.Context, q store.SeriesQuery) (points []store.SeriesPoint, err error) {
	hour, n := int64(b.now)/1e6/3600, b.hourly
	first, last := hour-b.hours+1, hour
	if q.Days {
		first, last, n = first/24, last/24, 24*n
	}
	for p := max(q.First, first); p <= min(q.Last, last); p++ {
		for _, w := range q.Workflows {
			points = append(points, store.SeriesPoint{Workflow: w, Status: execution.Completed, Period: p, N: n})
		}
	}
	b.read += int64(len(points))
	return points, nil
}

func (b *busyStore) Sample(_ context.Context, q store.SampleQuery) (found []store.Sampled, err error) {
	for _, w := range q.Workflows {
		for _, span := range q.Spans {
			for range min(int64(q.Each), b.hourly*b.hours) {
				id := execution.MakeID(int64(span.To)/1000, 0, uint64(len(found)))
				at := execution.Time(id.Millis() * 1000)
				found = append(found, store.Sampled{
					ID: id, Workflow: w, Status: execution.Completed, StartedAt: at.Add(time.Second), CompletedAt: at.Add(3 * time.Second),
				})
			}
		}
	}
	b.asked += int64(len(q.Workflows)*len(q.Spans)*q.Each) * int64(len(q.Status.List()))
	b.read += int64(len(found))
	return found, nil
}

func busy(hourly, hours int64) *busyStore {
	return &busyStore{now: execution.TimeOf(time.Date(2026, 11, 22, 9, 20, 0, 0, time.UTC)), hourly: hourly, hours: hours}
}

func workflowsFor(n int) (list []*workflow, keys []int64) {
	for i := range n {
		list = append(list, &workflow{key: int64(i + 1)})
		keys = append(keys, int64(i+1))
	}
	return list, keys
}

func TestBucketWidths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		span    time.Duration
		buckets int
		want    time.Duration
	}{
		{time.Second, 200, time.Second},
		{time.Minute, 60, time.Second},
		{time.Hour, 60, time.Minute},
		{time.Hour, 50, 2 * time.Minute},
		{24 * time.Hour, 48, 30 * time.Minute},
		{24 * time.Hour, 24, time.Hour},
		{24 * time.Hour, 20, 2 * time.Hour},
		{24 * time.Hour, 1, 24 * time.Hour},
		{7 * 24 * time.Hour, 42, 4 * time.Hour},
		{7 * 24 * time.Hour, 10, 24 * time.Hour},
		{8 * 24 * time.Hour, 200, 24 * time.Hour},
		{MaxStatsSpan, 10, 10 * 24 * time.Hour},
	} {
		if got := bucketWidth(c.span, c.buckets); got != c.want {
			t.Errorf("%s in %d buckets of %s, want %s", c.span, c.buckets, got, c.want)
		}
	}
}

// TestStatsReadNoMoreThanTheyMay: what statistics read has a bound that does not know how many executions there are.
func TestStatsReadNoMoreThanTheyMay(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 7, 100} {
		list, keys := workflowsFor(n)
		for _, span := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour, statsHours, MaxStatsSpan} {
			for _, buckets := range []int{1, 24, MaxStatsBuckets} {
				s := busy(1_000_000, 24*200)
				to := s.now.Std()
				x, err := newStatistics(list, StatsRequest{From: to.Add(-span), To: to, Buckets: buckets})
				if err != nil {
					t.Fatal(err)
				}
				if len(x.out.Workflows[0].Buckets) > buckets+1 || !x.out.To.After(to.Add(-time.Second)) || x.out.From.After(to.Add(-span)) {
					t.Errorf("%s in %d buckets: %d of them, from %s to %s", span, buckets, len(x.out.Workflows[0].Buckets), x.out.From, x.out.To)
				}
				if err := x.count(t.Context(), s, 1, keys); err != nil {
					t.Fatal(err)
				}
				if err := x.sample(t.Context(), s, 1, keys); err != nil {
					t.Fatal(err)
				}
				if n == 1 {
					if err := x.sampleEach(t.Context(), s, 1, keys); err != nil {
						t.Fatal(err)
					}
				}
				if most := int64(n*execution.Statuses*(24*8+1) + statsRows + 2*max(samplesAll, n*4*40) + 2*samplesEach); s.read > most || s.asked > most {
					t.Errorf("%d workflows, %s in %d buckets: %d rows were read and %d asked for, more than %d", n, span, buckets, s.read, s.asked, most)
				}
				for _, w := range x.out.Workflows {
					if sum := sumOf(&w); w.Counts.Exact != (x.out.Width >= time.Hour) || sum != w.Counts.N[execution.Completed] {
						t.Fatalf("%s in %d buckets: exact %v, %d in the buckets of %d", span, buckets, w.Counts.Exact, sum, w.Counts.N[execution.Completed])
					}
				}
			}
		}
	}
}

func sumOf(w *WorkflowStats) (sum int64) {
	for _, b := range w.Buckets {
		sum += b.N[execution.Completed]
	}
	return sum
}

// TestCountersAreDivided: in short buckets of a busy workflow an hour's counter is spread over as much of the hour as has
// passed, and none is lost.
func TestCountersAreDivided(t *testing.T) {
	t.Parallel()
	list, keys := workflowsFor(1)
	s := busy(40_001, 1) // the hour began 20 minutes ago
	to := s.now.Std()
	x, err := newStatistics(list, StatsRequest{From: to.Add(-30 * time.Minute), To: to, Buckets: 6})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.count(t.Context(), s, 1, keys); err != nil {
		t.Fatal(err)
	}
	var got []int64
	for _, b := range x.out.Workflows[0].Buckets {
		got = append(got, b.N[execution.Completed])
	}
	want := []int64{0, 0, 10_000, 10_000, 10_000, 10_001}
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v, want %v", got, want)
			break
		}
	}
}

func TestTimings(t *testing.T) {
	t.Parallel()
	var list []store.Sampled
	for i := range 100 {
		id := execution.MakeID(1000+int64(i), 0, 0)
		at := execution.Time(id.Millis() * 1000)
		x := store.Sampled{ID: id, StartedAt: at.Add(time.Duration(i) * time.Millisecond)}
		x.CompletedAt = x.StartedAt.Add(time.Duration(100-i) * time.Second)
		if i == 99 {
			x.StartedAt = 0 // it was cancelled in the queue
		}
		list = append(list, x)
	}
	got := timings(list, 50) // the newest: 50 to 99
	want := Timings{
		Sample: 50, Partial: true,
		Run:   Percentile{N: 49, P50: 26 * time.Second, P95: 48 * time.Second},
		Queue: Percentile{N: 49, P50: 74 * time.Millisecond, P95: 96 * time.Millisecond},
	}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := timings(nil, 50); got != (Timings{}) {
		t.Errorf("%+v", got)
	}
}
