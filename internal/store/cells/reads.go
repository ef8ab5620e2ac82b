package cells

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// all asks every cell and returns the answers in order. When one does not answer, there is no answer.
func all[T any](s *Store, f func(c *cell) (T, error)) ([]T, error) {
	list := make([]T, len(s.cells))
	err := s.each(func(c *cell) (err error) {
		list[c.n], err = f(c)
		return err
	})
	return list, err
}

// newest merges lists that are ordered by id, newest first, to at most limit elements (0: all).
func newest[T any](lists [][]T, id func(*T) execution.ID, limit int) []T {
	var out []T
	at := make([]int, len(lists))
	for limit <= 0 || len(out) < limit {
		best := -1
		var bestID execution.ID
		for n, l := range lists {
			if at[n] == len(l) {
				continue
			}
			if x := id(&l[at[n]]); best < 0 || bytes.Compare(x[:], bestID[:]) > 0 {
				best, bestID = n, x
			}
		}
		if best < 0 {
			break
		}
		out = append(out, lists[best][at[best]])
		at[best]++
	}
	return out
}

// inTurns takes elements of the lists in turns, at most limit: no cell keeps the others waiting.
func inTurns[T any](lists [][]T, limit int) []T {
	var out []T
	for i, more := 0, true; more; i++ {
		more = false
		for _, l := range lists {
			if i < len(l) && len(out) < limit {
				out, more = append(out, l[i]), true
			}
		}
	}
	return out
}

// at runs a read about one execution in the cell that has it. When the execution is not there, it may have moved.
func at[T any](ctx context.Context, s *Store, id execution.ID, f func(c *cell) (T, error)) (T, error) {
	if err := s.fresh(ctx, id); err != nil {
		var none T
		return none, err
	}
	c := s.of(id)
	x, err := f(c)
	if errors.Is(err, store.ErrNotFound) && s.of(id) != c {
		c = s.of(id)
		x, err = f(c)
	}
	return x, c.wrap(err)
}

// Get reads one execution.
func (s *Store) Get(ctx context.Context, project int64, id execution.ID) (*store.Row, error) {
	return at(ctx, s, id, func(c *cell) (*store.Row, error) { return c.Store.Get(ctx, project, id) })
}

// Events reads events of an execution.
func (s *Store) Events(ctx context.Context, row *store.Row, after int64, limit int) ([]execution.Event, error) {
	return at(ctx, s, row.ID, func(c *cell) ([]execution.Event, error) { return c.Store.Events(ctx, row, after, limit) })
}

// Ends reads the first and the last event of an execution.
func (s *Store) Ends(ctx context.Context, row *store.Row) (first, last *execution.Event, err error) {
	ends, err := at(ctx, s, row.ID, func(c *cell) ([2]*execution.Event, error) {
		first, last, err := c.Store.Ends(ctx, row)
		return [2]*execution.Event{first, last}, err
	})
	return ends[0], ends[1], err
}

// Logs reads log lines of an execution.
func (s *Store) Logs(ctx context.Context, row *store.Row, q store.LogQuery) ([]store.Log, error) {
	return at(ctx, s, row.ID, func(c *cell) ([]store.Log, error) { return c.Store.Logs(ctx, row, q) })
}

// Tombstone reads the trace of a deleted or redacted execution.
func (s *Store) Tombstone(ctx context.Context, project int64, id execution.ID) (*store.Tombstone, error) {
	return at(ctx, s, id, func(c *cell) (*store.Tombstone, error) { return c.Store.Tombstone(ctx, project, id) })
}

