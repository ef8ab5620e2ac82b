package api

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
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

func TestSignalRoute(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(1, "echo")
	x := s.start("echo", map[string]any{})
	path := "/v1/executions/" + x.ID + "/signals/"
	// Before the wait, with a key that is used again, and without a body.
	send := func(name, key, body string) *answer {
		q := request{key: s.key, method: "POST", path: path + name, body: body, header: map[string]string{}}
		if key != "" {
			q.header["Idempotency-Key"] = key
		}
		return s.send(q)
	}
	if got := send("go", "k", `{"payload":{"n":1}}`).is(202).execution(); got.ID != x.ID || got.Awaiting != nil {
		t.Errorf("%+v", got)
	}
	if again := send("go", "k", `{"payload":{"n":1}}`).is(200); again.header.Get("Idempotent-Replay") != "true" {
		t.Errorf("%v", again.header)
	}
	send("item%5Ba%2Fb%5D", "", "").is(202)
	a := w.one()
	rs := w.done(
		a.op("wait", map[string]any{"step": "go", "wait": "signal"}),
		a.op("wait", map[string]any{"step": "item[a/b]", "wait": "signal"}),
		a.op("wait", map[string]any{"step": "go#2", "wait": "signal", "timeout_ms": 60_000}),
		a.op("suspend", nil),
	)
	if rs[0].Ended == nil || rs[0].Ended.Outcome != "received" || string(rs[0].Ended.Payload) != `{"n":1}` {
		t.Errorf("%+v", rs[0].Ended)
	}
	if rs[1].Ended == nil || rs[1].Ended.Payload != nil || rs[2].Ended != nil || !rs[3].Suspended {
		t.Errorf("%+v", rs)
	}
	got := s.get("/v1/executions/" + x.ID).execution()
	if got.Status != "waiting" || got.StatusReason != "signal:go" || got.ResumesAt == "" || len(got.Awaiting) != 1 {
		t.Fatalf("%+v", got)
	}
	if v := got.Awaiting[0]; v.Kind != "signal" || v.Name != "go" || v.Step != "go#2" || v.Since == "" || v.ExpiresAt != got.ResumesAt || v.Payload != nil {
		t.Errorf("%+v", v)
	}
	if got := send("go", "", `{"payload":"last"}`).is(202).execution(); got.Status != "running" || got.Awaiting != nil {
		t.Errorf("%+v", got)
	}
	b := w.one()
	if r := b.Recorded[2]; r.Kind != "wait" || r.Wait != "signal" || r.Name != "go" || r.Ended == nil || string(r.Ended.Payload) != `"last"` || r.ExpiresInMS != nil {
		t.Errorf("%+v", r)
	}
	got = s.get("/v1/executions/" + x.ID + "?include=steps,events").execution()
	if string(got.Steps[2].Output) != `{"outcome":"received","payload":"last"}` || got.Steps[2].Status != "completed" {
		t.Errorf("%+v", got.Steps[2])
	}
	told := map[string]string{}
	for _, e := range got.Events {
		told[e.Type] = strings.Join([]string{e.Actor.Type, e.Step, e.Wait, e.Name, string(e.Payload), e.Outcome}, "|")
	}
	for kind, want := range map[string]string{
		"signalled": `key|||go|"last"|`, "wait_started": `worker|go#2|signal|go||`, "wait_ended": `key|go#2||||received`,
	} {
		if told[kind] != want {
			t.Errorf("%s: %s, want %s", kind, told[kind], want)
		}
	}

	send("go%232", "", "").field(400, "invalid_request", "name", "invalid_value")
	send("go%07", "", "").field(400, "invalid_request", "name", "invalid_value")
	send(strings.Repeat("n", 256), "", "").field(400, "invalid_request", "name", "invalid_value")
	send("go", "", `{"paylod":1}`).field(400, "invalid_request", "paylod", "unknown_field")
	send("go", strings.Repeat("k", 256), "").field(400, "invalid_request", "Idempotency-Key", "too_long")
	s.send(request{key: s.scoped(engine.ScopeApprove | engine.ScopeCancel), method: "POST", path: path + "go"}).problem(403, "forbidden")
	s.send(request{key: s.scoped(engine.ScopeSignal), method: "POST", path: path + "go"}).is(202)
	s.post("/v1/executions/exec_nothing/signals/go", nil).problem(404, "not_found")
	w.done(b.op("complete", nil))
	send("go", "k", `{"payload":{"n":1}}`).is(200) // the answer to a signal that ended it may have been lost
	if p := send("go", "", "").problem(409, "already_terminal"); p.ExecutionStatus != "completed" {
		t.Errorf("%+v", p)
	}
}

func TestKeptSignalsAreBounded(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("nobody")
	x := s.start("nobody", map[string]any{})
	id, _ := execution.ParseID(execution.PrefixExecution, x.ID)
	for range execution.MaxSignals {
		if _, _, err := s.engine.Signal(t.Context(), s.root, id, &engine.SignalRequest{Name: "go"}); err != nil {
			t.Fatal(err)
		}
	}
	s.post("/v1/executions/"+x.ID+"/signals/go", nil).problem(409, "signal_limit")
}

