package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

const fileColumns = "f.id, f.project, f.name, f.mime, f.size, f.sha256, f.created_at, f.expires_at"

// file reads fileColumns.
func (r *row) file() store.File {
	return store.File{
		ID: r.id(), Project: r.int64(), Name: r.text(), MIME: r.text(), Size: r.int64(), SHA256: r.hash(), CreatedAt: r.time(),
		ExpiresAt: r.time(),
	}
}

var (
	lockFiles = prepare("SELECT 1 FROM files WHERE id = ANY($1) ORDER BY id FOR UPDATE")
	loadFiles = prepare("SELECT " + fileColumns + ", EXISTS (SELECT 1 FROM file_uses AS u JOIN executions AS e ON e.id = u.execution " +
		"WHERE u.file = f.id AND e.status < 5) FROM files AS f WHERE f.id = ANY($1)")
	insertFiles = prepare("INSERT INTO files (id, project, name, mime, size, sha256, created_at, expires_at, shard) " +
		"SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bigint[], $6::bytea[], $7::bigint[], $8::bigint[], $9::smallint[])")
	useFiles = prepare(exactly("INSERT INTO file_uses (execution, file, shard) SELECT u.execution, u.file, e.shard " +
		"FROM unnest($1::uuid[], $2::uuid[]) AS u (execution, file) JOIN executions AS e ON e.id = u.execution " +
		"JOIN files AS f ON f.id = u.file AND f.project = e.project " +
		"ON CONFLICT (execution, file, shard) DO UPDATE SET file = excluded.file RETURNING 1"))
	keepFiles    = prepare("UPDATE files SET expires_at = NULL WHERE id = ANY($1) AND expires_at IS NOT NULL")
	lockReleased = prepare("SELECT 1 FROM files WHERE id IN (SELECT file FROM file_uses WHERE execution = ANY($1)) ORDER BY id FOR UPDATE")
	expireFiles  = prepare("UPDATE files AS f SET expires_at = created_at + $2 WHERE id IN (SELECT file FROM file_uses WHERE execution = ANY($1)) " +
		"AND NOT EXISTS (SELECT 1 FROM file_uses AS u WHERE u.file = f.id AND u.execution <> ALL($1))")
	releaseFiles = prepare("DELETE FROM file_uses WHERE execution = ANY($1)")
	unuseFiles   = prepare("DELETE FROM file_uses WHERE file = ANY($1)")
	removeFiles  = prepare("DELETE FROM files WHERE id = ANY($1)")
)

// readFiles queues the reading, under lock, of the files that a need names. What uses them is read once the locks are
// held: whoever adds a use has them too.
func (b *batch) readFiles(need *store.Need, r *store.Loaded) {
	if len(need.Files) == 0 {
		return
	}
	found := map[execution.ID]*store.LoadedFile{}
	ids := newArgs().ids(len(need.Files), func(i int) execution.ID { return need.Files[i] })
	b.add(lockFiles, ids, nil, nil)
	b.add(loadFiles, ids, func(row *row) error {
		f := &store.LoadedFile{File: row.file(), Open: row.bool()}
		found[f.ID] = f
		return nil
	}, func(int64) error {
		for _, id := range need.Files {
			r.Files = append(r.Files, found[id])
		}
		return nil
	})
}

// saveFiles queues new records, then who uses what.
func (b *batch) saveFiles(c *store.Changes) {
	if n := len(c.Files); n > 0 {
		f := c.Files
		b.add(insertFiles, newArgs().
			ids(n, func(i int) execution.ID { return f[i].ID }).
			int64s(n, func(i int) int64 { return f[i].Project }).
			texts(n, func(i int) string { return f[i].Name }).
			texts(n, func(i int) string { return f[i].MIME }).
			int64s(n, func(i int) int64 { return f[i].Size }).
			blobs(n, func(i int) []byte { return f[i].SHA256[:] }).
			int64s(n, func(i int) int64 { return int64(f[i].CreatedAt) }).
			times(n, func(i int) execution.Time { return f[i].ExpiresAt }).
			shards(n, func(i int) execution.ID { return f[i].ID }), nil, nil)
	}
	if len(c.FileUses) == 0 {
		return
	}
	uses := slices.Clone(c.FileUses)
	slices.SortFunc(uses, func(a, b store.FileUse) int {
		return cmp.Or(slices.Compare(a.File[:], b.File[:]), slices.Compare(a.Execution[:], b.Execution[:]))
	})
	uses = slices.Compact(uses)
	n := len(uses)
	files := newArgs().ids(n, func(i int) execution.ID { return uses[i].File })
	// A file that is about to expire is not removed, and one that is no longer used does not expire, behind the back of
	// this transaction.
	b.add(lockFiles, files, nil, nil)
	b.add(useFiles, newArgs().ids(n, func(i int) execution.ID { return uses[i].Execution }).
		ids(n, func(i int) execution.ID { return uses[i].File }).int64(int64(n)), nil, nil)
	b.add(keepFiles, files, nil, nil)
}

