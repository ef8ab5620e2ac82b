package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/store"
)

// issues checks for an error of the dialect with the status, and with an issue in the field with the code.
func (a *answer) issues(status int, field, code string) {
	a.t.Helper()
	a.is(status)
	var e struct {
		Issues    []map[string]any
		RequestID string `json:"requestId"`
	}
	a.into(&e)
	if len(e.Issues) == 0 || e.RequestID == "" || e.RequestID != a.header.Get("X-Request-Id") {
		a.t.Fatalf("%s: not an envelope: %s", a.name, a.body)
	}
	found := false
	for _, i := range e.Issues {
		for _, name := range []string{"field", "message", "code", "severity"} {
			if s, _ := i[name].(string); s == "" {
				a.t.Fatalf("%s: an issue without %s: %s", a.name, name, a.body)
			}
		}
		found = found || i["field"] == field && i["code"] == code
	}
	if !found {
		a.t.Fatalf("%s: want %s in %s: %s", a.name, code, field, a.body)
	}
}

// run starts an execution through the dialect and returns its id.
func (s *server) run(path, body string) string {
	s.t.Helper()
	var out map[string]string
	s.post("/api/v1/workflows/"+path, body).is(201).into(&out)
	if len(out) != 1 || out["executionId"] == "" {
		s.t.Fatalf("%s: %v, want the id alone", path, out)
	}
	return out["executionId"]
}

// members are the names of an object's members in order.
func (a *answer) members() string {
	a.t.Helper()
	var m map[string]json.RawMessage
	a.into(&m)
	return strings.Join(slices.Sorted(maps.Keys(m)), " ")
}

const (
	statusMembers  = "completedAt createdAt error executionId result status"
	summaryMembers = "completedAt createdAt durationMs error id result startedAt status triggerInput triggerType workflow workflowId"
)

func TestEigenpalRun(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	id := s.run("echo/run", `{"input":{"a b":[1.50]},"trigger":"cli"}`)
	x := s.get("/v1/executions/" + id).is(200).execution()
	if string(x.Input) != `{"a b":[1.50]}` || x.TriggerType != "cli" {
		t.Errorf("%+v", x)
	}
	for _, body := range []string{`{}`, ``, `{"overrides":null}`, `{"trigger":"api","overrides":{}}`} {
		if x := s.get("/v1/executions/" + s.run(x.WorkflowID+"/run", body)).execution(); string(x.Input) != `{}` || x.TriggerType != "api" {
			t.Errorf("%s: %+v", body, x)
		}
	}
	a := s.get("/api/v1/workflows/executions/" + id).is(200)
	if got := a.members(); got != statusMembers {
		t.Errorf("members %s", got)
	}
	var got map[string]any
	a.into(&got)
	if got["executionId"] != id || got["status"] != "pending" || got["completedAt"] != nil || got["result"] != nil || got["error"] != nil {
		t.Errorf("%v", got)
	}
}

func TestEigenpalRunRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.post("/v1/workflows", `{"name":"invoice","input_schema":{"type":"object","required":["contract_document","of"],"properties":{"n":{"type":"integer"},"contract_document":{"type":"string"}}}}`).is(201)
	s.workflow("echo")
	for query, field := range map[string]string{
		"wait_for_completion=61": "query.wait_for_completion", "wait_for_completion=-1": "query.wait_for_completion", "wait_for_completion=1.5": "query.wait_for_completion",
		"wait_for_completion=x": "query.wait_for_completion", "wait_for_completion=": "query.wait_for_completion", "version=": "query.version", "nonsense=1": "query.nonsense",
	} {
		s.post("/api/v1/workflows/echo/run?"+query, `{}`).issues(400, field, "invalid_value")
	}
	for body, want := range map[string]string{
		`[]`: "body", `5`: "body", `null`: "body", `{"input":[]}`: "body.input", `{"input":null}`: "body.input", `{"input":"x"}`: "body.input",
		`{"trigger":"manual"}`: "body.trigger", `{"trigger":1}`: "body.trigger", `{"trigger":null}`: "body.trigger", `{"overrides":5}`: "body.overrides",
		`{"overrides":{"steps":5}}`: "body.overrides.steps", `{"inputs":{}}`: "body.inputs", `{"overrides":{"":{}}}`: "body.overrides.",
	} {
		s.post("/api/v1/workflows/echo/run", body).issues(400, want, "invalid_value")
	}
	s.post("/api/v1/workflows/echo/run", `{"input":`).issues(400, "body.input", "invalid_json")
	s.post("/api/v1/workflows/echo/run", `nonsense`).issues(400, "body", "invalid_json")
	s.post("/api/v1/workflows/echo/run", `{"input":{"a":1,"a":2}}`).issues(400, "body.input.a", "invalid_value")
	s.post("/api/v1/workflows/nope/run", `{}`).issues(404, "<root>", "not_found")
	s.post("/api/v1/workflows/executions/run", `{}`).issues(404, "<root>", "not_found")
	s.post("/api/v1/workflows/echo/run?version=v9", `{}`).issues(404, "<root>", "not_found")
	s.post("/api/v1/workflows/echo/run?version=wfh_01jd7x0m8ke9tb3a0r6v5n2w4q", `{}`).issues(404, "<root>", "not_found")
	// What the workflow declares is demanded, member by member.
	a := s.post("/api/v1/workflows/invoice/run", `{"input":{"n":"x"}}`)
	a.issues(400, "body.input.contract_document", "required")
	a.issues(400, "body.input.of", "required")
	a.issues(400, "body.input.n", "invalid_value")
	s.send(request{key: s.key, method: "POST", path: "/api/v1/workflows/echo/run", body: `{}`, header: map[string]string{"Content-Type": "text/plain"}}).issues(415, "<root>", "unsupported_media_type")
	s.send(request{key: s.key, method: "POST", path: "/api/v1/workflows/echo/run", body: `{}`, header: map[string]string{"Idempotency-Key": strings.Repeat("k", 256)}}).issues(400, "header.Idempotency-Key", "invalid_value")
	var list struct{ Total int }
	s.get("/api/v1/workflows/echo/executions").is(200).into(&list)
	if list.Total != 0 {
		t.Errorf("%d executions of refused requests", list.Total)
	}
}

// A hold ends with the execution, and says how it ended.
func TestEigenpalHold(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(10, "job")
	for name, c := range map[string]struct {
		op     string
		fields map[string]any
		want   string
	}{
		"completed": {"complete", map[string]any{"output": map[string]any{"n": 1}}, `"status":"completed","result":{"n":1}`},
		"null":      {"complete", nil, `"status":"completed","result":null`},
		"failed":    {"fail", map[string]any{"error": map[string]any{"message": "no luck", "code": "luck"}}, `"status":"failed","error":"no luck"`},
		"no words":  {"fail", map[string]any{"error": map[string]any{"message": "", "code": "luck"}}, `"status":"failed","error":"luck"`},
		"rejected":  {"reject", map[string]any{"code": "no", "message": "not today"}, `"status":"rejected","error":"not today"`},
	} {
		done := make(chan *answer)
		go func() { done <- s.post("/api/v1/workflows/job/run?wait_for_completion=60", `{}`) }()
		a := w.one()
		w.done(a.op(c.op, c.fields))
		got := <-done
		if want := `{"executionId":"` + a.ID + `",` + c.want + `}`; got.status != 201 || string(got.body) != want {
			t.Errorf("%s: %d %s, want %s", name, got.status, got.body, want)
		}
		var read map[string]any
		status := s.get("/api/v1/workflows/executions/" + a.ID).is(200)
		status.into(&read)
		if read["completedAt"] == nil || (read["error"] == nil) == (read["status"] != "completed") {
			t.Errorf("%s: %s", name, status.body)
		}
	}
	// Cancelled has neither result nor error.
	done := make(chan *answer)
	go func() { done <- s.post("/api/v1/workflows/job/run?wait_for_completion=60", `{}`) }()
	a := w.one()
	s.post("/api/v1/workflows/executions/"+a.ID+"/cancel", nil).is(200)
	w.done(a.op("cancelled", nil))
	if got := <-done; string(got.body) != `{"executionId":"`+a.ID+`","status":"cancelled"}` {
		t.Errorf("%s", got.body)
	}
	// A hold that is over answers as if there had been none.
	s.run("job/run?wait_for_completion=1", `{}`)
	s.run("job/run?wait_for_completion=0", `{}`)
}

