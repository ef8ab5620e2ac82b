package api

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
)

func TestOpenSession(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{engine: func(c *engine.Config) { c.Lease = 90 * time.Second }})
	var out struct {
		SessionID     string `json:"session_id"`
		Protocol      int
		LeaseMS       int `json:"lease_ms"`
		HeartbeatMS   int `json:"heartbeat_ms"`
		MaxWaitMS     int `json:"max_wait_ms"`
		MaxOperations int `json:"max_operations"`
		Workflows     []struct {
			Name, ID string
			Version  int
		}
	}
	s.post("/v1/worker/sessions", `{"protocol":1,"name":"w1","sdk":"test/1","version":"abc","capacity":7,"workflows":[
		{"name":"a","version":"v1","description":"does a","input_schema":{"type":"object"},"retention_ms":1000,"timeout_ms":2000},{"name":"b"}]}`).is(201).into(&out)
	if out.Protocol != 1 || out.LeaseMS != 90000 || out.HeartbeatMS != 30000 || out.MaxWaitMS != 30000 || out.MaxOperations != 1024 || len(out.Workflows) != 2 || out.Workflows[0].Version != 1 {
		t.Errorf("%+v", out)
	}
	var list struct {
		Data []struct {
			ID, Name, SDK, Version string
			Workflows              []string
			Capacity, Held         int
			Draining               bool
		}
	}
	s.get("/v1/workers").is(200).into(&list)
	if len(list.Data) != 1 || list.Data[0].ID != out.SessionID || list.Data[0].Capacity != 7 || fmt.Sprint(list.Data[0].Workflows) != "[a b]" || list.Data[0].SDK != "test/1" {
		t.Errorf("%+v", list)
	}
	var workflow struct {
		Workers      int
		Version      int
		VersionLabel string `json:"version_label"`
		TimeoutMS    int    `json:"timeout_ms"`
	}
	s.get("/v1/workflows/a").is(200).into(&workflow)
	if workflow.Workers != 1 || workflow.VersionLabel != "v1" || workflow.TimeoutMS != 2000 {
		t.Errorf("%+v", workflow)
	}
	path := "/v1/worker/sessions/" + out.SessionID
	s.post(path+"/drain", nil).is(204)
	s.post(path+"/drain", `{}`).is(204)
	s.post(path+"/drain", `{"now":true}`).field(400, "invalid_request", "now", "unknown_field")
	s.get("/v1/workers").into(&list)
	if !list.Data[0].Draining {
		t.Errorf("%+v", list)
	}
	s.send(request{key: s.key, method: "DELETE", path: path}).is(204)
	s.send(request{key: s.key, method: "DELETE", path: path}).problem(404, "session_lost")
	s.post(path+"/drain", nil).problem(404, "session_lost")
	state := s.state()
	for body, want := range map[string]string{
		`{}`: "protocol required",
		`{"protocol":2,"capacity":1,"workflows":[{"name":"a"}]}`:                                 "protocol invalid_value",
		`{"protocol":1,"capacity":0,"workflows":[{"name":"a"}]}`:                                 "capacity out_of_range",
		`{"protocol":1,"capacity":10001,"workflows":[{"name":"a"}]}`:                             "capacity out_of_range",
		`{"protocol":1,"capacity":1,"workflows":[]}`:                                             "workflows invalid_value",
		`{"protocol":1,"capacity":1,"workflows":[{"name":"A b"}]}`:                               "workflows[0].name invalid_value",
		`{"protocol":1,"capacity":1,"workflows":[{"name":"a"},{}]}`:                              "workflows[1].name required",
		`{"protocol":1,"capacity":1,"workflows":[{"name":"x","input_schema":{"type":"wrong"}}]}`: "input_schema invalid_value",
		`{"protocol":1,"capacity":1,"workflows":[{"name":"x","nme":"y"}]}`:                       "workflows[0].nme unknown_field",
		`{"protocol":1,"capacity":1,"workflow":["a"]}`:                                           "workflow unknown_field",
	} {
		field, code, _ := strings.Cut(want, " ")
		s.post("/v1/worker/sessions", body).field(400, "invalid_request", field, code)
	}
	if s.state() != state {
		t.Error("a refused session changed something")
	}
	for i := range 999 {
		if _, err := s.engine.CreateVersion(t.Context(), s.root, "a", engine.VersionSpec{Label: fmt.Sprint("more-", i)}); err != nil {
			t.Fatal(err)
		}
	}
	s.post("/v1/worker/sessions", `{"protocol":1,"capacity":1,"workflows":[{"name":"a","version":"too-many"}]}`).problem(409, "conflict")
	bound := s.newKey(engine.KeySpec{Scopes: engine.ScopeWorkersRun, Workflows: []string{"a"}})
	s.send(request{key: bound, method: "POST", path: "/v1/worker/sessions", body: `{"protocol":1,"capacity":1,"workflows":[{"name":"b"}]}`}).problem(403, "forbidden")
	s.send(request{key: bound, method: "POST", path: "/v1/worker/sessions", body: `{"protocol":1,"capacity":1,"workflows":[{"name":"a"}]}`}).is(201)
}

