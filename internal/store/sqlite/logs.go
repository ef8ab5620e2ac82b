package sqlite

import (
	"context"
	"fmt"
	"math"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/store"
)

// logGroup is what log lines are numbered and capped by.
type logGroup struct {
	execution int64
	step      string
	attempt   int32
}

// saveLog writes one line after the others of its step and attempt. In place of the last one that is kept stands a
// notice that it and all that follow were dropped.
func (w *writer) saveLog(l *store.Log) error {
	g := logGroup{l.Row.ID.Order(), l.Step, l.Attempt}
	n, known := w.logs[g]
	if !known {
		s, err := w.prepared("SELECT max(n) FROM logs WHERE execution = ? AND step = ? AND attempt = ?")
		if err != nil {
			return err
		}
		s.setInt(1, g.execution)
		s.setText(2, g.step)
		s.setInt(3, int64(g.attempt))
		if _, err := s.one(func() { n = s.ColumnInt32(0) }); err != nil {
			return fmt.Errorf("count log lines: %w", err)
		}
	}
	if n >= store.MaxLogLines {
		w.logs[g] = n
		return nil
	}
	n++
	w.logs[g] = n
	s, err := w.prepared("INSERT INTO logs (execution, step, attempt, n, at, level, message, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	s.setInt(1, g.execution)
	s.setText(2, g.step)
	s.setInt(3, int64(g.attempt))
	s.setInt(4, int64(n))
	s.setInt(5, int64(l.At))
	if n == store.MaxLogLines {
		s.setText(6, "warn")
		s.setText(7, store.LogDropped)
		s.setNull(8)
	} else {
		s.setText(6, l.Level)
		s.setText(7, l.Message)
		s.setBytes(8, l.Fields)
	}
	if err := s.run(); err != nil {
		return fmt.Errorf("save log line of execution %s: %w", l.Row.ID, err)
	}
	return nil
}

const logColumns = "step, attempt, n, at, level, message, fields"

func scanLog(st *sqlite.Stmt) store.Log {
	return store.Log{
		Step: st.ColumnText(0), Attempt: st.ColumnInt32(1), N: st.ColumnInt32(2), At: columnTime(st, 3),
		Level: st.ColumnText(4), Message: st.ColumnText(5), Fields: columnBytes(st, 6),
	}
}

// Logs reads log lines of an execution, ordered by step, attempt and arrival.
func (s *Store) Logs(ctx context.Context, row *store.Row, q store.LogQuery) ([]store.Log, error) {
	limit := int64(math.MaxInt64)
	if q.Limit > 0 {
		limit = int64(q.Limit)
	}
	query := "SELECT " + logColumns + " FROM logs WHERE execution = ? AND (step, attempt, n) > (?, ?, ?)"
	args := []any{row.ID.Order(), q.After.Step, int64(q.After.Attempt), int64(q.After.N)}
	if q.Step != nil {
		query += " AND step = ?"
		args = append(args, *q.Step)
	}
	if q.Attempt != 0 {
		query += " AND attempt = ?"
		args = append(args, int64(q.Attempt))
	}
	query += " ORDER BY step, attempt, n LIMIT ?"
	args = append(args, limit)
	var logs []store.Log
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return eachRow(conn, query, func(st *sqlite.Stmt) error {
			logs = append(logs, scanLog(st))
			return nil
		}, args...)
	})
	if err != nil {
		return nil, fmt.Errorf("read logs of execution %s: %w", row.ID, err)
	}
	return logs, nil
}
