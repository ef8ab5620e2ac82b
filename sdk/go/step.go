package sojourn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// maxPayload is the protocol's limit for one output.
	maxPayload = 1 << 20
	// shortDelay is the longest wait for which a handler stays in memory.
	shortDelay = 2 * time.Second
	// startedAfter is how long a step runs before the server is told that it does.
	startedAfter = 250 * time.Millisecond
)

// StepOption is an option of Step: Retry, StepTimeout, Key, Input or NoWait.
type StepOption interface{ applyStep(*stepOptions) }

type stepOptions struct {
	retry   *Retry
	timeout time.Duration
	key     string
	hasKey  bool
	input   any
	hashed  bool
	noWait  bool
}

type stepOption func(*stepOptions)

func (f stepOption) applyStep(o *stepOptions) { f(o) }

// StepTimeout bounds each try of the step: its context ends after d, and the try fails with code step_timeout. A
// function that ignores its context is not stopped.
func StepTimeout(d time.Duration) StepOption {
	return stepOption(func(o *stepOptions) { o.timeout = d })
}

// KeyOption is an option of Step, of Sleep and of waits; Key makes it.
type KeyOption interface {
	StepOption
	WaitOption
}

// Key names the item that a step in a loop or in a concurrent branch works on, so that the step is matched by item and
// not by its number. It should be short and stable: an id, a name, an index of a list that does not change. Any other
// value is keyed by the hash of its JSON.
func Key(item any) KeyOption { return keyOption(keyText(item)) }

type keyOption string

func (k keyOption) applyStep(o *stepOptions) { o.key, o.hasKey = string(k), true }
func (k keyOption) applyWait(o *waitOptions) { o.step.key, o.step.hasKey = string(k), true }

func keyText(item any) string {
	var text string
	switch v := item.(type) {
	case string:
		text = v
	case fmt.Stringer:
		text = v.String()
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, bool:
		text = fmt.Sprint(v)
	default:
		b, err := encode(v)
		if err != nil {
			b = []byte(fmt.Sprintf("%T %+v", v, v))
		}
		return hex16(fnv1a(string(b)))
	}
	if len(text) > 120 || text == "" || strings.ContainsFunc(text, func(r rune) bool { return r == '[' || r == ']' || r == '#' || !unicode.IsPrint(r) }) || !utf8.ValidString(text) {
		return hex16(fnv1a(text))
	}
	return text
}

// Input records a hash of what the step works on. When the handler is run again and v has changed, the recorded result
// would be a wrong one: the execution fails with a StepMismatchError.
func Input(v any) StepOption {
	return stepOption(func(o *stepOptions) { o.input, o.hashed = v, true })
}

// NoWait lets Step return before the server has acknowledged the result. It is faster, and weaker: a crash can lose the
// result although later code has run, and then the step runs again.
func NoWait() StepOption { return stepOption(func(o *stepOptions) { o.noWait = true }) }

// nameUse is the use of one step name in an attempt.
type nameUse struct {
	count  int
	busy   bool
	branch *branch
}

// Step runs fn and records its result; when the execution's record has the result already, Step returns that and does
// not run fn. It returns once the server has acknowledged the record. The name is how the step is found again: see the
// package documentation.
//
// An error of fn is tried again as a Retry option allows, then returned as *StepError; a wait of more than two seconds
// between tries suspends the execution (ErrSuspended). When the handler's context ends, Step returns its cause and
// records nothing.
func Step[T any](ctx *Context, name string, fn func(ctx context.Context) (T, error), options ...StepOption) (T, error) {
	var (
		out  T
		none T
		o    stepOptions
	)
	for _, option := range options {
		option.applyStep(&o)
	}
	var raw *json.RawMessage
	if r, ok := any(&out).(*json.RawMessage); ok {
		raw = r
	}
	run := stepRun{
		c: ctx, a: ctx.a, o: &o,
		call: func(ctx context.Context) (err error) { out, err = fn(ctx); return err },
		value: func(e *encoder) ([]byte, error) {
			if raw != nil && *raw == nil {
				return []byte("null"), nil
			}
			return e.encode(out)
		},
		decode: func(b []byte) error {
			out = none
			if raw != nil {
				*raw = b
				return nil
			}
			return json.Unmarshal(b, &out)
		},
	}
	if err := run.do(name); err != nil {
		return none, err
	}
	return out, nil
}

