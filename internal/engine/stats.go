package engine

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Limits of statistics. They bound what one request reads, however many executions there are: of each workflow at most
// one counter for each state and hour of statsHours, or day of MaxStatsSpan; and of all its workflows together statsRows
// executions that are counted one by one, samplesAll that are sampled for all of the time and samplesEach for the buckets,
// or 40 and 5 of each state where that is more.
const (
	MaxStatsBuckets = 200
	MaxStatsSpan    = 92 * 24 * time.Hour

	statsHours  = 7 * 24 * time.Hour // up to here buckets are made of hours, and beyond it of days
	statsRows   = 20_000
	samplesAll  = 4000
	samplesEach = 9600
)

// StatsRequest asks for statistics of the caller's workflows.
type StatsRequest struct {
	From, To time.Time // of creation; From must be before To, by MaxStatsSpan at most
	Buckets  int       // about how many the time is divided into, at most MaxStatsBuckets
}

// Stats are statistics of workflows over the same time. Buckets begin at whole multiples of their width, the first at
// From, and the last ends at To: the time is at least the one that was asked for.
type Stats struct {
	From, To  time.Time
	Width     time.Duration // of a bucket
	Workflows []WorkflowStats
}

// WorkflowStats are the statistics of one workflow.
type WorkflowStats struct {
	Workflow WorkflowInfo
	Workers  int // that serve it now
	// Counts is how many executions that were created within the time are in each state now. It is not exact when the
	// counters of an hour had to be divided among several buckets.
	Counts  Counts
	Timings Timings
	// Waiting is since when that execution is ready that has waited longest for a worker; zero: none waits.
	Waiting execution.Time
	Buckets []StatsBucket
}

// StatsBucket is one part of the time.
type StatsBucket struct {
	At      time.Time
	N       [execution.Statuses]int64
	Timings Timings // of one workflow alone; otherwise they have no sample
}

// Timings tell how long executions took, as a sample of those that have ended shows: the newest ones.
type Timings struct {
	Sample  int        // how many were looked at
	Partial bool       // there are more
	Run     Percentile // from the first claim to the end
	Queue   Percentile // from creation to the first claim, with the delay of those that were delayed
}

// Percentile is the time within which half and 95 of 100 executions were done. N is how many it is made of.
type Percentile struct {
	N        int
	P50, P95 time.Duration
}

// Stats reads statistics of a page of workflows, by name.
func (e *Engine) Stats(ctx context.Context, c *Caller, q WorkflowQuery, r StatsRequest) (s *Stats, more bool, next string, err error) {
	found := e.workflows(c, &q)
	if len(found) > q.Limit {
		found, more = found[:q.Limit], true
		next = found[q.Limit-1].info.Name
	}
	if s, err = e.stats(ctx, c, found, r, false); err != nil {
		return nil, false, "", err
	}
	return s, more, next, nil
}

// WorkflowStats reads statistics of one workflow, with timings for each bucket.
func (e *Engine) WorkflowStats(ctx context.Context, c *Caller, ref string, r StatsRequest) (*Stats, error) {
	w, err := e.named(c, ref)
	if err != nil {
		return nil, err
	}
	return e.stats(ctx, c, []*workflow{w}, r, true)
}

func (e *Engine) stats(ctx context.Context, c *Caller, workflows []*workflow, r StatsRequest, each bool) (*Stats, error) {
	x, err := newStatistics(workflows, r)
	if err != nil || len(workflows) == 0 {
		return &x.out, err
	}
	keys := make([]int64, len(workflows))
	for i, w := range workflows {
		keys[i] = w.key
		x.out.Workflows[i].Workers = e.matcher.workers(w.key)
	}
	if err := x.count(ctx, e.store, c.Project, keys); err != nil {
		return nil, err
	}
	if err := x.sample(ctx, e.store, c.Project, keys); err != nil {
		return nil, err
	}
	if each {
		if err := x.sampleEach(ctx, e.store, c.Project, keys); err != nil {
			return nil, err
		}
	}
	oldest, err := e.store.Oldest(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i, k := range keys {
		x.out.Workflows[i].Waiting = oldest[k]
	}
	return &x.out, nil
}

// statistics are statistics on their way.
type statistics struct {
	out   Stats
	width int64 // of a bucket, in milliseconds
	first int64 // bucket, counted in widths since the Unix epoch
	n     int   // buckets
	now   int64 // milliseconds
}

// widths are the widths of buckets within an hour.
var widths = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour,
}

