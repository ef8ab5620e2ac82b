package postgres_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/postgres"
	"github.com/sojournhq/sojourn/internal/store/storetest"
)

// harness opens stores of a version of PostgreSQL with the options, each in a database of its own.
func harness(version string, o postgres.Options) storetest.Harness {
	var databases sync.Map // addresses, by store
	reopen := func(t *testing.T, dsn string) *postgres.Store {
		o := o
		o.DSN = dsn
		s := open(t, o)
		databases.Store(s, dsn)
		return s
	}
	of := func(s store.Store) string {
		dsn, _ := databases.Load(s)
		return dsn.(string)
	}
	return storetest.Harness{
		Open: func(t *testing.T) store.Store { return reopen(t, pgtest.Shared(t, version).Database(t)) },
		Reopen: func(t *testing.T, s store.Store) store.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return reopen(t, of(s))
		},
		Restore: func(t *testing.T, path string) store.Store {
			o := o
			o.DSN = pgtest.Shared(t, version).Database(t)
			if err := postgres.Restore(t.Context(), o, path); err != nil {
				t.Fatal(err)
			}
			return reopen(t, o.DSN)
		},
		Join: func(t *testing.T, s store.Store) store.Shared { return reopen(t, of(s)) },
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	for _, version := range pgtest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, harness(version, postgres.Options{}))
		})
	}
}

// TestDistributed runs the suite as on a database that knows neither SKIP LOCKED nor NOTIFY and that makes transactions
// repeat themselves.
func TestDistributed(t *testing.T) {
	t.Parallel()
	for _, version := range pgtest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, harness(version, postgres.Options{
				NoSkipLocked: true, NoNotify: true, Conflict: func() bool { return rand.IntN(3) == 0 },
			}))
		})
	}
}

// TestPooler runs the suite as behind a pooler that hands out another connection for each transaction.
func TestPooler(t *testing.T) {
	t.Parallel()
	storetest.Run(t, harness(pgtest.Versions()[0], postgres.Options{Pooler: true}))
}
