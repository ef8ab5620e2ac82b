package api

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
)

// signInBody is who is signed in as pages see it.
type signInBody struct {
	Version string
	Project struct{ Name string }
	Key     struct {
		ID, Name string
		Scopes   []string
	}
	ExpiresAt time.Time `json:"expires_at"`
}

// cookieOf is the cookie that an answer sets, nil without one.
func cookieOf(t testing.TB, a *answer) *http.Cookie {
	t.Helper()
	var found *http.Cookie
	for _, line := range a.header["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil || found != nil {
			t.Fatalf("%s: %v: %q", a.name, err, a.header["Set-Cookie"])
		}
		found = c
	}
	return found
}

// browser is a page of the dashboard in a browser.
type browser struct {
	s      *server
	cookie string
}

// signIn signs in with the key.
func (s *server) signIn(key string) *browser {
	s.t.Helper()
	a := s.send(request{method: "POST", path: "/ui/session", body: map[string]string{"api_key": key}}).is(200)
	return &browser{s, cookieOf(s.t, a).Value}
}

func (b *browser) send(q request) *answer {
	b.s.t.Helper()
	header := map[string]string{"Cookie": cookieName + "=" + b.cookie, "Sec-Fetch-Site": "same-origin"}
	maps.Copy(header, q.header)
	q.header = header
	return b.s.send(q)
}

func (b *browser) get(path string) *answer {
	b.s.t.Helper()
	return b.send(request{method: "GET", path: path})
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	key := s.newKey(engine.KeySpec{Name: "Ann", Scopes: engine.ScopeRead | engine.ScopeWorkflowsRead})
	in := s.send(request{method: "POST", path: "/ui/session", body: map[string]string{"api_key": key}}).is(200)
	c := cookieOf(t, in)
	if c.Name != "__Host-sojourn" || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 12*60*60 {
		t.Errorf("cookie %v", in.header["Set-Cookie"])
	}
	if len(c.Value) > 200 || strings.Contains(c.Value, key[:20]) {
		t.Errorf("cookie %s", c.Value)
	}
	var body signInBody
	in.into(&body)
	if body.Key.Name != "Ann" || body.Project.Name != "default" || !slices.Equal(body.Key.Scopes, []string{"executions:read", "workflows:read"}) {
		t.Errorf("%+v", body)
	}
	if left := time.Until(body.ExpiresAt); left < 11*time.Hour+59*time.Minute || left > 12*time.Hour+time.Minute {
		t.Errorf("ends in %s", left)
	}
	again := s.signIn(key)
	if again.cookie == c.Value {
		t.Error("two sign-ins have the same cookie")
	}
	b := &browser{s, c.Value}
	for _, x := range []*browser{b, again} {
		var now signInBody
		a := x.get("/ui/session").is(200)
		a.into(&now)
		if now.Key.ID != body.Key.ID || cookieOf(t, a) != nil {
			t.Errorf("%+v, %v", now, a.header)
		}
	}
	out := b.send(request{method: "DELETE", path: "/ui/session"}).is(204)
	if c := cookieOf(t, out); c.MaxAge >= 0 || c.Value != "" || c.Name != "__Host-sojourn" || !c.Secure || c.Path != "/" {
		t.Errorf("%v", out.header["Set-Cookie"])
	}
	s.send(request{method: "DELETE", path: "/ui/session"}).is(204)
	s.send(request{method: "GET", path: "/ui/session"}).problem(401, "unauthenticated")
	s.send(request{method: "HEAD", path: "/ui/session"}).is(401)
	for _, want := range []string{"signed in", "signed out", "key_id=" + body.Key.ID, "address=127.0.0.1", "project=default"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log does not have %q", want)
		}
	}
}

