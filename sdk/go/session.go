package sojourn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// handlerUnwind is how long a handler may take to return after its context has ended while the worker stops.
	handlerUnwind = 5 * time.Second
	pollPath      = "/v1/worker/poll"
	// farewell bounds each request of a drain.
	farewell = 5 * time.Second
	// maxReportOperations is the protocol's limit; a server may ask for fewer.
	maxReportOperations = 1024
)

var errSessionLost = errors.New("sojourn: session lost")

// session is one registration of the worker with the server, with all it holds.
type session struct {
	w         *Worker
	id        string
	lease     time.Duration
	heartbeat time.Duration
	wait      time.Duration
	maxOps    int
	reporters []*reporter

	ctx     context.Context // ends everything the session does
	stop    context.CancelCauseFunc
	base    context.Context // what handlers' contexts derive from
	loops   sync.WaitGroup
	contact atomic.Int64 // when the last request that succeeded was sent, in nanoseconds since begin
	begin   time.Time
	offset  atomic.Int64 // the server's clock minus ours, in nanoseconds

	mu       sync.Mutex
	held     map[string]*attempt // by execution id
	digest   uint64
	received int64
	next     int // reporter of the next attempt
	draining bool
	empty    chan struct{} // closed when draining and nothing is held
}

// open registers the worker; it tries until the server answers, ctx ends, or the server refuses for good.
func (w *Worker) open(ctx context.Context) (*session, error) {
	body, err := w.registration()
	if err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		sent := time.Now()
		a, err := w.client.send(ctx, request{method: http.MethodPost, path: "/v1/worker/sessions", body: body, apart: true})
		if err == nil {
			return w.newSession(ctx, a.body, sent)
		}
		if ctx.Err() != nil || !retriable(err, false) {
			return nil, err
		}
		delay := max(retryDelay(try), retryAfter(err))
		w.log.LogAttrs(ctx, slog.LevelWarn, "cannot reach the server; trying again", slog.Duration("delay", delay), slog.Any("error", err))
		if err := pause(ctx, delay); err != nil {
			return nil, err
		}
	}
}

func (w *Worker) registration() ([]byte, error) {
	type workflow struct {
		Name        string          `json:"name"`
		Version     string          `json:"version,omitempty"`
		Description string          `json:"description,omitempty"`
		InputSchema json.RawMessage `json:"input_schema,omitempty"`
		Retention   *int64          `json:"retention_ms,omitempty"`
		Timeout     *int64          `json:"timeout_ms,omitempty"`
	}
	workflows := make([]workflow, len(w.order))
	for i, h := range w.order {
		if len(h.schema) > 0 && !json.Valid(h.schema) {
			return nil, fmt.Errorf("sojourn: the input schema of workflow %q is not valid JSON", h.name)
		}
		workflows[i] = workflow{h.name, h.version, h.description, h.schema, millis(h.retention), millis(h.timeout)}
	}
	return encode(map[string]any{
		"protocol": 1, "name": w.config.Name, "sdk": "go/" + sdkVersion, "version": w.config.Version,
		"capacity": w.config.Concurrency, "workflows": workflows,
	})
}

func (w *Worker) newSession(ctx context.Context, body []byte, sent time.Time) (*session, error) {
	var reply struct {
		ID        string `json:"session_id"`
		Protocol  int    `json:"protocol"`
		Lease     int64  `json:"lease_ms"`
		Heartbeat int64  `json:"heartbeat_ms"`
		MaxWait   int64  `json:"max_wait_ms"`
		MaxOps    int    `json:"max_operations"`
	}
	if err := json.Unmarshal(body, &reply); err != nil || reply.ID == "" {
		return nil, fmt.Errorf("sojourn: the answer to a new worker session is not what the protocol promises: %.200s", body)
	}
	if reply.Protocol > 1 {
		return nil, fmt.Errorf("sojourn: the server speaks worker protocol %d, this SDK 1", reply.Protocol)
	}
	ms := func(n, otherwise int64) time.Duration {
		if n <= 0 {
			n = otherwise
		}
		return time.Duration(n) * time.Millisecond
	}
	s := &session{
		w: w, id: reply.ID,
		lease: ms(reply.Lease, 15_000), heartbeat: ms(reply.Heartbeat, 5_000), wait: ms(reply.MaxWait, 30_000),
		maxOps: maxReportOperations, begin: sent, base: context.WithoutCancel(ctx), held: map[string]*attempt{}, empty: make(chan struct{}),
	}
	if reply.MaxOps > 0 {
		s.maxOps = min(s.maxOps, reply.MaxOps)
	}
	s.ctx, s.stop = context.WithCancelCause(s.base)
	for range w.config.ReportConnections {
		s.reporters = append(s.reporters, newReporter(s))
	}
	return s, nil
}

