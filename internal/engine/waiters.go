package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// waiters are the requests that wait for executions to end.
type waiters struct {
	shards [64]waiterShard
}

type waiterShard struct {
	mu sync.Mutex
	by map[execution.ID][]*waiter
}

// waiter waits for one execution. Many of them wait at a time, so that each byte counts: all that ends the waiting comes
// through one channel, of which the first element counts; nil says to look in the store.
type waiter struct {
	id         execution.ID
	actionable bool // also for the moment when somebody must act
	end        chan *outcome
}

// tell ends the waiting, unless something else has ended it.
func (x *waiter) tell(end *outcome) {
	select {
	case x.end <- end:
	default:
	}
}

// over ends the waiting without telling how the execution ended.
func (x *waiter) over() { x.tell(nil) }

// wait waits for the end for at most d. Nil says to look in the store: the time is up, the caller or the server is
// going, or there is something else to see.
func (x *waiter) wait(ctx context.Context, d time.Duration) *outcome {
	defer time.AfterFunc(d, x.over).Stop()
	select {
	case end := <-x.end:
		return end
	case <-ctx.Done():
		return nil
	}
}

// outcome is how an execution ended.
type outcome struct {
	row   store.Row
	event execution.Event // the final one, with its payload
}

func newWaiters() *waiters {
	w := &waiters{}
	for i := range w.shards {
		w.shards[i].by = map[execution.ID][]*waiter{}
	}
	return w
}

func (w *waiters) shard(id execution.ID) *waiterShard { return &w.shards[id[15]&63] }

// add begins to wait. It must happen before the state is read, or before the start is submitted.
func (w *waiters) add(id execution.ID, actionable bool) *waiter {
	x := &waiter{id: id, actionable: actionable, end: make(chan *outcome, 1)}
	s := w.shard(id)
	s.mu.Lock()
	s.by[id] = append(s.by[id], x)
	s.mu.Unlock()
	return x
}

// remove ends the waiting.
func (w *waiters) remove(x *waiter) {
	s := w.shard(x.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.by[x.id]
	if i := slices.Index(list, x); i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	if len(list) == 0 {
		delete(s.by, x.id)
	} else {
		s.by[x.id] = list
	}
}

// ended wakes those who wait for the row, which has just become final.
func (w *waiters) ended(r *store.Row, e *execution.Event) {
	s := w.shard(r.ID)
	s.mu.Lock()
	list := s.by[r.ID]
	delete(s.by, r.ID)
	s.mu.Unlock()
	if len(list) == 0 {
		return
	}
	end := &outcome{row: *r, event: *e}
	// The payload belongs to the report's request, which may be over before the waiters have read it.
	end.event.Body = slices.Clone(e.Body)
	end.event.Details = slices.Clone(e.Details)
	for _, x := range list {
		x.tell(end)
	}
}

// look wakes those who wait for the execution without telling them how it ended.
func (w *waiters) look(id execution.ID) {
	s := w.shard(id)
	s.mu.Lock()
	list := s.by[id]
	delete(s.by, id)
	s.mu.Unlock()
	for _, x := range list {
		x.over()
	}
}

// awaits wakes those who wait also for the moment when somebody must act: the execution has come to wait for a signal or
// an approval.
func (w *waiters) awaits(id execution.ID) {
	s := w.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.DeleteFunc(s.by[id], func(x *waiter) bool {
		if x.actionable {
			x.over()
		}
		return x.actionable
	})
	if len(list) == 0 {
		delete(s.by, id)
	} else {
		s.by[id] = list
	}
}

// drain wakes all who wait. Who comes later has to see for itself that the engine drains.
func (w *waiters) drain() {
	for i := range w.shards {
		s := &w.shards[i]
		s.mu.Lock()
		for _, list := range s.by {
			for _, x := range list {
				x.over()
			}
		}
		s.mu.Unlock()
	}
}
