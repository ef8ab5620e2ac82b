package execution

import "fmt"

// Code is a word of the vocabulary of refusals, the same in Go, in JSON and in every SDK.
type Code string

// The codes of refused commands.
const (
	CodeStaleLease      Code = "stale_lease"        // the report's lease is not the current one
	CodeAlreadyTerminal Code = "already_terminal"   // the execution is in a final state
	CodeInvalidState    Code = "invalid_transition" // the command does not apply to the execution's state
	CodeCancelRequested Code = "cancel_requested"   // no new work is accepted for an execution that is being cancelled
	CodeHistoryLimit    Code = "history_limit"      // the execution's history is full
	CodeStepRecorded    Code = "step_recorded"      // the step already has its one recorded result
	CodeInvalidProgress Code = "invalid_progress"   // progress is outside 0 to 1
	CodeNothingToWait   Code = "nothing_to_wait"    // a suspend with nothing that would wake it
	CodeNotAwaiting     Code = "not_awaiting"       // no such approval is awaited
	CodeAmbiguous       Code = "ambiguous"          // several approvals are awaited and none was named
	CodeSignalLimit     Code = "signal_limit"       // too many signals are kept that no wait has taken
	CodeWaitLimit       Code = "wait_limit"         // too many waits are open
	CodeNotFinished     Code = "not_finished"       // the command needs a finished execution
	CodeNotFound        Code = "not_found"          // no such execution
)

// Codes are all codes of refusals, each with what it tells the caller.
var Codes = []struct {
	Code    Code
	Meaning string
}{
	{CodeStaleLease, "The report's lease is not the current one: another attempt may hold the execution."},
	{CodeAlreadyTerminal, "The execution is in a final state."},
	{CodeInvalidState, "The command does not apply to the execution as it is."},
	{CodeCancelRequested, "A cancel is under way: no new work is accepted."},
	{CodeHistoryLimit, "The history is full."},
	{CodeStepRecorded, "The step has its one result already."},
	{CodeInvalidProgress, "Progress must be a number from 0 to 1."},
	{CodeNothingToWait, "A suspend with no timer and no open wait that would wake the execution."},
	{CodeNotAwaiting, "No such approval is awaited: it was never asked for, has been decided, or has timed out."},
	{CodeAmbiguous, "Several approvals are awaited: name one."},
	{CodeSignalLimit, "Too many signals are kept that no wait has taken."},
	{CodeWaitLimit, "Too many waits are open."},
	{CodeNotFinished, "The command needs a finished execution."},
	{CodeNotFound, "There is no such execution."},
}

// Error is a refused command. The execution is unchanged.
type Error struct {
	Code    Code
	Status  Status // the execution's state at the time
	Message string
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

func refuse(code Code, x *Execution, format string, args ...any) error {
	return &Error{Code: code, Status: x.Status, Message: fmt.Sprintf(format, args...)}
}

// Holder checks that a report comes from the current holder of the lease, without changing anything.
func (x *Execution) Holder(l Lease) error { return x.holder(l) }

func (x *Execution) holder(l Lease) error {
	switch {
	case x.Status.Final():
		return refuse(CodeAlreadyTerminal, x, "the execution is already %s", x.Status)
	case !x.Leased() || x.Lease != l:
		return refuse(CodeStaleLease, x, "the lease is no longer current; another attempt may hold the execution")
	}
	return nil
}

// accepting checks that the holder may record new work: it is not being cancelled and its history has room.
func (x *Execution) accepting(l Lease, size int) error {
	if err := x.holder(l); err != nil {
		return err
	}
	if x.CancelRequestedAt != 0 {
		return refuse(CodeCancelRequested, x, "cancellation was requested at %s; no new work is accepted", x.CancelRequestedAt)
	}
	return x.room(size)
}

// room checks that the history may grow by one change with so many payload bytes.
func (x *Execution) room(size int) error {
	if x.Revision >= MaxRevision || x.Bytes+int64(size) > MaxBytes {
		return refuse(CodeHistoryLimit, x, "the history holds %d events and %d bytes of at most %d and %d", x.Revision, x.Bytes, MaxRevision, MaxBytes)
	}
	return nil
}
