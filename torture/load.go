//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/torture/check"
	"github.com/sojournhq/sojourn/torture/journal"
)

// clients is how many use the server at the same time.
const clients = 16

// load is what the clients do, and what they write down. None of them retries by itself, so that every answer is known.
type load struct {
	client  *sojourn.Client
	journal *journal.Journal
	pace    time.Duration // longest pause of a client between two requests
	kinds   []kind
	weight  int

	acks    atomic.Int64 // since the last reset
	unknown atomic.Int64
	total   atomic.Int64 // requests
	down    atomic.Int64 // unix nanoseconds from which the server may not acknowledge anything, 0: it may
	strict  atomic.Bool  // the first answer of 500 or more sets down
	late    atomic.Int64 // acknowledgements of requests that were sent after that

	mu     sync.Mutex
	next   int
	open   map[string]start // starts whose outcome is unknown, by key
	recent []acked          // some of the latest acknowledged starts
	errs   []error          // of the journal
	cancel context.CancelFunc
	wg     sync.WaitGroup
	prefix string

	operations operationLog
	book       fileBook
	callback   string          // where callbacks go
	called     map[string]bool // keys of starts that asked for one
}

// kind is one sort of execution in the mix.
type kind struct {
	workflow string
	weight   int
	// fill draws what a start of the kind looks like.
	fill func(r *rand.Rand, p *sojourn.StartParams, in map[string]any)
}

type start struct {
	key    string
	params sojourn.StartParams
}

type acked struct {
	start
	id string
}

// between draws a duration.
func between(r *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(r.Int64N(int64(to-from)+1))
}

// mix is what clients start. Every state and every edge of the lifecycle that commands make so far comes from it.
var mix = []kind{
	{"noop", 40, nil},
	{"steps", 18, func(r *rand.Rand, _ *sojourn.StartParams, in map[string]any) {
		in["n"], in["ms"] = 3+r.IntN(3), r.IntN(4)*5
	}},
	{"brief", 4, nil},
	{"sleepy", 4, func(r *rand.Rand, _ *sojourn.StartParams, in map[string]any) { in["ms"] = 2050 + r.IntN(300) }},
	{"flaky", 5, func(r *rand.Rand, _ *sojourn.StartParams, in map[string]any) {
		in["n"], in["ms"] = r.IntN(2), 30
		if r.IntN(4) == 0 {
			in["ms"] = 2100 // longer than a worker keeps its lease for
		}
	}},
	{"broken", 2, nil},
	{"declined", 2, nil},
	{"slow", 5, func(r *rand.Rand, _ *sojourn.StartParams, in map[string]any) { in["ms"] = 300 + r.IntN(900) }},
	// A start in the future; half are cancelled by their deadline before that.
	{"noop", 5, func(r *rand.Rand, p *sojourn.StartParams, _ map[string]any) {
		p.Delay = between(r, 100*time.Millisecond, 1500*time.Millisecond)
		if r.IntN(4) == 0 {
			p.Timeout = 90 * time.Millisecond
		}
	}},
	// A deadline that passes while it runs, sleeps or waits.
	{"slow", 2, func(r *rand.Rand, p *sojourn.StartParams, in map[string]any) {
		in["ms"], p.Timeout = 1500, between(r, 100*time.Millisecond, 800*time.Millisecond)
	}},
	{"sleepy", 1, func(r *rand.Rand, p *sojourn.StartParams, in map[string]any) {
		in["ms"], p.Timeout = 4000, between(r, 300*time.Millisecond, 1500*time.Millisecond)
	}},
	{"signalled", 5, func(r *rand.Rand, _ *sojourn.StartParams, in map[string]any) {
		in["n"], in["ms"] = 1+r.IntN(3), 600+r.IntN(1500)
	}},
	{"approved", 4, func(r *rand.Rand, _ *sojourn.StartParams, in map[string]any) {
		in["n"], in["ms"] = r.IntN(3)*100, 600+r.IntN(1500)
	}},
	// No worker serves it: its time in the queue runs out, or its deadline passes.
	{"orphan", 3, func(r *rand.Rand, p *sojourn.StartParams, _ map[string]any) {
		if r.IntN(3) > 0 {
			p.QueueTTL = between(r, 50*time.Millisecond, 1500*time.Millisecond)
		} else {
			p.Timeout = between(r, 500*time.Millisecond, 3*time.Second)
		}
	}},
}

