package sqlite

import (
	"context"
	"fmt"
	"math"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

const eventColumns = "prev, revision, kind, at, actor, attempt, try, step, until, since, value, code, message, hash, details, body, status"

const appendQuery = "INSERT INTO journal (seq, execution, " + eventColumns + ") VALUES " +
	"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

// stepQuery finds the one record of a step. Its kinds are those of execution.EventKind.RecordsStep.
const stepQuery = "SELECT 1 FROM journal INDEXED BY journal_step WHERE execution = ? AND step = ? AND kind IN (7, 9, 21)"

// appendEvent writes one event at the end of the journal.
func (w *writer) appendEvent(seq, prev int64, e *execution.Event) error {
	s := w.appendStmt
	s.setInt(1, seq)
	s.setInt(2, e.Execution.Order())
	s.setInt(3, prev)
	s.setInt(4, e.Revision)
	s.setInt(5, int64(e.Kind))
	s.setInt(6, int64(e.At))
	s.setInt(7, e.Actor.Pack())
	s.setInt(8, int64(e.Attempt))
	s.setOptional(9, int64(e.Try))
	s.setOptionalText(10, e.Step)
	s.setTime(11, e.Until)
	s.setTime(12, e.Since)
	if e.Value == 0 || math.IsNaN(e.Value) {
		s.setNull(13)
	} else {
		s.setFloat(13, e.Value)
	}
	s.setOptionalText(14, e.Code)
	s.setOptionalText(15, e.Message)
	s.setOptional(16, int64(e.Hash))
	s.setBytes(17, e.Details)
	s.setBytes(18, e.Body)
	s.setInt(19, int64(e.Status))
	if err := s.run(); err != nil {
		return fmt.Errorf("append event %d (%s) of execution %s: %w", e.Revision, e.Kind, e.Execution, err)
	}
	return nil
}

// deleteHistory removes the chain of events that ends at the position.
func (w *writer) deleteHistory(last int64) error {
	s, err := w.prepared("DELETE FROM journal WHERE seq = ? RETURNING prev")
	if err != nil {
		return err
	}
	return w.walk(s, last)
}

// redactHistory removes payloads, messages and details from the chain of events that ends at the position.
func (w *writer) redactHistory(last int64) error {
	s, err := w.prepared("UPDATE journal SET body = NULL, details = NULL, message = NULL WHERE seq = ? RETURNING prev")
	if err != nil {
		return err
	}
	return w.walk(s, last)
}

// walk runs the statement, which returns prev, on each event of a chain.
func (w *writer) walk(s *stmt, seq int64) error {
	for seq != 0 {
		s.setInt(1, seq)
		ok, err := s.one(func() { seq = s.ColumnInt64(0) })
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("event at %d is missing", seq)
		}
	}
	return nil
}

// scanEvent reads eventColumns.
func scanEvent(s *sqlite.Stmt, id execution.ID, e *execution.Event) (prev int64) {
	scanNarrow(s, id, e)
	e.Details = columnBytes(s, 14)
	e.Body = columnBytes(s, 15)
	return s.ColumnInt64(0)
}

// scanNarrow reads eventColumns but for details and body.
func scanNarrow(s *sqlite.Stmt, id execution.ID, e *execution.Event) {
	e.Execution = id
	e.Revision = s.ColumnInt64(1)
	e.Kind = execution.EventKind(s.ColumnInt32(2))
	e.At = execution.Time(s.ColumnInt64(3))
	e.Actor = execution.UnpackActor(s.ColumnInt64(4))
	e.Attempt = s.ColumnInt32(5)
	e.Try = s.ColumnInt32(6)
	e.Step = s.ColumnText(7)
	e.Until = execution.Time(s.ColumnInt64(8))
	e.Since = execution.Time(s.ColumnInt64(9))
	e.Value = s.ColumnFloat(10)
	e.Code = s.ColumnText(11)
	e.Message = s.ColumnText(12)
	e.Hash = uint64(s.ColumnInt64(13))
	if s.ColumnIsNull(16) {
		e.Status = impliedStatus(e)
		return
	}
	e.Status = execution.Status(s.ColumnInt32(16))
}