// stepRun is one call of Step, without its type.
type stepRun struct {
	c      *Context
	a      *attempt
	o      *stepOptions
	call   func(context.Context) error
	value  func(*encoder) ([]byte, error)
	decode func([]byte) error

	name string // as recorded
	hash string
	use  *nameUse
}

func (r *stepRun) do(name string) error {
	if r.o.hashed {
		b, err := encode(r.o.input)
		if err != nil {
			return NonRetryable(fmt.Errorf("sojourn: encoding the input of step %q: %w", name, err))
		}
		r.hash = hex16(fnv1a(string(b)))
	}
	recorded, use, full, err := r.a.enter(r.c, name, r.o)
	if err != nil {
		return err
	}
	r.use, r.name = use, full
	defer r.leave()
	try := 1
	if recorded != nil {
		done, err := r.replay(recorded)
		if done || err != nil {
			return err
		}
		try = recorded.tries + 1
		if wait := time.Until(recorded.due); wait > 0 {
			if err := r.backOff(&parking{until: recorded.due}, wait); err != nil {
				return err
			}
		}
	}
	for ; ; try++ {
		err := r.tryOnce(try)
		if err == nil {
			return nil
		}
		again, err := r.failed(try, err)
		if !again {
			return err
		}
	}
}

// enter gives the step its full name and marks it as running. It returns what the record holds of it.
func (a *attempt) enter(c *Context, name string, o *stepOptions) (*recordedStep, *nameUse, string, error) {
	full := name
	if o.hasKey {
		full = name + "[" + o.key + "]"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.closedLocked(); err != nil {
		return nil, nil, "", err
	}
	if c.Err() != nil {
		return nil, nil, "", context.Cause(c)
	}
	fatal := func(message string) error {
		err := &StepNameError{full, message}
		if a.fatal == nil {
			a.fatal = err
		}
		return err
	}
	if !validStepName(name) {
		return nil, nil, "", fatal(`a name is 1 to 100 printable characters without "#", "[" and "]"`)
	}
	u := a.names[full]
	switch {
	case u == nil:
		u = &nameUse{branch: c.branch}
		if a.names == nil {
			a.names = map[string]*nameUse{}
		}
		a.names[full] = u
	case u.busy:
		return nil, nil, "", fatal("another step of this name runs at the same time; give each a Key")
	case u.branch != c.branch:
		return nil, nil, "", fatal("another branch has a step of this name, and their order is not fixed; give each a Key")
	}
	u.count++
	if u.count > 1 {
		full += "#" + strconv.Itoa(u.count)
	}
	u.busy = true
	a.active++
	return a.recorded[full], u, full, nil
}

func validStepName(name string) bool {
	return name != "" && len(name) <= 100 && utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool {
		return r == '#' || r == '[' || r == ']' || !unicode.IsPrint(r)
	})
}

func (r *stepRun) leave() {
	r.a.mu.Lock()
	defer r.a.mu.Unlock()
	r.use.busy = false
	r.a.active--
	r.a.suspendIfParked()
}

// replay returns true when the record holds the step's end.
func (r *stepRun) replay(recorded *recordedStep) (bool, error) {
	switch {
	case recorded.kind != "" && recorded.kind != "step":
		return true, r.a.mismatch(r.name, fmt.Sprintf("it was recorded as a %s", recorded.kind))
	case r.hash != "" && recorded.hash != "" && r.hash != recorded.hash:
		return true, r.a.mismatch(r.name, "its input has changed")
	case recorded.retry:
		return false, nil
	case recorded.failed:
		return true, replayedError(r.name, recorded)
	}
	output := recorded.output
	if len(output) == 0 {
		output = []byte("null")
	}
	if err := r.decode(output); err != nil {
		return true, r.a.mismatch(r.name, fmt.Sprintf("its recorded output does not decode: %v", err))
	}
	return true, nil
}

