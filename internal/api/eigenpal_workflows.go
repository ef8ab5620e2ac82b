package api

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// prefixEigenpalVersion is how the dialect's ids of versions begin; the rest is that of the native id.
const prefixEigenpalVersion = "wfh_"

// nativeVersion is the native name of a version.
func nativeVersion(ref string) string {
	if id, ok := execution.ParseID(prefixEigenpalVersion, ref); ok {
		return id.Text(execution.PrefixVersion)
	}
	return ref
}

func (a *API) eigenpalWorkflows(x *exchange) error {
	if err := x.query("search", "name", "kind", "limit", "offset"); err != nil {
		return in("query", err)
	}
	var q engine.WorkflowQuery
	limit, offset, err := x.queryOffset()
	if err == nil {
		q.Search, err = x.queryText("search", maxName)
	}
	if err == nil {
		q.Name, err = x.queryText("name", maxName)
	}
	kind, given := x.given.get("kind")
	if err == nil && given && kind != "workflow" && kind != "block" {
		err = badField("kind", jsonx.CodeInvalidValue, "must be workflow or block, not "+quote(kind))
	}
	if err != nil {
		return in("query", err)
	}
	q.Search, q.Limit = strings.ToLower(q.Search), int(limit) // names are in lower case
	var page []engine.WorkflowView
	var total int64
	if kind != "block" { // parts of workflows, of which there are none here
		page, total = a.engine.WorkflowsAt(x.ctx, x.caller, q, offset)
	}
	b := append(x.out, `{"data":[`...)
	for i := range page {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendEigenpalWorkflow(b, &page[i]), '}')
	}
	x.out = appendOffsetPage(b, total, limit, offset)
	return x.json(http.StatusOK)
}

func (a *API) eigenpalWorkflow(x *exchange) error {
	if err := x.query(); err != nil {
		return in("query", err)
	}
	w, err := a.engine.Workflow(x.ctx, x.caller, x.params[0])
	if err != nil {
		return err
	}
	x.out = append(appendEigenpalWorkflow(x.out, w), `,"yamlContent":null}`...)
	return x.json(http.StatusOK)
}

func (a *API) eigenpalVersions(x *exchange) error {
	if err := x.query("limit", "offset"); err != nil {
		return in("query", err)
	}
	limit, offset, err := x.queryOffset()
	if err != nil {
		return in("query", err)
	}
	versions, err := a.engine.Versions(x.ctx, x.caller, x.params[0])
	if err != nil {
		return err
	}
	total := int64(len(versions))
	b := append(x.out, `{"data":[`...)
	for i := offset; i < min(offset+limit, total); i++ {
		if i > offset {
			b = append(b, ',')
		}
		v := &versions[i]
		b = appendID(b, `{"id":`, prefixEigenpalVersion, v.ID)
		b = appendID(b, `,"workflowId":`, execution.PrefixWorkflow, v.WorkflowID)
		b = appendText(b, `,"version":`, release(v.Label, v.Number))
		b = append(b, `,"yamlContent":null,"isCurrent":`...)
		b = strconv.AppendBool(b, v.Current)
		b = appendTime(b, `,"createdAt":`, v.CreatedAt)
		b = append(b, '}')
	}
	x.out = appendOffsetPage(b, total, limit, offset)
	return x.json(http.StatusOK)
}

// release is a version's tag: its label, or its number when it has none.
func release(label string, number int32) string {
	if number == 0 {
		return label
	}
	return cmp.Or(label, strconv.Itoa(int(number)))
}

// appendEigenpalWorkflow writes a workflow, without the closing brace.
func appendEigenpalWorkflow(b []byte, w *engine.WorkflowView) []byte {
	b = appendID(b, `{"id":`, execution.PrefixWorkflow, w.ID)
	b = appendText(b, `,"name":`, w.Name)
	b = appendTextOrNull(b, `,"version":`, release(w.VersionLabel, w.Version))
	b = appendTime(b, `,"createdAt":`, w.CreatedAt)
	return appendTime(b, `,"updatedAt":`, w.UpdatedAt)
}
