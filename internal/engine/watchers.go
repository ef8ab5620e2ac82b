package engine

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// watchers are the streams that follow an execution or a project. They get hints that there is something new; what it is
// they read from the store. The committer only notes what changed, and nothing at all when nobody watches: waking many
// streams takes time, which is a goroutine's own.
type watchers struct {
	n atomic.Int64 // all there are

	mu         sync.Mutex
	executions map[execution.ID][]*watch
	projects   map[int64][]*watch

	noteMu  sync.Mutex
	noted   []execution.ID // changed since the last round
	notedIn []int64        // their projects
	wake    chan struct{}
}

// watch is one stream's place among the watchers.
type watch struct {
	execution execution.ID  // zero: the project
	project   int64         // of a stream of the whole project
	changed   chan struct{} // has one element when there may be something new
}

func newWatchers() *watchers {
	return &watchers{executions: map[execution.ID][]*watch{}, projects: map[int64][]*watch{}, wake: make(chan struct{}, 1)}
}

// add begins to watch an execution, or a project when id is zero. It must happen before the state is read.
func (w *watchers) add(id execution.ID, project int64) *watch {
	x := &watch{execution: id, project: project, changed: make(chan struct{}, 1)}
	w.n.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if id.IsZero() {
		w.projects[project] = append(w.projects[project], x)
	} else {
		w.executions[id] = append(w.executions[id], x)
	}
	return x
}

// remove ends the watching. It may be called again.
func (w *watchers) remove(x *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found bool
	if x.execution.IsZero() {
		found = without(w.projects, x.project, x)
	} else {
		found = without(w.executions, x.execution, x)
	}
	if found {
		w.n.Add(-1)
	}
}

// without takes the watch out of the key's list and reports whether it was there.
func without[K comparable](lists map[K][]*watch, key K, x *watch) bool {
	list := lists[key]
	i := slices.Index(list, x)
	if i < 0 {
		return false
	}
	if len(list) == 1 {
		delete(lists, key)
		return true
	}
	last := len(list) - 1
	list[i], list[last] = list[last], nil
	lists[key] = list[:last]
	return true
}

// note remembers that the rows have changed, for the next round.
func (w *watchers) note(rows []touched) {
	if w.n.Load() == 0 || len(rows) == 0 {
		return
	}
	w.noteMu.Lock()
	for i := range rows {
		w.noteRow(rows[i].row)
	}
	w.noteMu.Unlock()
	w.poke()
}

// noteOne is note for one row.
func (w *watchers) noteOne(r *store.Row) {
	if w.n.Load() == 0 {
		return
	}
	w.noteMu.Lock()
	w.noteRow(r)
	w.noteMu.Unlock()
	w.poke()
}

func (w *watchers) noteRow(r *store.Row) { w.noteID(r.ID, r.Project) }

func (w *watchers) noteID(id execution.ID, project int64) {
	w.noted = append(w.noted, id)
	if n := len(w.notedIn); n == 0 || w.notedIn[n-1] != project {
		w.notedIn = append(w.notedIn, project)
	}
}

func (w *watchers) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run wakes streams until ctx ends.
func (w *watchers) run(ctx context.Context) {
	var ids []execution.ID
	var projects []int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		}
		w.noteMu.Lock()
		ids, w.noted = w.noted, ids[:0]
		projects, w.notedIn = w.notedIn, projects[:0]
		w.noteMu.Unlock()
		slices.Sort(projects)
		w.mu.Lock()
		for _, id := range ids {
			for _, x := range w.executions[id] {
				x.hint()
			}
		}
		for _, p := range slices.Compact(projects) {
			for _, x := range w.projects[p] {
				x.hint()
			}
		}
		w.mu.Unlock()
	}
}

func (x *watch) hint() {
	select {
	case x.changed <- struct{}{}:
	default:
	}
}
