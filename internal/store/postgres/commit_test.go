package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/postgres"
	"github.com/sojournhq/sojourn/internal/store/storetest"
)

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	return c
}

func exec(t *testing.T, c *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := c.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// A commit that the standby has not confirmed, as the settings demand it, is not said to be durable.
func TestACommitThatIsNotReplicated(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, pgtest.Options{})
	dsn := server.Database(t)
	w := storetest.NewWorld(t, open(t, postgres.Options{DSN: dsn}), 1)
	admin := connect(t, dsn)
	standbys := func(names string) {
		for _, s := range []string{
			"SET synchronous_commit = local", "ALTER SYSTEM SET synchronous_standby_names = '" + names + "'", "SELECT pg_reload_conf()",
		} {
			if _, err := admin.Exec(context.WithoutCancel(t.Context()), s); err != nil {
				t.Fatal(err)
			}
		}
	}
	standbys("nobody")
	t.Cleanup(func() { standbys("") })
	for _, end := range []string{"pg_cancel_backend", "pg_terminate_backend"} {
		var s execution.Start
		var err error
		// The setting arrives at each process in its own time: before, a commit waits for nobody.
		for stop := time.Now().Add(30 * time.Second); ; {
			s = w.NewStart()
			done := make(chan error, 1)
			go func() {
				done <- w.Commit(store.Need{}, func(l *store.Loaded, tx *storetest.Tx) { tx.Start(s, l.Now) })
			}()
			for waits := true; waits; {
				select {
				case err = <-done:
					waits = false
				case <-time.After(5 * time.Millisecond):
					exec(t, admin, "SELECT "+end+"(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
				}
			}
			if err != nil {
				break
			}
			if time.Now().After(stop) {
				t.Fatal("no commit waits for a standby")
			}
		}
		if !errors.Is(err, store.ErrUnknown) {
			t.Errorf("a commit that no standby has confirmed gives %v after %s, want ErrUnknown", err, end)
		}
		// It stands all the same, on this server.
		for stop := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			if _, err := w.Store.Get(t.Context(), w.Project, s.ID); err == nil {
				break
			}
			if time.Now().After(stop) {
				t.Fatalf("the commit is gone after %s", end)
			}
		}
	}
}

// A connection that is lost before the commit was sent changes nothing, and the store goes on with another one.
func TestALostConnection(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	s := open(t, postgres.Options{DSN: dsn})
	w := storetest.NewWorld(t, s, 1)
	admin := connect(t, dsn)
	id := w.Start()
	end := func() {
		exec(t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	}
	err := w.Commit(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *storetest.Tx) {
		end()
		tx.Start(w.NewStart(), l.Now)
	})
	if !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrUnknown) {
		t.Errorf("a commit over a lost connection gives %v", err)
	}
	end()
	w.Start() // an idle connection that was lost is replaced
	end()
	if _, err := s.Catalog(t.Context()); err != nil {
		t.Errorf("a read over a lost connection: %v", err)
	}
	w.Audit()
}

// A server that is away gives an error that says so, and nothing else ends.
func TestAServerThatIsAway(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, pgtest.Options{})
	s := open(t, postgres.Options{DSN: server.Database(t)})
	w := storetest.NewWorld(t, s, 1)
	id := w.Start()
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	start := func() error {
		return w.Commit(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *storetest.Tx) { tx.Start(w.NewStart(), l.Now) })
	}
	// The processes that serve connections may do something yet before they notice that their server is gone.
	for end := time.Now().Add(30 * time.Second); ; {
		committed := start()
		if _, err := s.Get(t.Context(), w.Project, id); committed != nil && err != nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a server that was killed goes on")
		}
	}
	for range 3 {
		err := start()
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("commit: %v, want ErrUnavailable", err)
		}
		if _, err := s.Get(t.Context(), w.Project, id); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("get: %v, want ErrUnavailable", err)
		}
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Start()
	w.Get(id)
}

// A server whose timeline was ended by another one must not write any more.
func TestFenced(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	w := storetest.NewWorld(t, open(t, postgres.Options{DSN: dsn}), 1)
	exec(t, connect(t, dsn), "UPDATE meta SET value = value + 1 WHERE name IN ('epoch', 'generation')")
	err := w.Commit(store.Need{}, func(l *store.Loaded, tx *storetest.Tx) { tx.Start(w.NewStart(), l.Now) })
	if !errors.Is(err, store.ErrFailed) {
		t.Errorf("a commit in a timeline that has ended gives %v, want ErrFailed", err)
	}
	if _, err := w.Store.(store.Shared).Tick(t.Context(), store.TickQuery{Name: "a", TTL: time.Minute}); !errors.Is(err, store.ErrFailed) {
		t.Errorf("a tick gives %v, want ErrFailed", err)
	}
}

