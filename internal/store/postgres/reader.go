package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// errClosed is what reads and commits of a closed store return.
var errClosed = fmt.Errorf("postgres: store is closed: %w", os.ErrClosed)

// patience marks contexts; see patient.
type patience struct{}

// patient makes a context whose reads take as long as they do. All others are given up after Options.AnswerTimeout: a
// database whose disk or locks hang keeps its connections open, and must not keep those that ask forever.
func patient(ctx context.Context) context.Context { return context.WithValue(ctx, patience{}, true) }

// read runs f with a read connection. A connection that turns out to be lost is replaced once: reading twice does no harm,
// and after a restart of the server every idle connection is lost. It is store.ErrUnavailable when no answer comes in time.
func (s *Store) read(ctx context.Context, f func(*conn) error) error {
	return s.using(ctx, s.readers, f)
}

// using is read with a connection of the pool.
func (s *Store) using(ctx context.Context, pool *pgxpool.Pool, f func(*conn) error) error {
	for again := true; ; again = false {
		if s.closed.Load() {
			return errClosed
		}
		p, err := pool.Acquire(ctx)
		if err != nil {
			return s.acquireError(ctx, err)
		}
		c := connOf(p)
		if ctx.Value(patience{}) == nil {
			c.within(s.options.AnswerTimeout)
		}
		err = f(c)
		if !c.pg.IsClosed() { // whoever closes it sets a deadline of its own
			c.within(0)
		}
		if ctx.Err() != nil {
			// The request to cancel the statement may arrive late, also when the statement was done first, and would meet
			// the next one. The other connections have nothing to do with it.
			_ = p.Hijack()
			c.close()
			if err != nil {
				err = ctx.Err()
			}
			return err
		}
		lost := release(pool, p)
		if err != nil && lost && again && !pgconn.Timeout(err) {
			continue
		}
		return classify(err)
	}
}

// release gives a connection back to its pool, and reports whether it was lost. One that was lost leaves its place to
// another at once: taking leave of a server that is silent takes long. What ended it may have ended those that are idle,
// and not every end is told, so they are given up as well.
func release(pool *pgxpool.Pool, p *pgxpool.Conn) (lost bool) {
	if lost = p.Conn().IsClosed(); !lost {
		p.Release()
		return false
	}
	_ = p.Hijack()
	pool.Reset()
	return true
}

func (s *Store) acquireError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.closed.Load() {
		return errClosed
	}
	return unavailable(err)
}

// query runs one statement with a read connection and calls each for its rows. When the connection is lost on the way,
// the rows come again from the first: begin is called before them, if it is not nil.
func (s *Store) query(ctx context.Context, sql string, a *args, begin func(), each func(*row) error) error {
	return s.read(ctx, func(c *conn) error {
		if begin != nil {
			begin()
		}
		return c.query(ctx, sql, a, each)
	})
}

// view is a number of reads that see the same state.
type view struct {
	ctx context.Context
	c   *conn
}

// query runs one statement.
func (v *view) query(sql string, a *args, each func(*row) error) error {
	return v.c.query(v.ctx, sql, a, each)
}

// snapshot runs f, all of whose reads see the same state. It may run twice, the first time in vain.
func (s *Store) snapshot(ctx context.Context, f func(*view) error) error {
	return s.reading(ctx, beginSnapshot, f)
}

// pages runs f as snapshot does, for reads that take a few rows from where an index says. The planner then takes an index
// whenever there is one, whatever it believes about tables that have grown since it last looked at them.
func (s *Store) pages(ctx context.Context, f func(*view) error) error {
	return s.reading(ctx, beginSnapshot+"; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; "+
		"SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off", f)
}

const beginSnapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"

// reading runs f within a transaction that the statements begin.
func (s *Store) reading(ctx context.Context, begin string, f func(*view) error) error {
	return s.read(ctx, func(c *conn) (err error) {
		if err := script(ctx, c, begin); err != nil {
			return err
		}
		open := true
		defer func() {
			if open { // f panicked
				c.close()
			}
		}()
		err = f(&view{ctx, c})
		open = false
		if c.pg.IsClosed() {
			return err
		}
		end := "COMMIT"
		if err != nil {
			end = "ROLLBACK"
		}
		if e := c.query(context.WithoutCancel(ctx), end, nil, nil); e != nil {
			c.close()
			if err == nil {
				err = e
			}
		}
		return err
	})
}

// pgError finds the server's own error in an error.
func pgError(err error) *pgconn.PgError {
	e, _ := errors.AsType[*pgconn.PgError](err)
	return e
}
