package sojourn

import (
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// Retry says how often and after what delays a failed step, or a failed execution, is tried again. It is an option of
// Step and of Handle; without it nothing is retried. Zero fields mean the defaults.
type Retry struct {
	MaxAttempts int           // tries in all; default 3; negative: no limit
	Initial     time.Duration // delay before the second try; default 1 s
	Max         time.Duration // longest delay; default 5 min
	Coefficient float64       // growth of the delay from try to try; default 2, from 1 to 100
	Jitter      float64       // share of the delay, 0 to 1, that is random; default 0.2; negative: none
}

const unlimitedAttempts = math.MaxInt32

func (r Retry) applyStep(o *stepOptions)       { o.retry = r.complete() }
func (r Retry) applyHandler(o *handlerOptions) { o.retry = r.complete() }

// complete fills in the defaults, so that the worker and the server compute the same delays.
func (r Retry) complete() *Retry {
	if r.MaxAttempts == 0 {
		r.MaxAttempts = 3
	}
	if r.MaxAttempts < 0 || r.MaxAttempts > unlimitedAttempts {
		r.MaxAttempts = unlimitedAttempts
	}
	if r.Initial <= 0 {
		r.Initial = time.Second
	}
	if r.Max <= 0 {
		r.Max = max(5*time.Minute, r.Initial)
	}
	r.Initial = min(max(r.Initial, time.Millisecond), r.Max)
	if !(r.Coefficient >= 1) {
		r.Coefficient = 2
	}
	r.Coefficient = min(r.Coefficient, 100)
	switch {
	case r.Jitter == 0 || math.IsNaN(r.Jitter):
		r.Jitter = 0.2
	case r.Jitter < 0:
		r.Jitter = 0
	}
	r.Jitter = min(r.Jitter, 1)
	return &r
}

// delay is the wait after the given failed try, counted from 1: never more than Max, shortened by the jitter.
func (r *Retry) delay(try int) time.Duration {
	d := math.Min(float64(r.Initial)*math.Pow(r.Coefficient, float64(max(try, 1)-1)), float64(r.Max))
	return time.Duration(d - d*r.Jitter*rand.Float64())
}

// capped is the policy with no delay above longest.
func (r *Retry) capped(longest time.Duration) *Retry {
	c := *r
	c.Initial, c.Max = min(r.Initial, longest), min(r.Max, longest)
	return &c
}

func (r *Retry) appendJSON(b []byte) []byte {
	b = append(b, `{"max_attempts":`...)
	b = strconv.AppendInt(b, int64(r.MaxAttempts), 10)
	b = append(b, `,"initial_interval_ms":`...)
	b = strconv.AppendInt(b, ceilMillis(r.Initial), 10)
	b = append(b, `,"max_interval_ms":`...)
	b = strconv.AppendInt(b, ceilMillis(r.Max), 10)
	b = append(b, `,"coefficient":`...)
	b = strconv.AppendFloat(b, r.Coefficient, 'g', -1, 64)
	b = append(b, `,"jitter":`...)
	b = strconv.AppendFloat(b, r.Jitter, 'g', -1, 64)
	return append(b, '}')
}

// ceilMillis rounds up, so that nothing is ever early.
func ceilMillis(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}
