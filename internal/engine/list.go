package engine

import (
	"context"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// ListRequest selects executions of the caller's project, newest first.
type ListRequest struct {
	Status   execution.StatusSet // 0: all
	Workflow string              // name or id, also of a deleted workflow; empty: all
	From, To time.Time           // bounds of creation, inclusive
	Metadata map[string]string
	Triggers []execution.Trigger
	Awaiting execution.WaitFilter
	Text     string
	Limit    int
	Cursor   execution.ID // only older ones
	Counts   bool         // count by state too, with the same workflow and dates
}

// ListResult is one page.
type ListResult struct {
	Items         []*View
	More          bool
	Next          execution.ID // the cursor of the next page when there is more
	SearchedUntil execution.ID // set when the search stopped early
	Counts        *Counts
}

// Counts is how many executions there are in each state.
type Counts = store.Counts

// query is the store's query for what the caller asks.
func (e *Engine) query(c *Caller, r *ListRequest) (store.ListQuery, error) {
	q := store.ListQuery{
		Project: c.Project, Status: r.Status, Metadata: r.Metadata, Triggers: r.Triggers, Awaiting: r.Awaiting, Text: r.Text,
		Before: r.Cursor, Limit: r.Limit, Payloads: true,
	}
	if !r.From.IsZero() {
		q.From = execution.TimeOf(r.From)
	}
	if !r.To.IsZero() {
		q.To = execution.TimeOf(r.To)
	}
	if r.Workflow != "" {
		w := e.lookup(c.Project, r.Workflow, true)
		if w == nil {
			return q, &Error{
				Code: CodeNotFound, Message: "workflow not found",
				Fields: []FieldError{{"workflow_id", string(CodeNotFound), "no workflow has this name or id"}},
			}
		}
		q.Workflows = []int64{w.key}
	}
	return q, nil
}

// List reads one page of executions.
func (e *Engine) List(ctx context.Context, c *Caller, r *ListRequest) (*ListResult, error) {
	q, err := e.query(c, r)
	if err != nil {
		return nil, err
	}
	page, err := e.store.List(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &ListResult{More: page.More, SearchedUntil: page.SearchedUntil, Items: make([]*View, len(page.Items))}
	for i, x := range page.Items {
		out.Items[i] = e.view(x.Row, x.FirstEvent, x.LastEvent)
	}
	switch {
	case !page.SearchedUntil.IsZero():
		out.Next = page.SearchedUntil
	case page.More && len(page.Items) > 0:
		out.Next = page.Items[len(page.Items)-1].ID
	}
	if r.Counts {
		n, err := e.store.Counts(ctx, store.CountQuery{Project: c.Project, Workflows: q.Workflows, From: q.From, To: q.To})
		if err != nil {
			return nil, err
		}
		out.Counts = &n
	}
	return out, nil
}

// Counts reads how many executions there are in each state, of one workflow or of all.
func (e *Engine) Counts(ctx context.Context, c *Caller, workflow string, from, to time.Time) (*Counts, error) {
	q, err := e.query(c, &ListRequest{Workflow: workflow, From: from, To: to})
	if err != nil {
		return nil, err
	}
	n, err := e.store.Counts(ctx, store.CountQuery{Project: c.Project, Workflows: q.Workflows, From: q.From, To: q.To})
	if err != nil {
		return nil, err
	}
	return &n, nil
}
