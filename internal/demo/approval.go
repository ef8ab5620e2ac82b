package demo

import (
	"encoding/json"
	"math"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
)

var approvalInput = json.RawMessage(`{
  "type": "object",
  "properties": {
    "question": {"type": "string", "description": "what the approver gets to see; default: May this go on?"},
    "timeout_seconds": {"type": "number", "minimum": 0, "maximum": 7776000, "description": "how long to wait; default: 3 days"}
  },
  "additionalProperties": false
}`)

// registerApproval offers a workflow that waits for a person. While it waits no worker holds it: it may take days. A
// refusal that the handler returns ends the execution rejected.
func registerApproval(w *sojourn.Worker) {
	type input struct {
		Question string   `json:"question"`
		Timeout  *float64 `json:"timeout_seconds"`
	}
	type shown struct {
		Question string `json:"question"`
	}
	type output struct {
		Approved bool   `json:"approved"`
		Comment  string `json:"comment,omitempty"`
		By       string `json:"by,omitempty"`
	}
	sojourn.Handle(w, "approval", func(ctx *sojourn.Context, in input) (output, error) {
		if in.Question == "" {
			in.Question = "May this go on?"
		}
		timeout := 72 * time.Hour
		if in.Timeout != nil {
			timeout = time.Duration(math.Ceil(*in.Timeout * 1e9))
		}
		decision, err := ctx.WaitForApproval("manager", sojourn.Payload(shown{in.Question}), sojourn.Timeout(timeout))
		if err != nil {
			return output{}, err
		}
		return output{true, decision.Comment, decision.By}, nil
	}, sojourn.InputSchema(approvalInput), sojourn.Description("Waits until somebody approves or rejects."))
}
