package api

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// The EigenPal dialect is a second view of the same engine, under /api/: other paths, camelCase members, another
// envelope for errors. It keeps no state, and nothing below this package knows of it. spec/eigenpal.yaml describes it.

// eigenpalRoutes is the whole dialect.
func eigenpalRoutes() []route {
	need := func(s engine.Scope) access { return access{scope: s} }
	var (
		start     = need(engine.ScopeStart)
		read      = need(engine.ScopeRead)
		cancel    = need(engine.ScopeCancel)
		workflows = need(engine.ScopeWorkflowsRead)
	)
	return []route{
		{"POST", "/api/v1/workflows/{id}/run", start, bodyOne, maxHold, (*API).eigenpalRun},
		{"GET", "/api/v1/workflows/executions/{executionId}", read, 0, 0, (*API).eigenpalExecution},
		{"GET", "/api/v1/workflows/{id}/executions", read, 0, 0, (*API).eigenpalExecutions},
		{"POST", "/api/v1/workflows/executions/{executionId}/cancel", cancel, 0, 0, (*API).eigenpalCancel},
		{"GET", "/api/v1/workflows", workflows, 0, 0, (*API).eigenpalWorkflows},
		{"GET", "/api/v1/workflows/{id}", workflows, 0, 0, (*API).eigenpalWorkflow},
		{"GET", "/api/v1/workflows/{id}/versions", workflows, 0, 0, (*API).eigenpalVersions},
		{"GET", "/api/openapi.json", access{public: true}, 0, 0, (*API).eigenpalOpenAPI},
	}
}

// eigenpal reports whether the request is answered in the dialect, whatever its path leads to.
func (x *exchange) eigenpal() bool {
	return strings.HasPrefix(x.r.URL.Path, "/api/") || x.r.URL.Path == "/api"
}

// eigenpalCodes are the dialect's words for the codes of the native API; the others are the same.
var eigenpalCodes = map[engine.Code]string{
	engine.CodeInvalid:         "invalid_value",
	engine.CodeUnauthenticated: "unauthorized",
	engine.CodeDeleted:         "not_found",
	engine.CodeBacklogFull:     "rate_limited",
	codeInternal:               "internal_error",
}

// appendIssues writes the error as the dialect has it: at least one issue, each with all its members, because clients
// read them without a second look.
func (p *problem) appendIssues(b []byte, requestID string) []byte {
	code := string(p.code)
	if other, ok := eigenpalCodes[p.code]; ok {
		code = other
	}
	b = append(b, `{"issues":[`...)
	if p.status == http.StatusBadRequest && len(p.fields) > 0 {
		for i, f := range p.fields {
			item := code
			if f.Code == jsonx.CodeRequired {
				item = jsonx.CodeRequired
			}
			if i > 0 {
				b = append(b, ',')
			}
			b = appendIssue(b, f.Field, f.Message, item)
		}
	} else {
		b = appendIssue(b, "", p.detail, code)
	}
	b = append(b, `],"requestId":`...)
	b = jsonx.AppendString(b, requestID)
	return append(b, '}')
}

func appendIssue(b []byte, field, message, code string) []byte {
	if field == "" {
		field = "<root>"
	}
	b = append(b, `{"field":`...)
	b = jsonx.AppendString(b, field)
	b = append(b, `,"message":`...)
	b = jsonx.AppendString(b, message)
	b = append(b, `,"code":"`...)
	b = append(b, code...)
	return append(b, `","severity":"error"}`...)
}

// failEigenpal is fail for the dialect. What was deleted is not there for it.
func (x *exchange) failEigenpal(p *problem) {
	if p.code == engine.CodeDeleted {
		p.status = http.StatusNotFound
	}
	x.out = p.appendIssues(x.out[:0], x.id)
}

// in tells in which part of the request the fields of a refusal are: "query", "body" or "header".
func in(part string, err error) error {
	var refused *engine.Error
	if !errors.As(err, &refused) || len(refused.Fields) == 0 {
		return err
	}
	placed := *refused
	placed.Fields = make([]engine.FieldError, len(refused.Fields))
	for i, f := range refused.Fields {
		f.Field = place(part, f.Field)
		placed.Fields[i] = f
	}
	return &placed
}

func place(part, field string) string {
	switch {
	case field == "":
		return part
	case field[0] == '[':
		return part + field
	}
	return part + "." + field
}

// eigenpalCORS lets pages of other origins use the dialect, as its clients for browsers expect. That gives nothing
// away: a page has nothing to show but the key that it was given.
func (x *exchange) eigenpalCORS(h http.Header) {
	if len(x.r.Header["Origin"]) == 0 {
		return
	}
	h["Access-Control-Allow-Origin"] = headerAnyOrigin
	h["Access-Control-Expose-Headers"] = headerExposed
}

var (
	headerAnyOrigin = []string{"*"}
	headerExposed   = []string{"X-Request-Id, Retry-After"}
)

// eigenpalPreflight answers a browser's question whether a page may send a request.
func (x *exchange) eigenpalPreflight(methods []string) error {
	h := x.w.Header()
	h["Access-Control-Allow-Methods"] = []string{strings.Join(methods, ", ")}
	h["Access-Control-Allow-Headers"] = []string{"Authorization, Content-Type, Idempotency-Key, X-Request-Id, " +
		"X-Eigenpal-Sdk, X-Eigenpal-Sdk-Version, X-Eigenpal-Sdk-Runtime, X-Eigenpal-Sdk-Os"}
	h["Access-Control-Max-Age"] = []string{"86400"}
	return x.empty(http.StatusNoContent)
}

func (a *API) eigenpalOpenAPI(x *exchange) error {
	x.w.Header()["Access-Control-Allow-Origin"] = headerAnyOrigin
	return x.static(a.reference.eigenpal, a.reference.eigenpalTag, headerJSON)
}

// queryOffset reads the page: at most 100 from anywhere.
func (x *exchange) queryOffset() (limit, offset int64, err error) {
	if limit, err = x.queryInt("limit", 1, maxPage, 50); err != nil {
		return 0, 0, err
	}
	offset, err = x.queryInt("offset", 0, 1<<31-1, 0)
	return limit, offset, err
}

// appendOffsetPage ends a list that began with {"data":[.
func appendOffsetPage(b []byte, total, limit, offset int64) []byte {
	b = appendInt(b, `],"total":`, total)
	b = appendInt(b, `,"limit":`, limit)
	b = strconv.AppendInt(append(b, `,"offset":`...), offset, 10)
	return append(b, '}')
}
