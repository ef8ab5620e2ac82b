package sojourn_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
)

// An approval holds no worker while it is awaited. A refusal that the handler returns ends the execution rejected.
func ExampleContext_WaitForApproval() {
	type purchase struct {
		Item  string `json:"item"`
		Price int    `json:"price"`
	}
	srv, client := serve(func(w *sojourn.Worker) {
		sojourn.Handle(w, "buy", func(ctx *sojourn.Context, in purchase) (string, error) {
			decision, err := ctx.WaitForApproval("manager", sojourn.Payload(in), sojourn.Timeout(72*time.Hour))
			if err != nil {
				return "", err
			}
			return in.Item + " approved by " + decision.By, nil
		})
	})
	defer done(srv)
	ctx := context.Background()

	buy := func(in purchase) *sojourn.Execution {
		x, err := client.Executions.Start(ctx, sojourn.StartParams{Workflow: "buy", Input: in, Wait: time.Minute, UntilActionable: true})
		if err != nil {
			panic(err)
		}
		return x
	}
	desk, yacht := buy(purchase{"desk", 300}), buy(purchase{"yacht", 9_000_000})
	fmt.Println(desk.Status, desk.StatusReason)
	_, err := client.Executions.Approve(ctx, desk.ID, sojourn.DecisionParams{By: "Ada"})
	_, err2 := client.Executions.Reject(ctx, yacht.ID, sojourn.DecisionParams{Comment: "not this year"})
	fmt.Println(errors.Join(err, err2))

	out, err := sojourn.Result[string](ctx, client, desk.ID)
	fmt.Println(out, err)
	_, err = sojourn.Result[string](ctx, client, yacht.ID)
	var rejected *sojourn.ExecutionRejectedError
	fmt.Println(errors.As(err, &rejected), rejected.Code, rejected.Message)
	// Output:
	// waiting approval:manager
	// <nil>
	// desk approved by Ada <nil>
	// true approval_rejected not this year
}

// Signals are kept until a handler waits for them, so it does not matter which comes first.
func ExampleWaitForSignal() {
	type payment struct {
		Amount int `json:"amount"`
	}
	srv, client := serve(func(w *sojourn.Worker) {
		sojourn.Handle(w, "order", func(ctx *sojourn.Context, _ struct{}) (string, error) {
			paid, err := sojourn.WaitForSignal[payment](ctx, "paid", sojourn.Timeout(30*24*time.Hour))
			if errors.Is(err, sojourn.ErrWaitTimeout) {
				return "given up", nil
			}
			return fmt.Sprintf("paid %d", paid.Amount), err
		})
	})
	defer done(srv)
	ctx := context.Background()

	x, err := client.Executions.Start(ctx, sojourn.StartParams{Workflow: "order"})
	if err != nil {
		panic(err)
	}
	if _, err := client.Executions.Signal(ctx, x.ID, "paid", sojourn.SignalParams{Payload: payment{12}}); err != nil {
		panic(err)
	}
	fmt.Println(sojourn.Result[string](ctx, client, x.ID))
	// Output: paid 12 <nil>
}
