package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// defaultSlice bounds how long a list searches by filters that no index serves, so that its answer is out within 50 ms.
const defaultSlice = 40 * time.Millisecond

// List reads one page of executions, newest first.
//
// Each combination of workflow and status, workflow and trigger, or workflow and metadata is a range of an index that
// holds its executions in order, and so are the executions of a workflow that have an inbox; a list is the merge of the ranges that its filters select. A list that selects many
// ranges tries the newest executions of the table first, which mostly are enough. What remains of the filters is
// judged row by row, within the slice.
func (s *Store) List(ctx context.Context, q store.ListQuery) (*store.ListPage, error) {
	page := &store.ListPage{}
	if q.Limit <= 0 {
		return page, nil
	}
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		l, err := newLister(conn, &q)
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
	conn      *sqlite.Conn
	q         *store.ListQuery
	low, high int64 // bounds of the key
	ranges    []*indexRange
	stmt      *sqlite.Stmt // reads a range
	merged    merger
	opened    bool    // the ranges were read
	walked    []int64 // keys found by walking the table, the newest last
	walkedAll bool    // nothing is left in the table

	// What is judged row by row.
	status   execution.StatusSet // 0: nothing to judge
	triggers []execution.Trigger
	pairs    []pair
	awaiting execution.WaitFilter
	text     []byte // in lower case
	residual bool
}

type pair struct{ key, value string }

// indexRange is a part of an index whose keys match, read from the highest down.
type indexRange struct {
	query    string
	workflow int64
	number   int64 // status or trigger
	inbox    bool  // no number: those that have an inbox
	pair     *pair

	keys  []int64 // read, but not taken
	chunk int     // how many to read next
	ended bool    // nothing is left to read
}

const (
	listRange    = "SELECT pk FROM executions INDEXED BY executions_list WHERE workflow = ? AND status = ? AND pk BETWEEN ? AND ? ORDER BY pk DESC LIMIT ?"
	triggerRange = "SELECT pk FROM executions INDEXED BY executions_trigger WHERE workflow = ? AND trigger_type = ? AND pk BETWEEN ? AND ? ORDER BY pk DESC LIMIT ?"
	pairRange    = "SELECT execution FROM metadata WHERE workflow = ? AND key = ? AND value = ? AND execution BETWEEN ? AND ? ORDER BY execution DESC LIMIT ?"
	inboxRange   = "SELECT pk FROM executions INDEXED BY executions_inbox WHERE workflow = ? AND inbox IS NOT NULL AND status < 5 AND pk BETWEEN ? AND ? ORDER BY pk DESC LIMIT ?"
	tableRange   = "SELECT pk, workflow, status FROM executions WHERE pk BETWEEN ? AND ? ORDER BY pk DESC LIMIT ?"
	// maxChunk bounds how many keys are read from a range at once.
	maxChunk = 512
	// manyRanges is from how many ranges on the table is walked first, and walkLength how many rows of it.
	manyRanges = 16
	walkLength = 256
)

