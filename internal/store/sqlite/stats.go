package sqlite

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Series reads counters by hour or day.
func (s *Store) Series(ctx context.Context, q store.SeriesQuery) ([]store.SeriesPoint, error) {
	level := int64(levelHour)
	if q.Days {
		level = levelDay
	}
	var points []store.SeriesPoint
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		workflows, err := ownWorkflows(conn, q.Project, q.Workflows)
		if err != nil {
			return err
		}
		for _, w := range workflows {
			for status := range execution.Statuses {
				if err := eachRow(conn, "SELECT period, n FROM counters WHERE project = ? AND level = ? AND workflow = ? AND status = ? "+
					"AND period BETWEEN ? AND ?", func(st *sqlite.Stmt) error {
					points = append(points, store.SeriesPoint{
						Workflow: w, Status: execution.Status(status), Period: st.ColumnInt64(0), N: st.ColumnInt64(1),
					})
					return nil
				}, q.Project, level, w, int64(status), q.First, q.Last); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	return points, nil
}

// ownWorkflows are those of the given workflows that are the project's.
func ownWorkflows(conn *sqlite.Conn, project int64, given []int64) ([]int64, error) {
	if len(given) == 0 {
		return nil, nil
	}
	return workflowsOf(conn, project, given)
}

const sampleQuery = "SELECT pk, tail, started_at, completed_at FROM executions INDEXED BY executions_list " +
	"WHERE workflow = ? AND status = ? AND pk BETWEEN ? AND ? ORDER BY pk DESC LIMIT ?"

// Sample reads the newest executions of each workflow, state and span.
func (s *Store) Sample(ctx context.Context, q store.SampleQuery) ([]store.Sampled, error) {
	var found []store.Sampled
	if q.Each <= 0 {
		return nil, nil
	}
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		workflows, err := ownWorkflows(conn, q.Project, q.Workflows)
		if err != nil {
			return err
		}
		for _, w := range workflows {
			for _, status := range (q.Status & execution.All).List() {
				for _, span := range q.Spans {
					low, high := bounds(span.From, span.To)
					if err := eachRow(conn, sampleQuery, func(st *sqlite.Stmt) error {
						found = append(found, store.Sampled{
							ID: execution.IDFromParts(st.ColumnInt64(0), st.ColumnInt64(1)), Workflow: w, Status: status,
							StartedAt: execution.Time(st.ColumnInt64(2)), CompletedAt: execution.Time(st.ColumnInt64(3)),
						})
						return nil
					}, w, int64(status), low, high, int64(q.Each)); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("sample executions: %w", err)
	}
	return found, nil
}

// Oldest tells since when that execution of each queue is ready that has waited longest. Within a priority that is the
// first of the index.
func (s *Store) Oldest(ctx context.Context, workflows []int64) (map[int64]execution.Time, error) {
	oldest := map[int64]execution.Time{}
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		st, err := conn.Prepare("SELECT priority, ready_at FROM executions INDEXED BY executions_queue " +
			"WHERE workflow = ? AND ready_at IS NOT NULL AND priority < ? ORDER BY priority DESC, ready_at LIMIT 1")
		if err != nil {
			return err
		}
		for _, w := range workflows {
			for below, more := int64(128), true; more; { // a priority has eight bits
				st.BindInt64(1, w)
				st.BindInt64(2, below)
				if more, err = st.Step(); err != nil {
					return err
				}
				if more {
					below = st.ColumnInt64(0)
					at := execution.Time(st.ColumnInt64(1))
					if first, ok := oldest[w]; !ok || at < first {
						oldest[w] = at
					}
				}
				if err := st.Reset(); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the queues: %w", err)
	}
	return oldest, nil
}

// About tells which store it is.
func (s *Store) About(ctx context.Context) ([]store.About, error) {
	a := store.About{Kind: "sqlite"}
	err := s.read(ctx, func(conn *sqlite.Conn) (err error) {
		a.Schema, err = schemaVersion(conn)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	u, err := s.Usage(ctx)
	if err != nil {
		return nil, err
	}
	a.Bytes = u.Data + u.Log
	return []store.About{a}, nil
}
