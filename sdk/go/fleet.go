package sojourn

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// WorkerService is Client.Workers.
type WorkerService struct{ c *Client }

// WorkerInfo is a live worker session.
type WorkerInfo struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	SDK        string    `json:"sdk,omitempty"`
	Version    string    `json:"version,omitempty"`
	Workflows  []string  `json:"workflows"`
	Capacity   int       `json:"capacity"`
	Held       int       `json:"held"`
	LastSeenAt time.Time `json:"last_seen_at,omitzero"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	Draining   bool      `json:"draining"`
}

// List reads the live worker sessions.
func (s *WorkerService) List(ctx context.Context) ([]WorkerInfo, error) {
	out, err := call[Page[WorkerInfo]](ctx, s.c, request{method: http.MethodGet, path: "/v1/workers"}, nil)
	if err != nil {
		return nil, err
	}
	return out.Data, nil
}

// ProjectService is Client.Projects.
type ProjectService struct{ c *Client }

// Project owns workflows, executions and keys.
type Project struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

// List reads the projects.
func (s *ProjectService) List(ctx context.Context) ([]Project, error) {
	out, err := call[Page[Project]](ctx, s.c, request{method: http.MethodGet, path: "/v1/projects"}, nil)
	if err != nil {
		return nil, err
	}
	return out.Data, nil
}

// Create makes a project. A name that exists gives an error that is ErrConflict.
func (s *ProjectService) Create(ctx context.Context, name string) (*Project, error) {
	return call[Project](ctx, s.c, request{method: http.MethodPost, path: "/v1/projects"}, map[string]string{"name": name})
}

// Info says what server and project the client talks to.
type Info struct {
	Version  string          `json:"version"`
	Protocol int             `json:"protocol"`
	Project  Project         `json:"project"`
	Key      APIKey          `json:"key"`
	Limits   json.RawMessage `json:"limits,omitempty"`
}

// Info asks the server about itself; any key may.
func (c *Client) Info(ctx context.Context) (*Info, error) {
	return call[Info](ctx, c, request{method: http.MethodGet, path: "/v1/info"}, nil)
}
