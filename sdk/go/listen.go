package sojourn

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// ListenParams select the messages of Listen. Zero fields do not filter.
type ListenParams struct {
	Events    []string // created, status_changed, terminal
	Workflows []string // names or ids
	After     string   // the Place of the last message that was seen; "": from now
	// Opened is called with the secret that messages are signed with when the stream is open, and again after each time
	// it was opened anew, for the secret may have been rotated.
	Opened func(secret string)
}

// WebhookMessage is a message as a webhook endpoint would get it.
type WebhookMessage struct {
	ID          string            `json:"id"`   // the same whenever it is read
	Type        string            `json:"type"` // such as execution.completed
	ExecutionID string            `json:"execution_id"`
	Headers     map[string]string `json:"headers"` // to pass it on with
	Body        string            `json:"body"`    // to pass on as it is

	Place string `json:"-"` // to go on after it
}

// Header is Headers for an HTTP request and for VerifyWebhook.
func (m *WebhookMessage) Header() http.Header {
	h := http.Header{}
	for name, value := range m.Headers {
		h.Set(name, value)
	}
	return h
}

// Listen yields the messages that a webhook endpoint would get about the project's executions, signed, for programs
// without an address that the server could reach. Nothing is recorded, and nothing comes twice. It ends as Client.Events
// does.
func (s *WebhookService) Listen(ctx context.Context, p ListenParams) iter.Seq2[*WebhookMessage, error] {
	f := follower{c: s.c, path: "/v1/webhooks/listen", query: url.Values{}, last: p.After}
	for _, w := range p.Workflows {
		f.query.Add("workflow_id", w)
	}
	if len(p.Events) > 0 {
		f.query.Set("events", strings.Join(p.Events, ","))
	}
	return streamed(ctx, f, func(f *follower, name string, data []byte) (*WebhookMessage, bool, error) {
		if name == "ready" {
			var ready struct {
				Secret string `json:"secret"`
			}
			if err := json.Unmarshal(data, &ready); err != nil {
				return nil, false, fmt.Errorf("sojourn: the beginning of %s is not what the API promises: %w", f.path, err)
			}
			if p.Opened != nil {
				p.Opened(ready.Secret)
			}
			return nil, false, nil
		}
		m := &WebhookMessage{Place: f.last}
		if err := json.Unmarshal(data, m); err != nil {
			return nil, false, fmt.Errorf("sojourn: a message of %s is not what the API promises: %w", f.path, err)
		}
		return m, true, nil
	})
}
