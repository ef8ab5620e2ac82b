package server

import (
	"context"
	"fmt"
	"strings"

	"github.com/sojournhq/sojourn/internal/api"
	"github.com/sojournhq/sojourn/internal/webhook"
)

// openGuard makes what decides where callbacks and webhooks may go.
func (s *Server) openGuard() (err error) {
	s.guard, err = webhook.NewGuard(webhook.GuardConfig{Allow: s.cfg.CallbackAllow, AllowHTTP: s.cfg.CallbackHTTP})
	return err
}

// publicURL is what links in messages begin with.
func (s *Server) publicURL() string {
	if s.cfg.PublicURL != "" {
		return strings.TrimRight(s.cfg.PublicURL, "/")
	}
	return s.URL()
}

// startDispatcher begins to send messages.
func (s *Server) startDispatcher(ctx context.Context, a *api.API) error {
	cfg := webhook.Config{
		Engine: s.engine, Guard: s.guard, Render: a.Message, Log: s.log.With("area", "webhook"), Version: s.cfg.Version,
	}
	if s.metrics != nil {
		cfg.Metrics = s.metrics
	}
	d, err := webhook.New(cfg)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.Run(running)
	}()
	s.dispatcher = &dispatching{Dispatcher: d, stop: stop, done: done}
	return nil
}

// dispatching is a dispatcher that runs.
type dispatching struct {
	*webhook.Dispatcher
	stop context.CancelFunc // begins the end
	done chan struct{}      // closed at the end
}

// end stops the dispatcher: messages under way may end until ctx does.
func (d *dispatching) end(ctx context.Context) {
	d.stop()
	select {
	case <-d.done:
	case <-ctx.Done():
		d.Abort()
		<-d.done
	}
}
