package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/sojournhq/sojourn/internal/engine"
)

// operationOf is the contract's operation for a route.
func operationOf(t testing.TB, rt *route) (*openapi3.PathItem, *openapi3.Operation) {
	t.Helper()
	load := contract
	if strings.HasPrefix(rt.pattern, "/api/") {
		load = eigenpalContract
	}
	doc, err := load()
	if err != nil {
		t.Fatal(err)
	}
	item := doc.Paths.Value(rt.pattern)
	if item == nil {
		return nil, nil
	}
	return item, item.GetOperation(rt.method)
}

// The table of routes and the document say the same, in both directions, scopes included.
func TestRoutesAreTheContract(t *testing.T) {
	known := map[string]bool{}
	for _, rt := range append(routes(), eigenpalRoutes()...) {
		name := rt.method + " " + rt.pattern
		known[name] = true
		_, op := operationOf(t, &rt)
		if op == nil {
			t.Errorf("%s is not in the document", name)
			continue
		}
		want := "any key"
		switch {
		case rt.access.public:
			want = "none"
		case rt.access.scope != 0:
			want = rt.access.scope.Names()[0]
		}
		if got := op.Extensions["x-scope"]; got != want {
			t.Errorf("%s: the table says scope %q, the document %q", name, want, got)
		}
		if (op.RequestBody != nil) != (rt.body != 0) && op.OperationID != "drainSession" {
			t.Errorf("%s: one of table and document has a body", name)
		}
	}
	for _, load := range []func() (*openapi3.T, error){contract, eigenpalContract} {
		doc, err := load()
		if err != nil {
			t.Fatal(err)
		}
		for path, item := range doc.Paths.Map() {
			for method := range item.Operations() {
				if !known[method+" "+path] {
					t.Errorf("%s %s is documented and not served", method, path)
				}
			}
		}
	}
}

// The document names every scope and every error code there is.
func TestVocabularyIsTheContract(t *testing.T) {
	doc, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	enum := func(s *openapi3.SchemaRef) []string {
		var list []string
		for _, v := range s.Value.Enum {
			list = append(list, v.(string))
		}
		slices.Sort(list)
		return list
	}
	scopes := engine.ScopeNames()
	slices.Sort(scopes)
	if got := enum(doc.Components.Schemas["Scope"]); !slices.Equal(got, scopes) {
		t.Errorf("scopes: %v, want %v", got, scopes)
	}
	var codes []string
	for code := range statuses {
		codes = append(codes, string(code))
	}
	slices.Sort(codes)
	if got := enum(doc.Components.Schemas["Problem"].Value.Properties["code"]); !slices.Equal(got, codes) {
		t.Errorf("codes: %v, want %v", got, codes)
	}
}

// sample is a request that the route accepts as far as its shape goes; its ids name nothing.
func sample(t testing.TB, rt *route) request {
	t.Helper()
	item, op := operationOf(t, rt)
	q := request{method: rt.method, path: rt.pattern}
	for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
		if p.Value.In == "path" {
			q.path = strings.ReplaceAll(q.path, "{"+p.Value.Name+"}", fmt.Sprint(p.Value.Example))
		}
	}
	if op.RequestBody != nil && rt.body == bodyFile {
		q.body = "content"
	} else if op.RequestBody != nil {
		examples := op.RequestBody.Value.Content.Get("application/json").Examples
		name := slices.Sorted(maps.Keys(examples))[0]
		q.body = examples[name].Value.Value
	}
	return q
}

// documented reports whether the document has the status for the route.
func documented(t testing.TB, rt *route, status int) bool {
	_, op := operationOf(t, rt)
	return op.Responses.Status(status) != nil
}

// Every route gives every error that the document says any route of its kind gives: a generated matrix.
func TestEveryRouteRefuses(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{api: func(c *Config) { c.FailedAuth = Rate{PerSecond: 1, Burst: 1000} }})
	tight := s.newKey(engine.KeySpec{Scopes: engine.ScopeAdmin, RateLimit: 0.001})
	s.send(request{key: tight, method: "GET", path: "/v1/info"}).is(200) // its one token
	state := s.state()
	for _, rt := range routes() {
		if rt.access.public {
			continue
		}
		q := sample(t, &rt)
		with := func(change func(*request)) *answer {
			t.Helper()
			c := q
			c.key = s.key
			change(&c)
			return s.send(c)
		}
		with(func(q *request) { q.key = "" }).problem(401, "unauthenticated")
		with(func(q *request) { q.key = "sjn_live_0000000000_" + strings.Repeat("A", 49) }).problem(401, "unauthenticated")
		with(func(q *request) { q.header = map[string]string{"Authorization": "Basic " + s.key} }).problem(401, "unauthenticated")
		a := with(func(q *request) { q.key = tight }).problem(429, "rate_limited")
		if a.RequestID == "" {
			t.Error(rt.pattern)
		}
		with(func(q *request) { q.path += "?nonsense=1" }).field(400, "invalid_request", "nonsense", "unknown_field")
		if rt.access.scope != 0 && rt.access.scope != engine.ScopeAdmin {
			other := engine.Scope(0)
			for _, name := range engine.ScopeNames() {
				if sc, _ := engine.ParseScope(name); sc != rt.access.scope && sc != engine.ScopeAdmin {
					other |= sc
				}
			}
			p := with(func(q *request) { q.key = s.scoped(other) }).problem(403, "forbidden")
			if !strings.Contains(p.Detail, rt.access.scope.Names()[0]) {
				t.Errorf("%s %s: %s does not name the scope", rt.method, rt.pattern, p.Detail)
			}
		}
		if rt.body > 0 {
			with(func(q *request) { q.body = strings.Repeat(" ", int(rt.body)+1) }).problem(413, "payload_too_large")
			with(func(q *request) {
				q.body, q.header = "{}", map[string]string{"Content-Type": "text/plain"}
			}).problem(415, "unsupported_media_type")
			with(func(q *request) { q.body = `{"a":` }).problem(400, "invalid_json")
			with(func(q *request) { q.body = `{"a":1,"a":2}` }).field(400, "invalid_request", "a", "duplicate_key")
			with(func(q *request) { q.body = strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65) }).problem(400, "invalid_request")
			with(func(q *request) { q.body = `{"zzz_nothing":1}` }).field(400, "invalid_request", "zzz_nothing", "unknown_field")
			for _, body := range []string{`[]`, `null`, `5`, `"x"`} {
				with(func(q *request) { q.body = body }).field(400, "invalid_request", "", "invalid_type")
			}
		}
		if strings.Contains(rt.pattern, "{") {
			code := "not_found"
			if strings.Contains(rt.pattern, "worker/") {
				code = "session_lost"
			}
			with(func(*request) {}).problem(404, code)
		}
		for _, status := range []int{400, 401, 429, 500} {
			if !documented(t, &rt, status) {
				t.Errorf("%s %s: %d is not documented", rt.method, rt.pattern, status)
			}
		}
	}
	// Keys made above are the only change.
	if got := s.state(); strings.Count(got, "scoped") < 8 || withoutKeys(got) != withoutKeys(state) {
		t.Errorf("refused requests changed something:\n%s\n%s", state, got)
	}
}

func withoutKeys(state string) string {
	lines := strings.Split(state, "\n")
	return strings.Join(slices.Delete(lines, 3, 4), "\n")
}
