package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// Codes that only the API gives; the others belong to the engine and the rules.
const (
	codeInvalidJSON      engine.Code = "invalid_json"
	codeMethodNotAllowed engine.Code = "method_not_allowed"
	codePayloadTooLarge  engine.Code = engine.CodeTooLarge
	codeUnsupportedMedia engine.Code = "unsupported_media_type"
	codeRateLimited      engine.Code = "rate_limited"
	codeRange            engine.Code = "range_not_satisfiable"
	codeInternal         engine.Code = "internal"
)

// statuses turns a code into the status of its answer, once for the whole API.
var statuses = map[engine.Code]struct {
	status int
	title  string
}{
	codeInvalidJSON:    {400, "The body is not acceptable JSON"},
	engine.CodeInvalid: {400, "The request is not valid"},
	engine.Code(execution.CodeInvalidProgress): {400, "The progress is not valid"},
	engine.CodeDigest:                          {400, "The file is not the one announced"},
	engine.CodeUnauthenticated:                 {401, "A valid API key is needed"},
	engine.CodeForbidden:                       {403, "The API key does not allow this"},
	engine.CodeAPITrigger:                      {403, "The workflow is closed to starts through the API"},
	engine.CodeNotFound:                        {404, "Not found"},
	engine.CodeSessionLost:                     {404, "The worker session has ended"},
	codeMethodNotAllowed:                       {405, "Method not allowed"},
	engine.CodeConflict:                        {409, "Conflict"},
	engine.CodeSkipped:                         {409, "An earlier operation was refused"},
	engine.Code(execution.CodeAlreadyTerminal): {409, "The execution has ended"},
	engine.Code(execution.CodeStaleLease):      {409, "The lease is no longer current"},
	engine.Code(execution.CodeCancelRequested): {409, "The execution is being cancelled"},
	engine.Code(execution.CodeStepRecorded):    {409, "The step has its result"},
	engine.Code(execution.CodeHistoryLimit):    {409, "The execution's history is full"},
	engine.Code(execution.CodeInvalidState):    {409, "The execution is in another state"},
	engine.Code(execution.CodeNothingToWait):   {409, "Nothing would wake the execution"},
	engine.Code(execution.CodeNotAwaiting):     {409, "No such approval is awaited"},
	engine.Code(execution.CodeSignalLimit):     {409, "Too many signals are kept"},
	engine.Code(execution.CodeWaitLimit):       {409, "Too many waits are open"},
	engine.Code(execution.CodeNotFinished):     {409, "The execution has not ended"},
	engine.CodeFileInUse:                       {409, "The file is in use"},
	engine.CodeDeleted:                         {410, "The execution was deleted"},
	codePayloadTooLarge:                        {413, "The body is too large"},
	codeUnsupportedMedia:                       {415, "The body must be plain JSON"},
	codeRange:                                  {416, "The range is not within the file"},
	engine.CodeMismatch:                        {422, "The Idempotency-Key was used for another request"},
	codeRateLimited:                            {429, "Too many requests"},
	engine.CodeBacklogFull:                     {429, "Too many open executions"},
	codeInternal:                               {500, "Internal error"},
	engine.CodeUnavailable:                     {503, "Not available at the moment"},
	engine.CodeQuota:                           {507, "The project's files have no more room"},
	engine.CodeStorage:                         {507, "The server's disk is nearly full"},
}

// problem is an error as RFC 9457 has it.
type problem struct {
	code       engine.Code
	status     int
	title      string
	detail     string
	fields     []engine.FieldError
	execution  string // the state of the execution that refused, when that explains it
	retryAfter time.Duration
}

