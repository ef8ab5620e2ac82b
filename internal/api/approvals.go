package api

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

func (a *API) createApprovalLink(x *exchange) error {
	id, err := x.executionID()
	if err != nil {
		return err
	}
	if err := x.query(); err != nil {
		return err
	}
	r := &engine.LinkRequest{}
	err = x.decodeOptional(func(p *jsonx.Parser) {
		for ok := p.Object(); ok && p.Next(); {
			switch string(p.Name()) {
			case "name":
				r.Name = readWaitName(p)
			case "step":
				r.Step = readStep(p)
			case "expires_in_ms":
				r.ExpiresIn, _ = readMillis(p, 1, engine.MaxLinkLife.Milliseconds())
			case "lease":
				r.Lease, _ = p.String(maxLease)
			default:
				p.Unknown([]string{"name", "step", "expires_in_ms", "lease"})
			}
		}
	})
	switch {
	case r.Lease == "" && !x.caller.Scopes.Has(engine.ScopeApprove):
		return forbidden(engine.ScopeApprove)
	case err != nil:
		return err
	case r.Lease != "" && !x.caller.Scopes.Has(engine.ScopeWorkersRun):
		return forbidden(engine.ScopeWorkersRun)
	}
	l, err := a.engine.CreateLink(x.ctx, x.caller, id, r)
	if err != nil {
		return err
	}
	b := appendText(x.out, `{"url":`, a.cfg.PublicURL+"/approvals/"+l.Token)
	b = appendText(b, `,"token":`, l.Token)
	b = appendText(b, `,"step":`, l.Step)
	b = appendTime(b, `,"expires_at":`, l.ExpiresAt)
	x.out = append(b, '}')
	return x.json(http.StatusCreated)
}

// approvalPage shows what an approval link is for. Nothing happens by looking at it: mail scanners follow links.
func (a *API) approvalPage(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	v, err := a.engine.Link(x.ctx, x.params[0])
	if x.forPeople() {
		if err != nil {
			return a.approvalProblem(x, err)
		}
		return a.showApproval(x, http.StatusOK, approvalView{Link: v})
	}
	if err != nil {
		return err
	}
	x.out = append(appendLink(x.out, v), '}')
	return x.json(http.StatusOK)
}

func appendLink(b []byte, v *engine.LinkView) []byte {
	b = appendID(b, `{"execution_id":`, execution.PrefixExecution, v.Execution)
	b = appendText(b, `,"workflow":`, v.Workflow)
	b = appendText(b, `,"name":`, v.Name)
	b = appendRaw(b, `,"payload":`, notEmpty(v.Payload))
	b = appendTime(b, `,"expires_at":`, v.ExpiresAt)
	if v.Open {
		return append(b, `,"state":"open"`...)
	}
	return append(b, `,"state":"not_yet"`...)
}

// decideByLink decides what an approval link is for and uses it up.
func (a *API) decideByLink(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	r := &engine.DecisionRequest{}
	people := x.forPeople()
	decided, err := x.readDecision(r)
	var v *engine.LinkView
	if err == nil {
		v, err = a.engine.DecideByLink(x.ctx, x.params[0], r)
	}
	switch {
	case people && err != nil:
		return a.approvalProblem(x, err)
	case people:
		return a.showApproval(x, http.StatusOK, approvalView{Link: v, Decided: decided})
	case err != nil:
		return err
	}
	b := appendID(x.out, `{"execution_id":`, execution.PrefixExecution, v.Execution)
	b = appendText(b, `,"workflow":`, v.Workflow)
	b = appendText(b, `,"name":`, v.Name)
	b = appendText(b, `,"decision":`, decided)
	x.out = append(b, '}')
	return x.json(http.StatusOK)
}

// readDecision reads a form, as the page sends it, or JSON, and names the outcome.
func (x *exchange) readDecision(r *engine.DecisionRequest) (outcome string, err error) {
	const form = "application/x-www-form-urlencoded"
	decision, given := "", false
	if kind, _, _ := strings.Cut(x.r.Header.Get("Content-Type"), ";"); strings.EqualFold(strings.TrimSpace(kind), form) {
		body, err := x.readAny()
		if err != nil {
			return "", err
		}
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return "", badField("decision", jsonx.CodeInvalidValue, "cannot be read: the form is not encoded as a form is")
		}
		decision, r.Comment, r.By = values.Get("decision"), values.Get("comment"), strings.TrimSpace(values.Get("by"))
		given = values.Has("decision")
		switch {
		case len([]rune(r.Comment)) > maxComment || !validText(r.Comment):
			return "", badField("comment", jsonx.CodeTooLong, "must have at most 10000 characters of UTF-8")
		case len([]rune(r.By)) > maxSigner || !validText(r.By) || strings.ContainsFunc(r.By, isControl):
			return "", badField("by", jsonx.CodeInvalidValue, "must have at most 200 characters of UTF-8 and no control characters")
		}
	} else if err := x.decode(func(p *jsonx.Parser) {
		for ok := p.Object(); ok && p.Next(); {
			switch string(p.Name()) {
			case "decision":
				decision, given = readName(p, 20), true
			case "comment":
				r.Comment, _ = p.String(maxComment)
			case "by":
				r.By = readSigner(p)
			default:
				p.Unknown([]string{"decision", "comment", "by"})
			}
		}
	}); err != nil {
		return "", err
	}
	switch {
	case !given:
		return "", badField("decision", jsonx.CodeRequired, "is required: approve or reject")
	case decision == "approve":
		r.Approved = true
		return "approved", nil
	case decision == "reject":
		return "rejected", nil
	}
	return "", badField("decision", jsonx.CodeInvalidValue, "must be approve or reject, not "+quote(decision))
}

// forPeople reports whether a page is wanted: JSON goes to those who ask for it, and to those who send it and do not ask
// for a page.
func (x *exchange) forPeople() bool {
	accept := strings.Join(x.r.Header["Accept"], ",")
	switch {
	case strings.Contains(accept, "text/html"):
		return true
	case strings.Contains(accept, "application/json"):
		return false
	}
	return x.r.Method != http.MethodPost || !strings.HasPrefix(x.r.Header.Get("Content-Type"), "application/json")
}

// until is an instant as a page shows it.
func until(t execution.Time) string { return t.Std().Format(time.RFC1123) }
