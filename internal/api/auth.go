package api

import (
	"errors"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
)

// bearer reads the API key from an Authorization header.
func bearer(h http.Header) (string, bool) {
	given := h["Authorization"]
	if len(given) != 1 {
		return "", false
	}
	scheme, key, ok := strings.Cut(given[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	key = strings.Trim(key, " ")
	return key, key != "" && len(key) <= maxKeyText
}

var errNoKey = &engine.Error{Code: engine.CodeUnauthenticated, Message: "send an API key in the header Authorization: Bearer <key>; a sign-in of the dashboard counts under /ui alone"}

// authenticate finds out who calls.
func (a *API) authenticate(x *exchange) error {
	key, ok := bearer(x.r.Header)
	var err error
	if ok {
		x.caller, err = a.engine.Authenticate(x.ctx, key)
	} else {
		err = errNoKey
	}
	return a.refused(x, err)
}

// refused counts the request against its address when its key was bad, and is what to answer then.
func (a *API) refused(x *exchange, err error) error {
	var refused *engine.Error
	if !errors.As(err, &refused) || refused.Code != engine.CodeUnauthenticated {
		return err
	}
	if wait := a.failed.take(address(x.r), a.cfg.FailedAuth.PerSecond, a.cfg.FailedAuth.Burst, x.start); wait > 0 {
		return &engine.Error{Code: codeRateLimited, RetryAfter: wait, Message: "too many requests with a bad API key came from this address; use a valid key"}
	}
	return err
}

// limit holds the caller to its key's rate.
func (a *API) limit(x *exchange) error {
	perSecond := x.caller.RateLimit
	if perSecond <= 0 {
		return nil
	}
	burst := max(1, int(math.Ceil(min(perSecond, math.MaxInt32))))
	wait := a.keys.take(x.caller.Key, perSecond, burst, x.start)
	if wait <= 0 {
		return nil
	}
	return &engine.Error{Code: codeRateLimited, RetryAfter: wait, Message: "this API key may send " + number(perSecond) + " requests per second; slow down and retry after the time in Retry-After"}
}

// address is where the request comes from: a whole /64 for IPv6, for one host has that much.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Unmap().Is4() {
		return host
	}
	prefix, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return host
	}
	return prefix.String()
}

// fromLoopback reports whether the request comes from this machine and was meant for it: not passed on by a proxy that
// runs here, nor sent by a page in a browser that was led to this address under another name.
func fromLoopback(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if len(r.Header[name]) > 0 {
			return false
		}
	}
	return loopback(r.RemoteAddr) && loopback(r.Host)
}

// loopback reports whether the address, with or without a port, is one of this machine alone.
func loopback(address string) bool {
	host := address
	if h, _, err := net.SplitHostPort(address); err == nil {
		host = h
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.Unmap().IsLoopback()
}

// roundUp is d in whole seconds, at least one.
func roundUp(d time.Duration) time.Duration { return time.Duration(wholeSeconds(d)) * time.Second }
