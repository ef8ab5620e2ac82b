package api

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
)

// endpointBody is a webhook endpoint as clients see it.
type endpointBody struct {
	ID, URL, Description string
	Events, Workflows    []string
	Enabled              bool
	DisabledReason       string   `json:"disabled_reason"`
	CreatedAt            string   `json:"created_at"`
	SecretHints          []string `json:"secret_hints"`
	Secret               string
}

// deliveryBody is a delivery as clients see it.
type deliveryBody struct {
	ID, Kind, Type, URL, State string
	EndpointID                 string `json:"endpoint_id"`
	ExecutionID                string `json:"execution_id"`
	Revision, Attempts         int
	NextAttemptAt              string `json:"next_attempt_at"`
	DeliveredAt                string `json:"delivered_at"`
	LastError                  string `json:"last_error"`
	Body                       string
	AttemptLog                 []struct {
		Status          int
		Error           string
		ResponseExcerpt string `json:"response_excerpt"`
	} `json:"attempt_log"`
}

// messageBody is what a receiver gets.
type messageBody struct {
	ID, Type  string
	CreatedAt string `json:"created_at"`
	Data      struct {
		executionBody
		EndpointID string `json:"endpoint_id"`
		OutputURL  string `json:"output_url"`
	}
}

func (a *answer) endpoint() endpointBody {
	a.t.Helper()
	var x endpointBody
	a.into(&x)
	return x
}

func (s *server) endpoint(body string) endpointBody {
	s.t.Helper()
	return s.post("/v1/webhooks/endpoints", body).is(201).endpoint()
}

func (s *server) patch(path, body string) *answer {
	s.t.Helper()
	return s.send(request{key: s.key, method: "PATCH", path: path, body: body})
}

func (s *server) deliveries(query string) []deliveryBody {
	s.t.Helper()
	var page struct{ Data []deliveryBody }
	s.get("/v1/webhooks/deliveries" + query).is(200).into(&page)
	return page.Data
}

func (s *server) delivery(id string) (deliveryBody, messageBody) {
	s.t.Helper()
	var d deliveryBody
	s.get("/v1/webhooks/deliveries/" + id).is(200).into(&d)
	var m messageBody
	if d.Body != "" {
		if err := json.Unmarshal([]byte(d.Body), &m); err != nil {
			s.t.Fatal(err)
		}
	}
	return d, m
}

