package failpoint

// The failpoints of a move of shards from one database to another.
const (
	ShardsFrozen = "shards.frozen" // the old cell refuses writes, nothing is copied
	ShardsMoved  = "shards.moved"  // the new cell has the shards, the old one still has their rows
)
