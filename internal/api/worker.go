package api

import (
	"net/http"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

func (a *API) openSession(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	var spec engine.SessionSpec
	if err := x.decode(func(p *jsonx.Parser) { readSession(p, &spec) }); err != nil {
		return err
	}
	s, err := a.engine.OpenSession(x.ctx, x.caller, &spec)
	if err != nil {
		return err
	}
	b := appendID(x.out, `{"session_id":`, execution.PrefixSession, s.ID)
	b = appendInt(b, `,"protocol":`, engine.Protocol)
	b = appendInt(b, `,"lease_ms":`, s.Lease.Milliseconds())
	b = appendInt(b, `,"heartbeat_ms":`, s.Heartbeat.Milliseconds())
	b = appendInt(b, `,"max_wait_ms":`, s.MaxWait.Milliseconds())
	b = appendInt(b, `,"max_operations":`, int64(s.MaxOperations))
	b = append(b, `,"workflows":[`...)
	for i, w := range s.Workflows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"name":`...)
		b = jsonx.AppendString(b, w.Name)
		b = appendID(b, `,"id":`, execution.PrefixWorkflow, w.ID)
		if w.Version > 0 {
			b = appendInt(b, `,"version":`, int64(w.Version))
		}
		b = append(b, '}')
	}
	x.out = append(b, ']', '}')
	return x.json(http.StatusCreated)
}

// sessionID is the session that the path names.
func (x *exchange) sessionID() execution.ID {
	id, _ := execution.ParseID(execution.PrefixSession, x.params[0])
	return id
}

func (a *API) closeSession(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	if err := a.engine.CloseSession(x.ctx, x.caller, x.sessionID()); err != nil {
		return err
	}
	return x.empty(http.StatusNoContent)
}

func (a *API) drainSession(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	err := x.decodeOptional(func(p *jsonx.Parser) {
		for ok := p.Object(); ok && p.Next(); {
			p.Unknown(nil)
		}
	})
	if err != nil {
		return err
	}
	if err := a.engine.DrainSession(x.ctx, x.caller, x.sessionID()); err != nil {
		return err
	}
	return x.empty(http.StatusNoContent)
}

func (a *API) poll(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	var r engine.PollRequest
	if err := x.decode(func(p *jsonx.Parser) { readPoll(p, &r) }); err != nil {
		return err
	}
	out, err := a.engine.Poll(x.ctx, x.caller, &r)
	if err != nil {
		return err
	}
	if out.Draining && len(out.Executions)+len(out.Cancel)+len(out.Drop)+len(out.Wake) == 0 {
		x.w.Header()["Connection"] = headerClose
		return x.empty(http.StatusNoContent)
	}
	b := appendInt(x.out, `{"delivery":`, out.Delivery)
	b = append(b, `,"executions":[`...)
	for i := range out.Executions {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendAssignment(b, &out.Executions[i])
	}
	b = append(b, ']')
	b = appendIDs(b, `,"cancel":`, out.Cancel)
	b = appendIDs(b, `,"drop":`, out.Drop)
	b = appendIDs(b, `,"wake":`, out.Wake)
	x.out = append(b, '}')
	return x.json(http.StatusOK)
}

func (a *API) report(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	var r reportRequest
	if err := x.decode(func(p *jsonx.Parser) { readReport(p, &r) }); err != nil {
		return err
	}
	accepted := r.operations
	if r.refused != nil {
		accepted = nil
		broken := map[execution.ID]bool{}
		for i := range r.operations {
			op := &r.operations[i]
			switch {
			case r.refused[i] != nil:
				broken[op.Execution] = true
			case broken[op.Execution]:
				r.refused[i] = &engine.Error{Code: engine.CodeSkipped, Message: "an earlier operation of this execution in the report was refused"}
			default:
				accepted = append(accepted, *op)
			}
		}
	}
	out, err := a.engine.Report(x.ctx, x.caller, &engine.ReportRequest{Session: r.session, Received: r.received, Operations: accepted})
	if err != nil {
		return err
	}
	b := append(x.out, `{"results":[`...)
	results := out.Results
	for i := range r.operations {
		if i > 0 {
			b = append(b, ',')
		}
		if refused := r.refused[i]; refused != nil {
			b = x.appendResult(b, &engine.OpResult{Err: refused})
			continue
		}
		b = x.appendResult(b, &results[0])
		results = results[1:]
	}
	b = append(b, ']')
	b = appendIDs(b, `,"cancel":`, out.Cancel)
	b = appendIDs(b, `,"drop":`, out.Drop)
	b = appendIDs(b, `,"wake":`, out.Wake)
	x.out = append(b, '}')
	return x.json(http.StatusOK)
}

func (a *API) heartbeat(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	var r engine.HeartbeatRequest
	if err := x.decode(func(p *jsonx.Parser) { readHeartbeat(p, &r) }); err != nil {
		return err
	}
	out, err := a.engine.Heartbeat(x.ctx, x.caller, &r)
	if err != nil {
		return err
	}
	b := appendInt(x.out, `{"expires_in_ms":`, out.Expires.Milliseconds())
	b = appendIDs(b, `,"cancel":`, out.Cancel)
	b = appendIDs(b, `,"drop":`, out.Drop)
	b = appendIDs(b, `,"wake":`, out.Wake)
	b = appendTrue(b, `,"reconcile":`, out.Reconcile)
	x.out = append(b, '}')
	return x.json(http.StatusOK)
}

func (a *API) listWorkers(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	workers, err := a.engine.Sessions(x.ctx, x.caller)
	if err != nil {
		return err
	}
	b := append(x.out, `{"data":[`...)
	for i := range workers {
		if i > 0 {
			b = append(b, ',')
		}
		w := &workers[i]
		b = appendID(b, `{"id":`, execution.PrefixSession, w.ID)
		b = append(b, `,"name":`...)
		b = jsonx.AppendString(b, w.Name)
		b = appendText(b, `,"sdk":`, w.SDK)
		b = appendText(b, `,"version":`, w.Version)
		b = appendStrings(b, `,"workflows":`, w.Workflows)
		b = appendInt(b, `,"capacity":`, int64(w.Capacity))
		b = appendInt(b, `,"held":`, int64(w.Held))
		b = appendTime(b, `,"last_seen_at":`, w.SeenAt)
		b = appendTime(b, `,"expires_at":`, w.ExpiresAt)
		if w.Draining {
			b = append(b, `,"draining":true}`...)
		} else {
			b = append(b, `,"draining":false}`...)
		}
	}
	x.out = append(b, ']', '}')
	return x.json(http.StatusOK)
}
