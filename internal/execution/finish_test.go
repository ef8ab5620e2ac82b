package execution

import (
	"testing"
	"time"
)

func TestCodesOfOutcomes(t *testing.T) {
	at := origin + 20*second
	for name, c := range map[string]struct {
		x      Execution
		do     func(x *Execution)
		status Status
		code   string
	}{
		"completed":         {leased(Start{}, 0), func(x *Execution) { must(x.Complete(rightLease, nil, at)) }, Completed, ""},
		"failed":            {leased(Start{}, 0), func(x *Execution) { must(x.Fail(rightLease, Failure{Code: "down"}, at)) }, Failed, "down"},
		"failed, no code":   {leased(Start{}, 0), func(x *Execution) { must(x.Fail(rightLease, Failure{}, at)) }, Failed, ErrorGeneric},
		"rejected":          {leased(Start{}, 0), func(x *Execution) { must(x.Reject(rightLease, "spam", "", nil, at)) }, Rejected, "spam"},
		"rejected, no code": {leased(Start{}, 0), func(x *Execution) { must(x.Reject(rightLease, "", "", nil, at)) }, Rejected, ErrorRejected},
		"cancelled":         {started(Start{}), func(x *Execution) { x.RequestCancel(Cancel{}, at) }, Cancelled, ErrorRequested}, //nolint:errcheck // the state tells
		"confirmed":         {cancelling(0), func(x *Execution) { must(x.ConfirmCancel(rightLease, at)) }, Cancelled, ErrorRequested},
		"failed while being cancelled": {
			cancelling(0), func(x *Execution) { must(x.Fail(rightLease, Failure{Code: "aborted"}, at)) }, Cancelled, ErrorRequested,
		},
		"completed while being cancelled": {cancelling(0), func(x *Execution) { must(x.Complete(rightLease, nil, at)) }, Completed, ""},
		"rejected while being cancelled": {
			cancelling(0), func(x *Execution) { must(x.Reject(rightLease, "spam", "", nil, at)) }, Rejected, "spam",
		},
		"lost while being cancelled": {cancelling(0), func(x *Execution) { must(x.LoseLease(5, true, at)) }, Cancelled, ErrorRequested},
		"forced":                     {cancelling(0), func(x *Execution) { x.Fire(nil, 0, origin+hour) }, Cancelled, ErrorForced},
		"deadline, unleased":         {started(Start{Timeout: time.Second}), func(x *Execution) { x.Fire(nil, time.Hour, at) }, Cancelled, ErrorTimeout},
		"deadline, its worker hangs": {
			leased(Start{Timeout: 2 * time.Second}, 0), func(x *Execution) {
				x.Fire(nil, time.Minute, at)
				x.Fire(nil, time.Minute, at+minute)
			}, Cancelled, ErrorTimeout,
		},
		"deadline, its worker stops": {
			leased(Start{Timeout: 2 * time.Second}, 0), func(x *Execution) {
				x.Fire(nil, time.Minute, at)
				must(x.ConfirmCancel(rightLease, at+1))
			}, Cancelled, ErrorTimeout,
		},
		"queue": {started(Start{QueueTTL: time.Second}), func(x *Execution) { x.Fire(nil, 0, at) }, Rejected, ErrorQueueTTL},
		"queue before deadline, both long past": {
			started(Start{QueueTTL: time.Second, Timeout: 2 * time.Second}), func(x *Execution) { x.Fire(nil, 0, at) }, Rejected, ErrorQueueTTL,
		},
		"deadline before queue, both long past": {
			started(Start{QueueTTL: 2 * time.Second, Timeout: time.Second}), func(x *Execution) { x.Fire(nil, 0, at) }, Cancelled, ErrorTimeout,
		},
		"poison": {struck(MaxStrikes-1, 0), func(x *Execution) { must(x.LoseLease(5, true, at)) }, Failed, ErrorPoison},
		"failed, finalized": {leased(Start{}, 1), func(x *Execution) {
			must(x.Fail(rightLease, Failure{Code: "down"}, at))
			must(x.Finalize(at + 1))
		}, Failed, "down"},
	} {
		c.do(&c.x)
		if c.x.Status != c.status || c.x.ErrorCode != c.code {
			t.Errorf("%s: %s %q, want %s %q", name, c.x.Status, c.x.ErrorCode, c.status, c.code)
		}
		if c.x.CompletedAt == 0 || c.x.Leased() || c.x.Lease != (Lease{}) || c.x.DueAt() != 0 || c.x.ReadyAt != 0 || c.x.Intended != Created {
			t.Errorf("%s: something is left: %+v", name, c.x)
		}
	}
}

func TestHistoryHasItsLimits(t *testing.T) {
	now := origin + minute
	full := leased(Start{}, 0)
	full.Revision = MaxRevision
	heavy := leased(Start{}, 0)
	must(heavy.CompleteStep(rightLease, StepCompleted{Step: "a", Output: make([]byte, MaxBytes-10)}, now))
	for name, c := range map[string]struct {
		x    Execution
		do   func(x *Execution) error
		want Code
	}{
		"events, step": {full, func(x *Execution) error {
			_, err := x.CompleteStep(rightLease, StepCompleted{Step: "b"}, now)
			return err
		}, CodeHistoryLimit},
		"events, sleep":    {full, func(x *Execution) error { _, err := x.StartSleep(rightLease, Sleep{Step: "b"}, now); return err }, CodeHistoryLimit},
		"events, progress": {full, func(x *Execution) error { _, _, err := x.ReportProgress(rightLease, 1, now); return err }, CodeHistoryLimit},
		"events, the end":  {full, func(x *Execution) error { _, err := x.Complete(rightLease, nil, now); return err }, ""},
		"bytes, too many": {heavy, func(x *Execution) error {
			_, err := x.CompleteStep(rightLease, StepCompleted{Step: "b", Output: make([]byte, 11)}, now)
			return err
		}, CodeHistoryLimit},
		"bytes, just so": {heavy, func(x *Execution) error {
			_, err := x.CompleteStep(rightLease, StepCompleted{Step: "b", Output: make([]byte, 10)}, now)
			return err
		}, ""},
		"bytes, an error's details": {heavy, func(x *Execution) error {
			_, err := x.FailStep(rightLease, StepFailed{Step: "b", Failure: Failure{Details: make([]byte, 11)}}, now)
			return err
		}, CodeHistoryLimit},
		"bytes, the end": {heavy, func(x *Execution) error { _, err := x.Complete(rightLease, make([]byte, 1000), now); return err }, ""},
	} {
		if err := c.do(&c.x); codeOf(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	// A full history is not retried: nothing could be recorded any more.
	if e := must(full.Fail(rightLease, Failure{Policy: Retry{MaxAttempts: -1}}, now)); e.Kind != EventFailed {
		t.Errorf("a full history goes on with %s", e.Kind)
	}
}
