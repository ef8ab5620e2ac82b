package sqlite

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// feedScan is how many events one read of a feed looks at, most of which may be other projects'.
const feedScan = 1000

// feedQuery walks the journal, which is written in the order of commits.
var feedQuery = "SELECT j." + strings.ReplaceAll(eventColumns, ", ", ", j.") +
	", j.seq, e.pk, e.tail, e.project, e.workflow, p.kind, p.until, p.status " +
	"FROM journal AS j JOIN executions AS e ON e.pk = j.execution LEFT JOIN journal AS p ON p.seq = j.prev " +
	"WHERE j.seq > ? ORDER BY j.seq LIMIT ?"

// endQuery finds the latest position that was ever written, also when its event is deleted.
const endQuery = "SELECT max(coalesce((SELECT max(seq) FROM journal), 0), coalesce((SELECT value FROM meta WHERE name = 'seq'), 0))"

// Feed reads events of a project in the order of commits.
func (s *Store) Feed(ctx context.Context, q store.FeedQuery) (*store.FeedPage, error) {
	after := int64(0)
	if q.After != "" {
		var ok bool
		if after, ok = s.position(q.After); !ok {
			return nil, fmt.Errorf("feed: %w", store.ErrCursor)
		}
	}
	page := &store.FeedPage{}
	seen := 0
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		if q.After != "" {
			var err error
			if seen, after, err = s.feed(conn, &q, after, page); err != nil || seen > 0 {
				return err
			}
		}
		var end int64
		if err := queryInt(conn, endQuery, &end); err != nil {
			return err
		}
		if after > end {
			return store.ErrCursor
		}
		after = end
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	page.Next = s.cursor(after)
	page.More = seen == feedScan || q.Limit > 0 && len(page.Events) >= q.Limit
	return page, nil
}

// feed adds what is selected to the page. It returns how many events it looked at and the position of the last of them.
func (s *Store) feed(conn *sqlite.Conn, q *store.FeedQuery, after int64, page *store.FeedPage) (seen int, last int64, err error) {
	st, err := conn.Prepare(feedQuery)
	if err != nil {
		return 0, 0, err
	}
	st.BindInt64(1, after)
	st.BindInt64(2, feedScan)
	for last = after; q.Limit <= 0 || len(page.Events) < q.Limit; {
		ok, err := st.Step()
		if err != nil {
			return 0, 0, err
		}
		if !ok {
			break
		}
		seen++
		last = st.ColumnInt64(17)
		workflow, kind := st.ColumnInt64(21), execution.EventKind(st.ColumnInt32(2))
		if st.ColumnInt64(20) != q.Project || q.Workflows != nil && !slices.Contains(q.Workflows, workflow) ||
			q.Kinds != nil && !slices.Contains(q.Kinds, kind) {
			continue
		}
		e := store.FeedEvent{Workflow: workflow, After: s.cursor(last)}
		scanNarrow(st, execution.IDFromParts(st.ColumnInt64(18), st.ColumnInt64(19)), &e.Event)
		if !kind.CarriesPayload() {
			e.Details, e.Body = columnBytes(st, 14), columnBytes(st, 15)
		}
		e.Moved = st.ColumnIsNull(22) || e.Status != statusBefore(st)
		page.Events = append(page.Events, e)
	}
	return seen, last, st.Reset()
}

// statusBefore is the state before the event that the statement stands on.
func statusBefore(st *sqlite.Stmt) execution.Status {
	if st.ColumnIsNull(24) {
		return impliedStatus(&execution.Event{Kind: execution.EventKind(st.ColumnInt32(22)), Until: execution.Time(st.ColumnInt64(23))})
	}
	return execution.Status(st.ColumnInt32(24))
}

// cursor writes a position in the journal: a version, what tells timelines apart, and the position.
func (s *Store) cursor(seq int64) store.Cursor {
	b := make([]byte, 0, 16)
	b = append(b, 1)
	b = binary.BigEndian.AppendUint32(b, s.timeline())
	b = binary.AppendUvarint(b, uint64(seq))
	return store.Cursor(base64.RawURLEncoding.EncodeToString(b))
}

// position reads what cursor wrote, of this timeline.
func (s *Store) position(c store.Cursor) (int64, bool) {
	b, err := base64.RawURLEncoding.DecodeString(string(c))
	if err != nil || len(b) < 6 {
		return 0, false
	}
	n, _ := binary.Uvarint(b[5:])
	return int64(n), int64(n) >= 0 && s.cursor(int64(n)) == c
}

// timeline is the epoch in few bits, from which the epoch does not follow.
func (s *Store) timeline() uint32 { return uint32(s.epoch * 0x9e3779b97f4a7c15 >> 32) }