func TestSignInRefuses(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	post := func(body any, header map[string]string) *answer {
		t.Helper()
		return s.send(request{method: "POST", path: "/ui/session", body: body, header: header})
	}
	post(`{}`, nil).field(400, "invalid_request", "api_key", "required")
	post(`{"api_key":5}`, nil).field(400, "invalid_request", "api_key", "invalid_type")
	post(`{"api_key":"`+strings.Repeat("x", 513)+`"}`, nil).problem(400, "invalid_request")
	post(`{"api_key":"x","key":"y"}`, nil).field(400, "invalid_request", "key", "unknown_field")
	post(`[]`, nil).problem(400, "invalid_request")
	post(`{"api_key"`, nil).problem(400, "invalid_json")
	post(strings.Repeat(" ", bodySmall+1), nil).problem(413, "payload_too_large")
	post("api_key="+s.key, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}).problem(415, "unsupported_media_type")
	post(map[string]string{"api_key": "sjn_live_0000000000_" + strings.Repeat("A", 49)}, nil).problem(401, "unauthenticated")
	post(map[string]string{"api_key": s.key}, map[string]string{"Authorization": "Bearer " + s.key}).field(400, "invalid_request", "Authorization", "invalid_value")
	for _, q := range []request{{method: "POST", body: map[string]string{"api_key": s.key}}, {method: "GET"}, {method: "DELETE"}} {
		q.path = "/ui/session?nonsense=1"
		s.send(q).field(400, "invalid_request", "nonsense", "unknown_field")
	}
	if a := post(map[string]string{"api_key": s.key + "x"}, nil).is(401); a.header.Get("Set-Cookie") != "" || a.header.Get("Www-Authenticate") != "" {
		t.Errorf("%v", a.header)
	}
}

// The cookie is as good as the key that it stands for, on the same handlers, and no better.
func TestUIIsTheNativeAPI(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	x := s.start("echo", map[string]any{"n": 1})
	b := s.signIn(s.key)
	for _, path := range []string{"/v1/info", "/v1/executions", "/v1/executions/" + x.ID, "/v1/workflows/echo", "/v1/keys", "/v1/executions/" + x.ID + "/nothing", "/v1/executions/exec_x", "/v1/executions?limit=0"} {
		direct, page := s.get(path), b.get("/ui"+path)
		var one, other map[string]any
		direct.into(&one)
		page.into(&other)
		for _, v := range []map[string]any{one, other} {
			drop(v)
			delete(v, "request_id")
		}
		if direct.status != page.status || fmt.Sprint(one) != fmt.Sprint(other) || direct.header.Get("Content-Type") != page.header.Get("Content-Type") {
			t.Errorf("%s: %d %v, under /ui %d %v", path, direct.status, one, page.status, other)
		}
	}
	started := b.send(request{method: "POST", path: "/ui/v1/executions", body: `{"workflow_id":"echo","input":{}}`, header: map[string]string{"Idempotency-Key": "k"}}).is(201).execution()
	replay := s.send(request{key: s.key, method: "POST", path: "/v1/executions", body: `{"workflow_id":"echo","input":{}}`, header: map[string]string{"Idempotency-Key": "k"}}).is(200).execution()
	if started.ID != replay.ID {
		t.Error("a key of a start counts on one side only")
	}
	b.send(request{method: "POST", path: "/ui/v1/executions/" + x.ID + "/cancel", body: `{}`}).is(200)
	// Each route is there, and asks for its scope.
	none := s.signIn(s.newKey(engine.KeySpec{Scopes: engine.ScopeSignal}))
	for _, rt := range routes() {
		if !strings.HasPrefix(rt.pattern, "/v1/") {
			continue
		}
		q := sample(t, &rt)
		q.path = "/ui" + q.path
		s.send(q).problem(401, "unauthenticated")
		if rt.access.scope != 0 && rt.access.scope != engine.ScopeSignal {
			if p := none.send(q).problem(403, "forbidden"); !strings.Contains(p.Detail, rt.access.scope.Names()[0]) {
				t.Errorf("%s %s: %s", rt.method, rt.pattern, p.Detail)
			}
		}
	}
	for _, c := range []struct{ method, path, allow string }{
		{"PUT", "/ui/v1/executions", "GET, HEAD, POST"}, {"PUT", "/ui/session", "DELETE, GET, HEAD, POST"},
	} {
		a := b.send(request{method: c.method, path: c.path})
		a.problem(405, "method_not_allowed")
		if a.header.Get("Allow") != c.allow {
			t.Errorf("%s: %v", c.path, a.header)
		}
	}
	for _, path := range []string{"/ui", "/ui/", "/ui/v1", "/ui/v1/", "/ui/v1/nothing", "/ui/healthz", "/ui/ui/v1/info", "/ui/api/v1/workflows", "/ui//v1/info"} {
		b.send(request{method: "GET", path: path, header: map[string]string{"Accept": "text/html"}}).problem(404, "not_found")
	}
}

