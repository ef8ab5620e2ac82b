package sojourn

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What an *Error can be, for errors.Is. Several may hold: an ErrAlreadyTerminal is also an ErrConflict.
var (
	ErrInvalid             = errors.New("sojourn: invalid request")
	ErrUnauthenticated     = errors.New("sojourn: unauthenticated")
	ErrForbidden           = errors.New("sojourn: forbidden")
	ErrNotFound            = errors.New("sojourn: not found")
	ErrDeleted             = errors.New("sojourn: deleted")
	ErrConflict            = errors.New("sojourn: conflict")
	ErrAlreadyTerminal     = errors.New("sojourn: execution already in a final state")
	ErrNotFinished         = errors.New("sojourn: execution not finished")
	ErrNotAwaiting         = errors.New("sojourn: no such approval is awaited")
	ErrIdempotencyMismatch = errors.New("sojourn: idempotency key used with another body")
	ErrRateLimited         = errors.New("sojourn: rate limited")
	// ErrUnavailable is any 5xx: the outcome is unknown. Retrying a start with the same idempotency key is safe.
	ErrUnavailable = errors.New("sojourn: server unavailable")
)

// Error is an answer of the server that is not a success.
type Error struct {
	Status  int    // HTTP status
	Code    string // one word of the server's vocabulary, for example "not_found"; empty when the answer was not the server's own
	Title   string
	Message string       // says what is wrong and what to do
	Fields  []FieldError // the fields that are wrong, when the request was invalid

	RequestID  string        // names the request in the server's log
	RetryAfter time.Duration // how long to wait before trying again; 0: not said

	// ExecutionStatus is the state of the execution when it stood in the way (ErrAlreadyTerminal, ErrNotFinished).
	ExecutionStatus Status

	// Body is the whole answer as it was received.
	Body []byte
}

// FieldError is one wrong field of a request.
type FieldError struct {
	Field   string `json:"field"` // JSON path, for example input.lines[2].qty
	Code    string `json:"code"`  // for example required, out_of_range
	Message string `json:"message"`
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sojourn: %d", e.Status)
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	for _, f := range e.Fields {
		if !strings.Contains(e.Message, f.Message) {
			fmt.Fprintf(&b, "; %s: %s", f.Field, f.Message)
		}
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// Is reports whether the error is of the kind that a sentinel of this package names.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrInvalid:
		return e.Status == 400 || e.Status == 413 || e.Status == 415
	case ErrUnauthenticated:
		return e.Status == 401
	case ErrForbidden:
		return e.Status == 403
	case ErrNotFound:
		return e.Status == 404
	case ErrDeleted:
		return e.Status == 410
	case ErrConflict:
		return e.Status == 409
	case ErrAlreadyTerminal:
		return e.Code == "already_terminal"
	case ErrNotFinished:
		return e.Code == "not_finished"
	case ErrNotAwaiting:
		return e.Code == "not_awaiting"
	case ErrIdempotencyMismatch:
		return e.Code == "idempotency_mismatch"
	case ErrRateLimited:
		return e.Status == 429
	case ErrUnavailable:
		return e.Status >= 500
	}
	return false
}

// parseError reads an answer that is not a success. Anything that is not a problem document keeps its text.
func parseError(status int, header http.Header, body []byte) *Error {
	e := &Error{Status: status, Body: body, RequestID: header.Get("X-Request-Id"), RetryAfter: parseRetryAfter(header.Get("Retry-After"))}
	var problem struct {
		Title           string       `json:"title"`
		Detail          string       `json:"detail"`
		Code            string       `json:"code"`
		Errors          []FieldError `json:"errors"`
		RequestID       string       `json:"request_id"`
		ExecutionStatus Status       `json:"execution_status"`
	}
	if json.Unmarshal(body, &problem) == nil && (problem.Code != "" || problem.Title != "") {
		e.Code, e.Title, e.Message, e.Fields = problem.Code, problem.Title, firstOf(problem.Detail, problem.Title), problem.Errors
		e.RequestID = firstOf(e.RequestID, problem.RequestID)
		e.ExecutionStatus = problem.ExecutionStatus
		return e
	}
	text := strings.TrimSpace(string(body[:min(len(body), 300)]))
	e.Title, e.Message = http.StatusText(status), firstOf(text, http.StatusText(status))
	return e
}

func parseRetryAfter(text string) time.Duration {
	if text == "" {
		return 0
	}
	if d, err := time.ParseDuration(text + "s"); err == nil && d >= 0 {
		return d
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// ConnectionError is a request that got no answer. Whether the server acted on it is unknown.
type ConnectionError struct {
	Method string
	URL    string
	Err    error
}

func (e *ConnectionError) Error() string {
	return fmt.Sprintf("sojourn: %s %s: %v", e.Method, e.URL, e.Err)
}

// Unwrap gives the cause, for example a *net.OpError or context.DeadlineExceeded.
func (e *ConnectionError) Unwrap() error { return e.Err }

// Timeout reports whether the answer did not come in time.
func (e *ConnectionError) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}

// ExecutionFailedError is the end of an execution that failed.
type ExecutionFailedError struct {
	Execution *Execution
	Code      string // the handler's code, or one of the engine's, for example "poison"
	Message   string
}

func (e *ExecutionFailedError) Error() string {
	return outcomeText(e.Execution, "failed", e.Code, e.Message)
}

// ExecutionCancelledError is the end of an execution that was cancelled, also by its deadline (Code "timeout").
type ExecutionCancelledError struct {
	Execution *Execution
	Code      string
	Message   string
}

func (e *ExecutionCancelledError) Error() string {
	return outcomeText(e.Execution, "was cancelled", e.Code, e.Message)
}

// ExecutionRejectedError is the end of an execution that was declined.
type ExecutionRejectedError struct {
	Execution *Execution
	Code      string
	Message   string
}

func (e *ExecutionRejectedError) Error() string {
	return outcomeText(e.Execution, "was rejected", e.Code, e.Message)
}

func outcomeText(x *Execution, verb, code, message string) string {
	text := "sojourn: execution " + x.ID + " " + verb
	if code != "" {
		text += " (" + code + ")"
	}
	if message != "" {
		text += ": " + message
	}
	return text
}
