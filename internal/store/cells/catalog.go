package cells

import (
	"context"
	"errors"

	"github.com/sojournhq/sojourn/internal/store"
)

// What is in the catalog, and the API keys, are written whole and never removed: a cell is brought up to date by writing
// all of it again.

// spread writes what was changed at home to the other cells. One that does not take it is brought up to date before its
// next transaction: until then it has no executions that refer to what it lacks.
func (s *Store) spread(ctx context.Context, changes *store.Changes) {
	only := store.Changes{
		Projects: changes.Projects, Workflows: changes.Workflows, Versions: changes.Versions, Keys: changes.Keys,
		Endpoints: changes.Endpoints, Secrets: changes.Secrets,
	}
	if only.Empty() {
		return // when keys were used is known at home alone
	}
	s.copyMu.Lock()
	defer s.copyMu.Unlock()
	for _, c := range s.cells[1:] {
		if c.behind.Load() {
			continue
		}
		if err := c.write(ctx, &only); err != nil {
			c.behind.Store(true)
			s.log.Warn("a cell did not take a change of the catalog, and gets it before its next transaction", "cell", c.Name, "error", err)
		}
	}
}

func (c *cell) write(ctx context.Context, changes *store.Changes) error {
	return c.wrap(c.Store.Commit(ctx, &store.Need{}, func(*store.Loaded) *store.Changes { return changes }))
}

// copyCatalog brings the cells up to date that are behind.
func (s *Store) copyCatalog(ctx context.Context) error {
	var errs []error
	for _, c := range s.cells[1:] {
		if c.behind.Load() {
			errs = append(errs, s.copyTo(ctx, c))
		}
	}
	return join(errs)
}

// copyTo brings the cell's copy of the catalog up to date.
func (s *Store) copyTo(ctx context.Context, c *cell) error {
	s.copyMu.Lock()
	defer s.copyMu.Unlock()
	if !c.behind.Load() {
		return nil
	}
	cat, err := s.home().Store.Catalog(ctx)
	if err != nil {
		return s.home().wrap(err)
	}
	keys, err := s.home().Store.Keys(ctx, 0)
	if err != nil {
		return s.home().wrap(err)
	}
	changes := &store.Changes{
		Projects: cat.Projects, Workflows: cat.Workflows, Versions: cat.Versions, Endpoints: cat.Endpoints, Secrets: cat.Secrets, Keys: keys,
	}
	if !changes.Empty() {
		if err := c.write(ctx, changes); err != nil {
			return err
		}
	}
	c.behind.Store(false)
	return nil
}

// Catalog reads the catalog at home.
func (s *Store) Catalog(ctx context.Context) (*store.Catalog, error) {
	c, err := s.home().Store.Catalog(ctx)
	return c, s.home().wrap(err)
}

// Key reads an API key: at home or, while that does not answer, from a copy.
func (s *Store) Key(ctx context.Context, publicID string) (*store.Key, error) {
	k, err := s.home().Store.Key(ctx, publicID)
	if err == nil || errors.Is(err, store.ErrNotFound) || ctx.Err() != nil {
		return k, s.home().wrap(err)
	}
	err = s.home().wrap(err)
	for _, c := range s.cells[1:] {
		if k, other := c.Store.Key(ctx, publicID); other == nil {
			return k, nil
		}
	}
	return nil, err
}

// Keys reads API keys at home.
func (s *Store) Keys(ctx context.Context, project int64) ([]store.Key, error) {
	keys, err := s.home().Store.Keys(ctx, project)
	return keys, s.home().wrap(err)
}

// Sessions reads the worker sessions of all cells. With an error it returns those that could be read.
func (s *Store) Sessions(ctx context.Context) ([]store.Session, error) {
	lists := make([][]store.Session, len(s.cells))
	err := s.each(func(c *cell) (err error) {
		lists[c.n], err = c.Store.Sessions(ctx)
		return err
	})
	var list []store.Session
	s.sessionMu.Lock()
	defer s.sessionMu.Unlock()
	for n, l := range lists {
		for i := range l {
			s.sessions[l[i].Key] = n
		}
		list = append(list, l...)
	}
	return list, err
}
