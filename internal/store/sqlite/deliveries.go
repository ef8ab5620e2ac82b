package sqlite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// deliveryColumns are read by scanDelivery and bound by insertDelivery, in this order.
const deliveryColumns = "pk, tail, project, endpoint, execution, execution_tail, destination, type, revision, status, attempt, at, " +
	"state, attempts, base, due_at, ended_at, error"

func scanDelivery(st *sqlite.Stmt, d *store.Delivery) {
	d.ID = execution.IDFromParts(st.ColumnInt64(0), st.ColumnInt64(1))
	d.Project, d.Endpoint = st.ColumnInt64(2), st.ColumnInt64(3)
	if !st.ColumnIsNull(4) {
		d.Execution = execution.IDFromParts(st.ColumnInt64(4), st.ColumnInt64(5))
	}
	d.Destination, d.Type = st.ColumnInt64(6), store.MessageType(st.ColumnInt32(7))
	d.Revision, d.Status, d.Attempt, d.At = st.ColumnInt64(8), execution.Status(st.ColumnInt32(9)), st.ColumnInt32(10), columnTime(st, 11)
	d.State, d.Attempts, d.Base = store.DeliveryState(st.ColumnInt32(12)), st.ColumnInt32(13), st.ColumnInt32(14)
	d.DueAt, d.EndedAt, d.Error = columnTime(st, 15), columnTime(st, 16), st.ColumnText(17)
}

