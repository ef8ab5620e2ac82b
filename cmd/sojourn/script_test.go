package main

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store/teststore"
	"github.com/sojournhq/sojourn/server"
)

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	testscript.Main(teststore.Main(m), map[string]func(){"sojourn": main, "browser": browser})
}

// TestScripts runs the manual: each file of testdata is a session at a terminal, with the real program.
func TestScripts(t *testing.T) {
	testscript.Run(t, manual("testdata"))
}

// manual are the scripts of a folder, with the commands that they may use.
func manual(folder string) testscript.Params {
	return testscript.Params{
		Dir:                 folder,
		RequireUniqueNames:  true,
		RequireExplicitExec: false,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TZ", "UTC")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"up":    up,
			"save":  save,
			"until": until,

			"receiver": receiver,
			"received": received,
			"streams":  streams,
		},
	}
}

// TestDatabaseScripts runs the part of the manual that needs PostgreSQL, on each version.
func TestDatabaseScripts(t *testing.T) {
	t.Parallel()
	for _, version := range pgtest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			databases := pgtest.Shared(t, version)
			p := manual("testdata/postgres")
			p.Cmds["database"] = func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) != 1 {
					ts.Fatalf("usage: database VARIABLE")
				}
				ts.Setenv(args[0], databases.Database(t))
			}
			p.Cmds["port"] = port
			testscript.Run(t, p)
		})
	}
}

// port sets a variable to a port on which nothing listens: port PORT.
func port(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: port VARIABLE")
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	_, number, err := net.SplitHostPort(l.Addr().String())
	ts.Check(errors.Join(err, l.Close()))
	ts.Setenv(args[0], number)
}

// exits runs a command and demands an exit code: exits 5 sojourn execution get exec_0.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// patience is how long a script waits for something that takes moments.
const patience = 30 * time.Second

// up waits until a server runs on a data directory, and sets SERVER to its address: up .sojourn.
func up(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: up DIRECTORY")
	}
	dir := ts.MkAbs(args[0])
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if a, err := server.ReadAdmin(dir); err == nil && alive(context.Background(), a.URL) {
			ts.Setenv("SERVER", a.URL)
			return
		}
	}
	ts.Fatalf("no server runs on %s", dir)
}

// save keeps the first line that the last command printed in a variable: save ID.
func save(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: save VARIABLE")
	}
	text := ts.ReadFile("stdout")
	for i := range text {
		if text[i] == '\n' {
			text = text[:i]
			break
		}
	}
	ts.Setenv(args[0], text)
}

// until repeats a command until it succeeds: until sojourn ….
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: until COMMAND [ARGUMENT…]")
	}
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err = ts.Exec(args[0], args[1:]...); err == nil {
			return
		}
	}
	ts.Fatalf("never succeeded: %v", err)
}

// TestManualIsComplete demands that every command is in a script.
func TestManualIsComplete(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	more, err := filepath.Glob("testdata/postgres/*.txtar")
	if err != nil || len(more) == 0 {
		t.Fatalf("no scripts for PostgreSQL: %v", err)
	}
	files = append(files, more...)
	var text []byte
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, content...)
	}
	for _, path := range commandPaths(newCLI(nil, nil, nil, nil).command()) {
		if !containsWord(string(text), path) {
			t.Errorf("no script shows %q", path)
		}
	}
}
