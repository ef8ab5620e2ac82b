package sqlite

import (
	"context"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

func (w *writer) saveProject(p *store.Project) error {
	s, err := w.prepared("INSERT INTO projects (key, id, name, created_at, max_backlog) VALUES (?, ?, ?, ?, ?) " +
		"ON CONFLICT (key) DO UPDATE SET id = excluded.id, name = excluded.name, created_at = excluded.created_at, " +
		"max_backlog = excluded.max_backlog")
	if err != nil {
		return err
	}
	s.setInt(1, p.Key)
	s.setBytes(2, p.ID[:])
	s.setText(3, p.Name)
	s.setInt(4, int64(p.CreatedAt))
	s.setInt(5, p.MaxBacklog)
	if err := s.run(); err != nil {
		return fmt.Errorf("save project %q: %w", p.Name, err)
	}
	return nil
}

func (w *writer) saveWorkflow(f *store.Workflow) error {
	s, err := w.prepared("INSERT INTO workflows (key, project, id, name, created_at, updated_at, deleted_at, current, retention, timeout, closed) " +
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET project = excluded.project, id = excluded.id, " +
		"name = excluded.name, created_at = excluded.created_at, updated_at = excluded.updated_at, deleted_at = excluded.deleted_at, " +
		"current = excluded.current, retention = excluded.retention, timeout = excluded.timeout, closed = excluded.closed")
	if err != nil {
		return err
	}
	s.setInt(1, f.Key)
	s.setInt(2, f.Project)
	s.setBytes(3, f.ID[:])
	s.setText(4, f.Name)
	s.setInt(5, int64(f.CreatedAt))
	s.setInt(6, int64(f.UpdatedAt))
	s.setTime(7, f.DeletedAt)
	s.setOptional(8, f.Current)
	s.setInt(9, int64(f.Retention))
	s.setInt(10, int64(f.Timeout))
	closed := int64(0)
	if f.Closed {
		closed = 1
	}
	s.setInt(11, closed)
	if err := s.run(); err != nil {
		return fmt.Errorf("save workflow %q: %w", f.Name, err)
	}
	return nil
}

func (w *writer) saveVersion(v *store.Version) error {
	s, err := w.prepared("INSERT INTO versions (key, workflow, id, number, label, created_at, input_schema, description) " +
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET workflow = excluded.workflow, id = excluded.id, " +
		"number = excluded.number, label = excluded.label, created_at = excluded.created_at, input_schema = excluded.input_schema, " +
		"description = excluded.description")
	if err != nil {
		return err
	}
	s.setInt(1, v.Key)
	s.setInt(2, v.Workflow)
	s.setBytes(3, v.ID[:])
	s.setInt(4, int64(v.Number))
	s.setText(5, v.Label)
	s.setInt(6, int64(v.CreatedAt))
	s.setBytes(7, v.InputSchema)
	s.setText(8, v.Description)
	if err := s.run(); err != nil {
		return fmt.Errorf("save version %d: %w", v.Number, err)
	}
	return nil
}

// Catalog reads all projects, workflows, versions and endpoints, by key, and the signing secrets.
func (s *Store) Catalog(ctx context.Context) (c *store.Catalog, err error) {
	err = s.snapshot(ctx, func(conn *sqlite.Conn) (err error) {
		c, err = readCatalog(conn)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the catalog: %w", err)
	}
	return c, nil
}

func readCatalog(conn *sqlite.Conn) (*store.Catalog, error) {
	c := new(store.Catalog)
	if err := eachRow(conn, "SELECT key, id, name, created_at, max_backlog FROM projects ORDER BY key", func(st *sqlite.Stmt) error {
		c.Projects = append(c.Projects, store.Project{
			Key: st.ColumnInt64(0), ID: columnID(st, 1), Name: st.ColumnText(2), CreatedAt: columnTime(st, 3),
			MaxBacklog: st.ColumnInt64(4),
		})
		return nil
	}); err != nil {
		return nil, err
	}
	if err := eachRow(conn, "SELECT key, project, id, name, created_at, updated_at, deleted_at, current, retention, timeout, closed "+
		"FROM workflows ORDER BY key", func(st *sqlite.Stmt) error {
		c.Workflows = append(c.Workflows, store.Workflow{
			Key: st.ColumnInt64(0), Project: st.ColumnInt64(1), ID: columnID(st, 2), Name: st.ColumnText(3),
			CreatedAt: columnTime(st, 4), UpdatedAt: columnTime(st, 5), DeletedAt: columnTime(st, 6),
			Current: st.ColumnInt64(7), Retention: time.Duration(st.ColumnInt64(8)), Timeout: time.Duration(st.ColumnInt64(9)),
			Closed: st.ColumnBool(10),
		})
		return nil
	}); err != nil {
		return nil, err
	}
	if err := queryInt(conn, catalogVersionQuery, &c.Version); err != nil {
		return nil, err
	}
	if err := catalogEndpoints(conn, c); err != nil {
		return nil, err
	}
	err := eachRow(conn, "SELECT key, workflow, id, number, label, created_at, input_schema, description "+
		"FROM versions ORDER BY key", func(st *sqlite.Stmt) error {
		c.Versions = append(c.Versions, store.Version{
			Key: st.ColumnInt64(0), Workflow: st.ColumnInt64(1), ID: columnID(st, 2), Number: st.ColumnInt32(3),
			Label: st.ColumnText(4), CreatedAt: columnTime(st, 5), InputSchema: columnBytes(st, 6), Description: st.ColumnText(7),
		})
		return nil
	})
	return c, err
}

const catalogVersionQuery = "SELECT coalesce((SELECT value FROM meta WHERE name = 'catalog'), 1)"

// moveCatalog counts a change of the catalog, unless it follows from another version than the one there is.
func (w *writer) moveCatalog(c *store.Changes) error {
	if len(c.Projects)+len(c.Workflows)+len(c.Versions)+len(c.Keys)+len(c.Endpoints)+len(c.Secrets) == 0 && c.Basis == 0 {
		return nil
	}
	s, err := w.prepared(catalogVersionQuery)
	if err != nil {
		return err
	}
	var version int64
	if _, err := s.one(func() { version = s.ColumnInt64(0) }); err != nil {
		return fmt.Errorf("read the version of the catalog: %w", err)
	}
	if c.Basis != 0 && c.Basis != version {
		return fmt.Errorf("%w: it has version %d, the changes follow from %d", store.ErrOvertaken, version, c.Basis)
	}
	return w.saveMeta("catalog", version+1)
}

func columnID(s *sqlite.Stmt, col int) (id execution.ID) {
	s.ColumnBytes(col, id[:])
	return id
}

func columnTime(s *sqlite.Stmt, col int) execution.Time { return execution.Time(s.ColumnInt64(col)) }

// eachRow runs a query and calls scan for each row. Arguments are integers or texts.
func eachRow(conn *sqlite.Conn, query string, scan func(*sqlite.Stmt) error, args ...any) error {
	st, err := conn.Prepare(query)
	if err != nil {
		return err
	}
	for i, a := range args {
		switch a := a.(type) {
		case int64:
			st.BindInt64(i+1, a)
		case string:
			st.BindText(i+1, a)
		default:
			return fmt.Errorf("argument %d is neither integer nor text", i+1)
		}
	}
	for {
		ok, err := st.Step()
		if err != nil {
			return err
		}
		if !ok {
			return st.Reset()
		}
		if err := scan(st); err != nil {
			_ = st.Reset()
			return err
		}
	}
}
