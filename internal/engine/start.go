package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/store"
)

// StartRequest asks for a new execution. Its shape was checked; the engine owns its bytes from now on.
type StartRequest struct {
	Workflow       string // name or id
	Version        string // label, number or id; empty: the current one
	Input          []byte // a JSON object
	Metadata       map[string]string
	Overrides      []execution.Override // steps that do not run
	Timeout        time.Duration
	Delay          time.Duration
	StartAt        time.Time
	QueueTTL       time.Duration
	Priority       int8
	Trigger        execution.Trigger
	IdempotencyKey string
	Hash           uint64 // of the decoded request without its key; a repeat must have the same
	TraceParent    string
	CallbackURL    string        // told of the end; empty: nobody is
	Wait           time.Duration // hold until the execution is final, at most this long
	Steps          bool          // with Wait: read the steps too
	Actionable     bool          // with Wait: hold only until a signal or an approval is awaited
}

// Started is the answer to a start.
type Started struct {
	View       *View
	ID         execution.ID
	Replayed   bool           // the key was used before: this is the first execution
	Deleted    bool           // with Replayed: that execution was deleted, View is nil
	KeyExpires execution.Time // when the key may be used anew; zero without a key
}

// StartOutcome is one answer of a batch of starts.
type StartOutcome struct {
	Started *Started
	Err     error
}

// start is the command behind Start.
type start struct {
	e        *Engine
	caller   *Caller
	req      *StartRequest
	w        *workflow
	version  *version
	id       execution.ID
	details  []byte
	callback int64 // destination of its callback

	slot int // of its reservation, -1 without a key
	row  store.Row
	view View // as of revision 1

	files   attachments // of its input and its overrides
	refused error       // what its checks found; answered unless it repeats an earlier start
	taken   *store.TakenKey
	again   bool // its key was taken by a start of the same batch that gave it up
	err     error
	done    chan error
}

func (c *start) project() int64 { return c.caller.Project }

func (c *start) cell() int { return c.e.cellOf(c.id) }

func (c *start) weigh() (int, int) { return 1, len(c.req.Input) + len(c.details) }

func (c *start) need(n *store.Need) {
	c.slot = -1
	if c.req.IdempotencyKey != "" {
		c.slot = len(n.Reservations)
		n.Reservations = append(n.Reservations, store.Reservation{
			Project: c.caller.Project, Key: c.req.IdempotencyKey, Hash: c.req.Hash, Execution: c.id,
		})
	}
	c.files.need(n)
}

func (c *start) decide(t *tx) {
	c.taken, c.again, c.err = nil, false, c.refused
	if c.slot >= 0 {
		if taken := t.loaded.Taken[c.slot]; taken != nil {
			if slices.Contains(t.freed, taken.Execution) {
				c.again = true
				return
			}
			c.taken, c.err = taken, nil
			if taken.Hash != c.req.Hash {
				c.err = &Error{Code: CodeMismatch, Message: "this Idempotency-Key was used for a different request; use a new key for a new execution"}
			}
			return
		}
	}
	if c.err == nil && c.w.closing.Load() {
		c.err = noWorkflow(c.req.Workflow)
	}
	if c.err == nil {
		c.err = c.files.check(t, c.caller.Project)
	}
	if c.err != nil {
		if c.slot >= 0 {
			t.changes.Released = append(t.changes.Released, c.slot)
			t.freed = append(t.freed, c.id)
		}
		return
	}
	r := c.req
	startAt := execution.Time(0)
	switch {
	case r.Delay > 0:
		startAt = t.now.Add(r.Delay)
	case !r.StartAt.IsZero():
		startAt = execution.TimeOf(r.StartAt)
	}
	x, created := execution.New(execution.Start{
		ID: c.id, Project: c.caller.Project, Workflow: c.w.key, Version: c.versionKey(), Trigger: r.Trigger,
		Callback: c.callback,
		Priority: r.Priority, Actor: c.caller.actor(), StartAt: startAt, QueueTTL: r.QueueTTL,
		Timeout: r.Timeout, Input: r.Input, Details: c.details,
	}, t.now)
	c.row = store.Row{Execution: x}
	c.view.Execution = x
	t.inserted(&c.row, created)
	c.files.attach(t, c.id)
	for k, v := range r.Metadata {
		t.changes.Metadata = append(t.changes.Metadata, store.Metadata{Workflow: c.w.key, Execution: c.id, Key: k, Value: v})
	}
	if c.row.ReadyAt == 0 {
		return
	}
	s := c.e.matcher.reserve(c.w, c.e.pulse())
	if s == nil {
		t.waits(c.w, &c.row)
		return
	}
	a, ok := t.claim(&c.row, s, c.w)
	if !ok {
		c.e.matcher.unpromise(s)
		t.waits(c.w, &c.row)
		return
	}
	a.Input = r.Input
	if c.details != nil {
		a.Details = r.details()
		a.Recorded = a.Details.recorded(nil)
	}
}

