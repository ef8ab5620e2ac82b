package postgres

import (
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

var (
	saveEndpoint = prepare("INSERT INTO endpoints (key, project, id, url, description, events, workflows, disabled, created_at, updated_at, deleted_at) " +
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (key) DO UPDATE SET project = excluded.project, " +
		"id = excluded.id, url = excluded.url, description = excluded.description, events = excluded.events, " +
		"workflows = excluded.workflows, disabled = excluded.disabled, created_at = excluded.created_at, " +
		"updated_at = excluded.updated_at, deleted_at = excluded.deleted_at")
	removeSecrets = prepare("DELETE FROM signing_secrets WHERE project = $1 AND endpoint = $2")
	saveSecrets   = prepare("INSERT INTO signing_secrets (project, endpoint, n, sealed, hint, created_at, expires_at) " +
		"SELECT $1, $2, * FROM unnest($3::integer[], $4::bytea[], $5::bytea[], $6::bigint[], $7::bigint[])")
)

// saveEndpoint queues writing an endpoint whole.
func (b *batch) saveEndpoint(x *store.Endpoint) {
	a := newArgs().int64(x.Key).int64(x.Project).id(x.ID).text(x.URL).text(x.Description).int16(int16(x.Events))
	if x.Workflows == nil {
		a.null(pgtype.ByteaArrayOID)
	} else {
		a.texts(len(x.Workflows), func(i int) string { return x.Workflows[i] })
	}
	b.add(saveEndpoint, a.text(x.Disabled).int64(int64(x.CreatedAt)).int64(int64(x.UpdatedAt)).time(x.DeletedAt), nil, nil)
}

// saveSecrets queues replacing the signing secrets of an owner.
func (b *batch) saveSecrets(x *store.SecretSet) {
	owner := newArgs().int64(x.Project).int64(x.Endpoint)
	b.add(removeSecrets, owner, nil, nil)
	if n := len(x.Secrets); n > 0 {
		b.add(saveSecrets, owner.clone().
			int32s(n, func(i int) int32 { return int32(i + 1) }).
			blobs(n, func(i int) []byte { return x.Secrets[i].Sealed }).
			texts(n, func(i int) string { return x.Secrets[i].Hint }).
			int64s(n, func(i int) int64 { return int64(x.Secrets[i].CreatedAt) }).
			times(n, func(i int) execution.Time { return x.Secrets[i].ExpiresAt }), nil, nil)
	}
}

// catalogEndpoints reads all endpoints and signing secrets into the catalog.
func catalogEndpoints(v *view, c *store.Catalog) error {
	if err := v.query("SELECT key, project, id, url, description, events, workflows, disabled, created_at, updated_at, deleted_at "+
		"FROM endpoints ORDER BY key", nil, func(row *row) error {
		c.Endpoints = append(c.Endpoints, store.Endpoint{
			Key: row.int64(), Project: row.int64(), ID: row.id(), URL: row.text(), Description: row.text(),
			Events: store.MessageSet(row.int64()), Workflows: row.texts(), Disabled: row.text(), CreatedAt: row.time(), UpdatedAt: row.time(),
			DeletedAt: row.time(),
		})
		return nil
	}); err != nil {
		return err
	}
	return v.query("SELECT project, endpoint, sealed, hint, created_at, expires_at FROM signing_secrets ORDER BY project, endpoint, n", nil,
		func(row *row) error {
			project, endpoint := row.int64(), row.int64()
			if n := len(c.Secrets); n == 0 || c.Secrets[n-1].Project != project || c.Secrets[n-1].Endpoint != endpoint {
				c.Secrets = append(c.Secrets, store.SecretSet{Project: project, Endpoint: endpoint})
			}
			last := &c.Secrets[len(c.Secrets)-1]
			last.Secrets = append(last.Secrets, store.SigningSecret{
				Sealed: row.bytes(), Hint: row.text(), CreatedAt: row.time(), ExpiresAt: row.time(),
			})
			return nil
		})
}
