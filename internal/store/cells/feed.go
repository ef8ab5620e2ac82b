package cells

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/sojournhq/sojourn/internal/store"
)

// cursor writes the positions in all cells: a version, what tells maps of shards apart, and for each cell its own cursor.
func cursor(stamp uint64, positions []store.Cursor) store.Cursor {
	b := binary.BigEndian.AppendUint64([]byte{1}, stamp)
	for _, p := range positions {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return store.Cursor(base64.RawURLEncoding.EncodeToString(b))
}

// positions reads what cursor wrote for the same map and n cells. When a shard has moved, or a cell has joined, no
// position tells what was read of it: the cursor is of another timeline.
func positions(c store.Cursor, stamp uint64, n int) ([]store.Cursor, error) {
	b, err := base64.RawURLEncoding.DecodeString(string(c))
	if err != nil || len(b) < 9 || b[0] != 1 || binary.BigEndian.Uint64(b[1:9]) != stamp {
		return nil, fmt.Errorf("feed: %w", store.ErrCursor)
	}
	b = b[9:]
	list := make([]store.Cursor, n)
	for i := range list {
		size, k := binary.Uvarint(b)
		if k <= 0 || size > uint64(len(b)-k) {
			return nil, fmt.Errorf("feed: %w", store.ErrCursor)
		}
		list[i] = store.Cursor(b[k : k+int(size)])
		b = b[k+int(size):]
	}
	if len(b) > 0 || cursor(stamp, list) != c {
		return nil, fmt.Errorf("feed: %w", store.ErrCursor)
	}
	return list, nil
}

// Feed merges what the cells committed behind the cursor, by the time of the events where they are of several cells.
func (s *Store) Feed(ctx context.Context, q store.FeedQuery) (*store.FeedPage, error) {
	if err := s.freshMap(ctx); err != nil {
		return nil, err
	}
	stamp := s.routes.Load().stamp
	after := make([]store.Cursor, len(s.cells))
	if q.After != "" {
		var err error
		if after, err = positions(q.After, stamp, len(s.cells)); err != nil {
			return nil, err
		}
	}
	pages, err := all(s, func(c *cell) (*store.FeedPage, error) {
		each := q
		each.After = after[c.n]
		return c.Store.Feed(ctx, each)
	})
	if err != nil {
		return nil, err
	}
	out := &store.FeedPage{}
	taken := make([]int, len(pages))
	for q.Limit <= 0 || len(out.Events) < q.Limit {
		best := -1
		for n, p := range pages {
			if taken[n] < len(p.Events) && (best < 0 || p.Events[taken[n]].At < pages[best].Events[taken[best]].At) {
				best = n
			}
		}
		if best < 0 {
			break
		}
		e := pages[best].Events[taken[best]]
		taken[best]++
		after[best] = e.After
		e.After = cursor(stamp, after)
		out.Events = append(out.Events, e)
	}
	for n, p := range pages {
		if taken[n] == len(p.Events) {
			after[n] = p.Next
			out.More = out.More || p.More
		} else {
			out.More = true
		}
	}
	out.Next = cursor(stamp, after)
	return out, nil
}
