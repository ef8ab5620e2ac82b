package sqlite

import (
	"encoding/json"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/store"
)

func (w *writer) saveEndpoint(x *store.Endpoint) error {
	s, err := w.prepared("INSERT INTO endpoints (key, project, id, url, description, events, workflows, disabled, created_at, updated_at, " +
		"deleted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET project = excluded.project, " +
		"id = excluded.id, url = excluded.url, description = excluded.description, events = excluded.events, " +
		"workflows = excluded.workflows, disabled = excluded.disabled, created_at = excluded.created_at, " +
		"updated_at = excluded.updated_at, deleted_at = excluded.deleted_at")
	if err != nil {
		return err
	}
	s.setInt(1, x.Key)
	s.setInt(2, x.Project)
	s.setBytes(3, x.ID[:])
	s.setText(4, x.URL)
	s.setText(5, x.Description)
	s.setInt(6, int64(x.Events))
	if x.Workflows == nil {
		s.setNull(7)
	} else {
		workflows, err := jsonText(x.Workflows)
		if err != nil {
			return err
		}
		s.setText(7, workflows)
	}
	s.setText(8, x.Disabled)
	s.setInt(9, int64(x.CreatedAt))
	s.setInt(10, int64(x.UpdatedAt))
	s.setTime(11, x.DeletedAt)
	if err := s.run(); err != nil {
		return fmt.Errorf("save endpoint %d: %w", x.Key, err)
	}
	return nil
}

// saveSecrets replaces the signing secrets of an owner.
func (w *writer) saveSecrets(x *store.SecretSet) error {
	s, err := w.prepared("DELETE FROM signing_secrets WHERE project = ? AND endpoint = ?")
	if err != nil {
		return err
	}
	s.setInt(1, x.Project)
	s.setInt(2, x.Endpoint)
	if err := s.run(); err != nil {
		return fmt.Errorf("replace the secrets of endpoint %d: %w", x.Endpoint, err)
	}
	if s, err = w.prepared("INSERT INTO signing_secrets (project, endpoint, n, sealed, hint, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)"); err != nil {
		return err
	}
	for i := range x.Secrets {
		one := &x.Secrets[i]
		s.setInt(1, x.Project)
		s.setInt(2, x.Endpoint)
		s.setInt(3, int64(i+1))
		s.setBytes(4, one.Sealed)
		s.setText(5, one.Hint)
		s.setInt(6, int64(one.CreatedAt))
		s.setTime(7, one.ExpiresAt)
		if err := s.run(); err != nil {
			return fmt.Errorf("save secret %d of endpoint %d: %w", i+1, x.Endpoint, err)
		}
	}
	return nil
}

// catalogEndpoints reads all endpoints and signing secrets into the catalog.
func catalogEndpoints(conn *sqlite.Conn, c *store.Catalog) error {
	if err := eachRow(conn, "SELECT key, project, id, url, description, events, workflows, disabled, created_at, updated_at, deleted_at "+
		"FROM endpoints ORDER BY key", func(st *sqlite.Stmt) error {
		x := store.Endpoint{
			Key: st.ColumnInt64(0), Project: st.ColumnInt64(1), ID: columnID(st, 2), URL: st.ColumnText(3), Description: st.ColumnText(4),
			Events: store.MessageSet(st.ColumnInt32(5)), Disabled: st.ColumnText(7), CreatedAt: columnTime(st, 8),
			UpdatedAt: columnTime(st, 9), DeletedAt: columnTime(st, 10),
		}
		if !st.ColumnIsNull(6) {
			if err := json.Unmarshal([]byte(st.ColumnText(6)), &x.Workflows); err != nil {
				return fmt.Errorf("workflows of endpoint %d: %w", x.Key, err)
			}
		}
		c.Endpoints = append(c.Endpoints, x)
		return nil
	}); err != nil {
		return err
	}
	return eachRow(conn, "SELECT project, endpoint, sealed, hint, created_at, expires_at FROM signing_secrets ORDER BY project, endpoint, n",
		func(st *sqlite.Stmt) error {
			project, endpoint := st.ColumnInt64(0), st.ColumnInt64(1)
			if n := len(c.Secrets); n == 0 || c.Secrets[n-1].Project != project || c.Secrets[n-1].Endpoint != endpoint {
				c.Secrets = append(c.Secrets, store.SecretSet{Project: project, Endpoint: endpoint})
			}
			last := &c.Secrets[len(c.Secrets)-1]
			last.Secrets = append(last.Secrets, store.SigningSecret{
				Sealed: columnBytes(st, 2), Hint: st.ColumnText(3), CreatedAt: columnTime(st, 4), ExpiresAt: columnTime(st, 5),
			})
			return nil
		})
}
