package postgres

import (
	"context"
	"errors"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

var errUnbuilt = errors.New("postgres: not built yet")

var _ store.Shared = (*Store)(nil)

const edgeLimit = 50_000

func (s *Store) Commit(context.Context, *store.Need, func(*store.Loaded) *store.Changes) error {
	return errUnbuilt
}
func (s *Store) Get(context.Context, int64, execution.ID) (*store.Row, error) { return nil, errUnbuilt }
func (s *Store) Events(context.Context, *store.Row, int64, int) ([]execution.Event, error) {
	return nil, errUnbuilt
}
func (s *Store) Feed(context.Context, store.FeedQuery) (*store.FeedPage, error) {
	return nil, errUnbuilt
}
func (s *Store) Ends(context.Context, *store.Row) (first, last *execution.Event, err error) {
	return nil, nil, errUnbuilt
}
func (s *Store) List(context.Context, store.ListQuery) (*store.ListPage, error) {
	return nil, errUnbuilt
}
func (s *Store) Counts(context.Context, store.CountQuery) (store.Counts, error) {
	return store.Counts{}, errUnbuilt
}
func (s *Store) Due(context.Context, execution.Time, store.Part, int) ([]execution.ID, error) {
	return nil, errUnbuilt
}
func (s *Store) NextDue(context.Context) (execution.Time, error)   { return 0, errUnbuilt }
func (s *Store) Held(context.Context, int64) ([]*store.Row, error) { return nil, errUnbuilt }
func (s *Store) Queues(context.Context) ([]store.Queue, error)     { return nil, errUnbuilt }
func (s *Store) Ended(context.Context, int64, execution.Time, int) ([]execution.ID, error) {
	return nil, errUnbuilt
}
func (s *Store) Catalog(context.Context) (*store.Catalog, error)            { return nil, errUnbuilt }
func (s *Store) Key(context.Context, string) (*store.Key, error)            { return nil, errUnbuilt }
func (s *Store) Keys(context.Context, int64) ([]store.Key, error)           { return nil, errUnbuilt }
func (s *Store) Sessions(context.Context) ([]store.Session, error)          { return nil, errUnbuilt }
func (s *Store) Audit(context.Context) ([]store.Finding, error)             { return nil, errUnbuilt }
func (s *Store) Backup(context.Context, string) error                       { return errUnbuilt }
func (s *Store) Usage(context.Context) (store.Usage, error)                 { return store.Usage{}, errUnbuilt }
func (s *Store) Tick(context.Context, store.TickQuery) (*store.Tick, error) { return nil, errUnbuilt }
func (s *Store) Listen(context.Context, func()) error                       { return errUnbuilt }
