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
	read func() reading

	mu   sync.Mutex
	last time.Duration // the latest reading's monotonic part
	now  time.Time
}

// reading is what a source says: the system's time, and the time that passed since the clock started.
type reading struct {
	wall   time.Time
	passed time.Duration
}

// NewClock starts a clock at the source's time, or at the instant atLeast when that is later: the store holds records
// of that time already. A nil source is time.Now.
func NewClock(source func() time.Time, atLeast execution.Time) *Clock {
	if source == nil {
		source = time.Now
	}
	start := source()
	return newClock(func() reading {
		t := source()
		return reading{wall: t.Round(0), passed: t.Sub(start)}
	}, atLeast)
}

// FollowClock starts a clock that follows another one, whose time read tells together with the time that has passed here.
func FollowClock(read func() (time.Time, time.Duration), atLeast execution.Time) *Clock {
	return newClock(func() reading {
		wall, passed := read()
		return reading{wall, passed}
	}, atLeast)
}

func newClock(read func() reading, atLeast execution.Time) *Clock {
	first := read()
	c := &Clock{read: read, last: first.passed, now: first.wall}
	if least := atLeast.Std(); least.After(c.now) {
		c.now = least
	}
	return c
}

// Now is the clock's time.
func (c *Clock) Now() execution.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.read()
	if passed := r.passed - c.last; passed > 0 {
		c.last = r.passed
		c.now = c.now.Add(passed)
		limit := passed / slewShare
		c.now = c.now.Add(min(max(r.wall.Sub(c.now), -limit), limit))
	}
	return execution.TimeOf(c.now)
}

// Advance moves the clock forward to the instant, unless it is there already: a record of that time was seen, and nothing
// that follows may be earlier.
func (c *Clock) Advance(to execution.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := to.Std(); t.After(c.now) {
		c.now = t
	}
}
