package scenarios

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/pgtest"
)

// mostUnmoved is how long an execution may take while its shard is on its way and a server, or whoever moves shards, is
// killed: the move is only gone on with by the next command.
const mostUnmoved = 25 * time.Second

// TestKillsWhileShardsMove kills the mover of shards between two databases, at both of its failpoints, and servers beside
// it, under load.
func TestKillsWhileShardsMove(t *testing.T) {
	t.Parallel()
	if !wide() {
		t.Skip("set SOJOURN_TEST_WIDE=1")
	}
	program := filepath.Join(t.TempDir(), "failing")
	if err := build(program, "../../cmd/sojourn", "-tags", "failpoints"); err != nil {
		t.Fatal(err)
	}
	databases := pgtest.Database(t) + " " + pgtest.Database(t)
	f := newFleet(t, databases, []string{program, program}, "go")
	// run is a command about the cells; at a failpoint it kills itself.
	run := func(point string, args ...string) (said string, ended bool) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, append(append([]string{"cells"}, args...), "--database-url", databases)...)
		if point != "" {
			cmd.Env = append(os.Environ(), "SOJOURN_FAILPOINT="+point+":exit@1")
		}
		text, err := cmd.CombinedOutput()
		if ctx.Err() != nil {
			t.Errorf("cells %v does not end: %s", args, text)
		}
		return string(text), err == nil
	}
	f.work(t)
	f.pass(t, 40)
	for _, point := range []string{failpoint.ShardsFrozen, failpoint.ShardsMoved} {
		if said, ended := run(point, "move", "0", "1", "--shards", "32"); ended {
			t.Errorf("the move was not killed at %s: %s", point, said)
		}
		// A server that dies now comes back to shards that are on their way.
		s := f.servers[0]
		if err := s.kill(); err != nil {
			t.Fatal(err)
		}
		if err := s.boot(); err != nil {
			t.Fatal(err)
		}
		if said, _ := run("", "status"); !strings.Contains(said, "on their way") && point == failpoint.ShardsFrozen {
			t.Errorf("after a kill at %s: %s", point, said)
		}
		// The next move goes on with what was interrupted.
		if said, ended := run("", "move", "0", "1", "--shards", "32"); !ended {
			t.Fatalf("a move after a kill at %s: %s", point, said)
		}
		f.pass(t, 20)
	}
	// The servers are killed too while shards move.
	done := make(chan string, 1)
	go func() {
		said, ended := run("", "move", "1", "0", "--shards", "64")
		if ended {
			said = ""
		}
		done <- said
	}()
	for _, s := range f.servers {
		f.pass(t, 5)
		if err := s.kill(); err != nil {
			t.Fatal(err)
		}
		if err := s.boot(); err != nil {
			t.Fatal(err)
		}
	}
	if said := <-done; said != "" {
		t.Errorf("a move while servers are killed: %s", said)
	}
	if said, _ := run("", "status"); strings.Contains(said, "on their way") {
		t.Errorf("in the end: %s", said)
	}
	f.pass(t, 40)
	f.rest(t, mostUnmoved)
}
