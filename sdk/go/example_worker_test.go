package sojourn_test

import (
	"context"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/sdk/go/sojourntest"
)

// A worker runs until its context ends. It then takes no more work, lets its handlers finish for a while, and gives
// back the rest: other workers go on with it after its last recorded step.
func ExampleWorker_Run() {
	srv, err := sojourntest.Open(sojourntest.Listen())
	if err != nil {
		panic(err)
	}
	defer done(srv)

	// SOJOURN_BASE_URL and SOJOURN_API_KEY would do as well.
	client, err := sojourn.NewClient(sojourn.Config{BaseURL: srv.URL(), APIKey: srv.APIKey()})
	if err != nil {
		panic(err)
	}
	ready := make(chan struct{})
	worker := sojourn.NewWorker(client, sojourn.WorkerConfig{
		Name: "greeter", Concurrency: 10, ShutdownGrace: 20 * time.Second,
		OnReady: func(string) { close(ready) },
	})
	sojourn.Handle(worker, "greet", func(_ *sojourn.Context, in struct{ Name string }) (string, error) {
		return "Hello, " + in.Name + "!", nil
	}, sojourn.Description("Greets people."))

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }() // a program whose only job this is calls Run itself
	<-ready

	out, err := sojourn.Run[string](ctx, client, sojourn.StartParams{Workflow: "greet", Input: map[string]string{"name": "Ada"}})
	fmt.Println(out, err)

	stop() // here the signal would come
	fmt.Println("ended:", <-ended)
	client.CloseIdleConnections()
	// Output:
	// Hello, Ada! <nil>
	// ended: <nil>
}