// releaseFiles queues taking the uses of executions away. A file that nobody uses then expires.
func (b *batch) releaseFiles(executions *args) {
	b.add(lockReleased, executions, nil, nil)
	b.add(expireFiles, executions.clone().int64(store.FileGrace.Microseconds()), nil, nil)
	b.add(releaseFiles, executions, nil, nil)
}

// removeFiles queues removing the records of files with what uses them.
func (b *batch) removeFiles(c *store.Changes) {
	if len(c.FilesGone) == 0 {
		return
	}
	ids := newArgs().ids(len(c.FilesGone), func(i int) execution.ID { return c.FilesGone[i] })
	b.add(lockFiles, ids, nil, nil)
	b.add(unuseFiles, ids, nil, nil)
	b.add(removeFiles, ids, nil, nil)
}

// File reads the record of a file of the project, or store.ErrNotFound.
func (s *Store) File(ctx context.Context, project int64, id execution.ID) (*store.File, error) {
	var found *store.File
	err := s.query(ctx, "SELECT "+fileColumns+" FROM files AS f WHERE f.id = $1 AND f.project = $2", newArgs().id(id).int64(project), nil,
		func(row *row) error {
			f := row.file()
			found = &f
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read file %s: %w", id.Text(execution.PrefixFile), err)
	}
	if found == nil {
		return nil, store.ErrNotFound
	}
	return found, nil
}

// Files reads records of files, newest first.
func (s *Store) Files(ctx context.Context, q store.FileQuery) ([]store.File, error) {
	query := "SELECT " + fileColumns + " FROM files AS f WHERE f.project = ANY(ARRAY[$1::bigint]) AND f.id < $2 " +
		"ORDER BY f.project DESC, f.id DESC LIMIT $3"
	a := newArgs().int64(q.Project).id(beforeOrLast(q.Before)).int64(int64(q.Limit))
	if !q.Execution.IsZero() {
		query = "SELECT " + fileColumns + " FROM file_uses AS u JOIN files AS f ON f.id = u.file " +
			"WHERE u.execution = $4 AND f.project = $1 AND u.file < $2 ORDER BY u.file DESC LIMIT $3"
		a.id(q.Execution)
	}
	var list []store.File
	err := s.pages(ctx, func(v *view) error {
		list = nil
		return v.query(query, a, func(row *row) error {
			list = append(list, row.file())
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read files: %w", err)
	}
	return list, nil
}

// beforeOrLast is the id itself, or one that is above all others when it is zero.
func beforeOrLast(id execution.ID) execution.ID {
	if !id.IsZero() {
		return id
	}
	for i := range id {
		id[i] = 0xff
	}
	return id
}

// FileUsed reports whether the execution uses the file.
func (s *Store) FileUsed(ctx context.Context, file, id execution.ID) (used bool, err error) {
	err = s.query(ctx, "SELECT 1 FROM file_uses WHERE execution = $1 AND file = $2", newArgs().id(id).id(file), nil, func(*row) error {
		used = true
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("read the uses of file %s: %w", file.Text(execution.PrefixFile), err)
	}
	return used, nil
}

// FileBytes is how much room the files of each project take, by its key.
func (s *Store) FileBytes(ctx context.Context) (map[int64]int64, error) {
	sums := map[int64]int64{}
	err := s.query(ctx, "SELECT project, sum(size)::bigint FROM files GROUP BY project", nil, func() { clear(sums) }, func(row *row) error {
		sums[row.int64()] = row.int64()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("add up files: %w", err)
	}
	return sums, nil
}

// ExpiredFiles are files that expired at or before now, earliest first.
func (s *Store) ExpiredFiles(ctx context.Context, now execution.Time, limit int) ([]execution.ID, error) {
	ids, err := s.ids(ctx, "SELECT id FROM files WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2", newArgs().int64(int64(now)).int64(int64(limit)))
	if err != nil {
		return nil, fmt.Errorf("read expired files: %w", err)
	}
	return ids, nil
}

// ids reads ids.
func (s *Store) ids(ctx context.Context, query string, a *args) ([]execution.ID, error) {
	var ids []execution.ID
	err := s.query(ctx, query, a, func() { ids = nil }, func(row *row) error {
		ids = append(ids, row.id())
		return nil
	})
	return ids, err
}
