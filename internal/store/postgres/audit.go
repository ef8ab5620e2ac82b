package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Audit runs the invariant queries and returns what violates them. It only reads, in one pass over the executions and
// one over the journal, all in one snapshot. Its memory grows with the executions that wait, not with all there are.
func (s *Store) Audit(ctx context.Context) (findings []store.Finding, err error) {
	err = s.snapshot(patient(ctx), func(v *view) (err error) {
		findings, err = inspect(v)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return findings, nil
}

// inspect audits what a transaction sees.
func inspect(v *view) ([]store.Finding, error) {
	a := &audit{Findings: new(store.Findings), v: v}
	for _, check := range []func() error{a.database, a.queries, a.executions, a.journal, a.inboxes} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return a.List(), nil
}

type audit struct {
	*store.Findings
	v     *view
	waits []execution.ID // executions whose histories tell of waits and signals, or whose rows do
}

// database asks the database what it knows to be unsound: indexes that were never completed, checks that were never made,
// pages with wrong checksums; and, where the extension amcheck is installed, it has every index checked.
func (a *audit) database() error {
	extension := false
	for _, q := range []string{
		"SELECT 'index ' || indexrelid::regclass::text || ' is not valid' FROM pg_index JOIN pg_class AS c ON c.oid = indrelid " +
			"WHERE NOT (indisvalid AND indisready) AND c.relnamespace = to_regnamespace(current_schema())",
		"SELECT 'constraint ' || conname || ' was never checked' FROM pg_constraint WHERE NOT convalidated " +
			"AND connamespace = to_regnamespace(current_schema())",
		"SELECT checksum_failures || ' pages had wrong checksums' FROM pg_stat_database WHERE datname = current_database() AND checksum_failures > 0",
	} {
		if err := a.v.query(q, nil, func(r *row) error {
			a.Add("database_sound", "%s", r.text())
			return nil
		}); err != nil {
			return err
		}
	}
	if err := a.v.query("SELECT coalesce(has_function_privilege(to_regprocedure('bt_index_check(regclass)'), 'EXECUTE'), false)", nil, func(r *row) error {
		extension = r.bool()
		return nil
	}); err != nil {
		return err
	}
	if extension {
		if err := a.indexes(); err != nil {
			return err
		}
	}
	missing, err := missingGuards(func(sql string, each func(*row) error) error { return a.v.query(sql, nil, each) })
	if err != nil {
		return err
	}
	for _, g := range missing {
		a.Add("guards_installed", "trigger %s is missing or another", g.name)
	}
	return nil
}

// indexes has amcheck look at each index. What it finds is an error, after which the transaction goes on from a savepoint.
func (a *audit) indexes() error {
	var names []string
	if err := a.v.query("SELECT i.oid::regclass::text FROM pg_class AS i JOIN pg_index ON indexrelid = i.oid WHERE i.relkind = 'i' "+
		"AND i.relnamespace = to_regnamespace(current_schema()) AND indisvalid ORDER BY 1", nil, func(r *row) error {
		names = append(names, r.text())
		return nil
	}); err != nil {
		return err
	}
	for _, name := range names {
		if err := a.v.query("SAVEPOINT checked", nil, nil); err != nil {
			return err
		}
		err := a.v.query("SELECT bt_index_check($1::text::regclass)::text", newArgs().name(name), nil)
		if e := pgError(err); e != nil && (e.Code == "XX001" || e.Code == "XX002") {
			a.Add("database_sound", "index %s: %s", name, e.Message)
			if err = a.v.query("ROLLBACK TO checked", nil, nil); err != nil {
				return err
			}
		} else if err != nil {
			return err
		}
		if err := a.v.query("RELEASE checked", nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// auditQueries each return one text for what violates the invariant.
var auditQueries = []struct{ invariant, query string }{
	{"catalog_whole", `SELECT format('workflow %s: no project %s', key, project) FROM workflows
		WHERE project NOT IN (SELECT key FROM projects)`},
	{"catalog_whole", `SELECT format('version %s: no workflow %s', key, workflow) FROM versions
		WHERE workflow NOT IN (SELECT key FROM workflows)`},
	{"catalog_whole", `SELECT format('workflow %s: current version %s is not its own', w.key, w.current) FROM workflows AS w
		WHERE w.current IS NOT NULL AND NOT EXISTS (SELECT 1 FROM versions AS v WHERE v.key = w.current AND v.workflow = w.key)`},
	{"catalog_whole", `SELECT format('key %s: no project %s', encode(public_id, 'escape'), project) FROM keys
		WHERE project NOT IN (SELECT key FROM projects)`},
	{"catalog_whole", `SELECT format('session %s: no project %s', key, project) FROM sessions
		WHERE project NOT IN (SELECT key FROM projects)`},
	{"catalog_whole", `SELECT format('session %s: workflow %s is not one of its project', s.key, j.key) FROM sessions AS s, unnest(s.workflows) AS j (key)
		WHERE NOT EXISTS (SELECT 1 FROM workflows AS w WHERE w.key = j.key AND w.project = s.project)`},
	{"catalog_whole", `SELECT format('endpoint %s: no project %s', key, project) FROM endpoints
		WHERE project NOT IN (SELECT key FROM projects)`},
	{"catalog_whole", `SELECT format('secret of endpoint %s: no such endpoint of project %s', s.endpoint, s.project) FROM signing_secrets AS s
		WHERE s.project NOT IN (SELECT key FROM projects) OR s.endpoint <> 0
		AND NOT EXISTS (SELECT 1 FROM endpoints AS e WHERE e.key = s.endpoint AND e.project = s.project)`},
	{"names_unique", `SELECT format('project %s: %s times', encode(name, 'escape'), count(*)) FROM projects GROUP BY name HAVING count(*) > 1`},
	{"names_unique", `SELECT format('workflow %s of project %s: %s times', encode(name, 'escape'), project, count(*)) FROM workflows
		WHERE deleted_at IS NULL GROUP BY project, name HAVING count(*) > 1`},
	{"names_unique", `SELECT format('version %s of workflow %s: %s times', number, workflow, count(*)) FROM versions
		GROUP BY workflow, number HAVING count(*) > 1`},
	{"names_unique", `SELECT format('version labelled %s of workflow %s: %s times', encode(label, 'escape'), workflow, count(*)) FROM versions
		WHERE label <> '' GROUP BY workflow, label HAVING count(*) > 1`},
	{"names_unique", `SELECT format('API key %s: %s times', encode(public_id, 'escape'), count(*)) FROM keys GROUP BY public_id HAVING count(*) > 1`},
	{"keys_unique", `SELECT format('key %s: %s times', key, count(*)) FROM (SELECT key FROM projects UNION ALL SELECT key FROM workflows
		UNION ALL SELECT key FROM versions UNION ALL SELECT key FROM keys UNION ALL SELECT key FROM sessions
		UNION ALL SELECT key FROM endpoints) AS every GROUP BY key HAVING count(*) > 1`},
	{"keys_unique", `SELECT format('key %s is above %s, the highest drawn', highest, drawn) FROM
		(SELECT max(key) AS highest FROM (SELECT key FROM projects UNION ALL SELECT key FROM workflows UNION ALL SELECT key FROM versions
		UNION ALL SELECT key FROM keys UNION ALL SELECT key FROM sessions UNION ALL SELECT key FROM endpoints) AS every) AS used,
		(SELECT CASE WHEN is_called THEN last_value * ` + fmt.Sprint(keyBlock) + ` + ` + fmt.Sprint(keyBlock-1) + ` ELSE 0 END AS drawn FROM drawn_keys) AS sequence
		WHERE highest > drawn`},
	{"secret_hashed", `SELECT format('key %s: %s bytes', encode(public_id, 'escape'), length(hash)) FROM keys WHERE length(hash) <> 32`},
	{"step_once", `SELECT format('execution %s, step %s: %s times', execution, encode(step, 'escape'), count(*)) FROM journal
		WHERE kind IN (7, 9, 21) GROUP BY execution, step HAVING count(*) > 1`},
	{"steps_counted", `SELECT format('execution %s: %s, and %s in its history', id, steps, coalesce(n, 0)) FROM executions
		LEFT JOIN (SELECT execution, count(*) AS n FROM journal WHERE kind = 7 GROUP BY execution) AS told ON execution = id
		WHERE steps <> coalesce(n, 0)`},
	{"history_whole", `SELECT format('execution %s: it has no event', id) FROM executions AS e
		WHERE NOT EXISTS (SELECT 1 FROM journal AS j WHERE j.execution = e.id)`},
	{"metadata_owned", `SELECT format('workflow %s, %s: execution %s', m.workflow, encode(m.key, 'escape'), m.execution) FROM metadata AS m
		LEFT JOIN executions AS e ON e.id = m.execution WHERE e.workflow IS DISTINCT FROM m.workflow`},
	{"links_owned", `SELECT format('link of execution %s in project %s', l.execution, l.project) FROM approval_links AS l
		LEFT JOIN executions AS e ON e.id = l.execution WHERE e.project IS DISTINCT FROM l.project`},
	{"logs_owned", `SELECT format('execution %s: %s lines', execution, count(*)) FROM logs
		WHERE NOT EXISTS (SELECT 1 FROM executions WHERE id = logs.execution) GROUP BY execution`},
	{"logs_owned", `SELECT format('execution %s, step %s, attempt %s: %s lines', execution, encode(step, 'escape'), attempt, count(*)) FROM logs
		GROUP BY execution, step, attempt HAVING count(*) > ` + fmt.Sprint(store.MaxLogLines)},
	{"idempotency_agrees", `SELECT format('key %s of project %s: execution %s is another one', encode(i.key, 'escape'), i.project, i.execution)
		FROM idempotency AS i JOIN executions AS e ON e.id = i.execution WHERE e.project <> i.project`},
	{"files_owned", `SELECT format('file %s: no project %s', id, project) FROM files WHERE project NOT IN (SELECT key FROM projects)`},
	{"files_owned", `SELECT format('file %s, execution %s', u.file, u.execution) FROM file_uses AS u
		LEFT JOIN files AS f ON f.id = u.file LEFT JOIN executions AS e ON e.id = u.execution
		WHERE e.project IS NULL OR f.project IS DISTINCT FROM e.project`},
	{"files_expire", `SELECT format('file %s: used and expires at %s', id, expires_at) FROM files
		WHERE expires_at IS NOT NULL AND EXISTS (SELECT 1 FROM file_uses WHERE file = id)`},
	{"files_expire", `SELECT format('file %s: unused and does not expire', id) FROM files
		WHERE expires_at IS NULL AND NOT EXISTS (SELECT 1 FROM file_uses WHERE file = id)`},
	{"redaction_kept", `SELECT format('execution %s is deleted and still there', t.execution) FROM tombstones AS t
		JOIN executions AS e ON e.id = t.execution WHERE NOT t.redacted`},
	{"redaction_kept", `SELECT format('execution %s uses files and is redacted', t.execution) FROM tombstones AS t
		JOIN executions AS e ON e.id = t.execution JOIN file_uses AS u ON u.execution = e.id WHERE t.redacted`},
	{"redaction_kept", `SELECT format('execution %s: event %s has a payload, message or detail', t.execution, j.revision) FROM tombstones AS t
		JOIN journal AS j ON j.execution = t.execution WHERE t.redacted AND coalesce(j.body, j.details, j.message) IS NOT NULL`},
	{"redaction_kept", `SELECT format('execution %s: pairs of metadata or log lines are left', t.execution) FROM tombstones AS t WHERE t.redacted
		AND (EXISTS (SELECT 1 FROM metadata AS m WHERE m.execution = t.execution) OR EXISTS (SELECT 1 FROM logs AS l WHERE l.execution = t.execution))`},
	{"callback_once", `SELECT format('execution %s: status %s, %s messages', id, status, n) FROM
		(SELECT e.id, e.status, (SELECT count(*) FROM deliveries AS d WHERE d.execution = e.id AND d.endpoint IS NULL) AS n
		FROM executions AS e WHERE e.callback IS NOT NULL) AS told WHERE (status >= 5)::integer <> n`},
	{"deliveries_owned", `SELECT format('delivery %s: no project %s, execution %s or endpoint %s', d.id, d.project, d.execution, d.endpoint)
		FROM deliveries AS d WHERE d.project NOT IN (SELECT key FROM projects)
		OR d.execution IS NULL AND d.endpoint IS NULL
		OR d.execution IS NOT NULL AND NOT EXISTS (SELECT 1 FROM executions AS e WHERE e.id = d.execution AND e.project = d.project)
		OR d.endpoint IS NOT NULL AND NOT EXISTS (SELECT 1 FROM endpoints AS e WHERE e.key = d.endpoint AND e.project = d.project)`},
	{"attempts_counted", `SELECT format('delivery %s: %s attempts, %s recorded', d.id, d.attempts, coalesce(a.n, 0)) FROM deliveries AS d
		LEFT JOIN (SELECT delivery, count(*) AS n FROM delivery_attempts GROUP BY delivery) AS a ON a.delivery = d.id
		WHERE d.attempts <> coalesce(a.n, 0)`},
	{"attempts_counted", `SELECT format('delivery %s: there is no such delivery', delivery) FROM delivery_attempts
		WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE id = delivery)`},
	{"timeline_named", `SELECT 'there is no epoch' WHERE NOT EXISTS (SELECT 1 FROM meta WHERE name = 'epoch')`},
}

// ownedByShard are the tables in which a row is found by an id and lies in its shard.
var ownedByShard = []struct{ table, id string }{
	{"journal", "execution"},
	{"metadata", "execution"},
	{"logs", "execution"},
	{"tombstones", "execution"},
	{"approval_links", "execution"},
	{"files", "id"},
	{"file_uses", "execution"},
	{"deliveries", "id"},
	{"delivery_attempts", "delivery"},
}

func (a *audit) queries() error {
	for _, q := range auditQueries {
		if err := a.v.query(q.query, nil, func(r *row) error {
			a.Add(q.invariant, "%s", r.text())
			return nil
		}); err != nil {
			return fmt.Errorf("%s: %w", q.invariant, err)
		}
	}
	for _, t := range ownedByShard {
		// The last ten bits of an id.
		if err := a.v.query(fmt.Sprintf("SELECT format('%[1]s of %%s: shard %%s', %[2]s, shard) FROM %[1]s "+
			"WHERE shard <> (get_byte(uuid_send(%[2]s), 14) & 3) * 256 + get_byte(uuid_send(%[2]s), 15)", t.table, t.id), nil, func(r *row) error {
			a.Add("identity", "%s", r.text())
			return nil
		}); err != nil {
			return fmt.Errorf("identity: %w", err)
		}
	}
	return nil
}

// executions checks each execution by itself, against the catalog and the counters.
func (a *audit) executions() error {
	projects, versions, sessions := map[int64]int64{}, map[int64]int64{}, map[int64]int64{}
	for _, q := range []struct {
		query string
		into  map[int64]int64
	}{
		{"SELECT key, project FROM workflows", projects},
		{"SELECT key, workflow FROM versions", versions},
		{"SELECT key, project FROM sessions", sessions},
	} {
		if err := a.v.query(q.query, nil, func(r *row) error {
			q.into[r.int64()] = r.int64()
			return nil
		}); err != nil {
			return err
		}
	}
	recounted := map[store.CountKey]int64{}
	var x store.Row
	if err := a.v.query("SELECT "+rowColumns+", due_at, shard, lease IS NOT NULL FROM executions", nil, func(r *row) error {
		scanRow(r, &x)
		due, shard, leased := r.time(), r.int64(), r.bool()
		a.Row(&x, due)
		if _, ok := execution.ParseID(execution.PrefixExecution, x.ID.String()); !ok || shard != int64(x.ID.Shard()) {
			a.Add("identity", "%x, shard %d", x.ID[:], shard)
		}
		recounted[store.CountKey{Project: x.Project, Workflow: x.Workflow, Status: x.Status, Hour: store.HourOf(x.ID)}]++
		if p, ok := projects[x.Workflow]; !ok || p != x.Project {
			a.Add("catalog_whole", "%s: workflow %d is not one of project %d", x.ID, x.Workflow, x.Project)
		}
		if w, ok := versions[x.Version]; x.Version != 0 && (!ok || w != x.Workflow) {
			a.Add("catalog_whole", "%s: version %d is not one of workflow %d", x.ID, x.Version, x.Workflow)
		}
		if _, ok := sessions[x.Session]; x.Leased() && !ok {
			a.Add("session_exists", "%s: session %d", x.ID, x.Session)
		}
		if x.Leased() != leased {
			a.Add("lease_whole", "%s: session %d, leased: %t", x.ID, x.Session, leased)
		}
		if x.Inbox != "" {
			a.waits = append(a.waits, x.ID)
		}
		return nil
	}); err != nil {
		return err
	}
	return a.counters(recounted)
}

// counters compares the hours with a recount, and the days and sums with the hours.
func (a *audit) counters(recounted map[store.CountKey]int64) error {
	stored := map[store.CountKey]int64{}
	sums := map[[5]int64]int64{} // hours added up minus what is stored
	if err := a.v.query("SELECT project, level, workflow, status, period, sum(n)::bigint FROM counters GROUP BY 1, 2, 3, 4, 5", nil, func(r *row) error {
		project, level, workflow, status, period, n := r.int64(), r.int64(), r.int64(), r.int64(), r.int64(), r.int64()
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

// ends reports whether the kind of event is the one that ends an execution in the final state.
func ends(kind execution.EventKind, status execution.Status) bool {
	return finalKind(kind) && execution.EventCompleted+execution.EventKind(status-execution.Completed) == kind
}

func finalKind(kind execution.EventKind) bool {
	return kind >= execution.EventCompleted && kind <= execution.EventRejected
}

// journal walks all histories in order and checks each event against the one before it and its execution.
func (a *audit) journal() error {
	type event struct {
		id       execution.ID
		revision int64
		kind     execution.EventKind
		at       int64
		owned    bool // the execution is there
		latest   int64
		status   execution.Status
	}
	var last event
	waiting := false
	end := func() {
		switch {
		case last.revision == 0 || !last.owned:
			return
		case last.revision != last.latest:
			a.Add("history_whole", "%s: its latest event is %d, and its revision %d", last.id, last.revision, last.latest)
		case last.status.Final() && !ends(last.kind, last.status):
			a.Add("history_ends", "%s: %s, and its latest event is %s", last.id, last.status, last.kind)
		}
		if waiting && !last.status.Final() {
			a.waits = append(a.waits, last.id)
		}
	}
	err := a.v.query("SELECT j.execution, j.revision, j.kind, j.at, e.revision IS NOT NULL, e.revision, e.status FROM journal AS j "+
		"LEFT JOIN executions AS e ON e.id = j.execution ORDER BY j.execution, j.revision", nil, func(r *row) error {
		e := event{
			id: r.id(), revision: r.int64(), kind: execution.EventKind(r.int64()), at: r.int64(), owned: r.bool(), latest: r.int64(),
			status: execution.Status(r.int64()),
		}
		if e.id != last.id {
			end()
			last, waiting = event{id: e.id}, false
		}
		switch {
		case !e.owned:
			a.Add("history_owned", "%s: its event %d is there, and it is not", e.id, e.revision)
		case e.kind < 1 || int(e.kind) > execution.EventKinds:
			a.Add("history_whole", "%s: event %d has unknown kind %d", e.id, e.revision, e.kind)
		case e.revision != last.revision+1:
			a.Add("history_whole", "%s: event %d follows event %d", e.id, e.revision, last.revision)
		case e.revision == 1 && e.kind != execution.EventCreated:
			a.Add("history_begins", "%s: its event 1 is %s", e.id, e.kind)
		case e.at < last.at:
			a.Add("history_in_time", "%s: event %d is earlier than event %d", e.id, e.revision, last.revision)
		}
		if e.owned && finalKind(e.kind) && (e.revision != e.latest || !ends(e.kind, e.status)) {
			a.Add("history_ends", "%s: event %d is %s, and it is not the end", e.id, e.revision, e.kind)
		}
		waiting = waiting || e.kind == execution.EventWaitStarted || e.kind == execution.EventWaitEnded || e.kind == execution.EventSignalled
		last = e
		return nil
	})
	if err == nil {
		end()
	}
	return err
}

// inboxes compares the waits and signals of executions with what their histories say. Only the histories of those that
// have such events, or claim to have, are read, some at a time.
func (a *audit) inboxes() error {
	slices.SortFunc(a.waits, compareIDs)
	for some := range slices.Chunk(slices.Compact(a.waits), 100) {
		stored := map[execution.ID]execution.Inbox{}
		if err := a.v.query("SELECT id, inbox FROM executions WHERE id = ANY($1)", idArgs(some), func(r *row) error {
			stored[r.id()] = execution.Inbox(r.text())
			return nil
		}); err != nil {
			return err
		}
		var events []execution.Event
		compare := func() {
			if len(events) == 0 {
				return
			}
			id := events[0].Execution
			if told := execution.FoldInbox(events); stored[id] != told {
				a.Add("inbox_follows_history", "%s: stored %q, its history tells %q", id, stored[id], told)
			}
			events = events[:0]
		}
		if err := a.v.query("SELECT execution, "+eventColumns+" FROM journal WHERE execution = ANY($1) ORDER BY execution, revision", idArgs(some),
			func(r *row) error {
				id := r.id()
				if len(events) > 0 && events[0].Execution != id {
					compare()
				}
				events = append(events, execution.Event{})
				scanEvent(r, id, &events[len(events)-1])
				return nil
			}); err != nil {
			return err
		}
		compare()
	}
	return nil
}
