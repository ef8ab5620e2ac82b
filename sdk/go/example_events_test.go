package sojourn_test

import (
	"context"
	"fmt"

	"github.com/sojournhq/sojourn/sdk/go"
)

// Events follows an execution to its end, whatever happens to the connection meanwhile.
func ExampleExecutionService_Events() {
	srv, client := serve(func(w *sojourn.Worker) {
		sojourn.Handle(w, "brew", func(ctx *sojourn.Context, _ Order) (string, error) {
			return sojourn.Step(ctx, "boil", func(context.Context) (string, error) { return "hot", nil })
		})
	})
	defer done(srv)
	ctx := context.Background()
	x, err := client.Executions.Start(ctx, sojourn.StartParams{Workflow: "brew", Input: Order{}})
	if err != nil {
		panic(err)
	}
	for e, err := range client.Executions.Events(ctx, x.ID, 0) {
		if err != nil {
			panic(err)
		}
		fmt.Println(e.Revision, e.Type)
	}
	// Output:
	// 1 created
	// 2 claimed
	// 3 step_completed
	// 4 completed
}
