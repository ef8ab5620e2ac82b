package execution

import (
	"cmp"
	"time"
)

// Cancel asks an execution to stop.
type Cancel struct {
	Actor  Actor
	Reason CancelReason  // zero: CancelByRequest
	Note   string        // the caller's words, kept in the event
	Grace  time.Duration // how long a leased execution may take to stop by itself; zero or less: no time at all
}

// RequestCancel cancels an execution that no worker holds at once, and stamps one that is held: its worker learns at
// its next contact, and the engine finishes the cancel by itself after the grace. Asking again keeps the first stamp:
// ok is false and there is no event. A final execution is refused.
func (x *Execution) RequestCancel(c Cancel, now Time) (e Event, ok bool, err error) {
	switch {
	case x.Status.Final():
		return Event{}, false, refuse(CodeAlreadyTerminal, x, "the execution is already %s", x.Status)
	case x.CancelRequestedAt != 0 || x.Status == Finalizing:
		return Event{}, false, nil
	}
	c.Reason = cmp.Or(c.Reason, CancelByRequest)
	x.CancelRequestedAt, x.CancelReason = now, c.Reason
	if !x.Leased() {
		return x.finish(Cancelled, Event{Actor: c.Actor, Message: c.Note}, now), true, nil
	}
	x.CancelBy = now.Add(max(c.Grace, 0))
	return x.record(Event{Kind: EventCancelRequest, Actor: c.Actor, Message: c.Note, Code: c.Reason.String(), Until: x.CancelBy}, now), true, nil
}

// ConfirmCancel ends a requested cancel: the holder has stopped.
func (x *Execution) ConfirmCancel(l Lease, now Time) (Event, error) {
	if err := x.holder(l); err != nil {
		return Event{}, err
	}
	if x.CancelRequestedAt == 0 {
		return Event{}, refuse(CodeInvalidState, x, "nobody asked for this execution to be cancelled")
	}
	by := Actor{ActorSession, x.Session}
	return x.finish(Cancelled, Event{Actor: by}, now), nil
}

// Terminate ends an execution at once, whoever holds it and without finalizers: cancelled, or as intended when its
// outcome is decided and only finalizers were left.
func (x *Execution) Terminate(by Actor, note string, now Time) (Event, error) {
	if x.Status.Final() {
		return Event{}, refuse(CodeAlreadyTerminal, x, "the execution is already %s", x.Status)
	}
	x.Finalizers = 0
	if x.Status == Finalizing {
		return x.finish(x.Intended, Event{Actor: by, Message: note}, now), nil
	}
	if x.CancelRequestedAt == 0 {
		x.CancelRequestedAt = now
	}
	x.CancelReason = CancelByTerminate
	return x.finish(Cancelled, Event{Actor: by, Message: note}, now), nil
}
