package postgres

import (
	"context"
	"fmt"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

var saveTombstone = prepare("INSERT INTO tombstones (execution, project, redacted, at, actor, shard) VALUES ($1, $2, $3, $4, $5, $6) " +
	"ON CONFLICT (execution, shard) DO UPDATE SET project = excluded.project, redacted = excluded.redacted, at = excluded.at, actor = excluded.actor")

// saveTombstones queues the traces of what was deleted or redacted.
func (b *batch) saveTombstones(c *store.Changes) {
	for i := range c.Tombstones {
		t := &c.Tombstones[i]
		b.add(saveTombstone, newArgs().id(t.Execution).int64(t.Project).bool(t.Redacted).int64(int64(t.At)).int64(t.Actor.Pack()).
			shard(t.Execution), nil, nil)
	}
}

// Tombstone reads the trace that a deleted or redacted execution left, or nil.
func (s *Store) Tombstone(ctx context.Context, project int64, id execution.ID) (*store.Tombstone, error) {
	var t *store.Tombstone
	err := s.query(ctx, "SELECT redacted, at, actor FROM tombstones WHERE execution = $1 AND project = $2", newArgs().id(id).int64(project), nil,
		func(row *row) error {
			t = &store.Tombstone{
				Project: project, Execution: id, Redacted: row.bool(), At: row.time(), Actor: execution.UnpackActor(row.int64()),
			}
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read tombstone of execution %s: %w", id, err)
	}
	return t, nil
}
