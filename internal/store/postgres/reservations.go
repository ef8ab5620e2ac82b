package postgres

import (
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// A key that another transaction is just taking is waited for. reservedStatement runs behind it, and sees who has it then.
var (
	reserveStatement = prepare("INSERT INTO idempotency (project, key, shard, hash, execution, at) " +
		"SELECT g.project, g.key, g.shard, g.hash, g.execution, $6 FROM unnest($1, $2, $3, $4, $5) AS g (project, key, shard, hash, execution) " +
		"ORDER BY g.project, g.key ON CONFLICT (project, key, shard) DO NOTHING RETURNING project, key")
	reservedStatement = prepare("SELECT i.project, i.key, i.hash, i.execution FROM unnest($1, $2, $3, $4) AS g (project, key, shard, execution) " +
		"JOIN idempotency AS i ON i.project = g.project AND i.key = g.key AND i.shard = g.shard WHERE i.execution <> g.execution")
	releaseStatement = prepare("DELETE FROM idempotency AS i USING unnest($1, $2, $3, $4) AS g (project, key, shard, execution) " +
		"WHERE i.project = g.project AND i.key = g.key AND i.shard = g.shard AND i.execution = g.execution")
	sweepStatement = prepare("WITH part AS MATERIALIZED (SELECT project, key, shard, at FROM idempotency WHERE (project, key) > ($1, $2) " +
		"ORDER BY project, key LIMIT $4), gone AS (DELETE FROM idempotency AS i USING part AS p " +
		"WHERE i.project = p.project AND i.key = p.key AND i.shard = p.shard AND i.at = p.at AND p.at < $3) " +
		"SELECT project, key FROM part WHERE (SELECT count(*) FROM part) = $4 ORDER BY project DESC, key DESC LIMIT 1")
)

// sweepLimit bounds how many idempotency keys one sweep looks at.
const sweepLimit = 1000

// keyName is what an idempotency key is unique by.
type keyName struct {
	project int64
	key     string
}

// needReservations takes idempotency keys, or finds who has them. Of those that the need names more than once, the first
// one takes the key.
func (t *transaction) needReservations() {
	all := t.need.Reservations
	if len(all) == 0 {
		return
	}
	first := make(map[keyName]int, len(all))
	var unique []int
	for i := range all {
		k := keyName{all[i].Project, all[i].Key}
		if _, twice := first[k]; !twice {
			first[k] = i
			unique = append(unique, i)
		}
	}
	n := len(unique)
	at := func(i int) *store.Reservation { return &all[unique[i]] }
	names := func() *args {
		return newArgs().
			int64s(n, func(i int) int64 { return at(i).Project }).
			texts(n, func(i int) string { return at(i).Key }).
			int16s(n, func(i int) int16 { return int16(store.KeyShard(at(i).Project, at(i).Key)) })
	}
	ids := func(i int) execution.ID { return at(i).Execution }
	ours := make(map[keyName]bool, n)
	t.load.add(reserveStatement, names().int64s(n, func(i int) int64 { return int64(at(i).Hash) }).ids(n, ids).int64(int64(t.s.clock.Now())),
		func(r *row) error {
			ours[keyName{r.int64(), r.text()}] = true
			return nil
		}, nil)
	taken := map[keyName]*store.TakenKey{}
	t.load.add(reservedStatement, names().ids(n, ids), func(r *row) error {
		taken[keyName{r.int64(), r.text()}] = &store.TakenKey{Hash: uint64(r.int64()), Execution: r.id()}
		return nil
	}, func(int64) error {
		t.result.Taken = make([]*store.TakenKey, len(all))
		for i := range all {
			k := keyName{all[i].Project, all[i].Key}
			owner := &all[first[k]]
			switch {
			case !ours[k] && taken[k] != nil:
				t.result.Taken[i] = taken[k]
			case !ours[k], owner != &all[i]:
				// It was taken for the same execution: by a transaction whose outcome was unknown, or just now.
				t.result.Taken[i] = &store.TakenKey{Hash: owner.Hash, Execution: owner.Execution}
			}
		}
		return nil
	})
}

// releaseKeys gives up keys that this transaction reserved.
func (t *transaction) releaseKeys() {
	released := t.changes.Released
	n := len(released)
	if n == 0 {
		return
	}
	at := func(i int) *store.Reservation { return &t.need.Reservations[released[i]] }
	t.save.add(releaseStatement, newArgs().
		int64s(n, func(i int) int64 { return at(i).Project }).
		texts(n, func(i int) string { return at(i).Key }).
		int16s(n, func(i int) int16 { return int16(store.KeyShard(at(i).Project, at(i).Key)) }).
		ids(n, func(i int) execution.ID { return at(i).Execution }), nil, nil)
}

// sweepKeys removes keys taken before the instant from the next part of the table. A sweep that is rolled back is not
// repeated at once: the next round comes by here again.
func (t *transaction) sweepKeys() {
	if t.changes.SweepKeys == 0 {
		return
	}
	w := &t.s.sweep
	w.Lock()
	from := newArgs().int64(w.project).bytes(append([]byte{}, w.key...))
	w.project, w.key = 0, nil // what comes behind the last part is the first one
	w.Unlock()
	t.save.add(sweepStatement, from.int64(int64(t.changes.SweepKeys)).int64(sweepLimit), func(r *row) error {
		w.Lock()
		defer w.Unlock()
		w.project, w.key = r.int64(), r.bytes()
		return nil
	}, nil)
}
