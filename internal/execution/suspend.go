package execution

import (
	"math"
	"time"
)

// Sleep is the start of a durable sleep.
type Sleep struct {
	Step     string
	Duration time.Duration
	Recorded bool // the store already holds this sleep
}

// StartSleep records when the sleep ends, so that a crash never restarts it. The worker keeps its lease; for a sleep
// longer than ShortSleep it suspends next, a shorter one it waits for itself.
func (x *Execution) StartSleep(l Lease, c Sleep, now Time) (Event, error) {
	if err := x.holder(l); err != nil {
		return Event{}, err
	}
	if c.Recorded {
		return Event{}, refuse(CodeStepRecorded, x, "sleep %q was already started", c.Step)
	}
	if err := x.accepting(l, 0); err != nil {
		return Event{}, err
	}
	until, long := now.Add(max(c.Duration, 0)), c.Duration > ShortSleep
	switch {
	case x.sleptOut(now):
		x.WakeAt = until
	case long || x.Why == WhyTimer:
		x.WakeAt = min(x.WakeAt, until)
	default:
		x.WakeAt = max(x.WakeAt, until)
	}
	if long {
		x.Why = WhyTimer
	}
	return x.record(Event{Kind: EventSleepStarted, Actor: Actor{ActorSession, x.Session}, Step: c.Step, Until: until}, now), nil
}

// sleptOut reports whether no sleep begun under this lease can still be waited for: there is none, or only short ones,
// which the worker has waited for itself and which are over to the last. The end of a longer one counts even when it
// is past, because a worker that suspends may not have noticed it: waking once too often costs a claim, waking too
// seldom loses a timer.
func (x *Execution) sleptOut(now Time) bool {
	return x.WakeAt == 0 || x.WakeAt <= now && x.Why != WhyTimer
}

// Suspend parks the execution until its earliest timer, or the end of an open wait, and releases the lease. wakeAt is
// the earliest timer the worker knows of; a sleep started under this lease counts by itself, so zero is enough when there
// is one, or an open wait. A timer that is over wakes the execution at once, and so does a wait that ended since the
// claim: the worker may not have seen it end.
func (x *Execution) Suspend(l Lease, wakeAt, now Time) (Event, error) {
	if err := x.accepting(l, 0); err != nil {
		return Event{}, err
	}
	in := x.Inbox.open()
	wake := earliest(x.WakeAt, wakeAt)
	if (wakeAt != 0 || len(in.Waits) > 0) && x.sleptOut(now) {
		wake = wakeAt
	}
	switch {
	case in.Ended:
		wake = now
	case wake != 0:
		wake = min(max(wake, now), MaxTime)
	case len(in.Waits) == 0:
		return Event{}, refuse(CodeNothingToWait, x, "nothing would wake the execution: start a sleep or a wait first or give wake_at")
	}
	by := Actor{ActorSession, x.Session}
	x.unlease()
	x.Status, x.Why, x.WakeAt = Waiting, WhyTimer, wake
	if len(in.Waits) > 0 {
		x.Why = WhySignal
		if in.Waits[0].Kind == WaitForApproval {
			x.Why = WhyApproval
		}
	}
	return x.record(Event{Kind: EventSuspended, Actor: by, Until: wake}, now), nil
}

// ReportProgress records how far the work is, 0 to 1. Progress never falls: a lower value is accepted and ignored, with
// ok false and no event.
func (x *Execution) ReportProgress(l Lease, value float64, now Time) (e Event, ok bool, err error) {
	if err := x.accepting(l, 0); err != nil {
		return Event{}, false, err
	}
	if !(value >= 0 && value <= 1) {
		return Event{}, false, refuse(CodeInvalidProgress, x, "progress must be a number from 0 to 1")
	}
	value = math.Abs(value) // there is no negative zero in what others read
	if value <= x.Progress {
		return Event{}, false, nil
	}
	x.Progress = value
	return x.record(Event{Kind: EventProgressed, Actor: Actor{ActorSession, x.Session}, Value: value}, now), true, nil
}
