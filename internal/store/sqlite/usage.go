package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/store"
)

// Usage tells how much room the data takes, in bytes.
func (s *Store) Usage(ctx context.Context) (store.Usage, error) {
	var u store.Usage
	var pageSize, free int64
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		return errors.Join(queryInt(conn, "PRAGMA page_size", &pageSize), queryInt(conn, "PRAGMA freelist_count", &free))
	})
	if err != nil {
		return u, fmt.Errorf("measure the store: %w", err)
	}
	u.Free = free * pageSize
	for _, f := range []struct {
		path string
		into *int64
	}{{s.path, &u.Data}, {s.path + "-wal", &u.Log}} {
		info, err := os.Stat(f.path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return u, fmt.Errorf("measure the store: %w", err)
		}
		*f.into = info.Size()
	}
	return u, nil
}
