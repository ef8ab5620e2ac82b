package sojourn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// attempt is one lease on an execution: from its delivery until the server has answered how it ended.
type attempt struct {
	s        *session
	handler  *handler
	reporter *reporter

	id, lease, workflow string
	number              int
	input               []byte
	metadata            map[string]string
	traceparent         string
	createdAt           time.Time
	deadlineAt          time.Time
	received            time.Time

	ctx         context.Context // set by run; the handler's
	end         context.CancelCauseFunc
	gone        chan struct{} // closed when the lease is lost
	unsentLines atomic.Int32
	spareCall   atomic.Pointer[opCall] // one that nobody waits on, for reuse

	mu       sync.Mutex
	state    attemptState
	stopping error // why the handler's context was ended, before run set end
	cancel   bool  // a cancel was requested
	drain    bool  // the worker gives it back
	returned bool  // the handler has
	fatal    error // fails the execution whatever the handler returns
	recorded map[string]*recordedStep
	names    map[string]*nameUse
	branches int // of the handler: itself and those of its groups, without those that wait for their own group
	active   int // steps that run
	parked   []*parking
	waits    []*parking // the open waits among them, and those that are asking how they stand
	progress progress
	lines    lineBudget
}

type attemptState uint8

const (
	attemptActive  attemptState = iota
	attemptSuspend              // a suspend is on its way
	attemptEnding               // the outcome is on its way
	attemptOver                 // the server has answered, or the lease is lost
)

// reporting reports whether operations of the attempt still matter.
func (a *attempt) reporting() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state != attemptOver
}

// run calls the handler and reports what came of it.
func (a *attempt) run() {
	ctx, end := context.WithCancelCause(a.s.base)
	a.mu.Lock()
	a.ctx, a.end = ctx, end
	stopping := a.stopping
	a.mu.Unlock()
	var (
		out      any
		err      error
		returned bool
	)
	defer func() {
		if !returned {
			err = &panicError{"the handler ended its goroutine", debug.Stack()}
		}
		a.conclude(out, err)
		end(errHandlerReturned)
	}()
	if stopping != nil {
		end(stopping) // it came to its end while it waited for a free place
		err, returned = stopping, true
		return
	}
	if a.handler == nil {
		err = fmt.Errorf("the worker has no handler for workflow %q", a.workflow)
		a.mu.Lock()
		a.drain = true
		a.mu.Unlock()
		a.s.w.log.LogAttrs(ctx, slog.LevelError, "gave back an execution of a workflow that was not registered",
			slog.String("execution_id", a.id), slog.String("workflow", a.workflow))
		returned = true
		return
	}
	invoke := func(ctx context.Context) error {
		return guard(ctx, func(ctx context.Context) error {
			input := a.input
			if len(input) == 0 {
				input = []byte("{}")
			}
			var err error
			out, err = a.handler.call(&Context{Context: ctx, a: a, branch: &branch{}}, input)
			return err
		})
	}
	if list := a.s.w.config.Interceptors; len(list) > 0 {
		invoke = interceptExecution(list, a.info(), invoke)
		inner := invoke
		invoke = func(ctx context.Context) error { return guard(ctx, inner) }
	}
	err = invoke(ctx)
	returned = true
}

func (a *attempt) info() ExecutionInfo {
	return ExecutionInfo{ID: a.id, Workflow: a.workflow, Attempt: a.number, TraceParent: a.traceparent, CreatedAt: a.createdAt}
}

// interrupt ends the handler's context.
func (a *attempt) interrupt(cause error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if errors.Is(cause, ErrDraining) {
		a.drain = true
	}
	a.interruptLocked(cause)
}

func (a *attempt) interruptLocked(cause error) {
	if a.stopping == nil {
		a.stopping = cause
	}
	if a.end != nil {
		a.end(cause)
	}
}

// requestCancel passes a cancel on to the handler.
func (a *attempt) requestCancel() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.cancel {
		a.cancel = true
		a.interruptLocked(ErrCancelRequested)
	}
}

// lose ends the attempt without a report: the lease is another's, or nobody's. The caller has released it.
func (a *attempt) lose(cause error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state == attemptOver {
		return
	}
	a.state = attemptOver
	close(a.gone)
	a.progress.stop()
	a.interruptLocked(cause)
}

// presumeLost is lose for an attempt whose outcome is not on its way yet.
func (a *attempt) presumeLost() bool {
	a.mu.Lock()
	ending := a.state == attemptEnding || a.state == attemptOver
	a.mu.Unlock()
	if ending {
		return false
	}
	a.s.release(a)
	a.lose(ErrLeaseLost)
	return true
}

// giveBack returns an attempt whose handler has not begun.
func (a *attempt) giveBack() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drain, a.returned = true, true
	if a.state == attemptActive {
		a.reportReturn()
	}
}

