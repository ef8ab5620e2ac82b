//go:build unix

package pgtest

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// orphanage is the context of what no test owns.
var orphanage = context.Background()

func TestMain(m *testing.M) {
	if os.Getenv("SOJOURN_PGTEST_CHILD") != "" {
		child()
	}
	goleak.VerifyTestMain(m)
}

// TestKilled commits, kills the server, starts it again, and finds what was committed.
func TestKilled(t *testing.T) {
	t.Parallel()
	for _, version := range Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := Start(t, Options{Version: version, Settings: map[string]string{"max_connections": "17"}})
			dsn := s.Database(t)
			c := connect(t, dsn)
			run(t, c, "CREATE TABLE kept AS SELECT 42 AS n")
			if got := read[string](t, c, "SHOW max_connections"); got != "17" {
				t.Fatalf("max_connections is %s", got)
			}
			if got := read[int](t, c, "SELECT current_setting('server_version_num')::int / 10000"); strconv.Itoa(got) != version {
				t.Fatalf("version %d, want %s", got, version)
			}
			for _, end := range []func() error{s.Kill, s.Stop} {
				if err := end(); err != nil {
					t.Fatal(err)
				}
				if _, err := pgx.Connect(t.Context(), dsn); err == nil {
					t.Fatal("a server that ended answers")
				}
				if err := s.Restart(t.Context()); err != nil {
					t.Fatal(err)
				}
				if n := read[int](t, connect(t, dsn), "SELECT n FROM kept"); n != 42 {
					t.Fatalf("read %d", n)
				}
			}
		})
	}
}

// TestStandby loses the primary, promotes the standby, and finds there what was committed before it was detached.
func TestStandby(t *testing.T) {
	t.Parallel()
	for _, version := range Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			primary := Start(t, Options{Version: version, Durable: true})
			dsn := primary.DSN("postgres")
			run(t, connect(t, dsn), "CREATE TABLE kept (n int)")
			standby := primary.StartStandby(t)
			run(t, connect(t, dsn), "INSERT INTO kept VALUES (42)")
			if err := standby.Detach(t.Context()); err != nil {
				t.Fatal(err)
			}
			run(t, connect(t, dsn+"&synchronous_commit=local"), "INSERT INTO kept VALUES (1000)")
			if err := primary.Kill(); err != nil {
				t.Fatal(err)
			}
			c := connect(t, standby.DSN("postgres"))
			if _, err := c.Exec(t.Context(), "INSERT INTO kept VALUES (43)"); err == nil {
				t.Fatal("a standby writes")
			}
			if err := standby.Promote(t.Context()); err != nil {
				t.Fatal(err)
			}
			run(t, c, "INSERT INTO kept VALUES (44)")
			if n := read[int](t, c, "SELECT sum(n) FROM kept"); n != 86 {
				t.Fatalf("the sum is %d", n)
			}
		})
	}
}

// TestDatabases makes databases on the shared server: each is empty, and sorts as people do.
func TestDatabases(t *testing.T) {
	t.Parallel()
	first, second := Database(t), Database(t)
	if first == second {
		t.Fatal("one database for two")
	}
	run(t, connect(t, first), "CREATE TABLE here ()")
	c := connect(t, second)
	if read[bool](t, c, "SELECT to_regclass('here') IS NOT NULL") {
		t.Fatal("a new database has a table")
	}
	if !read[bool](t, c, "SELECT 'a' < 'B' AND 'B' < 'a' COLLATE \"C\"") {
		t.Fatal("text sorts by bytes")
	}
}

// TestOrphan kills a process that runs a server: the server and its folder go too.
func TestOrphan(t *testing.T) {
	t.Parallel()
	require(t, func() error { _, err := find(t.Context(), Versions()[0]); return err }())
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "SOJOURN_PGTEST_CHILD=1")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	word, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
	pid, err := strconv.Atoi(word)
	if err != nil {
		t.Fatalf("the child says %q", line)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the child's server: %v", err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		_, err := os.Stat(dir)
		gone := errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || zombie(pid)
		if errors.Is(err, os.ErrNotExist) && gone {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("left: process %d, %t; folder %s, %v", pid, !gone, dir, err)
		}
	}
}

// zombie reports whether a process has ended and only nobody asked: in a container its new parent may never.
func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z")
}

// child runs a server and waits to be killed.
func child() {
	s, err := Run(orphanage, Options{})
	if err != nil {
		_, _ = os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString(strconv.Itoa(s.PID()) + " " + s.dir + "\n")
	select {}
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(orphanage) })
	return c
}

func run(t *testing.T, c *pgx.Conn, query string) {
	t.Helper()
	if _, err := c.Exec(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

func read[T any](t *testing.T, c *pgx.Conn, query string) T {
	t.Helper()
	var v T
	if err := c.QueryRow(t.Context(), query).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
