package postgres

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/storetest"
)

// violations break one invariant each, in a store that has a completed execution with a step, the oldest, a pending
// one that keeps a signal, and a running one. The guards are off while they run.
var violations = []struct {
	invariant string
	sql       string
}{
	{"database_sound", "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'executions_queue'::regclass"},
	{"database_sound", "UPDATE pg_constraint SET convalidated = false WHERE conname = 'status_known'"},
	{"guards_installed", "DROP TRIGGER executions_move ON executions"},
	{"guards_installed", "ALTER TABLE journal DISABLE TRIGGER journal_append_only"},
	{"identity", "UPDATE executions SET shard = (shard + 1) % 1024 WHERE status = 1"},
	{"identity", "UPDATE executions SET id = 'ffffffff-ffff-ffff-ffff-ffffffffffff', shard = 1023 WHERE status = 1"},
	{"identity", "UPDATE journal SET shard = (shard + 1) % 1024 WHERE kind = 7"},
	{"identity", "UPDATE files SET shard = (shard + 1) % 1024"},
	{"status_known", "UPDATE executions SET intended = 5 WHERE status = 1"},
	{"status_known", "ALTER TABLE executions DROP CONSTRAINT status_known, DROP CONSTRAINT final_is_completed; UPDATE executions SET status = 9 WHERE status = 1"},
	{"completed_when_final", "ALTER TABLE executions DROP CONSTRAINT final_is_completed; UPDATE executions SET completed_at = NULL WHERE status = 5"},
	{"times_in_order", "UPDATE executions SET started_at = completed_at + 1 WHERE status = 5"},
	{"lease_whole", "UPDATE executions SET session = (SELECT key FROM sessions), lease = gen_random_uuid() WHERE status = 1"},
	{"lease_whole", "ALTER TABLE executions DROP CONSTRAINT leased_has_session; UPDATE executions SET lease = NULL WHERE status = 2"},
	{"queued_when_eligible", "UPDATE executions SET ready_at = NULL WHERE status = 1"},
	{"queued_when_eligible", "UPDATE executions SET ready_at = 1 WHERE status = 2"},
	{"due_follows_rule", "UPDATE executions SET due_at = 5 WHERE status = 1"},
	{"due_follows_rule", "UPDATE executions SET deadline_at = 5 WHERE status = 1"},
	{"nothing_stuck", "UPDATE executions SET ready_at = NULL WHERE status = 1"},
	{"nothing_stuck", "UPDATE executions SET session = NULL, lease = NULL WHERE status = 2"},
	{"waiting_for_something", "UPDATE executions SET status = 3, session = NULL, lease = NULL, wake_at = NULL, due_at = NULL WHERE status = 2"},
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
	{"history_whole", "DELETE FROM journal WHERE kind = 3 AND execution = (SELECT id FROM executions WHERE status = 5)"},
	{"history_whole", "DELETE FROM journal WHERE execution = (SELECT id FROM executions WHERE status = 2)"},
	{"history_whole", "UPDATE journal SET revision = 7 WHERE kind = 7"},
	{"history_whole", "UPDATE journal SET kind = 99 WHERE kind = 3"},
	{"history_whole", "INSERT INTO journal SELECT execution, revision, at, actor, until, since, hash, value, attempt, try, (shard + 1) % 1024, kind, status, step, code, message, details, body FROM journal WHERE kind = 3 LIMIT 1"},
	{"history_begins", "UPDATE journal SET kind = 2 WHERE kind = 1"},
	{"history_ends", "UPDATE journal SET kind = 18 WHERE kind = 17"},
	{"history_ends", "UPDATE journal SET kind = 17 WHERE kind = 3"},
	{"history_in_time", "UPDATE journal SET at = at - 1000000000 WHERE kind = 3"},
	{"history_owned", "DELETE FROM executions WHERE status = 5"},
	{"step_once", "DROP INDEX journal_step; INSERT INTO journal SELECT execution, revision + 10, at, actor, until, since, hash, value, attempt, try, shard, kind, status, step, code, message, details, body FROM journal WHERE kind = 7"},
	{"steps_counted", "UPDATE executions SET steps = 0 WHERE status = 5"},
	{"catalog_whole", "DELETE FROM workflows"},
	{"catalog_whole", "UPDATE executions SET version = 99999 WHERE status = 1"},
	{"catalog_whole", "UPDATE workflows SET project = 99999"},
	{"catalog_whole", "UPDATE workflows SET current = 99999"},
	{"catalog_whole", "UPDATE sessions SET workflows = '{99999}'"},
	{"catalog_whole", "UPDATE sessions SET project = 99999"},
	{"catalog_whole", "UPDATE keys SET project = 99999"},
	{"catalog_whole", "UPDATE versions SET workflow = 99999"},
	{"names_unique", "DROP INDEX workflows_name; UPDATE workflows SET name = 'same'"},
	{"names_unique", "DROP INDEX versions_label; UPDATE versions SET label = 'same'"},
	{"names_unique", "ALTER TABLE versions DROP CONSTRAINT versions_number; UPDATE versions SET number = 1"},
	{"names_unique", "ALTER TABLE projects DROP CONSTRAINT projects_name_key; INSERT INTO projects SELECT 1, gen_random_uuid(), name, 1, 0 FROM projects"},
	{"names_unique", "ALTER TABLE keys DROP CONSTRAINT keys_public_id_key; INSERT INTO keys SELECT 1, project, gen_random_uuid(), public_id, name, hash, last4, scopes, workflows, 0, 1, NULL, NULL, NULL FROM keys"},
	{"keys_unique", "UPDATE keys SET key = (SELECT key FROM projects)"},
	{"keys_unique", "ALTER SEQUENCE drawn_keys RESTART WITH 1"},
	{"session_exists", "DELETE FROM sessions"},
	{"links_owned", "INSERT INTO approval_links SELECT hash, project, gen_random_uuid(), 1, 2, NULL, 0, 'boss' FROM keys"},
	{"links_owned", "INSERT INTO approval_links SELECT hash, project + 1, (SELECT id FROM executions WHERE status = 1), 1, 2, NULL, 0, 'boss' FROM keys"},
	{"secret_hashed", "ALTER TABLE keys DROP CONSTRAINT hash_is_sha256; UPDATE keys SET hash = '\\x0102'"},
	{"counts_agree", "UPDATE counters SET n = n + 1 WHERE level = 0"},
	{"counts_agree", "UPDATE counters SET n = n + 1 WHERE level = 1"},
	{"counts_agree", "UPDATE counters SET n = n + 1"},
	{"counts_agree", "INSERT INTO counters SELECT project, level, workflow, period, status, slot + 1, 1 FROM counters"},
	{"counts_agree", "DELETE FROM counters WHERE status = 5"},
	{"counts_agree", "UPDATE executions SET workflow = (SELECT max(key) FROM workflows) WHERE status = 5"},
	{"metadata_owned", "INSERT INTO metadata VALUES (1, 'k', 'v', gen_random_uuid(), 0)"},
	{"metadata_owned", "UPDATE metadata SET workflow = (SELECT max(key) FROM workflows)"},
	{"logs_owned", "UPDATE logs SET execution = gen_random_uuid()"},
	{"logs_owned", "INSERT INTO logs SELECT execution, at, attempt, i, shard, step, level, message, fields FROM logs, generate_series(2, 1100) AS i"},
	{"files_owned", "UPDATE files SET project = 99999"},
	{"files_owned", "DELETE FROM files"},
	{"files_owned", "INSERT INTO file_uses SELECT gen_random_uuid(), id, 0 FROM files"},
	{"files_expire", "UPDATE files SET expires_at = 5"},
	{"files_expire", "DELETE FROM file_uses"},
	{"idempotency_agrees", "UPDATE executions SET project = 99999"},
	{"redaction_kept", "INSERT INTO tombstones SELECT id, project, 1, 0, shard, false FROM executions WHERE status = 5"},
	{"redaction_kept", "INSERT INTO tombstones SELECT id, project, 1, 0, shard, true FROM executions WHERE status = 5"},
	{"redaction_kept", "DELETE FROM file_uses; UPDATE journal SET body = NULL, details = NULL, message = NULL; INSERT INTO tombstones SELECT id, project, 1, 0, shard, true FROM executions WHERE status = 5"},
	{"redaction_kept", "DELETE FROM metadata; DELETE FROM logs; UPDATE journal SET body = NULL, details = NULL, message = NULL; INSERT INTO tombstones SELECT id, project, 1, 0, shard, true FROM executions WHERE status = 5"},
	{"callback_once", "DELETE FROM deliveries"},
	{"callback_once", "INSERT INTO deliveries SELECT gen_random_uuid(), project, endpoint, execution, destination, revision, at, due_at, ended_at, attempt, attempts, base, shard, type, status, state, error FROM deliveries"},
	{"callback_once", "UPDATE executions SET callback = 5 WHERE status = 1; INSERT INTO deliveries SELECT gen_random_uuid(), project, NULL, (SELECT id FROM executions WHERE status = 1), destination, revision, at, due_at, ended_at, attempt, attempts, base, shard, type, status, state, error FROM deliveries"},
	{"deliveries_owned", "UPDATE deliveries SET execution = gen_random_uuid()"},
	{"deliveries_owned", "UPDATE deliveries SET execution = NULL"},
	{"deliveries_owned", "UPDATE deliveries SET endpoint = 99999"},
	{"deliveries_owned", "UPDATE deliveries SET project = 99999"},
	{"attempts_counted", "UPDATE deliveries SET attempts = 1"},
	{"attempts_counted", "INSERT INTO delivery_attempts VALUES (gen_random_uuid(), 1, 1, 1, 200, 0, NULL, NULL)"},
	{"catalog_whole", "INSERT INTO endpoints VALUES (1, 99999, gen_random_uuid(), '', '', 4, NULL, '', 1, 1, NULL)"},
	{"catalog_whole", "INSERT INTO signing_secrets SELECT key, 99999, 1, '\\x01', '', 1, NULL FROM projects"},
	{"catalog_whole", "INSERT INTO signing_secrets VALUES (99999, 0, 1, '\\x01', '', 1, NULL)"},
	{"timeline_named", "DELETE FROM meta WHERE name = 'epoch'"},
}