// List reads one page of executions, newest first. When a cell does not answer, there is no page.
func (s *Store) List(ctx context.Context, q store.ListQuery) (*store.ListPage, error) {
	each := q
	if len(s.cells) > 1 && q.Offset > 0 {
		each.Offset, each.Limit = 0, q.Offset+q.Limit
	}
	pages, err := all(s, func(c *cell) (*store.ListPage, error) {
		p, err := c.Store.List(ctx, each)
		if err == nil {
			p.Items = mine(c, p.Items, func(x *store.Item) execution.ID { return x.ID })
		}
		return p, err
	})
	if err != nil {
		return nil, err
	}
	if len(pages) == 1 {
		return pages[0], nil
	}
	lists := make([][]store.Item, len(pages))
	var horizon execution.ID // below it a search has not looked
	out, found := &store.ListPage{}, 0
	for n, p := range pages {
		lists[n] = p.Items
		found += len(p.Items)
		out.More = out.More || p.More
		if bytes.Compare(p.SearchedUntil[:], horizon[:]) > 0 {
			horizon = p.SearchedUntil
		}
	}
	items := newest(lists, func(x *store.Item) execution.ID { return x.ID }, each.Limit)
	out.More = out.More || len(items) < found
	items = items[min(q.Offset-each.Offset, len(items)):]
	if !horizon.IsZero() {
		end := slices.IndexFunc(items, func(x store.Item) bool { return bytes.Compare(x.ID[:], horizon[:]) < 0 })
		switch {
		case end >= 0:
			items, out.SearchedUntil = items[:end], horizon
		case len(items) < q.Limit:
			out.SearchedUntil = horizon
		}
	}
	out.Items = items
	return out, nil
}

// Counts adds up how many executions there are in each state.
func (s *Store) Counts(ctx context.Context, q store.CountQuery) (store.Counts, error) {
	parts, err := all(s, func(c *cell) (store.Counts, error) { return c.Store.Counts(ctx, q) })
	if err != nil {
		return store.Counts{}, err
	}
	sum := store.Counts{Exact: s.routes.Load().settled}
	for _, p := range parts {
		for status, n := range p.N {
			sum.N[status] += n
		}
		sum.Exact = sum.Exact && p.Exact
	}
	return sum, nil
}

// some is all for what the engine's loops ask again and again: the answers of those cells that answer count, unless none
// does.
func some[T any](s *Store, f func(c *cell) (T, error)) ([]T, error) {
	list := make([]T, 0, len(s.cells))
	answers := make([]*T, len(s.cells))
	err := s.each(func(c *cell) error {
		x, err := f(c)
		if err == nil {
			answers[c.n] = &x
		}
		return err
	})
	for _, x := range answers {
		if x != nil {
			list = append(list, *x)
		}
	}
	if len(list) == 0 {
		return nil, err
	}
	if err != nil {
		s.log.Warn("a cell does not answer", "error", err)
	}
	return list, nil
}

// Due are executions of the part that are due, in turns of the cells; those of a cell that does not answer wait.
func (s *Store) Due(ctx context.Context, now execution.Time, part store.Part, limit int) ([]execution.ID, error) {
	lists, err := some(s, func(c *cell) ([]execution.ID, error) { return c.Store.Due(ctx, now, part, limit) })
	return inTurns(lists, limit), err
}

// NextDue is the earliest DueAt of all cells that answer.
func (s *Store) NextDue(ctx context.Context) (execution.Time, error) {
	list, err := some(s, func(c *cell) (execution.Time, error) { return c.Store.NextDue(ctx) })
	return earliest(list), err
}

func earliest(list []execution.Time) (first execution.Time) {
	for _, at := range list {
		if at != 0 && (first == 0 || at < first) {
			first = at
		}
	}
	return first
}

// Held are the executions that the session has, in all cells. With an error it returns those that could be read.
func (s *Store) Held(ctx context.Context, session int64) ([]*store.Row, error) {
	lists := make([][]*store.Row, len(s.cells))
	err := s.each(func(c *cell) (err error) {
		lists[c.n], err = c.Store.Held(ctx, session)
		lists[c.n] = mine(c, lists[c.n], func(r **store.Row) execution.ID { return (*r).ID })
		return err
	})
	return slices.Concat(lists...), err
}

