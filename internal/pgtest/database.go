package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"sync/atomic"
	"testing"
)

// databases counts those made by this process.
var databases atomic.Int64

// Database makes an empty database for the test on the shared server of the first of Versions, and returns its address.
func Database(t testing.TB) string {
	t.Helper()
	return Shared(t, Versions()[0]).Database(t)
}

// Database makes an empty database that goes when the test ends, and returns its address.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	return s.database(t, "template0")
}

// Copy makes a copy of a database of the server, to which nobody is connected, that goes when the test ends.
func (s *Server) Copy(t testing.TB, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return s.database(t, u.Path[1:])
}

func (s *Server) database(t testing.TB, template string) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if err := s.Exec(t.Context(), "postgres", "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.pid == 0 {
			return // the test stopped it, and it goes whole
		}
		if err := s.Exec(context.WithoutCancel(t.Context()), "postgres", "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return s.DSN(name)
}
