package postgres

import (
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

var (
	deleteExecutions = prepare(exactly("DELETE FROM executions WHERE id = ANY($1) AND status >= 5 RETURNING 1"))
	finalExecutions  = prepare("SELECT 1 / (count(*) = $2)::int FROM executions WHERE id = ANY($1) AND status >= 5")
	deleteHistory    = prepare("DELETE FROM journal WHERE execution = ANY($1)")
	redactHistory    = prepare("UPDATE journal SET body = NULL, details = NULL, message = NULL WHERE execution = ANY($1) " +
		"AND (body IS NOT NULL OR details IS NOT NULL OR message IS NOT NULL)")
	deleteMetadata = prepare("DELETE FROM metadata WHERE execution = ANY($1)")
	deleteLogs     = prepare("DELETE FROM logs WHERE execution = ANY($1)")
	deleteLinks    = prepare("DELETE FROM approval_links WHERE execution = ANY($1)")
)

// redact queues removing what final executions say about their subjects. That they were is kept.
func (b *batch) redact(c *store.Changes, now execution.Time) {
	n := len(c.Redact)
	if n == 0 {
		return
	}
	ids := newArgs().ids(n, func(i int) execution.ID { return c.Redact[i].ID })
	b.add(finalExecutions, ids.clone().int64(int64(n)), nil, nil)
	b.add(redactHistory, ids, nil, nil)
	b.deleteFindings(ids)
	b.redactDeliveries(ids, now)
}

// deleteRows queues removing final executions with all they own.
func (b *batch) deleteRows(c *store.Changes) {
	n := len(c.Delete)
	if n == 0 {
		return
	}
	ids := newArgs().ids(n, func(i int) execution.ID { return c.Delete[i].ID })
	b.deleteFindings(ids)
	b.deleteDeliveries(ids)
	b.add(deleteHistory, ids, nil, nil)
	b.add(deleteExecutions, ids.clone().int64(int64(n)), nil, nil)
}

// deleteFindings queues removing executions' metadata, logs and approval links, and their uses of files.
func (b *batch) deleteFindings(ids *args) {
	b.add(deleteMetadata, ids, nil, nil)
	b.add(deleteLogs, ids, nil, nil)
	b.add(deleteLinks, ids, nil, nil)
	b.releaseFiles(ids)
}
