package execution

import (
	"fmt"
	"time"
)

// Reason says why an execution that is not final is where it is.
type Reason struct {
	Code    string // one word, stable
	Message string // a sentence for people
	Until   Time   // when that ends by itself, zero when nobody knows
}

// The codes of reasons.
const (
	ReasonScheduled  = "scheduled"
	ReasonQueued     = "queued"
	ReasonNoWorker   = "no_worker"
	ReasonExecuting  = "executing"
	ReasonBackoff    = "retry_backoff"
	ReasonWorker     = "awaiting_worker"
	ReasonTimer      = "timer"
	ReasonSignal     = "signal:NAME"
	ReasonApproval   = "approval:NAME"
	ReasonCancelling = "cancelling"
	ReasonFinalizing = "finalizing"
	ReasonSoloQueued = "awaiting_idle_worker"
)

// Reasons are all codes of reasons, each with what it tells a reader.
var Reasons = []struct{ Code, Meaning string }{
	{ReasonScheduled, "Its start time lies ahead."},
	{ReasonQueued, "It waits for a free worker and was never claimed."},
	{ReasonNoWorker, "It is in the queue and no live worker serves its workflow. Found out at the time of reading."},
	{ReasonExecuting, "A worker holds it."},
	{ReasonBackoff, "A step or the handler failed and is retried at the time given."},
	{ReasonWorker, "Its worker was lost or gave it back, or its wait is over: the next free worker takes it."},
	{ReasonSoloQueued, "It lost its worker more than once: it waits for a worker that holds nothing else."},
	{ReasonTimer, "It is suspended until the time given."},
	{ReasonSignal, "It is suspended until a signal of that name comes, or the time given."},
	{ReasonApproval, "It is suspended until the approval of that name is decided, or the time given."},
	{ReasonCancelling, "A cancel is under way: the holder is told to stop, and the engine ends it at the time given."},
	{ReasonFinalizing, "Its outcome is decided and finalizers run."},
}

// Reason explains the state. workers says whether a live worker session serves the workflow at the time of reading;
// it is never stored. A final execution has no reason.
func (x *Execution) Reason(workers bool, now Time) (Reason, bool) {
	if x.Status.Final() {
		return Reason{}, false
	}
	switch {
	case x.Status == Finalizing:
		return Reason{Code: ReasonFinalizing, Message: fmt.Sprintf("ends as %s when its finalizers are done", x.Intended)}, true
	case x.CancelRequestedAt != 0:
		return Reason{
			Code: ReasonCancelling, Until: x.CancelBy,
			Message: fmt.Sprintf("its worker is told to stop at its next contact; the engine cancels it at %s by itself", x.CancelBy),
		}, true
	case x.Status == Created:
		return Reason{Code: ReasonScheduled, Message: fmt.Sprintf("starts at %s", x.WakeAt), Until: x.WakeAt}, true
	case x.Leased():
		return Reason{Code: ReasonExecuting, Message: fmt.Sprintf("a worker runs attempt %d", x.Attempt)}, true
	case x.Status == Waiting && len(x.Inbox.Waits()) > 0:
		return x.awaiting(), true
	case x.Status == Waiting:
		return Reason{Code: ReasonTimer, Message: fmt.Sprintf("waits for a timer that ends at %s", x.WakeAt), Until: x.WakeAt}, true
	case x.ReadyAt == 0:
		return Reason{Code: ReasonBackoff, Message: fmt.Sprintf("failed and is retried: runs again at %s", x.WakeAt), Until: x.WakeAt}, true
	case !workers:
		return Reason{
			Code:    ReasonNoWorker,
			Message: fmt.Sprintf("no worker serves this workflow; it has waited for %s", max(now.Sub(x.ReadyAt), 0).Round(time.Second)),
		}, true
	case x.Solo():
		return Reason{Code: ReasonSoloQueued, Message: fmt.Sprintf("lost its worker %d times in a row; waits for a worker that runs nothing else", x.Strikes)}, true
	case x.Status == Pending:
		return Reason{Code: ReasonQueued, Message: fmt.Sprintf("waits for a free worker since %s", x.ReadyAt)}, true
	default:
		return Reason{Code: ReasonWorker, Message: fmt.Sprintf("waits for the next free worker since %s", x.ReadyAt)}, true
	}
}

// awaiting names the first of the open waits, and when the first of all of them, or a timer, ends by itself.
func (x *Execution) awaiting() Reason {
	waits := x.Inbox.Waits()
	w := waits[0]
	r := Reason{Code: string(w.Kind) + ":" + w.Name, Until: earliest(x.WakeAt, x.Inbox.until())}
	r.Message = fmt.Sprintf("waits for the %s %q since %s", w.Kind, w.Name, w.Since)
	if n := len(waits) - 1; n > 0 {
		r.Message += fmt.Sprintf(" and %d more", n)
	}
	if r.Until != 0 {
		r.Message += fmt.Sprintf(", or until %s", r.Until)
	}
	return r
}
