package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"
)

// Backup writes a consistent, compact copy to path, which must not exist, while the store stays in use. The copy gets
// its name when it is complete and on the disk. Opening it begins a new epoch.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("back up to %s: %w", path, err)
		}
	}()
	if _, err := os.Lstat(path); err == nil {
		return os.ErrExist
	}
	partial := path + ".partial"
	if err := os.Remove(partial); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	defer func() {
		if removed := os.Remove(partial); removed != nil && !errors.Is(removed, os.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	// VACUUM INTO writes to the file but does not wait for the disk, which syncFile does. The file is made first, so
	// that nobody else may read it.
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := s.copyTo(ctx, partial); err != nil {
		return err
	}
	if err := forgetEpoch(partial); err != nil {
		return err
	}
	if err := syncFile(partial); err != nil {
		return err
	}
	// A link, other than a rename, fails when something has the name by now.
	if err := os.Link(partial, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func (s *Store) copyTo(ctx context.Context, path string) error {
	// A connection of its own: one that may only read cannot attach the file it is to write.
	conn, err := sqlite.OpenConn(s.path, sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	conn.SetBusyTimeout(busyTimeout)
	conn.SetInterrupt(ctx.Done())
	err = func() error {
		st, err := conn.Prepare("VACUUM INTO ?")
		if err != nil {
			return err
		}
		st.BindText(1, path)
		_, err = st.Step()
		return err
	}()
	if sqlite.ErrCode(err) == sqlite.ResultInterrupt && ctx.Err() != nil {
		err = ctx.Err()
	}
	return errors.Join(classify(err), conn.Close())
}

// forgetEpoch marks a copy: it has no epoch, so that opening it draws one.
func forgetEpoch(path string) error {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	err = execute(conn, "UPDATE meta SET value = NULL WHERE name = 'epoch'")
	return errors.Join(err, conn.Close())
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