func TestApproveAndReject(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(1, "echo")
	x := s.start("echo", map[string]any{})
	path := "/v1/executions/" + x.ID
	s.post(path+"/approve", nil).problem(409, "not_awaiting")
	a := w.one()
	w.done(
		a.op("wait", map[string]any{"step": "boss", "wait": "approval", "payload": map[string]any{"amount": 7}}),
		a.op("wait", map[string]any{"step": "cfo", "wait": "approval"}),
		a.op("suspend", nil),
	)
	got := s.get(path).execution()
	if len(got.Awaiting) != 2 || string(got.Awaiting[0].Payload) != `{"amount":7}` || got.Awaiting[1].Payload != nil || got.Awaiting[1].Name != "cfo" || got.ResumesAt != "" {
		t.Errorf("%+v", got.Awaiting)
	}
	s.post(path+"/approve", nil).field(400, "invalid_request", "name", "ambiguous")
	s.post(path+"/approve", `{"name":"ceo"}`).problem(409, "not_awaiting")
	got = s.post(path+"/approve", `{"name":"cfo","comment":"fine","by":"Ann","payload":{"limit":9}}`).is(200).execution()
	if got.Status != "running" || len(got.Awaiting) != 1 {
		t.Errorf("%+v", got)
	}
	s.post(path+"/reject", `{"name":"cfo"}`).problem(409, "not_awaiting")
	b := w.one()
	w.done(b.op("suspend", nil))
	s.post(path+"/reject", `{"comment":"too dear"}`).is(200)
	b = w.one()
	if r := b.Recorded; len(r) != 2 || r[0].Ended == nil || *r[0].Ended.withoutPayload() != (decided{"rejected", "too dear", ""}) ||
		r[1].Ended == nil || *r[1].Ended.withoutPayload() != (decided{"approved", "fine", "Ann"}) || string(r[1].Ended.Payload) != `{"limit":9}` {
		t.Errorf("%+v", r)
	}
	w.done(b.op("reject", map[string]any{"code": "approval_rejected", "message": "too dear"}))
	got = s.get(path + "?include=steps,events").execution()
	if got.Status != "rejected" || got.Error != "too dear" || got.Steps[0].Status != "rejected" || string(got.Steps[0].Input) != `{"amount":7}` ||
		string(got.Steps[0].Output) != `{"outcome":"rejected","comment":"too dear"}` {
		t.Errorf("%+v", got)
	}
	e := got.Events[slices.IndexFunc(got.Events, func(e eventBody) bool { return e.Type == "wait_ended" })]
	if e.Type != "wait_ended" || e.Outcome != "approved" || e.Comment != "fine" || e.By != "Ann" || string(e.Payload) != `{"limit":9}` {
		t.Errorf("%+v", got.Events)
	}
	s.post(path+"/approve", nil).problem(409, "already_terminal")
	s.post(path+"/reject", nil).problem(409, "already_terminal")
	for body, field := range map[string]string{
		`{"nme":"boss"}`:     "nme",
		`{"name":"boss#2"}`:  "name",
		`{"by":"A\nnn"}`:     "by",
		`{"comment":7}`:      "comment",
		`{"approved":false}`: "approved",
	} {
		if p := s.post(path+"/approve", body).problem(400, "invalid_request"); p.Errors[0].Field != field {
			t.Errorf("%s: %+v", body, p.Errors)
		}
	}
	s.send(request{key: s.scoped(engine.ScopeSignal | engine.ScopeManage), method: "POST", path: path + "/approve"}).problem(403, "forbidden")
	s.send(request{key: s.scoped(engine.ScopeApprove), method: "POST", path: path + "/reject"}).problem(409, "already_terminal")
	s.send(request{key: s.key, method: "DELETE", path: path}).is(204)
	for _, what := range []string{"/approve", "/reject", "/signals/go"} {
		s.post(path+what, nil).problem(410, "deleted")
	}
}

// TestDecideByStep decides the second of two approvals of one name, and only that one, however often it is asked for.
func TestDecideByStep(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(1, "echo")
	x := s.start("echo", map[string]any{})
	path := "/v1/executions/" + x.ID
	a := w.one()
	w.done(
		a.op("wait", map[string]any{"step": "boss", "wait": "approval"}),
		a.op("wait", map[string]any{"step": "boss#2", "wait": "approval"}),
		a.op("suspend", nil),
	)
	s.post(path+"/approve", `{"step":"boss#2","name":"cfo"}`).problem(409, "not_awaiting")
	if p := s.post(path+"/approve", `{"step":""}`).problem(400, "invalid_request"); p.Errors[0].Field != "step" {
		t.Errorf("%+v", p.Errors)
	}
	got := s.post(path+"/approve", `{"step":"boss#2","name":"boss"}`).is(200).execution()
	if len(got.Awaiting) != 1 || got.Awaiting[0].Step != "boss" {
		t.Errorf("%+v", got.Awaiting)
	}
	s.post(path+"/approve", `{"step":"boss#2"}`).problem(409, "not_awaiting")
	s.post(path+"/reject", `{"step":"boss"}`).is(200)
}

