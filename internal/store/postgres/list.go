package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// defaultSlice bounds how long a list searches by filters that no index serves, so that its answer is out within 50 ms.
const defaultSlice = 40 * time.Millisecond

// List reads one page of executions, newest first.
//
// Each combination of workflow and status, workflow and trigger, or workflow and metadata is a range of an index that
// holds its executions in order, and so are the executions of a workflow that have an inbox; a list is the merge of the ranges that its filters select, each read a chunk at a time,
// all of them in one statement at first. A list that selects many ranges tries the newest executions of the table first,
// which mostly are enough. What remains of the filters is judged row by row, within the slice.
func (s *Store) List(ctx context.Context, q store.ListQuery) (*store.ListPage, error) {
	page := &store.ListPage{}
	if q.Limit <= 0 {
		return page, nil
	}
	err := s.pages(ctx, func(v *view) error {
		*page = store.ListPage{}
		l, err := newLister(v, &q)
		if err != nil {
			return err
		}
		return l.fill(page)
	})
	if err != nil {
		return nil, fmt.Errorf("list executions: %w", err)
	}
	return page, nil
}

// lister is one list under way.
type lister struct {
	v         *view
	q         *store.ListQuery
	skip      int          // how many that match are still to be left out
	low, high execution.ID // bounds of ids: from low on, before high
	kind      *rangeKind
	pair      *pair // of a range of metadata
	ranges    []*indexRange
	merged    merger
	opened    bool           // the ranges were read
	walked    []execution.ID // ids found by walking the table, the newest last
	walkedAll bool           // nothing is left in the table

	// What is judged row by row.
	status   execution.StatusSet // 0: nothing to judge
	triggers []execution.Trigger
	pairs    []pair
	awaiting execution.WaitFilter
	text     []byte // in lower case
	residual bool
}

type pair struct{ key, value string }

// rangeKind reads parts of an index. The first column is compared with an array of one and named in the order: no other
// index can then give the order, whatever the planner believes about the table, while a plain equality would let it walk
// all ids instead.
type rangeKind struct{ query string }

const (
	theRanges = "SELECT r.n, x.id FROM unnest($1::bigint[], $2::smallint[], $3::uuid[]) WITH ORDINALITY AS r (workflow, number, high, n) CROSS JOIN LATERAL ("
	eachRange = "SELECT e.id FROM executions AS e WHERE e.workflow = ANY(ARRAY[r.workflow]) AND e.id < r.high AND e.id >= $4 "
)

var (
	listRange    = rangeKind{theRanges + eachRange + "AND e.status = r.number ORDER BY e.workflow DESC, e.id DESC LIMIT $5) AS x"}
	triggerRange = rangeKind{theRanges + eachRange + "AND e.trigger_type <> 0 AND e.trigger_type = r.number ORDER BY e.workflow DESC, e.id DESC LIMIT $5) AS x"}
	inboxRange   = rangeKind{theRanges + eachRange + "AND e.inbox IS NOT NULL AND e.status < 5 ORDER BY e.workflow DESC, e.id DESC LIMIT $5) AS x"}
	pairRange    = rangeKind{theRanges + "SELECT m.execution AS id FROM metadata AS m WHERE m.workflow = ANY(ARRAY[r.workflow]) AND m.key = $6 AND m.value = $7 " +
		"AND m.execution < r.high AND m.execution >= $4 ORDER BY m.workflow DESC, m.execution DESC LIMIT $5) AS x"}
)

// indexRange is a part of an index whose ids match, read from the highest down.
type indexRange struct {
	workflow int64
	number   int16 // status or trigger

	keys  []execution.ID // read, but not taken
	chunk int            // how many were to be read last
	ended bool           // nothing is left to read
}

const (
	tableRange = "SELECT id, workflow, status FROM executions WHERE id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3"
	// maxChunk bounds how many ids are read from a range at once.
	maxChunk = 512
	// manyRanges is from how many ranges on the table is walked first, and walkLength how many rows of it.
	manyRanges = 16
	walkLength = 256
)

