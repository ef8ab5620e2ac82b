package sojourntest_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/sdk/go/sojourntest"
)

// trial registers the handler under test: it welcomes a user, and a month later ends the trial.
func trial(w *sojourn.Worker) {
	sojourn.Handle(w, "trial", func(ctx *sojourn.Context, in struct{ User string }) (string, error) {
		if _, err := sojourn.Step(ctx, "welcome", func(context.Context) (bool, error) {
			_, err := fmt.Fprintln(os.Stdout, "welcome,", in.User)
			return true, err
		}); err != nil {
			return "", err
		}
		if err := ctx.Sleep("trial", 30*24*time.Hour); err != nil {
			return "", err
		}
		return "the trial of " + in.User + " is over", nil
	})
}

// A month passes in a moment. In a test, sojourntest.New(t) takes the place of Open and Close.
func ExampleServer_Advance() {
	srv, err := sojourntest.Open()
	if err != nil {
		panic(err)
	}
	defer func() {
		if err := srv.Close(); err != nil {
			panic(err)
		}
	}()
	srv.Worker(trial)
	ctx := context.Background()

	x, err := srv.Client().Executions.Start(ctx, sojourn.StartParams{Workflow: "trial", Input: map[string]string{"user": "Ada"}})
	if err != nil {
		panic(err)
	}
	srv.Await(x.ID, sojourn.StatusWaiting) // let it reach its sleep first
	srv.Advance(30 * 24 * time.Hour)
	out, err := sojourn.Result[string](ctx, srv.Client(), x.ID)
	fmt.Println(out, err)
	// Output:
	// welcome, Ada
	// the trial of Ada is over <nil>
}

// The worker dies while the execution sleeps; another one goes on, and does not welcome the user again.
func ExampleWorker_Kill() {
	srv, err := sojourntest.Open(sojourntest.StartAt(time.Date(2030, time.January, 1, 0, 0, 0, 0, time.UTC)))
	if err != nil {
		panic(err)
	}
	defer func() {
		if err := srv.Close(); err != nil {
			panic(err)
		}
	}()
	worker := srv.Worker(trial)
	ctx := context.Background()

	x, err := srv.Client().Executions.Start(ctx, sojourn.StartParams{Workflow: "trial", Input: map[string]string{"user": "Bob"}})
	if err != nil {
		panic(err)
	}
	x = srv.Await(x.ID, sojourn.StatusWaiting)
	fmt.Println("until", x.ResumesAt.Format(time.DateOnly))
	worker.Kill()
	srv.Restart()

	srv.Worker(trial)
	srv.AdvanceTo(x.ResumesAt)
	out, err := sojourn.Result[string](ctx, srv.Client(), x.ID)
	fmt.Println(out, err)
	// Output:
	// welcome, Bob
	// until 2030-01-31
	// the trial of Bob is over <nil>
}
