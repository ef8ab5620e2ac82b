package execution

import "fmt"

// Claim gives the execution to a worker session under a new lease.
type Claim struct {
	Session int64
	Lease   Lease
}

// Claim moves an eligible execution to running under the lease. It refuses one that is not in the queue, and one whose
// deadline or time in the queue is over: Fire comes first, so that stale work is never handed out.
func (x *Execution) Claim(c Claim, now Time) (Event, error) {
	switch {
	case x.Status.Final():
		return Event{}, refuse(CodeAlreadyTerminal, x, "the execution is already %s", x.Status)
	case x.ReadyAt == 0:
		return Event{}, refuse(CodeInvalidState, x, "a %s execution that is not in the queue cannot be claimed", x.Status)
	case c.Session == 0 || c.Lease == Lease{}:
		return Event{}, refuse(CodeInvalidState, x, "a claim needs a session and a lease")
	}
	if due := x.DueAt(); due != 0 && due <= now {
		return Event{}, refuse(CodeInvalidState, x, "the execution was due at %s: its time is over", due)
	}
	x.Status, x.Why = Running, WhyNothing
	x.Session, x.Lease = c.Session, c.Lease
	x.ReadyAt, x.ExpiresAt = 0, 0
	x.Attempt++
	if x.StartedAt == 0 {
		x.StartedAt = now
	}
	return x.record(Event{Kind: EventClaimed, Actor: Actor{ActorSession, c.Session}}, now), nil
}

// Return takes back a claim that does not count: its worker never received it, or gave it back while draining. The
// execution is offered again at once; one that is being cancelled is cancelled.
func (x *Execution) Return(l Lease, code string, now Time) (Event, error) {
	if err := x.holder(l); err != nil {
		return Event{}, err
	}
	by := Actor{ActorSession, x.Session}
	x.Attempt--
	x.unlease()
	if x.CancelRequestedAt != 0 {
		return x.finish(Cancelled, Event{Actor: by}, now), nil
	}
	x.offer(WhyWorker, now)
	return x.record(Event{Kind: EventReturned, Actor: by, Code: code}, now), nil
}

// Codes of returned claims.
const (
	ReturnedUnacknowledged = "unacknowledged" // the reply that carried the claim was lost
	ReturnedInterrupted    = "interrupted"    // the worker is draining
)

// LoseLease takes the execution from a session that ended. guilty says that a step may have been in flight: that
// costs a strike, and at MaxStrikes without a completed step between them the execution fails as poison. One that is
// being cancelled is cancelled.
func (x *Execution) LoseLease(session int64, guilty bool, now Time) (Event, error) {
	switch {
	case x.Status.Final():
		return Event{}, refuse(CodeAlreadyTerminal, x, "the execution is already %s", x.Status)
	case x.Session != session || session == 0:
		return Event{}, refuse(CodeStaleLease, x, "the session does not hold the execution")
	}
	x.unlease()
	if guilty {
		x.Strikes++
	}
	switch {
	case x.CancelRequestedAt != 0:
		return x.finish(Cancelled, Event{}, now), nil
	case x.Strikes >= MaxStrikes:
		return x.finish(Failed, Event{
			Code: ErrorPoison, Message: fmt.Sprintf("the worker was lost %d times in a row while running this execution", x.Strikes),
		}, now), nil
	}
	x.offer(WhyWorker, now)
	return x.record(Event{Kind: EventLeaseLost, Actor: Actor{ActorSession, session}}, now), nil
}

// Solo reports whether the execution may only be given to a worker that holds nothing else.
func (x *Execution) Solo() bool { return x.Strikes >= SoloStrikes }
