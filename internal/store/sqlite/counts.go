package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

const (
	countQuery = "INSERT INTO counters (project, level, workflow, status, period, n) VALUES (?, ?, ?, ?, ?, ?) " +
		"ON CONFLICT (project, level, workflow, status, period) DO UPDATE SET n = n + excluded.n"
	countGoneQuery = "DELETE FROM counters WHERE project = ? AND level = ? AND workflow = ? AND status = ? AND period = ? AND n = 0"
)

// The levels of counters: over all time, by day and by hour of creation.
const (
	levelAll = iota
	levelDay
	levelHour
)

// edgeLimit bounds how many executions Counts counts one by one in the hours that its bounds cut.
const edgeLimit = 50_000

// counter is a counter's difference on its way to the database.
type counter struct {
	project, level, workflow, status, period int64
	n                                        int64
}

func (c counter) compare(d counter) int {
	return cmp.Or(
		cmp.Compare(c.project, d.project), cmp.Compare(c.level, d.level), cmp.Compare(c.workflow, d.workflow),
		cmp.Compare(c.status, d.status), cmp.Compare(c.period, d.period),
	)
}

// sorted are the differences by level, in the order of the table.
func (w *writer) sortedCounts(counts map[store.CountKey]int64) []counter {
	w.counts = w.counts[:0]
	for k, n := range counts {
		if n == 0 {
			continue
		}
		hour := int64(k.Hour)
		for level, period := range [...]int64{0, floorDiv(hour, 24), hour} {
			w.counts = append(w.counts, counter{k.Project, int64(level), k.Workflow, int64(k.Status), period, n})
		}
	}
	slices.SortFunc(w.counts, counter.compare)
	return w.counts
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// saveCounts adds the differences to the counters.
func (w *writer) saveCounts(counts map[store.CountKey]int64) error {
	if len(counts) == 0 {
		return nil
	}
	for _, c := range w.sortedCounts(counts) {
		s := w.count
		s.setInt(6, c.n)
		for range 2 {
			s.setInt(1, c.project)
			s.setInt(2, c.level)
			s.setInt(3, c.workflow)
			s.setInt(4, c.status)
			s.setInt(5, c.period)
			if err := s.run(); err != nil {
				return fmt.Errorf("count executions: %w", err)
			}
			if c.n > 0 {
				break
			}
			s = w.countGone // a counter that reached zero goes
		}
	}
	return nil
}

// Counts reads how many executions there are in each state: whole days and hours from the counters, the hours that the
// bounds cut by counting. When those have too many executions, the counters' hours are taken whole and the counts are
// not exact.
func (s *Store) Counts(ctx context.Context, q store.CountQuery) (store.Counts, error) {
	counts := store.Counts{Exact: true}
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		workflows, err := workflowsOf(conn, q.Project, q.Workflows)
		if err != nil {
			return err
		}
		if q.From == 0 && q.To == 0 {
			return sumCounters(conn, q.Project, workflows, levelAll, 0, 0, &counts)
		}
		from, to := bounds(q.From, q.To)
		return countBetween(conn, q.Project, workflows, from, to, &counts)
	})
	if err != nil {
		return store.Counts{}, fmt.Errorf("count executions: %w", err)
	}
	return counts, nil
}

// bounds are the smallest and the largest key of executions created within the instants, zero being open.
func bounds(from, to execution.Time) (low, high int64) {
	high = 1<<60 - 1
	if from > 0 {
		low = execution.MakeID(-floorDiv(-int64(from), 1000), 0, 0).Order()
	}
	if to > 0 {
		high = execution.MakeID(floorDiv(int64(to), 1000), 0x0fff, 0).Order()
	}
	return low, high
}

const hourMillis = 3_600_000

// countBetween counts the executions with keys from low to high.
func countBetween(conn *sqlite.Conn, project int64, workflows []int64, low, high int64, counts *store.Counts) error {
	if low > high {
		return nil
	}
	// The whole hours are those from first up to, but without, end.
	fromMillis, toMillis := low>>12, high>>12
	first, end := (fromMillis+hourMillis-1)/hourMillis, (toMillis+1)/hourMillis
	if first >= end {
		exact, err := countKeys(conn, workflows, low, high, counts)
		if err != nil || exact {
			return err
		}
		counts.Exact = false
		return sumCounters(conn, project, workflows, levelHour, fromMillis/hourMillis, toMillis/hourMillis, counts)
	}
	for _, edge := range [2]struct{ low, high, hour int64 }{
		{low, first*hourMillis<<12 - 1, first - 1},
		{end * hourMillis << 12, high, end},
	} {
		if edge.low > edge.high {
			continue
		}
		exact, err := countKeys(conn, workflows, edge.low, edge.high, counts)
		if err != nil {
			return err
		}
		if !exact {
			counts.Exact = false
			if err := sumCounters(conn, project, workflows, levelHour, edge.hour, edge.hour, counts); err != nil {
				return err
			}
		}
	}
	firstDay, endDay := (first+23)/24, end/24
	if firstDay >= endDay {
		return sumCounters(conn, project, workflows, levelHour, first, end-1, counts)
	}
	if err := sumCounters(conn, project, workflows, levelHour, first, firstDay*24-1, counts); err != nil {
		return err
	}
	if err := sumCounters(conn, project, workflows, levelDay, firstDay, endDay-1, counts); err != nil {
		return err
	}
	return sumCounters(conn, project, workflows, levelHour, endDay*24, end-1, counts)
}

// sumCounters adds the counters of the periods from first to last.
func sumCounters(conn *sqlite.Conn, project int64, workflows []int64, level, first, last int64, counts *store.Counts) error {
	if first > last {
		return nil
	}
	st, err := conn.Prepare("SELECT sum(n) FROM counters " +
		"WHERE project = ? AND level = ? AND workflow = ? AND status = ? AND period BETWEEN ? AND ?")
	if err != nil {
		return err
	}
	for _, w := range workflows {
		for status := range execution.Statuses {
			st.BindInt64(1, project)
			st.BindInt64(2, level)
			st.BindInt64(3, w)
			st.BindInt64(4, int64(status))
			st.BindInt64(5, first)
			st.BindInt64(6, last)
			if _, err := st.Step(); err != nil {
				return err
			}
			counts.N[status] += st.ColumnInt64(0)
			if err := st.Reset(); err != nil {
				return err
			}
		}
	}
	return nil
}

// countKeys counts one by one. When that would take too long it reports false and leaves counts alone.
func countKeys(conn *sqlite.Conn, workflows []int64, low, high int64, counts *store.Counts) (bool, error) {
	st, err := conn.Prepare("SELECT count(*) FROM (SELECT 1 FROM executions INDEXED BY executions_list " +
		"WHERE workflow = ? AND status = ? AND pk BETWEEN ? AND ? LIMIT ?)")
	if err != nil {
		return false, err
	}
	var found store.Counts
	left := int64(edgeLimit)
	for _, w := range workflows {
		for status := range execution.Statuses {
			st.BindInt64(1, w)
			st.BindInt64(2, int64(status))
			st.BindInt64(3, low)
			st.BindInt64(4, high)
			st.BindInt64(5, left+1)
			if _, err := st.Step(); err != nil {
				return false, err
			}
			n := st.ColumnInt64(0)
			if err := st.Reset(); err != nil {
				return false, err
			}
			if left -= n; left < 0 {
				return false, nil
			}
			found.N[status] += n
		}
	}
	for status, n := range found.N {
		counts.N[status] += n
	}
	return true, nil
}
