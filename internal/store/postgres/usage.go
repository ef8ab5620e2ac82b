package postgres

import (
	"context"
	"fmt"

	"github.com/sojournhq/sojourn/internal/store"
)

// Usage tells how much room the data takes, in bytes. Free is what dead rows take, as the statistics of the database
// estimate it. The log is the server's, and is told only to users who may look at it, as members of pg_monitor do.
func (s *Store) Usage(ctx context.Context) (u store.Usage, err error) {
	may := false
	err = s.query(ctx, "SELECT pg_database_size(current_database()), "+
		"(SELECT coalesce(sum(pg_relation_size(relid) * n_dead_tup / greatest(n_live_tup + n_dead_tup, 1)), 0)::bigint FROM pg_stat_user_tables "+
		"WHERE schemaname = current_schema()), has_function_privilege('pg_ls_waldir()', 'EXECUTE')", nil, nil, func(r *row) error {
		u.Data, u.Free, may = r.int64(), r.int64(), r.bool()
		return nil
	})
	if err == nil && may {
		err = s.query(ctx, "SELECT coalesce(sum(size), 0)::bigint FROM pg_ls_waldir()", nil, nil, func(r *row) error {
			u.Log = r.int64()
			return nil
		})
	}
	if err != nil {
		return u, fmt.Errorf("measure the store: %w", err)
	}
	return u, nil
}
