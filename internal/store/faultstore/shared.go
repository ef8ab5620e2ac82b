package faultstore

import (
	"context"

	"github.com/sojournhq/sojourn/internal/store"
)

// Shared is a store.Shared whose calls can be made to fail.
type Shared struct {
	*Store
	shared store.Shared
}

// NewShared wraps a store that several servers use, without faults for now.
func NewShared(s store.Shared) *Shared { return &Shared{New(s), s} }

// Node is the store's own.
func (s *Shared) Node() int64 { return s.shared.Node() }

// Tick fails as planned.
func (s *Shared) Tick(ctx context.Context, q store.TickQuery) (*store.Tick, error) {
	if err := s.read(ctx, "Tick"); err != nil {
		return nil, err
	}
	return s.shared.Tick(ctx, q)
}

// Leave fails as planned.
func (s *Shared) Leave(ctx context.Context) error {
	if err := s.read(ctx, "Leave"); err != nil {
		return err
	}
	return s.shared.Leave(ctx)
}

// Listen fails as planned. Each hint counts as a call of "Hint"; one that fails is lost.
func (s *Shared) Listen(ctx context.Context, hint func()) error {
	if err := s.read(ctx, "Listen"); err != nil {
		return err
	}
	return s.shared.Listen(ctx, func() {
		if s.read(ctx, "Hint") == nil {
			hint()
		}
	})
}