func (c *start) versionKey() int64 {
	if c.version == nil {
		return 0
	}
	return c.version.Key
}

func (c *start) settle(err error) { c.done <- err }

// Start makes an execution and answers it as of its first revision, or, when it was asked to hold, as it is when it
// has ended or the hold is over.
func (e *Engine) Start(ctx context.Context, c *Caller, r *StartRequest) (*Started, error) {
	cmd, err := e.prepare(ctx, c, r)
	if err != nil {
		return nil, err
	}
	var hold *waiter
	if r.Wait > 0 {
		hold = e.waiters.add(cmd.id, r.Actionable)
		defer e.waiters.remove(hold)
	}
	if err := failpoint.Hit(failpoint.StartAccepted); err != nil {
		return nil, e.unavailable(err)
	}
	if err := e.doStart(ctx, cmd); err != nil {
		return nil, err
	}
	return e.started(ctx, cmd, hold)
}

// doStart submits a start, again as long as another one only kept its key from it for a moment.
func (e *Engine) doStart(ctx context.Context, cmd *start) error {
	for {
		if err := e.traced(ctx, "engine.start", cmd, cmd.done); err != nil || !cmd.again {
			return err
		}
	}
}

// StartBatch makes executions, each on its own: one refused start does not touch the others.
func (e *Engine) StartBatch(ctx context.Context, c *Caller, rs []*StartRequest) []StartOutcome {
	out := make([]StartOutcome, len(rs))
	cmds := make([]*start, len(rs))
	list := make([]command, 0, len(rs))
	for i, r := range rs {
		if cmds[i], out[i].Err = e.prepare(ctx, c, r); out[i].Err == nil {
			list = append(list, cmds[i])
		}
	}
	if !e.submit(list...) {
		for i := range out {
			if out[i].Err == nil {
				out[i].Err = e.unavailable(nil)
			}
		}
		return out
	}
	for i, cmd := range cmds {
		if out[i].Err != nil {
			continue
		}
		err := e.outcome(<-cmd.done)
		if err == nil && cmd.again {
			err = e.doStart(ctx, cmd)
		}
		if err != nil {
			out[i].Err = err
			continue
		}
		out[i].Started, out[i].Err = e.started(ctx, cmd, nil)
	}
	return out
}

// prepare makes the command and checks everything about it that needs no transaction. With an idempotency key, what is
// wrong with the start is answered only when the key is not an earlier start's: that one is answered as it was.
func (e *Engine) prepare(ctx context.Context, c *Caller, r *StartRequest) (*start, error) {
	cmd := &start{e: e, caller: c, req: r, done: make(chan error, 1)}
	if r.IdempotencyKey != "" {
		cmd.id = e.mint.in(store.KeyShard(c.Project, r.IdempotencyKey))
	} else {
		cmd.id = e.openID()
	}
	cmd.files, cmd.refused = e.refer(ctx, c.Project, r)
	cmd.details = r.details().encode()
	if cmd.refused == nil {
		cmd.refused = e.check(cmd)
	}
	if cmd.refused != nil && r.IdempotencyKey == "" {
		return nil, cmd.refused
	}
	return cmd, nil
}

func noWorkflow(ref string) error {
	return &Error{
		Code: CodeNotFound, Message: fmt.Sprintf("workflow %q not found; start a worker that serves it, or create it", clip(ref)),
		Fields: []FieldError{{"workflow_id", string(CodeNotFound), "no workflow has this name or id"}},
	}
}

