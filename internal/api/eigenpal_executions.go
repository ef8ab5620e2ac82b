package api

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

func (a *API) eigenpalExecution(x *exchange) error {
	id, err := x.executionID()
	if err != nil {
		return err
	}
	if err := x.query("includeSteps"); err != nil {
		return in("query", err)
	}
	steps := false
	if text, ok := x.given.get("includeSteps"); ok {
		if text != "true" && text != "false" {
			return in("query", badField("includeSteps", jsonx.CodeInvalidValue, "must be true or false, not "+quote(text)))
		}
		steps = text == "true"
	}
	v, err := a.engine.Get(x.ctx, x.caller, id, engine.GetOptions{Steps: steps})
	if err != nil {
		return err
	}
	if !steps {
		x.out = appendEigenpalStatus(x.out, v)
		return x.json(http.StatusOK)
	}
	// The summary and not the status with steps: a client takes whatever has an executionId for the status alone.
	b := appendEigenpalSummary(x.out, v)
	b = append(b, `,"steps":[`...)
	for i, s := range v.Steps {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendEigenpalStep(b, s)
	}
	x.out = append(b, ']', '}')
	return x.json(http.StatusOK)
}

func (a *API) eigenpalExecutions(x *exchange) error {
	if err := x.query("status", "fromDate", "toDate", "exampleId", "limit", "offset"); err != nil {
		return in("query", err)
	}
	r := &engine.ListRequest{Workflow: x.params[0]}
	limit, offset, err := x.queryOffset()
	if err == nil {
		r.From, err = x.queryDate("fromDate", false)
	}
	if err == nil {
		r.To, err = x.queryDate("toDate", true)
	}
	if err != nil {
		return in("query", err)
	}
	if text, ok := x.given.get("status"); ok {
		var problem string
		if r.Status, problem = parseStatuses(strings.Split(text, ",")); problem != "" {
			return in("query", badField("status", jsonx.CodeInvalidValue, problem))
		}
	}
	r.Limit = int(limit)
	page, total, err := a.engine.ListAt(x.ctx, x.caller, r, offset)
	if err != nil {
		return err
	}
	if _, ok := x.given.get("exampleId"); ok {
		page, total = nil, 0 // executions of evaluations, of which there are none here
	}
	b := append(x.out, `{"data":[`...)
	for i, v := range page {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendEigenpalSummary(b, v), '}')
	}
	x.out = appendOffsetPage(b, total, limit, offset)
	return x.json(http.StatusOK)
}

// eigenpalCancel answers by the state that the execution was in when it was asked to stop, also when it ended at once.
func (a *API) eigenpalCancel(x *exchange) error {
	id, err := x.executionID()
	if err != nil {
		return err
	}
	if err := x.query(); err != nil {
		return in("query", err)
	}
	was, err := a.engine.CancelFrom(x.ctx, x.caller, id, engine.CancelRequest{})
	if err != nil {
		return err
	}
	outcome := "cancellation-requested"
	switch {
	case was == execution.Created || was == execution.Pending:
		outcome = "cancelled"
	case was.Final():
		outcome = "already-terminal"
	}
	b := appendID(x.out, `{"executionId":`, execution.PrefixExecution, id)
	b = appendText(b, `,"status":`, outcome)
	b = appendText(b, `,"wasStatus":`, was.String())
	x.out = append(b, '}')
	return x.json(http.StatusOK)
}

// errorOf is why an execution failed or was rejected, in words; never empty.
func errorOf(v *engine.View) string {
	return cmp.Or(v.Message, v.ErrorCode, v.Status.String())
}

// appendOrNull writes a value that is JSON already; nil is null.
func appendOrNull(b []byte, name string, raw []byte) []byte {
	if len(raw) == 0 {
		return append(append(b, name...), "null"...)
	}
	return append(append(b, name...), raw...)
}

func appendTimeOrNull(b []byte, name string, t execution.Time) []byte {
	if t == 0 {
		return append(append(b, name...), "null"...)
	}
	return appendTime(b, name, t)
}

func appendTextOrNull(b []byte, name, s string) []byte {
	if s == "" {
		return append(append(b, name...), "null"...)
	}
	return appendText(b, name, s)
}

// appendEigenpalOutcome writes result and error, null where there is none.
func appendEigenpalOutcome(b []byte, v *engine.View) []byte {
	var result []byte
	message := ""
	switch v.Status {
	case execution.Completed:
		result = v.Output
	case execution.Failed, execution.Rejected:
		message = errorOf(v)
	default: // neither
	}
	b = appendOrNull(b, `,"result":`, result)
	return appendTextOrNull(b, `,"error":`, message)
}

// appendEigenpalStatus writes the short form of an execution. It has exactly these members, and none is left out: the
// Python client shows absent ones as an object that is neither text nor None.
func appendEigenpalStatus(b []byte, v *engine.View) []byte {
	b = appendID(b, `{"executionId":`, execution.PrefixExecution, v.ID)
	b = appendText(b, `,"status":`, v.Status.String())
	b = appendTime(b, `,"createdAt":`, v.CreatedAt)
	b = appendTimeOrNull(b, `,"completedAt":`, v.CompletedAt)
	return append(appendEigenpalOutcome(b, v), '}')
}

// appendEigenpalSummary writes the long form of an execution, without the closing brace.
func appendEigenpalSummary(b []byte, v *engine.View) []byte {
	b = appendID(b, `{"id":`, execution.PrefixExecution, v.ID)
	b = appendID(b, `,"workflowId":`, execution.PrefixWorkflow, v.WorkflowID)
	b = appendText(b, `,"status":`, v.Status.String())
	b = appendText(b, `,"triggerType":`, v.Trigger.String())
	b = appendOrNull(b, `,"triggerInput":`, v.Input)
	b = appendEigenpalOutcome(b, v)
	b = appendTime(b, `,"createdAt":`, v.CreatedAt)
	b = appendTimeOrNull(b, `,"startedAt":`, v.StartedAt)
	b = appendTimeOrNull(b, `,"completedAt":`, v.CompletedAt)
	if v.CompletedAt != 0 {
		took := v.CompletedAt.Sub(cmp.Or(v.StartedAt, v.CreatedAt))
		b = appendInt(b, `,"durationMs":`, max(0, took.Milliseconds()))
	} else {
		b = append(b, `,"durationMs":null`...)
	}
	if v.Workflow == nil {
		return append(b, `,"workflow":null`...)
	}
	b = appendID(b, `,"workflow":{"id":`, execution.PrefixWorkflow, v.Workflow.ID)
	b = appendText(b, `,"name":`, v.Workflow.Name)
	return append(b, '}')
}

// appendEigenpalStep writes a step. Its id is the text that overrides name it by.
func appendEigenpalStep(b []byte, s *execution.Step) []byte {
	b = append(b, `{"id":`...)
	b = jsonx.AppendString(b, s.Key)
	b = append(b, `,"name":`...)
	b = jsonx.AppendString(b, s.Key)
	b = appendText(b, `,"status":`, s.Status.Name())
	b = appendOrNull(b, `,"input":`, s.Payload)
	if s.Ended != nil {
		b = appendWaitEnd(b, `,"output":`, s.Ended)
	} else {
		b = appendOrNull(b, `,"output":`, s.Output)
	}
	b = appendTextOrNull(b, `,"error":`, cmp.Or(s.Message, s.Code))
	b = appendTimeOrNull(b, `,"startedAt":`, s.StartedAt)
	b = appendTimeOrNull(b, `,"completedAt":`, s.CompletedAt)
	return append(b, '}')
}
