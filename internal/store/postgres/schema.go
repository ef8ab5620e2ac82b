package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/internal/store"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one numbered script. Scripts only add what an older server can ignore; one that takes something away says
// from which schema on servers do without it, in a line "-- needs: n", and older servers are then refused.
type migration struct {
	script string
	needs  int
}

var needsLine = regexp.MustCompile(`(?m)^-- needs: (\d+)$`)

// migrations are the scripts in order.
func migrations() ([]migration, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	list := make([]migration, len(names))
	for i, name := range names {
		b, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		list[i] = migration{script: string(b), needs: 1}
		if m := needsLine.FindSubmatch(b); m != nil {
			if list[i].needs, err = strconv.Atoi(string(m[1])); err != nil {
				return nil, err
			}
		}
	}
	return append(list, nextMigrations...), nil
}

// Schema says which schema a database has and which this program would give it.
type Schema struct {
	Version int // of the database; 0: it has none of ours
	Known   int // that of this program
	Needs   int // the lowest that a program must know to use the database
}

// readSchema reads the schema's version.
func readSchema(ctx context.Context, c *conn) (Schema, error) {
	list, err := migrations()
	if err != nil {
		return Schema{}, err
	}
	x := Schema{Known: len(list)}
	there := false
	if err := c.query(ctx, "SELECT to_regclass('migrations') IS NOT NULL", nil, func(r *row) error {
		there = r.bool()
		return nil
	}); err != nil || !there {
		return x, err
	}
	err = c.query(ctx, "SELECT coalesce(max(version), 0), coalesce(max(needs), 0) FROM migrations", nil, func(r *row) error {
		x.Version, x.Needs = int(r.int64()), int(r.int64())
		return nil
	})
	return x, err
}

// check refuses a schema that this program cannot work with.
func (x Schema) check() error {
	switch {
	case x.Needs > x.Known:
		return fmt.Errorf("the database has schema %d, which programs that know less than %d cannot use, and this one knows only up to %d: use a newer one",
			x.Version, x.Needs, x.Known)
	case x.Version < x.Known:
		return fmt.Errorf("the database has schema %d, this program needs %d: migrate it first", x.Version, x.Known)
	}
	return nil
}

const createMigrations = `CREATE TABLE IF NOT EXISTS migrations (
  version integer PRIMARY KEY,
  needs integer NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
)`

// migrate brings the schema up to date, each migration in its own transaction, and the guards with it. It goes forward
// only. Servers that start together take turns by a lock on the table of migrations.
func migrate(ctx context.Context, c *conn) (Schema, error) { return migrateTo(ctx, c, math.MaxInt) }

// migrateTo runs the migrations up to one only.
func migrateTo(ctx context.Context, c *conn, version int) (Schema, error) {
	list, err := migrations()
	if err != nil {
		return Schema{}, err
	}
	for {
		x, err := readSchema(ctx, c)
		if err != nil {
			return x, err
		}
		if x.Needs > x.Known {
			return x, x.check()
		}
		if x.Version >= min(x.Known, version) {
			return x, installGuards(ctx, c)
		}
		if err := script(ctx, c, createMigrations); err != nil && !twin(err) {
			return x, fmt.Errorf("make the table of migrations: %w", err)
		}
		n := x.Version
		sql := fmt.Sprintf("SET LOCAL lock_timeout = '10s'; %s; INSERT INTO migrations (version, needs) VALUES (%d, %d);", list[n].script, n+1, list[n].needs)
		// The first statement waits for whoever is at it. That this migration was done meanwhile shows in a version that is
		// there already, and the next round looks again.
		err = script(ctx, c, fmt.Sprintf(`BEGIN; LOCK TABLE migrations IN EXCLUSIVE MODE;
DO $turn$ BEGIN
  IF (SELECT coalesce(max(version), 0) FROM migrations) <> %d THEN
    RAISE EXCEPTION USING ERRCODE = 'unique_violation', MESSAGE = 'done by another server';
  END IF;
END $turn$; %s COMMIT;`, n, sql))
		if err == nil || twin(err) {
			continue
		}
		return x, fmt.Errorf("migration %d: %w", n+1, err)
	}
}

// twin reports whether another server has just made the same.
func twin(err error) bool {
	e := pgError(err)
	return e != nil && (e.Code == "23505" || e.Code == "42P07" || e.Code == "42710")
}

// script runs statements that are separated by semicolons, and leaves no transaction open.
func script(ctx context.Context, c *conn, sql string) error {
	_, err := c.pg.Exec(ctx, sql).ReadAll()
	if err != nil && !c.pg.IsClosed() && c.pg.TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, e := c.pg.Exec(ctx, "ROLLBACK").ReadAll(); e != nil {
			c.close()
		}
	}
	return err
}

// installGuards creates the guards that are missing and replaces those that differ.
func installGuards(ctx context.Context, c *conn) error {
	read := func(sql string, each func(*row) error) error { return c.query(ctx, sql, nil, each) }
	missing, err := missingGuards(read)
	if err != nil || len(missing) == 0 {
		return err
	}
	var sql strings.Builder
	sql.WriteString("BEGIN; LOCK TABLE migrations IN EXCLUSIVE MODE; SET LOCAL lock_timeout = '10s';\n")
	for _, g := range missing {
		sql.WriteString(g.create())
	}
	sql.WriteString("COMMIT;")
	if err := script(ctx, c, sql.String()); err != nil {
		return fmt.Errorf("install guards: %w", err)
	}
	return nil
}

// errTooOld is a server whose version lacks what the store needs.
func errTooOld(version string) error {
	return fmt.Errorf("PostgreSQL %s is too old, 14 is the oldest that works: %w", version, store.ErrRefused)
}
