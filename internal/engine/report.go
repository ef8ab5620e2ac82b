package engine

import (
	"context"
	"errors"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/store"
)

// OpKind is what a worker reports.
type OpKind uint8

// The operations of a report.
const (
	OpStepStarted OpKind = iota + 1
	OpStepCompleted
	OpStepFailed
	OpSleep
	OpSuspend
	OpProgress
	OpLog
	OpComplete
	OpFail
	OpReject
	OpCancelled
	OpReturn
	OpWait
)

// OpNames are the operations' names on the wire, by OpKind.
var OpNames = [...]string{
	"", "step_started", "step_completed", "step_failed", "sleep", "suspend", "progress", "log", "complete", "fail",
	"reject", "cancelled", "return", "wait",
}

// records reports whether the operation makes the one record of a step.
func (k OpKind) records() bool {
	return k == OpStepCompleted || k == OpStepFailed || k == OpSleep || k == OpWait
}

// Operation is one thing that happened to one execution that a worker holds.
type Operation struct {
	Execution   execution.ID
	Lease       string
	Kind        OpKind
	Step        string
	Try         int32
	Hash        uint64        // of the step's input
	Body        []byte        // output, or what an approver sees, as JSON
	Duration    time.Duration // of a sleep; of the step so far; until a wait times out
	HasDuration bool
	Wait        execution.WaitKind
	Name        string         // of a wait; empty: that of its step
	WakeAt      execution.Time // of a suspend
	Value       float64        // progress
	Code        string         // of an error or rejection
	Message     string
	Details     []byte // JSON object
	Retry       execution.Retry
	Final       bool   // a retry cannot help
	Level       string // of a log line
	At          execution.Time
}

// OpResult answers one operation.
type OpResult struct {
	Err       error          // *execution.Error or *Error
	Duplicate bool           // the step already had its record; it stands
	Suspended bool           // the lease was released; the execution comes back later
	Final     bool           // no further try follows
	WakeAt    execution.Time // end of the sleep
	RetryAt   execution.Time // next try
	Delay     time.Duration  // until WakeAt or RetryAt, by the store's clock
	Wait      *WaitStanding  // of a wait
}

// ReportRequest is what a worker has to tell.
type ReportRequest struct {
	Session    execution.ID
	Received   int64
	Operations []Operation
}

// ReportResult answers a report; Results is parallel to its operations.
type ReportResult struct {
	Results []OpResult
	signals
}

// report is the command behind Report.
type report struct {
	e       *Engine
	at      int   // cell of the store
	owner   int64 // project
	session int64
	ops     []Operation
	results []OpResult
	stale   []staleLease

	rows    int   // first of its executions in the need
	steps   []int // per operation: index among the need's steps, -1 without
	refused map[execution.ID]bool
	files   []opFiles // of the few operations whose payloads refer to files, in their order
	bytes   int
	done    chan error

	places []int // of its operations among those of the whole report; nil: it is the whole
}

// opFiles is what the payload of an operation refers to, or why it cannot be taken.
type opFiles struct {
	op int
	*attachment
	err error
}

// staleLease is a lease that an operation showed in vain.
type staleLease struct {
	id    execution.ID
	lease execution.Lease
}

func (c *report) project() int64 { return c.owner }

func (c *report) cell() int { return c.at }

func (c *report) weigh() (int, int) { return len(c.ops), c.bytes }

func (c *report) need(n *store.Need) {
	c.rows = len(n.Executions)
	c.steps = c.steps[:0]
	for i := range c.ops {
		op := &c.ops[i]
		n.Executions = append(n.Executions, op.Execution)
		at := -1
		if op.Kind.records() {
			at = len(n.Steps)
			n.Steps = append(n.Steps, store.StepRef{Execution: op.Execution, Step: op.Step})
		}
		c.steps = append(c.steps, at)
	}
	for i := range c.files {
		c.files[i].need(n)
	}
}

// refer reads the references in the payloads of a report.
func (c *report) refer(ctx context.Context) {
	for i := range c.ops {
		op := &c.ops[i]
		field := "output"
		switch op.Kind {
		case OpStepCompleted, OpComplete:
		case OpWait:
			field = "payload"
		default:
			continue
		}
		body, files, err := c.e.references(ctx, c.owner, field, op.Body)
		if err != nil {
			c.files = append(c.files, opFiles{i, nil, err})
		} else if files != nil {
			op.Body = body
			c.files = append(c.files, opFiles{i, files, nil})
		}
	}
}

