package store

import "github.com/sojournhq/sojourn/internal/execution"

// Cursor is a place in the journal of a store: everything committed before it has been read. Its text means something to
// the store only, and has one position for each of the store's logs. The empty cursor is no place.
type Cursor string

// FeedQuery selects events of one project in the order of commits.
type FeedQuery struct {
	Project   int64
	Workflows []int64               // keys; nil: all of the project
	Kinds     []execution.EventKind // nil: all
	After     Cursor                // empty: nothing is read but where the journal ends
	Limit     int                   // most events
}

// FeedPage is what follows a cursor.
type FeedPage struct {
	Events []FeedEvent
	// Next is the place up to which the journal was read, also when nothing there was selected.
	Next Cursor
	// More says that there may be more behind Next already. A page may be short, and even empty, with more to come:
	// a read looks at a bounded number of events.
	More bool
}

// FeedEvent is an event with whose it is. When its kind carries a payload of the execution, its body and details were
// left out.
type FeedEvent struct {
	execution.Event
	Workflow int64
	Moved    bool   // it led to another state than the one before it, as the first event always does
	After    Cursor // the place behind the event
}
