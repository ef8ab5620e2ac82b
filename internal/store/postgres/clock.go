package postgres

import (
	"sync"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/store"
)

// databaseClock tells the time of the database without asking for it: it knows how far its clock is ahead of the time that
// has passed here, from transactions that read it. Servers on one database have the same time by it, except for the time
// that an answer takes.
type databaseClock struct {
	*store.Clock
	began time.Time

	mu     sync.Mutex
	offset time.Duration // the database's clock, since the Unix epoch, less the time since began
}

// newDatabaseClock starts a clock with a first reading, which was asked for and arrived at the given times.
func newDatabaseClock(asked time.Time, shown execution.Time, atLeast execution.Time) *databaseClock {
	c := &databaseClock{began: asked}
	c.offset = time.Duration(shown)*time.Microsecond - c.passed(time.Now())
	c.Clock = store.FollowClock(c.read, atLeast)
	return c
}

// passed is the time since the clock began, by the clock of this machine, which tests can set.
func (c *databaseClock) passed(at time.Time) time.Duration {
	return at.Sub(c.began) + failpoint.Clock()
}

func (c *databaseClock) read() (time.Time, time.Duration) {
	passed := c.passed(time.Now())
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Unix(0, int64(c.offset+passed)), passed
}

// saw notes a reading. The database's clock showed the instant at some time between asked and now: within that the offset
// stays where it is, and otherwise it moves as little as it must.
func (c *databaseClock) saw(asked time.Time, shown execution.Time) {
	at := time.Duration(shown) * time.Microsecond
	least, most := at-c.passed(time.Now()), at-c.passed(asked)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = min(max(c.offset, least), most)
}