func (c *report) decide(t *tx) {
	clear(c.refused)
	c.stale = c.stale[:0]
	epoch := c.e.store.Epoch()
	// Operations of one execution usually stand together and share their lease.
	var lastText string
	var last execution.Lease
	files := c.files
	for i := range c.ops {
		op := &c.ops[i]
		res := &c.results[i]
		*res = OpResult{}
		var refers opFiles
		if len(files) > 0 && files[0].op == i {
			refers, files = files[0], files[1:]
		}
		row := t.loaded.Executions[c.rows+i]
		if row == nil || row.Project != c.owner {
			res.Err = absent
			continue
		}
		if c.refused[op.Execution] {
			res.Err = &Error{Code: CodeSkipped, Message: "an earlier operation of this execution in the report was refused"}
			continue
		}
		if op.Lease != lastText || i == 0 {
			lastText, last = op.Lease, fingerprint(epoch, op.Lease)
		}
		recorded := false
		if at := c.steps[i]; at >= 0 {
			recorded = t.loaded.Recorded[at] || t.recordedNow(row, op.Step)
		}
		if res.Err = refers.err; res.Err == nil {
			res.Err = refers.check(t, c.owner)
		}
		if res.Err == nil {
			c.apply(t, row, op, last, recorded, res)
		}
		if res.Err == nil && !res.Duplicate {
			refers.attach(t, op.Execution)
		}
		if res.Err != nil {
			if c.refused == nil {
				c.refused = map[execution.ID]bool{}
			}
			c.refused[op.Execution] = true
			if row.Session == 0 || row.Lease != last {
				c.stale = append(c.stale, staleLease{op.Execution, last})
			}
		}
	}
}

// apply runs the operation's rule.
func (c *report) apply(t *tx, row *store.Row, op *Operation, lease execution.Lease, recorded bool, res *OpResult) {
	was := snapshot(row)
	var e execution.Event
	var more []execution.Event // behind e
	var err error
	since := execution.Time(0)
	if op.HasDuration {
		since = t.now.Add(-op.Duration)
	}
	switch op.Kind {
	case OpStepStarted:
		e, err = row.StartStep(lease, execution.StepStarted{Step: op.Step, Try: op.Try, Hash: op.Hash}, t.now)
	case OpStepCompleted:
		e, err = row.CompleteStep(lease, execution.StepCompleted{
			Step: op.Step, Try: op.Try, Since: since, Hash: op.Hash, Output: op.Body, Recorded: recorded,
		}, t.now)
	case OpStepFailed:
		e, err = row.FailStep(lease, execution.StepFailed{
			Step: op.Step, Since: since, Hash: op.Hash, Recorded: recorded, Failure: op.failure(),
		}, t.now)
		res.RetryAt, res.Final = e.Until, e.Until == 0
	case OpSleep:
		e, err = row.StartSleep(lease, execution.Sleep{Step: op.Step, Duration: op.Duration, Recorded: recorded}, t.now)
		res.WakeAt = e.Until
	case OpSuspend:
		e, err = row.Suspend(lease, op.WakeAt, t.now)
		res.WakeAt = e.Until
		if due := row.DueAt(); err == nil && due != 0 && due <= t.now { // what it waits for has come meanwhile
			more = row.Fire(nil, c.e.cfg.CancelGrace, t.now)
		}
	case OpWait:
		if recorded {
			c.ask(t, row, op, lease, res)
			return
		}
		var events []execution.Event
		if events, err = row.StartWait(lease, op.wait(), t.now); err == nil {
			e, more = events[0], events[1:]
			res.Wait = &WaitStanding{row: row, ended: len(more) > 0, until: e.Until}
		}
	case OpProgress:
		var ok bool
		if e, ok, err = row.ReportProgress(lease, op.Value, t.now); err == nil && !ok {
			return
		}
	case OpLog:
		if err = row.Holder(lease); err == nil {
			at := op.At
			if at == 0 || at > t.now {
				at = t.now
			}
			t.changes.Logs = append(t.changes.Logs, store.Log{
				Row: row, Step: op.Step, Attempt: row.Attempt, At: at, Level: op.Level, Message: op.Message, Fields: op.Details,
			})
			return
		}
	case OpComplete:
		e, err = row.Complete(lease, op.Body, t.now)
	case OpFail:
		e, err = row.Fail(lease, op.failure(), t.now)
		res.RetryAt, res.Final = e.Until, e.Until == 0
	case OpReject:
		e, err = row.Reject(lease, op.Code, op.Message, op.Details, t.now)
	case OpCancelled:
		e, err = row.ConfirmCancel(lease, t.now)
	case OpReturn:
		e, err = row.Return(lease, execution.ReturnedInterrupted, t.now)
	default:
		err = &Error{Code: CodeInvalid, Message: "unknown operation"}
	}
	if err != nil {
		*res = OpResult{Err: err}
		var refused *execution.Error
		if errors.As(err, &refused) && refused.Code == execution.CodeStepRecorded {
			*res = OpResult{Duplicate: true}
		}
		return
	}
	if len(more) == 0 {
		t.changed(row, was, e)
	} else {
		t.changed(row, was, append([]execution.Event{e}, more...)...) // one change, of which one message tells
	}
	if e.Kind.RecordsStep() {
		t.recorded = append(t.recorded, recordedStep{row, op.Step})
	}
	res.Suspended = row.Session == 0 && !row.Status.Final()
	if res.Wait != nil {
		res.Wait.left(t.now)
	}
	if until := max(res.WakeAt, res.RetryAt); until != 0 {
		res.Delay = max(0, until.Sub(t.now))
	}
}