func TestEigenpalIdempotency(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	s.post("/v1/workflows/echo/versions", `{"version":"v1"}`).is(201)
	run := func(path, body string) *answer {
		return s.send(request{key: s.key, method: "POST", path: "/api/v1/workflows/" + path, body: body, header: map[string]string{"Idempotency-Key": "k"}})
	}
	first := run("echo/run", `{"input":{"a":1}}`).is(201)
	if again := run("echo/run?wait_for_completion=0", `{ "input": {"a":1}}`).is(201); string(again.body) != string(first.body) || again.header.Get("Idempotent-Replay") != "true" {
		t.Errorf("%s, first %s", again.body, first.body)
	}
	run("echo/run", `{"input":{"a":2}}`).issues(422, "<root>", "idempotency_mismatch")
	run("echo/run?version=v1", `{"input":{"a":1}}`).issues(422, "<root>", "idempotency_mismatch")
	run("other/run", `{"input":{"a":1}}`).issues(422, "<root>", "idempotency_mismatch")
	// A repeat of what was deleted in between still has its id.
	var x map[string]string
	first.into(&x)
	s.post("/v1/executions/"+x["executionId"]+"/cancel", nil).is(200)
	s.send(request{key: s.key, method: "DELETE", path: "/v1/executions/" + x["executionId"]}).is(204)
	if again := run("echo/run?wait_for_completion=5", `{"input":{"a":1}}`).is(201); string(again.body) != string(first.body) {
		t.Errorf("%s", again.body)
	}
	s.get("/api/v1/workflows/executions/"+x["executionId"]).issues(404, "<root>", "not_found")
	s.post("/api/v1/workflows/executions/"+x["executionId"]+"/cancel", nil).issues(404, "<root>", "not_found")
}

// Overrides come with a member steps or without it; a lone step of that name is told by what it holds.
func TestEigenpalOverrides(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(10, "three")
	for body, want := range map[string]string{
		`{"steps":{"parse":{"a":1},"load":[]}}`: `parse={"a":1} load=[] `,
		`{"parse":{"a":1}}`:                     `parse={"a":1} `,
		`{"steps":{"a":1},"parse":2}`:           `steps={"a":1} parse=2 `,
		`{"steps":{"steps":{"n":null}}}`:        `steps={"n":null} `,
		`{"steps":{}}`:                          ``,
		`{}`:                                    ``,
		`null`:                                  ``,
	} {
		s.run("three/run", `{"overrides":`+body+`}`)
		a, got := w.one(), ""
		for _, r := range a.Recorded {
			if !r.Overridden {
				t.Errorf("%s: %+v", body, r)
			}
			got += r.Step + "=" + string(r.Output) + " "
		}
		if got != want {
			t.Errorf("%s: the worker knows %q, want %q", body, got, want)
		}
		w.done(a.op("step_completed", map[string]any{"step": "last", "output": map[string]any{"ok": true}, "try": 1}), a.op("complete", nil))
	}
	id := s.run("three/run", `{"overrides":{"steps":{"parse":{"a":1}}}}`)
	a := w.one()
	w.done(a.op("step_failed", map[string]any{"step": "load", "try": 1, "error": map[string]any{"code": "busy", "message": "came too late"}}))
	got := s.get("/api/v1/workflows/executions/" + id + "?includeSteps=true").is(200)
	var x struct {
		ExecutionID *string `json:"executionId"`
		Steps       []map[string]any
	}
	got.into(&x)
	if x.ExecutionID != nil || len(x.Steps) != 2 {
		t.Fatalf("%s", got.body)
	}
	parse, load := x.Steps[0], x.Steps[1]
	if parse["id"] != "parse" || parse["name"] != "parse" || parse["status"] != "completed" || fmt.Sprint(parse["output"]) != "map[a:1]" || parse["error"] != nil || parse["completedAt"] == nil {
		t.Errorf("%v", parse)
	}
	if load["id"] != "load" || load["status"] != "failed" || load["error"] != "came too late" || load["output"] != nil {
		t.Errorf("%v", load)
	}
	if members := got.members(); members != strings.Replace(summaryMembers, "status", "status steps", 1) {
		t.Errorf("members %s", members)
	}
	if plain := s.get("/api/v1/workflows/executions/" + id + "?includeSteps=false").is(200).members(); plain != statusMembers {
		t.Errorf("members %s", plain)
	}
	s.get("/api/v1/workflows/executions/"+id+"?includeSteps=1").issues(400, "query.includeSteps", "invalid_value")
}