func newLister(conn *sqlite.Conn, q *store.ListQuery) (*lister, error) {
	l := &lister{conn: conn, q: q}
	l.low, l.high = bounds(q.From, q.To)
	if !q.Before.IsZero() {
		l.high = min(l.high, q.Before.Order()-1)
	}
	workflows, err := workflowsOf(conn, q.Project, q.Workflows)
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
	switch {
	case len(l.pairs) > 0:
		driver, err := l.rarest(workflows)
		if err != nil {
			return nil, err
		}
		for _, w := range workflows {
			l.ranges = append(l.ranges, &indexRange{query: pairRange, workflow: w, pair: driver})
		}
		if status != execution.All {
			l.status = status
		}
		l.triggers = q.Triggers
	case !q.Awaiting.IsZero():
		for _, w := range workflows {
			l.ranges = append(l.ranges, &indexRange{query: inboxRange, workflow: w, inbox: true})
		}
		if status != execution.All {
			l.status = status
		}
		l.triggers = q.Triggers
	case len(q.Triggers) > 0:
		triggers := slices.Clone(q.Triggers)
		slices.Sort(triggers)
		triggers = slices.Compact(triggers)
		for _, w := range workflows {
			for _, t := range triggers {
				l.ranges = append(l.ranges, &indexRange{query: triggerRange, workflow: w, number: int64(t)})
			}
		}
		if status != execution.All {
			l.status = status
		}
	default:
		for _, w := range workflows {
			for x := range execution.Status(execution.Statuses) {
				if status.Has(x) {
					l.ranges = append(l.ranges, &indexRange{query: listRange, workflow: w, number: int64(x)})
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
	chunk := q.Limit + 1
	if n := len(l.ranges); n > 1 {
		chunk = min(chunk, max(2, 2*chunk/n))
	}
	for _, r := range l.ranges {
		r.chunk = min(chunk, maxChunk)
	}
	return l, nil
}

// workflowsOf are the keys of the project's workflows, deleted ones included: those given, or all when there are none
// given.
func workflowsOf(conn *sqlite.Conn, project int64, given []int64) ([]int64, error) {
	if given == nil {
		return keysOf(conn, "SELECT key FROM workflows WHERE project = ?", project)
	}
	given = slices.Clone(given)
	slices.Sort(given)
	var own []int64
	for _, key := range slices.Compact(given) {
		keys, err := keysOf(conn, "SELECT key FROM workflows WHERE key = ? AND project = ?", key, project)
		if err != nil {
			return nil, err
		}
		own = append(own, keys...)
	}
	return own, nil
}

// rarest chooses the pair by which to search and leaves the others to be judged.
func (l *lister) rarest(workflows []int64) (*pair, error) {
	best := 0
	if len(l.pairs) > 1 {
		const enough = 1000
		st, err := l.conn.Prepare("SELECT count(*) FROM (SELECT 1 FROM metadata WHERE workflow = ? AND key = ? AND value = ? LIMIT ?)")
		if err != nil {
			return nil, err
		}
		fewest := math.MaxInt
		for i, p := range l.pairs {
			n := 0
			for _, w := range workflows {
				st.BindInt64(1, w)
				st.BindText(2, p.key)
				st.BindText(3, p.value)
				st.BindInt64(4, int64(enough-n))
				if _, err := st.Step(); err != nil {
					return nil, err
				}
				n += st.ColumnInt(0)
				if err := st.Reset(); err != nil {
					return nil, err
				}
				if n >= enough {
					break
				}
			}
			if n < fewest {
				best, fewest = i, n
			}
		}
	}
	driver := l.pairs[best]
	l.pairs = slices.Delete(l.pairs, best, best+1)
	return &driver, nil
}

// walk finds matching executions among the newest of the table, and leaves the older ones to the ranges.
func (l *lister) walk(workflows []int64, status execution.StatusSet) error {
	limit := l.q.Limit + 1
	rows := 0
	err := eachRow(l.conn, tableRange, func(st *sqlite.Stmt) error {
		pk := st.ColumnInt64(0)
		rows++
		l.high = pk - 1
		if _, own := slices.BinarySearch(workflows, st.ColumnInt64(1)); own && status.Has(execution.Status(st.ColumnInt32(2))) {
			if l.walked = append(l.walked, pk); len(l.walked) == limit {
				return errEnough
			}
		}
		return nil
	}, l.low, l.high, int64(walkLength))
	l.walkedAll = err == nil && rows < walkLength
	slices.Reverse(l.walked)
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// errEnough ends a walk early.
var errEnough = errors.New("enough")

// next takes the next key that the ranges select, from the highest down.
func (l *lister) next() (int64, bool, error) {
	if n := len(l.walked); n > 0 {
		pk := l.walked[n-1]
		l.walked = l.walked[:n-1]
		return pk, true, nil
	}
	if err := l.open(); err != nil {
		return 0, false, err
	}
	return l.merged.next(l)
}

// more reports whether there is a next key.
func (l *lister) more() (bool, error) {
	if len(l.walked) > 0 {
		return true, nil
	}
	err := l.open()
	return len(l.merged) > 0, err
}

// fill puts the matching executions on the page.
func (l *lister) fill(page *store.ListPage) error {
	slice := l.q.Slice
	if slice <= 0 {
		slice = defaultSlice
	}
	started := time.Now()
	get, err := l.conn.Prepare(getQuery)
	if err != nil {
		return err
	}
	skip := l.q.Offset
	for {
		pk, ok, err := l.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if skip > 0 && !l.residual {
			skip--
			continue
		}
		if len(page.Items) == l.q.Limit && !l.residual {
			page.More = true
			break
		}
		row := new(store.Row)
		get.BindInt64(1, pk)
		found, err := get.Step()
		if err != nil {
			return err
		}
		if found {
			scanRow(get, row)
		}
		if err := get.Reset(); err != nil {
			return err
		}
		if found {
			matches, err := l.judge(row)
			if err != nil {
				return err
			}
			if matches {
				if len(page.Items) == l.q.Limit {
					page.More = true
					break
				}
				page.Items = append(page.Items, store.Item{Row: row})
			}
		}
		if l.residual && time.Since(started) > slice {
			more, err := l.more()
			if err != nil {
				return err
			}
			if more {
				page.More, page.SearchedUntil = true, execution.IDFromParts(pk, row.ID.Tail())
			}
			break
		}
	}
	if !l.q.Payloads {
		return nil
	}
	for i := range page.Items {
		item := &page.Items[i]
		if item.FirstEvent, item.LastEvent, err = readEnds(l.conn, item.Row); err != nil {
			return err
		}
	}
	return nil
}

// judge applies the filters that the ranges did not.
func (l *lister) judge(row *store.Row) (bool, error) {
	if l.status != 0 && !l.status.Has(row.Status) {
		return false, nil
	}
	if len(l.triggers) > 0 && !slices.Contains(l.triggers, row.Trigger) || !row.Inbox.Awaits(l.awaiting) {
		return false, nil
	}
	for _, p := range l.pairs {
		found := false
		if err := eachRow(l.conn, "SELECT 1 FROM metadata WHERE workflow = ? AND key = ? AND value = ? AND execution = ?",
			func(*sqlite.Stmt) error { found = true; return nil }, row.Workflow, p.key, p.value, row.ID.Order()); err != nil {
			return false, err
		}
		if !found {
			return false, nil
		}
	}
	if len(l.text) == 0 {
		return true, nil
	}
	st, err := l.conn.Prepare("SELECT body FROM journal WHERE seq = ?")
	if err != nil {
		return false, err
	}
	st.BindInt64(1, row.First)
	ok, err := st.Step()
	if err != nil {
		return false, err
	}
	found := ok && containsFold(columnBytes(st, 0), l.text)
	return found, st.Reset()
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

// fetch reads the next keys of a range, those below the bound.
func (l *lister) fetch(r *indexRange, below int64) error {
	r.keys = r.keys[:0]
	if r.ended || below < l.low {
		r.ended = true
		return nil
	}
	st := l.stmt
	if st == nil {
		var err error
		if st, err = l.conn.Prepare(r.query); err != nil {
			return err
		}
		l.stmt = st // all ranges of a list have the same query, pair and lower bound
		st.BindInt64(r.bounds(), l.low)
		if r.pair != nil {
			st.BindText(2, r.pair.key)
			st.BindText(3, r.pair.value)
		}
	}
	st.BindInt64(1, r.workflow)
	if r.pair == nil && !r.inbox {
		st.BindInt64(2, r.number)
	}
	i := r.bounds()
	st.BindInt64(i+1, below)
	st.BindInt64(i+2, int64(r.chunk))
	for {
		ok, err := st.Step()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		r.keys = append(r.keys, st.ColumnInt64(0))
	}
	r.ended = len(r.keys) < r.chunk
	r.chunk = min(2*r.chunk, maxChunk)
	slices.Reverse(r.keys) // the highest is taken from the end
	return st.Reset()
}

// bounds is the parameter of the lower bound of keys; the upper one and the number of rows follow it.
func (r *indexRange) bounds() int {
	switch {
	case r.pair != nil:
		return 4
	case r.inbox:
		return 2
	}
	return 3
}

func (r *indexRange) head() int64 { return r.keys[len(r.keys)-1] }

// merger is a heap of ranges, the one with the highest key on top.
type merger []*indexRange

// open reads the beginning of every range, once.
func (l *lister) open() error {
	if l.opened || l.walkedAll || l.low > l.high {
		return nil
	}
	l.opened = true
	for _, r := range l.ranges {
		if err := l.fetch(r, l.high); err != nil {
			return err
		}
		if len(r.keys) > 0 {
			l.merged = append(l.merged, r)
		}
	}
	for i := len(l.merged)/2 - 1; i >= 0; i-- {
		l.merged.down(i)
	}
	return nil
}

func (m merger) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(m) {
			return
		}
		if child+1 < len(m) && m[child+1].head() > m[child].head() {
			child++
		}
		if m[i].head() >= m[child].head() {
			return
		}
		m[i], m[child] = m[child], m[i]
		i = child
	}
}

// next takes the highest key of all ranges.
func (m *merger) next(l *lister) (int64, bool, error) {
	if len(*m) == 0 {
		return 0, false, nil
	}
	r := (*m)[0]
	pk := r.head()
	r.keys = r.keys[:len(r.keys)-1]
	if len(r.keys) == 0 {
		if err := l.fetch(r, pk-1); err != nil {
			return 0, false, err
		}
		if len(r.keys) == 0 {
			last := len(*m) - 1
			(*m)[0] = (*m)[last]
			*m = (*m)[:last]
		}
	}
	m.down(0)
	return pk, true, nil
}