func newLoad(at door, path, prefix, callback string, pace time.Duration) (*load, error) {
	j, err := journal.Create(path)
	if err != nil {
		return nil, err
	}
	c, err := sojourn.NewClient(sojourn.Config{
		BaseURL: at.url, APIKey: at.key, MaxRetries: -1, Timeout: 5 * time.Second, HTTPClient: &http.Client{Transport: newOnce()},
	})
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	l := &load{client: c, journal: j, pace: pace, kinds: mix, prefix: prefix, callback: callback, open: map[string]start{}, operations: operationLog{base: time.Now()}, book: fileBook{files: map[string]*knownFile{}}, called: map[string]bool{}}
	for _, k := range mix {
		l.weight += k.weight
	}
	return l, nil
}

// once sends each request once. Go's own transport repeats a request with an Idempotency-Key in silence when a connection
// breaks that was used before, and nobody could know then what was answered. A connection lasts for about 20 requests,
// so that a server that came back gets its share.
type once struct{ transport *http.Transport }

func newOnce() *once {
	return &once{&http.Transport{MaxIdleConnsPerHost: 2 * clients}}
}

func (o *once) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.GetBody = nil
	r.Close = rand.IntN(20) == 0
	return o.transport.RoundTrip(r)
}

// CloseIdleConnections is for http.Client.
func (o *once) CloseIdleConnections() { o.transport.CloseIdleConnections() }

