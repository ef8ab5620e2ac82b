package api

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

func TestReferencePage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.send(request{method: "GET", path: "/docs"}).is(200)
	page := string(a.body)
	policy := a.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'; style-src 'sha256-") || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%v", a.header)
	}
	// Nothing that a browser would fetch or run.
	for _, bad := range []string{"<script", "<link", "<img", "<iframe", "@import", "url(", " style=", "javascript:", " on"} {
		if bad == " on" {
			if regexp.MustCompile(`<[^>]* on[a-z]+=`).MatchString(page) {
				t.Error("an event handler")
			}
			continue
		}
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, link := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		target := link[1]
		switch {
		case target == "/openapi.json":
		case strings.HasPrefix(target, "#"):
			if !strings.Contains(page, ` id="`+target[1:]+`"`) {
				t.Errorf("%s leads nowhere", target)
			}
		default:
			t.Errorf("a link to %s", target)
		}
	}
	// Everything of the document is on it.
	for _, rt := range routes() {
		if !strings.Contains(page, "<code>"+rt.pattern+"</code>") {
			t.Errorf("%s is not on the page", rt.pattern)
		}
		if len(rt.access.scope.Names()) > 0 && !strings.Contains(page, "<code>"+rt.access.scope.Names()[0]+"</code>") {
			t.Errorf("scope %v is not on the page", rt.access.scope.Names())
		}
	}
	for code := range statuses {
		if !strings.Contains(page, ` id="`+string(code)+`"`) {
			t.Errorf("no place for code %s, to which its problems point", code)
		}
	}
	doc, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	for name := range doc.Components.Schemas {
		if !strings.Contains(page, ` id="schema-`+name+`"`) {
			t.Errorf("schema %s is not on the page", name)
		}
	}
	again := s.send(request{method: "GET", path: "/docs", header: map[string]string{"If-None-Match": a.header.Get("Etag")}})
	if again.status != 304 || len(again.body) > 0 {
		t.Errorf("%d", again.status)
	}
}

func TestOpenAPIIsServed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	a := s.send(request{method: "GET", path: "/openapi.json"}).is(200)
	var doc struct{ OpenAPI string }
	if err := json.Unmarshal(a.body, &doc); err != nil || doc.OpenAPI != "3.1.0" || a.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%v %+v %v", err, doc, a.header)
	}
}

// A type of a schema is escaped like everything else on the page.
func TestReferencePageEscapes(t *testing.T) {
	page, _, err := renderReference([]byte(`{"info":{"title":"<b>"},"tags":[{"name":"<i>"}],"paths":{"/<u>":{"get":{"tags":["<i>"],"summary":"<s>","operationId":"\"x","description":"<p1> ` + "`<c>`" + ` **<d>**",
		"responses":{"200":{"description":"<r>"}}}}},"components":{"schemas":{"<n>":{"type":"<t>","enum":["<e>"]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{"<b>", "<i>", "<u>", "<s>", "<p1>", "<c>", "<d>", "<r>", "<n>", "<t>", "<e>", `id=""x"`} {
		if strings.Contains(string(page), raw) {
			t.Errorf("%s is on the page unescaped", raw)
		}
	}
	if _, _, err := renderReference([]byte(`[]`)); err == nil {
		t.Error("a list was rendered")
	}
}
