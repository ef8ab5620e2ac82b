package sqlite

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Due are executions of the part whose DueAt is at or before now, earliest first.
func (s *Store) Due(ctx context.Context, now execution.Time, part store.Part, limit int) ([]execution.ID, error) {
	var ids []execution.ID
	err := s.read(ctx, func(conn *sqlite.Conn) (err error) {
		const due = "SELECT pk, tail FROM executions INDEXED BY executions_due WHERE due_at IS NOT NULL AND due_at <= ?"
		const order = " ORDER BY due_at, pk LIMIT ?"
		if part.All() {
			ids, err = idsOf(conn, due+order, int64(now), int64(limit))
		} else {
			ids, err = idsOf(conn, due+" AND (tail & ?) % ? = ?"+order, int64(now), 1<<execution.ShardBits-1, int64(part.Of), int64(part.Index), int64(limit))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read due executions: %w", err)
	}
	return ids, nil
}

// NextDue is the earliest DueAt of all, zero when there is none.
func (s *Store) NextDue(ctx context.Context) (execution.Time, error) {
	var due int64
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return queryInt(conn, "SELECT due_at FROM executions INDEXED BY executions_due "+
			"WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1", &due)
	})
	if err != nil {
		return 0, fmt.Errorf("read the next due time: %w", err)
	}
	return execution.Time(due), nil
}

// Ended are finished executions of the workflow that were created before the instant and ended before it, and of which
// no message waits for delivery, oldest first within each state.
func (s *Store) Ended(ctx context.Context, workflow int64, before execution.Time, limit int) ([]execution.ID, error) {
	var ids []execution.ID
	bound := execution.MakeID(max(floorDiv(int64(before)-1, 1000)+1, 0), 0, 0).Order()
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		for status := range execution.Status(execution.Statuses) {
			if !status.Final() || len(ids) >= limit {
				continue
			}
			found, err := idsOf(conn, "SELECT pk, tail FROM executions INDEXED BY executions_list "+
				"WHERE workflow = ? AND status = ? AND pk < ? AND completed_at < ? AND NOT EXISTS (SELECT 1 FROM deliveries AS d "+
				"WHERE d.execution = executions.pk AND d.due_at IS NOT NULL) ORDER BY pk LIMIT ?",
				workflow, int64(status), bound, int64(before), int64(limit-len(ids)))
			if err != nil {
				return err
			}
			ids = append(ids, found...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read ended executions of workflow %d: %w", workflow, err)
	}
	return ids, nil
}

// idsOf reads ids from the columns pk and tail.
func idsOf(conn *sqlite.Conn, query string, args ...int64) ([]execution.ID, error) {
	st, err := conn.Prepare(query)
	if err != nil {
		return nil, err
	}
	for i, a := range args {
		st.BindInt64(i+1, a)
	}
	var ids []execution.ID
	for {
		ok, err := st.Step()
		if err != nil {
			return nil, err
		}
		if !ok {
			return ids, st.Reset()
		}
		ids = append(ids, execution.IDFromParts(st.ColumnInt64(0), st.ColumnInt64(1)))
	}
}
