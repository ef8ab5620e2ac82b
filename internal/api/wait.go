package api

import (
	"net/http"
	"strings"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

func (a *API) signalExecution(x *exchange) error {
	id, err := x.executionID()
	if err != nil {
		return err
	}
	if err := x.query(); err != nil {
		return err
	}
	r := &engine.SignalRequest{Name: x.params[1]}
	if problem := waitNameProblem(r.Name); problem != "" {
		return badField("name", jsonx.CodeInvalidValue, problem)
	}
	if given := x.r.Header["Idempotency-Key"]; len(given) > 0 {
		if len(given) > 1 {
			return badField("Idempotency-Key", jsonx.CodeInvalidValue, "is given more than once")
		}
		if err := checkKey(given[0]); err != nil {
			return err
		}
		r.Key = given[0]
	}
	err = x.decodeOptional(func(p *jsonx.Parser) {
		for ok := p.Object(); ok && p.Next(); {
			if string(p.Name()) != "payload" {
				p.Unknown([]string{"payload"})
				continue
			}
			r.Payload = p.Raw()
		}
	})
	if err != nil {
		return err
	}
	v, replayed, err := a.engine.Signal(x.ctx, x.caller, id, r)
	if err != nil {
		return err
	}
	status := http.StatusAccepted
	if replayed {
		status = http.StatusOK
		x.w.Header()["Idempotent-Replay"] = headerTrue
	}
	x.out = a.appendExecution(x.out, v, parts{})
	return x.json(status)
}

func (a *API) approveExecution(x *exchange) error { return a.decideExecution(x, true) }

func (a *API) rejectExecution(x *exchange) error { return a.decideExecution(x, false) }

func (a *API) decideExecution(x *exchange, approved bool) error {
	id, err := x.executionID()
	if err != nil {
		return err
	}
	if err := x.query(); err != nil {
		return err
	}
	r := &engine.DecisionRequest{Approved: approved}
	err = x.decodeOptional(func(p *jsonx.Parser) {
		for ok := p.Object(); ok && p.Next(); {
			switch string(p.Name()) {
			case "name":
				r.Name = readWaitName(p)
			case "step":
				r.Step = readStep(p)
			case "comment":
				r.Comment, _ = p.String(maxComment)
			case "by":
				r.By = readSigner(p)
			case "payload":
				r.Payload = p.Raw()
			default:
				p.Unknown([]string{"name", "step", "comment", "by", "payload"})
			}
		}
	})
	if err != nil {
		return err
	}
	v, err := a.engine.Decide(x.ctx, x.caller, id, r)
	if err != nil {
		return err
	}
	x.out = a.appendExecution(x.out, v, parts{})
	return x.json(http.StatusOK)
}

// Limits of a decision.
const (
	maxComment = 10_000
	maxSigner  = 200
)

// readSigner reads the name of a person, as it is shown to others.
func readSigner(p *jsonx.Parser) string {
	s, ok := p.String(maxSigner)
	if ok && strings.ContainsFunc(s, isControl) {
		p.ReportRead(jsonx.CodeInvalidValue, "must not contain control characters")
	}
	return s
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
