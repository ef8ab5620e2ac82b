package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sojournhq/sojourn/internal/store"
)

// joinTTL is how long a server counts as alive that has joined and not ticked yet, and slotGrace how long the slot of one
// that did not leave stays its own.
const (
	joinTTL   = 10 * time.Second
	slotGrace = time.Minute
)

const joinQuery = `INSERT INTO nodes (key, slot, name, seen_at, expires_at, version, started_at)
SELECT $1, (SELECT min(s) FROM generate_series(0, (SELECT count(*)::integer FROM nodes)) AS s WHERE s NOT IN (SELECT slot FROM nodes)), $2, $3, $4, $5, $6
ON CONFLICT (key) DO UPDATE SET name = excluded.name, seen_at = excluded.seen_at, expires_at = excluded.expires_at,
version = excluded.version, started_at = excluded.started_at
RETURNING slot`

// join puts this server into the list of those alive, with the lowest slot that is free. Slots only keep servers from
// waiting for each other's counters: that two have the same one for a while does no harm.
func (s *Store) join(ctx context.Context, q store.TickQuery) error {
	now := s.clock.Now()
	if err := s.query(ctx, "DELETE FROM nodes WHERE expires_at < $1", newArgs().time(now.Add(-slotGrace)), nil, nil); err != nil {
		return fmt.Errorf("join the servers: %w", err)
	}
	for {
		err := s.query(ctx, joinQuery, newArgs().int64(s.node).text(q.Name).time(now).time(now.Add(q.TTL)).
			text(q.Version).time(q.StartedAt), nil, func(r *row) error {
			s.slot.Store(r.int32())
			return nil
		})
		if e := pgError(err); e != nil && e.Code == "23505" && ctx.Err() == nil {
			continue // another one took the slot
		}
		if err != nil {
			return fmt.Errorf("join the servers: %w", err)
		}
		return nil
	}
}

// Leave takes this server out of the list of those alive.
func (s *Store) Leave(ctx context.Context) error {
	if s.options.ReadOnly {
		return errors.New("postgres: the store is open for reading only")
	}
	if err := s.query(ctx, "DELETE FROM nodes WHERE key = $1", newArgs().int64(s.node), nil, nil); err != nil {
		return fmt.Errorf("leave the servers: %w", err)
	}
	return nil
}
