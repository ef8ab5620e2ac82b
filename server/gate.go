package server

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// gate lets requests in until the server closes, so that what they use is released behind the last of them.
type gate struct {
	handler http.Handler
	inside  sync.RWMutex // held for reading by each request, and for good by what closed the gate
	closing context.Context
	shut    context.CancelFunc
}

func newGate(h http.Handler) *gate {
	g := &gate{handler: h}
	g.closing, g.shut = context.WithCancel(context.Background())
	return g
}

// ServeHTTP implements http.Handler. Behind the closed gate there is no answer.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.closing.Err() != nil || !g.inside.TryRLock() {
		panic(http.ErrAbortHandler)
	}
	defer g.inside.RUnlock()
	g.handler.ServeHTTP(w, r)
}

// close ends the requests that are made inside this process, as closed connections end the others, and waits until all
// have left, but no longer than the patience.
func (g *gate) close(patience time.Duration) (empty bool) {
	g.shut()
	done := make(chan struct{})
	go func() {
		g.inside.Lock()
		close(done)
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