const day = 24 * time.Hour

// bucketWidth is the width of the buckets into which a time is divided: a part of an hour, or whole hours, or whole days.
func bucketWidth(span time.Duration, buckets int) time.Duration {
	width := span / time.Duration(buckets)
	switch {
	case span > statsHours || width > 12*time.Hour:
		return max((width+day-1)/day, 1) * day
	case width > time.Hour:
		return (width + time.Hour - 1) / time.Hour * time.Hour
	}
	i, _ := slices.BinarySearch(widths, width)
	return widths[i]
}

func newStatistics(workflows []*workflow, r StatsRequest) (*statistics, error) {
	span := r.To.Sub(r.From)
	switch {
	case r.Buckets < 1 || r.Buckets > MaxStatsBuckets:
		return &statistics{}, invalid("buckets", FieldRange, "buckets must be 1 to %d", MaxStatsBuckets)
	case span <= 0:
		return &statistics{}, invalid("from", FieldRange, "from must be before to")
	case span > MaxStatsSpan:
		return &statistics{}, invalid("from", FieldRange, "from must be at most %d days before to", MaxStatsSpan/day)
	}
	width := bucketWidth(span, r.Buckets)
	x := &statistics{width: width.Milliseconds()}
	x.first = r.From.UnixMilli() / x.width
	x.n = int((r.To.UnixMilli()-1)/x.width-x.first) + 1
	x.out = Stats{From: x.start(0), To: x.start(x.n), Width: width, Workflows: make([]WorkflowStats, len(workflows))}
	for i, w := range workflows {
		s := &x.out.Workflows[i]
		s.Workflow = w.info
		s.Counts.Exact = true
		s.Buckets = make([]StatsBucket, x.n)
		for k := range s.Buckets {
			s.Buckets[k].At = x.start(k)
		}
	}
	return x, nil
}

// start is the beginning of the bucket.
func (x *statistics) start(i int) time.Time {
	return time.UnixMilli((x.first + int64(i)) * x.width).UTC()
}

// of is the bucket in which an execution was created.
func (x *statistics) of(id execution.ID) int { return int(id.Millis()/x.width - x.first) }

// span is the time of the bucket.
func (x *statistics) span(i int) store.Span {
	return store.Span{From: execution.TimeOf(x.start(i)), To: execution.TimeOf(x.start(i+1)) - 1}
}

// all is the whole time.
func (x *statistics) all() []store.Span {
	return []store.Span{{From: x.span(0).From, To: x.span(x.n - 1).To}}
}

const hourMillis = int64(time.Hour / time.Millisecond)

// count counts by the counters of hours or days. In buckets that are shorter it counts one by one, unless a workflow has
// too many executions: then the counters are divided.
func (x *statistics) count(ctx context.Context, s store.Store, project int64, keys []int64) error {
	period := hourMillis
	if x.width%(24*hourMillis) == 0 {
		period = 24 * hourMillis
	}
	from, to := x.first*x.width, (x.first+int64(x.n))*x.width
	points, err := s.Series(ctx, store.SeriesQuery{
		Project: project, Workflows: keys, Days: period > hourMillis, First: from / period, Last: (to - 1) / period,
	})
	if err != nil {
		return err
	}
	x.now = int64(s.Now()) / 1000
	if x.width >= period {
		for _, p := range points {
			x.add(slices.Index(keys, p.Workflow), int(p.Period*period/x.width-x.first), p.Status, p.N)
		}
		return nil
	}
	total := map[int64]int64{}
	for _, p := range points {
		total[p.Workflow] += p.N
	}
	limit := int64(statsRows / len(keys))
	var few []int64
	for _, k := range keys {
		if total[k] <= limit {
			few = append(few, k)
		}
	}
	for _, p := range points {
		if !slices.Contains(few, p.Workflow) {
			x.divide(slices.Index(keys, p.Workflow), p)
		}
	}
	if len(few) == 0 {
		return nil
	}
	// What was counted a moment ago may be more now, and in another state.
	found, err := s.Sample(ctx, store.SampleQuery{
		Project: project, Workflows: few, Status: execution.All, Spans: x.all(), Each: int(limit) + 1,
	})
	if err != nil {
		return err
	}
	of := map[[2]int64]int64{}
	for _, f := range found {
		i := slices.Index(keys, f.Workflow)
		x.add(i, x.of(f.ID), f.Status, 1)
		k := [2]int64{f.Workflow, int64(f.Status)}
		if of[k]++; of[k] > limit {
			x.out.Workflows[i].Counts.Exact = false
		}
	}
	return nil
}

