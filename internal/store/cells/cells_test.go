package cells_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/cells"
	"github.com/sojournhq/sojourn/internal/store/sqlite"
	"github.com/sojournhq/sojourn/internal/store/storetest"
)

// paths are where the cells of a store lie.
type paths struct {
	store.Celled
	dirs []string
}

// open opens cells in files.
func open(t *testing.T, dirs ...string) *paths {
	t.Helper()
	var c cells.Config
	for _, dir := range dirs {
		s, err := sqlite.Open(t.Context(), sqlite.Config{Path: dir, Synchronous: "OFF"})
		if err != nil {
			t.Fatal(err)
		}
		c.Cells = append(c.Cells, cells.Cell{Name: filepath.Base(dir), Store: s})
	}
	s, err := cells.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &paths{s, dirs}
}

// A store of cells keeps the promises of a store, whatever cell things are in.
func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Harness{
		Open: func(t *testing.T) store.Store {
			dir := t.TempDir()
			return open(t, filepath.Join(dir, "home"), filepath.Join(dir, "second"))
		},
		Reopen: func(t *testing.T, s store.Store) store.Store {
			p := s.(*paths)
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, p.dirs...)
		},
		Restore: func(t *testing.T, path string) store.Store {
			entries, err := os.ReadDir(path)
			if err != nil {
				t.Fatal(err)
			}
			var dirs []string
			for n := range entries {
				dirs = append(dirs, filepath.Join(path, cells.BackupName(n)))
			}
			return open(t, dirs...)
		},
	})
}
