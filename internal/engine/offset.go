package engine

import (
	"context"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// ListAt reads the executions that the request selects from the offset on, newest first, and how many it selects in
// all, counted one by one where it must be. It is for requests by state, workflow and dates; the cursor does not apply.
// A page far from the beginning costs as much as all before it.
func (e *Engine) ListAt(ctx context.Context, c *Caller, r *ListRequest, offset int64) (items []*View, total int64, err error) {
	q, err := e.query(c, r)
	if err != nil {
		return nil, 0, err
	}
	n, err := e.store.Counts(ctx, store.CountQuery{Project: c.Project, Workflows: q.Workflows, From: q.From, To: q.To, Exact: true})
	if err != nil {
		return nil, 0, err
	}
	for status, count := range n.N {
		if q.Status == 0 || q.Status.Has(execution.Status(status)) {
			total += count
		}
	}
	if offset >= total {
		return nil, total, nil
	}
	q.Offset = int(offset)
	page, err := e.store.List(ctx, q)
	if err != nil {
		return nil, 0, err
	}
	items = make([]*View, len(page.Items))
	for i, x := range page.Items {
		items[i] = e.view(x.Row, x.FirstEvent, x.LastEvent)
	}
	return items, total, nil
}

// WorkflowsAt reads the workflows that the query selects from the offset on, by name, and how many it selects in all.
func (e *Engine) WorkflowsAt(_ context.Context, c *Caller, q WorkflowQuery, offset int64) (page []WorkflowView, total int64) {
	found := e.workflows(c, &q)
	total = int64(len(found))
	found = found[min(offset, total):]
	for _, w := range found[:min(len(found), q.Limit)] {
		page = append(page, *e.workflowView(w))
	}
	return page, total
}
