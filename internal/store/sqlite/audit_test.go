package sqlite_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	zs "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/sqlite"
	"github.com/sojournhq/sojourn/internal/store/storetest"
)

// violations break one invariant each, in a store that has a completed execution with a step, the oldest, a pending
// one that keeps a signal, and a running one. The guards are off while they run.
var violations = []struct {
	invariant string
	sql       string
}{
	{"database_sound", "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'ready_at IS NOT NULL', 'ready_at IS NULL') WHERE name = 'executions_queue'"},
	{"guards_installed", "DROP TRIGGER executions_move"},
	{"identity", "UPDATE executions SET tail = -1 WHERE status = 1"},
	{"status_known", "UPDATE executions SET intended = 5 WHERE status = 1"},
	{"status_known", "PRAGMA ignore_check_constraints = ON; UPDATE executions SET status = 9 WHERE status = 1"},
	{"completed_when_final", "PRAGMA ignore_check_constraints = ON; UPDATE executions SET completed_at = NULL WHERE status = 5"},
	{"times_in_order", "UPDATE executions SET started_at = completed_at + 1 WHERE status = 5"},
	{"lease_whole", "UPDATE executions SET session = (SELECT key FROM sessions), lease = x'01' WHERE status = 1"},
	{"lease_whole", "PRAGMA ignore_check_constraints = ON; UPDATE executions SET lease = NULL WHERE status = 2"},
	{"queued_when_eligible", "UPDATE executions SET ready_at = NULL WHERE status = 1"},
	{"queued_when_eligible", "UPDATE executions SET ready_at = 1 WHERE status = 2"},
	{"due_follows_rule", "UPDATE executions SET due_at = 5 WHERE status = 1"},
	{"due_follows_rule", "UPDATE executions SET deadline_at = 5 WHERE status = 1"},
	{"nothing_stuck", "UPDATE executions SET ready_at = NULL WHERE status = 1"},
	{"nothing_stuck", "UPDATE executions SET session = NULL, lease = NULL WHERE status = 2"},
	{"waiting_for_something", "UPDATE executions SET status = 3, session = NULL, lease = NULL, wake_at = NULL, due_at = NULL WHERE status = 2"},
	{"nothing_stuck", "UPDATE executions SET status = 3, session = NULL, lease = NULL, wake_at = NULL, due_at = NULL WHERE status = 2"},
	{"inbox_follows_history", `UPDATE executions SET inbox = '{"k":[{"n":"go","c":1}]}' WHERE status = 2`},
	{"inbox_follows_history", "UPDATE executions SET inbox = NULL WHERE inbox IS NOT NULL"},
	{"inbox_follows_history", `UPDATE executions SET inbox = '{"k":[{"n":"go","c":1}]}' WHERE status = 5`},
	{"due_follows_rule", `UPDATE executions SET inbox = '{"w":[{"s":"a","k":"signal","n":"a","at":1,"u":5,"r":2}]}' WHERE status = 2`},
	{"counters_of_row", "UPDATE executions SET failures = 2 WHERE status = 5"},
	{"counters_of_row", "UPDATE executions SET strikes = 6 WHERE status = 2"},
	{"error_code_fits", "UPDATE executions SET error_code = 'boom' WHERE status = 5"},
	{"cancel_recorded", "UPDATE executions SET cancel_requested_at = 5 WHERE status = 1"},
	{"cancel_recorded", "UPDATE executions SET cancel_requested_at = 5, cancel_reason = 1 WHERE status = 2"},
	{"progress_in_range", "UPDATE executions SET progress = 1.5 WHERE status = 2"},
	{"history_whole", "UPDATE executions SET revision = revision + 1 WHERE status = 2"},
	{"history_whole", "DELETE FROM journal WHERE kind = 3 AND execution = (SELECT pk FROM executions WHERE status = 5)"},
	{"history_whole", "UPDATE journal SET revision = 7 WHERE kind = 7"},
	{"history_whole", "UPDATE journal SET kind = 99 WHERE kind = 3"},
	{"history_whole", "INSERT INTO journal SELECT 1000, execution, prev, revision, kind, at, actor, attempt, try, step, until, since, value, code, message, hash, details, body, status FROM journal WHERE kind = 3 LIMIT 1"},
	{"history_begins", "UPDATE journal SET kind = 2 WHERE kind = 1"},
	{"history_begins", "UPDATE executions SET first = last WHERE status = 5"},
	{"history_ends", "UPDATE journal SET kind = 18 WHERE kind = 17"},
	{"history_ends", "UPDATE journal SET kind = 17 WHERE kind = 3"},
	{"history_in_time", "UPDATE journal SET at = at - 1000000000 WHERE kind = 3"},
	{"history_owned", "DELETE FROM executions WHERE status = 5"},
	{"step_once", "DROP INDEX journal_step; INSERT INTO journal SELECT 1000, execution, prev, revision, kind, at, actor, attempt, try, step, until, since, value, code, message, hash, details, body, status FROM journal WHERE kind = 7"},
	{"steps_counted", "UPDATE executions SET steps = 0 WHERE status = 5"},
	{"catalog_whole", "DELETE FROM workflows"},
	{"catalog_whole", "UPDATE executions SET version = 99999 WHERE status = 1"},
	{"catalog_whole", "UPDATE workflows SET project = 99999"},
	{"catalog_whole", "UPDATE workflows SET current = 99999"},
	{"catalog_whole", "UPDATE sessions SET workflows = '[99999]'"},
	{"catalog_whole", "UPDATE sessions SET project = 99999"},
	{"catalog_whole", "UPDATE keys SET project = 99999"},
	{"catalog_whole", "UPDATE versions SET workflow = 99999"},
	{"names_unique", "DROP INDEX workflows_name; UPDATE workflows SET name = 'same'"},
	{"names_unique", "DROP INDEX versions_label; UPDATE versions SET label = 'same'"},
	{"keys_unique", "UPDATE keys SET key = (SELECT key FROM projects)"},
	{"keys_unique", "UPDATE meta SET value = 1 WHERE name = 'key'"},
	{"session_exists", "DELETE FROM sessions"},
	{"links_owned", "INSERT INTO approval_links SELECT hash, project, 5, 6, 'boss', 1, 2, NULL FROM keys"},
	{"links_owned", "INSERT INTO approval_links SELECT hash, project + 1, (SELECT pk FROM executions WHERE status = 1), (SELECT tail FROM executions WHERE status = 1), 'boss', 1, 2, NULL FROM keys"},
	{"secret_hashed", "PRAGMA ignore_check_constraints = ON; UPDATE keys SET hash = x'0102'"},
	{"counts_agree", "UPDATE counters SET n = n + 1 WHERE level = 0"},
	{"counts_agree", "UPDATE counters SET n = n + 1 WHERE level = 1"},
	{"counts_agree", "UPDATE counters SET n = n + 1"},
	{"counts_agree", "DELETE FROM counters WHERE status = 5"},
	{"counts_agree", "UPDATE executions SET workflow = (SELECT max(key) FROM workflows) WHERE status = 5"},
	{"metadata_owned", "INSERT INTO metadata VALUES (1, 'k', 'v', 1)"},
	{"metadata_owned", "UPDATE metadata SET workflow = (SELECT max(key) FROM workflows)"},
	{"logs_owned", "UPDATE logs SET execution = 1"},
	{"logs_owned", "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1100) INSERT INTO logs SELECT execution, step, attempt, i, at, level, message, fields FROM logs, n"},
	{"files_owned", "UPDATE files SET project = 99999"},
	{"files_owned", "DELETE FROM files"},
	{"files_owned", "INSERT INTO file_uses SELECT 1, pk FROM files"},
	{"files_expire", "UPDATE files SET expires_at = 5"},
	{"files_expire", "DELETE FROM file_uses"},
	{"redaction_kept", "UPDATE journal SET body = NULL, details = NULL, message = NULL; DELETE FROM metadata; DELETE FROM logs; INSERT INTO tombstones SELECT pk, tail, project, 1, 1, 0 FROM executions WHERE status = 5"},
	{"idempotency_agrees", "UPDATE idempotency SET tail = 1"},
	{"idempotency_agrees", "UPDATE executions SET project = 99999"},
	{"redaction_kept", "INSERT INTO tombstones SELECT pk, tail, project, 0, 1, 0 FROM executions WHERE status = 5"},
	{"redaction_kept", "INSERT INTO tombstones SELECT pk, tail, project, 1, 1, 0 FROM executions WHERE status = 5"},
	{"redaction_kept", "UPDATE journal SET body = NULL, details = NULL, message = NULL; INSERT INTO tombstones SELECT pk, tail, project, 1, 1, 0 FROM executions WHERE status = 5"},
	{"callback_once", "DELETE FROM deliveries"},
	{"callback_once", "INSERT INTO deliveries SELECT pk + 1, tail, project, endpoint, execution, execution_tail, destination, type, revision, status, attempt, at, state, attempts, base, due_at, ended_at, error FROM deliveries"},
	{"callback_once", "UPDATE executions SET callback = 5 WHERE status = 1; INSERT INTO deliveries SELECT d.pk + 1, d.tail, d.project, NULL, e.pk, e.tail, 5, type, 1, 1, 0, at, 0, 0, 0, 1, NULL, NULL FROM deliveries AS d, executions AS e WHERE e.status = 1"},
	{"deliveries_owned", "UPDATE deliveries SET execution = 1"},
	{"deliveries_owned", "UPDATE deliveries SET execution_tail = 1"},
	{"deliveries_owned", "UPDATE deliveries SET execution = NULL"},
	{"deliveries_owned", "UPDATE deliveries SET endpoint = 99999"},
	{"deliveries_owned", "UPDATE deliveries SET project = 99999"},
	{"attempts_counted", "UPDATE deliveries SET attempts = 1"},
	{"attempts_counted", "INSERT INTO delivery_attempts VALUES (1, 1, 1, 1, 200, NULL, NULL)"},
	{"catalog_whole", "INSERT INTO endpoints VALUES (1, 99999, x'01', '', '', 4, NULL, '', 1, 1, NULL)"},
	{"catalog_whole", "INSERT INTO signing_secrets SELECT key, 99999, 1, x'01', '', 1, NULL FROM projects"},
	{"catalog_whole", "INSERT INTO signing_secrets VALUES (99999, 0, 1, x'01', '', 1, NULL)"},
	{"timeline_named", "DELETE FROM meta WHERE name = 'epoch'"},
}

