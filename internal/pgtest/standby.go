package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Standby runs a second server that follows this one; from then on a commit is answered when both have it on disk.
// It reads, and refuses to write until Promote.
func (s *Server) Standby(ctx context.Context) (*Server, error) {
	follower, err := prepare(ctx, &Options{Version: s.Version})
	if err != nil {
		return nil, err
	}
	s.standby++
	name := fmt.Sprintf("standby_%d", s.standby)
	if err = s.lend(ctx, follower, name); err == nil {
		err = follower.start(ctx)
	}
	if err == nil {
		err = s.Exec(ctx, "postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
	}
	if err == nil {
		err = s.followed(ctx, name)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("pgtest: standby: %w", err), follower.Close())
	}
	return follower, nil
}

// lend copies the running server's data to a follower, as a base backup does.
func (s *Server) lend(ctx context.Context, follower *Server, name string) error {
	c, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
	// What the follower needs of the log is kept from here on.
	if _, err := c.Exec(ctx, "SELECT pg_create_physical_replication_slot($1, true)", name); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, "SELECT pg_backup_start($1, true)", name); err != nil {
		return err
	}
	err = copyTree(s.data(), follower.data(), s.install.account, func(path string) bool {
		folder, file := filepath.Split(path)
		return slices.Contains([]string{"postmaster.pid", "postmaster.opts", "postgresql.auto.conf"}, path) ||
			strings.HasPrefix(file, "pgsql_tmp") || slices.Contains([]string{"pg_wal/", "pg_replslot/", "pg_stat_tmp/"}, folder)
	})
	if err != nil {
		return err
	}
	var label string
	if err := c.QueryRow(ctx, "SELECT labelfile FROM pg_backup_stop(false)").Scan(&label); err != nil {
		return err
	}
	for file, text := range map[string]string{"backup_label": label, "standby.signal": ""} {
		path := filepath.Join(follower.data(), file)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), s.install.account.give(path)); err != nil {
			return err
		}
	}
	host, port, _ := strings.Cut(s.Addr, ":")
	return follower.configure("postgresql.auto.conf", map[string]string{
		"primary_conninfo":  fmt.Sprintf("'host=%s port=%s user=%s application_name=%s'", host, port, user, name),
		"primary_slot_name": "'" + name + "'",
	})
}

// followed waits until the standby confirms commits.
func (s *Server) followed(ctx context.Context, name string) error {
	return s.until(ctx, name+" does not follow", `SELECT EXISTS (
			SELECT FROM pg_stat_replication WHERE application_name = $1 AND state = 'streaming' AND sync_state = 'sync'
		)`, name)
}

// until asks the server again and again until the answer is true; otherwise is the error when it never is.
func (s *Server) until(ctx context.Context, otherwise, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
	for {
		var yes bool
		if err := c.QueryRow(ctx, query, args...).Scan(&yes); err != nil || yes {
			return err
		}
		if !pause(ctx, 20*time.Millisecond) {
			return fmt.Errorf("%s: %w", otherwise, ctx.Err())
		}
	}
}

// Promote makes a standby a server that writes, and waits until it does.
func (s *Server) Promote(ctx context.Context) error {
	return s.Exec(ctx, "postgres", "SELECT pg_promote(true, 60)", "CREATE TEMPORARY TABLE writable ()")
}

// Detach makes a standby follow nobody: what is committed from then on does not reach it.
func (s *Server) Detach(ctx context.Context) error {
	if err := s.Exec(ctx, "postgres", "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()"); err != nil {
		return err
	}
	return s.until(ctx, "it still follows",
		"SELECT current_setting('primary_conninfo') = '' AND NOT EXISTS (SELECT FROM pg_stat_wal_receiver)")
}

// StartStandby runs a standby until the test ends.
func (s *Server) StartStandby(t testing.TB) *Server {
	t.Helper()
	follower, err := s.Standby(t.Context())
	require(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the standby wrote:\n%s", follower.Log())
		}
		if err := follower.Close(); err != nil {
			t.Error(err)
		}
	})
	return follower
}
