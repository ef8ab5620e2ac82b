package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/store"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://ada:secret@db.internal/sojourn?sslmode=disable":                         "db.internal:5432/sojourn",
		"postgres://ada:secret@one:5433,two:5434/sojourn":                                   "one:5433,two:5434/sojourn",
		"host=/run/postgresql user=ada password=secret dbname=sojourn":                      "/run/postgresql/sojourn",
		"host=::1 user=ada password='sec ret' dbname=sojourn":                               "[::1]:5432/sojourn",
		"postgres://ada:secret@db.internal:port/sojourn":                                    "an address that cannot be read",
		"postgres://ada:secret@one,two/sojourn?target_session_attrs=read-write&sslmode=off": "an address that cannot be read",
	} {
		if got := Describe(dsn); got != want {
			t.Errorf("%s is described as %q, want %q", dsn, got, want)
		}
	}
}

// No error tells the password, whatever is wrong with the address.
func TestErrorsHideThePassword(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]string{
		"no port":      "postgres://ada:s3cret-word@db.internal:port/sojourn",
		"no such mode": "postgres://ada:s3cret-word@127.0.0.1/sojourn?sslmode=off",
		"nobody there": "postgres://ada:s3cret-word@127.0.0.1:1/sojourn?sslmode=disable",
		"keywords":     "host=127.0.0.1 port=1 user=ada password=s3cret-word dbname=sojourn sslmode=disable",
		"half":         "host=127.0.0.1 password=s3cret-word port=x",
		"not an URL":   "postgres://ada:s3cret-word@[::1/sojourn",
		"a bad escape": "postgres://ada:s3cret-word%zz@127.0.0.1/sojourn",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := Open(ctx, Options{DSN: dsn, ConnectTimeout: time.Second})
		cancel()
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
		if reached := !strings.Contains(err.Error(), "refused"); errors.Is(err, store.ErrUnavailable) == reached {
			t.Errorf("%s: %v", name, err)
		}
	}
}
