package sqlite

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

const fileColumns = "f.pk, f.tail, f.project, f.name, f.mime, f.size, f.sha256, f.created_at, f.expires_at"

func scanFile(st *sqlite.Stmt, f *store.File) {
	f.ID = execution.IDFromParts(st.ColumnInt64(0), st.ColumnInt64(1))
	f.Project, f.Name, f.MIME, f.Size = st.ColumnInt64(2), st.ColumnText(3), st.ColumnText(4), st.ColumnInt64(5)
	st.ColumnBytes(6, f.SHA256[:])
	f.CreatedAt, f.ExpiresAt = columnTime(st, 7), columnTime(st, 8)
}

// loadFile reads a file once per transaction, nil when there is none.
func (w *writer) loadFile(id execution.ID) (*store.LoadedFile, error) {
	for _, f := range w.result.Files {
		if f != nil && f.ID == id {
			return f, nil
		}
	}
	s, err := w.prepared("SELECT " + fileColumns + ", EXISTS (SELECT 1 FROM file_uses AS u JOIN executions AS e ON e.pk = u.execution " +
		"WHERE u.file = f.pk AND e.status < 5) FROM files AS f WHERE f.pk = ? AND f.tail = ?")
	if err != nil {
		return nil, err
	}
	s.setInt(1, id.Order())
	s.setInt(2, id.Tail())
	var f *store.LoadedFile
	_, err = s.one(func() {
		f = new(store.LoadedFile)
		scanFile(s.Stmt, &f.File)
		f.Open = s.ColumnBool(9)
	})
	return f, err
}

// saveFiles writes new records, then who uses what.
func (w *writer) saveFiles(c *store.Changes) error {
	for i := range c.Files {
		if err := w.insertFile(&c.Files[i]); err != nil {
			return err
		}
	}
	for _, u := range c.FileUses {
		if err := w.useFile(u); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) insertFile(f *store.File) error {
	s, err := w.prepared("INSERT INTO files (pk, tail, project, name, mime, size, sha256, created_at, expires_at) " +
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	s.setInt(1, f.ID.Order())
	s.setInt(2, f.ID.Tail())
	s.setInt(3, f.Project)
	s.setText(4, f.Name)
	s.setText(5, f.MIME)
	s.setInt(6, f.Size)
	s.setBytes(7, f.SHA256[:])
	s.setInt(8, int64(f.CreatedAt))
	s.setTime(9, f.ExpiresAt)
	if err := s.run(); err != nil {
		return fmt.Errorf("save file %s: %w", f.ID.Text(execution.PrefixFile), err)
	}
	return nil
}

func (w *writer) useFile(u store.FileUse) error {
	s, err := w.prepared("INSERT INTO file_uses (execution, file) SELECT e.pk, f.pk FROM executions AS e JOIN files AS f " +
		"ON f.pk = ?3 AND f.tail = ?4 AND f.project = e.project WHERE e.pk = ?1 AND e.tail = ?2 " +
		"ON CONFLICT (execution, file) DO UPDATE SET file = excluded.file RETURNING file")
	if err != nil {
		return err
	}
	s.setInt(1, u.Execution.Order())
	s.setInt(2, u.Execution.Tail())
	s.setInt(3, u.File.Order())
	s.setInt(4, u.File.Tail())
	ok, err := s.one(func() {})
	if err != nil {
		return fmt.Errorf("save the use of file %s: %w", u.File.Text(execution.PrefixFile), err)
	}
	if !ok {
		return refuse("execution %s cannot use file %s: one of them is not there, or they are of different projects", u.Execution,
			u.File.Text(execution.PrefixFile))
	}
	if s, err = w.prepared("UPDATE files SET expires_at = NULL WHERE pk = ? AND expires_at IS NOT NULL"); err != nil {
		return err
	}
	s.setInt(1, u.File.Order())
	return s.run()
}

// releaseFiles takes an execution's uses away. A file that nobody uses then expires.
func (w *writer) releaseFiles(pk int64) error {
	s, err := w.prepared("DELETE FROM file_uses WHERE execution = ? RETURNING file")
	if err != nil {
		return err
	}
	s.setInt(1, pk)
	var files []int64
	if err := s.each(func() error {
		files = append(files, s.ColumnInt64(0))
		return nil
	}); err != nil {
		return fmt.Errorf("release files: %w", err)
	}
	for _, f := range files {
		if s, err = w.prepared("UPDATE files SET expires_at = created_at + ?2 WHERE pk = ?1 " +
			"AND NOT EXISTS (SELECT 1 FROM file_uses WHERE file = ?1)"); err != nil {
			return err
		}
		s.setInt(1, f)
		s.setInt(2, store.FileGrace.Microseconds())
		if err := s.run(); err != nil {
			return fmt.Errorf("release files: %w", err)
		}
	}
	return nil
}

// removeFile removes a file's record with what uses it.
func (w *writer) removeFile(id execution.ID) error {
	for _, q := range [...]string{
		"DELETE FROM file_uses WHERE file = ?1 AND EXISTS (SELECT 1 FROM files WHERE pk = ?1 AND tail = ?2)",
		"DELETE FROM files WHERE pk = ?1 AND tail = ?2",
	} {
		s, err := w.prepared(q)
		if err != nil {
			return err
		}
		s.setInt(1, id.Order())
		s.setInt(2, id.Tail())
		if err := s.run(); err != nil {
			return fmt.Errorf("remove file %s: %w", id.Text(execution.PrefixFile), err)
		}
	}
	return nil
}

// File reads the record of a file of the project, or store.ErrNotFound.
func (s *Store) File(ctx context.Context, project int64, id execution.ID) (*store.File, error) {
	var f *store.File
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return eachRow(conn, "SELECT "+fileColumns+" FROM files AS f WHERE f.pk = ? AND f.tail = ? AND f.project = ?",
			func(st *sqlite.Stmt) error {
				f = new(store.File)
				scanFile(st, f)
				return nil
			}, id.Order(), id.Tail(), project)
	})
	if err != nil {
		return nil, fmt.Errorf("read file %s: %w", id.Text(execution.PrefixFile), err)
	}
	if f == nil {
		return nil, store.ErrNotFound
	}
	return f, nil
}

