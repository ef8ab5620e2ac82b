package postgres

import (
	"context"
	"fmt"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

const linkColumns = "hash, project, execution, step, created_at, expires_at, used_at"

// link reads linkColumns.
func (r *row) link() *store.ApprovalLink {
	return &store.ApprovalLink{
		Hash: r.hash(), Project: r.int64(), Execution: r.id(), Step: r.text(), CreatedAt: r.time(), ExpiresAt: r.time(), UsedAt: r.time(),
	}
}

// sweptLinks bounds how many expired links one transaction removes.
const sweptLinks = 1000

var (
	loadLinks = prepare("SELECT " + linkColumns + " FROM approval_links WHERE hash = ANY($1) ORDER BY hash FOR UPDATE")
	saveLinks = prepare("INSERT INTO approval_links (" + linkColumns + ", shard) SELECT * FROM " +
		"unnest($1::bytea[], $2::bigint[], $3::uuid[], $4::bytea[], $5::bigint[], $6::bigint[], $7::bigint[], $8::smallint[]) " +
		"ON CONFLICT (hash, shard) DO UPDATE SET used_at = excluded.used_at")
	sweepLinks = prepare("DELETE FROM approval_links WHERE hash IN (SELECT hash FROM approval_links WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)")
)

// readLinks queues the reading, under lock, of the approval links that a need names.
func (b *batch) readLinks(need *store.Need, r *store.Loaded) {
	if len(need.Links) == 0 {
		return
	}
	found := map[[32]byte]*store.ApprovalLink{}
	b.add(loadLinks, newArgs().blobs(len(need.Links), func(i int) []byte { return need.Links[i][:] }), func(row *row) error {
		l := row.link()
		found[l.Hash] = l
		return nil
	}, func(int64) error {
		for _, hash := range need.Links {
			r.Links = append(r.Links, found[hash])
		}
		return nil
	})
}

// saveLinks queues new links and those that were used. Of a link that is given twice, the last one counts.
func (b *batch) saveLinks(c *store.Changes) {
	var links []store.ApprovalLink
	place := map[[32]byte]int{}
	for _, l := range c.Links {
		if i, twice := place[l.Hash]; twice {
			links[i] = l
			continue
		}
		place[l.Hash] = len(links)
		links = append(links, l)
	}
	if n := len(links); n > 0 {
		b.add(saveLinks, newArgs().
			blobs(n, func(i int) []byte { return links[i].Hash[:] }).
			int64s(n, func(i int) int64 { return links[i].Project }).
			ids(n, func(i int) execution.ID { return links[i].Execution }).
			texts(n, func(i int) string { return links[i].Step }).
			int64s(n, func(i int) int64 { return int64(links[i].CreatedAt) }).
			int64s(n, func(i int) int64 { return int64(links[i].ExpiresAt) }).
			times(n, func(i int) execution.Time { return links[i].UsedAt }).
			shards(n, func(i int) execution.ID { return links[i].Execution }), nil, nil)
	}
}

// sweepLinks queues the removal of links that expired before the instant.
func (b *batch) sweepLinks(before execution.Time) {
	b.add(sweepLinks, newArgs().int64(int64(before)).int64(sweptLinks), nil, nil)
}

// Link reads an approval link by the hash of its token, or store.ErrNotFound.
func (s *Store) Link(ctx context.Context, hash [32]byte) (*store.ApprovalLink, error) {
	var l *store.ApprovalLink
	err := s.query(ctx, "SELECT "+linkColumns+" FROM approval_links WHERE hash = $1", newArgs().bytes(hash[:]), nil, func(row *row) error {
		l = row.link()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read an approval link: %w", err)
	}
	if l == nil {
		return nil, store.ErrNotFound
	}
	return l, nil
}
