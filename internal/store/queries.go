package store

import (
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

// ListQuery selects executions, newest first. Fields that are set must all hold.
type ListQuery struct {
	Project   int64
	Workflows []int64             // keys; nil: all of the project
	Status    execution.StatusSet // 0: all
	From, To  execution.Time      // bounds of creation, inclusive, judged by the millisecond of the id; zero: open
	Metadata  map[string]string
	Triggers  []execution.Trigger
	Awaiting  execution.WaitFilter
	Text      string       // substring of the input, ASCII letters in either case
	Before    execution.ID // only executions older than this; zero: from the newest
	Limit     int
	// Offset leaves out this many of the newest that match. It is not for a query whose search may stop early: one with
	// metadata, triggers, a wait or a text.
	Offset int
	// Slice bounds how long a filter that no index serves may search; zero: 40 ms.
	Slice time.Duration
	// Payloads asks for the first and last events of each item.
	Payloads bool
}

// ListPage is one page of a list.
type ListPage struct {
	Items []Item
	// More says that further executions match, or that the search stopped before it could know.
	More bool
	// SearchedUntil is set when the search stopped early: everything that matches and is newer is among the items, and
	// the next page begins before it.
	SearchedUntil execution.ID
}

// Item is one execution of a list.
type Item struct {
	*Row
	// FirstEvent and LastEvent are as Store.Ends gives them, when payloads were asked for.
	FirstEvent, LastEvent *execution.Event
}

// FileQuery selects files, newest first. Fields that are set must all hold.
type FileQuery struct {
	Project   int64
	Execution execution.ID // only files that it uses
	Before    execution.ID // only files older than this; zero: from the newest
	Limit     int
}

// CountQuery selects what to count.
type CountQuery struct {
	Project   int64
	Workflows []int64        // keys; nil: all of the project
	From, To  execution.Time // bounds of creation, inclusive; zero: open
	Exact     bool           // count one by one whatever the counters cannot tell, however many there are
}

// Counts is how many executions there are in each state.
type Counts struct {
	N     [execution.Statuses]int64
	Exact bool
}

// Queue is the part of the queue that belongs to one workflow.
type Queue struct {
	Project  int64
	Workflow int64
	Length   int64
	Oldest   execution.Time // ReadyAt of the one that has waited longest
}

// LogQuery selects log lines.
type LogQuery struct {
	Step    *string // nil: all; "": those outside steps
	Attempt int32   // 0: all
	After   LogPosition
	Limit   int
}

// LogPosition is a place among an execution's lines; the zero position is before the first.
type LogPosition struct {
	Step    string
	Attempt int32
	N       int32
}

// Log is one line that a handler logged.
type Log struct {
	Row     *Row   // set when writing
	Step    string // the step's key; empty outside a step
	Attempt int32  // the execution's attempt
	N       int32  // position within step and attempt, from 1
	At      execution.Time
	Level   string
	Message string
	Fields  []byte // JSON object, may be nil
}

// MaxLogLines is how many lines the store keeps of one step and attempt. The last one kept says that more were dropped.
const MaxLogLines = 1000

// Tombstone is what remains of an execution that was deleted or redacted on request.
type Tombstone struct {
	Project   int64
	Execution execution.ID
	Redacted  bool // the execution is still there, without its payloads
	At        execution.Time
	Actor     execution.Actor
}

// Finding is one violation that an audit found.
type Finding struct {
	Invariant string // the name of the invariant
	Promise   string // what it promises, in words
	Subject   string // what breaks it: ids, counts
}

// Usage is the room that the data takes, in bytes.
type Usage struct {
	Data int64 // main files
	Log  int64 // write-ahead log
	Free int64 // inside the data, reusable
}