func newLister(v *view, q *store.ListQuery) (*lister, error) {
	l := &lister{v: v, q: q, skip: q.Offset, kind: &listRange}
	l.low, l.high = createdBetween(q.From, q.To)
	if !q.Before.IsZero() && compareIDs(q.Before, l.high) < 0 {
		l.high = q.Before
	}
	workflows, err := workflowsOf(v, q.Project, q.Workflows)
	if err != nil {
		return nil, err
	}
	status := q.Status & execution.All
	if q.Status == 0 {
		status = execution.All
	}
	if status == 0 {
		return l, nil // no state that exists
	}
	for key, value := range q.Metadata {
		l.pairs = append(l.pairs, pair{key, value})
	}
	l.text, l.awaiting = lowerASCII([]byte(q.Text)), q.Awaiting
	triggers := slices.Clone(q.Triggers)
	slices.Sort(triggers)
	triggers = slices.Compact(triggers)
	switch {
	case len(l.pairs) > 0:
		if err := l.rarest(workflows); err != nil {
			return nil, err
		}
		l.kind = &pairRange
		for _, w := range workflows {
			l.ranges = append(l.ranges, &indexRange{workflow: w})
		}
		if status != execution.All {
			l.status = status
		}
		l.triggers = triggers
	case !q.Awaiting.IsZero():
		l.kind = &inboxRange
		for _, w := range workflows {
			l.ranges = append(l.ranges, &indexRange{workflow: w})
		}
		if status != execution.All {
			l.status = status
		}
		l.triggers = triggers
	case len(triggers) > 0 && triggers[0] != 0:
		l.kind = &triggerRange
		for _, w := range workflows {
			for _, t := range triggers {
				l.ranges = append(l.ranges, &indexRange{workflow: w, number: int16(t)})
			}
		}
		if status != execution.All {
			l.status = status
		}
	default:
		// Almost all executions have the usual trigger, which has no index.
		l.triggers = triggers
		for _, w := range workflows {
			for x := range execution.Status(execution.Statuses) {
				if status.Has(x) {
					l.ranges = append(l.ranges, &indexRange{workflow: w, number: int16(x)})
				}
			}
		}
		if len(l.ranges) >= manyRanges {
			if err := l.walk(workflows, status); err != nil {
				return nil, err
			}
		}
	}
	l.residual = l.status != 0 || len(l.triggers) > 0 || len(l.pairs) > 0 || len(l.text) > 0 || !l.awaiting.IsZero()
	return l, nil
}

// createdBetween is the lowest id, and the one behind the highest, of executions that were created between two instants,
// inclusive, judged by the millisecond of the id.
func createdBetween(from, to execution.Time) (low, high execution.ID) {
	high = beforeOrLast(execution.ID{})
	if from > 0 {
		low = execution.MakeID(firstMilli(from), 0, 0)
	}
	if to > 0 {
		high = execution.MakeID(int64(to)/1000+1, 0, 0)
	}
	return low, high
}

// workflowsOf are the keys of the project's workflows, deleted ones included, in order: those given, or all when there are
// none given.
func workflowsOf(v *view, project int64, given []int64) (own []int64, err error) {
	if given == nil {
		err = v.query("SELECT key FROM workflows WHERE project = $1 ORDER BY key", newArgs().int64(project), func(r *row) error {
			own = append(own, r.int64())
			return nil
		})
		return own, err
	}
	err = v.query("SELECT key FROM workflows WHERE project = $1 AND key = ANY($2) ORDER BY key",
		newArgs().int64(project).int64s(len(given), func(i int) int64 { return given[i] }), func(r *row) error {
			own = append(own, r.int64())
			return nil
		})
	return own, err
}

// rarest chooses the pair by which to search and leaves the others to be judged.
func (l *lister) rarest(workflows []int64) error {
	best := 0
	if n := len(l.pairs); n > 1 {
		const enough = 1000
		fewest := int64(-1)
		if err := l.v.query("SELECT p.n, (SELECT count(*) FROM (SELECT 1 FROM unnest($3::bigint[]) AS w (workflow) "+
			"JOIN metadata AS m ON m.workflow = w.workflow AND m.key = p.key AND m.value = p.value LIMIT $4) AS found) "+
			"FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS p (key, value, n)", newArgs().
			texts(n, func(i int) string { return l.pairs[i].key }).
			texts(n, func(i int) string { return l.pairs[i].value }).
			int64s(len(workflows), func(i int) int64 { return workflows[i] }).int64(enough), func(r *row) error {
			if i, count := int(r.int64())-1, r.int64(); fewest < 0 || count < fewest {
				best, fewest = i, count
			}
			return nil
		}); err != nil {
			return err
		}
	}
	driver := l.pairs[best]
	l.pairs = slices.Delete(l.pairs, best, best+1)
	l.pair = &driver
	return nil
}

// walk finds matching executions among the newest of the table, and leaves the older ones to the ranges.
func (l *lister) walk(workflows []int64, status execution.StatusSet) error {
	limit := l.q.Limit + l.skip + 1
	rows := 0
	if err := l.v.query(tableRange, newArgs().id(l.high).id(l.low).int64(walkLength), func(r *row) error {
		if rows++; len(l.walked) == limit {
			return nil
		}
		l.high = r.id()
		if _, own := slices.BinarySearch(workflows, r.int64()); own && status.Has(execution.Status(r.int64())) {
			l.walked = append(l.walked, l.high)
		}
		return nil
	}); err != nil {
		return err
	}
	l.walkedAll = rows < walkLength && len(l.walked) < limit
	slices.Reverse(l.walked)
	return nil
}

