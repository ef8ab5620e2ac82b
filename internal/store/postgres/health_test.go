package postgres_test

import (
	"context"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/postgres"
)

// A transaction that somebody left open shows, with what it keeps vacuum from removing, until it ends.
func TestHealth(t *testing.T) {
	t.Parallel()
	for _, version := range pgtest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			// A server of its own: others' transactions would show.
			db := pgtest.Start(t, pgtest.Options{Version: version})
			dsn := db.Database(t)
			s := open(t, postgres.Options{DSN: dsn})
			health := func() store.Health {
				t.Helper()
				all, err := s.Health(t.Context())
				if err != nil || len(all) != 1 {
					t.Fatalf("%+v, %v", all, err)
				}
				return all[0]
			}
			h := health()
			if h.Servers != 1 || h.Connections < 1 || h.MaxConnections < 10 || h.Standbys != -1 || h.Pinned < 0 || h.Horizon < 0 {
				t.Errorf("%+v", h)
			}
			if !slices.ContainsFunc(h.Tables, func(x store.TableHealth) bool { return x.Name == "executions" }) {
				t.Errorf("tables: %+v", h.Tables)
			}

			before := h
			for i := range 3 {
				key := int64(1000 + i)
				err := s.Commit(t.Context(), &store.Need{}, func(*store.Loaded) *store.Changes {
					return &store.Changes{Gone: []int64{key}}
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if h = health(); h.Commits != before.Commits+3 || h.RoundTrips != before.RoundTrips+3 {
				t.Errorf("three commits without anything to read: %d commits in %d round trips", h.Commits-before.Commits, h.RoundTrips-before.RoundTrips)
			}

			other, err := pgx.Connect(t.Context(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = other.Close(t.Context()) }()
			tx, err := other.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
			if err != nil {
				t.Fatal(err)
			}
			var n int
			if err := tx.QueryRow(t.Context(), "SELECT count(*) FROM executions").Scan(&n); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			for range 20 { // each is a transaction that the horizon falls behind
				if err := db.Exec(t.Context(), "postgres", "SELECT pg_current_xact_id()"); err != nil {
					t.Fatal(err)
				}
			}
			// The server's view of other sessions is of their last statement's end: it is true within moments.
			for {
				h = health()
				if h.Horizon >= 20 && h.Pinned >= time.Since(begun)/2 {
					break
				}
				if time.Since(begun) > 10*time.Second {
					t.Fatalf("an open transaction does not show: %+v", h)
				}
			}
			if err := tx.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(10 * time.Second); h.Horizon >= 20 || h.Pinned > time.Second; h = health() {
				if time.Now().After(end) {
					t.Fatalf("a transaction that ended still shows: %+v", h)
				}
			}
		})
	}
}

// Without pg_monitor nothing is told about others rather than something wrong.
func TestHealthWithoutTheRight(t *testing.T) {
	t.Parallel()
	db := pgtest.Shared(t, pgtest.Versions()[0])
	dsn := db.Database(t)
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	config := c.Config()
	if _, err := c.Exec(t.Context(), "DROP ROLE IF EXISTS health_plain"); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"CREATE ROLE health_plain LOGIN PASSWORD 'plain'", "GRANT ALL ON SCHEMA public TO health_plain", "GRANT CREATE ON DATABASE " + pgx.Identifier{config.Database}.Sanitize() + " TO health_plain",
	} {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		// It owns what the store made.
		if err := db.Exec(context.WithoutCancel(t.Context()), config.Database, "DROP OWNED BY health_plain", "DROP ROLE health_plain"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("health_plain", "plain")
	s := open(t, postgres.Options{DSN: u.String()})
	all, err := s.Health(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	if h := all[0]; h.Pinned >= 0 || h.Horizon != -1 || h.Standbys != -1 || h.Connections < 1 || h.Servers != 1 {
		t.Errorf("%+v", h)
	}
}
