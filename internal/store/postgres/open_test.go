package postgres_test

import (
	"testing"

	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store/postgres"
)

func open(t testing.TB, o postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for _, version := range pgtest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			dsn := pgtest.Shared(t, version).Database(t)
			a := open(t, postgres.Options{DSN: dsn})
			b := open(t, postgres.Options{DSN: dsn})
			if a.Epoch() != b.Epoch() || a.Epoch() == 0 || a.Node() == b.Node() {
				t.Errorf("epochs %d and %d, nodes %d and %d", a.Epoch(), b.Epoch(), a.Node(), b.Node())
			}
		})
	}
}
