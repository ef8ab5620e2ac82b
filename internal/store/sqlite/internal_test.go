package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// TestPlans holds each query of a hot path to its index, on an empty database, where SQLite knows nothing of the data.
func TestPlans(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{Memory: true}, 1)
	for query, want := range map[string]string{
		getQuery:      "SEARCH executions USING INTEGER PRIMARY KEY (rowid=?)",
		claimQuery:    "SEARCH executions USING INDEX executions_queue (workflow=?)",
		soloQuery:     "SEARCH executions USING INDEX executions_solo (workflow=?)",
		stepQuery:     "SEARCH journal USING INDEX journal_step (execution=? AND step=?)",
		eventQuery:    "SEARCH journal USING INTEGER PRIMARY KEY (rowid=?)",
		prevQuery:     "SEARCH journal USING INTEGER PRIMARY KEY (rowid=?)",
		reservedQuery: "SEARCH idempotency USING PRIMARY KEY (project=? AND key=?)",
		listRange:     "SEARCH executions USING COVERING INDEX executions_list (workflow=? AND status=? AND pk>? AND pk<?)",
		triggerRange:  "SEARCH executions USING COVERING INDEX executions_trigger (workflow=? AND trigger_type=? AND pk>? AND pk<?)",
		tableRange:    "SEARCH executions USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
		pairRange:     "SEARCH metadata USING PRIMARY KEY (workflow=? AND key=? AND value=? AND execution>? AND execution<?)",
	} {
		var plan []string
		if err := f.s.read(t.Context(), func(conn *sqlite.Conn) error {
			return eachRow(conn, "EXPLAIN QUERY PLAN "+query, func(st *sqlite.Stmt) error {
				plan = append(plan, st.ColumnText(3))
				return nil
			})
		}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(plan, "; "); got != want {
			t.Errorf("%s\nis answered by %s\nwant %s", query, got, want)
		}
	}
}

// TestSoloStrikes holds the number in the SQL to the rule.
func TestSoloStrikes(t *testing.T) {
	t.Parallel()
	if want := fmt.Sprintf("strikes >= %d ", execution.SoloStrikes); !strings.Contains(soloQuery, want) {
		t.Errorf("%s\ndoes not have %q", soloQuery, want)
	}
}

// TestUpdatesTouchOnlyTheirIndexes says which UPDATE a change needs.
func TestUpdatesTouchOnlyTheirIndexes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{Memory: true}, 1)
	ids := f.start(1, true)
	f.step(ids, "a")
	if f.s.writer.update[0] == nil || f.s.writer.update[changesAll] != nil {
		t.Error("a step's report wrote to an index")
	}
	f.complete(ids)
	if f.s.writer.update[changesStatus] == nil || f.s.writer.update[changesAll] != nil {
		t.Error("a completion wrote to more than the index of lists")
	}
}

