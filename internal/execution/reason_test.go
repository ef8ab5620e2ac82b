package execution

import (
	"testing"
	"time"
)

func TestReasonsInWords(t *testing.T) {
	lost := func(n int) Execution {
		x := struck(n-1, 0)
		must(x.LoseLease(5, true, origin+4*second))
		return x
	}
	woken := suspended(Start{}, 0)
	woken.Fire(nil, 0, origin+2*hour)
	created := started(Start{StartAt: origin + hour})
	for name, c := range map[string]struct {
		x       Execution
		workers bool
		code    string
		until   Time
		message string
	}{
		"created":           {created, true, ReasonScheduled, origin + hour, "starts at 2026-09-21T15:13:20.000Z"},
		"pending":           {started(Start{}), true, ReasonQueued, 0, "waits for a free worker since 2026-09-21T14:13:20.000Z"},
		"pending, nobody":   {started(Start{}), false, ReasonNoWorker, 0, "no worker serves this workflow; it has waited for 1m0s"},
		"leased":            {leased(Start{}, 0), false, ReasonExecuting, 0, "a worker runs attempt 1"},
		"backoff":           {backingOff(Start{}, 0), false, ReasonBackoff, origin + 62*second, "failed and is retried: runs again at 2026-09-21T14:14:22.000Z"},
		"waiting":           {suspended(Start{}, 0), false, ReasonTimer, origin + 2*second + hour, "waits for a timer that ends at 2026-09-21T15:13:22.000Z"},
		"woken":             {woken, true, ReasonWorker, 0, "waits for the next free worker since 2026-09-21T16:13:20.000Z"},
		"woken, clock back": {woken, false, ReasonNoWorker, 0, "no worker serves this workflow; it has waited for 0s"},
		"lost once":         {lost(1), true, ReasonWorker, 0, "waits for the next free worker since 2026-09-21T14:13:24.000Z"},
		"lost three times":  {lost(3), true, ReasonSoloQueued, 0, "lost its worker 3 times in a row; waits for a worker that runs nothing else"},
		"lost, nobody":      {lost(3), false, ReasonNoWorker, 0, "no worker serves this workflow; it has waited for 56s"},
		"being cancelled": {
			cancelling(0), true, ReasonCancelling, origin + 62*second,
			"its worker is told to stop at its next contact; the engine cancels it at 2026-09-21T14:14:22.000Z by itself",
		},
		"finalizing": {ending(Failed, 1), true, ReasonFinalizing, 0, "ends as failed when its finalizers are done"},
	} {
		r, ok := c.x.Reason(c.workers, origin+minute)
		if want := (Reason{c.code, c.message, c.until}); !ok || r != want {
			t.Errorf("%s: %t\n  %+v, want\n  %+v", name, ok, r, want)
		}
	}
	for _, s := range Final.List() {
		x := ending(s, 0)
		if r, ok := x.Reason(false, origin+minute); ok || r != (Reason{}) {
			t.Errorf("%s has the reason %+v", s, r)
		}
	}
	// A step's backoff says when the execution goes on, not a sleep that some branch is in.
	x := leased(Start{}, 0)
	must(x.FailStep(rightLease, StepFailed{Step: "a", Failure: Failure{Policy: Retry{MaxAttempts: 2, Initial: time.Minute, Jitter: -1}}}, origin+minute))
	if r, _ := x.Reason(false, origin+minute); r.Code != ReasonBackoff || r.Until != origin+2*minute {
		t.Errorf("a step's backoff: %+v", r)
	}
}
