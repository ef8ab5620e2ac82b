package limitserver

import (
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const statusPending = 1

// schema is the row of a start and the index that a queue claims from.
const schema = `
CREATE TABLE executions(
  pk INTEGER PRIMARY KEY,
  id_tail INTEGER NOT NULL,
  workflow TEXT NOT NULL,
  status INTEGER NOT NULL,
  input BLOB NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE INDEX executions_queue ON executions(workflow, pk) WHERE status = 1;
`

// row is one accepted start.
type row struct {
	id        id
	workflow  string
	input     []byte
	createdAt int64 // microseconds since 1970
}

// store is one SQLite connection with its prepared statements.
type store struct {
	conn                            *sqlite.Conn
	begin, commit, rollback, insert *sqlite.Stmt
}

func openStore(path string) (*store, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	s := &store{conn: conn}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

func (s *store) prepare() error {
	for _, q := range []string{
		"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
		"PRAGMA cache_size=-65536", "PRAGMA temp_store=MEMORY",
	} {
		if err := sqlitex.ExecuteTransient(s.conn, q, nil); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	if err := sqlitex.ExecuteScript(s.conn, schema, nil); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	for q, stmt := range map[string]**sqlite.Stmt{
		"BEGIN IMMEDIATE": &s.begin,
		"COMMIT":          &s.commit,
		"ROLLBACK":        &s.rollback,
		"INSERT INTO executions(pk, id_tail, workflow, status, input, created_at) VALUES(?, ?, ?, ?, ?, ?)": &s.insert,
	} {
		var err error
		if *stmt, err = s.conn.Prepare(q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}

func run(s *sqlite.Stmt) error {
	_, err := s.Step()
	return errors.Join(err, s.Reset())
}

// save inserts all rows in one transaction. When it returns nil they are on
// disk.
func (s *store) save(rows []*start) (err error) {
	if err := run(s.begin); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, run(s.rollback))
		}
	}()
	for _, r := range rows {
		q := s.insert
		q.BindInt64(1, r.id.pk)
		q.BindInt64(2, r.id.tail)
		q.BindText(3, r.workflow)
		q.BindInt64(4, statusPending)
		q.BindBytes(5, r.input)
		q.BindInt64(6, r.createdAt)
		if err := run(q); err != nil {
			return fmt.Errorf("insert: %w", err)
		}
	}
	if err := run(s.commit); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (s *store) close() error { return s.conn.Close() }
