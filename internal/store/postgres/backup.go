package postgres

import (
	"archive/zip"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A backup is a zip archive: for each table what COPY gives in PostgreSQL's binary form, which any version reads, and a
// manifest, which comes last. Beside the rows that other tables tell, it leaves out the feed, whose places mean nothing
// in another database, and the list of servers.

// manifestName is the archive's last file.
const manifestName = "backup.json"

// backupFormat is the version of the archive's form.
const backupFormat = 1

// manifest says what is in a backup.
type manifest struct {
	Format int             `json:"format"`
	Schema int             `json:"schema"` // that the tables have
	Drawn  int64           `json:"drawn"`  // the last value of the sequence of keys, 0: none
	Tables []manifestTable `json:"tables"`
}

// manifestTable is a table with its columns in the order of the copy.
type manifestTable struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Rows    int64    `json:"rows"`
}

// backedUp are the tables of a backup, in the order in which they are restored.
var backedUp = []string{
	"meta", "secret_key", "seat", "projects", "workflows", "versions", "keys", "endpoints", "signing_secrets", "sessions", "executions", "journal",
	"counters", "metadata", "idempotency", "logs", "tombstones", "approval_links", "files", "file_uses", "deliveries", "delivery_attempts",
	"blobs", "blob_chunks",
}

// leftOut are the tables that are no part of a backup.
var leftOut = []string{"migrations", "feed", "nodes"}

// selections are the rows and columns to copy of tables that are not copied as they are. The counters of all servers
// become those of one; a restored database draws an epoch of its own.
var selections = map[string]string{
	"meta":     "SELECT %s FROM meta WHERE name NOT IN ('epoch', 'filling')",
	"counters": "SELECT %s FROM (SELECT project, level, workflow, period, status, 0 AS slot, sum(n)::bigint AS n FROM counters GROUP BY 1, 2, 3, 4, 5) AS added",
}

// Backup writes a consistent copy to path, which must not exist, while servers go on: one snapshot of all tables. The copy
// gets its name when it is complete and on the disk. Restore puts it into an empty database.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("back up to %s: %w", path, err)
		}
	}()
	if _, err := os.Lstat(path); err == nil {
		return os.ErrExist
	}
	partial := path + ".partial"
	if err := os.Remove(partial); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if removed := os.Remove(partial); removed != nil && !errors.Is(removed, os.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	err = s.snapshot(patient(ctx), func(v *view) error {
		if err := f.Truncate(0); err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		return archive(v, f)
	})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	// A link, other than a rename, fails when something has the name by now.
	if err := os.Link(partial, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func archive(v *view, f io.Writer) error {
	x, err := readSchema(v.ctx, v.c)
	if err != nil {
		return err
	}
	if err := x.check(); err != nil {
		return err
	}
	m := manifest{Format: backupFormat, Schema: x.Version}
	w := zip.NewWriter(f)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestSpeed) })
	for _, name := range backedUp {
		t := manifestTable{Name: name}
		if err := v.query("SELECT attname::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
			newArgs().name(name), func(r *row) error {
				t.Columns = append(t.Columns, r.text())
				return nil
			}); err != nil {
			return err
		}
		columns := strings.Join(t.Columns, ", ")
		selection, ok := selections[name]
		if !ok {
			selection = "SELECT %s FROM " + name
		}
		entry, err := w.Create(name)
		if err != nil {
			return err
		}
		tag, err := v.c.pg.CopyTo(v.ctx, entry, "COPY ("+fmt.Sprintf(selection, columns)+") TO STDOUT (FORMAT binary)")
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		t.Rows = tag.RowsAffected()
		m.Tables = append(m.Tables, t)
	}
	// The sequence is not part of the snapshot: it has drawn at least what the snapshot sees.
	if err := v.query("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM drawn_keys", nil, func(r *row) error {
		m.Drawn = r.int64()
		return nil
	}); err != nil {
		return err
	}
	entry, err := w.Create(manifestName)
	if err == nil {
		err = json.NewEncoder(entry).Encode(m)
	}
	return errors.Join(err, w.Close())
}
