package engine_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store/teststore"
)

// model drives the engine with random calls of clients and of two workers in virtual time, with restarts, and knows what
// must be true whatever the engine does: what was acknowledged.
type model struct {
	t      *testing.T
	b      *bench
	script []uint16 // what is random, drawn before the virtual time begins
	w      [2]*modelWorker

	keys    map[string]execution.ID
	hashes  map[string]uint64
	all     []execution.ID
	steps   map[execution.ID]map[string]string // acknowledged steps with their outputs
	sent    map[execution.ID][]string          // payloads of acknowledged signals
	final   map[execution.ID]execution.Status  // acknowledged ends
	touched map[execution.ID]bool              // asked to be cancelled
	deleted map[execution.ID]bool
	seen    map[execution.ID]int64 // highest revision seen
	n       int
}

type modelWorker struct {
	*worker
	held map[execution.ID]engine.Assignment
}

// broken is a promise that was not kept.
type broken string

func (m *model) fatal(format string, args ...any) { panic(broken(fmt.Sprintf(format, args...))) }

// draw takes the next number from the script.
func (m *model) draw(from, to int) int {
	if len(m.script) == 0 {
		return from
	}
	n := int(m.script[0])
	m.script = m.script[1:]
	return from + n%(to-from+1)
}

func (m *model) must(err error, codes ...string) bool {
	if err == nil {
		return true
	}
	if !slices.Contains(codes, code(err)) {
		m.fatal("unexpected error: %v", err)
	}
	return false
}

func (m *model) pick(from []execution.ID) execution.ID { return from[m.draw(0, len(from)-1)] }

func (m *model) start() {
	r := &engine.StartRequest{Workflow: []string{"a", "b"}[m.draw(0, 1)], Input: []byte(`{}`), Hash: 1}
	r.Priority = int8(m.draw(-1, 1))
	switch m.draw(0, 5) {
	case 0:
		r.Delay = time.Duration(m.draw(1, 30)) * time.Second
	case 1:
		r.Timeout = time.Duration(m.draw(1, 60)) * time.Second
	case 2:
		r.QueueTTL = time.Duration(m.draw(1, 30)) * time.Second
	}
	if m.draw(0, 1) == 1 {
		r.IdempotencyKey, r.Hash = fmt.Sprint("k", m.draw(0, 9)), uint64(m.draw(1, 2))
	}
	first, known := m.keys[r.IdempotencyKey]
	s, err := m.b.Start(m.b.t.Context(), m.b.root, r)
	switch {
	case known && m.hashes[r.IdempotencyKey] != r.Hash:
		if code(err) != "idempotency_mismatch" {
			m.fatal("another request with key %s: %+v, %v", r.IdempotencyKey, s, err)
		}
	case err != nil:
		m.fatal("start: %v", err)
	case known:
		if !s.Replayed || s.ID != first || s.Deleted != m.deleted[first] {
			m.fatal("a repeat of key %s: %+v, want %s, deleted %t", r.IdempotencyKey, s, first, m.deleted[first])
		}
	default:
		if s.Replayed {
			m.fatal("a fresh key %q was answered as a repeat", r.IdempotencyKey)
		}
		m.all = append(m.all, s.ID)
		if r.IdempotencyKey != "" {
			m.keys[r.IdempotencyKey], m.hashes[r.IdempotencyKey] = s.ID, r.Hash
		}
	}
}

func (m *model) ended(id execution.ID, status execution.Status) {
	if was, ok := m.final[id]; ok && was != status {
		m.fatal("%s ended as %s and then as %s", id, was, status)
	}
	m.final[id] = status
}

func (m *model) cancel() {
	if len(m.all) == 0 {
		return
	}
	id := m.pick(m.all)
	v, done, err := m.b.Cancel(m.b.t.Context(), m.b.root, id, engine.CancelRequest{Grace: time.Duration(m.draw(1, 20)) * time.Second})
	if m.must(err, "already_terminal", "deleted") {
		m.touched[id] = true
		if done != v.Status.Final() {
			m.fatal("cancel answers done %t, %s", done, v.Status)
		}
		if done {
			m.ended(id, v.Status)
		}
	}
}

