//go:build linux

package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/torture/check"
)

// duels are fights over executions, whose histories are checked: several clients start one key with one of two
// requests, two workers claim that they have the lease, and a completion meets a cancel while others look on.
type duels struct {
	c      *campaign
	fights context.Context // no new one begins after its end
	calm   context.CancelFunc
	lives  context.Context // until everything has ended
	end    context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	fought int
}

// duelists is how many fight at the same time.
const duelists = 4

func duelWorkflow(i int) string { return fmt.Sprintf("duel-%d", i) }

// duelWorkflows are the workflows of all duelists.
func duelWorkflows() map[string]bool {
	all := map[string]bool{}
	for i := range duelists {
		all[duelWorkflow(i)] = true
	}
	return all
}

// fight begins.
func (c *campaign) fight() *duels {
	d := &duels{c: c}
	d.lives, d.end = context.WithCancel(c.ctx)
	d.fights, d.calm = context.WithCancel(d.lives)
	for i := range duelists {
		d.wg.Go(func() {
			x := &duelist{
				d: d, workflow: duelWorkflow(i), rand: rand.New(rand.NewPCG(c.seed, uint64(1000+i))),
				raw: raw{c: c, http: &http.Client{Timeout: 4 * time.Second}},
			}
			x.live()
		})
	}
	return d
}

// rest lets no more fights begin; what is open is completed.
func (d *duels) rest() { d.calm() }

func (d *duels) close() {
	d.end()
	d.wg.Wait()
}

// duelist is one fight after the other. Each duelist has a workflow of its own, so that it alone gets the executions.
type duelist struct {
	d        *duels
	workflow string
	rand     *rand.Rand
	raw      raw
}

// raw is a worker that does only what it is told.
type raw struct {
	c    *campaign
	http *http.Client
}

// seat is one session of a duelist, kept alive by heartbeats until it falls silent.
type seat struct {
	x       *duelist
	session string
	quiet   context.CancelFunc
	wg      sync.WaitGroup

	mu       sync.Mutex
	held     map[string]string // lease by execution
	received int64             // the last delivery that arrived
	lost     bool
}

func (x *duelist) live() {
	var s *seat
	for x.d.lives.Err() == nil {
		if s == nil || s.isLost() {
			if s != nil {
				s.close()
			}
			if s = x.sit(); s == nil {
				x.pause(100 * time.Millisecond)
				continue
			}
		}
		if x.d.fights.Err() != nil {
			x.clear(s)
			continue
		}
		s = x.duel(s)
		x.pause(time.Duration(x.rand.IntN(60)) * time.Millisecond)
	}
	if s != nil {
		s.close()
	}
}

func (x *duelist) pause(d time.Duration) {
	select {
	case <-x.d.lives.Done():
	case <-time.After(d):
	}
}

// sit opens a session; nil: not now.
func (x *duelist) sit() *seat {
	var reply struct {
		ID string `json:"session_id"`
	}
	status, _, err := x.raw.post("/v1/worker/sessions", map[string]any{
		"protocol": 1, "name": x.workflow, "capacity": 4, "workflows": []any{map[string]any{"name": x.workflow}},
	}, &reply)
	if err != nil || status != http.StatusCreated {
		return nil
	}
	ctx, quiet := context.WithCancel(x.d.lives)
	s := &seat{x: x, session: reply.ID, quiet: quiet, held: map[string]string{}}
	s.wg.Go(func() {
		for ctx.Err() == nil {
			s.beat()
			select {
			case <-ctx.Done():
			case <-time.After(lease / 5):
			}
		}
	})
	return s
}

func (s *seat) isLost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// close falls silent.
func (s *seat) close() {
	s.quiet()
	s.wg.Wait()
}

func (s *seat) leave(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, id)
}

