package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// multiply copies executions within a database until so many are stored: the history, metadata and idempotency key of each
// with it, and the counters. Copies have ids and times of their own, before those of all that there are, and what lies
// between two executions stays the same. All executions must have ended, and no server may run.
//
// Nothing else of an execution is copied; what its project's stream tells of it, above all. A copy's idempotency key is
// made from its id, as long as a key of the load, and lies in its shard.
func multiply(ctx context.Context, address string, size int) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	beside, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer func() { _ = beside.Close(context.WithoutCancel(ctx)) }()
	var o original
	var open int
	err = conn.QueryRow(ctx, "SELECT count(*), count(*) FILTER (WHERE status < 5) FROM executions").Scan(&o.n, &open)
	if err != nil {
		return err
	}
	switch {
	case o.n >= size:
		return nil
	case o.n == 0:
		return errors.New("there is no execution to copy")
	case open > 0:
		return fmt.Errorf("%d executions have not ended", open)
	}
	if err := conn.QueryRow(ctx, "SELECT a, b, "+millis("b")+" - "+millis("a")+" + 1 FROM "+
		"(SELECT (SELECT id FROM executions ORDER BY id LIMIT 1) AS a, (SELECT id FROM executions ORDER BY id DESC LIMIT 1) AS b) AS x").
		Scan(&o.first, &o.last, &o.span); err != nil {
		return err
	}
	if err := o.plan(ctx, conn); err != nil {
		return err
	}
	for _, c := range []*pgx.Conn{conn, beside} {
		if _, err := c.Exec(ctx, "SET synchronous_commit = off"); err != nil {
			return err
		}
	}
	// The earliest copies come first, so that rows lie in the order of creation.
	missing := size - o.n
	for n := (missing + o.n - 1) / o.n; n >= 1; n-- {
		c := copying{original: o, shift: int64(n) * o.span}
		if part := missing % o.n; part > 0 {
			if err := conn.QueryRow(ctx, "SELECT id FROM executions WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT 1 OFFSET $3", o.first, o.last, part-1).
				Scan(&c.last); err != nil {
				return err
			}
			missing -= part
		} else {
			missing -= o.n
		}
		if err := c.run(ctx, conn, beside); err != nil {
			return err
		}
	}
	return nil
}

// original are the executions that are copied.
type original struct {
	n           int
	first, last string // their ids
	span        int64  // the milliseconds in which they were created
	inserts     []insert
}

// insert is the statement that copies the rows of a table, with its values by column; the parameters are the first and the
// last id.
type insert struct {
	table, id string
	columns   []column
}

type column struct {
	name string
	time bool // an instant in microseconds
}

// ofExecution are the tables in which an execution has rows, with the column of its id.
var ofExecution = []struct{ table, id string }{
	{"executions", "id"}, {"metadata", "execution"}, {"idempotency", "execution"}, {"journal", "execution"},
}

var instant = regexp.MustCompile(`^(at|until|since|cancel_by|[a-z_]+_at)$`)

// plan reads which columns the tables have.
func (o *original) plan(ctx context.Context, conn *pgx.Conn) error {
	for _, t := range ofExecution {
		rows, err := conn.Query(ctx, "SELECT attname::text, atttypid = 'bigint'::regtype FROM pg_attribute "+
			"WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum", t.table)
		if err != nil {
			return err
		}
		columns, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (c column, err error) {
			var number bool
			err = r.Scan(&c.name, &number)
			c.time = number && instant.MatchString(c.name)
			return c, err
		})
		if err != nil {
			return err
		}
		o.inserts = append(o.inserts, insert{t.table, t.id, columns})
	}
	return nil
}

// copying is one copy of the executions, or of the first of them.
type copying struct {
	original
	shift int64 // how many milliseconds before the original
}

// run copies. Histories, which have the most rows, are copied beside the rest.
func (c *copying) run(ctx context.Context, conn, beside *pgx.Conn) error {
	last := len(c.inserts) - 1
	done := make(chan error, 1)
	go func() { done <- c.exec(ctx, beside, c.statement(c.inserts[last])) }()
	err := c.exec(ctx, conn, c.counters())
	for _, x := range c.inserts[:last] {
		if err == nil {
			err = c.exec(ctx, conn, c.statement(x))
		}
	}
	return errors.Join(err, <-done)
}

func (c *copying) exec(ctx context.Context, conn *pgx.Conn, statement string) error {
	if _, err := conn.Exec(ctx, statement, c.first, c.last); err != nil {
		return fmt.Errorf("%.60s: %w", statement, err)
	}
	return nil
}

func (c *copying) statement(x insert) string {
	names, values := make([]string, len(x.columns)), make([]string, len(x.columns))
	for i, col := range x.columns {
		names[i], values[i] = col.name, col.name
		switch {
		case col.name == x.id:
			values[i] = c.moved(x.id)
		case col.time:
			values[i] = fmt.Sprintf("%s - %d", col.name, c.shift*1000)
		case x.table == "idempotency" && col.name == "key":
			values[i] = "convert_to('copy-' || " + c.moved(x.id) + ", 'UTF8')"
		}
	}
	return fmt.Sprintf("INSERT INTO %[1]s (%[2]s) SELECT %[3]s FROM %[1]s WHERE %[4]s BETWEEN $1 AND $2 ORDER BY %[4]s",
		x.table, strings.Join(names, ", "), strings.Join(values, ", "), x.id)
}

// counters adds what is copied to the counters of all time, of days and of hours.
func (c *copying) counters() string {
	return fmt.Sprintf("INSERT INTO counters (project, level, workflow, period, status, slot, n) "+
		"SELECT project, level, workflow, period, status, 0, sum(n) FROM "+
		"(SELECT project, workflow, status, (%s - %d) / 3600000 AS hour, count(*) AS n FROM executions WHERE id BETWEEN $1 AND $2 GROUP BY 1, 2, 3, 4) AS x "+
		"CROSS JOIN LATERAL (VALUES (0, 0), (1, hour / 24), (2, hour)) AS l (level, period) GROUP BY 1, 2, 3, 4, 5 "+
		"ON CONFLICT (project, level, workflow, period, status, slot) DO UPDATE SET n = counters.n + excluded.n", millis("id"), c.shift)
}

// moved is the SQL of the id that the copy of an execution has: its first 48 bits are milliseconds.
func (c *copying) moved(id string) string {
	return fmt.Sprintf("(lpad(to_hex(%s - %d), 12, '0') || substr(%s::text, 14))::uuid", millis(id), c.shift, id)
}

// millis is the SQL of the time at which an id was made.
func millis(id string) string {
	return "('x' || translate(left(" + id + "::text, 13), '-', ''))::bit(48)::bigint"
}