// TestReadsLeaveNoTransaction ends reads in every way that a caller or a mistake can, on each connection: the next reader
// sees what was committed since.
func TestReadsLeaveNoTransaction(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, end := range map[string]func(cancel func()) error{
		"well":               func(func()) error { return nil },
		"in an error":        func(func()) error { return broken },
		"in a panic":         func(func()) error { panic(broken) },
		"well, and cut off":  func(cancel func()) error { cancel(); return nil },
		"broken and cut off": func(cancel func()) error { cancel(); return broken },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, Config{Memory: true}, 1)
			for range f.s.opened {
				func() {
					defer func() {
						if p := recover(); p != nil && p != any(broken) {
							t.Error(p)
						}
					}()
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					err := f.s.snapshot(ctx, func(conn *sqlite.Conn) error {
						if _, err := schemaVersion(conn); err != nil {
							return err
						}
						return end(cancel)
					})
					if err != nil && !errors.Is(err, broken) {
						t.Errorf("all was read, and then: %v", err)
					}
				}()
			}
			id := f.start(1, false)[0]
			for range f.s.opened {
				row, err := f.s.Get(t.Context(), 1, id)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := f.s.Events(t.Context(), row, 0, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestFailureIsRemembered fills the database: the transaction fails, and so does every one after it.
func TestFailureIsRemembered(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{Memory: true}, 1)
	if err := pragmas(f.s.writer.conn, "max_page_count = 1"); err != nil { // no more than there are
		t.Fatal(err)
	}
	var ids []execution.ID
	commit := func() error {
		return f.s.Commit(t.Context(), &store.Need{}, func(l *store.Loaded) *store.Changes {
			x, e := execution.New(execution.Start{ID: f.id(), Project: 1, Workflow: f.workflows[0], Input: make([]byte, 1<<20)}, l.Now)
			r := &store.Row{Execution: x}
			ids = append(ids, x.ID)
			return &store.Changes{Insert: []*store.Row{r}, Events: []store.RowEvent{{Row: r, Event: e}}}
		})
	}
	if err := commit(); !errors.Is(err, store.ErrFailed) || errors.Is(err, store.ErrUnknown) || sqlite.ErrCode(err) != sqlite.ResultFull {
		t.Fatalf("commit returned %v, want ErrFailed for a full database", err)
	}
	if err := pragmas(f.s.writer.conn, "max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	if err := commit(); !errors.Is(err, store.ErrFailed) || len(ids) != 1 {
		t.Errorf("after a failure commit returned %v, and decide ran %d times", err, len(ids))
	}
	if _, err := f.s.Get(t.Context(), 1, ids[0]); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the failed transaction left its execution: %v", err)
	}
}

func TestErrorsAreClassified(t *testing.T) {
	t.Parallel()
	for code, want := range map[sqlite.ResultCode]error{
		sqlite.ResultConstraintTrigger: store.ErrRefused, sqlite.ResultConstraintCheck: store.ErrRefused,
		sqlite.ResultIOErrFsync: store.ErrFailed, sqlite.ResultIOErrWrite: store.ErrFailed, sqlite.ResultFull: store.ErrFailed,
		sqlite.ResultCorrupt: store.ErrFailed, sqlite.ResultNotADB: store.ErrFailed, sqlite.ResultCantOpen: store.ErrFailed,
		sqlite.ResultReadOnly: store.ErrFailed, sqlite.ResultBusy: nil, sqlite.ResultInterrupt: nil,
	} {
		err := classify(code.ToError())
		for _, sentinel := range []error{store.ErrRefused, store.ErrFailed, store.ErrUnknown, store.ErrNotFound} {
			if errors.Is(err, sentinel) != (sentinel == want) { //nolint:errorlint // the sentinels themselves are compared
				t.Errorf("%s: %v is %v: %t", code, err, sentinel, errors.Is(err, sentinel))
			}
		}
		if sqlite.ErrCode(err) != code {
			t.Errorf("%s: the code is lost in %v", code, err)
		}
	}
}

// TestLogBeginsAnew commits without a pause until the log was moved to the database and begins anew.
func TestLogBeginsAnew(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{Memory: true}, 1)
	f.input = make([]byte, 1<<20)
	for before, rounds := 0, 0; rounds < 2; {
		f.start(1, false)
		if f.s.writer.frames < before {
			rounds++
		}
		before = f.s.writer.frames
	}
	usage, err := f.s.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if usage.Data < 2*checkpointFrames*4096*9/10 {
		t.Errorf("after two rounds the database has %d bytes", usage.Data)
	}
}

// TestCheckpointFailureStopsCommits says so when a checkpoint fails, whoever runs it.
func TestCheckpointFailureStopsCommits(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{Memory: true}, 1)
	broken := store.ErrFailed
	f.s.check.failure.Store(&broken)
	err := f.s.Commit(t.Context(), &store.Need{}, func(*store.Loaded) *store.Changes {
		t.Error("decide was called")
		return nil
	})
	if !errors.Is(err, store.ErrFailed) {
		t.Errorf("commit returned %v, want ErrFailed", err)
	}
}

// TestCountsSayWhenTheyAreNotExact cuts an hour that has more executions than are counted one by one.
func TestCountsSayWhenTheyAreNotExact(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{Memory: true}, 2)
	f.s.edgeLimit = 100
	f.millis = 1_800_000_000_000 // a whole hour
	ids := append(f.start(tableLimit/2, false), f.start(tableLimit/2+10, true)...)
	last := execution.Time(ids[len(ids)-1].Millis() * 1000)
	for name, c := range map[string]struct {
		q    store.CountQuery
		want store.Counts
	}{
		"few in the table":     {store.CountQuery{Project: 1, From: last + 1}, store.Counts{Exact: true}},
		"few in the index":     {store.CountQuery{Project: 1, Workflows: f.workflows[:1], From: last + 1}, store.Counts{Exact: true}},
		"many, within hours":   {store.CountQuery{Project: 1, From: last - 1000, To: last}, inexact(tableLimit/2, tableLimit/2+10)},
		"many, at one end":     {store.CountQuery{Project: 1, To: last}, inexact(tableLimit/2, tableLimit/2+10)},
		"many of a workflow":   {store.CountQuery{Project: 1, Workflows: f.workflows[:1], To: last}, inexact(tableLimit/4, tableLimit/4+5)},
		"many, and all wanted": {store.CountQuery{Project: 1, Workflows: f.workflows[:1], From: last - 1000, To: last, Exact: true}, exact(tableLimit/4, tableLimit/4+5)},
		"all, over all hours":  {store.CountQuery{Project: 1}, exact(tableLimit/2, tableLimit/2+10)},
	} {
		got, err := f.s.Counts(t.Context(), c.q)
		if err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func inexact(pending, running int64) (c store.Counts) {
	c.N[execution.Pending], c.N[execution.Running] = pending, running
	return c
}

func exact(pending, running int64) store.Counts {
	c := inexact(pending, running)
	c.Exact = true
	return c
}