// conclude reports how the handler ended.
func (a *attempt) conclude(out any, err error) {
	if panicked, ok := errors.AsType[*panicError](err); ok {
		a.s.w.log.LogAttrs(a.ctx, slog.LevelError, "a handler panicked", slog.String("execution_id", a.id),
			slog.String("workflow", a.workflow), slog.Any("panic", panicked.value), slog.String("stack", string(panicked.stack)))
	}
	encoded := encoders.Get().(*encoder)
	defer encoders.Put(encoded)
	var output []byte
	if err == nil {
		if output, err = encoded.encode(out); err != nil {
			err = NonRetryable(Coded("invalid_output", fmt.Errorf("encoding the output: %w", err)))
		} else if len(output) > maxPayload {
			err = NonRetryable(Coded("payload_too_large", fmt.Errorf("the output takes %d bytes of at most %d", len(output), maxPayload)))
		}
	}
	var f failure
	if err != nil {
		f = failureOf(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.returned = true
	if a.state != attemptActive {
		return // suspended or lost: what the handler returned does not count
	}
	a.flushProgress()
	var reject *rejectError
	switch {
	case a.fatal != nil:
		a.reportFail(failureOf(a.fatal))
	case err == nil:
		b := a.outcome("complete")
		b.buf = append(b.buf, `,"output":`...)
		b.buf = append(b.buf, output...)
		a.reporter.end(b, opOutcome, nil)
	case a.cancel:
		a.reportCancelled()
	case a.drain:
		a.reportReturn()
	case errors.As(err, &reject):
		b := a.outcome("reject")
		b.buf = appendFailure(b.buf, f)
		a.reporter.end(b, opOutcome, nil)
	default:
		a.reportFail(f)
	}
}

// outcome opens the operation that ends the attempt. mu is locked.
func (a *attempt) outcome(op string) *batch {
	a.state = attemptEnding
	return a.reporter.begin(a, op)
}

func (a *attempt) reportFail(f failure) {
	b := a.outcome("fail")
	b.buf = append(b.buf, `,"error":{`...)
	b.buf = appendFailure(b.buf, f)
	b.buf = append(b.buf, '}')
	if f.final || a.handler.retry == nil {
		b.buf = append(b.buf, `,"final":true`...)
	} else {
		b.buf = append(b.buf, `,"retry":`...)
		b.buf = a.handler.retry.appendJSON(b.buf)
	}
	a.reporter.end(b, opOutcome, nil)
}

func (a *attempt) reportCancelled() {
	a.reporter.end(a.outcome("cancelled"), opOutcome, nil)
}

func (a *attempt) reportReturn() {
	a.reporter.end(a.outcome("return"), opGiveBack, nil)
}

// appendFailure appends the members of an error; a comma goes in front unless they open an object.
func appendFailure(b []byte, f failure) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, `"code":`...)
	b = appendText(b, f.code)
	b = append(b, `,"message":`...)
	b = appendText(b, f.message)
	if len(f.details) > 0 {
		b = append(b, `,"details":`...)
		b = append(b, f.details...)
	}
	return b
}

// answered takes the answer to an operation that nobody waits for.
func (a *attempt) answered(kind opKind, result opResult) {
	a.mu.Lock()
	over := a.state == attemptOver
	a.mu.Unlock()
	switch {
	case over:
	case kind == opForget || kind == opLog:
		if !result.ok {
			a.refused(result)
		}
	case result.ok:
		a.settle()
	case lostCode(result.code):
		// The server settled it already: its answer was lost and this is the second try, or the lease had moved on.
		a.s.w.log.LogAttrs(a.s.ctx, slog.LevelInfo, "the outcome of an attempt was not taken",
			slog.String("execution_id", a.id), slog.String("code", result.code))
		a.settle()
	case kind == opSuspend && result.code == "cancel_requested":
		a.mu.Lock()
		a.cancel, a.state = true, attemptActive
		if a.returned {
			a.reportCancelled()
		}
		a.mu.Unlock()
	default:
		a.outcomeRefused(kind, result)
	}
}

// settle ends an attempt that the server has answered.
func (a *attempt) settle() {
	a.s.release(a)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = attemptOver
	a.progress.stop()
}

// outcomeRefused handles an outcome that the server cannot take, for example an output beyond the limit of the
// history: the execution fails with the reason instead; when that is refused too, it is given back.
func (a *attempt) outcomeRefused(kind opKind, result opResult) {
	a.s.w.log.LogAttrs(a.s.ctx, slog.LevelError, "the server refused the outcome of an attempt",
		slog.String("execution_id", a.id), slog.String("code", result.code), slog.String("message", result.message))
	a.mu.Lock()
	if kind == opGiveBack {
		a.mu.Unlock()
		a.settle()
		return
	}
	defer a.mu.Unlock()
	if a.drain {
		a.reportReturn()
		return
	}
	a.drain = true // for the second refusal
	a.reportFail(failure{code: result.code, message: result.message, final: true})
}