func TestRecordedStepsComeBack(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(1, "echo")
	x := s.start("echo", map[string]any{})
	a := w.one()
	r := w.done(
		a.op("step_completed", map[string]any{"step": "one", "try": 2, "output": map[string]any{"n": 1}, "input_hash": "00000000DEADbeef"}),
		a.op("sleep", map[string]any{"step": "nap", "duration_ms": 40}),
		a.op("step_failed", map[string]any{"step": "two", "try": 1, "error": map[string]any{"message": "no"}, "retry": map[string]any{"max_attempts": 5, "initial_interval_ms": 0, "jitter": 0}}),
	)
	if r[1].WakeAt == "" || r[1].DelayMS == nil || r[2].RetryAt == "" || *r[2].DelayMS > 5 || r[2].Final {
		t.Errorf("%+v", r)
	}
	if r := w.done(a.op("step_completed", map[string]any{"step": "one", "output": 2})); !r[0].Duplicate {
		t.Errorf("%+v", r)
	}
	w.done(a.op("suspend", nil))
	got := s.get("/v1/executions/" + x.ID + "?include=steps").execution()
	if len(got.Steps) != 3 || got.Steps[0].Attempt != 2 || got.Steps[1].Kind != "sleep" || got.Steps[1].Until == "" || got.Steps[2].Error != "no" || got.Steps[2].NextAttemptAt == "" {
		t.Errorf("%+v", got.Steps)
	}
	again := w.one()
	if again.ID != x.ID || again.Lease == a.Lease || len(again.Recorded) != 3 {
		t.Fatalf("%+v", again)
	}
	one, nap, two := again.Recorded[0], again.Recorded[1], again.Recorded[2]
	if one.Step != "one" || string(one.Output) != `{"n":1}` || one.InputHash != "00000000deadbeef" || one.Tries != 2 || one.Kind != "step" {
		t.Errorf("%+v", one)
	}
	if nap.Step != "nap" || nap.Kind != "sleep" || nap.Until == "" || nap.UntilInMS == nil || *nap.UntilInMS != 0 {
		t.Errorf("%+v", nap)
	}
	if two.Tries != 1 || two.NextInMS == nil || two.Output != nil {
		t.Errorf("%+v", two)
	}
	// The old lease is worth nothing now.
	if r := w.report(a.op("complete", nil), a.op("progress", map[string]any{"value": 1})); r[0].Code != "stale_lease" || r[1].Code != "skipped" {
		t.Errorf("%+v", r)
	}
	w.done(again.op("reject", map[string]any{"code": "nope", "message": "declined", "details": map[string]any{"why": "x"}}))
	got = s.get("/v1/executions/" + x.ID).execution()
	if got.Status != "rejected" || got.Error != "declined" || got.ErrorCode != "nope" || string(got.ErrorDetails) != `{"why":"x"}` || got.Attempt != 2 {
		t.Errorf("%+v", got)
	}
	if r := w.report(again.op("complete", nil)); r[0].Code != "already_terminal" {
		t.Errorf("%+v", r)
	}
}

