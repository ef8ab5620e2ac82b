package postgres

import (
	"context"
	"slices"
)

// Sweep sweeps the feed from its beginning.
func (s *Store) Sweep(ctx context.Context) (int, error) {
	return (&upkeep{s: s}).sweep(ctx, new(feedKey))
}

// Vacuum vacuums the hot tables.
func (s *Store) Vacuum(ctx context.Context) error { return (&upkeep{s: s}).vacuum(ctx) }

// BackupTables are the tables that a backup knows, those among them that it leaves out.
func BackupTables() []string { return slices.Concat(backedUp, leftOut) }
