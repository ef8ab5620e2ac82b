package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/postgres"
)

// News of other servers waits for no write of this one. A server whose writes hang notices all the same.
func TestTicksDoNotWaitForWrites(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	s := open(t, postgres.Options{DSN: dsn})
	const ttl = 3 * time.Second
	var after store.Cursor
	tick := func(ctx context.Context) error {
		x, err := s.Tick(ctx, store.TickQuery{Name: "one", TTL: ttl, After: after, Limit: 10})
		if err == nil {
			after = x.Next
			if len(x.Nodes) != 1 || x.Nodes[0].Key != s.Node() {
				t.Errorf("the servers alive are %+v", x.Nodes)
			}
		}
		return err
	}
	if err := tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	admin := connect(t, dsn)
	exec(t, admin, "BEGIN")
	exec(t, admin, "UPDATE nodes SET seen_at = seen_at") // whoever writes the row hangs
	n, hung := 0, time.Now()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), ttl/2)
		err := tick(ctx)
		cancel()
		if err != nil {
			break
		}
		if n++; time.Since(hung) > 2*ttl {
			t.Fatal("a server whose writes hang goes on as if nothing were")
		}
		time.Sleep(10 * time.Millisecond) // the pace of hints
	}
	if n < 10 {
		t.Errorf("%d ticks came back before one waited", n)
	}
	exec(t, admin, "ROLLBACK")
	for end := time.Now().Add(2 * ttl); ; {
		err := tick(t.Context())
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	// Ticks that only read keep the server alive for longer than one that writes.
	for begun := time.Now(); time.Since(begun) < ttl+ttl/4; time.Sleep(50 * time.Millisecond) {
		if err := tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
