package storetest

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

func keys(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"come back, and are replaced whole": func(t *testing.T, w *World) {
			key := store.Key{
				Key: w.Key(), ID: w.ID(), Project: w.Project, PublicID: "abc", Name: "ci ✓", Hash: [32]byte{1, 31: 255}, Last4: "wxyz",
				Scopes: []string{"executions:start", "executions:read"}, Workflows: []string{"invoice"}, RateLimit: 2.5, CreatedAt: 1,
				ExpiresAt: 2, RevokedAt: 3, LastUsedAt: 4,
			}
			check := func() {
				t.Helper()
				w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Keys = []store.Key{key} })
				got, err := w.Store.Key(t.Context(), key.PublicID)
				if err != nil || !reflect.DeepEqual(*got, key) {
					t.Errorf("key %+v came back as %+v, %v", key, got, err)
				}
			}
			check()
			key.Workflows, key.ExpiresAt, key.RevokedAt, key.LastUsedAt, key.RateLimit = nil, 0, 0, 0, 0
			key.PublicID, key.Scopes = "def", []string{}
			check()
			if _, err := w.Store.Key(t.Context(), "abc"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the old name still finds the key: %v", err)
			}
			w.Audit()
		},
		"are listed newest first": func(t *testing.T, w *World) {
			other := store.Project{Key: w.Key(), ID: w.ID(), Name: "other"}
			key := func(project int64, id string) store.Key {
				return store.Key{Key: w.Key(), ID: w.ID(), Project: project, PublicID: id, Scopes: []string{"admin"}, CreatedAt: 1000}
			}
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) {
				tx.Projects = []store.Project{other}
				for _, id := range []string{"a", "b", "c", "d"} {
					project := w.Project
					if id == "c" {
						project = other.Key
					}
					tx.Keys = append(tx.Keys, key(project, id))
				}
				tx.Keys[0].CreatedAt += 100 // the oldest key is the newest created
			})
			for project, want := range map[int64]string{w.Project: "adb", other.Key: "c", 0: "adcb", 1 << 40: ""} {
				list, err := w.Store.Keys(t.Context(), project)
				if err != nil {
					t.Fatal(err)
				}
				var got strings.Builder
				for _, k := range list {
					got.WriteString(k.PublicID)
				}
				if got.String() != want {
					t.Errorf("project %d: %s, want %s", project, got.String(), want)
				}
			}
			w.refused(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Keys = []store.Key{key(other.Key, "a")} })
		},
		"note their last use, never an earlier one, and nothing else": func(t *testing.T, w *World) {
			key := store.Key{Key: w.Key(), ID: w.ID(), Project: w.Project, PublicID: "abc", Name: "ci", Scopes: []string{"admin"}, CreatedAt: 1}
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Keys = []store.Key{key} })
			for _, use := range []struct{ at, want execution.Time }{{50, 50}, {40, 50}, {60, 60}} {
				used := key
				used.LastUsedAt, used.Name, used.RevokedAt = use.at, "other", 7
				w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.KeyUses = []store.Key{used} })
				want := key
				want.LastUsedAt = use.want
				got, err := w.Store.Key(t.Context(), key.PublicID)
				if err != nil || !reflect.DeepEqual(*got, want) {
					t.Errorf("after a use at %d: %+v, %v, want %+v", use.at, got, err, want)
				}
			}
		},
		"unknown": func(t *testing.T, w *World) {
			if k, err := w.Store.Key(t.Context(), "nobody"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%+v, %v, want ErrNotFound", k, err)
			}
		},
	})
}
