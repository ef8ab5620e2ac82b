package engine

import (
	"context"
	"errors"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// View is an execution as the API shows it.
type View struct {
	execution.Execution
	Workflow      *WorkflowInfo // nil: the workflow was deleted
	WorkflowID    execution.ID
	VersionNumber int32 // 0: none
	Input         []byte
	Output        []byte // of a completed execution
	Details       *StartDetails
	Message       string // why it failed, was rejected or cancelled
	ErrorDetails  []byte
	Reason        execution.Reason
	HasReason     bool // false once final
	Redacted      bool
	CreatedAt     execution.Time
	ScheduledAt   execution.Time // the start time it was given; zero: at once
	Awaiting      []Awaited      // open waits, oldest first
	Steps         []*execution.Step
	Events        []execution.Event
	Now           execution.Time // when it was read
}

// Awaited is an open wait.
type Awaited struct {
	execution.Wait
	Payload []byte // what the approver sees, as JSON; only when one execution is read
}

// awaits takes what open waits show to those who end them.
func (v *View) awaits(events []execution.Event) {
	for i := range v.Awaiting {
		w := &v.Awaiting[i]
		for j := range events {
			if e := &events[j]; e.Revision == w.Revision {
				w.Payload = e.Body
			}
		}
	}
}

// stamp sets what follows from the id and the time of reading.
func (v *View) stamp(now execution.Time) {
	v.CreatedAt, v.Now = execution.Time(v.ID.Millis()*1000), now
}

// begins takes what the first event tells.
func (v *View) begins(e *execution.Event) {
	if e == nil {
		return
	}
	v.Input, v.ScheduledAt = e.Body, e.Until
	v.Details = parseDetails(e.Details)
}

// ends takes what the final event tells.
func (v *View) ends(e *execution.Event) {
	if e == nil {
		return
	}
	if v.Status == execution.Completed {
		v.Output = e.Body
		return
	}
	v.Message, v.ErrorDetails = e.Message, e.Details
}

// explain sets the reason of an open execution.
func (e *Engine) explain(v *View) {
	workers := false
	if v.Session == 0 && !v.Status.Final() {
		workers = e.matcher.workers(v.Execution.Workflow) > 0
	}
	v.Reason, v.HasReason = v.Execution.Reason(workers, v.Now)
}

// view puts the parts of a stored execution together.
func (e *Engine) view(r *store.Row, first, last *execution.Event) *View {
	v := &View{Execution: r.Execution}
	v.stamp(e.store.Now())
	v.begins(first)
	v.ends(last)
	if w := e.workflowOf(r.Workflow); w != nil {
		v.WorkflowID = w.info.ID
		record := w.record.Load()
		if record.DeletedAt == 0 {
			v.Workflow = &w.info
		}
		if x := record.byKey(r.Version); x != nil {
			v.VersionNumber = x.Number
		}
	}
	for _, w := range r.Inbox.Waits() {
		v.Awaiting = append(v.Awaiting, Awaited{Wait: w})
	}
	v.Redacted = first != nil && first.Body == nil
	e.explain(v)
	return v
}

// GetOptions says what else to read with an execution.
type GetOptions struct {
	Wait time.Duration // hold until it is final, at most this long
	// Actionable ends the hold also when a signal or an approval is awaited and nothing else goes on.
	Actionable bool
	Steps      bool
	Events     bool
}

// Get reads one execution of the caller's project.
func (e *Engine) Get(ctx context.Context, c *Caller, id execution.ID, o GetOptions) (*View, error) {
	var hold *waiter
	if o.Wait > 0 {
		hold = e.waiters.add(id, o.Actionable)
		defer e.waiters.remove(hold)
	}
	row, err := e.row(ctx, c, id)
	if err != nil {
		return nil, err
	}
	if hold != nil && !row.Status.Final() && !(o.Actionable && row.Actionable()) {
		if !e.isDraining() {
			hold.wait(ctx, o.Wait)
		}
		if row, err = e.row(ctx, c, id); err != nil {
			return nil, err
		}
	}
	return e.read(ctx, row, o)
}

// read reads what belongs to the row. An execution that was deleted since the row was read is answered as deleted.
func (e *Engine) read(ctx context.Context, row *store.Row, o GetOptions) (*View, error) {
	v, err := e.readView(ctx, row, o)
	if errors.Is(err, store.ErrNotFound) {
		return nil, e.missing(ctx, row.Project, row.ID)
	}
	return v, err
}

func (e *Engine) readView(ctx context.Context, row *store.Row, o GetOptions) (*View, error) {
	if !o.Steps && !o.Events {
		first, last, err := e.store.Ends(ctx, row)
		if err != nil {
			return nil, err
		}
		v := e.view(row, first, last)
		if len(v.Awaiting) > 0 {
			events, err := e.store.Events(ctx, row, v.Awaiting[0].Revision-1, 0)
			if err != nil {
				return nil, err
			}
			v.awaits(events)
		}
		return v, nil
	}
	events, err := e.store.Events(ctx, row, 0, 0)
	if err != nil {
		return nil, err
	}
	var first, last *execution.Event
	if len(events) > 0 {
		first = &events[0]
		if row.Status.Final() {
			last = &events[len(events)-1]
		}
	}
	v := e.view(row, first, last)
	v.awaits(events)
	if o.Steps {
		v.Steps = execution.Steps(events, v.Now)
		if v.Details != nil {
			v.Steps = execution.OverrideSteps(v.Steps, v.Details.Overrides, v.CreatedAt)
		}
	}
	if o.Events {
		v.Events = events
	}
	return v, nil
}

// row finds an execution of the caller's project.
func (e *Engine) row(ctx context.Context, c *Caller, id execution.ID) (*store.Row, error) {
	row, err := e.store.Get(ctx, c.Project, id)
	if err == nil {
		return row, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return nil, e.missing(ctx, c.Project, id)
}

// missing is the error about an execution that the project does not have: whether it was deleted or never was.
func (e *Engine) missing(ctx context.Context, project int64, id execution.ID) error {
	stone, err := e.store.Tombstone(ctx, project, id)
	if err != nil {
		return err
	}
	if stone != nil && !stone.Redacted {
		return &Error{Code: CodeDeleted, Message: "the execution was deleted at " + stone.At.String()}
	}
	return notFound("execution")
}

// gone reports whether the error says that an execution is not there, or no longer.
func gone(err error) bool {
	var x *Error
	return errors.As(err, &x) && (x.Code == CodeNotFound || x.Code == CodeDeleted)
}