func (op *Operation) failure() execution.Failure {
	code := op.Code
	if code == "" {
		code = execution.ErrorGeneric
	}
	return execution.Failure{
		Code: code, Message: op.Message, Details: op.Details, Policy: op.Retry, Try: max(op.Try, 1), Final: op.Final, Random: random(),
	}
}

func (c *report) settle(err error) {
	if err == nil {
		// What the session still counts as held but is not, takes no room any longer.
		for _, x := range c.stale {
			c.e.matcher.forget(c.session, x.id, x.lease)
		}
	}
	c.done <- err
}

// recordedStep is a step whose record the running transaction makes.
type recordedStep struct {
	row  *store.Row
	step string
}

// recordedNow reports whether the running transaction already records the step.
func (t *tx) recordedNow(row *store.Row, step string) bool {
	if row.Mark == 0 {
		return false
	}
	for i := range t.recorded {
		if t.recorded[i].row == row && t.recorded[i].step == step {
			return true
		}
	}
	return false
}

// Report applies what a worker reports; each operation is answered on its own. When it returns nil, everything that
// was accepted is durable.
func (e *Engine) Report(ctx context.Context, c *Caller, r *ReportRequest) (*ReportResult, error) {
	var key int64 // of the session
	var reporting []*holding
	s, err := e.matcher.contact(c, r.Session, r.Received, func(s *session) {
		key = s.record.Key
		reporting = s.reports(r.Operations, e.store.Epoch())
	})
	if errors.Is(err, errSessionLost) && e.cluster != nil {
		var x *store.Session // that lives at another server
		if x, err = e.cluster.session(ctx, c, r.Session); err == nil {
			key = x.Key
		}
	}
	if err != nil {
		return nil, err
	}
	out := &ReportResult{}
	cmds := e.reports(c, key, r.Operations)
	err = e.report(ctx, cmds)
	e.matcher.mu.Lock()
	for _, h := range reporting {
		h.reporting--
	}
	if err == nil {
		if s != nil {
			out.signals = s.signals()
		} else {
			e.cluster.tell(key, &out.signals)
		}
	}
	e.matcher.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := failpoint.Hit(failpoint.ReportCommitted); err != nil {
		return nil, e.unavailable(err)
	}
	for _, cmd := range cmds {
		if err := e.recall(ctx, s, cmd); err != nil {
			return nil, err
		}
	}
	out.Results = joined(cmds, len(r.Operations))
	return out, nil
}

// recall completes the answers to what was recorded before, once the report is durable.
func (e *Engine) recall(ctx context.Context, s *session, cmd *report) error {
	for i := range cmd.results {
		if cmd.results[i].Duplicate && cmd.ops[i].Kind == OpSleep {
			e.recallSleep(ctx, cmd.owner, &cmd.ops[i], &cmd.results[i])
		}
	}
	return e.recallWaits(ctx, s, cmd)
}

// reports notes what a report of the operations tells about what the session holds, and returns the holdings that they
// are about. The matcher's mutex is held.
func (s *session) reports(ops []Operation, epoch uint64) []*holding {
	list := make([]*holding, 0, min(len(ops), len(s.held)))
	var h *holding
	for i := range ops {
		op := &ops[i]
		if i == 0 || op.Execution != ops[i-1].Execution || op.Lease != ops[i-1].Lease {
			h = s.held[op.Execution]
			switch {
			case h == nil:
			case h.hash == 0 && h.lease == fingerprint(epoch, op.Lease):
				h.hash = leaseHash(op.Lease)
			case h.hash != leaseHash(op.Lease):
				h = nil // an earlier lease of the execution
			}
			if h != nil {
				h.acked = true
				h.reporting++
				list = append(list, h)
			}
		}
		if h == nil {
			continue
		}
		switch op.Kind {
		case OpSleep:
			h.idleUntil = s.seen.Add(min(op.Duration, execution.ShortSleep))
		case OpLog, OpProgress:
		default:
			h.idleUntil = 0
		}
	}
	return list
}

// recallSleep tells a worker that repeats a sleep when the recorded one ends.
func (e *Engine) recallSleep(ctx context.Context, project int64, op *Operation, res *OpResult) {
	row, err := e.store.Get(ctx, project, op.Execution)
	if err != nil {
		*res = OpResult{Err: e.unavailable(err)}
		return
	}
	events, err := e.store.Events(ctx, row, 0, 0)
	if err != nil {
		*res = OpResult{Err: e.unavailable(err)}
		return
	}
	for i := range events {
		if x := &events[i]; x.Kind == execution.EventSleepStarted && x.Step == op.Step {
			res.WakeAt, res.Delay = x.Until, max(0, x.Until.Sub(e.store.Now()))
			return
		}
	}
}
