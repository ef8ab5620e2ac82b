// Package teststore opens the store that the tests of everything above the stores run on, so that one suite judges all
// databases: the variable SOJOURN_TEST_STORE chooses.
package teststore

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/sqlite"
)

// Variable is the environment variable that chooses the store: sqlite, which is the default, postgres15, postgres18, or
// postgres-distributed, which is PostgreSQL without what distributed databases of its kind lack: no SKIP LOCKED, no
// NOTIFY, and serialization failures at any time.
const Variable = "SOJOURN_TEST_STORE"

// Option changes how a store is opened.
type Option func(*options)

type options struct {
	clock func() time.Time
}

// Clock makes the store read its time from now, like sqlite.Config's Clock.
func Clock(now func() time.Time) Option { return func(o *options) { o.clock = now } }

// Suite is the tests of a package with the database server that they need.
type Suite struct{ tests interface{ Run() int } }

// Main is for TestMain: the database server runs while m does, outside all bubbles of testing/synctest.
func Main(m interface{ Run() int }) *Suite { return &Suite{m} }

// Run runs the tests and returns the exit code.
func (s *Suite) Run() int {
	kind, err := chosen()
	if err == nil && kind.version != "" {
		err = start(kind)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := s.tests.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// kind is a choice.
type kind struct {
	version     string // of PostgreSQL; empty: SQLite
	distributed bool
}

func chosen() (kind, error) {
	switch text := os.Getenv(Variable); text {
	case "", "sqlite":
		return kind{}, nil
	case "postgres15":
		return kind{version: "15"}, nil
	case "postgres18":
		return kind{version: "18"}, nil
	case "postgres-distributed":
		return kind{version: "15", distributed: true}, nil
	default:
		return kind{}, fmt.Errorf("%s=%q: choose sqlite, postgres15, postgres18 or postgres-distributed", Variable, text)
	}
}

// OnPostgres reports whether the tests run on PostgreSQL.
func OnPostgres() bool {
	k, err := chosen()
	return err == nil && k.version != ""
}

// Open opens an empty store of the test's own, which does not wait for the disk. The end of the test closes it, after the
// cleanups that were registered later. It works inside a bubble of testing/synctest too, in the bubble's time.
func Open(t testing.TB, with ...Option) store.Store {
	t.Helper()
	var o options
	for _, f := range with {
		f(&o)
	}
	k, err := chosen()
	if err != nil {
		t.Fatal(err)
	}
	var s store.Store
	if k.version != "" {
		s, err = openDatabase(t, k, o)
	} else {
		s, err = sqlite.Open(t.Context(), sqlite.Config{Memory: true, Clock: o.clock})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}

// Hints reports whether servers on the store hint each other that they committed.
func Hints() bool {
	k, err := chosen()
	return err == nil && k.version != "" && !k.distributed
}
