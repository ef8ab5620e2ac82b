package sqlite

import (
	"context"
	"fmt"
	"math"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// The claims name their index: without statistics SQLite would rather sort what another index finds. soloQuery has the
// number execution.SoloStrikes, as its index has.
const (
	claimQuery = "SELECT " + rowColumns + " FROM executions INDEXED BY executions_queue " +
		"WHERE workflow = ? AND ready_at IS NOT NULL AND strikes < ? ORDER BY priority DESC, ready_at, pk LIMIT ?"
	soloQuery = "SELECT " + rowColumns + " FROM executions INDEXED BY executions_solo " +
		"WHERE workflow = ? AND ready_at IS NOT NULL AND strikes >= 2 ORDER BY priority DESC, ready_at, pk LIMIT ?"
)

// claimable reads the head of a workflow's queue, with what a worker needs to run each execution.
func (w *writer) claimable(need store.ClaimNeed) ([]store.Claimable, error) {
	if need.Limit <= 0 {
		return nil, nil
	}
	var claims []store.Claimable
	s := w.claim
	switch need.Solo {
	case store.SoloIncluded:
		s.setInt(2, math.MaxInt64)
		s.setInt(3, int64(need.Limit))
	case store.SoloLeftOut:
		s.setInt(2, execution.SoloStrikes)
		s.setInt(3, int64(need.Limit))
	case store.SoloOnly:
		s = w.solo
		s.setInt(2, int64(need.Limit))
	}
	s.setInt(1, need.Workflow)
	if err := s.each(func() error {
		claims = append(claims, store.Claimable{Row: w.scanned(s.Stmt)})
		return nil
	}); err != nil {
		return nil, err
	}
	for i := range claims {
		c := &claims[i]
		if w.claimed > 0 && w.claimed+c.Row.Bytes > store.ClaimBytes {
			c.Withheld, w.claimed = true, store.ClaimBytes // and so is all behind it
			continue
		}
		w.claimed += max(c.Row.Bytes, 1)
		if c.Row.StartedAt == 0 { // never claimed: it has no steps
			s := w.input
			s.setInt(1, c.Row.First)
			if _, err := s.one(func() { c.Details, c.Input = columnBytes(s.Stmt, 0), columnBytes(s.Stmt, 1) }); err != nil {
				return nil, err
			}
			continue
		}
		events, err := readChain(w.conn, c.Row, 0, 0)
		if err != nil {
			return nil, fmt.Errorf("events of execution %s: %w", c.Row.ID, err)
		}
		if len(events) > 0 {
			c.Input, c.Details = events[0].Body, events[0].Details
		}
		c.Recorded = execution.RecordedSteps(events)
	}
	return claims, nil
}

const inputQuery = "SELECT details, body FROM journal WHERE seq = ?"

// Queues are the workflows that have executions in the queue.
func (s *Store) Queues(ctx context.Context) ([]store.Queue, error) {
	var queues []store.Queue
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		st, err := conn.Prepare("SELECT (SELECT project FROM workflows WHERE key = workflow), workflow, count(*), min(ready_at) " +
			"FROM executions INDEXED BY executions_queue WHERE ready_at IS NOT NULL GROUP BY workflow ORDER BY workflow")
		if err != nil {
			return err
		}
		for {
			ok, err := st.Step()
			if err != nil {
				return err
			}
			if !ok {
				return st.Reset()
			}
			queues = append(queues, store.Queue{
				Project: st.ColumnInt64(0), Workflow: st.ColumnInt64(1), Length: st.ColumnInt64(2),
				Oldest: execution.Time(st.ColumnInt64(3)),
			})
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read the queues: %w", err)
	}
	return queues, nil
}
