package engine_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// No durable write outside the committer: of all that is built into a server, only committer.go calls a store's Commit.
func TestOnlyTheCommitterWrites(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	seen := map[string]int{}
	for _, dir := range []string{"cmd", "internal", "server"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, _ := filepath.Rel(root, path)
			rel = filepath.ToSlash(rel)
			if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") || strings.HasPrefix(rel, "internal/store/") {
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Commit" {
					seen[rel]++
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for file := range seen {
		if file != "internal/engine/committer.go" {
			t.Errorf("%s calls Commit", file)
		}
	}
	if seen["internal/engine/committer.go"] != 2 {
		t.Errorf("committer.go mentions Commit %d times, want 2: for a batch, and to read what a doubtful one did", seen["internal/engine/committer.go"])
	}
}
