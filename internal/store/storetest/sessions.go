package storetest

import (
	"reflect"
	"testing"

	"github.com/sojournhq/sojourn/internal/store"
)

func sessions(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"come back, are replaced whole, and go": func(t *testing.T, w *World) {
			x := store.Session{
				Key: w.Key(), Project: w.Project, ID: w.ID(), Name: "worker ✓", SDK: "go/1", Version: "abc", Workflows: []int64{w.Workflows[1], w.Workflows[0]},
				Capacity: 7, CreatedAt: 1, SeenAt: 2, ExpiresAt: 3, Draining: true,
			}
			check := func(want int) {
				t.Helper()
				all, err := w.Store.Sessions(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if len(all) != want {
					t.Fatalf("%d sessions, want %d", len(all), want)
				}
				for _, got := range all {
					if got.Key == x.Key && !reflect.DeepEqual(got, x) {
						t.Errorf("session %+v came back as %+v", x, got)
					}
				}
			}
			save := func() { w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Sessions = []store.Session{x} }) }
			save()
			check(2)
			x.Workflows, x.SeenAt, x.ExpiresAt, x.Draining, x.Capacity = []int64{}, 5, 6, false, 0
			save()
			check(2)
			w.Audit()
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Gone = []int64{x.Key, 1 << 40} })
			check(1)
			w.MustCommit(store.Need{Sessions: []int64{w.Session, x.Key, w.Session}}, func(l *store.Loaded, _ *Tx) {
				if len(l.Sessions) != 3 || l.Sessions[0] == nil || l.Sessions[0].Key != w.Session || l.Sessions[0].Name != "worker" ||
					l.Sessions[1] != nil || l.Sessions[2] != l.Sessions[0] {
					t.Errorf("loaded %+v", l.Sessions)
				}
			})
			x.Key = w.Session
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Gone = []int64{w.Session} })
			check(0)
		},
	})
}
