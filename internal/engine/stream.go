package engine

import (
	"context"
	"errors"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// streamPage is how many events a stream reads at once: the most that it keeps for a reader who is slow.
const streamPage = 100

// Place is a place in a project's stream; the zero place is none.
type Place = store.Cursor

// StreamPage is what a stream has that was not read yet.
type StreamPage struct {
	Events []StreamEvent
	More   bool // there may be more already: read again without waiting
	// Reset says that the stream could not go on where it was asked to, because the data is of another timeline: what the
	// reader knows may be wrong. The events of the page are behind a new beginning.
	Reset  bool
	Cursor Place // of a project's stream: the place behind the page

	// Of an execution's stream.
	Ended   bool             // there will be no more
	Status  execution.Status // when it was read
	Deleted bool             // the execution is gone, with events that were not read
}

// StreamEvent is one event of a stream. Of an event that carries a payload of the execution, a project's stream leaves it
// out.
type StreamEvent struct {
	execution.Event
	Workflow *WorkflowInfo // in a project's stream
	Moved    bool          // in a project's stream: it led to another state, as the first event always does
	Cursor   Place         // in a project's stream: the place behind the event
	Message  *Message      // in a Listener's stream alone
}

// ExecutionStream reads the events of one execution as they happen.
type ExecutionStream struct {
	e      *Engine
	caller *Caller
	id     execution.ID
	after  int64
	watch  *watch
}

// Follow begins to read the events of an execution of the caller's project with a revision above after. Close must be
// called in the end.
func (e *Engine) Follow(ctx context.Context, c *Caller, id execution.ID, after int64) (*ExecutionStream, error) {
	s := &ExecutionStream{e: e, caller: c, id: id, after: max(after, 0), watch: e.watchers.add(id, c.Project)}
	if _, err := e.row(ctx, c, id); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// emptyPages is how many pages with nothing in them one Read passes over.
const emptyPages = 4

// Read returns what has happened since the last Read without waiting for it.
func (s *ExecutionStream) Read(ctx context.Context) (*StreamPage, error) {
	p := &StreamPage{}
	row, err := s.e.row(ctx, s.caller, s.id)
	if gone(err) {
		p.Ended, p.Deleted = true, true
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	p.Status = row.Status
	if s.after > row.Revision {
		p.Reset, s.after = true, 0
	}
	events, err := s.e.store.Events(ctx, row, s.after, streamPage)
	if errors.Is(err, store.ErrNotFound) {
		p.Ended, p.Deleted = true, true
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	p.Events = make([]StreamEvent, len(events))
	for i := range events {
		p.Events[i].Event = events[i]
		s.after = events[i].Revision
	}
	p.More = s.after < row.Revision
	p.Ended = row.Status.Final() && !p.More
	return p, nil
}

// Changed has an element when a Read may find something. It is a hint: one may be missed, so read from time to time.
func (s *ExecutionStream) Changed() <-chan struct{} { return s.watch.changed }

// Close ends the stream.
func (s *ExecutionStream) Close() { s.e.watchers.remove(s.watch) }

// FollowRequest selects events of the caller's project.
type FollowRequest struct {
	Workflows []string              // names or ids, also of deleted workflows; nil: all
	Kinds     []execution.EventKind // nil: all
	After     Place                 // empty: from now
}

// ProjectStream reads the events of a project as they happen, in the order in which they were committed.
type ProjectStream struct {
	e     *Engine
	q     store.FeedQuery
	watch *watch
}

// FollowProject begins to read the events of the caller's project. What happens once it has returned is in the stream.
// Close must be called in the end.
func (e *Engine) FollowProject(ctx context.Context, c *Caller, r *FollowRequest) (*ProjectStream, error) {
	s := &ProjectStream{e: e, q: store.FeedQuery{Project: c.Project, Kinds: r.Kinds, After: r.After, Limit: streamPage}}
	for _, ref := range r.Workflows {
		q, err := e.query(c, &ListRequest{Workflow: ref})
		if err != nil {
			return nil, err
		}
		s.q.Workflows = append(s.q.Workflows, q.Workflows...)
	}
	s.watch = e.watchers.add(execution.ID{}, c.Project)
	if r.After == "" {
		page, err := e.store.Feed(ctx, s.q)
		if err != nil {
			s.Close()
			return nil, err
		}
		s.q.After = page.Next
	}
	return s, nil
}

// Read returns what has happened since the last Read without waiting for it.
func (s *ProjectStream) Read(ctx context.Context) (*StreamPage, error) {
	page, err := s.e.store.Feed(ctx, s.q)
	p := &StreamPage{}
	if errors.Is(err, store.ErrCursor) {
		p.Reset, s.q.After = true, ""
		page, err = s.e.store.Feed(ctx, s.q)
	}
	if err != nil {
		return nil, err
	}
	// A database may stop at places where there is nothing; whoever asks for a page once should not be told of nothing.
	for range emptyPages {
		if len(page.Events) > 0 || !page.More {
			break
		}
		s.q.After = page.Next
		if page, err = s.e.store.Feed(ctx, s.q); err != nil {
			return nil, err
		}
	}
	s.q.After = page.Next
	p.More, p.Cursor = page.More, page.Next
	p.Events = make([]StreamEvent, len(page.Events))
	for i := range page.Events {
		x := &page.Events[i]
		p.Events[i].Event, p.Events[i].Moved, p.Events[i].Cursor = x.Event, x.Moved, x.After
		if w := s.e.workflowOf(x.Workflow); w != nil {
			p.Events[i].Workflow = &w.info
		}
	}
	return p, nil
}

// Changed has an element when a Read may find something. It is a hint: one may be missed, so read from time to time.
func (s *ProjectStream) Changed() <-chan struct{} { return s.watch.changed }

// Close ends the stream.
func (s *ProjectStream) Close() { s.e.watchers.remove(s.watch) }

// Streams is how many streams are open.
func (e *Engine) Streams() int { return int(e.watchers.n.Load()) }
