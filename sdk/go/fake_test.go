package sojourn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeServer is the worker protocol in memory, on the clock of the test's bubble. It is an http.RoundTripper: no
// sockets, so synctest can move the time.
type fakeServer struct {
	t  testing.TB
	mu sync.Mutex

	executions []*fakeExecution
	sessions   map[string]*fakeSession
	serial     int
	changed    chan struct{}
	requests   []string // path of each request that reached the server
	bodies     map[string][]string
	refusals   []string       // operations that were refused, and reports that were too long
	drains     bool           // polls are answered 204
	again      *fakeExecution // to be delivered once more under the same lease

	lease     time.Duration
	heartbeat time.Duration
	maxOps    int

	// before decides what becomes of a request before it has any effect; a non-nil response or error is the answer.
	before func(path string, body []byte) (*canned, error)
	// after may lose an answer: the request had its effect.
	after func(path string, body, answer []byte) error
	// answer may change one result of a report.
	answer func(op fakeOp, result map[string]any) map[string]any
}

type fakeSession struct {
	id        string
	workflows []string
	capacity  int
	seen      time.Time
	delivery  int
	draining  bool
	ended     bool
	reconcile bool // ask for the leases at the next heartbeat
	leases    []string
	cancel    []string
	drop      []string
	wake      []string
	beats     int
	held      int
	digest    string
}

type fakeExecution struct {
	id, workflow string
	input        string
	trace        string
	metadata     map[string]string
	status       string // pending, running, waiting, completed, failed, cancelled, rejected
	ready        time.Time
	lease        string
	session      *fakeSession
	delivery     int
	delivered    time.Time
	acked        bool
	attempt      int
	failures     int
	cancel       bool
	output       string
	code         string
	message      string
	details      string
	progress     []float64
	logs         []string
	ops          []string // every operation that was accepted
	recorded     []*fakeStep
	kept         []fakeSignal // signals that no wait has taken
	ended        bool         // a wait has ended since the execution was claimed
}

type fakeSignal struct{ name, payload string }

type fakeStep struct {
	step, kind, output, hash, err, code string
	tries                               int
	until                               time.Time
	next                                time.Time
	attempt                             int
	wait                                string // signal or approval; until is its timeout then
	shown                               string // payload of the wait
	end                                 map[string]any
}

type fakeOp struct {
	ID       string          `json:"id"`
	Lease    string          `json:"lease"`
	Op       string          `json:"op"`
	Step     string          `json:"step"`
	Try      int             `json:"try"`
	Output   json.RawMessage `json:"output"`
	Hash     string          `json:"input_hash"`
	Duration int64           `json:"duration_ms"`
	WakeAt   time.Time       `json:"wake_at"`
	Value    float64         `json:"value"`
	Level    string          `json:"level"`
	Message  string          `json:"message"`
	Code     string          `json:"code"`
	Wait     string          `json:"wait"`
	Timeout  int64           `json:"timeout_ms"`
	Payload  json.RawMessage `json:"payload"`
	Fields   json.RawMessage `json:"fields"`
	Details  json.RawMessage `json:"details"`
	Final    bool            `json:"final"`
	Error    *struct {
		Code    string          `json:"code"`
		Message string          `json:"message"`
		Details json.RawMessage `json:"details"`
	} `json:"error"`
	Retry *struct {
		MaxAttempts int     `json:"max_attempts"`
		Initial     int64   `json:"initial_interval_ms"`
		Max         int64   `json:"max_interval_ms"`
		Coefficient float64 `json:"coefficient"`
		Jitter      float64 `json:"jitter"`
	} `json:"retry"`
}

func newFake(t testing.TB) *fakeServer {
	return &fakeServer{
		t: t, sessions: map[string]*fakeSession{}, changed: make(chan struct{}), bodies: map[string][]string{},
		lease: 15 * time.Second, heartbeat: 5 * time.Second, maxOps: 1024,
	}
}

