package execution

import (
	"testing"
	"time"
)

// TestNoTimerIsLost has several branches of a handler sleep under one lease, which then all wait: the execution wakes
// for the first that its worker may not have seen end.
func TestNoTimerIsLost(t *testing.T) {
	type sleep struct {
		at       Time
		duration time.Duration
	}
	for name, c := range map[string]struct {
		sleeps []sleep
		told   Time // the earliest timer that the worker knows
		want   Time
	}{
		"one sleep":                                {[]sleep{{0, time.Hour}}, 0, hour},
		"the shorter of two":                       {[]sleep{{0, time.Hour}, {0, time.Minute}}, 0, minute},
		"the shorter of two, in the other order":   {[]sleep{{0, time.Minute}, {0, time.Hour}}, 0, minute},
		"only what the worker knows":               {nil, hour, hour},
		"what the worker knows is earlier":         {[]sleep{{0, time.Hour}}, minute, minute},
		"what the worker knows is later":           {[]sleep{{0, time.Minute}}, hour, minute},
		"a short one that is over, then a day":     {[]sleep{{0, time.Second}, {5 * second, 24 * time.Hour}}, 0, 5*second + 24*hour},
		"a short one that is over, then a timer":   {[]sleep{{0, time.Second}}, hour, hour},
		"a short one that is over, and no more":    {[]sleep{{0, time.Second}}, 0, 20 * second},
		"a long one ends while another begins":     {[]sleep{{0, 3 * time.Second}, {4 * second, 24 * time.Hour}}, 0, 20 * second},
		"a long one behind a short one":            {[]sleep{{0, 30 * time.Second}, {0, time.Second}, {2 * second, 24 * time.Hour}}, 0, 20 * second},
		"a long one ended, the worker knows later": {[]sleep{{0, 3 * time.Second}}, hour, 20 * second},
		"two short ones, the later still runs":     {[]sleep{{18 * second, time.Second}, {18*second + 500_000, 2 * time.Second}}, hour, 20*second + 500_000},
	} {
		x := leased(Start{}, 0)
		for i, s := range c.sleeps {
			must(x.StartSleep(rightLease, Sleep{Step: string(rune('a' + i)), Duration: s.duration}, origin+s.at))
		}
		now, told := origin+20*second, c.told
		if told != 0 {
			told += origin
		}
		e, err := x.Suspend(rightLease, told, now)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if x.WakeAt != origin+c.want || e.Until != x.WakeAt || x.DueAt() != x.WakeAt || x.Status != Waiting || x.Leased() {
			t.Errorf("%s: %s until %s, want %s", name, x.Status, x.WakeAt, origin+c.want)
		}
		// A later lease knows nothing of the sleeps of this one.
		x.Fire(nil, 0, x.WakeAt)
		must(x.Claim(Claim{Session: 5, Lease: rightLease}, x.ReadyAt))
		if _, err := x.Suspend(rightLease, 0, now); err == nil {
			t.Errorf("%s: suspended again for nothing", name)
		}
	}
}

func TestBackoffOfAStepAndSleeps(t *testing.T) {
	again := Failure{Policy: Retry{MaxAttempts: 5, Initial: time.Minute, Jitter: -1}}
	for name, c := range map[string]struct {
		sleep    time.Duration
		busy     bool
		wait     time.Duration
		released bool
		want     Time
	}{
		"no sleep":                         {0, false, time.Minute, true, 70 * second},
		"a longer sleep":                   {time.Hour, false, time.Minute, true, 70 * second},
		"a sleep that ends before":         {30 * time.Second, false, time.Minute, true, 30 * second},
		"a long sleep that is over":        {5 * time.Second, false, time.Minute, true, 10 * second},
		"a short sleep that is over":       {time.Second, false, time.Minute, true, 70 * second},
		"other branches are busy":          {0, true, time.Minute, false, 0},
		"the worker waits for a short one": {0, false, ShortSleep, false, 0},
	} {
		x := leased(Start{}, 0)
		if c.sleep > 0 {
			must(x.StartSleep(rightLease, Sleep{Step: "s", Duration: c.sleep}, origin))
		}
		f := again
		f.Policy.Initial = c.wait
		e := must(x.FailStep(rightLease, StepFailed{Step: "a", Failure: f, Busy: c.busy}, origin+10*second))
		if e.Until != (origin + 10*second).Add(c.wait) {
			t.Errorf("%s: tried again at %s", name, e.Until)
		}
		if x.Leased() == c.released {
			t.Errorf("%s: leased %t", name, x.Leased())
		} else if c.released && (x.WakeAt != origin+c.want || x.Status != Running || x.ReadyAt != 0) {
			t.Errorf("%s: %s, wakes at %s, want %s", name, x.Status, x.WakeAt, origin+c.want)
		}
	}
}

func TestProgressNeverFalls(t *testing.T) {
	x := leased(Start{}, 0)
	for _, c := range []struct {
		value, want float64
		ok          bool
	}{{0, 0, true}, {0, 0, false}, {0.5, 0.5, true}, {0.4, 0.5, false}, {0.5, 0.5, false}, {1, 1, true}, {0, 1, false}} {
		e, ok, err := x.ReportProgress(rightLease, c.value, origin+minute)
		if err != nil || ok != c.ok || x.Progress != c.want || ok && e.Value != c.value {
			t.Errorf("reporting %v: %t %v, progress is %v", c.value, ok, err, x.Progress)
		}
	}
}
