package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/store"
)

func (w *writer) saveSession(x *store.Session) error {
	s, err := w.prepared("INSERT INTO sessions (key, project, id, name, sdk, version, workflows, capacity, created_at, seen_at, " +
		"expires_at, draining) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET " +
		"project = excluded.project, id = excluded.id, name = excluded.name, sdk = excluded.sdk, version = excluded.version, " +
		"workflows = excluded.workflows, capacity = excluded.capacity, created_at = excluded.created_at, " +
		"seen_at = excluded.seen_at, expires_at = excluded.expires_at, draining = excluded.draining")
	if err != nil {
		return err
	}
	workflows := x.Workflows
	if workflows == nil {
		workflows = []int64{}
	}
	list, err := jsonText(workflows)
	if err != nil {
		return err
	}
	s.setInt(1, x.Key)
	s.setInt(2, x.Project)
	s.setBytes(3, x.ID[:])
	s.setText(4, x.Name)
	s.setText(5, x.SDK)
	s.setText(6, x.Version)
	s.setText(7, list)
	s.setInt(8, int64(x.Capacity))
	s.setInt(9, int64(x.CreatedAt))
	s.setInt(10, int64(x.SeenAt))
	s.setInt(11, int64(x.ExpiresAt))
	draining := int64(0)
	if x.Draining {
		draining = 1
	}
	s.setInt(12, draining)
	if err := s.run(); err != nil {
		return fmt.Errorf("save session %d: %w", x.Key, err)
	}
	return nil
}

func (w *writer) removeSession(key int64) error {
	s, err := w.prepared("DELETE FROM sessions WHERE key = ?")
	if err != nil {
		return err
	}
	s.setInt(1, key)
	if err := s.run(); err != nil {
		return fmt.Errorf("remove session %d: %w", key, err)
	}
	return nil
}

const sessionQuery = "SELECT key, project, id, name, sdk, version, workflows, capacity, created_at, seen_at, expires_at, draining FROM sessions"

func scanSession(st *sqlite.Stmt) (*store.Session, error) {
	x := &store.Session{
		Key: st.ColumnInt64(0), Project: st.ColumnInt64(1), ID: columnID(st, 2), Name: st.ColumnText(3),
		SDK: st.ColumnText(4), Version: st.ColumnText(5), Capacity: st.ColumnInt32(7), CreatedAt: columnTime(st, 8),
		SeenAt: columnTime(st, 9), ExpiresAt: columnTime(st, 10), Draining: st.ColumnBool(11),
	}
	if err := json.Unmarshal([]byte(st.ColumnText(6)), &x.Workflows); err != nil {
		return nil, fmt.Errorf("workflows of session %d: %w", x.Key, err)
	}
	return x, nil
}

// loadSession reads a session once per transaction, nil when there is none.
func (w *writer) loadSession(key int64) (x *store.Session, err error) {
	for _, x := range w.result.Sessions {
		if x != nil && x.Key == key {
			return x, nil
		}
	}
	s, err := w.prepared(sessionQuery + " WHERE key = ?")
	if err != nil {
		return nil, err
	}
	s.setInt(1, key)
	var bad error
	_, err = s.one(func() { x, bad = scanSession(s.Stmt) })
	return x, errors.Join(err, bad)
}

// Sessions reads all worker sessions, by key.
func (s *Store) Sessions(ctx context.Context) ([]store.Session, error) {
	var sessions []store.Session
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return eachSession(conn, func(x store.Session) error {
			sessions = append(sessions, x)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	return sessions, nil
}

func eachSession(conn *sqlite.Conn, visit func(store.Session) error) error {
	return eachRow(conn, sessionQuery+" ORDER BY key", func(st *sqlite.Stmt) error {
		x, err := scanSession(st)
		if err != nil {
			return err
		}
		return visit(*x)
	})
}
