package execution

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// WaitKind says what a wait is for. Its text is stored.
type WaitKind string

// The kinds of waits.
const (
	WaitForSignal   WaitKind = "signal"
	WaitForApproval WaitKind = "approval"
)

// WaitOutcome says how a wait ended. Its text is stored.
type WaitOutcome string

// The outcomes of waits.
const (
	WaitReceived WaitOutcome = "received" // a signal came
	WaitApproved WaitOutcome = "approved"
	WaitRejected WaitOutcome = "rejected"
	WaitTimeout  WaitOutcome = "timeout"
)

// Limits of the waits of one execution.
const (
	// MaxWaits is how many waits may be open at a time.
	MaxWaits = 100
	// MaxSignals is how many signals are kept for waits to come.
	MaxSignals = 1000
	// SignalKeys is how many of the latest idempotency keys of signals are remembered.
	SignalKeys = 64
)

// WaitStart is the start of a durable wait.
type WaitStart struct {
	Step    string
	Kind    WaitKind
	Name    string        // empty: as WaitNameOf the step
	Timeout time.Duration // how long to wait; judged only when Bounded
	Bounded bool
	Payload []byte // what the approver sees, as JSON; may be nil
	// Recorded says that the store already holds this wait.
	Recorded bool
}

// WaitNameOf is the name of a step's wait that was given none: the step's key without the number that tells repeated
// uses of a name apart.
func WaitNameOf(step string) string {
	i := strings.LastIndexByte(step, '#')
	if i <= 0 || i == len(step)-1 || strings.Trim(step[i+1:], "0123456789") != "" {
		return step
	}
	return step[:i]
}

// WaitName is the name of the wait that the event begins.
func (e *Event) WaitName() string {
	if e.Message != "" {
		return e.Message
	}
	return WaitNameOf(e.Step)
}

// StartWait records a wait for a signal or an approval. A signal that was kept for it is taken at once, and a wait of no
// length at all for which none was kept times out at once: then there is a second event, which ends the wait. The worker
// keeps its lease, and suspends when it has nothing else to do.
func (x *Execution) StartWait(l Lease, c WaitStart, now Time) ([]Event, error) {
	if err := x.holder(l); err != nil {
		return nil, err
	}
	if c.Recorded {
		return nil, refuse(CodeStepRecorded, x, "wait %q was already started", c.Step)
	}
	if err := x.accepting(l, len(c.Payload)); err != nil {
		return nil, err
	}
	in := x.Inbox.open()
	if len(in.Waits) >= MaxWaits {
		return nil, refuse(CodeWaitLimit, x, "%d waits are open, the most an execution may have", len(in.Waits))
	}
	by := Actor{ActorSession, x.Session}
	e := Event{Kind: EventWaitStarted, Actor: by, Step: c.Step, Code: string(c.Kind), Body: c.Payload}
	if c.Name != "" && c.Name != WaitNameOf(c.Step) {
		e.Message = c.Name
	}
	if c.Bounded {
		e.Until = now.Add(max(c.Timeout, 0))
	}
	name := e.WaitName()
	events := []Event{x.record(e, now)}
	switch {
	case c.Kind == WaitForSignal && in.count(name) > 0:
		events = append(events, x.endWait(Event{Step: c.Step, Actor: by, Code: string(WaitReceived)}, now))
	case c.Bounded && c.Timeout <= 0:
		events = append(events, x.endWait(Event{Step: c.Step, Actor: by, Code: string(WaitTimeout)}, now))
	}
	return events, nil
}

// AskWait is a question about a wait that was started: when it has timed out and nobody has noted it, it ends, and
// there is an event.
func (x *Execution) AskWait(l Lease, step string, now Time) (e Event, ok bool, err error) {
	if err := x.holder(l); err != nil {
		return Event{}, false, err
	}
	for _, w := range x.Inbox.Waits() {
		if w.Step == step && w.over(now) {
			by := Actor{ActorSession, x.Session}
			return x.endWait(Event{Step: step, Actor: by, Code: string(WaitTimeout)}, now), true, nil
		}
	}
	return Event{}, false, nil
}

// endWait records the end of an open wait. An execution that let go of its worker for its waits is offered again.
func (x *Execution) endWait(e Event, now Time) Event {
	e.Kind = EventWaitEnded
	if !x.Leased() && (x.Status == Waiting || x.Why == WhyStepBackoff && x.ReadyAt == 0) {
		x.Status = Running
		x.offer(WhyWorker, now)
	}
	return x.record(e, now)
}

// SignalSent is a signal for an execution.
type SignalSent struct {
	Actor   Actor
	Name    string
	Key     uint64 // fingerprint of the idempotency key, 0 when there is none
	Payload []byte // JSON; may be nil
}

