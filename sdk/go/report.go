package sojourn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"
)

// reporter sends operations to the server over one connection: whatever has accumulated while the last request was in
// flight goes in the next one. A request whose answer is lost is sent again, byte for byte; operations are idempotent.
type reporter struct {
	s *session

	mu     sync.Mutex
	signal *sync.Cond
	full   []*batch // sealed, oldest first
	open   *batch   // being filled
	spare  *batch   // an emptied one, for reuse
	closed bool

	results []opResult // of the latest answer; only loop uses it
}

// batch is the body of one report, under construction or in flight.
type batch struct {
	buf []byte // from the opening brace to the last operation
	ops []operation
}

// operation is what its sender wants with the answer.
type operation struct {
	a          *attempt
	kind       opKind
	call       *opCall // for opAwaited
	start, end int     // of its text in buf
}

type opKind uint8

const (
	opAwaited  opKind = iota // somebody waits for the answer
	opForget                 // nobody does
	opLog                    // nor here; counts against the attempt's unsent lines
	opSuspend                // ends the attempt unless refused
	opOutcome                // likewise
	opGiveBack               // likewise
)

// opCall carries an answer to whoever waits for it.
type opCall struct{ done chan opResult }

// opResult is the server's answer to one operation.
type opResult struct {
	ok        bool
	duplicate bool
	suspended bool
	final     bool
	hasDelay  bool
	delay     time.Duration
	at        time.Time     // wake_at or retry_at, by the server's clock
	ended     *waitEnd      // how a wait has ended, nil while it is open
	expires   time.Duration // when an open wait does by itself; 0: never
	code      string
	message   string
}

const (
	// batchBytes seals a batch early: the server takes 8 MiB, and one operation can take over 1 MiB.
	batchBytes = 4 << 20
	// receivedWidth is the room for the number of received deliveries, which is filled in when a batch is sent.
	receivedWidth = 20
)

func newReporter(s *session) *reporter {
	r := &reporter{s: s}
	r.signal = sync.NewCond(&r.mu)
	return r
}

// begin locks the reporter and opens an operation of the attempt; the caller appends members to the batch's buf and
// calls end.
func (r *reporter) begin(a *attempt, op string) *batch {
	r.mu.Lock()
	b := r.open
	if b != nil && (len(b.ops) >= r.s.maxOps || len(b.buf) > batchBytes) {
		r.full = append(r.full, b)
		b = nil
	}
	if b == nil {
		if b, r.spare = r.spare, nil; b == nil {
			b = &batch{}
		}
		b.buf = r.appendHead(b.buf[:0])
		r.open = b
	}
	if len(b.ops) > 0 {
		b.buf = append(b.buf, ',')
	}
	b.ops = append(b.ops, operation{a: a, start: len(b.buf)})
	b.buf = append(b.buf, `{"id":`...)
	b.buf = appendText(b.buf, a.id)
	b.buf = append(b.buf, `,"lease":`...)
	b.buf = appendText(b.buf, a.lease)
	b.buf = append(b.buf, `,"op":"`...)
	b.buf = append(b.buf, op...)
	b.buf = append(b.buf, '"')
	return b
}

// end closes the operation that begin opened and unlocks the reporter.
func (r *reporter) end(b *batch, kind opKind, call *opCall) {
	b.buf = append(b.buf, '}')
	o := &b.ops[len(b.ops)-1]
	o.end, o.kind, o.call = len(b.buf), kind, call
	r.mu.Unlock()
	r.signal.Signal()
}

// again queues operations of a sent batch once more, in their order.
func (r *reporter) again(b *batch, o operation) {
	r.mu.Lock()
	n := r.open
	if n != nil && (len(n.ops) >= r.s.maxOps || len(n.buf) > batchBytes) {
		r.full = append(r.full, n)
		n = nil
	}
	if n == nil {
		n = &batch{}
		n.buf = r.appendHead(nil)
		r.open = n
	}
	if len(n.ops) > 0 {
		n.buf = append(n.buf, ',')
	}
	text := b.buf[o.start:o.end]
	o.start = len(n.buf)
	n.buf = append(n.buf, text...)
	o.end = len(n.buf)
	n.ops = append(n.ops, o)
	r.mu.Unlock()
	r.signal.Signal()
}

func (r *reporter) appendHead(b []byte) []byte {
	b = append(b, `{"session_id":`...)
	b = appendText(b, r.s.id)
	b = append(b, `,"received":`...)
	for range receivedWidth {
		b = append(b, ' ')
	}
	return append(b, `,"operations":[`...)
}

// setReceived writes the number, right-aligned, into the room that appendHead left.
func (r *reporter) setReceived(b []byte, received int64) {
	var digits [receivedWidth]byte
	text := strconv.AppendInt(digits[:0], received, 10)
	end := len(`{"session_id":,"received":`) + len(r.s.id) + 2 + receivedWidth
	copy(b[end-len(text):end], text)
}

// loop sends batches until the session ends.
func (r *reporter) loop() {
	unhook := context.AfterFunc(r.s.ctx, func() {
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
		r.signal.Broadcast()
	})
	defer unhook()
	for {
		r.mu.Lock()
		for len(r.full) == 0 && r.open == nil && !r.closed {
			r.signal.Wait()
		}
		var b *batch
		switch {
		case r.closed:
			r.mu.Unlock()
			return
		case len(r.full) > 0:
			b, r.full = r.full[0], r.full[1:]
		default:
			b, r.open = r.open, nil
		}
		r.mu.Unlock()
		if !r.deliver(b) {
			return
		}
		clear(b.ops)
		b.ops = b.ops[:0]
		if cap(b.buf) <= 1<<20 {
			r.mu.Lock()
			r.spare = b
			r.mu.Unlock()
		}
	}
}

