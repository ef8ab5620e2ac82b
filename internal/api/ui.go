package api

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// The dashboard's pages use the native API under /ui/v1, where a cookie says who they are. It is the same API: the same
// handlers, scopes and rate limits. A cookie counts nowhere else, and under /ui nothing else counts.

// uiPrefix begins the paths that take cookies.
const uiPrefix = "/ui"

// uiRoutes are the routes of the native API once more, for the dashboard's pages.
func uiRoutes(table []route) []route {
	var out []route
	for _, rt := range table {
		if strings.HasPrefix(rt.pattern, "/v1/") {
			rt.pattern = uiPrefix + rt.pattern
			out = append(out, rt)
		}
	}
	return out
}

// ui reports whether the route is one for the dashboard's pages.
func (rt *route) ui() bool { return strings.HasPrefix(rt.pattern, uiPrefix+"/") }

// crossOrigin is what lets pages of other origins send nothing: no form and no script of theirs can use the cookie.
func crossOrigin(publicURL string) *http.CrossOriginProtection {
	p := http.NewCrossOriginProtection()
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" {
		_ = p.AddTrustedOrigin(u.Scheme + "://" + u.Host) // it is an origin; behind a proxy the Host may be another
	}
	return p
}

var headerSameOrigin = []string{"same-origin"}

// guard refuses what no page of the dashboard sends.
func (a *API) guard(x *exchange) error {
	x.w.Header()["Cross-Origin-Resource-Policy"] = headerSameOrigin
	if len(x.r.Header["Authorization"]) > 0 {
		return badField("Authorization", jsonx.CodeInvalidValue, "is not accepted under /ui, where the sign-in counts alone; with an API key use /v1")
	}
	// Check lets other pages read: they do not get to see the answer, but could make the server work and time it.
	site := x.r.Header.Get("Sec-Fetch-Site")
	reads := x.r.Method == http.MethodGet || x.r.Method == http.MethodHead
	foreign := a.crossOrigin.Check(x.r) != nil || reads && (site == "cross-site" || site == "same-site")
	if !foreign {
		return nil
	}
	return &engine.Error{Code: engine.CodeForbidden, Message: "this request comes from a page of another origin, and /ui is for the dashboard's own pages; programs and other pages use /v1 with an API key"}
}

// token is the cookie's value; empty without one.
func (x *exchange) token() string {
	c, err := x.r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	return c.Value
}

// signedIn finds out who calls by the cookie.
func (a *API) signedIn(x *exchange) (*engine.SignIn, error) {
	s, err := a.engine.SignedIn(x.ctx, x.token())
	if err != nil {
		return nil, err
	}
	x.caller = s.Caller
	// An answer that is held could come after a sign-out and bring the cookie back.
	if s.Token != "" && (x.route == nil || x.route.hold == 0) {
		x.setCookie(s.Token, int(engine.SignInLife.Seconds()))
	}
	return s, nil
}