// impliedStatus is the state after an event that was written before the column was there. None of the kinds of that time
// leaves it open.
func impliedStatus(e *execution.Event) execution.Status {
	switch e.Kind {
	case execution.EventCreated:
		if e.Until != 0 {
			return execution.Created
		}
		return execution.Pending
	case execution.EventReady:
		return execution.Pending
	case execution.EventSuspended:
		return execution.Waiting
	case execution.EventFinalizing:
		return execution.Finalizing
	case execution.EventCompleted, execution.EventFailed, execution.EventCancelled, execution.EventRejected:
		return execution.Completed + execution.Status(e.Kind-execution.EventCompleted)
	default:
		return execution.Running
	}
}

// columnBytes copies a column, nil when it is NULL or empty.
func columnBytes(s *sqlite.Stmt, col int) []byte {
	n := s.ColumnLen(col)
	if n == 0 {
		return nil
	}
	b := make([]byte, n)
	s.ColumnBytes(col, b)
	return b
}

const (
	eventQuery = "SELECT " + eventColumns + " FROM journal WHERE seq = ?"
	prevQuery  = "SELECT prev FROM journal WHERE seq = ?"
)

// readEvent reads the event at a position. ok is false when it is gone, as its execution then is.
func readEvent(st *sqlite.Stmt, seq int64, id execution.ID, e *execution.Event) (prev int64, ok bool, err error) {
	st.BindInt64(1, seq)
	if ok, err = st.Step(); err != nil {
		return 0, false, err
	}
	if ok {
		prev = scanEvent(st, id, e)
	}
	return prev, ok, st.Reset()
}

// readChain reads the events of a row above a revision in order, at most limit (0: all). It walks back from the
// latest, passing by the payloads of events beyond the limit.
func readChain(conn *sqlite.Conn, row *store.Row, after int64, limit int) ([]execution.Event, error) {
	after = max(after, 0)
	n := row.Revision - after
	if n <= 0 {
		return nil, nil
	}
	seq := row.Last
	if limit > 0 && n > int64(limit) {
		st, err := conn.Prepare(prevQuery)
		if err != nil {
			return nil, err
		}
		for ; n > int64(limit) && seq != 0; n-- {
			st.BindInt64(1, seq)
			ok, err := st.Step()
			if err != nil {
				return nil, err
			}
			if !ok {
				return nil, store.ErrNotFound
			}
			seq = st.ColumnInt64(0)
			if err := st.Reset(); err != nil {
				return nil, err
			}
		}
	}
	st, err := conn.Prepare(eventQuery)
	if err != nil {
		return nil, err
	}
	events := make([]execution.Event, 0, n)
	for seq != 0 {
		var e execution.Event
		prev, ok, err := readEvent(st, seq, row.ID, &e)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, store.ErrNotFound
		}
		if e.Revision <= after {
			break
		}
		events = append(events, e)
		seq = prev
	}
	slices.Reverse(events)
	return events, nil
}

// Events reads events of an execution with a revision above after, in order, at most limit (0: all). Events later than
// the given row are not read. For an execution that was deleted meanwhile it returns store.ErrNotFound.
func (s *Store) Events(ctx context.Context, row *store.Row, after int64, limit int) ([]execution.Event, error) {
	if row.Revision <= after {
		return nil, nil
	}
	var events []execution.Event
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return transaction(conn, func(conn *sqlite.Conn) (err error) {
			events, err = readChain(conn, row, after, limit)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("events of execution %s: %w", row.ID, err)
	}
	return events, nil
}

// Ends reads the first event and, when the row is final, the last one.
func (s *Store) Ends(ctx context.Context, row *store.Row) (first, last *execution.Event, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) (err error) {
		first, last, err = readEnds(conn, row)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("first and last event of execution %s: %w", row.ID, err)
	}
	return first, last, nil
}

func readEnds(conn *sqlite.Conn, row *store.Row) (first, last *execution.Event, err error) {
	st, err := conn.Prepare(eventQuery)
	if err != nil {
		return nil, nil, err
	}
	first = new(execution.Event)
	_, ok, err := readEvent(st, row.First, row.ID, first)
	if err == nil && ok && row.Status.Final() {
		last = new(execution.Event)
		_, ok, err = readEvent(st, row.Last, row.ID, last)
	}
	if err == nil && !ok {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	return first, last, nil
}
