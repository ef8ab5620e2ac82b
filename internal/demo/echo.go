package demo

import (
	"encoding/json"

	"github.com/sojournhq/sojourn/sdk/go"
)

// registerEcho offers the smallest workflow there is: its output is its input.
func registerEcho(w *sojourn.Worker) {
	sojourn.Handle(w, "echo", func(_ *sojourn.Context, in json.RawMessage) (json.RawMessage, error) {
		return in, nil
	}, sojourn.Description("Returns its input."))
}
