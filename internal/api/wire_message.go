package api

import (
	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
)

// maxMessageOutput is the largest output that a message carries; a larger one is left to be fetched.
const maxMessageOutput = 20 * kib

// messageType is the name of what a message tells.
func messageType(d *engine.Delivery) string {
	switch d.Type {
	case engine.MessageCreated:
		return "execution.created"
	case engine.MessageTerminal:
		return "execution." + d.Status.String()
	case engine.MessageTest:
		return "endpoint.test"
	default:
		return "execution.status_changed"
	}
}

// Message is the body of a message to a receiver of callbacks or webhooks: the same bytes for the same message.
func (a *API) Message(m *engine.Message) []byte {
	b := appendID(make([]byte, 0, 1024), `{"id":`, execution.PrefixEvent, m.ID)
	b = appendText(b, `,"type":`, messageType(&m.Delivery))
	b = appendTime(b, `,"created_at":`, m.At)
	b = append(b, `,"data":`...)
	if m.View == nil {
		b = appendID(b, `{"endpoint_id":`, execution.PrefixEndpoint, m.EndpointID)
		return append(b, '}', '}')
	}
	with := parts{message: true}
	if len(m.View.Output) > maxMessageOutput {
		with.outputURL = a.cfg.PublicURL + "/v1/executions/" + m.View.ID.String()
	}
	b = a.appendExecution(b, m.View, with)
	return append(b, '}')
}
