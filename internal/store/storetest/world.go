package storetest

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// World drives a store as an engine does: it applies rules to executions, and saves their events and the counters with
// them. It has one project with a few workflows, and one worker session. In a store with cells all that it makes is in
// one of them, since its transactions are about any of it.
type World struct {
	T         testing.TB
	Store     store.Store
	Project   int64
	Workflows []int64
	Session   int64
	Random    *rand.Rand // seeded: the same in every run

	cell    int // of a store.Celled
	millis  int64
	counter uint16
	now     execution.Time
}

// Lease is the lease under which a World's executions are held.
var Lease = execution.Lease{1, 2, 3}

// NewWorld fills an empty store with a project, workflows and a session.
func NewWorld(t testing.TB, s store.Store, workflows int) *World {
	t.Helper()
	w := &World{T: t, Store: s, Random: rand.New(rand.NewPCG(7, 11)), millis: s.Now().Std().UnixMilli()}
	if c, ok := s.(store.Celled); ok {
		w.cell = c.Cells() - 1
	}
	w.Project = w.Key()
	w.Session = w.Key()
	for range workflows {
		w.Workflows = append(w.Workflows, w.Key())
	}
	w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
		tx.Projects = append(tx.Projects, store.Project{Key: w.Project, ID: w.ID(), Name: fmt.Sprint("project-", w.Project), CreatedAt: l.Now})
		for i, key := range w.Workflows {
			f := store.Workflow{Key: key, Project: w.Project, ID: w.ID(), Name: fmt.Sprint("workflow-", i), CreatedAt: l.Now, UpdatedAt: l.Now}
			tx.Workflows = append(tx.Workflows, f)
		}
		tx.Sessions = append(tx.Sessions, store.Session{
			Key: w.Session, Project: w.Project, ID: w.ID(), Name: "worker", SDK: "test", Workflows: slices.Clone(w.Workflows),
			Capacity: 100, CreatedAt: l.Now, SeenAt: l.Now, ExpiresAt: l.Now.Add(time.Minute),
		})
	})
	return w
}

// Key draws an integer key.
func (w *World) Key() int64 {
	w.T.Helper()
	key, err := w.Store.NewKey(w.T.Context())
	if err != nil {
		w.T.Fatal(err)
	}
	return key
}

// ID mints an id, each later than the one before.
func (w *World) ID() execution.ID {
	if w.counter++; w.counter > 0x0fff {
		w.counter = 0
		w.millis++
	}
	id := execution.MakeID(w.millis, w.counter, w.Random.Uint64())
	if c, ok := w.Store.(store.Celled); ok {
		for c.CellOf(id.Shard()) != w.cell {
			id = execution.MakeID(w.millis, w.counter, w.Random.Uint64())
		}
	}
	return id
}

// IDAt mints an id of the given time. Times must not fall from call to call, nor mix with those of ID.
func (w *World) IDAt(at execution.Time) execution.ID {
	if ms := int64(at) / 1000; ms > w.millis || w.counter == 0 {
		w.millis, w.counter = ms, 0
	}
	return w.ID()
}

// SetTime makes ID and IDAt go on from the instant.
func (w *World) SetTime(at execution.Time) { w.millis, w.counter = int64(at)/1000, 0 }

// Later is a time that advances by up to an hour from call to call, for rules that need it to pass.
func (w *World) Later() execution.Time {
	w.now = max(w.now, w.Store.Now()).Add(time.Duration(w.Random.Int64N(int64(time.Hour))))
	return w.now
}

// Tx is what one transaction changes.
type Tx struct {
	store.Changes
	w *World
}

// Start makes an execution and saves it.
func (tx *Tx) Start(s execution.Start, now execution.Time) *store.Row {
	r := new(store.Row)
	var e execution.Event
	r.Execution, e = execution.New(s, now)
	tx.Insert = append(tx.Insert, r)
	tx.Events = append(tx.Events, store.RowEvent{Row: r, Event: e})
	tx.Count(r, r.Status, 1)
	return r
}

