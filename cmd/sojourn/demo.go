package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/sojournhq/sojourn/internal/demo"
	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/sdk/go/otelsojourn"
)

// newDemoWorker makes the worker of the demo workflows; ready is closed when it takes work.
func newDemoWorker(client *sojourn.Client, traces trace.TracerProvider, log *slog.Logger) (worker *sojourn.Worker, ready <-chan struct{}) {
	up := make(chan struct{})
	var once sync.Once
	worker = sojourn.NewWorker(client, sojourn.WorkerConfig{
		Name: "dev", Version: version, Logger: log,
		ShutdownGrace: time.Second, // who presses Ctrl-C does not want to wait
		Interceptors:  []sojourn.Interceptor{otelsojourn.Interceptor(traces)},
		OnReady:       func(string) { once.Do(func() { close(up) }) },
	})
	demo.Register(worker)
	return worker, up
}

// offerUnserved creates the demo workflows that no worker serves.
func offerUnserved(ctx context.Context, client *sojourn.Client) error {
	for _, name := range demo.Unserved {
		_, err := client.Workflows.Create(ctx, sojourn.WorkflowParams{
			Name: name, Description: "No worker serves it: its executions wait.",
		})
		if err != nil && !errors.Is(err, sojourn.ErrConflict) {
			return err
		}
	}
	return nil
}