// Files reads records of files, newest first.
func (s *Store) Files(ctx context.Context, q store.FileQuery) ([]store.File, error) {
	before := int64(1) << 60
	if !q.Before.IsZero() {
		before = q.Before.Order()
	}
	query := "SELECT " + fileColumns + " FROM files AS f INDEXED BY files_project WHERE f.project = ?1 AND f.pk < ?2 ORDER BY f.pk DESC LIMIT ?3"
	args := []any{q.Project, before, int64(q.Limit)}
	if !q.Execution.IsZero() {
		query = "SELECT " + fileColumns + " FROM file_uses AS u CROSS JOIN files AS f ON f.pk = u.file CROSS JOIN executions AS e ON e.pk = u.execution " +
			"WHERE u.execution = ?4 AND e.tail = ?5 AND f.project = ?1 AND u.file < ?2 ORDER BY u.file DESC LIMIT ?3"
		args = append(args, q.Execution.Order(), q.Execution.Tail())
	}
	var list []store.File
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return eachRow(conn, query, func(st *sqlite.Stmt) error {
			list = append(list, store.File{})
			scanFile(st, &list[len(list)-1])
			return nil
		}, args...)
	})
	if err != nil {
		return nil, fmt.Errorf("read files: %w", err)
	}
	return list, nil
}

// FileUsed reports whether the execution uses the file.
func (s *Store) FileUsed(ctx context.Context, file, id execution.ID) (used bool, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		return eachRow(conn, "SELECT 1 FROM file_uses AS u CROSS JOIN files AS f ON f.pk = u.file CROSS JOIN executions AS e ON e.pk = u.execution "+
			"WHERE u.execution = ? AND u.file = ? AND e.tail = ? AND f.tail = ?", func(*sqlite.Stmt) error {
			used = true
			return nil
		}, id.Order(), file.Order(), id.Tail(), file.Tail())
	})
	if err != nil {
		return false, fmt.Errorf("read the uses of file %s: %w", file.Text(execution.PrefixFile), err)
	}
	return used, nil
}

// FileBytes is how much room the files of each project take, by its key.
func (s *Store) FileBytes(ctx context.Context) (map[int64]int64, error) {
	sums := map[int64]int64{}
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return eachRow(conn, "SELECT project, sum(size) FROM files GROUP BY project", func(st *sqlite.Stmt) error {
			sums[st.ColumnInt64(0)] = st.ColumnInt64(1)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("add up files: %w", err)
	}
	return sums, nil
}

// ExpiredFiles are files that expired at or before now, earliest first.
func (s *Store) ExpiredFiles(ctx context.Context, now execution.Time, limit int) ([]execution.ID, error) {
	var ids []execution.ID
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return eachRow(conn, "SELECT pk, tail FROM files INDEXED BY files_expiry WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
			func(st *sqlite.Stmt) error {
				ids = append(ids, execution.IDFromParts(st.ColumnInt64(0), st.ColumnInt64(1)))
				return nil
			}, int64(now), int64(limit))
	})
	if err != nil {
		return nil, fmt.Errorf("read expired files: %w", err)
	}
	return ids, nil
}
