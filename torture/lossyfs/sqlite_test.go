//go:build linux

package lossyfs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// TestMain is also the program under test: in a child it runs the command of
// its arguments instead of the tests.
func TestMain(m *testing.M) {
	if os.Getenv("LOSSYFS_TEST_CHILD") == "" {
		os.Exit(m.Run())
	}
	if err := child(os.Args[1:]); err != nil {
		fmt.Println("error:", err)
		os.Exit(3)
	}
}

func child(args []string) error {
	switch args[0] {
	case "write": // database, synchronous, locking mode, pages between checkpoints
		return childWrite(args[1], args[2], args[3], args[4])
	case "count": // database
		conn, err := openDB(args[1], sqlite.OpenReadWrite)
		if err != nil {
			return err
		}
		err = sqlitex.ExecuteTransient(conn, "SELECT count(*) FROM t", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			fmt.Println(s.ColumnInt64(0))
			return nil
		}})
		return errors.Join(err, conn.Close())
	case "mount": // directory
		if _, err := Mount(Options{Dir: args[1]}); err != nil {
			return err
		}
		fmt.Println("mounted")
		_, err := os.Stdin.Read(make([]byte, 1)) // until killed
		return err
	case "unavailable":
		if err := syscall.Setuid(65534); err != nil {
			return err
		}
		if _, err := Mount(Options{}); !errors.Is(err, ErrUnavailable) {
			return fmt.Errorf("got %w, want ErrUnavailable", err)
		}
		fmt.Println("unavailable")
		return nil
	}
	return fmt.Errorf("unknown command %q", args)
}

func openDB(path string, flags sqlite.OpenFlags) (*sqlite.Conn, error) {
	conn, err := sqlite.OpenConn(path, flags)
	if err == nil {
		conn.SetBlockOnBusy()
	}
	return conn, err
}

// content is what row i must hold.
func content(i int64) []byte {
	return bytes.Repeat([]byte(strconv.FormatInt(i*7919, 36)), 40)
}

