package pgtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Bouncer is a PgBouncer in front of a server, which hands out another connection of few for each transaction.
type Bouncer struct {
	server *Server
	addr   string
}

// NewBouncer runs PgBouncer in transaction mode until the test ends. Without it the test is skipped, in CI it fails.
func NewBouncer(t testing.TB, s *Server) *Bouncer {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // where Debian has it, which not everybody's PATH names
		_, err = os.Stat(program)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("PgBouncer is not installed (scripts/install-test-deps.sh): %v", err)
		}
		t.Skipf("PgBouncer is not installed (scripts/install-test-deps.sh): %v", err)
	}
	port, err := freePort()
	require(t, err)
	b := &Bouncer{server: s, addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	_, to, err := net.SplitHostPort(s.Addr)
	require(t, err)
	dir, err := os.MkdirTemp(s.install.scratch, "sojourn-pgbouncer-") //nolint:usetesting // a folder of the test is closed to the account
	require(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require(t, s.install.account.give(dir))
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require(t, os.WriteFile(path, []byte(text), 0o600))
		require(t, s.install.account.give(path))
		return path
	}
	users := write("users", fmt.Sprintf("%q \"\"\n", user))
	config := write("pgbouncer.ini", `[databases]
* = host=127.0.0.1 port=`+to+`
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = `+strconv.Itoa(port)+`
unix_socket_dir =
auth_type = trust
auth_file = `+users+`
pool_mode = transaction
default_pool_size = 8
max_client_conn = 2000
server_idle_timeout = 5
logfile = `+filepath.Join(dir, "log")+`
`)
	// The shell ends it when this process does, however that comes.
	c := exec.CommandContext(context.WithoutCancel(t.Context()), "/bin/sh", "-c", `"$1" -q "$2" & cat >/dev/null; kill -TERM $!; wait`, "sh", program, config)
	c.Dir, c.SysProcAttr = "/", s.install.account.attributes()
	hold, err := c.StdinPipe()
	require(t, err)
	require(t, c.Start())
	t.Cleanup(func() {
		_ = hold.Close()
		_ = c.Wait() // it says no more than that it was ended
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("PgBouncer said: %s", text[max(0, len(text)-3000):])
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", b.addr)
		if err == nil {
			require(t, nc.Close())
			return b
		}
		if !pause(ctx, 20*time.Millisecond) {
			t.Fatalf("PgBouncer does not start: %v", err)
		}
	}
}

// Through is the address of a database of the server by way of the pooler.
func (b *Bouncer) Through(dsn string) string { return strings.Replace(dsn, b.server.Addr, b.addr, 1) }
