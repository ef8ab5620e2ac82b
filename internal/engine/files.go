package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sojournhq/sojourn/internal/blob"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/store"
)

// File is the record of a stored file.
type File = store.File

// FileSpec is what the sender of a file tells about it.
type FileSpec struct {
	Name   string
	MIME   string
	Digest *[sha256.Size]byte // what it must have; nil: not told
	// Holding names the execution for which a worker stores it: the file is the execution's from the start.
	Holding *Holding
}

// Holding is an execution and the lease by which a worker holds it.
type Holding struct {
	Execution execution.ID
	Lease     string
}

// fileWrite commits changes about files: fill may use the records and executions that it loads.
type fileWrite struct {
	owner      int64 // project
	at         int   // cell of the store
	executions []execution.ID
	files      []execution.ID
	fill       func(t *tx, rows []*store.Row, files []*store.LoadedFile)

	row, file int // the first of its own in the need
	done      chan error
}

func (w *fileWrite) project() int64 { return w.owner }

func (w *fileWrite) cell() int { return w.at }

func (w *fileWrite) weigh() (int, int) { return 1 + len(w.files), 0 }

func (w *fileWrite) need(n *store.Need) {
	w.row, w.file = len(n.Executions), len(n.Files)
	n.Executions = append(n.Executions, w.executions...)
	n.Files = append(n.Files, w.files...)
}

func (w *fileWrite) decide(t *tx) {
	w.fill(t, t.loaded.Executions[w.row:w.row+len(w.executions)], t.loaded.Files[w.file:w.file+len(w.files)])
}

func (w *fileWrite) settle(err error) { w.done <- err }

func (e *Engine) writeFiles(w *fileWrite) error {
	w.done = make(chan error, 1)
	return e.do(w, w.done)
}

// fileGone marks a loaded file whose record the transaction removes.
const fileGone = 1

// stored is how many bytes the files of a project take, those under way included.
func (e *Engine) stored(project int64) *atomic.Int64 {
	if n, ok := e.fileBytes.Load(project); ok {
		return n.(*atomic.Int64)
	}
	n, _ := e.fileBytes.LoadOrStore(project, new(atomic.Int64))
	return n.(*atomic.Int64)
}

// FileLimit is the most bytes of one file.
func (e *Engine) FileLimit() int64 { return e.cfg.MaxFile }

// Upload stores what r gives as a file of the caller's project. An error of r is returned as it is. When it returns an
// error nothing is stored, or will be removed as soon as it is known that it was not. A file that no execution uses
// expires after store.FileGrace.
func (e *Engine) Upload(ctx context.Context, c *Caller, spec FileSpec, r io.Reader) (*File, error) {
	if e.cfg.Files == nil {
		return nil, &Error{Code: CodeUnavailable, Message: "this server keeps no files"}
	}
	if spec.Holding != nil {
		if err := e.holds(ctx, c, spec.Holding); err != nil {
			return nil, err
		}
	}
	id := e.openID()
	if spec.Holding != nil {
		id = id.InShard(spec.Holding.Execution.Shard()) // with the execution, in one cell of the store
	}
	name := id.Text(execution.PrefixFile)
	e.uploading.Store(id, true)
	defer e.uploading.Delete(id)
	in := &incoming{e: e, r: r, hash: sha256.New(), stored: e.stored(c.Project)}
	kept := false
	defer func() {
		if !kept {
			in.stored.Add(-in.taken)
		}
	}()
	size, err := e.cfg.Files.Put(ctx, name, in)
	switch {
	case in.err != nil:
		return nil, in.err
	case errors.Is(err, syscall.ENOSPC):
		return nil, noRoom(err)
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &Error{Code: CodeUnavailable, RetryAfter: time.Second, Message: "the file could not be stored; send it again", Err: err}
	}
	f := File{ID: id, Project: c.Project, Name: spec.Name, MIME: spec.MIME, Size: size}
	in.hash.Sum(f.SHA256[:0])
	if spec.Digest != nil && *spec.Digest != f.SHA256 {
		return nil, errors.Join(&Error{
			Code: CodeDigest, Message: fmt.Sprintf("what arrived has the SHA-256 %x, not the one that was announced; send the file again", f.SHA256),
		}, e.cfg.Files.Delete(context.WithoutCancel(ctx), name))
	}
	if err := failpoint.Hit(failpoint.FileStored); err != nil {
		return nil, errors.Join(e.unavailable(err), e.cfg.Files.Delete(context.WithoutCancel(ctx), name))
	}
	err = e.record(c, &f, spec.Holding)
	kept = err == nil || errors.Is(err, store.ErrUnknown)
	if !kept {
		return nil, errors.Join(err, e.cfg.Files.Delete(context.WithoutCancel(ctx), name))
	}
	if err != nil {
		return nil, err // the sweeper removes the content if there is no record of it
	}
	return &f, nil
}

