package postgres

import (
	"context"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/storetest"
)

// A floor follows what reads find, gives way to what is written below it, and is passed over now and then.
func TestFloor(t *testing.T) {
	var f floor
	now := execution.Time(time.Hour.Microseconds())
	find := func(to execution.Time) { f.look().found(to) }
	from := func(want execution.Time) {
		t.Helper()
		l := f.look()
		defer l.end()
		if l.from != want {
			t.Errorf("a read begins at %d, want %d", l.from, want)
		}
	}
	passOver := func() { f.looked = f.looked.Add(-floorEvery - time.Second) } // it is time to
	from(0)
	find(now)
	from(now)
	f.lower(7)
	from(7)
	find(0) // it cannot tell
	from(7)
	l := f.look()
	f.lower(9) // between a read and what it finds
	l.found(now)
	from(9)
	c := &transaction{}
	c.lower(&f, 20)
	f.look().found(now) // the commit may not have been visible
	from(20)
	l = f.look()
	c.settled()
	l.found(now)
	from(20)
	find(now)
	from(now)
	passOver()
	from(0)
	find(3) // somebody else wrote it
	from(3)
	passOver()
	l = f.look()
	l.began = l.began.Add(-time.Minute) // the index has grown long
	l.found(now)
	passOver()
	from(now)
	if len(f.reads)+len(f.writes) > 0 {
		t.Errorf("%d reads and %d writes are left", len(f.reads), len(f.writes))
	}
}

// What died while somebody holds a snapshot is not passed again by each claim and each tick, and counters are added up.
func TestALongSnapshot(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Shared(t, "15").Database(t)
	at := time.UnixMilli(1_700_000_000_000)
	s, err := Open(t.Context(), Options{DSN: dsn, Clock: func() time.Time { return at }, NoNotify: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	other, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close(context.WithoutCancel(t.Context())) }()
	tx, err := other.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT count(*) FROM executions"); err != nil {
		t.Fatal(err)
	}
	w := storetest.NewWorld(t, s, 1)
	workflow := w.Workflows[0]
	const n = 1500
	claim := func(limit int, come func(*store.Loaded)) {
		t.Helper()
		err := s.Commit(t.Context(), &store.Need{Claims: []store.ClaimNeed{{Workflow: workflow, Limit: limit}}}, func(l *store.Loaded) *store.Changes {
			come(l)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range n {
		w.Finished(func(x *execution.Start) { x.Timeout = time.Hour })
		at = at.Add(20 * time.Millisecond)
	}
	at = at.Add(2 * floorGrace)
	claim(1, func(*store.Loaded) {})
	if _, err := s.Tick(t.Context(), store.TickQuery{Name: "a", TTL: time.Minute, Limit: 10}); err != nil {
		t.Fatal(err)
	}
	// A claim and a look for timers now begin behind all of that.
	head := newArgs().int64(workflow).int64(1).int64(1)
	queue, due := s.floors.queue(workflow, store.SoloIncluded).look(), s.floors.due.look()
	defer queue.end()
	defer due.end()
	for name, q := range map[string]struct {
		sql   string
		args  *args
		floor execution.Time
	}{
		"claim": {claimStatements[0][0].sql, head, queue.from},
		"timer": {"SELECT due_at FROM executions WHERE due_at IS NOT NULL AND due_at >= $1 ORDER BY due_at, id LIMIT 1", newArgs(), due.from},
	} {
		whole, behind := pages(t, s, q.sql, q.args.clone().int64(0)), pages(t, s, q.sql, q.args.clone().int64(int64(q.floor)))
		if whole < n/15 || behind > 20 {
			t.Errorf("%s: %d pages from the beginning, %d from the floor %d", name, whole, behind, q.floor)
		}
	}
	late := w.Start()
	claim(5, func(l *store.Loaded) {
		if len(l.Claims[0]) != 1 || l.Claims[0][0].Row.ID != late {
			t.Errorf("the queue has %d executions", len(l.Claims[0]))
		}
	})
	count := func() (parts int64) {
		if err := s.query(t.Context(), "SELECT count(*) FROM counters WHERE slot >= 65536", nil, nil, func(r *row) error {
			parts = r.int64()
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return parts
	}
	before := count()
	if err := s.foldCounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := count(); before < 30 || after > 6 {
		t.Errorf("%d parts of counters before they are added up, %d afterwards", before, after)
	}
	w.Audit()
}

// pages is how many pages a statement of commits touches.
func pages(t *testing.T, s *Store, sql string, a *args) int {
	t.Helper()
	n := -1
	err := s.using(t.Context(), s.committers, func(c *conn) error {
		b := c.batch(t.Context())
		b.add(prepare("EXPLAIN (ANALYZE, BUFFERS) "+sql), a, func(r *row) error {
			m := regexp.MustCompile(`shared hit=(\d+)`).FindStringSubmatch(r.text())
			if n < 0 && m != nil {
				n, _ = strconv.Atoi(m[1])
			}
			return nil
		}, nil)
		_, err := b.run()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
