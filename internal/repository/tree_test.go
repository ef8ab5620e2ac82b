package repository

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/sojournhq/sojourn"

// checkout is the repository this test was compiled from. It is read file by file, never through the go command: go
// test then knows which files a result depends on, and runs again when one of them changes.
func checkout(t *testing.T) (dir string, tree fs.FS) {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatalf("the test must run inside the repository: %v", err)
	}
	return dir, os.DirFS(dir)
}

// ignored are directories that hold nothing anybody wrote for the repository: git's own, and those of .gitignore.
var ignored = []string{".git", ".idea", ".sojourn", ".vscode", "bin", "dist", "dashboard/dist", "sdk/typescript/dist", "sdk/typescript/node_modules"}

// made are directories of that kind wherever they are: what package managers and interpreters leave.
var made = []string{"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", "node_modules"}

// walk calls visit with the path of each file that belongs to the repository.
func walk(t *testing.T, tree fs.FS, visit func(file string)) {
	t.Helper()
	err := fs.WalkDir(tree, ".", func(p string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (slices.Contains(ignored, p) || slices.Contains(made, path.Base(p))):
			return fs.SkipDir
		case entry.Type().IsRegular():
			visit(p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, tree fs.FS, file string) string {
	t.Helper()
	content, err := fs.ReadFile(tree, file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// source is one Go file of the main module, under whatever build tags it has.
type source struct {
	file    string // from the root of the repository
	dir     string // the package's import path without the module's
	name    string // the package's name
	doc     string // the package comment
	test    bool
	imports []string
}

// sources parses the main module's Go files. Directories with a go.mod of their own are other modules.
func sources(t *testing.T, tree fs.FS) []source {
	t.Helper()
	var files []string
	var otherModules []string
	walk(t, tree, func(file string) {
		switch dir := path.Dir(file); {
		case path.Base(file) == "go.mod" && dir != ".":
			otherModules = append(otherModules, dir+"/")
		case path.Ext(file) == ".go":
			files = append(files, file)
		}
	})

	var all []source
	for _, file := range files {
		inOther := func(dir string) bool { return strings.HasPrefix(file, dir) }
		if slices.ContainsFunc(otherModules, inOther) || strings.Contains("/"+file, "/testdata/") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, read(t, tree, file), parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		s := source{
			file: file,
			dir:  path.Dir(file),
			name: parsed.Name.Name,
			doc:  parsed.Doc.Text(),
			test: strings.HasSuffix(file, "_test.go"),
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			s.imports = append(s.imports, imported)
		}
		all = append(all, s)
	}
	return all
}

// ours returns the path of an import inside this module, and whether it is one of this module's at all.
func ours(imported string) (dir string, ok bool) {
	return strings.CutPrefix(imported, module+"/")
}

// standard reports whether an import is of the standard library, whose paths have no dot in their first element.
func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

// matches reports whether a directory is the one named, or lies in the tree named by a trailing "/...".
func matches(pattern, dir string) bool {
	if root, isTree := strings.CutSuffix(pattern, "/..."); isTree {
		return dir == root || strings.HasPrefix(dir, root+"/")
	}
	return dir == pattern
}

func matchesAny(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, dir) })
}