// childWrite inserts rows one by one and prints the number of each once its
// commit has returned, until it is killed or a commit fails.
func childWrite(path, synchronous, locking, checkpoint string) error {
	conn, err := openDB(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return err
	}
	for _, q := range []string{
		"PRAGMA locking_mode=" + locking, "PRAGMA journal_mode=WAL",
		"PRAGMA synchronous=" + synchronous, "PRAGMA wal_autocheckpoint=" + checkpoint,
		"CREATE TABLE IF NOT EXISTS t(i INTEGER PRIMARY KEY, b BLOB NOT NULL)",
		"CREATE INDEX IF NOT EXISTS t_b ON t(b)",
	} {
		if err := sqlitex.ExecuteTransient(conn, q, nil); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	var i int64
	err = sqlitex.ExecuteTransient(conn, "SELECT coalesce(max(i), 0) FROM t", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		i = s.ColumnInt64(0)
		return nil
	}})
	if err != nil {
		return err
	}
	for {
		i++
		if err := sqlitex.Execute(conn, "INSERT INTO t VALUES(?, ?)", &sqlitex.ExecOptions{Args: []any{i, content(i)}}); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// writer is a child that writes rows, and the last one it acknowledged.
type writer struct {
	cmd  *exec.Cmd
	done chan struct{}

	mu    sync.Mutex
	more  *sync.Cond
	acked int64
	ended bool
	last  string
}

func startWriter(t *testing.T, db, synchronous, locking, checkpoint string) *writer {
	t.Helper()
	w := &writer{cmd: childCommand("write", db, synchronous, locking, checkpoint), done: make(chan struct{})}
	w.more = sync.NewCond(&w.mu)
	out, err := w.cmd.StdoutPipe()
	must(t, err, w.cmd.Start())
	go func() {
		defer close(w.done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			w.mu.Lock()
			if n, err := strconv.ParseInt(lines.Text(), 10, 64); err == nil {
				w.acked = n
			} else {
				w.last = lines.Text()
			}
			w.more.Broadcast()
			w.mu.Unlock()
		}
		w.mu.Lock()
		w.ended = true
		w.more.Broadcast()
		w.mu.Unlock()
	}()
	t.Cleanup(w.stop)
	return w
}

// ack waits until n rows are acknowledged and returns how many are.
func (w *writer) ack(t *testing.T, n int64) int64 {
	t.Helper()
	timeout := time.AfterFunc(time.Minute, func() { _ = w.cmd.Process.Kill() })
	defer timeout.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.acked < n && !w.ended {
		w.more.Wait()
	}
	if w.acked < n {
		t.Fatalf("the writer ended at row %d of %d: %s", w.acked, n, w.last)
	}
	return w.acked
}

// stop kills the child and waits until it is gone.
func (w *writer) stop() {
	_ = w.cmd.Process.Kill()
	<-w.done
	_ = w.cmd.Wait()
}

// inspect opens the database that a cut left and returns its highest row. A
// damaged database, a gap or wrong content fails the test.
func inspect(t *testing.T, dir string) int64 {
	t.Helper()
	conn, err := openDB(filepath.Join(dir, "db"), sqlite.OpenReadWrite)
	if errors.Is(err, os.ErrNotExist) || sqlite.ErrCode(err).ToPrimary() == sqlite.ResultCantOpen {
		return 0
	}
	must(t, err)
	defer func() { must(t, conn.Close()) }()
	must(t, sqlitex.ExecuteTransient(conn, "PRAGMA integrity_check", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		if verdict := s.ColumnText(0); verdict != "ok" {
			return fmt.Errorf("integrity_check after the cut: %s", verdict)
		}
		return nil
	}}))
	var last int64
	err = sqlitex.Execute(conn, "SELECT i, b FROM t ORDER BY i", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		last++
		if i := s.ColumnInt64(0); i != last {
			return fmt.Errorf("row %d is missing before %d", last, i)
		}
		b := make([]byte, s.ColumnLen(1))
		s.ColumnBytes(1, b)
		if !bytes.Equal(b, content(last)) {
			return fmt.Errorf("row %d has wrong content", last)
		}
		return nil
	}})
	if err != nil && strings.Contains(err.Error(), "no such table") {
		return 0
	}
	must(t, err)
	return last
}

// TestFullLosesNothing is one half of the calibration: with synchronous=FULL
// every acknowledged row survives every cut, in every variant.
func TestFullLosesNothing(t *testing.T) {
	for _, v := range []struct {
		name    string
		opts    Options
		locking string
	}{
		{"lose/strict/shm", Options{}, "NORMAL"},
		{"lose/lenient/exclusive", Options{Metadata: Lenient}, "EXCLUSIVE"},
		{"torn/strict/exclusive", Options{Unsynced: Torn, Seed: 1}, "EXCLUSIVE"},
		{"torn/lenient/shm", Options{Unsynced: Torn, Metadata: Lenient, Seed: 2}, "NORMAL"},
		{"reordered/strict/shm", Options{Unsynced: Reordered, Seed: 3}, "NORMAL"},
		{"reordered/lenient/exclusive", Options{Unsynced: Reordered, Metadata: Lenient, Seed: 4}, "EXCLUSIVE"},
	} {
		t.Run(v.name, func(t *testing.T) {
			source := ""
			var stored int64
			// Each power cycle goes on with the database the last one left.
			for cycle := range 2 {
				v.opts.Source = source
				f := mount(t, v.opts)
				w := startWriter(t, filepath.Join(f.Mountpoint(), "db"), "FULL", v.locking, "100")
				for what := range 3 {
					acked := w.ack(t, stored+150)
					dst := filepath.Join(t.TempDir(), "what-if")
					must(t, f.Restore(dst))
					if stored = inspect(t, dst); stored < acked {
						t.Errorf("cycle %d, instant %d: %d rows acknowledged, %d left", cycle, what, acked, stored)
					}
				}
				w.ack(t, stored+150)
				must(t, f.Cut())
				// All that was ever acknowledged counts, even after the cut.
				w.mu.Lock()
				for !w.ended {
					w.more.Wait()
				}
				acked, last := w.acked, w.last
				w.mu.Unlock()
				if !strings.Contains(last, "I/O") {
					t.Errorf("cycle %d: the writer ended with %q, want an I/O error", cycle, last)
				}
				w.stop()
				source = filepath.Join(t.TempDir(), "next")
				must(t, f.Restore(source))
				copied := filepath.Join(t.TempDir(), "copy")
				must(t, copyTree(copied, source))
				if stored = inspect(t, copied); stored < acked {
					t.Errorf("cycle %d, cut: %d rows acknowledged, %d left", cycle, acked, stored)
				}
				t.Logf("cycle %d: %d acknowledged, %d stored, %+v", cycle, acked, stored, f.Stats())
				must(t, f.Close())
			}
		})
	}
}