// serve works until ctx ends and the session has drained, until the session is lost (errSessionLost), or until the
// server refuses the worker.
func (s *session) serve(ctx context.Context) error {
	pollCtx, endPoll := context.WithCancel(s.ctx)
	defer endPoll()
	polled := make(chan struct{})
	s.loops.Go(s.beat)
	s.loops.Go(s.watch)
	for _, r := range s.reporters {
		s.loops.Go(r.loop)
	}
	s.loops.Go(func() { defer close(polled); s.poll(pollCtx) })
	select {
	case <-s.ctx.Done():
	case <-ctx.Done():
		s.mu.Lock()
		s.draining = true
		s.checkEmpty()
		s.mu.Unlock()
		for _, a := range s.w.unqueue() {
			a.giveBack()
		}
		s.announceDrain()
		// What a poll hands over now is given back; one that stays parked is cut off.
		select {
		case <-polled:
		case <-time.After(100 * time.Millisecond):
			endPoll()
			<-polled
		}
		s.finish()
		s.stop(errDrained)
	}
	s.loops.Wait()
	cause := context.Cause(s.ctx)
	s.loseAll()
	if errors.Is(cause, errDrained) {
		s.drain()
		return nil
	}
	return cause
}

var errDrained = errors.New("sojourn: drained")

// finish waits for the handlers: first in peace, then with their contexts cancelled; then until the last reports are
// answered.
func (s *session) finish() {
	if !s.awaitEmpty(s.w.config.ShutdownGrace) {
		for _, a := range s.attempts() {
			a.interrupt(ErrDraining)
		}
		s.awaitEmpty(handlerUnwind)
	}
}

// awaitEmpty waits until nothing is held, the session ends or the time is over.
func (s *session) awaitEmpty(most time.Duration) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-s.empty:
		return true
	case <-s.ctx.Done():
		return true
	case <-timer.C:
		return false
	}
}

// checkEmpty closes empty when a drain has nothing left to wait for. It is called with mu locked.
func (s *session) checkEmpty() {
	if s.draining && len(s.held) == 0 {
		select {
		case <-s.empty:
		default:
			close(s.empty)
		}
	}
}

func (s *session) announceDrain() {
	ctx, cancel := context.WithTimeout(s.ctx, farewell)
	defer cancel()
	if _, err := s.w.client.do(ctx, request{method: http.MethodPost, path: "/v1/worker/sessions/" + s.id + "/drain"}, nil); err != nil {
		s.w.log.LogAttrs(ctx, slog.LevelWarn, "could not tell the server that the worker drains", slog.Any("error", err))
	}
}

// drain ends the session with the server, which takes back what is still held.
func (s *session) drain() {
	ctx, cancel := context.WithTimeout(s.base, farewell)
	defer cancel()
	_, err := s.w.client.do(ctx, request{method: http.MethodDelete, path: "/v1/worker/sessions/" + s.id}, nil)
	if err != nil && !errors.Is(err, ErrNotFound) {
		s.w.log.LogAttrs(ctx, slog.LevelWarn, "could not end the worker's session; the server ends it when its lease is over", slog.Any("error", err))
	}
}

// fail ends the session with the first cause given.
func (s *session) fail(cause error) { s.stop(cause) }

// reached notes that a request sent at the given time was answered.
func (s *session) reached(sent time.Time) {
	at := int64(sent.Sub(s.begin))
	for {
		last := s.contact.Load()
		if at <= last || s.contact.CompareAndSwap(last, at) {
			return
		}
	}
}

// silence is how long ago the last request was sent that the server answered.
func (s *session) silence() time.Duration {
	return time.Since(s.begin) - time.Duration(s.contact.Load())
}

// observe learns the server's clock from an instant that lies the given time ahead of its now.
func (s *session) observe(at time.Time, ahead time.Duration) {
	s.offset.Store(int64(time.Until(at.Add(-ahead))))
}

// serverTime is an instant of our clock on the server's.
func (s *session) serverTime(at time.Time) time.Time {
	return at.Add(time.Duration(s.offset.Load()))
}