// Apply applies a rule to an execution that was loaded or started, and saves what it did.
func (tx *Tx) Apply(r *store.Row, rule func(*store.Row) ([]execution.Event, error)) error {
	from, was := r.Revision, r.Status
	events, err := rule(r)
	if err != nil || len(events) == 0 {
		return err
	}
	for _, e := range events {
		tx.Events = append(tx.Events, store.RowEvent{Row: r, Event: e})
	}
	if !slices.Contains(tx.Insert, r) && !slices.ContainsFunc(tx.Update, func(u store.Update) bool { return u.Row == r }) {
		tx.Update = append(tx.Update, store.Update{Row: r, From: from})
	}
	tx.Count(r, was, -1)
	tx.Count(r, r.Status, 1)
	return nil
}

// Count adds to the counter of the execution's hour.
func (tx *Tx) Count(r *store.Row, status execution.Status, n int64) {
	tx.Counts[store.CountKey{Project: r.Project, Workflow: r.Workflow, Status: status, Hour: store.HourOf(r.ID)}] += n
}

// Commit runs one transaction. A store may ask for a decision more than once, so decide leaves nothing behind but what the
// next one replaces.
func (w *World) Commit(need store.Need, decide func(*store.Loaded, *Tx)) error {
	w.T.Helper()
	return w.Store.Commit(w.T.Context(), &need, func(l *store.Loaded) *store.Changes {
		tx := &Tx{w: w}
		tx.Reset()
		decide(l, tx)
		return &tx.Changes
	})
}

// MustCommit is Commit without error.
func (w *World) MustCommit(need store.Need, decide func(*store.Loaded, *Tx)) {
	w.T.Helper()
	if err := w.Commit(need, decide); err != nil {
		w.T.Fatalf("commit: %v", err)
	}
}

// NewStart is the start of an execution of the first workflow.
func (w *World) NewStart() execution.Start {
	return execution.Start{ID: w.ID(), Project: w.Project, Workflow: w.Workflows[0], Input: []byte(`{"n":1}`)}
}

// Start starts an execution, edited before.
func (w *World) Start(edit ...func(*execution.Start)) execution.ID {
	w.T.Helper()
	s := w.NewStart()
	for _, e := range edit {
		e(&s)
	}
	w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) { tx.Start(s, l.Now) })
	return s.ID
}

// Change applies a rule to a stored execution.
func (w *World) Change(id execution.ID, rule func(r *store.Row, now execution.Time) ([]execution.Event, error)) {
	w.T.Helper()
	w.MustCommit(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) {
		if l.Executions[0] == nil {
			w.T.Fatalf("execution %s is not there", id)
		}
		if err := tx.Apply(l.Executions[0], func(r *store.Row) ([]execution.Event, error) { return rule(r, l.Now) }); err != nil {
			w.T.Fatal(err)
		}
	})
}

func one(e execution.Event, err error) ([]execution.Event, error) { return []execution.Event{e}, err }

// Claim gives an execution to the session.
func (w *World) Claim(id execution.ID) {
	w.T.Helper()
	w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Claim(execution.Claim{Session: w.Session, Lease: Lease}, now))
	})
}

// Step records a step's result.
func (w *World) Step(id execution.ID, step, output string) {
	w.T.Helper()
	w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.CompleteStep(Lease, execution.StepCompleted{Step: step, Output: []byte(output)}, now))
	})
}

// Complete ends an execution.
func (w *World) Complete(id execution.ID, output string) {
	w.T.Helper()
	w.Change(id, func(r *store.Row, now execution.Time) ([]execution.Event, error) {
		return one(r.Complete(Lease, []byte(output), now))
	})
}

// Finished starts an execution, claims and completes it.
func (w *World) Finished(edit ...func(*execution.Start)) execution.ID {
	w.T.Helper()
	id := w.Start(edit...)
	w.Claim(id)
	w.Complete(id, `"done"`)
	return id
}

// Get reads an execution that must be there.
func (w *World) Get(id execution.ID) *store.Row {
	w.T.Helper()
	r, err := w.Store.Get(w.T.Context(), w.Project, id)
	if err != nil {
		w.T.Fatalf("get %s: %v", id, err)
	}
	return r
}

