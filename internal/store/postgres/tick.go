package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// What a row of a tick's answer is.
const (
	tickState = iota
	tickNode
	tickSession
	tickFeed
)

// tickStatement says that the server lives, unless it said so just before, and reads what it must know, in one statement.
// newsStatement only reads: it waits for no disk and no standby.
var (
	tickStatement = prepare("WITH me AS (UPDATE nodes SET name = $7, version = $10, started_at = $11, seen_at = $8, expires_at = $8 + $9 " +
		"WHERE key = $6 AND (name <> $7 OR version <> $10 OR started_at IS DISTINCT FROM $11 OR expires_at NOT BETWEEN $8 + $9 / 4 * 3 AND $8 + $9)) " + tickQuery)
	newsStatement = prepare(tickQuery)
)

var tickQuery = "SELECT 0 AS what, (SELECT value FROM meta WHERE name = 'epoch') AS a, (SELECT value FROM meta WHERE name = 'catalog') AS b, " +
	"(SELECT due_at FROM executions WHERE due_at IS NOT NULL AND due_at >= $12 ORDER BY due_at, id LIMIT 1) AS c, " +
	"(SELECT due_at FROM deliveries WHERE due_at IS NOT NULL AND due_at >= $13 ORDER BY due_at LIMIT 1) AS d, " +
	"0::bigint AS e, false AS f, false AS g, clock_timestamp() AS h, NULL::bytea AS i, " +
	"NULL::xid8 AS xid, 0::bigint AS place, 0::bigint AS project, 0::bigint AS at, pg_current_snapshot() AS snapshot, NULL::bytea AS changes " +
	"UNION ALL SELECT 1, key, expires_at, coalesce(started_at, 0), seen_at, 0, false, false, NULL, name, NULL, 0, 0, 0, NULL, version FROM nodes WHERE expires_at > $8 " +
	"UNION ALL SELECT 2, key, node, term, expires_at, received, unsure, draining, NULL, NULL, NULL, 0, 0, 0, NULL, NULL FROM sessions " +
	"UNION ALL (" + feedRows("3, 0, 0, 0, 0, 0, false, false, NULL::timestamptz, NULL::bytea, "+feedColumns, "node <> $6") + ")"

// tickWait is how long a tick may take, as a multiple of the time for which it says that the server lives. What comes later
// is of no use, and the connection may be one over which nothing comes at all.
const tickWait = 2

// Tick says that this server lives, and reads what the others committed behind q.After, in one round trip.
func (s *Store) Tick(ctx context.Context, q store.TickQuery) (*store.Tick, error) {
	if s.options.ReadOnly {
		return nil, errors.New("postgres: the store is open for reading only")
	}
	ctx, cancel := context.WithTimeout(ctx, tickWait*q.TTL)
	defer cancel()
	p := &place{seen: snapshot{xmax: 1<<64 - 1}} // from the end of time there is nothing to read
	if q.After == "" {
		s.floors.due.lower(0) // nor is what was written meanwhile told
	} else {
		var err error
		if p, err = s.place(q.After); err != nil {
			return nil, err
		}
	}
	for page := max(q.Limit, 1); ; page *= 4 {
		x, ok, err := s.tick(ctx, q, *p, page)
		if err != nil {
			return nil, fmt.Errorf("tick: %w", err)
		}
		if ok {
			return x, nil
		}
	}
}

