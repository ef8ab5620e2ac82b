package postgres

import (
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

var saveMetadata = prepare("INSERT INTO metadata (workflow, key, value, execution, shard) " +
	"SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::uuid[], $5::smallint[])")

// saveMetadata queues pairs for the filter of lists.
func (b *batch) saveMetadata(c *store.Changes) {
	n, m := len(c.Metadata), c.Metadata
	if n == 0 {
		return
	}
	b.add(saveMetadata, newArgs().
		int64s(n, func(i int) int64 { return m[i].Workflow }).
		texts(n, func(i int) string { return m[i].Key }).
		texts(n, func(i int) string { return m[i].Value }).
		ids(n, func(i int) execution.ID { return m[i].Execution }).
		shards(n, func(i int) execution.ID { return m[i].Execution }), nil, nil)
}
