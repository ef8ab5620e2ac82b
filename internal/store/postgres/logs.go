package postgres

import (
	"context"
	"fmt"
	"math"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// saveLogs numbers lines behind those of their step and attempt that are there. In place of the last one that is kept
// stands a notice that it and all that follow were dropped.
var saveLogs = prepare("INSERT INTO logs (execution, step, attempt, n, at, level, message, fields, shard) " +
	"SELECT execution, step, attempt, n, at, CASE WHEN n < $9 THEN level ELSE $10 END, CASE WHEN n < $9 THEN message ELSE $11 END, " +
	"CASE WHEN n < $9 THEN fields END, shard FROM (SELECT u.*, (coalesce((SELECT max(n) FROM logs AS l WHERE l.execution = u.execution " +
	"AND l.step = u.step AND l.attempt = u.attempt), 0) + row_number() OVER (PARTITION BY execution, step, attempt ORDER BY place))::integer AS n " +
	"FROM unnest($1::uuid[], $2::bytea[], $3::integer[], $4::bigint[], $5::bytea[], $6::bytea[], $7::bytea[], $8::smallint[]) WITH ORDINALITY " +
	"AS u (execution, step, attempt, at, level, message, fields, shard, place)) AS numbered WHERE n <= $9")

// saveLogs queues log lines. No two transactions write lines of one execution: both would hold its row.
func (b *batch) saveLogs(c *store.Changes) {
	n, l := len(c.Logs), c.Logs
	if n == 0 {
		return
	}
	b.add(saveLogs, newArgs().
		ids(n, func(i int) execution.ID { return l[i].Row.ID }).
		texts(n, func(i int) string { return l[i].Step }).
		int32s(n, func(i int) int32 { return l[i].Attempt }).
		int64s(n, func(i int) int64 { return int64(l[i].At) }).
		texts(n, func(i int) string { return l[i].Level }).
		texts(n, func(i int) string { return l[i].Message }).
		blobs(n, func(i int) []byte { return l[i].Fields }).
		shards(n, func(i int) execution.ID { return l[i].Row.ID }).
		int64(store.MaxLogLines).text("warn").text(store.LogDropped), nil, nil)
}

// Logs reads log lines of an execution, ordered by step, attempt and arrival.
func (s *Store) Logs(ctx context.Context, of *store.Row, q store.LogQuery) ([]store.Log, error) {
	limit := int64(math.MaxInt64)
	if q.Limit > 0 {
		limit = int64(q.Limit)
	}
	query := "SELECT step, attempt, n, at, level, message, fields FROM logs WHERE execution = $1 AND (step, attempt, n) > ($2, $3, $4)"
	a := newArgs().id(of.ID).text(q.After.Step).int32(q.After.Attempt).int32(q.After.N).int64(limit)
	if q.Step != nil {
		a.text(*q.Step)
		query += fmt.Sprintf(" AND step = $%d", len(a.values))
	}
	if q.Attempt != 0 {
		a.int32(q.Attempt)
		query += fmt.Sprintf(" AND attempt = $%d", len(a.values))
	}
	query += " ORDER BY step, attempt, n LIMIT $5"
	var logs []store.Log
	err := s.query(ctx, query, a, func() { logs = nil }, func(row *row) error {
		logs = append(logs, store.Log{
			Step: row.text(), Attempt: row.int32(), N: row.int32(), At: row.time(), Level: row.text(), Message: row.text(), Fields: row.bytes(),
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read logs of execution %s: %w", of.ID, err)
	}
	return logs, nil
}
