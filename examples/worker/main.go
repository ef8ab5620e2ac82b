// Worker is a small worker to deploy beside a server: two workflows of recorded steps. It reads SOJOURN_BASE_URL and
// SOJOURN_API_KEY, and on SIGTERM it finishes or gives back what it holds.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
)

func main() {
	if err := run(slog.New(slog.NewTextHandler(os.Stderr, nil))); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func run(log *slog.Logger) error {
	client, err := sojourn.NewClient(sojourn.Config{})
	if err != nil {
		return err
	}
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	worker := sojourn.NewWorker(client, sojourn.WorkerConfig{
		Name: name, Concurrency: 50, ShutdownGrace: 20 * time.Second,
		OnReady: func(session string) { log.Info("ready", "session", session) },
	})
	sojourn.Handle(worker, "greet", greet, sojourn.Description("Greets somebody."))
	sojourn.Handle(worker, "count", count, sojourn.Description("Counts to a number, one recorded step for each."))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return worker.Run(ctx)
}

type person struct {
	Name string `json:"name"`
}

func greet(ctx *sojourn.Context, in person) (string, error) {
	return sojourn.Step(ctx, "compose", func(context.Context) (string, error) {
		return "Hello, " + in.Name + "!", nil
	})
}

type counting struct {
	To    int `json:"to"`
	Pause int `json:"pause_ms"` // between steps
}

func count(ctx *sojourn.Context, in counting) (int, error) {
	sum := 0
	for i := 1; i <= in.To; i++ {
		n, err := sojourn.Step(ctx, fmt.Sprintf("step-%d", i), func(ctx context.Context) (int, error) {
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-time.After(time.Duration(in.Pause) * time.Millisecond):
				return i, nil
			}
		})
		if err != nil {
			return 0, err
		}
		sum += n
		ctx.Progress(float64(i) / float64(in.To))
	}
	return sum, nil
}