func (s *Store) tick(ctx context.Context, q store.TickQuery, p place, page int) (x *store.Tick, ok bool, err error) {
	var rows []feedRow
	var now snapshot
	var epoch uint64
	var shown execution.Time
	var asked time.Time
	err = s.using(ctx, s.tickers, func(c *conn) error {
		x, rows = new(store.Tick), nil
		asked = time.Now()
		at := s.clock.Now()
		statement := tickStatement
		if s.alive.apart(at, q.TTL) {
			statement = newsStatement
		}
		var until execution.Time
		due, deliveries := s.floors.due.look(), s.floors.deliveries.look()
		defer due.end()
		defer deliveries.end()
		a := s.placeArgs(&p, page).int64(s.node).text(q.Name).int64(int64(at)).int64(q.TTL.Microseconds()).
			text(q.Version).time(q.StartedAt).int64(int64(due.from)).int64(int64(deliveries.from))
		b := c.batch(ctx)
		b.add(statement, a, func(r *row) error {
			switch what := r.int64(); what {
			case tickState:
				epoch, x.Catalog, x.NextDue, x.NextDelivery = uint64(r.int64()), r.int64(), r.time(), r.time()
				r.skip(3)
				shown = r.timestamp()
				r.skip(5)
				now = r.snapshot()
			case tickNode:
				n := store.NodeInfo{Key: r.int64()}
				if n.Key == s.node {
					until = r.time()
				} else {
					r.skip(1)
				}
				n.StartedAt, n.SeenAt = r.time(), r.time()
				r.skip(4)
				n.Name = r.text()
				r.skip(5)
				n.Version = r.text()
				x.Nodes = append(x.Nodes, n)
			case tickSession:
				x.Sessions = append(x.Sessions, store.SessionMark{
					Key: r.int64(), Node: r.int64(), Term: r.int32(), ExpiresAt: r.time(), Received: r.int64(), Unsure: r.bool(), Draining: r.bool(),
				})
			case tickFeed:
				r.skip(9)
				rows = append(rows, r.feedRow())
			default:
				return fmt.Errorf("a row of the kind %d", what)
			}
			return nil
		}, nil)
		if _, err := b.run(); err != nil {
			return err
		}
		due.found(cmp.Or(x.NextDue, never))
		deliveries.found(min(cmp.Or(x.NextDelivery, never), at.Add(-floorGrace))) // of others' deliveries no change tells
		if s.alive.ticked(at, until, q.TTL, statement == tickStatement) {
			s.say(q.Name, q.TTL)
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	if epoch != s.epoch {
		return nil, false, errFenced
	}
	if s.database != nil {
		s.database.saw(asked, shown)
	}
	x.Now = s.clock.Now()
	if err := s.present(ctx, q, x); err != nil {
		return nil, false, err
	}
	if q.After == "" {
		x.Next = s.cursor(&place{seen: now})
		return x, true, nil
	}
	ok, err = s.tell(x, p, rows, now, page, q.Limit)
	return x, ok, err
}

// present makes sure that this server is among those alive, with the name that it has now. One that was silent for too long
// joins again.
func (s *Store) present(ctx context.Context, q store.TickQuery, x *store.Tick) error {
	i := slices.IndexFunc(x.Nodes, func(n store.NodeInfo) bool { return n.Key == s.node })
	if i >= 0 {
		x.Nodes[i] = store.NodeInfo{Key: s.node, Name: q.Name, Version: q.Version, StartedAt: q.StartedAt, SeenAt: x.Now}
	} else {
		if err := s.join(ctx, q); err != nil {
			return err
		}
		x.Nodes = append(x.Nodes, store.NodeInfo{Key: s.node, Name: q.Name, Version: q.Version, StartedAt: q.StartedAt, SeenAt: x.Now})
	}
	slices.SortFunc(x.Nodes, func(a, b store.NodeInfo) int { return cmp.Compare(a.Key, b.Key) })
	return nil
}

// errFull ends reading when a page is full.
var errFull = errors.New("the page is full")

// tell fills the tick with the changes that the rows tell. It reports false when the rows are too few to go on.
func (s *Store) tell(x *store.Tick, p place, rows []feedRow, now snapshot, page, limit int) (ok bool, err error) {
	set, more, ok := p.between(rows, now, page)
	if !ok {
		return false, nil
	}
	x.More = more
	for i := range set {
		r := &set[i]
		entry := 0
		err := eachChange(r.changes, r.project, func(c *change) error {
			if entry++; r.place == p.row && entry <= p.entries {
				return nil
			}
			if len(x.Changes) >= limit {
				entry--
				return errFull
			}
			s.floors.told(&c.Change, set[i].at)
			if c.DueAt != 0 && (x.NextDue == 0 || c.DueAt < x.NextDue) {
				x.NextDue = c.DueAt // it may lie below the floor of this tick
			}
			x.Changes = append(x.Changes, c.Change)
			return nil
		})
		p.row, p.entries = r.place, entry
		if errors.Is(err, errFull) {
			x.More = true
			x.Next = s.cursor(&p)
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	p.arrive()
	x.Next = s.cursor(&p)
	return true, nil
}
