// Package sqlite stores executions in one SQLite file: a single write connection that commits batches, and a few read
// connections beside it.
package sqlite

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Config says where the data lies and how to open it.
type Config struct {
	// Path is the database file, or the directory that has it as sojourn.db. What does not exist is created. A path
	// that ends in ".db" is a file.
	Path string
	// Memory keeps the data in a temporary directory that Close removes, without waiting for the disk. For tests and
	// trials; Path must be empty.
	Memory bool
	// ReadOnly opens an existing file, which a server may have in use, for reading only: Commit fails. Nothing is
	// migrated, and a file of another version is refused.
	ReadOnly bool
	// Locked keeps servers from opening the file meanwhile, as any Open does that is not ReadOnly: with it, nothing changes
	// what is read. A file that a server has open is refused.
	Locked bool
	// Synchronous is SQLite's setting of that name; default FULL. With any other value an acknowledged commit may be
	// lost when the power fails: only the test that proves just this sets it.
	Synchronous string
	// Readers is how many reads run at the same time; default 4.
	Readers int
	// Clock is read for the store's time; default time.Now. See store.Clock for what becomes of it.
	Clock func() time.Time
}

// Store is a store.Store in a SQLite file.
type Store struct {
	path      string
	temporary string // directory to remove at the end
	lock      *os.File
	clock     *store.Clock
	epoch     uint64
	key       atomic.Int64 // the latest integer key drawn

	writer *writer // nil when the store is read only
	check  *checkpointer

	edgeLimit int64 // of Counts

	readers chan *sqlite.Conn
	opened  int // read connections

	closing sync.Once
	closed  chan struct{}
	err     error // of Close
}

var _ store.Store = (*Store)(nil)

// FileName is the database file in a directory.
const FileName = "sojourn.db"

const (
	// minimumVersion is the oldest SQLite known to be free of defects that matter here: before it, a WAL that is reset
	// while another connection checkpoints could lose commits.
	minimumVersion = 3_051_003
)

// Open opens the store, creating or migrating the file as needed. A file that another server has open is refused with
// store.ErrLocked.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Synchronous == "" {
		c.Synchronous = "FULL"
	}
	if c.Readers <= 0 {
		c.Readers = 4
	}
	s := &Store{closed: make(chan struct{}), edgeLimit: edgeLimit}
	if c.Memory {
		if c.Path != "" || c.ReadOnly {
			return nil, errors.New("sqlite: Memory goes with neither Path nor ReadOnly")
		}
		dir, err := os.MkdirTemp("", "sojourn-")
		if err != nil {
			return nil, fmt.Errorf("sqlite: %w", err)
		}
		s.temporary, c.Path, c.Synchronous = dir, dir, "OFF"
	}
	if err := s.open(ctx, c); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: open %s: %w", c.Path, classify(err)), s.release())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, c Config) (err error) {
	if s.path, err = databaseFile(c); err != nil {
		return err
	}
	if !c.ReadOnly || c.Locked {
		if s.lock, err = lockFile(strings.TrimSuffix(s.path, ".db") + ".lock"); err != nil {
			return err
		}
	}
	s.readers = make(chan *sqlite.Conn, c.Readers)
	if c.ReadOnly {
		if err := s.addReader(); err != nil {
			return err
		}
		if err := s.checkSchema(); err != nil {
			return err
		}
	} else {
		conn, err := openWriter(ctx, s.path, c.Synchronous)
		if err != nil {
			return err
		}
		if s.writer, err = newWriter(s, conn); err != nil {
			return errors.Join(err, conn.Close())
		}
	}
	for s.opened < c.Readers {
		if err := s.addReader(); err != nil {
			return err
		}
	}
	if err := s.recall(ctx, c.Clock); err != nil {
		return err
	}
	if s.writer != nil {
		if s.check, err = startCheckpointer(s.path, c.Synchronous); err != nil {
			return err
		}
	}
	return nil
}

// databaseFile finds the file that the configuration means and makes its directory.
func databaseFile(c Config) (string, error) {
	if c.Path == "" {
		return "", errors.New("Path is empty")
	}
	path := c.Path
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir(), err != nil && filepath.Ext(path) != ".db":
		path = filepath.Join(path, FileName)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return "", err
	}
	if c.ReadOnly {
		_, err = os.Stat(path)
		return path, err
	}
	return path, makeDir(filepath.Dir(path))
}

// makeDir makes a directory with its parents, and puts their entries on the disk: a file that is synced is lost all the
// same when the directory it lies in is.
func makeDir(path string) error {
	var made []string
	for dir := path; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		made = append(made, dir)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	for _, dir := range made {
		if err := syncParent(dir); err != nil {
			return err
		}
	}
	return nil
}

// syncParent puts the entry of a directory on the disk, as far as its parent may be read.
func syncParent(dir string) error {
	if err := syncDir(filepath.Dir(dir)); err != nil && !errors.Is(err, os.ErrPermission) {
		return err
	}
	return nil
}

