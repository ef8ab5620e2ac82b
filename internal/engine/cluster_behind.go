package engine

import (
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

// Behind is how long ago the server last read what other servers did: about a second when all is well. ok is false on a
// store that one server uses alone, and before the first time.
func (e *Engine) Behind() (d time.Duration, ok bool) {
	if e.cluster == nil {
		return 0, false
	}
	good := execution.Time(e.cluster.good.Load())
	if good == 0 {
		return 0, false
	}
	return max(e.pulse().Sub(good), 0), true
}
