package sojourn

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// DecisionParams say what Approve and Reject decide and why.
type DecisionParams struct {
	Name    string // of the approval; may be empty when exactly one is awaited
	Step    string // which wait of that name, for example "manager#2"; "": the oldest that is awaited
	Comment string // for the handler and the history
	By      string // display name of the person who decided; the key that was used is kept anyway
	Payload any    // any value that encodes to JSON, for the handler; nil: none
}

type decisionBody struct {
	Name    string          `json:"name,omitempty"`
	Step    string          `json:"step,omitempty"`
	Comment string          `json:"comment,omitempty"`
	By      string          `json:"by,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// Approve approves what an execution awaits. When no such approval is awaited (it has not begun, or is decided) the
// error is ErrNotAwaiting; when the execution has ended, ErrAlreadyTerminal. The call is not retried when its outcome is
// unknown: a repeat could decide the next approval. With a Step it could not, and may be sent again.
func (s *ExecutionService) Approve(ctx context.Context, id string, p DecisionParams) (*Execution, error) {
	return s.decide(ctx, id, "/approve", p)
}

// Reject refuses what an execution awaits: unless its handler handles that, it ends rejected with the comment as error.
// Errors are those of Approve.
func (s *ExecutionService) Reject(ctx context.Context, id string, p DecisionParams) (*Execution, error) {
	return s.decide(ctx, id, "/reject", p)
}

func (s *ExecutionService) decide(ctx context.Context, id, verb string, p DecisionParams) (*Execution, error) {
	body := decisionBody{Name: p.Name, Step: p.Step, Comment: p.Comment, By: p.By}
	if p.Payload != nil {
		var err error
		if body.Payload, err = encode(p.Payload); err != nil {
			return nil, encodingError("payload", err)
		}
	}
	return call[Execution](ctx, s.c, request{method: http.MethodPost, path: executionPath(id, verb), once: true}, body)
}

func encodingError(what string, err error) error {
	return fmt.Errorf("sojourn: encoding the %s: %w", what, err)
}

// ApprovalLinkParams say for which approval a link is and how long it works.
type ApprovalLinkParams struct {
	Name string // of the approval; may be empty when exactly one is awaited
	Step string // which wait of that name, for example "manager#2"; "": the first
	// ExpiresIn is how long the link works, at most 90 days. 0: 7 days.
	ExpiresIn time.Duration
}

// ApprovalLink lets whoever has it decide one approval, once. It shows a page with the approval's payload and two
// buttons. The server keeps only a hash of the token.
type ApprovalLink struct {
	URL       string    `json:"url"`
	Token     string    `json:"token"`
	Step      string    `json:"step"`
	ExpiresAt time.Time `json:"expires_at"`
}

type approvalLinkBody struct {
	Name      string `json:"name,omitempty"`
	Step      string `json:"step,omitempty"`
	ExpiresIn *int64 `json:"expires_in_ms,omitempty"`
	Lease     string `json:"lease,omitempty"`
}

// CreateApprovalLink makes a link with which a person without a key decides an approval. With a Name it may be made
// before the wait begins. The link dies with its wait and when it expires.
func (s *ExecutionService) CreateApprovalLink(ctx context.Context, id string, p ApprovalLinkParams) (*ApprovalLink, error) {
	return s.c.createApprovalLink(ctx, id, p, "")
}

func (c *Client) createApprovalLink(ctx context.Context, id string, p ApprovalLinkParams, lease string) (*ApprovalLink, error) {
	return call[ApprovalLink](ctx, c, request{method: http.MethodPost, path: executionPath(id, "/approval-links")},
		approvalLinkBody{p.Name, p.Step, millis(p.ExpiresIn), lease})
}

// CreateApprovalLink makes a link for an approval that the handler is going to wait for, by the worker's own key. Make it
// in a step, and send it from the same step: the token is shown only once.
func (c *Context) CreateApprovalLink(ctx context.Context, p ApprovalLinkParams) (*ApprovalLink, error) {
	return c.a.s.w.client.createApprovalLink(ctx, c.a.id, p, c.a.lease)
}
