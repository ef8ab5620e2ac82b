package execution

import (
	"cmp"
	"time"
)

// StepStarted shows that a step is in flight. It is optional: workers send it for steps that take long.
type StepStarted struct {
	Step string
	Try  int32
	Hash uint64
}

// StartStep records that a step began.
func (x *Execution) StartStep(l Lease, c StepStarted, now Time) (Event, error) {
	if err := x.accepting(l, 0); err != nil {
		return Event{}, err
	}
	return x.record(Event{Kind: EventStepStarted, Actor: Actor{ActorSession, x.Session}, Step: c.Step, Try: max(c.Try, 1), Hash: c.Hash}, now), nil
}

// StepCompleted is a step's one result.
type StepCompleted struct {
	Step   string
	Try    int32 // from 1
	Since  Time  // when the step began, by the worker's clock; zero: unknown
	Hash   uint64
	Output []byte
	// Recorded says that the store already holds a result for this step.
	Recorded bool
}

// CompleteStep records a step's result. A step that has one already is refused with CodeStepRecorded, so that a result
// never changes.
func (x *Execution) CompleteStep(l Lease, c StepCompleted, now Time) (Event, error) {
	if err := x.holder(l); err != nil {
		return Event{}, err
	}
	if c.Recorded {
		return Event{}, refuse(CodeStepRecorded, x, "step %q already has its result", c.Step)
	}
	if err := x.accepting(l, len(c.Output)); err != nil {
		return Event{}, err
	}
	x.Steps++
	x.Strikes = 0
	return x.record(Event{
		Kind: EventStepCompleted, Actor: Actor{ActorSession, x.Session}, Step: c.Step, Try: max(c.Try, 1),
		Since: x.began(c.Since, now), Hash: c.Hash, Body: c.Output,
	}, now), nil
}

// StepFailed is one failed try of a step.
type StepFailed struct {
	Step     string
	Since    Time
	Hash     uint64
	Recorded bool // as in StepCompleted
	Failure  Failure
	// Busy says that other branches of the handler are at work: the lease is kept however long the wait.
	Busy bool
}

// Failure is an error with what decides about a retry.
type Failure struct {
	Code    string // machine-readable; empty: "error"
	Message string
	Details []byte // JSON object, for example with the stack; may be empty
	Policy  Retry
	Try     int32   // which try failed, from 1; less is 1
	Final   bool    // the worker says a retry cannot help
	Random  float64 // 0 to 1, drawn by the caller, for the jitter
}

// FailStep records a failed try and decides what follows: the event's Until is when to try again, zero when the step
// has failed for good. A wait longer than ShortSleep releases the lease, unless other branches are busy; the execution
// comes back when it is over, or earlier when a sleep or a wait ends earlier.
func (x *Execution) FailStep(l Lease, c StepFailed, now Time) (Event, error) {
	if err := x.holder(l); err != nil {
		return Event{}, err
	}
	if c.Recorded {
		return Event{}, refuse(CodeStepRecorded, x, "step %q already has its result", c.Step)
	}
	if err := x.accepting(l, len(c.Failure.Details)); err != nil {
		return Event{}, err
	}
	e := Event{
		Kind: EventStepFailed, Actor: Actor{ActorSession, x.Session}, Step: c.Step, Try: max(c.Failure.Try, 1),
		Since: x.began(c.Since, now), Hash: c.Hash,
		Code: cmp.Or(c.Failure.Code, ErrorGeneric), Message: c.Failure.Message, Details: c.Failure.Details,
	}
	if delay, again := c.Failure.next(); again {
		e.Until = now.Add(delay)
		if delay > ShortSleep && !c.Busy {
			x.unlease()
			if x.sleptOut(now) {
				x.WakeAt = 0
			}
			x.WakeAt, x.Why = max(earliest(x.WakeAt, e.Until), now), WhyStepBackoff
			if x.Inbox.Unseen() {
				x.WakeAt = now // the branch that waited does not wait for this one
			}
		}
	}
	return x.record(e, now), nil
}

// next is the delay before the next try, or false when there is none.
func (f *Failure) next() (time.Duration, bool) {
	if f.Final || max(f.Try, 1) >= f.Policy.attempts() {
		return 0, false
	}
	return f.Policy.Delay(f.Try, f.Random), true
}

// began is when a step began as far as a worker's clock can be believed: between the first claim and now.
func (x *Execution) began(since, now Time) Time {
	if since <= 0 {
		return 0
	}
	return min(max(since, x.StartedAt), now)
}
