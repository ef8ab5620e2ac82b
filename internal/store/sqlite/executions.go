package sqlite

import (
	"context"
	"fmt"
	"math"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Columns of executions, in the order in which they are read and bound. What is in fixedColumns never changes.
const (
	fixedColumns    = "pk, tail, project, workflow, version, trigger_type, priority"
	changingColumns = "intended, why, revision, attempt, steps, failures, finalizers, bytes, cancel_reason, " +
		"session, lease, started_at, completed_at, wake_at, expires_at, deadline_at, cancel_requested_at, cancel_by, " +
		"progress, error_code, first, last"
	rowColumns = fixedColumns + ", status, ready_at, strikes, inbox, " + changingColumns + ", callback"

	fixedWidth    = 7
	changingWidth = 22
	rowWidth      = fixedWidth + 4 + changingWidth + 1

	leaseColumn = 21 // of rowColumns
)

// scanRow reads rowColumns. NULL is zero, but for progress.
func scanRow(s *sqlite.Stmt, r *store.Row) {
	r.ID = execution.IDFromParts(s.ColumnInt64(0), s.ColumnInt64(1))
	r.Project = s.ColumnInt64(2)
	r.Workflow = s.ColumnInt64(3)
	r.Version = s.ColumnInt64(4)
	r.Trigger = execution.Trigger(s.ColumnInt32(5))
	r.Priority = int8(s.ColumnInt32(6))
	r.Status = execution.Status(s.ColumnInt32(7))
	r.ReadyAt = execution.Time(s.ColumnInt64(8))
	r.Strikes = s.ColumnInt32(9)
	r.Inbox = execution.Inbox(s.ColumnText(10))
	r.Intended = execution.Status(s.ColumnInt32(11))
	r.Why = execution.Why(s.ColumnInt32(12))
	r.Revision = s.ColumnInt64(13)
	r.Attempt = s.ColumnInt32(14)
	r.Steps = s.ColumnInt32(15)
	r.Failures = s.ColumnInt32(16)
	r.Finalizers = s.ColumnInt32(17)
	r.Bytes = s.ColumnInt64(18)
	r.CancelReason = execution.CancelReason(s.ColumnInt32(19))
	r.Session = s.ColumnInt64(20)
	r.Lease = execution.Lease{}
	if r.Session != 0 {
		s.ColumnBytes(leaseColumn, r.Lease[:])
	}
	r.StartedAt = execution.Time(s.ColumnInt64(22))
	r.CompletedAt = execution.Time(s.ColumnInt64(23))
	r.WakeAt = execution.Time(s.ColumnInt64(24))
	r.ExpiresAt = execution.Time(s.ColumnInt64(25))
	r.DeadlineAt = execution.Time(s.ColumnInt64(26))
	r.CancelRequestedAt = execution.Time(s.ColumnInt64(27))
	r.CancelBy = execution.Time(s.ColumnInt64(28))
	r.Progress = math.NaN()
	if !s.ColumnIsNull(29) {
		r.Progress = s.ColumnFloat(29)
	}
	r.ErrorCode = s.ColumnText(30)
	r.First = s.ColumnInt64(31)
	r.Last = s.ColumnInt64(32)
	r.Callback = s.ColumnInt64(rowWidth - 1)
}

// bindChanging binds changingColumns, the first of them to parameter i.
func bindChanging(s *stmt, i int, r *store.Row) {
	s.setInt(i, int64(r.Intended))
	s.setInt(i+1, int64(r.Why))
	s.setInt(i+2, r.Revision)
	s.setInt(i+3, int64(r.Attempt))
	s.setInt(i+4, int64(r.Steps))
	s.setInt(i+5, int64(r.Failures))
	s.setInt(i+6, int64(r.Finalizers))
	s.setInt(i+7, r.Bytes)
	s.setInt(i+8, int64(r.CancelReason))
	s.setOptional(i+9, r.Session)
	if r.Session == 0 {
		s.setNull(i + 10)
	} else {
		s.setBytes(i+10, r.Lease[:])
	}
	s.setTime(i+11, r.StartedAt)
	s.setTime(i+12, r.CompletedAt)
	s.setTime(i+13, r.WakeAt)
	s.setTime(i+14, r.ExpiresAt)
	s.setTime(i+15, r.DeadlineAt)
	s.setTime(i+16, r.CancelRequestedAt)
	s.setTime(i+17, r.CancelBy)
	if math.IsNaN(r.Progress) {
		s.setNull(i + 18)
	} else {
		s.setFloat(i+18, r.Progress)
	}
	s.setOptionalText(i+19, r.ErrorCode)
	s.setInt(i+20, r.First)
	s.setInt(i+21, r.Last)
}

const insertQuery = "INSERT INTO executions (" + rowColumns + ", due_at) VALUES " +
	"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

// insertRow saves a new execution.
func (w *writer) insertRow(r *store.Row) error {
	s := w.insert
	s.setInt(1, r.ID.Order())
	s.setInt(2, r.ID.Tail())
	s.setInt(3, r.Project)
	s.setInt(4, r.Workflow)
	s.setInt(5, r.Version)
	s.setInt(6, int64(r.Trigger))
	s.setInt(7, int64(r.Priority))
	s.setInt(8, int64(r.Status))
	s.setTime(9, r.ReadyAt)
	s.setInt(10, int64(r.Strikes))
	s.setOptionalText(11, string(r.Inbox))
	bindChanging(s, fixedWidth+5, r)
	s.setOptional(rowWidth, r.Callback)
	s.setTime(rowWidth+1, r.DueAt())
	if err := s.run(); err != nil {
		return fmt.Errorf("insert execution %s: %w", r.ID, err)
	}
	return nil
}

// indexed are the values of a loaded row that indexes hold. An UPDATE that does not name their columns leaves the
// indexes alone, which is what most reports of steps need.
type indexed struct {
	status     execution.Status
	ready, due execution.Time
	strikes    int32
	inbox      execution.Inbox // no index has it, but it is large and seldom changes
}

func indexedOf(r *store.Row) indexed {
	return indexed{r.Status, r.ReadyAt, r.DueAt(), r.Strikes, r.Inbox}
}

// The parts of an UPDATE that cost an index or much room; each combination is one statement.
const (
	changesStatus = 1 << iota
	changesReady
	changesDue
	changesStrikes
	changesInbox
	changesAll = 1<<iota - 1
)

func updateQuery(parts int) string {
	var b strings.Builder
	b.WriteString("UPDATE executions SET ")
	b.WriteString(strings.ReplaceAll(changingColumns, ",", " = ?,"))
	b.WriteString(" = ?")
	for i, column := range []string{"status", "ready_at", "due_at", "strikes", "inbox"} {
		if parts&(1<<i) != 0 {
			b.WriteString(", " + column + " = ?")
		}
	}
	b.WriteString(" WHERE pk = ? AND tail = ? AND revision = ?")
	return b.String()
}

// updateRow saves a loaded execution if its stored revision is still the one given.
func (w *writer) updateRow(u *store.Update) error {
	r := u.Row
	now, parts := indexedOf(r), changesAll
	if l, ok := w.rows[r.ID.Order()]; ok && l.row == r && l.revision == u.From {
		parts = 0
		if l.indexed.status != now.status {
			parts |= changesStatus
		}
		if l.indexed.ready != now.ready {
			parts |= changesReady
		}
		if l.indexed.due != now.due {
			parts |= changesDue
		}
		if l.indexed.strikes != now.strikes {
			parts |= changesStrikes
		}
		if l.indexed.inbox != now.inbox {
			parts |= changesInbox
		}
	}
	s := w.update[parts]
	if s == nil {
		var err error
		if s, err = prepare(w.conn, updateQuery(parts)); err != nil {
			return err
		}
		w.update[parts] = s
	}
	bindChanging(s, 1, r)
	i := changingWidth + 1
	if parts&changesStatus != 0 {
		s.setInt(i, int64(now.status))
		i++
	}
	if parts&changesReady != 0 {
		s.setTime(i, now.ready)
		i++
	}
	if parts&changesDue != 0 {
		s.setTime(i, now.due)
		i++
	}
	if parts&changesStrikes != 0 {
		s.setInt(i, int64(now.strikes))
		i++
	}
	if parts&changesInbox != 0 {
		s.setOptionalText(i, string(now.inbox))
		i++
	}
	s.setInt(i, r.ID.Order())
	s.setInt(i+1, r.ID.Tail())
	s.setInt(i+2, u.From)
	if err := s.run(); err != nil {
		return fmt.Errorf("update execution %s: %w", r.ID, err)
	}
	if w.conn.Changes() != 1 {
		return refuse("update execution %s: its revision is not %d", r.ID, u.From)
	}
	return nil
}

// deleteRow removes a final execution with all it owns.
func (w *writer) deleteRow(r *store.Row) error {
	s, err := w.prepared("DELETE FROM executions WHERE pk = ? AND tail = ? AND status >= 5 RETURNING last")
	if err != nil {
		return err
	}
	pk := r.ID.Order()
	s.setInt(1, pk)
	s.setInt(2, r.ID.Tail())
	var last int64
	ok, err := s.one(func() { last = s.ColumnInt64(0) })
	if err != nil {
		return fmt.Errorf("delete execution %s: %w", r.ID, err)
	}
	if !ok {
		return refuse("delete execution %s: there is no such final execution", r.ID)
	}
	if err := w.deleteHistory(last); err != nil {
		return fmt.Errorf("delete the history of execution %s: %w", r.ID, err)
	}
	if err := w.deleteFindings(pk); err != nil {
		return err
	}
	return w.deleteDeliveries(r.ID)
}

// deleteFindings removes an execution's metadata, logs and approval links, and its uses of files.
func (w *writer) deleteFindings(pk int64) error {
	for _, q := range [...]string{
		"DELETE FROM metadata WHERE (workflow, key, value, execution) IN " +
			"(SELECT workflow, key, value, execution FROM metadata INDEXED BY metadata_execution WHERE execution = ?1)",
		"DELETE FROM logs WHERE execution = ?1",
		"DELETE FROM approval_links WHERE hash IN (SELECT hash FROM approval_links INDEXED BY approval_links_execution WHERE execution = ?1)",
	} {
		s, err := w.prepared(q)
		if err != nil {
			return err
		}
		s.setInt(1, pk)
		if err := s.run(); err != nil {
			return fmt.Errorf("delete metadata, logs and links: %w", err)
		}
	}
	return w.releaseFiles(pk)
}

// redactRow removes what a final execution says about its subject and keeps that it was.
func (w *writer) redactRow(r *store.Row) error {
	s, err := w.prepared("SELECT last FROM executions WHERE pk = ? AND tail = ? AND status >= 5")
	if err != nil {
		return err
	}
	s.setInt(1, r.ID.Order())
	s.setInt(2, r.ID.Tail())
	var last int64
	ok, err := s.one(func() { last = s.ColumnInt64(0) })
	if err != nil {
		return fmt.Errorf("redact execution %s: %w", r.ID, err)
	}
	if !ok {
		return refuse("redact execution %s: there is no such final execution", r.ID)
	}
	if err := w.redactHistory(last); err != nil {
		return fmt.Errorf("redact the history of execution %s: %w", r.ID, err)
	}
	if err := w.deleteFindings(r.ID.Order()); err != nil {
		return err
	}
	return w.redactDeliveries(r)
}

// Get reads one execution of the project, or store.ErrNotFound.
func (s *Store) Get(ctx context.Context, project int64, id execution.ID) (*store.Row, error) {
	var row *store.Row
	err := s.read(ctx, func(conn *sqlite.Conn) (err error) {
		row, err = getRow(conn, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("get execution %s: %w", id, err)
	}
	if row == nil || row.Project != project {
		return nil, store.ErrNotFound
	}
	return row, nil
}

const getQuery = "SELECT " + rowColumns + " FROM executions WHERE pk = ?"

// getRow reads an execution, nil when there is none.
func getRow(conn *sqlite.Conn, id execution.ID) (*store.Row, error) {
	st, err := conn.Prepare(getQuery)
	if err != nil {
		return nil, err
	}
	st.BindInt64(1, id.Order())
	ok, err := st.Step()
	if err != nil {
		return nil, err
	}
	var row *store.Row
	if ok && st.ColumnInt64(1) == id.Tail() {
		row = new(store.Row)
		scanRow(st, row)
	}
	return row, st.Reset()
}

// Held are the executions whose lease the session has, or any session with session 0. A lease implies that the execution is running, so it walks
// those; no index on the session is worth its cost on each claim.
func (s *Store) Held(ctx context.Context, session int64) ([]*store.Row, error) {
	var rows []*store.Row
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		workflows, err := keysOf(conn, "SELECT key FROM workflows")
		if err != nil {
			return err
		}
		st, err := conn.Prepare("SELECT " + rowColumns + " FROM executions INDEXED BY executions_list " +
			"WHERE workflow = ?1 AND status = ?2 AND (session = ?3 OR ?3 = 0 AND session IS NOT NULL)")
		if err != nil {
			return err
		}
		for _, w := range workflows {
			st.BindInt64(1, w)
			st.BindInt64(2, int64(execution.Running))
			st.BindInt64(3, session)
			for {
				ok, err := st.Step()
				if err != nil {
					return err
				}
				if !ok {
					break
				}
				row := new(store.Row)
				scanRow(st, row)
				rows = append(rows, row)
			}
			if err := st.Reset(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("executions held by session %d: %w", session, err)
	}
	return rows, nil
}

// keysOf reads a column of integers.
func keysOf(conn *sqlite.Conn, query string, args ...int64) ([]int64, error) {
	st, err := conn.Prepare(query)
	if err != nil {
		return nil, err
	}
	for i, a := range args {
		st.BindInt64(i+1, a)
	}
	var keys []int64
	for {
		ok, err := st.Step()
		if err != nil {
			return nil, err
		}
		if !ok {
			return keys, st.Reset()
		}
		keys = append(keys, st.ColumnInt64(0))
	}
}
