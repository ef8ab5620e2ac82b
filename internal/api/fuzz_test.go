package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// sane holds the error of a decoder to what errors promise: a documented code below 500, a message, and JSON.
func sane(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	p := problemOf(err)
	if p.status >= 500 || p.detail == "" || !utf8.ValidString(p.detail) {
		t.Fatalf("%+v", p)
	}
	if out := p.append(nil, "req_x"); !json.Valid(out) {
		t.Fatalf("%s", out)
	}
}

func FuzzStartBody(f *testing.F) {
	for _, s := range []string{
		`{"workflow_id":"echo","input":{"a":[1,2,{"b":"\u00e9"}]},"timeout_ms":5,"metadata":{"k":"v"},"priority":-3,"version":2,"idempotency_key":"k","trigger":"cli","delay_ms":1,"queue_ttl_ms":1}`,
		`{"workflow_id":"echo","input":{},"start_at":"2026-11-21T08:30:00+01:00","version":"v1"}`, `{"input":5,"nope":1}`, `[]`, `{"workflow_id":"e","input":{"a":1,"a":2}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var r engine.StartRequest
		err := parse(body, func(p *jsonx.Parser) { readStart(p, &r, -1) })
		sane(t, err)
		if err != nil {
			return
		}
		if !json.Valid(r.Input) || bytes.TrimSpace(r.Input)[0] != '{' || r.Workflow == "" || r.Timeout < 0 || r.Delay < 0 || r.QueueTTL < 0 || len(r.Metadata) > maxMetadata {
			t.Fatalf("%q: %+v", body, r)
		}
		// The fingerprint does not depend on how the body is written, nor on the key in it.
		var v map[string]any
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		v["idempotency_key"] = "another"
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var r2 engine.StartRequest
		if err := parse(again, func(p *jsonx.Parser) { readStart(p, &r2, -1) }); err != nil || r2.Hash != r.Hash {
			t.Fatalf("%q and %q: %#x and %#x, %v", body, again, r.Hash, r2.Hash, err)
		}
	})
}

func FuzzReportBody(f *testing.F) {
	for _, s := range []string{
		`{"session_id":"sess_01m80bjxkse00bqc7k3kxcqcd9","received":1,"operations":[{"id":"exec_01m80bjxkse00bqc7k3kxcqcd9","lease":"1-x","op":"complete","output":{"a":1}}]}`,
		`{"session_id":"s","operations":[{"id":"exec_01m80bjxkse00bqc7k3kxcqcd9","lease":"1-x","op":"step_failed","step":"s","try":1,"error":{"message":"m","code":"c","details":{}},"retry":{"max_attempts":3,"jitter":0}},{},5]}`,
		`{"session_id":"s","operations":[{"op":"log","level":"info","message":"x","fields":{},"at":"2026-11-21T08:30:00Z"},{"op":"sleep","duration_ms":5,"step":"z","input_hash":"0123456789abcdef"}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var r reportRequest
		err := parse(body, func(p *jsonx.Parser) { readReport(p, &r) })
		sane(t, err)
		if err != nil {
			return
		}
		for i := range r.operations {
			op := &r.operations[i]
			if refused := r.refused[i]; refused != nil {
				sane(t, refused)
				continue
			}
			shape := opShapes[op.Kind]
			if op.Kind == 0 || op.Lease == "" && !bytes.Contains(body, []byte(`""`)) || op.Execution.IsZero() && !bytes.Contains(body, []byte("exec_00000000000000000000000000")) ||
				shape.must&fieldStep != 0 && op.Step == "" || op.Duration < 0 || !(op.Value >= 0 && op.Value <= 1) || op.Body != nil && !json.Valid(op.Body) || op.Details != nil && !json.Valid(op.Details) {
				t.Fatalf("%q: %+v", body, op)
			}
		}
	})
}

func FuzzOtherBodies(f *testing.F) {
	for i, s := range []string{
		`{"protocol":1,"capacity":1,"workflows":[{"name":"a","input_schema":{},"retention_ms":1}]}`, `{"session_id":"s","received":1,"max":2,"wait_ms":3}`,
		`{"session_id":"s","held":1,"digest":"0123456789abcdef","leases":["a"]}`, `{"scopes":["admin"],"rate_limit":"10/s","expires_at":"2030-01-01T00:00:00Z"}`,
		`{"status":["pending"],"created_from":"now()-7d","metadata":{"a":"b"},"trigger":"api,cli"}`, `{"name":"a","version":3}`,
	} {
		f.Add([]byte(s), uint8(i))
	}
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte, which uint8) {
		err := parse(body, func(p *jsonx.Parser) {
			switch which % 6 {
			case 0:
				readSession(p, new(engine.SessionSpec))
			case 1:
				readPoll(p, new(engine.PollRequest))
			case 2:
				readHeartbeat(p, new(engine.HeartbeatRequest))
			case 3:
				readKey(p, new(engine.KeySpec), now)
			case 4:
				readFilter(p, new(engine.ListRequest), now)
			default:
				readWorkflow(p, new(engine.WorkflowSpec), "")
			}
		})
		sane(t, err)
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(string(appendCursor(nil, cursorExecutions, make([]byte, 16))))
	f.Add(string(appendCursor(nil, cursorLogs, logPlace(engine.LogPosition{Step: "s", Attempt: 2, N: 300}))))
	f.Add(string(appendCursor(nil, cursorWorkflows, []byte("name"))))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []cursorKind{cursorExecutions, cursorWorkflows, cursorLogs, cursorVersions} {
			place, ok := parseCursor(text, kind)
			if !ok {
				continue
			}
			if got := string(appendCursor(nil, kind, place)); got != text {
				t.Fatalf("%q came back as %q", text, got)
			}
			if p, ok := parseLogPlace(place); ok && (p.Attempt < 0 || p.N < 0) {
				t.Fatalf("%+v", p)
			}
		}
	})
}

