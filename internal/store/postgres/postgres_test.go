package postgres_test

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/postgres"
	"github.com/sojournhq/sojourn/internal/store/storetest"
)

// databases are databases of one server that tests use one after the other: to wipe one is much quicker than to make one.
type databases struct {
	t      *testing.T
	server *pgtest.Server
	way    func(dsn string) string // to a database; nil: straight

	mu   sync.Mutex
	free []string
	of   map[store.Store]string
}

func newDatabases(t *testing.T, version string) *databases {
	return &databases{t: t, server: pgtest.Shared(t, version), of: map[store.Store]string{}}
}

func (d *databases) through(dsn string) string {
	if d.way == nil {
		return dsn
	}
	return d.way(dsn)
}

// take gives the test an empty database until it ends.
func (d *databases) take(t *testing.T) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.free) == 0 {
		d.free = append(d.free, d.server.Database(d.t))
	}
	last := len(d.free) - 1
	dsn := d.free[last]
	d.free = d.free[:last]
	t.Cleanup(func() {
		if !t.Failed() && wipe(t, dsn) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.free = append(d.free, dsn)
		}
	})
	return dsn
}

// wipe empties a database, past the guards.
func wipe(t *testing.T, dsn string) bool {
	ctx := context.WithoutCancel(t.Context())
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Error(err)
		return false
	}
	defer func() { _ = c.Close(ctx) }()
	_, err = c.Exec(ctx, `SET session_replication_role = replica;
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migrations' LOOP
    EXECUTE 'DELETE FROM ' || quote_ident(name);
  END LOOP;
END $$`)
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

// harness opens stores with the options, each in a database of its own.
func (d *databases) harness(o postgres.Options) storetest.Harness {
	open := func(t *testing.T, dsn string) *postgres.Store {
		o := o
		o.DSN, o.IdleTimeout = d.through(dsn), time.Minute // for what a busy machine needs to decide
		s := open(t, o)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.of[s] = dsn
		return s
	}
	dsn := func(s store.Store) string {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.of[s]
	}
	return storetest.Harness{
		NoHints: o.NoNotify || o.Pooler,
		NoBusy:  o.NoSkipLocked,
		Open:    func(t *testing.T) store.Store { return open(t, d.take(t)) },
		Reopen: func(t *testing.T, s store.Store) store.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, dsn(s))
		},
		Restore: func(t *testing.T, path string) store.Store {
			o := o
			dsn := d.server.Database(t)
			o.DSN = d.through(dsn)
			if err := postgres.Restore(t.Context(), o, path); err != nil {
				t.Fatal(err)
			}
			return open(t, dsn)
		},
		Join: func(t *testing.T, s store.Store) store.Shared { return open(t, dsn(s)) },
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	for _, version := range pgtest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, newDatabases(t, version).harness(postgres.Options{}))
		})
	}
}

// TestDistributed runs the suite as on a database that knows neither SKIP LOCKED nor NOTIFY and that makes transactions
// repeat themselves.
func TestDistributed(t *testing.T) {
	t.Parallel()
	versions := pgtest.Versions()
	if !wide {
		versions = versions[len(versions)-1:]
	}
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, newDatabases(t, version).harness(postgres.Options{
				NoSkipLocked: true, NoNotify: true, Conflict: func() bool { return rand.IntN(3) == 0 },
			}))
		})
	}
}

// wide is for the long form of the tests.
var wide = os.Getenv("SOJOURN_TEST_WIDE") != ""

// TestPooler runs the suite as behind a pooler that hands out another connection for each transaction.
func TestPooler(t *testing.T) {
	t.Parallel()
	storetest.Run(t, newDatabases(t, pgtest.Versions()[0]).harness(postgres.Options{Pooler: true}))
}

// TestPgBouncer runs the suite through a real one, in transaction mode.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	if !wide {
		t.Skip("set SOJOURN_TEST_WIDE=1")
	}
	d := newDatabases(t, pgtest.Versions()[0])
	d.way = pgtest.NewBouncer(t, d.server).Through
	storetest.Run(t, d.harness(postgres.Options{Pooler: true}))
}
