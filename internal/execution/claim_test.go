package execution

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func codeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// TestPoisonAfterFiveStrikes: exactly five, only the guilty, and a completed step wipes the slate.
func TestPoisonAfterFiveStrikes(t *testing.T) {
	for name, c := range map[string]struct {
		history string // g: lost with a step in flight, i: lost without, s: a step completed, r: returned, f: failed and retried
		strikes int32
		solo    bool
		poison  bool
	}{
		"four":                       {"gggg", 4, true, false},
		"five":                       {"ggggg", 5, true, true},
		"one":                        {"g", 1, false, false},
		"two":                        {"gg", 2, true, false},
		"innocent ones do not count": {"iiiiiiiigggg", 4, true, false},
		"nor do they clear":          {"gggigirifg", 5, true, true},
		"a completed step clears":    {"ggggsgggg", 4, true, false},
		"and the fifth after it":     {"ggggsggggg", 5, true, true},
	} {
		x := leased(Start{}, 0)
		now, n := origin+minute, 0
		var last Event
		for _, what := range c.history {
			now += second
			switch what {
			case 'g', 'i':
				last = must(x.LoseLease(5, what == 'g', now))
			case 'r':
				last = must(x.Return(rightLease, ReturnedInterrupted, now))
			case 'f':
				must(x.Fail(rightLease, Failure{Policy: Retry{MaxAttempts: -1}}, now))
				now = x.WakeAt
				x.Fire(nil, 0, now)
			case 's':
				n++
				last = must(x.CompleteStep(rightLease, StepCompleted{Step: strings.Repeat("s", n)}, now))
			}
			if !x.Leased() && !x.Status.Final() {
				must(x.Claim(Claim{Session: 5, Lease: rightLease}, now))
			}
		}
		if x.Strikes != c.strikes || x.Solo() != c.solo || (x.Status == Failed) != c.poison {
			t.Errorf("%s: %d strikes, solo %t, %s", name, x.Strikes, x.Solo(), x.Status)
		}
		if c.poison && (x.ErrorCode != ErrorPoison || last.Code != ErrorPoison || !strings.Contains(last.Message, "5 times")) {
			t.Errorf("%s: failed with %q: %+v", name, x.ErrorCode, last)
		}
	}
}

func TestReturnedClaimsDoNotCount(t *testing.T) {
	x := started(Start{QueueTTL: time.Minute})
	now := origin
	for i := range 3 {
		now += second
		l := Lease{byte(i + 1)}
		must(x.Claim(Claim{Session: 8, Lease: l}, now))
		if x.Attempt != 1 || x.StartedAt != origin+second || x.ExpiresAt != 0 {
			t.Fatalf("claim %d is attempt %d, started %s, expires %s", i+1, x.Attempt, x.StartedAt, x.ExpiresAt)
		}
		e := must(x.Return(l, ReturnedUnacknowledged, now))
		if x.Attempt != 0 || x.Status != Running || x.ReadyAt != now || x.Leased() || x.Lease != (Lease{}) || e.Code != ReturnedUnacknowledged {
			t.Fatalf("returned: %+v %+v", x, e)
		}
		if _, err := x.Complete(l, nil, now); codeOf(err) != CodeStaleLease {
			t.Fatalf("the lease of a returned claim: %v", err)
		}
	}
}

// TestStaleWorkIsNotHandedOut: after an outage the queue may hold what is over before anything has fired.
func TestStaleWorkIsNotHandedOut(t *testing.T) {
	for name, x := range map[string]Execution{
		"deadline":      started(Start{Timeout: time.Minute}),
		"time in queue": started(Start{QueueTTL: time.Minute}),
	} {
		c := Claim{Session: 1, Lease: rightLease}
		before := x
		if _, err := x.Claim(c, origin+minute); codeOf(err) != CodeInvalidState || !identical(before, x) {
			t.Errorf("%s: claimed when it is over: %v", name, err)
		}
		if events := x.Fire(nil, 0, origin+minute); len(events) != 1 || !x.Status.Final() {
			t.Errorf("%s: %d events, %s", name, len(events), x.Status)
		}
		if _, err := before.Claim(c, origin+minute-1); err != nil {
			t.Errorf("%s: not claimed just before: %v", name, err)
		}
	}
}

// TestWhenAStepBegan: a worker's clock is believed between the first claim and now.
func TestWhenAStepBegan(t *testing.T) {
	now := origin + hour
	for since, want := range map[Time]Time{
		0: 0, -5: 0, 5: origin + second, origin: origin + second, origin + minute: origin + minute, now: now, now + hour: now,
	} {
		x := leased(Start{}, 0)
		if e := must(x.CompleteStep(rightLease, StepCompleted{Step: "a", Since: since}, now)); e.Since != want {
			t.Errorf("%s is kept as %s, want %s", since, e.Since, want)
		}
		x = leased(Start{}, 0)
		if e := must(x.FailStep(rightLease, StepFailed{Step: "a", Since: since}, now)); e.Since != want {
			t.Errorf("%s is kept as %s, want %s", since, e.Since, want)
		}
	}
}

func TestHolderChangesNothing(t *testing.T) {
	for _, s := range situations() {
		for _, l := range []Lease{rightLease, staleLease, {}} {
			x := s.x
			err := x.Holder(l)
			want := CodeStaleLease
			switch {
			case x.Status.Final():
				want = CodeAlreadyTerminal
			case x.Leased() && l == rightLease:
				want = ""
			}
			if codeOf(err) != want || !identical(x, s.x) {
				t.Errorf("%s, lease %d: %v, want %q", s.name, l[0], err, want)
			}
		}
	}
}
