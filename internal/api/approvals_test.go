package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/sojournhq/sojourn/internal/engine"
)

type linkBody struct {
	URL, Token, Step string
	ExpiresAt        string `json:"expires_at"`
}

type approvalBody struct {
	ExecutionID           string `json:"execution_id"`
	Workflow, Name, State string
	Payload               json.RawMessage
	Decision              string
}

var (
	asJSON = map[string]string{"Accept": "application/json"}
	asPage = map[string]string{"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
	asForm = map[string]string{"Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded"}
)

// look opens an approval link without a key.
func (s *server) look(token string, header map[string]string) *answer {
	s.t.Helper()
	return s.send(request{method: "GET", path: "/approvals/" + token, header: header})
}

// decide sends a decision without a key.
func (s *server) decide(token, body string, header map[string]string) *answer {
	s.t.Helper()
	return s.send(request{method: "POST", path: "/approvals/" + token, body: body, header: header})
}

// html checks that the answer is a page that a browser may only read, and returns it.
func (a *answer) html(status int, texts ...string) string {
	a.t.Helper()
	page := string(a.body)
	if a.status != status || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
		a.t.Fatalf("%d %s: %s", a.status, a.header.Get("Content-Type"), page)
	}
	for _, text := range texts {
		if !strings.Contains(page, text) {
			a.t.Errorf("the page lacks %q: %s", text, page)
		}
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(page)
	sum := sha256.Sum256([]byte(style[1]))
	policy := a.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") ||
		!strings.Contains(policy, "form-action 'self'") || !strings.Contains(policy, "frame-ancestors 'none'") {
		a.t.Errorf("policy %q", policy)
	}
	if a.header.Get("Referrer-Policy") != "no-referrer" || a.header.Get("Cache-Control") != "no-store" || strings.Contains(page, "<script") {
		a.t.Errorf("%v: %s", a.header, page)
	}
	return page
}

// awaited starts an execution that awaits an approval.
func awaited(s *server, w *worker, payload any) executionBody {
	x := s.start("echo", map[string]any{})
	a := w.one()
	w.done(a.op("wait", map[string]any{"step": "boss", "wait": "approval", "payload": payload}), a.op("suspend", nil))
	return x
}

func TestApprovalLinkOnThePage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(1, "echo")
	x := awaited(s, w, "</pre><script>alert(1)</script>")
	var l linkBody
	s.post("/v1/executions/"+x.ID+"/approval-links", nil).is(201).into(&l)
	if !strings.HasSuffix(l.URL, "/approvals/"+l.Token) || l.Step != "boss" || l.ExpiresAt == "" {
		t.Fatalf("%+v", l)
	}
	page := s.look(l.Token, asPage).html(200, "<h1>boss</h1>", "echo", x.ID, "&lt;/pre&gt;&lt;script&gt;", `name="decision" value="reject"`)
	if strings.Contains(page, l.Token) {
		t.Error("the page repeats the token")
	}
	s.look(l.Token, map[string]string{"Accept": "*/*"}).html(200, "<h1>boss</h1>")
	// Mistakes do not use it up.
	s.decide(l.Token, "comment=hm", asForm).html(400, "Decision is required")
	s.decide(l.Token, "decision=perhaps", asForm).html(400, "approve or reject")
	s.decide(l.Token, "decision=approve&by=%00", asForm).html(400, "By must have")
	s.decide(l.Token, "decision=approve&comment="+strings.Repeat("x", maxComment+1), asForm).html(400, "Comment must have")
	s.decide(l.Token, "decision=%zz", asForm).html(400, "cannot be read")
	form := url.Values{"decision": {"reject"}, "comment": {"too dear, <b>Ann</b>"}, "by": {" Ann "}}
	s.decide(l.Token, form.Encode(), asForm).html(200, "<h1>Rejected</h1>", "recorded")
	s.decide(l.Token, form.Encode(), asForm).html(404, "not valid")
	s.look(l.Token, asPage).html(404, "not valid")
	a := w.one()
	if r := a.Recorded[0].Ended; r == nil || *r.withoutPayload() != (decided{"rejected", "too dear, <b>Ann</b>", "Ann"}) {
		t.Errorf("%+v", a.Recorded)
	}
	got := s.get("/v1/executions/" + x.ID + "?include=events").execution()
	for _, e := range got.Events {
		if e.Type == "wait_ended" && (e.Actor.Type != "approval_link" || e.By != "Ann") {
			t.Errorf("%+v", e)
		}
	}
}

