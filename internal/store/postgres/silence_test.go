package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/postgres"
	"github.com/sojournhq/sojourn/torture/proxy"
)

// A connection over which nothing comes back, without an end, does not keep a server from what the others do: its tick
// gives up, and the next one takes another connection.
func TestATickDoesNotWaitInSilence(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t, "15")
	dsn := server.Database(t)
	road, err := proxy.Listen(t.Context(), server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer road.Close()
	s := open(t, postgres.Options{DSN: strings.Replace(dsn, server.Addr, road.Addr(), 1), NoNotify: true})
	q := store.TickQuery{Name: "a", TTL: 250 * time.Millisecond, Limit: 10}
	if _, err := s.Tick(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	road.Set(proxy.Silent)
	failed := make(chan error, 1)
	go func() {
		_, err := s.Tick(t.Context(), q)
		failed <- err
	}()
	select {
	case err := <-failed:
		if err == nil {
			t.Fatal("a tick came back through silence")
		}
	case <-time.After(20 * time.Second):
		road.Reset()
		t.Fatal("a tick waits for an answer that does not come")
	}
	road.Set(proxy.Fair)
	if _, err := s.Tick(t.Context(), q); err != nil {
		t.Errorf("the tick after the silence: %v", err)
	}
}