// A cookie counts under /ui alone, and a header everywhere else.
func TestCookiesAndHeadersStayApart(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.signIn(s.key)
	for _, path := range []string{"/v1/info", "/v1/executions"} {
		if p := b.get(path).problem(401, "unauthenticated"); !strings.Contains(p.Detail, "/ui") {
			t.Errorf("%s: %s", path, p.Detail)
		}
		b.send(request{key: s.key, method: "GET", path: "/ui" + path}).field(400, "invalid_request", "Authorization", "invalid_value")
		s.send(request{key: s.key, method: "GET", path: "/ui" + path}).problem(400, "invalid_request")
	}
	b.get("/api/v1/workflows").is(401)
	b.send(request{key: s.key, method: "GET", path: "/v1/info"}).is(200)
}

func TestCookiesThatAreNotOurs(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := s.signIn(s.key)
	good := b.cookie
	other := newServer(t) // with a ring of its own
	for name, cookie := range map[string]string{
		"empty": "", "nonsense": "nonsense", "the key": s.key, "longer": good + "A", "cut": good[:len(good)-1], "twice": good + good,
		"padded": good + "==", "huge": strings.Repeat("A", 4000), "another ring's": other.signIn(other.key).cookie,
	} {
		b.cookie = cookie
		if a := b.get("/ui/v1/info"); a.status != 401 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for i := range good {
		changed := []byte(good)
		if changed[i] = 'A'; good[i] == 'A' {
			changed[i] = 'B'
		}
		b.cookie = string(changed)
		if a := b.get("/ui/session"); a.status != 401 {
			t.Fatalf("with character %d changed: %d", i, a.status)
		}
	}
	b.cookie = good
	b.get("/ui/session").is(200)
	// Cookies of others beside it are no concern.
	b.send(request{method: "GET", path: "/ui/session", header: map[string]string{"Cookie": "a=b; __Host-sojourn=" + good + "; sojourn=x"}}).is(200)
	b.send(request{method: "GET", path: "/ui/session", header: map[string]string{"Cookie": "sojourn=" + good}}).is(401)
}

// Pages of other origins can neither sign in nor use a cookie.
func TestOtherOriginsAreRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{plain: true, api: func(c *Config) { c.PublicURL, c.Origins = "https://sojourn.example", []string{"*"} }})
	s.workflow("echo")
	b := s.signIn(s.key)
	key := map[string]string{"api_key": s.key}
	own := s.http.URL
	for _, c := range []struct {
		name         string
		header       map[string]string
		write, reads int // the status of POST, GET
	}{
		{"own page", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": own}, 200, 200},
		{"typed", map[string]string{"Sec-Fetch-Site": "none"}, 200, 200},
		{"no browser", map[string]string{"Sec-Fetch-Site": ""}, 200, 200},
		{"other site", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403, 403},
		{"other port", map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"}, 403, 403},
		{"other site without an origin", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403, 403},
		{"sandbox", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "null"}, 403, 403},
		{"old browser", map[string]string{"Sec-Fetch-Site": "", "Origin": "https://evil.example"}, 403, 200},
		{"old browser, own page", map[string]string{"Sec-Fetch-Site": "", "Origin": own}, 200, 200},
		{"behind a proxy", map[string]string{"Sec-Fetch-Site": "", "Origin": "https://sojourn.example"}, 200, 200},
		{"named as by the proxy", map[string]string{"Sec-Fetch-Site": "", "Origin": "https://sojourn.example.evil.example"}, 403, 200},
	} {
		if a := s.send(request{method: "POST", path: "/ui/session", body: key, header: c.header}); a.status != c.write {
			t.Errorf("%s: sign-in %d %s", c.name, a.status, a.body)
		} else if c.write == 403 && a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: a cookie", c.name)
		}
		start := b.send(request{method: "POST", path: "/ui/v1/executions?wait=0", body: `{"workflow_id":"echo","input":{}}`, header: c.header})
		if (start.status == 201) != (c.write == 200) {
			t.Errorf("%s: start %d %s", c.name, start.status, start.body)
		}
		for _, path := range []string{"/ui/v1/info", "/ui/session"} {
			a := b.send(request{method: "GET", path: path, header: c.header})
			if a.status != c.reads || a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
				t.Errorf("%s: GET %s %d %v", c.name, path, a.status, a.header)
			}
		}
		if out := b.send(request{method: "DELETE", path: "/ui/session", header: c.header}); (out.status == 204) != (c.write == 200) {
			t.Errorf("%s: sign-out %d", c.name, out.status)
		}
		ask := s.send(request{method: "OPTIONS", path: "/ui/v1/executions", header: map[string]string{"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}})
		if ask.status != 405 || ask.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("preflight: %d %v", ask.status, ask.header)
		}
	}
	s = newServer(t)
	far := map[string]string{"Sec-Fetch-Site": "cross-site"}
	for _, method := range []string{"POST", "GET", "DELETE"} {
		q := request{method: method, path: "/ui/session", header: far}
		if method == "POST" {
			q.body = key
		}
		s.send(q).problem(403, "forbidden")
	}
}