// Signal gives a signal to the oldest wait of its name, which ends, or keeps it for one that is still to come. A key
// that is among the last SignalKeys does nothing again, also when the execution has ended: there are no events.
func (x *Execution) Signal(c SignalSent, now Time) ([]Event, error) {
	in := x.Inbox.open()
	if c.Key != 0 && slices.Contains(in.Keys, c.Key) {
		return nil, nil
	}
	if err := x.undecided(); err != nil {
		return nil, err
	}
	if err := x.room(len(c.Payload)); err != nil {
		return nil, err
	}
	w := in.oldest(now, func(w *Wait) bool { return w.Kind == WaitForSignal && w.Name == c.Name })
	if n := in.count(""); w == nil && n >= MaxSignals {
		return nil, refuse(CodeSignalLimit, x, "%d signals are kept that no wait has taken, the most an execution may have", n)
	}
	events := []Event{x.record(Event{Kind: EventSignalled, Actor: c.Actor, Step: c.Name, Hash: c.Key, Body: c.Payload}, now)}
	if w != nil {
		events = append(events, x.endWait(Event{Step: w.Step, Actor: c.Actor, Code: string(WaitReceived)}, now))
	}
	return events, nil
}

// Decision approves or rejects what an execution awaits.
type Decision struct {
	Actor    Actor
	Step     string // the wait's step; empty: chosen by Name
	Name     string // the wait's name, the oldest of several; empty: the only approval that is awaited
	Approved bool
	Comment  string
	By       string // who decided, as shown to people
	Payload  []byte // JSON; may be nil
}

// Approval is the step of the awaited approval with the given step or name, the oldest of several of one name; with
// neither it is the only one that is awaited.
func (x *Execution) Approval(step, name string, now Time) (string, error) {
	if err := x.undecided(); err != nil {
		return "", err
	}
	in := x.Inbox.open()
	w := in.oldest(now, func(w *Wait) bool {
		return w.Kind == WaitForApproval && (step == "" || w.Step == step) && (name == "" || w.Name == name)
	})
	if w == nil {
		what := "approval"
		if named := cmp.Or(step, name); named != "" {
			what += fmt.Sprintf(" %q", named)
		}
		return "", refuse(CodeNotAwaiting, x, "no %s is awaited: it was never asked for, has been decided, or has timed out", what)
	}
	if step == "" && name == "" {
		other := in.oldest(now, func(v *Wait) bool { return v.Kind == WaitForApproval && v != w })
		if other != nil {
			return "", refuse(CodeAmbiguous, x, "several approvals are awaited, among them %q and %q: name one", w.Name, other.Name)
		}
	}
	return w.Step, nil
}

// Decide ends the wait for an approval.
func (x *Execution) Decide(c Decision, now Time) (Event, error) {
	step, err := x.Approval(c.Step, c.Name, now)
	if err != nil {
		return Event{}, err
	}
	details := signature(c.By)
	if err := x.room(len(c.Payload) + len(details)); err != nil {
		return Event{}, err
	}
	outcome := WaitRejected
	if c.Approved {
		outcome = WaitApproved
	}
	return x.endWait(Event{
		Step: step, Actor: c.Actor, Code: string(outcome), Message: c.Comment, Details: details, Body: c.Payload,
	}, now), nil
}

// expireWaits ends the waits that time out at the instant or before. The events carry the engine as their actor.
func (x *Execution) expireWaits(dst []Event, at, now Time) []Event {
	for _, w := range x.Inbox.Waits() {
		if w.over(at) {
			dst = append(dst, x.endWait(Event{Step: w.Step, Code: string(WaitTimeout)}, now))
		}
	}
	return dst
}

// Actionable reports whether the execution has stopped until somebody sends a signal or decides.
func (x *Execution) Actionable() bool { return x.Status == Waiting && len(x.Inbox.Waits()) > 0 }

// undecided checks that the execution's outcome is still open.
func (x *Execution) undecided() error {
	switch {
	case x.Status.Final():
		return refuse(CodeAlreadyTerminal, x, "the execution is already %s", x.Status)
	case x.Status == Finalizing:
		return refuse(CodeInvalidState, x, "the outcome is decided: the execution will be %s", x.Intended)
	}
	return nil
}

// signed is the details of an event that a person made.
type signed struct {
	By string `json:"by,omitempty"`
}

func signature(by string) []byte {
	if by == "" {
		return nil
	}
	b, _ := json.Marshal(signed{by}) // a text cannot fail
	return b
}

// Signer is who made the event as its caller named them, empty when nobody was named.
func (e *Event) Signer() string {
	if len(e.Details) == 0 {
		return ""
	}
	var s signed
	_ = json.Unmarshal(e.Details, &s) // other details have no signer
	return s.By
}
