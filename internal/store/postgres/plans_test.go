package postgres

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store"
)

// crowd fills a database behind the store's back with executions of 20 workflows, their metadata, deliveries and files. All
// but three are completed and delivered, and those are the oldest.
const crowd = `
INSERT INTO projects VALUES (1, gen_random_uuid(), 'p', 1, 0);
INSERT INTO workflows (key, project, id, name, created_at, updated_at, retention, timeout, closed)
	SELECT 1 + w, 1, gen_random_uuid(), convert_to('w' || w, 'UTF8'), 1, 1, 0, 0, false FROM generate_series(1, 20) AS w;
INSERT INTO executions (id, shard, project, workflow, version, trigger_type, priority, status, strikes, intended, why, revision, attempt, steps,
	failures, finalizers, bytes, cancel_reason, completed_at, updated_at, ready_at, inbox)
	SELECT (lpad(to_hex(1700000000000 + i), 12, '0') || '70008000000000000000')::uuid, 0, 1, 2 + i %% 20, 0, (i %% 50 = 0)::integer, 0,
	CASE WHEN i <= 3 THEN 1 ELSE 5 END, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, CASE WHEN i > 3 THEN 1 END, 1, CASE WHEN i <= 3 THEN 1 END,
	CASE WHEN i <= 1 OR i %% 7 = 0 THEN convert_to('{"w":[{"s":"a","k":"approval","n":"a","at":1,"r":1}]}', 'UTF8') END
	FROM generate_series(1, %d) AS i;
INSERT INTO metadata SELECT workflow, 'customer', convert_to('c' || get_byte(uuid_send(id), 5), 'UTF8'), id, shard FROM executions;
INSERT INTO journal (execution, revision, at, actor, attempt, shard, kind, status, body)
	SELECT id, 1, 1, 0, 0, shard, 1, 1, '{}' FROM executions;
INSERT INTO deliveries (id, project, endpoint, execution, destination, revision, at, due_at, ended_at, attempt, attempts, base, shard, type, status, state)
	SELECT id, 1, 7 + get_byte(uuid_send(id), 5) %% 2, id, get_byte(uuid_send(id), 5), 1, 1, CASE WHEN status = 1 THEN 5 END,
	CASE WHEN status = 5 THEN 5 END, 0, 0, 0, shard, 1, 1, CASE WHEN status = 1 THEN 0 ELSE 1 END FROM executions;
INSERT INTO files SELECT id, 1, 10, 1, 5, shard, decode(repeat('00', 32), 'hex'), 'f', 'm' FROM executions;
`

