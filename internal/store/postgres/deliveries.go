package postgres

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

const deliveryColumns = "id, project, endpoint, execution, destination, type, revision, status, attempt, at, state, attempts, base, " +
	"due_at, ended_at, error"

// delivery reads deliveryColumns.
func (r *row) delivery() store.Delivery {
	return store.Delivery{
		ID: r.id(), Project: r.int64(), Endpoint: r.int64(), Execution: r.id(), Destination: r.int64(), Type: store.MessageType(r.int64()),
		Revision: r.int64(), Status: execution.Status(r.int64()), Attempt: r.int32(), At: r.time(), State: store.DeliveryState(r.int64()),
		Attempts: r.int32(), Base: r.int32(), DueAt: r.time(), EndedAt: r.time(), Error: r.text(),
	}
}

var (
	loadDeliveries   = prepare("SELECT " + deliveryColumns + " FROM deliveries WHERE id = ANY($1) ORDER BY id FOR UPDATE")
	insertDeliveries = prepare("INSERT INTO deliveries (" + deliveryColumns + ", shard) SELECT * FROM unnest($1::uuid[], $2::bigint[], " +
		"$3::bigint[], $4::uuid[], $5::bigint[], $6::smallint[], $7::bigint[], $8::smallint[], $9::integer[], $10::bigint[], " +
		"$11::smallint[], $12::integer[], $13::integer[], $14::bigint[], $15::bigint[], $16::bytea[], $17::smallint[])")
	updateDeliveries = prepare(exactly("UPDATE deliveries AS d SET state = u.state, attempts = u.attempts, base = u.base, due_at = u.due_at, " +
		"ended_at = u.ended_at, error = u.error FROM unnest($1::uuid[], $2::smallint[], $3::integer[], $4::integer[], $5::bigint[], " +
		"$6::bigint[], $7::bytea[], $8::smallint[], $9::integer[], $10::bigint[]) " +
		"AS u (id, state, attempts, base, due_at, ended_at, error, from_state, from_attempts, from_due) " +
		"WHERE d.id = u.id AND d.state = u.from_state AND d.attempts = u.from_attempts AND d.due_at IS NOT DISTINCT FROM u.from_due RETURNING 1"))
	insertAttempts = prepare("INSERT INTO delivery_attempts (delivery, n, at, took, status, error, excerpt, shard) SELECT * FROM " +
		"unnest($1::uuid[], $2::integer[], $3::bigint[], $4::bigint[], $5::integer[], $6::bytea[], $7::bytea[], $8::smallint[])")
	removeDeliveries = prepare(exactly("DELETE FROM deliveries WHERE id = ANY($1) AND state <> 0 RETURNING 1"))
	removeAttempts   = prepare("DELETE FROM delivery_attempts WHERE delivery = ANY($1)")

	// Of executions.
	deleteAttempts   = prepare("DELETE FROM delivery_attempts WHERE delivery IN (SELECT id FROM deliveries WHERE execution = ANY($1))")
	deleteDeliveries = prepare("DELETE FROM deliveries WHERE execution = ANY($1)")
	cancelDeliveries = prepare("UPDATE deliveries SET state = 3, due_at = NULL, ended_at = $2 WHERE execution = ANY($1) AND state = 0")
	redactDeliveries = prepare("UPDATE deliveries SET error = NULL WHERE execution = ANY($1) AND error IS NOT NULL")
	redactAttempts   = prepare("UPDATE delivery_attempts SET excerpt = NULL, error = NULL " +
		"WHERE delivery IN (SELECT id FROM deliveries WHERE execution = ANY($1))")
)

// readDeliveries queues the reading, under lock, of the deliveries that a need names.
func (b *batch) readDeliveries(need *store.Need, r *store.Loaded) {
	if len(need.Deliveries) == 0 {
		return
	}
	found := map[execution.ID]*store.Delivery{}
	b.add(loadDeliveries, newArgs().ids(len(need.Deliveries), func(i int) execution.ID { return need.Deliveries[i] }), func(row *row) error {
		d := row.delivery()
		found[d.ID] = &d
		return nil
	}, func(int64) error {
		for _, id := range need.Deliveries {
			r.Deliveries = append(r.Deliveries, found[id])
		}
		return nil
	})
}

