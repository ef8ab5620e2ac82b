package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/blob"
	"github.com/sojournhq/sojourn/internal/execution"
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

// A database that keeps its connections open and answers nothing, as one whose locks or disk hang, does not keep readers
// and uploads forever; audits have patience.
func TestReadsDoNotWaitForever(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Shared(t, "15").Database(t)
	s := open(t, postgres.Options{DSN: dsn, NoNotify: true, AnswerTimeout: 250 * time.Millisecond})
	admin := connect(t, dsn)
	exec(t, admin, "BEGIN")
	exec(t, admin, "LOCK TABLE executions, journal, blobs")
	for name, ask := range map[string]func() error{
		"one row": func() error { _, err := s.Get(t.Context(), 1, execution.MakeID(1, 1, 1)); return err },
		"a count": func() error { _, err := s.Queues(t.Context()); return err },
		"an upload": func() error {
			_, err := blob.OpenDatabase(s).Put(t.Context(), "file_00000000000000000000000000", strings.NewReader("a"))
			return err
		},
	} {
		ended := make(chan error, 1)
		go func() { ended <- ask() }()
		select {
		case err := <-ended:
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: %v, want that the store is unavailable", name, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s waits for an answer that does not come", name)
		}
	}
	audited := make(chan error, 1)
	go func() {
		_, err := s.Audit(t.Context())
		audited <- err
	}()
	select {
	case err := <-audited:
		t.Errorf("the audit ended before the database answered: %v", err)
	case <-time.After(500 * time.Millisecond): // twice what other reads may take
	}
	exec(t, admin, "ROLLBACK")
	if err := <-audited; err != nil {
		t.Errorf("the audit: %v", err)
	}
	if _, err := s.Get(t.Context(), 1, execution.MakeID(1, 1, 1)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("once the database answers again: %v", err)
	}
}