// makeSound fills a store in which an audit finds nothing.
func makeSound(t *testing.T, s *Store) {
	t.Helper()
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
}

// TestAuditFindsEachViolation breaks the data within a transaction, audits what that sees, and takes it back.
func TestAuditFindsEachViolation(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{}
	for _, v := range violations {
		covered[v.invariant] = true
	}
	for _, i := range store.Invariants {
		if !covered[i.Name] {
			t.Errorf("no violation of %s is tried", i.Name)
		}
	}
	for _, version := range pgtest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s, err := Open(t.Context(), Options{DSN: pgtest.Shared(t, version).Database(t)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			makeSound(t, s)
			if err := s.alter(t.Context(), func(c *conn) error {
				for _, v := range violations {
					findings, err := tampered(t, c, v.sql)
					if err != nil {
						return err
					}
					if !slices.ContainsFunc(findings, func(f store.Finding) bool { return f.Invariant == v.invariant }) {
						t.Errorf("%s:\n%s\nis not found; found is %+v", v.invariant, v.sql, findings)
					}
					for _, f := range findings {
						if f.Promise == "" || f.Subject == "" {
							t.Errorf("a finding without promise or subject: %+v", f)
						}
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if findings, err := s.Audit(t.Context()); err != nil || len(findings) > 0 {
				t.Errorf("in the end: %+v, %v", findings, err)
			}
		})
	}
}

// tampered is what an audit finds after statements that were run behind the store's back, with the guards off.
func tampered(t *testing.T, c *conn, sql string) ([]store.Finding, error) {
	t.Helper()
	if err := script(t.Context(), c, "BEGIN; SET LOCAL allow_system_table_mods = on; SET LOCAL session_replication_role = replica; "+sql); err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	findings, err := inspect(&view{t.Context(), c})
	return findings, errors.Join(err, script(t.Context(), c, "ROLLBACK"))
}
