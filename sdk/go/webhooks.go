package sojourn

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// WebhookService is Client.Webhooks: where messages about executions go, and what became of them. It needs the scope
// webhooks:manage.
type WebhookService struct {
	// Endpoints are the URLs that hear of the project's executions.
	Endpoints *WebhookEndpointService
	// Deliveries are the messages to them, and the callbacks.
	Deliveries *WebhookDeliveryService

	c *Client
}

// WebhookEndpointService is Client.Webhooks.Endpoints.
type WebhookEndpointService struct{ c *Client }

// WebhookDeliveryService is Client.Webhooks.Deliveries.
type WebhookDeliveryService struct{ c *Client }

// What a webhook endpoint can hear of.
const (
	WebhookCreated       = "created"        // an execution was started
	WebhookStatusChanged = "status_changed" // its status changed to one that is not final
	WebhookTerminal      = "terminal"       // it ended
)

// WebhookEndpoint is a URL that hears of the project's executions.
type WebhookEndpoint struct {
	ID             string    `json:"id"`
	URL            string    `json:"url"`
	Description    string    `json:"description,omitempty"`
	Events         []string  `json:"events"`              // WebhookCreated, WebhookStatusChanged, WebhookTerminal
	Workflows      []string  `json:"workflows,omitempty"` // the only ones it hears of; nil: all
	Enabled        bool      `json:"enabled"`
	DisabledReason string    `json:"disabled_reason,omitempty"` // by_request, or receiver_gone after an answer 410
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"`
	SecretHints    []string  `json:"secret_hints"` // the ends of the secrets that sign now, the newest first
	// Secret is what receivers verify with. Create and Rotate alone return it; nobody can read it again.
	Secret string `json:"secret,omitempty"`
}

// WebhookEndpointParams describe an endpoint to make.
type WebhookEndpointParams struct {
	URL         string   `json:"url"`
	Description string   `json:"description,omitempty"`
	Events      []string `json:"events,omitempty"`    // default: WebhookTerminal
	Workflows   []string `json:"workflows,omitempty"` // names of the only ones it hears of; default: all
	Disabled    bool     `json:"-"`                   // nothing is sent until it is enabled
	Secret      string   `json:"secret,omitempty"`    // whsec_ and base64 of 24 to 64 bytes; default: one is made
}

// WebhookEndpointUpdate changes an endpoint. What is nil stays as it is.
type WebhookEndpointUpdate struct {
	URL         *string
	Description *string
	Events      []string
	Workflows   []string // empty and not nil: all
	Enabled     *bool    // false cancels what waits for delivery to it
}

// Create makes an endpoint. Its secret is in the answer, this once. It is not retried when the outcome is unknown.
func (s *WebhookEndpointService) Create(ctx context.Context, p WebhookEndpointParams) (*WebhookEndpoint, error) {
	body := struct {
		WebhookEndpointParams
		Enabled bool `json:"enabled"`
	}{p, !p.Disabled}
	return call[WebhookEndpoint](ctx, s.c, request{method: http.MethodPost, path: "/v1/webhooks/endpoints", once: true}, body)
}

// List reads the endpoints of the project, newest first.
func (s *WebhookEndpointService) List(ctx context.Context) ([]*WebhookEndpoint, error) {
	out, err := call[Page[*WebhookEndpoint]](ctx, s.c, request{method: http.MethodGet, path: "/v1/webhooks/endpoints"}, nil)
	if err != nil {
		return nil, err
	}
	return out.Data, nil
}

func endpointPath(id, rest string) string {
	return "/v1/webhooks/endpoints/" + url.PathEscape(id) + rest
}

// Get reads an endpoint.
func (s *WebhookEndpointService) Get(ctx context.Context, id string) (*WebhookEndpoint, error) {
	return call[WebhookEndpoint](ctx, s.c, request{method: http.MethodGet, path: endpointPath(id, "")}, nil)
}

// Update changes an endpoint.
func (s *WebhookEndpointService) Update(ctx context.Context, id string, p WebhookEndpointUpdate) (*WebhookEndpoint, error) {
	body := map[string]any{}
	if p.URL != nil {
		body["url"] = *p.URL
	}
	if p.Description != nil {
		body["description"] = *p.Description
	}
	if p.Events != nil {
		body["events"] = p.Events
	}
	switch {
	case len(p.Workflows) > 0:
		body["workflows"] = p.Workflows
	case p.Workflows != nil:
		body["workflows"] = nil
	}
	if p.Enabled != nil {
		body["enabled"] = *p.Enabled
	}
	return call[WebhookEndpoint](ctx, s.c, request{method: http.MethodPatch, path: endpointPath(id, "")}, body)
}

// Delete removes an endpoint; what waits for delivery to it is cancelled.
func (s *WebhookEndpointService) Delete(ctx context.Context, id string) error {
	_, err := s.c.do(ctx, request{method: http.MethodDelete, path: endpointPath(id, "")}, nil)
	return err
}

// Rotate gives an endpoint a new secret, which is in the answer, this once. For the grace, messages are signed with the
// old one too; nil: 24 hours. It is not retried when the outcome is unknown.
func (s *WebhookEndpointService) Rotate(ctx context.Context, id string, grace *time.Duration) (*WebhookEndpoint, error) {
	return call[WebhookEndpoint](ctx, s.c, request{method: http.MethodPost, path: endpointPath(id, "/rotate"), once: true}, graceBody(grace))
}

func graceBody(grace *time.Duration) map[string]int64 {
	body := map[string]int64{}
	if grace != nil {
		body["grace_ms"] = grace.Milliseconds()
	}
	return body
}

