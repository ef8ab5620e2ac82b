package transfer_test

import (
	"context"
	"errors"
	"regexp"
	"testing"

	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/sqlite"
	"github.com/sojournhq/sojourn/internal/store/storetest"
	"github.com/sojournhq/sojourn/internal/store/transfer"
)

// target is a store that is empty and stays in order: nobody else uses it.
type target struct {
	store.Store
	drawn  int64
	filled bool
	commit func(*store.Changes) error // before each portion
}

func (t *target) Fill(context.Context) error { return nil }

func (t *target) Filled(_ context.Context, drawn int64) error {
	t.drawn, t.filled = drawn, true
	return nil
}

func (t *target) Commit(ctx context.Context, need *store.Need, decide func(*store.Loaded) *store.Changes) error {
	var refused error
	err := t.Store.Commit(ctx, need, func(l *store.Loaded) *store.Changes {
		c := decide(l)
		if t.commit != nil && c != nil {
			if refused = t.commit(c); refused != nil {
				return nil
			}
		}
		return c
	})
	return errors.Join(refused, err)
}

func open(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// content is what a store has, without the version of its catalog, which counts changes.
func content(w *storetest.World) string {
	return regexp.MustCompile(`^\{Version:\d+ `).ReplaceAllString(w.Dump(), "{")
}

// Everything that can be read of a store is in the copy, over several portions.
func TestEverythingIsTakenOver(t *testing.T) {
	t.Parallel()
	from := open(t)
	w, keys := storetest.Varied(t, from, 1200)
	want := content(w)
	to := &target{Store: open(t)}
	calls := 0
	report, err := transfer.Run(t.Context(), from, to, transfer.Options{Progress: func(transfer.Report) { calls++ }})
	if err != nil {
		t.Fatal(err)
	}
	copied := *w
	copied.Store = to.Store
	if got := content(&copied); got != want {
		t.Errorf("the copy has\n%.4000s\nwant\n%.4000s", got, want)
	}
	copied.Audit()
	keys.Check(&copied)
	if calls < 4 || report.Executions < 1210 || report.Keys != int64(len(keys)) || report.Projects != 1 || report.Logs == 0 || report.Files == 0 || report.Deliveries != 2 {
		t.Errorf("%d portions, %+v", calls, report)
	}
	if key := w.Key(); !to.filled || to.drawn != key-1 {
		t.Errorf("filled %t up to key %d, want %d", to.filled, to.drawn, key-1)
	}
	// The source is as it was.
	if got := content(w); got != want {
		t.Error("the source changed")
	}
	copied.Finished()
	copied.Audit()
}

// A copy that lacks something is not released.
func TestALossIsSeen(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*store.Changes) error{
		"an execution": func(c *store.Changes) error {
			if n := len(c.Insert); n > 0 {
				gone := c.Insert[n-1]
				c.Insert = c.Insert[:n-1]
				kept := c.Events[:0]
				for _, e := range c.Events {
					if e.Row != gone {
						kept = append(kept, e)
					}
				}
				c.Events, c.Logs, c.Metadata, c.FileUses = kept, nil, nil, nil
				c.Counts[store.CountKey{Project: gone.Project, Workflow: gone.Workflow, Status: gone.Status, Hour: store.HourOf(gone.ID)}]--
			}
			return nil
		},
		"a counter": func(c *store.Changes) error {
			clear(c.Counts)
			return nil
		},
		"the disk": func(c *store.Changes) error {
			if len(c.Insert) > 0 {
				return store.ErrUnknown
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := open(t)
			storetest.Varied(t, from, 10)
			to := &target{Store: open(t), commit: lose}
			if _, err := transfer.Run(t.Context(), from, to, transfer.Options{}); !errors.Is(err, transfer.ErrViolated) && !errors.Is(err, store.ErrUnknown) {
				t.Errorf("it ended with %v", err)
			}
			if to.filled {
				t.Error("the target was released")
			}
		})
	}
}
