package sqlite

import (
	"context"
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Audit runs the invariant queries and returns what violates them. It only reads, in one pass over the executions and
// one over the journal, so its memory does not grow with them.
func (s *Store) Audit(ctx context.Context) ([]store.Finding, error) {
	var found store.Findings
	err := s.snapshot(ctx, func(conn *sqlite.Conn) error {
		a := &audit{Findings: &found, conn: conn}
		for _, check := range []func() error{a.database, a.queries, a.executions, a.journal, a.inboxes, a.redactions} {
			if err := check(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return found.List(), nil
}

type audit struct {
	*store.Findings
	conn   *sqlite.Conn
	events int64 // by the executions' revisions
}

func (a *audit) database() error {
	if err := eachRow(a.conn, "PRAGMA integrity_check", func(st *sqlite.Stmt) error {
		if text := st.ColumnText(0); text != "ok" {
			a.Add("database_sound", "%s", text)
		}
		return nil
	}); err != nil {
		return err
	}
	installed := map[string]string{}
	if err := eachRow(a.conn, "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'", func(st *sqlite.Stmt) error {
		installed[st.ColumnText(0)] = st.ColumnText(1)
		return nil
	}); err != nil {
		return err
	}
	for _, g := range guards() {
		if installed[g.name] != g.create() {
			a.Add("guards_installed", "trigger %s is missing or another", g.name)
		}
	}
	return nil
}

// auditQueries each return one text for what violates the invariant.
var auditQueries = []struct{ invariant, query string }{
	{"identity", `SELECT format('execution key %d, tail %d', pk, tail) FROM executions
		WHERE pk NOT BETWEEN 0 AND (1 << 60) - 1 OR tail NOT BETWEEN 0 AND (1 << 62) - 1`},
	{"catalog_whole", `SELECT format('workflow %d: no project %d', key, project) FROM workflows
		WHERE project NOT IN (SELECT key FROM projects)`},
	{"catalog_whole", `SELECT format('version %d: no workflow %d', key, workflow) FROM versions
		WHERE workflow NOT IN (SELECT key FROM workflows)`},
	{"catalog_whole", `SELECT format('workflow %d: current version %d is not its own', w.key, w.current) FROM workflows AS w
		WHERE w.current IS NOT NULL AND NOT EXISTS (SELECT 1 FROM versions AS v WHERE v.key = w.current AND v.workflow = w.key)`},
	{"catalog_whole", `SELECT format('key %s: no project %d', public_id, project) FROM keys
		WHERE project NOT IN (SELECT key FROM projects)`},
	{"catalog_whole", `SELECT format('session %d: no project %d', key, project) FROM sessions
		WHERE project NOT IN (SELECT key FROM projects)`},
	{"catalog_whole", `SELECT format('session %d: workflow %d is not one of its project', s.key, j.value) FROM sessions AS s, json_each(s.workflows) AS j
		WHERE NOT EXISTS (SELECT 1 FROM workflows AS w WHERE w.key = j.value AND w.project = s.project)`},
	{"names_unique", `SELECT format('project %s: %d times', name, count(*)) FROM projects GROUP BY name HAVING count(*) > 1`},
	{"names_unique", `SELECT format('workflow %s of project %d: %d times', name, project, count(*)) FROM workflows
		WHERE deleted_at IS NULL GROUP BY project, name HAVING count(*) > 1`},
	{"names_unique", `SELECT format('version %d of workflow %d: %d times', number, workflow, count(*)) FROM versions
		GROUP BY workflow, number HAVING count(*) > 1`},
	{"names_unique", `SELECT format('version labelled %s of workflow %d: %d times', label, workflow, count(*)) FROM versions
		WHERE label <> '' GROUP BY workflow, label HAVING count(*) > 1`},
	{"names_unique", `SELECT format('API key %s: %d times', public_id, count(*)) FROM keys GROUP BY public_id HAVING count(*) > 1`},
	{"keys_unique", `SELECT format('key %d: %d times', key, count(*)) FROM (SELECT key FROM projects UNION ALL SELECT key FROM workflows
		UNION ALL SELECT key FROM versions UNION ALL SELECT key FROM keys UNION ALL SELECT key FROM sessions
		UNION ALL SELECT key FROM endpoints) GROUP BY key HAVING count(*) > 1`},
	{"keys_unique", `SELECT format('key %d is above %d, the highest drawn', max(key), (SELECT value FROM meta WHERE name = 'key'))
		FROM (SELECT key FROM projects UNION ALL SELECT key FROM workflows UNION ALL SELECT key FROM versions UNION ALL SELECT key FROM keys
		UNION ALL SELECT key FROM sessions
		UNION ALL SELECT key FROM endpoints) HAVING max(key) > coalesce((SELECT value FROM meta WHERE name = 'key'), 0)`},
	{"secret_hashed", `SELECT format('key %s: %d bytes', public_id, length(hash)) FROM keys WHERE length(hash) <> 32`},
	{"step_once", `SELECT format('execution key %d, step %s: %d times', execution, step, count(*)) FROM journal
		WHERE kind IN (7, 9, 21) GROUP BY execution, step HAVING count(*) > 1`},
	{"steps_counted", `SELECT format('execution key %d: %d', pk, steps) FROM executions AS e
		WHERE steps <> (SELECT count(*) FROM journal AS j WHERE j.execution = e.pk AND j.kind IN (7, 9, 21) AND j.kind = 7)`},
	{"metadata_owned", `SELECT format('workflow %d, %s: execution key %d', m.workflow, m.key, m.execution) FROM metadata AS m
		LEFT JOIN executions AS e ON e.pk = m.execution WHERE e.workflow IS NOT m.workflow`},
	{"links_owned", `SELECT format('link of execution key %d in project %d', l.execution, l.project) FROM approval_links AS l
		LEFT JOIN executions AS e ON e.pk = l.execution AND e.tail = l.tail WHERE e.project IS NOT l.project`},
	{"logs_owned", `SELECT format('execution key %d: %d lines', execution, count(*)) FROM logs
		WHERE NOT EXISTS (SELECT 1 FROM executions WHERE pk = logs.execution) GROUP BY execution`},
	{"logs_owned", `SELECT format('execution key %d, step %s, attempt %d: %d lines', execution, step, attempt, count(*)) FROM logs
		GROUP BY execution, step, attempt HAVING count(*) > 1000`},
	{"idempotency_agrees", `SELECT format('key %s of project %d: execution key %d is another one', i.key, i.project, i.execution)
		FROM idempotency AS i JOIN executions AS e ON e.pk = i.execution WHERE e.tail <> i.tail OR e.project <> i.project`},
	{"files_owned", `SELECT format('file key %d: no project %d', pk, project) FROM files WHERE project NOT IN (SELECT key FROM projects)`},
	{"files_owned", `SELECT format('file key %d, execution key %d', u.file, u.execution) FROM file_uses AS u
		LEFT JOIN files AS f ON f.pk = u.file LEFT JOIN executions AS e ON e.pk = u.execution WHERE e.project IS NULL OR f.project IS NOT e.project`},
	{"files_expire", `SELECT format('file key %d: used and expires at %d', pk, expires_at) FROM files
		WHERE expires_at IS NOT NULL AND EXISTS (SELECT 1 FROM file_uses WHERE file = pk)`},
	{"files_expire", `SELECT format('file key %d: unused and does not expire', pk) FROM files
		WHERE expires_at IS NULL AND NOT EXISTS (SELECT 1 FROM file_uses WHERE file = pk)`},
	{"redaction_kept", `SELECT format('execution key %d uses files and is redacted', t.execution) FROM tombstones AS t
		JOIN executions AS e ON e.pk = t.execution AND e.tail = t.tail JOIN file_uses AS u ON u.execution = e.pk WHERE t.redacted = 1`},
	{"redaction_kept", `SELECT format('execution key %d is deleted and still there', t.execution) FROM tombstones AS t
		JOIN executions AS e ON e.pk = t.execution AND e.tail = t.tail WHERE t.redacted = 0`},
	{"catalog_whole", `SELECT format('endpoint %d: no project %d', key, project) FROM endpoints
		WHERE project NOT IN (SELECT key FROM projects)`},
	{"catalog_whole", `SELECT format('secret of endpoint %d: no such endpoint of project %d', s.endpoint, s.project) FROM signing_secrets AS s
		WHERE s.project NOT IN (SELECT key FROM projects) OR s.endpoint <> 0
		AND NOT EXISTS (SELECT 1 FROM endpoints AS e WHERE e.key = s.endpoint AND e.project = s.project)`},
	{"callback_once", `SELECT format('execution key %d: status %d, %d messages', pk, status,
			(SELECT count(*) FROM deliveries AS d WHERE d.execution = e.pk AND d.endpoint IS NULL))
		FROM executions AS e WHERE callback IS NOT NULL
		AND (status >= 5) <> (SELECT count(*) FROM deliveries AS d WHERE d.execution = e.pk AND d.endpoint IS NULL)`},
	{"deliveries_owned", `SELECT format('delivery key %d: no project %d, execution key %d or endpoint %d', d.pk, d.project, d.execution, d.endpoint)
		FROM deliveries AS d WHERE d.project NOT IN (SELECT key FROM projects)
		OR d.execution IS NULL AND d.endpoint IS NULL
		OR d.execution IS NOT NULL AND NOT EXISTS (SELECT 1 FROM executions AS e
			WHERE e.pk = d.execution AND e.tail = d.execution_tail AND e.project = d.project)
		OR d.endpoint IS NOT NULL AND NOT EXISTS (SELECT 1 FROM endpoints AS e WHERE e.key = d.endpoint AND e.project = d.project)`},
	{"attempts_counted", `SELECT format('delivery key %d: %d attempts, %d recorded', pk, attempts,
			(SELECT count(*) FROM delivery_attempts AS a WHERE a.delivery = d.pk))
		FROM deliveries AS d WHERE attempts <> (SELECT count(*) FROM delivery_attempts AS a WHERE a.delivery = d.pk)`},
	{"attempts_counted", `SELECT format('delivery key %d: there is no such delivery', delivery) FROM delivery_attempts
		WHERE delivery NOT IN (SELECT pk FROM deliveries)`},
	{"timeline_named", `SELECT 'there is no epoch' WHERE NOT EXISTS (SELECT 1 FROM meta WHERE name = 'epoch')`},
}

func (a *audit) queries() error {
	for _, q := range auditQueries {
		if err := eachRow(a.conn, q.query, func(st *sqlite.Stmt) error {
			a.Add(q.invariant, "%s", st.ColumnText(0))
			return nil
		}); err != nil {
			return fmt.Errorf("%s: %w", q.invariant, err)
		}
	}
	return nil
}

// executions checks each execution by itself, against the ends of its history, the catalog and the counters.
func (a *audit) executions() error {
	projects, versions, sessions := map[int64]int64{}, map[int64]int64{}, map[int64]bool{}
	for _, q := range []struct {
		query string
		into  map[int64]int64
	}{
		{"SELECT key, project FROM workflows", projects},
		{"SELECT key, workflow FROM versions", versions},
	} {
		if err := eachRow(a.conn, q.query, func(st *sqlite.Stmt) error {
			q.into[st.ColumnInt64(0)] = st.ColumnInt64(1)
			return nil
		}); err != nil {
			return err
		}
	}
	keys, err := keysOf(a.conn, "SELECT key FROM sessions")
	if err != nil {
		return err
	}
	for _, k := range keys {
		sessions[k] = true
	}
	recounted := map[store.CountKey]int64{}
	var r store.Row
	if err := eachRow(a.conn, "SELECT "+rowColumns+", due_at, "+
		"(SELECT execution FROM journal WHERE seq = last), (SELECT revision FROM journal WHERE seq = last), "+
		"(SELECT kind FROM journal WHERE seq = last), (SELECT execution FROM journal WHERE seq = first), "+
		"(SELECT revision FROM journal WHERE seq = first), (SELECT kind FROM journal WHERE seq = first) FROM executions",
		func(st *sqlite.Stmt) error {
			scanRow(st, &r)
			a.Row(&r, columnTime(st, rowWidth))
			a.events += r.Revision
			recounted[store.CountKey{Project: r.Project, Workflow: r.Workflow, Status: r.Status, Hour: store.HourOf(r.ID)}]++
			if p, ok := projects[r.Workflow]; !ok || p != r.Project {
				a.Add("catalog_whole", "%s: workflow %d is not one of project %d", r.ID, r.Workflow, r.Project)
			}
			if w, ok := versions[r.Version]; r.Version != 0 && (!ok || w != r.Workflow) {
				a.Add("catalog_whole", "%s: version %d is not one of workflow %d", r.ID, r.Version, r.Workflow)
			}
			if r.Leased() && !sessions[r.Session] {
				a.Add("session_exists", "%s: session %d", r.ID, r.Session)
			}
			if r.Leased() == st.ColumnIsNull(leaseColumn) {
				a.Add("lease_whole", "%s: session %d, lease of %d bytes", r.ID, r.Session, st.ColumnLen(leaseColumn))
			}
			pk := st.ColumnInt64(0)
			if st.ColumnIsNull(rowWidth+1) || st.ColumnInt64(rowWidth+1) != pk || st.ColumnInt64(rowWidth+2) != r.Revision {
				a.Add("history_whole", "%s: its latest event, at %d, is not its event %d", r.ID, r.Last, r.Revision)
			}
			if kind := execution.EventKind(st.ColumnInt32(rowWidth + 3)); r.Status.Final() && !ends(kind, r.Status) {
				a.Add("history_ends", "%s: %s, and its latest event has kind %d", r.ID, r.Status, kind)
			}
			if st.ColumnInt64(rowWidth+4) != pk || st.ColumnInt64(rowWidth+5) != 1 ||
				execution.EventKind(st.ColumnInt32(rowWidth+6)) != execution.EventCreated {
				a.Add("history_begins", "%s: its first event, at %d, does not create it", r.ID, r.First)
			}
			return nil
		}); err != nil {
		return err
	}
	return a.counters(recounted)
}

// ends reports whether the kind of event is the one that ends an execution in the final state.
func ends(kind execution.EventKind, status execution.Status) bool {
	return finalKind(kind) && execution.EventCompleted+execution.EventKind(status-execution.Completed) == kind
}

func finalKind(kind execution.EventKind) bool {
	return kind >= execution.EventCompleted && kind <= execution.EventRejected
}

// counters compares the hours with a recount, and the days and sums with the hours.
func (a *audit) counters(recounted map[store.CountKey]int64) error {
	stored := map[store.CountKey]int64{}
	sums := map[[5]int64]int64{} // hours added up minus what is stored
	if err := eachRow(a.conn, "SELECT project, level, workflow, status, period, n FROM counters", func(st *sqlite.Stmt) error {
		project, level, workflow := st.ColumnInt64(0), st.ColumnInt64(1), st.ColumnInt64(2)
		status, period, n := st.ColumnInt64(3), st.ColumnInt64(4), st.ColumnInt64(5)
		if level != levelHour {
			sums[[5]int64{project, level, workflow, status, period}] -= n
			return nil
		}
		stored[store.CountKey{Project: project, Workflow: workflow, Status: execution.Status(status), Hour: int32(period)}] = n
		sums[[5]int64{project, levelDay, workflow, status, floorDiv(period, 24)}] += n
		sums[[5]int64{project, levelAll, workflow, status, 0}] += n
		return nil
	}); err != nil {
		return err
	}
	a.Counted(stored, recounted)
	for k, n := range sums {
		if n != 0 {
			a.Add("counts_agree", "project %d, level %d, workflow %d, status %d, period %d: the hours have %d more", k[0], k[1], k[2], k[3], k[4], n)
		}
	}
	return nil
}

// journal checks each event against the one before it and its execution. With the latest event of each execution
// checked, this makes every history one gapless chain; the number of events then says that nothing lies beside them.
func (a *audit) journal() error {
	var events int64
	if err := eachRow(a.conn, "SELECT j.seq, j.execution, j.prev, j.revision, j.kind, j.at, "+
		"p.execution, p.revision, p.at, e.pk, e.tail, e.last, e.status FROM journal AS j "+
		"LEFT JOIN journal AS p ON p.seq = j.prev LEFT JOIN executions AS e ON e.pk = j.execution", func(st *sqlite.Stmt) error {
		events++
		seq, pk, prev, revision := st.ColumnInt64(0), st.ColumnInt64(1), st.ColumnInt64(2), st.ColumnInt64(3)
		kind, at := execution.EventKind(st.ColumnInt32(4)), st.ColumnInt64(5)
		if st.ColumnIsNull(9) {
			a.Add("history_owned", "event at %d: no execution has key %d", seq, pk)
			return nil
		}
		id := execution.IDFromParts(pk, st.ColumnInt64(10))
		switch {
		case kind < 1 || int(kind) > execution.EventKinds:
			a.Add("history_whole", "%s: event %d has unknown kind %d", id, revision, kind)
		case revision == 1 && prev == 0:
			if kind != execution.EventCreated {
				a.Add("history_begins", "%s: its event 1 is %s", id, kind)
			}
		case st.ColumnInt64(6) != pk || st.ColumnInt64(7) != revision-1 || prev >= seq:
			a.Add("history_whole", "%s: event %d at %d does not follow event %d at %d", id, revision, seq, st.ColumnInt64(7), prev)
		case st.ColumnInt64(8) > at:
			a.Add("history_in_time", "%s: event %d is earlier than event %d", id, revision, revision-1)
		}
		if finalKind(kind) && (st.ColumnInt64(11) != seq || !ends(kind, execution.Status(st.ColumnInt32(12)))) {
			a.Add("history_ends", "%s: event %d is %s, and it is not the end", id, revision, kind)
		}
		return nil
	}); err != nil {
		return err
	}
	if events != a.events && !a.Has("history_whole") && !a.Has("history_owned") {
		a.Add("history_whole", "the executions have %d events by their revisions, the journal has %d", a.events, events)
	}
	return nil
}

// inboxes compares the waits and signals of open executions with what their histories say. Only the history of those
// that have such events, or claim to have, is read.
func (a *audit) inboxes() error {
	return eachRow(a.conn, "SELECT pk, tail, revision, last, inbox FROM executions WHERE inbox IS NOT NULL OR "+
		"status < 5 AND pk IN (SELECT execution FROM journal WHERE kind IN (21, 22, 23))", func(st *sqlite.Stmt) error {
		r := &store.Row{Last: st.ColumnInt64(3)}
		r.ID, r.Revision = execution.IDFromParts(st.ColumnInt64(0), st.ColumnInt64(1)), st.ColumnInt64(2)
		events, err := readChain(a.conn, r, 0, 0)
		if errors.Is(err, store.ErrNotFound) {
			return nil // no chain; found by another check
		}
		if err != nil {
			return err
		}
		if stored, told := execution.Inbox(st.ColumnText(4)), execution.FoldInbox(events); stored != told {
			a.Add("inbox_follows_history", "%s: stored %q, its history tells %q", r.ID, stored, told)
		}
		return nil
	})
}

// redactions checks that redacted executions have nothing left to tell.
func (a *audit) redactions() error {
	type redacted struct {
		id   execution.ID
		last int64
	}
	var rows []redacted
	if err := eachRow(a.conn, "SELECT e.pk, e.tail, e.last FROM tombstones AS t JOIN executions AS e "+
		"ON e.pk = t.execution AND e.tail = t.tail WHERE t.redacted = 1", func(st *sqlite.Stmt) error {
		rows = append(rows, redacted{execution.IDFromParts(st.ColumnInt64(0), st.ColumnInt64(1)), st.ColumnInt64(2)})
		return nil
	}); err != nil {
		return err
	}
	for _, r := range rows {
		for seq := r.last; seq != 0; {
			next := int64(0)
			if err := eachRow(a.conn, "SELECT prev, revision, coalesce(body, details, message) IS NOT NULL FROM journal WHERE seq = ?",
				func(st *sqlite.Stmt) error {
					if st.ColumnBool(2) {
						a.Add("redaction_kept", "%s: event %d has a payload, message or detail", r.id, st.ColumnInt64(1))
					}
					if next = st.ColumnInt64(0); next >= seq {
						next = 0 // no chain; found by another check
					}
					return nil
				}, seq); err != nil {
				return err
			}
			seq = next
		}
		var left int64
		if err := eachRow(a.conn, "SELECT (SELECT count(*) FROM metadata WHERE execution = ?1) + (SELECT count(*) FROM logs WHERE execution = ?1)",
			func(st *sqlite.Stmt) error { left = st.ColumnInt64(0); return nil }, r.id.Order()); err != nil {
			return err
		}
		if left != 0 {
			a.Add("redaction_kept", "%s: %d pairs of metadata and log lines are left", r.id, left)
		}
	}
	return nil
}
