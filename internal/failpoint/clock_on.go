//go:build failpoints

package failpoint

import (
	"os"
	"strings"
	"sync/atomic"
	"time"
)

var clock atomic.Int64

// clockEvery is how soon a new setting counts.
const clockEvery = 20 * time.Millisecond

// SOJOURN_CLOCK names a file that says how far the clock is to be set, as a duration: it can be written at any time.
func init() {
	path := os.Getenv("SOJOURN_CLOCK")
	if path == "" {
		return
	}
	go func() {
		for ; ; time.Sleep(clockEvery) {
			text, err := os.ReadFile(path)
			if err != nil {
				continue // it is not there yet
			}
			if d, err := time.ParseDuration(strings.TrimSpace(string(text))); err == nil {
				clock.Store(int64(d))
			}
		}
	}()
}

// Clock is how far the clock of this machine has been set.
func Clock() time.Duration { return time.Duration(clock.Load()) }
