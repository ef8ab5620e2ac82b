package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/internal/store"
)

const (
	projectColumns  = "key, id, name, created_at, max_backlog"
	workflowColumns = "key, project, id, name, created_at, updated_at, deleted_at, current, retention, timeout, closed"
	versionColumns  = "key, workflow, id, number, label, created_at, input_schema, description"
)

// writeWhole is the statement that writes a row by its key, whatever was there.
func writeWhole(table, columns string) *statement {
	rest := strings.Split(columns, ", ")[1:]
	for i, c := range rest {
		rest[i] = c + " = excluded." + c
	}
	return prepare("INSERT INTO " + table + " (" + columns + ") VALUES (" + parameters(1, len(rest)+1) + ") " +
		"ON CONFLICT (key) DO UPDATE SET " + strings.Join(rest, ", "))
}

var (
	saveProject  = writeWhole("projects", projectColumns)
	saveWorkflow = writeWhole("workflows", workflowColumns)
	saveVersion  = writeWhole("versions", versionColumns)
)

func (b *batch) saveProject(p *store.Project) {
	b.add(saveProject, newArgs().int64(p.Key).id(p.ID).text(p.Name).int64(int64(p.CreatedAt)).int64(p.MaxBacklog), nil, nil)
}

func (b *batch) saveWorkflow(f *store.Workflow) {
	b.add(saveWorkflow, newArgs().int64(f.Key).int64(f.Project).id(f.ID).text(f.Name).int64(int64(f.CreatedAt)).int64(int64(f.UpdatedAt)).
		time(f.DeletedAt).optional(f.Current).int64(int64(f.Retention)).int64(int64(f.Timeout)).bool(f.Closed), nil, nil)
}

func (b *batch) saveVersion(v *store.Version) {
	b.add(saveVersion, newArgs().int64(v.Key).int64(v.Workflow).id(v.ID).int32(v.Number).text(v.Label).int64(int64(v.CreatedAt)).
		bytes(v.InputSchema).text(v.Description), nil, nil)
}

// Catalog reads all projects, workflows, versions and endpoints, by key, and the signing secrets.
func (s *Store) Catalog(ctx context.Context) (*store.Catalog, error) {
	var c *store.Catalog
	err := s.snapshot(ctx, func(v *view) error {
		c = new(store.Catalog)
		if err := v.query("SELECT "+projectColumns+" FROM projects ORDER BY key", nil, func(r *row) error {
			c.Projects = append(c.Projects, store.Project{
				Key: r.int64(), ID: r.id(), Name: r.text(), CreatedAt: r.time(), MaxBacklog: r.int64(),
			})
			return nil
		}); err != nil {
			return err
		}
		if err := v.query("SELECT "+workflowColumns+" FROM workflows ORDER BY key", nil, func(r *row) error {
			c.Workflows = append(c.Workflows, store.Workflow{
				Key: r.int64(), Project: r.int64(), ID: r.id(), Name: r.text(), CreatedAt: r.time(), UpdatedAt: r.time(), DeletedAt: r.time(),
				Current: r.int64(), Retention: time.Duration(r.int64()), Timeout: time.Duration(r.int64()), Closed: r.bool(),
			})
			return nil
		}); err != nil {
			return err
		}
		if err := v.query("SELECT value FROM meta WHERE name = 'catalog'", nil, func(r *row) error {
			c.Version = r.int64()
			return nil
		}); err != nil {
			return err
		}
		if err := catalogEndpoints(v, c); err != nil {
			return err
		}
		return v.query("SELECT "+versionColumns+" FROM versions ORDER BY key", nil, func(r *row) error {
			c.Versions = append(c.Versions, store.Version{
				Key: r.int64(), Workflow: r.int64(), ID: r.id(), Number: r.int32(), Label: r.text(), CreatedAt: r.time(), InputSchema: r.bytes(),
				Description: r.text(),
			})
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the catalog: %w", err)
	}
	return c, nil
}