func TestCursors(t *testing.T) {
	place := []byte("a place")
	text := string(appendCursor(nil, cursorExecutions, place))
	if got, ok := parseCursor(text, cursorExecutions); !ok || string(got) != string(place) {
		t.Errorf("%q %v", got, ok)
	}
	if _, ok := parseCursor(text, cursorWorkflows); ok {
		t.Error("a cursor of another list")
	}
	for i := range text {
		broken := []byte(text)
		broken[i] ^= 1
		if _, ok := parseCursor(string(broken), cursorExecutions); ok {
			t.Errorf("changed at %d and still accepted", i)
		}
		if _, ok := parseCursor(text[:i], cursorExecutions); ok {
			t.Errorf("cut at %d and still accepted", i)
		}
	}
	for _, p := range []engine.LogPosition{{}, {Step: "é", Attempt: 1, N: 1}, {Step: strings.Repeat("s", 255), Attempt: 1<<31 - 1, N: 1<<31 - 1}} {
		if got, ok := parseLogPlace(logPlace(p)); !ok || got != p {
			t.Errorf("%+v became %+v", p, got)
		}
	}
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"now()-7d", "now() + 2w - 5m", "2026-11-21", "2026-11-21T08:30:00Z", "2026-11-21T08:30:00 01:00", "now()"} {
		f.Add(s, true)
	}
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string, end bool) {
		got, ok := parseDate(text, now, end)
		if ok && (got.Year() < 1900 || got.Year() > 9999+1) {
			t.Fatalf("%q: %v", text, got)
		}
	})
}

func FuzzBearer(f *testing.F) {
	for _, s := range []string{"Bearer abc", "bearer  abc ", "Bearer", "Basic abc", "Bearer a b", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, ok := bearer(http.Header{"Authorization": {text}})
		if ok && (key == "" || !strings.Contains(text, key) || len(key) > 512) {
			t.Fatalf("%q: %q", text, key)
		}
		engine.CheckKeyText(key)
	})
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"status=pending,failed&workflow_id=a&limit=5", "metadata[a]=b&metadata%5Bc%5D=d", "created_from=now()-7d&created_to=2026-01-01", "trigger=api&text=x&include=counts", "cursor=&limit=1&limit=2", "a;b=c", "%zz=1", "wait=5&&=",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		x := &exchange{r: &http.Request{URL: &url.URL{RawQuery: raw}}, start: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
		if err := x.query(append([]string{"limit", "cursor", "include", "wait"}, filterFields...)...); err != nil {
			sane(t, err)
			return
		}
		r, err := x.queryFilter()
		sane(t, err)
		if err == nil && (r.Status&^execution.All != 0 || len(r.Metadata) > maxMetadata || !utf8.ValidString(r.Text)) {
			t.Fatalf("%q: %+v", raw, r)
		}
		limit, _, err := x.queryPage()
		sane(t, err)
		if err == nil && (limit < 1 || limit > maxPage) {
			t.Fatalf("%q: limit %d", raw, limit)
		}
		wait, err := x.queryWait()
		sane(t, err)
		if wait < 0 || wait > maxHold {
			t.Fatalf("%q: wait %v", raw, wait)
		}
		_, err = x.queryInclude("counts")
		sane(t, err)
	})
}