// TestReadsTakeFewPages holds each read that gives a page to what it may look at in a table that has many rows, whether the
// planner knows that or believes the table to be as small as it was. The server itself tells what a read looked at.
func TestReadsTakeFewPages(t *testing.T) {
	t.Parallel()
	list := func(edit func(*store.ListQuery)) func(*Store) (int, error) {
		return func(s *Store) (int, error) {
			q := store.ListQuery{Project: 1, Limit: 50, Slice: time.Nanosecond}
			edit(&q)
			page, err := s.List(t.Context(), q)
			if err != nil {
				return 0, err
			}
			return len(page.Items), nil
		}
	}
	deliveries := func(q store.DeliveryQuery) func(*Store) (int, error) {
		return func(s *Store) (int, error) {
			q := q // both versions of the server are asked at once
			q.Project, q.Limit = 1, 50
			found, err := s.Deliveries(t.Context(), q)
			return len(found), err
		}
	}
	pending := []store.DeliveryState{store.DeliveryPending}
	reads := []struct {
		name  string
		read  func(*Store) (int, error)
		least int // what it finds
	}{
		{"all executions", list(func(*store.ListQuery) {}), 50},
		{"executions with payloads", list(func(q *store.ListQuery) { q.Payloads = true }), 50},
		{"executions of a rare status", list(func(q *store.ListQuery) { q.Status = execution.SetOf(execution.Pending) }), 3},
		{"executions of a usual status", list(func(q *store.ListQuery) { q.Status = execution.SetOf(execution.Completed) }), 50},
		{"executions of a status that none has", list(func(q *store.ListQuery) { q.Status = execution.SetOf(execution.Failed) }), 0},
		{"executions of a workflow", list(func(q *store.ListQuery) { q.Workflows = []int64{5} }), 50},
		{"executions by a rare trigger", list(func(q *store.ListQuery) { q.Triggers = []execution.Trigger{1} }), 50},
		{"executions by a trigger that none has", list(func(q *store.ListQuery) { q.Triggers = []execution.Trigger{2} }), 0},
		{"executions by the usual trigger", list(func(q *store.ListQuery) { q.Triggers = []execution.Trigger{0} }), 1},
		{"executions by metadata", list(func(q *store.ListQuery) { q.Metadata = map[string]string{"customer": "c7"} }), 1},
		{"executions by text", list(func(q *store.ListQuery) { q.Text = "no" }), 0},
		{"executions that await an approval", list(func(q *store.ListQuery) { q.Awaiting.Kind = execution.WaitForApproval }), 1},
		{"executions that await what none does", list(func(q *store.ListQuery) { q.Awaiting = execution.WaitFilter{Kind: "signal", Name: "x"} }), 0},
		{"a sample", func(s *Store) (int, error) {
			found, err := s.Sample(t.Context(), store.SampleQuery{Project: 1, Workflows: []int64{5, 6}, Status: execution.Final, Spans: []store.Span{{}}, Each: 50})
			return len(found), err
		}, 100},
		{"the oldest of queues", func(s *Store) (int, error) {
			found, err := s.Oldest(t.Context(), []int64{1, 2, 3, 4, 5, 6})
			return len(found), err
		}, 3},
		{"deliveries", deliveries(store.DeliveryQuery{}), 50},
		{"deliveries of a rare state", deliveries(store.DeliveryQuery{States: pending}), 3},
		{"deliveries of an endpoint", deliveries(store.DeliveryQuery{Endpoint: 7, States: pending}), 1},
		{"deliveries of an execution", deliveries(store.DeliveryQuery{Execution: execution.MakeID(1700000000007, 0, 0)}), 1},
		{"due deliveries", func(s *Store) (int, error) {
			page, err := s.DueDeliveries(t.Context(), store.DueQuery{Now: 100, Each: 10, Limit: 50})
			if err != nil {
				return 0, err
			}
			return len(page.Due), nil
		}, 3},
		{"ended deliveries", func(s *Store) (int, error) {
			found, err := s.EndedDeliveries(t.Context(), 7, 1<<60, 50)
			return len(found), err
		}, 50},
		{"files", func(s *Store) (int, error) {
			found, err := s.Files(t.Context(), store.FileQuery{Project: 1, Limit: 50})
			return len(found), err
		}, 50},
		{"expired files", func(s *Store) (int, error) {
			found, err := s.ExpiredFiles(t.Context(), 100, 50)
			return len(found), err
		}, 50},
	}
	for _, version := range pgtest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			server := pgtest.Start(t, pgtest.Options{Version: version, Settings: map[string]string{
				"session_preload_libraries": "auto_explain", "auto_explain.log_min_duration": "0", "auto_explain.log_analyze": "on",
				"auto_explain.log_buffers": "on", "auto_explain.log_timing": "off", "log_min_messages": "log", "autovacuum": "off",
			}})
			s, err := Open(t.Context(), Options{DSN: server.Database(t)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			run := func(sql string) {
				t.Helper()
				if err := s.alter(t.Context(), func(c *conn) error { return script(t.Context(), c, sql) }); err != nil {
					t.Fatal(err)
				}
			}
			run("ANALYZE") // nothing is there
			const rows = 40_000
			run(fmt.Sprintf(crowd, rows))
			for _, knows := range []string{"empty", "full"} {
				if knows == "full" {
					run("ANALYZE")
				}
				for _, r := range reads {
					// Statements that are prepared get a plan for all parameters after some runs.
					for range 7 {
						before := len(server.WholeLog(t))
						n, err := r.read(s)
						if err != nil || n < r.least {
							t.Fatalf("%s: %d found, want %d; %v", r.name, n, r.least, err)
						}
						log := server.WholeLog(t)[before:]
						if pages := touched(t, log); pages == 0 || pages > 400 {
							t.Errorf("%s, while the planner believes the tables to be %s: %d pages\n%s", r.name, knows, pages, log)
							break
						}
					}
				}
			}
		})
	}
}

var buffers = regexp.MustCompile(`(hit|read)=(\d+)`)

// touched is the most pages that one statement of the log looked at.
func touched(t *testing.T, log string) (most int) {
	t.Helper()
	for _, plan := range strings.Split(log, "plan:\n")[1:] {
		_, rest, found := strings.Cut(plan, "Buffers: ")
		if !found {
			continue
		}
		line, _, _ := strings.Cut(rest, "\n")
		n := 0
		for _, m := range buffers.FindAllStringSubmatch(line, -1) {
			k, err := strconv.Atoi(m[2])
			if err != nil {
				t.Fatal(err)
			}
			n += k
		}
		most = max(most, n)
	}
	return most
}
