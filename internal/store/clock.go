package store

import (
	"sync"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

// slewShare bounds how much faster or slower than real time a Clock runs while it approaches the system clock: one
// part in so many.
const slewShare = 100

// Clock is the time of a store. It starts at the system clock, never runs backwards, and advances with the monotonic
// clock: when the system clock is set, a Clock approaches it by at most one per cent of the time that passes, so that
// neither a step back freezes time nor a step forward fires timers years early.
//
// A source whose readings carry no monotonic part, as a test's clock has none, is followed as it is, except backwards.
type Clock struct {
	source func() time.Time

	mu   sync.Mutex
	last time.Time // the latest reading of the source
	now  time.Time // the clock's own time, without monotonic part
}

// NewClock starts a clock at the source's time, or at the instant atLeast when that is later: the store holds records
// of that time already. A nil source is time.Now.
func NewClock(source func() time.Time, atLeast execution.Time) *Clock {
	if source == nil {
		source = time.Now
	}
	reading := source()
	c := &Clock{source: source, last: reading, now: reading.Round(0)}
	if least := atLeast.Std(); least.After(c.now) {
		c.now = least
	}
	return c
}

// Now is the clock's time.
func (c *Clock) Now() execution.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	reading := c.source()
	elapsed := reading.Sub(c.last)
	if elapsed > 0 {
		c.last = reading
		limit := elapsed / slewShare
		c.now = c.now.Add(elapsed)
		behind := reading.Round(0).Sub(c.now)
		c.now = c.now.Add(min(max(behind, -limit), limit))
	}
	return execution.TimeOf(c.now)
}
