package sojourn_test

import (
	"context"
	"fmt"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/sdk/go/sojourntest"
)

// serve runs a server for an example, and a worker with its handlers. A program would have
// sojourn.NewClient(sojourn.Config{}), and sojourn.NewWorker with Run.
func serve(register func(*sojourn.Worker)) (*sojourntest.Server, *sojourn.Client) {
	srv, err := sojourntest.Open()
	if err != nil {
		panic(err)
	}
	srv.Worker(register)
	return srv, srv.Client()
}

func done(srv *sojourntest.Server) {
	if err := srv.Close(); err != nil {
		panic(err)
	}
}

type Order struct {
	Item  string `json:"item"`
	Count int    `json:"count"`
}

type Receipt struct {
	Order string `json:"order"`
	Cents int    `json:"cents"`
}

// A worker serves a workflow, and a client runs it. Each step is a checkpoint: once its result is recorded it never
// runs again, whatever happens to the worker or the server.
func Example() {
	srv, client := serve(func(w *sojourn.Worker) {
		sojourn.Handle(w, "order", func(ctx *sojourn.Context, in Order) (Receipt, error) {
			cents, err := sojourn.Step(ctx, "price", func(ctx context.Context) (int, error) {
				return 250 * in.Count, nil
			})
			if err != nil {
				return Receipt{}, err
			}
			return sojourn.Step(ctx, "pay", func(ctx context.Context) (Receipt, error) {
				return Receipt{Order: in.Item, Cents: cents}, nil
			})
		})
	})
	defer done(srv)

	receipt, err := sojourn.Run[Receipt](context.Background(), client, sojourn.StartParams{
		Workflow: "order",
		Input:    Order{Item: "tea", Count: 3},
	})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s for %d cents\n", receipt.Order, receipt.Cents)
	// Output: tea for 750 cents
}
