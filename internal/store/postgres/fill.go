package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sojournhq/sojourn/internal/store"
)

// ErrFilling is a database into which another store is being moved, or was when the move was interrupted. Only
// Options.Filling opens it for more than reading.
var ErrFilling = errors.New("another store is being moved into the database, or was when that was interrupted: end the move first")

// filled are the tables that a move fills: all but those that the database has for itself.
var filled = []string{
	"projects", "workflows", "versions", "keys", "endpoints", "signing_secrets", "sessions", "executions", "journal", "feed", "counters",
	"metadata", "idempotency", "logs", "tombstones", "approval_links", "files", "file_uses", "deliveries", "delivery_attempts", "blobs", "blob_chunks",
}

// checkFilling refuses a database that is being filled, unless by this store.
func (s *Store) checkFilling(ctx context.Context) error {
	if s.options.Filling {
		return nil
	}
	filling, err := s.filling(ctx)
	if err == nil && filling {
		err = ErrFilling
	}
	return err
}

func (s *Store) filling(ctx context.Context) (filling bool, err error) {
	err = s.query(ctx, "SELECT EXISTS (SELECT 1 FROM meta WHERE name = 'filling')", nil, nil, func(r *row) error {
		filling = r.bool()
		return nil
	})
	return filling, err
}

// Fill begins to fill the database from another store. store.ErrNotEmpty: there is something in it that no fill put there.
// What a fill that never ended put there is removed.
func (s *Store) Fill(ctx context.Context) error {
	if !s.options.Filling {
		return errors.New("postgres: the store was not opened for filling")
	}
	again, err := s.filling(ctx)
	if err != nil {
		return fmt.Errorf("postgres: fill: %w", err)
	}
	tests := make([]string, len(filled))
	for i, table := range filled {
		tests[i] = "EXISTS (SELECT 1 FROM " + table + ")"
	}
	return s.alter(ctx, func(c *conn) error {
		if again {
			return script(ctx, c, "TRUNCATE "+strings.Join(filled, ", "))
		}
		taken := false
		if err := c.query(ctx, "SELECT "+strings.Join(tests, " OR "), nil, func(r *row) error {
			taken = r.bool()
			return nil
		}); err != nil {
			return err
		}
		if taken {
			return store.ErrNotEmpty
		}
		return script(ctx, c, "INSERT INTO meta (name, value) VALUES ('filling', 1) ON CONFLICT (name) DO NOTHING")
	})
}

// Filled ends the fill: servers may use the database from now on. Integer keys up to drawn are not drawn again.
func (s *Store) Filled(ctx context.Context, drawn int64) error {
	return s.alter(ctx, func(c *conn) error {
		return script(ctx, c, fmt.Sprintf("BEGIN; SELECT setval('drawn_keys', greatest(nextval('drawn_keys'), %d)); "+
			"DELETE FROM meta WHERE name = 'filling'; COMMIT;", drawn/keyBlock+1))
	})
}

// alter runs what is no commit of executions, and is not repeated.
func (s *Store) alter(ctx context.Context, f func(*conn) error) error {
	if s.closed.Load() {
		return errClosed
	}
	p, err := s.readers.Acquire(ctx)
	if err != nil {
		return s.acquireError(ctx, err)
	}
	defer p.Release()
	return classify(f(connOf(p)))
}
