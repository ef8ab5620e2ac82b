package transfer_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/postgres"
	"github.com/sojournhq/sojourn/internal/store/storetest"
	"github.com/sojournhq/sojourn/internal/store/transfer"
)

func database(t *testing.T, dsn string, filling bool) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), postgres.Options{DSN: dsn, Filling: filling})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// halfway fails at the n-th commit.
type halfway struct {
	*postgres.Store
	left int
}

var errHalfway = errors.New("the plug is pulled")

func (h *halfway) Commit(ctx context.Context, need *store.Need, decide func(*store.Loaded) *store.Changes) error {
	if h.left--; h.left < 0 {
		return errHalfway
	}
	return h.Store.Commit(ctx, need, decide)
}

// A file is moved into a database, at the second attempt: what the first one left is no obstacle, but no server may use it.
func TestIntoPostgres(t *testing.T) {
	t.Parallel()
	for _, version := range pgtest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			dsn := pgtest.Shared(t, version).Database(t)
			from := open(t)
			w, keys := storetest.Varied(t, from, 1200)
			want := content(w)

			to := database(t, dsn, true)
			if _, err := transfer.Run(t.Context(), from, &halfway{to, 2}, transfer.Options{}); !errors.Is(err, errHalfway) {
				t.Fatalf("the first move ended with %v", err)
			}
			if s, err := postgres.Open(t.Context(), postgres.Options{DSN: dsn}); !errors.Is(err, postgres.ErrFilling) {
				t.Fatalf("a half moved database was opened: %v, %v", s, err)
			}
			report, err := transfer.Run(t.Context(), from, to, transfer.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if report.Executions < 1210 || report.Keys != int64(len(keys)) {
				t.Errorf("%+v", report)
			}

			copied := *w
			copied.Store = database(t, dsn, false)
			if got := content(&copied); got != want {
				t.Errorf("the copy has\n%.4000s\nwant\n%.4000s", got, want)
			}
			copied.Audit()
			keys.Check(&copied)
			if key := copied.Key(); key <= w.Key() {
				t.Errorf("the copy draws key %d, which the file may have drawn", key)
			}
			if copied.Store.Epoch() == from.Epoch() {
				t.Error("leases of the file hold in the copy")
			}
			copied.Finished()
			copied.Audit()

			// It is not empty any more.
			again := database(t, dsn, true)
			if _, err := transfer.Run(t.Context(), from, again, transfer.Options{}); !errors.Is(err, store.ErrNotEmpty) {
				t.Errorf("a second move ended with %v", err)
			}
		})
	}
}
