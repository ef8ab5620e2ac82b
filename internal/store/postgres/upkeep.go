package postgres

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

// upkeepEvery is about how often a server looks after the tables.
const upkeepEvery = 30 * time.Second

// upkeep looks after the tables beside PostgreSQL's own autovacuum: it vacuums small tables whose rows change with every
// commit as soon as dead rows pile up, adds up counters, and takes rows out of the feed whose executions are all gone.
// What fails is left to the next round; several servers at it do each other no harm.
type upkeep struct {
	s      *Store
	cancel context.CancelFunc
	done   chan struct{}

	swept feedKey // how far the sweep came that walks through all of the feed
}

// feedKey is the key of a row of the feed.
type feedKey struct {
	generation int64
	xid        uint64
	project    int64
}

func startUpkeep(s *Store) *upkeep {
	ctx, cancel := context.WithCancel(patient(context.Background()))
	u := &upkeep{s: s, cancel: cancel, done: make(chan struct{})}
	go u.run(ctx)
	return u
}

func (u *upkeep) stop() {
	u.cancel()
	<-u.done
}

func (u *upkeep) run(ctx context.Context) {
	defer close(u.done)
	for pause(ctx, upkeepEvery/2+rand.N(upkeepEvery)) {
		_ = u.vacuum(ctx)
		_ = u.s.foldCounts(ctx)
		// Executions mostly go in the order in which they came: the feed is swept from its beginning as long as something goes,
		// and a page further each time, for what lies behind rows that stay.
		var front feedKey
		for range sweepPages {
			if n, err := u.sweep(ctx, &front); err != nil || n == 0 {
				break
			}
		}
		_, _ = u.sweep(ctx, &u.swept)
	}
}

// sweepPages is how many pages are swept in a row.
const sweepPages = 100

// deadRows is how many dead rows a small hot table may have.
const deadRows = 1000

const deadQuery = "SELECT relname::text FROM pg_stat_user_tables WHERE relid IN ('meta'::regclass, 'sessions'::regclass, " +
	"'counters'::regclass, 'nodes'::regclass, 'keys'::regclass) AND n_dead_tup > $1"

// vacuum vacuums small tables that have many dead rows. Those that another server is at are left to it.
func (u *upkeep) vacuum(ctx context.Context) error {
	var tables []string
	if err := u.s.query(ctx, deadQuery, newArgs().int64(deadRows), func() { tables = nil }, func(r *row) error {
		tables = append(tables, r.text())
		return nil
	}); err != nil {
		return err
	}
	for _, t := range tables {
		if err := u.s.query(ctx, "VACUUM (SKIP_LOCKED) "+t, nil, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// sweepPage is how many rows of the feed one sweep looks at.
const sweepPage = 1000

const (
	sweepQuery = "SELECT generation, xid, project, changes FROM feed WHERE (generation, xid, project) > ($1, $2, $3) " +
		"ORDER BY generation, xid, project LIMIT $4"
	livingQuery = "SELECT DISTINCT g.n FROM unnest($1, $2) AS g (id, n) WHERE EXISTS (SELECT 1 FROM executions AS e WHERE e.id = g.id)"
	forgetQuery = "DELETE FROM feed AS f USING unnest($1, $2, $3) AS g (generation, xid, project) " +
		"WHERE f.generation = g.generation AND f.xid = g.xid AND f.project = g.project"
)

// sweep takes rows out of the part of the feed behind a key whose executions are all gone, moves the key, and returns how
// many went. Nobody reads them any more: the events of executions that are gone are gone.
func (u *upkeep) sweep(ctx context.Context, at *feedKey) (int, error) {
	var keys []feedKey
	var ids [][]execution.ID
	from := *at
	if err := u.s.query(ctx, sweepQuery, newArgs().int64(from.generation).xid(from.xid).int64(from.project).int64(sweepPage),
		func() { keys, ids = nil, nil }, func(r *row) error {
			keys = append(keys, feedKey{r.int64(), uint64(r.int64()), r.int64()})
			var of []execution.ID
			err := eachChange(r.raw(), 0, func(c *change) error {
				of = append(of, c.Execution)
				return nil
			})
			ids = append(ids, of)
			return err
		}); err != nil {
		return 0, err
	}
	*at = feedKey{} // behind the last part comes the first
	if len(keys) == sweepPage {
		*at = keys[len(keys)-1]
	}
	// Most rows have an execution left, and mostly the latest is.
	gone := make([]int, 0, len(keys))
	for i := range keys {
		gone = append(gone, i)
	}
	for _, all := range []bool{false, true} {
		var probes []execution.ID
		var of []int
		for _, i := range gone {
			some := ids[i]
			if !all {
				some = some[max(len(some)-1, 0):]
			}
			for _, id := range some {
				probes, of = append(probes, id), append(of, i)
			}
		}
		living := map[int]bool{}
		if err := u.s.query(ctx, livingQuery, idArgs(probes).int64s(len(of), func(i int) int64 { return int64(of[i]) }),
			func() { clear(living) }, func(r *row) error {
				living[int(r.int64())] = true
				return nil
			}); err != nil {
			return 0, err
		}
		kept := gone[:0]
		for _, i := range gone {
			if !living[i] {
				kept = append(kept, i)
			}
		}
		gone = kept
	}
	n := len(gone)
	if n == 0 {
		return 0, nil
	}
	return n, u.s.query(ctx, forgetQuery, newArgs().
		int64s(n, func(i int) int64 { return keys[gone[i]].generation }).
		xids(pick(gone, func(i int) uint64 { return keys[i].xid })).
		int64s(n, func(i int) int64 { return keys[gone[i]].project }), nil, nil)
}

func pick[T any](of []int, at func(int) T) []T {
	list := make([]T, len(of))
	for i, n := range of {
		list[i] = at(n)
	}
	return list
}