func TestApprovalLinkAsJSON(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(1, "echo")
	x := s.start("echo", map[string]any{})
	var l, other linkBody
	s.post("/v1/executions/"+x.ID+"/approval-links", `{"name":"boss","expires_in_ms":60000}`).is(201).into(&l)
	s.post("/v1/executions/"+x.ID+"/approval-links", `{"step":"boss"}`).is(201).into(&other)
	var v approvalBody
	s.look(l.Token, asJSON).is(200).into(&v)
	if v.State != "not_yet" || v.Name != "boss" || v.Workflow != "echo" || v.ExecutionID != x.ID || v.Payload != nil {
		t.Errorf("%+v", v)
	}
	s.look(l.Token, asPage).html(200, "Not asked yet")
	s.decide(l.Token, `{"decision":"approve"}`, nil).problem(409, "not_awaiting")
	s.decide(l.Token, "decision=approve", asForm).html(409, "Nobody has asked") // and the link stays good
	a := w.one()
	w.done(a.op("wait", map[string]any{"step": "boss", "wait": "approval", "payload": map[string]any{"amount": 7, "to": []string{"Ann"}}}), a.op("suspend", nil))
	s.look(l.Token, asPage).html(200, "<pre tabindex=\"0\">{\n  &#34;amount&#34;: 7,\n  &#34;to&#34;: [\n    &#34;Ann&#34;\n  ]\n}</pre>")
	s.look(l.Token, asJSON).is(200).into(&v)
	if v.State != "open" || string(v.Payload) != `{"amount":7,"to":["Ann"]}` {
		t.Errorf("%+v", v)
	}
	for body, field := range map[string]string{
		`{}`: "decision", `{"decision":"yes"}`: "decision", `{"decision":"approve","coment":"x"}`: "coment", `{"decision":"approve","by":"a\nb"}`: "by",
	} {
		if p := s.decide(l.Token, body, nil).problem(400, "invalid_request"); p.Errors[0].Field != field {
			t.Errorf("%s: %+v", body, p.Errors)
		}
	}
	s.decide(l.Token, strings.Repeat(" ", bodySmall+1), nil).problem(413, "payload_too_large")
	s.decide(l.Token, "x", map[string]string{"Content-Type": "text/plain", "Accept": "application/json"}).problem(415, "unsupported_media_type")
	s.look(l.Token+"?x=1", asJSON).field(400, "invalid_request", "x", "unknown_field")
	s.decide(l.Token, `{"decision":"approve","comment":"fine","by":"Ann"}`, nil).is(200).into(&v)
	if v.Decision != "approved" || v.Name != "boss" || v.ExecutionID != x.ID {
		t.Errorf("%+v", v)
	}
	// Used, dead with its wait, unknown, and no token at all are answered alike.
	echoed := regexp.MustCompile(`"request_id":"[^"]*"`)
	want := ""
	for _, token := range []string{l.Token, other.Token, "sjn_apr_" + strings.Repeat("a", 43), "nonsense"} {
		looked, sent := s.look(token, asJSON), s.decide(token, `{"decision":"approve"}`, nil)
		looked.problem(404, "not_found")
		sent.problem(404, "not_found")
		for _, got := range []string{echoed.ReplaceAllString(string(looked.body), ""), echoed.ReplaceAllString(string(sent.body), "")} {
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s is answered %s, others %s", token, got, want)
			}
		}
	}
	if page := s.look(l.Token, asPage).html(404); page != s.look("nonsense", asPage).html(404) {
		t.Error("a used link and none have different pages")
	}
}

func TestWhoMakesApprovalLinks(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(1, "echo")
	x := s.start("echo", map[string]any{})
	path := "/v1/executions/" + x.ID + "/approval-links"
	s.post(path, nil).problem(409, "not_awaiting")
	for body, want := range map[string]string{
		`{"expires_in_ms":0}`:          "expires_in_ms out_of_range",
		`{"expires_in_ms":7776000001}`: "expires_in_ms out_of_range",
		`{"name":"boss#2"}`:            "name invalid_value",
		`{"step":""}`:                  "step too_long",
		`{"until":1}`:                  "until unknown_field",
	} {
		field, code, _ := strings.Cut(want, " ")
		s.post(path, body).field(400, "invalid_request", field, code)
	}
	a := w.one()
	send := func(key, body string) *answer {
		return s.send(request{key: key, method: "POST", path: path, body: body})
	}
	worker, approver := s.scoped(engine.ScopeWorkersRun), s.scoped(engine.ScopeApprove)
	send(worker, `{"name":"boss"}`).problem(403, "forbidden")
	send(worker, `{"name":"boss","lease":"`+a.Lease+`"}`).is(201)
	send(worker, `{"name":"boss","lease":"1-forged"}`).problem(409, "stale_lease")
	send(approver, `{"name":"boss"}`).is(201)
	send(approver, `{"name":"boss","lease":"`+a.Lease+`"}`).problem(403, "forbidden")
	send(s.scoped(engine.ScopeSignal|engine.ScopeManage), `{"name":"boss"}`).problem(403, "forbidden")
	w.done(a.op("wait", map[string]any{"step": "boss", "wait": "approval"}), a.op("wait", map[string]any{"step": "cfo", "wait": "approval"}))
	send(approver, "").field(400, "invalid_request", "name", "ambiguous")
	w.done(a.op("complete", nil))
	send(approver, `{"name":"boss"}`).problem(409, "already_terminal")
	s.post("/v1/executions/exec_nothing/approval-links", nil).problem(404, "not_found")
	s.send(request{key: s.key, method: "DELETE", path: "/v1/executions/" + x.ID}).is(204)
	s.post(path, nil).problem(410, "deleted")
}