// TestWakeSignals: a worker that holds an execution is told by whatever it asks next that a wait has ended, and asks
// about it.
func TestWakeSignals(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(1, "echo")
	x := s.start("echo", map[string]any{})
	a := w.one()
	w.done(a.op("wait", map[string]any{"step": "go", "wait": "signal"}), a.op("wait", map[string]any{"step": "boss", "wait": "approval"}))
	var told struct{ Wake []string }
	is := func(where string) {
		t.Helper()
		if len(told.Wake) != 1 || told.Wake[0] != x.ID {
			t.Errorf("%s tells %v", where, told.Wake)
		}
		told.Wake = nil
	}
	s.post("/v1/executions/"+x.ID+"/signals/go", nil).is(202)
	s.post("/v1/worker/poll", map[string]any{"session_id": w.session, "received": w.received}).is(200).into(&told)
	is("a poll")
	s.post("/v1/worker/heartbeat", map[string]any{"session_id": w.session, "received": w.received, "held": 1, "digest": digestOf(a.Lease)}).is(200).into(&told)
	is("a heartbeat")
	s.post("/v1/executions/"+x.ID+"/approve", nil).is(200)
	s.post("/v1/worker/report", map[string]any{"session_id": w.session, "operations": []any{a.op("progress", map[string]any{"value": 0.5})}}).is(200).into(&told)
	is("a report")
	rs := w.done(a.op("wait", map[string]any{"step": "go", "wait": "signal"}), a.op("wait", map[string]any{"step": "boss", "wait": "approval"}))
	if rs[0].Ended == nil || rs[1].Ended == nil || rs[1].Ended.Outcome != "approved" {
		t.Errorf("%+v", rs)
	}
	s.post("/v1/worker/heartbeat", map[string]any{"session_id": w.session, "held": 1, "digest": digestOf(a.Lease)}).is(200).into(&told)
	if told.Wake != nil {
		t.Errorf("still told: %v", told.Wake)
	}
}

func TestTooManyWaits(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(1, "echo")
	s.start("echo", map[string]any{})
	a := w.one()
	for i := range execution.MaxWaits {
		w.done(a.op("wait", map[string]any{"step": fmt.Sprint("w", i), "wait": "signal"}))
	}
	if r := w.report(a.op("wait", map[string]any{"step": "more", "wait": "signal"})); r[0].Code != "wait_limit" {
		t.Errorf("%+v", r)
	}
}

// until=actionable ends a hold when somebody must act.
func TestHoldUntilActionable(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(2, "echo")
	park := func() {
		a := w.one()
		w.done(a.op("wait", map[string]any{"step": "boss", "wait": "approval"}), a.op("suspend", nil))
	}
	started := make(chan executionBody)
	go func() {
		started <- s.post("/v1/executions?wait=60&until=actionable", `{"workflow_id":"echo","input":{}}`).is(201).execution()
	}()
	park()
	x := <-started
	if x.Status != "waiting" || len(x.Awaiting) != 1 {
		t.Fatalf("%+v", x)
	}
	path := "/v1/executions/" + x.ID
	// It is so already.
	if got := s.get(path + "?wait=60&until=actionable").is(200).execution(); got.Status != "waiting" {
		t.Errorf("%+v", got)
	}
	// The next time, or the end, whichever comes first; and the end alone.
	s.post(path+"/approve", nil).is(200)
	both := make(chan executionBody, 2)
	for _, until := range []string{"actionable", "terminal"} {
		go func() { both <- s.get(path + "?wait=60&until=" + until).is(200).execution() }()
	}
	a := w.one()
	w.done(a.op("wait", map[string]any{"step": "cfo", "wait": "approval"}), a.op("suspend", nil))
	if got := <-both; got.Status != "waiting" || got.Awaiting[0].Name != "cfo" {
		t.Errorf("%+v", got)
	}
	go func() { both <- s.get(path + "?wait=60&until=actionable").is(200).execution() }()
	if got := <-both; got.Status != "waiting" {
		t.Errorf("%+v", got)
	}
	s.post(path+"/approve", nil).is(200)
	a = w.one()
	w.done(a.op("complete", nil))
	if got := <-both; got.Status != "completed" {
		t.Errorf("%+v", got)
	}
	s.get(path+"?until=now").field(400, "invalid_request", "until", "invalid_value")
	s.post("/v1/executions?until=now", `{"workflow_id":"echo","input":{}}`).field(400, "invalid_request", "until", "invalid_value")
}

// decided is a waitEnd without its payload.
type decided struct{ outcome, comment, by string }

func (e *waitEnd) withoutPayload() *decided { return &decided{e.Outcome, e.Comment, e.By} }

// digestOf is the digest of one lease, as the protocol describes it.
func digestOf(lease string) string {
	h := fnv.New64a()
	h.Write([]byte(lease))
	return fmt.Sprintf("%016x", h.Sum64())
}
