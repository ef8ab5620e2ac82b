package store

import "github.com/sojournhq/sojourn/internal/execution"

// SeriesQuery selects counters of executions by the hour or the day in which they were created.
type SeriesQuery struct {
	Project   int64
	Workflows []int64 // keys
	Days      bool    // by day, not by hour
	// First and Last are periods, inclusive, counted in hours or days since the Unix epoch.
	First, Last int64
}

// SeriesPoint is how many executions of a workflow that were created in one period are in a state now. Those of none are
// left out.
type SeriesPoint struct {
	Workflow int64
	Status   execution.Status
	Period   int64
	N        int64
}

// SampleQuery selects executions to look at one by one.
type SampleQuery struct {
	Project   int64
	Workflows []int64 // keys
	Status    execution.StatusSet
	Spans     []Span // of creation; they do not overlap
	Each      int    // most that are read of each workflow, state and span, the newest
}

// Span is a time from one instant to another, inclusive, judged by the millisecond of an id; zero: open.
type Span struct{ From, To execution.Time }

// Has reports whether an execution was created within the span.
func (s Span) Has(id execution.ID) bool {
	created := execution.Time(id.Millis() * 1000)
	return (s.From == 0 || created >= s.From) && (s.To == 0 || created <= s.To)
}

// Sampled is the part of an execution that statistics need.
type Sampled struct {
	ID          execution.ID
	Workflow    int64
	Status      execution.Status
	StartedAt   execution.Time // first claim; zero: none
	CompletedAt execution.Time // zero: it is open
}

// About tells which store it is, or which one of those that it lies in.
type About struct {
	Cell   string // its name among several, empty when there is one
	Kind   string // "sqlite" or "postgres"
	Schema int    // version of the schema
	Bytes  int64  // that the data takes; negative: not known
}

// NodeInfo is a server that is alive.
type NodeInfo struct {
	Key       int64
	Name      string
	Version   string         // of the program; empty: it does not tell
	StartedAt execution.Time // zero: it does not tell
	SeenAt    execution.Time // when it last said that it lives, within a quarter of its TTL
}
