package sojourn

import (
	"encoding/json"
	"fmt"
	"time"
)

// Status is the state of an execution. A server newer than this SDK may send one that has no constant here.
type Status string

// The states of an execution.
const (
	StatusCreated    Status = "created"    // stored; its start time lies ahead
	StatusPending    Status = "pending"    // waits for its first worker
	StatusRunning    Status = "running"    // claimed at least once
	StatusWaiting    Status = "waiting"    // for a timer, a signal or an approval, without holding a worker
	StatusFinalizing Status = "finalizing" // the outcome is decided, clean-up still runs
	StatusCompleted  Status = "completed"
	StatusFailed     Status = "failed"
	StatusCancelled  Status = "cancelled"
	StatusRejected   Status = "rejected" // declined, not attempted and failed
)

// Statuses are all states, in the order of a life.
var Statuses = []Status{
	StatusCreated, StatusPending, StatusRunning, StatusWaiting, StatusFinalizing,
	StatusCompleted, StatusFailed, StatusCancelled, StatusRejected,
}

// Terminal reports whether the state is final.
func (s Status) Terminal() bool {
	switch s {
	case StatusCompleted, StatusFailed, StatusCancelled, StatusRejected:
		return true
	default:
		return false
	}
}

// Execution is one run of a workflow on one input. Times that have not come are zero.
type Execution struct {
	ID         string       `json:"id"`
	WorkflowID string       `json:"workflow_id"`
	Workflow   *WorkflowRef `json:"workflow"` // nil when the workflow was deleted
	Version    int          `json:"version,omitempty"`

	Status        Status    `json:"status"`
	StatusReason  string    `json:"status_reason,omitempty"`  // one word: why it is where it is
	StatusMessage string    `json:"status_message,omitempty"` // the same as a sentence
	ResumesAt     time.Time `json:"resumes_at,omitzero"`      // when that ends by itself
	Revision      int64     `json:"revision"`                 // rises by one with every change
	Attempt       int       `json:"attempt"`
	Awaiting      []Awaited `json:"awaiting,omitempty"` // the signals and approvals it waits for

	Input        json.RawMessage `json:"input,omitempty"`
	Output       json.RawMessage `json:"output,omitempty"` // when completed
	Error        string          `json:"error,omitempty"`  // when failed, rejected, or cancelled with a message
	ErrorCode    string          `json:"error_code,omitempty"`
	ErrorDetails json.RawMessage `json:"error_details,omitempty"`
	Progress     *float64        `json:"progress,omitempty"` // 0 to 1, as the handler reported it

	Priority    int               `json:"priority"`
	TriggerType string            `json:"trigger_type,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	CallbackURL string            `json:"callback_url,omitempty"` // told when it has ended

	CreatedAt         time.Time `json:"created_at"`
	ScheduledAt       time.Time `json:"scheduled_at,omitzero"`
	StartedAt         time.Time `json:"started_at,omitzero"`
	CompletedAt       time.Time `json:"completed_at,omitzero"`
	DeadlineAt        time.Time `json:"deadline_at,omitzero"`
	CancelRequestedAt time.Time `json:"cancel_requested_at,omitzero"`
	CancelReason      string    `json:"cancel_reason,omitempty"`

	Redacted bool         `json:"redacted,omitempty"` // its payloads were removed
	Deleted  bool         `json:"deleted,omitempty"`  // only from Start, when the key belongs to a deleted execution
	Steps    []StepRecord `json:"steps,omitempty"`    // with IncludeSteps
	Events   []Event      `json:"events,omitempty"`   // with IncludeEvents

	// Replayed says that Start found the execution by its idempotency key instead of making it.
	Replayed bool `json:"-"`
	// KeyExpires is when the server forgets the idempotency key; set by Start.
	KeyExpires time.Time `json:"-"`

	raw  json.RawMessage
	etag string
}

// WorkflowRef names the workflow of an execution.
type WorkflowRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Awaited is a signal or an approval that an execution waits for.
type Awaited struct {
	Kind      string          `json:"kind"`                // signal or approval
	Name      string          `json:"name"`                // what Signal, Approve and Reject call it
	Step      string          `json:"step"`                // which wait it is, for example "manager#2"
	Since     time.Time       `json:"since,omitzero"`      // when the wait began
	ExpiresAt time.Time       `json:"expires_at,omitzero"` // when it times out; zero: never
	Payload   json.RawMessage `json:"payload,omitempty"`   // what the approver should see; only from Get
}

// Actionable reports whether the execution is waiting for somebody: a signal or an approval is awaited.
func (x *Execution) Actionable() bool { return x.Status == StatusWaiting && len(x.Awaiting) > 0 }

// StepRecord is a checkpointed part of an execution.
type StepRecord struct {
	ID            string          `json:"id"`
	Name          string          `json:"name"`
	Kind          string          `json:"kind"`                 // step, sleep, signal or approval
	Status        string          `json:"status"`               // running, waiting, completed, failed, cancelled or rejected
	Overridden    bool            `json:"overridden,omitempty"` // it did not run: its output came with the start
	Attempt       int             `json:"attempt"`              // tries so far
	StartedAt     time.Time       `json:"started_at,omitzero"`
	CompletedAt   time.Time       `json:"completed_at,omitzero"`
	Until         time.Time       `json:"until,omitzero"` // end of a sleep, or when a wait times out
	NextAttemptAt time.Time       `json:"next_attempt_at,omitzero"`
	Input         json.RawMessage `json:"input,omitempty"` // of an approval: its payload
	Output        json.RawMessage `json:"output,omitempty"`
	Error         string          `json:"error,omitempty"`
	ErrorCode     string          `json:"error_code,omitempty"`
	ErrorDetails  json.RawMessage `json:"error_details,omitempty"`
	Attempts      []StepTry       `json:"attempts,omitempty"`
}

// StepTry is one try of a step.
type StepTry struct {
	Attempt          int       `json:"attempt"`
	ExecutionAttempt int       `json:"execution_attempt"`
	StartedAt        time.Time `json:"started_at,omitzero"`
	CompletedAt      time.Time `json:"completed_at,omitzero"`
	Error            string    `json:"error,omitempty"`
	ErrorCode        string    `json:"error_code,omitempty"`
}

// Event is one change of an execution.
type Event struct {
	Revision int64     `json:"revision"`
	Type     string    `json:"type"`
	At       time.Time `json:"at"`
	Actor    Actor     `json:"actor"`
	Step     string    `json:"step,omitempty"`
	Attempt  int       `json:"attempt,omitempty"`
	Until    time.Time `json:"until,omitzero"`
	Progress *float64  `json:"progress,omitempty"`
	Code     string    `json:"code,omitempty"`
	Message  string    `json:"message,omitempty"`
	Status   Status    `json:"status,omitempty"` // of the execution after it

	// Of waits for signals and approvals.
	Wait    string          `json:"wait,omitempty"` // signal or approval
	Name    string          `json:"name,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
	Outcome string          `json:"outcome,omitempty"` // received, approved, rejected or timeout
	Comment string          `json:"comment,omitempty"`
	By      string          `json:"by,omitempty"`

	// In streams of events.
	ID          string `json:"-"` // to go on after it
	ExecutionID string `json:"execution_id,omitempty"`
	WorkflowID  string `json:"workflow_id,omitempty"` // in streams of a project
	Workflow    string `json:"workflow,omitempty"`    // its name, in streams of a project

	raw json.RawMessage
}