// next takes at most n of the ids that the ranges select, from the highest down.
func (l *lister) next(n int) ([]execution.ID, error) {
	var ids []execution.ID
	for len(ids) < n {
		if last := len(l.walked) - 1; last >= 0 {
			ids = append(ids, l.walked[last])
			l.walked = l.walked[:last]
			continue
		}
		if err := l.open(); err != nil {
			return nil, err
		}
		if len(l.merged) == 0 {
			break
		}
		id, err := l.merged.next(l)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// more reports whether there is a next id.
func (l *lister) more() (bool, error) {
	if len(l.walked) > 0 {
		return true, nil
	}
	err := l.open()
	return len(l.merged) > 0, err
}

// Rows are judged a chunk at a time, fewer when their inputs are large: a list takes little memory, and ends soon after
// its slice.
const (
	firstJudged = 16
	mostJudged  = 256
	judgedBytes = 1 << 20
)

// fill puts the matching executions on the page.
func (l *lister) fill(page *store.ListPage) error {
	slice := l.q.Slice
	if slice <= 0 {
		slice = defaultSlice
	}
	started := time.Now()
	if !l.residual {
		if _, err := l.next(l.skip); err != nil {
			return err
		}
		l.skip = 0
	}
	chunk := firstJudged
	for !page.More {
		n := l.q.Limit + 1 - len(page.Items)
		if l.residual {
			n = chunk
		}
		ids, err := l.next(n)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			break
		}
		size, err := l.judge(ids, page)
		if err != nil {
			return err
		}
		if !l.residual || page.More {
			continue
		}
		chunk = min(2*chunk, mostJudged, max(1, len(ids)*judgedBytes/max(size, 1)))
		if time.Since(started) > slice {
			if page.More, err = l.more(); err != nil {
				return err
			}
			if page.More {
				page.SearchedUntil = ids[len(ids)-1]
			}
			break
		}
	}
	if !l.q.Payloads {
		return nil
	}
	return readPayloads(l.v, page.Items)
}

const (
	rowsQuery = "SELECT " + rowColumns + " FROM executions WHERE id = ANY($1)"
	// judgedQuery also tells whether the row has all of some pairs, and what its input is.
	judgedQuery = "SELECT " + rowColumns + ", (SELECT bool_and(EXISTS (SELECT 1 FROM metadata AS m WHERE m.workflow = e.workflow " +
		"AND m.key = p.key AND m.value = p.value AND m.execution = e.id OFFSET 0)) FROM unnest($2::bytea[], $3::bytea[]) AS p (key, value)), " +
		"CASE WHEN $4 THEN (SELECT j.body FROM journal AS j WHERE j.execution = e.id AND j.revision = 1) END " +
		"FROM executions AS e WHERE e.id = ANY($1)"
)

// judge reads the executions and adds those to the page, in the order of the ids, that pass the filters that the ranges did
// not apply. It returns how many bytes of inputs it read.
func (l *lister) judge(ids []execution.ID, page *store.ListPage) (size int, err error) {
	passed := make(map[execution.ID]*store.Row, len(ids))
	query, a := rowsQuery, idArgs(ids)
	if l.residual {
		query = judgedQuery
		a.texts(len(l.pairs), func(i int) string { return l.pairs[i].key }).
			texts(len(l.pairs), func(i int) string { return l.pairs[i].value }).bool(len(l.text) > 0)
	}
	if err := l.v.query(query, a, func(r *row) error {
		x := new(store.Row)
		scanRow(r, x)
		if l.residual {
			paired, input := r.null() || r.bool(), r.raw()
			size += len(input)
			if l.status != 0 && !l.status.Has(x.Status) || len(l.triggers) > 0 && !slices.Contains(l.triggers, x.Trigger) || !paired || !x.Inbox.Awaits(l.awaiting) ||
				len(l.text) > 0 && !containsFold(input, l.text) {
				return nil
			}
		}
		passed[x.ID] = x
		return nil
	}); err != nil {
		return 0, err
	}
	for _, id := range ids {
		switch x := passed[id]; {
		case x == nil:
		case l.skip > 0:
			l.skip--
		case len(page.Items) == l.q.Limit:
			page.More = true
			return size, nil
		default:
			page.Items = append(page.Items, store.Item{Row: x})
		}
	}
	return size, nil
}

// readPayloads reads the first event of each item, and the last one of those that are final.
func readPayloads(v *view, items []store.Item) error {
	if len(items) == 0 {
		return nil
	}
	place := make(map[execution.ID]int, len(items))
	for i := range items {
		place[items[i].ID] = i
	}
	last := func(i int) int64 {
		if items[i].Status.Final() {
			return items[i].Revision
		}
		return 1
	}
	if err := v.query("SELECT execution, "+eventColumns+" FROM unnest($1::uuid[], $2::bigint[]) AS i (id, latest) "+
		"JOIN journal AS j ON j.execution = i.id AND (j.revision = 1 OR j.revision = i.latest)", newArgs().
		ids(len(items), func(i int) execution.ID { return items[i].ID }).int64s(len(items), last), func(r *row) error {
		id := r.id()
		item, e := &items[place[id]], new(execution.Event)
		scanEvent(r, id, e)
		if e.Revision == 1 {
			item.FirstEvent = e
		}
		if item.Status.Final() && e.Revision == item.Revision {
			item.LastEvent = e
		}
		return nil
	}); err != nil {
		return err
	}
	for _, item := range items {
		if item.FirstEvent == nil || item.Status.Final() && item.LastEvent == nil {
			return fmt.Errorf("events of execution %s: %w", item.ID, store.ErrNotFound)
		}
	}
	return nil
}

func lowerASCII(b []byte) []byte {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return b
}

// containsFold reports whether the text contains the needle, which is in lower case, with ASCII letters in either
// case. It spoils the text.
func containsFold(text, needle []byte) bool { return bytes.Contains(lowerASCII(text), needle) }

// open reads the beginning of every range, once.
func (l *lister) open() error {
	if l.opened || l.walkedAll || compareIDs(l.low, l.high) >= 0 {
		return nil
	}
	l.opened = true
	chunk := l.q.Limit + l.q.Offset + 1
	if l.residual {
		chunk = max(chunk, firstJudged)
	}
	if n := len(l.ranges); n > 1 {
		chunk = min(chunk, max(2, 2*chunk/n))
	}
	for _, r := range l.ranges {
		r.chunk = min(chunk, maxChunk)
	}
	if err := l.fetch(l.ranges, l.high); err != nil {
		return err
	}
	for _, r := range l.ranges {
		if len(r.keys) > 0 {
			l.merged = append(l.merged, r)
		}
	}
	for i := len(l.merged)/2 - 1; i >= 0; i-- {
		l.merged.down(i)
	}
	return nil
}

// fetch reads the next ids of ranges, those below the bound. The ranges have the same chunk.
func (l *lister) fetch(ranges []*indexRange, below execution.ID) error {
	n := len(ranges)
	if n == 0 {
		return nil
	}
	chunk := ranges[0].chunk
	a := newArgs().
		int64s(n, func(i int) int64 { return ranges[i].workflow }).
		int16s(n, func(i int) int16 { return ranges[i].number }).
		ids(n, func(int) execution.ID { return below }).id(l.low).int64(int64(chunk))
	if l.pair != nil {
		a.text(l.pair.key).text(l.pair.value)
	}
	for _, r := range ranges {
		r.keys = r.keys[:0]
	}
	if err := l.v.query(l.kind.query, a, func(r *row) error {
		x := ranges[r.int64()-1]
		x.keys = append(x.keys, r.id())
		return nil
	}); err != nil {
		return err
	}
	for _, r := range ranges {
		r.ended = len(r.keys) < chunk
		r.chunk = min(2*chunk, maxChunk)
		slices.SortFunc(r.keys, compareIDs) // the highest is taken from the end
	}
	return nil
}

func (r *indexRange) head() execution.ID { return r.keys[len(r.keys)-1] }

// merger is a heap of ranges, the one with the highest id on top.
type merger []*indexRange

func (m merger) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(m) {
			return
		}
		if child+1 < len(m) && compareIDs(m[child+1].head(), m[child].head()) > 0 {
			child++
		}
		if compareIDs(m[i].head(), m[child].head()) >= 0 {
			return
		}
		m[i], m[child] = m[child], m[i]
		i = child
	}
}

// next takes the highest id of all ranges, of which there is one.
func (m *merger) next(l *lister) (execution.ID, error) {
	r := (*m)[0]
	id := r.head()
	r.keys = r.keys[:len(r.keys)-1]
	if len(r.keys) == 0 {
		if !r.ended {
			if err := l.fetch([]*indexRange{r}, id); err != nil {
				return id, err
			}
		}
		if len(r.keys) == 0 {
			last := len(*m) - 1
			(*m)[0] = (*m)[last]
			*m = (*m)[:last]
		}
	}
	m.down(0)
	return id, nil
}
