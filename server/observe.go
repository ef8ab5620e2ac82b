package server

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/sojournhq/sojourn/internal/api"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/telemetry"
)

// TracerProvider makes spans that go where the server's own go, for workers in the same program. It makes none when no
// TraceEndpoint is set.
func (s *Server) TracerProvider() trace.TracerProvider {
	if s.tracing == nil {
		return noop.NewTracerProvider()
	}
	return s.tracing.Provider()
}

// openTelemetry makes what the configuration asks for.
func (s *Server) openTelemetry(ctx context.Context) (err error) {
	if !s.cfg.NoMetrics {
		s.metrics = telemetry.NewMetrics(s.cfg.Version, s.snapshot)
	}
	if s.cfg.TraceEndpoint != "" {
		s.tracing, err = telemetry.NewTracing(ctx, s.cfg.TraceEndpoint, s.cfg.Version, s.log)
	}
	return err
}

// apiConfig is the API's part of the configuration.
func (s *Server) apiConfig() api.Config {
	c := api.Config{Version: s.cfg.Version, PublicURL: s.publicURL(), Log: s.log.With("area", "api"), Origins: s.cfg.Origins, Pages: s.pages}
	if s.metrics != nil {
		c.Metrics = s.metrics.Handler()
	}
	if s.metrics != nil || s.tracing != nil {
		c.Observer = &telemetry.Observer{Metrics: s.metrics, Tracing: s.tracing}
	}
	if s.tracing != nil {
		c.TraceParent = telemetry.TraceParent
	}
	return c
}

// snapshot looks up what the metrics show.
func (s *Server) snapshot(ctx context.Context) (*telemetry.Snapshot, error) {
	x := &telemetry.Snapshot{Executions: map[string]int64{}, DiskFree: -1, LowDisk: s.engine.LowDisk()}
	catalog, err := s.store.Catalog(ctx)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	projects, workflows := map[int64]string{}, map[int64]string{}
	for i := range catalog.Projects {
		p := &catalog.Projects[i]
		projects[p.Key] = p.Name
		n, err := s.store.Counts(ctx, store.CountQuery{Project: p.Key})
		if err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
		for i, count := range n.N {
			if status := execution.Status(i); !status.Final() {
				x.Executions[status.String()] += count
			}
		}
	}
	for i := range catalog.Workflows {
		workflows[catalog.Workflows[i].Key] = catalog.Workflows[i].Name
	}
	queues, err := s.store.Queues(ctx)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	now := s.store.Now()
	// Deleted workflows may share their name with a later one.
	at := map[[2]string]int{}
	for _, q := range queues {
		one := telemetry.Queue{Project: projects[q.Project], Workflow: workflows[q.Workflow], Length: q.Length, Oldest: max(now.Sub(q.Oldest), 0)}
		name := [2]string{one.Project, one.Workflow}
		if i, ok := at[name]; ok {
			x.Queues[i].Length += one.Length
			x.Queues[i].Oldest = max(x.Queues[i].Oldest, one.Oldest)
			continue
		}
		at[name] = len(x.Queues)
		x.Queues = append(x.Queues, one)
	}
	sessions, err := s.store.Sessions(ctx)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	for i := range sessions {
		x.Sessions++
		x.Capacity += int(sessions[i].Capacity)
	}
	usage, err := s.store.Usage(ctx)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	x.Data, x.WAL, x.Reusable = usage.Data, usage.Log, usage.Free
	if s.watchesDisk() {
		if free, err := diskFree(s.dir); err == nil {
			x.DiskFree = free
		}
	}
	backlog, err := s.store.DeliveryBacklog(ctx, now)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	x.Deliveries = backlog.Pending
	if backlog.Overdue != 0 {
		x.Overdue = now.Sub(backlog.Overdue)
	}
	if err := s.observeDatabases(ctx, x); err != nil {
		return nil, err
	}
	if s.listener != nil {
		x.Connections, x.Refused = s.listener.connections()
	}
	return x, nil
}
