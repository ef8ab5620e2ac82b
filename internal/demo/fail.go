package demo

import (
	"context"
	"errors"

	"github.com/sojournhq/sojourn/sdk/go"
)

// registerFail offers a workflow that fails: its first step succeeds, its second one does not.
func registerFail(w *sojourn.Worker) {
	type prepared struct {
		Ready bool `json:"ready"`
	}
	sojourn.Handle(w, "fail", func(ctx *sojourn.Context, _ struct{}) (struct{}, error) {
		if _, err := sojourn.Step(ctx, "prepare", func(context.Context) (prepared, error) {
			return prepared{true}, nil
		}); err != nil {
			return struct{}{}, err
		}
		ctx.Log("about to fail, as always")
		return sojourn.Step(ctx, "break", func(context.Context) (struct{}, error) {
			// The code is for programs, the text for people. A Retry option would have the step tried again.
			return struct{}{}, sojourn.Coded("always_fails", errors.New("this workflow always fails"))
		})
	}, sojourn.Description("Fails in its second step."))
}