func (s *seat) beat() {
	s.mu.Lock()
	digest := uint64(0)
	leases := []string{}
	for _, lease := range s.held {
		h := fnv.New64a()
		_, _ = h.Write([]byte(lease))
		digest ^= h.Sum64()
		leases = append(leases, lease)
	}
	received := s.received
	s.mu.Unlock()
	_, code, err := s.x.raw.post("/v1/worker/heartbeat", map[string]any{
		"session_id": s.session, "received": received, "held": len(leases), "digest": fmt.Sprintf("%016x", digest), "leases": leases,
	}, nil)
	if err == nil && code == "session_lost" {
		s.mu.Lock()
		s.lost = true
		s.mu.Unlock()
	}
}

// take polls once and returns what came.
func (s *seat) take(wait time.Duration) (ids []string) {
	var reply struct {
		Delivery   int64
		Executions []struct{ ID, Lease string }
		Drop       []string
	}
	s.mu.Lock()
	received := s.received
	s.mu.Unlock()
	status, code, err := s.x.raw.post("/v1/worker/poll", map[string]any{
		"session_id": s.session, "wait_ms": wait.Milliseconds(), "received": received,
	}, &reply)
	s.mu.Lock()
	defer s.mu.Unlock()
	if code == "session_lost" {
		s.lost = true
	}
	if err != nil || status != http.StatusOK {
		return nil
	}
	s.received = max(s.received, reply.Delivery)
	for _, id := range reply.Drop {
		delete(s.held, id)
	}
	for _, e := range reply.Executions {
		s.held[e.ID] = e.Lease
		ids = append(ids, e.ID)
	}
	return ids
}

func (s *seat) lease(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[id]
}

// say reports one operation and notes it in the history of leases. It returns the refusal's code, or "?" without an
// answer.
func (s *seat) say(do, id, lease string, op map[string]any) string {
	op["id"], op["lease"] = id, lease
	done := s.x.operation(check.Operation{Model: check.Leases, Subject: id, Do: do, Input: lease})
	also := func(outcome) {}
	if do == check.DoComplete {
		also = s.x.operation(check.Operation{Model: check.Register, Subject: id, Do: do})
	}
	var reply struct {
		Results []struct {
			OK   bool
			Code string
		}
	}
	status, code, err := s.x.raw.post("/v1/worker/report", map[string]any{
		"session_id": s.session, "operations": []any{op},
	}, &reply)
	if err == nil && status == http.StatusOK && len(reply.Results) == 1 {
		code = reply.Results[0].Code
	}
	switch {
	case err != nil || status >= 500 || status == http.StatusTooManyRequests:
		done(ended(check.NoAnswer))
		also(ended(check.NoAnswer))
		return "?"
	case code == "":
		done(ended(check.Accepted))
		also(ended(check.Accepted))
	case code == "stale_lease" || code == "session_lost":
		done(ended(check.Stale))
	case code == "already_terminal":
		done(ended(check.Ended))
		also(ended(check.Ended))
	}
	return code
}

func (x *duelist) operation(o check.Operation) func(outcome) {
	return x.d.c.load.operations.begin(o)
}

// clear completes what is there. Not all of it is from this duelist's starts: one without an answer may have happened.
func (x *duelist) clear(s *seat) {
	for _, id := range s.take(200 * time.Millisecond) {
		x.settle(s, id)
	}
}

// settle completes an execution of which no duel is fought.
func (x *duelist) settle(s *seat, id string) {
	x.claimed(id, s.lease(id), 0)
	key := ""
	if e, err := x.d.c.load.client.Executions.Get(x.d.lives, id); err == nil {
		key = check.KeyOf(e)
	} else {
		s.leave(id) // it comes again
		return
	}
	x.complete(s, id, s.lease(id), key)
}

// complete reports until the answer is known.
func (x *duelist) complete(s *seat, id, lease, key string) {
	for range 20 {
		code := s.say(check.DoComplete, id, lease, map[string]any{"op": "complete", "output": map[string]any{"key": key}})
		if code != "?" {
			break
		}
		x.pause(150 * time.Millisecond)
	}
	s.leave(id)
}

