package webhook

import "time"

// schedule is how long after the one before each attempt is made: ten of them over about 75 hours.
var schedule = [...]time.Duration{
	0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour,
	20 * time.Hour, 24 * time.Hour,
}

// jitter is how far an attempt may lie from its time, as a part of the wait.
const jitter = 0.1

// longestWait bounds what a receiver may ask for by Retry-After.
const longestWait = 24 * time.Hour

// nextAttempt is how long to wait once so many attempts have failed, or 0 when that was the last. The receiver may ask
// for a longer wait. random is from 0 to 1.
func nextAttempt(made int32, asked time.Duration, random float64) time.Duration {
	if made < 1 || int(made) >= len(schedule) {
		return 0
	}
	wait := time.Duration(float64(schedule[made]) * (1 - jitter + 2*jitter*random))
	return max(wait, min(asked, longestWait))
}
