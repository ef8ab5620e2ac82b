package execution

// Move is one thing that one command may do to an execution: the state before, the state after, the event.
type Move struct {
	Command  string // the name of the rule
	From, To Status // equal when the command changes something else than the state
	Event    EventKind
}

// Moves are all that the rules do to an execution that exists. The documentation is generated from it, and a test holds
// it equal to what the rules were seen to do. New, which makes an execution, is in Beginnings.
var Moves = []Move{
	{"Claim", Pending, Running, EventClaimed},
	{"Claim", Running, Running, EventClaimed},

	{"Return", Running, Running, EventReturned},
	{"Return", Running, Cancelled, EventCancelled},
	{"Return", Running, Finalizing, EventFinalizing},

	{"LoseLease", Running, Running, EventLeaseLost},
	{"LoseLease", Running, Failed, EventFailed},
	{"LoseLease", Running, Cancelled, EventCancelled},
	{"LoseLease", Running, Finalizing, EventFinalizing},

	{"StartStep", Running, Running, EventStepStarted},
	{"CompleteStep", Running, Running, EventStepCompleted},
	{"FailStep", Running, Running, EventStepFailed},
	{"StartSleep", Running, Running, EventSleepStarted},
	{"StartWait", Running, Running, EventWaitStarted},
	{"StartWait", Running, Running, EventWaitEnded},
	{"AskWait", Running, Running, EventWaitEnded},
	{"ReportProgress", Running, Running, EventProgressed},
	{"Suspend", Running, Waiting, EventSuspended},

	{"Signal", Created, Created, EventSignalled},
	{"Signal", Pending, Pending, EventSignalled},
	{"Signal", Running, Running, EventSignalled},
	{"Signal", Running, Running, EventWaitEnded},
	{"Signal", Waiting, Waiting, EventSignalled},
	{"Signal", Waiting, Running, EventWaitEnded},
	{"Decide", Running, Running, EventWaitEnded},
	{"Decide", Waiting, Running, EventWaitEnded},

	{"Complete", Running, Completed, EventCompleted},
	{"Complete", Running, Finalizing, EventFinalizing},

	{"Fail", Running, Running, EventAttemptFailed},
	{"Fail", Running, Failed, EventFailed},
	{"Fail", Running, Cancelled, EventCancelled},
	{"Fail", Running, Finalizing, EventFinalizing},

	{"Reject", Running, Rejected, EventRejected},
	{"Reject", Running, Finalizing, EventFinalizing},

	{"RequestCancel", Created, Cancelled, EventCancelled},
	{"RequestCancel", Pending, Cancelled, EventCancelled},
	{"RequestCancel", Running, Running, EventCancelRequest},
	{"RequestCancel", Running, Cancelled, EventCancelled},
	{"RequestCancel", Running, Finalizing, EventFinalizing},
	{"RequestCancel", Waiting, Cancelled, EventCancelled},
	{"RequestCancel", Waiting, Finalizing, EventFinalizing},

	{"ConfirmCancel", Running, Cancelled, EventCancelled},
	{"ConfirmCancel", Running, Finalizing, EventFinalizing},

	{"Terminate", Created, Cancelled, EventCancelled},
	{"Terminate", Pending, Cancelled, EventCancelled},
	{"Terminate", Running, Cancelled, EventCancelled},
	{"Terminate", Waiting, Cancelled, EventCancelled},
	{"Terminate", Finalizing, Completed, EventCompleted},
	{"Terminate", Finalizing, Failed, EventFailed},
	{"Terminate", Finalizing, Cancelled, EventCancelled},
	{"Terminate", Finalizing, Rejected, EventRejected},

	{"Finalize", Finalizing, Completed, EventCompleted},
	{"Finalize", Finalizing, Failed, EventFailed},
	{"Finalize", Finalizing, Cancelled, EventCancelled},
	{"Finalize", Finalizing, Rejected, EventRejected},

	{"Fire", Created, Pending, EventReady},
	{"Fire", Created, Cancelled, EventCancelled},
	{"Fire", Pending, Rejected, EventRejected},
	{"Fire", Pending, Cancelled, EventCancelled},
	{"Fire", Running, Running, EventRetried},
	{"Fire", Running, Running, EventWaitEnded},
	{"Fire", Running, Running, EventCancelRequest},
	{"Fire", Running, Cancelled, EventCancelled},
	{"Fire", Running, Finalizing, EventFinalizing},
	{"Fire", Waiting, Running, EventWoken},
	{"Fire", Waiting, Running, EventWaitEnded},
	{"Fire", Waiting, Cancelled, EventCancelled},
	{"Fire", Waiting, Finalizing, EventFinalizing},
}

// Beginnings are the states in which New makes an execution.
var Beginnings = SetOf(Created, Pending)

// Commands are the names of the rules in the order in which an execution meets them, each with what it is for.
var Commands = []struct{ Name, Meaning string }{
	{"New", "A start: created when its start time lies ahead, otherwise pending."},
	{"Claim", "A worker session takes it from the queue under a new lease."},
	{"Return", "The claim was never handed over, or a draining worker gives it back. It does not count as an attempt."},
	{"LoseLease", "The holder's session ended. A step in flight costs a strike, the fifth without a completed step between them fails it as poison."},
	{"StartStep", "The holder shows a step in flight."},
	{"CompleteStep", "The holder records a step's one result."},
	{"FailStep", "The holder reports a failed try of a step; the retry policy decides what follows."},
	{"StartSleep", "The holder records when a durable sleep ends."},
	{"StartWait", "The holder records that a branch waits for a signal or an approval, and until when. A signal that was kept for it is taken at once."},
	{"AskWait", "The holder asks how a wait stands; one whose time is over ends."},
	{"ReportProgress", "The holder reports progress, 0 to 1, never falling."},
	{"Suspend", "The holder parks the execution on its timers and open waits and lets go."},
	{"Signal", "A caller sends a signal: the oldest open wait of its name ends, or the signal is kept for one to come."},
	{"Decide", "Somebody approves or rejects: the wait for the approval ends."},
	{"Complete", "The handler returned its output; accepted also while a cancel is under way."},
	{"Fail", "The handler's attempt failed: retried as the policy says, otherwise failed; cancelled while a cancel is under way."},
	{"Reject", "The handler declines the work; accepted also while a cancel is under way."},
	{"RequestCancel", "A caller asks to stop: at once when no worker holds it, otherwise the holder is told and has the grace to stop."},
	{"ConfirmCancel", "The holder of a cancelled execution has stopped."},
	{"Terminate", "An operator ends it at once, without grace or finalizers: cancelled, or as intended when only finalizers were left."},
	{"Finalize", "Its finalizers are done: it becomes what was intended."},
	{"Fire", "Time passed: start time, end of a sleep or backoff, timeout of a wait, deadline, time-to-live in the queue, cancel grace. What came due first happens first."},
}
