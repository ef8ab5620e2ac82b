package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/sqlite"
	"github.com/sojournhq/sojourn/internal/store/storetest"
)

func TestOneServerAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, sqlite.Config{Path: dir})
	lock := filepath.Join(dir, "sojourn.lock")
	if _, err := sqlite.Open(t.Context(), sqlite.Config{Path: dir}); !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), lock) {
		t.Errorf("a second server: %v, want ErrLocked that names %s", err, lock)
	}
	w := storetest.NewWorld(t, s, 1)
	id := w.Start()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if _, err := s.Get(t.Context(), w.Project, id); !errors.Is(err, os.ErrClosed) {
		t.Errorf("reading a closed store: %v", err)
	}
	if err := s.Commit(t.Context(), &store.Need{}, func(*store.Loaded) *store.Changes { return nil }); !errors.Is(err, os.ErrClosed) {
		t.Errorf("committing to a closed store: %v", err)
	}
	open(t, sqlite.Config{Path: filepath.Join(dir, "sojourn.db")})
}

func TestReadOnlyBesideAServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := sqlite.Open(t.Context(), sqlite.Config{Path: dir, ReadOnly: true}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("reading a file that is not there: %v", err)
	}
	w := storetest.NewWorld(t, open(t, sqlite.Config{Path: dir}), 1)
	reader := open(t, sqlite.Config{Path: dir, ReadOnly: true})
	id := w.Finished() // after the reader was opened
	if _, err := reader.Get(t.Context(), w.Project, id); err != nil {
		t.Errorf("the reader does not see the commit: %v", err)
	}
	if findings, err := reader.Audit(t.Context()); err != nil || len(findings) != 0 {
		t.Errorf("audit: %v, %v", findings, err)
	}
	if reader.Epoch() != w.Store.Epoch() {
		t.Error("the reader has another epoch")
	}
	if err := reader.Commit(t.Context(), &store.Need{}, func(*store.Loaded) *store.Changes { return nil }); err == nil {
		t.Error("a reader may commit")
	}
	if err := reader.Backup(t.Context(), filepath.Join(t.TempDir(), "copy.db")); err != nil {
		t.Errorf("backing up beside the server: %v", err)
	}
	w.Start()
}

func TestForeignFilesAreRefused(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"another program's": "PRAGMA application_id = 7",
		"a newer server's":  "PRAGMA user_version = 1000",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := sound(t)
			tamper(t, path, sql)
			for _, readOnly := range []bool{false, true} {
				if s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, ReadOnly: readOnly}); err == nil {
					t.Error("it was opened")
					s.Close()
				}
			}
		})
	}
	t.Run("no database", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "x.db")
		if err := os.WriteFile(path, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path}); !errors.Is(err, store.ErrFailed) {
			t.Errorf("opened as %v, %v, want ErrFailed", s, err)
		}
	})
	t.Run("no path", func(t *testing.T) {
		t.Parallel()
		for _, c := range []sqlite.Config{{}, {Memory: true, Path: "x"}, {Memory: true, ReadOnly: true}} {
			if s, err := sqlite.Open(t.Context(), c); err == nil {
				t.Errorf("%+v was opened", c)
				s.Close()
			}
		}
	})
}

func TestGuardsAreRestored(t *testing.T) {
	t.Parallel()
	path := sound(t)
	tamper(t, path, "DROP TRIGGER executions_keep; CREATE TRIGGER other BEFORE DELETE ON logs BEGIN SELECT RAISE(ABORT, 'no'); END")
	s := open(t, sqlite.Config{Path: path})
	if findings, err := s.Audit(t.Context()); err != nil || len(findings) != 0 {
		t.Errorf("audit: %v, %v", findings, err)
	}
}

func TestMemoryLeavesNothing(t *testing.T) {
	t.Parallel()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	storetest.NewWorld(t, s, 1).Finished()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(s.Path())); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
}

func TestClockGoesOnFromWhatIsStored(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ahead := time.Now().Add(100 * time.Hour)
	s := open(t, sqlite.Config{Path: dir, Clock: func() time.Time { return ahead.Round(0) }})
	w := storetest.NewWorld(t, s, 1)
	w.Start()
	if now := s.Now(); now != execution.TimeOf(ahead) {
		t.Errorf("the store's clock is at %s, want that of its configuration, %s", now, ahead)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if now := open(t, sqlite.Config{Path: dir}).Now(); now < execution.TimeOf(ahead) {
		t.Errorf("the clock went back to %s", now)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	w := storetest.NewWorld(t, open(t, sqlite.Config{Path: t.TempDir()}), 1)
	before, err := w.Store.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.Start(func(s *execution.Start) { s.Input = make([]byte, 1<<20) })
	after, err := w.Store.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if before.Data == 0 || before.Log == 0 || after.Data+after.Log < before.Data+before.Log+1<<20 {
		t.Errorf("a megabyte made %+v of %+v", after, before)
	}
}

// TestVirtualTime runs a store in a bubble: its goroutines and its clock follow the bubble's time.
func TestVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), sqlite.Config{Memory: true})
		if err != nil {
			t.Fatal(err)
		}
		w := storetest.NewWorld(t, s, 1)
		began := s.Now()
		id := w.Start(func(start *execution.Start) { start.StartAt = began.Add(48 * time.Hour) })
		time.Sleep(24 * time.Hour)
		if passed := s.Now().Sub(began); passed != 24*time.Hour {
			t.Errorf("%s passed in a day", passed)
		}
		if due, err := s.Due(t.Context(), s.Now(), store.Part{}, 10); err != nil || len(due) != 0 {
			t.Errorf("due after a day: %v, %v", due, err)
		}
		time.Sleep(24 * time.Hour)
		if due, err := s.Due(t.Context(), s.Now(), store.Part{}, 10); err != nil || len(due) != 1 || due[0] != id {
			t.Errorf("due after two days: %v, %v", due, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
