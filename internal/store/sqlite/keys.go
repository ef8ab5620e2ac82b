package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/store"
)

func (w *writer) saveKey(k *store.Key) error {
	s, err := w.prepared("INSERT INTO keys (key, project, public_id, name, hash, last4, scopes, workflows, rate_limit, created_at, " +
		"expires_at, revoked_at, last_used_at, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET " +
		"id = excluded.id, project = excluded.project, public_id = excluded.public_id, name = excluded.name, hash = excluded.hash, " +
		"last4 = excluded.last4, scopes = excluded.scopes, workflows = excluded.workflows, rate_limit = excluded.rate_limit, " +
		"created_at = excluded.created_at, expires_at = excluded.expires_at, revoked_at = excluded.revoked_at, " +
		"last_used_at = excluded.last_used_at")
	if err != nil {
		return err
	}
	scopes, err := jsonText(k.Scopes)
	if err != nil {
		return err
	}
	s.setInt(1, k.Key)
	s.setInt(2, k.Project)
	s.setText(3, k.PublicID)
	s.setText(4, k.Name)
	s.setBytes(5, k.Hash[:])
	s.setText(6, k.Last4)
	s.setText(7, scopes)
	if k.Workflows == nil {
		s.setNull(8)
	} else {
		workflows, err := jsonText(k.Workflows)
		if err != nil {
			return err
		}
		s.setText(8, workflows)
	}
	s.setFloat(9, k.RateLimit)
	s.setInt(10, int64(k.CreatedAt))
	s.setTime(11, k.ExpiresAt)
	s.setTime(12, k.RevokedAt)
	s.setTime(13, k.LastUsedAt)
	s.setBytes(14, k.ID[:])
	if err := s.run(); err != nil {
		return fmt.Errorf("save key %q: %w", k.PublicID, err)
	}
	return nil
}

// saveKeyUse notes when a key was last used, unless a later use is noted already.
func (w *writer) saveKeyUse(k *store.Key) error {
	s, err := w.prepared("UPDATE keys SET last_used_at = ?1 WHERE key = ?2 AND coalesce(last_used_at, 0) < ?1")
	if err != nil {
		return err
	}
	s.setInt(1, int64(k.LastUsedAt))
	s.setInt(2, k.Key)
	if err := s.run(); err != nil {
		return fmt.Errorf("save the last use of key %q: %w", k.PublicID, err)
	}
	return nil
}

const keyColumns = "key, project, public_id, name, hash, last4, scopes, workflows, rate_limit, created_at, expires_at, revoked_at, last_used_at, id"

func scanKey(st *sqlite.Stmt, k *store.Key) error {
	k.Key, k.Project, k.PublicID, k.Name = st.ColumnInt64(0), st.ColumnInt64(1), st.ColumnText(2), st.ColumnText(3)
	st.ColumnBytes(4, k.Hash[:])
	k.ID = columnID(st, 13)
	k.Last4, k.RateLimit = st.ColumnText(5), st.ColumnFloat(8)
	k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.LastUsedAt = columnTime(st, 9), columnTime(st, 10), columnTime(st, 11), columnTime(st, 12)
	if err := json.Unmarshal([]byte(st.ColumnText(6)), &k.Scopes); err != nil {
		return fmt.Errorf("scopes of key %q: %w", k.PublicID, err)
	}
	if !st.ColumnIsNull(7) {
		if err := json.Unmarshal([]byte(st.ColumnText(7)), &k.Workflows); err != nil {
			return fmt.Errorf("workflows of key %q: %w", k.PublicID, err)
		}
	}
	return nil
}

func jsonText(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// Key reads an API key by its public id, or store.ErrNotFound.
func (s *Store) Key(ctx context.Context, publicID string) (*store.Key, error) {
	var key *store.Key
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return eachRow(conn, "SELECT "+keyColumns+" FROM keys WHERE public_id = ?", func(st *sqlite.Stmt) error {
			key = new(store.Key)
			return scanKey(st, key)
		}, publicID)
	})
	if err != nil {
		return nil, fmt.Errorf("read key %q: %w", publicID, err)
	}
	if key == nil {
		return nil, store.ErrNotFound
	}
	return key, nil
}

// Keys reads all API keys of a project, or of all projects when project is 0, newest first.
func (s *Store) Keys(ctx context.Context, project int64) ([]store.Key, error) {
	var keys []store.Key
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return eachRow(conn, "SELECT "+keyColumns+" FROM keys WHERE ?1 = 0 OR project = ?1 ORDER BY created_at DESC, key DESC",
			func(st *sqlite.Stmt) error {
				keys = append(keys, store.Key{})
				return scanKey(st, &keys[len(keys)-1])
			}, project)
	})
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return keys, nil
}