// TestNormalLosesRows is the other half: synchronous=NORMAL does not sync
// each commit, only before a checkpoint (here SQLite's own default of 1000
// pages), and the file system must show it.
func TestNormalLosesRows(t *testing.T) {
	for _, locking := range []string{"NORMAL", "EXCLUSIVE"} {
		for _, unsynced := range []Unsynced{Lose, Torn, Reordered} {
			t.Run(fmt.Sprintf("%s/%d", locking, unsynced), func(t *testing.T) {
				f := mount(t, Options{Unsynced: unsynced, Metadata: Lenient, Seed: 5})
				w := startWriter(t, filepath.Join(f.Mountpoint(), "db"), "NORMAL", locking, "1000")
				lost := 0
				for n := range int64(4) {
					acked := w.ack(t, 150+n*170)
					dst := filepath.Join(t.TempDir(), "what-if")
					must(t, f.Restore(dst))
					if stored := inspect(t, dst); stored < acked {
						lost++
					}
				}
				w.stop()
				if lost == 0 {
					t.Error("synchronous=NORMAL survived four cuts: the file system keeps what was not synced")
				}
			})
		}
	}
}

// TestSharedMemory reads a database from a second process while the first one
// writes it, through the mapped -shm file.
func TestSharedMemory(t *testing.T) {
	f := mount(t, Options{})
	db := filepath.Join(f.Mountpoint(), "db")
	w := startWriter(t, db, "FULL", "NORMAL", "100")
	for n := range int64(5) {
		acked := w.ack(t, 50*(n+1))
		out, err := childCommand("count", db).Output()
		must(t, err)
		seen, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
		must(t, err)
		if seen < acked {
			t.Errorf("the second process sees %d rows, %d were acknowledged before it began", seen, acked)
		}
	}
	acked := w.ack(t, 300)
	w.stop()
	live := filepath.Join(t.TempDir(), "live")
	must(t, copyTree(live, f.Mountpoint()))
	if stored := inspect(t, live); stored < acked {
		t.Errorf("%d rows after kill -9, %d were acknowledged", stored, acked)
	}
}

// TestExclusiveLock keeps a second process out, by POSIX locks.
func TestExclusiveLock(t *testing.T) {
	f := mount(t, Options{})
	db := filepath.Join(f.Mountpoint(), "db")
	w := startWriter(t, db, "FULL", "EXCLUSIVE", "100")
	w.ack(t, 20)
	conn, err := sqlite.OpenConn(db, sqlite.OpenReadOnly)
	must(t, err)
	defer func() { must(t, conn.Close()) }()
	conn.SetBusyTimeout(0)
	err = sqlitex.ExecuteTransient(conn, "SELECT count(*) FROM t", nil)
	if sqlite.ErrCode(err).ToPrimary() != sqlite.ResultBusy {
		t.Errorf("read beside an exclusive writer: got %v, want SQLITE_BUSY", err)
	}
	w.ack(t, w.ack(t, 20)+20)
}