// Events reads all events of an execution.
func (w *World) Events(id execution.ID) []execution.Event {
	w.T.Helper()
	events, err := w.Store.Events(w.T.Context(), w.Get(id), 0, 0)
	if err != nil {
		w.T.Fatalf("events of %s: %v", id, err)
	}
	return events
}

// Audit fails the test for each finding.
func (w *World) Audit() {
	w.T.Helper()
	findings, err := w.Store.Audit(w.T.Context())
	if err != nil {
		w.T.Fatalf("audit: %v", err)
	}
	for _, f := range findings {
		w.T.Errorf("audit: %s: %s", f.Invariant, f.Subject)
	}
}

// Dump is all that can be read of the store, for comparing before and after.
func (w *World) Dump() string {
	w.T.Helper()
	ctx := w.T.Context()
	var b strings.Builder
	check := func(what string, err error) {
		w.T.Helper()
		if err != nil {
			w.T.Fatalf("dump %s: %v", what, err)
		}
	}
	cat, err := w.Store.Catalog(ctx)
	check("catalog", err)
	fmt.Fprintf(&b, "%+v\n", *cat)
	keys, err := w.Store.Keys(ctx, 0)
	check("keys", err)
	sessions, err := w.Store.Sessions(ctx)
	check("sessions", err)
	queues, err := w.Store.Queues(ctx)
	check("queues", err)
	due, err := w.Store.Due(ctx, math.MaxInt64, store.Part{}, math.MaxInt32)
	check("due", err)
	fmt.Fprintf(&b, "%+v\n%+v\n%+v\n%v\n", keys, sessions, queues, due)
	for _, p := range cat.Projects {
		list, err := w.Store.Deliveries(ctx, store.DeliveryQuery{Project: p.Key, Limit: 10_000})
		check("deliveries", err)
		for _, d := range list {
			_, attempts, err := w.Store.Delivery(ctx, p.Key, d.ID)
			check("delivery", err)
			fmt.Fprintf(&b, "%+v %+v\n", d, attempts)
		}
		counts, err := w.Store.Counts(ctx, store.CountQuery{Project: p.Key})
		check("counts", err)
		fmt.Fprintf(&b, "%+v\n", counts)
		files, err := w.Store.Files(ctx, store.FileQuery{Project: p.Key, Limit: 1000})
		check("files", err)
		fmt.Fprintf(&b, "%+v\n", files)
		var before execution.ID
		for {
			page, err := w.Store.List(ctx, store.ListQuery{Project: p.Key, Limit: 100, Before: before})
			check("list", err)
			for _, item := range page.Items {
				fmt.Fprintf(&b, "%+v\n", item.Execution)
				events, err := w.Store.Events(ctx, item.Row, 0, 0)
				check("events", err)
				fmt.Fprintf(&b, "%+v\n", events)
				logs, err := w.Store.Logs(ctx, item.Row, store.LogQuery{})
				check("logs", err)
				fmt.Fprintf(&b, "%+v\n", logs)
				used, err := w.Store.Files(ctx, store.FileQuery{Project: p.Key, Execution: item.ID, Limit: 1000})
				check("files in use", err)
				fmt.Fprintf(&b, "%+v\n", used)
				before = item.ID
			}
			if !page.More {
				break
			}
		}
	}
	return b.String()
}

// refused checks that a transaction is refused as a mistake and leaves no trace.
func (w *World) refused(need store.Need, decide func(*store.Loaded, *Tx)) {
	w.T.Helper()
	before := w.Dump()
	if err := w.Commit(need, decide); !errors.Is(err, store.ErrRefused) {
		w.T.Fatalf("commit returned %v, want ErrRefused", err)
	}
	if after := w.Dump(); after != before {
		w.T.Errorf("the refused transaction left a trace:\n%s\nbefore:\n%s", after, before)
	}
	// The store goes on.
	w.Start()
}

// same compares rows, with NaN equal to itself, and without the store's and the caller's own fields.
func same(a, b *execution.Execution) bool {
	x, y := *a, *b
	if math.IsNaN(x.Progress) && math.IsNaN(y.Progress) {
		x.Progress, y.Progress = 0, 0
	}
	return x == y
}
