package sqlite

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

func (w *writer) saveTombstone(t *store.Tombstone) error {
	s, err := w.prepared("INSERT INTO tombstones (execution, tail, project, redacted, at, actor) VALUES (?, ?, ?, ?, ?, ?) " +
		"ON CONFLICT (execution, tail) DO UPDATE SET project = excluded.project, redacted = excluded.redacted, at = excluded.at, " +
		"actor = excluded.actor")
	if err != nil {
		return err
	}
	redacted := int64(0)
	if t.Redacted {
		redacted = 1
	}
	s.setInt(1, t.Execution.Order())
	s.setInt(2, t.Execution.Tail())
	s.setInt(3, t.Project)
	s.setInt(4, redacted)
	s.setInt(5, int64(t.At))
	s.setInt(6, t.Actor.Pack())
	if err := s.run(); err != nil {
		return fmt.Errorf("save tombstone of execution %s: %w", t.Execution, err)
	}
	return nil
}

// Tombstone reads the trace that a deleted or redacted execution left, or nil.
func (s *Store) Tombstone(ctx context.Context, project int64, id execution.ID) (*store.Tombstone, error) {
	var t *store.Tombstone
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return eachRow(conn, "SELECT redacted, at, actor FROM tombstones WHERE execution = ? AND tail = ? AND project = ?",
			func(st *sqlite.Stmt) error {
				t = &store.Tombstone{
					Project: project, Execution: id, Redacted: st.ColumnBool(0), At: columnTime(st, 1),
					Actor: execution.UnpackActor(st.ColumnInt64(2)),
				}
				return nil
			}, id.Order(), id.Tail(), project)
	})
	if err != nil {
		return nil, fmt.Errorf("read tombstone of execution %s: %w", id, err)
	}
	return t, nil
}
