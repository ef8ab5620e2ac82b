package execution

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Execution is one run of a workflow on one input: the narrow, often written part of it. Payloads live in its events.
//
// A rule changes it in memory; the store saves it with the events in one transaction, on the condition that the saved
// revision is still the one that was loaded.
type Execution struct {
	ID       ID
	Project  int64 // the store's key of the owning project
	Workflow int64 // the store's key of the workflow
	Version  int64 // the store's key of the workflow version, 0 when the workflow has none
	Callback int64 // where its callback goes, as the engine numbers destinations; 0: it has none

	Status   Status
	Intended Status // the outcome while Status is Finalizing, otherwise Created
	Trigger  Trigger
	Priority int8 // higher is claimed first
	Why      Why  // what an execution that no worker holds waits for

	Revision int64 // rises by one with each event
	Attempt  int32 // claims that counted: not those never handed over, nor those a draining worker gave back
	Steps    int32 // completed steps
	Failures int32 // failed attempts of the handler that the retry policy counts
	Strikes  int32 // leases lost with a step in flight since a step was last completed

	// Finalizers counts what must run before the outcome is final.
	Finalizers int32

	Session int64 // the store's key of the worker session that holds the lease, 0 when unleased
	Lease   Lease // what a report must show; zero when unleased

	StartedAt         Time // first claim
	CompletedAt       Time // reached a final state
	ReadyAt           Time // eligible and unleased since; the queue is exactly the executions that have it
	WakeAt            Time // start time, earliest end of a sleep or of a backoff; judged only while unleased
	ExpiresAt         Time // time-to-live in the queue ends; judged only before the first claim
	DeadlineAt        Time // wall-clock limit from creation
	CancelRequestedAt Time // first request to cancel
	CancelBy          Time // when the engine finishes a requested cancel by itself

	CancelReason CancelReason
	ErrorCode    string  // machine-readable reason of failed, cancelled and rejected; empty otherwise
	Progress     float64 // 0 to 1 as the worker reported it; NaN when it never did
	Bytes        int64   // payload bytes in its events
	Inbox        Inbox   // what it waits for besides time, and the signals that were kept for it
}

// Lease is the fingerprint of a lease token: the token itself is known to its holder alone.
type Lease [16]byte

// Trigger says what started an execution.
type Trigger uint8

// The triggers. Their numbers are stored.
const (
	TriggerAPI Trigger = iota
	TriggerCLI
	TriggerManual
	TriggerScheduled
	TriggerRerun
)

var triggerNames = [...]string{"api", "cli", "manual", "scheduled", "rerun"}

func (t Trigger) String() string {
	if int(t) < len(triggerNames) {
		return triggerNames[t]
	}
	return fmt.Sprintf("trigger(%d)", uint8(t))
}

// ParseTrigger finds a trigger by name.
func ParseTrigger(name string) (Trigger, bool) {
	for i, n := range triggerNames {
		if n == name {
			return Trigger(i), true
		}
	}
	return 0, false
}

// Triggers are the names of all triggers, in the order of their numbers.
func Triggers() []string { return slices.Clone(triggerNames[:]) }

// Why says what an execution that is running but unleased, or waiting, waits for.
type Why uint8

// The stored reasons. Their numbers are stored.
const (
	WhyNothing     Why = iota
	WhyScheduled       // created: its start time lies ahead
	WhyBackoff         // running: a failed attempt is retried later
	WhyWorker          // running: its worker was lost, gave it back, or its wait is over; the next worker takes it
	WhyTimer           // waiting: a timer, as a rule the end of a sleep. While leased: a sleep for which to suspend has begun
	WhySignal          // waiting: a signal, and perhaps other things
	WhyApproval        // waiting: an approval, and perhaps other things
	WhyStepBackoff     // running: a failed step is tried again later, or when a wait ends
)

// CancelReason says who asked for an execution to be cancelled.
type CancelReason uint8

// The reasons. Their numbers are stored.
const (
	CancelNone CancelReason = iota
	CancelByRequest
	CancelByTimeout
	CancelByTerminate
)

