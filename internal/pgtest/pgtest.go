// Package pgtest runs real PostgreSQL servers for tests and load programs: each with a data directory of its own, never
// as root, and gone with the process that started it.
//
// Text sorts by the rules of English in these databases, as in many that users have: a query that relies on the order
// of bytes must say COLLATE "C".
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options of a server. The zero value is a server for tests of behaviour.
type Options struct {
	// Version is the major version, "15" or "18"; empty: the first of Versions.
	Version string
	// Durable makes the server write through to the disk. Without it, what was committed survives the death of the
	// server's processes but not that of the machine, and commits are faster than users will see them.
	Durable bool
	// Settings are lines of postgresql.conf by name, values as they stand there.
	Settings map[string]string
}

// Server is a running PostgreSQL. Its methods are called by one goroutine at a time.
type Server struct {
	Version string
	// Addr is where the server listens, host and port. It stays the same when the server starts again.
	Addr string

	install installation
	dir     string // of the server's own: data, log and socket
	pid     int    // of the postmaster; 0: it does not run
	guard   *guard
	standby int // how many standbys it was given
}

// user is the one superuser of the servers, without a password.
const user = "sojourn"

// patience is how long a server may take to start, stop or follow.
const patience = time.Minute

// ErrMissing is a version that is not installed.
var ErrMissing = errors.New("PostgreSQL is not installed (scripts/install-postgres.sh)")

// Versions are the major versions that tests run on: those that SOJOURN_TEST_POSTGRES lists, separated by commas, by
// default 15 and 18.
func Versions() []string {
	if list := os.Getenv("SOJOURN_TEST_POSTGRES"); list != "" {
		return strings.Split(list, ",")
	}
	return []string{"15", "18"}
}

// Run makes a server and waits until it answers. Whoever runs it calls Close; if the process ends without that, the
// server ends too.
func Run(ctx context.Context, o Options) (*Server, error) {
	s, err := prepare(ctx, &o)
	if err != nil {
		return nil, err
	}
	settings := map[string]string{
		"max_connections": "200", "shared_buffers": "64MB", "max_wal_size": "1GB", "log_min_messages": "warning",
		"log_line_prefix": "'%m %a '", "timezone": "'UTC'", "wal_level": "replica", "max_wal_senders": "8",
	}
	if !o.Durable {
		settings["fsync"] = "off"
		settings["full_page_writes"] = "off"
	}
	maps.Copy(settings, o.Settings)
	err = s.initialize(ctx)
	if err == nil {
		err = s.configure("postgresql.conf", settings)
	}
	if err == nil {
		err = s.start(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("pgtest: PostgreSQL %s: %w", s.Version, err), s.Close())
	}
	return s, nil
}

// prepare makes the server's folder.
func prepare(ctx context.Context, o *Options) (*Server, error) {
	if o.Version == "" {
		o.Version = Versions()[0]
	}
	install, err := find(ctx, o.Version)
	if err != nil {
		return nil, fmt.Errorf("pgtest: PostgreSQL %s: %w", o.Version, err)
	}
	dir, err := os.MkdirTemp(install.scratch, "sojourn-postgres-")
	if err == nil {
		err = install.account.give(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	s := &Server{Version: o.Version, install: install, dir: dir}
	if s.guard, err = watch(install.account, dir); err != nil {
		return nil, errors.Join(fmt.Errorf("pgtest: %w", err), os.RemoveAll(dir))
	}
	return s, nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// initialize copies the data directory of an empty server of this version, which is made once per machine.
func (s *Server) initialize(ctx context.Context) error {
	template, err := s.install.template(ctx)
	if err != nil {
		return err
	}
	return copyTree(template, s.data(), s.install.account, nil)
}

// configure appends settings to a file of the data directory. Of a name that comes twice, the last one counts.
func (s *Server) configure(file string, settings map[string]string) error {
	lines := []string{}
	for name, value := range settings {
		lines = append(lines, fmt.Sprintf("%s = %s\n", name, value))
	}
	slices.Sort(lines)
	path := filepath.Join(s.data(), file)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, strings.Join(lines, ""))
	return errors.Join(err, f.Close(), s.install.account.give(path))
}

// start runs the server on its address, or on a free one when it has none, until it answers. A server that was killed
// leaves processes behind that end by themselves; before, a new one refuses to start.
func (s *Server) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for fresh := s.Addr == ""; ; {
		if fresh {
			port, err := freePort()
			if err != nil {
				return err
			}
			s.Addr = "127.0.0.1:" + strconv.Itoa(port)
		}
		err := s.launch()
		if err == nil {
			err = s.ready(ctx)
		}
		if err == nil || !errors.Is(err, errEnded) || ctx.Err() != nil {
			return err
		}
		if !pause(ctx, 50*time.Millisecond) {
			return fmt.Errorf("%w:\n%s", err, s.Log())
		}
	}
}

// ready waits until the server answers, or returns errEnded.
func (s *Server) ready(ctx context.Context) error {
	for {
		c, err := pgx.Connect(ctx, s.DSN("postgres"))
		if err == nil {
			return c.Close(ctx)
		}
		if s.ended() {
			s.pid = 0
			return errEnded
		}
		if !pause(ctx, 20*time.Millisecond) {
			return fmt.Errorf("it does not answer: %w:\n%s", err, s.Log())
		}
	}
}

// pause waits, and reports whether there is more time.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// DSN is the address of a database of the server.
func (s *Server) DSN(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(user), Host: s.Addr, Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// PID is the postmaster's process, 0 while it does not run.
func (s *Server) PID() int { return s.pid }

// Log is the end of what the server wrote.
func (s *Server) Log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-8<<10):])
}

// WholeLog is all that the server wrote.
func (s *Server) WholeLog(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Kill ends the postmaster at once, by SIGKILL. The server's other processes notice it and end.
func (s *Server) Kill() error { return s.signal(kill) }

// Stop ends the server cleanly, and its connections with it.
func (s *Server) Stop() error { return s.signal(fast) }

// Restart starts the server again on the same address and data: after Kill, after Stop, or when it runs.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Stop(); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return fmt.Errorf("pgtest: restart PostgreSQL %s: %w", s.Version, err)
	}
	return nil
}

// Close ends the server and removes its data.
func (s *Server) Close() error { return errors.Join(s.signal(immediate), s.guard.release()) }

// Exec runs statements in a database of the server.
func (s *Server) Exec(ctx context.Context, database string, statements ...string) error {
	c, err := pgx.Connect(ctx, s.DSN(database))
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
	for _, q := range statements {
		if _, err := c.Exec(ctx, q); err != nil {
			return fmt.Errorf("pgtest: %s: %w", q, err)
		}
	}
	return nil
}

// Start runs a server until the test ends. Where PostgreSQL is missing the test is skipped, on CI it fails.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Run(t.Context(), o)
	require(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("PostgreSQL %s wrote:\n%s", s.Version, s.Log())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func require(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, ErrMissing) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// shared are the servers that the tests of this process share, by version.
var shared struct {
	sync.Mutex
	servers map[string]*Server
}

// Shared is a server of a version that is not durable and that the tests of one process share, each with its databases.
// It ends with the process: nobody stops, kills or closes it.
func Shared(t testing.TB, version string) *Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if s := shared.servers[version]; s != nil {
		return s
	}
	s, err := Run(context.WithoutCancel(t.Context()), Options{Version: version})
	require(t, err)
	if shared.servers == nil {
		shared.servers = map[string]*Server{}
	}
	shared.servers[version] = s
	return s
}