// RawJSON is the event of a stream as the server sent it, with members that this SDK does not know; nil for others.
func (e *Event) RawJSON() json.RawMessage { return e.raw }

// Actor says who caused an event.
type Actor struct {
	Type string `json:"type"` // engine, key or worker
	ID   string `json:"id,omitempty"`
}

// UnmarshalJSON keeps the original text for RawJSON.
func (x *Execution) UnmarshalJSON(data []byte) error {
	type plain Execution
	if err := json.Unmarshal(data, (*plain)(x)); err != nil {
		return err
	}
	x.raw = append(json.RawMessage(nil), data...)
	return nil
}

// RawJSON is the execution as the server sent it, with members that this SDK does not know. It is nil for one that did
// not come from a server.
func (x *Execution) RawJSON() json.RawMessage { return x.raw }

// DecodeInput reads the input into v.
func (x *Execution) DecodeInput(v any) error {
	if err := json.Unmarshal(x.Input, v); err != nil {
		return fmt.Errorf("sojourn: decoding the input of %s: %w", x.ID, err)
	}
	return nil
}

// DecodeOutput reads the output into v. It returns Err when the execution ended otherwise, and ErrNotFinished when it
// has not ended.
func (x *Execution) DecodeOutput(v any) error {
	if err := x.Err(); err != nil {
		return err
	}
	if x.Status != StatusCompleted {
		return fmt.Errorf("%w: %s is %s", ErrNotFinished, x.ID, x.Status)
	}
	if err := json.Unmarshal(x.Output, v); err != nil {
		return fmt.Errorf("sojourn: decoding the output of %s: %w", x.ID, err)
	}
	return nil
}

// Err is the outcome as an error: *ExecutionFailedError, *ExecutionCancelledError or *ExecutionRejectedError. It is nil
// for an execution that is completed or has not ended.
func (x *Execution) Err() error {
	switch x.Status {
	case StatusFailed:
		return &ExecutionFailedError{x, x.ErrorCode, x.Error}
	case StatusCancelled:
		return &ExecutionCancelledError{x, x.ErrorCode, x.Error}
	case StatusRejected:
		return &ExecutionRejectedError{x, x.ErrorCode, x.Error}
	default:
		return nil
	}
}