// saveDeliveries writes everything that has to do with messages.
func (w *writer) saveDeliveries(c *store.Changes) error {
	for i := range c.Deliveries {
		if err := w.insertDelivery(&c.Deliveries[i]); err != nil {
			return err
		}
	}
	for i := range c.DeliveryUpdates {
		if err := w.updateDelivery(&c.DeliveryUpdates[i]); err != nil {
			return err
		}
	}
	for i := range c.DeliveryAttempts {
		if err := w.saveDeliveryAttempt(&c.DeliveryAttempts[i]); err != nil {
			return err
		}
	}
	for _, id := range c.DeliveriesGone {
		if err := w.removeDelivery(id); err != nil {
			return err
		}
	}
	for i := range c.Secrets {
		if err := w.saveSecrets(&c.Secrets[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) insertDelivery(d *store.Delivery) error {
	s, err := w.prepared("INSERT INTO deliveries (" + deliveryColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	s.setInt(1, d.ID.Order())
	s.setInt(2, d.ID.Tail())
	s.setInt(3, d.Project)
	s.setOptional(4, d.Endpoint)
	if d.Execution.IsZero() {
		s.setNull(5)
		s.setNull(6)
	} else {
		s.setInt(5, d.Execution.Order())
		s.setInt(6, d.Execution.Tail())
	}
	s.setInt(7, d.Destination)
	s.setInt(8, int64(d.Type))
	s.setInt(9, d.Revision)
	s.setInt(10, int64(d.Status))
	s.setInt(11, int64(d.Attempt))
	s.setInt(12, int64(d.At))
	s.setInt(13, int64(d.State))
	s.setInt(14, int64(d.Attempts))
	s.setInt(15, int64(d.Base))
	s.setTime(16, d.DueAt)
	s.setTime(17, d.EndedAt)
	s.setOptionalText(18, d.Error)
	if err := s.run(); err != nil {
		return fmt.Errorf("insert delivery %s: %w", d.ID.Text(execution.PrefixEvent), err)
	}
	return nil
}

func (w *writer) updateDelivery(d *store.DeliveryUpdate) error {
	s, err := w.prepared("UPDATE deliveries SET state = ?, attempts = ?, base = ?, due_at = ?, ended_at = ?, error = ? " +
		"WHERE pk = ? AND tail = ? AND state = ? AND attempts = ? AND due_at IS ?")
	if err != nil {
		return err
	}
	s.setInt(1, int64(d.State))
	s.setInt(2, int64(d.Attempts))
	s.setInt(3, int64(d.Base))
	s.setTime(4, d.DueAt)
	s.setTime(5, d.EndedAt)
	s.setOptionalText(6, d.Error)
	s.setInt(7, d.ID.Order())
	s.setInt(8, d.ID.Tail())
	s.setInt(9, int64(d.FromState))
	s.setInt(10, int64(d.FromAttempts))
	s.setTime(11, d.FromDue)
	if err := s.run(); err != nil {
		return fmt.Errorf("update delivery %s: %w", d.ID.Text(execution.PrefixEvent), err)
	}
	if w.conn.Changes() != 1 {
		return refuse("update delivery %s: it is no longer as it was", d.ID.Text(execution.PrefixEvent))
	}
	return nil
}

func (w *writer) saveDeliveryAttempt(a *store.DeliveryAttempt) error {
	s, err := w.prepared("INSERT INTO delivery_attempts (delivery, n, at, took, status, error, excerpt) VALUES (?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	s.setInt(1, a.Delivery.Order())
	s.setInt(2, int64(a.N))
	s.setInt(3, int64(a.At))
	s.setInt(4, int64(a.Took))
	s.setInt(5, int64(a.Status))
	s.setOptionalText(6, a.Error)
	s.setBytes(7, a.Excerpt)
	if err := s.run(); err != nil {
		return fmt.Errorf("save attempt %d of delivery %s: %w", a.N, a.Delivery.Text(execution.PrefixEvent), err)
	}
	return nil
}

// removeDelivery removes an ended delivery with its attempts.
func (w *writer) removeDelivery(id execution.ID) error {
	if err := w.runOn("DELETE FROM deliveries WHERE pk = ? AND state <> 0", id.Order()); err != nil {
		return fmt.Errorf("remove delivery %s: %w", id.Text(execution.PrefixEvent), err)
	}
	if w.conn.Changes() != 1 {
		return refuse("remove delivery %s: there is no such ended delivery", id.Text(execution.PrefixEvent))
	}
	if err := w.runOn("DELETE FROM delivery_attempts WHERE delivery = ?", id.Order()); err != nil {
		return fmt.Errorf("remove the attempts of delivery %s: %w", id.Text(execution.PrefixEvent), err)
	}
	return nil
}

// runOn runs a statement with one integer.
func (w *writer) runOn(query string, n int64) error {
	s, err := w.prepared(query)
	if err != nil {
		return err
	}
	s.setInt(1, n)
	return s.run()
}

// deleteDeliveries removes the messages of an execution that is deleted.
func (w *writer) deleteDeliveries(id execution.ID) error {
	for _, q := range [...]string{
		"DELETE FROM delivery_attempts WHERE delivery IN (SELECT pk FROM deliveries WHERE execution = ?)",
		"DELETE FROM deliveries WHERE execution = ?",
	} {
		if err := w.runOn(q, id.Order()); err != nil {
			return fmt.Errorf("delete the deliveries of execution %s: %w", id, err)
		}
	}
	return nil
}

// redactDeliveries cancels the messages of an execution that wait for delivery, and removes what receivers answered.
func (w *writer) redactDeliveries(r *store.Row) error {
	s, err := w.prepared("UPDATE deliveries SET state = 3, due_at = NULL, ended_at = ? WHERE execution = ? AND state = 0")
	if err != nil {
		return err
	}
	s.setInt(1, int64(w.result.Now))
	s.setInt(2, r.ID.Order())
	if err := s.run(); err != nil {
		return fmt.Errorf("cancel the deliveries of execution %s: %w", r.ID, err)
	}
	for _, q := range [...]string{
		"UPDATE delivery_attempts SET excerpt = NULL, error = NULL WHERE delivery IN (SELECT pk FROM deliveries WHERE execution = ?)",
		"UPDATE deliveries SET error = NULL WHERE execution = ?",
	} {
		if err := w.runOn(q, r.ID.Order()); err != nil {
			return fmt.Errorf("redact the deliveries of execution %s: %w", r.ID, err)
		}
	}
	return nil
}

const deliveryQuery = "SELECT " + deliveryColumns + " FROM deliveries WHERE pk = ?"

// loadDelivery reads a delivery once per transaction, nil when there is none.
func (w *writer) loadDelivery(id execution.ID) (*store.Delivery, error) {
	if d := w.letters[id.Order()]; d != nil && d.ID == id {
		return d, nil
	}
	s, err := w.prepared(deliveryQuery)
	if err != nil {
		return nil, err
	}
	s.setInt(1, id.Order())
	var d *store.Delivery
	if _, err := s.one(func() {
		d = new(store.Delivery)
		scanDelivery(s.Stmt, d)
	}); err != nil {
		return nil, err
	}
	if d == nil || d.ID != id {
		return nil, nil
	}
	w.letters[id.Order()] = d
	return d, nil
}

// DueDeliveries reads deliveries whose time has come, a few of each destination. It walks from destination to
// destination in the index, so that one with a long backlog costs no more than another.
func (s *Store) DueDeliveries(ctx context.Context, q store.DueQuery) (*store.DuePage, error) {
	page := &store.DuePage{}
	if q.Limit <= 0 || q.Each <= 0 {
		return page, nil
	}
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		wrapped, from := false, q.From
		for {
			destination, ok, err := nextDestination(conn, from)
			if err != nil {
				return err
			}
			switch {
			case ok && (!wrapped || destination < q.From):
			case !wrapped:
				wrapped, from = true, lowestDestination
				continue
			default:
				return nil
			}
			from = destination + 1
			if !slices.Contains(q.Skip, destination) && q.Part.Has(destination) {
				page.Last = destination
				if err := dueOf(conn, destination, &q, page); err != nil || page.More {
					return err
				}
			}
			if from == lowestDestination { // after the highest number there is
				if wrapped {
					return nil
				}
				wrapped = true
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read due deliveries: %w", err)
	}
	return page, nil
}

const lowestDestination = -1 << 63

// nextDestination is the lowest destination with pending deliveries that is not below from.
func nextDestination(conn *sqlite.Conn, from int64) (destination int64, ok bool, err error) {
	err = eachRow(conn, "SELECT destination FROM deliveries INDEXED BY deliveries_due WHERE due_at IS NOT NULL AND destination >= ? "+
		"ORDER BY destination LIMIT 1", func(st *sqlite.Stmt) error {
		destination, ok = st.ColumnInt64(0), true
		return nil
	}, from)
	return destination, ok, err
}

// dueOf adds the earliest deliveries of a destination to the page, and when the first that is not due comes.
func dueOf(conn *sqlite.Conn, destination int64, q *store.DueQuery, page *store.DuePage) error {
	n := min(q.Each, q.Limit-len(page.Due))
	return eachRow(conn, "SELECT "+deliveryColumns+" FROM deliveries INDEXED BY deliveries_due "+
		"WHERE due_at IS NOT NULL AND destination = ? ORDER BY due_at LIMIT ?", func(st *sqlite.Stmt) error {
		var d store.Delivery
		scanDelivery(st, &d)
		switch {
		case d.DueAt > q.Now:
			if page.Next == 0 || d.DueAt < page.Next {
				page.Next = d.DueAt
			}
			n = 0
		case n > 0:
			n--
			page.Due = append(page.Due, d)
			page.More = len(page.Due) == q.Limit
		}
		return nil
	}, destination, int64(n+1))
}

// Delivery reads a delivery of the project with its attempts, or store.ErrNotFound.
func (s *Store) Delivery(ctx context.Context, project int64, id execution.ID) (*store.Delivery, []store.DeliveryAttempt, error) {
	var d *store.Delivery
	var attempts []store.DeliveryAttempt
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		if err := eachRow(conn, deliveryQuery, func(st *sqlite.Stmt) error {
			d = new(store.Delivery)
			scanDelivery(st, d)
			return nil
		}, id.Order()); err != nil || d == nil {
			return err
		}
		return eachAttempt(conn, id, func(a store.DeliveryAttempt) { attempts = append(attempts, a) })
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read delivery %s: %w", id.Text(execution.PrefixEvent), err)
	}
	if d == nil || d.ID != id || d.Project != project {
		return nil, nil, store.ErrNotFound
	}
	return d, attempts, nil
}

func eachAttempt(conn *sqlite.Conn, id execution.ID, visit func(store.DeliveryAttempt)) error {
	return eachRow(conn, "SELECT n, at, took, status, error, excerpt FROM delivery_attempts WHERE delivery = ? ORDER BY n", func(st *sqlite.Stmt) error {
		visit(store.DeliveryAttempt{
			Delivery: id, N: st.ColumnInt32(0), At: columnTime(st, 1), Took: time.Duration(st.ColumnInt64(2)), Status: int(st.ColumnInt64(3)),
			Error: st.ColumnText(4), Excerpt: columnBytes(st, 5),
		})
		return nil
	}, id.Order())
}

// Deliveries reads deliveries of a project, newest first: the merge of one index range for each state.
func (s *Store) Deliveries(ctx context.Context, q store.DeliveryQuery) ([]store.Delivery, error) {
	var list []store.Delivery
	states := q.States
	if states == nil {
		for state := range store.DeliveryState(store.DeliveryStates) {
			states = append(states, state)
		}
	}
	before := int64(1<<63 - 1)
	if !q.Before.IsZero() {
		before = q.Before.Order()
	}
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		for _, state := range states {
			query, key := "deliveries_list WHERE project = ?1 AND state = ?2", q.Project
			switch {
			case !q.Execution.IsZero():
				query, key = "deliveries_execution WHERE execution = ?1 AND state = ?2", q.Execution.Order()
			case q.Endpoint != 0:
				query, key = "deliveries_endpoint WHERE endpoint = ?1 AND state = ?2", q.Endpoint
			}
			if err := eachRow(conn, "SELECT "+deliveryColumns+" FROM deliveries INDEXED BY "+query+
				" AND pk < ?3 AND project = ?4 AND (?5 = 0 OR endpoint = ?5) AND (?6 = 0 OR execution_tail = ?6) ORDER BY pk DESC LIMIT ?7",
				func(st *sqlite.Stmt) error {
					list = append(list, store.Delivery{})
					scanDelivery(st, &list[len(list)-1])
					return nil
				}, key, int64(state), before, q.Project, q.Endpoint, q.Execution.Tail(), int64(q.Limit)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	slices.SortFunc(list, func(a, b store.Delivery) int { return int(b.ID.Order() - a.ID.Order()) })
	return list[:min(len(list), q.Limit)], nil
}

// EndedDeliveries are deliveries to the endpoint that were made before the instant and ended before it, at most limit.
func (s *Store) EndedDeliveries(ctx context.Context, endpoint int64, before execution.Time, limit int) ([]execution.ID, error) {
	var ids []execution.ID
	bound := execution.MakeID(max(floorDiv(int64(before)-1, 1000)+1, 0), 0, 0).Order()
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		for state := store.DeliveryPending + 1; int(state) < store.DeliveryStates && len(ids) < limit; state++ {
			found, err := idsOf(conn, "SELECT pk, tail FROM deliveries INDEXED BY deliveries_endpoint "+
				"WHERE endpoint = ? AND state = ? AND pk < ? AND ended_at < ? ORDER BY pk LIMIT ?",
				endpoint, int64(state), bound, int64(before), int64(limit-len(ids)))
			if err != nil {
				return err
			}
			ids = append(ids, found...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read ended deliveries of endpoint %d: %w", endpoint, err)
	}
	return ids, nil
}

// DeliveryBacklog tells what waits for delivery in all projects.
func (s *Store) DeliveryBacklog(ctx context.Context, now execution.Time) (store.DeliveryBacklog, error) {
	var b store.DeliveryBacklog
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return eachRow(conn, "SELECT count(*), min(due_at) FROM deliveries INDEXED BY deliveries_due WHERE due_at IS NOT NULL", func(st *sqlite.Stmt) error {
			b.Pending = st.ColumnInt64(0)
			if due := columnTime(st, 1); due != 0 && due <= now {
				b.Overdue = due
			}
			return nil
		})
	})
	if err != nil {
		return b, fmt.Errorf("count pending deliveries: %w", err)
	}
	return b, nil
}
