package execution

import (
	"math"
	"time"
)

// Time is an instant in microseconds since the Unix epoch, as the store's clock tells it. Zero means none.
type Time int64

// MaxTime is the last instant that TimeLayout can write: the end of the year 9999. Later ones are brought back to it.
const MaxTime Time = 253402300799_999_999

// TimeOf converts t, dropping what is below a microsecond. The zero time.Time is none.
func TimeOf(t time.Time) Time {
	if t.IsZero() {
		return 0
	}
	return min(Time(t.UnixMicro()), MaxTime)
}

// Std converts to the standard library's type, in UTC.
func (t Time) Std() time.Time { return time.UnixMicro(int64(t)).UTC() }

// Add is the instant d later, rounded up to a whole microsecond, so that no wait is shorter than it was asked to be. It
// stops at MaxTime.
func (t Time) Add(d time.Duration) Time {
	n := Time(d / time.Microsecond)
	if d%time.Microsecond > 0 {
		n++
	}
	if n > 0 && t > MaxTime-n {
		return MaxTime
	}
	return t + n
}

// Sub is the duration from u to t, at most what a duration holds: 292 years.
func (t Time) Sub(u Time) time.Duration {
	const most = Time(math.MaxInt64 / time.Microsecond)
	return time.Duration(min(max(t-u, -most), most)) * time.Microsecond
}

// TimeLayout is how instants are written outside: RFC 3339 in UTC with milliseconds.
const TimeLayout = "2006-01-02T15:04:05.000Z"

// Append appends the instant in TimeLayout.
func (t Time) Append(dst []byte) []byte { return t.Std().AppendFormat(dst, TimeLayout) }

func (t Time) String() string { return t.Std().Format(TimeLayout) }

// earliest is the smallest of the instants that are set, or zero when none is.
func earliest(ts ...Time) Time {
	var m Time
	for _, t := range ts {
		if t != 0 && (m == 0 || t < m) {
			m = t
		}
	}
	return m
}