func (x *statistics) add(workflow, bucket int, status execution.Status, n int64) {
	if workflow < 0 || bucket < 0 || bucket >= x.n {
		return
	}
	w := &x.out.Workflows[workflow]
	w.Counts.N[status] += n
	w.Buckets[bucket].N[status] += n
}

// divide gives each bucket the part of an hour's counter that it has of the hour, as far as that has passed.
func (x *statistics) divide(workflow int, p store.SeriesPoint) {
	x.out.Workflows[workflow].Counts.Exact = false
	from := p.Period * hourMillis
	to := min(from+hourMillis, max(x.now, from+1))
	given := int64(0)
	for at := from; at < to; {
		end := min((at/x.width+1)*x.width, to)
		part := p.N*(end-from)/(to-from) - given
		given += part
		x.add(workflow, int(at/x.width-x.first), p.Status, part)
		at = end
	}
}

// sample reads how long the newest executions took that have ended.
func (x *statistics) sample(ctx context.Context, s store.Store, project int64, keys []int64) error {
	limit := min(max(samplesAll/len(keys), 40), samplesAll/4)
	found, err := s.Sample(ctx, store.SampleQuery{
		Project: project, Workflows: keys, Status: execution.Final, Spans: x.all(), Each: limit + 1,
	})
	if err != nil {
		return err
	}
	of := make([][]store.Sampled, len(keys))
	for _, f := range found {
		i := slices.Index(keys, f.Workflow)
		of[i] = append(of[i], f)
	}
	for i, list := range of {
		x.out.Workflows[i].Timings = timings(list, limit)
	}
	return nil
}

// sampleEach does so for every bucket of one workflow in which executions have ended.
func (x *statistics) sampleEach(ctx context.Context, s store.Store, project int64, keys []int64) error {
	w := &x.out.Workflows[0]
	var spans []store.Span
	for i, b := range w.Buckets {
		for status := range execution.Status(execution.Statuses) {
			if status.Final() && b.N[status] > 0 {
				spans = append(spans, x.span(i))
				break
			}
		}
	}
	if len(spans) == 0 {
		return nil
	}
	limit := min(max(samplesEach/4/len(spans), 5), 50)
	found, err := s.Sample(ctx, store.SampleQuery{Project: project, Workflows: keys, Status: execution.Final, Spans: spans, Each: limit + 1})
	if err != nil {
		return err
	}
	of := make([][]store.Sampled, x.n)
	for _, f := range found {
		if i := x.of(f.ID); i >= 0 && i < x.n {
			of[i] = append(of[i], f)
		}
	}
	for i, list := range of {
		w.Buckets[i].Timings = timings(list, limit)
	}
	return nil
}

// timings are those of the newest of the list, which has one more than the limit of a state that has more.
func timings(list []store.Sampled, limit int) (t Timings) {
	slices.SortFunc(list, func(a, b store.Sampled) int { return cmp.Compare(b.ID.Order(), a.ID.Order()) })
	t.Partial = len(list) > limit
	list = list[:min(len(list), limit)]
	t.Sample = len(list)
	var run, queue []time.Duration
	for _, x := range list {
		if x.StartedAt == 0 {
			continue // it ended in the queue
		}
		run = append(run, x.CompletedAt.Sub(x.StartedAt))
		queue = append(queue, max(0, x.StartedAt.Sub(execution.Time(x.ID.Millis()*1000))))
	}
	t.Run, t.Queue = percentile(run), percentile(queue)
	return t
}

func percentile(list []time.Duration) Percentile {
	if len(list) == 0 {
		return Percentile{}
	}
	slices.Sort(list)
	at := func(percent int) time.Duration { return list[(len(list)*percent+99)/100-1] }
	return Percentile{N: len(list), P50: at(50), P95: at(95)}
}
