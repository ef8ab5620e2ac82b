package api

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/signature"
)

// listened is a message as a listener gets it.
type listened struct {
	ID, Type    string
	ExecutionID string `json:"execution_id"`
	Headers     map[string]string
	Body        string
}

func TestListen(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("a")
	s.workflow("b")
	all, ends := s.follow("/v1/webhooks/listen"), s.follow("/v1/webhooks/listen?events=terminal&workflow_id=a")
	var ready struct{ Secret string }
	e := all.next()
	if err := json.Unmarshal([]byte(e.raw), &ready); err != nil || e.Kind != "ready" {
		t.Fatalf("%+v, %v", e, err)
	}
	var secrets struct{ Secrets []struct{ Secret string } }
	s.get("/v1/webhooks/callback-secret").is(200).into(&secrets)
	if ready.Secret == "" || ready.Secret != secrets.Secrets[0].Secret {
		t.Error("the secret is another one than that of callbacks")
	}
	secret, err := signature.Parse(ready.Secret)
	if err != nil {
		t.Fatal(err)
	}
	message := func(r *reader) (m listened, body messageBody) {
		t.Helper()
		e := r.next()
		if e.Kind == "ready" {
			e = r.next()
		}
		if err := json.Unmarshal([]byte(e.raw), &m); err != nil || e.Kind != "message" {
			t.Fatalf("%+v, %v", e, err)
		}
		if err := json.Unmarshal([]byte(m.Body), &body); err != nil {
			t.Fatal(err)
		}
		seconds, err := strconv.ParseInt(m.Headers["webhook-timestamp"], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if want := signature.Sign(m.ID, time.Unix(seconds, 0), []byte(m.Body), secret); m.Headers["webhook-signature"] != want {
			t.Errorf("signed %q, want %q", m.Headers["webhook-signature"], want)
		}
		if m.Headers["webhook-id"] != m.ID || body.ID != m.ID || body.Type != m.Type || body.Data.ID != m.ExecutionID ||
			m.Headers["content-type"] != "application/json" || m.Headers["user-agent"] != "Sojourn/test" || body.Data.Input != nil {
			t.Errorf("%+v", m)
		}
		return m, body
	}

	w := s.worker(1, "a")
	w.poll(0)
	x := s.start("a", map[string]any{"secret": "in"})
	a := w.one()
	w.done(a.op("step_completed", map[string]any{"step": "one", "output": 1}))
	w.done(a.op("complete", map[string]any{"output": map[string]any{"done": "yes\n"}}))
	y := s.start("b", map[string]any{})
	s.post("/v1/executions/"+y.ID+"/cancel", `{}`).is(200)

	var told []string
	var ids []string
	for range 5 {
		m, body := message(all)
		told = append(told, m.Type+" "+body.Data.Status)
		ids = append(ids, m.ID)
		if m.Type == "execution.completed" && (body.Data.ID != x.ID || string(body.Data.Output) != `{"done":"yes\n"}` || body.Data.Revision != 4) {
			t.Errorf("%+v", body)
		}
	}
	if got := strings.Join(told, ", "); got != "execution.created pending, execution.status_changed running, execution.completed completed, execution.created pending, execution.cancelled cancelled" {
		t.Error(got)
	}
	if m, body := message(ends); m.ID != ids[2] || body.Data.Status != "completed" {
		t.Errorf("%+v", m)
	}
	s.start("a", map[string]any{})
	a = w.one()
	w.done(a.op("fail", map[string]any{"error": map[string]any{"code": "boom", "message": "it broke"}, "final": true}))
	if m, body := message(ends); m.Type != "execution.failed" || body.Data.ErrorCode != "boom" {
		t.Errorf("%+v", m)
	}

	// It goes on behind any event, with the same ids.
	again := s.follow("/v1/webhooks/listen?events=created,%20terminal", "Last-Event-ID", func() string {
		var p struct {
			LastID string `json:"last_id"`
		}
		s.get("/v1/events").is(200).into(&p)
		return p.LastID
	}())
	s.start("b", map[string]any{})
	if m, _ := message(again); m.Type != "execution.created" {
		t.Errorf("%+v", m)
	}
	var p struct {
		Secret string
		Data   []listened
		LastID string `json:"last_id"`
	}
	s.get("/v1/webhooks/listen?after=" + ends.last).is(200).into(&p)
	if len(p.Data) != 1 || p.Data[0].Type != "execution.created" || p.Secret != ready.Secret || p.LastID == "" {
		t.Errorf("%+v", p)
	}
	// What is deleted meanwhile is passed by.
	s.send(request{key: s.key, method: "DELETE", path: "/v1/executions/" + x.ID}).is(204)
	s.get("/v1/webhooks/listen?events=").field(400, "invalid_request", "events", "invalid_value")
	s.get("/v1/webhooks/listen?events=ended").field(400, "invalid_request", "events", "invalid_value")
	s.get("/v1/webhooks/listen?after=5").field(400, "invalid_request", "after", "invalid_value")
	s.get("/v1/webhooks/listen?workflow_id=nothing").field(404, "not_found", "workflow_id", "not_found")
}