func TestLongBackoffReleasesTheLease(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(1, "echo")
	x := s.start("echo", map[string]any{})
	a := w.one()
	r := w.done(a.op("step_failed", map[string]any{"step": "one", "try": 1, "error": map[string]any{"message": "later"}, "retry": map[string]any{"max_attempts": -1, "initial_interval_ms": 3600000, "max_interval_ms": 3600000, "coefficient": 1.5, "jitter": 0}}))
	if !r[0].Suspended || r[0].RetryAt == "" || *r[0].DelayMS < 3590000 || *r[0].DelayMS > 3600000 {
		t.Errorf("%+v", r[0])
	}
	if got := s.get("/v1/executions/" + x.ID).execution(); got.Status != "running" || got.StatusReason != "retry_backoff" || got.ResumesAt != r[0].RetryAt {
		t.Errorf("%+v", got)
	}
}

// One broken operation is refused alone: the rest of its execution is skipped, others go on.
func TestBrokenOperationsAreRefusedAlone(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(2, "echo")
	s.start("echo", map[string]any{})
	s.start("echo", map[string]any{})
	var held []assignment
	for len(held) < 2 {
		got, _, _ := w.poll(2 * time.Second)
		held = append(held, got...)
	}
	a, b := &held[0], &held[1]
	big := strings.Repeat("x", 1<<20)
	r := w.report(
		a.op("step_completed", map[string]any{"step": "ok"}),
		a.op("step_completed", map[string]any{"step": "big", "output": big}),
		a.op("complete", nil),
		b.op("step_completed", map[string]any{"step": strings.Repeat("s", 256)}),
		b.op("complete", nil),
	)
	var codes []string
	for _, x := range r {
		codes = append(codes, fmt.Sprint(x.OK, x.Code))
	}
	if fmt.Sprint(codes) != "[true falsepayload_too_large falseskipped falseinvalid_request falseskipped]" {
		t.Errorf("%v: %+v", codes, r)
	}
	for name, op := range map[string]map[string]any{
		`operations[0].step is required by the operation step_completed`:                      a.op("step_completed", nil),
		`operations[0].value does not belong to the operation complete; remove it`:            a.op("complete", map[string]any{"value": 1}),
		`operations[0].value is required by the operation progress`:                           a.op("progress", nil),
		`operations[0].value must be a number from 0 to 1, not 2`:                             a.op("progress", map[string]any{"value": 2}),
		`operations[0].error is required by the operation fail`:                               a.op("fail", nil),
		`operations[0].error.message is required`:                                             a.op("fail", map[string]any{"error": map[string]any{}}),
		`operations[0].op must be one of the operations of the worker protocol, not "finish"`: a.op("finish", nil),
		`operations[0].lease is required`:                                                     {"id": a.ID, "op": "complete"},
		`operations[0].id must be the id of an execution, as the poll gave it`:                {"id": "exec_x", "lease": "l", "op": "complete"},
		`operations[0].level must be debug, info, warn or error, not "loud"`:                  a.op("log", map[string]any{"level": "loud", "message": "x"}),
		`operations[0].input_hash must be 16 hex digits, not "xyz"`:                           a.op("step_started", map[string]any{"step": "s", "input_hash": "xyz"}),
		`operations[0].duration_ms must be a whole number from 0 to 315360000000, not -1`:     a.op("sleep", map[string]any{"step": "s", "duration_ms": -1}),
		`operations[0].retry.jitter must be a number from 0 to 1, not 3`:                      a.op("fail", map[string]any{"error": map[string]any{"message": "x"}, "retry": map[string]any{"jitter": 3}}),
		`operations[0].stpe is not a known field; did you mean "step"?`:                       a.op("complete", map[string]any{"stpe": "x"}),
		`operations[0].details must be an object, not a string`:                               a.op("reject", map[string]any{"details": "text"}),
		`operations[0].wake_at must be a time such as 2026-11-21T08:30:00Z, not "soon"`:       a.op("suspend", map[string]any{"wake_at": "soon"}),
	} {
		r := w.report(op)
		if r[0].OK || r[0].Code != "invalid_request" || !strings.HasPrefix(r[0].Message, name) {
			t.Errorf("%+v, want %s", r[0], name)
		}
	}
	// Nothing of all that was recorded.
	for _, x := range held {
		got := s.get("/v1/executions/" + x.ID + "?include=steps").execution()
		if got.Status != "running" || len(got.Steps) > 1 {
			t.Errorf("%+v", got)
		}
	}
	// A report that is not JSON, or not a report, is refused whole.
	state := s.state()
	prefix := `{"session_id":"` + w.session + `","operations":[{"id":"` + a.ID + `","lease":"` + a.Lease + `","op":"complete","output":`
	s.post("/v1/worker/report", prefix+`<html>}]}`).field(400, "invalid_json", "operations[0].output", "invalid_value")
	s.post("/v1/worker/report", prefix+`{"a":1,"a":2}}]}`).field(400, "invalid_request", "operations[0].output.a", "duplicate_key")
	s.post("/v1/worker/report", prefix+strings.Repeat("[", 80)+strings.Repeat("]", 80)+`}]}`).problem(400, "invalid_request")
	s.post("/v1/worker/report", `{"operations":[]}`).field(400, "invalid_request", "session_id", "required")
	s.post("/v1/worker/report", `{"session_id":"`+w.session+`"}`).field(400, "invalid_request", "operations", "required")
	s.post("/v1/worker/report", `{"session_id":"`+w.session+`","operations":{}}`).field(400, "invalid_request", "operations", "invalid_type")
	many := strings.Repeat(`{"id":"`+a.ID+`","lease":"l","op":"complete"},`, 1025)
	s.post("/v1/worker/report", `{"session_id":"`+w.session+`","operations":[`+many[:len(many)-1]+`]}`).field(400, "invalid_request", "operations[1024]", "too_long")
	s.post("/v1/worker/report", `{"session_id":"sess_nope","operations":[]}`).problem(404, "session_lost")
	if s.state() != state {
		t.Error("a refused report changed something")
	}
	if r := w.done(); len(r) != 0 {
		t.Error(r)
	}
	if r := w.report(map[string]any{"id": "exec_01m80bjxkse00bqc7k3kxcqcd9", "lease": "x", "op": "complete"}); r[0].Code != "not_found" {
		t.Errorf("%+v", r)
	}
}

