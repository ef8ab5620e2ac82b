package cells

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// lookEvery is how old what was read of the seats may be for a read to rely on it.
const lookEvery = time.Second

// keeping follows the seats of Keepers.
type keeping struct {
	s      *Store
	joined []uint64

	mu   sync.Mutex                  // held while somebody looks
	read []atomic.Pointer[time.Time] // for each cell, when the latest look began that found its seat

	hint chan struct{}
	end  context.CancelFunc
	done chan struct{}
}

// keep reads the seats, gives one to cells that have none, and begins to follow them. The home of a single database that
// is given a second one has all shards.
func (s *Store) keep(ctx context.Context, readOnly bool) error {
	seats, err := s.seats(ctx)
	if err != nil {
		return err
	}
	if !readOnly {
		if err := s.seat(ctx, seats); err != nil {
			return err
		}
	}
	began := time.Now()
	if seats, err = s.seats(ctx); err != nil {
		return err
	}
	// The cells are used in the order of their numbers, whatever order they were named in.
	order := make([]int, len(seats))
	for i, x := range seats {
		if x == nil {
			return fmt.Errorf("cell %s has no place", s.cells[i].Name)
		}
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return seats[a].Number - seats[b].Number })
	cells, sorted := make([]*cell, len(order)), make([]*store.Seat, len(order))
	k := &keeping{s: s, hint: make(chan struct{}, 1), done: make(chan struct{})}
	for n, i := range order {
		cells[n], sorted[n] = s.cells[i], seats[i]
		cells[n].n = n
		switch {
		case seats[i].Group != seats[order[0]].Group:
			return fmt.Errorf("cells %s and %s do not belong together", cells[0].Name, cells[n].Name)
		case seats[i].Number != n:
			return fmt.Errorf("cell number %d is missing: name all databases that belong together, each once", n)
		}
		k.joined = append(k.joined, seats[i].Joined)
	}
	s.cells, s.keeper = cells, k
	r, err := route(sorted, nil)
	if err != nil {
		return err
	}
	s.routes.Store(r)
	k.read = make([]atomic.Pointer[time.Time], len(cells))
	for n := range k.read {
		k.read[n].Store(&began)
	}
	follow, end := context.WithCancel(context.WithoutCancel(ctx))
	k.end = end
	go k.follow(follow)
	return nil
}

// seats reads all seats.
func (s *Store) seats(ctx context.Context) ([]*store.Seat, error) {
	return all(s, func(c *cell) (*store.Seat, error) { return c.Store.(store.Keeper).Seat(ctx) })
}

// seat gives a place to cells that have none: numbers in the order in which they are named.
func (s *Store) seat(ctx context.Context, seats []*store.Seat) error {
	group, next := uint64(0), 0
	for _, x := range seats {
		if x != nil {
			group, next = x.Group, max(next, x.Number+1)
		}
	}
	for i, x := range seats {
		if x != nil {
			continue
		}
		c := s.cells[i]
		seat := store.Seat{Group: group, Number: next, Joined: c.Store.Epoch()}
		if next == 0 {
			var b [8]byte
			_, _ = rand.Read(b[:]) // never fails
			group = binary.BigEndian.Uint64(b[:])>>1 | 1
			seat.Group = group
			for shard := range seat.Shards {
				seat.Shards[shard] = store.Owned
			}
		} else if err := empty(ctx, c); err != nil {
			return err
		}
		if err := c.Store.(store.Keeper).Join(ctx, seat); err != nil {
			return c.wrap(fmt.Errorf("join: %w", err))
		}
		next++
	}
	return nil
}

// empty refuses a cell that has something already.
func empty(ctx context.Context, c *cell) error {
	cat, err := c.Store.Catalog(ctx)
	if err != nil {
		return c.wrap(err)
	}
	if len(cat.Projects) > 0 {
		return fmt.Errorf("cell %s has data of its own: a database that joins others must be empty", c.Name)
	}
	return nil
}

