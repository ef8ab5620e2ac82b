package postgres

import "context"

// order makes sure that the transactions to come are behind those of the feed.
func (s *Store) order(context.Context, *conn) error { return nil }
