package cells

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/store"
)

const (
	// settleFor is how long a shard is frozen before it moves: every server knows by then.
	settleFor = 2 * lookEvery
	// moveBatch is how many shards move together by default.
	moveBatch = 32
	// freezeFor bounds how long a freeze waits for old transactions before it is taken back.
	freezeFor = 10 * time.Second
)

// Mover moves shards between cells while servers use them. One at a time does it; two do no harm and get in each other's
// way.
type Mover struct {
	s *Store
	// Batch is how many shards move together; default 32. Writes to them wait meanwhile.
	Batch int
	// Progress, when it is set, is called after each batch of shards that has moved.
	Progress func(from, to string, shards int)
}

// NewMover makes a mover for what New returned.
func NewMover(c store.Celled) (*Mover, error) {
	var s *Store
	switch x := c.(type) {
	case *Store:
		s = x
	case *Shared:
		s = x.Store
	}
	if s == nil || s.keeper == nil {
		return nil, errors.New("cells: only cells that keep their seats can move shards")
	}
	return &Mover{s: s, Batch: moveBatch}, nil
}

// Status is what a cell has.
type Status struct {
	Number  int
	Name    string
	Shards  int // that it has, those on their way from it included
	Leaving int // those on their way
}

// Status reads what the cells have.
func (m *Mover) Status(ctx context.Context) ([]Status, error) {
	seats, err := m.s.seats(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Status, len(seats))
	for n, x := range seats {
		list[n] = Status{Number: n, Name: m.s.cells[n].Name}
		for shard, state := range x.Shards {
			if to, frozen := state.To(); frozen {
				if to < len(seats) && seats[to].Shards[shard] == store.Owned {
					continue // only its rows are left
				}
				list[n].Leaving++
			} else if state == store.Absent {
				continue
			}
			list[n].Shards++
		}
	}
	return list, nil
}

// Resume ends moves that were interrupted: forward where the new cell has the shards, otherwise from the beginning.
func (m *Mover) Resume(ctx context.Context) error {
	seats, err := m.s.seats(ctx)
	if err != nil {
		return err
	}
	for from, x := range seats {
		by := map[int][]int{}
		for shard, state := range x.Shards {
			if to, frozen := state.To(); frozen {
				by[to] = append(by[to], shard)
			}
		}
		for to, shards := range by {
			if to >= len(seats) {
				return fmt.Errorf("cells: cell %s gives shards to cell %d, which is not named", m.s.cells[from].Name, to)
			}
			if err := m.move(ctx, from, to, shards); err != nil {
				return err
			}
		}
	}
	return nil
}

// Move moves n shards from one cell to another, a few at a time.
func (m *Mover) Move(ctx context.Context, from, to, n int) error {
	if err := m.Resume(ctx); err != nil {
		return err
	}
	if from == to || min(from, to) < 0 || max(from, to) >= len(m.s.cells) {
		return fmt.Errorf("cells: no move from cell %d to cell %d", from, to)
	}
	x, err := m.keeper(from).Seat(ctx)
	if err != nil {
		return m.s.cells[from].wrap(err)
	}
	var shards []int
	for shard, state := range slices.Backward(x.Shards[:]) {
		if state == store.Owned && len(shards) < n {
			shards = append(shards, shard)
		}
	}
	return m.move(ctx, from, to, shards)
}

// Balance moves shards until every cell has the same number of them, give or take one.
func (m *Mover) Balance(ctx context.Context) error {
	if err := m.Resume(ctx); err != nil {
		return err
	}
	for {
		list, err := m.Status(ctx)
		if err != nil {
			return err
		}
		most := slices.MaxFunc(list, func(a, b Status) int { return cmp.Compare(a.Shards, b.Shards) })
		least := slices.MinFunc(list, func(a, b Status) int { return cmp.Compare(a.Shards, b.Shards) })
		if most.Shards-least.Shards <= 1 {
			return nil
		}
		share := store.Shards / len(list)
		n := min(max(most.Shards-share, 1), max(share-least.Shards, 1))
		if err := m.Move(ctx, most.Number, least.Number, n); err != nil {
			return err
		}
	}
}

func (m *Mover) keeper(n int) store.Keeper { return m.s.cells[n].Store.(store.Keeper) }

// move moves the shards in batches.
func (m *Mover) move(ctx context.Context, from, to int, shards []int) error {
	slices.Sort(shards)
	for batch := range slices.Chunk(shards, max(m.Batch, 1)) {
		if err := m.batch(ctx, from, to, batch); err != nil {
			return fmt.Errorf("move %d shards from cell %s to cell %s: %w", len(batch), m.s.cells[from].Name, m.s.cells[to].Name, err)
		}
		if m.Progress != nil {
			m.Progress(m.s.cells[from].Name, m.s.cells[to].Name, len(batch))
		}
	}
	return nil
}

// batch moves shards together, from wherever an earlier attempt has stopped.
func (m *Mover) batch(ctx context.Context, from, to int, shards []int) error {
	seat, err := m.keeper(to).Seat(ctx)
	if err != nil {
		return err
	}
	var rest, there []int
	for _, shard := range shards {
		if seat.Shards[shard] == store.Owned {
			there = append(there, shard)
		} else {
			rest = append(rest, shard)
		}
	}
	if len(rest) > 0 {
		if err := m.hand(ctx, from, to, rest); err != nil {
			return err
		}
	}
	if len(there) > 0 {
		if err := m.settle(ctx); err != nil { // nobody may still read what is about to go
			return err
		}
	}
	return m.keeper(from).Drop(ctx, shards)
}

// hand freezes the shards and gives them to the new cell. Until that has them, a failure is taken back.
func (m *Mover) hand(ctx context.Context, from, to int, shards []int) (err error) {
	defer func() {
		if err != nil {
			m.takeBack(ctx, from, to, shards)
		}
	}()
	freeze, stop := context.WithTimeout(ctx, freezeFor)
	defer stop()
	if err := m.keeper(from).Freeze(freeze, shards, to); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.ShardsFrozen); err != nil {
		return err
	}
	if err := m.settle(ctx); err != nil {
		return err
	}
	m.s.cells[to].behind.Store(true)
	if err := m.s.copyTo(ctx, m.s.cells[to]); err != nil { // what the executions refer to
		return err
	}
	if err := m.keeper(to).Receive(ctx, shards, m.keeper(from)); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.ShardsMoved); err != nil {
		return err
	}
	return m.settle(ctx)
}

// settle waits until every server has looked where the shards are.
func (m *Mover) settle(ctx context.Context) error {
	t := time.NewTimer(settleFor)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// takeBack makes shards writable again in their old cell, those that the new one surely does not have.
func (m *Mover) takeBack(ctx context.Context, from, to int, shards []int) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), freezeFor)
	defer stop()
	seat, err := m.keeper(to).Seat(ctx)
	if err == nil {
		kept := slices.DeleteFunc(slices.Clone(shards), func(n int) bool { return seat.Shards[n] != store.Absent })
		if len(kept) > 0 {
			err = m.keeper(from).Thaw(ctx, kept)
		}
	}
	if err != nil {
		m.s.log.Error("shards stay frozen until the move is repeated", "cell", m.s.cells[from].Name, "shards", len(shards), "error", err)
	}
}