// record makes the record of a file whose content is stored.
func (e *Engine) record(c *Caller, f *File, h *Holding) error {
	w := &fileWrite{owner: c.Project, at: e.cellOf(f.ID)}
	if h != nil {
		w.executions = []execution.ID{h.Execution}
	}
	var refused error
	w.fill = func(t *tx, rows []*store.Row, _ []*store.LoadedFile) {
		f.CreatedAt, f.ExpiresAt = t.now, t.now.Add(store.FileGrace)
		if h != nil {
			if refused = e.checkLease(c, rows[0], h); refused != nil {
				return
			}
			f.ExpiresAt = 0
			t.changes.FileUses = append(t.changes.FileUses, store.FileUse{File: f.ID, Execution: h.Execution})
		}
		t.changes.Files = append(t.changes.Files, *f)
	}
	if err := e.writeFiles(w); err != nil {
		return err
	}
	return refused
}

// checkLease refuses a lease that is not the row's.
func (e *Engine) checkLease(c *Caller, row *store.Row, h *Holding) error {
	if row == nil || row.Project != c.Project {
		return absent
	}
	return row.Holder(fingerprint(e.store.Epoch(), h.Lease))
}

// holds refuses a lease that is not current.
func (e *Engine) holds(ctx context.Context, c *Caller, h *Holding) error {
	row, err := e.row(ctx, c, h.Execution)
	if err != nil {
		return err
	}
	return e.checkLease(c, row, h)
}

// incoming is a file on its way in: it is counted, measured against the limits and hashed.
type incoming struct {
	e      *Engine
	r      io.Reader
	hash   hash.Hash
	stored *atomic.Int64
	taken  int64
	err    error // why the file cannot be taken
}

func (in *incoming) Read(p []byte) (int, error) {
	if in.err != nil {
		return 0, in.err
	}
	n, err := in.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		in.err = err
		return 0, err
	}
	_, _ = in.hash.Write(p[:n]) // never fails
	in.taken += int64(n)
	total := in.stored.Add(int64(n))
	limit, quota := in.e.cfg.MaxFile, in.e.cfg.FileQuota
	switch {
	case in.taken > limit:
		in.err = &Error{Code: CodeTooLarge, Message: fmt.Sprintf("the file has more than %d bytes, the most a file may have", limit)}
	case n > 0 && total > quota:
		in.err = &Error{Code: CodeQuota, Message: fmt.Sprintf("the project's files may take %d bytes together; delete files, or the executions that use them", quota)}
	case n > 0 && in.e.cfg.Files.Local() && in.e.lowDisk.Load():
		in.err = noRoom(nil)
	default:
		return n, err
	}
	return 0, in.err
}

func noRoom(err error) error {
	return &Error{Code: CodeStorage, RetryAfter: 30 * time.Second, Message: "the server's disk is nearly full; files are refused until there is room again", Err: err}
}

// File reads the record of a file of the caller's project. With a holding it must be a file that the execution uses.
func (e *Engine) File(ctx context.Context, c *Caller, id execution.ID, h *Holding) (*File, error) {
	if h != nil {
		if err := e.holds(ctx, c, h); err != nil {
			return nil, err
		}
		used, err := e.store.FileUsed(ctx, id, h.Execution)
		if err != nil {
			return nil, err
		}
		if !used {
			return nil, notFound("file")
		}
	}
	f, err := e.store.File(ctx, c.Project, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("file")
	}
	return f, err
}

// OpenFile reads a part of a file's content; a negative length reads to its end.
func (e *Engine) OpenFile(ctx context.Context, f *File, offset, length int64) (io.ReadCloser, error) {
	if e.cfg.Files == nil {
		return nil, notFound("file")
	}
	r, err := e.cfg.Files.Open(ctx, f.ID.Text(execution.PrefixFile), offset, length)
	if errors.Is(err, blob.ErrNotFound) {
		if _, gone := e.store.File(ctx, f.Project, f.ID); errors.Is(gone, store.ErrNotFound) {
			return nil, notFound("file")
		}
		e.log.Error("the content of a file is missing", "file_id", f.ID.Text(execution.PrefixFile))
		return nil, &Error{Code: CodeNotFound, Message: "the file's content is not where the server keeps its files; was a backup restored without them?"}
	}
	if err != nil {
		return nil, &Error{Code: CodeUnavailable, RetryAfter: time.Second, Message: "the file cannot be read at the moment", Err: err}
	}
	return r, nil
}

// FileList selects files.
type FileList struct {
	Execution execution.ID // only those that it uses; zero: all of the project
	Before    execution.ID // only older ones
	Limit     int
}

