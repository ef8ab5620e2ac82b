package server

import (
	"context"
	"fmt"
	"time"

	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/telemetry"
)

// observeOthers lets the metrics show whether the server keeps up with other servers, on a store that has any.
func (s *Server) observeOthers() {
	if _, ok := s.store.(store.Shared); !ok {
		return
	}
	began := time.Now()
	s.metrics.Behind(func() time.Duration {
		if behind, ok := s.engine.Behind(); ok {
			return behind
		}
		return time.Since(began)
	})
}

// observeDatabases looks up how the database servers are, when the data lies in any.
func (s *Server) observeDatabases(ctx context.Context, x *telemetry.Snapshot) error {
	observed, ok := s.store.(store.Observed)
	if !ok {
		return nil
	}
	all, err := observed.Health(ctx)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	for i := range all {
		h := &all[i]
		d := telemetry.Database{
			Cell: h.Cell, Servers: h.Servers, Pinned: h.Pinned, Horizon: h.Horizon, Connections: h.Connections,
			MaxConnections: h.MaxConnections, Standbys: h.Standbys, Commits: h.Commits, RoundTrips: h.RoundTrips, CommitRetries: h.Retries,
		}
		for _, t := range h.Tables {
			d.Tables = append(d.Tables, telemetry.Table{Name: t.Name, Live: t.Live, Dead: t.Dead})
		}
		x.Databases = append(x.Databases, d)
	}
	return nil
}
