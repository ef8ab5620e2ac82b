package engine

import (
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

// crowd knows whether several projects are at work. What one of them sends waits for the batch under way, which another
// may have filled, so batches are smaller in company; alone a project has the whole of them, for they are cheaper by the
// command. The committer's mutex guards it.
type crowd struct {
	last  int64          // project of the latest command
	mixed bool           // another one came behind it
	until execution.Time // the company lasts until then
}

const (
	// crowdedPart is by how much batches are smaller in company.
	crowdedPart = 4
	// crowdedFor is how long company is remembered: what somebody sends once a second must find small batches too.
	crowdedFor = 10 * time.Second
)

// note sees a command of the project. The engine's own are nobody's company.
func (c *crowd) note(project int64) {
	if project == 0 || project == c.last {
		return
	}
	c.mixed = c.last != 0
	c.last = project
}

// part is what the size of the next batch is divided by.
func (c *crowd) part(now execution.Time) int {
	if c.mixed {
		c.mixed, c.until = false, now.Add(crowdedFor)
	}
	if now < c.until {
		return crowdedPart
	}
	return 1
}
