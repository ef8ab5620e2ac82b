package engine

import (
	"errors"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

const (
	// busyPause is how long a committer waits at first before it tries again with nothing but commands that met locked
	// rows, and maxBusyPause how long at most, when nothing ends the pause before.
	busyPause, maxBusyPause = time.Millisecond, 20 * time.Millisecond
	// busyMost is how long a command may meet locked rows: longer than a transaction of a server can hang.
	busyMost = 12 * time.Second
)

// errBusy is work that was left out because other servers had its rows locked: it is to be done again soon.
var errBusy = errors.New("another server is at it")

// postponed are the commands of one committer that met a row that another server had locked. They run again with the
// next batch, before what was queued behind them.
type postponed struct {
	spans []int // per command of the batch: where its executions begin in the need, and at last where they end
	now   []command
	ids   []execution.ID // the rows that they met
	since map[command]execution.Time
	pause time.Duration

	// Of the pause under way, under the committer's mutex.
	rows map[execution.ID]bool // that were locked
	over bool                  // one of them may be free
}

// partial is a command that does what it can when some of its rows are locked.
type partial interface{ partial() bool }

// busy reports whether the i-th command of the batch meets a locked row, and postpones it then.
func (c *committer) busy(i int, x command, t *tx) bool {
	locked := t.loaded.Busy
	if locked == nil {
		return false
	}
	if p, ok := x.(partial); ok && p.partial() {
		return false
	}
	met := false
	for j := c.late.spans[i]; j < c.late.spans[i+1]; j++ {
		if locked[j] {
			met = true
			c.late.ids = append(c.late.ids, c.nd.Executions[j])
		}
	}
	if met {
		c.late.now = append(c.late.now, x)
	}
	return met
}

// requeue puts the postponed commands of a batch at the head of the queue, and returns the others. Whoever has met locked
// rows for too long is told so.
func (c *committer) requeue(batch []command) []command {
	l := &c.late
	if len(l.now) == 0 {
		if len(l.since) > 0 {
			clear(l.since)
		}
		l.pause = 0
		return batch
	}
	if l.since == nil {
		l.since = map[command]execution.Time{}
	}
	now := c.e.pulse()
	again := make([]command, 0, len(l.now))
	rest := make([]command, 0, len(batch))
	i := 0
	for _, x := range batch {
		if i == len(l.now) || l.now[i] != x {
			delete(l.since, x)
			rest = append(rest, x)
			continue
		}
		i++
		since, ok := l.since[x]
		if !ok {
			l.since[x], since = now, now
		}
		if now.Sub(since) > busyMost {
			delete(l.since, x)
			x.settle(&Error{Code: CodeUnavailable, RetryAfter: time.Second, Message: "another server is at this execution; try again", Err: errBusy})
			continue
		}
		again = append(again, x)
	}
	l.now = l.now[:0]
	if len(rest) == 0 {
		l.pause = min(max(2*l.pause, busyPause), maxBusyPause)
		c.linger(l.pause)
	} else {
		l.pause = 0
	}
	c.mu.Lock()
	c.queue = append(again, c.queue...)
	c.mu.Unlock()
	return rest
}

// linger waits for d at most: until there is another command, or word of another server's commit of a row that was locked.
// A server that gives a row back unchanged tells nobody, therefore the limit.
func (c *committer) linger(d time.Duration) {
	l := &c.late
	timeout := false
	timer := time.AfterFunc(d, func() {
		c.mu.Lock()
		timeout = true
		c.mu.Unlock()
		c.cond.Signal()
	})
	defer timer.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.rows == nil {
		l.rows = map[execution.ID]bool{}
	}
	for _, id := range l.ids {
		l.rows[id] = true
	}
	c.lingers.Store(true)
	for len(c.queue) == 0 && !l.over && !timeout {
		c.cond.Wait()
	}
	c.lingers.Store(false)
	clear(l.rows)
	l.over = false
}

// free ends the committer's pause when it is for the execution.
func (c *committer) free(id execution.ID) {
	if !c.lingers.Load() {
		return
	}
	c.mu.Lock()
	over := c.late.rows[id]
	c.late.over = c.late.over || over
	c.mu.Unlock()
	if over {
		c.cond.Signal()
	}
}
