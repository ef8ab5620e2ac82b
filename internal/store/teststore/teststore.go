// Package teststore opens the store that the tests of everything above the stores run on, so that one suite judges all
// databases: the variable SOJOURN_TEST_STORE chooses.
package teststore

import (
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/sqlite"
)

// Option changes how a store is opened.
type Option func(*options)

type options struct {
	clock func() time.Time
}

// Clock makes the store read its time from now, like sqlite.Config's Clock.
func Clock(now func() time.Time) Option { return func(o *options) { o.clock = now } }

// Open opens an empty store of the test's own, without waiting for the disk. The end of the test closes it, after the
// cleanups that were registered later. It works inside a bubble of testing/synctest too.
func Open(t testing.TB, with ...Option) store.Store {
	t.Helper()
	var o options
	for _, f := range with {
		f(&o)
	}
	s, err := sqlite.Open(t.Context(), sqlite.Config{Memory: true, Clock: o.clock})
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
