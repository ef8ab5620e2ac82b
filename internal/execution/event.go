package execution

import "fmt"

// Event records one change of one execution. Events are appended in the transaction that makes the change and are
// never altered; an execution's events have the revisions 1, 2, 3 … without a gap.
type Event struct {
	Execution ID
	Revision  int64
	Kind      EventKind
	At        Time
	Actor     Actor
	Status    Status  // the execution's state after the change
	Attempt   int32   // the execution's attempt after the change
	Try       int32   // the step's own attempt, for events of steps
	Step      string  // the step's key, for events of steps, sleeps and waits; the name of a signal
	Until     Time    // when the wait that begins here ends: start time, end of sleep, timeout, next try
	Since     Time    // when the step that ends here began, as far as the worker said
	Value     float64 // progress
	Code      string  // machine-readable cause
	Message   string  // the cause in words; a decision's comment; the name of a wait that differs from its step's
	Hash      uint64  // fingerprint of the step's input or of a signal's idempotency key, 0 when it has none
	Details   []byte  // a JSON object: what a start carries besides its input, or more about an error; may be nil
	Body      []byte  // the payload: the input, a step's output or the output, as JSON; may be nil
}

// EventKind says what happened. Its number is stored.
type EventKind uint8

// The kinds of events.
const (
	EventCreated       EventKind = iota + 1 // body: the input
	EventReady                              // the start time came
	EventClaimed                            // a worker took it
	EventReturned                           // the claim was never handed over, or a draining worker gave it back
	EventLeaseLost                          // the holder's session ended
	EventStepStarted                        // a step that takes long enough to be worth showing
	EventStepCompleted                      // body: the step's output
	EventStepFailed                         // one try of a step failed; Until: its next try, zero when there is none
	EventSleepStarted                       // Until: its end
	EventProgressed                         // Value: the progress
	EventSuspended                          // every branch is parked; the worker let go
	EventWoken                              // what it waited for came
	EventAttemptFailed                      // the handler failed and is retried; Until: when
	EventRetried                            // the backoff is over
	EventCancelRequest                      // a leased execution was asked to stop
	EventFinalizing                         // the outcome is decided, finalizers run; carries the output or the error, which the final event does not repeat
	EventCompleted                          // body: the output
	EventFailed                             // details: more about the error
	EventCancelled
	EventRejected
	EventWaitStarted // Code: what for; Until: its timeout; body: what the approver sees
	EventSignalled   // Step: the signal's name; Hash: its idempotency key; body: its payload
	EventWaitEnded   // Code: the outcome; a decision's comment, signer and payload. A signal's payload stays in its own event
)

var events = [...]struct{ name, meaning string }{
	EventCreated:       {"created", "it was started; carries the input"},
	EventReady:         {"ready", "its start time came"},
	EventClaimed:       {"claimed", "a worker took it"},
	EventReturned:      {"returned", "the claim was never handed over, or a draining worker gave it back"},
	EventLeaseLost:     {"lease_lost", "the worker that held it was lost"},
	EventStepStarted:   {"step_started", "a step began; sent only for steps that take long"},
	EventStepCompleted: {"step_completed", "a step's one result was recorded"},
	EventStepFailed:    {"step_failed", "one try of a step failed; says when the next one is, if there is one"},
	EventSleepStarted:  {"sleep_started", "a durable sleep began; says when it ends"},
	EventProgressed:    {"progressed", "its progress rose"},
	EventSuspended:     {"suspended", "it waits for a timer and no worker is held"},
	EventWoken:         {"woken", "what it waited for came"},
	EventAttemptFailed: {"attempt_failed", "its handler failed and is retried; says when"},
	EventRetried:       {"retried", "the wait after a failure is over"},
	EventCancelRequest: {"cancel_requested", "the worker that holds it is asked to stop; says when the engine no longer waits"},
	EventFinalizing:    {"finalizing", "its outcome is decided and finalizers run; carries the output or the error"},
	EventCompleted:     {"completed", "it ended with an output"},
	EventFailed:        {"failed", "it ended with an error"},
	EventCancelled:     {"cancelled", "it was stopped"},
	EventRejected:      {"rejected", "it was declined"},
	EventWaitStarted:   {"wait_started", "it began to wait for a signal or an approval; says when that times out"},
	EventSignalled:     {"signalled", "a signal came; the oldest wait of its name takes it, or it is kept for one"},
	EventWaitEnded:     {"wait_ended", "a wait ended: received, approved, rejected or timeout"},
}

func (k EventKind) String() string {
	if k > 0 && int(k) <= EventKinds {
		return events[k].name
	}
	return fmt.Sprintf("event(%d)", uint8(k))
}

// Meaning says in words what happened.
func (k EventKind) Meaning() string {
	if k > 0 && int(k) <= EventKinds {
		return events[k].meaning
	}
	return ""
}

// EventKinds is how many kinds there are; valid kinds are 1 to EventKinds.
const EventKinds = int(EventWaitEnded)

// RecordsStep reports whether the event is the one durable record of its step: at most one such event exists for each
// step key of an execution.
func (k EventKind) RecordsStep() bool {
	return k == EventStepCompleted || k == EventSleepStarted || k == EventWaitStarted
}

// CarriesPayload reports whether the event's body and details are the payloads of the execution itself: what it was
// started with, a step's output or the output.
func (k EventKind) CarriesPayload() bool {
	return k == EventCreated || k == EventStepCompleted || k == EventFinalizing || k == EventCompleted
}

// ParseEventKind finds a kind by name.
func ParseEventKind(name string) (EventKind, bool) {
	for k := EventCreated; int(k) <= EventKinds; k++ {
		if events[k].name == name {
			return k, true
		}
	}
	return 0, false
}

// finalEvent is the event that ends in the given final state.
func finalEvent(s Status) EventKind {
	return EventCompleted + EventKind(s-Completed)
}

// ActorKind says which sort of actor made a change.
type ActorKind uint8

// The sorts of actors.
const (
	ActorEngine ActorKind = iota
	ActorKey
	ActorSession
	ActorLink // whoever had an approval link
)

// Actor is who made a change: the engine itself, an API key or a worker session, by the store's key of it, or somebody
// with an approval link, of whom nothing else is known.
type Actor struct {
	Kind ActorKind
	Ref  int64
}

// Pack is the actor as one integer for a store.
func (a Actor) Pack() int64 { return a.Ref<<2 | int64(a.Kind) }

// UnpackActor is the inverse of Pack.
func UnpackActor(n int64) Actor { return Actor{ActorKind(n & 3), n >> 2} }