// Browsers keep the cookie over TLS and on the machine itself; elsewhere the answer says what to do.
func TestSignInNeedsATransportThatKeepsCookies(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{far: true})
	try := func(host string, secure bool, header map[string]string) (int, string) {
		r := httptest.NewRequest("POST", "/ui/session", strings.NewReader(`{"api_key":"`+s.key+`"}`))
		r.Host, r.RemoteAddr = host, "192.0.2.7:4711"
		if secure {
			r.TLS = &tls.ConnectionState{}
		}
		for k, v := range header {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		s.api.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for _, c := range []struct {
		host   string
		tls    bool
		header map[string]string
		want   int
	}{
		{"localhost:7373", false, nil, 200},
		{"127.0.0.1:7373", false, nil, 200},
		{"[::1]:7373", false, nil, 200},
		{"sojourn.example", true, nil, 200},
		{"sojourn.example", false, nil, 400},
		{"192.168.1.5:7373", false, nil, 400},
		{"192.168.1.5:7373", false, map[string]string{"Origin": "http://192.168.1.5:7373", "Sec-Fetch-Site": "same-origin"}, 400},
		{"sojourn.example", false, map[string]string{"Origin": "https://sojourn.example"}, 200},
		{"10.0.0.1:7373", false, map[string]string{"Origin": "https://sojourn.example", "Sec-Fetch-Site": "same-origin"}, 200},
		{"10.0.0.1:7373", false, map[string]string{"Origin": "http://localhost:5173", "Sec-Fetch-Site": "same-origin"}, 200},
		{"sojourn.example", false, map[string]string{"X-Forwarded-Proto": "https"}, 200},
		{"sojourn.example", false, map[string]string{"X-Forwarded-Proto": "http"}, 400},
	} {
		code, body := try(c.host, c.tls, c.header)
		if code != c.want || code == 400 && (!strings.Contains(body, "https://") || !strings.Contains(body, "localhost")) {
			t.Errorf("%+v: %d %s", c, code, body)
		}
	}
}

// Bad keys count against their address as they do in the header; good ones are never held up, and keys keep their rates.
func TestSignInsAreLimited(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{api: func(c *Config) { c.FailedAuth = Rate{PerSecond: 0.001, Burst: 3} }})
	bad := map[string]string{"api_key": "sjn_live_0000000000_" + strings.Repeat("A", 49)}
	for range 3 {
		s.send(request{method: "POST", path: "/ui/session", body: bad}).problem(401, "unauthenticated")
	}
	s.send(request{method: "POST", path: "/ui/session", body: bad}).problem(429, "rate_limited")
	s.send(request{key: bad["api_key"], method: "GET", path: "/v1/info"}).problem(429, "rate_limited")
	s.send(request{method: "GET", path: "/ui/session"}).problem(401, "unauthenticated") // who is not signed in guesses nothing
	if n := strings.Count(s.log.String(), "sign-in refused"); n != 3 {
		t.Errorf("%d lines about refused sign-ins, want 3", n)
	}
	s.signIn(s.key).get("/ui/v1/info").is(200)

	tight := s.newKey(engine.KeySpec{Scopes: engine.ScopeAdmin, RateLimit: 0.001})
	b := s.signIn(tight) // its one token
	b.get("/ui/v1/info").problem(429, "rate_limited")
	b.get("/ui/session").problem(429, "rate_limited")
	s.send(request{key: tight, method: "GET", path: "/v1/info"}).problem(429, "rate_limited")
	s.send(request{method: "POST", path: "/ui/session", body: map[string]string{"api_key": tight}}).problem(429, "rate_limited")
}

