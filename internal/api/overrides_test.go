package api

import (
	"strings"
	"testing"
)

// An overridden step reaches the worker as recorded, with the output byte for byte, on every way to a worker, and is
// shown as completed without having run.
func TestOverrides(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("three")
	const body = `{"workflow_id":"three","input":{},"overrides":{"steps":{"parse[a/1]":{"n":1.10,"t":"<é\u2028>"},"load":null}}}`
	const output = `{"n":1.10,"t":"<é\u2028>"}`
	check := func(a assignment) {
		t.Helper()
		if len(a.Recorded) != 2 || a.Recorded[0].Step != "parse[a/1]" || a.Recorded[0].Kind != "step" || string(a.Recorded[0].Output) != output ||
			!a.Recorded[0].Overridden || a.Recorded[1].Step != "load" || string(a.Recorded[1].Output) != "null" {
			t.Fatalf("%+v", a.Recorded)
		}
	}
	waiting := s.post("/v1/executions", body).is(201).execution()
	w := s.worker(2, "three")
	first := w.one() // from the queue
	check(first)
	s.post("/v1/executions", body).is(201)
	second := w.one() // claimed by the start itself
	check(second)
	w.done(first.op("step_completed", map[string]any{"step": "store", "output": 7, "try": 1}))
	// Handed out again, it still has them, and what was recorded.
	w.done(first.op("return", nil))
	again := w.one()
	if len(again.Recorded) != 3 || !again.Recorded[0].Overridden || again.Recorded[2].Step != "store" || again.Recorded[2].Overridden {
		t.Fatalf("%+v", again.Recorded)
	}
	w.done(again.op("complete", map[string]any{"output": 1}))
	got := s.get("/v1/executions/" + waiting.ID + "?include=steps").is(200).execution()
	if len(got.Steps) != 3 || got.Steps[0].Name != "parse[a/1]" || got.Steps[0].Status != "completed" || !got.Steps[0].Overridden ||
		string(got.Steps[0].Output) != output || string(got.Steps[1].Output) != "null" || got.Steps[2].Name != "store" || got.Steps[2].Overridden {
		t.Errorf("%+v", got.Steps)
	}
	// In a batch, too.
	s.post("/v1/executions/batch", `{"executions":[`+body+`]}`).is(200)
	check(w.one())
	w.done(second.op("complete", nil))
}

func TestOverridesRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("three")
	many := strings.Repeat(`"s%":1,`, 1001)
	for i := range 1001 {
		many = strings.Replace(many, "%", string(rune('a'+i%26))+strings.Repeat("x", i/26), 1)
	}
	for body, want := range map[string][2]string{
		`5`:                                      {"overrides", "invalid_type"},
		`null`:                                   {"overrides", "invalid_type"},
		`{"steps":[]}`:                           {"overrides.steps", "invalid_type"},
		`{"steps":null}`:                         {"overrides.steps", "invalid_type"},
		`{"step":{}}`:                            {"overrides.step", "unknown_field"},
		`{"steps":{"":1}}`:                       {"overrides.steps.", "too_long"},
		`{"steps":{"a":1,"a":1}}`:                {"overrides.steps.a", "duplicate_key"},
		`{"steps":{` + many[:len(many)-1] + `}}`: {"overrides.steps", "too_long"},
		`{"steps":{"` + strings.Repeat("n", 256) + `":{"a":true}}}`: {"overrides.steps." + strings.Repeat("n", 60) + "…", "too_long"},
	} {
		s.post("/v1/executions", `{"workflow_id":"three","input":{},"overrides":`+body+`}`).field(400, "invalid_request", want[0], want[1])
	}
	s.post("/v1/executions", `{"workflow_id":"three","input":{},"overrides":{}}`).is(201)
	s.post("/v1/executions", `{"workflow_id":"three","input":{},"overrides":{"steps":{}}}`).is(201)
}

// A start with overrides is another request than one without, to an idempotency key.
func TestOverridesBelongToTheRequest(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("three")
	start := func(overrides string) *answer {
		return s.post("/v1/executions", `{"workflow_id":"three","input":{},"idempotency_key":"k"`+overrides+`}`)
	}
	start(`,"overrides":{"steps":{"a":1}}`).is(201)
	start(`,"overrides":{"steps":{"a":1}}`).is(200)
	start(`,"overrides":{"steps":{"a":2}}`).problem(422, "idempotency_mismatch")
	start("").problem(422, "idempotency_mismatch")
	held := s.send(request{key: s.key, method: "POST", path: "/v1/executions?wait=1&include=steps", body: `{"workflow_id":"three","input":{},"overrides":{"steps":{"a":1}}}`}).is(201).execution()
	if len(held.Steps) != 1 || !held.Steps[0].Overridden {
		t.Errorf("%+v", held.Steps)
	}
}