// attempted records an attempt of the delivery, as a dispatcher does.
func (s *server) attempted(id string, status int, outcome engine.DeliveryOutcome) {
	s.t.Helper()
	ref, _ := execution.ParseID(execution.PrefixEvent, id)
	v, err := s.engine.Delivery(s.t.Context(), s.root, ref)
	if err != nil {
		s.t.Fatal(err)
	}
	taken, err := s.engine.TakeDeliveries([]engine.Delivery{v.Delivery}, 1e9)
	if err != nil || len(taken) != 1 {
		s.t.Fatal(taken, err)
	}
	r := &engine.DeliveryResult{Delivery: taken[0], Outcome: outcome, At: s.engine.Now(), Took: 5e6, Status: status, Excerpt: []byte("<ok>")}
	if outcome != engine.OutcomeDelivered {
		r.Error = "the receiver did not like it"
	}
	if err := s.engine.SettleDelivery(s.t.Context(), r); err != nil {
		s.t.Fatal(err)
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.post("/v1/webhooks/endpoints", `{"url":"https://example.com/hooks?a=1"}`).is(201)
	x := a.endpoint()
	if a.header.Get("Location") != "/v1/webhooks/endpoints/"+x.ID || !x.Enabled || len(x.Events) != 1 || x.Events[0] != "terminal" ||
		!strings.HasPrefix(x.Secret, "whsec_") || len(x.SecretHints) != 1 || !strings.HasSuffix(x.Secret, x.SecretHints[0]) {
		t.Errorf("%+v", x)
	}
	own := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 24)))
	y := s.endpoint(`{"url":"http://example.org","description":"d","events":["created","terminal","status_changed"],"workflows":["w"],"enabled":false,"secret":"` + own + `"}`)
	if y.Secret != own || y.Enabled || y.DisabledReason != "by_request" || len(y.Events) != 3 || y.Workflows[0] != "w" || y.Description != "d" {
		t.Errorf("%+v", y)
	}
	var list struct{ Data []endpointBody }
	s.get("/v1/webhooks/endpoints").is(200).into(&list)
	if len(list.Data) != 2 || list.Data[0].ID != y.ID || list.Data[1].ID != x.ID || list.Data[0].Secret+list.Data[1].Secret != "" {
		t.Errorf("%+v", list.Data)
	}
	var page struct {
		Data       []endpointBody
		HasMore    bool    `json:"has_more"`
		NextCursor *string `json:"next_cursor"`
	}
	s.get("/v1/webhooks/endpoints?limit=1").is(200).into(&page)
	if len(page.Data) != 1 || page.Data[0].ID != y.ID || !page.HasMore {
		t.Fatalf("%+v", page)
	}
	s.get("/v1/webhooks/endpoints?limit=1&cursor=" + *page.NextCursor).is(200).into(&page)
	if len(page.Data) != 1 || page.Data[0].ID != x.ID || page.HasMore {
		t.Errorf("%+v", page)
	}
	s.get("/v1/webhooks/endpoints?cursor=x").field(400, "invalid_request", "cursor", "invalid_value")
	path := "/v1/webhooks/endpoints/" + y.ID
	z := s.patch(path, `{"url":"https://example.org/2","events":["terminal"],"workflows":null,"enabled":true,"description":""}`).is(200).endpoint()
	if z.URL != "https://example.org/2" || !z.Enabled || z.DisabledReason != "" || z.Workflows != nil || len(z.Events) != 1 || z.Description != "" || z.Secret != "" {
		t.Errorf("%+v", z)
	}
	if got := s.patch(path, `{}`).is(200).endpoint(); got.URL != z.URL || !got.Enabled || len(got.Events) != 1 {
		t.Errorf("a change of nothing: %+v", got)
	}
	r := s.post(path+"/rotate", "").is(200).endpoint()
	if r.Secret == own || len(r.SecretHints) != 2 || !strings.HasSuffix(r.Secret, r.SecretHints[0]) || !strings.HasSuffix(own, r.SecretHints[1]) {
		t.Errorf("after a rotation: %+v", r)
	}
	if r = s.post(path+"/rotate", `{"grace_ms":0}`).is(200).endpoint(); len(r.SecretHints) != 1 {
		t.Errorf("after a rotation without grace: %+v", r)
	}
	if got := s.get(path).is(200).endpoint(); got.Secret != "" || len(got.SecretHints) != 1 {
		t.Errorf("%+v", got)
	}
	s.send(request{key: s.key, method: "DELETE", path: path}).is(204)
	s.get(path).problem(404, "not_found")
	s.patch(path, `{}`).problem(404, "not_found")
	s.post(path+"/test", `{}`).problem(404, "not_found")
	s.send(request{key: s.key, method: "DELETE", path: path}).problem(404, "not_found")
	if strings.Contains(s.log.String(), x.Secret) || strings.Contains(s.log.String(), own) {
		t.Error("the log has a secret")
	}
	for range engine.MaxEndpoints - 1 {
		s.endpoint(`{"url":"https://example.com"}`)
	}
	s.post("/v1/webhooks/endpoints", `{"url":"https://example.com"}`).problem(409, "conflict")
}

