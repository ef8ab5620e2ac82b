package sojourn

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// ErrWaitTimeout is what WaitForSignal and WaitForApproval return when their Timeout passed first. A handler that
// returns it fails its execution with code wait_timeout; it is not retried, because the wait has ended for good.
var ErrWaitTimeout = errors.New("sojourn: wait timed out")

// WaitOption is an option of WaitForSignal and WaitForApproval: Timeout, Payload or Key.
type WaitOption interface{ applyWait(*waitOptions) }

type waitOptions struct {
	step    stepOptions // the key
	timeout time.Duration
	bounded bool
	payload any
	shown   bool
}

type waitOption func(*waitOptions)

func (f waitOption) applyWait(o *waitOptions) { f(o) }

// Payload is what the approver gets to see: any value that encodes to JSON of at most 1 MiB.
func Payload(v any) WaitOption {
	return waitOption(func(o *waitOptions) { o.payload, o.shown = v, true })
}

// WaitForSignal waits until somebody sends the execution a signal of the name (ExecutionService.Signal) and decodes its
// payload. Signals that were sent before are kept in their order, and each wait takes one. Meanwhile the execution is
// waiting and holds no worker, unless another branch of the handler has something to do: WaitForSignal then returns
// ErrSuspended, and the handler must return; it runs again when the signal is there.
//
// Without a Timeout it waits as long as the execution lives; with one it returns ErrWaitTimeout when the time has passed.
// The time counts from the first call and survives crashes; with a time of 0 it takes what is there already. With a Key the signal's name is name[key]. A payload that
// does not decode is an error with code invalid_payload.
func WaitForSignal[T any](ctx *Context, name string, options ...WaitOption) (T, error) {
	var out T
	end, err := ctx.waitFor("signal", name, options)
	if err != nil || len(end.payload) == 0 {
		return out, err
	}
	if raw, ok := any(&out).(*json.RawMessage); ok {
		*raw = slices.Clone(end.payload)
		return out, nil
	}
	if err := json.Unmarshal(end.payload, &out); err != nil {
		var none T
		return none, NonRetryable(Coded("invalid_payload", fmt.Errorf("decoding the payload of signal %q: %w", name, err)))
	}
	return out, nil
}

// Decision is how an approval was decided.
type Decision struct {
	Comment string          // what the approver wrote; may be empty
	By      string          // who it was, as the decider said; may be empty
	Payload json.RawMessage // what came with the decision; nil: nothing
}

// ApprovalRejectedError is an approval that was refused. A handler that returns it, wrapped or not, ends its execution
// rejected, with code approval_rejected and the comment as message.
type ApprovalRejectedError struct {
	Approval string // name of the wait, with its key
	Decision
}

func (e *ApprovalRejectedError) Error() string {
	text := fmt.Sprintf("approval %q was rejected", e.Approval)
	if e.By != "" {
		text += " by " + e.By
	}
	if e.Comment != "" {
		text += ": " + e.Comment
	}
	return text
}

// ErrorCode is "approval_rejected".
func (e *ApprovalRejectedError) ErrorCode() string { return "approval_rejected" }

// As makes it the error by which a handler rejects.
func (e *ApprovalRejectedError) As(target any) bool {
	reject, ok := target.(**rejectError)
	if ok {
		*reject = &rejectError{e.ErrorCode(), firstOf(e.Comment, e.Error())}
	}
	return ok
}

// WaitForApproval waits until somebody approves or rejects (ExecutionService.Approve, ExecutionService.Reject, an
// approval link). Payload is what they get to see. Approved, it returns the decision; rejected, an
// *ApprovalRejectedError, which the handler may handle or return. It suspends the execution and times out as
// WaitForSignal does.
func (c *Context) WaitForApproval(name string, options ...WaitOption) (Decision, error) {
	end, err := c.waitFor("approval", name, options)
	if err != nil {
		return Decision{}, err
	}
	decision := Decision{Comment: end.comment, By: end.by, Payload: slices.Clone(end.payload)}
	if end.outcome == "rejected" {
		return decision, &ApprovalRejectedError{Approval: end.step, Decision: decision}
	}
	return decision, nil
}

// waitTimeoutError is ErrWaitTimeout with the name of the wait.
type waitTimeoutError struct{ kind, step string }

func (e *waitTimeoutError) Error() string {
	return fmt.Sprintf("%s %q did not come in time", e.kind, e.step)
}
func (e *waitTimeoutError) ErrorCode() string    { return "wait_timeout" }
func (e *waitTimeoutError) Is(target error) bool { return target == ErrWaitTimeout }

