package api

import (
	"net/http"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// info tells a caller who it is to the server, and the server's limits.
func (a *API) info(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	x.out = append(a.appendInfo(x.out, x.caller), '}')
	return x.json(http.StatusOK)
}

// appendInfo writes what a caller is told about itself and the server, without the brace at the end.
func (a *API) appendInfo(b []byte, c *engine.Caller) []byte {
	b = append(b, `{"version":`...)
	b = jsonx.AppendString(b, a.cfg.Version)
	b = appendInt(b, `,"protocol":`, engine.Protocol)
	b = appendID(b, `,"project":{"id":`, execution.PrefixProject, c.ProjectID)
	b = append(b, `,"name":`...)
	b = jsonx.AppendString(b, c.ProjectName)
	b = append(b, '}')
	b = appendID(b, `,"key":{"id":`, execution.PrefixKey, c.KeyID)
	b = append(b, `,"name":`...)
	b = jsonx.AppendString(b, c.KeyName)
	b = appendStrings(b, `,"scopes":`, c.Scopes.Names())
	b = append(b, '}')
	b = appendInt(b, `,"limits":{"max_body_bytes":`, bodyOne)
	b = appendInt(b, `,"max_batch_bytes":`, bodyMany)
	b = appendInt(b, `,"max_batch":`, maxBatch)
	b = appendInt(b, `,"max_payload_bytes":`, maxPayload)
	b = appendInt(b, `,"max_depth":`, jsonx.MaxDepth)
	b = appendInt(b, `,"max_wait_seconds":`, int64(maxHold.Seconds()))
	b = appendInt(b, `,"max_page":`, maxPage)
	return append(b, '}')
}

// healthz says that the process answers.
func (a *API) healthz(x *exchange) error {
	x.out = append(x.out, `{"status":"ok"}`...)
	return x.json(http.StatusOK)
}

// readyz says whether requests should be sent here.
func (a *API) readyz(x *exchange) error {
	if err := a.engine.Ready(); err != nil {
		x.w.Header()["Retry-After"] = []string{"1"}
		x.out = append(x.out, `{"status":"unready","reason":`...)
		x.out = append(jsonx.AppendString(x.out, err.Error()), '}')
		return x.json(http.StatusServiceUnavailable)
	}
	x.out = append(x.out, `{"status":"ready"}`...)
	return x.json(http.StatusOK)
}

// metrics serves the measurements: to this machine without a key, to others with one that may see everything.
func (a *API) metrics(x *exchange) error {
	if a.cfg.Metrics == nil {
		return &engine.Error{Code: engine.CodeNotFound, Message: "this server keeps no metrics"}
	}
	if !fromLoopback(x.r) {
		if err := a.authenticate(x); err != nil {
			return err
		}
		if !x.caller.Scopes.Has(engine.ScopeAdmin) {
			return forbidden(engine.ScopeAdmin)
		}
	}
	x.status = http.StatusOK
	x.header()
	a.cfg.Metrics.ServeHTTP(x.w, x.r)
	return nil
}