// duel is one fight. It returns the session to go on with.
func (x *duelist) duel(s *seat) *seat {
	l := x.d.c.load
	first := l.make(kind{workflow: x.workflow}, x.rand)
	began := time.Since(l.operations.base)

	// Several clients start it, some with another request under the same key.
	ids := make(chan string, 4)
	var wg sync.WaitGroup
	for i := range 2 + x.rand.IntN(2) {
		p := first
		if i > 0 && x.rand.IntN(3) == 0 {
			p.params.Input = map[string]any{"key": first.key, "n": 1}
		}
		wg.Go(func() { ids <- x.start(p) })
	}
	wg.Wait()
	close(ids)
	id := ""
	for named := range ids {
		id = max(id, named)
	}
	if id == "" {
		x.clear(s)
		return s
	}
	lease := x.claim(s, id, began)
	if lease == "" {
		return s
	}
	s.say(check.DoReport, id, lease, map[string]any{"op": "step_completed", "step": "a", "output": "a"})

	// Sometimes the holder falls silent, and another one gets it. Then both speak.
	if x.rand.IntN(8) == 0 {
		s.close()
		heir := x.sit()
		if heir == nil {
			return s
		}
		next := x.claim(heir, id, began)
		if next == "" {
			return heir
		}
		wg.Go(func() {
			s.say(check.DoReport, id, lease, map[string]any{"op": "step_completed", "step": "old", "output": "old"})
		})
		wg.Go(func() {
			heir.say(check.DoReport, id, next, map[string]any{"op": "step_completed", "step": "new", "output": "new"})
		})
		wg.Wait()
		s.say(check.DoComplete, id, lease, map[string]any{"op": "complete", "output": map[string]any{"key": "of the old holder"}})
		s, lease = heir, next
	}

	// The completion meets a cancel, and two look on.
	wg.Go(func() { x.complete(s, id, lease, first.key) })
	if x.rand.IntN(2) == 0 {
		wg.Go(func() { l.stop(context.WithoutCancel(x.d.lives), id) })
	}
	for range 2 {
		wg.Go(func() {
			for range 3 {
				l.look(context.WithoutCancel(x.d.lives), id)
			}
		})
	}
	wg.Wait()
	l.look(context.WithoutCancel(x.d.lives), id)
	x.start(first)
	x.d.mu.Lock()
	x.d.fought++
	x.d.mu.Unlock()
	return s
}

// start sends one of the starts of a fight. The ledger is not told of a refusal: the key may belong to the other request.
func (x *duelist) start(s start) (id string) {
	l := x.d.c.load
	l.note(check.Intent, s.key, s.params.Workflow)
	request := fmt.Sprint(s.params.Input)
	done := x.operation(check.Operation{Model: check.StartOnce, Subject: s.key, Do: check.DoStart, Input: request})
	e, err := l.client.Executions.Start(context.WithoutCancel(x.d.lives), s.params)
	done(startOutcome(e, err))
	switch {
	case err == nil && e.Replayed:
		l.note(check.Replayed, s.key, e.ID)
	case err == nil:
		l.note(check.Acked, s.key, e.ID)
	default:
		if refusal(err) == nil {
			l.note(check.Unknown, s.key, cause(err))
		}
		return ""
	}
	return e.ID
}

// claim polls until the execution comes, and completes what else comes.
func (x *duelist) claim(s *seat, id string, since time.Duration) (lease string) {
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end) && !s.isLost() && x.d.lives.Err() == nil; {
		got := s.take(300 * time.Millisecond)
		for _, other := range got {
			if other != id {
				x.settle(s, other)
			}
		}
		if slices.Contains(got, id) {
			lease = s.lease(id)
			x.claimed(id, lease, since)
			return lease
		}
	}
	return ""
}

// claimed notes that the execution came under the lease; the server gave it away at some time since then.
func (x *duelist) claimed(id, lease string, since time.Duration) {
	x.operation(check.Operation{Model: check.Leases, Subject: id, Do: check.DoClaim, Input: lease})(func(o *check.Operation) bool {
		o.Call, o.Outcome = since, check.Accepted
		return true
	})
}

// post sends a request of the worker protocol.
func (r raw) post(path string, body, reply any) (status int, code string, err error) {
	return r.c.postWith(r.http, path, body, reply)
}