func TestBadEndpoints(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{engine: func(c *engine.Config) {
		c.CheckURL = func(u *url.URL) error {
			if u.Hostname() == "10.0.0.1" {
				return errors.New("must not be inside")
			}
			return nil
		}
	}})
	s.workflow("w")
	for _, c := range []struct{ body, field, code string }{
		{`{}`, "url", "required"},
		{`{"url":""}`, "url", "invalid_value"},
		{`{"url":"example.com/x"}`, "url", "invalid_value"},
		{`{"url":"ftp://example.com/x"}`, "url", "invalid_value"},
		{`{"url":"https:///x"}`, "url", "invalid_value"},
		{`{"url":"https:example.com"}`, "url", "invalid_value"},
		{`{"url":"https://u:p@example.com/"}`, "url", "invalid_value"},
		{`{"url":"https://example.com/#f"}`, "url", "invalid_value"},
		{`{"url":"https://example.com/a b"}`, "url", "invalid_value"},
		{`{"url":"https://10.0.0.1/"}`, "url", "invalid_value"},
		{`{"url":"https://example.com/` + strings.Repeat("a", 2048) + `"}`, "url", "too_long"},
		{`{"url":"https://example.com/` + strings.Repeat("é", 1500) + `"}`, "url", "too_long"},
		{`{"url":"https://example.com","events":[]}`, "events", "invalid_value"},
		{`{"url":"https://example.com","events":["ended"]}`, "events[0]", "invalid_value"},
		{`{"url":"https://example.com","workflows":[]}`, "workflows", "invalid_value"},
		{`{"url":"https://example.com","enabled":1}`, "enabled", "invalid_type"},
		{`{"url":"https://example.com","secret":"whsec_short"}`, "secret", "invalid_value"},
		{`{"url":"https://example.com","secrets":1}`, "secrets", "unknown_field"},
	} {
		p := s.post("/v1/webhooks/endpoints", c.body).field(400, "invalid_request", c.field, c.code)
		if strings.Contains(c.body, "whsec_short") && strings.Contains(p.Detail, "whsec_short") {
			t.Error("the answer repeats the secret")
		}
	}
	for _, given := range []string{"", "example.com", "https://10.0.0.1/x", "https://u@example.com", "https://example.com/" + strings.Repeat("a", 2048)} {
		body, err := json.Marshal(map[string]any{"workflow_id": "w", "input": map[string]any{}, "callback_url": given})
		if err != nil {
			t.Fatal(err)
		}
		if a := s.post("/v1/executions", string(body)); a.status != 400 || !strings.Contains(string(a.body), `"field":"callback_url"`) {
			t.Errorf("%s: %d %s", given, a.status, a.body)
		}
	}
	x := s.endpoint(`{"url":"https://example.com"}`)
	s.patch("/v1/webhooks/endpoints/"+x.ID, `{"secret":"x"}`).field(400, "invalid_request", "secret", "unknown_field")
	s.patch("/v1/webhooks/endpoints/"+x.ID, `{"url":"https://10.0.0.1/"}`).field(400, "invalid_request", "url", "invalid_value")
	s.post("/v1/webhooks/endpoints/"+x.ID+"/rotate", `{"grace_ms":-1}`).field(400, "invalid_request", "grace_ms", "out_of_range")
	s.post("/v1/webhooks/endpoints/"+x.ID+"/test", `{"x":1}`).field(400, "invalid_request", "x", "unknown_field")
	for query, field := range map[string]string{
		"?endpoint_id=exec_1": "endpoint_id", "?execution_id=x": "execution_id", "?state=lost": "state", "?state=dead,": "state", "?limit=0": "limit",
	} {
		if a := s.get("/v1/webhooks/deliveries" + query); a.status != 400 || !strings.Contains(string(a.body), `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	s.get("/v1/webhooks/deliveries?cursor=abc").field(400, "invalid_request", "cursor", "invalid_value")
	if got := s.deliveries(""); len(got) != 0 {
		t.Errorf("refused requests left %+v", got)
	}
}

func TestACallbackAndItsDelivery(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{api: func(c *Config) { c.PublicURL = "https://sojourn.test" }})
	w := s.worker(1, "w")
	const target = "https://example.com/done?token=t"
	x := s.post("/v1/executions", `{"workflow_id":"w","input":{"secret":1},"metadata":{"k":"v"},"callback_url":"`+target+`"}`).is(201).execution()
	if got := s.deliveries("?execution_id=" + x.ID); len(got) != 0 {
		t.Errorf("before the end: %+v", got)
	}
	a := w.one()
	w.done(a.op("complete", map[string]any{"output": map[string]any{"a": 1.5}}))
	list := s.deliveries("?execution_id=" + x.ID)
	if len(list) != 1 || list[0].Kind != "callback" || list[0].Type != "execution.completed" || list[0].State != "pending" || list[0].URL != target ||
		list[0].NextAttemptAt == "" || list[0].Body != "" || list[0].Attempts != 0 {
		t.Fatalf("%+v", list)
	}
	d, m := s.delivery(list[0].ID)
	now := s.get("/v1/executions/" + x.ID).is(200)
	if !strings.Contains(string(now.body), `"callback_url":"`+target+`"`) {
		t.Errorf("the execution does not show its callback: %s", now.body)
	}
	data := m.Data
	if m.ID != d.ID || m.Type != d.Type || m.CreatedAt == "" || data.ID != x.ID || data.Status != "completed" || data.Revision != d.Revision ||
		data.Revision != now.execution().Revision || string(data.Output) != `{"a":1.5}` || data.Input != nil || data.Metadata["k"] != "v" ||
		data.Workflow.Name != "w" || data.CompletedAt == "" || strings.Contains(d.Body, "token=t") {
		t.Errorf("the message is %s", d.Body)
	}
	s.attempted(d.ID, 500, engine.OutcomeFailed)
	if d, _ = s.delivery(d.ID); d.State != "dead" || d.Attempts != 1 || d.LastError == "" || d.NextAttemptAt != "" || len(d.AttemptLog) != 1 ||
		d.AttemptLog[0].Status != 500 || d.AttemptLog[0].ResponseExcerpt != "<ok>" || d.AttemptLog[0].Error == "" {
		t.Errorf("after a failure: %+v", d)
	}
	var again deliveryBody
	s.post("/v1/webhooks/deliveries/"+d.ID+"/redeliver", "").is(202).into(&again)
	if again.ID != d.ID || again.State != "pending" || again.NextAttemptAt == "" || again.Attempts != 1 || again.Body != d.Body {
		t.Errorf("asked for again: %+v", again)
	}
	s.attempted(d.ID, 204, engine.OutcomeDelivered)
	if d, _ = s.delivery(d.ID); d.State != "delivered" || d.Attempts != 2 || d.DeliveredAt == "" || d.LastError != "" {
		t.Errorf("after success: %+v", d)
	}
	if got := s.deliveries("?state=delivered"); len(got) != 1 || len(s.deliveries("?state=pending,dead")) != 0 {
		t.Errorf("by state: %+v", got)
	}

	// A large output is left to be fetched.
	big := s.post("/v1/executions", `{"workflow_id":"w","input":{},"callback_url":"`+target+`"}`).is(201).execution()
	a = w.one()
	w.done(a.op("complete", map[string]any{"output": strings.Repeat("x", 20<<10)}))
	list = s.deliveries("?execution_id=" + big.ID)
	if _, m = s.delivery(list[0].ID); m.Data.OutputURL != "https://sojourn.test/v1/executions/"+big.ID || m.Data.Output != nil {
		t.Errorf("output_url %q, output of %d bytes", m.Data.OutputURL, len(m.Data.Output))
	}

	// What was redacted has nothing to deliver.
	if err := s.engine.Redact(t.Context(), s.root, mustExecution(t, big.ID)); err != nil {
		t.Fatal(err)
	}
	s.post("/v1/webhooks/deliveries/"+list[0].ID+"/redeliver", `{}`).problem(409, "conflict")
	if d, _ := s.delivery(list[0].ID); d.State != "cancelled" || d.URL != "" {
		t.Errorf("of a redacted execution: %+v", d)
	}
}

func mustExecution(t *testing.T, text string) execution.ID {
	t.Helper()
	id, ok := execution.ParseID(execution.PrefixExecution, text)
	if !ok {
		t.Fatal(text)
	}
	return id
}

func TestEndpointsHearWhatTheyWant(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	all := s.endpoint(`{"url":"https://example.com/all","events":["created","status_changed","terminal"]}`)
	end := s.endpoint(`{"url":"https://example.com/end","workflows":["w"]}`)
	none := s.endpoint(`{"url":"https://example.com/none","workflows":["other"]}`)
	off := s.endpoint(`{"url":"https://example.com/off","enabled":false}`)
	w := s.worker(1, "w")
	x := s.start("w", map[string]any{})
	a := w.one()
	w.done(a.op("reject", map[string]any{"code": "no", "message": "not today"}))
	for id, want := range map[string]string{
		all.ID: "execution.rejected execution.status_changed execution.created", end.ID: "execution.rejected", none.ID: "", off.ID: "",
	} {
		var types []string
		for _, d := range s.deliveries("?endpoint_id=" + id) {
			types = append(types, d.Type)
		}
		if got := strings.Join(types, " "); got != want {
			t.Errorf("%s heard %q, want %q", id, got, want)
		}
	}
	// A message tells what was, not what is.
	list := s.deliveries("?endpoint_id=" + all.ID)
	created, m := s.delivery(list[2].ID)
	if m.Data.Status != "pending" || m.Data.Revision != 1 || m.Data.StartedAt != "" || m.Data.CompletedAt != "" || m.Data.Error != "" {
		t.Errorf("created: %s", created.Body)
	}
	if changed, m := s.delivery(list[1].ID); m.Data.Status != "running" || m.Data.Revision != 2 || m.Data.StartedAt == "" || m.Data.Attempt != 1 || m.Data.CompletedAt != "" {
		t.Errorf("status_changed: %s", changed.Body)
	}
	if ended, m := s.delivery(list[0].ID); m.Data.Status != "rejected" || m.Data.ErrorCode != "no" || m.Data.Error != "not today" || m.Data.ID != x.ID {
		t.Errorf("rejected: %s", ended.Body)
	}

	// Pages.
	var page struct {
		Data       []deliveryBody
		HasMore    bool    `json:"has_more"`
		NextCursor *string `json:"next_cursor"`
	}
	s.get("/v1/webhooks/deliveries?limit=3").is(200).into(&page)
	if len(page.Data) != 3 || !page.HasMore {
		t.Fatalf("%+v", page)
	}
	last := page.Data[2].ID
	s.get("/v1/webhooks/deliveries?limit=3&cursor=" + *page.NextCursor).is(200).into(&page)
	if len(page.Data) != 1 || page.HasMore || page.Data[0].ID >= last {
		t.Errorf("%+v", page)
	}

	// A test goes to a disabled endpoint too, once; redelivery of it needs the endpoint.
	var d deliveryBody
	s.post("/v1/webhooks/endpoints/"+off.ID+"/test", "").is(202).into(&d)
	if d.Kind != "test" || d.Type != "endpoint.test" || d.EndpointID != off.ID || d.ExecutionID != "" || !strings.Contains(d.Body, `"endpoint_id":"`+off.ID+`"`) {
		t.Errorf("%+v", d)
	}
	s.post("/v1/webhooks/deliveries/"+d.ID+"/redeliver", "").problem(409, "conflict")
	s.send(request{key: s.key, method: "DELETE", path: "/v1/webhooks/endpoints/" + all.ID}).is(204)
	for _, d := range s.deliveries("?endpoint_id=" + all.ID) {
		if d.State != "cancelled" {
			t.Errorf("to a deleted endpoint: %+v", d)
		}
	}
	s.post("/v1/webhooks/deliveries/"+list[0].ID+"/redeliver", "").problem(409, "conflict")
}

func TestCallbackSecrets(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	type secrets struct {
		Secrets []struct {
			Secret    string
			CreatedAt string `json:"created_at"`
			ExpiresAt string `json:"expires_at"`
		}
	}
	read := func(a *answer) (x secrets) {
		a.is(200).into(&x)
		return x
	}
	first := read(s.get("/v1/webhooks/callback-secret"))
	if again := read(s.get("/v1/webhooks/callback-secret")); len(first.Secrets) != 1 || again.Secrets[0] != first.Secrets[0] || first.Secrets[0].ExpiresAt != "" {
		t.Errorf("%+v, then %+v", first, again)
	}
	second := read(s.post("/v1/webhooks/callback-secret/rotate", `{"grace_ms":60000}`))
	if len(second.Secrets) != 2 || second.Secrets[1].Secret != first.Secrets[0].Secret || second.Secrets[1].ExpiresAt == "" || second.Secrets[0].Secret == first.Secrets[0].Secret {
		t.Errorf("%+v", second)
	}
	third := read(s.post("/v1/webhooks/callback-secret/rotate", ``))
	if len(third.Secrets) != 2 || third.Secrets[1].Secret != second.Secrets[0].Secret {
		t.Errorf("%+v", third)
	}
}
