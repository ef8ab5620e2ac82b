package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/postgres"
)

// fixture drives a store as the engine does, without its queues.
type fixture struct {
	tb      testing.TB
	s       *postgres.Store
	server  *pgtest.Server
	admin   *pgx.Conn
	random  *rand.Rand
	millis  int64
	counter uint16
	keys    int
	need    store.Need
	changes store.Changes
	input   []byte
}

const (
	benchProject  = 1
	benchSession  = 5
	benchWorkflow = 10
)

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	version := pgtest.Versions()[0]
	server := pgtest.Shared(tb, version)
	if _, ok := tb.(*testing.B); ok {
		server = durable(tb, version)
	}
	dsn := server.Database(tb)
	f := &fixture{
		tb: tb, s: open(tb, postgres.Options{DSN: dsn}), server: server, random: rand.New(rand.NewPCG(1, 2)),
		input: []byte(`{"document":"invoice-2026-0001.pdf","amount":1234.56,"currency":"EUR"}`), millis: time.Now().UnixMilli(),
	}
	var err error
	if f.admin, err = pgx.Connect(tb.Context(), dsn); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = f.admin.Close(context.WithoutCancel(tb.Context())) })
	f.commit(func(_ *store.Loaded, c *store.Changes) {
		c.Projects = append(c.Projects, store.Project{Key: benchProject, ID: f.id(), Name: "default"})
		c.Workflows = append(c.Workflows, store.Workflow{Key: benchWorkflow, Project: benchProject, ID: f.id(), Name: "workflow"})
		c.Sessions = append(c.Sessions, store.Session{Key: benchSession, Project: benchProject, ID: f.id(), Workflows: []int64{benchWorkflow}})
	})
	return f
}

// durables are servers for benchmarks, by version: they write through to the disk.
var durables = map[string]*pgtest.Server{}

func durable(tb testing.TB, version string) *pgtest.Server {
	tb.Helper()
	s := durables[version]
	if s == nil {
		var err error
		s, err = pgtest.Run(context.WithoutCancel(tb.Context()), pgtest.Options{
			Version: version, Durable: true, Settings: map[string]string{"shared_buffers": "512MB", "max_wal_size": "4GB"},
		})
		if err != nil {
			tb.Skip(err)
		}
		durables[version] = s
	}
	return s
}

func (f *fixture) id() execution.ID {
	if f.counter++; f.counter > 0x0fff {
		f.counter = 0
		f.millis++
	}
	return execution.MakeID(f.millis, f.counter, f.random.Uint64())
}

// commit runs one transaction with the fixture's need.
func (f *fixture) commit(decide func(*store.Loaded, *store.Changes)) {
	f.tb.Helper()
	if err := f.s.Commit(f.tb.Context(), &f.need, func(l *store.Loaded) *store.Changes {
		f.changes.Reset()
		decide(l, &f.changes)
		return &f.changes
	}); err != nil {
		f.tb.Fatal(err)
	}
	f.need.Reset()
}

func (f *fixture) count(c *store.Changes, r *store.Row, status execution.Status, n int64) {
	c.Counts[store.CountKey{Project: r.Project, Workflow: r.Workflow, Status: status, Hour: store.HourOf(r.ID)}] += n
}

var lease = execution.Lease{1, 2, 3}

// start starts executions, with idempotency keys and claimed at once when told to.
func (f *fixture) start(n int, keyed, claim bool) []execution.ID {
	f.tb.Helper()
	ids := make([]execution.ID, n)
	for i := range ids {
		ids[i] = f.id()
		if keyed {
			f.keys++
			f.need.Reservations = append(f.need.Reservations, store.Reservation{
				Project: benchProject, Key: fmt.Sprintf("0198c0de-%012d-key", f.keys), Hash: uint64(f.keys), Execution: ids[i],
			})
		}
	}
	f.commit(func(l *store.Loaded, c *store.Changes) {
		rows := make([]store.Row, n)
		for i, id := range ids {
			r := &rows[i]
			var e execution.Event
			r.Execution, e = execution.New(execution.Start{
				ID: id, Project: benchProject, Workflow: benchWorkflow, Actor: execution.Actor{Kind: execution.ActorKey, Ref: 3}, Input: f.input,
			}, l.Now)
			c.Events = append(c.Events, store.RowEvent{Row: r, Event: e})
			if claim {
				e, err := r.Claim(execution.Claim{Session: benchSession, Lease: lease}, l.Now)
				if err != nil {
					f.tb.Fatal(err)
				}
				c.Events = append(c.Events, store.RowEvent{Row: r, Event: e})
			}
			c.Insert = append(c.Insert, r)
			f.count(c, r, r.Status, 1)
		}
	})
	return ids
}

// change loads executions and applies a rule to each.
func (f *fixture) change(ids []execution.ID, steps []string, rule func(*store.Row, execution.Time) (execution.Event, error)) {
	f.tb.Helper()
	for _, id := range ids {
		f.need.Executions = append(f.need.Executions, id)
		for _, s := range steps {
			f.need.Steps = append(f.need.Steps, store.StepRef{Execution: id, Step: s})
		}
	}
	f.commit(func(l *store.Loaded, c *store.Changes) {
		for _, r := range l.Executions {
			f.apply(l, c, r, rule)
		}
	})
}

