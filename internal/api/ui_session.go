package api

import (
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// cookieName is a name for which browsers demand that the cookie is the server's own, for all its paths and for
// encrypted connections alone.
const cookieName = "__Host-sojourn"

// setCookie tells the browser what to send from now on; nothing for a life of 0.
func (x *exchange) setCookie(token string, life int) {
	x.w.Header()["Set-Cookie"] = []string{cookieName + "=" + token + "; Path=/; Max-Age=" + strconv.Itoa(life) + "; HttpOnly; Secure; SameSite=Lax"}
}

// maxKeyText is the most bytes of an API key's text.
const maxKeyText = 512

var errBadKey = &engine.Error{Code: engine.CodeUnauthenticated, Message: "this API key is malformed, unknown, expired or revoked; check that it was copied whole"}

// signIn exchanges an API key for a cookie.
func (a *API) signIn(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	if !x.keepsCookies() {
		return &engine.Error{Code: engine.CodeInvalid, Message: "browsers keep the sign-in only on encrypted connections and on this machine: open the dashboard with https://, " +
			"or as http://localhost (ssh -L 7373:localhost:7373 leads there from another machine)"}
	}
	var key string
	err := x.decode(func(p *jsonx.Parser) {
		if !p.Object() {
			return
		}
		given := false
		for p.Next() {
			if string(p.Name()) != "api_key" {
				p.Unknown([]string{"api_key"})
				continue
			}
			given = true
			key, _ = p.String(maxKeyText)
		}
		if !given {
			p.ReportMember("", "api_key", jsonx.CodeRequired, "is required")
		}
	})
	if err != nil {
		return err
	}
	s, err := a.engine.SignIn(x.ctx, key)
	if err != nil {
		if p := problemOf(err); p.code == engine.CodeUnauthenticated {
			err = errBadKey
		}
		err = a.refused(x, err)
		if problemOf(err).status == http.StatusUnauthorized { // further ones are not worth a line each
			a.log.LogAttrs(x.ctx, slog.LevelWarn, "sign-in refused", x.visitor(nil)...)
		}
		return err
	}
	x.caller = s.Caller
	if err := a.limit(x); err != nil {
		return err
	}
	a.log.LogAttrs(x.ctx, slog.LevelInfo, "signed in", x.visitor(s.Caller)...)
	x.setCookie(s.Token, int(engine.SignInLife.Seconds()))
	return x.session(s)
}

// keepsCookies reports whether the browser that sent the request keeps a cookie for encrypted connections. It is asked
// only to say in time what is wrong: the browser decides.
func (x *exchange) keepsCookies() bool {
	if x.r.TLS != nil || loopback(x.r.Host) {
		return true
	}
	if origin := x.r.Header.Get("Origin"); origin != "" { // as the browser sees it, in front of all proxies
		u, err := url.Parse(origin)
		return err == nil && (u.Scheme == "https" || loopback(u.Host))
	}
	return strings.EqualFold(x.r.Header.Get("X-Forwarded-Proto"), "https")
}

// visitor is who comes or goes, for the log: never with what. c is nil for somebody who was not let in.
func (x *exchange) visitor(c *engine.Caller) []slog.Attr {
	attrs := []slog.Attr{slog.String("request_id", x.id), slog.String("address", address(x.r))}
	if c != nil {
		attrs = append(attrs, slog.String("project", c.ProjectName), slog.String("key_id", c.KeyID.Text(execution.PrefixKey)))
	}
	return attrs
}

// session answers with who is signed in, and until when.
func (x *exchange) session(s *engine.SignIn) error {
	b := x.api.appendInfo(x.out, x.caller)
	b = appendTime(b, `,"expires_at":`, s.ExpiresAt)
	x.out = append(b, '}')
	return x.json(http.StatusOK)
}

// getSession tells who is signed in.
func (a *API) getSession(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	s, err := a.signedIn(x)
	if err != nil {
		return err
	}
	if err := a.limit(x); err != nil {
		return err
	}
	return x.session(s)
}

// signOut takes the cookie back. Doing it again changes nothing.
func (a *API) signOut(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	if s, err := a.signedIn(x); err == nil {
		a.log.LogAttrs(x.ctx, slog.LevelInfo, "signed out", x.visitor(s.Caller)...)
	}
	x.setCookie("", 0)
	return x.empty(http.StatusNoContent)
}
