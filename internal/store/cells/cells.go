// Package cells composes stores: several databases behind one, each with whole shards of the executions.
//
// The cells share nothing. A transaction is within one cell, and what is read from all of them is put together here. The
// first cell is the home of the catalog and the API keys; the others have copies of both, so that each cell is whole by
// itself.
package cells

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Cell is one of the stores.
type Cell struct {
	Name  string // for people: in errors and logs
	Store store.Store
}

// Config configures a Store.
type Config struct {
	// Cells are the stores, from 1 to MaxCells; the first is the home. The Store closes them.
	Cells []Cell
	// Owner tells which cell has a shard, for cells that do not keep the map of shards themselves; default: equal shares
	// in order. Cells that are store.Keepers are asked instead.
	Owner func(shard int) int
	// ReadOnly changes nothing in the cells, and takes only those that have their place already.
	ReadOnly bool
	Log      *slog.Logger // default: discards
}

// MaxCells is how many cells there may be.
const MaxCells = 64

// restFor is how long a cell that did not answer gets no new executions.
const restFor = 2 * time.Second

// Store is a store.Store whose data lies in several cells.
type Store struct {
	cells []*cell
	log   *slog.Logger
	epoch uint64

	routes atomic.Pointer[routes]
	keeper *keeping // nil: the map of shards never changes

	sessionMu sync.Mutex
	sessions  map[int64]int // cell of each session, by key

	copyMu sync.Mutex // held while the catalog is copied
}

var _ store.Celled = (*Store)(nil)

// routes says where the shards are.
type routes struct {
	owner  [store.Shards]uint8
	moving [store.Shards]bool // nobody may write to it now
	stamp  uint64             // differs when the map does
	// settled says that no shard is on its way: nothing is in two cells.
	settled bool
}

// cell is one cell with what is known of it.
type cell struct {
	s *Store
	n int
	Cell

	failed atomic.Pointer[time.Time] // when it last did not answer; nil: it answers
	behind atomic.Bool               // its copy of the catalog may lack something
}

