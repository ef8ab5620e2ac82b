package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
)

type keyBody struct {
	ID, Name, Key, Last4, Project string
	Scopes, Workflows             []string
	RateLimit                     float64 `json:"rate_limit"`
	RevokedAt                     string  `json:"revoked_at"`
	ExpiresAt                     string  `json:"expires_at"`
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	soon := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	var k keyBody
	s.post("/v1/keys", `{"name":"reader","scopes":["executions:read","workflows:read"],"rate_limit":"120/m","expires_at":"`+soon+`"}`).is(201).into(&k)
	if !strings.HasPrefix(k.Key, "sjn_live_") || k.Last4 != k.Key[len(k.Key)-4:] || k.RateLimit != 2 || fmt.Sprint(k.Scopes) != "[executions:read workflows:read]" || k.Project != "default" || k.ExpiresAt == "" {
		t.Errorf("%+v", k)
	}
	s.send(request{key: k.Key, method: "GET", path: "/v1/executions"}).is(200)
	var info struct {
		Key struct {
			ID, Name string
			Scopes   []string
		}
		Project struct{ ID, Name string }
		Version string
	}
	s.send(request{key: k.Key, method: "GET", path: "/v1/info"}).is(200).into(&info)
	if info.Key.ID != k.ID || info.Key.Name != "reader" || len(info.Key.Scopes) != 2 || info.Project.Name != "default" || info.Version != "test" {
		t.Errorf("%+v", info)
	}
	list := s.get("/v1/keys").is(200)
	if strings.Contains(string(list.body), k.Key) || !strings.Contains(string(list.body), k.ID) {
		t.Errorf("%s", list.body)
	}
	s.send(request{key: s.key, method: "DELETE", path: "/v1/keys/" + k.ID}).is(204)
	s.send(request{key: s.key, method: "DELETE", path: "/v1/keys/" + k.ID}).is(204)
	s.send(request{key: k.Key, method: "GET", path: "/v1/info"}).problem(401, "unauthenticated")
	s.send(request{key: s.key, method: "DELETE", path: "/v1/keys/key_nope"}).problem(404, "not_found")

	// Nobody grants more than he has.
	manager := s.scoped(engine.ScopeKeysManage | engine.ScopeRead)
	s.send(request{key: manager, method: "POST", path: "/v1/keys", body: `{"scopes":["executions:start"]}`}).problem(403, "forbidden")
	s.send(request{key: manager, method: "POST", path: "/v1/keys", body: `{"scopes":["admin"]}`}).problem(403, "forbidden")
	s.send(request{key: manager, method: "POST", path: "/v1/keys", body: `{"scopes":["executions:read"]}`}).is(201)
	s.send(request{key: manager, method: "POST", path: "/v1/keys", body: `{"scopes":["executions:read"],"project":"default"}`}).problem(403, "forbidden")
	s.post("/v1/keys", `{"scopes":["executions:read"],"rate_limit":2.5}`).is(201).into(&k)
	if k.RateLimit != 2.5 {
		t.Errorf("%+v", k)
	}
	s.post("/v1/keys", `{"scopes":["workers:run"],"workflows":["a"]}`).is(201)

	state := s.state()
	for body, want := range map[string]string{
		`{}`: "scopes required", `{"scopes":[]}`: "scopes invalid_value", `{"scopes":["executions:red"]}`: "scopes[0] invalid_value", `{"scopes":"admin"}`: "scopes invalid_type",
		`{"scopes":["admin"],"rate_limit":"fast"}`: "rate_limit invalid_value", `{"scopes":["admin"],"rate_limit":-1}`: "rate_limit out_of_range", `{"scopes":["admin"],"rate_limit":0}`: "rate_limit out_of_range",
		`{"scopes":["admin"],"rate_limit":true}`: "rate_limit invalid_type", `{"scopes":["admin"],"expires_at":"2001-01-01T00:00:00Z"}`: "expires_at invalid_value", `{"scopes":["admin"],"expires_at":"never"}`: "expires_at invalid_value",
		`{"scopes":["admin"],"workflows":["a"]}`: "workflows invalid_value", `{"scopes":["admin"],"project":"nope"}`: "project not_found", `{"scopes":["admin"],"scope":"x"}`: "scope unknown_field",
		`{"scopes":["admin"],"name":"` + strings.Repeat("n", 101) + `"}`: "name too_long",
	} {
		field, code, _ := strings.Cut(want, " ")
		s.post("/v1/keys", body).field(400, "invalid_request", field, code)
	}
	if s.state() != state {
		t.Error("a refused request changed something")
	}
}

func TestProjects(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var p struct{ ID, Name string }
	s.post("/v1/projects", `{"name":"billing"}`).is(201).into(&p)
	s.post("/v1/projects", `{"name":"billing"}`).problem(409, "conflict")
	s.post("/v1/projects", `{"name":"Bad Name"}`).field(400, "invalid_request", "name", "invalid_value")
	s.post("/v1/projects", `{}`).field(400, "invalid_request", "name", "required")
	manager := s.scoped(engine.ScopeKeysManage)
	s.send(request{key: manager, method: "POST", path: "/v1/projects", body: `{"name":"x"}`}).problem(403, "forbidden")
	s.send(request{key: manager, method: "GET", path: "/v1/projects"}).problem(403, "forbidden")
	var list struct{ Data []struct{ Name string } }
	s.get("/v1/projects").is(200).into(&list)
	if fmt.Sprint(list.Data) != "[{billing} {default}]" {
		t.Errorf("%+v", list)
	}
	var k keyBody
	for _, project := range []string{"billing", p.ID} {
		s.post("/v1/keys", `{"scopes":["executions:read"],"project":"`+project+`"}`).is(201).into(&k)
		if k.Project != "billing" {
			t.Errorf("%+v", k)
		}
	}
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]float64{"10/s": 10, " 600 / m ": 10, "3600/h": 1, "0.5/s": 0.5} {
		if got, ok := parseRate(text); !ok || got != want {
			t.Errorf("%q: %v %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "10", "10/", "/s", "10/d", "-1/s", "0/s", "NaN/s", "Inf/s", "1e99/s", "10/s/s"} {
		if got, ok := parseRate(text); ok {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}
