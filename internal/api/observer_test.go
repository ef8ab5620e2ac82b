package api

import (
	"context"
	"net/http"
	"time"
)

// observerFunc observes by the route and status of finished requests.
type observerFunc func(route string, status int)

func (observerFunc) Started(r *http.Request, _ string) context.Context { return r.Context() }

func (f observerFunc) Finished(_ context.Context, _, route string, status int, _ time.Duration) {
	f(route, status)
}
