package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sojournhq/sojourn/internal/store"
)

var _ store.Observed = (*Store)(nil)

// effort counts what commits have taken since the start.
type effort struct{ commits, trips, retries atomic.Int64 }

func (e *effort) add(trips int, again bool, err error) {
	e.trips.Add(int64(trips))
	switch {
	case err == nil:
		e.commits.Add(1)
	case again:
		e.retries.Add(1)
	}
}

// Vacuum itself holds nothing up, a replication slot and a prepared transaction do without a process. Without pg_monitor
// the server shows only this user's own sessions, so what depends on others is left out.
const healthQuery = `SELECT
  (SELECT count(*) FROM nodes WHERE expires_at > $1),
  CASE WHEN seen THEN coalesce((SELECT extract(epoch FROM max(clock_timestamp() - xact_start))::float8 FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'), 0) ELSE -1 END,
  CASE WHEN seen THEN greatest(0,
    (SELECT max(age(backend_xmin)) FROM pg_stat_activity
      WHERE (datname = current_database() OR datname IS NULL) AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'),
    (SELECT max(greatest(age(xmin), age(catalog_xmin))) FROM pg_replication_slots),
    (SELECT max(age(transaction)) FROM pg_prepared_xacts WHERE database = current_database()))::bigint ELSE -1 END,
  (SELECT coalesce(sum(numbackends), 0)::bigint FROM pg_stat_database),
  current_setting('max_connections')::bigint,
  CASE WHEN seen AND current_setting('synchronous_standby_names') <> ''
    THEN (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum') AND state = 'streaming') ELSE -1 END
FROM (SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS seen) AS x`

const tablesQuery = `SELECT convert_to(relname, 'UTF8'), n_live_tup, n_dead_tup FROM pg_stat_user_tables
WHERE schemaname = current_schema() ORDER BY relname`

// Health tells how the database is.
func (s *Store) Health(ctx context.Context) ([]store.Health, error) {
	h := store.Health{Commits: s.effort.commits.Load(), RoundTrips: s.effort.trips.Load(), Retries: s.effort.retries.Load()}
	err := s.read(ctx, func(c *conn) error {
		h.Tables = h.Tables[:0]
		b := c.batch(ctx)
		b.add(c.statement(healthQuery), newArgs().time(s.Now()), func(r *row) error {
			h.Servers = int(r.int64())
			h.Pinned = time.Duration(r.float() * float64(time.Second))
			h.Horizon = r.int64()
			h.Connections, h.MaxConnections = int(r.int64()), int(r.int64())
			h.Standbys = int(r.int64())
			return nil
		}, nil)
		b.add(c.statement(tablesQuery), nil, func(r *row) error {
			h.Tables = append(h.Tables, store.TableHealth{Name: r.text(), Live: r.int64(), Dead: r.int64()})
			return nil
		}, nil)
		_, err := b.run()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: health: %w", err)
	}
	return []store.Health{h}, nil
}