// accept takes over what a poll delivered.
func (s *session) accept(delivery int64, attempts []*attempt) {
	s.mu.Lock()
	s.received = max(s.received, delivery)
	fresh := attempts[:0]
	var replaced []*attempt
	for _, a := range attempts {
		if old := s.held[a.id]; old != nil {
			if old.lease == a.lease {
				continue // delivered twice
			}
			s.forget(old)
			replaced = append(replaced, old)
		}
		a.reporter = s.reporters[s.next%len(s.reporters)]
		s.next++
		s.held[a.id] = a
		s.digest ^= fnv1a(a.lease)
		fresh = append(fresh, a)
	}
	draining := s.draining
	s.mu.Unlock()
	for _, a := range replaced {
		a.lose(ErrLeaseLost)
	}
	for _, a := range fresh {
		if draining {
			a.giveBack()
		} else {
			s.w.launch(a)
		}
	}
}

// forget takes an attempt out of what is held. It is called with mu locked.
func (s *session) forget(a *attempt) {
	if s.held[a.id] == a {
		delete(s.held, a.id)
		s.digest ^= fnv1a(a.lease)
		s.checkEmpty()
	}
}

// release is forget for callers that do not hold mu.
func (s *session) release(a *attempt) {
	s.mu.Lock()
	s.forget(a)
	s.mu.Unlock()
}

func (s *session) attempts() []*attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*attempt, 0, len(s.held))
	for _, a := range s.held {
		list = append(list, a)
	}
	return list
}

// find returns the held attempt of an execution, or nil.
func (s *session) find(id string) *attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[id]
}

// signals are what the server has to say of executions that the worker holds, with any answer.
type signals struct {
	Cancel []string `json:"cancel"` // stop them
	Drop   []string `json:"drop"`   // they are no longer this worker's
	Wake   []string `json:"wake"`   // a wait of theirs has ended
}

func (t *signals) empty() bool { return len(t.Cancel)+len(t.Drop)+len(t.Wake) == 0 }

// scan reads a member of an answer; it returns false when the member is another's.
func (t *signals) scan(in *scanner, key []byte) bool {
	var list *[]string
	switch string(key) {
	case "cancel":
		list = &t.Cancel
	case "drop":
		list = &t.Drop
	case "wake":
		list = &t.Wake
	default:
		return false
	}
	in.elements(func() { *list = append(*list, in.text()) })
	return true
}

// signal passes on what the server has said.
func (s *session) signal(t signals) {
	for _, id := range t.Cancel {
		if a := s.find(id); a != nil {
			a.requestCancel()
		}
	}
	for _, id := range t.Drop {
		if a := s.find(id); a != nil {
			s.release(a)
			a.lose(ErrLeaseLost)
		}
	}
	for _, id := range t.Wake {
		if a := s.find(id); a != nil {
			a.wake()
		}
	}
}

// loseAll gives up everything held.
func (s *session) loseAll() {
	for _, a := range s.attempts() {
		s.release(a)
		a.lose(ErrLeaseLost)
	}
}

// post sends one request of the worker protocol, once. An answer is waited for within the time given, and as much longer
// as the server may hold it.
func (s *session) post(ctx context.Context, path string, body []byte, within, hold time.Duration) (*answer, error) {
	sent := time.Now()
	a, err := s.w.client.send(ctx, request{
		method: http.MethodPost, path: path, body: body, hold: hold, within: within, apart: path == pollPath,
	})
	if err == nil {
		s.reached(sent)
	}
	return a, err
}

// refused ends the session when the error says that the server will not serve it again, and reports whether it did.
func (s *session) refused(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch {
	case e.Status == http.StatusNotFound && e.Code == "session_lost":
		s.fail(errSessionLost)
		return true
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden:
		s.fail(err)
		return true
	}
	return false
}

// backoff is the pause after the given number of failures in a row: full jitter, so that workers do not return to a
// restarted server together.
func backoff(failures int, err error) time.Duration {
	most := min(50*time.Millisecond<<min(failures, 10), 3*time.Second)
	return max(rand.N(most), most/10, retryAfter(err))
}

// fnv1a is the 64-bit FNV-1a hash.
func fnv1a(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}

func appendHex16(b []byte, n uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, hexDigits[n>>shift&15])
	}
	return b
}

func hex16(n uint64) string { return string(appendHex16(make([]byte, 0, 16), n)) }

func appendReceived(b []byte, received int64) []byte {
	if received == 0 {
		return b
	}
	b = append(b, `,"received":`...)
	return strconv.AppendInt(b, received, 10)
}