// route turns seats into routes. A cell whose seat could not be read (nil) keeps what it had.
func route(seats []*store.Seat, old *routes) (*routes, error) {
	r := &routes{settled: true}
	h := fnv.New64a()
	for shard := range store.Shards {
		owner, frozen := -1, -1
		for n, x := range seats {
			state := store.Absent
			switch {
			case x != nil:
				state = x.Shards[shard]
			case old != nil && int(old.owner[shard]) == n:
				state = store.Owned
			}
			switch {
			case state == store.Owned && owner >= 0:
				return nil, fmt.Errorf("shard %d is in cells %d and %d", shard, owner, n)
			case state == store.Owned:
				owner = n
			case state != store.Absent:
				frozen, r.settled = n, false
			}
		}
		switch {
		case owner >= 0: // it may wait to be dropped elsewhere
		case frozen >= 0:
			owner = frozen
			r.moving[shard] = true
		case old != nil:
			owner = int(old.owner[shard]) // it moved between two of the reads
			r.moving[shard], r.settled = true, false
		default:
			return nil, fmt.Errorf("shard %d is in none of the cells: is one missing?", shard)
		}
		r.owner[shard] = uint8(owner)
	}
	_, _ = h.Write(r.owner[:]) // never fails
	_, _ = h.Write([]byte{byte(len(seats))})
	r.stamp = h.Sum64()
	return r, nil
}

// follow looks at the seats again and again.
func (k *keeping) follow(ctx context.Context) {
	defer close(k.done)
	tick := time.NewTicker(lookEvery / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-k.hint:
		}
		look, stop := context.WithTimeout(ctx, lookEvery)
		if err := k.look(look); err != nil && ctx.Err() == nil {
			k.s.log.Warn("could not read where the shards are", "error", err)
		}
		stop()
	}
}

// look reads the seats. What those cells have that do not answer stays known.
func (k *keeping) look(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	began := time.Now()
	s := k.s
	seats := make([]*store.Seat, len(s.cells))
	err := s.each(func(c *cell) (err error) {
		seats[c.n], err = c.Store.(store.Keeper).Seat(ctx)
		return err
	})
	r, broken := route(seats, s.routes.Load())
	if broken != nil {
		return errors.Join(err, broken)
	}
	s.routes.Store(r)
	for n, x := range seats {
		if x != nil {
			k.read[n].Store(&began)
		}
	}
	return err
}

// stop ends the following.
func (k *keeping) stop() {
	k.end()
	<-k.done
}

// look asks for the map to be read again soon.
func (s *Store) look() {
	if s.keeper == nil {
		return
	}
	select {
	case s.keeper.hint <- struct{}{}:
	default:
	}
}

// fresh returns when what is known of where the id's shard is holds now. A shard stays frozen for longer than lookEvery
// before another cell has it, so it is enough to have looked that lately, unless the shard is frozen. A server that was
// stopped for long looks before it reads.
func (s *Store) fresh(ctx context.Context, id execution.ID) error {
	k := s.keeper
	if k == nil || len(s.cells) == 1 {
		return nil
	}
	r, shard := s.routes.Load(), id.Shard()
	n := int(r.owner[shard])
	if !r.moving[shard] && within(*k.read[n].Load(), lookEvery) {
		return nil
	}
	seat, err := s.cells[n].Store.(store.Keeper).Seat(ctx)
	if err != nil {
		return s.cells[n].wrap(err)
	}
	if seat != nil && seat.Shards[shard] == store.Owned {
		return nil
	}
	if err := k.look(ctx); err != nil && !s.of(id).answers() {
		return err
	}
	return nil
}

// freshMap looks when that was long ago, for what is read from all cells.
func (s *Store) freshMap(ctx context.Context) error {
	k := s.keeper
	if k == nil || len(s.cells) == 1 {
		return nil
	}
	for n := range k.read {
		if !within(*k.read[n].Load(), lookEvery) {
			return k.look(ctx)
		}
	}
	return nil
}

// has reports whether the cell is where the id belongs. The cell from which a shard has moved may still have its content
// for a moment.
func (c *cell) has(id execution.ID) bool { return c.s.CellOf(id.Shard()) == c.n }

// mine leaves out what only lies in the cell until it is dropped.
func mine[T any](c *cell, list []T, id func(*T) execution.ID) []T {
	if c.s.keeper == nil {
		return list
	}
	return slices.DeleteFunc(list, func(x T) bool { return !c.has(id(&x)) })
}