// problemOf turns an error of the engine, of the rules or of the API into what the client is told. The text of any
// other error stays inside.
func problemOf(err error) problem {
	var p problem
	var refused *engine.Error
	var rule *execution.Error
	switch {
	case errors.As(err, &refused):
		p = problem{code: refused.Code, detail: refused.Message, fields: refused.Fields, retryAfter: refused.RetryAfter}
	case errors.As(err, &rule):
		p = problem{code: engine.Code(rule.Code), detail: rule.Message}
		if rule.Code == execution.CodeAlreadyTerminal || rule.Code == execution.CodeNotFinished {
			p.execution = rule.Status.String()
		}
	case errors.Is(err, engine.ErrUnavailable):
		p = problem{code: engine.CodeUnavailable, detail: "the database cannot be reached at the moment: try again"}
	case errors.Is(err, context.DeadlineExceeded):
		p = problem{code: engine.CodeUnavailable, detail: "the server did not finish in time; the outcome is unknown: retry with the same Idempotency-Key"}
	}
	s, ok := statuses[p.code]
	if !ok {
		p = problem{code: codeInternal, detail: "something went wrong inside the server; its log has the cause under this request_id"}
		s = statuses[codeInternal]
	}
	p.status, p.title = s.status, s.title
	if p.retryAfter == 0 && (p.status == http.StatusTooManyRequests || p.status == http.StatusServiceUnavailable) {
		p.retryAfter = time.Second
	}
	return p
}

func (p *problem) append(b []byte, requestID string) []byte {
	b = append(b, `{"type":"/docs#`...)
	b = append(b, p.code...)
	b = append(b, `","title":`...)
	b = jsonx.AppendString(b, p.title)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(p.status), 10)
	b = append(b, `,"detail":`...)
	b = jsonx.AppendString(b, p.detail)
	b = append(b, `,"code":"`...)
	b = append(b, p.code...)
	b = append(b, '"')
	if len(p.fields) > 0 {
		b = append(b, `,"errors":[`...)
		for i, f := range p.fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"field":`...)
			b = jsonx.AppendString(b, f.Field)
			b = append(b, `,"code":`...)
			b = jsonx.AppendString(b, f.Code)
			b = append(b, `,"message":`...)
			b = jsonx.AppendString(b, f.Message)
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	if p.execution != "" {
		b = append(b, `,"execution_status":"`...)
		b = append(b, p.execution...)
		b = append(b, '"')
	}
	if requestID != "" {
		b = append(b, `,"request_id":`...)
		b = jsonx.AppendString(b, requestID)
	}
	return append(b, '}')
}

func internal(err error) error { return &engine.Error{Code: codeInternal, Err: err} }

func forbidden(need engine.Scope) error {
	names := need.Names()
	name := ""
	if len(names) > 0 {
		name = names[0]
	}
	return &engine.Error{Code: engine.CodeForbidden, Message: "this API key lacks the scope " + name + "; use a key that has it"}
}

// malformed is the refusal of a body that is not acceptable JSON.
func malformed(err error) error {
	var e *jsonx.Error
	if !errors.As(err, &e) {
		return internal(err)
	}
	code := codeInvalidJSON
	if e.Code != jsonx.CodeInvalidJSON {
		code = engine.CodeInvalid
	}
	out := &engine.Error{Code: code, Message: e.Error()}
	item := e.Code
	if code == codeInvalidJSON {
		item = jsonx.CodeInvalidValue
	}
	out.Fields = []engine.FieldError{{Field: e.Path, Code: item, Message: e.Message}}
	return out
}

// invalid is the refusal of a request for the problems found in it.
func invalid(found []jsonx.Problem) error {
	e := &engine.Error{Code: engine.CodeInvalid, Message: found[0].Message}
	if n := len(found); n > 1 {
		e.Message += " (and " + strconv.Itoa(n-1) + " more, see errors)"
	}
	e.Fields = make([]engine.FieldError, len(found))
	for i, p := range found {
		e.Fields[i] = engine.FieldError(p)
	}
	return e
}

// badField is the refusal of one field; message continues a sentence that begins with its name.
func badField(field, code, message string) error {
	return invalid([]jsonx.Problem{{Field: field, Code: code, Message: field + " " + message}})
}

// notFound is the refusal of an id that no thing can have: the same as for a thing that is not there.
func notFound(what string) error {
	return &engine.Error{Code: engine.CodeNotFound, Message: what + " not found"}
}

// clip shortens a caller's text for a message and makes it printable.
func clip(s string, most int) string {
	out := make([]byte, 0, min(len(s), most)+4)
	for i, r := range s {
		if i >= most {
			return string(append(out, "…"...))
		}
		if r < 0x20 || r == 0x7f || r == utf8.RuneError {
			r = '?'
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

func quote(s string) string { return `"` + clip(s, 60) + `"` }

func validText(s string) bool { return utf8.ValidString(s) }