func (m *model) erase() {
	ended := slices.SortedFunc(maps.Keys(m.final), func(a, b execution.ID) int { return slices.Compare(a[:], b[:]) })
	if len(ended) == 0 {
		return
	}
	id := m.pick(ended)
	if m.must(m.b.Delete(m.b.t.Context(), m.b.root, id), "deleted") {
		m.deleted[id] = true
	}
}

func (m *model) poll(w *modelWorker) {
	lose := m.draw(0, 5) == 0
	r, err := m.b.Poll(m.b.t.Context(), m.b.root, &engine.PollRequest{
		Session: w.id, Received: w.received.Load(), Wait: time.Duration(m.draw(0, 300)) * time.Millisecond,
	})
	if !m.must(err, "session_lost") {
		m.open(w)
		return
	}
	if lose {
		return
	}
	w.receive(r)
	for _, id := range r.Drop {
		delete(w.held, id)
	}
	for _, a := range r.Executions {
		w.held[a.ID] = a
		if _, over := m.final[a.ID]; over || m.deleted[a.ID] {
			m.fatal("%s was handed out after its end", a.ID)
		}
		// Recorded steps are exactly those that were acknowledged.
		got := map[string]string{}
		for _, x := range a.Recorded {
			if x.Kind == execution.KindStep && x.Output != nil {
				got[x.Step] = string(x.Output)
			}
		}
		m.received(&a)
		if !maps.Equal(got, m.steps[a.ID]) {
			m.fatal("%s: recorded steps %v were handed out, acknowledged were %v", a.ID, got, m.steps[a.ID])
		}
	}
	// The worker itself may believe that it holds more: a reply that told it what was taken away can be lost.
	sessions, err := m.b.Sessions(m.b.t.Context(), m.b.root)
	m.must(err)
	for _, v := range sessions {
		if v.ID == w.id && v.Held > 3 {
			m.fatal("a worker of capacity 3 holds %d", v.Held)
		}
	}
}

// received checks that waits have got the acknowledged signals, each once and in order.
func (m *model) received(a *engine.Assignment) {
	var got []string
	for _, x := range a.Recorded {
		if x.Ended != nil && x.Ended.Outcome == execution.WaitReceived {
			got = append(got, string(x.Ended.Payload))
		}
	}
	if sent := m.sent[a.ID]; len(got) > len(sent) || !slices.Equal(got, sent[:len(got)]) {
		m.fatal("%s: waits received %v, acknowledged signals were %v", a.ID, got, sent)
	}
}

// address signals an execution or decides what it awaits.
func (m *model) address() {
	if len(m.all) == 0 {
		return
	}
	id := m.pick(m.all)
	ctx := m.b.t.Context()
	if m.draw(0, 2) == 0 {
		_, err := m.b.Decide(ctx, m.b.root, id, &engine.DecisionRequest{Approved: m.draw(0, 1) == 0, By: "Ann"})
		m.must(err, "already_terminal", "deleted", "not_awaiting", "ambiguous")
		return
	}
	m.n++
	payload := fmt.Sprint(m.n)
	r := &engine.SignalRequest{Name: "go", Key: payload, Payload: []byte(payload)}
	if _, replayed, err := m.b.Signal(ctx, m.b.root, id, r); m.must(err, "already_terminal", "deleted") {
		if replayed {
			m.fatal("a new signal for %s was answered as a repeat", id)
		}
		m.sent[id] = append(m.sent[id], payload)
	}
	if _, replayed, err := m.b.Signal(ctx, m.b.root, id, r); m.must(err, "already_terminal", "deleted") && !replayed {
		m.fatal("a repeated signal for %s was taken again", id)
	}
}

func (m *model) open(w *modelWorker) {
	w.worker = m.b.worker(3, "a", "b")
	w.held = map[execution.ID]engine.Assignment{}
}

