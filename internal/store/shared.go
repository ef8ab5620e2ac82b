package store

import (
	"context"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

// Shared is a Store on data that several servers use at the same time, each with a Shared of its own.
type Shared interface {
	Store
	// Node is this server's key, drawn with NewKey when the store was opened.
	Node() int64
	// Tick says that this server lives, and reads what the others committed behind q.After, in one round trip. A cursor of
	// another timeline, or of a past that is no longer kept, gives ErrCursor.
	Tick(ctx context.Context, q TickQuery) (*Tick, error)
	// Leave takes this server out of the list of those alive.
	Leave(ctx context.Context) error
	// Listen calls hint soon after another server has committed, until ctx ends or an error. A hint may come late, twice or
	// never.
	Listen(ctx context.Context, hint func()) error
}

// TickQuery is what a server says and asks when it ticks.
type TickQuery struct {
	Name  string        // of the server, for people
	TTL   time.Duration // how long it counts as alive without another tick
	After Cursor        // empty: from now on
	Limit int           // most changes

	// Version and StartedAt are of the server's program, for people. They stay the same from tick to tick.
	Version   string
	StartedAt execution.Time
}

// Tick is what a server learns of the others.
type Tick struct {
	Now      execution.Time
	Nodes    []NodeInfo // those alive, ascending by key, this one among them
	Changes  []Change   // what other servers committed, in order; several of one execution may be told as the latest
	Next     Cursor
	More     bool  // there may be more changes behind Next already
	Catalog  int64 // version of the catalog
	Sessions []SessionMark
	// NextDue and NextDelivery are the earliest timer of all executions and of all deliveries; zero: none.
	NextDue, NextDelivery execution.Time
}

// Change is what became of one execution by commits of another server, as the other servers must know it.
type Change struct {
	Execution         execution.ID
	Project, Workflow int64
	Revision          int64
	Status            execution.Status
	Session           int64          // that holds it now; 0: none
	DueAt             execution.Time // zero: nothing is due
	Ready             bool           // it is in the queue
	Solo              bool           // it must run alone
	CancelRequested   bool
	Actionable        bool // a signal or an approval is awaited and nothing else goes on
	Woken             bool // its holder has not yet heard that a wait ended
}

// ChangeOf is what other servers must know of a row that was committed.
func ChangeOf(r *Row) Change {
	return Change{
		Execution: r.ID, Project: r.Project, Workflow: r.Workflow, Revision: r.Revision, Status: r.Status, Session: r.Session,
		DueAt: r.DueAt(), Ready: r.ReadyAt != 0, Solo: r.Solo(), CancelRequested: r.CancelRequestedAt != 0,
		Actionable: r.Actionable(), Woken: r.Inbox.Unseen(),
	}
}

// SessionMark is the part of a session that other servers watch.
type SessionMark struct {
	Key       int64
	Node      int64
	Term      int32
	ExpiresAt execution.Time
	Received  int64
	Unsure    bool
	Draining  bool
}

// Part is a share of things that are divided among servers: those whose number leaves the remainder Index when it is
// divided by Of. The number of an execution is its shard. The zero Part is all of them.
type Part struct{ Index, Of int }

// All reports whether the part is everything.
func (p Part) All() bool { return p.Of <= 1 }

// Has reports whether the number, which is not negative, belongs to the part.
func (p Part) Has(n int64) bool { return p.All() || int(n%int64(p.Of)) == p.Index }
