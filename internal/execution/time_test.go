package execution

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTimesNeverWrapAround(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := Time(rapid.Int64Range(0, int64(MaxTime)).Draw(t, "at"))
		d := time.Duration(rapid.Int64().Draw(t, "d"))
		later := at.Add(d)
		if d >= 0 && (later < at || later > MaxTime) || d < 0 && later > at {
			t.Fatalf("%s and %s is %s", at, d, later)
		}
		// Never short, and less than a microsecond long.
		if exact := float64(d) / 1000; later < MaxTime && math.Abs(float64(later-at)-exact) > 1+math.Abs(exact)/1e12 {
			t.Fatalf("%s and %s is %s", at, d, later)
		}
		if micros := Time(d / time.Microsecond); later < MaxTime && (later-at < micros || later-at == micros && d%time.Microsecond > 0) {
			t.Fatalf("%s and %s is %s, too early", at, d, later)
		}
		other := Time(rapid.Int64Range(0, int64(MaxTime)).Draw(t, "other"))
		if between := at.Sub(other); between >= 0 != (at >= other) || between != -other.Sub(at) {
			t.Fatalf("from %s to %s it is %s", other, at, between)
		}
	})
}

func TestTimesInText(t *testing.T) {
	for at, want := range map[Time]string{
		0:                        "1970-01-01T00:00:00.000Z",
		1_790_000_000_123_456:    "2026-09-21T14:13:20.123Z",
		MaxTime:                  "9999-12-31T23:59:59.999Z",
		MaxTime.Add(time.Hour):   "9999-12-31T23:59:59.999Z",
		Time(-62135596800000000): "0001-01-01T00:00:00.000Z",
	} {
		if got := string(at.Append(nil)); got != want || at.String() != want {
			t.Errorf("%d is %s, want %s", at, got, want)
		}
	}
	if at := TimeOf(time.Time{}); at != 0 {
		t.Errorf("the zero time is %d", at)
	}
	if at := TimeOf(time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)); at != MaxTime {
		t.Errorf("the year 12026 is %s", at)
	}
	when := time.Date(2026, 11, 22, 1, 2, 3, 456789999, time.FixedZone("", 3600))
	if back := TimeOf(when).Std(); !back.Equal(when.Truncate(time.Microsecond)) || back.Location() != time.UTC {
		t.Errorf("%s comes back as %s", when, back)
	}
}

func TestEarliest(t *testing.T) {
	for want, of := range map[Time][]Time{0: {0, 0}, 3: {0, 3, 5, 0, 4}, -1: {7, -1, 0}} {
		if got := earliest(of...); got != want {
			t.Errorf("the earliest of %v is %d", of, got)
		}
	}
}

// TestHugeAndNegativeDurations: what a caller may send never brings an instant round to the past.
func TestHugeAndNegativeDurations(t *testing.T) {
	for _, d := range []time.Duration{math.MaxInt64, math.MaxInt64 - 1} {
		x, _ := New(Start{StartAt: math.MaxInt64, Timeout: d, QueueTTL: d}, origin)
		if x.Status != Created || x.WakeAt != MaxTime || x.DeadlineAt <= origin || x.ExpiresAt != MaxTime || x.DueAt() <= origin {
			t.Errorf("%s: starts at %s, deadline %s, expires %s", d, x.WakeAt, x.DeadlineAt, x.ExpiresAt)
		}
		x = leased(Start{}, 0)
		must(x.StartSleep(rightLease, Sleep{Step: "s", Duration: d}, MaxTime-5))
		if x.WakeAt != MaxTime {
			t.Errorf("a sleep of %s ends at %s", d, x.WakeAt)
		}
		if must(x.Suspend(rightLease, math.MaxInt64, origin+minute)); x.WakeAt != MaxTime {
			t.Errorf("suspended until %s", x.WakeAt)
		}
		x = leased(Start{}, 0)
		if x.RequestCancel(Cancel{Grace: d}, origin+minute); x.CancelBy <= origin+minute { //nolint:errcheck // CancelBy tells
			t.Errorf("a grace of %s ends at %s", d, x.CancelBy)
		}
	}
	x, _ := New(Start{StartAt: -5, Timeout: -time.Hour, QueueTTL: -1}, origin)
	if x.Status != Pending || x.DueAt() != 0 {
		t.Errorf("negative durations are something: %+v", x)
	}
	x = leased(Start{}, 0)
	must(x.StartSleep(rightLease, Sleep{Step: "s", Duration: -time.Hour}, origin+minute))
	if must(x.Suspend(rightLease, -7, origin+minute)); x.WakeAt != origin+minute {
		t.Errorf("a sleep that is over keeps it until %s", x.WakeAt)
	}
	x = leased(Start{}, 0)
	if x.RequestCancel(Cancel{Grace: -time.Hour}, origin+minute); x.CancelBy != origin+minute { //nolint:errcheck // CancelBy tells
		t.Errorf("a negative grace ends at %s", x.CancelBy)
	}
}
