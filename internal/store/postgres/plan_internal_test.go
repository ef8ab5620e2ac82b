package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/pgtest"
)

// TestPlans looks at how the database runs the statements of commits and ticks: by indexes, row by row, on empty tables as on
// full ones. A plan that was made for an empty table stays when the table grows.
func TestPlans(t *testing.T) {
	t.Parallel()
	for _, version := range pgtest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s, err := Open(t.Context(), Options{DSN: pgtest.Shared(t, version).Database(t)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			plans(t, s, "empty")
			if err := s.query(t.Context(), `INSERT INTO executions (id, project, workflow, version, revision, bytes, updated_at, ready_at, attempt, steps,
failures, strikes, finalizers, shard, status, intended, trigger_type, priority, why, cancel_reason)
SELECT gen_random_uuid(), 1, n % 5, 0, 1, 100, 1, n, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0 FROM generate_series(1, 20000) AS n`, nil, nil, nil); err != nil {
				t.Fatal(err)
			}
			if err := s.query(t.Context(), `INSERT INTO journal (execution, revision, at, actor, attempt, shard, kind, status)
SELECT id, 1, 1, 0, 0, 0, 1, 1 FROM executions`, nil, nil, nil); err != nil {
				t.Fatal(err)
			}
			if err := s.query(t.Context(), "ANALYZE", nil, nil, nil); err != nil {
				t.Fatal(err)
			}
			plans(t, s, "full")
		})
	}
}

func plans(t *testing.T, s *Store, tables string) {
	t.Helper()
	ids := []execution.ID{execution.MakeID(1, 2, 3), execution.MakeID(4, 5, 6)}
	names := func() *args {
		return newArgs().int64s(2, func(i int) int64 { return int64(i) }).texts(2, func(int) string { return "k" }).int16s(2, func(i int) int16 { return int16(i) })
	}
	for name, q := range map[string]struct {
		s    *statement
		args *args
		want string
	}{
		"load":       {loadStatement, idArgs(ids), "executions_pkey"},
		"steps":      {stepStatement, idArgs(ids).texts(2, func(int) string { return "a" }), "journal_step"},
		"reserved":   {reservedStatement, names().ids(2, func(i int) execution.ID { return ids[i] }), "idempotency_pkey"},
		"claim":      {claimStatements[0][0], newArgs().int64(1).int64(10).int64(1 << 25).int64(0), "executions_queue"},
		"claim most": {claimStatements[0][1], newArgs().int64(1).int64(10).int64(1 << 25).int64(0), "executions_queue"},
		"claim solo": {claimStatements[0][2], newArgs().int64(1).int64(10).int64(1 << 25).int64(0), "executions_solo"},
		"fence":      {fenceStatement, newArgs().int64(1), "meta"},
		"tick": {
			tickStatement, s.placeArgs(&place{seen: snapshot{xmax: 7}}, 10).int64(1).text("n").int64(1).int64(1).text("v").int64(1).int64(0).int64(0),
			"executions_due",
		},
		"fold": {prepare(foldStatement), newArgs().int32s(3, func(i int) int32 { return int32(i) }), "counters_parts"},
	} {
		var plan strings.Builder
		err := s.using(t.Context(), s.committers, func(c *conn) error {
			b := c.batch(context.Background())
			b.add(prepare("EXPLAIN "+q.s.sql), q.args, func(r *row) error {
				plan.WriteString(r.text() + "\n")
				return nil
			}, nil)
			_, err := b.run()
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := plan.String()
		for _, table := range []string{"executions", "journal", "idempotency"} {
			if strings.Contains(text, "Seq Scan on "+table) {
				t.Errorf("%s on %s tables reads all of %s:\n%s", name, tables, table, text)
			}
		}
		if !strings.Contains(text, q.want) {
			t.Errorf("%s on %s tables does not use %s:\n%s", name, tables, q.want, text)
		}
		if testing.Verbose() && tables == "full" && name == "claim" {
			t.Log(text)
		}
	}
}
