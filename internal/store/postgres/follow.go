package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// feedPage is how many rows of the feed one read looks at, and feedScan how many events.
const (
	feedPage = 500
	feedScan = 1000
)

// span is a part of an execution's history that a row of the feed tells of.
type span struct {
	execution execution.ID
	workflow  int64
	revision  int64 // of the event
	place     place // behind it
}

// Feed reads events of a project in the order of commits.
func (s *Store) Feed(ctx context.Context, q store.FeedQuery) (*store.FeedPage, error) {
	var page *store.FeedPage
	err := s.snapshot(ctx, func(v *view) (err error) {
		page = new(store.FeedPage)
		if q.After == "" {
			var now snapshot
			err = v.query("SELECT pg_current_snapshot()", nil, func(r *row) error {
				now = r.snapshot()
				return nil
			})
			page.Next = s.cursor(&place{seen: now})
			return err
		}
		p, err := s.place(q.After)
		if err != nil {
			return err
		}
		return s.feed(v, &q, p, page)
	})
	if err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	return page, nil
}

var feedQuery = feedRows(feedColumns+", NULL::pg_snapshot", "project = $6") + " UNION ALL SELECT NULL, 0, 0, 0, NULL, NULL, pg_current_snapshot()"

// feed fills the page with what is selected behind the place.
func (s *Store) feed(v *view, q *store.FeedQuery, p *place, page *store.FeedPage) error {
	var set []feedRow
	for size, ok := feedPage, false; !ok; size *= 4 {
		var rows []feedRow
		var now snapshot
		if err := v.query(feedQuery, s.placeArgs(p, size).int64(q.Project), func(r *row) error {
			x := r.feedRow()
			if x.place == 0 {
				now = r.snapshot()
				return nil
			}
			rows = append(rows, x)
			return nil
		}); err != nil {
			return err
		}
		if p.seen.xmax > now.xmax {
			return errNoCursor // of a future that was lost
		}
		set, page.More, ok = p.between(rows, now, size)
	}
	spans, whole, err := selected(q, p, set)
	if err != nil {
		return err
	}
	if whole {
		p.arrive()
	} else {
		page.More = true
	}
	page.Next = s.cursor(p)
	if len(spans) == 0 {
		return nil
	}
	return s.feedEvents(v, q, spans, page)
}

// selected are the events that the rows tell of, in order, without those of workflows that were not asked for. It moves
// the place behind them and stops when they are enough; whole says that it did not.
func selected(q *store.FeedQuery, p *place, set []feedRow) (spans []span, whole bool, err error) {
	for i := range set {
		r := &set[i]
		entry, done := 0, 0
		if r.place == p.row {
			done = p.entries
		}
		err := eachChange(r.changes, r.project, func(c *change) error {
			for revision := c.from + 1; revision <= c.Revision; revision++ {
				if entry++; entry <= done {
					continue
				}
				if len(spans) == feedScan {
					entry--
					return errFull
				}
				if q.Workflows != nil && !slices.Contains(q.Workflows, c.Workflow) {
					continue
				}
				behind := *p
				behind.row, behind.entries = r.place, entry
				spans = append(spans, span{c.Execution, c.Workflow, revision, behind})
			}
			return nil
		})
		p.row, p.entries = r.place, entry
		if errors.Is(err, errFull) {
			return spans, false, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	return spans, true, nil
}

// feedEventsQuery reads events without the payloads of their executions, whose kinds are those of
// execution.EventKind.CarriesPayload, and the state before each.
const feedEventsQuery = "SELECT g.n, j.revision, j.kind, j.at, j.actor, j.attempt, j.try, j.step, j.until, j.since, j.value, j.code, j.message, " +
	"j.hash, j.status, CASE WHEN j.kind NOT IN (1, 7, 16, 17) THEN j.details END, CASE WHEN j.kind NOT IN (1, 7, 16, 17) THEN j.body END, b.status " +
	"FROM unnest($1, $2) WITH ORDINALITY AS g (execution, revision, n) " +
	"JOIN journal AS j ON j.execution = g.execution AND j.revision = g.revision " +
	"LEFT JOIN journal AS b ON b.execution = g.execution AND b.revision = g.revision - 1 ORDER BY g.n"

// feedEvents reads the events and adds those to the page that were asked for. Those of deleted executions are not there.
func (s *Store) feedEvents(v *view, q *store.FeedQuery, spans []span, page *store.FeedPage) error {
	a := newArgs().
		ids(len(spans), func(i int) execution.ID { return spans[i].execution }).
		int64s(len(spans), func(i int) int64 { return spans[i].revision })
	return v.query(feedEventsQuery, a, func(r *row) error {
		n := r.int64() - 1
		if n < 0 || n >= int64(len(spans)) {
			return fmt.Errorf("event %d of %d", n, len(spans))
		}
		x := &spans[n]
		if q.Limit > 0 && len(page.Events) == q.Limit {
			if !page.More || page.Next != page.Events[q.Limit-1].After {
				page.More, page.Next = true, page.Events[q.Limit-1].After
			}
			return nil
		}
		e := store.FeedEvent{Workflow: x.workflow}
		scanEvent(r, x.execution, &e.Event)
		if q.Kinds != nil && !slices.Contains(q.Kinds, e.Kind) {
			return nil
		}
		e.Moved = r.null() || e.Status != execution.Status(r.int64())
		e.After = s.cursor(&x.place)
		page.Events = append(page.Events, e)
		return nil
	})
}