// openWriter opens the connection that writes, checks the library and brings the schema up to date.
func openWriter(ctx context.Context, path, synchronous string) (*sqlite.Conn, error) {
	if info, err := os.Stat(path); errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 {
		if err := create(path); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenWAL)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(busyTimeout)
	err = pragmas(
		conn, "synchronous = "+synchronous, "fullfsync = ON", "checkpoint_fullfsync = ON", "cache_size = -16384", "temp_store = MEMORY",
		"wal_autocheckpoint = 0", "journal_size_limit = 134217728",
	)
	if err == nil {
		err = checkLibrary(conn)
	}
	if err == nil {
		err = checkJournal(conn)
	}
	if err == nil {
		err = migrate(ctx, conn)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// create makes the file with the settings that can be chosen only then, and puts its directory entry on the disk. The
// file does not shrink: pages of deleted rows are used again, and bookkeeping to give them back would slow each commit.
func create(path string) error {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return err
	}
	if err := errors.Join(pragmas(conn, "page_size = 4096", "journal_mode = WAL"), conn.Close()); err != nil {
		return err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return err
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return err
	}
	// The directory itself may stem from a start that was killed before its entry was on the disk.
	return errors.Join(syncDir(dir), syncParent(dir))
}

func pragmas(conn *sqlite.Conn, settings ...string) error {
	for _, p := range settings {
		if err := sqlitex.ExecuteTransient(conn, "PRAGMA "+p, nil); err != nil {
			return fmt.Errorf("pragma %s: %w", p, err)
		}
	}
	return nil
}

// checkJournal makes sure that there is a log: on a file system that cannot have one, SQLite goes on without a word.
func checkJournal(conn *sqlite.Conn) error {
	mode, err := sqlitex.ResultText(conn.Prep("PRAGMA journal_mode"))
	if err == nil && mode != "wal" {
		err = fmt.Errorf("the journal mode is %q and cannot be made WAL: the file system may lack shared memory or locks", mode)
	}
	return err
}

func checkLibrary(conn *sqlite.Conn) error {
	version, err := sqlitex.ResultText(conn.Prep("SELECT sqlite_version()"))
	if err != nil {
		return err
	}
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return fmt.Errorf("SQLite version %q: %w", version, err)
	}
	if major*1_000_000+minor*1_000+patch < minimumVersion {
		return fmt.Errorf("SQLite %s is too old", version)
	}
	return nil
}

// drawnQuery reads the highest integer key drawn so far.
const drawnQuery = `SELECT max(coalesce((SELECT value FROM meta WHERE name = 'key'), 0),
	coalesce((SELECT max(key) FROM projects), 0), coalesce((SELECT max(key) FROM workflows), 0),
	coalesce((SELECT max(key) FROM versions), 0), coalesce((SELECT max(key) FROM keys), 0),
	coalesce((SELECT max(key) FROM sessions), 0), coalesce((SELECT max(key) FROM endpoints), 0))`

// recall reads what the store remembers from its last run.
func (s *Store) recall(ctx context.Context, source func() time.Time) error {
	var latest execution.Time
	var next, key, epoch int64
	haveEpoch := false
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		for _, q := range []struct {
			query string
			into  *int64
		}{
			{"SELECT at FROM journal ORDER BY seq DESC LIMIT 1", (*int64)(&latest)},
			{"SELECT max(coalesce((SELECT max(seq) FROM journal), 0), coalesce((SELECT value FROM meta WHERE name = 'seq'), 0))", &next},
			{drawnQuery, &key},
		} {
			if err := queryInt(conn, q.query, q.into); err != nil {
				return err
			}
		}
		var created int64
		if err := queryInt(conn, "SELECT max(coalesce((SELECT max(pk) FROM executions), 0), coalesce((SELECT max(pk) FROM deliveries), 0))", &created); err != nil {
			return err
		}
		latest = max(latest, execution.Time(execution.IDFromParts(created, 0).Millis()*1000))
		st := conn.Prep("SELECT value FROM meta WHERE name = 'epoch' AND value IS NOT NULL")
		ok, err := st.Step()
		if ok {
			haveEpoch, epoch = true, st.ColumnInt64(0)
		}
		return errors.Join(err, st.Reset())
	})
	if err != nil {
		return err
	}
	s.clock = store.NewClock(source, latest)
	s.key.Store(key)
	if s.writer != nil {
		s.writer.seq = next
		if !haveEpoch {
			var b [8]byte
			_, _ = rand.Read(b[:])
			epoch = int64(binary.LittleEndian.Uint64(b[:])>>1) | 1
			if err := s.writer.saveMeta("epoch", epoch); err != nil {
				return err
			}
		}
	}
	s.epoch = uint64(epoch)
	return nil
}

func queryInt(conn *sqlite.Conn, query string, into *int64) error {
	st, err := conn.Prepare(query)
	if err != nil {
		return err
	}
	ok, err := st.Step()
	if err != nil {
		return err
	}
	if ok {
		*into = st.ColumnInt64(0)
	}
	return st.Reset()
}

// Now is the store's clock.
func (s *Store) Now() execution.Time { return s.clock.Now() }

// Epoch identifies the timeline of the data.
func (s *Store) Epoch() uint64 { return s.epoch }

// NewKey draws an integer key. It is remembered when something is saved under it.
func (s *Store) NewKey(context.Context) (int64, error) { return s.key.Add(1), nil }

// Path is the database file.
func (s *Store) Path() string { return s.path }

// Close waits for the reads under way and releases the store. No Commit may be under way.
func (s *Store) Close() error {
	s.closing.Do(func() {
		close(s.closed)
		s.err = s.release()
	})
	return s.err
}

func (s *Store) release() error {
	var errs []error
	if s.check != nil {
		errs = append(errs, s.check.stop())
	}
	for ; s.opened > 0; s.opened-- {
		errs = append(errs, (<-s.readers).Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	if s.lock != nil {
		errs = append(errs, unlockFile(s.lock))
	}
	if s.temporary != "" {
		errs = append(errs, os.RemoveAll(s.temporary))
	}
	return errors.Join(errs...)
}
