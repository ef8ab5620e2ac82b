package store

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"

	"github.com/sojournhq/sojourn/internal/execution"
)

// Celled is a Store whose data lies in several cells. A transaction is within one cell: its Commit refuses one that is
// not. A cell has whole shards, as execution.ID.Shard tells: executions with all that belongs to them, files, sessions
// and deliveries by their own ids, idempotency keys by the execution they are for. The catalog and the API keys are in
// the first cell.
type Celled interface {
	Store
	// Cells is how many cells there are, at least one. It stays the same while the store is open.
	Cells() int
	// CellOf is the cell that has the shard now; it may move.
	CellOf(shard int) int
	// Cell commits in one cell. A transaction about a shard that the cell does not have, or not any more, gives ErrMoved.
	Cell(n int) Committer
	// Open reports whether the shard takes new executions: its cell answers, and the shard is not on its way to another.
	Open(shard int) bool
}

// Committer is the side of a Store that writes.
type Committer interface {
	Commit(ctx context.Context, need *Need, decide func(*Loaded) *Changes) error
}

// ErrMoved is a transaction about a shard that is on its way to another cell, or there already: a repeat finds it.
var ErrMoved = errors.New("the shard is moving")

// Shards is how many shards there are.
const Shards = 1 << execution.ShardBits

// KeyShard is the shard of an idempotency key, and of executions that are started with it: the record of the key and the
// execution are in one cell, and in one transaction. It follows from project and key alone, for keys of different shards
// are not compared.
func KeyShard(project int64, key string) int {
	h := fnv.New64a()
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(project))) // never fails
	_, _ = h.Write([]byte(key))
	sum := h.Sum64()
	sum ^= sum >> 32
	return int((sum ^ sum>>16) % Shards)
}
