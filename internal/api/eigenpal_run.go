package api

import (
	"hash/fnv"
	"net/http"
	"strconv"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// eigenpalRun starts an execution and, when it is asked to, holds the answer until the execution has ended. Everything
// that can be refused is refused before the execution is stored, for one of the vendor's clients repeats a request that
// failed with 5xx.
func (a *API) eigenpalRun(x *exchange) error {
	if err := x.query("version", "wait_for_completion"); err != nil {
		return in("query", err)
	}
	r := &engine.StartRequest{Workflow: x.params[0]}
	seconds, err := x.queryInt("wait_for_completion", 0, int64(maxHold/time.Second), 0)
	if err != nil {
		return in("query", err)
	}
	r.Wait = min(time.Duration(seconds)*time.Second, maxHold-holdMargin)
	if r.Version, err = x.queryText("version", maxRef); err != nil {
		return in("query", err)
	}
	r.Version = nativeVersion(r.Version)
	var files *form
	if x.isForm() {
		if files, err = x.readEigenpalForm(r); err != nil {
			return in("body", err)
		}
		defer files.discard()
	} else if err := x.decodeOptional(func(p *jsonx.Parser) { readEigenpalRun(p, r) }); err != nil {
		return in("body", err)
	}
	if r.Input == nil {
		r.Input = []byte("{}")
	}
	if err := x.eigenpalKey(r); err != nil {
		return in("header", err)
	}
	r.TraceParent = a.traceParent(x)
	s, err := a.engine.Start(x.ctx, x.caller, r)
	if err != nil {
		if s == nil || x.ctx.Err() != nil { // nothing is stored, or nobody is there to be told
			return in("body", err)
		}
		// It is stored, and only how it stands could not be read: a client that is told so would run it once more.
		a.log.WarnContext(x.ctx, "a run is answered without its outcome", "request_id", x.id, "error", err)
		s.View = nil
	}
	if s.Replayed {
		x.w.Header()["Idempotent-Replay"] = headerTrue
	} else {
		files.keep()
	}
	x.out = appendEigenpalStarted(x.out, s, r.Wait > 0)
	return x.json(http.StatusCreated)
}

// eigenpalKey takes the idempotency key. A repeat is a request for the same workflow and version with the same body.
func (x *exchange) eigenpalKey(r *engine.StartRequest) error {
	given := x.r.Header["Idempotency-Key"]
	if len(given) == 0 {
		return nil
	}
	if len(given) > 1 {
		return badField("Idempotency-Key", jsonx.CodeInvalidValue, "is given more than once; send it once")
	}
	if err := checkKey(given[0]); err != nil {
		return err
	}
	h := fnv.New64a()
	h.Write([]byte("eigenpal\x00" + r.Workflow + "\x00" + r.Version + "\x00"))
	h.Write(strconv.AppendUint(nil, r.Hash, 16))
	r.IdempotencyKey, r.Hash = given[0], h.Sum64()
	return nil
}

var eigenpalRunFields = []string{"input", "overrides", "trigger"}

// readEigenpalRun reads the body of a run, in which everything may be left out.
func readEigenpalRun(p *jsonx.Parser, r *engine.StartRequest) {
	for ok := p.Object(); ok && p.Next(); {
		switch string(p.Name()) {
		case "input":
			r.Input, _ = p.RawObject()
		case "overrides":
			if p.Peek() != jsonx.Null {
				r.Overrides = readOverrides(p, true)
			}
		case "trigger":
			r.Trigger = readEigenpalTrigger(p)
		default:
			p.Unknown(eigenpalRunFields)
		}
	}
	r.Hash = p.Hash()
}

// readEigenpalForm reads a run as a form: each file is the input of its part's name, and everything else stands as JSON
// in the text part _json, which is missing when there is nothing else. The parts come in any order.
func (x *exchange) readEigenpalForm(r *engine.StartRequest) (*form, error) {
	f, err := x.readForm("_json")
	if err != nil {
		return nil, err
	}
	if f.document != nil {
		err = in("_json", parse(f.document, func(p *jsonx.Parser) { readEigenpalRun(p, r) }))
	}
	if err == nil {
		r.Input, err = f.input(r.Input)
	}
	if err != nil {
		f.discard()
		return nil, err
	}
	r.Hash = f.hash(r.Hash)
	return f, nil
}

func readEigenpalTrigger(p *jsonx.Parser) execution.Trigger {
	s, ok := p.String(20)
	if !ok {
		return 0
	}
	switch s {
	case "api":
		return execution.TriggerAPI
	case "cli":
		return execution.TriggerCLI
	}
	p.ReportRead(jsonx.CodeInvalidValue, "must be api or cli, not "+quote(s))
	return 0
}

// appendEigenpalStarted writes the answer to a run. Unless the execution ended while the answer was held, it is the id
// alone.
func appendEigenpalStarted(b []byte, s *engine.Started, held bool) []byte {
	b = appendID(b, `{"executionId":`, execution.PrefixExecution, s.ID)
	if held && s.View != nil && s.View.Status.Final() {
		v := s.View
		b = appendText(b, `,"status":`, v.Status.String())
		switch v.Status {
		case execution.Completed:
			b = appendOrNull(b, `,"result":`, v.Output)
		case execution.Failed, execution.Rejected:
			b = appendText(b, `,"error":`, errorOf(v))
		default: // cancelled has neither
		}
	}
	return append(b, '}')
}
