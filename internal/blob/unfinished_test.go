package blob_test

import (
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/sojournhq/sojourn/internal/blob"
)

// The parts of an upload that never ended are found and removed, and nothing else is.
func TestAbandonedUploads(t *testing.T) {
	endpoint, _ := serveS3(t)
	address := "s3://files?region=us-east-1&use_path_style=true&prefix=a/&endpoint=" + url.QueryEscape(endpoint)
	s := open(t, address)
	u, ok := s.(blob.Unfinished)
	if !ok {
		t.Fatal("a bucket does not know of unfinished uploads")
	}
	if _, err := s.Put(t.Context(), second, strings.NewReader("whole")); err != nil {
		t.Fatal(err)
	}
	began := time.Now().Add(-time.Minute)
	half, proceed := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		_, err := s.Put(t.Context(), first, io.MultiReader(
			io.LimitReader(zeros{}, 11<<20), signal{half}, wait{proceed}, iotest.ErrReader(io.EOF)))
		ended <- err
	}()
	<-half
	var seen []string
	look := func(drop bool) (n int) {
		t.Helper()
		seen = nil
		n, err := u.Abandon(t.Context(), func(name string, at time.Time) bool {
			seen = append(seen, name)
			if at.Before(began) || at.After(time.Now().Add(time.Minute)) {
				t.Errorf("%s began at %s", name, at)
			}
			return drop
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := look(false); n != 0 || len(seen) != 1 || seen[0] != first {
		t.Errorf("%d removed, seen %q", n, seen)
	}
	if n := look(true); n != 1 {
		t.Errorf("%d removed", n)
	}
	if n := look(true); n != 0 || len(seen) != 0 {
		t.Errorf("%d are left: %q", n, seen)
	}
	close(proceed)
	if err := <-ended; err == nil {
		t.Error("an upload whose parts are gone was completed")
	}
	if _, err := s.Open(t.Context(), first, 0, -1); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if got := names(t, s); len(got) != 1 || got[0] != second {
		t.Errorf("%q", got)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// signal closes its channel when it is reached.
type signal struct{ reached chan struct{} }

func (s signal) Read([]byte) (int, error) { close(s.reached); return 0, io.EOF }

// wait ends when its channel is closed.
type wait struct{ until chan struct{} }

func (w wait) Read([]byte) (int, error) { <-w.until; return 0, io.EOF }
