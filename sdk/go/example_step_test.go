package sojourn_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
)

// A step is tried again as its Retry says. StepKey stays the same on every try: hand it to the outside world as an
// idempotency key, so that a try whose answer was lost does no harm.
func ExampleStep_retry() {
	srv, client := serve(func(w *sojourn.Worker) {
		sojourn.Handle(w, "charge", func(ctx *sojourn.Context, in Order) (string, error) {
			return sojourn.Step(ctx, "charge card", func(ctx context.Context) (string, error) {
				if try := sojourn.StepAttempt(ctx); try < 3 {
					fmt.Printf("try %d: the bank is busy\n", try)
					return "", errors.New("the bank is busy")
				}
				_ = sojourn.StepKey(ctx) // such as exec_…/charge card
				return "charged", nil
			}, sojourn.Retry{MaxAttempts: 5, Initial: 10 * time.Millisecond}, sojourn.StepTimeout(30*time.Second))
		})
	})
	defer done(srv)

	out, err := sojourn.Run[string](context.Background(), client, sojourn.StartParams{Workflow: "charge"})
	fmt.Println(out, err)
	// Output:
	// try 1: the bank is busy
	// try 2: the bank is busy
	// charged <nil>
}

// In a loop, a Key says which item a step works on, so that it is found again even when the list changes.
func ExampleKey() {
	srv, client := serve(func(w *sojourn.Worker) {
		sojourn.Handle(w, "pack", func(ctx *sojourn.Context, in struct{ Orders []Order }) (int, error) {
			total := 0
			for i, order := range in.Orders {
				n, err := sojourn.Step(ctx, "pack", func(context.Context) (int, error) {
					return order.Count, nil
				}, sojourn.Key(order.Item))
				if err != nil {
					return 0, err
				}
				total += n
				ctx.Progress(float64(i+1) / float64(len(in.Orders)))
			}
			return total, nil
		})
	})
	defer done(srv)
	ctx := context.Background()

	x, err := client.Executions.Start(ctx, sojourn.StartParams{
		Workflow: "pack", Input: map[string]any{"orders": []Order{{"tea", 2}, {"milk", 1}}},
		Wait: 30 * time.Second, IncludeSteps: true,
	})
	if err != nil {
		panic(err)
	}
	for _, step := range x.Steps {
		fmt.Println(step.Name, step.Status, string(step.Output))
	}
	fmt.Printf("%s packed, progress %.0f%%\n", x.Output, 100**x.Progress)
	// Output:
	// pack[tea] completed 2
	// pack[milk] completed 1
	// 3 packed, progress 100%
}

// Branches run at the same time. Their steps are told apart by keys.
func ExampleGroup() {
	srv, client := serve(func(w *sojourn.Worker) {
		sojourn.Handle(w, "quotes", func(ctx *sojourn.Context, in struct{ Shops []string }) ([]int, error) {
			prices := make([]int, len(in.Shops))
			g := sojourn.NewGroup(ctx)
			for i, shop := range in.Shops {
				g.Go(func(ctx *sojourn.Context) (err error) {
					prices[i], err = sojourn.Step(ctx, "ask", func(context.Context) (int, error) {
						return 100 * len(shop), nil
					}, sojourn.Key(shop))
					return err
				})
			}
			return prices, g.Wait()
		})
	})
	defer done(srv)

	prices, err := sojourn.Run[[]int](context.Background(), client, sojourn.StartParams{
		Workflow: "quotes", Input: map[string][]string{"shops": {"north", "east", "south-west"}},
	})
	fmt.Println(prices, err)
	// Output: [500 400 1000] <nil>
}
