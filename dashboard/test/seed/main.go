// Command seed stores as many executions as the dashboard's long tests look at, in seconds: past the server, in the data
// directory of one that has been started once and stopped. It prints the ids of those that the tests open.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/sqlite"
)

// Written is what the program prints, as JSON.
type Written struct {
	Rows  int    `json:"rows"`
	Steps string `json:"steps"` // the execution whose history is as long as one can be
}

func main() {
	data := flag.String("data", "", "`directory` of the server")
	rows := flag.Int("rows", 1_000_000, "how many executions to store")
	flag.Parse()
	written, err := run(context.Background(), *data, *rows)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(written)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "seed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, data string, rows int) (w Written, err error) {
	if data == "" {
		return w, errors.New("-data is needed")
	}
	// Nobody misses these rows after a power failure.
	s, err := sqlite.Open(ctx, sqlite.Config{Path: data, Synchronous: "OFF"})
	if err != nil {
		return w, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	f, err := newFiller(ctx, s)
	if err != nil {
		return w, err
	}
	if err := f.fill(ctx, rows); err != nil {
		return w, err
	}
	id, err := f.longest(ctx)
	return Written{Rows: rows, Steps: id.String()}, err
}

// span is how far back the executions reach: less than a server keeps them.
const span = 20 * 24 * time.Hour

// names are of workflows that no worker serves, so that what waits stays.
var names = []string{
	"import-orders", "sync-customer", "send-invoice", "rebuild-index", "transcode-video", "nightly-report", "score-lead", "close-month",
}

// filler makes executions by the rules that servers go by.
type filler struct {
	store     *sqlite.Store
	random    *rand.Rand
	project   int64
	session   int64
	workflows []int64
	now       time.Time
}

func newFiller(ctx context.Context, s *sqlite.Store) (*filler, error) {
	catalog, err := s.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	if len(catalog.Projects) == 0 {
		return nil, errors.New("no server has been started on the data yet")
	}
	f := &filler{store: s, random: rand.New(rand.NewPCG(1, 2)), project: catalog.Projects[0].Key, now: time.Now()}
	if f.session, err = s.NewKey(ctx); err != nil {
		return nil, err
	}
	first := execution.TimeOf(f.now.Add(-span))
	var made []store.Workflow
	for i, name := range names {
		key, err := s.NewKey(ctx)
		if err != nil {
			return nil, err
		}
		f.workflows = append(f.workflows, key)
		made = append(made, store.Workflow{
			Key: key, Project: f.project, ID: f.id(f.now.Add(-span), i), Name: name, CreatedAt: first, UpdatedAt: first,
		})
	}
	return f, f.commit(ctx, func(c *store.Changes) error {
		c.Workflows = made
		return nil
	})
}

// id is the id of the i-th thing made; of 4096 in a row, those of one millisecond differ in order.
func (f *filler) id(at time.Time, i int) execution.ID {
	return execution.MakeID(at.UnixMilli(), uint16(i%4096), f.random.Uint64())
}

func (f *filler) commit(ctx context.Context, decide func(*store.Changes) error) error {
	var failed error
	err := f.store.Commit(ctx, &store.Need{}, func(*store.Loaded) *store.Changes {
		c := &store.Changes{Counts: map[store.CountKey]int64{}}
		failed = decide(c)
		if failed != nil {
			return nil
		}
		return c
	})
	return errors.Join(failed, err)
}

// row puts an execution with its events into the changes.
func (f *filler) row(c *store.Changes, r *store.Row, events []execution.Event) {
	c.Insert = append(c.Insert, r)
	for _, e := range events {
		c.Events = append(c.Events, store.RowEvent{Row: r, Event: e})
	}
	c.Counts[store.CountKey{Project: r.Project, Workflow: r.Workflow, Status: r.Status, Hour: store.HourOf(r.ID)}]++
}

// fill stores n executions, evenly over the span. Of a thousand 955 are completed, 30 failed, 8 cancelled, 5 rejected, and
// 2 wait for a worker.
func (f *filler) fill(ctx context.Context, n int) error {
	const batch = 2000
	for done := 0; done < n; done += batch {
		err := f.commit(ctx, func(c *store.Changes) error {
			for i := done; i < min(done+batch, n); i++ {
				at := f.now.Add(-span + time.Duration(float64(span)*float64(i)/float64(n)))
				if err := f.one(c, i, at); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("execution %d and later: %w", done, err)
		}
	}
	return nil
}

func (f *filler) one(c *store.Changes, i int, at time.Time) error {
	created := execution.TimeOf(at)
	claimed := created.Add(time.Duration(f.random.IntN(400)) * time.Millisecond)
	ended := claimed.Add(time.Duration(50+f.random.IntN(20_000)) * time.Millisecond)
	lease := execution.Lease{1}
	r := new(store.Row)
	var events []execution.Event
	add := func(e execution.Event, err error) error {
		events = append(events, e)
		return err
	}
	start := execution.Start{
		ID: f.id(at, i), Project: f.project, Workflow: f.workflows[f.random.IntN(len(f.workflows))],
		Input: []byte(`{"order":` + strconv.Itoa(i) + `,"currency":"EUR"}`),
	}
	if f.random.IntN(20) == 0 {
		start.Trigger = execution.TriggerCLI
	}
	if f.random.IntN(3) == 0 {
		customer := "c" + strconv.Itoa(f.random.IntN(1000))
		start.Details = []byte(`{"metadata":{"customer":"` + customer + `"}}`)
		c.Metadata = append(c.Metadata, store.Metadata{Workflow: start.Workflow, Execution: start.ID, Key: "customer", Value: customer})
	}
	var e execution.Event
	r.Execution, e = execution.New(start, created)
	err := add(e, nil)
	p := f.random.IntN(1000)
	if p >= 2 {
		err = errors.Join(err, add(r.Claim(execution.Claim{Session: f.session, Lease: lease}, claimed)))
		switch {
		case p < 7:
			err = errors.Join(err, add(r.Reject(lease, "duplicate_order", "the order was imported before", nil, ended)))
		case p < 15:
			err = errors.Join(err, add(r.Terminate(execution.Actor{}, "no longer wanted", ended)))
		case p < 45:
			err = errors.Join(err, add(r.Fail(lease, execution.Failure{Code: "upstream_timeout", Message: "the payment provider did not answer"}, ended)))
		default:
			err = errors.Join(err, add(r.Complete(lease, []byte(`{"imported":true}`), ended)))
		}
	}
	f.row(c, r, events)
	return err
}

// longest stores one execution with as many steps as a history has room for, five of which run at a time and some of
// which fail and are tried again.
func (f *filler) longest(ctx context.Context) (execution.ID, error) {
	at := f.now.Add(-10 * time.Minute)
	now := execution.TimeOf(at)
	lease := execution.Lease{1}
	id := f.id(at, 0)
	return id, f.commit(ctx, func(c *store.Changes) error {
		r := new(store.Row)
		var events []execution.Event
		add := func(e execution.Event, err error) error {
			events = append(events, e)
			return err
		}
		var e execution.Event
		r.Execution, e = execution.New(execution.Start{ID: id, Project: f.project, Workflow: f.workflows[0], Input: []byte(`{"pages":10000}`)}, now)
		err := errors.Join(add(e, nil), add(r.Claim(execution.Claim{Session: f.session, Lease: lease}, now)))
		for i := 1; err == nil && r.Revision < execution.MaxRevision; i++ {
			now = now.Add(50 * time.Millisecond)
			name := fmt.Sprintf("page %05d", i)
			since := now.Add(-time.Duration(50+f.random.IntN(200)) * time.Millisecond)
			try := int32(1)
			if i%200 == 0 && r.Revision < execution.MaxRevision-1 {
				err = add(r.FailStep(lease, execution.StepFailed{
					Step: name, Since: since, Busy: true,
					Failure: execution.Failure{Code: "http_503", Message: "the service is busy", Policy: execution.Retry{MaxAttempts: 3}},
				}, now))
				since, try = now, 2
				now = now.Add(200 * time.Millisecond)
			}
			err = errors.Join(err, add(r.CompleteStep(lease, execution.StepCompleted{
				Step: name, Try: try, Since: since, Output: []byte(`{"words":` + strconv.Itoa(i) + `}`),
			}, now)))
		}
		if err != nil {
			return err
		}
		if err := add(r.Complete(lease, []byte(`{"done":true}`), now.Add(time.Second))); err != nil {
			return err
		}
		f.row(c, r, events)
		return nil
	})
}
