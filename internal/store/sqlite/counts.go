package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

const (
	countQuery = "INSERT INTO counters (project, level, workflow, status, period, n) VALUES (?, ?, ?, ?, ?, ?) " +
		"ON CONFLICT (project, level, workflow, period, status) DO UPDATE SET n = n + excluded.n"
	countGoneQuery = "DELETE FROM counters WHERE project = ? AND level = ? AND workflow = ? AND status = ? AND period = ? AND n = 0"
)

// The levels of counters: over all time, by day and by hour of creation.
const (
	levelAll = iota
	levelDay
	levelHour
)

// edgeLimit bounds how many executions Counts counts one by one in an hour that its bounds cut, and tableLimit how many
// of them it looks for in the table before it turns to the index.
const (
	edgeLimit  = 50_000
	tableLimit = 2_000
)

// counter is a counter's difference on its way to the database.
type counter struct {
	project, level, workflow, status, period int64
	n                                        int64
}

func (c counter) compare(d counter) int {
	return cmp.Or(
		cmp.Compare(c.project, d.project), cmp.Compare(c.level, d.level), cmp.Compare(c.workflow, d.workflow),
		cmp.Compare(c.period, d.period), cmp.Compare(c.status, d.status),
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
	c := tally{project: q.Project, all: q.Workflows == nil, limit: s.edgeLimit, Counts: store.Counts{Exact: true}}
	if q.Exact {
		c.limit = math.MaxInt64 - 1
	}
	err := s.snapshot(ctx, func(conn *sqlite.Conn) (err error) {
		c.conn = conn
		if c.workflows, err = workflowsOf(conn, q.Project, q.Workflows); err != nil {
			return err
		}
		if q.From == 0 && q.To == 0 {
			return c.sum(levelAll, 0, 0)
		}
		return c.between(bounds(q.From, q.To))
	})
	if err != nil {
		return store.Counts{}, fmt.Errorf("count executions: %w", err)
	}
	return c.Counts, nil
}

// tally is one count under way.
type tally struct {
	store.Counts
	conn      *sqlite.Conn
	project   int64
	workflows []int64
	all       bool  // the workflows are all of the project
	limit     int64 // edgeLimit
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

// between counts the executions with keys from low to high.
func (c *tally) between(low, high int64) error {
	if low > high {
		return nil
	}
	// The whole hours are those from first up to, but without, end.
	from, to := low>>12, high>>12
	first, end := (from+hourMillis-1)/hourMillis, (to+1)/hourMillis
	if first >= end {
		return c.edge(low, high, from/hourMillis, to/hourMillis)
	}
	if err := c.edge(low, first*hourMillis<<12-1, first-1, first-1); err != nil {
		return err
	}
	if err := c.edge(end*hourMillis<<12, high, end, end); err != nil {
		return err
	}
	firstDay, endDay := (first+23)/24, end/24
	if firstDay >= endDay {
		return c.sum(levelHour, first, end-1)
	}
	if err := c.sum(levelHour, first, firstDay*24-1); err != nil {
		return err
	}
	if err := c.sum(levelDay, firstDay, endDay-1); err != nil {
		return err
	}
	return c.sum(levelHour, endDay*24, end-1)
}

// sum adds the counters of the periods from first to last.
func (c *tally) sum(level, first, last int64) error {
	if first > last {
		return nil
	}
	st, err := c.conn.Prepare("SELECT status, sum(n) FROM counters " +
		"WHERE project = ? AND level = ? AND workflow = ? AND period BETWEEN ? AND ? GROUP BY status")
	if err != nil {
		return err
	}
	st.BindInt64(1, c.project)
	st.BindInt64(2, level)
	st.BindInt64(4, first)
	st.BindInt64(5, last)
	for _, w := range c.workflows {
		st.BindInt64(3, w)
		for {
			ok, err := st.Step()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			c.N[st.ColumnInt(0)] += st.ColumnInt64(1)
		}
		if err := st.Reset(); err != nil {
			return err
		}
	}
	return nil
}

// edge counts the executions with keys from low to high one by one, or takes the counters of the hours they lie in.
func (c *tally) edge(low, high, firstHour, lastHour int64) error {
	if low > high {
		return nil
	}
	var found store.Counts
	exact := false
	var err error
	if c.all {
		exact, err = c.countTable(low, high, &found)
	}
	if err == nil && !exact {
		found = store.Counts{}
		exact, err = c.countIndex(low, high, &found)
	}
	if err != nil {
		return err
	}
	if !exact {
		c.Exact = false
		return c.sum(levelHour, firstHour, lastHour)
	}
	for status, n := range found.N {
		c.N[status] += n
	}
	return nil
}

// countTable counts in the table, where the executions of all workflows lie together. It reports false when there are
// too many.
func (c *tally) countTable(low, high int64, found *store.Counts) (bool, error) {
	rows := int64(0)
	err := eachRow(c.conn, "SELECT project, status FROM executions WHERE pk BETWEEN ? AND ? LIMIT ?", func(st *sqlite.Stmt) error {
		rows++
		if st.ColumnInt64(0) == c.project {
			found.N[st.ColumnInt(1)]++
		}
		return nil
	}, low, high, int64(tableLimit))
	return rows < tableLimit, err
}

// countIndex counts in the index of lists. It reports false when there are too many.
func (c *tally) countIndex(low, high int64, found *store.Counts) (bool, error) {
	st, err := c.conn.Prepare("SELECT count(*) FROM (SELECT 1 FROM executions INDEXED BY executions_list " +
		"WHERE workflow = ? AND status = ? AND pk BETWEEN ? AND ? LIMIT ?)")
	if err != nil {
		return false, err
	}
	left := c.limit
	st.BindInt64(3, low)
	st.BindInt64(4, high)
	for _, w := range c.workflows {
		for status := range execution.Statuses {
			st.BindInt64(1, w)
			st.BindInt64(2, int64(status))
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
	return true, nil
}
