package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// neighbour is another project of the same store.
func (w *World) neighbour() *World {
	w.T.Helper()
	other := *w
	other.Project = w.Key()
	other.millis += 60_000 // ids of its own
	other.Workflows = []int64{w.Key()}
	other.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
		tx.Projects = append(tx.Projects, store.Project{Key: other.Project, ID: other.ID(), Name: fmt.Sprint("project-", other.Project), CreatedAt: l.Now})
		tx.Workflows = append(tx.Workflows, store.Workflow{
			Key: other.Workflows[0], Project: other.Project, ID: other.ID(), Name: "workflow", CreatedAt: l.Now, UpdatedAt: l.Now,
		})
	})
	return &other
}

// end is where the journal ends.
func (w *World) end() store.Cursor {
	w.T.Helper()
	page, err := w.Store.Feed(w.T.Context(), store.FeedQuery{Project: w.Project, Limit: 10})
	if err != nil {
		w.T.Fatal(err)
	}
	if len(page.Events) > 0 || page.More || page.Next == "" {
		w.T.Fatalf("a feed from now has %+v", page)
	}
	return page.Next
}

// feed reads all that the query selects, in pages.
func (w *World) feed(q store.FeedQuery) []store.FeedEvent {
	w.T.Helper()
	if q.Project == 0 {
		q.Project = w.Project
	}
	var all []store.FeedEvent
	for {
		page, err := w.Store.Feed(w.T.Context(), q)
		if err != nil {
			w.T.Fatal(err)
		}
		if q.Limit > 0 && len(page.Events) > q.Limit {
			w.T.Fatalf("%d events, at most %d were asked for", len(page.Events), q.Limit)
		}
		all = append(all, page.Events...)
		if !page.More {
			return all
		}
		if page.Next == q.After {
			w.T.Fatal("there is more, and the cursor stands still")
		}
		q.After = page.Next
	}
}

func told(events []store.FeedEvent) string {
	var b bytes.Buffer
	for _, e := range events {
		fmt.Fprintf(&b, "%s %d %s, ", e.Execution, e.Revision, e.Kind)
	}
	return b.String()
}

