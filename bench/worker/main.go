// Command worker is the worker process of the bench: it serves workflows that do nothing, so that what is measured is
// the system around them. Server and key come from SOJOURN_BASE_URL and SOJOURN_API_KEY.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	sojourn "github.com/sojournhq/sojourn/sdk/go"
)

// input is what the bench starts executions with.
type input struct {
	// Outcome makes the workflow "mixed" fail or reject.
	Outcome string `json:"outcome"`
}

type output struct {
	OK      bool   `json:"ok"`
	Message string `json:"message"`
}

func main() {
	concurrency := flag.Int("concurrency", 256, "executions at a time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *concurrency); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, concurrency int) error {
	client, err := sojourn.NewClient(sojourn.Config{})
	if err != nil {
		return err
	}
	w := sojourn.NewWorker(client, sojourn.WorkerConfig{
		Name: "bench", Concurrency: concurrency,
		OnReady: func(string) { fmt.Println("ready") },
	})
	noop := func(*sojourn.Context, input) (output, error) {
		return output{true, "all done, nothing to see"}, nil
	}
	sojourn.Handle(w, "noop", noop)
	names := make([]string, 10)
	for i := range names {
		names[i] = "step-" + strconv.Itoa(i+1)
	}
	sojourn.Handle(w, "ten", func(ctx *sojourn.Context, _ input) (output, error) {
		for _, name := range names {
			_, err := sojourn.Step(ctx, name, func(context.Context) (string, error) {
				return "some text that a step gives back", nil
			})
			if err != nil {
				return output{}, err
			}
		}
		return output{true, "all ten steps done"}, nil
	})
	for i := range 4 {
		sojourn.Handle(w, "mixed-"+strconv.Itoa(i), func(ctx *sojourn.Context, in input) (output, error) {
			switch in.Outcome {
			case "fail":
				return output{}, sojourn.NonRetryable(errors.New("asked to fail"))
			case "reject":
				return output{}, sojourn.Reject("declined", "asked to decline")
			}
			return noop(ctx, in)
		})
	}
	return w.Run(ctx)
}