// saveDeliveries queues everything that has to do with messages.
func (b *batch) saveDeliveries(c *store.Changes) {
	if n, d := len(c.Deliveries), c.Deliveries; n > 0 {
		b.add(insertDeliveries, newArgs().
			ids(n, func(i int) execution.ID { return d[i].ID }).
			int64s(n, func(i int) int64 { return d[i].Project }).
			optionals(n, func(i int) int64 { return d[i].Endpoint }).
			optionalUUIDs(n, func(i int) ([16]byte, bool) { return d[i].Execution, !d[i].Execution.IsZero() }).
			int64s(n, func(i int) int64 { return d[i].Destination }).
			int16s(n, func(i int) int16 { return int16(d[i].Type) }).
			int64s(n, func(i int) int64 { return d[i].Revision }).
			int16s(n, func(i int) int16 { return int16(d[i].Status) }).
			int32s(n, func(i int) int32 { return d[i].Attempt }).
			int64s(n, func(i int) int64 { return int64(d[i].At) }).
			int16s(n, func(i int) int16 { return int16(d[i].State) }).
			int32s(n, func(i int) int32 { return d[i].Attempts }).
			int32s(n, func(i int) int32 { return d[i].Base }).
			times(n, func(i int) execution.Time { return d[i].DueAt }).
			times(n, func(i int) execution.Time { return d[i].EndedAt }).
			optionalTexts(n, func(i int) string { return d[i].Error }).
			shards(n, func(i int) execution.ID { return d[i].ID }), nil, nil)
	}
	if n, d := len(c.DeliveryUpdates), c.DeliveryUpdates; n > 0 {
		b.add(updateDeliveries, newArgs().
			ids(n, func(i int) execution.ID { return d[i].ID }).
			int16s(n, func(i int) int16 { return int16(d[i].State) }).
			int32s(n, func(i int) int32 { return d[i].Attempts }).
			int32s(n, func(i int) int32 { return d[i].Base }).
			times(n, func(i int) execution.Time { return d[i].DueAt }).
			times(n, func(i int) execution.Time { return d[i].EndedAt }).
			optionalTexts(n, func(i int) string { return d[i].Error }).
			int16s(n, func(i int) int16 { return int16(d[i].FromState) }).
			int32s(n, func(i int) int32 { return d[i].FromAttempts }).
			times(n, func(i int) execution.Time { return d[i].FromDue }).
			int64(int64(n)), nil, nil)
	}
	if n, x := len(c.DeliveryAttempts), c.DeliveryAttempts; n > 0 {
		b.add(insertAttempts, newArgs().
			ids(n, func(i int) execution.ID { return x[i].Delivery }).
			int32s(n, func(i int) int32 { return x[i].N }).
			int64s(n, func(i int) int64 { return int64(x[i].At) }).
			int64s(n, func(i int) int64 { return int64(x[i].Took) }).
			int32s(n, func(i int) int32 { return int32(x[i].Status) }).
			optionalTexts(n, func(i int) string { return x[i].Error }).
			blobs(n, func(i int) []byte { return x[i].Excerpt }).
			shards(n, func(i int) execution.ID { return x[i].Delivery }), nil, nil)
	}
	if n, gone := len(c.DeliveriesGone), c.DeliveriesGone; n > 0 {
		ids := newArgs().ids(n, func(i int) execution.ID { return gone[i] })
		b.add(removeDeliveries, ids.clone().int64(int64(n)), nil, nil)
		b.add(removeAttempts, ids, nil, nil)
	}
}

// deleteDeliveries queues removing the messages of executions that are deleted.
func (b *batch) deleteDeliveries(executions *args) {
	b.add(deleteAttempts, executions, nil, nil)
	b.add(deleteDeliveries, executions, nil, nil)
}

// redactDeliveries queues cancelling the messages of executions that wait for delivery, and removing what receivers
// answered.
func (b *batch) redactDeliveries(executions *args, now execution.Time) {
	b.add(cancelDeliveries, executions.clone().int64(int64(now)), nil, nil)
	b.add(redactAttempts, executions, nil, nil)
	b.add(redactDeliveries, executions, nil, nil)
}

