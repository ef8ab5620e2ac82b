package execution

import "fmt"

// Status is one of the nine states of an execution. Its number is stored, so it never changes.
type Status uint8

// The nine states. Created to Finalizing are open, Completed to Rejected are final.
const (
	// Created is stored but not yet eligible: its start time lies in the future.
	Created Status = iota
	// Pending is eligible, waiting for a worker, and was never claimed.
	Pending
	// Running was claimed at least once, and the engine can make progress by itself: it is leased, or between leases.
	Running
	// Waiting is parked on a durable wait; no worker is held.
	Waiting
	// Finalizing has its outcome decided and stored as the intended status; finalizers still run.
	Finalizing
	// Completed is final: the handler returned an output.
	Completed
	// Failed is final: an error remained after the retries.
	Failed
	// Cancelled is final: a caller, a deadline or an operator stopped it.
	Cancelled
	// Rejected is final: declined rather than attempted and failed.
	Rejected

	// Statuses is how many states there are.
	Statuses = int(Rejected) + 1
)

// StatusSet is a set of states, one bit each.
type StatusSet uint16

// SetOf is the set of the given states.
func SetOf(statuses ...Status) StatusSet {
	var s StatusSet
	for _, x := range statuses {
		s |= 1 << x
	}
	return s
}

// Has reports whether x is in the set.
func (s StatusSet) Has(x Status) bool { return s>>x&1 != 0 }

// List is the states of the set in the order of their numbers.
func (s StatusSet) List() []Status {
	var list []Status
	for x := range Status(Statuses) {
		if s.Has(x) {
			list = append(list, x)
		}
	}
	return list
}

// All is the set of all nine states, Open of those that still change, Final of those that never do.
const (
	All   StatusSet = 1<<Statuses - 1
	Open  StatusSet = 1<<Created | 1<<Pending | 1<<Running | 1<<Waiting | 1<<Finalizing
	Final           = All &^ Open
)

// State describes one state for the rules, the documentation and the stores' triggers.
type State struct {
	Name    string
	Meaning string
	Next    StatusSet // as a number it is the mask that a trigger tests: the edge to s is legal when Next&(1<<s) != 0
}

// States is the table of the lifecycle, indexed by Status. Everything else that knows an edge is generated from it or
// tested against it.
var States = [Statuses]State{
	Created: {
		"created", "Stored, not yet eligible: its start time lies in the future.",
		SetOf(Pending, Cancelled, Rejected),
	},
	Pending: {
		"pending", "Eligible, waiting for a worker; never claimed yet.",
		SetOf(Running, Cancelled, Rejected),
	},
	Running: {
		"running", "Claimed at least once, and the engine can make progress by itself: leased, or between leases (retry backoff, worker lost, woken).",
		SetOf(Waiting, Finalizing, Completed, Failed, Cancelled, Rejected),
	},
	Waiting: {
		"waiting", "Parked on durable waits (timers, signals, approvals); no worker is held.",
		SetOf(Running, Finalizing, Cancelled, Failed, Rejected),
	},
	Finalizing: {
		"finalizing", "The outcome is decided and stored as the intended status; finalizers still run. Skipped when there are none.",
		SetOf(Completed, Failed, Cancelled, Rejected),
	},
	Completed: {"completed", "Final: the handler returned an output.", 0},
	Failed:    {"failed", "Final: an error remained after the retries.", 0},
	Cancelled: {"cancelled", "Final: stopped by a caller, its deadline or an operator.", 0},
	Rejected:  {"rejected", "Final: declined, not attempted and failed: the handler rejected it, or its time in the queue ran out.", 0},
}

func (s Status) String() string {
	if int(s) < Statuses {
		return States[s].Name
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}

// Final reports whether the state is one of the four that never change.
func (s Status) Final() bool { return Final.Has(s) }

// CanBecome reports whether the table has an edge from s to next. A state is never its own successor here: a change
// that keeps the state is not an edge.
func (s Status) CanBecome(next Status) bool {
	return int(s) < Statuses && int(next) < Statuses && States[s].Next.Has(next)
}

// ParseStatus finds a state by name.
func ParseStatus(name string) (Status, bool) {
	for i := range States {
		if States[i].Name == name {
			return Status(i), true
		}
	}
	return 0, false
}