func TestEigenpalCancel(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("job")
	cancel := func(id, status, was string) {
		t.Helper()
		a := s.post("/api/v1/workflows/executions/"+id+"/cancel", nil).is(200)
		if want := `{"executionId":"` + id + `","status":"` + status + `","wasStatus":"` + was + `"}`; string(a.body) != want {
			t.Errorf("%s, want %s", a.body, want)
		}
	}
	pending := s.run("job/run", `{}`)
	cancel(pending, "cancelled", "pending")
	cancel(pending, "already-terminal", "cancelled")
	var x map[string]any
	s.get("/api/v1/workflows/executions/" + pending).into(&x)
	if x["status"] != "cancelled" || x["completedAt"] == nil || x["error"] != nil {
		t.Errorf("%v", x)
	}
	later := s.post("/v1/executions", `{"workflow_id":"job","input":{},"delay_ms":3600000}`).is(201).execution().ID
	cancel(later, "cancelled", "created")
	w := s.worker(5, "job")
	running := s.run("job/run", `{}`)
	a := w.one()
	cancel(running, "cancellation-requested", "running")
	first := s.get("/v1/executions/" + running).execution().CancelRequestedAt
	cancel(running, "cancellation-requested", "running")
	if again := s.get("/v1/executions/" + running).execution().CancelRequestedAt; again != first {
		t.Errorf("the first request was at %s, now it is at %s", first, again)
	}
	w.done(a.op("cancelled", nil))
	cancel(running, "already-terminal", "cancelled")
	// A waiting one is over at once, and the answer still tells what it was.
	waiting := s.run("job/run", `{}`)
	a = w.one()
	w.done(a.op("sleep", map[string]any{"step": "nap", "duration_ms": 3600000}), a.op("suspend", nil))
	cancel(waiting, "cancellation-requested", "waiting")
	cancel(waiting, "already-terminal", "cancelled")
	done := s.run("job/run", `{}`)
	a = w.one()
	w.done(a.op("complete", nil))
	cancel(done, "already-terminal", "completed")
	s.post("/api/v1/workflows/executions/exec_01jd7x0m8ke9tb3a0r6v5n2w4q/cancel", nil).issues(404, "<root>", "not_found")
	s.post("/api/v1/workflows/executions/nonsense/cancel", nil).issues(404, "<root>", "not_found")
}

type eigenpalPage struct {
	Data                 []map[string]any
	Total, Limit, Offset int
}

func (a *answer) page() (p eigenpalPage) {
	a.t.Helper()
	a.is(200).into(&p)
	return p
}