// check finds the workflow and its version, and what speaks against the start.
func (e *Engine) check(cmd *start) error {
	c, r := cmd.caller, cmd.req
	if e.lowDisk.Load() {
		return &Error{Code: CodeStorage, RetryAfter: 30 * time.Second, Message: "the server's disk is nearly full; starts are refused until there is room again"}
	}
	w := e.lookup(c.Project, r.Workflow, false)
	if w == nil {
		return noWorkflow(r.Workflow)
	}
	record := w.record.Load()
	if record.Closed {
		return &Error{Code: CodeAPITrigger, Message: fmt.Sprintf("workflow %q is closed: it may not be started through the API; its setting api_trigger opens it", w.info.Name)}
	}
	v := record.current
	if r.Version != "" && r.Version != "latest" {
		if v = record.find(r.Version); v == nil && e.cluster != nil {
			e.reread()
			record = w.record.Load()
			v = record.find(r.Version)
		}
		if v == nil {
			return &Error{
				Code: CodeNotFound, Message: fmt.Sprintf("workflow %q has no version %q", w.info.Name, clip(r.Version)),
				Fields: []FieldError{{"version", string(CodeNotFound), "no version has this label or number"}},
			}
		}
	}
	if v != nil && v.schema != nil {
		if fields := checkInput(v.schema, r.Input); len(fields) > 0 {
			return &Error{Code: CodeInvalid, Message: fmt.Sprintf("input does not match the schema of workflow %q: %s", w.info.Name, fields[0].Message), Fields: fields}
		}
	}
	limit := e.cfg.MaxBacklog
	if p := e.catalog.Load().projects[c.Project]; p != nil && p.MaxBacklog > 0 {
		limit = p.MaxBacklog
	}
	if e.open(c.Project).Load() >= limit {
		return &Error{Code: CodeBacklogFull, RetryAfter: 5 * time.Second, Message: fmt.Sprintf("the project already has %d open executions, its limit; wait for some to end or cancel them", limit)}
	}
	if r.Timeout == 0 {
		r.Timeout = record.timeout(e.cfg.DefaultTimeout)
	}
	if r.CallbackURL != "" {
		var err error
		if cmd.callback, err = e.destination("callback_url", r.CallbackURL); err != nil {
			return err
		}
	}
	cmd.w, cmd.version = w, v
	return nil
}

// started puts the answer together once the command is durable.
func (e *Engine) started(ctx context.Context, cmd *start, hold *waiter) (*Started, error) {
	if cmd.err != nil {
		return nil, cmd.err
	}
	r := cmd.req
	out := &Started{ID: cmd.id}
	if r.IdempotencyKey != "" {
		if cmd.taken == nil {
			e.keyed.Add(1)
		}
		out.KeyExpires = e.store.Now().Add(e.cfg.KeyWindow)
	}
	if cmd.taken != nil {
		out.ID, out.Replayed = cmd.taken.Execution, true
		out.KeyExpires = execution.Time(out.ID.Millis() * 1000).Add(e.cfg.KeyWindow)
		view, err := e.Get(ctx, cmd.caller, out.ID, GetOptions{Wait: r.Wait, Actionable: r.Actionable, Steps: r.Steps})
		if gone(err) {
			out.Deleted = true
			return out, nil
		}
		out.View = view
		return out, err
	}
	var number int32
	if cmd.version != nil {
		number = cmd.version.Number
	}
	if hold != nil {
		view, err := e.held(ctx, cmd.caller, cmd.id, cmd.w, number, r, hold)
		out.View = view
		return out, err
	}
	v := &cmd.view
	v.asked(cmd.w, number, r)
	v.stamp(e.store.Now())
	if v.Status == execution.Created {
		v.ScheduledAt = v.WakeAt
	}
	e.explain(v)
	out.View = v
	return out, nil
}

// held waits until an execution that was just started has ended, or the hold is over. Many requests wait here at a
// time: it holds on to nothing of the command that started it.
func (e *Engine) held(ctx context.Context, c *Caller, id execution.ID, w *workflow, number int32, r *StartRequest, hold *waiter) (*View, error) {
	if !e.isDraining() {
		end := hold.wait(ctx, r.Wait)
		if end != nil && !r.Steps && r.Delay == 0 && r.StartAt.IsZero() {
			v := &View{Execution: end.row.Execution}
			v.asked(w, number, r)
			v.ends(&end.event)
			v.stamp(e.store.Now())
			return v, nil
		}
	}
	v, err := e.Get(ctx, c, id, GetOptions{Steps: r.Steps})
	if err != nil && !gone(err) {
		return nil, e.unavailable(err)
	}
	return v, err
}

// asked sets what the request itself tells.
func (v *View) asked(w *workflow, number int32, r *StartRequest) {
	v.Workflow, v.WorkflowID, v.VersionNumber, v.Input = &w.info, w.info.ID, number, r.Input
	if d := r.details(); !d.empty() {
		v.Details = d
	}
}

// details is what the request carries besides its input.
func (r *StartRequest) details() *StartDetails {
	return &StartDetails{Metadata: r.Metadata, TraceParent: r.TraceParent, Overrides: r.Overrides, CallbackURL: r.CallbackURL}
}

// clip shortens a caller's text for a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
