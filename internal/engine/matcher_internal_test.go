package engine

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/teststore"
)

// inside runs a test with an engine, a worker session and an execution that it holds.
func inside(t *testing.T, f func(e *Engine, c *Caller, s *session, a Assignment)) {
	t.Helper()
	e, err := New(t.Context(), Config{Store: teststore.Open(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	c, err := e.Root(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	v, err := e.OpenSession(t.Context(), c, &SessionSpec{Protocol: 1, Capacity: 1, Workflows: []WorkflowSpec{{Name: "echo"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Start(t.Context(), c, &StartRequest{Workflow: "echo", Input: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	r, err := e.Poll(t.Context(), c, &PollRequest{Session: v.ID, Wait: 10 * time.Second})
	if err != nil || len(r.Executions) != 1 {
		t.Fatal(r, err)
	}
	f(e, c, e.matcher.byID[v.ID], r.Executions[0])
}

// A session that moves here brings what it holds while other changes are learnt: who holds what is noted by one at a time.
func TestSessionsArriveWhileChangesAreLearnt(t *testing.T) {
	t.Parallel()
	const sessions = 100
	m := newMatcher(&Engine{cluster: &cluster{}})
	rows := make([]*store.Row, 200)
	for i := range rows {
		rows[i] = &store.Row{}
		rows[i].ID, rows[i].Revision = execution.MakeID(1, uint16(i), 1), 1
	}
	arrived := make(chan struct{})
	var learning sync.WaitGroup
	learning.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-arrived:
				return
			default:
				m.learn(&store.Change{Execution: rows[i%len(rows)].ID, Session: 1, Revision: 1})
			}
		}
	})
	var last *session
	for key := range int64(sessions) {
		last = m.newSession(store.Session{Key: key + 1, ID: execution.MakeID(2, uint16(key), 1)}, 0)
		m.arrive(last, rows, 0)
	}
	close(arrived)
	learning.Wait()
	if len(last.held) != len(rows) || len(m.holders) != len(rows) || m.holders[rows[0].ID] != last {
		t.Errorf("the last session holds %d of %d, of which %d are noted", len(last.held), len(rows), len(m.holders))
	}
}

// What a worker reports about at this moment is not missing from its list: its report may wait behind others.
func TestReconcileLeavesWhatIsReported(t *testing.T) {
	t.Parallel()
	inside(t, func(e *Engine, _ *Caller, s *session, a Assignment) {
		list := &HeartbeatRequest{Session: s.record.ID, Received: s.delivery, Listed: true}
		ops := []Operation{{Execution: a.ID, Lease: a.Lease, Kind: OpComplete}}
		e.matcher.mu.Lock()
		defer e.matcher.mu.Unlock()
		reporting := s.reports(ops, e.store.Epoch())
		if missing, _ := e.reconcile(s, list); len(reporting) != 1 || len(missing) != 0 {
			t.Errorf("%d holdings are reported about, %v is missing; want one and nothing", len(reporting), missing)
		}
		reporting[0].reporting--
		if missing, _ := e.reconcile(s, list); len(missing) != 1 || missing[0].id != a.ID {
			t.Errorf("missing after the report: %v, want %s", missing, a.ID)
		}
	})
}

// A heartbeat that comes through only after the session has ended does not bring its record back.
func TestAnEndedSessionsRecordStaysAway(t *testing.T) {
	t.Parallel()
	inside(t, func(e *Engine, c *Caller, s *session, _ Assignment) {
		if err := e.CloseSession(t.Context(), c, s.record.ID); err != nil {
			t.Fatal(err)
		}
		if err := e.saveSession(s, true); err != nil {
			t.Fatal(err)
		}
		if records, err := e.store.Sessions(t.Context()); err != nil || len(records) != 0 {
			t.Errorf("records %v, %v, want none", records, err)
		}
	})
}

// Whatever made memory and store differ, a refused report puts it right: the lease takes no room any longer.
func TestARefusedReportFreesItsPlace(t *testing.T) {
	t.Parallel()
	inside(t, func(e *Engine, c *Caller, s *session, a Assignment) {
		e.matcher.mu.Lock()
		h := s.held[a.ID]
		e.matcher.mu.Unlock()
		if _, err := e.Terminate(t.Context(), c, a.ID, ""); err != nil {
			t.Fatal(err)
		}
		e.matcher.mu.Lock()
		h.id = a.ID
		s.held[a.ID] = h // as if the end had not been noticed
		e.matcher.mu.Unlock()
		r, err := e.Report(t.Context(), c, &ReportRequest{Session: s.record.ID, Operations: []Operation{{Execution: a.ID, Lease: a.Lease, Kind: OpComplete}}})
		if err != nil || r.Results[0].Err == nil {
			t.Fatal(r, err)
		}
		e.matcher.mu.Lock()
		defer e.matcher.mu.Unlock()
		if len(s.held) != 0 || s.credit() != 1 {
			t.Errorf("the session holds %d and has credit %d, want 0 and 1", len(s.held), s.credit())
		}
	})
}