func TestEigenpalList(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("job")
	s.workflow("other")
	s.run("other/run", `{}`)
	var ids []string
	for i := range 7 {
		ids = append(ids, s.run("job/run", `{"input":{"n":`+strconv.Itoa(i)+`}}`))
	}
	for _, id := range ids[:3] {
		s.post("/v1/executions/"+id+"/cancel", nil).is(200)
	}
	w := s.worker(1, "job")
	a := w.one()
	w.done(a.op("complete", map[string]any{"output": "out"}))
	slices.Reverse(ids) // newest first
	for query, want := range map[string][]string{
		"":                                       ids,
		"?limit=3":                               ids[:3],
		"?limit=3&offset=2":                      ids[2:5],
		"?offset=6":                              ids[6:],
		"?offset=7":                              nil,
		"?offset=2147483647":                     nil,
		"?status=cancelled":                      ids[4:],
		"?status=cancelled%2Ccompleted&offset=1": ids[4:],
		"?status=failed":                         nil,
		"?fromDate=now()-7d&toDate=now()":        ids,
		"?fromDate=now%28%29-1h":                 ids,
		"?fromDate=now()+1h":                     nil,
		"?fromDate=now()&toDate=now()-7d":        nil,
		"?fromDate=2020-01-01&status=cancelled&limit=2&offset=1": ids[5:],
		"?exampleId=x": nil,
	} {
		p := s.get("/api/v1/workflows/job/executions" + query).page()
		var got []string
		for _, x := range p.Data {
			got = append(got, x["id"].(string))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
		total := map[bool]int{true: 7}[!strings.Contains(query, "status") && !strings.Contains(query, "+1h") && !strings.Contains(query, "now()&") && !strings.Contains(query, "example")]
		switch {
		case strings.Contains(query, "completed"):
			total = 4
		case strings.Contains(query, "cancelled"):
			total = 3
		}
		if p.Total != total {
			t.Errorf("%s: %d in all, want %d", query, p.Total, total)
		}
	}
	p := s.get("/api/v1/workflows/job/executions?limit=100&offset=3").page()
	if p.Limit != 100 || p.Offset != 3 {
		t.Errorf("%+v", p)
	}
	if p = s.get("/api/v1/workflows/job/executions").page(); p.Limit != 50 || p.Offset != 0 {
		t.Errorf("%+v", p)
	}
	one := s.get("/api/v1/workflows/job/executions?status=completed").page().Data[0]
	if got := strings.Join(slices.Sorted(maps.Keys(one)), " "); got != summaryMembers {
		t.Errorf("members %s", got)
	}
	workflow := one["workflow"].(map[string]any)
	if one["triggerType"] != "api" || one["result"] != "out" || one["error"] != nil || one["startedAt"] == nil || one["durationMs"].(float64) < 0 ||
		workflow["name"] != "job" || workflow["id"] != one["workflowId"] || fmt.Sprint(one["triggerInput"]) != "map[n:3]" {
		t.Errorf("%v", one)
	}
	pending := s.get("/api/v1/workflows/job/executions?status=pending").page().Data[0]
	if pending["startedAt"] != nil || pending["completedAt"] != nil || pending["durationMs"] != nil || pending["result"] != nil {
		t.Errorf("%v", pending)
	}
	for query, field := range map[string]string{
		"limit=0": "query.limit", "limit=101": "query.limit", "limit=x": "query.limit", "offset=-1": "query.offset", "offset=1.5": "query.offset",
		"status=open": "query.status", "status=failed,": "query.status", "fromDate=yesterday": "query.fromDate", "toDate=now()-7y": "query.toDate", "cursor=x": "query.cursor",
	} {
		s.get("/api/v1/workflows/job/executions?"+query).issues(400, field, "invalid_value")
	}
	s.get("/api/v1/workflows/nope/executions").issues(404, "<root>", "not_found")
	s.get("/api/v1/workflows/nope/executions?exampleId=x").issues(404, "<root>", "not_found")
	// The id of a deleted workflow still lists.
	ref := one["workflowId"].(string)
	for _, id := range ids {
		s.post("/v1/executions/"+id+"/terminate", nil)
	}
	s.send(request{key: s.key, method: "DELETE", path: "/v1/workflows/job"}).problem(409, "conflict") // its worker lives
	s.send(request{key: s.key, method: "DELETE", path: "/v1/worker/sessions/" + w.session}).is(204)
	s.send(request{key: s.key, method: "DELETE", path: "/v1/workflows/job"}).is(204)
	if p := s.get("/api/v1/workflows/" + ref + "/executions").page(); p.Total != 7 || p.Data[0]["workflow"] != nil {
		t.Errorf("%+v", p)
	}
	s.get("/api/v1/workflows/job/executions").issues(404, "<root>", "not_found")
}

func TestEigenpalWorkflows(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, name := range []string{"alpha", "beta", "gamma-ray"} {
		s.workflow(name)
	}
	s.post("/v1/workflows/beta/versions", `{"version":"1.2.3"}`).is(201)
	s.post("/v1/workflows/beta/versions", `{}`).is(201)
	s.post("/v1/workflows/beta/versions", `{"version":"2.0.0","current":false}`).is(201)
	names := func(query string) (string, eigenpalPage) {
		p := s.get("/api/v1/workflows" + query).page()
		var names []string
		for _, w := range p.Data {
			names = append(names, w["name"].(string))
		}
		return strings.Join(names, " "), p
	}
	for query, want := range map[string]string{
		"": "alpha beta gamma-ray 3", "?limit=1&offset=1": "beta 3", "?offset=9": " 3", "?search=A": "alpha beta gamma-ray 3", "?search=ray": "gamma-ray 1",
		"?name=beta": "beta 1", "?name=bet": " 0", "?kind=workflow": "alpha beta gamma-ray 3", "?kind=block": " 0",
	} {
		if got, p := names(query); got+" "+strconv.Itoa(p.Total) != want {
			t.Errorf("%s: %s of %d, want %s", query, got, p.Total, want)
		}
	}
	for query, field := range map[string]string{"?limit=0": "limit", "?offset=x": "offset", "?kind=agent": "kind", "?search=": "search", "?name=": "name", "?n=1": "n"} {
		s.get("/api/v1/workflows"+query).issues(400, "query."+field, "invalid_value")
	}
	var w map[string]any
	a := s.get("/api/v1/workflows/alpha").is(200)
	a.into(&w)
	if w["version"] != nil || w["yamlContent"] != nil || a.members() != "createdAt id name updatedAt version yamlContent" {
		t.Errorf("%s", a.body)
	}
	s.get("/api/v1/workflows/" + w["id"].(string)).is(200)
	if p := s.get("/api/v1/workflows/alpha/versions").page(); p.Total != 0 || len(p.Data) != 0 {
		t.Errorf("%+v", p)
	}
	s.get("/api/v1/workflows/beta").is(200).into(&w)
	if w["version"] != "2" { // the second one has no label and is current
		t.Errorf("%v", w)
	}
	p := s.get("/api/v1/workflows/beta/versions").page()
	got := ""
	for _, v := range p.Data {
		got += fmt.Sprint(v["version"], " ", v["isCurrent"], ",")
		if v["workflowId"] != w["id"] || !strings.HasPrefix(v["id"].(string), "wfh_") {
			t.Errorf("%v", v)
		}
	}
	if got != "2.0.0 false,2 true,1.2.3 false," || p.Total != 3 || p.Limit != 50 {
		t.Errorf("%s, %+v", got, p)
	}
	if p := s.get("/api/v1/workflows/beta/versions?limit=1&offset=1").page(); len(p.Data) != 1 || p.Data[0]["version"] != "2" || p.Total != 3 {
		t.Errorf("%+v", p)
	}
	s.get("/api/v1/workflows/beta/versions?limit=x").issues(400, "query.limit", "invalid_value")
	s.get("/api/v1/workflows/nope").issues(404, "<root>", "not_found")
	s.get("/api/v1/workflows/executions").issues(404, "<root>", "not_found")
	s.get("/api/v1/workflows/nope/versions").issues(404, "<root>", "not_found")
	// A run is pinned by id, tag or number; latest and none are the current version.
	for ref, want := range map[string]int{p.Data[0]["id"].(string): 3, p.Data[2]["id"].(string): 1, "1.2.3": 1, "3": 3, "latest": 2, "": 2} {
		path := "beta/run"
		if ref != "" {
			path += "?version=" + ref
		}
		if x := s.get("/v1/executions/" + s.run(path, `{}`)).execution(); x.Version != want {
			t.Errorf("%s: version %d, want %d", ref, x.Version, want)
		}
	}
}

// Whatever a path under /api/ leads to, the answer is JSON in the envelope.
func TestEigenpalIsJSONThroughout(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{plain: true}) // the validator takes a slash at the end for part of a path
	s.workflow("echo")
	for _, path := range []string{"/api/", "/api/v1", "/api/v1/agents", "/api/v1/workflows/", "/api/v1//workflows", "/api/v1/workflows/echo/run/", "/api/v1/workflows/echo%2Frun", "/api/v2/workflows", "/api/docs"} {
		a := s.get(path)
		a.issues(404, "<root>", "not_found")
		if a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
	for _, q := range []request{
		{method: "GET", path: "/api/v1/workflows/echo/run"},
		{method: "DELETE", path: "/api/v1/workflows/echo"},
		{method: "POST", path: "/api/v1/workflows", body: `{}`},
		{method: "PUT", path: "/api/v1/workflows/executions/x"},
		{method: "GET", path: "/api/v1/workflows/executions/x/cancel"},
		{method: "POST", path: "/api/openapi.json"},
	} {
		q.key = s.key
		a := s.send(q)
		a.issues(405, "<root>", "method_not_allowed")
		if a.header.Get("Allow") == "" || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", a.name, a.header)
		}
	}
	a, err := build(s.engine, Config{}, []route{{"GET", "/api/boom", access{public: true}, 0, 0, func(*API, *exchange) error { panic("boom") }}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest("GET", "/api/boom", nil))
	if w.Code != 500 || w.Header().Get("Content-Type") != "application/json" || !strings.Contains(w.Body.String(), `"code":"internal_error"`) {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	s.stop()
	unavailable := s.post("/api/v1/workflows/echo/run", `{}`)
	unavailable.issues(503, "<root>", "unavailable")
	if n, err := strconv.Atoi(unavailable.header.Get("Retry-After")); err != nil || n < 1 {
		t.Errorf("Retry-After %q", unavailable.header.Get("Retry-After"))
	}
}

// Every route of the dialect gives every error that any route of its kind gives.
func TestEveryEigenpalRouteRefuses(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := newServer(t, setup{api: func(c *Config) {
		c.FailedAuth = Rate{PerSecond: 1, Burst: 1000}
		c.Now = func() time.Time { return now }
	}})
	tight := s.newKey(engine.KeySpec{Scopes: engine.ScopeAdmin, RateLimit: 0.4})
	s.send(request{key: tight, method: "GET", path: "/v1/info"}).is(200) // its one token
	for _, rt := range eigenpalRoutes() {
		if rt.access.public {
			continue
		}
		q := sample(t, &rt)
		with := func(change func(*request)) *answer {
			t.Helper()
			c := q
			c.key = s.key
			change(&c)
			return s.send(c)
		}
		with(func(q *request) { q.key = "" }).issues(401, "<root>", "unauthorized")
		with(func(q *request) { q.key = "sjn_live_0000000000_" + strings.Repeat("A", 49) }).issues(401, "<root>", "unauthorized")
		limited := with(func(q *request) { q.key = tight })
		limited.issues(429, "<root>", "rate_limited")
		if limited.header.Get("Retry-After") != "3" {
			t.Errorf("%s: Retry-After %q", limited.name, limited.header.Get("Retry-After"))
		}
		other := engine.Scope(0)
		for _, name := range engine.ScopeNames() {
			if sc, _ := engine.ParseScope(name); sc != rt.access.scope && sc != engine.ScopeAdmin {
				other |= sc
			}
		}
		with(func(q *request) { q.key = s.scoped(other) }).issues(403, "<root>", "forbidden")
		with(func(q *request) { q.path += "?nonsense=1" }).issues(400, "query.nonsense", "invalid_value")
		if rt.body > 0 {
			with(func(q *request) { q.body = strings.Repeat(" ", int(rt.body)+1) }).issues(413, "<root>", "payload_too_large")
		}
		if strings.Contains(rt.pattern, "{") {
			with(func(*request) {}).issues(404, "<root>", "not_found")
		}
		for _, status := range []int{400, 401, 403, 429, 500} {
			if !documented(t, &rt, status) {
				t.Errorf("%s %s: %d is not documented", rt.method, rt.pattern, status)
			}
		}
	}
	// Retry-After is true: after that long the request is let through.
	now = now.Add(3 * time.Second)
	s.send(request{key: tight, method: "GET", path: "/api/v1/workflows"}).is(200)
}

// Another project's things are not there.
func TestEigenpalThingsOfOthers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("mine")
	id := s.run("mine/run", `{}`)
	workflow := s.get("/v1/executions/" + id).execution().WorkflowID
	s.post("/v1/projects", `{"name":"other"}`).is(201)
	var k keyBody
	s.post("/v1/keys", `{"scopes":["admin"],"project":"other"}`).is(201).into(&k)
	for _, q := range []request{
		{method: "POST", path: "/api/v1/workflows/" + workflow + "/run", body: `{}`},
		{method: "POST", path: "/api/v1/workflows/mine/run", body: `{}`},
		{method: "GET", path: "/api/v1/workflows/executions/" + id},
		{method: "POST", path: "/api/v1/workflows/executions/" + id + "/cancel"},
		{method: "GET", path: "/api/v1/workflows/" + workflow + "/executions"},
		{method: "GET", path: "/api/v1/workflows/mine"},
		{method: "GET", path: "/api/v1/workflows/" + workflow + "/versions"},
	} {
		q.key = k.Key
		s.send(q).issues(404, "<root>", "not_found")
	}
	if p := s.send(request{key: k.Key, method: "GET", path: "/api/v1/workflows"}).page(); p.Total != 0 {
		t.Errorf("%+v", p)
	}
	if x := s.get("/v1/executions/" + id).execution(); x.Status != "pending" {
		t.Errorf("%+v", x)
	}
}

// Pages of other origins may use the dialect, and nothing else.
func TestEigenpalCORS(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	origin := map[string]string{"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
	a := s.send(request{method: "OPTIONS", path: "/api/v1/workflows/echo/run", header: origin}).is(204)
	if a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Access-Control-Allow-Methods") != "POST" || !strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "X-Eigenpal-Sdk-Runtime") {
		t.Errorf("%v", a.header)
	}
	a = s.send(request{key: s.key, method: "GET", path: "/api/v1/workflows/nope", header: origin}).is(404)
	if a.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "Retry-After") {
		t.Errorf("%v", a.header)
	}
	if a := s.send(request{key: s.key, method: "GET", path: "/v1/workflows", header: origin}).is(200); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%v", a.header)
	}
	s.send(request{method: "OPTIONS", path: "/v1/workflows", header: origin}).is(405)
	s.send(request{method: "OPTIONS", path: "/api/v1/nothing", header: origin}).issues(404, "<root>", "not_found")
}

func TestEigenpalDocument(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.send(request{method: "GET", path: "/api/openapi.json"}).is(200)
	var doc struct{ OpenAPI string }
	if a.into(&doc); doc.OpenAPI != "3.1.0" {
		t.Errorf("%.100s", a.body)
	}
	s.send(request{method: "GET", path: "/api/openapi.json", header: map[string]string{"If-None-Match": a.header.Get("Etag")}}).is(304)
}

// A run that is stored is never answered with an error, whatever breaks while the answer is held: the client would run
// it once more.
func TestEigenpalStoredRunIsAnswered(t *testing.T) {
	t.Parallel()
	var broken *brokenStore
	s := newServer(t, setup{store: func(inner store.Store) store.Store {
		broken = &brokenStore{Store: inner}
		return broken
	}})
	s.workflow("echo")
	broken.reads.Store(true)
	id := s.run("echo/run?wait_for_completion=1", `{}`)
	broken.reads.Store(false)
	if p := s.get("/api/v1/workflows/echo/executions").page(); p.Total != 1 || p.Data[0]["id"] != id {
		t.Errorf("%+v, want %s", p, id)
	}
}