// Queues are the workflows that have executions in the queue.
func (s *Store) Queues(ctx context.Context) ([]store.Queue, error) {
	lists, err := all(s, func(c *cell) ([]store.Queue, error) { return c.Store.Queues(ctx) })
	if err != nil {
		return nil, err
	}
	var out []store.Queue
	for _, x := range slices.Concat(lists...) {
		i := slices.IndexFunc(out, func(y store.Queue) bool { return y.Workflow == x.Workflow })
		if i < 0 {
			out = append(out, x)
			continue
		}
		out[i].Length += x.Length
		out[i].Oldest = min(out[i].Oldest, x.Oldest)
	}
	slices.SortFunc(out, func(a, b store.Queue) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Workflow, b.Workflow))
	})
	return out, nil
}

// Ended are finished executions whose retention is over.
func (s *Store) Ended(ctx context.Context, workflow int64, before execution.Time, limit int) ([]execution.ID, error) {
	lists, err := some(s, func(c *cell) ([]execution.ID, error) { return c.Store.Ended(ctx, workflow, before, limit) })
	return inTurns(lists, limit), err
}

// ExpiredFiles are files whose time is over, also copies of records.
func (s *Store) ExpiredFiles(ctx context.Context, now execution.Time, limit int) ([]execution.ID, error) {
	lists, err := some(s, func(c *cell) ([]execution.ID, error) { return c.Store.ExpiredFiles(ctx, now, limit) })
	var ids []execution.ID
	for _, id := range inTurns(lists, limit) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// DueDeliveries reads deliveries whose time has come; those of a cell that does not answer wait.
func (s *Store) DueDeliveries(ctx context.Context, q store.DueQuery) (*store.DuePage, error) {
	pages, err := some(s, func(c *cell) (*store.DuePage, error) {
		p, err := c.Store.DueDeliveries(ctx, q)
		if err == nil {
			p.Due = mine(c, p.Due, func(d *store.Delivery) execution.ID { return d.ID })
		}
		return p, err
	})
	if err != nil {
		return nil, err
	}
	if len(pages) == 1 {
		return pages[0], nil
	}
	out := &store.DuePage{}
	lists := make([][]store.Delivery, len(pages))
	var next []execution.Time
	// distance is how far a destination is from where the look began, with the lowest number behind the highest.
	distance := func(d int64) uint64 { return uint64(d) - uint64(q.From) }
	for n, p := range pages {
		lists[n] = p.Due
		next = append(next, p.Next)
		switch {
		case p.More && (!out.More || distance(p.Last) < distance(out.Last)):
			out.Last, out.More = p.Last, true // the others look again at what is behind it
		case !out.More && (n == 0 || distance(p.Last) > distance(out.Last)):
			out.Last = p.Last
		}
	}
	out.Next = earliest(next)
	of := map[int64]int{}
	for _, d := range inTurns(lists, max(q.Limit, 1)*len(lists)) {
		if of[d.Destination]++; q.Each <= 0 || of[d.Destination] <= q.Each {
			out.Due = append(out.Due, d)
		}
	}
	slices.SortStableFunc(out.Due, func(a, b store.Delivery) int {
		if c := cmp.Compare(distance(a.Destination), distance(b.Destination)); c != 0 {
			return c
		}
		return cmp.Compare(a.DueAt, b.DueAt)
	})
	if q.Limit > 0 && len(out.Due) > q.Limit {
		out.Due, out.More = out.Due[:q.Limit], true
		out.Last = out.Due[q.Limit-1].Destination
	}
	return out, nil
}

// Delivery reads a delivery with its attempts.
func (s *Store) Delivery(ctx context.Context, project int64, id execution.ID) (*store.Delivery, []store.DeliveryAttempt, error) {
	type found struct {
		d        *store.Delivery
		attempts []store.DeliveryAttempt
	}
	x, err := at(ctx, s, id, func(c *cell) (found, error) {
		d, attempts, err := c.Store.Delivery(ctx, project, id)
		return found{d, attempts}, err
	})
	return x.d, x.attempts, err
}

// Deliveries reads deliveries of a project, newest first.
func (s *Store) Deliveries(ctx context.Context, q store.DeliveryQuery) ([]store.Delivery, error) {
	if !q.Execution.IsZero() {
		return at(ctx, s, q.Execution, func(c *cell) ([]store.Delivery, error) { return c.Store.Deliveries(ctx, q) })
	}
	lists, err := all(s, func(c *cell) ([]store.Delivery, error) {
		list, err := c.Store.Deliveries(ctx, q)
		return mine(c, list, func(d *store.Delivery) execution.ID { return d.ID }), err
	})
	return newest(lists, func(d *store.Delivery) execution.ID { return d.ID }, q.Limit), err
}

// EndedDeliveries are deliveries to the endpoint whose retention is over.
func (s *Store) EndedDeliveries(ctx context.Context, endpoint int64, before execution.Time, limit int) ([]execution.ID, error) {
	lists, err := some(s, func(c *cell) ([]execution.ID, error) { return c.Store.EndedDeliveries(ctx, endpoint, before, limit) })
	return inTurns(lists, limit), err
}

// DeliveryBacklog adds up what waits for delivery.
func (s *Store) DeliveryBacklog(ctx context.Context, now execution.Time) (store.DeliveryBacklog, error) {
	parts, err := all(s, func(c *cell) (store.DeliveryBacklog, error) { return c.Store.DeliveryBacklog(ctx, now) })
	var sum store.DeliveryBacklog
	for _, p := range parts {
		sum.Pending += p.Pending
		sum.Overdue = earliest([]execution.Time{sum.Overdue, p.Overdue})
	}
	return sum, err
}

// Link looks for an approval link in all cells.
func (s *Store) Link(ctx context.Context, hash [32]byte) (*store.ApprovalLink, error) {
	links := make([]*store.ApprovalLink, len(s.cells))
	err := s.each(func(c *cell) error {
		l, err := c.Store.Link(ctx, hash)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		links[c.n] = l
		return err
	})
	for _, l := range links {
		if l != nil {
			return l, nil
		}
	}
	if err == nil {
		err = store.ErrNotFound
	}
	return nil, err
}

// Audit audits every cell by itself. That sessions exist is judged over all cells, and which keys were drawn at home.
func (s *Store) Audit(ctx context.Context) ([]store.Finding, error) {
	lists, err := all(s, func(c *cell) ([]store.Finding, error) { return c.Store.Audit(ctx) })
	if err != nil {
		return nil, err
	}
	if len(s.cells) == 1 {
		return lists[0], nil
	}
	var out []store.Finding
	for n, list := range lists {
		for _, f := range list {
			if f.Invariant == "session_exists" || n > 0 && f.Invariant == "keys_unique" {
				continue
			}
			f.Subject = fmt.Sprintf("cell %s: %s", s.cells[n].Name, f.Subject)
			out = append(out, f)
		}
	}
	held, err := s.Held(ctx, 0)
	if err != nil {
		return nil, err
	}
	sessions, err := s.Sessions(ctx) // read later: what holds something was there before, or ends
	if err != nil {
		return nil, err
	}
	var f store.Findings
	for _, r := range held {
		if !slices.ContainsFunc(sessions, func(x store.Session) bool { return x.Key == r.Session }) {
			f.Add("session_exists", "%s: session %d", r.ID, r.Session)
		}
	}
	return append(out, f.List()...), nil
}

// Backup makes the directory path and writes a copy of each cell into it. Each is consistent by itself. The home comes
// last: what the others refer to is in it.
func (s *Store) Backup(ctx context.Context, path string) error {
	if len(s.cells) == 1 {
		return s.cells[0].wrap(s.cells[0].Store.Backup(ctx, path))
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	for _, c := range slices.Backward(s.cells) {
		if err := c.Store.Backup(ctx, filepath.Join(path, BackupName(c.n))); err != nil {
			return c.wrap(err)
		}
	}
	return nil
}

// BackupName is the name of the copy of a cell within a backup.
func BackupName(cell int) string { return fmt.Sprintf("cell-%d.db", cell) }

// Usage adds up the room that the cells take.
func (s *Store) Usage(ctx context.Context) (store.Usage, error) {
	parts, err := all(s, func(c *cell) (store.Usage, error) { return c.Store.Usage(ctx) })
	var sum store.Usage
	for _, p := range parts {
		sum.Data, sum.Log, sum.Free = sum.Data+p.Data, sum.Log+p.Log, sum.Free+p.Free
	}
	return sum, err
}
