package store

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

func TestClockFollowsTheSystem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClock(nil, 0)
		for range 100 {
			if got, want := c.Now(), execution.TimeOf(time.Now()); got != want {
				t.Fatalf("the clock is at %s, the system at %s", got, want)
			}
			time.Sleep(13 * time.Minute)
		}
	})
}

func TestClockStartsAfterWhatIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stored := execution.TimeOf(time.Now().Add(time.Hour))
		c := NewClock(nil, stored)
		if now := c.Now(); now != stored {
			t.Fatalf("the clock starts at %s, want %s", now, stored)
		}
		// It waits for the system without standing still: a hundredth slower, it is met after a hundred hours.
		last := stored
		for range 99 {
			time.Sleep(time.Hour)
			now := c.Now()
			if passed := now.Sub(last); passed != time.Hour-time.Hour/slewShare {
				t.Fatalf("%s passed in an hour", passed)
			}
			last = now
		}
		time.Sleep(2 * time.Hour)
		if got, want := c.Now(), execution.TimeOf(time.Now()); got != want {
			t.Errorf("the clock is at %s, the system at %s", got, want)
		}
	})
}

func TestClockIsNotSetWithTheSystem(t *testing.T) {
	for name, step := range map[string]time.Duration{"back an hour": -time.Hour, "ahead ten years": 10 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			mono, wall := time.Duration(0), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
			c := newClock(func() reading { return reading{wall: wall.Add(mono), passed: mono} }, 0)
			for range 1000 {
				mono += time.Second
				c.Now()
			}
			last := c.Now()
			wall = wall.Add(step)
			for range 1000 {
				mono += time.Second
				now := c.Now()
				passed := now.Sub(last)
				if passed < time.Second-time.Second/slewShare || passed > time.Second+time.Second/slewShare {
					t.Fatalf("%s passed in a second", passed)
				}
				last = now
			}
		})
	}
}

func TestClockNeverRunsBack(t *testing.T) {
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	c := NewClock(func() time.Time { return at }, 0)
	first := c.Now()
	at = at.Add(-time.Hour)
	if now := c.Now(); now != first {
		t.Errorf("the clock went from %s to %s", first, now)
	}
	at = at.Add(2 * time.Hour)
	if now, want := c.Now(), first.Add(time.Hour); now != want {
		t.Errorf("the clock is at %s, want %s: a source without monotonic part is followed", now, want)
	}
}
