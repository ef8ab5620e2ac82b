package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Migrate brings the schema of a database up to date and returns what it was before and is now.
func Migrate(ctx context.Context, o Options) (before, after Schema, err error) {
	err = visit(ctx, o, func(c *conn) (err error) {
		if before, err = readSchema(ctx, c); err == nil {
			after, err = migrate(ctx, c)
		}
		return err
	})
	if err != nil {
		return before, after, fmt.Errorf("postgres: migrate: %w", err)
	}
	return before, after, nil
}

// SchemaOf reads which schema a database has. It changes nothing.
func SchemaOf(ctx context.Context, o Options) (x Schema, err error) {
	err = visit(ctx, o, func(c *conn) (err error) {
		x, err = readSchema(ctx, c)
		return err
	})
	if err != nil {
		return x, fmt.Errorf("postgres: read the schema: %w", err)
	}
	return x, nil
}

// visit runs f with a connection to a database that may have no schema yet.
func visit(ctx context.Context, o Options, f func(*conn) error) error {
	s := &Store{options: o.complete()}
	config, err := pgxpool.ParseConfig(o.DSN)
	if err != nil {
		return err // it hides the password
	}
	if s.readers, err = s.pool(ctx, config, 1, nil); err != nil {
		return err
	}
	defer s.release()
	return s.read(patient(ctx), func(c *conn) error {
		if err := checkServer(c); err != nil {
			return err
		}
		return f(c)
	})
}
