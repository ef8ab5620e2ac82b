package postgres

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/sojournhq/sojourn/internal/store"
)

// Restore puts what Backup wrote into a database in which there is nothing of ours, or only tables without rows that an
// interrupted Restore left. It begins a new epoch: leases and cursors of the old servers are refused. Everything is there
// in the end, or nothing. store.ErrNotEmpty: a server has used the database.
func Restore(ctx context.Context, o Options, path string) error {
	z, err := zip.OpenReader(path)
	if err != nil {
		return fmt.Errorf("postgres: restore: %s is no backup, or a part of one: %w", path, err)
	}
	defer func() { _ = z.Close() }()
	m, err := readManifest(&z.Reader)
	if err == nil {
		err = visit(ctx, o, func(c *conn) error { return restore(ctx, c, &z.Reader, m) })
	}
	if err != nil {
		return fmt.Errorf("postgres: restore %s: %w", path, err)
	}
	return nil
}

// columnName is what the columns of our tables are called. Nothing else gets from an archive into a statement.
var columnName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func readManifest(z *zip.Reader) (*manifest, error) {
	f, err := z.Open(manifestName)
	if err != nil {
		return nil, fmt.Errorf("it is no backup of a database: %w", err)
	}
	defer func() { _ = f.Close() }()
	m := new(manifest)
	if err := json.NewDecoder(f).Decode(m); err != nil {
		return nil, fmt.Errorf("its manifest: %w", err)
	}
	known, err := migrations()
	if err != nil {
		return nil, err
	}
	if m.Format != backupFormat || m.Schema > len(known) {
		return nil, fmt.Errorf("it has form %d and schema %d, and this program knows only form %d and schemas up to %d: use a newer one",
			m.Format, m.Schema, backupFormat, len(known))
	}
	for _, t := range m.Tables {
		if !slices.Contains(backedUp, t.Name) || len(t.Columns) == 0 ||
			slices.ContainsFunc(t.Columns, func(c string) bool { return !columnName.MatchString(c) }) {
			return nil, fmt.Errorf("its manifest names a table %q with columns %q", t.Name, t.Columns)
		}
	}
	return m, nil
}

func restore(ctx context.Context, c *conn, z *zip.Reader, m *manifest) error {
	x, err := readSchema(ctx, c)
	if err != nil {
		return err
	}
	// An empty database gets the schema of the backup, and takes the later migrations with its rows.
	if x.Version != 0 && x.Version != m.Schema {
		return store.ErrNotEmpty
	}
	if _, err := migrateTo(ctx, c, m.Schema); err != nil {
		return err
	}
	if err := c.query(ctx, "BEGIN", nil, nil); err != nil {
		return err
	}
	if err := fillFrom(ctx, c, z, m); err != nil {
		if e := c.query(context.WithoutCancel(ctx), "ROLLBACK", nil, nil); e != nil {
			c.close()
		}
		return err
	}
	if err := c.query(ctx, "COMMIT", nil, nil); err != nil {
		c.close()
		return err
	}
	if _, err := migrate(ctx, c); err != nil {
		return err
	}
	return script(ctx, c, "ANALYZE "+strings.Join(backedUp, ", "))
}

// fillFrom fills the tables within a transaction.
func fillFrom(ctx context.Context, c *conn, z *zip.Reader, m *manifest) error {
	used := false
	if err := c.query(ctx, "LOCK TABLE meta IN EXCLUSIVE MODE", nil, nil); err != nil {
		return err
	}
	if err := c.query(ctx, "SELECT EXISTS (SELECT 1 FROM meta) OR EXISTS (SELECT 1 FROM projects)", nil, func(r *row) error {
		used = r.bool()
		return nil
	}); err != nil {
		return err
	}
	if used {
		return store.ErrNotEmpty
	}
	for _, t := range m.Tables {
		if err := fillTable(ctx, c, z, &t); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	if m.Drawn > 0 {
		if err := c.query(ctx, "SELECT setval('drawn_keys', $1)", newArgs().int64(m.Drawn), nil); err != nil {
			return err
		}
	}
	if err := c.query(ctx, "INSERT INTO meta (name, value) VALUES ('epoch', 0), ('generation', 0), ('catalog', 1) ON CONFLICT (name) DO NOTHING", nil, nil); err != nil {
		return err
	}
	// No session lives on a server that there is here.
	if err := c.query(ctx, "UPDATE sessions SET node = 0", nil, nil); err != nil {
		return err
	}
	return fence(ctx, c)
}

func fillTable(ctx context.Context, c *conn, z *zip.Reader, t *manifestTable) error {
	f, err := z.Open(t.Name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	tag, err := c.pg.CopyFrom(ctx, f, "COPY "+t.Name+" ("+strings.Join(t.Columns, ", ")+") FROM STDIN (FORMAT binary)")
	if err != nil {
		return err
	}
	// The end of the file has its checksum.
	if _, err := io.Copy(io.Discard, f); err != nil {
		return err
	}
	if tag.RowsAffected() != t.Rows {
		return fmt.Errorf("%d rows came, want %d", tag.RowsAffected(), t.Rows)
	}
	return nil
}

// Fence begins another timeline of a database that was put back to an earlier state, by a restored base backup or to a
// point in time: servers that still have it open fail, and leases and cursors of the time that is lost are refused. It
// returns the epochs before and after.
func Fence(ctx context.Context, o Options) (before, after uint64, err error) {
	err = visit(ctx, o, func(c *conn) error {
		x, err := readSchema(ctx, c)
		if err == nil && x.Version == 0 {
			err = errors.New("there is no store in the database")
		}
		if err != nil {
			return err
		}
		read := func(into *uint64) error {
			return c.query(ctx, "SELECT value FROM meta WHERE name = 'epoch'", nil, func(r *row) error {
				*into = uint64(r.int64())
				return nil
			})
		}
		if err := read(&before); err != nil {
			return err
		}
		if before == 0 {
			return errors.New("no server has ever used the database")
		}
		if err := fence(ctx, c); err != nil {
			return err
		}
		return read(&after)
	})
	if err != nil {
		return 0, 0, fmt.Errorf("postgres: begin another epoch: %w", err)
	}
	return before, after, nil
}
