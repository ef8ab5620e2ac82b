package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

type workflowBody struct {
	ID, Name, Description string
	Version               int
	VersionLabel          string          `json:"version_label"`
	InputSchema           json.RawMessage `json:"input_schema"`
	RetentionMS           int             `json:"retention_ms"`
	TimeoutMS             int             `json:"timeout_ms"`
	Workers               int
}

type versionBody struct {
	ID         string
	WorkflowID string `json:"workflow_id"`
	Version    int
	Label      string
	IsCurrent  bool `json:"is_current"`
}

func TestWorkflows(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.post("/v1/workflows", `{"name":"extract-invoice","description":"reads","version":"v1","input_schema":{"type":"object","required":["path"]},"retention_ms":1000,"timeout_ms":2000}`).is(201)
	var w workflowBody
	a.into(&w)
	if a.header.Get("Location") != "/v1/workflows/"+w.ID || w.Version != 1 || w.VersionLabel != "v1" || w.Description != "reads" || w.RetentionMS != 1000 || w.TimeoutMS != 2000 ||
		string(w.InputSchema) != `{"type":"object","required":["path"]}` {
		t.Errorf("%s", a.body)
	}
	s.post("/v1/workflows", `{"name":"extract-invoice"}`).field(409, "conflict", "name", "conflict")
	for _, ref := range []string{"extract-invoice", w.ID} {
		var got workflowBody
		s.get("/v1/workflows/" + ref).is(200).into(&got)
		if got.ID != w.ID {
			t.Errorf("%+v", got)
		}
	}
	var patched workflowBody
	s.send(request{key: s.key, method: "PATCH", path: "/v1/workflows/extract-invoice", body: `{"timeout_ms":0}`}).is(200).into(&patched)
	if patched.TimeoutMS != 0 || patched.RetentionMS != 1000 {
		t.Errorf("%+v", patched)
	}
	s.send(request{key: s.key, method: "PATCH", path: "/v1/workflows/extract-invoice", body: `{"name":"x"}`}).field(400, "invalid_request", "name", "unknown_field")
	s.send(request{key: s.key, method: "PATCH", path: "/v1/workflows/extract-invoice", body: `{"retention_ms":-1}`}).field(400, "invalid_request", "retention_ms", "out_of_range")
	s.send(request{key: s.key, method: "PATCH", path: "/v1/workflows/nope", body: `{}`}).problem(404, "not_found")

	// The schema is enforced at start, field by field.
	p := s.post("/v1/executions", `{"workflow_id":"extract-invoice","input":{"file":1}}`).field(400, "invalid_request", "input.path", "required")
	if !strings.Contains(p.Detail, "path") {
		t.Errorf("%+v", p)
	}
	s.post("/v1/executions", `{"workflow_id":"extract-invoice","input":{"path":1}}`).is(201)

	// Versions.
	var v versionBody
	s.post("/v1/workflows/extract-invoice/versions", `{"version":"v2","current":false,"description":"next","input_schema":{"type":"object"}}`).is(201).into(&v)
	if v.Version != 2 || v.Label != "v2" || v.IsCurrent || v.WorkflowID != w.ID {
		t.Errorf("%+v", v)
	}
	s.post("/v1/workflows/extract-invoice/versions", `{"version":"v2"}`).field(409, "conflict", "version", "conflict")
	s.post("/v1/workflows/extract-invoice/versions", `{"label":"v2"}`).field(400, "invalid_request", "label", "unknown_field")
	s.post("/v1/workflows/extract-invoice/versions", `{"input_schema":{"$ref":"https://example.com/x"}}`).field(400, "invalid_request", "input_schema", "invalid_value")
	s.post("/v1/workflows/nope/versions", `{}`).problem(404, "not_found")
	s.post("/v1/workflows/extract-invoice/versions", `{}`).is(201)
	var page struct {
		Data       []versionBody
		HasMore    bool    `json:"has_more"`
		NextCursor *string `json:"next_cursor"`
	}
	current := func() (list []string) {
		cursor := ""
		for {
			page.NextCursor, page.Data = nil, nil
			s.get("/v1/workflows/extract-invoice/versions?limit=2&cursor=" + cursor).is(200).into(&page)
			for _, v := range page.Data {
				list = append(list, fmt.Sprint(v.Version, v.IsCurrent))
			}
			if !page.HasMore {
				return list
			}
			cursor = *page.NextCursor
		}
	}
	if got := fmt.Sprint(current()); got != "[3 true 2 false 1 false]" {
		t.Error(got)
	}
	put := func(body string) *answer {
		return s.send(request{key: s.key, method: "PUT", path: "/v1/workflows/extract-invoice/versions/current", body: body})
	}
	put(`{"version":"v2"}`).is(200).into(&v)
	put(`{"version":1}`).is(200).into(&v)
	if got := fmt.Sprint(current()); got != "[3 false 2 false 1 true]" || !v.IsCurrent {
		t.Error(got)
	}
	put(`{"version":9}`).field(404, "not_found", "version", "not_found")
	put(`{"version":0}`).field(400, "invalid_request", "version", "out_of_range")
	put(`{"version":""}`).field(400, "invalid_request", "version", "invalid_value")
	put(`{}`).field(400, "invalid_request", "version", "required")
	s.get("/v1/workflows/nope/versions").problem(404, "not_found")
	s.get("/v1/workflows/extract-invoice/versions?cursor=zzz").field(400, "invalid_request", "cursor", "invalid_value")
	// A start may name one.
	if x := s.post("/v1/executions", `{"workflow_id":"extract-invoice","input":{},"version":"v2"}`).is(201).execution(); x.Version != 2 {
		t.Errorf("%+v", x)
	}
	if x := s.post("/v1/executions", `{"workflow_id":"extract-invoice","input":{},"version":3}`).is(201).execution(); x.Version != 3 {
		t.Errorf("%+v", x)
	}
	s.post("/v1/executions", `{"workflow_id":"extract-invoice","input":{},"version":"v9"}`).field(404, "not_found", "version", "not_found")

	// Deletion leaves finished executions.
	s.send(request{key: s.key, method: "DELETE", path: "/v1/workflows/extract-invoice"}).problem(409, "conflict")
	s.post("/v1/executions/cancel", `{"filter":{"workflow_id":"extract-invoice"}}`).is(200)
	s.send(request{key: s.key, method: "DELETE", path: "/v1/workflows/extract-invoice"}).is(204)
	s.send(request{key: s.key, method: "DELETE", path: "/v1/workflows/extract-invoice"}).problem(404, "not_found")
	s.get("/v1/workflows/extract-invoice").problem(404, "not_found")
	var list struct{ Data []executionBody }
	s.get("/v1/executions?workflow_id=" + w.ID).is(200).into(&list)
	if len(list.Data) != 3 || list.Data[0].Workflow != nil || list.Data[0].WorkflowID != w.ID {
		t.Errorf("%+v", list)
	}
	s.post("/v1/executions", `{"workflow_id":"`+w.ID+`","input":{}}`).problem(404, "not_found")
}