// The earliest deliveries of destinations. The first column of an index is compared with an array of one and named in the
// order, here and below, as in lists: no other index can then give the order.
const (
	// destinationsQuery walks from destination to destination in the index, so that one with a long backlog costs no more
	// than another.
	destinationsQuery = "WITH RECURSIVE walk AS (" +
		"(SELECT destination FROM deliveries WHERE due_at IS NOT NULL AND due_at >= $3 AND destination >= $1 ORDER BY destination, due_at LIMIT 1) " +
		"UNION ALL SELECT (SELECT d.destination FROM deliveries AS d WHERE d.due_at IS NOT NULL AND d.due_at >= $3 AND d.destination > walk.destination " +
		"ORDER BY d.destination, d.due_at LIMIT 1) FROM walk WHERE walk.destination IS NOT NULL) " +
		"SELECT destination FROM walk WHERE destination IS NOT NULL LIMIT $2"
	dueQuery = "SELECT d.* FROM unnest($1::bigint[]) WITH ORDINALITY AS w (destination, n) CROSS JOIN LATERAL (" +
		"SELECT " + deliveryColumns + " FROM deliveries AS x WHERE x.due_at IS NOT NULL AND x.due_at >= $3 " +
		"AND x.destination = ANY(ARRAY[w.destination]) " +
		"ORDER BY x.destination, x.due_at LIMIT $2) AS d ORDER BY w.n, d.due_at"
	lowestDestination = math.MinInt64
	// destinationsAtOnce is how many destinations one round trip looks at.
	destinationsAtOnce = 64
)

// DueDeliveries reads deliveries whose time has come, a few of each destination.
func (s *Store) DueDeliveries(ctx context.Context, q store.DueQuery) (*store.DuePage, error) {
	page := &store.DuePage{}
	if q.Limit <= 0 || q.Each <= 0 {
		return page, nil
	}
	look := s.floors.deliveries.look()
	defer look.end()
	err := s.read(ctx, func(c *conn) error {
		*page = store.DuePage{}
		return dueDeliveries(ctx, c, &q, look.from, page)
	})
	if err != nil {
		return nil, fmt.Errorf("read due deliveries: %w", err)
	}
	look.found(0)
	return page, nil
}

func dueDeliveries(ctx context.Context, c *conn, q *store.DueQuery, floor execution.Time, page *store.DuePage) error {
	for wrapped, from := false, q.From; ; {
		var destinations []int64
		if err := c.query(ctx, destinationsQuery, newArgs().int64(from).int64(destinationsAtOnce).int64(int64(floor)), func(row *row) error {
			destinations = append(destinations, row.int64())
			return nil
		}); err != nil {
			return err
		}
		ended := len(destinations) < destinationsAtOnce
		if wrapped {
			if n, _ := slices.BinarySearch(destinations, q.From); n < len(destinations) {
				destinations, ended = destinations[:n], true
			}
		}
		if n := len(destinations); n > 0 {
			ended = ended || destinations[n-1] == math.MaxInt64
			from = destinations[n-1] + 1
		}
		destinations = slices.DeleteFunc(destinations, func(d int64) bool { return slices.Contains(q.Skip, d) || !q.Part.Has(d) })
		if err := dueOf(ctx, c, destinations, q, floor, page); err != nil || page.More {
			return err
		}
		switch {
		case ended && wrapped:
			return nil
		case ended:
			wrapped, from = true, lowestDestination
		}
	}
}

// dueOf adds the earliest deliveries of destinations to the page, and when the first that is not due comes.
func dueOf(ctx context.Context, c *conn, destinations []int64, q *store.DueQuery, floor execution.Time, page *store.DuePage) error {
	if len(destinations) == 0 {
		return nil
	}
	n, last := 0, int64(0)
	begun := false
	if err := c.query(ctx, dueQuery, newArgs().int64s(len(destinations), func(i int) int64 { return destinations[i] }).
		int64(int64(q.Each)+1).int64(int64(floor)), func(row *row) error {
		d := row.delivery()
		if row.err != nil || page.More {
			return nil
		}
		if !begun || d.Destination != last {
			begun, last, n = true, d.Destination, min(q.Each, q.Limit-len(page.Due))
			page.Last = last
		}
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
	}); err != nil {
		return err
	}
	if !page.More {
		page.Last = destinations[len(destinations)-1]
	}
	return nil
}

