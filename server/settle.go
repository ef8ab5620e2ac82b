package server

import (
	"context"
	"fmt"

	"github.com/sojournhq/sojourn/internal/execution"
)

// Settle does what is due before it returns: timers fire, and what is older than its retention is removed. The server
// does so by itself within moments; Settle is for tests that have moved the Config's Clock.
func (s *Server) Settle(ctx context.Context) error {
	if err := s.engine.Settle(ctx); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}

// LoseWorker ends a worker's session as if the worker had been silent for the length of its lease: what it holds is
// offered to others. The id is the session's, as WorkerConfig.OnReady and the list of workers give it. For tests.
func (s *Server) LoseWorker(ctx context.Context, session string) error {
	id, ok := execution.ParseID(execution.PrefixSession, session)
	if !ok {
		return fmt.Errorf("server: %q is not the id of a worker session", session)
	}
	if err := s.engine.LoseSession(ctx, id); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}