func (m *model) report(w *modelWorker) {
	held := slices.SortedFunc(maps.Keys(w.held), func(a, b execution.ID) int { return slices.Compare(a[:], b[:]) })
	if len(held) == 0 {
		return
	}
	a := w.held[m.pick(held)]
	kinds := []engine.OpKind{
		engine.OpStepCompleted, engine.OpStepCompleted, engine.OpStepFailed, engine.OpSleep, engine.OpSuspend, engine.OpProgress,
		engine.OpWait, engine.OpWait, engine.OpComplete, engine.OpFail, engine.OpReject, engine.OpCancelled, engine.OpReturn,
	}
	o := op(a, kinds[m.draw(0, len(kinds)-1)])
	m.n++
	o.Step, o.Try, o.Body = fmt.Sprint("s", m.draw(0, 4)), 1, fmt.Appendf(nil, "%d", m.n)
	o.Duration, o.Value = time.Duration(m.draw(0, 10))*time.Second, float64(m.draw(0, 100))/100
	o.Retry = execution.Retry{MaxAttempts: 3, Initial: time.Duration(m.draw(1, 8)) * time.Second}
	if o.Kind == engine.OpSleep {
		o.Step = "nap" + o.Step
	}
	if o.Kind == engine.OpWait {
		o.Wait, o.Name, o.Step, o.HasDuration = execution.WaitForSignal, "go", "go"+o.Step, m.draw(0, 1) == 0
		if m.draw(0, 2) == 0 {
			o.Wait, o.Step = execution.WaitForApproval, "boss"+o.Step
		}
	}
	r, err := m.b.Report(m.b.t.Context(), m.b.root, &engine.ReportRequest{Session: w.id, Received: w.received.Load(), Operations: []engine.Operation{o}})
	if !m.must(err, "session_lost") {
		m.open(w)
		return
	}
	x := r.Results[0]
	if !m.must(x.Err, "stale_lease", "already_terminal", "cancel_requested", "nothing_to_wait", "invalid_transition", "not_found", "history_limit") {
		if c := code(x.Err); c == "stale_lease" || c == "already_terminal" || c == "not_found" {
			delete(w.held, a.ID)
		}
		return
	}
	switch o.Kind {
	case engine.OpStepCompleted:
		if m.steps[a.ID] == nil {
			m.steps[a.ID] = map[string]string{}
		}
		if _, again := m.steps[a.ID][o.Step]; again != x.Duplicate {
			m.fatal("step %s of %s: duplicate %t, want %t", o.Step, a.ID, x.Duplicate, again)
		}
		if !x.Duplicate {
			m.steps[a.ID][o.Step] = string(o.Body)
		}
	case engine.OpComplete:
		m.ended(a.ID, execution.Completed)
	case engine.OpReject:
		m.ended(a.ID, execution.Rejected)
	case engine.OpCancelled:
		m.ended(a.ID, execution.Cancelled)
	case engine.OpFail:
		if x.Final && !m.touched[a.ID] && m.b.get(a.ID).CancelRequestedAt == 0 {
			m.ended(a.ID, execution.Failed)
		}
	}
	v := m.b.get(a.ID)
	if v.Session == 0 {
		delete(w.held, a.ID)
	}
}

func (m *model) beat(w *modelWorker) {
	q := &engine.HeartbeatRequest{Session: w.id, Received: w.received.Load(), Held: len(w.held)}
	for range 2 {
		var as []engine.Assignment
		for _, a := range w.held {
			as = append(as, a)
		}
		q.Digest = digest(as)
		r, err := m.b.Heartbeat(m.b.t.Context(), m.b.root, q)
		if !m.must(err, "session_lost") {
			m.open(w)
			return
		}
		for _, id := range r.Drop {
			delete(w.held, id)
		}
		if !r.Reconcile {
			return
		}
		q.Listed, q.Leases = true, nil
		for _, a := range w.held {
			q.Leases = append(q.Leases, a.Lease)
		}
	}
}

// look checks that what a client can see only goes forward.
func (m *model) look() {
	for _, id := range m.all {
		v, err := m.b.Get(m.b.t.Context(), m.b.root, id, engine.GetOptions{})
		if m.deleted[id] {
			if code(err) != "deleted" {
				m.fatal("deleted %s: %v", id, err)
			}
			continue
		}
		if err != nil {
			m.fatal("%s: %v", id, err)
		}
		if v.Revision < m.seen[id] {
			m.fatal("%s went from revision %d to %d", id, m.seen[id], v.Revision)
		}
		m.seen[id] = v.Revision
		if v.Status.Final() {
			m.ended(id, v.Status)
		} else if was, over := m.final[id]; over {
			m.fatal("%s is %s after it ended as %s", id, v.Status, was)
		}
		if !v.Status.Final() && v.Reason.Code == "" {
			m.fatal("%s is %s for no reason", id, v.Status)
		}
	}
}

