package sojourn

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// KeyService is Client.Keys.
type KeyService struct{ c *Client }

// Scopes of API keys.
const (
	ScopeStart           = "executions:start"
	ScopeRead            = "executions:read"
	ScopeCancel          = "executions:cancel"
	ScopeSignal          = "executions:signal"
	ScopeApprove         = "executions:approve"
	ScopeManage          = "executions:manage"
	ScopeWorkflowsRead   = "workflows:read"
	ScopeWorkflowsManage = "workflows:manage"
	ScopeWorkers         = "workers:run"
	ScopeKeys            = "keys:manage"
	ScopeWebhooks        = "webhooks:manage"
	ScopeFilesRead       = "files:read"
	ScopeFilesWrite      = "files:write"
	ScopeAdmin           = "admin"
)

// KeyParams describe a key to make.
type KeyParams struct {
	Name      string    `json:"name,omitempty"`
	Scopes    []string  `json:"scopes"`
	Workflows []string  `json:"workflows,omitempty"`  // binds a worker key to these
	RateLimit string    `json:"rate_limit,omitempty"` // for example "10/s"; "": none
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Project   string    `json:"project,omitempty"` // id or name; admin keys only
}

// APIKey is a key that authenticates requests, and what it may do.
type APIKey struct {
	ID         string    `json:"id"`
	Name       string    `json:"name,omitempty"`
	Last4      string    `json:"last4,omitempty"` // the end of the secret, to recognise it
	Scopes     []string  `json:"scopes"`
	Workflows  []string  `json:"workflows,omitempty"`
	RateLimit  float64   `json:"rate_limit,omitempty"` // requests per second; 0: none
	Project    string    `json:"project,omitempty"`
	CreatedAt  time.Time `json:"created_at,omitzero"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
	// Secret is the key itself. Create alone returns it; nobody can read it again.
	Secret string `json:"key,omitempty"`
}

// Create makes a key. It is not retried when the outcome is unknown, so that no key exists that nobody knows.
func (s *KeyService) Create(ctx context.Context, p KeyParams) (*APIKey, error) {
	return call[APIKey](ctx, s.c, request{method: http.MethodPost, path: "/v1/keys", once: true}, p)
}

// List reads the keys of the project.
func (s *KeyService) List(ctx context.Context) ([]*APIKey, error) {
	out, err := call[Page[*APIKey]](ctx, s.c, request{method: http.MethodGet, path: "/v1/keys"}, nil)
	if err != nil {
		return nil, err
	}
	return out.Data, nil
}

// All reads the keys of the project. An error ends it.
func (s *KeyService) All(ctx context.Context) iter.Seq2[*APIKey, error] {
	return pages("", func(string) (*Page[*APIKey], error) {
		return call[Page[*APIKey]](ctx, s.c, request{method: http.MethodGet, path: "/v1/keys"}, nil)
	})
}

// Revoke ends a key at once.
func (s *KeyService) Revoke(ctx context.Context, id string) error {
	_, err := s.c.do(ctx, request{method: http.MethodDelete, path: "/v1/keys/" + url.PathEscape(id)}, nil)
	return err
}
