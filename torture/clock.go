//go:build linux

package main

import (
	"fmt"
	"os"
	"time"
)

// clockStep sets the clock of one server forward or back by some seconds while all work, and back again later. Its idea of
// the database's time is wrong by that until it has heard from the database, and must do no harm: timers that come early or
// late by it, leases that look older than they are, events that seem to lie in the future.
func clockStep() nemesis {
	return nemesis{"clock step", func(c *campaign) (string, error) {
		if _, err := c.work(300 * time.Millisecond); err != nil {
			return "", err
		}
		step := between(c.rand, 2*lease, 4*lease)
		if c.rand.IntN(2) == 0 {
			step = -step
		}
		set := func(d time.Duration) error { return os.WriteFile(c.srv.clockFile(), []byte(d.String()), 0o600) }
		detail := fmt.Sprintf("by %s", step.Round(time.Millisecond))
		acks := int64(0)
		for _, d := range []time.Duration{step, 0} {
			if err := set(d); err != nil {
				return detail, err
			}
			n, err := c.work(between(c.rand, 2*time.Second, 3*time.Second))
			acks += n
			if err != nil {
				return detail, err
			}
		}
		detail += fmt.Sprintf(", %d acks", acks)
		c.stats.Clocks++
		again, err := c.healed(boot)
		return detail + ", " + again, err
	}}
}