// A sign-in ends with its key.
func TestSignInEndsWithItsKey(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	view, text, err := s.engine.CreateKey(t.Context(), s.root, engine.KeySpec{Scopes: engine.ScopeRead})
	if err != nil {
		t.Fatal(err)
	}
	b := s.signIn(text)
	b.get("/ui/v1/executions").is(200)
	if err := s.engine.RevokeKey(t.Context(), s.root, view.ID); err != nil {
		t.Fatal(err)
	}
	b.get("/ui/v1/executions").problem(401, "unauthenticated")
	b.get("/ui/session").problem(401, "unauthenticated")
	// Of the key that the server's own tools have, too, when the server ends; until then it is as good as any.
	own := s.signIn(s.engine.Lend(s.root))
	own.get("/ui/v1/executions").is(200)
	var who signInBody
	own.get("/ui/session").is(200).into(&who)
	if who.Key.Name != "root" {
		t.Errorf("%+v", who)
	}
}

// Streams, holds, uploads and downloads work with the cookie as they do with a key.
func TestUICarriesFilesAndStreams(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	b := s.signIn(s.key)
	x := s.start("echo", map[string]any{})

	content := []byte(`<script>alert(1)</script>`)
	up := b.send(request{method: "POST", path: "/ui/v1/files?filename=a.html", body: content, header: map[string]string{"Content-Type": "text/html"}}).is(201)
	var file struct{ ID string }
	up.into(&file)
	down := b.get("/ui/v1/files/" + file.ID + "/content").is(200)
	if !bytes.Equal(down.body, content) || !strings.HasPrefix(down.header.Get("Content-Disposition"), "attachment") ||
		!strings.Contains(down.header.Get("Content-Security-Policy"), "sandbox") || down.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s %v", down.body, down.header)
	}
	part := b.send(request{method: "GET", path: "/ui/v1/files/" + file.ID + "/content", header: map[string]string{"Range": "bytes=1-6"}}).is(206)
	if string(part.body) != "script" {
		t.Errorf("%s", part.body)
	}
	b.send(request{method: "GET", path: "/ui/v1/files/" + file.ID + "/content", header: map[string]string{"If-None-Match": down.header.Get("Etag")}}).is(304)

	// A hold ends with the execution, and a stream tells of it.
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.http.URL+"/ui/v1/executions/"+x.ID+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Cookie": {cookieName + "=" + b.cookie}, "Accept": {"text/event-stream"}}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	b.send(request{method: "POST", path: "/ui/v1/executions/" + x.ID + "/cancel", body: `{}`}).is(200)
	text, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(text), "event: end") {
		t.Errorf("%v: %s", err, text)
	}
	if got := b.get("/ui/v1/executions/" + x.ID + "?wait=60").is(200).execution(); got.Status != "cancelled" {
		t.Errorf("%+v", got)
	}
}

