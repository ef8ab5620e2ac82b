package storetest

import (
	"errors"
	"testing"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// links: an approval link is found by the hash of its token, in transactions and outside, until it is swept or its
// execution goes.
func links(t *testing.T, h Harness) {
	save := func(w *World, l store.ApprovalLink) {
		w.T.Helper()
		w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Links = append(tx.Links, l) })
	}
	make := func(w *World, id execution.ID, n byte, expires execution.Time) store.ApprovalLink {
		return store.ApprovalLink{
			Hash: [32]byte{n, 31: 255}, Project: w.Project, Execution: id, Step: "boss#2 \x00 ✓", CreatedAt: 5, ExpiresAt: expires,
		}
	}
	there := func(w *World, l store.ApprovalLink, want bool) {
		w.T.Helper()
		got, err := w.Store.Link(w.T.Context(), l.Hash)
		if want && (err != nil || *got != l) || !want && !errors.Is(err, store.ErrNotFound) {
			w.T.Errorf("link %d: %+v, %v; want %+v: %t", l.Hash[0], got, err, l, want)
		}
		w.MustCommit(store.Need{Links: [][32]byte{{200}, l.Hash, l.Hash}}, func(loaded *store.Loaded, _ *Tx) {
			x := loaded.Links
			if len(x) != 3 || x[0] != nil || (x[1] != nil) != want || x[1] != x[2] || want && *x[1] != l {
				w.T.Errorf("link %d in a transaction: %+v", l.Hash[0], x)
			}
		})
	}
	h.each(t, map[string]func(*testing.T, *World){
		"every field comes back, and it is used": func(t *testing.T, w *World) {
			l := make(w, w.Start(), 1, 1<<50)
			there(w, l, false)
			save(w, l)
			there(w, l, true)
			l.UsedAt = 77
			save(w, l)
			there(w, l, true)
			there(w, make(w, l.Execution, 2, 9), false)
			w.Audit()
		},
		"expired ones are swept": func(t *testing.T, w *World) {
			id := w.Start()
			old, edge := make(w, id, 1, 99), make(w, id, 2, 100)
			save(w, old)
			save(w, edge)
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.SweepLinks = 100 })
			there(w, old, false)
			there(w, edge, true)
		},
		"they go with their execution": func(t *testing.T, w *World) {
			deleted, redacted, kept := make(w, w.Finished(), 1, 99), make(w, w.Finished(), 2, 99), make(w, w.Finished(), 3, 99)
			for _, l := range []store.ApprovalLink{deleted, redacted, kept} {
				save(w, l)
			}
			w.delete(deleted.Execution)
			w.MustCommit(store.Need{Executions: []execution.ID{redacted.Execution}}, func(l *store.Loaded, tx *Tx) {
				tx.Redact = append(tx.Redact, l.Executions[0])
				tx.Tombstones = append(tx.Tombstones, store.Tombstone{Project: w.Project, Execution: redacted.Execution, Redacted: true, At: l.Now})
			})
			there(w, deleted, false)
			there(w, redacted, false)
			there(w, kept, true)
			w.Audit()
		},
		"one of a refused transaction is not there": func(t *testing.T, w *World) {
			id := w.Finished()
			l := make(w, id, 1, 99)
			need, illegal := w.forced(id, func(r *store.Row) { r.Progress = 0.5 })
			w.refused(need, func(loaded *store.Loaded, tx *Tx) {
				tx.Links = append(tx.Links, l)
				illegal(loaded, tx)
			})
			there(w, l, false)
		},
	})
}