// prepare makes what the mix needs and no worker registers. It waits for the workers.
func (l *load) prepare(ctx context.Context) error {
	err := poll(ctx, 20*time.Second, "the workflow that nobody serves", func() (bool, error) {
		_, err := l.client.Workflows.Create(ctx, sojourn.WorkflowParams{Name: "orphan"})
		if errors.Is(err, sojourn.ErrUnavailable) {
			return false, nil // the workers register at the same time
		}
		if errors.Is(err, sojourn.ErrConflict) {
			err = nil
		}
		return err == nil, err
	})
	if err != nil {
		return err
	}
	return poll(ctx, 20*time.Second, "the workers to register", func() (bool, error) {
		_, err := l.client.Workflows.Get(ctx, "noop")
		if errors.Is(err, sojourn.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	})
}

// poll asks again and again until the condition holds.
func poll(ctx context.Context, most time.Duration, what string, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	var last error
	for {
		done, err := ok()
		if done {
			return nil
		}
		if err != nil {
			last = err
		}
		select {
		case <-ctx.Done():
			if last != nil {
				return fmt.Errorf("waited %s for %s: %w", most, what, last)
			}
			return fmt.Errorf("waited %s for %s", most, what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// run starts the clients.
func (l *load) run(ctx context.Context, seed uint64) {
	ctx, l.cancel = context.WithCancel(ctx)
	for c := range clients {
		r := rand.New(rand.NewPCG(seed, uint64(c)+1))
		l.wg.Go(func() {
			for ctx.Err() == nil {
				pause := between(r, 0, l.pace)
				if !l.act(ctx, r) {
					pause += 25 * time.Millisecond // the server is away
				}
				select {
				case <-ctx.Done():
				case <-time.After(pause):
				}
			}
		})
	}
}

// rest ends the clients; a request under way gets its answer first.
func (l *load) rest() error {
	if l.cancel != nil {
		l.cancel()
		l.wg.Wait()
		l.cancel = nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.errs...)
}

func (l *load) close() error {
	l.client.CloseIdleConnections()
	return errors.Join(l.rest(), l.journal.Close())
}

func (l *load) note(kind string, fields ...string) {
	if err := l.journal.Write(kind, fields...); err != nil {
		l.mu.Lock()
		l.errs = append(l.errs, err)
		l.mu.Unlock()
	}
}

// clientPatience is how long a client waits: what has no answer by then is as unknown as what was broken off.
const clientPatience = 2 * time.Minute

// act does one thing and reports whether the server answered.
func (l *load) act(ctx context.Context, r *rand.Rand) bool {
	// The end of the run must not break off a request, or its outcome would be unknown for nothing.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), clientPatience)
	defer cancel()
	switch n := r.IntN(100); {
	case n < 67:
		return l.start(ctx, l.draw(r))
	case n < 70:
		return l.upload(ctx, r)
	case n < 78:
		if s, ok := l.pickOf(r, "signalled"); ok {
			return l.signal(ctx, s.id, r)
		}
	case n < 82:
		if s, ok := l.pickOf(r, "approved"); ok {
			return l.decide(ctx, s.id, r)
		}
	case n < 85:
		if s, ok := l.pick(r); ok {
			return l.start(ctx, s.start) // the same key again: the same execution
		}
	case n < 92:
		if s, ok := l.pick(r); ok {
			return l.stop(ctx, s.id)
		}
	case n < 98:
		if s, ok := l.pick(r); ok {
			return l.look(ctx, s.id)
		}
	default:
		return l.start(ctx, l.wrong(r))
	}
	return true
}

// draw makes up a start.
func (l *load) draw(r *rand.Rand) start {
	n := r.IntN(l.weight)
	var k kind
	for _, k = range l.kinds {
		if n -= k.weight; n < 0 {
			break
		}
	}
	return l.make(k, r)
}

func (l *load) make(k kind, r *rand.Rand) start {
	l.mu.Lock()
	l.next++
	key := l.prefix + "-" + strconv.Itoa(l.next)
	l.mu.Unlock()
	in := map[string]any{"key": key}
	p := sojourn.StartParams{Workflow: k.workflow, Input: in, IdempotencyKey: key}
	if k.fill != nil {
		k.fill(r, &p, in)
	}
	if l.callback != "" && r != nil && k.workflow != "brief" && r.IntN(16) == 0 {
		p.CallbackURL = l.callback
		l.mu.Lock()
		l.called[key] = true
		l.mu.Unlock()
	}
	return start{key, p}
}

// expected are the executions whose end a callback must tell.
func (l *load) expected(stored []*sojourn.Execution) (ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range stored {
		if l.called[check.KeyOf(x)] && x.Status.Terminal() {
			ids = append(ids, x.ID)
		}
	}
	return ids
}

// wrong makes up a start that the server must refuse.
func (l *load) wrong(r *rand.Rand) start {
	s := l.make(kind{workflow: "noop"}, r)
	switch r.IntN(3) {
	case 0:
		s.params.Priority = 1000
	case 1:
		s.params.Workflow = "nobody-serves-this"
	default:
		s.params.Version = "no-such-version"
	}
	return s
}

// pick takes one of the latest acknowledged starts.
func (l *load) pick(r *rand.Rand) (acked, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.recent) == 0 {
		return acked{}, false
	}
	return l.recent[r.IntN(len(l.recent))], true
}

// pickOf takes one of the latest acknowledged starts of a workflow.
func (l *load) pickOf(r *rand.Rand, workflow string) (acked, bool) {
	for range 20 {
		if s, ok := l.pick(r); ok && s.params.Workflow == workflow {
			return s, true
		}
	}
	return acked{}, false
}

// start sends a start that other clients may then cancel, read and repeat.
func (l *load) start(ctx context.Context, s start) (answered bool) {
	id, answered := l.send(ctx, s)
	if id != "" {
		l.mu.Lock()
		if a := (acked{s, id}); len(l.recent) < 200 {
			l.recent = append(l.recent, a)
		} else {
			l.recent[l.next%len(l.recent)] = a
		}
		l.mu.Unlock()
	}
	return answered
}

// send sends a start and writes down what is known of it. id is empty unless the start was acknowledged.
func (l *load) send(ctx context.Context, s start) (id string, answered bool) {
	l.note(check.Intent, s.key, s.params.Workflow)
	sent := time.Now().UnixNano()
	done := l.operations.begin(check.Operation{Model: check.StartOnce, Subject: s.key, Do: check.DoStart, Input: s.params.Workflow})
	x, err := l.client.Executions.Start(ctx, s.params)
	done(startOutcome(x, err))
	l.total.Add(1)
	if err == nil {
		if down := l.down.Load(); down != 0 && sent > down {
			l.late.Add(1)
		}
		kind := check.Acked
		if x.Replayed {
			kind = check.Replayed
		}
		l.note(kind, s.key, x.ID, strconv.FormatInt(sent, 10))
		if !x.Replayed {
			l.acks.Add(1)
		}
		l.mu.Lock()
		delete(l.open, s.key)
		l.mu.Unlock()
		return x.ID, true
	}
	if refused, ok := errors.AsType[*sojourn.Error](err); ok && refused.Status < 500 || ok && refused.Status == 507 {
		l.note(check.Refused, s.key, strconv.Itoa(refused.Status), refused.Code)
		return "", true
	}
	if refused, ok := errors.AsType[*sojourn.Error](err); ok && refused.Status >= 500 && l.strict.Load() {
		l.down.CompareAndSwap(0, time.Now().UnixNano())
	}
	l.unknown.Add(1)
	l.note(check.Unknown, s.key, cause(err))
	l.mu.Lock()
	l.open[s.key] = s
	l.mu.Unlock()
	return "", false
}

func cause(err error) string {
	if refused, ok := errors.AsType[*sojourn.Error](err); ok {
		return strconv.Itoa(refused.Status) + ":" + refused.Code
	}
	return "connection"
}

// stop sends a cancel.
func (l *load) stop(ctx context.Context, id string) (answered bool) {
	l.note(check.CancelIntent, id)
	done := l.operations.begin(check.Operation{Model: check.Register, Subject: id, Do: check.DoCancel})
	x, err := l.client.Executions.Cancel(ctx, id, sojourn.CancelParams{Reason: "torture"})
	done(cancelOutcome(x, err))
	l.total.Add(1)
	refused, _ := errors.AsType[*sojourn.Error](err)
	switch {
	case err == nil:
		l.note(check.CancelAcked, id, string(x.Status))
	case errors.Is(err, sojourn.ErrAlreadyTerminal):
		l.note(check.CancelRefused, id, string(refused.ExecutionStatus))
	case errors.Is(err, sojourn.ErrDeleted):
		// Its retention was over.
	default:
		l.note(check.CancelUnknown, id, cause(err))
		return refused != nil && refused.Status < 500
	}
	return true
}

// token makes a name for a signal or a decision.
func (l *load) token() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	return l.prefix + "-t" + strconv.Itoa(l.next)
}

// signal sends a signal; one in three twice, under one key.
func (l *load) signal(ctx context.Context, id string, r *rand.Rand) (answered bool) {
	token := l.token()
	send := func() bool {
		return l.tell(id, token, "signal", func() error {
			_, err := l.client.Executions.Signal(ctx, id, "go", sojourn.SignalParams{Payload: token, IdempotencyKey: token})
			return err
		})
	}
	answered = send()
	if r.IntN(3) == 0 {
		answered = send()
	}
	return answered
}

// decide approves or rejects.
func (l *load) decide(ctx context.Context, id string, r *rand.Rand) (answered bool) {
	token, p := l.token(), sojourn.DecisionParams{Name: "manager"}
	p.Comment = token
	call, what := l.client.Executions.Approve, "approved"
	if r.IntN(3) == 0 {
		call, what = l.client.Executions.Reject, "rejected"
	}
	return l.tell(id, token, what, func() error {
		_, err := call(ctx, id, p)
		return err
	})
}

// tell sends something to an execution and writes down what is known of it.
func (l *load) tell(id, token, what string, send func() error) (answered bool) {
	l.note(check.TellIntent, id, token, what)
	err := send()
	l.total.Add(1)
	refused, ok := errors.AsType[*sojourn.Error](err)
	switch {
	case err == nil:
		l.note(check.TellAcked, id, token)
	case ok && (refused.Status < 500 || refused.Status == 507):
		l.note(check.TellRefused, id, token, refused.Code)
	default:
		if ok && l.strict.Load() {
			l.down.CompareAndSwap(0, time.Now().UnixNano())
		}
		l.note(check.TellUnknown, id, token, cause(err))
		return false
	}
	return true
}

// look reads an execution.
func (l *load) look(ctx context.Context, id string) (answered bool) {
	done := l.operations.begin(check.Operation{Model: check.Register, Subject: id, Do: check.DoGet})
	x, err := l.client.Executions.Get(ctx, id)
	done(getOutcome(x, err))
	l.total.Add(1)
	if err == nil {
		l.note(check.Seen, id, string(x.Status), strconv.FormatInt(x.Revision, 10))
		return true
	}
	refused, ok := errors.AsType[*sojourn.Error](err)
	return ok && refused.Status < 500
}

// settle repeats half of the starts whose outcome is unknown, with their keys.
func (l *load) settle(ctx context.Context) error {
	l.mu.Lock()
	var again []start
	for _, key := range slices.Sorted(maps.Keys(l.open)) {
		again = append(again, l.open[key])
	}
	l.mu.Unlock()
	again = again[:(len(again)+1)/2]
	for _, s := range again {
		if !l.start(ctx, s) {
			return fmt.Errorf("the start with key %s was not answered by a healed server", s.key)
		}
	}
	return nil
}
