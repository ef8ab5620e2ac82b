package sojourn

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// poll asks for work until ctx ends, one request at a time. The server keeps the worker's credit: it hands out at most
// its capacity minus what it holds, and keeps the request parked while there is none.
func (s *session) poll(ctx context.Context) {
	var body []byte
	for failures := 0; ; {
		s.mu.Lock()
		draining, received := s.draining, s.received
		s.mu.Unlock()
		if draining || ctx.Err() != nil {
			return
		}
		body = append(body[:0], `{"session_id":`...)
		body = appendText(body, s.id)
		body = appendReceived(body, received)
		body = append(body, `,"wait_ms":`...)
		body = strconv.AppendInt(body, s.wait.Milliseconds(), 10)
		body = append(body, '}')
		asked := time.Now()
		a, err := s.post(ctx, pollPath, body, s.lease, s.wait)
		if err == nil && a.status != http.StatusNoContent {
			var d delivery
			if d, err = s.parseDelivery(a.body); err == nil {
				s.accept(d.number, d.attempts)
				s.signal(d.signals)
				failures = 0
				if len(d.attempts) > 0 || !d.empty() || time.Since(asked) > 100*time.Millisecond {
					continue
				}
			}
		}
		if err != nil {
			if ctx.Err() != nil || s.refused(err) {
				return
			}
			s.w.log.LogAttrs(ctx, slog.LevelWarn, "asking for work failed", slog.Any("error", err))
		}
		// Empty at once, or 204: the server drains; come back when its successor may be there.
		delay := 50*time.Millisecond + rand.N(100*time.Millisecond)
		if err != nil {
			delay = backoff(failures, err)
			failures++
		}
		if pause(ctx, delay) != nil {
			return
		}
	}
}

// delivery is the answer to a poll.
type delivery struct {
	number   int64
	attempts []*attempt
	signals
}

func (s *session) parseDelivery(body []byte) (delivery, error) {
	var d delivery
	now := time.Now()
	in := scanner{b: body}
	in.members(func(key []byte) {
		switch {
		case string(key) == "delivery":
			d.number = in.integer()
		case string(key) == "executions":
			in.elements(func() { d.attempts = append(d.attempts, s.parseAttempt(&in, now)) })
		case d.scan(&in, key):
		default:
			in.raw()
		}
	})
	if err := in.end(); err != nil {
		return delivery{}, fmt.Errorf("sojourn: reading a delivery: %w: %.200s", err, body)
	}
	for _, a := range d.attempts {
		if a.id == "" || a.lease == "" {
			return delivery{}, fmt.Errorf("sojourn: reading a delivery: an execution without id or lease")
		}
	}
	return d, nil
}

func (s *session) parseAttempt(in *scanner, now time.Time) *attempt {
	a := &attempt{s: s, received: now, gone: make(chan struct{}), branches: 1}
	in.members(func(key []byte) {
		switch string(key) {
		case "id":
			a.id = in.text()
		case "workflow":
			a.workflow = in.text()
		case "lease":
			a.lease = in.text()
		case "attempt":
			a.number = int(in.integer())
		case "input":
			a.input = in.raw()
		case "metadata":
			_ = json.Unmarshal(in.raw(), &a.metadata) // text to text by contract; what is not is left out
		case "traceparent":
			a.traceparent = in.text()
		case "created_at":
			a.createdAt, _ = time.Parse(time.RFC3339, in.text())
		case "deadline_at":
			a.deadlineAt, _ = time.Parse(time.RFC3339, in.text())
		case "recorded":
			in.elements(func() {
				r, name := parseRecorded(in, now)
				if a.recorded == nil {
					a.recorded = map[string]*recordedStep{}
				}
				a.recorded[name] = r
			})
		default:
			in.raw()
		}
	})
	a.handler = s.w.handlers[a.workflow]
	return a
}

// recordedStep is what the server knows of a step.
type recordedStep struct {
	kind    string // step, sleep or wait
	output  []byte // nil: none
	hash    string // of the input, 16 hex digits; empty: none given
	tries   int
	failed  bool // a try failed
	code    string
	message string
	retry   bool      // it is to be tried again, at due
	due     time.Time // end of the sleep, or time of the next try, by our clock
	until   time.Time // end of the sleep by the server's clock

	wait    string        // of a wait: signal or approval
	ended   *waitEnd      // how the wait ended, nil while it is open
	expires time.Duration // when the open wait does by itself; 0: never
}

func parseRecorded(in *scanner, now time.Time) (r *recordedStep, name string) {
	r = &recordedStep{due: now}
	in.members(func(key []byte) {
		switch string(key) {
		case "step":
			name = in.text()
		case "kind":
			r.kind = in.text()
		case "output":
			r.output = in.raw()
		case "input_hash":
			r.hash = in.text()
		case "tries":
			r.tries = int(in.integer())
		case "error":
			r.failed, r.message = true, in.text()
		case "error_code":
			r.code = in.text()
		case "next_attempt_in_ms":
			r.retry = true
			r.due = now.Add(time.Duration(in.integer()) * time.Millisecond)
		case "until_in_ms":
			r.due = now.Add(time.Duration(in.integer()) * time.Millisecond)
		case "wait":
			r.wait = in.text()
		case "ended":
			r.ended = parseWaitEnd(in)
		case "expires_in_ms":
			r.expires = max(time.Duration(in.integer())*time.Millisecond, time.Millisecond)
		case "until":
			r.until, _ = time.Parse(time.RFC3339, in.text())
		default:
			in.raw()
		}
	})
	return r, name
}
