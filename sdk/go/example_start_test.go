package sojourn_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/sojournhq/sojourn/sdk/go"
)

func shout(w *sojourn.Worker) {
	sojourn.Handle(w, "shout", func(_ *sojourn.Context, in struct{ Text string }) (string, error) {
		return strings.ToUpper(in.Text), nil
	})
}

// Start returns as soon as the execution is stored; Wait waits for its end, also across restarts of the server.
func ExampleExecutionService_Start() {
	srv, client := serve(shout)
	defer done(srv)
	ctx := context.Background()

	x, err := client.Executions.Start(ctx, sojourn.StartParams{
		Workflow: "shout",
		Input:    map[string]string{"text": "hello"},
		Metadata: map[string]string{"customer": "c-17"}, // to find it by
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(x.Status)

	x, err = client.Executions.Wait(ctx, x.ID)
	if err != nil {
		panic(err)
	}
	var out string
	if err := x.DecodeOutput(&out); err != nil {
		panic(err)
	}
	fmt.Println(x.Status, out)
	// Output:
	// pending
	// completed HELLO
}

// Starts with one idempotency key make one execution, however often they are sent. Without a key, Start makes one that
// covers its own retries.
func ExampleExecutionService_Start_idempotency() {
	srv, client := serve(shout)
	defer done(srv)
	ctx := context.Background()

	p := sojourn.StartParams{Workflow: "shout", Input: map[string]string{"text": "once"}, IdempotencyKey: "mail-4711"}
	first, err := client.Executions.Start(ctx, p)
	if err != nil {
		panic(err)
	}
	again, err := client.Executions.Start(ctx, p)
	if err != nil {
		panic(err)
	}
	fmt.Println(again.ID == first.ID, again.Replayed)
	// Output: true true
}

// Run starts, waits and decodes in one call.
func ExampleRun() {
	srv, client := serve(shout)
	defer done(srv)

	out, err := sojourn.Run[string](context.Background(), client, sojourn.StartParams{
		Workflow: "shout",
		Input:    map[string]string{"text": "typed"},
	})
	fmt.Println(out, err)
	// Output: TYPED <nil>
}

// All walks a list page by page, newest first.
func ExampleExecutionService_All() {
	srv, client := serve(shout)
	defer done(srv)
	ctx := context.Background()

	for _, text := range []string{"one", "two", "three"} {
		if _, err := sojourn.Run[string](ctx, client, sojourn.StartParams{
			Workflow: "shout", Input: map[string]string{"text": text}, Metadata: map[string]string{"batch": "b1"},
		}); err != nil {
			panic(err)
		}
	}

	for x, err := range client.Executions.All(ctx, sojourn.ListParams{
		Status:      []sojourn.Status{sojourn.StatusCompleted},
		Metadata:    map[string]string{"batch": "b1"},
		CreatedFrom: "now()-1h",
		Limit:       2, // per page
	}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(string(x.Output))
	}
	// Output:
	// "THREE"
	// "TWO"
	// "ONE"
}