func (f *fixture) apply(l *store.Loaded, c *store.Changes, r *store.Row, rule func(*store.Row, execution.Time) (execution.Event, error)) {
	f.tb.Helper()
	from, was := r.Revision, r.Status
	e, err := rule(r, l.Now)
	if err != nil {
		f.tb.Fatal(err)
	}
	c.Events = append(c.Events, store.RowEvent{Row: r, Event: e})
	c.Update = append(c.Update, store.Update{Row: r, From: from})
	if r.Status != was {
		f.count(c, r, was, -1)
		f.count(c, r, r.Status, 1)
	}
}

var output = []byte(`{"pages":3,"text":"lorem ipsum dolor sit amet"}`)

func (f *fixture) step(ids []execution.ID, name string) {
	f.tb.Helper()
	f.change(ids, []string{name}, func(r *store.Row, now execution.Time) (execution.Event, error) {
		return r.CompleteStep(lease, execution.StepCompleted{Step: name, Output: output}, now)
	})
}

func (f *fixture) complete(ids []execution.ID) {
	f.tb.Helper()
	f.change(ids, nil, func(r *store.Row, now execution.Time) (execution.Event, error) { return r.Complete(lease, output, now) })
}

// claim takes executions from the queue.
func (f *fixture) claim(n int) {
	f.tb.Helper()
	f.need.Claims = append(f.need.Claims, store.ClaimNeed{Workflow: benchWorkflow, Limit: n})
	f.commit(func(l *store.Loaded, c *store.Changes) {
		if len(l.Claims[0]) != n {
			f.tb.Fatalf("claimed %d of %d", len(l.Claims[0]), n)
		}
		for _, x := range l.Claims[0] {
			f.apply(l, c, x.Row, func(r *store.Row, now execution.Time) (execution.Event, error) {
				return r.Claim(execution.Claim{Session: benchSession, Lease: lease}, now)
			})
		}
	})
}

// measure runs f until b.N commands are through, and reports what each cost: time, log and trips to the database.
func (f *fixture) measure(b *testing.B, batch int, run func(n int)) {
	b.Helper()
	log := func() (bytes int64) {
		if err := f.admin.QueryRow(b.Context(), "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").Scan(&bytes); err != nil {
			b.Fatal(err)
		}
		return bytes
	}
	written, trips, worked := log(), f.trips(), f.work()
	b.ResetTimer()
	for left := b.N; left > 0; left -= batch {
		run(min(batch, left))
	}
	b.StopTimer()
	b.ReportMetric(float64(log()-written)/float64(b.N), "wal-B/op")
	if worked > 0 {
		b.ReportMetric(float64((f.work()-worked).Microseconds())/float64(b.N), "server-µs/op")
	}
	b.ReportMetric(float64(f.trips()-trips)*float64(batch)/float64(b.N), "trips/commit")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

func BenchmarkCommit(b *testing.B) {
	for _, batch := range []int{64, 256} {
		b.Run(fmt.Sprint("start/", batch), func(b *testing.B) {
			f := newFixture(b)
			f.measure(b, batch, func(n int) { f.start(n, false, false) })
		})
		b.Run(fmt.Sprint("start-keyed/", batch), func(b *testing.B) {
			f := newFixture(b)
			f.measure(b, batch, func(n int) { f.start(n, true, false) })
		})
		b.Run(fmt.Sprint("claim/", batch), func(b *testing.B) {
			f := newFixture(b)
			for n := b.N; n > 0; n -= 1000 {
				f.start(min(n, 1000), false, false)
			}
			f.measure(b, batch, func(n int) { f.claim(n) })
		})
		b.Run(fmt.Sprint("step/", batch), func(b *testing.B) {
			f := newFixture(b)
			var sets [][]execution.ID // each execution has ten steps
			for n := b.N; n > 0; n -= 10 * batch {
				sets = append(sets, f.start(batch, false, true))
			}
			i := 0
			f.measure(b, batch, func(n int) { f.step(sets[i/10][:n], fmt.Sprint("step-", i%10)); i++ })
		})
		b.Run(fmt.Sprint("life/", batch), func(b *testing.B) {
			f := newFixture(b)
			f.measure(b, batch, func(n int) { f.complete(f.start(n, true, true)) })
		})
	}
}

func (f *fixture) trips() int64 {
	f.tb.Helper()
	h, err := f.s.Health(f.tb.Context())
	if err != nil {
		f.tb.Fatal(err)
	}
	return h[0].RoundTrips
}

// work is the processor time of the database's processes that serve this store, zero where that cannot be told.
func (f *fixture) work() (total time.Duration) {
	f.tb.Helper()
	rows, err := f.admin.Query(f.tb.Context(), "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'sojourn'")
	if err != nil {
		f.tb.Fatal(err)
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		f.tb.Fatal(err)
	}
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0
		}
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		for _, i := range []int{11, 12} { // in user and in system mode, in hundredths of a second
			n, err := strconv.Atoi(fields[i])
			if err != nil {
				return 0
			}
			total += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return total
}