// FuzzEigenpalRun gives any body to the dialect's reading of a run: what it accepts, the engine can work with.
func FuzzEigenpalRun(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"input":{"a":[1]},"trigger":"cli"}`, `{"overrides":null}`, `{"overrides":{"steps":{"a":1}}}`, `{"overrides":{"a":1,"steps":{}}}`,
		`{"overrides":{"steps":[]}}`, `{"input":null}`, `{"overrides":{"":0}}`, `[`, `{"overrides":{"steps":{"steps":{"steps":{}}}}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := &engine.StartRequest{}
		err := in("body", parse(body, func(p *jsonx.Parser) { readEigenpalRun(p, r) }))
		sane(t, err)
		if err != nil {
			p := problemOf(err)
			var envelope struct {
				Issues []struct{ Field, Message, Code, Severity string }
			}
			if json.Unmarshal(p.appendIssues(nil, "req_x"), &envelope) != nil || len(envelope.Issues) == 0 {
				t.Fatalf("%+v", p)
			}
			for _, i := range envelope.Issues {
				if i.Field == "" || i.Message == "" || i.Code == "" || i.Severity == "" {
					t.Fatalf("%+v", i)
				}
			}
			return
		}
		if r.Input != nil && (!json.Valid(r.Input) || r.Input[0] != '{') {
			t.Fatalf("%s: input %s", body, r.Input)
		}
		seen := map[string]bool{}
		for _, o := range r.Overrides {
			if o.Step == "" || len(o.Step) > maxStep || seen[o.Step] || !json.Valid(o.Output) {
				t.Fatalf("%s: override %q %s", body, o.Step, o.Output)
			}
			seen[o.Step] = true
		}
	})
}

// FuzzPath sends any path to the router, which must find what it should and never redirect.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"/v1/executions", "/v1/executions/exec_x/cancel", "//", "/v1//x", "/v1/executions/%2F", "/v1/%zz", "/docs", "/v1/workflows/a/versions/current"} {
		f.Add("GET", s)
	}
	table, err := newRouter(append(routes(), eigenpalRoutes()...))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := &http.Request{Method: method, URL: u}
		var params [maxParams]string
		rt := table.find(r, &params)
		if rt == nil {
			table.methods(r)
			return
		}
		if rt.method != method && !(method == http.MethodHead && rt.method == http.MethodGet) {
			t.Fatalf("%s %s found %s %s", method, target, rt.method, rt.pattern)
		}
		if strings.Contains(rt.pattern, "{") != (params[0] != "") {
			t.Fatalf("%s found %s with %q", target, rt.pattern, params)
		}
	})
}

func FuzzHeaders(f *testing.F) {
	f.Add("req-1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", `W/"1-a"`, "key")
	f.Add("", "", "*", "")
	f.Fuzz(func(t *testing.T, id, trace, tag, key string) {
		if got := requestID(http.Header{"X-Request-Id": {id}}); !plainWord(got) || plainWord(id) && got != id {
			t.Fatalf("%q became %q", id, got)
		}
		if validTraceParent(trace) && (len(trace) < 55 || len(trace) > 128 || !utf8.ValidString(trace)) {
			t.Fatalf("%q", trace)
		}
		matches([]string{tag}, `W/"1-a"`)
		sane(t, checkKey(key))
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = id
		address(r)
		fromLoopback(r)
	})
}
