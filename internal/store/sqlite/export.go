package sqlite

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// What a portion of an export has at most, but for its last record.
const (
	portionRecords = 500
	portionBytes   = 4 << 20
)

// export is one Export under way.
type export struct {
	conn *sqlite.Conn
	ctx  context.Context
	into func(*store.Portion) error

	now     store.Portion
	records int
	bytes   int
}

// Export reads everything in one snapshot and hands it on in portions.
func (s *Store) Export(ctx context.Context, into func(*store.Portion) error) error {
	// Not Store.snapshot: into takes its time, and must not be taken for a statement that was interrupted.
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		x := &export{conn: conn, ctx: ctx, into: into}
		x.now.Reset()
		return transaction(conn, func(*sqlite.Conn) error {
			for _, part := range []func() error{
				x.catalog, x.apiKeys, x.sessions, x.files, x.tombstones, x.idempotency, x.executions, x.links, x.deliveries, x.drawn,
			} {
				if err := part(); err != nil {
					return err
				}
			}
			return x.hand()
		})
	})
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// add counts a record of so many bytes and hands the portion on when it is full.
func (x *export) add(bytes int) error {
	x.records++
	x.bytes += bytes
	if x.records < portionRecords && x.bytes < portionBytes {
		return nil
	}
	return x.hand()
}

func (x *export) hand() error {
	if err := x.ctx.Err(); err != nil {
		return err
	}
	if err := x.into(&x.now); err != nil {
		return err
	}
	x.now.Reset()
	x.now.Reserved, x.now.Drawn = x.now.Reserved[:0], 0
	x.records, x.bytes = 0, 0
	return nil
}

func (x *export) catalog() error {
	c, err := readCatalog(x.conn)
	if err != nil {
		return err
	}
	x.now.Projects, x.now.Workflows, x.now.Versions = c.Projects, c.Workflows, c.Versions
	x.now.Endpoints, x.now.Secrets = c.Endpoints, c.Secrets
	return x.hand()
}

func (x *export) apiKeys() error {
	return eachRow(x.conn, "SELECT "+keyColumns+" FROM keys ORDER BY key", func(st *sqlite.Stmt) error {
		var k store.Key
		if err := scanKey(st, &k); err != nil {
			return err
		}
		x.now.Keys = append(x.now.Keys, k)
		return x.add(0)
	})
}

func (x *export) sessions() error {
	return eachSession(x.conn, func(s store.Session) error {
		x.now.Sessions = append(x.now.Sessions, s)
		return x.add(0)
	})
}

func (x *export) files() error {
	return eachRow(x.conn, "SELECT "+fileColumns+" FROM files AS f ORDER BY f.pk", func(st *sqlite.Stmt) error {
		var f store.File
		scanFile(st, &f)
		x.now.Files = append(x.now.Files, f)
		return x.add(0)
	})
}

func (x *export) tombstones() error {
	return eachRow(x.conn, "SELECT execution, tail, project, redacted, at, actor FROM tombstones ORDER BY execution, tail", func(st *sqlite.Stmt) error {
		x.now.Tombstones = append(x.now.Tombstones, store.Tombstone{
			Execution: execution.IDFromParts(st.ColumnInt64(0), st.ColumnInt64(1)), Project: st.ColumnInt64(2), Redacted: st.ColumnBool(3),
			At: columnTime(st, 4), Actor: execution.UnpackActor(st.ColumnInt64(5)),
		})
		return x.add(0)
	})
}

func (x *export) idempotency() error {
	return eachRow(x.conn, "SELECT project, key, hash, execution, tail FROM idempotency ORDER BY project, key", func(st *sqlite.Stmt) error {
		x.now.Reserved = append(x.now.Reserved, store.Reservation{
			Project: st.ColumnInt64(0), Key: st.ColumnText(1), Hash: uint64(st.ColumnInt64(2)),
			Execution: execution.IDFromParts(st.ColumnInt64(3), st.ColumnInt64(4)),
		})
		return x.add(0)
	})
}

func (x *export) executions() error {
	return eachRow(x.conn, "SELECT "+rowColumns+" FROM executions ORDER BY pk", func(st *sqlite.Stmt) error {
		row := new(store.Row)
		scanRow(st, row)
		bytes, err := x.execution(row)
		if err != nil {
			return fmt.Errorf("execution %s: %w", row.ID, err)
		}
		return x.add(bytes)
	})
}

// execution adds an execution with all that goes when it goes, and returns how large it is.
func (x *export) execution(row *store.Row) (bytes int, err error) {
	events, err := readChain(x.conn, row, 0, 0)
	if err != nil {
		return 0, err
	}
	row.First, row.Last = 0, 0 // places in this journal
	for _, e := range events {
		x.now.Events = append(x.now.Events, store.RowEvent{Row: row, Event: e})
		bytes += len(e.Body) + len(e.Details)
	}
	pk := row.ID.Order()
	if err := eachRow(x.conn, "SELECT "+logColumns+" FROM logs WHERE execution = ? ORDER BY step, attempt, n", func(st *sqlite.Stmt) error {
		l := scanLog(st)
		l.Row = row
		x.now.Logs = append(x.now.Logs, l)
		bytes += len(l.Message) + len(l.Fields)
		return nil
	}, pk); err != nil {
		return 0, err
	}
	if err := eachRow(x.conn, "SELECT workflow, key, value FROM metadata WHERE execution = ? ORDER BY key, value", func(st *sqlite.Stmt) error {
		x.now.Metadata = append(x.now.Metadata, store.Metadata{Workflow: st.ColumnInt64(0), Execution: row.ID, Key: st.ColumnText(1), Value: st.ColumnText(2)})
		return nil
	}, pk); err != nil {
		return 0, err
	}
	if err := eachRow(x.conn, "SELECT f.pk, f.tail FROM file_uses AS u CROSS JOIN files AS f ON f.pk = u.file WHERE u.execution = ? ORDER BY f.pk", func(st *sqlite.Stmt) error {
		x.now.FileUses = append(x.now.FileUses, store.FileUse{File: execution.IDFromParts(st.ColumnInt64(0), st.ColumnInt64(1)), Execution: row.ID})
		return nil
	}, pk); err != nil {
		return 0, err
	}
	x.now.Insert = append(x.now.Insert, row)
	x.now.Counts[store.CountKey{Project: row.Project, Workflow: row.Workflow, Status: row.Status, Hour: store.HourOf(row.ID)}]++
	return bytes, nil
}

func (x *export) links() error {
	return eachRow(x.conn, linksQuery+" ORDER BY hash", func(st *sqlite.Stmt) error {
		x.now.Links = append(x.now.Links, *scanLink(st))
		return x.add(0)
	})
}

func (x *export) deliveries() error {
	return eachRow(x.conn, "SELECT "+deliveryColumns+" FROM deliveries ORDER BY pk", func(st *sqlite.Stmt) error {
		var d store.Delivery
		scanDelivery(st, &d)
		x.now.Deliveries = append(x.now.Deliveries, d)
		bytes := 0
		if err := eachAttempt(x.conn, d.ID, func(a store.DeliveryAttempt) {
			x.now.DeliveryAttempts = append(x.now.DeliveryAttempts, a)
			bytes += len(a.Excerpt)
		}); err != nil {
			return err
		}
		return x.add(bytes)
	})
}

func (x *export) drawn() error {
	return queryInt(x.conn, drawnQuery, &x.now.Drawn)
}
