package postgres

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// statement is an SQL statement that connections prepare when they first need it.
type statement struct {
	name, sql string
}

var statements atomic.Int64

func prepare(sql string) *statement {
	return &statement{"s" + strconv.FormatInt(statements.Add(1), 10), sql}
}

// conn is a connection with what it has prepared.
type conn struct {
	pg       *pgconn.PgConn
	pooler   bool // the session may be another one in each transaction: nothing is prepared
	prepared map[*statement]*pgconn.StatementDescription
	texts    map[string]*statement // of queries that are given as text
	warnings int                   // how many the server has sent
	trips    int                   // round trips that were made
	idle     time.Time             // since when
	blind    bool                  // it cannot be told whether it is open: in a test's own time a look at it would not end
}

// connKey finds a conn among the data that pgx keeps for whoever uses it.
const connKey = "sojourn"

func (s *Store) newConn(pg *pgconn.PgConn) *conn {
	c := &conn{pg: pg, pooler: s.options.Pooler, prepared: map[*statement]*pgconn.StatementDescription{}, texts: map[string]*statement{}, idle: time.Now(), blind: s.options.Clock != nil}
	pg.CustomData()[connKey] = c
	return c
}

func connOf(p *pgxpool.Conn) *conn { return p.Conn().PgConn().CustomData()[connKey].(*conn) }

// notice counts warnings. At a commit one says that it was not replicated as the settings demand.
func notice(pg *pgconn.PgConn, n *pgconn.Notice) {
	if c, ok := pg.CustomData()[connKey].(*conn); ok && n.SeverityUnlocalized == "WARNING" {
		c.warnings++
	}
}

// close gives the connection up, for one that is in a state nobody knows.
func (c *conn) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.pg.Close(ctx)
}

// within ends the connection unless what follows is answered in the given time; 0: it may take any.
func (c *conn) within(d time.Duration) {
	var deadline time.Time
	if d > 0 {
		deadline = time.Now().Add(d)
	}
	_ = c.pg.Conn().SetDeadline(deadline)
}

// fresh reports whether the connection, when it was idle for some time, is still open as far as can be told without a
// round trip.
func (c *conn) fresh() bool {
	return !c.pg.IsClosed() && (c.blind || time.Since(c.idle) < checkAfter || c.stands() == nil)
}

// stands is an error when the server has ended the connection, as far as its end has arrived here.
func (c *conn) stands() error {
	if !closedByServer(c.pg.Conn()) {
		return nil // pgx would wait a second for a word of the server, and then ask it to cancel what comes next
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := c.pg.ReceiveMessage(ctx); err != nil && !pgconn.Timeout(err) {
		return err
	}
	return nil
}

const checkAfter = 100 * time.Millisecond

// batch is a number of statements that go to the server in one round trip. When one fails, those behind it do not run.
type batch struct {
	c     *conn
	p     *pgconn.Pipeline
	queue []queued
	fresh map[*statement]bool // those prepared in this batch
}

// queued is a statement under way.
type queued struct {
	prepared *statement // not nil: it is the preparation of it
	sql      string
	means    error // what a division by zero in it means
	each     func(*row) error
	done     func(rows int64) error
}

// batch begins a round trip. What ctx ends is the connection with it.
func (c *conn) batch(ctx context.Context) *batch {
	return &batch{c: c, p: c.pg.StartPipeline(ctx)}
}

var binaryFormat = []int16{1}

// add queues a statement. Then each is called for each row of its result, and done with the number of rows that it
// returned or changed. Both may be nil.
func (b *batch) add(s *statement, a *args, each func(*row) error, done func(rows int64) error) {
	if a == nil {
		a = newArgs()
	}
	switch sd := b.c.prepared[s]; {
	case b.c.pooler:
		b.p.SendQueryParams(s.sql, a.values, a.types, binaryFormat, binaryFormat)
	case sd != nil:
		b.p.SendQueryStatement(sd, a.values, binaryFormat, binaryFormat)
	default:
		if !b.fresh[s] {
			if b.fresh == nil {
				b.fresh = map[*statement]bool{}
			}
			b.fresh[s] = true
			b.p.SendPrepare(s.name, s.sql, a.types)
			b.queue = append(b.queue, queued{prepared: s, sql: s.sql})
		}
		b.p.SendQueryPrepared(s.name, a.values, binaryFormat, binaryFormat)
	}
	b.queue = append(b.queue, queued{sql: s.sql, each: each, done: done})
}

// check queues a statement that divides by zero when it does not find what it must, with the error that this means.
func (b *batch) check(s *statement, a *args, means error) {
	b.add(s, a, nil, nil)
	b.queue[len(b.queue)-1].means = means
}

// run sends what was added and reads the results. The error is the first one; after an error of the connection it is
// closed. sent is false when nothing can have reached the server.
func (b *batch) run() (sent bool, err error) {
	b.c.trips++
	if err := b.p.Sync(); err != nil {
		_ = b.p.Close()
		return !pgconn.SafeToRetry(err), err
	}
	err = b.results()
	if e := b.p.Close(); err == nil {
		err = e
	}
	b.c.idle = time.Now()
	return true, err
}

func (b *batch) results() error {
	var first error
	for i := range b.queue {
		q := &b.queue[i]
		result, err := b.p.GetResults()
		if err == nil {
			switch r := result.(type) {
			case *pgconn.StatementDescription:
				r.Name = q.prepared.name
				b.c.prepared[q.prepared] = r
				continue
			case *pgconn.ResultReader:
				err = read(r, q)
			default:
				err = fmt.Errorf("unexpected result %T", result)
			}
		}
		if err == nil {
			continue
		}
		if e := pgError(err); e != nil && e.Code == "22012" && q.means != nil {
			err = &checkError{q.means, err}
		}
		if first == nil {
			first = &statementError{q.sql, err}
		}
		if pgError(err) != nil || b.c.pg.IsClosed() {
			break // nothing behind it has run
		}
	}
	return first
}

// read hands the rows of a result on. It reads all of them, whatever is made of them.
func read(r *pgconn.ResultReader, q *queued) error {
	var first error
	for r.NextRow() {
		if q.each == nil || first != nil {
			continue
		}
		row := row{values: r.Values()}
		if first = q.each(&row); first == nil {
			first = row.err
		}
	}
	tag, err := r.Close()
	if err != nil {
		return err
	}
	if first == nil && q.done != nil {
		first = q.done(tag.RowsAffected())
	}
	return first
}

// checkError is a check that did not find what it must. How the database was made to say so is of no interest.
type checkError struct{ means, err error }

func (e *checkError) Error() string   { return e.means.Error() }
func (e *checkError) Unwrap() []error { return []error{e.means, e.err} }

// statementError is an error with the statement that failed.
type statementError struct {
	sql string
	err error
}

func (e *statementError) Error() string {
	sql := e.sql
	if len(sql) > 80 {
		sql = sql[:80] + "…"
	}
	return fmt.Sprintf("%v (%s)", e.err, sql)
}

func (e *statementError) Unwrap() error { return e.err }

// statement finds the statement of a text.
func (c *conn) statement(sql string) *statement {
	s := c.texts[sql]
	if s == nil {
		s = prepare(sql)
		c.texts[sql] = s
	}
	return s
}

// query runs one statement in a round trip of its own.
func (c *conn) query(ctx context.Context, sql string, a *args, each func(*row) error) error {
	b := c.batch(ctx)
	b.add(c.statement(sql), a, each, nil)
	_, err := b.run()
	return err
}
