package sojourn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"
)

// Why a handler's context ended; see context.Cause. Steps and sleeps return them too: the handler should clean up and
// return, with any error.
var (
	// ErrSuspended says that the execution waits, for a timer, a signal or an approval, without holding this worker.
	// Return it: the handler runs again, from the top, when the wait is over. Whatever the handler returns, the
	// execution stays suspended.
	ErrSuspended = errors.New("sojourn: suspended")
	// ErrCancelRequested says that somebody asked for the execution to be cancelled.
	ErrCancelRequested = errors.New("sojourn: cancel requested")
	// ErrLeaseLost says that the execution is no longer this worker's; another may already run it.
	ErrLeaseLost = errors.New("sojourn: lease lost")
	// ErrDraining says that the worker stops; the execution is given back and does not lose an attempt.
	ErrDraining = errors.New("sojourn: worker is draining")

	errHandlerReturned = errors.New("sojourn: the handler has returned")
)

// StepError is a step that failed for good: after its retries, or because a retry cannot help. It says the same when
// the handler is run again and the step is not, so it does not wrap the error that the step returned: use codes to
// tell errors apart.
type StepError struct {
	Step     string
	Code     string // as given with Coded; "error" by default, "panic", "step_timeout" and others by the worker
	Message  string
	Attempts int

	final   bool
	details json.RawMessage
}

func (e *StepError) Error() string {
	return fmt.Sprintf("step %q failed: %s", e.Step, e.Message)
}

// ErrorCode is Code, and becomes the execution's error code when the handler returns the error.
func (e *StepError) ErrorCode() string { return e.Code }

// StepMismatchError says that the record of an execution does not fit the code that runs it: a step was a sleep before,
// or had another input, or its recorded output does not decode into the type that the code expects now. The execution
// fails with code step_mismatch and is not retried.
type StepMismatchError struct {
	Step    string
	Message string
}

func (e *StepMismatchError) Error() string {
	return fmt.Sprintf("step %q does not fit its record: %s", e.Step, e.Message)
}

// ErrorCode is "step_mismatch".
func (e *StepMismatchError) ErrorCode() string { return "step_mismatch" }

// StepNameError is a step name that cannot be matched safely: not a name, or used by concurrent branches without a Key.
// The execution fails with code step_name and is not retried.
type StepNameError struct {
	Step    string
	Message string
}

func (e *StepNameError) Error() string { return fmt.Sprintf("step name %q: %s", e.Step, e.Message) }

// ErrorCode is "step_name".
func (e *StepNameError) ErrorCode() string { return "step_name" }

// Reject is the error by which a handler or step declines the work: the execution ends rejected, not failed, and is not
// retried. The code is one word for programs, the message a sentence for people.
func Reject(code, message string) error { return &rejectError{code, message} }

type rejectError struct{ code, message string }

func (e *rejectError) Error() string     { return e.message }
func (e *rejectError) ErrorCode() string { return e.code }

// rejectPrefix marks the recorded code of a step that rejected, so that a replay rejects too.
const rejectPrefix = "rejected."

// NonRetryable marks an error that a retry cannot help: the step, and the execution if the handler returns it, fails at
// once whatever its retry policy says.
func NonRetryable(err error) error {
	if err == nil {
		return nil
	}
	return &finalError{err}
}

type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// Coded gives an error a code, one word for programs. Errors that have a method ErrorCode() string need no Coded.
func Coded(code string, err error) error {
	if err == nil {
		return nil
	}
	return &codedError{err, code}
}

type codedError struct {
	error
	code string
}

func (e *codedError) Unwrap() error     { return e.error }
func (e *codedError) ErrorCode() string { return e.code }

// WithDetails adds details, any JSON-encodable value, to an error; they are kept beside its message.
func WithDetails(err error, details any) error {
	if err == nil {
		return nil
	}
	return &detailedError{err, details}
}

type detailedError struct {
	error
	details any
}

func (e *detailedError) Unwrap() error { return e.error }

// panicError is what became of a panic.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string     { return fmt.Sprintf("panic: %v", e.value) }
func (e *panicError) ErrorCode() string { return "panic" }

// timeoutError is a step that did not finish within its StepTimeout.
type timeoutError struct {
	after time.Duration
	err   error
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("not finished after %s: %v", e.after, e.err)
}
func (e *timeoutError) Unwrap() error     { return e.err }
func (e *timeoutError) ErrorCode() string { return "step_timeout" }

// guard runs fn and turns a panic into an error with the stack.
func guard(ctx context.Context, fn func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		}
	}()
	return fn(ctx)
}

// What of an error travels to the server.
const (
	maxMessage = 8 << 10
	maxStack   = 16 << 10
	maxDetails = 64 << 10
	maxCode    = 100
)

// failure is an error as the protocol carries it.
type failure struct {
	code    string
	message string
	details []byte // JSON object, may be nil
	final   bool
}

func failureOf(err error) failure {
	var f failure
	// Error and ErrorCode are the user's code.
	if err := guard(context.Background(), func(context.Context) error {
		f.message = clip(err.Error(), maxMessage)
		var coded interface{ ErrorCode() string }
		if errors.As(err, &coded) {
			f.code = clip(coded.ErrorCode(), maxCode)
		}
		return nil
	}); err != nil {
		f.message = clip(fmt.Sprintf("the error cannot be shown: %v", err), maxMessage)
	}
	if f.code == "" {
		f.code = "error"
	}
	var final *finalError
	f.final = errors.As(err, &final)
	var (
		step     *StepError
		mismatch *StepMismatchError
		name     *StepNameError
		reject   *rejectError
		panicked *panicError
		detailed *detailedError
		refused  *ApprovalRejectedError
		timedOut *waitTimeoutError
	)
	switch {
	case errors.As(err, &step):
		f.final = f.final || step.final
		f.details = step.details
	case errors.As(err, &refused):
		f.final, f.code, f.message = true, refused.ErrorCode(), clip(firstOf(refused.Comment, refused.Error()), maxMessage)
	case errors.As(err, &mismatch), errors.As(err, &name), errors.As(err, &reject), errors.As(err, &timedOut):
		f.final = true
	case errors.As(err, &panicked):
		f.details, _ = encode(map[string]string{"stack": clip(string(panicked.stack), maxStack)})
	}
	if errors.As(err, &detailed) {
		f.details = detailsJSON(detailed.details)
	}
	return f
}

// detailsJSON encodes details as an object; what is none is put in one under "value".
func detailsJSON(v any) []byte {
	b, err := encode(v)
	switch {
	case err != nil:
		b, _ = encode(map[string]string{"details_error": err.Error()})
	case len(b) > maxDetails:
		b, _ = encode(map[string]string{"details_error": fmt.Sprintf("the details took %d bytes of at most %d", len(b), maxDetails)})
	case b[0] != '{':
		b = append(append([]byte(`{"value":`), b...), '}')
	}
	return b
}

// clip shortens text to at most n bytes of valid UTF-8.
func clip(text string, n int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > n {
		const mark = "…"
		cut := n - len(mark)
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + mark
	}
	return text
}