// Whoever follows the feed while several servers commit misses nothing, hears of each execution in order, and is not held
// up by a transaction that runs for long.
func TestFollowing(t *testing.T) {
	t.Parallel()
	const servers, rounds, targets = 3, 60, 5
	dsn := pgtest.Database(t)
	w := storetest.NewWorld(t, open(t, postgres.Options{DSN: dsn}), 1)
	page, err := w.Store.Feed(t.Context(), store.FeedQuery{Project: w.Project})
	if err != nil {
		t.Fatal(err)
	}
	slow := connect(t, dsn)
	exec(t, slow, "BEGIN", "SELECT pg_current_xact_id()")
	var ids []execution.ID
	for range targets {
		ids = append(ids, w.Start())
	}
	var all sync.WaitGroup
	for n := range servers {
		s := open(t, postgres.Options{DSN: dsn, Committers: 2})
		for c := range 2 {
			all.Go(func() {
				for i := range rounds {
					// Overlapping sets in changing order, of which rows are busy now and then.
					a, b := ids[(i+n)%targets], ids[(i*2+c)%targets]
					err := s.Commit(t.Context(), &store.Need{Executions: []execution.ID{a, b}}, func(l *store.Loaded) *store.Changes {
						x := new(store.Changes)
						x.Reset()
						for k, r := range l.Executions {
							if r == nil || k == 1 && a == b {
								continue
							}
							from := r.Revision
							r.Revision++
							x.Update = append(x.Update, store.Update{Row: r, From: from})
							x.Events = append(x.Events, store.RowEvent{Row: r, Event: execution.Event{
								Execution: r.ID, Revision: r.Revision, Kind: execution.EventProgressed, At: l.Now, Status: r.Status,
							}})
						}
						return x
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	stop := make(chan struct{})
	go func() { all.Wait(); close(stop) }()
	heard := map[execution.ID]int64{}
	for over := false; ; {
		select {
		case <-stop:
			over = true
		default:
		}
		next, err := w.Store.Feed(t.Context(), store.FeedQuery{Project: w.Project, After: page.Next, Limit: 7})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range next.Events {
			if e.Revision != heard[e.Execution]+1 {
				t.Fatalf("revision %d of %s after %d", e.Revision, e.Execution, heard[e.Execution])
			}
			heard[e.Execution] = e.Revision
		}
		page = next
		if over && len(next.Events) == 0 && !next.More {
			break
		}
	}
	for _, id := range ids {
		if got := w.Get(id).Revision; heard[id] != got {
			t.Errorf("heard of %s up to revision %d of %d", id, heard[id], got)
		}
	}
	exec(t, slow, "ROLLBACK")
}

// The feed forgets what nobody can read any more, and nothing else.
func TestTheFeedForgets(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Options{DSN: pgtest.Database(t)})
	w := storetest.NewWorld(t, s, 1)
	page, err := s.Feed(t.Context(), store.FeedQuery{Project: w.Project})
	if err != nil {
		t.Fatal(err)
	}
	gone, kept := w.Finished(), w.Finished()
	w.MustCommit(store.Need{Executions: []execution.ID{gone}}, func(l *store.Loaded, tx *storetest.Tx) {
		tx.Delete = append(tx.Delete, l.Executions[0])
		tx.Count(l.Executions[0], l.Executions[0].Status, -1)
	})
	if n, err := s.Sweep(t.Context()); err != nil || n != 3 {
		t.Errorf("%d rows were forgotten, %v, want the 3 of the execution that is gone", n, err)
	}
	page, err = s.Feed(t.Context(), store.FeedQuery{Project: w.Project, After: page.Next})
	if err != nil || len(page.Events) != 3 || page.Events[0].Execution != kept {
		t.Errorf("%+v, %v", page, err)
	}
	if err := s.Vacuum(t.Context()); err != nil {
		t.Error(err)
	}
}

// Servers that start together make one schema.
func TestStartingTogether(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			s, err := postgres.Open(t.Context(), postgres.Options{DSN: dsn, Name: fmt.Sprint("server-", n)})
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
