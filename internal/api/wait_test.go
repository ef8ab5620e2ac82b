package api

import (
	"encoding/json"
	"strings"
	"testing"
)

// waitEnd is how a wait ended, as the API tells it.
type waitEnd struct {
	Outcome, Comment, By string
	Payload              json.RawMessage
}

func TestWaitOperation(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(1, "echo")
	x := s.start("echo", map[string]any{})
	a := w.one()
	rs := w.done(
		a.op("wait", map[string]any{"step": "boss#2", "wait": "approval", "timeout_ms": 60_000, "payload": map[string]any{"amount": 7}}),
		a.op("wait", map[string]any{"step": "now", "wait": "signal", "name": "go[7]", "timeout_ms": 0}),
		a.op("wait", map[string]any{"step": "later", "wait": "signal"}),
	)
	if rs[0].Ended != nil || rs[0].ExpiresInMS == nil || *rs[0].ExpiresInMS > 60_000 || *rs[0].ExpiresInMS < 50_000 {
		t.Errorf("%+v", rs[0])
	}
	if rs[1].Ended == nil || rs[1].Ended.Outcome != "timeout" || rs[1].ExpiresInMS != nil {
		t.Errorf("%+v", rs[1])
	}
	if rs[2].Ended != nil || rs[2].ExpiresInMS != nil || rs[2].Duplicate {
		t.Errorf("%+v", rs[2])
	}
	if r := w.done(a.op("wait", map[string]any{"step": "later", "wait": "signal"}))[0]; !r.Duplicate || r.Ended != nil {
		t.Errorf("%+v", r)
	}
	w.done(a.op("suspend", nil))
	got := s.get("/v1/executions/" + x.ID + "?include=steps,events").execution()
	if got.Status != "waiting" || got.StatusReason != "approval:boss" || len(got.Steps) != 3 {
		t.Fatalf("%+v", got)
	}
	if boss := got.Steps[0]; boss.Kind != "approval" || boss.Status != "waiting" || string(boss.Input) != `{"amount":7}` || boss.Output != nil || boss.Until == "" {
		t.Errorf("%+v", boss)
	}
	if now := got.Steps[1]; now.Kind != "signal" || now.Status != "completed" || string(now.Output) != `{"outcome":"timeout"}` {
		t.Errorf("%+v", now)
	}

	for _, c := range []struct {
		op      string
		members map[string]any
		field   string
	}{
		{"wait", map[string]any{"step": "a"}, "wait"},
		{"wait", map[string]any{"wait": "signal"}, "step"},
		{"wait", map[string]any{"step": "a", "wait": "call"}, "wait"},
		{"wait", map[string]any{"step": "a", "wait": "signal", "name": ""}, "name"},
		{"wait", map[string]any{"step": "a", "wait": "signal", "name": "a#2"}, "name"},
		{"wait", map[string]any{"step": "a", "wait": "signal", "name": "a\a"}, "name"},
		{"wait", map[string]any{"step": "a", "wait": "signal", "timeout_ms": -1}, "timeout_ms"},
		{"wait", map[string]any{"step": "a", "wait": "signal", "duration_ms": 1}, "duration_ms"},
		{"sleep", map[string]any{"step": "a", "duration_ms": 1, "timeout_ms": 1}, "timeout_ms"},
	} {
		r := w.report(a.op(c.op, c.members))
		if r[0].OK || r[0].Code != "invalid_request" || !strings.Contains(r[0].Message, "operations[0]."+c.field) {
			t.Errorf("%s %v: %+v, want one about %s", c.op, c.members, r[0], c.field)
		}
	}
	large := a.op("wait", map[string]any{"step": "a", "wait": "approval", "payload": strings.Repeat("x", maxPayload)})
	if r := w.report(large); r[0].Code != "payload_too_large" {
		t.Errorf("%+v", r)
	}
}
