package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// origins are the pages that may use the native API in a browser. A page has nothing to show but the key that it was
// given: cookies are never used, so the list keeps keys within the pages that are meant to have one.
type origins struct {
	all     bool
	exact   map[string]bool
	anyPort map[string]bool // https://app.example.com, whatever port follows
}

// parseOrigins reads origins as browsers write them: https://app.example.com, http://localhost:5173. A port of * is any
// port, and * alone is every origin.
func parseOrigins(list []string) (*origins, error) {
	if len(list) == 0 {
		return nil, nil
	}
	o := &origins{exact: map[string]bool{}, anyPort: map[string]bool{}}
	for _, text := range list {
		if text == "*" {
			o.all = true
			continue
		}
		rest, wild := strings.CutSuffix(text, ":*")
		u, err := url.Parse(rest)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Contains(u.Host, "*") || rest != u.Scheme+"://"+u.Host || wild && u.Port() != "" || rest != strings.ToLower(rest) {
			return nil, fmt.Errorf("%q is not an origin: write it as https://app.example.com or http://localhost:5173, * for any port, or * alone for every origin", text)
		}
		if wild {
			o.anyPort[rest] = true
		} else {
			o.exact[rest] = true
		}
	}
	return o, nil
}

// CheckOrigins reports what is wrong with a list of origins for Config.Origins.
func CheckOrigins(list []string) error {
	_, err := parseOrigins(list)
	return err
}

func (o *origins) allow(origin string) bool {
	if o.all || o.exact[origin] {
		return true
	}
	if len(o.anyPort) == 0 {
		return false
	}
	if o.anyPort[origin] {
		return true
	}
	i := strings.LastIndexByte(origin, ':')
	return i > 0 && o.anyPort[origin[:i]]
}

// native reports whether the request is for the native API, which pages may use.
func (x *exchange) native() bool { return strings.HasPrefix(x.r.URL.Path, "/v1/") }

var (
	headerVaryOrigin    = []string{"Origin"}
	headerNativeExposed = []string{"X-Request-Id, Retry-After, Location, ETag, Idempotent-Replay, Idempotency-Key-Expires, " +
		"Content-Disposition, Content-Range"}
)

// cors tells a browser whether the page that asked may see the answer.
func (x *exchange) cors(h http.Header) {
	o := x.api.origins
	if o == nil || !x.native() {
		return
	}
	h["Vary"] = headerVaryOrigin
	given := x.r.Header["Origin"]
	if len(given) != 1 || !o.allow(given[0]) {
		return
	}
	h["Access-Control-Allow-Origin"] = given[:1:1]
	h["Access-Control-Expose-Headers"] = headerNativeExposed
}

// preflight answers a browser's question whether a page of a known origin may send a request. ok is false for anything
// else that calls itself OPTIONS.
func (x *exchange) preflight(methods []string) (ok bool) {
	o := x.api.origins
	given := x.r.Header["Origin"]
	if o == nil || !x.native() || len(given) != 1 || !o.allow(given[0]) || len(x.r.Header["Access-Control-Request-Method"]) == 0 {
		return false
	}
	h := x.w.Header()
	h["Access-Control-Allow-Methods"] = []string{strings.Join(methods, ", ")}
	h["Access-Control-Allow-Headers"] = []string{"Authorization, Content-Type, Content-Digest, Idempotency-Key, If-None-Match, Last-Event-ID, " +
		"Range, Sojourn-Lease, Traceparent, X-Request-Id"}
	h["Access-Control-Max-Age"] = []string{"7200"}
	_ = x.empty(http.StatusNoContent)
	return true
}
