package demo

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/sojournhq/sojourn/sdk/go"
)

var stepsInput = json.RawMessage(`{
  "type": "object",
  "properties": {"number": {"type": "integer", "minimum": -1000000000, "maximum": 1000000000, "description": "to be doubled; default 21"}},
  "additionalProperties": false
}`)

// registerSteps offers three steps in sequence, each working on what the one before returned. A step whose result is
// recorded never runs again, whatever happens to the worker.
func registerSteps(w *sojourn.Worker) {
	type input struct {
		Number *int `json:"number"`
	}
	type fetched struct {
		Number int `json:"number"`
	}
	type doubled struct {
		Double int `json:"double"`
	}
	type message struct {
		Message string `json:"message"`
	}
	sojourn.Handle(w, "steps", func(ctx *sojourn.Context, in input) (message, error) {
		first, err := sojourn.Step(ctx, "fetch", func(context.Context) (fetched, error) {
			if in.Number == nil {
				return fetched{21}, nil
			}
			return fetched{*in.Number}, nil
		})
		if err != nil {
			return message{}, err
		}
		ctx.Progress(1.0 / 3)
		second, err := sojourn.Step(ctx, "double", func(context.Context) (doubled, error) {
			return doubled{2 * first.Number}, nil
		})
		if err != nil {
			return message{}, err
		}
		ctx.Progress(2.0 / 3)
		third, err := sojourn.Step(ctx, "describe", func(context.Context) (message, error) {
			return message{fmt.Sprintf("twice %d is %d", first.Number, second.Double)}, nil
		})
		if err != nil {
			return message{}, err
		}
		ctx.Progress(1)
		return third, nil
	}, sojourn.InputSchema(stepsInput), sojourn.Description("Runs three steps, one after the other."))
}
