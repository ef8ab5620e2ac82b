package sqlite

import (
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

const (
	reserveQuery = "INSERT INTO idempotency (project, key, hash, execution, tail, at) VALUES (?, ?, ?, ?, ?, ?) " +
		"ON CONFLICT (project, key) DO NOTHING"
	reservedQuery = "SELECT hash, execution, tail FROM idempotency WHERE project = ? AND key = ?"
)

// sweepLimit bounds how many idempotency keys one sweep looks at.
const sweepLimit = 1000

// reserveKey takes an idempotency key, or finds who has it.
func (w *writer) reserveKey(r *store.Reservation, now execution.Time) (*store.TakenKey, error) {
	s := w.reserve
	s.setInt(1, r.Project)
	s.setText(2, r.Key)
	s.setInt(3, int64(r.Hash))
	s.setInt(4, r.Execution.Order())
	s.setInt(5, r.Execution.Tail())
	s.setInt(6, int64(now))
	if err := s.run(); err != nil {
		return nil, err
	}
	if w.conn.Changes() == 1 {
		return nil, nil
	}
	s = w.reserved
	s.setInt(1, r.Project)
	s.setText(2, r.Key)
	taken := new(store.TakenKey)
	ok, err := s.one(func() {
		taken.Hash = uint64(s.ColumnInt64(0))
		taken.Execution = execution.IDFromParts(s.ColumnInt64(1), s.ColumnInt64(2))
	})
	if err == nil && !ok {
		err = refuse("idempotency key is neither free nor taken")
	}
	return taken, err
}

// releaseKey gives up a key that this transaction reserved.
func (w *writer) releaseKey(r *store.Reservation) error {
	s, err := w.prepared("DELETE FROM idempotency WHERE project = ? AND key = ? AND execution = ? AND tail = ?")
	if err != nil {
		return err
	}
	s.setInt(1, r.Project)
	s.setText(2, r.Key)
	s.setInt(3, r.Execution.Order())
	s.setInt(4, r.Execution.Tail())
	return s.run()
}

// sweepKeys removes keys taken before the instant from the next part of the table.
func (w *writer) sweepKeys(before execution.Time) error {
	s, err := w.prepared("SELECT project, key FROM idempotency WHERE (project, key) > (?, ?) ORDER BY project, key LIMIT 1 OFFSET ?")
	if err != nil {
		return err
	}
	s.setInt(1, w.sweepProject)
	s.setText(2, w.sweep)
	s.setInt(3, sweepLimit-1)
	var project int64
	var key string
	more, err := s.one(func() { project, key = s.ColumnInt64(0), s.ColumnText(1) })
	if err != nil {
		return err
	}
	query := "DELETE FROM idempotency WHERE (project, key) > (?, ?) AND at < ?"
	if more {
		query += " AND (project, key) <= (?, ?)"
	}
	if s, err = w.prepared(query); err != nil {
		return err
	}
	s.setInt(1, w.sweepProject)
	s.setText(2, w.sweep)
	s.setInt(3, int64(before))
	if more {
		s.setInt(4, project)
		s.setText(5, key)
	}
	if err := s.run(); err != nil {
		return err
	}
	// A sweep that is rolled back is not repeated at once: the next round comes by here again.
	w.sweepProject, w.sweep = project, key
	return nil
}