// waitEnd is how a wait ended.
type waitEnd struct {
	step    string
	outcome string // received, approved, rejected or timeout
	payload []byte
	comment string
	by      string
}

func parseWaitEnd(in *scanner) *waitEnd {
	if in.null() {
		return nil
	}
	end := &waitEnd{}
	in.members(func(key []byte) {
		switch string(key) {
		case "outcome":
			end.outcome = in.text()
		case "payload":
			end.payload = in.raw()
		case "comment":
			end.comment = in.text()
		case "by":
			end.by = in.text()
		default:
			in.raw()
		}
	})
	return end
}

// waitFor records the wait, or finds it recorded, and returns once it has ended.
func (c *Context) waitFor(kind, name string, options []WaitOption) (*waitEnd, error) {
	var o waitOptions
	for _, option := range options {
		option.applyWait(&o)
	}
	var payload []byte
	if o.shown {
		var err error
		if payload, err = encode(o.payload); err != nil {
			return nil, NonRetryable(fmt.Errorf("sojourn: encoding the payload of %s %q: %w", kind, name, err))
		}
		if len(payload) > maxPayload {
			return nil, NonRetryable(Coded("payload_too_large", fmt.Errorf("the payload of %s %q takes %d bytes of at most %d", kind, name, len(payload), maxPayload)))
		}
	}
	a := c.a
	recorded, use, full, err := a.enter(c, name, &o.step)
	if err != nil {
		return nil, err
	}
	defer (&stepRun{a: a, use: use}).leave()
	p := &parking{woken: make(chan struct{}, 1)}
	a.mu.Lock()
	a.waits = append(a.waits, p)
	a.mu.Unlock()
	defer a.forgetWait(p)
	var end *waitEnd
	switch {
	case recorded == nil:
		end, err = a.askWait(p, kind, full, &o, payload)
	case recorded.kind != "wait":
		return nil, a.mismatch(full, fmt.Sprintf("it was recorded as a %s", recorded.kind))
	case recorded.wait != kind:
		return nil, a.mismatch(full, fmt.Sprintf("it was recorded as a wait for %s %s", article(recorded.wait), recorded.wait))
	default:
		end = recorded.ended
		p.expire(recorded.expires)
	}
	for end == nil && err == nil {
		if err = a.parkIdle(p); err == nil {
			end, err = a.askWait(p, kind, full, &o, nil)
		}
	}
	if err != nil {
		return nil, err
	}
	if end.outcome == "timeout" {
		return nil, &waitTimeoutError{kind, full}
	}
	end.step = full
	return end, nil
}

func article(kind string) string {
	if kind == "approval" {
		return "an"
	}
	return "a"
}

// askWait records the wait, once, and learns how it stands: nil when it is open.
func (a *attempt) askWait(p *parking, kind, step string, o *waitOptions, payload []byte) (*waitEnd, error) {
	b, err := a.begin("wait")
	if err != nil {
		return nil, err
	}
	b.buf = append(b.buf, `,"step":`...)
	b.buf = appendText(b.buf, step)
	b.buf = append(b.buf, `,"wait":"`...)
	b.buf = append(b.buf, kind...)
	b.buf = append(b.buf, '"')
	if o.bounded {
		b.buf = append(b.buf, `,"timeout_ms":`...)
		b.buf = strconv.AppendInt(b.buf, max(ceilMillis(o.timeout), 0), 10)
	}
	if payload != nil {
		b.buf = append(b.buf, `,"payload":`...)
		b.buf = append(b.buf, payload...)
	}
	result, err := a.await(b)
	switch {
	case err != nil:
		return nil, err
	case !result.ok:
		return nil, (&stepRun{name: step}).refusal(result)
	}
	p.expire(result.expires)
	return result.ended, nil
}

// expire notes when an open wait is worth asking about without being woken.
func (p *parking) expire(in time.Duration) {
	p.until = time.Time{}
	if in > 0 {
		p.until = time.Now().Add(in)
	}
}

// parkIdle parks a branch that was counted among those that have something to do.
func (a *attempt) parkIdle(p *parking) error {
	a.mu.Lock()
	a.active--
	a.mu.Unlock()
	err := a.park(p)
	a.mu.Lock()
	a.active++
	a.mu.Unlock()
	return err
}

// wake lets every branch that waits ask how its wait stands.
func (a *attempt) wake() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.waits {
		select {
		case p.woken <- struct{}{}:
		default:
		}
	}
}

func (a *attempt) forgetWait(p *parking) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waits = slices.DeleteFunc(a.waits, func(q *parking) bool { return q == p })
}