// refused takes a refusal that concerns the whole attempt.
func (a *attempt) refused(result opResult) {
	switch {
	case lostCode(result.code):
		a.s.release(a)
		a.lose(ErrLeaseLost)
	case result.code == "cancel_requested":
		a.requestCancel()
	}
}

// await sends an operation that begin opened and waits for its answer. It returns the cause when the lease is lost
// first.
func (a *attempt) await(b *batch) (opResult, error) {
	call := a.spareCall.Swap(nil)
	if call == nil {
		call = &opCall{make(chan opResult, 1)}
	}
	a.reporter.end(b, opAwaited, call)
	return a.wait(call)
}

func (a *attempt) wait(call *opCall) (opResult, error) {
	select {
	case result := <-call.done:
		a.spareCall.Store(call)
		if !result.ok {
			a.refused(result)
		}
		return result, nil
	case <-a.gone:
		return opResult{}, ErrLeaseLost
	}
}

// begin opens an operation unless the attempt takes none any more.
func (a *attempt) begin(op string) (*batch, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.closedLocked(); err != nil {
		return nil, err
	}
	return a.reporter.begin(a, op), nil
}

// closedLocked says why the attempt takes no more work, nil while it does.
func (a *attempt) closedLocked() error {
	switch {
	case a.stopping != nil:
		return a.stopping
	case a.state == attemptSuspend:
		return ErrSuspended
	case a.state == attemptOver:
		return ErrLeaseLost
	case a.state == attemptEnding || a.returned:
		return errHandlerReturned
	}
	return nil
}

// parking is a branch that waits for a timer, or for a signal or an approval.
type parking struct {
	until  time.Time // our clock; zero: a wait that never ends by itself
	server time.Time // the same instant as the server gave it, or zero
	// woken gets a value when the server says that a wait of the execution has ended; nil for a timer.
	woken chan struct{}
}

// suspendIfParked suspends the execution when no branch of the handler has anything left to do but wait. mu is locked.
func (a *attempt) suspendIfParked() {
	if len(a.parked) == 0 || a.active > 0 || len(a.parked) < a.branches || a.closedLocked() != nil {
		return
	}
	var wake time.Time
	for _, p := range a.parked {
		if p.woken != nil {
			continue // the server knows when it ends
		}
		at := p.server
		if at.IsZero() {
			at = a.s.serverTime(p.until)
		}
		if wake.IsZero() || at.Before(wake) {
			wake = at
		}
	}
	a.flushProgress()
	a.state = attemptSuspend
	b := a.reporter.begin(a, "suspend")
	if !wake.IsZero() {
		b.buf = append(b.buf, `,"wake_at":"`...)
		b.buf = wake.Add(time.Millisecond-1).UTC().AppendFormat(b.buf, "2006-01-02T15:04:05.000Z")
		b.buf = append(b.buf, '"')
	}
	a.reporter.end(b, opSuspend, nil)
	a.interruptLocked(ErrSuspended)
}

// suspended notes that the server has released the lease by itself.
func (a *attempt) suspendedByServer() {
	a.s.release(a)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state == attemptOver {
		return
	}
	a.state = attemptOver
	close(a.gone)
	a.progress.stop()
	a.interruptLocked(ErrSuspended)
}

// park waits until p is over or woken. It returns the cause when the handler's context ends first, ErrSuspended among
// them.
func (a *attempt) park(p *parking) error {
	a.mu.Lock()
	if err := a.closedLocked(); err != nil {
		a.mu.Unlock()
		return err
	}
	a.parked = append(a.parked, p)
	a.suspendIfParked()
	a.mu.Unlock()
	var over <-chan time.Time
	if !p.until.IsZero() {
		timer := time.NewTimer(time.Until(p.until))
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
	case <-p.woken:
	case <-a.ctx.Done():
		return context.Cause(a.ctx)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.closedLocked(); err != nil {
		return err
	}
	for i, q := range a.parked {
		if q == p {
			a.parked = append(a.parked[:i], a.parked[i+1:]...)
			break
		}
	}
	return nil
}

// nap waits a short time in memory.
func (a *attempt) nap(d time.Duration) error {
	if d <= 0 {
		return context.Cause(a.ctx)
	}
	return pause(a.ctx, d)
}

func appendMillis(b []byte, name string, d time.Duration) []byte {
	b = append(b, name...)
	return strconv.AppendInt(b, ceilMillis(d), 10)
}
