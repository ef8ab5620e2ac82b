package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// recordKinds are the kinds of events that execution.RecordedSteps understands.
const recordKinds = "7, 8, 9, 13, 21, 22, 23"

// claimQuery reads the head of a workflow's queue with what a worker needs: of an execution that was never claimed its first
// event, of another one also what its steps recorded, and its latest event, which shows whether the statement saw the
// history of the row that it locked. Payloads beyond the limit of bytes are passed by.
const claimQuery = "WITH head AS MATERIALIZED (SELECT " + rowColumns + " FROM executions WHERE workflow = $1 AND ready_at IS NOT NULL " +
	"AND ready_at >= $4 AND SOLO ORDER BY priority DESC, ready_at, id LIMIT $2 FOR UPDATE WAITING), " +
	"measured AS (SELECT *, row_number() OVER queue AS place, sum(greatest(bytes, 1)) OVER queue - greatest(bytes, 1) AS before FROM head " +
	"WINDOW queue AS (ORDER BY priority DESC, ready_at, id ROWS UNBOUNDED PRECEDING)) " +
	"SELECT m.place, ROW, EVENT FROM measured AS m LEFT JOIN journal AS j ON (m.place = 1 OR m.before + m.bytes <= $3) AND j.execution = m.id " +
	"AND (j.revision = 1 OR m.started_at IS NOT NULL AND (j.revision = m.revision OR j.kind IN (" + recordKinds + "))) ORDER BY m.place, j.revision"

func claimStatement(solo, waiting string) *statement {
	return prepare(strings.NewReplacer("SOLO", solo, "FOR UPDATE WAITING", strings.TrimSpace("FOR UPDATE "+waiting),
		"ROW, EVENT", prefixed("m.", rowColumns)+", "+prefixed("j.", eventColumns)).Replace(claimQuery))
}

// claimStatements are the ways to claim, by whether a row that another server has locked is waited for and by
// store.SoloChoice. The number in them is execution.SoloStrikes, as the index has it.
var claimStatements = func() (all [2][3]*statement) {
	for i, waiting := range []string{"SKIP LOCKED", ""} {
		all[i] = [3]*statement{claimStatement("true", waiting), claimStatement("strikes < 2", waiting), claimStatement("strikes >= 2", waiting)}
	}
	return all
}()

// needClaims asks for the heads of queues, with what a worker needs to run each execution.
func (t *transaction) needClaims() {
	needs := t.need.Claims
	if len(needs) == 0 {
		return
	}
	t.result.Claims = make([][]store.Claimable, len(needs))
	statements := claimStatements[0]
	if t.s.options.NoSkipLocked {
		statements = claimStatements[1]
	}
	claimed := int64(0)
	for k, need := range needs {
		if need.Limit <= 0 {
			continue
		}
		var head head
		look := t.s.floors.queue(need.Workflow, need.Solo).look()
		t.looks = append(t.looks, look)
		t.load.add(statements[need.Solo], newArgs().int64(need.Workflow).int64(int64(need.Limit)).int64(store.ClaimBytes/int64(len(needs))).
			int64(int64(look.from)), func(r *row) error { return head.add(t, r) }, func(int64) error {
			if len(head.rows) < need.Limit {
				look.found(head.earliest())
			} else {
				look.found(0)
			}
			t.result.Claims[k] = head.claims(&claimed)
			return nil
		})
	}
}

// head is the head of a queue as it is read.
type head struct {
	place  int64
	rows   []*store.Row
	events [][]execution.Event // of each row
}

func (h *head) add(t *transaction, r *row) error {
	if place := r.int64(); place != h.place {
		h.place = place
		h.rows, h.events = append(h.rows, t.scanned(r)), append(h.events, nil)
	} else {
		r.skip(strings.Count(rowColumns, ",") + 1)
	}
	if r.null() {
		return nil
	}
	i := len(h.rows) - 1
	h.events[i] = append(h.events[i], execution.Event{})
	scanEvent(r, h.rows[i].ID, &h.events[i][len(h.events[i])-1])
	return nil
}

// earliest is since when the first of them is ready.
func (h *head) earliest() execution.Time {
	at := never
	for _, x := range h.rows {
		at = min(at, x.ReadyAt)
	}
	return at
}

// claims are the executions of the head, of which those are withheld that exceed what one transaction reads.
func (h *head) claims(claimed *int64) []store.Claimable {
	list := make([]store.Claimable, len(h.rows))
	for i, x := range h.rows {
		c, events := &list[i], h.events[i]
		c.Row = x
		whole := len(events) > 0 && events[0].Revision == 1 && (x.StartedAt == 0 || events[len(events)-1].Revision == x.Revision)
		if !whole || *claimed > 0 && *claimed+x.Bytes > store.ClaimBytes {
			c.Withheld = true
			if whole || len(events) == 0 {
				*claimed = store.ClaimBytes // and so is all behind it
			}
			continue
		}
		*claimed += max(x.Bytes, 1)
		c.Input, c.Details = events[0].Body, events[0].Details
		if x.StartedAt != 0 {
			c.Recorded = execution.RecordedSteps(events)
		}
	}
	return list
}

// Queues are the workflows that have executions in the queue.
func (s *Store) Queues(ctx context.Context) ([]store.Queue, error) {
	var queues []store.Queue
	err := s.query(ctx, "SELECT (SELECT project FROM workflows WHERE key = workflow), workflow, count(*), min(ready_at) FROM executions "+
		"WHERE ready_at IS NOT NULL GROUP BY workflow ORDER BY workflow", nil, func() { queues = nil }, func(r *row) error {
		queues = append(queues, store.Queue{Project: r.int64(), Workflow: r.int64(), Length: r.int64(), Oldest: r.time()})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the queues: %w", err)
	}
	return queues, nil
}
