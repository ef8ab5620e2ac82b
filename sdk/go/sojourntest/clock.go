package sojourntest

import (
	"sync"
	"time"
)

// clock runs as the system's clock does, some time ahead of it.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

// now has no monotonic part, so that the server follows it over any distance.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Round(0).Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}