func TestReturnAndClose(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(1, "echo")
	x := s.start("echo", map[string]any{})
	a := w.one()
	w.done(a.op("return", nil))
	a = w.one()
	if a.ID != x.ID || a.Attempt != 1 {
		t.Errorf("%+v", a)
	}
	s.send(request{key: s.key, method: "DELETE", path: "/v1/worker/sessions/" + w.session}).is(204)
	other := s.worker(1, "echo")
	if b := other.one(); b.ID != x.ID {
		t.Errorf("%+v", b)
	}
	s.post("/v1/worker/poll", map[string]any{"session_id": w.session}).problem(404, "session_lost")
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(1, "echo")
	s.start("echo", map[string]any{})
	a := w.one()
	h := fnv.New64a()
	h.Write([]byte(a.Lease))
	beat := func(body map[string]any) (out struct {
		ExpiresInMS  int `json:"expires_in_ms"`
		Cancel, Drop []string
		Reconcile    bool
	},
	) {
		t.Helper()
		body["session_id"], body["received"] = w.session, w.received
		s.post("/v1/worker/heartbeat", body).is(200).into(&out)
		return out
	}
	good := map[string]any{"held": 1, "digest": fmt.Sprintf("%016x", h.Sum64())}
	if out := beat(good); out.ExpiresInMS != 3600000 || out.Reconcile {
		t.Errorf("%+v", out)
	}
	if out := beat(good); out.Reconcile {
		t.Errorf("%+v", out)
	}
	bad := map[string]any{"held": 0, "digest": "0000000000000000"}
	eventually(t, "the server asks to reconcile", func() bool { return beat(bad).Reconcile })
	if out := beat(map[string]any{"held": 1, "digest": good["digest"], "leases": []string{a.Lease}}); out.Reconcile || len(out.Drop) > 0 {
		t.Errorf("%+v", out)
	}
	s.post("/v1/executions/"+a.ID+"/cancel", nil).is(202)
	if out := beat(good); fmt.Sprint(out.Cancel) != "["+a.ID+"]" {
		t.Errorf("%+v", out)
	}
	for body, want := range map[string]string{
		`{"held":0,"digest":"0000000000000000"}`:                               "session_id required",
		`{"session_id":"s","digest":"0000000000000000"}`:                       "held required",
		`{"session_id":"s","held":0}`:                                          "digest required",
		`{"session_id":"s","held":-1,"digest":"0000000000000000"}`:             "held out_of_range",
		`{"session_id":"s","held":0,"digest":"xyz"}`:                           "digest invalid_value",
		`{"session_id":"s","held":0,"digest":"0000000000000000","leases":[1]}`: "leases[0] invalid_type",
		`{"session_id":"s","held":0,"digest":"0000000000000000","lease":1}`:    "lease unknown_field",
	} {
		field, code, _ := strings.Cut(want, " ")
		s.post("/v1/worker/heartbeat", body).field(400, "invalid_request", field, code)
	}
	s.post("/v1/worker/heartbeat", `{"session_id":"s","held":0,"digest":"0000000000000000"}`).problem(404, "session_lost")
}

