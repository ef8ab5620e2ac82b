package engine

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// claim takes executions from the queue for one session, as many as it has credit for.
type claim struct {
	e       *Engine
	session *session
	at      int // cell of the store
	most    int // what the session could take when the claim was submitted

	wants []want
	needs *store.Need
}

// want is what a claim looks for in one workflow's queue: places in the need, -1 for nothing.
type want struct {
	w           *workflow
	queue, solo int
	heard       int64 // what was heard of the queue before it was read
}

func (c *claim) cell() int { return c.at }

// weigh counts what the claim may take: many large claims together would make a batch that everybody waits for.
func (c *claim) weigh() (int, int) { return max(16, c.most), 0 }

func (c *claim) project() int64 { return c.session.record.Project }

const (
	// maxClaim bounds one claim, so that the inputs and recorded steps it loads stay bounded.
	maxClaim = 256
	// maxWants bounds the workflows whose queues one claim looks into.
	maxWants = 64
)

// need asks for a fair share of the session's credit from each workflow that has a backlog, beginning with another
// one each time.
func (c *claim) need(n *store.Need) {
	c.wants, c.needs = c.wants[:0], n
	if c.e.isDraining() {
		return
	}
	m, s := c.e.matcher, c.session
	m.mu.Lock()
	limit := min(s.credit(), maxClaim)
	if limit > 0 {
		s.next++
		for i := range s.workflows {
			w := s.workflows[(s.next+i)%len(s.workflows)]
			if !m.worth(s, w, c.at) {
				continue
			}
			x := want{w: w, queue: -1, solo: -1, heard: w.heard.Load()}
			if w.backlog.has(c.at) && !s.soloNext {
				x.queue = 0
			}
			if m.worthSolo(s, w, c.at) {
				x.solo = 0
			}
			if c.wants = append(c.wants, x); len(c.wants) == maxWants {
				break
			}
		}
	}
	m.mu.Unlock()
	share := limit
	if len(c.wants) > 1 {
		share = (limit + len(c.wants) - 1) / len(c.wants)
	}
	for i := range c.wants {
		x := &c.wants[i]
		if x.queue >= 0 {
			x.queue = ask(n, store.ClaimNeed{Workflow: x.w.key, Limit: share, Solo: store.SoloLeftOut})
		}
		if x.solo >= 0 {
			x.solo = ask(n, store.ClaimNeed{Workflow: x.w.key, Limit: 1, Solo: store.SoloOnly})
		}
	}
}

// empty notes that the workflow's queue was found empty, unless something was heard to be in it since it was read.
func (x *want) empty(queue *cellSet, cell int) {
	queue.clear(cell)
	if x.w.heard.Load() != x.heard {
		queue.set(cell)
	}
}

// ask adds to what another claim of the batch asks of the same queue, or asks anew.
func ask(n *store.Need, want store.ClaimNeed) int {
	for i := range n.Claims {
		if x := &n.Claims[i]; x.Workflow == want.Workflow && x.Solo == want.Solo {
			x.Limit += want.Limit
			return i
		}
	}
	n.Claims = append(n.Claims, want)
	return len(n.Claims) - 1
}

func (c *claim) decide(t *tx) {
	m, s := c.e.matcher, c.session
	m.mu.Lock()
	defer m.mu.Unlock()
	soloFound := false
	for _, x := range c.wants {
		if x.solo < 0 {
			continue
		}
		left, drained := c.take(t, x.w, x.solo)
		if drained {
			t.soloDrained = append(t.soloDrained, x)
		}
		if left && !s.empty() && !m.soloAwaited(x.w) {
			s.soloNext = true
		}
		soloFound = soloFound || left
	}
	if s.soloNext && s.empty() && !soloFound && !c.soloElsewhere() {
		s.soloNext = false // what it emptied itself for is gone
	}
	for _, x := range c.wants {
		if x.queue < 0 {
			continue
		}
		if _, drained := c.take(t, x.w, x.queue); drained {
			t.drained = append(t.drained, x)
		}
	}
}

// soloElsewhere reports whether an execution that must run alone may wait for the session in another cell of the store.
func (c *claim) soloElsewhere() bool {
	return slices.ContainsFunc(c.session.workflows, func(w *workflow) bool {
		return slices.ContainsFunc(c.e.committers, func(x *committer) bool { return x.cell != c.at && w.solo.has(x.cell) })
	})
}

// take claims for the session what was found in a queue, as far as it has credit. left says that something stays in
// the queue, drained that nothing does. The matcher's mutex is held.
func (c *claim) take(t *tx, w *workflow, need int) (left, drained bool) {
	s := c.session
	found := t.loaded.Claims[need]
	for i := range found {
		q := &found[i]
		row := q.Row
		if row.ReadyAt == 0 {
			continue // another command of this batch has taken it
		}
		if due := row.DueAt(); due != 0 && due <= t.now {
			was := snapshot(row) // stale work is not handed out, and must not stand in the way of other work
			if events := row.Fire(nil, c.e.cfg.CancelGrace, t.now); len(events) > 0 {
				t.changed(row, was, events...)
			}
			if row.ReadyAt == 0 {
				continue
			}
		}
		if q.Withheld {
			left = true // its turn comes in the next batch
			break
		}
		solo := row.Solo()
		if s.credit() <= 0 || solo && !s.empty() {
			left = true
			if !solo {
				break
			}
			continue
		}
		a, ok := t.claim(row, s, w)
		if !ok {
			left = true
			continue
		}
		s.reserved++
		if solo {
			s.solo, s.soloNext = true, false
		}
		a.Input, a.Details = q.Input, parseDetails(q.Details)
		a.Recorded = a.Details.recorded(q.Recorded)
	}
	return left, !left && len(found) < c.needs.Claims[need].Limit
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
		session: s, row: row, print: print, waited: max(waited, 0),
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
	// Overrides are steps that do not run, in the order given.
	Overrides []execution.Override `json:"overrides,omitempty"`
	// CallbackURL is where the end of the execution is told.
	CallbackURL string `json:"callback_url,omitempty"`
}

// callback is the URL for the callback, empty without one.
func (d *StartDetails) callback() string {
	if d == nil {
		return ""
	}
	return d.CallbackURL
}

func (d *StartDetails) empty() bool {
	return len(d.Metadata) == 0 && d.TraceParent == "" && len(d.Overrides) == 0 && d.CallbackURL == ""
}

func (d *StartDetails) encode() []byte {
	if d.empty() {
		return nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // outputs stay as they were given
	_ = e.Encode(d)        // strings, and JSON that was checked, cannot fail
	return bytes.TrimRight(b.Bytes(), "\n")
}

// recorded adds the overridden steps to what a worker must know.
func (d *StartDetails) recorded(steps []execution.Recorded) []execution.Recorded {
	if d == nil {
		return steps
	}
	return execution.OverrideRecorded(steps, d.Overrides)
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
	return max(0, now.Sub(execution.Time(id.Millis()*1000)))
}
