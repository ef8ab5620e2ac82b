package cells

import (
	"cmp"
	"context"
	"slices"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Series adds up the counters of all cells. While a shard moves, its executions may be counted in both cells.
func (s *Store) Series(ctx context.Context, q store.SeriesQuery) ([]store.SeriesPoint, error) {
	lists, err := all(s, func(c *cell) ([]store.SeriesPoint, error) { return c.Store.Series(ctx, q) })
	if err != nil {
		return nil, err
	}
	sum := map[store.SeriesPoint]int64{}
	for _, p := range slices.Concat(lists...) {
		n := p.N
		p.N = 0
		sum[p] += n
	}
	var points []store.SeriesPoint
	for p, n := range sum {
		if p.N = n; n != 0 {
			points = append(points, p)
		}
	}
	return points, nil
}

// Sample reads the newest executions of each workflow, state and span over all cells.
func (s *Store) Sample(ctx context.Context, q store.SampleQuery) ([]store.Sampled, error) {
	lists, err := all(s, func(c *cell) ([]store.Sampled, error) {
		list, err := c.Store.Sample(ctx, q)
		return mine(c, list, func(x *store.Sampled) execution.ID { return x.ID }), err
	})
	if err != nil {
		return nil, err
	}
	if len(lists) == 1 {
		return lists[0], nil
	}
	found := slices.Concat(lists...)
	slices.SortFunc(found, func(a, b store.Sampled) int {
		return cmp.Or(cmp.Compare(a.Workflow, b.Workflow), cmp.Compare(a.Status, b.Status), cmp.Compare(b.ID.Order(), a.ID.Order()))
	})
	of := map[[3]int64]int{} // by workflow, state and span
	return slices.DeleteFunc(found, func(x store.Sampled) bool {
		span := slices.IndexFunc(q.Spans, func(s store.Span) bool { return s.Has(x.ID) })
		k := [3]int64{x.Workflow, int64(x.Status), int64(span)}
		of[k]++
		return of[k] > q.Each
	}), nil
}

// Oldest tells since when that execution of each queue is ready that has waited longest, in any cell.
func (s *Store) Oldest(ctx context.Context, workflows []int64) (map[int64]execution.Time, error) {
	parts, err := all(s, func(c *cell) (map[int64]execution.Time, error) { return c.Store.Oldest(ctx, workflows) })
	if err != nil {
		return nil, err
	}
	oldest := parts[0]
	for _, p := range parts[1:] {
		for w, at := range p {
			oldest[w] = earliest([]execution.Time{oldest[w], at})
		}
	}
	return oldest, nil
}

// About tells of each cell.
func (s *Store) About(ctx context.Context) ([]store.About, error) {
	lists, err := all(s, func(c *cell) ([]store.About, error) {
		list, err := c.Store.About(ctx)
		for i := range list {
			list[i].Cell = c.Name
		}
		return list, err
	})
	return slices.Concat(lists...), err
}
