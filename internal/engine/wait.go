package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// WaitStanding is how a wait stands when its worker asks.
type WaitStanding struct {
	Ended   *execution.WaitEnd // nil while it is open
	Bounded bool               // it times out
	Left    time.Duration      // until then

	row      *store.Row // as of the command, while it is asked about
	revision int64      // of the execution as of the command
	ended    bool       // its end is in the history
	until    execution.Time
}

// left sets how long an open wait may still take.
func (s *WaitStanding) left(now execution.Time) {
	s.revision = s.row.Revision
	if s.Bounded = s.until != 0; s.Bounded {
		s.Left = max(0, s.until.Sub(now))
	}
}

func (op *Operation) wait() execution.WaitStart {
	return execution.WaitStart{
		Step: op.Step, Kind: op.Wait, Name: op.Name, Timeout: op.Duration, Bounded: op.HasDuration, Payload: op.Body,
	}
}

// ask answers for a wait that is recorded how it stands.
func (c *report) ask(t *tx, row *store.Row, op *Operation, lease execution.Lease, res *OpResult) {
	was := snapshot(row)
	e, ok, err := row.AskWait(lease, op.Step, t.now)
	if err != nil {
		*res = OpResult{Err: err}
		return
	}
	if ok {
		t.changed(row, was, e)
	}
	*res = OpResult{Duplicate: true, Wait: &WaitStanding{row: row, ended: true}}
	for _, w := range row.Inbox.Waits() {
		if w.Step == op.Step && w.Kind == op.Wait {
			res.Wait.ended, res.Wait.until = false, w.Until
		}
	}
	res.Wait.left(t.now)
}

// recallWaits completes the answers to questions about waits with how those ended that have, once the report is durable.
func (e *Engine) recallWaits(ctx context.Context, s *session, c *report) error {
	var told map[execution.ID]int64
	var of execution.ID
	var recorded map[string]*execution.Recorded
	for i := range c.results {
		op, res := &c.ops[i], &c.results[i]
		if res.Wait == nil {
			continue
		}
		row := res.Wait.row
		res.Wait.row = nil
		if res.Duplicate {
			if told == nil {
				told = map[execution.ID]int64{}
			}
			told[op.Execution] = res.Wait.revision
		}
		if !res.Wait.ended {
			continue
		}
		if of != op.Execution {
			events, err := e.store.Events(ctx, row, 0, 0)
			if err != nil {
				return e.unavailable(err) // the worker sends the report again, and what is recorded stands
			}
			of, recorded = op.Execution, map[string]*execution.Recorded{}
			list := execution.RecordedSteps(events)
			for j := range list {
				recorded[list[j].Step] = &list[j]
			}
		}
		r := recorded[op.Step]
		if r == nil || r.Kind != execution.KindWait || r.Wait != op.Wait || r.Ended == nil {
			*res = OpResult{Err: &Error{
				Code: CodeInvalid, Message: fmt.Sprintf("step %q is recorded, and not as a wait for this %s", clip(op.Step), op.Wait),
			}}
			continue
		}
		res.Wait.Ended, res.Wait.Bounded = r.Ended, false
	}
	if told != nil {
		e.matcher.asked(s, told)
	}
	return nil
}

// wake lets the holder of an execution know that one of its waits has ended. The revision is that of the execution then.
func (m *matcher) wake(key int64, id execution.ID, revision int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[key]
	if s == nil {
		if m.e.cluster != nil {
			m.e.cluster.post(key, id, letter{wake: revision, as: revision})
		}
		return
	}
	if h := s.held[id]; h != nil {
		s.wakeUp(h, revision)
	}
}

// wakeUp is wake with the matcher's mutex held.
func (s *session) wakeUp(h *holding, revision int64) {
	h.wake = revision
	s.wakes = append(remove(s.wakes, h.id), h.id)
	s.poke()
}

// asked notes that the worker has asked about waits of the executions, each as of a revision: what ended before is told.
func (m *matcher) asked(s *session, told map[execution.ID]int64) {
	if s == nil { // it lives at another server, which does not learn of questions: it repeats the wake when asked
		m.e.cluster.asked(told)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, revision := range told {
		if h := s.held[id]; h != nil && h.wake <= revision {
			h.wake = 0
			s.wakes = remove(s.wakes, id)
		}
	}
}