var cancelReasonNames = [...]string{"", "requested", "timeout", "terminated"}

func (r CancelReason) String() string {
	if int(r) < len(cancelReasonNames) {
		return cancelReasonNames[r]
	}
	return fmt.Sprintf("cancel_reason(%d)", uint8(r))
}

// Limits of one execution.
const (
	// MaxRevision bounds the history: the rules refuse further steps, sleeps, waits, signals and progress past it.
	MaxRevision = 10_000
	// MaxBytes bounds the payload bytes of the history likewise.
	MaxBytes = 10 << 20
	// MaxStrikes is how many leases in a row may be lost with a step in flight before the execution fails as poison.
	MaxStrikes = 5
	// SoloStrikes is the count of strikes from which an execution is offered only to a worker that holds nothing else.
	SoloStrikes = 2
	// ShortSleep is the longest sleep for which a worker keeps its handler in memory.
	ShortSleep = 2 * time.Second
)

// Start is the command that makes an execution.
type Start struct {
	ID       ID
	Project  int64
	Workflow int64
	Version  int64
	Callback int64 // destination of its callback; 0: none
	Trigger  Trigger
	Priority int8
	Actor    Actor
	StartAt  Time          // zero or past: at once
	Timeout  time.Duration // wall clock from creation; zero or less: none
	QueueTTL time.Duration // longest stay before the first claim, from when it becomes eligible; zero or less: none
	Input    []byte        // JSON
	Details  []byte        // JSON object with what else the start carries; kept in the first event
}

// New makes an execution: created when its start time lies ahead, otherwise pending.
func New(c Start, now Time) (Execution, Event) {
	x := Execution{
		ID: c.ID, Project: c.Project, Workflow: c.Workflow, Version: c.Version, Callback: c.Callback,
		Trigger: c.Trigger, Priority: c.Priority, Progress: math.NaN(),
	}
	c.StartAt = min(c.StartAt, MaxTime)
	if c.Timeout > 0 {
		x.DeadlineAt = now.Add(c.Timeout)
	}
	eligible := now
	if c.StartAt > now {
		x.Status, x.Why, x.WakeAt, eligible = Created, WhyScheduled, c.StartAt, c.StartAt
	} else {
		x.Status, x.ReadyAt = Pending, now
	}
	if c.QueueTTL > 0 {
		x.ExpiresAt = eligible.Add(c.QueueTTL)
	}
	e := x.record(Event{Kind: EventCreated, Actor: c.Actor, Until: x.WakeAt, Details: c.Details, Body: c.Input}, now)
	return x, e
}

// Leased reports whether a worker holds the execution.
func (x *Execution) Leased() bool { return x.Session != 0 }

// DueAt is the next instant at which the engine must look at the execution by itself, or zero when there is none.
// Fire acts on it.
func (x *Execution) DueAt() Time {
	if x.Status.Final() {
		return 0
	}
	var expires, wake, deadline Time
	if x.Status == Created || x.Status == Pending {
		expires = x.ExpiresAt
	}
	if !x.Leased() && x.Status != Pending {
		wake = x.WakeAt
	}
	if x.CancelRequestedAt == 0 && x.Status != Finalizing {
		deadline = x.DeadlineAt
	}
	if x.Inbox != "" {
		wake = earliest(wake, x.Inbox.until())
	}
	return earliest(expires, wake, deadline, x.CancelBy)
}

// record gives the change its revision and returns its event. Every rule ends in it.
func (x *Execution) record(e Event, now Time) Event {
	x.Revision++
	x.Bytes += int64(len(e.Body) + len(e.Details))
	e.Execution, e.Revision, e.At, e.Status, e.Attempt = x.ID, x.Revision, now, x.Status, x.Attempt
	x.Inbox = x.Inbox.after(&e)
	return e
}

// unlease takes the execution from its holder.
func (x *Execution) unlease() {
	x.Session, x.Lease = 0, Lease{}
}

// offer puts the execution in the queue for the next worker.
func (x *Execution) offer(why Why, now Time) {
	x.ReadyAt, x.WakeAt, x.Why = now, 0, why
}
