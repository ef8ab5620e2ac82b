package api

import "testing"

// A workflow that is closed takes no starts in either dialect; a repeat of an earlier start is answered as it was, and
// what was started goes on.
func TestClosedWorkflow(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("w")
	var w struct {
		APITrigger *bool `json:"api_trigger"`
	}
	if s.get("/v1/workflows/w").is(200).into(&w); w.APITrigger == nil || !*w.APITrigger {
		t.Fatalf("a new workflow is closed: %+v", w)
	}
	keyed := func() *answer {
		return s.send(request{key: s.key, method: "POST", path: "/v1/executions", body: `{"workflow_id":"w","input":{}}`, header: map[string]string{"Idempotency-Key": "k"}})
	}
	x := keyed().is(201).execution()
	patch := func(body string) *answer {
		return s.send(request{key: s.key, method: "PATCH", path: "/v1/workflows/w", body: body})
	}
	if patch(`{"api_trigger":false}`).is(200).into(&w); *w.APITrigger {
		t.Errorf("%+v", w)
	}
	patch(`{"api_trigger":null}`).field(400, "invalid_request", "api_trigger", "invalid_type")
	patch(`{"timeout_ms":60000}`).is(200)
	s.post("/v1/executions", `{"workflow_id":"w","input":{}}`).problem(403, "api_trigger_disabled")
	s.post("/v1/executions/batch", `{"executions":[{"workflow_id":"w","input":{}}]}`).is(200)
	s.post("/api/v1/workflows/w/run", `{}`).issues(403, "<root>", "api_trigger_disabled")
	if again := keyed().is(200).execution(); again.ID != x.ID {
		t.Errorf("the repeat answered %s, not %s", again.ID, x.ID)
	}
	// A worker that registers the workflow once more does not open it.
	worker := s.worker(1, "w")
	a := worker.one()
	worker.done(a.op("complete", nil))
	if s.get("/v1/workflows/w").is(200).into(&w); *w.APITrigger {
		t.Errorf("a worker opened it: %+v", w)
	}
	patch(`{"api_trigger":true}`).is(200)
	s.run("w/run", `{}`)
	s.post("/v1/workflows", `{"name":"born-closed","api_trigger":false}`).is(201)
	s.post("/api/v1/workflows/born-closed/run", `{}`).issues(403, "<root>", "api_trigger_disabled")
}