func replayedError(name string, recorded *recordedStep) error {
	if code, ok := strings.CutPrefix(recorded.code, rejectPrefix); ok {
		return Reject(code, recorded.message)
	}
	return &StepError{Step: name, Code: recorded.code, Message: recorded.message, Attempts: recorded.tries}
}

// mismatch fails the execution whatever the handler makes of the error.
func (a *attempt) mismatch(step, message string) error {
	err := &StepMismatchError{step, message}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fatal == nil {
		a.fatal = err
	}
	return err
}

// tryOnce runs the function once and records its result. An error that is a *refusedError or not the function's own
// ends the step; failed decides.
func (r *stepRun) tryOnce(try int) error {
	begun := time.Now()
	ctx := &stepContext{Context: r.c, c: r.c, step: r.name, try: try}
	if r.o.timeout > 0 {
		bounded, cancel := context.WithTimeout(r.c, r.o.timeout)
		defer cancel()
		ctx.Context = bounded
	}
	started := r.announce(try)
	call := r.call
	if list := r.a.s.w.config.Interceptors; len(list) > 0 {
		call = interceptStep(list, StepInfo{r.a.info(), r.name, try}, call)
	}
	err := guard(ctx, call)
	r.silence(started)
	if err != nil {
		if r.o.timeout > 0 && errors.Is(ctx.Err(), context.DeadlineExceeded) && r.c.Err() == nil {
			err = &timeoutError{r.o.timeout, err}
		}
		return &tryError{err, time.Since(begun)}
	}
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	output, err := r.value(e)
	switch {
	case err != nil:
		return &tryError{NonRetryable(Coded("invalid_output", fmt.Errorf("encoding the output: %w", err))), time.Since(begun)}
	case len(output) > maxPayload:
		return &tryError{NonRetryable(Coded("payload_too_large", fmt.Errorf("the output takes %d bytes of at most %d; keep large data elsewhere and return where it is", len(output), maxPayload))), time.Since(begun)}
	}
	b, err := r.open("step_completed", try, time.Since(begun))
	if err != nil {
		return err
	}
	b.buf = append(b.buf, `,"output":`...)
	b.buf = append(b.buf, output...)
	if r.o.noWait {
		r.a.reporter.end(b, opForget, nil)
		return nil
	}
	result, err := r.a.await(b)
	if err != nil {
		return err
	}
	if !result.ok {
		return r.refusal(result)
	}
	return nil
}

// tryError is a failure of the function itself, which a retry may help.
type tryError struct {
	error
	took time.Duration
}

// open begins an operation about the step.
func (r *stepRun) open(op string, try int, took time.Duration) (*batch, error) {
	b, err := r.a.begin(op)
	if errors.Is(err, ErrCancelRequested) || errors.Is(err, ErrDraining) {
		// The work is done: the server decides whether it still takes the result.
		r.a.mu.Lock()
		if r.a.state == attemptActive && !r.a.returned {
			b, err = r.a.reporter.begin(r.a, op), nil
		}
		r.a.mu.Unlock()
	}
	if err != nil {
		return nil, err
	}
	b.buf = append(b.buf, `,"step":`...)
	b.buf = appendText(b.buf, r.name)
	b.buf = append(b.buf, `,"try":`...)
	b.buf = strconv.AppendInt(b.buf, int64(try), 10)
	b.buf = append(b.buf, `,"duration_ms":`...)
	b.buf = strconv.AppendInt(b.buf, took.Milliseconds(), 10)
	if r.hash != "" {
		b.buf = append(b.buf, `,"input_hash":"`...)
		b.buf = append(b.buf, r.hash...)
		b.buf = append(b.buf, '"')
	}
	return b, nil
}

// refusal is the error of a step whose record the server does not take.
func (r *stepRun) refusal(result opResult) error {
	switch {
	case lostCode(result.code):
		return ErrLeaseLost
	case result.code == "cancel_requested":
		return ErrCancelRequested
	}
	return &StepError{Step: r.name, Code: result.code, Message: result.message, Attempts: 1, final: true}
}

