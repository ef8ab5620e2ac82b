package storetest

import (
	"errors"
	"testing"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// delete removes finished executions with their counts.
func (w *World) delete(ids ...execution.ID) {
	w.T.Helper()
	w.MustCommit(store.Need{Executions: ids}, func(l *store.Loaded, tx *Tx) {
		for _, r := range l.Executions {
			tx.Delete = append(tx.Delete, r)
			tx.Count(r, r.Status, -1)
		}
	})
}

// rich finishes an execution that has everything an execution can have.
func (w *World) rich() execution.ID {
	w.T.Helper()
	s := w.NewStart()
	s.Input, s.Details = []byte(`{"ssn":"123-45-6789"}`), []byte(`{"metadata":{"name":"Jane"}}`)
	w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
		r := tx.Start(s, l.Now)
		tx.Metadata = append(tx.Metadata, store.Metadata{Workflow: r.Workflow, Execution: r.ID, Key: "name", Value: "Jane"},
			store.Metadata{Workflow: r.Workflow, Execution: r.ID, Key: "plan", Value: "pro"})
	})
	w.Use(s.ID, w.File().ID)
	w.Claim(s.ID)
	w.Step(s.ID, "parse", `{"name":"Jane"}`)
	w.Change(s.ID, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.FailStep(Lease, execution.StepFailed{Step: "send", Failure: execution.Failure{
			Code: "smtp", Message: "no mailbox of Jane", Details: []byte(`{"to":"jane@example.com"}`), Try: 1,
		}}, now))
	})
	w.MustCommit(store.Need{Executions: []execution.ID{s.ID}}, func(l *store.Loaded, tx *Tx) {
		tx.Logs = append(tx.Logs, store.Log{Row: l.Executions[0], Step: "parse", Attempt: 1, At: l.Now, Level: "info", Message: "Jane"},
			store.Log{Row: l.Executions[0], Attempt: 1, At: l.Now, Level: "info", Message: "Jane again"})
	})
	w.Change(s.ID, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Fail(Lease, execution.Failure{Code: "smtp", Message: "Jane has no mailbox", Details: []byte(`{"stack":"Jane"}`)}, now))
	})
	return s.ID
}

func (w *World) byMetadata(t *testing.T) int {
	t.Helper()
	page, err := w.Store.List(t.Context(), store.ListQuery{Project: w.Project, Metadata: map[string]string{"name": "Jane"}, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Items)
}

func deletes(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"takes all that it owns": func(t *testing.T, w *World) {
			kept := w.rich()
			before := w.Dump()
			id := w.rich()
			row := w.Get(id)
			files := w.listed(store.FileQuery{Execution: id, Limit: 10})
			w.delete(id)
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.FilesGone = files }) // they would expire
			if _, err := w.Store.Get(t.Context(), w.Project, id); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the execution is still there: %v", err)
			}
			if lines, err := w.Store.Logs(t.Context(), row, store.LogQuery{}); err != nil || len(lines) != 0 {
				t.Errorf("its log lines are still there: %v, %v", lines, err)
			}
			if n := w.byMetadata(t); n != 1 {
				t.Errorf("%d executions by metadata, want %s alone", n, kept)
			}
			if after := w.Dump(); after != before {
				t.Errorf("more changed than the one execution:\n%s\nbefore it came:\n%s", after, before)
			}
			w.Audit()
		},
		"a redacted one tells nothing but that it was": func(t *testing.T, w *World) {
			kept, id := w.rich(), w.rich()
			row, events := w.Get(id), w.Events(id)
			w.MustCommit(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) {
				tx.Redact = append(tx.Redact, l.Executions[0])
				tx.Tombstones = append(tx.Tombstones, store.Tombstone{Project: w.Project, Execution: id, Redacted: true, At: l.Now})
			})
			if got := w.Get(id); !same(&got.Execution, &row.Execution) {
				t.Errorf("the execution changed from %+v to %+v", row.Execution, got.Execution)
			}
			for i, e := range w.Events(id) {
				want := events[i]
				if e.Body != nil || e.Details != nil || e.Message != "" {
					t.Errorf("event %d still says %q %q %q", e.Revision, e.Body, e.Details, e.Message)
				}
				if e.Kind != want.Kind || e.Revision != want.Revision || e.At != want.At || e.Step != want.Step || e.Code != want.Code || e.Actor != want.Actor {
					t.Errorf("event %d changed from %+v to %+v", e.Revision, want, e)
				}
			}
			if lines := w.logs(t, id, store.LogQuery{}); len(lines) != 0 {
				t.Errorf("its log lines are still there: %+v", lines)
			}
			if n := w.byMetadata(t); n != 1 {
				t.Errorf("%d executions by metadata, want %s alone", n, kept)
			}
			if e := w.Events(kept)[0]; e.Body == nil {
				t.Error("another execution was redacted too")
			}
			w.Audit()
			// It may be deleted later.
			w.delete(id)
			w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
				tx.Tombstones = append(tx.Tombstones, store.Tombstone{Project: w.Project, Execution: id, At: l.Now})
			})
			w.Audit()
		},
		"tombstones": func(t *testing.T, w *World) {
			stone := store.Tombstone{Project: w.Project, Execution: w.ID(), Redacted: true, At: 42, Actor: execution.Actor{Kind: execution.ActorKey, Ref: 7}}
			save := func() {
				w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Tombstones = []store.Tombstone{stone} })
				got, err := w.Store.Tombstone(t.Context(), w.Project, stone.Execution)
				if err != nil || got == nil || *got != stone {
					t.Errorf("tombstone %+v came back as %+v, %v", stone, got, err)
				}
			}
			save()
			stone.Redacted, stone.At, stone.Actor = false, 43, execution.Actor{}
			save()
			for name, c := range map[string]struct {
				project int64
				id      execution.ID
			}{
				"another project": {w.Project + 1000, stone.Execution},
				"another id":      {w.Project, execution.IDFromParts(stone.Execution.Order(), stone.Execution.Tail()^1)},
			} {
				if got, err := w.Store.Tombstone(t.Context(), c.project, c.id); err != nil || got != nil {
					t.Errorf("%s: %+v, %v, want none", name, got, err)
				}
			}
		},
		"of open executions are refused": func(t *testing.T, w *World) {
			id := w.Start()
			w.Claim(id)
			w.refused(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) { tx.Delete = l.Executions[:1:1] })
			w.refused(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) { tx.Redact = l.Executions[:1:1] })
		},
		"of what is gone are refused": func(t *testing.T, w *World) {
			id := w.Finished()
			row := w.Get(id)
			w.delete(id)
			w.refused(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Delete = []*store.Row{row} })
			w.refused(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Redact = []*store.Row{row} })
		},
		"many at once": func(t *testing.T, w *World) {
			var ids []execution.ID
			for range 30 {
				ids = append(ids, w.rich())
			}
			w.delete(ids[5:25]...)
			page, err := w.Store.List(t.Context(), store.ListQuery{Project: w.Project, Limit: 100})
			if err != nil || len(page.Items) != 10 {
				t.Errorf("%d executions are left, want 10; %v", len(page.Items), err)
			}
			w.Audit()
		},
	})
}
