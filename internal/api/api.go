package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
)

// Config configures the API. Zero fields mean the defaults.
type Config struct {
	// Version is the server's version, shown by /v1/info; default "dev".
	Version string
	// PublicURL is where clients reach the server, without a slash at the end, for links in messages; default: links are
	// paths alone.
	PublicURL string
	// Log receives what goes wrong inside, with the request's id; default: discards. Bodies, keys and query strings are
	// never logged.
	Log *slog.Logger
	// Now is the clock for relative dates, rate limits and durations; default time.Now.
	Now func() time.Time
	// Observer sees every request; default: none.
	Observer Observer
	// TraceParent gives the W3C trace context that a start hands to its worker; default: the request's own traceparent.
	TraceParent func(ctx context.Context) string
	// Metrics serves /metrics; default: not served.
	Metrics http.Handler
	// FailedAuth bounds how many requests with a bad key one address may send before they are answered 429; default
	// 60 at once and then 1 per second. Requests with a good key are never held up by it.
	FailedAuth Rate
	// BodyTimeout is how long a client may take to send a body, and how long it may take to read an answer; default 30 s.
	BodyTimeout time.Duration
	// Heartbeat is how long a stream of events may be silent; default 15 s.
	Heartbeat time.Duration
	// StreamTimeout is how long a stream's reader may take to read what it is sent, before it is cut off; default 10 s.
	StreamTimeout time.Duration
	// MaxStreams is how many streams of events one API key may have open; default 10,000.
	MaxStreams int
	// Origins are the pages that may use the native API in a browser: https://app.example.com, http://localhost:* for any
	// port, * for every origin; default: none.
	Origins []string
	// Pages are the dashboard's; default: none, and only the API is served.
	Pages Pages
}

// Rate is a token bucket.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Observer receives the requests for measurement and tracing. Implementations are safe for concurrent use.
type Observer interface {
	// Started is called once the route is known, with its pattern; an unknown path has the route "other". The engine is
	// called with the context it returns.
	Started(r *http.Request, route string) context.Context
	// Finished is called with the answer's status, and 499 for a client that went away first.
	Finished(ctx context.Context, method, route string, status int, took time.Duration)
}

// API is the handler of all routes.
type API struct {
	engine    *engine.Engine
	cfg       Config
	log       *slog.Logger
	router    *router
	keys      *limiters[int64]
	failed    *limiters[string]
	streams   openStreams
	reference reference
	origins   *origins // nil: none
	// crossOrigin guards what takes cookies.
	crossOrigin *http.CrossOriginProtection
	started     time.Time
}

// New makes the handler. It refuses a table of routes that leaves open who may call one of them.
func New(e *engine.Engine, cfg Config) (*API, error) {
	if e == nil {
		return nil, errors.New("api: no engine")
	}
	return build(e, cfg, append(routes(), eigenpalRoutes()...))
}

func build(e *engine.Engine, cfg Config, table []route) (*API, error) {
	if cfg.Version == "" {
		cfg.Version = "dev"
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.FailedAuth == (Rate{}) {
		cfg.FailedAuth = Rate{PerSecond: 1, Burst: 60}
	}
	if cfg.BodyTimeout == 0 {
		cfg.BodyTimeout = 30 * time.Second
	}
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = 15 * time.Second
	}
	if cfg.StreamTimeout == 0 {
		cfg.StreamTimeout = 10 * time.Second
	}
	if cfg.MaxStreams == 0 {
		cfg.MaxStreams = 10_000
	}
	a := &API{
		engine: e, cfg: cfg, log: cfg.Log, keys: newLimiters(hashInt), failed: newLimiters(hashText),
		started: cfg.Now(), crossOrigin: crossOrigin(cfg.PublicURL),
	}
	var err error
	if a.router, err = newRouter(append(table, uiRoutes(table)...)); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	if a.origins, err = parseOrigins(cfg.Origins); err != nil {
		return nil, fmt.Errorf("api: Origins: %w", err)
	}
	if err := a.reference.init(); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	return a, nil
}

