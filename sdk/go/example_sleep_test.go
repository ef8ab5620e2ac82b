package sojourn_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
)

// A long sleep holds no worker and survives every restart. In a test, sojourntest moves the clock.
func ExampleContext_Sleep() {
	srv, client := serve(func(w *sojourn.Worker) {
		sojourn.Handle(w, "remind", func(ctx *sojourn.Context, in struct{ Who string }) (string, error) {
			if err := ctx.Sleep("until due", 14*24*time.Hour); err != nil {
				return "", err // the handler runs again when the time has come
			}
			return sojourn.Step(ctx, "remind", func(context.Context) (string, error) {
				return "reminded " + in.Who, nil
			})
		})
	})
	defer done(srv)
	ctx := context.Background()

	x, err := client.Executions.Start(ctx, sojourn.StartParams{Workflow: "remind", Input: map[string]string{"who": "Ada"}})
	if err != nil {
		panic(err)
	}
	x = srv.Await(x.ID, sojourn.StatusWaiting)
	fmt.Printf("%s for %.0f days\n", x.Status, x.ResumesAt.Sub(x.CreatedAt).Hours()/24)

	srv.Advance(14 * 24 * time.Hour)
	out, err := sojourn.Result[string](ctx, client, x.ID)
	fmt.Println(out, err)
	// Output:
	// waiting for 14 days
	// reminded Ada <nil>
}
