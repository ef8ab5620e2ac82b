package repository

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// layer is one row of the table of directions.
type layer struct {
	// packages are the directories the row is about; a trailing "/..." takes the whole tree.
	packages string
	// imports are the directories of ours that they may import.
	imports []string
	// standardOnly forbids modules of others.
	standardOnly bool
}

// leaves are small packages that know nothing of the domain's layers.
var leaves = []string{"internal/failpoint", "internal/fileref", "internal/id", "internal/jsonx", "internal/seal", "internal/signature", "internal/telemetry"}

// layers says who may import whom. ARCHITECTURE.md has the same table in words; change both. Test files are free.
//
// The first row that matches a package counts. A package without a row is refused, so that a new one is placed with
// intent; a row without a package is a place kept for one.
var layers = []layer{
	{packages: "internal/execution", standardOnly: true},
	{packages: "internal/execution/lifecyclegen", imports: []string{"internal/execution"}, standardOnly: true},
	{packages: "internal/wakeup", standardOnly: true},
	{packages: "internal/failpoint", standardOnly: true},
	{packages: "internal/jsonx", standardOnly: true},
	{packages: "internal/blob"},
	{packages: "internal/fileref", imports: []string{"internal/execution", "internal/jsonx"}, standardOnly: true},
	{packages: "internal/seal", standardOnly: true},
	// Servers for tests, and for the programs that load the machine.
	{packages: "internal/pgtest"},
	{packages: "internal/signature", standardOnly: true},
	{packages: "internal/config", imports: []string{"internal/telemetry"}},
	{packages: "internal/telemetry", imports: []string{"internal/execution"}},
	{packages: "internal/id", imports: []string{"internal/execution"}, standardOnly: true},
	{packages: "spec"},
	{packages: "dashboard", standardOnly: true},
	// It writes more than could be sent to a server in the time that a test has.
	{packages: "dashboard/test/seed", imports: []string{"internal/execution", "internal/store", "internal/store/sqlite"}},

	{packages: "internal/store", imports: []string{"internal/execution"}, standardOnly: true},
	{packages: "internal/store/storetest", imports: join(leaves, "internal/execution", "internal/store")},
	// What tests open names the stores.
	{packages: "internal/store/teststore", imports: []string{"internal/pgtest", "internal/store", "internal/store/..."}},
	{packages: "internal/store/transfer", imports: []string{"internal/store"}, standardOnly: true},
	{packages: "internal/store/...", imports: join(leaves, "internal/execution", "internal/store")},

	{packages: "internal/engine", imports: join(leaves, "internal/blob", "internal/execution", "internal/store", "internal/wakeup")},
	// One door to the data: the API never sees the store.
	{packages: "internal/api", imports: join(leaves, "internal/engine", "internal/execution", "internal/wakeup", "spec")},

	{packages: "internal/webhook", imports: join(leaves, "internal/engine", "internal/execution")},

	// The wiring. These alone name a concrete store.
	{packages: "server", imports: []string{"dashboard", "internal/...", "sdk/go"}},
	{packages: "cmd/sojourn", imports: []string{"internal/...", "sdk/go", "sdk/go/otelsojourn", "server"}},
	{packages: "sdk/go/sojourntest", imports: []string{"internal/...", "sdk/go", "server"}},

	// Outside the server: what a user could have written.
	{packages: "sdk/go", standardOnly: true},
	{packages: "sdk/go/otelsojourn", imports: []string{"sdk/go"}},
	{packages: "internal/demo/...", imports: []string{"internal/demo/...", "sdk/go"}},
	{packages: "examples/...", imports: []string{"examples/...", "sdk/go", "sdk/go/sojourntest"}},
	{packages: "bench/...", imports: []string{"bench/...", "internal/pgtest", "sdk/go", "torture/proxy"}},
	{packages: "spec/scenarios/...", imports: []string{"sdk/go"}},
	{packages: "torture/...", imports: []string{"torture/...", "internal/failpoint", "internal/pgtest", "sdk/go"}},

	{packages: "internal/repository"},
}

// confined are modules, and packages of the standard library, that only some packages may import, because a decision rests on it.
var confined = []struct {
	module   string
	packages []string
	reason   string
}{
	{"modernc.org/sqlite", []string{"internal/store/sqlite", "bench/..."}, "one package speaks to the database file"},
	{"zombiezen.com/go/sqlite", []string{"internal/store/sqlite", "bench/..."}, "one package speaks to the database file"},
	{"github.com/jackc/pgx/v5", []string{"internal/store/postgres", "internal/pgtest", "bench/...", "torture/..."}, "one package speaks to PostgreSQL"},
	{"github.com/minio/minio-go/v7", []string{"internal/blob"}, "one package speaks to where files are kept"},
	{"html/template", []string{}, "it keeps every method of every type in the binary"},
	{"text/template", []string{}, "it keeps every method of every type in the binary"},
	{"code.dny.dev/ssrf", []string{"internal/webhook"}, "one package makes requests to where users say"},
	{"github.com/spf13/cobra", []string{"cmd/sojourn"}, "the command line is a client of the API"},
}

