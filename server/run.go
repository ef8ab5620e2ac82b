package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// afterFailure is how long answers under way may take to go out once the store has failed.
const afterFailure = 2 * time.Second

// Run serves until ctx ends, then drains: nothing new is handed to workers, held requests end, those under way finish,
// and the data is released. It returns nil after that, and an error when the address or the store fails; what is in
// the store is then as it was acknowledged, and a new server can open it. Run can be called once.
func (s *Server) Run(ctx context.Context) error {
	if s.used.Swap(true) {
		return ErrClosed
	}
	served := make(chan error, 1)
	if s.listener != nil {
		go func() {
			if err := s.serve(); err != nil {
				served <- err
			}
		}()
	}
	if err := s.awaitEngine(ctx); err == nil {
		close(s.ready)
	}
	var err error
	grace := s.cfg.Drain
	select {
	case <-ctx.Done():
		s.log.Info("draining", "at_most", grace.String())
	case <-s.stopped:
		grace = afterFailure
	case failure := <-served:
		err, grace = fmt.Errorf("serve on %s: %w", s.listener.Addr(), failure), afterFailure
	}
	s.engine.Drain()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	s.dispatcher.stop()
	if s.listener != nil {
		if late := s.http.Shutdown(drain); late != nil {
			s.log.Warn("requests were cut off at the end of the drain", "error", late)
		}
	}
	s.dispatcher.end(drain)
	return errors.Join(err, s.Close())
}

// awaitEngine waits until the engine takes commands, which it does within moments of its start.
func (s *Server) awaitEngine(ctx context.Context) error {
	for {
		err := s.engine.Ready()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.stopped:
			return err
		case <-time.After(time.Millisecond):
		}
	}
}

func (s *Server) serve() error {
	var err error
	if s.http.TLSConfig != nil {
		err = s.http.ServeTLS(s.listener, "", "")
	} else {
		err = s.http.Serve(s.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