// deliver sends the batch until the server has answered it, and hands out the answers. It returns false when the session
// has ended first.
func (r *reporter) deliver(b *batch) bool {
	s := r.s
	for failures := 0; ; failures++ {
		s.mu.Lock()
		received := s.received
		s.mu.Unlock()
		r.setReceived(b.buf, received)
		body := append(b.buf, "]}"...)
		b.buf = body[:len(body)-2]
		a, err := s.post(s.ctx, "/v1/worker/report", body, s.lease, 0)
		if err == nil {
			var told signals
			told, err = r.parse(a.body)
			if err == nil && len(r.results) != len(b.ops) {
				err = fmt.Errorf("sojourn: the server answered %d of %d operations", len(r.results), len(b.ops))
			}
			if err == nil {
				r.hand(b, r.results)
				s.signal(told)
				return true
			}
		}
		if s.ctx.Err() != nil || s.refused(err) {
			return false
		}
		if e, ok := errors.AsType[*Error](err); ok && !retriable(err, false) {
			// One operation the server cannot even read must not hold up the others.
			return r.divide(b, e)
		}
		s.w.log.LogAttrs(s.ctx, slog.LevelWarn, "reporting failed; sending it again", slog.Int("operations", len(b.ops)), slog.Any("error", err))
		if pause(s.ctx, backoff(failures, err)) != nil {
			return false
		}
	}
}

// divide sends the halves of a batch that the server refused as a whole; a single operation gets the refusal as its
// answer.
func (r *reporter) divide(b *batch, refusal *Error) bool {
	if len(b.ops) == 1 {
		r.s.w.log.LogAttrs(r.s.ctx, slog.LevelError, "the server refused an operation",
			slog.String("execution_id", b.ops[0].a.id), slog.Any("error", refusal))
		code := refusal.Code
		if code == "" {
			code = "http_" + strconv.Itoa(refusal.Status)
		}
		r.hand(b, []opResult{{code: code, message: refusal.Message}})
		return true
	}
	for _, ops := range [2][]operation{b.ops[:len(b.ops)/2], b.ops[len(b.ops)/2:]} {
		half := &batch{buf: r.appendHead(nil)}
		for i, o := range ops {
			if i > 0 {
				half.buf = append(half.buf, ',')
			}
			text := b.buf[o.start:o.end]
			o.start = len(half.buf)
			half.buf = append(half.buf, text...)
			o.end = len(half.buf)
			half.ops = append(half.ops, o)
		}
		if !r.deliver(half) {
			return false
		}
	}
	return true
}

// hand gives each operation its answer.
func (r *reporter) hand(b *batch, results []opResult) {
	for i := range b.ops {
		o, result := b.ops[i], results[i]
		if !result.ok && result.code == "skipped" {
			// An earlier operation of the same execution was refused, and its sender knows; this one stands by itself.
			if o.a.reporting() {
				r.again(b, o)
				continue
			}
			result.code = "stale_lease"
		}
		switch o.kind {
		case opAwaited:
			o.call.done <- result
		case opLog:
			o.a.unsentLines.Add(-1)
			o.a.answered(o.kind, result)
		default:
			o.a.answered(o.kind, result)
		}
	}
}

// parse reads the answer to a report, its results into r.results.
func (r *reporter) parse(body []byte) (told signals, err error) {
	r.results = r.results[:0]
	in := scanner{b: body}
	in.members(func(key []byte) {
		switch {
		case string(key) == "results":
			in.elements(func() { r.results = append(r.results, parseOpResult(&in, r.s)) })
		case told.scan(&in, key):
		default:
			in.raw()
		}
	})
	if err := in.end(); err != nil {
		return signals{}, fmt.Errorf("sojourn: reading the answer to a report: %w: %.200s", err, body)
	}
	return told, nil
}

func parseOpResult(in *scanner, s *session) (result opResult) {
	in.members(func(key []byte) {
		switch string(key) {
		case "ok":
			result.ok = in.boolean()
		case "duplicate":
			result.duplicate = in.boolean()
		case "suspended":
			result.suspended = in.boolean()
		case "final":
			result.final = in.boolean()
		case "delay_ms":
			result.hasDelay = true
			result.delay = time.Duration(in.integer()) * time.Millisecond
		case "ended":
			result.ended = parseWaitEnd(in)
		case "expires_in_ms":
			result.expires = max(time.Duration(in.integer())*time.Millisecond, time.Millisecond)
		case "wake_at", "retry_at":
			result.at, _ = time.Parse(time.RFC3339, in.text())
		case "code":
			result.code = in.text()
		case "message":
			result.message = in.text()
		default:
			in.raw()
		}
	})
	if result.hasDelay && !result.at.IsZero() && !result.duplicate {
		s.observe(result.at, result.delay)
	}
	return result
}

// lostCode reports whether a refusal means that the lease no longer stands.
func lostCode(code string) bool {
	switch code {
	case "stale_lease", "already_terminal", "not_found", "deleted", "session_lost":
		return true
	}
	return false
}