// New composes stores. With more than one cell that are all store.Shared, what it returns is a store.Shared too.
func New(ctx context.Context, c Config) (store.Celled, error) {
	if len(c.Cells) == 0 || len(c.Cells) > MaxCells {
		return nil, fmt.Errorf("cells: %d cells, want 1 to %d", len(c.Cells), MaxCells)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{log: c.Log, sessions: map[int64]int{}}
	allShared := true
	for n, x := range c.Cells {
		s.cells = append(s.cells, &cell{s: s, n: n, Cell: x})
		_, shared := x.Store.(store.Shared)
		allShared = allShared && shared
	}
	if err := s.locate(ctx, &c); err != nil {
		return nil, fmt.Errorf("cells: %w", err)
	}
	s.epoch = s.timeline()
	if !c.ReadOnly {
		if err := s.begin(ctx); err != nil {
			s.endKeeping()
			return nil, fmt.Errorf("cells: %w", err)
		}
	}
	if allShared {
		return &Shared{Store: s}, nil
	}
	return s, nil
}

// locate finds out where the shards are.
func (s *Store) locate(ctx context.Context, c *Config) error {
	owner := c.Owner
	keepers := 0
	for _, c := range s.cells {
		if _, ok := c.Store.(store.Keeper); ok {
			keepers++
		}
	}
	if keepers == len(s.cells) {
		return s.keep(ctx, c.ReadOnly)
	}
	if owner == nil {
		owner = func(shard int) int { return shard * len(s.cells) / store.Shards }
	}
	r := &routes{settled: true}
	for shard := range r.owner {
		n := owner(shard)
		if n < 0 || n >= len(s.cells) {
			return fmt.Errorf("shard %d is said to be in cell %d of %d", shard, n, len(s.cells))
		}
		r.owner[shard] = uint8(n)
	}
	s.routes.Store(r)
	return nil
}

// begin brings the copies of the catalog up to date and learns where the sessions are.
func (s *Store) begin(ctx context.Context) error {
	for _, c := range s.cells[1:] {
		c.behind.Store(true)
	}
	if err := s.copyCatalog(ctx); err != nil {
		return err
	}
	if _, err := s.Sessions(ctx); err != nil {
		return err
	}
	// A session's key is drawn at home and saved elsewhere: a home that counts what it has saved must not draw it again.
	var drawn int64
	for _, c := range s.cells[1:] {
		key, err := c.Store.NewKey(ctx)
		if err != nil {
			return c.wrap(err)
		}
		drawn = max(drawn, key)
	}
	for key := int64(0); key < drawn; {
		var err error
		if key, err = s.home().Store.NewKey(ctx); err != nil {
			return s.home().wrap(err)
		}
	}
	return nil
}

func (s *Store) home() *cell { return s.cells[0] }

// timeline is the epoch of the whole: that of the home, changed by every other cell that was restored since it joined.
func (s *Store) timeline() uint64 {
	e := s.home().Store.Epoch()
	for _, c := range s.cells[1:] {
		changed := c.Store.Epoch()
		if s.keeper != nil {
			changed ^= s.keeper.joined[c.n]
		}
		e ^= changed * 0x9e3779b97f4a7c15
	}
	return e
}

// Now is the clock of the home. The cells' clocks are taken to agree.
func (s *Store) Now() execution.Time { return s.home().Store.Now() }

// Epoch identifies the timeline of all cells together.
func (s *Store) Epoch() uint64 { return s.epoch }

// NewKey draws an integer key at home.
func (s *Store) NewKey(ctx context.Context) (int64, error) {
	key, err := s.home().Store.NewKey(ctx)
	return key, s.home().wrap(err)
}

// Cells is how many cells there are.
func (s *Store) Cells() int { return len(s.cells) }

// CellOf is the cell that has the shard.
func (s *Store) CellOf(shard int) int { return int(s.routes.Load().owner[shard]) }

// Open reports whether the shard takes new executions.
func (s *Store) Open(shard int) bool {
	r := s.routes.Load()
	return !r.moving[shard] && s.cells[r.owner[shard]].answers()
}

// of is the cell that has what has the id.
func (s *Store) of(id execution.ID) *cell { return s.cells[s.CellOf(id.Shard())] }

// wrap notes whether the cell answers, and names it in its errors.
func (c *cell) wrap(err error) error {
	switch {
	case err == nil:
		c.failed.Store(nil)
		return nil
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrCursor), errors.Is(err, store.ErrRefused), errors.Is(err, store.ErrMoved):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	default:
		now := time.Now()
		c.failed.Store(&now)
	}
	return fmt.Errorf("cell %s: %w", c.Name, err)
}

// answers reports whether the cell has not failed lately.
func (c *cell) answers() bool {
	at := c.failed.Load()
	return at == nil || !within(*at, restFor)
}

// within reports whether no more than d has passed since the time, whatever clock is asked: the one that is set may have
// been set back, and the one that is not set stands still while the machine is suspended.
func within(at time.Time, d time.Duration) bool {
	now := time.Now()
	return now.Sub(at) <= d && now.Round(0).Sub(at.Round(0)) <= d
}

// each calls f for every cell at the same time and returns what went wrong.
func (s *Store) each(f func(c *cell) error) error {
	if len(s.cells) == 1 {
		return s.cells[0].wrap(f(s.cells[0]))
	}
	errs := make([]error, len(s.cells))
	var wg sync.WaitGroup
	for n, c := range s.cells {
		wg.Go(func() { errs[n] = c.wrap(f(c)) })
	}
	wg.Wait()
	return join(errs)
}

// join is errors.Join that leaves a single error as it is.
func join(errs []error) error {
	var one error
	for _, err := range errs {
		switch {
		case err == nil:
		case one == nil:
			one = err
		default:
			return errors.Join(errs...)
		}
	}
	return one
}

// endKeeping stops following the seats.
func (s *Store) endKeeping() {
	if s.keeper != nil {
		s.keeper.stop()
	}
}

// Close closes all cells.
func (s *Store) Close() error {
	s.endKeeping()
	return s.each(func(c *cell) error { return c.Store.Close() })
}
