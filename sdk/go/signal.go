package sojourn

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// SignalParams are what Signal sends.
type SignalParams struct {
	Payload any // any value that encodes to JSON, at most 1 MiB; nil: none
	// IdempotencyKey makes a repeat do nothing, as long as it is among the execution's last 64 signals. "": made once for
	// this call.
	IdempotencyKey string
}

// Signal sends an execution a signal of the name, for a handler's WaitForSignal. It does not matter which comes first:
// signals are kept in their order until a wait takes them, at most 1,000. The call may be retried: all tries carry one
// idempotency key and make one signal. An execution that has ended gives an error that is ErrAlreadyTerminal.
func (s *ExecutionService) Signal(ctx context.Context, id, name string, p SignalParams) (*Execution, error) {
	var body struct {
		Payload json.RawMessage `json:"payload,omitempty"`
	}
	if p.Payload != nil {
		var err error
		if body.Payload, err = encode(p.Payload); err != nil {
			return nil, encodingError("payload", err)
		}
	}
	return call[Execution](ctx, s.c, request{
		method: http.MethodPost, path: executionPath(id, "/signals/"+url.PathEscape(name)),
		header: http.Header{"Idempotency-Key": {firstOf(p.IdempotencyKey, NewIdempotencyKey())}},
	}, body)
}
