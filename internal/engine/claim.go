package engine

import (
	"encoding/json"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// claim takes executions from the queue for one session, as many as it has credit for.
type claim struct {
	e       *Engine
	session *session

	wants []*workflow
	first int // of its claims in the need
	limit int
}

func (c *claim) weigh() (int, int) { return 16, 0 }

func (c *claim) need(n *store.Need) {
	m := c.e.matcher
	m.mu.Lock()
	c.limit = min(c.session.credit(), maxClaim)
	m.mu.Unlock()
	c.first, c.wants = len(n.Claims), c.wants[:0]
	if c.limit <= 0 {
		return
	}
	for _, w := range c.session.workflows {
		if w.backlog.Load() {
			c.wants = append(c.wants, w)
			n.Claims = append(n.Claims, store.ClaimNeed{Workflow: w.key, Limit: c.limit})
		}
	}
}

// maxClaim bounds one claim, so that the inputs and recorded steps it loads stay bounded.
const maxClaim = 256

func (c *claim) decide(t *tx) {
	m := c.e.matcher
	for i, w := range c.wants {
		found := t.loaded.Claims[c.first+i]
		left := false
		for j := range found {
			ok := c.take(t, m, w, &found[j])
			left = left || !ok
		}
		if !left && len(found) < c.limit {
			t.drained = append(t.drained, w)
		}
	}
}

// take claims one execution for the session. It returns false when the execution stays in the queue.
func (c *claim) take(t *tx, m *matcher, w *workflow, q *store.Claimable) bool {
	row := q.Row
	if row.ReadyAt == 0 {
		return true // another claim of this batch has it
	}
	s := c.session
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.credit() <= 0 {
		return false
	}
	if row.Solo() {
		if len(s.held)+s.reserved > 0 {
			s.soloNext = s.soloNext || !m.soloAwaited(w)
			return false
		}
		s.solo, s.soloNext = true, false
	}
	a, ok := t.claim(row, s, w)
	if !ok {
		return false
	}
	s.reserved++
	a.Input, a.Recorded = q.Input, q.Recorded
	a.Details = parseDetails(q.Details)
	return true
}

// soloAwaited reports whether a session of the workflow already empties itself for an execution that must run alone.
func (m *matcher) soloAwaited(w *workflow) bool {
	for _, s := range m.byWorkflow[w.key] {
		if s.soloNext {
			return true
		}
	}
	return false
}

func (c *claim) settle(error) {
	m := c.e.matcher
	m.mu.Lock()
	c.session.claiming = false
	m.mu.Unlock()
}

// claim runs the rule and prepares the assignment; the caller fills in the input.
func (t *tx) claim(row *store.Row, s *session, w *workflow) (*assignment, bool) {
	waited := t.now.Sub(row.ReadyAt)
	text := t.e.mint.leaseText(row.Attempt + 1)
	print := fingerprint(t.e.store.Epoch(), text)
	was := snapshot(row)
	e, err := row.Claim(execution.Claim{Session: s.record.Key, Lease: print}, t.now)
	if err != nil {
		return nil, false
	}
	t.changed(row, was, e)
	a := &assignment{
		Assignment: Assignment{
			ID: row.ID, Workflow: w.info.Name, Lease: text, Attempt: row.Attempt, DeadlineAt: row.DeadlineAt, Now: t.now,
		},
		session: s, print: print, waited: max(waited, 0),
	}
	if row.Version != 0 {
		if v := w.record.Load().byKey(row.Version); v != nil {
			a.Version = v.Number
		}
	}
	t.given = append(t.given, a)
	return a, true
}

// StartDetails is what a start carries besides its input, kept in the first event.
type StartDetails struct {
	Metadata    map[string]string `json:"metadata,omitempty"`
	TraceParent string            `json:"traceparent,omitempty"`
}

func (d *StartDetails) encode() []byte {
	if len(d.Metadata) == 0 && d.TraceParent == "" {
		return nil
	}
	b, _ := json.Marshal(d) // a struct of strings cannot fail
	return b
}

func parseDetails(raw []byte) *StartDetails {
	if len(raw) == 0 {
		return nil
	}
	d := &StartDetails{}
	if json.Unmarshal(raw, d) != nil {
		return nil
	}
	return d
}

// Assignment is an execution handed to a worker.
type Assignment struct {
	ID         execution.ID
	Workflow   string
	Version    int32 // 0: none
	Lease      string
	Attempt    int32
	Input      []byte
	Details    *StartDetails
	DeadlineAt execution.Time
	Recorded   []execution.Recorded
	Now        execution.Time // when it was claimed
}

// sinceCreation is how old the execution is.
func sinceCreation(id execution.ID, now execution.Time) time.Duration {
	return now.Sub(execution.Time(id.Millis() * 1000))
}
