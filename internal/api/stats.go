package api

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// The buckets of statistics when the request does not say, and their time.
const (
	defaultBuckets      = 24 // of the workflows of a list
	defaultBucketsAlone = 48 // of one workflow
	defaultStatsSpan    = 24 * time.Hour
)

// queryStats reads the time and the buckets of statistics.
func (x *exchange) queryStats(buckets int64) (r engine.StatsRequest, err error) {
	if r.From, err = x.queryDate("from", false); err != nil {
		return r, err
	}
	if r.To, err = x.queryDate("to", true); err != nil {
		return r, err
	}
	if r.To.IsZero() {
		r.To = x.start
	}
	if r.From.IsZero() {
		r.From = r.To.Add(-defaultStatsSpan)
	}
	n, err := x.queryInt("buckets", 1, engine.MaxStatsBuckets, buckets)
	r.Buckets = int(n)
	return r, err
}

func (a *API) listStats(x *exchange) error {
	if err := x.query("from", "to", "buckets", "search", "name", "limit", "cursor"); err != nil {
		return err
	}
	r, err := x.queryStats(defaultBuckets)
	if err != nil {
		return err
	}
	q, err := x.queryWorkflows()
	if err != nil {
		return err
	}
	s, more, next, err := a.engine.Stats(x.ctx, x.caller, q, r)
	if err != nil {
		return err
	}
	b := append(x.out, `{"data":[`...)
	for i := range s.Workflows {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendWorkflowStats(append(b, '{'), &s.Workflows[i])
		b = append(b, '}')
	}
	b = appendPage(b, more, cursorWorkflows, []byte(next))
	b = append(b, ',')
	x.out = append(appendStatsTime(b, s), '}')
	return x.json(http.StatusOK)
}

func (a *API) workflowStats(x *exchange) error {
	if err := x.query("from", "to", "buckets"); err != nil {
		return err
	}
	r, err := x.queryStats(defaultBucketsAlone)
	if err != nil {
		return err
	}
	s, err := a.engine.WorkflowStats(x.ctx, x.caller, x.params[0], r)
	if err != nil {
		return err
	}
	b := appendStatsTime(append(x.out, '{'), s)
	x.out = append(appendWorkflowStats(append(b, ','), &s.Workflows[0]), '}')
	return x.json(http.StatusOK)
}

// appendStatsTime writes the members that tell the time and its buckets.
func appendStatsTime(b []byte, s *engine.Stats) []byte {
	b = append(b, `"from":"`...)
	b = appendInstant(b, execution.TimeOf(s.From))
	b = append(b, '"')
	b = appendTime(b, `,"to":`, execution.TimeOf(s.To))
	return appendInt(b, `,"bucket_ms":`, s.Width.Milliseconds())
}

// appendWorkflowStats writes the members of one workflow's statistics.
func appendWorkflowStats(b []byte, w *engine.WorkflowStats) []byte {
	b = appendID(b, `"workflow_id":`, execution.PrefixWorkflow, w.Workflow.ID)
	b = append(b, `,"workflow_name":`...)
	b = jsonx.AppendString(b, w.Workflow.Name)
	b = appendInt(b, `,"workers":`, int64(w.Workers))
	b = appendInt(b, `,"started":`, total(&w.Counts.N))
	b = append(b, `,"counts":`...)
	b = appendCounts(b, &w.Counts)
	b = append(b, `,"exact":`...)
	b = strconv.AppendBool(b, w.Counts.Exact)
	b = appendInt(b, `,"sample":`, int64(w.Timings.Sample))
	b = append(b, `,"sampled":`...)
	b = strconv.AppendBool(b, w.Timings.Partial)
	b = appendPercentiles(b, &w.Timings)
	b = appendTime(b, `,"oldest_pending_at":`, w.Waiting)
	b = append(b, `,"buckets":[`...)
	for i := range w.Buckets {
		if i > 0 {
			b = append(b, ',')
		}
		k := &w.Buckets[i]
		b = append(b, `{"at":"`...)
		b = appendInstant(b, execution.TimeOf(k.At))
		b = append(b, '"')
		b = appendInt(b, `,"started":`, total(&k.N))
		b = append(b, `,"counts":{`...)
		first := true
		for status, n := range k.N {
			if n == 0 {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(b, '"')
			b = append(b, execution.Status(status).String()...)
			b = appendInt(b, `":`, n)
		}
		b = append(b, '}')
		if k.Timings.Sample > 0 {
			b = appendInt(b, `,"sample":`, int64(k.Timings.Sample))
		}
		b = appendPercentiles(b, &k.Timings)
		b = append(b, '}')
	}
	return append(b, ']')
}

func total(n *[execution.Statuses]int64) (sum int64) {
	for _, x := range n {
		sum += x
	}
	return sum
}

func appendPercentiles(b []byte, t *engine.Timings) []byte {
	for _, p := range []struct {
		name string
		engine.Percentile
	}{{`,"run_ms":`, t.Run}, {`,"queue_ms":`, t.Queue}} {
		if p.N == 0 {
			continue
		}
		b = append(b, p.name...)
		b = appendMillis(b, `{"p50":`, p.P50)
		b = appendMillis(b, `,"p95":`, p.P95)
		b = append(b, '}')
	}
	return b
}

// appendMillis writes a duration as milliseconds, to the microsecond.
func appendMillis(b []byte, name string, d time.Duration) []byte {
	return appendNumber(b, name, float64(d.Microseconds())/1000)
}

// appendNumber writes a number with at most three decimals.
func appendNumber(b []byte, name string, f float64) []byte {
	return strconv.AppendFloat(append(b, name...), math.Round(f*1000)/1000, 'f', -1, 64)
}