// Files reads records of files, newest first, and whether there are more.
func (e *Engine) Files(ctx context.Context, c *Caller, l FileList) (files []File, more bool, err error) {
	if !l.Execution.IsZero() {
		if _, err := e.row(ctx, c, l.Execution); err != nil {
			return nil, false, err
		}
	}
	files, err = e.store.Files(ctx, store.FileQuery{Project: c.Project, Execution: l.Execution, Before: l.Before, Limit: l.Limit + 1})
	if len(files) > l.Limit {
		files, more = files[:l.Limit], true
	}
	return files, more, err
}

// DeleteFile removes a file, unless an execution that has not ended uses it. References to it remain and lead nowhere.
func (e *Engine) DeleteFile(ctx context.Context, c *Caller, id execution.ID) error {
	ids := []execution.ID{id}
	if e.celled != nil { // each cell knows only of its own executions
		if err := e.unused(c, id); err != nil {
			return err
		}
	}
	refused, err := e.removeFiles(ctx, c.Project, ids, func(_ execution.Time, f *store.LoadedFile) error {
		switch {
		case f == nil || f.Project != c.Project || f.Mark == fileGone:
			return notFound("file")
		case f.Open:
			return errInUse
		}
		return nil
	})
	return errors.Join(refused, err)
}

var errInUse = &Error{Code: CodeFileInUse, Message: "an execution that has not ended uses the file; cancel it first, or wait"}

// unused refuses a file that an open execution uses in any cell of the store.
func (e *Engine) unused(c *Caller, id execution.ID) error {
	for n := range e.committers {
		used := false
		if err := e.writeFiles(&fileWrite{owner: c.Project, at: n, files: []execution.ID{id}, fill: func(_ *tx, _ []*store.Row, files []*store.LoadedFile) {
			used = files[0] != nil && files[0].Open && files[0].Project == c.Project
		}}); err != nil {
			return err
		}
		if used {
			return errInUse
		}
	}
	return nil
}

// DiscardFiles removes those of the files that no execution uses.
func (e *Engine) DiscardFiles(ctx context.Context, c *Caller, ids []execution.ID) error {
	_, err := e.removeFiles(ctx, c.Project, ids, func(_ execution.Time, f *store.LoadedFile) error {
		if f == nil || f.Project != c.Project || f.Mark == fileGone || f.ExpiresAt == 0 {
			return errStillUsed
		}
		return nil
	})
	return err
}

// forgetFiles removes the records of the files that may says nothing against, in every cell of the store that has one,
// and returns those of which no record is left. refused is the last thing that was said against a file that is nowhere
// removed.
func (e *Engine) forgetFiles(project int64, ids []execution.ID, may func(execution.Time, *store.LoadedFile) error) (gone []File, refused, err error) {
	removed, kept, refusals := map[execution.ID]File{}, map[execution.ID]bool{}, map[execution.ID]error{}
	for n := range e.committers {
		here := make([]*File, len(ids)) // what is removed
		said := make([]error, len(ids))
		there := make([]bool, len(ids)) // it stays
		err := e.writeFiles(&fileWrite{owner: project, at: n, files: ids, fill: func(t *tx, _ []*store.Row, files []*store.LoadedFile) {
			for i, f := range files {
				here[i], there[i] = nil, false
				if said[i] = may(t.now, f); said[i] != nil {
					there[i] = f != nil && f.Mark != fileGone
					continue
				}
				f.Mark = fileGone
				t.changes.FilesGone = append(t.changes.FilesGone, f.ID)
				file := f.File
				here[i] = &file
			}
		}})
		if err != nil {
			return nil, nil, err
		}
		for i, id := range ids {
			if here[i] != nil {
				removed[id] = *here[i]
			}
			kept[id] = kept[id] || there[i]
			if said[i] != nil && (refusals[id] == nil || there[i]) {
				refusals[id] = said[i] // what a cell says that has the file counts more
			}
		}
	}
	for _, id := range ids {
		f, ok := removed[id]
		switch {
		case !ok:
			refused = refusals[id]
		case !kept[id]:
			gone = append(gone, f)
		}
	}
	return gone, refused, nil
}

// removeFiles removes the files that may says nothing against, their records first: what a crash leaves of their
// contents has no record, and the sweeper removes it. refused is the last thing that was said.
func (e *Engine) removeFiles(ctx context.Context, project int64, ids []execution.ID, may func(execution.Time, *store.LoadedFile) error) (refused, err error) {
	gone, refused, err := e.forgetFiles(project, ids, may)
	if err != nil {
		return nil, err
	}
	_ = failpoint.Hit(failpoint.FileForgotten)
	var errs []error
	for i := range gone {
		e.stored(gone[i].Project).Add(-gone[i].Size)
		if e.cfg.Files != nil {
			errs = append(errs, e.cfg.Files.Delete(ctx, gone[i].ID.Text(execution.PrefixFile)))
		}
	}
	if err := errors.Join(errs...); err != nil {
		e.log.Warn("the content of a removed file could not be removed; the sweeper tries again", "error", err)
	}
	return refused, nil
}