// Delivery reads a delivery of the project with its attempts, or store.ErrNotFound.
func (s *Store) Delivery(ctx context.Context, project int64, id execution.ID) (*store.Delivery, []store.DeliveryAttempt, error) {
	var found *store.Delivery
	var attempts []store.DeliveryAttempt
	err := s.snapshot(ctx, func(v *view) error {
		found, attempts = nil, nil
		if err := v.query("SELECT "+deliveryColumns+" FROM deliveries WHERE id = $1 AND project = $2", newArgs().id(id).int64(project),
			func(row *row) error {
				d := row.delivery()
				found = &d
				return nil
			}); err != nil || found == nil {
			return err
		}
		return v.query("SELECT n, at, took, status, error, excerpt FROM delivery_attempts WHERE delivery = $1 ORDER BY n", newArgs().id(id),
			func(row *row) error {
				attempts = append(attempts, store.DeliveryAttempt{
					Delivery: id, N: row.int32(), At: row.time(), Took: time.Duration(row.int64()), Status: int(row.int64()), Error: row.text(),
					Excerpt: row.bytes(),
				})
				return nil
			})
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read delivery %s: %w", id.Text(execution.PrefixEvent), err)
	}
	if found == nil {
		return nil, nil, store.ErrNotFound
	}
	return found, attempts, nil
}

// Deliveries reads deliveries of a project, newest first: the merge of one index range for each state.
func (s *Store) Deliveries(ctx context.Context, q store.DeliveryQuery) ([]store.Delivery, error) {
	states := q.States
	if states == nil {
		for state := range store.DeliveryState(store.DeliveryStates) {
			states = append(states, state)
		}
	}
	a := newArgs().int16s(len(states), func(i int) int16 { return int16(states[i]) }).int64(q.Project).id(beforeOrLast(q.Before)).
		int64(int64(q.Limit))
	table, each := "deliveries", ""
	switch {
	case !q.Execution.IsZero():
		// Those of one execution are few.
		table = "(SELECT * FROM deliveries WHERE execution = $5 OFFSET 0)"
		each = "x.state = s.state AND x.id < $3 AND x.project = $2 AND ($6 = 0 OR x.endpoint = $6) ORDER BY x.id DESC"
		a.id(q.Execution).int64(q.Endpoint)
	case q.Endpoint != 0:
		each = "x.endpoint = ANY(ARRAY[$5::bigint]) AND x.endpoint IS NOT NULL AND x.state = s.state AND x.id < $3 AND x.project = $2 " +
			"ORDER BY x.endpoint DESC, x.id DESC"
		a.int64(q.Endpoint)
	default:
		each = "x.project = ANY(ARRAY[$2::bigint]) AND x.state = s.state AND x.id < $3 ORDER BY x.project DESC, x.id DESC"
	}
	var list []store.Delivery
	err := s.pages(ctx, func(v *view) error {
		list = nil
		return v.query("SELECT d.* FROM unnest($1::smallint[]) AS s (state) CROSS JOIN LATERAL (SELECT "+deliveryColumns+
			" FROM "+table+" AS x WHERE "+each+" LIMIT $4) AS d ORDER BY d.id DESC LIMIT $4", a, func(row *row) error {
			list = append(list, row.delivery())
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	return list, nil
}

// EndedDeliveries are deliveries to the endpoint that were made before the instant and ended before it, at most limit.
func (s *Store) EndedDeliveries(ctx context.Context, endpoint int64, before execution.Time, limit int) ([]execution.ID, error) {
	bound := execution.MakeID(max(firstMilli(before), 0), 0, 0)
	var ids []execution.ID
	for state := store.DeliveryPending + 1; int(state) < store.DeliveryStates && len(ids) < limit; state++ {
		found, err := s.ids(ctx, "SELECT id FROM deliveries WHERE endpoint = ANY(ARRAY[$1::bigint]) AND endpoint IS NOT NULL AND state = $2 AND id < $3 "+
			"AND ended_at < $4 ORDER BY endpoint, id LIMIT $5",
			newArgs().int64(endpoint).int16(int16(state)).id(bound).int64(int64(before)).int64(int64(limit-len(ids))))
		if err != nil {
			return nil, fmt.Errorf("read ended deliveries of endpoint %d: %w", endpoint, err)
		}
		ids = append(ids, found...)
	}
	return ids, nil
}

// firstMilli is the first whole millisecond that is not before the instant.
func firstMilli(t execution.Time) int64 {
	ms := int64(t) / 1000
	if int64(t)%1000 > 0 {
		ms++
	}
	return ms
}

// DeliveryBacklog tells what waits for delivery in all projects.
func (s *Store) DeliveryBacklog(ctx context.Context, now execution.Time) (store.DeliveryBacklog, error) {
	var b store.DeliveryBacklog
	err := s.query(ctx, "SELECT count(*), min(due_at) FROM deliveries WHERE due_at IS NOT NULL", nil, nil, func(row *row) error {
		b = store.DeliveryBacklog{Pending: row.int64()}
		if due := row.time(); due != 0 && due <= now {
			b.Overdue = due
		}
		return nil
	})
	if err != nil {
		return b, fmt.Errorf("count pending deliveries: %w", err)
	}
	return b, nil
}
