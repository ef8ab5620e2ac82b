package api

import (
	"regexp"
	"strings"
	"testing"

	"github.com/sojournhq/sojourn/internal/engine"
)

// echoed is what an answer repeats of its request.
var echoed = regexp.MustCompile(`"request_id":"[^"]*"|wf_[0-9a-z]{26}`)

// For every route that names a thing, and every scope: a thing of another project looks byte for byte like one that is
// not there, and without the scope the answer is the same whether the thing is one's own, another's or none.
func TestThingsOfOthersAreNotThere(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	// Two projects with the same furniture.
	type furniture struct{ key, execution, finished, workflow, session, apiKey, file, endpoint, delivery string }
	furnish := func(project string) furniture {
		if project != "default" {
			s.post("/v1/projects", `{"name":"`+project+`"}`).is(201)
		}
		var k keyBody
		s.post("/v1/keys", `{"scopes":["executions:start","executions:read","executions:cancel","executions:signal","executions:approve","executions:manage","workflows:read","workflows:manage","workers:run","keys:manage","files:read","files:write","webhooks:manage"],"project":"`+project+`"}`).is(201).into(&k)
		f := furniture{key: k.Key}
		do := func(method, path, body string, v any) {
			a := s.send(request{key: f.key, method: method, path: path, body: body})
			if a.status >= 300 {
				t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
			}
			a.into(v)
		}
		var x executionBody
		do("POST", "/v1/workflows", `{"name":"own-`+project+`","version":"v1"}`, &struct{}{})
		do("POST", "/v1/executions", `{"workflow_id":"own-`+project+`","input":{}}`, &x)
		f.execution = x.ID
		do("POST", "/v1/executions", `{"workflow_id":"own-`+project+`","input":{}}`, &x)
		do("POST", "/v1/executions/"+x.ID+"/cancel", `{}`, &x)
		f.finished, f.workflow = x.ID, x.WorkflowID
		var session struct {
			SessionID string `json:"session_id"`
		}
		do("POST", "/v1/worker/sessions", `{"protocol":1,"capacity":1,"workflows":[{"name":"idle"}]}`, &session)
		f.session = session.SessionID
		do("POST", "/v1/keys", `{"scopes":["executions:read"]}`, &k)
		f.apiKey = k.ID
		var file fileBody
		do("POST", "/v1/files", "content", &file)
		f.file = file.ID
		var hook struct{ ID string }
		do("POST", "/v1/webhooks/endpoints", `{"url":"https://example.com"}`, &hook)
		f.endpoint = hook.ID
		do("POST", "/v1/webhooks/endpoints/"+hook.ID+"/test", `{}`, &hook)
		f.delivery = hook.ID
		return f
	}
	mine, theirs := furnish("default"), furnish("other")
	absent := furniture{
		execution: mine.execution[:len(mine.execution)-4] + "0000", finished: mine.finished[:len(mine.finished)-4] + "0000",
		workflow: mine.workflow[:len(mine.workflow)-4] + "0000", session: mine.session[:len(mine.session)-4] + "0000",
		apiKey: mine.apiKey[:len(mine.apiKey)-4] + "0000", file: mine.file[:len(mine.file)-4] + "0000",
		endpoint: mine.endpoint[:len(mine.endpoint)-4] + "0000", delivery: mine.delivery[:len(mine.delivery)-4] + "0000",
	}
	// send asks the route for the thing that the furniture has.
	send := func(rt *route, f furniture, key string) *answer {
		q := sample(t, rt)
		q.key = key
		id := ""
		switch {
		case strings.Contains(rt.pattern, "/executions/{id}"):
			id = f.execution
			if rt.method == "DELETE" {
				id = f.finished
			}
			q.path = strings.NewReplacer("{id}", id, "{name}", "go").Replace(rt.pattern)
		case strings.Contains(rt.pattern, "{workflow}"):
			q.path = strings.Replace(rt.pattern, "{workflow}", f.workflow, 1)
		case strings.Contains(rt.pattern, "/sessions/{id}"):
			q.path = strings.Replace(rt.pattern, "{id}", f.session, 1)
		case strings.Contains(rt.pattern, "/endpoints/{id}"):
			q.path = strings.Replace(rt.pattern, "{id}", f.endpoint, 1)
		case strings.Contains(rt.pattern, "/deliveries/{id}"):
			q.path = strings.Replace(rt.pattern, "{id}", f.delivery, 1)
		case strings.Contains(rt.pattern, "/keys/{id}"):
			q.path = strings.Replace(rt.pattern, "{id}", f.apiKey, 1)
		case strings.Contains(rt.pattern, "/files/{id}"):
			q.path = strings.Replace(rt.pattern, "{id}", f.file, 1)
		case rt.pattern == "/v1/files" && rt.method == "GET":
			q.path += "?execution_id=" + f.execution
		case rt.pattern == "/v1/worker/poll":
			q.body = `{"session_id":"` + f.session + `","wait_ms":0}`
		case rt.pattern == "/v1/worker/report":
			q.body = `{"session_id":"` + f.session + `","operations":[]}`
		case rt.pattern == "/v1/worker/heartbeat":
			q.body = `{"session_id":"` + f.session + `","held":0,"digest":"0000000000000000"}`
		case rt.pattern == "/v1/executions" && rt.method == "POST":
			q.body = `{"workflow_id":"` + f.workflow + `","input":{}}`
		case rt.pattern == "/v1/executions" || rt.pattern == "/v1/executions/counts":
			q.path += "?workflow_id=" + f.workflow
		default:
			return nil
		}
		return s.send(q)
	}
	plain := func(a *answer) string { return echoed.ReplaceAllString(string(a.body), "") }
	checked := 0
	order := routes()
	// What removes things comes last, so that the others find them.
	for _, destructive := range []bool{false, true} {
		for i := range order {
			rt := &order[i]
			if rt.access.public || rt.access.scope == 0 || rt.access.scope == engine.ScopeAdmin || (rt.method == "DELETE" || strings.HasSuffix(rt.pattern, "/cancel") || strings.HasSuffix(rt.pattern, "/terminate")) != destructive {
				continue
			}
			foreign := send(rt, theirs, mine.key)
			if foreign == nil {
				continue
			}
			checked++
			none := send(rt, absent, mine.key)
			if foreign.status != 404 || none.status != 404 || plain(foreign) != plain(none) {
				t.Errorf("%s %s: another's %d %s\nabsent %d %s", rt.method, rt.pattern, foreign.status, foreign.body, none.status, none.body)
			}
			for _, name := range engine.ScopeNames() {
				scope, _ := engine.ParseScope(name)
				if scope == rt.access.scope || scope == engine.ScopeAdmin {
					continue
				}
				key := s.scoped(scope)
				own := send(rt, mine, key).problem(403, "forbidden")
				if !strings.Contains(own.Detail, rt.access.scope.Names()[0]) {
					t.Errorf("%s %s: %q does not name the scope", rt.method, rt.pattern, own.Detail)
				}
				for _, f := range []furniture{theirs, absent} {
					if got := send(rt, f, key).problem(403, "forbidden"); got.Detail != own.Detail {
						t.Errorf("%s %s: %q differs from %q", rt.method, rt.pattern, got.Detail, own.Detail)
					}
				}
			}
			only := s.scoped(rt.access.scope)
			if own := send(rt, mine, only); own.status >= 400 && own.status != 409 {
				t.Errorf("%s %s: one's own with its scope: %d %s", rt.method, rt.pattern, own.status, own.body)
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d routes were checked", checked)
	}
	// Nothing of the other project was touched.
	for _, path := range []string{"/v1/executions/" + theirs.execution, "/v1/executions/" + theirs.finished, "/v1/workflows/" + theirs.workflow} {
		s.send(request{key: theirs.key, method: "GET", path: path}).is(200)
	}
	if x := s.send(request{key: theirs.key, method: "GET", path: "/v1/executions/" + theirs.execution}).execution(); x.Status != "pending" {
		t.Errorf("%+v", x)
	}
	var list struct{ Data []executionBody }
	s.send(request{key: theirs.key, method: "GET", path: "/v1/executions"}).into(&list)
	if len(list.Data) != 2 {
		t.Errorf("%d executions", len(list.Data))
	}
	for _, x := range list.Data {
		if strings.Contains(x.Workflow.Name, "default") {
			t.Errorf("%+v", x)
		}
	}
}

// A worker key runs work and nothing else.
func TestWorkerKeyOnlyRunsWork(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	x := s.start("echo", map[string]any{})
	key := s.scoped(engine.ScopeWorkersRun)
	for _, q := range []request{
		{method: "POST", path: "/v1/executions", body: `{"workflow_id":"echo","input":{}}`},
		{method: "GET", path: "/v1/executions"},
		{method: "GET", path: "/v1/executions/" + x.ID},
		{method: "POST", path: "/v1/executions/" + x.ID + "/cancel"},
		{method: "DELETE", path: "/v1/executions/" + x.ID},
		{method: "GET", path: "/v1/workers"},
		{method: "POST", path: "/v1/keys", body: `{"scopes":["workers:run"]}`},
	} {
		q.key = key
		s.send(q).problem(403, "forbidden")
	}
	s.send(request{key: key, method: "POST", path: "/v1/worker/sessions", body: `{"protocol":1,"capacity":1,"workflows":[{"name":"echo"}]}`}).is(201)
}
