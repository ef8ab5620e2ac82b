package execution

import "cmp"

// Codes of outcomes, in ErrorCode.
const (
	ErrorPoison     = "poison"        // failed: its workers were lost too often
	ErrorTimeout    = "timeout"       // cancelled: its deadline passed
	ErrorQueueTTL   = "queue_ttl"     // rejected: no worker took it in time
	ErrorTerminated = "terminated"    // cancelled: an operator ended it at once
	ErrorGeneric    = "error"         // failed: the handler gave no code
	ErrorRejected   = "rejected"      // rejected: the handler gave no code
	ErrorRequested  = "cancelled"     // cancelled: on request
	ErrorForced     = "cancel_forced" // cancelled: on request, by the engine, the grace being over
)

// Outcomes are the codes that the engine itself gives, each with the state it belongs to and what it means. A handler
// may give failed and rejected any other code.
var Outcomes = []struct {
	Code    string
	Status  Status
	Meaning string
}{
	{ErrorGeneric, Failed, "The handler failed and gave no code."},
	{ErrorPoison, Failed, "Its workers were lost too often with a step in flight."},
	{ErrorRequested, Cancelled, "Stopped on request."},
	{ErrorForced, Cancelled, "Stopped on request, by the engine: the worker did not stop within the grace."},
	{ErrorTimeout, Cancelled, "Its deadline passed."},
	{ErrorTerminated, Cancelled, "An operator ended it at once."},
	{ErrorRejected, Rejected, "The handler declined and gave no code."},
	{ErrorQueueTTL, Rejected, "No worker took it within its time-to-live in the queue."},
}

// Complete ends the execution with its handler's output. It is accepted also while a cancel is under way: the work was
// done first.
func (x *Execution) Complete(l Lease, output []byte, now Time) (Event, error) {
	if err := x.holder(l); err != nil {
		return Event{}, err
	}
	by := Actor{ActorSession, x.Session}
	x.unlease()
	return x.finish(Completed, Event{Actor: by, Body: output}, now), nil
}

// Fail ends an attempt of the handler with an error: retried as its policy says, otherwise failed. While a cancel is
// under way the execution is cancelled.
func (x *Execution) Fail(l Lease, f Failure, now Time) (Event, error) {
	if err := x.holder(l); err != nil {
		return Event{}, err
	}
	by := Actor{ActorSession, x.Session}
	x.unlease()
	e := Event{Actor: by, Code: cmp.Or(f.Code, ErrorGeneric), Message: f.Message, Details: f.Details}
	if x.CancelRequestedAt != 0 {
		e.Code = ""
		return x.finish(Cancelled, e, now), nil
	}
	x.Failures++
	f.Try = x.Failures
	delay, again := f.next()
	if !again || x.Revision >= MaxRevision {
		return x.finish(Failed, e, now), nil
	}
	e.Kind, e.Until = EventAttemptFailed, now.Add(delay)
	x.WakeAt, x.Why = e.Until, WhyBackoff
	return x.record(e, now), nil
}

// Reject ends the execution as declined, with the handler's reason; also, as Complete does, while a cancel is under way.
func (x *Execution) Reject(l Lease, code, message string, details []byte, now Time) (Event, error) {
	if err := x.holder(l); err != nil {
		return Event{}, err
	}
	by := Actor{ActorSession, x.Session}
	x.unlease()
	return x.finish(Rejected, Event{Actor: by, Code: code, Message: message, Details: details}, now), nil
}

// Finalize ends a finalizing execution in its intended state.
func (x *Execution) Finalize(now Time) (Event, error) {
	if x.Status != Finalizing {
		return Event{}, refuse(CodeInvalidState, x, "only a finalizing execution can be finalized, this one is %s", x.Status)
	}
	return x.finish(x.Intended, Event{}, now), nil
}

// finish decides the outcome. With finalizers left it waits for them in finalizing, otherwise it is final at once. What
// no worker ever had is final at once too: nothing was done that finalizers could undo.
func (x *Execution) finish(outcome Status, e Event, now Time) Event {
	x.unlease()
	x.ReadyAt, x.WakeAt, x.ExpiresAt, x.CancelBy, x.Why = 0, 0, 0, 0, WhyNothing
	if outcome == Cancelled && e.Message == "" && x.Inbox != "" {
		e.Message = x.Inbox.open().Note
	}
	if outcome != Completed {
		if e.Code == "" {
			e.Code = x.outcomeCode(outcome)
		}
		x.ErrorCode = e.Code
	}
	if x.Finalizers > 0 && x.Status.CanBecome(Finalizing) {
		x.Status, x.Intended = Finalizing, outcome
		e.Kind = EventFinalizing
		return x.record(e, now)
	}
	x.Status, x.Intended, x.Finalizers, x.CompletedAt = outcome, Created, 0, now
	e.Kind = finalEvent(outcome)
	return x.record(e, now)
}

func (x *Execution) outcomeCode(outcome Status) string {
	switch {
	case x.ErrorCode != "":
		return x.ErrorCode
	case outcome == Failed:
		return ErrorGeneric
	case outcome == Rejected:
		return ErrorRejected
	}
	switch x.CancelReason {
	case CancelByTimeout:
		return ErrorTimeout
	case CancelByTerminate:
		return ErrorTerminated
	default:
		return ErrorRequested
	}
}
