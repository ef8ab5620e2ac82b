package postgres

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/sojournhq/sojourn/internal/pgtest"
)

// A reader that hangs up costs its own connection and no other: a page that somebody leaves must not make all readers dial.
func TestAReaderThatHangsUp(t *testing.T) {
	t.Parallel()
	const readers = 4
	s, err := Open(t.Context(), Options{DSN: pgtest.Shared(t, "15").Database(t), NoNotify: true, Readers: readers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	together := func() { // all connections read at the same time
		var here, all sync.WaitGroup
		here.Add(readers)
		for range readers {
			all.Go(func() {
				if err := s.read(t.Context(), func(c *conn) error {
					here.Done()
					here.Wait()
					return c.query(t.Context(), "SELECT 1", nil, nil)
				}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	together()
	before := s.readers.Stat().NewConnsCount()
	ctx, cancel := context.WithCancel(t.Context())
	if err := s.read(ctx, func(c *conn) error {
		cancel()
		return c.query(ctx, "SELECT 1", nil, nil)
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("a read that was cut off: %v", err)
	}
	together()
	if dialled := s.readers.Stat().NewConnsCount() - before; dialled != 1 {
		t.Errorf("%d connections were made after one reader hung up", dialled)
	}
}