func TestWorkflowList(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, name := range []string{"c", "a.one", "b-two", "a_three", "0"} {
		s.workflow(name)
	}
	walk := func(query string) (names []string) {
		cursor := ""
		for {
			var page struct {
				Data       []workflowBody
				HasMore    bool    `json:"has_more"`
				NextCursor *string `json:"next_cursor"`
			}
			s.get("/v1/workflows?" + query + "&cursor=" + cursor).is(200).into(&page)
			for _, w := range page.Data {
				names = append(names, w.Name)
			}
			if !page.HasMore {
				return names
			}
			cursor = *page.NextCursor
		}
	}
	for query, want := range map[string]string{"limit=2": "[0 a.one a_three b-two c]", "search=t": "[a_three b-two]", "name=c": "[c]", "name=d": "[]"} {
		if got := fmt.Sprint(walk(query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for query, field := range map[string]string{"limit=0": "limit", "sort=x": "sort", "cursor=x": "cursor", "name=": "name"} {
		a := s.get("/v1/workflows?" + query)
		a.field(400, "invalid_request", field, codeOf(a, field))
	}
	state := s.state()
	for body, want := range map[string]string{
		`{}`: "name required", `{"name":"executions"}`: "name invalid_value", `{"name":"Upper"}`: "name invalid_value", `{"name":""}`: "name invalid_value",
		`{"name":"-a"}`: "name invalid_value", `{"name":"` + strings.Repeat("a", 101) + `"}`: "name invalid_value", `{"name":"x","timeout_ms":"5s"}`: "timeout_ms invalid_type",
		`{"name":"x","input_schema":true}`: "input_schema invalid_type", `{"name":"x","input_schema":{"type":5}}`: "input_schema invalid_value", `{"name":"x","retention_ms":1e20}`: "retention_ms out_of_range",
	} {
		field, code, _ := strings.Cut(want, " ")
		s.post("/v1/workflows", body).field(400, "invalid_request", field, code)
	}
	if s.state() != state {
		t.Error("a refused request changed something")
	}
}
