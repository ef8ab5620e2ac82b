package storetest

import (
	"crypto/sha256"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// File saves the record of a file that nobody uses.
func (w *World) File(edit ...func(*store.File)) store.File {
	w.T.Helper()
	f := store.File{ID: w.ID(), Project: w.Project, Name: "a.pdf", MIME: "application/pdf", Size: 1000}
	f.SHA256 = sha256.Sum256(f.ID[:])
	w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
		f.CreatedAt, f.ExpiresAt = l.Now, l.Now.Add(store.FileGrace)
		for _, e := range edit {
			e(&f)
		}
		tx.Files = append(tx.Files, f)
	})
	return f
}

// Use makes an execution use files.
func (w *World) Use(id execution.ID, files ...execution.ID) {
	w.T.Helper()
	w.MustCommit(store.Need{Files: files}, func(_ *store.Loaded, tx *Tx) {
		for _, f := range files {
			tx.FileUses = append(tx.FileUses, store.FileUse{File: f, Execution: id})
		}
	})
}

// file reads a file's record, nil when it is not there.
func (w *World) file(id execution.ID) *store.File {
	w.T.Helper()
	f, err := w.Store.File(w.T.Context(), w.Project, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		w.T.Fatal(err)
	}
	return f
}

// listed are the ids of a query of files.
func (w *World) listed(q store.FileQuery) []execution.ID {
	w.T.Helper()
	q.Project = w.Project
	files, err := w.Store.Files(w.T.Context(), q)
	if err != nil {
		w.T.Fatal(err)
	}
	ids := []execution.ID{}
	for _, f := range files {
		ids = append(ids, f.ID)
	}
	return ids
}

