package postgres

import (
	"context"
	"errors"

	"github.com/sojournhq/sojourn/internal/store"
)

var errUnbuilt = errors.New("postgres: not built yet")

var _ store.Shared = (*Store)(nil)

func (s *Store) Feed(context.Context, store.FeedQuery) (*store.FeedPage, error) {
	return nil, errUnbuilt
}
func (s *Store) List(context.Context, store.ListQuery) (*store.ListPage, error) {
	return nil, errUnbuilt
}
func (s *Store) Audit(context.Context) ([]store.Finding, error)             { return nil, errUnbuilt }
func (s *Store) Backup(context.Context, string) error                       { return errUnbuilt }
func (s *Store) Usage(context.Context) (store.Usage, error)                 { return store.Usage{}, errUnbuilt }
func (s *Store) Tick(context.Context, store.TickQuery) (*store.Tick, error) { return nil, errUnbuilt }
func (s *Store) Listen(context.Context, func()) error                       { return errUnbuilt }