// failed reports a failed try. It returns true when the step should be tried again now, and otherwise the error of the
// step.
func (r *stepRun) failed(try int, err error) (again bool, _ error) {
	failure0, ok := err.(*tryError) //nolint:errorlint // tryOnce returns it unwrapped
	if !ok {
		return false, err
	}
	if r.c.Err() != nil {
		return false, context.Cause(r.c) // interrupted, not failed
	}
	r.a.mu.Lock()
	alone := r.a.active == 1 && len(r.a.parked) == 0 && r.a.branches <= 1
	r.a.mu.Unlock()
	f := failureOf(failure0.error)
	var reject *rejectError
	rejected := errors.As(failure0.error, &reject)
	if rejected {
		f.code = clip(rejectPrefix+reject.code, maxCode)
	}
	retry := r.o.retry
	final := f.final || retry == nil || try >= retry.MaxAttempts
	b, err := r.open("step_failed", try, failure0.took)
	if err != nil {
		return false, err
	}
	b.buf = append(b.buf, `,"error":{`...)
	b.buf = appendFailure(b.buf, f)
	b.buf = append(b.buf, '}')
	switch {
	case final:
		b.buf = append(b.buf, `,"final":true`...)
	case alone:
		b.buf = append(b.buf, `,"retry":`...)
		b.buf = retry.appendJSON(b.buf)
	default:
		// Other branches are at work: the lease must stay, so the worker keeps the back-off itself.
		b.buf = append(b.buf, `,"retry":`...)
		b.buf = retry.capped(shortDelay).appendJSON(b.buf)
	}
	result, err := r.a.await(b)
	switch {
	case err != nil:
		return false, err
	case !result.ok:
		return false, r.refusal(result)
	case result.suspended:
		r.a.suspendedByServer()
		return false, ErrSuspended
	case rejected:
		return false, failure0.error
	case final || result.final:
		return false, &StepError{Step: r.name, Code: f.code, Message: f.message, Attempts: try, final: f.final, details: f.details}
	}
	wait := result.delay
	if !alone {
		wait = max(wait, retry.delay(try))
	}
	if err := r.backOff(&parking{until: time.Now().Add(wait)}, wait); err != nil {
		return false, err
	}
	return true, nil
}

// backOff waits before the next try: in memory when short, otherwise parked.
func (r *stepRun) backOff(p *parking, wait time.Duration) error {
	if wait <= shortDelay {
		if err := r.a.nap(wait); err != nil {
			return err
		}
		return context.Cause(r.c)
	}
	return r.a.parkIdle(p)
}

// announcement tells the server that a step runs, if it still does after a while.
type announcement struct {
	timer *time.Timer
	over  bool
}

func (r *stepRun) announce(try int) *announcement {
	n := &announcement{}
	n.timer = time.AfterFunc(startedAfter, func() {
		r.a.mu.Lock()
		defer r.a.mu.Unlock()
		if n.over || r.a.closedLocked() != nil {
			return
		}
		b := r.a.reporter.begin(r.a, "step_started")
		b.buf = append(b.buf, `,"step":`...)
		b.buf = appendText(b.buf, r.name)
		b.buf = append(b.buf, `,"try":`...)
		b.buf = strconv.AppendInt(b.buf, int64(try), 10)
		if r.hash != "" {
			b.buf = append(b.buf, `,"input_hash":"`...)
			b.buf = append(b.buf, r.hash...)
			b.buf = append(b.buf, '"')
		}
		r.a.reporter.end(b, opForget, nil)
	})
	return n
}

// silence makes sure that an announcement is sent before what follows, or not at all.
func (r *stepRun) silence(n *announcement) {
	if !n.timer.Stop() {
		r.a.mu.Lock()
		n.over = true
		r.a.mu.Unlock()
	}
}

// encoder is a reusable JSON encoder.
type encoder struct {
	buf bytes.Buffer
	enc *json.Encoder
}

var encoders = sync.Pool{New: func() any {
	e := &encoder{}
	e.enc = json.NewEncoder(&e.buf)
	e.enc.SetEscapeHTML(false)
	return e
}}

// encode returns v as JSON; the result is valid until the next call.
func (e *encoder) encode(v any) ([]byte, error) {
	e.buf.Reset()
	if e.buf.Cap() > 1<<20 {
		e.buf = bytes.Buffer{}
	}
	if err := e.enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(e.buf.Bytes(), []byte{'\n'}), nil
}
