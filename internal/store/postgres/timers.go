package postgres

import (
	"cmp"
	"context"
	"fmt"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Due are executions of the part whose DueAt is at or before now, earliest first.
func (s *Store) Due(ctx context.Context, now execution.Time, part store.Part, limit int) ([]execution.ID, error) {
	look := s.floors.due.look()
	defer look.end()
	query := "SELECT id FROM executions WHERE due_at IS NOT NULL AND due_at <= $1 AND due_at >= $3"
	a := newArgs().int64(int64(now)).int64(int64(limit)).int64(int64(look.from))
	if !part.All() {
		query += " AND shard % $4 = $5"
		a.int16(int16(part.Of)).int16(int16(part.Index))
	}
	ids, err := s.ids(ctx, query+" ORDER BY due_at, id LIMIT $2", a)
	if err != nil {
		return nil, fmt.Errorf("read due executions: %w", err)
	}
	look.found(0)
	return ids, nil
}

// NextDue is the earliest DueAt of all, zero when there is none.
func (s *Store) NextDue(ctx context.Context) (execution.Time, error) {
	var due execution.Time
	look := s.floors.due.look()
	defer look.end()
	err := s.query(ctx, "SELECT due_at FROM executions WHERE due_at IS NOT NULL AND due_at >= $1 ORDER BY due_at, id LIMIT 1",
		newArgs().int64(int64(look.from)), func() { due = 0 }, func(r *row) error {
			due = r.time()
			return nil
		})
	if err != nil {
		return 0, fmt.Errorf("read the next due time: %w", err)
	}
	look.found(cmp.Or(due, never))
	return due, nil
}

// Ended are finished executions of the workflow that were created before the instant and ended before it, and of which
// no message waits for delivery, oldest first within each state.
func (s *Store) Ended(ctx context.Context, workflow int64, before execution.Time, limit int) ([]execution.ID, error) {
	bound := execution.MakeID(firstMilli(before), 0, 0)
	var ids []execution.ID
	for status := range execution.Status(execution.Statuses) {
		if !status.Final() || len(ids) >= limit {
			continue
		}
		found, err := s.ids(ctx, "SELECT id FROM executions AS e WHERE workflow = $1 AND status = $2 AND id < $3 AND completed_at < $4 "+
			"AND NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.execution = e.id AND d.due_at IS NOT NULL) ORDER BY id LIMIT $5",
			newArgs().int64(workflow).int16(int16(status)).id(bound).int64(int64(before)).int64(int64(limit-len(ids))))
		if err != nil {
			return nil, fmt.Errorf("read ended executions of workflow %d: %w", workflow, err)
		}
		ids = append(ids, found...)
	}
	return ids, nil
}
