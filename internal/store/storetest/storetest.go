// Package storetest holds a store to the promises of package store: a suite that every database passes, with nothing
// in it that knows which one it tests.
package storetest

import (
	"testing"

	"github.com/sojournhq/sojourn/internal/store"
)

// Harness opens stores for the suite. Whoever opens a store closes it when the test ends.
type Harness struct {
	// Open opens an empty store of the test's own.
	Open func(t *testing.T) store.Store
	// Reopen closes the store and opens the same data again, as after a restart.
	Reopen func(t *testing.T, s store.Store) store.Store
	// Restore opens a copy that Backup wrote.
	Restore func(t *testing.T, path string) store.Store
	// NoHints says that the stores give no hints: store.Shared.Listen hears nothing.
	NoHints bool
	// NoBusy says that the stores wait for rows that another server has locked.
	NoBusy bool
	// Join opens the data of s once more, as another server does. It is asked for only when s is a store.Shared.
	Join func(t *testing.T, s store.Store) store.Shared
}

// Run runs the whole suite.
func Run(t *testing.T, h Harness) {
	for _, subject := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"executions", executions},
		{"claims", claims},
		{"timers", timers},
		{"waits", waits},
		{"links", links},
		{"events", events},
		{"feeds", feeds},
		{"reservations", reservations},
		{"lists", lists},
		{"counts", counts},
		{"stats", stats},
		{"logs", logs},
		{"files", files},
		{"catalog", catalog},
		{"keys", keys},
		{"sessions", sessions},
		{"deletes", deletes},
		{"deliveries", deliveries},
		{"walls", walls},
		{"retries", retries},
		{"backups", backups},
		{"audits", audits},
		{"races", races},
		{"restarts", restarts},
		{"shared", shared},
	} {
		t.Run(subject.name, func(t *testing.T) {
			t.Parallel()
			subject.run(t, h)
		})
	}
}

// each runs a subject's tests in parallel, each with a world of its own.
func (h Harness) each(t *testing.T, tests map[string]func(*testing.T, *World)) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, NewWorld(t, h.Open(t), 3))
		})
	}
}
