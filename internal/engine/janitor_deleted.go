package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// deletedFor is how long after its deletion a workflow is looked at.
const deletedFor = time.Hour

// deleted cancels what another server started in a workflow in the moment in which this one deleted it, before it had
// heard of that: nobody would ever run it.
func (j *janitor) deleted(ctx context.Context, now execution.Time) error {
	e := j.e
	if e.cluster == nil {
		return nil
	}
	for _, w := range e.catalog.Load().workflows {
		if at := w.record.Load().DeletedAt; at == 0 || now.Sub(at) > deletedFor {
			continue
		}
		page, err := e.store.List(ctx, store.ListQuery{
			Project: w.project, Workflows: []int64{w.key}, Status: execution.Open, Limit: recoverBatch,
		})
		if err != nil {
			return fmt.Errorf("look for executions of the deleted workflow %q: %w", w.info.Name, err)
		}
		ids := make([]execution.ID, len(page.Items))
		for i, x := range page.Items {
			ids[i] = x.ID
		}
		err = e.writeEach(ids, recoverBatch, func(t *tx, row *store.Row) {
			was := snapshot(row)
			ev, ok, err := row.RequestCancel(execution.Cancel{Note: "the workflow was deleted at the same time", Grace: e.cfg.CancelGrace}, t.now)
			if err == nil && ok {
				t.takeAway(row, was, ev)
			}
		})
		if err != nil {
			return fmt.Errorf("cancel what was started in the deleted workflow %q: %w", w.info.Name, err)
		}
	}
	return nil
}