func TestPoll(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(5, "echo")
	var out map[string]json.RawMessage
	s.post("/v1/worker/poll", map[string]any{"session_id": w.session, "wait_ms": 0}).is(200).into(&out)
	if string(out["delivery"]) != "0" || string(out["executions"]) != "[]" {
		t.Errorf("%s", out)
	}
	for range 3 {
		s.start("echo", map[string]any{})
	}
	var got struct {
		Delivery   int
		Executions []assignment
	}
	s.post("/v1/worker/poll", map[string]any{"session_id": w.session, "max": 2}).is(200).into(&got)
	if got.Delivery != 1 || len(got.Executions) == 0 || len(got.Executions) > 2 {
		t.Errorf("%+v", got)
	}
	for body, want := range map[string]string{
		`{}`: "session_id required", `{"session_id":5}`: "session_id invalid_type", `{"session_id":"s","wait_ms":30001}`: "wait_ms out_of_range",
		`{"session_id":"s","max":0}`: "max out_of_range", `{"session_id":"s","received":-1}`: "received out_of_range", `{"session_id":"s","wait":1}`: "wait unknown_field",
	} {
		field, code, _ := strings.Cut(want, " ")
		s.post("/v1/worker/poll", body).field(400, "invalid_request", field, code)
	}
	// A server that drains lets polls go and closes their connections.
	done := make(chan *answer, 1)
	idle := s.worker(1, "idle")
	go func() {
		done <- s.post("/v1/worker/poll", map[string]any{"session_id": idle.session, "wait_ms": 30000})
	}()
	eventually(t, "the poll is parked", func() bool { return strings.Contains(s.log.String(), "worker session opened") })
	s.engine.Drain()
	if a := (<-done).is(204); len(a.body) > 0 {
		t.Errorf("%s", a.body)
	}
	s.post("/v1/worker/sessions", `{"protocol":1,"capacity":1,"workflows":[{"name":"a"}]}`).problem(503, "unavailable")
	s.send(request{method: "GET", path: "/readyz"}).is(503)
}
