package check

import (
	"encoding/json"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
)

// next is the table of the lifecycle, written down a second time from docs/lifecycle.md so that the judge does not
// borrow the accused's own.
var next = map[string][]string{
	"":           {"created", "pending"},
	"created":    {"pending", "cancelled", "rejected"},
	"pending":    {"running", "cancelled", "rejected"},
	"running":    {"waiting", "finalizing", "completed", "failed", "cancelled", "rejected"},
	"waiting":    {"running", "finalizing", "cancelled", "failed", "rejected"},
	"finalizing": {"completed", "failed", "cancelled", "rejected"},
}

// Reachable are the edges that commands make so far: without finalizers nothing is ever finalizing, and three edges of
// the table are kept for later.
var Reachable = []string{
	" → created", " → pending", "created → pending", "created → cancelled", "pending → running", "pending → cancelled",
	"pending → rejected", "running → waiting", "running → completed", "running → failed", "running → cancelled",
	"running → rejected", "waiting → running", "waiting → cancelled",
}

// Kinds are the types of events that must be seen in a run that had every nemesis.
var Kinds = []string{
	"created", "ready", "claimed", "returned", "lease_lost", "step_started", "step_completed", "step_failed", "sleep_started",
	"progressed", "suspended", "woken", "attempt_failed", "retried", "cancel_requested", "completed", "failed", "cancelled", "rejected",
	"wait_started", "signalled", "wait_ended",
}

// becomes is the state that an event leads to; those that are not here keep it.
var becomes = map[string]string{
	"ready": "pending", "claimed": "running", "suspended": "waiting", "woken": "running", "wait_ended": "running", "finalizing": "finalizing",
	"completed": "completed", "failed": "failed", "cancelled": "cancelled", "rejected": "rejected",
}

// held is whether a worker holds an execution.
type held uint8

const (
	nobody held = iota
	somebody
	perhaps // a failed step's backoff may or may not have released the lease
)

// byHolder are the events that only the holder of the lease can cause.
var byHolder = map[string]bool{
	"step_started": true, "step_completed": true, "step_failed": true, "sleep_started": true, "progressed": true,
	"suspended": true, "wait_started": true, "attempt_failed": true, "completed": true, "returned": true, "lease_lost": true,
}

// afterCancel are the events that no execution has once it was asked to stop.
var afterCancel = map[string]bool{
	"claimed": true, "step_started": true, "step_completed": true, "step_failed": true, "sleep_started": true,
	"suspended": true, "wait_started": true, "woken": true, "ready": true, "attempt_failed": true, "retried": true, "returned": true, "lease_lost": true,
}

// history checks one execution's events: G3, G4, G6, G8, G9, G13.
func (v *Verdict) history(e *Evidence, x *sojourn.Execution) {
	if len(x.Events) == 0 || x.Events[0].Type != "created" {
		v.fail(Gap, "%s has %d events and does not begin with its creation", x.ID, len(x.Events))
		return
	}
	var (
		state         = ""
		holder        = nobody
		cancelled     = false
		until         time.Time // end of what it waits for
		attempts      = 0
		lost, strikes = 0, 0
	)
	for i, ev := range x.Events {
		v.Events[ev.Type]++
		if ev.Revision != int64(i+1) {
			v.fail(Gap, "event %d of %s has revision %d", i+1, x.ID, ev.Revision)
		}
		if i > 0 && ev.At.Before(x.Events[i-1].At) {
			v.fail(Gap, "event %d of %s is earlier than the one before it", i+1, x.ID)
		}
		if sojourn.Status(state).Terminal() {
			v.fail(NotFinal, "%s was %s, and %s followed", x.ID, state, ev.Type)
		}
		if cancelled && afterCancel[ev.Type] {
			v.fail(CancelIgnored, "%s at revision %d of %s, after the cancel", ev.Type, ev.Revision, x.ID)
		}
		if byHolder[ev.Type] && holder == nobody {
			v.fail(TwoHolders, "%s at revision %d of %s, which nobody held", ev.Type, ev.Revision, x.ID)
		}
		to := becomes[ev.Type]
		switch ev.Type {
		case "created":
			to = "pending"
			if !ev.Until.IsZero() {
				to, until = "created", ev.Until
			}
		case "claimed":
			if holder == somebody {
				v.fail(TwoHolders, "claimed at revision %d of %s, which another held", ev.Revision, x.ID)
			}
			holder = somebody
			attempts++
		case "returned":
			holder = nobody
			attempts--
			v.Returned++
		case "lease_lost":
			holder = nobody
			lost++
			strikes++
			v.Lost++
		case "step_completed":
			strikes = 0
		case "step_failed":
			if ev.Until.Sub(ev.At) > 1900*time.Millisecond {
				holder = perhaps
			}
		case "suspended":
			holder, until = nobody, ev.Until
		case "attempt_failed":
			holder, until = nobody, ev.Until
		case "ready", "woken", "retried":
			if !until.IsZero() && ev.At.Before(until) {
				v.fail(TimerEarly, "%s of %s came %s early", ev.Type, x.ID, until.Sub(ev.At))
			}
			until = time.Time{}
			holder = nobody
		case "wait_ended":
			until = time.Time{} // what it slept for besides no longer matters
		case "cancel_requested":
			cancelled = true
		case "failed":
			if ev.Code == "poison" {
				v.Poisoned++
				if strikes < 4 { // the fifth is the failure itself
					v.fail(WronglyPoisoned, "%s after %d lost leases", x.ID, strikes+1)
				}
			}
		case "cancelled":
			cancelled = true
		}
		if to != "" && to != state {
			legal := false
			for _, s := range next[state] {
				legal = legal || s == to
			}
			if !legal {
				v.fail(IllegalEdge, "%s of %s: %s → %s", ev.Type, x.ID, state, to)
			}
			v.Edges[state+" → "+to]++
			v.States[to]++
			state = to
		}
	}
	if string(x.Status) != state {
		v.fail(NotFinal, "%s is %s, and its events lead to %s", x.ID, x.Status, state)
	}
	if x.Revision != int64(len(x.Events)) {
		v.fail(Gap, "%s is at revision %d and has %d events", x.ID, x.Revision, len(x.Events))
	}
	if !x.Status.Terminal() && !e.Open {
		v.fail(Unfinished, "%s of %s is %s: %s", x.ID, workflowOf(x), x.Status, x.StatusMessage)
	}
	if x.Attempt != attempts && !(attempts-x.Attempt == 1 && x.Status == sojourn.StatusCancelled) {
		// A claim that is given back by the event that ends a cancelled execution is not counted either.
		v.fail(Miscounted, "%s is at attempt %d and had %d claims that count", x.ID, x.Attempt, attempts)
	}
	if e.Calm && lost > 0 && !e.Silent[workflowOf(x)] {
		v.fail(LeaseLost, "%s lost its lease %d times", x.ID, lost)
	}
	if x.Status == sojourn.StatusCompleted {
		var out struct {
			Key string `json:"key"`
		}
		if err := json.Unmarshal(x.Output, &out); err != nil || out.Key != KeyOf(x) {
			v.fail(WrongOutput, "%s has input %.80s and output %.80s", x.ID, x.Input, x.Output)
		}
	}
}

func workflowOf(x *sojourn.Execution) string {
	if x.Workflow == nil {
		return x.WorkflowID
	}
	return x.Workflow.Name
}
