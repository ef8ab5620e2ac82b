// Command godriver is the Go SDK's driver of the scenarios: a worker with their handlers, or a client that does what it
// reads. See the README one folder up.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/sojournhq/sojourn/sdk/go"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "godriver:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	client, err := sojourn.NewClient(sojourn.Config{})
	if err != nil {
		return err
	}
	switch {
	case len(args) == 1 && args[0] == "worker":
		w := sojourn.NewWorker(client, sojourn.WorkerConfig{Name: "scenarios-go"})
		register(w)
		return w.Run(ctx)
	case len(args) == 1 && args[0] == "client":
		return serve(ctx, client, os.Stdin, os.Stdout)
	}
	return fmt.Errorf("say worker or client")
}
