package postgres

import (
	"context"
	"fmt"
	"math"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// rowColumns are the columns of executions in the order in which scanRow reads them.
const rowColumns = "id, project, workflow, version, callback, trigger_type, priority, status, ready_at, strikes, inbox, " +
	"intended, why, revision, attempt, steps, failures, finalizers, bytes, cancel_reason, session, lease, started_at, completed_at, " +
	"wake_at, expires_at, deadline_at, cancel_requested_at, cancel_by, progress, error_code, updated_at"

// scanRow reads rowColumns. NULL is zero, but for progress. It returns the time of the latest event.
func scanRow(r *row, x *store.Row) (updated execution.Time) {
	x.ID = r.id()
	x.Project, x.Workflow, x.Version, x.Callback = r.int64(), r.int64(), r.int64(), r.int64()
	x.Trigger, x.Priority = execution.Trigger(r.int64()), int8(r.int64())
	x.Status, x.ReadyAt, x.Strikes, x.Inbox = execution.Status(r.int64()), r.time(), r.int32(), execution.Inbox(r.text())
	x.Intended, x.Why, x.Revision = execution.Status(r.int64()), execution.Why(r.int64()), r.int64()
	x.Attempt, x.Steps, x.Failures, x.Finalizers = r.int32(), r.int32(), r.int32(), r.int32()
	x.Bytes, x.CancelReason, x.Session = r.int64(), execution.CancelReason(r.int64()), r.int64()
	x.Lease = execution.Lease(r.id())
	x.StartedAt, x.CompletedAt, x.WakeAt, x.ExpiresAt, x.DeadlineAt = r.time(), r.time(), r.time(), r.time(), r.time()
	x.CancelRequestedAt, x.CancelBy = r.time(), r.time()
	x.Progress, x.ErrorCode = r.float(), r.text()
	return r.time()
}

// changingColumns are those that an update writes, in the order of changing.
const changingColumns = "status, ready_at, strikes, inbox, intended, why, revision, attempt, steps, failures, finalizers, bytes, " +
	"cancel_reason, session, lease, started_at, completed_at, wake_at, expires_at, deadline_at, cancel_requested_at, cancel_by, " +
	"progress, error_code, due_at, updated_at"

// changing adds an array for each of changingColumns.
func (t *transaction) changing(a *args, n int, at func(int) *store.Row) *args {
	return a.
		int16s(n, func(i int) int16 { return int16(at(i).Status) }).
		times(n, func(i int) execution.Time { return at(i).ReadyAt }).
		int32s(n, func(i int) int32 { return at(i).Strikes }).
		optionalTexts(n, func(i int) string { return string(at(i).Inbox) }).
		int16s(n, func(i int) int16 { return int16(at(i).Intended) }).
		int16s(n, func(i int) int16 { return int16(at(i).Why) }).
		int64s(n, func(i int) int64 { return at(i).Revision }).
		int32s(n, func(i int) int32 { return at(i).Attempt }).
		int32s(n, func(i int) int32 { return at(i).Steps }).
		int32s(n, func(i int) int32 { return at(i).Failures }).
		int32s(n, func(i int) int32 { return at(i).Finalizers }).
		int64s(n, func(i int) int64 { return at(i).Bytes }).
		int16s(n, func(i int) int16 { return int16(at(i).CancelReason) }).
		optionals(n, func(i int) int64 { return at(i).Session }).
		optionalUUIDs(n, func(i int) ([16]byte, bool) { return at(i).Lease, at(i).Session != 0 }).
		times(n, func(i int) execution.Time { return at(i).StartedAt }).
		times(n, func(i int) execution.Time { return at(i).CompletedAt }).
		times(n, func(i int) execution.Time { return at(i).WakeAt }).
		times(n, func(i int) execution.Time { return at(i).ExpiresAt }).
		times(n, func(i int) execution.Time { return at(i).DeadlineAt }).
		times(n, func(i int) execution.Time { return at(i).CancelRequestedAt }).
		times(n, func(i int) execution.Time { return at(i).CancelBy }).
		floats(n, func(i int) float64 { return at(i).Progress }).
		optionalTexts(n, func(i int) string { return at(i).ErrorCode }).
		times(n, func(i int) execution.Time { return at(i).DueAt() }).
		int64s(n, func(i int) int64 { return int64(t.updated(at(i))) })
}

// updated is the time of a row's latest event.
func (t *transaction) updated(x *store.Row) execution.Time {
	if at, ok := t.ended[x]; ok {
		return at
	}
	return t.result.Now
}

var insertStatement = prepare("INSERT INTO executions (id, shard, project, workflow, version, callback, trigger_type, priority, " + changingColumns +
	") SELECT * FROM unnest(" + parameters(1, 8+26) + ")")

// saveInserts saves new executions.
func (t *transaction) saveInserts() {
	rows := t.changes.Insert
	n := len(rows)
	if n == 0 {
		return
	}
	a := newArgs().
		ids(n, func(i int) execution.ID { return rows[i].ID }).
		shards(n, func(i int) execution.ID { return rows[i].ID }).
		int64s(n, func(i int) int64 { return rows[i].Project }).
		int64s(n, func(i int) int64 { return rows[i].Workflow }).
		int64s(n, func(i int) int64 { return rows[i].Version }).
		optionals(n, func(i int) int64 { return rows[i].Callback }).
		int16s(n, func(i int) int16 { return int16(rows[i].Trigger) }).
		int16s(n, func(i int) int16 { return int16(rows[i].Priority) })
	t.save.add(insertStatement, t.changing(a, n, func(i int) *store.Row { return rows[i] }), nil, nil)
}

var updateStatement = prepare(exactly("UPDATE executions AS x SET (" + changingColumns + ") = (" + prefixed("t.", changingColumns) +
	") FROM unnest(" + parameters(1, 3+26) + ") AS t (id, shard, was, " + changingColumns + ") " +
	"WHERE x.id = t.id AND x.shard = t.shard AND x.revision = t.was RETURNING 1"))

var errMoved = fmt.Errorf("%w: an execution is not as it was loaded", store.ErrRefused)

// saveUpdates saves loaded executions, each if its stored revision is still the one given.
func (t *transaction) saveUpdates() error {
	rows := t.changes.Update
	n := len(rows)
	if n == 0 {
		return nil
	}
	for i := range rows {
		if l := t.rows[rows[i].ID]; l.row == nil || l.revision != rows[i].From {
			return refuse("update execution %s: its revision is not %d", rows[i].ID, rows[i].From)
		}
	}
	a := newArgs().
		ids(n, func(i int) execution.ID { return rows[i].ID }).
		shards(n, func(i int) execution.ID { return rows[i].ID }).
		int64s(n, func(i int) int64 { return rows[i].From })
	a = t.changing(a, n, func(i int) *store.Row { return rows[i].Row }).int64(int64(n))
	t.save.check(updateStatement, a, errMoved)
	return nil
}

const getQuery = "SELECT " + rowColumns + " FROM executions WHERE id = $1"

// Get reads one execution of the project, or store.ErrNotFound.
func (s *Store) Get(ctx context.Context, project int64, id execution.ID) (*store.Row, error) {
	var found *store.Row
	err := s.query(ctx, getQuery, newArgs().id(id), func() { found = nil }, func(r *row) error {
		found = new(store.Row)
		scanRow(r, found)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("get execution %s: %w", id, err)
	}
	if found == nil || found.Project != project {
		return nil, store.ErrNotFound
	}
	return found, nil
}

// Held are the executions whose lease the session has, or any session with session 0. A lease implies that the execution is
// running, so it walks those; no index on the session is worth its cost on each claim.
func (s *Store) Held(ctx context.Context, session int64) ([]*store.Row, error) {
	var rows []*store.Row
	err := s.query(ctx, "SELECT "+rowColumns+" FROM executions WHERE workflow IN (SELECT key FROM workflows) AND status = 2 AND "+
		"(session = $1 OR $1 = 0 AND session IS NOT NULL)", newArgs().int64(session), func() { rows = nil }, func(r *row) error {
		x := new(store.Row)
		scanRow(r, x)
		rows = append(rows, x)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("executions held by session %d: %w", session, err)
	}
	return rows, nil
}

// nan2zero is for columns that have no number where the rules have zero.
func nan2zero(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return f
}
