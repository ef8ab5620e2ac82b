package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store/postgres"
	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/server"
)

type input struct{ Outcome string }

// serve runs a server with a worker on a database for the time of f.
func serve(t *testing.T, dsn string, f func(*sojourn.Client)) {
	t.Helper()
	srv, err := server.Open(t.Context(), server.Config{Database: dsn, NoListener: true})
	if err != nil {
		t.Fatal(err)
	}
	client, err := srv.Client()
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	w := sojourn.NewWorker(client, sojourn.WorkerConfig{OnReady: func(string) { close(ready) }})
	sojourn.Handle(w, "trip", func(ctx *sojourn.Context, in input) (string, error) {
		if in.Outcome == "fail" {
			return "", sojourn.NonRetryable(errors.New("asked to fail"))
		}
		if err := ctx.Sleep("rest", time.Millisecond); err != nil {
			return "", err
		}
		return sojourn.Step(ctx, "go", func(context.Context) (string, error) { return "there", nil })
	})
	serving, stopServer := context.WithCancel(t.Context())
	working, stopWorker := context.WithCancel(t.Context())
	defer stopServer()
	defer stopWorker()
	served, worked := make(chan error, 1), make(chan error, 1)
	go func() { served <- srv.Run(serving) }()
	go func() { worked <- w.Run(working) }()
	select {
	case <-ready:
		f(client)
	case err := <-worked:
		t.Fatal(err)
	}
	stopWorker()
	if err := <-worked; err != nil {
		t.Error(err)
	}
	stopServer()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestMultiply copies executions of many kinds, and the audit finds nothing that a server would not have made.
func TestMultiply(t *testing.T) {
	dsn := pgtest.Database(t)
	serve(t, dsn, func(client *sojourn.Client) {
		for i := range 12 {
			p := sojourn.StartParams{Workflow: "trip", Input: input{[]string{"fail", "", ""}[i%3]}, Wait: 30 * time.Second}
			if i%2 == 0 {
				p.IdempotencyKey, p.Metadata = strings.Repeat("k", i+1), map[string]string{"tenant": "t"}
			}
			x, err := client.Executions.Start(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			if want := []sojourn.Status{sojourn.StatusFailed, sojourn.StatusCompleted}[min(i%3, 1)]; x.Status != want {
				t.Fatalf("execution %d is %s, not %s", i, x.Status, want)
			}
		}
	})
	const size = 41 // two copies of all, and one of the first five
	for range 2 {   // the second time there is nothing to do
		if err := multiply(t.Context(), dsn, size); err != nil {
			t.Fatal(err)
		}
	}

	s, err := postgres.Open(t.Context(), postgres.Options{DSN: dsn, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	findings, err := s.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		t.Error(f)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for query, want := range map[string]int{
		"SELECT count(*) FROM executions":                          size,
		"SELECT sum(n) FROM counters WHERE level = 0":              size,
		"SELECT count(*) FROM executions WHERE status = 6":         14,
		"SELECT count(*) FROM metadata":                            21,
		"SELECT count(DISTINCT (key, execution)) FROM idempotency": size,
		"SELECT count(*) FROM journal WHERE kind = 1":              size,
		"SELECT count(*) FROM journal WHERE kind = 7":              27,
		// A copy took as long as what it was copied from, and was over before the latest began.
		"SELECT count(*) FROM (SELECT 1 FROM executions GROUP BY completed_at - started_at HAVING count(*) < 3) AS x": 0,
		"SELECT count(*) FROM executions WHERE completed_at < (SELECT max(at) FROM journal WHERE kind = 1)":           size - 1,
	} {
		var got int
		if err := conn.QueryRow(t.Context(), query).Scan(&got); err != nil {
			t.Errorf("%s: %v", query, err)
		} else if got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	// A server takes the copies for its own.
	serve(t, dsn, func(client *sojourn.Client) {
		if _, err := client.Executions.Start(t.Context(), sojourn.StartParams{Workflow: "trip", Delay: time.Hour}); err != nil {
			t.Fatal(err)
		}
		n := 0
		for x, err := range client.Executions.All(t.Context(), sojourn.ListParams{}) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; x.CreatedAt.IsZero() {
				t.Errorf("%+v", x)
			}
		}
		if n != size+1 {
			t.Errorf("the list has %d executions, not %d", n, size+1)
		}
	})
	if err := multiply(t.Context(), dsn, 2*size); err == nil || !strings.Contains(err.Error(), "1 executions have not ended") {
		t.Errorf("an open execution: %v", err)
	}
	if err := multiply(t.Context(), dsn, size); err != nil {
		t.Errorf("there are enough: %v", err)
	}
}

// TestMultiplyNothing: there must be something to copy.
func TestMultiplyNothing(t *testing.T) {
	dsn := pgtest.Database(t)
	s, err := postgres.Open(t.Context(), postgres.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := multiply(t.Context(), dsn, 10); err == nil || !strings.Contains(err.Error(), "no execution to copy") {
		t.Errorf("nothing: %v", err)
	}
}
