package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
)

// raw sends a request as it is written and returns the answer.
func (s *server) raw(text string) *http.Response {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		s.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.t.Fatalf("%.80q: %v", text, err)
	}
	return res
}

// Whatever the path, the answer is JSON and no redirect.
func TestPathsThatAreNotThere(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	x := s.start("echo", map[string]any{})
	for path, want := range map[string]int{
		"/": 404, "/v1": 404, "/v1/": 404, "/v1/executions/": 404, "//v1/executions": 404, "/v1//executions": 404, "/v1/executions//": 404,
		"/v1/executions/../executions": 404, "/v1/./executions": 404, "/v1/executions/" + x.ID + "/": 404, "/v1/executions/" + x.ID + "/nothing": 404,
		"/v1/executions%2F" + x.ID: 404, "/v1/executions/%2F": 404, "/v1/executions/%00": 404, "/v1/%65xecutions/" + x.ID: 200, "/v1/executions/" + x.ID + "%2Fcancel": 404,
		"/v1/executions/" + strings.ToUpper(x.ID): 404, "/v1/executions/wf_" + x.ID[5:]: 404, "/v1/executions/exec_": 404, "/v1/executions/exec_8" + x.ID[6:]: 404,
		"/v1/workflows/echo%2Fversions": 404, "/v1/workflows/%FF%FE": 404, "/V1/executions": 404, "/docs/": 404, "/openapi.json/": 404, "/favicon.ico": 404, "/metrics": 404,
	} {
		res := s.raw("GET " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.key + "\r\nConnection: close\r\n\r\n")
		if res.StatusCode != want || want == 404 && res.Header.Get("Content-Type") != "application/problem+json" || res.Header.Get("Location") != "" {
			t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
		}
		res.Body.Close()
	}
	for target, method := range map[string]string{"*": "OPTIONS", "http://x/v1/nothing": "GET"} {
		res := s.raw(method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if res.StatusCode >= 300 && res.StatusCode < 400 {
			t.Errorf("%s: %d", target, res.StatusCode)
		}
		res.Body.Close()
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	x := s.start("echo", map[string]any{})
	for _, c := range []struct{ method, path, allow string }{
		{"PUT", "/v1/executions", "GET, HEAD, POST"},
		{"DELETE", "/v1/executions", "GET, HEAD, POST"},
		{"POST", "/v1/executions/" + x.ID, "DELETE, GET, HEAD"},
		{"GET", "/v1/executions/" + x.ID + "/cancel", "POST"},
		{"OPTIONS", "/v1/worker/poll", "POST"},
		{"POST", "/healthz", "GET, HEAD"},
		{"TRACE", "/docs", "GET, HEAD"},
		{"get", "/v1/info", "GET, HEAD"},
		{"GET", "/v1/executions/batch", "DELETE, GET, HEAD, POST"},
	} {
		a := s.send(request{key: s.key, method: c.method, path: c.path})
		if c.path == "/v1/executions/batch" {
			a.problem(404, "not_found") // GET reads it as an id
			continue
		}
		a.problem(405, "method_not_allowed")
		if a.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: Allow %q, want %q", c.method, c.path, a.header.Get("Allow"), c.allow)
		}
	}
	for _, path := range []string{"/v1/executions", "/v1/executions/" + x.ID, "/v1/executions/" + x.ID + "/logs", "/v1/workflows/echo", "/v1/info", "/healthz", "/readyz", "/docs", "/openapi.json", "/v1/keys"} {
		get := s.get(path)
		head := s.send(request{key: s.key, method: "HEAD", path: path})
		if head.status != get.status || len(head.body) > 0 || head.header.Get("Content-Type") != get.header.Get("Content-Type") || head.header.Get("Content-Length") == "" {
			t.Errorf("HEAD %s: %d %v", path, head.status, head.header)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ask := func(id string) string {
		return s.send(request{method: "GET", path: "/healthz", header: map[string]string{"X-Request-Id": id}}).is(200).header.Get("X-Request-Id")
	}
	for _, good := range []string{"a", "my.Request_1-2", strings.Repeat("x", 64)} {
		if got := ask(good); got != good {
			t.Errorf("%q became %q", good, got)
		}
	}
	made := map[string]bool{}
	for _, bad := range []string{"", strings.Repeat("x", 65), "a b", "é", "a;b", `"><script>`} {
		got := ask(bad)
		if got == bad || !plainWord(got) || made[got] {
			t.Errorf("%q became %q", bad, got)
		}
		made[got] = true
	}
	p := s.send(request{method: "GET", path: "/v1/nothing", header: map[string]string{"X-Request-Id": "mine"}}).problem(404, "not_found")
	if p.RequestID != "mine" {
		t.Errorf("%+v", p)
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	send := func(header map[string]string) *answer {
		return s.send(request{key: s.key, method: "POST", path: "/v1/executions", body: `{"workflow_id":"echo","input":{}}`, header: header})
	}
	for _, good := range []string{"", "application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"} {
		send(map[string]string{"Content-Type": good}).is(201)
	}
	for _, bad := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x", "application/json; charset=latin1", "application/jsonp", "nonsense/", "application/json;;"} {
		send(map[string]string{"Content-Type": bad}).problem(415, "unsupported_media_type")
	}
	for _, coding := range []string{"gzip", "deflate", "br"} {
		send(map[string]string{"Content-Encoding": coding}).problem(415, "unsupported_media_type")
	}
	send(map[string]string{"Content-Encoding": "identity"}).is(201)
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, path := range []string{"/v1/executions", "/v1/nothing", "/healthz", "/docs", "/openapi.json"} {
		h := s.get(path).header
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("Cache-Control") == "" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

// A handler that panics is answered, logged with its request id, and does not stop the server.
func TestPanic(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{plain: true})
	table := []route{{"GET", "/boom", access{public: true}, 0, 0, func(*API, *exchange) error { panic("kaboom-detail") }}}
	a, err := build(s.engine, Config{Log: s.api.log}, table)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest("GET", "/boom", nil))
	if w.Code != 500 || strings.Contains(w.Body.String(), "kaboom") || !strings.Contains(w.Body.String(), `"code":"internal"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if id := w.Header().Get("X-Request-Id"); !strings.Contains(s.log.String(), id) || !strings.Contains(s.log.String(), "kaboom-detail") {
		t.Errorf("the log does not tell: %s", s.log)
	}
}

func TestTableWithoutScopeIsRefused(t *testing.T) {
	handle := func(*API, *exchange) error { return nil }
	for name, table := range map[string][]route{
		"no scope":   {{"GET", "/a", access{}, 0, 0, handle}},
		"two things": {{"GET", "/a", access{public: true, scope: engine.ScopeRead}, 0, 0, handle}},
		"any + one":  {{"GET", "/a", access{anyKey: true, scope: engine.ScopeRead}, 0, 0, handle}},
		"no handler": {{"GET", "/a", access{public: true}, 0, 0, nil}},
		"twice":      {{"GET", "/a/{x}", access{public: true}, 0, 0, handle}, {"GET", "/a/{y}", access{public: true}, 0, 0, handle}},
		"parameters": {{"GET", "/{a}/{b}/{c}", access{public: true}, 0, 0, handle}},
	} {
		if _, err := newRouter(table); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := newRouter(append(routes(), eigenpalRoutes()...)); err != nil {
		t.Error(err)
	}
	if _, err := New(nil, Config{}); err == nil {
		t.Error("an API without an engine")
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.send(request{method: "GET", path: "/healthz"}).is(200)
	eventually(t, "ready", func() bool { return s.send(request{method: "GET", path: "/readyz"}).status == 200 })
	s.stop()
	s.send(request{method: "GET", path: "/healthz"}).is(200)
	a := s.send(request{method: "GET", path: "/readyz"}).is(503)
	if !strings.Contains(string(a.body), "draining") || a.header.Get("Retry-After") == "" {
		t.Errorf("%s", a.body)
	}
}

func TestMetricsRoute(t *testing.T) {
	t.Parallel()
	served := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = io.WriteString(w, "sojourn_up 1\n")
	})
	s := newServer(t, setup{api: func(c *Config) { c.Metrics = served }})
	if a := s.send(request{method: "GET", path: "/metrics"}).is(200); string(a.body) != "sojourn_up 1\n" {
		t.Errorf("%s", a.body)
	}
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		s.send(request{method: "GET", path: "/metrics", header: map[string]string{header: "192.0.2.7"}}).problem(401, "unauthenticated")
	}
	rebound := s.raw("GET /metrics HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n")
	rebound.Body.Close()
	if rebound.StatusCode != 401 {
		t.Errorf("under another name: %d", rebound.StatusCode)
	}
	for address, want := range map[string]bool{"127.0.0.1:1": true, "127.9.9.9": true, "[::1]:80": true, "::1": true, "[::1]": true, "localhost:7373": true, "[::ffff:127.0.0.1]:1": true, "192.0.2.1:1": false, "": false, "localhost.example": false, "127.0.0.1.example:1": false} {
		if loopback(address) != want {
			t.Errorf("loopback(%q) is not %v", address, want)
		}
	}
	// From elsewhere it takes a key that may see everything.
	far := newServer(t, setup{far: true, api: func(c *Config) { c.Metrics, c.FailedAuth = served, Rate{PerSecond: 0.001, Burst: 1} }})
	far.send(request{method: "GET", path: "/metrics"}).problem(401, "unauthenticated")
	far.send(request{method: "GET", path: "/metrics"}).problem(429, "rate_limited")
	far.send(request{key: far.scoped(engine.ScopeRead), method: "GET", path: "/metrics"}).problem(403, "forbidden")
	far.send(request{key: far.key, method: "GET", path: "/metrics"}).is(200)
	newServer(t).send(request{method: "GET", path: "/metrics"}).problem(404, "not_found")
}

func TestObserver(t *testing.T) {
	t.Parallel()
	got := make(chan string, 10)
	s := newServer(t, setup{api: func(c *Config) {
		c.Observer = observerFunc(func(route string, status int) { got <- fmt.Sprint(route, " ", status) })
	}})
	s.get("/v1/executions/exec_x")
	s.get("/nothing")
	s.get("/healthz")
	for _, want := range []string{"/v1/executions/{id} 404", "other 404", "/healthz 200"} {
		if g := <-got; g != want {
			t.Errorf("%s, want %s", g, want)
		}
	}
}

// Keys, bodies and query strings stay out of the log, whatever goes wrong.
func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	const canary = "canary-7f3a"
	s.post("/v1/executions", `{"workflow_id":"echo","input":{"secret":"`+canary+`"},"idempotency_key":"`+canary+`","metadata":{"m":"`+canary+`"}}`).is(201)
	s.post("/v1/executions", `{"workflow_id":"`+canary+`","input":{}}`)
	s.post("/v1/executions", `{"`+canary+`":`)
	s.get("/v1/executions?text=" + canary)
	s.get("/v1/executions?" + canary + "=1")
	s.send(request{key: canary + canary, method: "GET", path: "/v1/info"}).is(401)
	var k keyBody
	s.post("/v1/keys", `{"scopes":["admin"]}`).into(&k)
	s.stop()
	s.send(request{key: s.key, method: "POST", path: "/v1/executions", body: `{"workflow_id":"echo","input":{"secret":"` + canary + `"}}`}).problem(503, "unavailable")
	for _, secret := range []string{canary, k.Key, s.key} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log has %q:\n%s", secret, s.log)
		}
	}
}
