package postgres

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

var countStatement = prepare("INSERT INTO counters (project, level, workflow, period, status, slot, n) " +
	"SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7) " +
	"ON CONFLICT (project, level, workflow, period, status, slot) DO UPDATE SET n = counters.n + excluded.n")

// The levels of counters: over all time, by day and by hour of creation.
const (
	levelAll = iota
	levelDay
	levelHour
)

// edgeLimit bounds how many executions Counts counts one by one in an hour that its bounds cut.
const edgeLimit = 50_000

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

// sortedCounts are the differences by level, in the order of the table.
func sortedCounts(counts map[store.CountKey]int64) []counter {
	var all []counter
	for k, n := range counts {
		if n == 0 {
			continue
		}
		hour := int64(k.Hour)
		for level, period := range [...]int64{0, floorDiv(hour, 24), hour} {
			all = append(all, counter{k.Project, int64(level), k.Workflow, int64(k.Status), period, n})
		}
	}
	slices.SortFunc(all, counter.compare)
	merged := all[:0]
	for _, c := range all { // hours of one day, and days, have the same counters above them
		if i := len(merged) - 1; i >= 0 && merged[i].compare(c) == 0 {
			merged[i].n += c.n
		} else {
			merged = append(merged, c)
		}
	}
	return slices.DeleteFunc(merged, func(c counter) bool { return c.n == 0 })
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// A server adds to counters of its own, by slot, and takes new ones every second, the parts of its slot: a row that
// changes with each commit leaves a dead row behind each time, and while a snapshot keeps those, whoever comes to the row
// passes all of them. Parts that nobody adds to any more are added to the slot itself.
const (
	partSpan  = time.Second
	partShift = 16
	parts     = 1 << 14 // then their numbers begin again
)

// part is the number of a part among those of the slot.
func part(now execution.Time) int32 { return int32(int64(now)/partSpan.Microseconds()%(parts-1)) + 1 }

// foldStatement adds parts to their slots, except those that may still be added to. Two servers at it, or a commit that
// comes late, do no harm: what is added is what was removed.
const foldStatement = "WITH parts AS (DELETE FROM counters WHERE slot >= 65536 AND slot >> 16 <> ALL($1) " +
	"RETURNING project, level, workflow, period, status, slot & 65535 AS slot, n) " +
	"INSERT INTO counters (project, level, workflow, period, status, slot, n) " +
	"SELECT project, level, workflow, period, status, slot, sum(n)::bigint FROM parts GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(n) <> 0 ORDER BY 1, 2, 3, 4, 5, 6 " +
	"ON CONFLICT (project, level, workflow, period, status, slot) DO UPDATE SET n = counters.n + excluded.n"

// foldCounts adds up the parts of all servers that are no longer in use.
func (s *Store) foldCounts(ctx context.Context) error {
	now := s.clock.Now()
	err := s.query(ctx, foldStatement, newArgs().int32s(3, func(i int) int32 { return part(now.Add(time.Duration(i-1) * partSpan)) }), nil, nil)
	if err != nil {
		return fmt.Errorf("add up counters: %w", err)
	}
	return nil
}

// saveCounts adds the differences to this server's counters.
func (t *transaction) saveCounts() {
	all := sortedCounts(t.changes.Counts)
	n := len(all)
	if n == 0 {
		return
	}
	slot := t.s.slot.Load() + part(t.result.Now)<<partShift
	t.save.add(countStatement, newArgs().
		int64s(n, func(i int) int64 { return all[i].project }).
		int16s(n, func(i int) int16 { return int16(all[i].level) }).
		int64s(n, func(i int) int64 { return all[i].workflow }).
		int64s(n, func(i int) int64 { return all[i].period }).
		int16s(n, func(i int) int16 { return int16(all[i].status) }).
		int32s(n, func(int) int32 { return slot }).
		int64s(n, func(i int) int64 { return all[i].n }), nil, nil)
}

// Counts reads how many executions there are in each state: whole days and hours from the counters, the hours that the
// bounds cut by counting. When those have too many executions, the counters' hours are taken whole and the counts are
// not exact.
func (s *Store) Counts(ctx context.Context, q store.CountQuery) (store.Counts, error) {
	var c tally
	err := s.snapshot(ctx, func(v *view) error {
		c = tally{v: v, project: q.Project, workflows: q.Workflows, limit: s.edgeLimit, Counts: store.Counts{Exact: true}}
		if q.Exact {
			c.limit = math.MaxInt64 - 1
		}
		if c.workflows == nil {
			if err := v.query("SELECT key FROM workflows WHERE project = $1", newArgs().int64(q.Project), func(r *row) error {
				c.workflows = append(c.workflows, r.int64())
				return nil
			}); err != nil {
				return err
			}
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
	v         *view
	project   int64
	workflows []int64
	limit     int64 // edgeLimit
}

// bounds are the first and the last millisecond of ids created within the instants, zero being open.
func bounds(from, to execution.Time) (low, high int64) {
	high = 1<<48 - 1
	if from > 0 {
		low = firstMilli(from)
	}
	if to > 0 {
		high = floorDiv(int64(to), 1000)
	}
	return low, high
}

const hourMillis = 3_600_000

// between counts the executions created in the milliseconds from low to high.
func (c *tally) between(low, high int64) error {
	if low > high {
		return nil
	}
	// The whole hours are those from first up to, but without, end.
	first, end := (low+hourMillis-1)/hourMillis, (high+1)/hourMillis
	if first >= end {
		return c.edge(low, high, low/hourMillis, high/hourMillis)
	}
	if err := c.edge(low, first*hourMillis-1, first-1, first-1); err != nil {
		return err
	}
	if err := c.edge(end*hourMillis, high, end, end); err != nil {
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

// of begins the parameters of a count, with project and workflows.
func (c *tally) of() *args {
	return newArgs().int64(c.project).int64s(len(c.workflows), func(i int) int64 { return c.workflows[i] })
}

// sum adds the counters of the periods from first to last.
func (c *tally) sum(level int16, first, last int64) error {
	if first > last || len(c.workflows) == 0 {
		return nil
	}
	return c.v.query("SELECT status, sum(n)::bigint FROM counters "+
		"WHERE project = $1 AND level = $3 AND workflow = ANY($2) AND period BETWEEN $4 AND $5 GROUP BY status",
		c.of().int16(level).int64(first).int64(last), func(r *row) error { return add(&c.Counts, r) })
}

func add(c *store.Counts, r *row) error {
	status, n := r.int64(), r.int64()
	if status < 0 || status >= int64(len(c.N)) {
		return fmt.Errorf("status %d", status)
	}
	c.N[status] += n
	return nil
}

// edge counts the executions created in the milliseconds from low to high one by one, or takes the counters of the hours
// they lie in when they are too many.
func (c *tally) edge(low, high, firstHour, lastHour int64) error {
	if low > high || len(c.workflows) == 0 {
		return nil
	}
	var found store.Counts
	total := int64(0)
	a := c.of().id(execution.MakeID(low, 0, 0)).id(execution.MakeID(high, 0x0fff, math.MaxUint64)).int64(c.limit + 1)
	if err := c.v.query("SELECT status, count(*) FROM (SELECT status FROM executions WHERE workflow = ANY($2) "+
		"AND status BETWEEN 0 AND 8 AND id BETWEEN $3 AND $4 AND project = $1 LIMIT $5) AS edge GROUP BY status", a, func(r *row) error {
		return add(&found, r)
	}); err != nil {
		return err
	}
	for _, n := range found.N {
		total += n
	}
	if total > c.limit {
		c.Exact = false
		return c.sum(levelHour, firstHour, lastHour)
	}
	for status, n := range found.N {
		c.N[status] += n
	}
	return nil
}