func files(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"what is saved is read": func(t *testing.T, w *World) {
			f := w.File(func(f *store.File) { f.Name, f.MIME, f.Size = "ü ☃\"'.bin", "x/y; z=\"ä\"", 1<<40 })
			if got := w.file(f.ID); got == nil || *got != f {
				t.Errorf("read %+v, saved %+v", got, f)
			}
			if _, err := w.Store.File(t.Context(), w.Project+1, f.ID); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("another project reads it: %v", err)
			}
			other := f.ID
			other[15] ^= 1
			if got := w.file(other); got != nil {
				t.Errorf("an id with another tail reads %+v", got)
			}
			w.MustCommit(store.Need{Files: []execution.ID{f.ID, other, f.ID}}, func(l *store.Loaded, _ *Tx) {
				if len(l.Files) != 3 || l.Files[0] == nil || l.Files[0].File != f || l.Files[0].Open || l.Files[1] != nil || l.Files[2] != l.Files[0] {
					t.Errorf("loaded %+v", l.Files)
				}
			})
			w.Audit()
		},
		"lists are newest first": func(t *testing.T, w *World) {
			a, b, c := w.File().ID, w.File().ID, w.File().ID
			id := w.Start()
			w.Use(id, c, a)
			for _, x := range []struct {
				q    store.FileQuery
				want []execution.ID
			}{
				{store.FileQuery{Limit: 10}, []execution.ID{c, b, a}},
				{store.FileQuery{Limit: 2}, []execution.ID{c, b}},
				{store.FileQuery{Limit: 2, Before: b}, []execution.ID{a}},
				{store.FileQuery{Limit: 10, Execution: id}, []execution.ID{c, a}},
				{store.FileQuery{Limit: 1, Execution: id, Before: c}, []execution.ID{a}},
				{store.FileQuery{Limit: 10, Execution: w.Start()}, []execution.ID{}},
			} {
				if got := w.listed(x.q); !slices.Equal(got, x.want) {
					t.Errorf("%+v: %v, want %v", x.q, got, x.want)
				}
			}
			if got, err := w.Store.Files(t.Context(), store.FileQuery{Project: w.Project + 1, Limit: 10}); err != nil || len(got) != 0 {
				t.Errorf("another project lists %v, %v", got, err)
			}
		},
		"a file in use does not expire": func(t *testing.T, w *World) {
			f, id := w.File(), w.Start()
			w.Use(id, f.ID)
			w.Use(id, f.ID) // again changes nothing
			if got := w.file(f.ID); got.ExpiresAt != 0 {
				t.Errorf("expires at %s", got.ExpiresAt)
			}
			if used, err := w.Store.FileUsed(t.Context(), f.ID, id); err != nil || !used {
				t.Errorf("used: %t, %v", used, err)
			}
			if used, err := w.Store.FileUsed(t.Context(), f.ID, w.Start()); err != nil || used {
				t.Errorf("used by another: %t, %v", used, err)
			}
			w.Audit()
		},
		"a use in the transaction of its execution and file": func(t *testing.T, w *World) {
			f := store.File{ID: w.ID(), Project: w.Project, Name: "f", MIME: "x/y"}
			var id execution.ID
			w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
				id = tx.Start(w.NewStart(), l.Now).ID
				f.CreatedAt = l.Now
				tx.Files = append(tx.Files, f)
				tx.FileUses = append(tx.FileUses, store.FileUse{File: f.ID, Execution: id})
			})
			if got := w.listed(store.FileQuery{Execution: id, Limit: 10}); !slices.Equal(got, []execution.ID{f.ID}) {
				t.Errorf("%v", got)
			}
			w.Audit()
		},
		"open as long as one of its executions is": func(t *testing.T, w *World) {
			f, first, second := w.File(), w.Finished(), w.Start()
			open := func() (open bool) {
				w.MustCommit(store.Need{Files: []execution.ID{f.ID}}, func(l *store.Loaded, _ *Tx) { open = l.Files[0].Open })
				return open
			}
			w.Use(first, f.ID)
			if open() {
				t.Error("open by a finished execution")
			}
			w.Use(second, f.ID)
			if !open() {
				t.Error("not open by an open execution")
			}
			w.Claim(second)
			w.Complete(second, "1")
			if open() {
				t.Error("open after all have ended")
			}
		},
		"released with the last execution": func(t *testing.T, w *World) {
			f, kept := w.File(), w.File()
			a, b := w.Finished(), w.Finished()
			w.Use(a, f.ID, kept.ID)
			w.Use(b, f.ID)
			w.delete(a)
			if got := w.file(f.ID); got.ExpiresAt != 0 {
				t.Errorf("expires although one execution is left: %+v", got)
			}
			if got := w.file(kept.ID); got.ExpiresAt != kept.CreatedAt.Add(store.FileGrace) {
				t.Errorf("unused: %+v", got)
			}
			w.MustCommit(store.Need{Executions: []execution.ID{b}}, func(l *store.Loaded, tx *Tx) {
				tx.Redact = append(tx.Redact, l.Executions[0])
				tx.Tombstones = append(tx.Tombstones, store.Tombstone{Project: w.Project, Execution: b, Redacted: true, At: l.Now})
			})
			if got := w.file(f.ID); got.ExpiresAt != f.CreatedAt.Add(store.FileGrace) {
				t.Errorf("after the redaction of its execution: %+v", got)
			}
			w.Audit()
		},
		"taken by one execution while another lets go": func(t *testing.T, w *World) {
			f, old := w.File(), w.Finished()
			w.Use(old, f.ID)
			var fresh execution.ID
			w.MustCommit(store.Need{Executions: []execution.ID{old}, Files: []execution.ID{f.ID}}, func(l *store.Loaded, tx *Tx) {
				tx.Delete = append(tx.Delete, l.Executions[0])
				tx.Count(l.Executions[0], l.Executions[0].Status, -1)
				fresh = tx.Start(w.NewStart(), l.Now).ID
				tx.FileUses = append(tx.FileUses, store.FileUse{File: f.ID, Execution: fresh})
			})
			if got := w.file(f.ID); got.ExpiresAt != 0 {
				t.Errorf("%+v", got)
			}
			w.Audit()
		},
		"removed with what uses it": func(t *testing.T, w *World) {
			f, kept, id := w.File(), w.File(), w.Finished()
			w.Use(id, f.ID, kept.ID)
			other := f.ID
			other[15] ^= 1
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.FilesGone = append(tx.FilesGone, other, w.ID()) })
			if w.file(f.ID) == nil {
				t.Fatal("removed by another id")
			}
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.FilesGone = append(tx.FilesGone, f.ID) })
			if got := w.file(f.ID); got != nil {
				t.Errorf("still there: %+v", got)
			}
			if got := w.listed(store.FileQuery{Execution: id, Limit: 10}); !slices.Equal(got, []execution.ID{kept.ID}) {
				t.Errorf("the execution uses %v", got)
			}
			w.Audit()
		},
		"expired ones are found, earliest first": func(t *testing.T, w *World) {
			now := w.Store.Now()
			at := func(at execution.Time) execution.ID { return w.File(func(f *store.File) { f.ExpiresAt = at }).ID }
			late, early, future, used := at(now), at(now-1000), at(now.Add(time.Hour)), at(now-2000)
			w.Use(w.Start(), used)
			got, err := w.Store.ExpiredFiles(t.Context(), now, 10)
			if err != nil || !slices.Equal(got, []execution.ID{early, late}) {
				t.Errorf("%v, %v; the future one is %v", got, err, future)
			}
			if got, err := w.Store.ExpiredFiles(t.Context(), now, 1); err != nil || !slices.Equal(got, []execution.ID{early}) {
				t.Errorf("%v, %v", got, err)
			}
		},
		"sizes add up by project": func(t *testing.T, w *World) {
			before, err := w.Store.FileBytes(t.Context())
			if err != nil || len(before) != 0 {
				t.Errorf("without files: %v, %v", before, err)
			}
			f := w.File()
			w.File()
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.FilesGone = append(tx.FilesGone, f.ID) })
			w.File()
			if got, err := w.Store.FileBytes(t.Context()); err != nil || len(got) != 1 || got[w.Project] != 2000 {
				t.Errorf("%v, %v", got, err)
			}
		},
		"a use of what is not there is refused": func(t *testing.T, w *World) {
			f, id := w.File(), w.Start()
			other := f.ID
			other[15] ^= 1
			foreign := w.Key()
			w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
				tx.Projects = append(tx.Projects, store.Project{Key: foreign, ID: w.ID(), Name: "foreign", CreatedAt: l.Now})
			})
			theirs := w.File(func(f *store.File) { f.Project = foreign })
			for name, u := range map[string]store.FileUse{
				"no file": {File: other, Execution: id}, "no execution": {File: f.ID, Execution: w.ID()}, "another project's": {File: theirs.ID, Execution: id},
			} {
				w.refused(store.Need{}, func(_ *store.Loaded, tx *Tx) {
					tx.FileUses = append(tx.FileUses, u)
				})
				if t.Failed() {
					t.Fatal(name)
				}
			}
			w.Audit()
		},
		"an id is taken once": func(t *testing.T, w *World) {
			f := w.File()
			w.refused(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Files = append(tx.Files, f) })
		},
	})
}
