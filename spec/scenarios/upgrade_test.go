package scenarios

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sojournhq/sojourn/internal/pgtest"
)

// TestUpgrade replaces the servers of a cluster by those of the next release, which has another schema, one by one under
// load; for a while both are at work. One is put back to the old release then, as after an upgrade that did not please.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	if !wide() {
		t.Skip("set SOJOURN_TEST_WIDE=1")
	}
	next := filepath.Join(t.TempDir(), "next")
	if err := build(next, "../../cmd/sojourn", "-tags", "nextschema"); err != nil {
		t.Fatal(err)
	}
	database := pgtest.Database(t)
	f := newFleet(t, database, []string{binaries.sojourn, binaries.sojourn}, "go")
	schema := func(program string) string {
		t.Helper()
		text, err := exec.CommandContext(context.WithoutCancel(t.Context()), program, "migrate", "status", "--database-url", database).CombinedOutput()
		if err != nil {
			t.Fatalf("migrate status: %v: %s", err, text)
		}
		return string(text)
	}
	before := schema(binaries.sojourn)
	f.work(t)
	replace := func(s *server, program string) {
		t.Helper()
		f.pass(t, 40)
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		if said := s.said.String(); strings.Contains(said, " ERROR ") {
			t.Errorf("a server that was replaced said: %s", said)
		}
		s.args = slices.Clone(s.args)
		s.args[0] = program
		if err := s.boot(); err != nil {
			t.Fatal(err)
		}
	}
	replace(f.servers[0], next) // it migrates, while the other one goes on
	after := schema(next)
	if before == after {
		t.Errorf("nothing was migrated: %s", after)
	}
	if text := schema(binaries.sojourn); !strings.Contains(text, "usable") {
		t.Errorf("to the old release the schema is %s", text)
	}
	f.pass(t, 100) // side by side
	replace(f.servers[1], next)
	replace(f.servers[0], binaries.sojourn)
	f.pass(t, 40)
	f.rest(t, mostUnserved)
}