// An idle stream goes on while its sign-in is good, and ends with its key.
func TestUIStreamsLastAsLongAsTheSignIn(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{api: func(c *Config) { c.Heartbeat = 10 * time.Millisecond }})
	s.workflow("echo")
	x := s.start("echo", map[string]any{})
	view, text, err := s.engine.CreateKey(t.Context(), s.root, engine.KeySpec{Scopes: engine.ScopeRead})
	if err != nil {
		t.Fatal(err)
	}
	b := s.signIn(text)
	for _, path := range []string{"/ui/v1/executions/" + x.ID + "/events", "/ui/v1/events"} {
		r := s.follow(path, "Authorization", "", "Cookie", cookieName+"="+b.cookie)
		beats := 0
		for beats < 5 && r.lines.Scan() {
			if r.lines.Text() == ":" {
				beats++
			}
		}
		if beats < 5 {
			t.Errorf("%s ended after %d beats", path, beats)
		}
		r.cancel()
	}
	r := s.follow("/ui/v1/events", "Authorization", "", "Cookie", cookieName+"="+b.cookie)
	if err := s.engine.RevokeKey(t.Context(), s.root, view.ID); err != nil {
		t.Fatal(err)
	}
	r.over()
}

// fakePages are a dashboard.
type fakePages struct{ asked atomic.Int64 }

func (p *fakePages) Has(u *url.URL) bool {
	return u.Path == "/" || u.Path == "/executions" || u.Path == "/assets/a.js"
}

func (p *fakePages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.asked.Add(1)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'")
	if !p.Has(r.URL) {
		w.WriteHeader(http.StatusNotFound)
	} else {
		w.WriteHeader(http.StatusOK)
	}
	_, _ = io.WriteString(w, "page "+r.URL.Path)
}

// Pages are for browsers; whatever is for programs stays JSON.
func TestPages(t *testing.T) {
	t.Parallel()
	pages := &fakePages{}
	got := make(chan string, 100)
	s := newServer(t, setup{plain: true, api: func(c *Config) {
		c.Pages = pages
		c.Observer = observerFunc(func(route string, status int) { got <- fmt.Sprint(route, " ", status) })
	}})
	const html, any = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "*/*"
	for _, c := range []struct {
		method, path, accept string
		status               int
		kind                 string
		route                string
	}{
		{"GET", "/", html, 200, "text/html; charset=utf-8", "page"},
		{"GET", "/", any, 200, "text/html; charset=utf-8", "page"},
		{"HEAD", "/executions", html, 200, "text/html; charset=utf-8", "page"},
		{"GET", "/assets/a.js", any, 200, "text/html; charset=utf-8", "page"},
		{"GET", "/nothing", html, 404, "text/html; charset=utf-8", "page"},
		{"GET", "/v1x", html, 404, "text/html; charset=utf-8", "page"},
		{"GET", "/nothing", any, 404, "application/problem+json", "other"},
		{"POST", "/executions", html, 405, "application/problem+json", "other"},
		{"POST", "/nothing", html, 404, "application/problem+json", "other"},
		{"GET", "/v1", html, 404, "application/problem+json", "other"},
		{"GET", "/v1/nothing", html, 404, "application/problem+json", "other"},
		{"GET", "/api/nothing", html, 404, "application/json", "other"},
		{"GET", "/ui/nothing", html, 404, "application/problem+json", "other"},
		{"PUT", "/v1/executions", html, 405, "application/problem+json", "other"},
		{"PUT", "/api/v1/workflows", html, 405, "application/json", "other"},
		{"GET", "/v1/info", html, 401, "application/problem+json", "/v1/info"},
		{"GET", "/docs", html, 200, "text/html; charset=utf-8", "/docs"},
	} {
		a := s.send(request{method: c.method, path: c.path, header: map[string]string{"Accept": c.accept}})
		if a.status != c.status || a.header.Get("Content-Type") != c.kind || a.header.Get("X-Request-Id") == "" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: %d %v", c.method, c.path, a.status, a.header)
		}
		if want := fmt.Sprint(c.route, " ", c.status); <-got != want {
			t.Errorf("%s %s is not observed as %s", c.method, c.path, want)
		}
		if c.method == "POST" && c.status == 405 && a.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%v", a.header)
		}
		if c.route == "page" && !strings.Contains(a.header.Get("Content-Security-Policy"), "script-src 'self'") {
			t.Errorf("%s: the page's policy was replaced: %v", c.path, a.header)
		}
	}
	if n := pages.asked.Load(); n != 6 {
		t.Errorf("%d pages were asked for", n)
	}
}
