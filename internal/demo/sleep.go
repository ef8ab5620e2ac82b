package demo

import (
	"encoding/json"
	"math"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
)

var sleepInput = json.RawMessage(`{
  "type": "object",
  "properties": {"seconds": {"type": "number", "minimum": 0, "maximum": 3600, "description": "how long to sleep; default 1"}},
  "additionalProperties": false
}`)

// registerSleep offers a workflow that takes its time, a second at a time so that its progress can be watched. Each
// second is recorded: after a crash the sleep goes on where it was. A longer wait is better slept in one piece, which
// holds no worker meanwhile.
func registerSleep(w *sojourn.Worker) {
	type input struct {
		Seconds *float64 `json:"seconds"`
	}
	type output struct {
		Slept float64 `json:"slept_seconds"`
	}
	sojourn.Handle(w, "sleep", func(ctx *sojourn.Context, in input) (output, error) {
		seconds := 1.0
		if in.Seconds != nil {
			seconds = *in.Seconds
		}
		for slept := 0.0; slept < seconds; {
			tick := min(seconds-slept, 1)
			// A cancel ends the sleep at once: Sleep then returns why, and so does the handler.
			if err := ctx.Sleep("tick", time.Duration(math.Ceil(tick*1e9))); err != nil {
				return output{}, err
			}
			slept += tick
			ctx.Progress(slept / seconds)
		}
		return output{seconds}, nil
	}, sojourn.InputSchema(sleepInput), sojourn.Description("Sleeps for some seconds, with progress."))
}