func (f *fakeServer) client() *Client {
	c, err := NewClient(Config{APIKey: "sjn_test", BaseURL: "http://fake", HTTPClient: &http.Client{Transport: f}})
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// start adds a pending execution.
func (f *fakeServer) start(workflow, input string) *fakeExecution {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.serial++
	x := &fakeExecution{id: fmt.Sprintf("exec_%026d", f.serial), workflow: workflow, input: input, status: "pending", ready: time.Now()}
	f.executions = append(f.executions, x)
	f.wake()
	return x
}

func (f *fakeServer) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// cancel requests a cancel as POST /cancel does.
func (f *fakeServer) cancel(x *fakeExecution) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x.cancel = true
	if x.session != nil {
		x.session.cancel = append(x.session.cancel, x.id)
	} else {
		x.status = "cancelled"
	}
	f.wake()
}

// await waits until the condition holds, at most two days of the bubble's time.
func (f *fakeServer) await(what string, condition func() bool) {
	f.t.Helper()
	deadline := time.NewTimer(48 * time.Hour)
	defer deadline.Stop()
	for {
		f.mu.Lock()
		ok, changed := condition(), f.changed
		f.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			f.t.Fatalf("never happened: %s", what)
		}
	}
}

func (f *fakeServer) awaitStatus(x *fakeExecution, status string) {
	f.t.Helper()
	f.await(x.id+" is "+status, func() bool {
		if terminal(x.status) && x.status != status {
			f.t.Errorf("execution is %s (%s %s), want %s; ops %v", x.status, x.code, x.message, status, x.ops)
			return true
		}
		return x.status == status
	})
}

// signal sends a signal as POST /signals/{name} does.
func (f *fakeServer) signal(x *fakeExecution, name, payload string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, st := range x.recorded {
		if base, _, _ := strings.Cut(st.step, "#"); st.wait == "signal" && st.end == nil && base == name {
			f.endWait(x, st, map[string]any{"outcome": "received", "payload": json.RawMessage(payload)})
			return
		}
	}
	x.kept = append(x.kept, fakeSignal{name, payload})
}

// decide ends an approval as POST /approve and /reject do.
func (f *fakeServer) decide(x *fakeExecution, step, outcome, comment, by string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, st := range x.recorded {
		if st.step == step && st.wait == "approval" && st.end == nil {
			f.endWait(x, st, map[string]any{"outcome": outcome, "comment": comment, "by": by, "payload": json.RawMessage(`{"n":1}`)})
			return
		}
	}
	f.t.Errorf("no approval %q is awaited", step)
}

func (f *fakeServer) endWait(x *fakeExecution, st *fakeStep, end map[string]any) {
	st.end = end
	x.ended = true
	if x.session != nil {
		x.session.wake = append(x.session.wake, x.id)
	} else if x.status == "waiting" {
		x.status, x.ready = "running", time.Now()
	}
	f.wake()
}

func (x *fakeExecution) openWaits() (n int, earliest time.Time) {
	for _, st := range x.recorded {
		if st.wait != "" && st.end == nil {
			n++
			if !st.until.IsZero() && (earliest.IsZero() || st.until.Before(earliest)) {
				earliest = st.until
			}
		}
	}
	return n, earliest
}

func terminal(status string) bool { return Status(status).Terminal() }

// see returns a copy of what the test wants to look at.
func see[T any](f *fakeServer, read func() T) T {
	f.mu.Lock()
	defer f.mu.Unlock()
	return read()
}

func (f *fakeServer) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	before, after := f.before, f.after
	f.mu.Unlock()
	if before != nil {
		if response, err := before(r.URL.Path, body); response != nil || err != nil {
			return response.response(), err
		}
	}
	f.mu.Lock()
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	f.bodies[r.URL.Path] = append(f.bodies[r.URL.Path], string(body))
	f.mu.Unlock()
	w := httptest.NewRecorder()
	f.serve(w, r.Method, r.URL.Path, body, r.Context())
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if after != nil {
		if err := after(r.URL.Path, body, w.Body.Bytes()); err != nil {
			return nil, err
		}
	}
	return w.Result(), nil
}

func problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code, "detail": detail})
}

