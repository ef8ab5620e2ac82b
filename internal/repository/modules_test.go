package repository

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/modfile"
)

// maxLinkedModules is how many modules of others the sojourn binary's own packages may import. Each is a promise to
// keep up with somebody else's releases and advisories.
const maxLinkedModules = 25

func requirements(t *testing.T, name, content string) map[string]string {
	t.Helper()
	parsed, err := modfile.ParseLax(name, []byte(content), nil)
	if err != nil {
		t.Fatal(err)
	}
	versions := make(map[string]string)
	for _, r := range parsed.Require {
		versions[r.Mod.Path] = r.Mod.Version
	}
	return versions
}

// linkedModules are the modules that the program's packages import directly, under any build tags, tests apart. They
// are found from the source because go.mod cannot tell a program's modules from those of tests and tools.
func linkedModules(sources []source, program string, versions map[string]string) (modules, unknown []string) {
	files := make(map[string][]source)
	for _, s := range sources {
		if !s.test {
			files[s.dir] = append(files[s.dir], s)
		}
	}
	seen := map[string]bool{program: true}
	for queue := []string{program}; len(queue) > 0; queue = queue[1:] {
		for _, s := range files[queue[0]] {
			for _, imported := range s.imports {
				if dir, ok := ours(imported); ok {
					if !seen[dir] {
						seen[dir] = true
						queue = append(queue, dir)
					}
					continue
				}
				if standard(imported) {
					continue
				}
				longest := ""
				for candidate := range versions {
					if matches(candidate+"/...", imported) && len(candidate) > len(longest) {
						longest = candidate
					}
				}
				switch {
				case longest == "":
					unknown = append(unknown, imported)
				case !slices.Contains(modules, longest):
					modules = append(modules, longest)
				}
			}
		}
	}
	slices.Sort(modules)
	return modules, unknown
}

func TestTheBinaryLinksFewModules(t *testing.T) {
	_, tree := checkout(t)
	all := sources(t, tree)
	modules, unknown := linkedModules(all, "cmd/sojourn", requirements(t, "go.mod", read(t, tree, "go.mod")))
	for _, imported := range unknown {
		t.Errorf("no module in go.mod provides %s", imported)
	}
	if len(modules) > maxLinkedModules {
		t.Errorf("the binary links %d modules directly, at most %d are allowed:\n\t%s",
			len(modules), maxLinkedModules, strings.Join(modules, "\n\t"))
	}
	isProgram := func(s source) bool { return s.dir == "cmd/sojourn" }
	if slices.ContainsFunc(all, isProgram) && len(modules) == 0 {
		t.Error("found no module linked into the binary, which at least has a database: the search is broken")
	}
}

func TestLinkedModulesAreFound(t *testing.T) {
	tree := fstest.MapFS{
		"cmd/sojourn/main.go":      {Data: []byte("package main\n\nimport (\n\t\"fmt\"\n\t\"example.com/one/sub\"\n\t\"" + module + "/internal/api\"\n)\n")},
		"cmd/sojourn/main_test.go": {Data: []byte("package main\n\nimport \"example.com/test\"\n")},
		"internal/api/api.go":      {Data: []byte("package api\n\nimport (\n\t\"example.com/one/v2\"\n\t\"example.com/one\"\n\t\"example.com/nowhere\"\n)\n")},
		"bench/main.go":            {Data: []byte("package main\n\nimport \"example.com/bench\"\n")},
	}
	versions := map[string]string{
		"example.com/one": "v1.0.0", "example.com/one/v2": "v2.0.0", "example.com/test": "v1.0.0", "example.com/bench": "v1.0.0",
	}
	modules, unknown := linkedModules(sources(t, tree), "cmd/sojourn", versions)
	if want := []string{"example.com/one", "example.com/one/v2"}; !slices.Equal(modules, want) {
		t.Errorf("modules are %q, want %q", modules, want)
	}
	if want := []string{"example.com/nowhere"}; !slices.Equal(unknown, want) {
		t.Errorf("unknown imports are %q, want %q", unknown, want)
	}
}

// The C library that modernc.org/sqlite was translated against is an ordinary requirement of it, which any other
// module can raise; its authors demand exactly the version of their own go.mod (cznic/sqlite#177).
func TestSQLiteGetsTheLibraryItWasBuiltFor(t *testing.T) {
	const driver, library = "modernc.org/sqlite", "modernc.org/libc"
	_, tree := checkout(t)
	goMod := read(t, tree, "go.mod")
	have := requirements(t, "go.mod", goMod)
	if have[driver] == "" || have[library] == "" {
		t.Fatalf("go.mod must require both %s and %s", driver, library)
	}
	if parsed, err := modfile.Parse("go.mod", []byte(goMod), nil); err != nil {
		t.Error(err)
	} else if len(parsed.Replace) > 0 {
		t.Errorf("go.mod replaces %s: versions must be those that others get", parsed.Replace[0].Old.Path)
	}

	cache, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatalf("go env GOMODCACHE: %v", err)
	}
	file := filepath.Join(strings.TrimSpace(string(cache)), "cache", "download", filepath.FromSlash(driver), "@v", have[driver]+".mod")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("the go.mod of %s %s is not in the module cache, run go mod download: %v", driver, have[driver], err)
	}
	if want := requirements(t, file, string(content))[library]; have[library] != want {
		t.Errorf("go.mod has %s %s, and %s %s was built for %s", library, have[library], driver, have[driver], want)
	}
}
