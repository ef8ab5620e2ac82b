package storetest

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

func backups(t *testing.T, h Harness) {
	if h.Restore == nil {
		t.Skip("the harness cannot restore")
	}
	h.each(t, map[string]func(*testing.T, *World){
		"hold everything, and begin a new epoch": func(t *testing.T, w *World) {
			for range 5 {
				w.rich()
				w.Start()
			}
			path := filepath.Join(t.TempDir(), "copy.db")
			if err := w.Store.Backup(t.Context(), path); err != nil {
				t.Fatal(err)
			}
			before := w.Dump()
			w.Start() // not in the copy
			restored := *w
			restored.Store = h.Restore(t, path)
			if after := restored.Dump(); after != before {
				t.Errorf("the copy has\n%s\nwant\n%s", after, before)
			}
			restored.Audit()
			if a, b := w.Store.Epoch(), restored.Store.Epoch(); a == b || b == 0 {
				t.Errorf("epochs %d and %d, want two", a, b)
			}
			if w.Store.Now() < restored.Store.Now()-60_000_000 {
				t.Error("the copy's clock is ahead")
			}
			// Both go on by themselves.
			restored.Finished()
			w.Finished()
			restored.Audit()
			w.Audit()
		},
		"are consistent while commits go on": func(t *testing.T, w *World) {
			path := filepath.Join(t.TempDir(), "copy.db")
			var wg sync.WaitGroup
			stop := make(chan struct{})
			started := make(chan struct{})
			wg.Go(func() {
				for i := 0; ; i++ {
					w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
						for range 20 {
							r := tx.Start(w.NewStart(), l.Now)
							if err := tx.Apply(r, func(r *store.Row) ([]execution.Event, error) { return claimRule(w, r, l.Now) }); err != nil {
								t.Error(err)
							}
						}
					})
					if i == 3 {
						close(started)
					}
					select {
					case <-stop:
						return
					default:
					}
				}
			})
			<-started
			err := w.Store.Backup(t.Context(), path)
			close(stop)
			wg.Wait()
			if err != nil {
				t.Fatal(err)
			}
			restored := *w
			restored.Store = h.Restore(t, path)
			restored.Audit()
		},
		"do not overwrite": func(t *testing.T, w *World) {
			path := filepath.Join(t.TempDir(), "copy.db")
			if err := w.Store.Backup(t.Context(), path); err != nil {
				t.Fatal(err)
			}
			if err := w.Store.Backup(t.Context(), path); err == nil {
				t.Error("a second backup to the same path was accepted")
			}
		},
	})
}

// restarts: what was committed is there after the store was closed, and nothing starts over.
func restarts(t *testing.T, h Harness) {
	if h.Reopen == nil {
		t.Skip("the harness cannot reopen")
	}
	h.each(t, map[string]func(*testing.T, *World){
		"keep everything": func(t *testing.T, w *World) {
			for range 3 {
				w.rich()
				w.Claim(w.Start())
			}
			before, epoch, now := w.Dump(), w.Store.Epoch(), w.Store.Now()
			w.Store = h.Reopen(t, w.Store)
			if after := w.Dump(); after != before {
				t.Errorf("after the restart\n%s\nwant\n%s", after, before)
			}
			if w.Store.Epoch() != epoch {
				t.Errorf("epoch %d became %d", epoch, w.Store.Epoch())
			}
			if w.Store.Now() < now {
				t.Errorf("the clock went back from %s to %s", now, w.Store.Now())
			}
			w.rich()
			w.Audit()
		},
		"draw new integer keys": func(t *testing.T, w *World) {
			gone := w.Key()
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) {
				tx.Sessions = append(tx.Sessions, store.Session{Key: gone, Project: w.Project, ID: w.ID()})
			})
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Gone = []int64{gone} })
			w.Store = h.Reopen(t, w.Store)
			if key := w.Key(); key <= gone {
				t.Errorf("drew %d after %d, which a session had", key, gone)
			}
		},
		"do not reuse places in the journal": func(t *testing.T, w *World) {
			w.Start()
			id := w.Finished()
			last := w.Get(id).Last
			w.delete(id)
			w.Store = h.Reopen(t, w.Store)
			if next := w.Get(w.Start()).First; next <= last && last != 0 { // a store may have no places
				t.Errorf("the next event lies at %d, one before it was at %d", next, last)
			}
			w.Audit()
		},
	})
}
