package sojourn_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sojournhq/sojourn/sdk/go"
)

// A handler that declines the work rejects it: that is another outcome than failing, and nothing is tried again.
func ExampleReject() {
	srv, client := serve(func(w *sojourn.Worker) {
		sojourn.Handle(w, "loan", func(_ *sojourn.Context, in struct{ Euros int }) (string, error) {
			if in.Euros > 10_000 {
				return "", sojourn.Reject("too_much", "We lend 10,000 euros at most.")
			}
			return "granted", nil
		}, sojourn.Retry{MaxAttempts: 5})
	})
	defer done(srv)

	_, err := sojourn.Run[string](context.Background(), client, sojourn.StartParams{
		Workflow: "loan", Input: map[string]int{"euros": 50_000},
	})
	if rejected, ok := errors.AsType[*sojourn.ExecutionRejectedError](err); ok {
		fmt.Println(rejected.Code+":", rejected.Message)
	}
	// Output: too_much: We lend 10,000 euros at most.
}

// An execution that failed gives the code and message of the error its handler returned.
func ExampleExecutionFailedError() {
	srv, client := serve(func(w *sojourn.Worker) {
		sojourn.Handle(w, "ship", func(ctx *sojourn.Context, _ Order) (string, error) {
			return sojourn.Step(ctx, "find", func(context.Context) (string, error) {
				return "", sojourn.NonRetryable(sojourn.Coded("sold_out", errors.New("no tea left")))
			})
		})
	})
	defer done(srv)

	_, err := sojourn.Run[string](context.Background(), client, sojourn.StartParams{Workflow: "ship", Input: Order{Item: "tea"}})
	if failed, ok := errors.AsType[*sojourn.ExecutionFailedError](err); ok {
		fmt.Println(failed.Code)
		fmt.Println(failed.Message)
	}
	// Output:
	// sold_out
	// step "find" failed: no tea left
}

// A request that the server refuses gives an Error: errors.Is tells its kind, errors.AsType its details.
func ExampleError() {
	srv, client := serve(func(w *sojourn.Worker) {
		sojourn.Handle(w, "order", func(_ *sojourn.Context, in Order) (Order, error) { return in, nil },
			sojourn.InputSchema(json.RawMessage(`{"type":"object","required":["item"],"properties":{"count":{"type":"integer"}}}`)))
	})
	defer done(srv)
	ctx := context.Background()

	_, err := client.Executions.Start(ctx, sojourn.StartParams{Workflow: "order", Input: map[string]any{"item": "tea", "count": "two"}})
	if refused, ok := errors.AsType[*sojourn.Error](err); ok && errors.Is(err, sojourn.ErrInvalid) {
		for _, field := range refused.Fields {
			fmt.Println(field.Field, "→", field.Message)
		}
	}
	_, err = client.Executions.Start(ctx, sojourn.StartParams{Workflow: "odrer"})
	fmt.Println(errors.Is(err, sojourn.ErrNotFound))
	// Output:
	// input.count → input.count: got string, want integer
	// true
}

// Cancel asks the worker to stop: the contexts of the handler and of the step that runs end.
func ExampleExecutionService_Cancel() {
	begun := make(chan struct{})
	srv, client := serve(func(w *sojourn.Worker) {
		sojourn.Handle(w, "render", func(ctx *sojourn.Context, _ struct{}) (string, error) {
			return sojourn.Step(ctx, "render", func(ctx context.Context) (string, error) {
				close(begun)
				<-ctx.Done() // pass ctx to whatever takes its time
				fmt.Println("stopping:", context.Cause(ctx))
				return "", ctx.Err()
			})
		})
	})
	defer done(srv)
	ctx := context.Background()

	x, err := client.Executions.Start(ctx, sojourn.StartParams{Workflow: "render"})
	if err != nil {
		panic(err)
	}
	<-begun
	if _, err := client.Executions.Cancel(ctx, x.ID, sojourn.CancelParams{Reason: "not needed any more"}); err != nil {
		panic(err)
	}
	if x, err = client.Executions.Wait(ctx, x.ID); err != nil {
		panic(err)
	}
	fmt.Println(x.Status)
	_, err = client.Executions.Cancel(ctx, x.ID, sojourn.CancelParams{})
	fmt.Println(errors.Is(err, sojourn.ErrAlreadyTerminal))
	// Output:
	// stopping: sojourn: cancel requested
	// cancelled
	// true
}
