package sqlite

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// fixture drives a store as the engine does, without its queues.
type fixture struct {
	tb        testing.TB
	s         *Store
	random    *rand.Rand
	millis    int64
	counter   uint16
	keys      int
	need      store.Need
	changes   store.Changes
	input     []byte
	workflows []int64
}

func newFixture(tb testing.TB, c Config, workflows int) *fixture {
	tb.Helper()
	if c.Path == "" && !c.Memory {
		c.Path = tb.TempDir()
	}
	s, err := Open(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	f := &fixture{tb: tb, s: s, random: rand.New(rand.NewPCG(1, 2)), input: []byte(`{"document":"invoice-2026-0001.pdf","amount":1234.56,"currency":"EUR"}`)}
	f.millis = time.Now().UnixMilli()
	f.commit(func(l *store.Loaded, c *store.Changes) {
		c.Projects = append(c.Projects, store.Project{Key: 1, ID: f.id(), Name: "default"})
		for i := range workflows {
			f.workflows = append(f.workflows, int64(10+i))
			c.Workflows = append(c.Workflows, store.Workflow{Key: int64(10 + i), Project: 1, ID: f.id(), Name: fmt.Sprint("workflow-", i)})
		}
		c.Sessions = append(c.Sessions, store.Session{Key: 5, Project: 1, ID: f.id(), Workflows: f.workflows})
	})
	return f
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
	f.changes.Reset()
	if err := f.s.Commit(f.tb.Context(), &f.need, func(l *store.Loaded) *store.Changes {
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

// start starts executions, each with an idempotency key, and claims them at once when told to.
func (f *fixture) start(n int, claim bool) []execution.ID {
	f.tb.Helper()
	ids := make([]execution.ID, n)
	for i := range ids {
		ids[i] = f.id()
		f.keys++
		f.need.Reservations = append(f.need.Reservations, store.Reservation{
			Project: 1, Key: fmt.Sprintf("0198c0de-%012d-key", f.keys), Hash: uint64(f.keys), Execution: ids[i],
		})
	}
	f.commit(func(l *store.Loaded, c *store.Changes) {
		rows := make([]store.Row, n)
		for i, id := range ids {
			r := &rows[i]
			var e execution.Event
			r.Execution, e = execution.New(execution.Start{
				ID: id, Project: 1, Workflow: f.workflows[i%len(f.workflows)], Actor: execution.Actor{Kind: execution.ActorKey, Ref: 3}, Input: f.input,
			}, l.Now)
			c.Events = append(c.Events, store.RowEvent{Row: r, Event: e})
			if claim {
				e, err := r.Claim(execution.Claim{Session: 5, Lease: execution.Lease{1, 2, 3}}, l.Now)
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
func (f *fixture) change(ids []execution.ID, steps []string, rule func(*store.Row, execution.Time) []execution.Event) {
	f.tb.Helper()
	for _, id := range ids {
		f.need.Executions = append(f.need.Executions, id)
		for _, s := range steps {
			f.need.Steps = append(f.need.Steps, store.StepRef{Execution: id, Step: s})
		}
	}
	f.commit(func(l *store.Loaded, c *store.Changes) {
		for _, r := range l.Executions {
			from, was := r.Revision, r.Status
			for _, e := range rule(r, l.Now) {
				c.Events = append(c.Events, store.RowEvent{Row: r, Event: e})
			}
			c.Update = append(c.Update, store.Update{Row: r, From: from})
			if r.Status != was {
				f.count(c, r, was, -1)
				f.count(c, r, r.Status, 1)
			}
		}
	})
}

var output = []byte(`{"pages":3,"text":"lorem ipsum dolor sit amet"}`)

func (f *fixture) step(ids []execution.ID, names ...string) {
	f.tb.Helper()
	f.change(ids, names, func(r *store.Row, now execution.Time) []execution.Event {
		var events []execution.Event
		for _, n := range names {
			e, err := r.CompleteStep(execution.Lease{1, 2, 3}, execution.StepCompleted{Step: n, Output: output}, now)
			if err != nil {
				f.tb.Fatal(err)
			}
			events = append(events, e)
		}
		return events
	})
}

func (f *fixture) complete(ids []execution.ID) {
	f.tb.Helper()
	f.change(ids, nil, func(r *store.Row, now execution.Time) []execution.Event {
		e, err := r.Complete(execution.Lease{1, 2, 3}, output, now)
		if err != nil {
			f.tb.Fatal(err)
		}
		return []execution.Event{e}
	})
}

// claim takes executions from the queue.
func (f *fixture) claim(workflow int64, n int) {
	f.tb.Helper()
	f.need.Claims = append(f.need.Claims, store.ClaimNeed{Workflow: workflow, Limit: n})
	f.commit(func(l *store.Loaded, c *store.Changes) {
		if len(l.Claims[0]) != n {
			f.tb.Fatalf("claimed %d of %d", len(l.Claims[0]), n)
		}
		for _, x := range l.Claims[0] {
			r := x.Row
			from := r.Revision
			e, err := r.Claim(execution.Claim{Session: 5, Lease: execution.Lease{1, 2, 3}}, l.Now)
			if err != nil {
				f.tb.Fatal(err)
			}
			c.Events = append(c.Events, store.RowEvent{Row: r, Event: e})
			c.Update = append(c.Update, store.Update{Row: r, From: from})
			f.count(c, r, execution.Pending, -1)
			f.count(c, r, execution.Running, 1)
		}
	})
}

// measure runs f until b.N commands are through and reports the time and processor time of each.
func measure(b *testing.B, batch int, f func(n int)) {
	b.Helper()
	began := cpu()
	b.ResetTimer()
	for left := b.N; left > 0; left -= batch {
		f(min(batch, left))
	}
	b.StopTimer()
	b.ReportMetric(float64((cpu()-began).Nanoseconds())/float64(b.N)/1000, "cpu-µs/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

func BenchmarkCommit(b *testing.B) {
	for _, batch := range []int{1, 64, 256} {
		b.Run(fmt.Sprint("start/", batch), func(b *testing.B) {
			f := newFixture(b, Config{}, 1)
			measure(b, batch, func(n int) { f.start(n, false) })
		})
		b.Run(fmt.Sprint("start-claimed/", batch), func(b *testing.B) {
			f := newFixture(b, Config{}, 1)
			measure(b, batch, func(n int) { f.start(n, true) })
		})
		b.Run(fmt.Sprint("claim/", batch), func(b *testing.B) {
			f := newFixture(b, Config{}, 1)
			for n := b.N; n > 0; n -= 1000 {
				f.start(min(n, 1000), false)
			}
			measure(b, batch, func(n int) { f.claim(10, n) })
		})
		b.Run(fmt.Sprint("step/", batch), func(b *testing.B) {
			f := newFixture(b, Config{}, 1)
			var sets [][]execution.ID // each execution has ten steps
			for n := b.N; n > 0; n -= 10 * batch {
				sets = append(sets, f.start(batch, true))
			}
			i := 0
			measure(b, batch, func(n int) { f.step(sets[i/10][:n], fmt.Sprint("step-", i%10)); i++ })
		})
		b.Run(fmt.Sprint("ten-steps-in-one-report/", batch), func(b *testing.B) {
			f := newFixture(b, Config{}, 1)
			var ids []execution.ID
			for n := b.N; n > 0; n -= 1000 {
				ids = append(ids, f.start(min(n, 1000), true)...)
			}
			names := make([]string, 10)
			for k := range names {
				names[k] = fmt.Sprint("step-", k)
			}
			measure(b, batch, func(n int) { f.step(ids[:n], names...); ids = ids[n:] })
		})
		b.Run(fmt.Sprint("complete/", batch), func(b *testing.B) {
			f := newFixture(b, Config{}, 1)
			var ids []execution.ID
			for n := b.N; n > 0; n -= 1000 {
				ids = append(ids, f.start(min(n, 1000), true)...)
			}
			measure(b, batch, func(n int) { f.complete(ids[:n]); ids = ids[n:] })
		})
	}
}
