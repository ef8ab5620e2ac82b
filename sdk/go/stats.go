package sojourn

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// StatsParams say over which time statistics are.
type StatsParams struct {
	From, To string // dates, date-times, or expressions such as now()-7d; "": the last 24 hours
	Buckets  int    // about how many parts the time is divided into, 1 to 200; 0: the server's default
}

// WorkflowStats tells how many executions of a workflow were started, what became of them, and how long they took.
type WorkflowStats struct {
	WorkflowID   string `json:"workflow_id"`
	WorkflowName string `json:"workflow_name"`
	Workers      int    `json:"workers"` // live sessions that serve it
	// Started is how many executions were created within the time, and Counts how many of them are in each state now.
	// They are Exact unless parts of an hour had to be estimated.
	Started int              `json:"started"`
	Counts  map[Status]int64 `json:"counts"`
	Exact   bool             `json:"exact"`
	// Run and Queue are of a Sample of the newest executions that have ended, which is not all of them when Sampled.
	Sample  int          `json:"sample"`
	Sampled bool         `json:"sampled"`
	Run     *Percentiles `json:"run_ms"`   // from the first claim to the end; nil: no worker had any
	Queue   *Percentiles `json:"queue_ms"` // from creation to the first claim
	// OldestPendingAt is since when that execution is ready that has waited longest for a worker; nil: none waits.
	OldestPendingAt *time.Time    `json:"oldest_pending_at"`
	Buckets         []StatsBucket `json:"buckets"`

	// Set by Stats, not by AllStats.
	From     time.Time `json:"from,omitzero"` // beginning of the first bucket
	To       time.Time `json:"to,omitzero"`   // end of the last one
	BucketMS int64     `json:"bucket_ms,omitempty"`
}

// Percentiles are the milliseconds within which half and 95 of 100 were done.
type Percentiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

// StatsBucket is a part of the time of statistics.
type StatsBucket struct {
	At      time.Time        `json:"at"`
	Started int              `json:"started"`
	Counts  map[Status]int64 `json:"counts"` // without states that none is in
	// Of Stats, not of AllStats.
	Sample int          `json:"sample,omitempty"`
	Run    *Percentiles `json:"run_ms,omitempty"`
	Queue  *Percentiles `json:"queue_ms,omitempty"`
}

func (p *StatsParams) query() url.Values {
	q := url.Values{}
	set(q, "from", p.From)
	set(q, "to", p.To)
	if p.Buckets > 0 {
		q.Set("buckets", strconv.Itoa(p.Buckets))
	}
	return q
}

// Stats reads statistics of a workflow. Executions are counted in the bucket in which they were created, by the state that
// they are in now.
func (s *WorkflowService) Stats(ctx context.Context, name string, p StatsParams) (*WorkflowStats, error) {
	return call[WorkflowStats](ctx, s.c, request{method: http.MethodGet, path: workflowPath(name, "/stats"), query: p.query()}, nil)
}

// AllStats reads statistics of every workflow, by name. An error ends it.
func (s *WorkflowService) AllStats(ctx context.Context, p StatsParams) iter.Seq2[*WorkflowStats, error] {
	return pages("", func(cursor string) (*Page[*WorkflowStats], error) {
		q := p.query()
		page(q, 100, cursor)
		return call[Page[*WorkflowStats]](ctx, s.c, request{method: http.MethodGet, path: "/v1/stats", query: q}, nil)
	})
}
