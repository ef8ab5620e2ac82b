package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/sojournhq/sojourn/internal/store"
)

const keyColumns = "key, id, project, public_id, name, hash, last4, scopes, workflows, rate_limit, created_at, expires_at, revoked_at, last_used_at"

var (
	saveKey = writeWhole("keys", keyColumns)
	// saveKeyUse notes when a key was last used, unless a later use is noted already.
	saveKeyUse = prepare("UPDATE keys SET last_used_at = $1 WHERE key = $2 AND coalesce(last_used_at, 0) < $1")
)

func (b *batch) saveKey(k *store.Key) {
	a := newArgs().int64(k.Key).id(k.ID).int64(k.Project).text(k.PublicID).text(k.Name).bytes(k.Hash[:]).text(k.Last4).
		texts(len(k.Scopes), func(i int) string { return k.Scopes[i] })
	if k.Workflows == nil {
		a.null(pgtype.ByteaArrayOID)
	} else {
		a.texts(len(k.Workflows), func(i int) string { return k.Workflows[i] })
	}
	b.add(saveKey, a.float(k.RateLimit).int64(int64(k.CreatedAt)).time(k.ExpiresAt).time(k.RevokedAt).time(k.LastUsedAt), nil, nil)
}

func (b *batch) saveKeyUse(k *store.Key) {
	b.add(saveKeyUse, newArgs().int64(int64(k.LastUsedAt)).int64(k.Key), nil, nil)
}

func scanKey(r *row) store.Key {
	return store.Key{
		Key: r.int64(), ID: r.id(), Project: r.int64(), PublicID: r.text(), Name: r.text(), Hash: r.hash(), Last4: r.text(),
		Scopes: r.texts(), Workflows: r.texts(), RateLimit: r.float(), CreatedAt: r.time(), ExpiresAt: r.time(), RevokedAt: r.time(),
		LastUsedAt: r.time(),
	}
}

// Key reads an API key by its public id, or store.ErrNotFound.
func (s *Store) Key(ctx context.Context, publicID string) (*store.Key, error) {
	var key *store.Key
	err := s.query(ctx, "SELECT "+keyColumns+" FROM keys WHERE public_id = $1", newArgs().text(publicID), func() { key = nil }, func(r *row) error {
		k := scanKey(r)
		key = &k
		return nil
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
	err := s.query(ctx, "SELECT "+keyColumns+" FROM keys WHERE $1 IN (0, project) ORDER BY created_at DESC, key DESC",
		newArgs().int64(project), func() { keys = nil }, func(r *row) error {
			keys = append(keys, scanKey(r))
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return keys, nil
}
