package server_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/server"
)

// A program can have durable executions and their handlers in one process, with or without a listener.
func Example() {
	ctx := context.Background()
	srv, err := server.Open(ctx, server.Config{
		Memory:     true, // a real program names its Data directory
		NoListener: true, // nobody else needs to reach it
	})
	if err != nil {
		panic(err)
	}
	client, err := srv.Client()
	if err != nil {
		panic(err)
	}

	ready := make(chan struct{})
	open := sync.OnceFunc(func() { close(ready) })
	worker := sojourn.NewWorker(client, sojourn.WorkerConfig{
		OnReady: func(string) { open() },
	})
	sojourn.Handle(worker, "greet", func(ctx *sojourn.Context, in struct{ Name string }) (string, error) {
		return sojourn.Step(ctx, "compose", func(context.Context) (string, error) {
			return "Hello, " + in.Name + "!", nil
		})
	})

	// The worker stops first, so that it can report what it has finished.
	serving, stopServer := context.WithCancel(ctx)
	working, stopWorker := context.WithCancel(ctx)
	served, worked := make(chan error, 1), make(chan error, 1)
	go func() { served <- srv.Run(serving) }()
	go func() { worked <- worker.Run(working) }()

	<-ready
	greeting, err := sojourn.Run[string](ctx, client, sojourn.StartParams{
		Workflow: "greet", Input: map[string]string{"name": "Ada"},
	})
	fmt.Println(greeting, err)

	stopWorker()
	fmt.Println(<-worked)
	stopServer()
	fmt.Println(<-served)
	// Output:
	// Hello, Ada! <nil>
	// <nil>
	// <nil>
}