// sound is the path of a closed store in which an audit finds nothing.
func sound(t *testing.T) string {
	t.Helper()
	soundOnce.Do(func() { soundFile = makeSound(t) })
	path := filepath.Join(t.TempDir(), "audited.db")
	if err := os.WriteFile(path, soundFile, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var (
	soundOnce sync.Once
	soundFile []byte
)

func makeSound(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sound.db")
	s := open(t, sqlite.Config{Path: path})
	w := storetest.NewWorld(t, s, 2)
	start := w.NewStart()
	start.Callback = 42
	need := store.Need{Reservations: []store.Reservation{{Project: w.Project, Key: "k", Execution: start.ID}}}
	w.MustCommit(need, func(l *store.Loaded, tx *storetest.Tx) {
		r := tx.Start(start, l.Now)
		tx.Metadata = append(tx.Metadata, store.Metadata{Workflow: r.Workflow, Execution: r.ID, Key: "k", Value: "v"})
		tx.Logs = append(tx.Logs, store.Log{Row: r, Attempt: 1, At: l.Now, Level: "info", Message: "m"})
		for i := range 2 {
			tx.Versions = append(tx.Versions, store.Version{Key: w.Key(), Workflow: w.Workflows[0], ID: w.ID(), Number: int32(i + 1), Label: string(rune('a' + i))})
		}
		tx.Keys = append(tx.Keys, store.Key{Key: w.Key(), Project: w.Project, PublicID: "abc", Scopes: []string{"admin"}})
	})
	w.Use(start.ID, w.File().ID)
	w.Claim(start.ID)
	w.Step(start.ID, "a", "1")
	w.CompleteWithCallback(start.ID)
	w.Signal(w.Start(), "go")
	w.Claim(w.Start())
	w.Audit()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// tamper runs statements on the file behind the store's back, with the guards off.
func tamper(t *testing.T, path, sql string) {
	t.Helper()
	conn, err := zs.OpenConn(path, zs.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}()
	var drop, create strings.Builder
	if err := sqlitex.ExecuteTransient(conn, "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'", &sqlitex.ExecOptions{
		ResultFunc: func(stmt *zs.Stmt) error {
			if !strings.Contains(sql, "DROP TRIGGER "+stmt.ColumnText(0)) {
				drop.WriteString("DROP TRIGGER " + stmt.ColumnText(0) + ";")
				create.WriteString(stmt.ColumnText(1) + ";")
			}
			return nil
		},
	}); err != nil {
		t.Fatal(err)
	}
	for script := drop.String() + sql + ";" + create.String(); strings.TrimSpace(script) != ""; {
		stmt, trailing, err := conn.PrepareTransient(script)
		if err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		script = script[len(script)-trailing:]
		if stmt == nil {
			break
		}
		if _, err := stmt.Step(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if err := stmt.Finalize(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAuditFindsEachViolation(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{}
	for _, v := range violations {
		covered[v.invariant] = true
		t.Run(v.invariant, func(t *testing.T) {
			t.Parallel()
			path := sound(t)
			tamper(t, path, v.sql)
			s := open(t, sqlite.Config{Path: path, ReadOnly: true})
			findings, err := s.Audit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, f := range findings {
				if f.Promise == "" || f.Subject == "" {
					t.Errorf("a finding without promise or subject: %+v", f)
				}
				found = found || f.Invariant == v.invariant
			}
			if !found {
				t.Errorf("%s\nis not found; found is %+v", v.sql, findings)
			}
		})
	}
	for _, i := range store.Invariants {
		if !covered[i.Name] {
			t.Errorf("no violation of %s is tried", i.Name)
		}
	}
}

// TestStepKinds holds the numbers in the SQL of the step index to the rule that chooses them.
func TestStepKinds(t *testing.T) {
	t.Parallel()
	var kinds []execution.EventKind
	for k := range execution.EventKind(execution.EventKinds + 1) {
		if k.RecordsStep() {
			kinds = append(kinds, k)
		}
	}
	if !slices.Equal(kinds, []execution.EventKind{7, 9, 21}) {
		t.Errorf("kinds %d record steps; the index journal_step and the queries that use it have 7, 9 and 21", kinds)
	}
}
