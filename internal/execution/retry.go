package execution

import (
	"math"
	"time"
)

// Retry is a retry policy. Zero fields mean the defaults; a field that is not a number does too, or means no jitter.
type Retry struct {
	MaxAttempts int32         // tries in all; default 1: no retry; negative: no limit
	Initial     time.Duration // delay before the second try; default 1 s, also when negative
	Max         time.Duration // longest delay; default 5 min, also when negative; a year is never exceeded
	Coefficient float64       // growth of the delay from try to try; default 2, also when below 1
	Jitter      float64       // share of the delay, 0 to 1, that is random; default 0.2, negative: none, above 1: all
}

// Defaults and bounds of a policy.
const (
	DefaultInitial     = time.Second
	DefaultMaxInterval = 5 * time.Minute
	DefaultCoefficient = 2.0
	DefaultJitter      = 0.2
	maxDelay           = 365 * 24 * time.Hour
)

func (r Retry) attempts() int32 {
	switch {
	case r.MaxAttempts == 0:
		return 1
	case r.MaxAttempts < 0:
		return math.MaxInt32
	}
	return r.MaxAttempts
}

// Delay is how long to wait after the given failed try, counted from 1. random, 0 to 1, places the delay within its
// jitter: the full delay is shortened by at most the jitter's share, so it never exceeds Max.
func (r Retry) Delay(try int32, random float64) time.Duration {
	initial, longest, coefficient, jitter := r.Initial, r.Max, r.Coefficient, r.Jitter
	if initial <= 0 {
		initial = DefaultInitial
	}
	if longest <= 0 {
		longest = DefaultMaxInterval
	}
	if !(coefficient >= 1) {
		coefficient = DefaultCoefficient
	}
	switch {
	case jitter == 0:
		jitter = DefaultJitter
	case !(jitter > 0):
		jitter = 0
	}
	longest = min(longest, maxDelay)
	if !(random > 0) {
		random = 0
	}
	d := float64(initial) * math.Pow(coefficient, float64(max(try, 1)-1))
	if !(d < float64(longest)) {
		d = float64(longest)
	}
	d -= d * min(jitter, 1) * min(random, 1)
	return min(time.Duration(d), longest)
}