func (m *model) audit() {
	findings, err := m.b.store.Audit(m.b.t.Context())
	if err != nil {
		m.fatal("audit: %v", err)
	}
	for _, f := range findings {
		m.fatal("audit: %s: %s (%s)", f.Invariant, f.Subject, f.Promise)
	}
}

// finish lets both workers complete everything: nothing may be left behind.
func (m *model) finish() {
	for round := 0; ; round++ {
		open := 0
		for _, id := range m.all {
			if m.deleted[id] {
				continue
			}
			v := m.b.get(id)
			if v.Status.Final() {
				continue
			}
			open++
			if v.Status == execution.Waiting && len(v.Inbox.Waits()) > 0 { // nobody else is left to end that
				_, _, err := m.b.Signal(m.b.t.Context(), m.b.root, id, &engine.SignalRequest{Name: "go"})
				m.must(err)
				_, err = m.b.Decide(m.b.t.Context(), m.b.root, id, &engine.DecisionRequest{Name: "go"})
				m.must(err, "not_awaiting")
			}
		}
		if open == 0 {
			return
		}
		if round == 400 {
			for _, id := range m.all {
				if !m.deleted[id] {
					if v := m.b.get(id); !v.Status.Final() {
						m.t.Logf("%s: %s, %s: %s", id, v.Status, v.Reason.Message, kinds(v))
					}
				}
			}
			m.fatal("%d executions do not come to an end", open)
		}
		for _, w := range m.w {
			m.beat(w)
			r, err := m.b.Poll(m.b.t.Context(), m.b.root, &engine.PollRequest{Session: w.id, Received: w.received.Load(), Wait: 200 * time.Millisecond})
			if !m.must(err, "session_lost") {
				m.open(w)
				continue
			}
			w.receive(r)
			for _, id := range r.Drop {
				delete(w.held, id)
			}
			for _, a := range r.Executions {
				w.held[a.ID] = a
			}
			var ops []engine.Operation
			for _, a := range w.held {
				ops = append(ops, complete(a, `{}`))
			}
			clear(w.held)
			if len(ops) > 0 {
				_, err := m.b.Report(m.b.t.Context(), m.b.root, &engine.ReportRequest{Session: w.id, Operations: ops})
				m.must(err, "session_lost")
			}
		}
	}
}

// T5 at the level of the engine.
func TestRandomTrafficKeepsThePromises(t *testing.T) {
	checks := "12"
	if wide {
		checks = "1000"
	}
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue { // otherwise somebody has said how many
		if err := f.Value.Set(checks); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		script := rapid.SliceOfN(rapid.Uint16(), 50, 400).Draw(rt, "script")
		var failed broken
		synctest.Test(t, func(t *testing.T) {
			m := &model{
				t: t, b: run(t, teststore.Open(t), short), script: script, keys: map[string]execution.ID{}, hashes: map[string]uint64{},
				steps: map[execution.ID]map[string]string{}, final: map[execution.ID]execution.Status{},
				sent: map[execution.ID][]string{}, touched: map[execution.ID]bool{}, deleted: map[execution.ID]bool{}, seen: map[execution.ID]int64{},
			}
			defer func() {
				_ = m.b.stop()
				if x := recover(); x != nil {
					var ok bool
					if failed, ok = x.(broken); !ok {
						panic(x)
					}
				}
			}()
			m.run()
		})
		if failed != "" {
			rt.Fatalf("%s", string(failed))
		}
	})
}

func (m *model) run() {
	for i := range m.w {
		m.w[i] = &modelWorker{}
		m.open(m.w[i])
	}
	for len(m.script) > 0 {
		w := m.w[m.draw(0, 1)]
		switch m.draw(0, 17) {
		case 0, 1, 2:
			m.start()
		case 3:
			m.cancel()
		case 4:
			m.erase()
		case 5, 6, 7, 8:
			m.poll(w)
		case 9, 10, 11, 12:
			m.report(w)
		case 13:
			m.beat(w)
		case 14:
			time.Sleep(time.Duration(m.draw(1, 4000)) * time.Millisecond)
		case 15, 16:
			m.address()
		case 17:
			if m.draw(0, 3) == 0 {
				m.b = m.b.restart(short)
				for _, w := range m.w {
					w.worker = w.adopt(m.b)
				}
			}
		}
	}
	synctest.Wait()
	m.look()
	m.audit()
	m.finish()
	synctest.Wait()
	m.look()
	m.audit()
}
