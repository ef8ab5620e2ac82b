//go:build !failpoints

package failpoint

import "time"

// Clock is how far the clock of this machine has been set, for tests: not at all.
func Clock() time.Duration { return 0 }
