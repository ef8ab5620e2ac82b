package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/internal/store"
)

var _ store.Keeper = (*Store)(nil)

// seatStatement refuses to go on when the database does not have all the shards. It comes behind the first write of a
// transaction: whoever freezes a shard waits for transactions that had written before.
var seatStatement = prepare("SELECT 1 / (bool_and(get_byte(shards, n) = 1))::integer FROM seat, unnest($1::integer[]) AS n")

// keepSeat makes the transaction depend on the shards that it is about.
func (t *transaction) keepSeat() {
	shards := t.changes.Shards
	if len(shards) == 0 {
		return
	}
	t.save.check(seatStatement, newArgs().int32s(len(shards), func(i int) int32 { return int32(shards[i]) }), store.ErrMoved)
}

// Seat reads the place of the database among its cells.
func (s *Store) Seat(ctx context.Context) (seat *store.Seat, err error) {
	err = s.query(ctx, "SELECT cells, number, joined, shards FROM seat", nil, func() { seat = nil }, func(r *row) error {
		seat = &store.Seat{Group: uint64(r.int64()), Number: int(r.int32()), Joined: uint64(r.int64())}
		for i, b := range r.bytes() {
			seat.Shards[i] = store.ShardState(b)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the seat: %w", err)
	}
	s.floors.seated(seat)
	return seat, nil
}

func shardBytes(shards *[store.Shards]store.ShardState) []byte {
	b := make([]byte, len(shards))
	for i, s := range shards {
		b[i] = byte(s)
	}
	return b
}

// Join gives the database its place.
func (s *Store) Join(ctx context.Context, x store.Seat) error {
	return s.alter(ctx, func(c *conn) error {
		return c.query(ctx, "INSERT INTO seat (cells, number, joined, shards) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
			newArgs().int64(int64(x.Group)).int32(int32(x.Number)).int64(int64(x.Joined)).bytes(shardBytes(&x.Shards)), nil)
	})
}

// reseat changes the states of shards, in the transaction that is open on the connection.
func reseat(ctx context.Context, c *conn, shards []int, change func(store.ShardState) (store.ShardState, error)) error {
	var seat []byte
	if err := c.query(ctx, "SELECT shards FROM seat FOR UPDATE", nil, func(r *row) error {
		seat = slices.Clone(r.bytes())
		return nil
	}); err != nil {
		return err
	}
	if len(seat) != store.Shards {
		return errors.New("the database is no cell")
	}
	for _, n := range shards {
		state, err := change(store.ShardState(seat[n]))
		if err != nil {
			return fmt.Errorf("shard %d: %w", n, err)
		}
		seat[n] = byte(state)
	}
	return c.query(ctx, "UPDATE seat SET shards = $1", newArgs().bytes(seat), nil)
}

// altered runs f in a transaction.
func altered(ctx context.Context, c *conn, f func() error) error {
	if err := c.query(ctx, "BEGIN", nil, nil); err != nil {
		return err
	}
	err := f()
	if err == nil {
		err = c.query(ctx, "COMMIT", nil, nil)
	}
	if err != nil && !c.pg.IsClosed() && c.pg.TxStatus() != 'I' {
		// Closing the connection rolls back too.
		c.close()
	}
	return err
}

// freezePause is how long Freeze waits before it asks again whether older transactions have ended.
const freezePause = 20 * time.Millisecond

// Freeze makes the database refuse writes to the shards.
func (s *Store) Freeze(ctx context.Context, shards []int, to int) error {
	err := s.alter(ctx, func(c *conn) error {
		if err := altered(ctx, c, func() error {
			return reseat(ctx, c, shards, func(x store.ShardState) (store.ShardState, error) {
				if x != store.Owned && x != store.LeavingTo(to) {
					return x, store.ErrMoved
				}
				return store.LeavingTo(to), nil
			})
		}); err != nil {
			return err
		}
		// A transaction that has not written yet will see the seat as it is now. Those that have written are waited for.
		var began string
		if err := c.query(ctx, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text", nil, func(r *row) error {
			began = r.text()
			return nil
		}); err != nil {
			return err
		}
		for over := false; !over; {
			if err := c.query(ctx, "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8", newArgs().name(began), func(r *row) error {
				over = r.bool()
				return nil
			}); err != nil {
				return err
			}
			if !over && !pause(ctx, freezePause) {
				return ctx.Err()
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("freeze: %w", err)
	}
	return nil
}

// Thaw lets the database write to the shards again.
func (s *Store) Thaw(ctx context.Context, shards []int) error {
	err := s.alter(ctx, func(c *conn) error {
		return altered(ctx, c, func() error {
			return reseat(ctx, c, shards, func(x store.ShardState) (store.ShardState, error) {
				if _, frozen := x.To(); frozen {
					return store.Owned, nil
				}
				return x, nil
			})
		})
	})
	if err != nil {
		return fmt.Errorf("thaw: %w", err)
	}
	return nil
}

// moved are the tables of which rows go with their shard. A session's shard is in the last bits of its id.
var moved = []struct{ table, shard string }{
	{"executions", "shard"},
	{"journal", "shard"},
	{"metadata", "shard"},
	{"idempotency", "shard"},
	{"logs", "shard"},
	{"tombstones", "shard"},
	{"approval_links", "shard"},
	{"file_uses", "shard"},
	{"deliveries", "shard"},
	{"delivery_attempts", "shard"},
	{"sessions", "(get_byte(uuid_send(id), 14) & 3) * 256 + get_byte(uuid_send(id), 15)"},
}

// dropping is the setting of a transaction in which open executions may be deleted: they are in another database.
const dropping = "sojourn.dropping"

// list is shards as a list in SQL.
func list(shards []int) string {
	texts := make([]string, len(shards))
	for i, n := range shards {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ", ")
}

// countShards adds what the executions of shards are to the counters, or takes it away. Slot -1 is nobody's.
const countShards = `INSERT INTO counters (project, level, workflow, period, status, slot, n)
SELECT project, level, workflow, CASE level WHEN 0 THEN 0 WHEN 1 THEN hour / 24 ELSE hour END, status, -1, (%s sum(n))::bigint
FROM (SELECT project, workflow, status, (('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint) / 3600000 AS hour, count(*) AS n
	FROM executions WHERE shard IN (%s) GROUP BY 1, 2, 3, 4) AS x, generate_series(0, 2) AS level
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
ON CONFLICT (project, level, workflow, period, status, slot) DO UPDATE SET n = counters.n + excluded.n`

// Receive takes the shards from a database that froze them.
func (s *Store) Receive(ctx context.Context, shards []int, from store.Keeper) error {
	source, ok := from.(*Store)
	if !ok {
		return fmt.Errorf("receive: %T is no PostgreSQL database", from)
	}
	err := s.alter(ctx, func(c *conn) error {
		return altered(ctx, c, func() error {
			if err := reseat(ctx, c, shards, func(x store.ShardState) (store.ShardState, error) {
				if x != store.Absent {
					return x, store.ErrMoved
				}
				return store.Owned, nil
			}); err != nil {
				return err
			}
			in := list(shards)
			for _, t := range moved {
				if err := s.copy(ctx, c, source, t.table, t.table, t.shard+" IN ("+in+")"); err != nil {
					return err
				}
			}
			if err := s.copyFiles(ctx, c, source, in); err != nil {
				return err
			}
			return c.query(ctx, fmt.Sprintf(countShards, "", in), nil, nil)
		})
	})
	if err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	return nil
}

// copy copies rows of a table of the source into a table of the transaction.
func (s *Store) copy(ctx context.Context, c *conn, source *Store, table, into, where string) error {
	var columns []string
	if err := c.query(ctx, "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
		newArgs().name(table), func(r *row) error {
			columns = append(columns, `"`+r.text()+`"`)
			return nil
		}); err != nil {
		return err
	}
	names := strings.Join(columns, ", ")
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := source.alter(ctx, func(x *conn) error {
			_, err := x.pg.CopyTo(ctx, in, fmt.Sprintf("COPY (SELECT %s FROM %s WHERE %s) TO STDOUT (FORMAT binary)", names, table, where))
			return err
		})
		_ = in.CloseWithError(err) // never fails; nil is the end
		done <- err
	}()
	_, err := c.pg.CopyFrom(ctx, out, fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT binary)", into, names))
	_ = out.CloseWithError(err) // never fails
	if e := <-done; err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("copy %s: %w", table, err)
	}
	return nil
}

// copyFiles copies the records of files of the shards, and of those that executions of the shards use. A record that is
// here already stays; what is used from now on is kept.
func (s *Store) copyFiles(ctx context.Context, c *conn, source *Store, in string) error {
	const arriving = "CREATE TEMPORARY TABLE arriving_files (LIKE files) ON COMMIT DROP"
	if err := c.query(ctx, arriving, nil, nil); err != nil {
		return err
	}
	where := fmt.Sprintf("shard IN (%[1]s) OR id IN (SELECT file FROM file_uses WHERE shard IN (%[1]s))", in)
	if err := s.copy(ctx, c, source, "files", "arriving_files", where); err != nil {
		return err
	}
	for _, sql := range []string{
		"INSERT INTO files SELECT * FROM arriving_files ON CONFLICT DO NOTHING",
		fmt.Sprintf("UPDATE files AS f SET expires_at = CASE WHEN EXISTS (SELECT 1 FROM file_uses AS u WHERE u.file = f.id) THEN NULL "+
			"ELSE coalesce(f.expires_at, f.created_at + %d) END WHERE f.id IN (SELECT id FROM arriving_files)", store.FileGrace.Microseconds()),
	} {
		if err := c.query(ctx, sql, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// Drop removes the shards, which another database has.
func (s *Store) Drop(ctx context.Context, shards []int) error {
	in := list(shards)
	statements := []string{
		fmt.Sprintf(countShards, "-", in),
		fmt.Sprintf("CREATE TEMPORARY TABLE left_files ON COMMIT DROP AS SELECT DISTINCT file AS id FROM file_uses WHERE shard IN (%[1]s) "+
			"UNION SELECT id FROM files WHERE shard IN (%[1]s)", in),
	}
	for _, t := range moved {
		statements = append(statements, fmt.Sprintf("DELETE FROM %s WHERE %s IN (%s)", t.table, t.shard, in))
	}
	statements = append(statements,
		// A record of a file that is used here stays, as a copy. That of another cell's file goes when its time is over.
		fmt.Sprintf("DELETE FROM files AS f USING left_files AS l WHERE f.id = l.id AND f.shard IN (%s) AND NOT EXISTS (SELECT 1 FROM file_uses AS u WHERE u.file = f.id)", in),
		fmt.Sprintf("UPDATE files AS f SET expires_at = coalesce(f.expires_at, f.created_at + %d) FROM left_files AS l WHERE f.id = l.id "+
			"AND NOT EXISTS (SELECT 1 FROM file_uses AS u WHERE u.file = f.id)", store.FileGrace.Microseconds()),
	)
	err := s.alter(ctx, func(c *conn) error {
		return altered(ctx, c, func() error {
			if err := reseat(ctx, c, shards, func(x store.ShardState) (store.ShardState, error) {
				if _, frozen := x.To(); !frozen {
					return x, store.ErrMoved
				}
				return store.Absent, nil
			}); err != nil {
				return err
			}
			if err := c.query(ctx, "SET LOCAL "+dropping+" = 'on'", nil, nil); err != nil {
				return err
			}
			for _, sql := range statements {
				if err := c.query(ctx, sql, nil, nil); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("drop: %w", err)
	}
	return nil
}
