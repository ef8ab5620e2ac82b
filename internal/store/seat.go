package store

import "context"

// Keeper is a Store that can be a cell of a Celled one and keeps itself which shards it has. A shard is in the one cell
// whose seat says that it has it: no other record decides, and a cell refuses to write to shards that it does not have.
type Keeper interface {
	Store
	// Seat reads what the cell knows of its place among the cells, nil when it has none yet.
	Seat(ctx context.Context) (*Seat, error)
	// Join gives the cell its place. When it has one already, that stays, without an error.
	Join(ctx context.Context, s Seat) error
	// Freeze makes the cell refuse writes to shards that it has, which are to go to another cell. When it returns no
	// transaction that could still write to them is under way. A shard that the cell neither has nor froze for the same
	// cell is ErrMoved, and nothing is changed.
	Freeze(ctx context.Context, shards []int, to int) error
	// Thaw lets the cell write again to shards that it froze. Nobody else may have them. What is not frozen stays as it is.
	Thaw(ctx context.Context, shards []int) error
	// Receive takes the content of shards from the cell that froze them, in one transaction: the cell has them from then on. A
	// shard that the cell knows of already is ErrMoved, and nothing is changed.
	Receive(ctx context.Context, shards []int, from Keeper) error
	// Drop removes the content of shards that the cell froze and another one has by now.
	Drop(ctx context.Context, shards []int) error
}

// Seat is the place of a cell among the cells.
type Seat struct {
	Group  uint64 // what the cells that belong together have in common; not 0
	Number int    // 0: the home
	Joined uint64 // the cell's epoch when it joined
	Shards [Shards]ShardState
}

// ShardState is what a cell has of a shard. Its number is stored.
type ShardState uint8

// The states of a shard in a cell.
const (
	Absent  ShardState = iota
	Owned              // the cell has it
	leaving            // and above: it is frozen, on its way to a cell
)

// LeavingTo is the state of a frozen shard.
func LeavingTo(cell int) ShardState { return leaving + ShardState(cell) }

// To is the cell that a frozen shard goes to; ok is false when the shard is not frozen.
func (s ShardState) To() (cell int, ok bool) { return int(s) - int(leaving), s >= leaving }
