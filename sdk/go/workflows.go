package sojourn

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// WorkflowService is Client.Workflows.
type WorkflowService struct{ c *Client }

// Workflow is a named piece of work that executions run.
type Workflow struct {
	ID           string          `json:"id"`
	Name         string          `json:"name"`
	Description  string          `json:"description,omitempty"`
	Version      int             `json:"version,omitempty"` // the current one; 0: none
	VersionLabel string          `json:"version_label,omitempty"`
	InputSchema  json.RawMessage `json:"input_schema,omitempty"`
	RetentionMS  int64           `json:"retention_ms,omitempty"` // how long finished executions are kept
	TimeoutMS    int64           `json:"timeout_ms,omitempty"`   // default deadline of executions
	APITrigger   bool            `json:"api_trigger"`            // it may be started through the API
	CreatedAt    time.Time       `json:"created_at"`
	UpdatedAt    time.Time       `json:"updated_at"`
	Workers      int             `json:"workers"` // live sessions that serve it
}

// WorkflowVersion is one version of a workflow.
type WorkflowVersion struct {
	ID          string          `json:"id"`
	WorkflowID  string          `json:"workflow_id"`
	Version     int             `json:"version"`
	Label       string          `json:"label,omitempty"`
	Description string          `json:"description,omitempty"`
	InputSchema json.RawMessage `json:"input_schema,omitempty"`
	CreatedAt   time.Time       `json:"created_at"`
	IsCurrent   bool            `json:"is_current"`
}

// WorkflowListParams filter a list of workflows.
type WorkflowListParams struct {
	Search string // part of the name or description
	Name   string // the whole name
	Limit  int    // 1 to 100 per page; default 20
	Cursor string
}

// WorkflowParams describe a workflow to create. Workers register theirs by themselves.
type WorkflowParams struct {
	Name        string // lower-case letters, digits, ".", "_" and "-"
	Description string
	InputSchema json.RawMessage // JSON Schema 2020-12, enforced at start
	Version     string          // label of the first version; "": none
	Retention   time.Duration   // 0: the server's default
	Timeout     time.Duration   // 0: none
}

// WorkflowUpdate changes a workflow; nil fields stay.
type WorkflowUpdate struct {
	Retention  *time.Duration
	Timeout    *time.Duration
	APITrigger *bool // false: starts are refused, with an error that is ErrForbidden
}

// VersionParams describe a new version.
type VersionParams struct {
	Label       string
	InputSchema json.RawMessage
	Description string
	NotCurrent  bool // add it without making it the current one
}

type workflowBody struct {
	Name        string          `json:"name,omitempty"`
	Description string          `json:"description,omitempty"`
	InputSchema json.RawMessage `json:"input_schema,omitempty"`
	Version     string          `json:"version,omitempty"`
	Retention   *int64          `json:"retention_ms,omitempty"`
	Timeout     *int64          `json:"timeout_ms,omitempty"`
	APITrigger  *bool           `json:"api_trigger,omitempty"`
	Current     *bool           `json:"current,omitempty"`
}

func workflowPath(name, rest string) string { return "/v1/workflows/" + url.PathEscape(name) + rest }

// List reads one page of workflows.
func (s *WorkflowService) List(ctx context.Context, p WorkflowListParams) (*Page[*Workflow], error) {
	q := url.Values{}
	set(q, "search", p.Search)
	set(q, "name", p.Name)
	page(q, p.Limit, p.Cursor)
	return call[Page[*Workflow]](ctx, s.c, request{method: http.MethodGet, path: "/v1/workflows", query: q}, nil)
}

// All reads every workflow that fits, a page at a time. An error ends it.
func (s *WorkflowService) All(ctx context.Context, p WorkflowListParams) iter.Seq2[*Workflow, error] {
	return pages(p.Cursor, func(cursor string) (*Page[*Workflow], error) {
		p.Cursor = cursor
		return s.List(ctx, p)
	})
}

// Get reads a workflow by name or id.
func (s *WorkflowService) Get(ctx context.Context, name string) (*Workflow, error) {
	return call[Workflow](ctx, s.c, request{method: http.MethodGet, path: workflowPath(name, "")}, nil)
}

// Create makes a workflow. A name that exists gives an error that is ErrConflict.
func (s *WorkflowService) Create(ctx context.Context, p WorkflowParams) (*Workflow, error) {
	return call[Workflow](ctx, s.c, request{method: http.MethodPost, path: "/v1/workflows"}, workflowBody{
		Name: p.Name, Description: p.Description, InputSchema: p.InputSchema, Version: p.Version,
		Retention: millis(p.Retention), Timeout: millis(p.Timeout),
	})
}

// Update changes a workflow's settings.
func (s *WorkflowService) Update(ctx context.Context, name string, u WorkflowUpdate) (*Workflow, error) {
	return call[Workflow](ctx, s.c, request{method: http.MethodPatch, path: workflowPath(name, "")}, workflowBody{
		Retention: graceMillis(u.Retention), Timeout: graceMillis(u.Timeout), APITrigger: u.APITrigger,
	})
}

// Delete removes a workflow; its finished executions stay. One with open executions or live workers gives an error that
// is ErrConflict.
func (s *WorkflowService) Delete(ctx context.Context, name string) error {
	_, err := s.c.do(ctx, request{method: http.MethodDelete, path: workflowPath(name, "")}, nil)
	return err
}

// Versions reads one page of a workflow's versions, newest first.
func (s *WorkflowService) Versions(ctx context.Context, name string, p WorkflowListParams) (*Page[*WorkflowVersion], error) {
	q := url.Values{}
	page(q, p.Limit, p.Cursor)
	return call[Page[*WorkflowVersion]](ctx, s.c, request{method: http.MethodGet, path: workflowPath(name, "/versions"), query: q}, nil)
}

// AllVersions reads every version, newest first. An error ends it.
func (s *WorkflowService) AllVersions(ctx context.Context, name string) iter.Seq2[*WorkflowVersion, error] {
	return pages("", func(cursor string) (*Page[*WorkflowVersion], error) {
		return s.Versions(ctx, name, WorkflowListParams{Cursor: cursor})
	})
}

// AddVersion adds a version and makes it the current one unless told not to.
func (s *WorkflowService) AddVersion(ctx context.Context, name string, p VersionParams) (*WorkflowVersion, error) {
	body := workflowBody{Version: p.Label, InputSchema: p.InputSchema, Description: p.Description}
	if p.NotCurrent {
		body.Current = new(bool)
	}
	return call[WorkflowVersion](ctx, s.c, request{method: http.MethodPost, path: workflowPath(name, "/versions")}, body)
}

// SetCurrentVersion makes a version, named by label or number, the current one.
func (s *WorkflowService) SetCurrentVersion(ctx context.Context, name, version string) (*WorkflowVersion, error) {
	return call[WorkflowVersion](ctx, s.c, request{method: http.MethodPut, path: workflowPath(name, "/versions/current")}, workflowBody{Version: version})
}
