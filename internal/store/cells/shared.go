package cells

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/sojournhq/sojourn/internal/store"
)

// Shared is a Store of cells that several servers use.
type Shared struct {
	*Store

	mu   sync.Mutex
	last []*store.Tick // the latest of each cell
}

var _ store.Shared = (*Shared)(nil)

func (c *cell) shared() store.Shared { return c.Store.(store.Shared) }

// Node is this server's key, the same in every cell.
func (s *Shared) Node() int64 { return s.home().shared().Node() }

// Tick ticks in every cell and puts together what it learns. A cell that does not answer has nothing to tell, and the
// cursor stays where it was there.
func (s *Shared) Tick(ctx context.Context, q store.TickQuery) (*store.Tick, error) {
	stamp := s.routes.Load().stamp
	after := make([]store.Cursor, len(s.cells))
	if q.After != "" {
		var err error
		if after, err = positions(q.After, stamp, len(s.cells)); err != nil {
			return nil, err
		}
	}
	ticks := make([]*store.Tick, len(s.cells))
	err := s.each(func(c *cell) (err error) {
		each := q
		each.After = after[c.n]
		ticks[c.n], err = c.shared().Tick(ctx, each)
		return err
	})
	return s.joined(ticks, after, stamp, err)
}

// recall puts what a cell told last in the place of what it does not tell now: its sessions and the other servers are not
// gone because it is silent.
func (s *Shared) recall(ticks []*store.Tick, after []store.Cursor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = make([]*store.Tick, len(s.cells))
	}
	for n, t := range ticks {
		switch {
		case t != nil:
			s.last[n] = &store.Tick{Now: t.Now, Nodes: t.Nodes, Catalog: t.Catalog, Sessions: t.Sessions}
		case s.last[n] != nil:
			old := *s.last[n]
			old.Next = after[n]
			ticks[n] = &old
		}
	}
}

// joined is what several ticks tell together.
func (s *Shared) joined(ticks []*store.Tick, after []store.Cursor, stamp uint64, err error) (*store.Tick, error) {
	if errors.Is(err, store.ErrCursor) {
		return nil, err
	}
	s.recall(ticks, after)
	for n, t := range ticks {
		if t == nil || t.Next == "" {
			return nil, errors.Join(err, fmt.Errorf("cell %s has not told where its changes begin", s.cells[n].Name))
		}
	}
	if err != nil {
		s.log.Warn("a cell does not answer", "error", err)
	}
	out := &store.Tick{Now: ticks[0].Now, Nodes: ticks[0].Nodes, Catalog: ticks[0].Catalog}
	for n, t := range ticks {
		after[n] = t.Next
		out.More = out.More || t.More
		out.Changes = append(out.Changes, t.Changes...)
		out.Sessions = append(out.Sessions, t.Sessions...)
		if t.NextDue != 0 && (out.NextDue == 0 || t.NextDue < out.NextDue) {
			out.NextDue = t.NextDue
		}
		if t.NextDelivery != 0 && (out.NextDelivery == 0 || t.NextDelivery < out.NextDelivery) {
			out.NextDelivery = t.NextDelivery
		}
		s.sessionMu.Lock()
		for _, x := range t.Sessions {
			s.sessions[x.Key] = n
		}
		s.sessionMu.Unlock()
	}
	out.Next = cursor(stamp, after)
	return out, nil
}

// Leave takes this server out of the list of those alive in every cell.
func (s *Shared) Leave(ctx context.Context) error {
	return s.each(func(c *cell) error { return c.shared().Leave(ctx) })
}

// Listen listens in every cell, until ctx ends or one of them fails.
func (s *Shared) Listen(ctx context.Context, hint func()) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	return s.each(func(c *cell) error {
		defer stop()
		return c.shared().Listen(ctx, hint)
	})
}
