package api

import (
	"net/http"
	"strings"
	"testing"
)

func TestOrigins(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]string{
		"":                           "",
		"https://app.example.com":    "https://app.example.com",
		"http://localhost:*":         "http://localhost http://localhost:1 http://localhost:5173",
		"http://[::1]:*":             "http://[::1] http://[::1]:80",
		"*":                          "https://app.example.com https://app.example.com:444 http://app.example.com http://localhost http://localhost:1 http://localhost:5173 http://localhost.evil.example:1 http://localhost:1:1 http://[::1] http://[::1]:80 null",
		"http://localhost:5173 null": "!",
		"https://app.example.com/":   "!", "app.example.com": "!", "ftp://x": "!", "https://": "!", "https://u@x": "!", "https://x?y": "!",
		"https://X.example": "!", "http://localhost:80:*": "!", "https://*.example.com": "!",
	} {
		o, err := parseOrigins(strings.Fields(list))
		if (err != nil) != (want == "!") {
			t.Errorf("%s: %v", list, err)
		}
		if err != nil || o == nil {
			continue
		}
		var got []string
		for _, origin := range []string{
			"https://app.example.com", "https://app.example.com:444", "http://app.example.com", "http://localhost", "http://localhost:1",
			"http://localhost:5173", "http://localhost.evil.example:1", "http://localhost:1:1", "http://[::1]", "http://[::1]:80", "null",
		} {
			if o.allow(origin) {
				got = append(got, origin)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s lets in %s, want %s", list, s, want)
		}
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{api: func(c *Config) { c.Origins = []string{"https://app.example.com", "http://localhost:*"} }})
	s.workflow("echo")
	from := func(origin string, more ...string) map[string]string {
		h := map[string]string{"Origin": origin}
		for i := 0; i < len(more); i += 2 {
			h[more[i]] = more[i+1]
		}
		return h
	}
	const ask = "Access-Control-Request-Method"
	for _, origin := range []string{"https://app.example.com", "http://localhost:5173"} {
		a := s.send(request{method: "OPTIONS", path: "/v1/executions", header: from(origin, ask, "POST")}).is(204)
		h := a.header
		if h.Get("Access-Control-Allow-Origin") != origin || h.Get("Access-Control-Allow-Methods") != "GET, HEAD, POST" || h.Get("Vary") != "Origin" ||
			!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Idempotency-Key") || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", origin, h)
		}
		for _, a := range []*answer{
			s.send(request{key: s.key, method: "POST", path: "/v1/executions", body: `{"workflow_id":"echo","input":{}}`, header: from(origin)}).is(201),
			s.send(request{key: s.key, method: "GET", path: "/v1/executions/exec_x", header: from(origin)}).is(404),
			s.send(request{method: "GET", path: "/v1/workflows", header: from(origin)}).is(401),
		} {
			if a.header.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "Location") {
				t.Errorf("%s: %v", a.name, a.header)
			}
		}
	}
	bare := func(h http.Header) bool { return h.Get("Access-Control-Allow-Origin") == "" }
	for _, origin := range []string{"https://evil.example", "http://app.example.com", "null", "https://localhost:1"} {
		if a := s.send(request{method: "OPTIONS", path: "/v1/executions", header: from(origin, ask, "POST")}).is(405); !bare(a.header) {
			t.Errorf("%s: %v", origin, a.header)
		}
		if a := s.send(request{key: s.key, method: "GET", path: "/v1/workflows", header: from(origin)}).is(200); !bare(a.header) || a.header.Get("Vary") != "Origin" {
			t.Errorf("%s: %v", origin, a.header)
		}
	}
	good := from("https://app.example.com", ask, "GET")
	s.send(request{method: "OPTIONS", path: "/v1/nothing", header: good}).problem(404, "not_found")
	s.send(request{method: "OPTIONS", path: "/v1/executions", header: from("https://app.example.com")}).problem(405, "method_not_allowed")
	// Pages for people and for the server's own use are not for other pages.
	if a := s.send(request{method: "GET", path: "/healthz", header: good}).is(200); !bare(a.header) {
		t.Errorf("%v", a.header)
	}
}
