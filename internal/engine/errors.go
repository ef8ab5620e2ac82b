package engine

import (
	"fmt"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// ErrUnavailable is a database that cannot be reached now: what was asked may be asked again soon.
var ErrUnavailable = store.ErrUnavailable

// Code is a word of the API's vocabulary of errors; the codes of package execution belong to it too.
type Code string

// The codes of errors that the engine gives besides those of package execution.
const (
	CodeInvalid         Code = "invalid_request"
	CodeUnauthenticated Code = "unauthenticated"
	CodeForbidden       Code = "forbidden"
	CodeNotFound        Code = "not_found"
	CodeConflict        Code = "conflict"
	CodeDeleted         Code = "deleted"
	CodeMismatch        Code = "idempotency_mismatch"
	CodeBacklogFull     Code = "backlog_full"
	CodeStorage         Code = "insufficient_storage"
	CodeUnavailable     Code = "unavailable"
	CodeSessionLost     Code = "session_lost"
	CodeSkipped         Code = "skipped"
	CodeTooLarge        Code = "payload_too_large"
	CodeQuota           Code = "quota_exceeded"
	CodeDigest          Code = "digest_mismatch"
	CodeFileInUse       Code = "file_in_use"
	CodeAPITrigger      Code = "api_trigger_disabled"
)

// Codes of single fields.
const (
	FieldRequired = "required"
	FieldInvalid  = "invalid_value"
	FieldSchema   = "schema"
	FieldTooLong  = "too_long"
	FieldRange    = "out_of_range"
)

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Field, Code, Message string
}

// Error is a request that the engine refused. Nothing was changed.
type Error struct {
	Code       Code
	Message    string
	Fields     []FieldError
	RetryAfter time.Duration // when a repeat may succeed, 0: no advice
	Err        error         // the cause, for the log only
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

func (e *Error) Unwrap() error { return e.Err }

func invalid(field, code, format string, args ...any) *Error {
	message := fmt.Sprintf(format, args...)
	return &Error{Code: CodeInvalid, Message: message, Fields: []FieldError{{field, code, message}}}
}

func notFound(what string) *Error {
	return &Error{Code: CodeNotFound, Message: what + " not found"}
}

var errSessionLost = &Error{Code: CodeSessionLost, Message: "the worker session has ended or is unknown: open a new one and drop everything held"}

// absent is the refusal of an operation on an execution that is not there.
var absent = &execution.Error{Code: execution.CodeNotFound, Message: "execution not found"}
