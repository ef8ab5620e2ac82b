package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/store"
)

// repeats is how often a transaction is run again that met a conflict with another one.
const repeats = 20

// Commit runs one durable write transaction: one round trip that reads under lock, none when there is nothing to read, and
// one that writes and commits. A transaction that the database wants repeated is repeated whole, with decide.
func (s *Store) Commit(ctx context.Context, need *store.Need, decide func(*store.Loaded) *store.Changes) error {
	if s.options.ReadOnly {
		return errors.New("postgres: the store is open for reading only")
	}
	for n := 0; ; n++ {
		if s.closed.Load() {
			return errClosed
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		again, err := s.commit(ctx, need, decide)
		switch {
		case err == nil:
			return nil
		case !again, n == repeats, n > 0 && late(err):
			return fmt.Errorf("postgres: commit: %w", classify(err))
		case n > 0: // the first time at once
			if !pause(ctx, time.Duration(rand.Int64N(int64(n)*int64(2*time.Millisecond)))) {
				return ctx.Err()
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// commit runs the transaction once. again says that nothing happened and that the same may pass at once.
func (s *Store) commit(ctx context.Context, need *store.Need, decide func(*store.Loaded) *store.Changes) (again bool, err error) {
	p, err := s.committer(ctx)
	if err != nil {
		return false, err
	}
	t := newTransaction(s, connOf(p), need)
	whole := false
	defer func() {
		if !whole { // decide panicked
			t.c.close()
		}
		release(s.committers, p)
		t.settled()
	}()
	trips := t.c.trips
	again, err = t.run(decide)
	whole = true
	s.effort.add(t.c.trips-trips, again, err)
	return again, err
}

// committer takes a connection that is not known to be lost.
func (s *Store) committer(ctx context.Context) (*pgxpool.Conn, error) {
	for {
		p, err := s.committers.Acquire(ctx)
		if err != nil {
			return nil, s.acquireError(ctx, err)
		}
		if connOf(p).fresh() {
			return p, nil
		}
		connOf(p).close()
		release(s.committers, p)
	}
}

// transaction is a commit under way.
type transaction struct {
	s    *Store
	c    *conn
	need *store.Need
	open bool // BEGIN was sent

	load *batch // reads under lock, in one round trip
	save *batch // writes, and COMMIT, in another one

	result store.Loaded
	rows   map[execution.ID]loaded
	slab   []store.Row
	latest execution.Time // of the events of the rows that were loaded

	looks   []*looking // of queues
	lowered []*floor

	changes *store.Changes
	ended   map[*store.Row]execution.Time // when the latest event of a row was, of those that this transaction adds
}

// loaded is a row as it was read.
type loaded struct {
	row      *store.Row
	revision int64
}

func newTransaction(s *Store, c *conn, need *store.Need) *transaction {
	return &transaction{s: s, c: c, need: need, rows: make(map[execution.ID]loaded, len(need.Executions))}
}

// allowance is the time a round trip may take, after which the connection is given up.
func (t *transaction) allowance() { t.c.within(t.s.options.CommitTimeout + 5*time.Second) }

var (
	beginStatement = prepare("BEGIN")
	// localStatement sets for one transaction what connections otherwise have for their life.
	localStatement = prepare("SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true), " +
		"set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('enable_bitmapscan', 'off', true), " +
		"set_config('jit', 'off', true), set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $2, true)")
	commitStatement   = prepare("COMMIT")
	rollbackStatement = prepare("ROLLBACK")
	clockStatement    = prepare("SELECT clock_timestamp()")
	conflictStatement = prepare("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'serialization_failure', MESSAGE = 'conflict for a test'; END $$")
)

// begin opens the transaction in a round trip that goes on.
func (t *transaction) begin(b *batch) {
	t.open = true
	b.add(beginStatement, nil, nil, nil)
	if t.c.pooler {
		b.add(localStatement, newArgs().name(t.s.committerSettings()["statement_timeout"]).name(t.s.idleTimeout()), nil, nil)
	}
}

func (t *transaction) run(decide func(*store.Loaded) *store.Changes) (again bool, err error) {
	t.allowance()
	if err := t.read(); err != nil {
		return t.undo(err)
	}
	read := time.Now()
	c := decide(&t.result)
	if t.open && !t.c.blind && time.Since(read) > time.Second {
		// That took long, and the server may have given up. It is better known now than when the commit is under way.
		if err := t.c.stands(); err != nil {
			return t.undo(err)
		}
	}
	if c == nil || c.Empty() {
		_, err := t.undo(nil)
		return false, err
	}
	t.changes = c
	t.allowance()
	t.save = t.c.batch(context.Background())
	if !t.open {
		t.begin(t.save)
	}
	if err := t.write(); err != nil {
		_ = t.save.p.Close() // nothing was sent
		t.c.close()
		return false, err
	}
	if t.s.options.Conflict != nil && t.s.options.Conflict() {
		t.save.add(conflictStatement, nil, nil, nil)
	}
	committed := false
	t.save.add(commitStatement, nil, nil, func(int64) error {
		committed = true
		return nil
	})
	// The changes and the commit travel together: there is no moment at which all is written and nothing committed.
	if err := failpoint.Hit(failpoint.BatchSaved); err != nil {
		_ = t.save.p.Close()
		t.c.close()
		return false, err
	}
	warnings := t.c.warnings
	sent, err := t.save.run()
	switch {
	case err != nil && pgError(err) == nil && sent:
		// The connection was lost, or no answer came in time.
		t.c.close()
		return false, fmt.Errorf("%w: %w", store.ErrUnknown, err)
	case err != nil && broke(err, commitStatement):
		// The server ended the connection while it committed.
		t.c.close()
		return false, fmt.Errorf("%w: %w", store.ErrUnknown, err)
	case err != nil && committed, err == nil && !committed:
		t.c.close()
		return false, fmt.Errorf("%w: the server's answers do not fit: %w", store.ErrUnknown, err)
	case err != nil:
		return t.undo(err)
	case t.c.warnings != warnings:
		// The commit stands on this server and was not replicated as it should have been: if the server is lost now, it
		// may not be on the next one.
		return false, fmt.Errorf("%w: the server gave up waiting for its standby", store.ErrUnknown)
	}
	t.finish()
	return false, nil
}

// undo ends a transaction of which nothing shall stay, because of the error.
func (t *transaction) undo(err error) (again bool, _ error) {
	again = repeatable(err) || stale(err) || late(err)
	if stale(err) || t.c.pg.IsClosed() {
		t.c.close()
		if err != nil && pgError(err) == nil {
			err = unavailable(err)
		}
		return again, err
	}
	if t.open && t.c.pg.TxStatus() != 'I' {
		b := t.c.batch(context.Background())
		b.add(rollbackStatement, nil, nil, nil)
		if _, e := b.run(); e != nil {
			t.c.close() // which rolls it back too
		}
	}
	return again, err
}

// finish tells others of a transaction that was committed.
func (t *transaction) finish() {
	if t.s.notifier != nil && t.told() {
		t.s.notifier.poke()
	}
}
