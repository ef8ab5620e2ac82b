package postgres

import (
	"context"
	"fmt"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Series reads counters by hour or day.
func (s *Store) Series(ctx context.Context, q store.SeriesQuery) ([]store.SeriesPoint, error) {
	level := int16(levelHour)
	if q.Days {
		level = levelDay
	}
	var points []store.SeriesPoint
	err := s.query(ctx, "SELECT workflow, period, status, sum(n)::bigint FROM counters WHERE project = $1 AND level = $2 "+
		"AND workflow = ANY($3) AND period BETWEEN $4 AND $5 GROUP BY workflow, period, status HAVING sum(n) <> 0", newArgs().
		int64(q.Project).int16(level).int64s(len(q.Workflows), func(i int) int64 { return q.Workflows[i] }).int64(q.First).int64(q.Last),
		func() { points = nil }, func(r *row) error {
			p := store.SeriesPoint{Workflow: r.int64(), Period: r.int64()}
			p.Status, p.N = execution.Status(r.int64()), r.int64()
			points = append(points, p)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	return points, nil
}

// sampleRange reads the newest of each range of the index of lists. As in rangeKind, the first column is compared with an
// array of one and named in the order.
const sampleRange = "SELECT x.id, w.key, n.number, x.started_at, x.completed_at FROM unnest($2::bigint[]) AS g (key) " +
	"JOIN workflows AS w ON w.key = g.key AND w.project = $1 CROSS JOIN unnest($3::smallint[]) AS n (number) " +
	"CROSS JOIN unnest($4::uuid[], $5::uuid[]) AS s (low, high) CROSS JOIN LATERAL (" +
	"SELECT e.id, e.started_at, e.completed_at FROM executions AS e WHERE e.workflow = ANY(ARRAY[w.key]) AND e.status = n.number " +
	"AND e.id >= s.low AND e.id < s.high ORDER BY e.workflow DESC, e.id DESC LIMIT $6) AS x"

// Sample reads the newest executions of each workflow, state and span.
func (s *Store) Sample(ctx context.Context, q store.SampleQuery) ([]store.Sampled, error) {
	if q.Each <= 0 {
		return nil, nil
	}
	statuses := (q.Status & execution.All).List()
	low := func(i int) execution.ID { low, _ := createdBetween(q.Spans[i].From, q.Spans[i].To); return low }
	high := func(i int) execution.ID { _, high := createdBetween(q.Spans[i].From, q.Spans[i].To); return high }
	var found []store.Sampled
	err := s.pages(ctx, func(v *view) error {
		found = nil
		return v.query(sampleRange, newArgs().int64(q.Project).int64s(len(q.Workflows), func(i int) int64 { return q.Workflows[i] }).
			int16s(len(statuses), func(i int) int16 { return int16(statuses[i]) }).
			ids(len(q.Spans), low).ids(len(q.Spans), high).int64(int64(q.Each)), func(r *row) error {
			x := store.Sampled{ID: r.id(), Workflow: r.int64()}
			x.Status, x.StartedAt, x.CompletedAt = execution.Status(r.int64()), r.time(), r.time()
			found = append(found, x)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("sample executions: %w", err)
	}
	return found, nil
}

// oldestQuery goes from one priority of a queue to the next lower one. Within a priority the first of the index has waited
// longest.
const oldestQuery = "SELECT w.key, (WITH RECURSIVE p AS ((" + queueHead + "ORDER BY workflow, priority DESC, ready_at, id LIMIT 1) " +
	"UNION ALL SELECT x.priority, x.ready_at FROM p CROSS JOIN LATERAL (" + queueHead +
	"AND priority < p.priority ORDER BY workflow, priority DESC, ready_at, id LIMIT 1) AS x) SELECT min(ready_at) FROM p) FROM unnest($1::bigint[]) AS w (key)"

const queueHead = "SELECT priority, ready_at FROM executions WHERE workflow = ANY(ARRAY[w.key]) AND ready_at IS NOT NULL "

// Oldest tells since when that execution of each queue is ready that has waited longest.
func (s *Store) Oldest(ctx context.Context, workflows []int64) (map[int64]execution.Time, error) {
	var oldest map[int64]execution.Time
	err := s.pages(ctx, func(v *view) error {
		oldest = map[int64]execution.Time{}
		return v.query(oldestQuery, newArgs().int64s(len(workflows), func(i int) int64 { return workflows[i] }), func(r *row) error {
			if w, at := r.int64(), r.time(); at != 0 {
				oldest[w] = at
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the queues: %w", err)
	}
	return oldest, nil
}

// About tells which store it is.
func (s *Store) About(ctx context.Context) ([]store.About, error) {
	a := store.About{Kind: "postgres"}
	err := s.read(ctx, func(c *conn) error {
		schema, err := readSchema(ctx, c)
		if err != nil {
			return err
		}
		a.Schema = schema.Version
		return c.query(ctx, "SELECT pg_database_size(current_database())", nil, func(r *row) error {
			a.Bytes = r.int64()
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read about the database: %w", err)
	}
	return []store.About{a}, nil
}