func (f *fakeServer) serve(w http.ResponseWriter, method, path string, body []byte, ctx context.Context) {
	switch route := method + " " + path; {
	case route == "POST /v1/worker/sessions":
		f.openSession(w, body)
	case route == "POST /v1/worker/poll":
		f.poll(w, body, ctx)
	case route == "POST /v1/worker/report":
		f.report(w, body)
	case route == "POST /v1/worker/heartbeat":
		f.beat(w, body)
	case strings.HasSuffix(path, "/drain"):
		f.mu.Lock()
		defer f.mu.Unlock()
		if s := f.session(strings.Split(path, "/")[4]); s != nil {
			s.draining = true
			f.wake()
		}
		w.WriteHeader(http.StatusNoContent)
	case method == http.MethodDelete:
		f.mu.Lock()
		defer f.mu.Unlock()
		if s := f.session(strings.Split(path, "/")[4]); s != nil {
			f.end(s, "interrupted")
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		problem(w, 404, "not_found", "no such route: "+route)
	}
}

// session finds a live session and notes the contact.
func (f *fakeServer) session(id string) *fakeSession {
	f.tick()
	s := f.sessions[id]
	if s == nil || s.ended {
		return nil
	}
	s.seen = time.Now()
	return s
}

// tick does what the server's loops do.
func (f *fakeServer) tick() {
	now := time.Now()
	for _, s := range f.sessions {
		if !s.ended && now.Sub(s.seen) >= f.lease {
			f.end(s, "lost")
		}
	}
	for _, x := range f.executions {
		if x.session != nil && !x.acked && now.Sub(x.delivered) >= 5*time.Second {
			f.release(x)
			x.attempt--
			x.ready = now
		}
		for _, st := range x.recorded {
			if st.wait != "" && st.end == nil && !st.until.IsZero() && !st.until.After(now) {
				f.endWait(x, st, map[string]any{"outcome": "timeout"})
			}
		}
		if x.status == "waiting" && !x.ready.IsZero() && !x.ready.After(now) {
			x.status = "running"
		}
	}
}

func (f *fakeServer) end(s *fakeSession, why string) {
	s.ended = true
	for _, x := range f.executions {
		if x.session == s {
			f.release(x)
			x.ready = time.Now()
			x.ops = append(x.ops, why)
			if why == "interrupted" {
				x.attempt--
			}
			if x.cancel {
				x.status = "cancelled"
			}
		}
	}
	f.wake()
}

func (f *fakeServer) release(x *fakeExecution) { x.session, x.lease = nil, "" }

func (f *fakeServer) openSession(w http.ResponseWriter, body []byte) {
	var in struct {
		Protocol  int `json:"protocol"`
		Capacity  int `json:"capacity"`
		Workflows []struct {
			Name string `json:"name"`
		} `json:"workflows"`
	}
	if err := json.Unmarshal(body, &in); err != nil || in.Protocol != 1 || in.Capacity < 1 || len(in.Workflows) == 0 {
		problem(w, 400, "invalid_request", "bad session")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.serial++
	s := &fakeSession{id: fmt.Sprintf("sess_%026d", f.serial), capacity: in.Capacity, seen: time.Now()}
	for _, wf := range in.Workflows {
		s.workflows = append(s.workflows, wf.Name)
	}
	f.sessions[s.id] = s
	f.wake()
	reply(w, 201, map[string]any{
		"session_id": s.id, "protocol": 1, "lease_ms": f.lease.Milliseconds(), "heartbeat_ms": f.heartbeat.Milliseconds(),
		"max_wait_ms": 30000, "max_operations": f.maxOps, "a_new_member": []any{map[string]any{"x": 1}},
	})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (f *fakeServer) acknowledge(s *fakeSession, received int) {
	for _, x := range f.executions {
		if x.session == s && x.delivery <= received {
			x.acked = true
		}
	}
}

func (f *fakeServer) poll(w http.ResponseWriter, body []byte, ctx context.Context) {
	var in struct {
		Session  string `json:"session_id"`
		Received int    `json:"received"`
		Wait     int64  `json:"wait_ms"`
	}
	if json.Unmarshal(body, &in) != nil {
		problem(w, 400, "invalid_json", "bad poll")
		return
	}
	until := time.Now().Add(time.Duration(in.Wait) * time.Millisecond)
	for {
		f.mu.Lock()
		s := f.session(in.Session)
		if s == nil {
			f.mu.Unlock()
			problem(w, 404, "session_lost", "unknown session")
			return
		}
		f.acknowledge(s, in.Received)
		if f.drains {
			f.mu.Unlock()
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		list := f.claim(s)
		cancel, drop, wake := s.cancel, s.drop, s.wake
		if len(list)+len(cancel)+len(drop)+len(wake) > 0 || !time.Now().Before(until) || s.draining {
			s.cancel, s.drop, s.wake = nil, nil, nil
			out := map[string]any{"delivery": 0, "executions": list, "cancel": cancel, "drop": drop, "wake": wake, "unknown": nil}
			if len(list) > 0 {
				out["delivery"] = s.delivery
			}
			f.mu.Unlock()
			reply(w, 200, out)
			return
		}
		changed := f.changed
		f.mu.Unlock()
		timer := time.NewTimer(min(time.Until(until), 500*time.Millisecond))
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

func (f *fakeServer) claim(s *fakeSession) []any {
	list := []any{}
	held := 0
	for _, x := range f.executions {
		if x.session == s {
			held++
		}
	}
	if x := f.again; x != nil {
		f.again = nil
		s.delivery++
		list = append(list, map[string]any{"id": x.id, "workflow": x.workflow, "lease": x.lease, "attempt": x.attempt, "input": json.RawMessage(x.input)})
	}
	for _, x := range f.executions {
		if s.draining || held >= s.capacity || terminal(x.status) || x.session != nil || x.ready.IsZero() || x.ready.After(time.Now()) || !slices.Contains(s.workflows, x.workflow) {
			continue
		}
		held++
		if len(list) == 0 {
			s.delivery++
		}
		x.attempt++
		f.serial++
		x.session, x.delivery, x.delivered, x.acked, x.status, x.ended = s, s.delivery, time.Now(), false, "running", false
		x.lease = fmt.Sprintf("%d-%026d", x.attempt, f.serial)
		item := map[string]any{
			"id": x.id, "workflow": x.workflow, "version": 1, "lease": x.lease, "attempt": x.attempt,
			"input": json.RawMessage(x.input), "metadata": x.metadata, "created_at": "2026-11-21T23:59:30.123Z",
		}
		if x.trace != "" {
			item["traceparent"] = x.trace
		}
		var recorded []any
		for _, st := range x.recorded {
			r := map[string]any{"step": st.step, "kind": st.kind}
			if st.output != "" {
				r["output"] = json.RawMessage(st.output)
			}
			if st.hash != "" {
				r["input_hash"] = st.hash
			}
			if st.tries > 0 {
				r["tries"] = st.tries
			}
			if st.wait != "" {
				r["wait"] = st.wait
				if st.end != nil {
					r["ended"] = st.end
				} else if !st.until.IsZero() {
					r["expires_in_ms"] = max(time.Until(st.until).Milliseconds(), 0)
				}
			} else if !st.until.IsZero() {
				r["until"], r["until_in_ms"] = st.until.UTC().Format(time.RFC3339Nano), time.Until(st.until).Milliseconds()
			}
			if st.err != "" {
				r["error"], r["error_code"] = st.err, st.code
				if !st.next.IsZero() {
					r["next_attempt_in_ms"] = max(time.Until(st.next).Milliseconds(), 0)
				}
			}
			recorded = append(recorded, r)
		}
		if recorded != nil {
			item["recorded"] = recorded
		}
		list = append(list, item)
	}
	return list
}

func (f *fakeServer) beat(w http.ResponseWriter, body []byte) {
	var in struct {
		Session  string   `json:"session_id"`
		Received int      `json:"received"`
		Held     int      `json:"held"`
		Digest   string   `json:"digest"`
		Leases   []string `json:"leases"`
	}
	if json.Unmarshal(body, &in) != nil {
		problem(w, 400, "invalid_json", "bad heartbeat")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.session(in.Session)
	if s == nil {
		problem(w, 404, "session_lost", "unknown session")
		return
	}
	f.acknowledge(s, in.Received)
	s.beats++
	s.held, s.digest = in.Held, in.Digest
	out := map[string]any{"expires_in_ms": f.lease.Milliseconds(), "cancel": s.cancel, "drop": s.drop, "wake": s.wake}
	s.cancel, s.drop, s.wake = nil, nil, nil
	if in.Leases != nil {
		s.leases = in.Leases
		var drop []string
		for _, x := range f.executions {
			if x.session == s && x.acked && !slices.Contains(in.Leases, x.lease) {
				f.release(x)
				x.ready = time.Now()
			}
		}
		out["drop"] = drop
	} else {
		digest := uint64(0)
		held := 0
		for _, x := range f.executions {
			if x.session == s {
				held++
				digest ^= fnv1a(x.lease)
			}
		}
		if s.reconcile || held != in.Held || hex16(digest) != in.Digest {
			s.reconcile = false
			out["reconcile"] = true
		}
	}
	f.wake()
	reply(w, 200, out)
}

func (f *fakeServer) report(w http.ResponseWriter, body []byte) {
	var in struct {
		Session    string   `json:"session_id"`
		Received   int      `json:"received"`
		Operations []fakeOp `json:"operations"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		problem(w, 400, "invalid_json", err.Error())
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.session(in.Session)
	if s == nil {
		problem(w, 404, "session_lost", "unknown session")
		return
	}
	if len(in.Operations) > f.maxOps {
		f.refusals = append(f.refusals, fmt.Sprint(len(in.Operations), " operations"))
		problem(w, 413, "payload_too_large", "too many operations")
		return
	}
	f.acknowledge(s, in.Received)
	results := []any{}
	refused := map[string]bool{}
	for _, op := range in.Operations {
		result := map[string]any{"ok": false, "code": "skipped", "message": "an earlier operation was refused"}
		if !refused[op.ID] {
			result = f.apply(op)
			if f.answer != nil {
				result = f.answer(op, result)
			}
			if result["ok"] != true {
				f.refusals = append(f.refusals, fmt.Sprint(op.Op, " ", op.Step, " ", result["code"]))
				refused[op.ID] = true
			}
		}
		results = append(results, result)
	}
	cancel, wake := s.cancel, s.wake
	s.cancel, s.wake = nil, nil
	f.wake()
	reply(w, 200, map[string]any{"results": results, "cancel": cancel, "wake": wake})
}

func refuse(code string) map[string]any {
	return map[string]any{"ok": false, "code": code, "message": "refused: " + code}
}

func (f *fakeServer) apply(op fakeOp) map[string]any {
	now := time.Now()
	i := slices.IndexFunc(f.executions, func(x *fakeExecution) bool { return x.id == op.ID })
	if i < 0 {
		return refuse("not_found")
	}
	x := f.executions[i]
	if terminal(x.status) {
		return refuse("already_terminal")
	}
	if x.lease == "" || x.lease != op.Lease {
		return refuse("stale_lease")
	}
	x.acked = true
	find := func() *fakeStep {
		for _, st := range x.recorded {
			if st.step == op.Step {
				return st
			}
		}
		return nil
	}
	ok := map[string]any{"ok": true, "new_member": map[string]any{"a": []int{1}}}
	stamp := func(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
	switch op.Op {
	case "complete", "fail", "reject", "cancelled", "return":
	default:
		if x.cancel {
			return refuse("cancel_requested")
		}
	}
	note := op.Op
	if op.Step != "" {
		note += " " + op.Step
	}
	x.ops = append(x.ops, note)
	finish := func(status string) {
		x.status = status
		f.release(x)
	}
	delay := func(failures int) (time.Duration, bool) {
		if op.Final || op.Retry == nil || failures >= op.Retry.MaxAttempts {
			return 0, false
		}
		r := Retry{1, time.Duration(op.Retry.Initial) * time.Millisecond, time.Duration(op.Retry.Max) * time.Millisecond, op.Retry.Coefficient, -1}
		return r.complete().delay(failures), true
	}
	switch op.Op {
	case "step_completed":
		st := find()
		if st != nil && st.err == "" {
			x.ops = x.ops[:len(x.ops)-1]
			return map[string]any{"ok": true, "duplicate": true}
		}
		if st == nil {
			st = &fakeStep{step: op.Step}
			x.recorded = append(x.recorded, st)
		}
		*st = fakeStep{step: op.Step, kind: "step", output: string(op.Output), hash: op.Hash, tries: op.Try, attempt: x.attempt}
	case "step_failed":
		st := find()
		if st == nil {
			st = &fakeStep{step: op.Step}
			x.recorded = append(x.recorded, st)
		}
		*st = fakeStep{step: op.Step, kind: "step", hash: op.Hash, tries: op.Try, err: op.Error.Message, code: op.Error.Code, attempt: x.attempt}
		d, again := delay(op.Try)
		if !again {
			ok["final"] = true
			return ok
		}
		st.next = now.Add(d)
		ok["retry_at"], ok["delay_ms"] = stamp(st.next), d.Milliseconds()
		if d > 2*time.Second {
			ok["suspended"] = true
			x.ready = st.next
			f.release(x)
		}
	case "sleep":
		st := find()
		if st == nil {
			st = &fakeStep{step: op.Step, kind: "sleep", until: now.Add(time.Duration(op.Duration) * time.Millisecond)}
			x.recorded = append(x.recorded, st)
		} else {
			ok["duplicate"] = true
		}
		ok["wake_at"], ok["delay_ms"] = stamp(st.until), max(time.Until(st.until).Milliseconds(), 0)
	case "wait":
		st := find()
		if st == nil {
			st = &fakeStep{step: op.Step, kind: "wait", wait: op.Wait, shown: string(op.Payload)}
			if op.Timeout > 0 {
				st.until = now.Add(time.Duration(op.Timeout) * time.Millisecond)
			}
			base, _, _ := strings.Cut(op.Step, "#")
			if i := slices.IndexFunc(x.kept, func(s fakeSignal) bool { return s.name == base }); i >= 0 && op.Wait == "signal" {
				st.end = map[string]any{"outcome": "received", "payload": json.RawMessage(x.kept[i].payload)}
				x.kept = slices.Delete(x.kept, i, i+1)
			}
			x.recorded = append(x.recorded, st)
		} else {
			ok["duplicate"] = true
		}
		if st.end != nil {
			ok["ended"] = st.end
		} else if !st.until.IsZero() {
			ok["expires_in_ms"] = max(time.Until(st.until).Milliseconds(), 1)
		}
	case "suspend":
		open, earliest := x.openWaits()
		if op.WakeAt.IsZero() && open == 0 && !x.ended {
			return refuse("invalid_request")
		}
		if op.WakeAt.IsZero() || !earliest.IsZero() && earliest.Before(op.WakeAt) {
			op.WakeAt = earliest
		}
		x.status, x.ready = "waiting", op.WakeAt
		if x.ended {
			x.status, x.ready = "running", now
		}
		f.release(x)
	case "progress":
		x.progress = append(x.progress, op.Value)
	case "log":
		x.logs = append(x.logs, strings.TrimSpace(op.Step+" "+op.Level+" "+op.Message+" "+string(op.Fields)))
	case "complete":
		x.output = string(op.Output)
		finish("completed")
	case "reject":
		x.code, x.message = op.Code, op.Message
		finish("rejected")
	case "cancelled":
		finish("cancelled")
	case "return":
		f.release(x)
		x.attempt--
		x.ready = now
		if x.cancel {
			x.status = "cancelled"
		}
	case "fail":
		x.failures++
		x.code, x.message, x.details = op.Error.Code, op.Error.Message, string(op.Error.Details)
		if x.cancel {
			finish("cancelled")
			break
		}
		d, again := delay(x.failures)
		if !again {
			ok["final"] = true
			finish("failed")
			break
		}
		f.release(x)
		x.ready = now.Add(d)
		x.recorded = slices.DeleteFunc(x.recorded, func(st *fakeStep) bool { return st.err != "" && st.next.IsZero() })
		ok["retry_at"] = stamp(x.ready)
	case "step_started":
	default:
		return refuse("invalid_request")
	}
	return ok
}

// harness is a worker that runs against a fakeServer.
type harness struct {
	*fakeServer
	w    *Worker
	stop context.CancelFunc
	done chan error
	logs *bytes.Buffer
}

// newHarness makes a server and a worker; register handlers, then call run.
func newHarness(t testing.TB, config WorkerConfig) *harness {
	f := newFake(t)
	h := &harness{fakeServer: f, logs: &bytes.Buffer{}}
	config.Name = "test"
	config.Logger = slog.New(slog.NewTextHandler(&lockedWriter{w: h.logs}, nil))
	h.w = NewWorker(f.client(), config)
	return h
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func (h *harness) run() {
	ctx, stop := context.WithCancel(context.Background())
	h.stop, h.done = stop, make(chan error, 1)
	go func() { h.done <- h.w.Run(ctx) }()
}

// end stops the worker and demands a clean drain.
func (h *harness) end() {
	h.t.Helper()
	h.stop()
	if err := <-h.done; err != nil {
		h.t.Errorf("Run: %v", err)
	}
}

var errCut = errors.New("connection reset by peer")