// Limits of the API that /v1/info tells.
const (
	maxHold = 60 * time.Second
	// holdMargin ends a hold before clients that wait 60 s for an answer give up.
	holdMargin = 1500 * time.Millisecond
)

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := a.cfg.Now()
	x := exchanges.Get().(*exchange)
	x.begin(a, w, r, start)
	match := a.router.find(r, &x.params)
	if match == nil {
		match = a.pageOf(r)
	}
	x.route = match
	if a.cfg.Observer != nil {
		x.ctx = a.cfg.Observer.Started(r, x.pattern())
	}
	defer func() {
		p := recover()
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			x.gone, p = true, nil
		}
		if p != nil {
			a.log.LogAttrs(x.ctx, slog.LevelError, "panic in a handler", slog.String("request_id", x.id),
				slog.String("route", x.pattern()), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			if x.status == 0 {
				x.fail(internal(nil))
			}
		}
		if a.cfg.Observer != nil {
			a.cfg.Observer.Finished(x.ctx, r.Method, x.pattern(), x.status, a.cfg.Now().Sub(start))
		}
		gone := x.gone
		x.end()
		if gone {
			panic(http.ErrAbortHandler) // closes the connection; nothing is logged
		}
	}()
	if err := a.serve(x); err != nil {
		x.fail(err)
	}
}

// serve checks who calls and hands over to the route's handler.
func (a *API) serve(x *exchange) error {
	rt := x.route
	if rt == nil {
		return a.unrouted(x)
	}
	timeout := a.cfg.BodyTimeout
	if rt.hold > 0 {
		timeout += rt.hold
	}
	_ = x.control.SetWriteDeadline(x.start.Add(timeout))
	ui := rt.ui()
	if ui {
		if err := a.guard(x); err != nil {
			return err
		}
	}
	if !rt.access.public {
		if err := a.identify(x, ui); err != nil {
			return err
		}
		if err := a.limit(x); err != nil {
			return err
		}
		held := (rt.access.held || rt.access.leased && len(x.r.Header[headerHolding]) > 0) && x.caller.Scopes.Has(engine.ScopeWorkersRun)
		if !held && !x.caller.Scopes.Has(rt.access.scope) {
			return forbidden(rt.access.scope)
		}
	}
	return rt.handle(a, x)
}

// identify finds out who calls, by the key or, for a page of the dashboard, by the cookie.
func (a *API) identify(x *exchange, ui bool) error {
	if !ui {
		return a.authenticate(x)
	}
	_, err := a.signedIn(x)
	return err
}

// unrouted answers a path that is not there, or not for this method.
func (a *API) unrouted(x *exchange) error {
	_ = x.control.SetWriteDeadline(x.start.Add(a.cfg.BodyTimeout))
	allowed := a.router.methods(x.r)
	if len(allowed) == 0 && a.cfg.Pages != nil && a.cfg.Pages.Has(x.r.URL) {
		allowed = []string{http.MethodGet, http.MethodHead}
	}
	if len(allowed) > 0 {
		x.w.Header()["Allow"] = []string{strings.Join(allowed, ", ")}
		if x.r.Method == http.MethodOptions && x.eigenpal() {
			return x.eigenpalPreflight(allowed)
		}
		if x.r.Method == http.MethodOptions && x.preflight(allowed) {
			return nil
		}
		return &engine.Error{
			Code:    codeMethodNotAllowed,
			Message: "this path does not know the method " + clip(x.r.Method, 20) + "; use " + strings.Join(allowed, " or "),
		}
	}
	message := "there is nothing at this path; GET /docs lists what there is"
	if p := x.r.URL.Path; len(p) > 1 && (strings.HasSuffix(p, "/") || strings.Contains(p, "//")) {
		message = "there is nothing at this path: paths have no empty segment and no slash at the end"
	}
	return &engine.Error{Code: engine.CodeNotFound, Message: message}
}
