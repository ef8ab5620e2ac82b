package postgres

import (
	"context"
	"errors"

	"github.com/sojournhq/sojourn/internal/store"
)

var errUnbuilt = errors.New("postgres: not built yet")

var _ store.Shared = (*Store)(nil)

func (s *Store) Backup(context.Context, string) error       { return errUnbuilt }
func (s *Store) Usage(context.Context) (store.Usage, error) { return store.Usage{}, errUnbuilt }
