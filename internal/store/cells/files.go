package cells

import (
	"context"
	"errors"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// A file's record is in the cell of its id. When an execution of another cell uses it, that cell gets a copy of the
// record, which is from then on kept as long as executions of that cell use the file. The content goes with the last
// record.

// borrowed are the records of files that a transaction of another cell asks for.
type borrowed struct {
	files map[execution.ID]*store.LoadedFile
	lent  map[execution.ID]bool // of which the cell has no record
}

// foreign reads the records of those files of the need that other cells have.
func (c *cell) foreign(ctx context.Context, need *store.Need) (*borrowed, error) {
	if len(need.Files) == 0 || len(c.s.cells) == 1 {
		return nil, nil
	}
	by := map[*cell][]execution.ID{}
	for _, id := range need.Files {
		if x := c.s.of(id); x != c {
			by[x] = append(by[x], id)
		}
	}
	if len(by) == 0 {
		return nil, nil
	}
	b := &borrowed{files: map[execution.ID]*store.LoadedFile{}}
	for x, ids := range by {
		err := x.Store.Commit(ctx, &store.Need{Files: ids}, func(l *store.Loaded) *store.Changes {
			for _, f := range l.Files {
				if f != nil && (f.ExpiresAt == 0 || f.ExpiresAt > l.Now.Add(copyMargin)) {
					b.files[f.ID] = &store.LoadedFile{File: f.File}
				}
			}
			return nil
		})
		if err != nil {
			return nil, x.wrap(err)
		}
	}
	return b, nil
}

// lend gives the records to the transaction, where its cell has none.
func (b *borrowed) lend(need *store.Need, l *store.Loaded) {
	if b == nil {
		return
	}
	b.lent = map[execution.ID]bool{}
	for i, id := range need.Files {
		if l.Files[i] != nil {
			continue
		}
		if f := b.files[id]; f != nil {
			lent := *f
			if b.lent[id] {
				continue
			}
			b.lent[id] = true
			for j := i; j < len(need.Files); j++ { // the same id gives the same pointer
				if need.Files[j] == id {
					l.Files[j] = &lent
				}
			}
		}
	}
}

// keep adds copies of the records that are used from now on, and takes out what is to be removed and is not there.
func (b *borrowed) keep(changes *store.Changes) {
	if b == nil || len(b.lent) == 0 {
		return
	}
	gone := changes.FilesGone[:0]
	for _, id := range changes.FilesGone {
		if !b.lent[id] {
			gone = append(gone, id)
		}
	}
	changes.FilesGone = gone
	copied := map[execution.ID]bool{}
	for _, u := range changes.FileUses {
		if b.lent[u.File] && !copied[u.File] {
			copied[u.File] = true
			f := b.files[u.File].File
			f.ExpiresAt = 0
			changes.Files = append(changes.Files, f)
		}
	}
}

// File reads the record of a file: that of its own cell, or a copy.
func (s *Store) File(ctx context.Context, project int64, id execution.ID) (*store.File, error) {
	own := s.of(id)
	f, err := own.Store.File(ctx, project, id)
	if !errors.Is(err, store.ErrNotFound) {
		return f, own.wrap(err)
	}
	for _, c := range s.cells {
		if c == own {
			continue
		}
		f, other := c.Store.File(ctx, project, id)
		if other == nil {
			return f, nil
		}
		if !errors.Is(other, store.ErrNotFound) {
			return nil, c.wrap(other)
		}
	}
	return nil, err
}

// Files reads records of files, newest first, each once.
func (s *Store) Files(ctx context.Context, q store.FileQuery) ([]store.File, error) {
	if !q.Execution.IsZero() {
		c := s.of(q.Execution)
		files, err := c.Store.Files(ctx, q)
		return files, c.wrap(err)
	}
	lists, err := all(s, func(c *cell) ([]store.File, error) { return c.Store.Files(ctx, q) })
	if err != nil {
		return nil, err
	}
	var files []store.File
	for _, f := range newest(lists, func(f *store.File) execution.ID { return f.ID }, 0) {
		if n := len(files); n == 0 || files[n-1].ID != f.ID {
			files = append(files, f)
		}
	}
	if q.Limit > 0 && len(files) > q.Limit {
		files = files[:q.Limit]
	}
	return files, nil
}

// FileUsed reports whether the execution uses the file.
func (s *Store) FileUsed(ctx context.Context, file, id execution.ID) (bool, error) {
	c := s.of(id)
	used, err := c.Store.FileUsed(ctx, file, id)
	return used, c.wrap(err)
}

// FileBytes adds up the files of each project. A file with copies of its record is counted with each.
func (s *Store) FileBytes(ctx context.Context) (map[int64]int64, error) {
	parts, err := all(s, func(c *cell) (map[int64]int64, error) { return c.Store.FileBytes(ctx) })
	if err != nil {
		return nil, err
	}
	sum := map[int64]int64{}
	for _, p := range parts {
		for project, n := range p {
			sum[project] += n
		}
	}
	return sum, nil
}
