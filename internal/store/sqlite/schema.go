package sqlite

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks the file as ours, for file(1) and for whoever opens the wrong one.
const applicationID = 0x536a726e

// migrations are the numbered scripts in order; the file's user_version is how many of them it has seen.
func migrations() ([]string, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	scripts := make([]string, len(names))
	for i, name := range names {
		b, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		scripts[i] = string(b)
	}
	return scripts, nil
}

// migrate brings the schema up to date, each migration in its own transaction, and the guards with it. It goes forward
// only: a file that a newer server wrote is refused.
func migrate(ctx context.Context, conn *sqlite.Conn) error {
	scripts, err := migrations()
	if err != nil {
		return err
	}
	version, err := schemaVersion(conn)
	if err != nil {
		return err
	}
	if version > len(scripts) {
		return fmt.Errorf("the file has schema %d, this program knows only up to %d: use a newer one", version, len(scripts))
	}
	for n := version; n < len(scripts); n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		script := fmt.Sprintf("%s\nPRAGMA application_id = %d;\nPRAGMA user_version = %d;", scripts[n], applicationID, n+1)
		if err := sqlitex.ExecuteScript(conn, script, nil); err != nil {
			return fmt.Errorf("migration %d: %w", n+1, err)
		}
	}
	return installGuards(conn)
}

// schemaVersion reads which schema the file has and refuses one that is not ours.
func schemaVersion(conn *sqlite.Conn) (int, error) {
	var application, version, tables int64
	for _, q := range []struct {
		query string
		into  *int64
	}{
		{"PRAGMA application_id", &application},
		{"PRAGMA user_version", &version},
		{"SELECT count(*) FROM sqlite_schema", &tables},
	} {
		if err := queryInt(conn, q.query, q.into); err != nil {
			return 0, err
		}
	}
	if application != applicationID && tables > 0 {
		return 0, errors.New("the file is a database of another program")
	}
	return int(version), nil
}

// checkSchema checks that a file opened for reading has the schema this program knows.
func (s *Store) checkSchema() error {
	return s.read(context.Background(), func(conn *sqlite.Conn) error {
		scripts, err := migrations()
		if err != nil {
			return err
		}
		version, err := schemaVersion(conn)
		if err != nil {
			return err
		}
		if version != len(scripts) {
			return fmt.Errorf("the file has schema %d, this program reads %d", version, len(scripts))
		}
		return nil
	})
}
