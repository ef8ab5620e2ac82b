package sojourn

import (
	"encoding/json"
	"fmt"
	"time"
)

// HandlerOption is an option of Handle: Retry, VersionLabel, InputSchema, Timeout, Retention or Description.
type HandlerOption interface{ applyHandler(*handlerOptions) }

type handlerOptions struct {
	retry       *Retry
	version     string
	schema      json.RawMessage
	timeout     time.Duration
	retention   time.Duration
	description string
}

type handlerOption func(*handlerOptions)

func (f handlerOption) applyHandler(o *handlerOptions) { f(o) }

// VersionLabel names the version of the workflow that the handler implements. A label that is new to the server makes a
// new version, which becomes the current one.
func VersionLabel(label string) HandlerOption {
	return handlerOption(func(o *handlerOptions) { o.version = label })
}

// InputSchema is the JSON Schema (2020-12) that the server holds inputs to at start.
func InputSchema(schema json.RawMessage) HandlerOption {
	return handlerOption(func(o *handlerOptions) { o.schema = schema })
}

// TimeoutOption is an option of Handle and of waits; Timeout makes it.
type TimeoutOption interface {
	HandlerOption
	WaitOption
}

// Timeout bounds what it is given to. For Handle it is the default deadline of the workflow's executions, counted from
// their creation; for WaitForSignal and WaitForApproval the longest wait, counted from its first call.
func Timeout(d time.Duration) TimeoutOption { return timeoutOption(d) }

type timeoutOption time.Duration

func (d timeoutOption) applyHandler(o *handlerOptions) { o.timeout = time.Duration(d) }
func (d timeoutOption) applyWait(o *waitOptions)       { o.timeout, o.bounded = time.Duration(d), true }

// Retention is how long finished executions of the workflow are kept.
func Retention(d time.Duration) HandlerOption {
	return handlerOption(func(o *handlerOptions) { o.retention = d })
}

// Description says what the workflow does, for people.
func Description(text string) HandlerOption {
	return handlerOption(func(o *handlerOptions) { o.description = text })
}

// handler is a registered workflow.
type handler struct {
	name string
	handlerOptions
	// call decodes the input, runs the function and returns its output for encoding.
	call func(ctx *Context, input []byte) (any, error)
}

// Handle registers the function that runs executions of a workflow. The input is decoded from JSON into In, the output
// encoded from Out; json.RawMessage passes either through. The worker registers the workflow with the server when it
// runs, so nothing needs to exist beforehand. Handle must be called before Run; it panics when the name is not a
// workflow name (lower-case letters, digits, ".", "_", "-", at most 100) or is registered already.
//
// An error from the function fails the execution, after the retries that a Retry option allows; see Reject,
// NonRetryable and Coded. A panic counts as an error with code "panic".
func Handle[In, Out any](w *Worker, workflow string, fn func(*Context, In) (Out, error), options ...HandlerOption) {
	h := &handler{name: workflow, call: func(ctx *Context, input []byte) (any, error) {
		var in In
		if raw, ok := any(&in).(*json.RawMessage); ok {
			*raw = input
		} else if err := json.Unmarshal(input, &in); err != nil {
			return nil, NonRetryable(Coded("invalid_input", fmt.Errorf("decoding the input: %w", err)))
		}
		return fn(ctx, in)
	}}
	for _, option := range options {
		option.applyHandler(&h.handlerOptions)
	}
	w.register(h)
}

func validWorkflowName(name string) bool {
	if name == "" || len(name) > 100 || name == "executions" {
		return false
	}
	for i, c := range []byte(name) {
		if letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'; !letter && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}
