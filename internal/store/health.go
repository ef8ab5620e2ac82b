package store

import (
	"context"
	"time"
)

// Observed is a Store on a database server of its own, whose health those who run it must watch.
type Observed interface {
	Store
	// Health tells how the database is, one for each that the store lies in. It is cheap enough to be asked every few
	// seconds.
	Health(ctx context.Context) ([]Health, error)
}

// Health is how a database is. Sizes and numbers are those that the database itself last counted.
type Health struct {
	Cell    string // name of the database among several, empty when there is one
	Servers int    // that are alive on it

	// Pinned is how long ago the oldest transaction that is open in the database began, and Horizon how many transactions
	// ago the oldest version of a row was current that must not be removed yet: such versions pile up behind it. Both are
	// negative when the user may not see what others do (pg_monitor is missing).
	Pinned  time.Duration
	Horizon int64

	Tables []TableHealth

	// Connections are those of all clients of the database server, MaxConnections how many it allows.
	Connections, MaxConnections int
	// Standbys is how many synchronous standbys stream; negative when none is asked for, or it may not be seen.
	Standbys int

	// Commits is how many transactions of this process were saved, RoundTrips how many round trips its commits have
	// taken, and Retries how many of its transactions were run again because they met others.
	Commits, RoundTrips, Retries int64
}

// TableHealth counts the rows of a table.
type TableHealth struct {
	Name       string
	Live, Dead int64 // current rows, and versions of rows that are still to be removed
}
