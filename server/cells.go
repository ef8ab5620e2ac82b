package server

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/cells"
	"github.com/sojournhq/sojourn/internal/store/postgres"
)

// joinCells opens the databases beside the home and makes them one store with it.
func (s *Server) joinCells(ctx context.Context, home *postgres.Store, addresses []string) error {
	c := cells.Config{Log: s.log, Cells: []cells.Cell{{Name: postgres.Describe(addresses[0]), Store: home}}}
	fail := func(err error) error {
		for _, x := range c.Cells {
			err = errors.Join(err, x.Store.Close())
		}
		return err
	}
	for _, dsn := range addresses[1:] {
		db, err := s.reach(ctx, dsn, home.Node())
		if err != nil {
			return fail(err)
		}
		c.Cells = append(c.Cells, cells.Cell{Name: postgres.Describe(dsn), Store: db})
	}
	all, err := cells.New(ctx, c)
	if err != nil {
		return fail(err)
	}
	seat, err := home.Seat(ctx)
	if err == nil && seat.Number != 0 {
		err = fmt.Errorf("%s is cell %d of the databases that are used as one: name the home, cell 0, first", c.Cells[0].Name, seat.Number)
	}
	if err != nil {
		return errors.Join(err, all.Close())
	}
	s.store, s.database = all, home
	return nil
}

// alone refuses a database that has only a part of the data.
func alone(ctx context.Context, db *postgres.Store) error {
	seat, err := db.Seat(ctx)
	if err != nil {
		return err
	}
	if seat != nil && slices.ContainsFunc(seat.Shards[:], func(x store.ShardState) bool { return x != store.Owned }) {
		return fmt.Errorf("the database is cell %d of several that are used as one: name the addresses of all, with spaces between them", seat.Number)
	}
	return nil
}

// Cell is one of several databases that are used as one.
type Cell struct {
	Number int    // 0: the home
	Name   string // hosts and database
	Shards int    // of 1024, those on their way from it included
	Moving int    // shards on their way to another cell
}

// Cells manages databases that are used as one, also while servers use them.
type Cells struct {
	s     *Server
	mover *cells.Mover
}

// OpenCells opens the databases that c.Database names. Those that are not cells yet become cells: the first one the home,
// which keeps what it has, and the others, which must be empty, without shards.
func OpenCells(ctx context.Context, c Config) (*Cells, error) {
	if len(postgres.Addresses(c.Database)) < 2 {
		return nil, errors.New("config: Database must name two databases or more, as URLs with spaces between them")
	}
	if err := c.complete(); err != nil {
		return nil, err
	}
	s := &Server{cfg: c, log: c.Log}
	if err := s.openDatabase(ctx); err != nil {
		return nil, err
	}
	all, ok := s.store.(store.Celled)
	if !ok {
		return nil, errors.Join(errors.New("the databases are no cells"), s.store.Close())
	}
	m, err := cells.NewMover(all)
	if err != nil {
		return nil, errors.Join(err, all.Close())
	}
	return &Cells{s, m}, nil
}

// Progress makes f hear of shards that have moved.
func (c *Cells) Progress(f func(from, to string, shards int)) { c.mover.Progress = f }

// Status reads what each cell has.
func (c *Cells) Status(ctx context.Context) ([]Cell, error) {
	list, err := c.mover.Status(ctx)
	out := make([]Cell, len(list))
	for i, x := range list {
		out[i] = Cell{x.Number, x.Name, x.Shards, x.Leaving}
	}
	return out, err
}

// Balance moves shards until all cells have the same number of them, give or take one.
func (c *Cells) Balance(ctx context.Context) error { return c.mover.Balance(ctx) }

// Move moves n shards from one cell to another.
func (c *Cells) Move(ctx context.Context, from, to, n int) error {
	return c.mover.Move(ctx, from, to, n)
}

// Resume ends moves that were interrupted.
func (c *Cells) Resume(ctx context.Context) error { return c.mover.Resume(ctx) }

// Close closes the databases.
func (c *Cells) Close() error { return c.s.store.Close() }