func join(groups []string, more ...string) []string { return slices.Concat(groups, more) }

// layerViolations lists each import that the tables refuse, and each package that has no row.
func layerViolations(sources []source) []string {
	var violations []string
	refuse := func(format string, args ...any) {
		if v := fmt.Sprintf(format, args...); !slices.Contains(violations, v) {
			violations = append(violations, v)
		}
	}
	for _, s := range sources {
		row := slices.IndexFunc(layers, func(l layer) bool { return matches(l.packages, s.dir) })
		if row < 0 {
			refuse("%s: this package has no row in the table of layers", s.dir)
			continue
		}
		if s.test {
			continue
		}
		for _, imported := range s.imports {
			if imported == "C" {
				refuse("%s: imports C, and the binary is built without cgo", s.file)
				continue
			}
			for _, c := range confined {
				if matches(c.module+"/...", imported) && !matchesAny(c.packages, s.dir) {
					refuse("%s: %s is for %s: %s", s.file, imported, cmp.Or(strings.Join(c.packages, " and "), "nobody"), c.reason)
				}
			}
			if standard(imported) {
				continue
			}
			if dir, ok := ours(imported); ok {
				if !matchesAny(layers[row].imports, dir) {
					refuse("%s: %s may not import %s", s.file, s.dir, dir)
				}
				continue
			}
			if layers[row].standardOnly {
				refuse("%s: %s uses the standard library only, not %s", s.file, s.dir, imported)
			}
		}
	}
	return violations
}

func TestImportsFollowTheLayers(t *testing.T) {
	_, tree := checkout(t)
	for _, violation := range layerViolations(sources(t, tree)) {
		t.Error(violation)
	}
}

func TestLayerViolationsAreFound(t *testing.T) {
	importing := func(path string) string { return "package p\n\nimport _ \"" + path + "\"\n" }
	for name, c := range map[string]struct {
		file, content string
		want          string
	}{
		"the rules import the store":            {"internal/execution/a.go", importing(module + "/internal/store"), "may not import internal/store"},
		"the rules import another module":       {"internal/execution/a.go", importing("golang.org/x/sync/errgroup"), "standard library only"},
		"the API imports templates":             {"internal/api/a.go", importing("html/template"), "every method of every type"},
		"the API imports the store":             {"internal/api/a.go", importing(module + "/internal/store"), "may not import internal/store"},
		"the engine names a concrete store":     {"internal/engine/a.go", importing(module + "/internal/store/sqlite"), "may not import internal/store/sqlite"},
		"the engine speaks SQLite":              {"internal/engine/a.go", importing("zombiezen.com/go/sqlite/sqlitex"), "one package speaks to the database file"},
		"the SDK imports another module":        {"sdk/go/a.go", importing("github.com/google/uuid"), "standard library only"},
		"the SDK imports the server":            {"sdk/go/a.go", importing(module + "/internal/api"), "may not import internal/api"},
		"a demo imports the engine":             {"internal/demo/pdf/a.go", importing(module + "/internal/engine"), "may not import internal/engine"},
		"the store imports the engine":          {"internal/store/sqlite/a.go", importing(module + "/internal/engine"), "may not import internal/engine"},
		"a package nobody placed":               {"internal/util/a.go", "package util\n", "no row in the table"},
		"a package of tests that nobody placed": {"internal/util/a_test.go", "package util\n", "no row in the table"},
		"cgo":                                   {"internal/engine/a.go", importing("C"), "without cgo"},
		"a file under a build tag":              {"internal/api/a.go", "//go:build windows\n\n" + importing(module+"/internal/store"), "may not import internal/store"},

		"a test imports what it likes":       {"internal/engine/a_test.go", importing(module + "/internal/store/sqlite"), ""},
		"the wiring names a store":           {"server/a.go", importing(module + "/internal/store/sqlite"), ""},
		"a demo imports the SDK":             {"internal/demo/a.go", importing(module + "/sdk/go"), ""},
		"the store imports the rules":        {"internal/store/a.go", importing(module + "/internal/execution"), ""},
		"a module apart is another's matter": {"tools/a.go", importing("github.com/spf13/cobra"), ""},
		"test data is no package":            {"internal/engine/testdata/x/a.go", importing(module + "/internal/api"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{c.file: {Data: []byte(c.content)}, "tools/go.mod": {}}
			expectViolation(t, layerViolations(sources(t, fs.FS(tree))), c.want)
		})
	}
}

// expectViolation fails unless exactly one violation was found and it contains want, or none when want is empty.
func expectViolation(t *testing.T, violations []string, want string) {
	t.Helper()
	switch {
	case want == "" && len(violations) > 0:
		t.Errorf("refused: %q", violations)
	case want != "" && (len(violations) != 1 || !strings.Contains(violations[0], want)):
		t.Errorf("found %q, want one that contains %q", violations, want)
	}
}
