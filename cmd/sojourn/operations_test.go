//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOperationsAreFollowed does what docs/operations.md says, literally, as a newcomer in an empty folder: three servers
// on a PostgreSQL, a worker, one server killed, all of them upgraded one by one, a backup, its restore.
func TestOperationsAreFollowed(t *testing.T) {
	if !wide() {
		t.Skip("brings up PostgreSQL and three servers: SOJOURN_TEST_WIDE=1")
	}
	var search []string
	if dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin"); len(dirs) > 0 {
		search = append(search, dirs[len(dirs)-1])
	} else if _, err := exec.LookPath("initdb"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("PostgreSQL is not installed (scripts/install-postgres.sh)")
		}
		t.Skip("PostgreSQL is not installed (scripts/install-postgres.sh)")
	}

	// The folder of a newcomer, whom PostgreSQL demands not to be root.
	dir, err := os.MkdirTemp("/tmp", "walk") //nolint:usetesting // a short name, and a path for everybody
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	tools := filepath.Join(dir, "bin")
	if err := os.Mkdir(tools, 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "worker"), "./examples/worker")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the worker: %v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), "cp", self, filepath.Join(tools, "sojourn")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	attributes := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() == 0 {
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		for _, p := range []string{dir, tools, filepath.Join(dir, "worker"), filepath.Join(tools, "sojourn")} {
			if err := os.Chown(p, uid, gid); err != nil {
				t.Fatal(err)
			}
		}
	}

	script := walk(t, page(t, operations))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir, cmd.SysProcAttr = dir, attributes
	cmd.Env = []string{
		"HOME=" + dir, "LANG=C.UTF-8", asProgram + "=1",
		"PATH=" + strings.Join(append([]string{tools}, append(search, "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")...), ":"),
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	// Whatever became of it, nothing of it stays: all that it started is in its process group, but for the postmaster.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if pid, e := os.ReadFile(filepath.Join(dir, "pg", "postmaster.pid")); e == nil {
		if n, e := strconv.Atoi(strings.SplitN(string(pid), "\n", 2)[0]); e == nil {
			_ = syscall.Kill(n, syscall.SIGQUIT)
		}
	}
	text := out.String()
	if err != nil {
		logs := ""
		for _, name := range []string{"pg.log", "server1.log", "server2.log", "server3.log", "worker.log"} {
			b, _ := os.ReadFile(filepath.Join(dir, name))
			logs += fmt.Sprintf("--- %s\n%s\n", name, b[max(0, len(b)-4000):])
		}
		t.Fatalf("%v\n%s\n%s", err, text, logs)
	}
	t.Log(text)
	for _, want := range []string{"Hello, Ada!", "210", "every invariant holds", "restored", "new epoch", "every server is up again"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing said %q", want)
		}
	}
}

// walk is the page's command lines that concern three servers, as one script, with ports that are free here.
func walk(t *testing.T, text string) string {
	t.Helper()
	blocks := map[string][]string{} // by heading
	heading, in, block := "", false, ""
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case strings.HasPrefix(line, "## "):
			heading = strings.TrimPrefix(line, "## ")
		case line == "```sh":
			in, block = true, ""
		case in && line == "```":
			in = false
			blocks[heading] = append(blocks[heading], block)
		case in:
			block += line + "\n"
		}
	}
	var s strings.Builder
	s.WriteString("set -euo pipefail\n")
	add := func(heading string, n int, only func(string) bool) {
		count := 0
		for _, b := range blocks[heading] {
			if only == nil || only(b) {
				s.WriteString("echo; echo " + strconv.Quote("== "+heading) + "\n" + b)
				count++
			}
		}
		if count != n {
			t.Fatalf("%q has %d blocks to follow, want %d: has the page changed?", heading, count, n)
		}
	}
	add("Three servers on PostgreSQL", 7, nil)
	s.WriteString("sojourn execution get $(cat id) --url http://127.0.0.1:7373 -o json | grep -x '  \"output\": 210,\\?'\n")
	add("Upgrades", 1, nil)
	s.WriteString("sojourn execution get $(cat id) -o name && sojourn run greet -f name=Ada && echo every server is up again\n")
	add("Backup and restore", 3, func(b string) bool {
		return strings.Contains(b, "SOJOURN_DATABASE_URL") || strings.Contains(b, "/restored")
	})
	// What was restored is what was there.
	s.WriteString("kill $(cat worker.pid server1.pid); while kill -0 $(cat server1.pid) 2>/dev/null; do sleep 0.2; done\n" +
		"SOJOURN_DATABASE_URL=postgres://sojourn:secret@127.0.0.1:7432/restored sojourn serve --listen 127.0.0.1:7371 2>server1.log & echo $! >server1.pid\n" +
		"sojourn health --wait 1m --url http://127.0.0.1:7371\n" +
		"sojourn execution get $(cat id) --url http://127.0.0.1:7371 -o json | grep -x '  \"output\": 210,\\?'\n" +
		"SOJOURN_API_KEY=$WORKER_KEY SOJOURN_BASE_URL=http://127.0.0.1:7371 ./worker 2>worker.log & echo $! >worker.pid\n" +
		"sojourn run greet -f name=Ada --url http://127.0.0.1:7371\n")
	add("Stopping and draining", 1, nil)
	script := s.String()
	for _, port := range []string{"7432", "7371", "7372", "7373"} {
		free := freePort(t)
		if port != "7432" { // the loop over the servers counts them
			script = strings.ReplaceAll(script, "127.0.0.1:737$i", "127.0.0.1:${port[$i]}")
			script = "port[" + port[3:] + "]=" + free + "\n" + script
		}
		script = regexp.MustCompile(`\b`+port+`\b`).ReplaceAllString(script, free)
	}
	return script
}

// freePort is a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