// Test sends an endpoint a message of the type endpoint.test, once, also when it is disabled. Deliveries.Get tells how it
// went.
func (s *WebhookEndpointService) Test(ctx context.Context, id string) (*WebhookDelivery, error) {
	return call[WebhookDelivery](ctx, s.c, request{method: http.MethodPost, path: endpointPath(id, "/test"), once: true}, struct{}{})
}

// CallbackSecret is a secret that signs the callbacks of a project's executions.
type CallbackSecret struct {
	Secret    string    `json:"secret"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: it does not expire
}

type callbackSecrets struct {
	Secrets []CallbackSecret `json:"secrets"`
}

// CallbackSecrets reads the secrets that sign callbacks, the newest first: one, or two after a rotation. Verify with all
// of them.
func (s *WebhookService) CallbackSecrets(ctx context.Context) ([]CallbackSecret, error) {
	out, err := call[callbackSecrets](ctx, s.c, request{method: http.MethodGet, path: "/v1/webhooks/callback-secret"}, nil)
	if err != nil {
		return nil, err
	}
	return out.Secrets, nil
}

// RotateCallbackSecret makes a new secret for callbacks. For the grace they are signed with the old one too; nil: 24
// hours. It is not retried when the outcome is unknown.
func (s *WebhookService) RotateCallbackSecret(ctx context.Context, grace *time.Duration) ([]CallbackSecret, error) {
	out, err := call[callbackSecrets](ctx, s.c, request{method: http.MethodPost, path: "/v1/webhooks/callback-secret/rotate", once: true}, graceBody(grace))
	if err != nil {
		return nil, err
	}
	return out.Secrets, nil
}

// The states of a delivery.
const (
	DeliveryPending   = "pending"   // there will be an attempt
	DeliveryDelivered = "delivered" // the receiver accepted it
	DeliveryDead      = "dead"      // the receiver did not accept it in time, or refused it for good
	DeliveryCancelled = "cancelled" // it is no longer wanted
)

// WebhookDelivery is one message on its way to one URL.
type WebhookDelivery struct {
	ID            string    `json:"id"`   // the webhook-id of every attempt
	Kind          string    `json:"kind"` // callback, endpoint or test
	EndpointID    string    `json:"endpoint_id,omitempty"`
	ExecutionID   string    `json:"execution_id,omitempty"`
	Revision      int64     `json:"revision,omitempty"` // of the execution
	Type          string    `json:"type"`               // as execution.completed
	URL           string    `json:"url,omitempty"`
	State         string    `json:"state"`
	Attempts      int       `json:"attempts"`
	NextAttemptAt time.Time `json:"next_attempt_at,omitzero"`
	CreatedAt     time.Time `json:"created_at"`
	DeliveredAt   time.Time `json:"delivered_at,omitzero"`
	LastError     string    `json:"last_error,omitempty"`

	AttemptLog []WebhookAttempt `json:"attempt_log,omitempty"` // not in lists
	Body       string           `json:"body,omitempty"`        // what is sent, exactly; not in lists
}

// WebhookAttempt is one request that was made for a delivery.
type WebhookAttempt struct {
	At              time.Time `json:"at"`
	DurationMS      int64     `json:"duration_ms"`
	Status          int       `json:"status,omitempty"` // of the answer; 0: there was none
	Error           string    `json:"error,omitempty"`
	ResponseExcerpt string    `json:"response_excerpt,omitempty"` // how the answer began
}

// WebhookDeliveryParams select deliveries. Fields that are set must all hold.
type WebhookDeliveryParams struct {
	EndpointID  string
	ExecutionID string
	States      []string // as DeliveryPending; nil: all
	Limit       int      // of a page; 0: 20
	Cursor      string   // NextCursor of the page before
}

func (p *WebhookDeliveryParams) query() url.Values {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("endpoint_id", p.EndpointID)
	set("execution_id", p.ExecutionID)
	set("state", strings.Join(p.States, ","))
	set("cursor", p.Cursor)
	if p.Limit != 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	return q
}

// List reads a page of deliveries, newest first.
func (s *WebhookDeliveryService) List(ctx context.Context, p WebhookDeliveryParams) (*Page[*WebhookDelivery], error) {
	return call[Page[*WebhookDelivery]](ctx, s.c, request{method: http.MethodGet, path: "/v1/webhooks/deliveries", query: p.query()}, nil)
}

// All reads all deliveries, newest first. An error ends it.
func (s *WebhookDeliveryService) All(ctx context.Context, p WebhookDeliveryParams) iter.Seq2[*WebhookDelivery, error] {
	return pages(p.Cursor, func(cursor string) (*Page[*WebhookDelivery], error) {
		p.Cursor = cursor
		return s.List(ctx, p)
	})
}

// Get reads a delivery with its attempts and its body.
func (s *WebhookDeliveryService) Get(ctx context.Context, id string) (*WebhookDelivery, error) {
	return call[WebhookDelivery](ctx, s.c, request{method: http.MethodGet, path: "/v1/webhooks/deliveries/" + url.PathEscape(id)}, nil)
}

// Redeliver sends a message again, whatever became of it; its schedule of attempts begins anew.
func (s *WebhookDeliveryService) Redeliver(ctx context.Context, id string) (*WebhookDelivery, error) {
	return call[WebhookDelivery](ctx, s.c, request{method: http.MethodPost, path: "/v1/webhooks/deliveries/" + url.PathEscape(id) + "/redeliver"}, struct{}{})
}
