package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sojournhq/sojourn/internal/blob"
	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/postgres"
	"github.com/sojournhq/sojourn/internal/store/storetest"
)

// TestBackupMovesToAnotherVersion restores on each version what was backed up on each, contents of files included.
func TestBackupMovesToAnotherVersion(t *testing.T) {
	t.Parallel()
	for _, from := range pgtest.Versions() {
		for _, to := range pgtest.Versions() {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				s := open(t, postgres.Options{DSN: pgtest.Shared(t, from).Database(t)})
				w := storetest.NewWorld(t, s, 2)
				id := w.Start()
				w.Claim(id)
				content := bytes.Repeat([]byte("0123456789"), 100_000)
				if _, err := blob.OpenDatabase(s).Put(t.Context(), "file_abc", bytes.NewReader(content)); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(t.TempDir(), "backup")
				if err := s.Backup(t.Context(), path); err != nil {
					t.Fatal(err)
				}
				o := postgres.Options{DSN: pgtest.Shared(t, to).Database(t)}
				if err := postgres.Restore(t.Context(), o, path); err != nil {
					t.Fatal(err)
				}
				restored := *w
				restored.Store = open(t, o)
				if a, b := w.Dump(), restored.Dump(); a != b {
					t.Errorf("restored\n%s\nwant\n%s", b, a)
				}
				sessions, err := restored.Store.Sessions(t.Context())
				if err != nil || len(sessions) != 1 || sessions[0].Node != 0 {
					t.Errorf("sessions %+v, %v", sessions, err)
				}
				restored.Audit()
				restored.Finished()
				if key := restored.Key(); key <= restored.Session {
					t.Errorf("drew %d after %d", key, restored.Session)
				}
				r, err := blob.OpenDatabase(restored.Store.(*postgres.Store)).Open(t.Context(), "file_abc", 0, -1)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if got := new(bytes.Buffer); mustRead(t, got, r) != len(content) || !bytes.Equal(got.Bytes(), content) {
					t.Errorf("%d bytes of a file came back", got.Len())
				}
				// Nothing is restored over what is there.
				if err := postgres.Restore(t.Context(), o, path); !errors.Is(err, store.ErrNotEmpty) {
					t.Errorf("a second restore: %v", err)
				}
			})
		}
	}
}

func mustRead(t *testing.T, to *bytes.Buffer, r interface{ Read([]byte) (int, error) }) int {
	t.Helper()
	n, err := to.ReadFrom(r)
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

// TestBackupHasEveryTable compares the tables that a backup knows with those there are.
func TestBackupHasEveryTable(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	open(t, postgres.Options{DSN: dsn})
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	rows, err := c.Query(t.Context(), "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	there, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range there {
		if n := strings.Count(" "+strings.Join(postgres.BackupTables(), " ")+" ", " "+table+" "); n != 1 {
			t.Errorf("a backup knows table %s %d times, want once", table, n)
		}
	}
}

// TestRestoreRefuses what is no whole backup, and leaves nothing behind that keeps a good one out.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Options{DSN: pgtest.Database(t)})
	w := storetest.NewWorld(t, s, 1)
	for range 20 {
		w.Finished()
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "backup")
	if err := s.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o := postgres.Options{DSN: pgtest.Database(t)}
	damaged := bytes.Clone(whole)
	for i := len(damaged) / 4; i < len(damaged)/4+200; i++ {
		damaged[i] ^= 0x55
	}
	for name, b := range map[string][]byte{
		"cut short": whole[:len(whole)/2], "no archive": []byte("CREATE TABLE x ();"), "damaged": damaged,
	} {
		bad := filepath.Join(dir, name)
		if err := os.WriteFile(bad, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := postgres.Restore(t.Context(), o, bad); err == nil || errors.Is(err, store.ErrNotEmpty) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := postgres.Restore(t.Context(), o, path); err != nil {
		t.Fatal(err)
	}
	restored := *w
	restored.Store = open(t, o)
	restored.Audit()
	if a, b := w.Dump(), restored.Dump(); a != b {
		t.Errorf("restored\n%s\nwant\n%s", b, a)
	}
}

// TestFence begins another epoch of a database: servers that have it open fail, and those that come later go on.
func TestFence(t *testing.T) {
	t.Parallel()
	o := postgres.Options{DSN: pgtest.Database(t)}
	if _, _, err := postgres.Fence(t.Context(), o); err == nil {
		t.Error("an empty database was fenced")
	}
	s := open(t, o)
	w := storetest.NewWorld(t, s, 1)
	w.Claim(w.Start())
	before, after, err := postgres.Fence(t.Context(), o)
	if err != nil || before != s.Epoch() || after == before || after == 0 {
		t.Fatalf("epochs %d and %d of a store with %d, %v", before, after, s.Epoch(), err)
	}
	if err := w.Commit(store.Need{}, func(l *store.Loaded, tx *storetest.Tx) { tx.Start(w.NewStart(), l.Now) }); !errors.Is(err, store.ErrFailed) {
		t.Errorf("a commit of the old epoch: %v, want ErrFailed", err)
	}
	w.Store = open(t, o)
	if w.Store.Epoch() != after {
		t.Errorf("epoch %d, want %d", w.Store.Epoch(), after)
	}
	w.Finished()
	w.Audit()
}
