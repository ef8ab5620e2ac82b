package storetest

import (
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/store"
)

func catalog(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"comes back, and is replaced whole": func(t *testing.T, w *World) {
			p := store.Project{Key: w.Key(), ID: w.ID(), Name: "naïve ✓", CreatedAt: 1, MaxBacklog: 5}
			f := store.Workflow{
				Key: w.Key(), Project: p.Key, ID: w.ID(), Name: "invoice", CreatedAt: 1, UpdatedAt: 2, DeletedAt: 3, Current: w.Key(),
				Retention: time.Hour, Timeout: time.Nanosecond, Closed: true,
			}
			v := store.Version{
				Key: f.Current, Workflow: f.Key, ID: w.ID(), Number: 1, Label: "v1", CreatedAt: 4, InputSchema: []byte(`{"type":"object"}`),
				Description: "the first",
			}
			save := func() {
				t.Helper()
				w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) {
					tx.Projects, tx.Workflows, tx.Versions = []store.Project{p}, []store.Workflow{f}, []store.Version{v}
				})
				cat := w.catalog(t)
				if i := slices.Index(cat.Projects, p); i < 0 {
					t.Errorf("project %+v came back as %+v", p, cat.Projects)
				}
				if i := slices.Index(cat.Workflows, f); i < 0 {
					t.Errorf("workflow %+v came back as %+v", f, cat.Workflows)
				}
				if len(cat.Versions) != 1 || !reflect.DeepEqual(cat.Versions[0], v) {
					t.Errorf("version %+v came back as %+v", v, cat.Versions)
				}
			}
			save()
			w.Audit()
			p.Name, p.MaxBacklog = "another", 0
			f.Name, f.UpdatedAt, f.DeletedAt, f.Current, f.Retention, f.Timeout, f.Closed = "renamed", 9, 0, 0, 0, 0, false
			v.Label, v.InputSchema, v.Description = "", nil, ""
			save()
			w.Audit()
		},
		"has a version that changes follow from": func(t *testing.T, w *World) {
			was := w.catalog(t).Version
			if was == 0 {
				t.Error("the version is 0")
			}
			w.Finished()
			if got := w.catalog(t).Version; got != was {
				t.Errorf("an execution moved the catalog from %d to %d", was, got)
			}
			p := store.Project{Key: w.Key(), ID: w.ID(), Name: "second"}
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Basis, tx.Projects = was, []store.Project{p} })
			now := w.catalog(t).Version
			if now <= was {
				t.Errorf("a project moved the catalog from %d to %d", was, now)
			}
			p.Name = "renamed"
			if err := w.Commit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Basis, tx.Projects = was, []store.Project{p} }); !errors.Is(err, store.ErrOvertaken) {
				t.Errorf("a change that follows from an old catalog: %v, want ErrOvertaken", err)
			}
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) {
				tx.Secrets = []store.SecretSet{{Project: w.Project, Secrets: []store.SigningSecret{{Sealed: []byte("x")}}}}
			})
			if got := w.catalog(t).Version; got <= now {
				t.Errorf("a secret moved the catalog from %d to %d", now, got)
			}
		},
		"names are unique": func(t *testing.T, w *World) {
			cat := w.catalog(t)
			p, f := cat.Projects[0], cat.Workflows[0]
			other := store.Project{Key: w.Key(), ID: w.ID(), Name: "other"}
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Projects = []store.Project{other} })
			twin := store.Workflow{Key: w.Key(), Project: p.Key, ID: w.ID(), Name: f.Name}
			w.refused(store.Need{}, func(_ *store.Loaded, tx *Tx) {
				tx.Projects = []store.Project{{Key: w.Key(), ID: w.ID(), Name: p.Name}}
			})
			w.refused(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Workflows = []store.Workflow{twin} })
			// In another project it may have the name, and once the first is deleted.
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) {
				tx.Workflows = []store.Workflow{{Key: w.Key(), Project: other.Key, ID: w.ID(), Name: f.Name}}
			})
			f.DeletedAt = 1
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Workflows = []store.Workflow{f, twin} })
			version := func(number int32, label string) store.Version {
				return store.Version{Key: w.Key(), Workflow: twin.Key, ID: w.ID(), Number: number, Label: label}
			}
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) {
				tx.Versions = []store.Version{version(1, "a"), version(2, ""), version(3, "")}
			})
			w.refused(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Versions = []store.Version{version(3, "")} })
			w.refused(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Versions = []store.Version{version(4, "a")} })
			w.Audit()
		},
		"integer keys are drawn once": func(t *testing.T, w *World) {
			const each = 200
			var mu sync.Mutex
			var wg sync.WaitGroup
			seen := map[int64]bool{w.Project: true, w.Session: true}
			for _, f := range w.Workflows {
				seen[f] = true
			}
			for range 4 {
				wg.Go(func() {
					for range each {
						key, err := w.Store.NewKey(t.Context())
						mu.Lock()
						if err != nil || key <= 0 || seen[key] {
							t.Errorf("key %d, %v; drawn before: %t", key, err, seen[key])
						}
						seen[key] = true
						mu.Unlock()
					}
				})
			}
			wg.Wait()
		},
	})
}

func (w *World) catalog(t *testing.T) *store.Catalog {
	t.Helper()
	cat, err := w.Store.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cat
}