func feeds(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"events as they are, without large payloads": func(t *testing.T, w *World) {
			begin := w.end()
			id := w.Start(func(s *execution.Start) { s.Workflow = w.Workflows[1]; s.Details = []byte(`{"k":1}`) })
			w.Claim(id)
			w.Step(id, "a", `"large"`)
			w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
				return one(r.Fail(Lease, execution.Failure{Code: "boom", Message: "it broke", Details: []byte(`{"at":1}`)}, now))
			})
			got, want := w.feed(store.FeedQuery{After: begin}), w.Events(id)
			if len(got) != len(want) {
				t.Fatalf("%d events, want %d", len(got), len(want))
			}
			for i, e := range got {
				if moved := i == 0 || want[i].Status != want[i-1].Status; e.Moved != moved {
					t.Errorf("%s after %s: moved %t", want[i].Kind, want[max(i-1, 0)].Kind, e.Moved)
				}
				if want[i].Kind.CarriesPayload() {
					want[i].Body, want[i].Details = nil, nil
				}
				if !reflect.DeepEqual(e.Event, want[i]) || e.Workflow != w.Workflows[1] {
					t.Errorf("the feed has\n%+v, the history\n%+v", e, want[i])
				}
			}
			if last := got[len(got)-1]; last.Status != w.Get(id).Status || string(last.Details) != `{"at":1}` {
				t.Errorf("the last event is %+v", last)
			}
		},
		"goes on behind each event": func(t *testing.T, w *World) {
			begin := w.end()
			for range 3 {
				w.Finished()
			}
			all := w.feed(store.FeedQuery{After: begin})
			if len(all) != 9 {
				t.Fatalf("%d events", len(all))
			}
			for i, e := range all {
				for _, limit := range []int{1, 2, 100, 0} {
					if got := w.feed(store.FeedQuery{After: e.After, Limit: limit}); told(got) != told(all[i+1:]) {
						t.Errorf("after event %d by %d: %s", i, limit, told(got))
					}
				}
			}
			if got := w.feed(store.FeedQuery{After: w.end()}); len(got) != 0 {
				t.Errorf("after the end: %s", told(got))
			}
		},
		"only what is selected": func(t *testing.T, w *World) {
			begin := w.end()
			other := w.neighbour()
			var mine []execution.ID
			for i := range 6 {
				other.Finished()
				mine = append(mine, w.Finished(func(s *execution.Start) { s.Workflow = w.Workflows[i%3] }))
			}
			for _, e := range w.feed(store.FeedQuery{After: begin}) {
				if !slices.Contains(mine, e.Execution) {
					t.Errorf("an event of another project: %+v", e)
				}
			}
			if got := other.feed(store.FeedQuery{After: begin}); len(got) != 18 {
				t.Errorf("the other project has %d events", len(got))
			}
			got := w.feed(store.FeedQuery{After: begin, Workflows: w.Workflows[:2], Kinds: []execution.EventKind{execution.EventClaimed}})
			if len(got) != 4 {
				t.Errorf("claims of two workflows: %s", told(got))
			}
			for _, e := range got {
				if e.Kind != execution.EventClaimed || e.Workflow == w.Workflows[2] {
					t.Errorf("not selected: %+v", e)
				}
			}
			if got := w.feed(store.FeedQuery{After: begin, Workflows: []int64{}}); len(got) != 0 {
				t.Errorf("of no workflow: %s", told(got))
			}
			if got := w.feed(store.FeedQuery{Project: other.Key(), After: begin}); len(got) != 0 {
				t.Errorf("of no project: %s", told(got))
			}
		},
		"a quiet project passes by the others": func(t *testing.T, w *World) {
			begin := w.end()
			other := w.neighbour()
			for range 4 {
				other.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
					for range 700 {
						tx.Start(other.NewStart(), l.Now)
					}
				})
			}
			id := w.Start()
			if got := w.feed(store.FeedQuery{After: begin, Limit: 5}); len(got) != 1 || got[0].Execution != id {
				t.Errorf("%s", told(got))
			}
		},
		"deleted executions vanish": func(t *testing.T, w *World) {
			begin := w.end()
			a, b, c := w.Finished(), w.Finished(), w.Finished()
			first := w.feed(store.FeedQuery{After: begin, Limit: 2})[:2]
			w.delete(a)
			w.delete(c)
			for _, after := range []store.Cursor{begin, first[0].After, first[1].After} {
				for _, e := range w.feed(store.FeedQuery{After: after}) {
					if e.Execution != b {
						t.Errorf("an event of what is deleted: %+v", e)
					}
				}
			}
			// The place behind what was deleted last is a place all the same.
			end := w.end()
			w.delete(b)
			d := w.Start()
			if got := w.feed(store.FeedQuery{After: end}); len(got) != 1 || got[0].Execution != d {
				t.Errorf("after the deletion: %s", told(got))
			}
		},
		"has no gap while commits go on": gaplessFeed,
		"other cursors are refused": func(t *testing.T, w *World) {
			stranger := NewWorld(t, h.Open(t), 1)
			for _, c := range []store.Cursor{"x", "AAAA", "\x00", stranger.end(), w.end() + "A", store.Cursor(bytes.Repeat([]byte("A"), 5000))} {
				if _, err := w.Store.Feed(t.Context(), store.FeedQuery{Project: w.Project, After: c}); !errors.Is(err, store.ErrCursor) {
					t.Errorf("cursor %.40q: %v, want ErrCursor", c, err)
				}
			}
		},
		"goes on after a restart, not after a restore": func(t *testing.T, w *World) {
			if h.Reopen == nil || h.Restore == nil {
				t.Skip("the harness can do neither")
			}
			w.Finished()
			begin := w.end()
			id := w.Start()
			path := t.TempDir() + "/copy.db"
			if err := w.Store.Backup(t.Context(), path); err != nil {
				t.Fatal(err)
			}
			restored := h.Restore(t, path)
			if _, err := restored.Feed(t.Context(), store.FeedQuery{Project: w.Project, After: begin}); !errors.Is(err, store.ErrCursor) {
				t.Errorf("a cursor of the time before the restore: %v, want ErrCursor", err)
			}
			w.Store = h.Reopen(t, w.Store)
			if got := w.feed(store.FeedQuery{After: begin}); len(got) != 1 || got[0].Execution != id {
				t.Errorf("after the restart: %s", told(got))
			}
		},
	})
}

// gaplessFeed reads while several goroutines commit, and compares with what is there in the end.
func gaplessFeed(t *testing.T, w *World) {
	begin := w.end()
	const writers, rounds = 4, 40
	var mu sync.Mutex // the World is not made for several
	done := make(chan struct{})
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), 3))
			for range rounds {
				mu.Lock()
				starts := make([]execution.Start, 1+rng.IntN(5))
				for i := range starts {
					starts[i] = w.NewStart()
				}
				mu.Unlock()
				err := w.Commit(store.Need{}, func(l *store.Loaded, tx *Tx) {
					for _, s := range starts {
						r := tx.Start(s, l.Now)
						if err := tx.Apply(r, func(r *store.Row) ([]execution.Event, error) { return claimRule(w, r, l.Now) }); err != nil {
							t.Error(err)
						}
					}
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() {
		wg.Wait()
		close(done)
	}()
	var seen []store.FeedEvent
	after, last := begin, false
	for !last {
		select {
		case <-done:
			last = true
		default:
		}
		for {
			page, err := w.Store.Feed(t.Context(), store.FeedQuery{Project: w.Project, After: after, Limit: 7})
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, page.Events...)
			after = page.Next
			if !page.More {
				break
			}
		}
	}
	if want := w.feed(store.FeedQuery{After: begin}); told(seen) != told(want) {
		t.Errorf("read meanwhile:\n%s\nin the end:\n%s", told(seen), told(want))
	}
	revisions := map[execution.ID]int64{}
	for _, e := range seen {
		if revisions[e.Execution]++; e.Revision != revisions[e.Execution] {
			t.Errorf("execution %s: revision %d after %d", e.Execution, e.Revision, revisions[e.Execution]-1)
		}
	}
}
