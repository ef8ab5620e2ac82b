package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/sdk/go"
)

// served runs `sojourn serve` on an address until the test ends or the process is killed, and waits until it is ready.
func served(t *testing.T, address string, place ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var said lockedBuffer
	cmd := exec.Command(self, append([]string{"serve", "--listen", address, "--api-key", processKey, "--lease", "2s"}, place...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the server said:\n%s", said.String())
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		r, err := http.Get("http://" + address + "/readyz")
		if err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return cmd
			}
		}
		if time.Now().After(end) {
			t.Fatalf("the server was never ready: %s", said.String())
		}
	}
}

// A server on a directory is killed in the middle of its work, the directory is moved into a database, and a server there
// takes its place at the same address: the worker, which knows nothing of it, finishes everything, no recorded step runs
// again, and each idempotency key still names its execution.
func TestMovedInTheMiddleOfWork(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	data := t.TempDir()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	first := served(t, address, "--data", data)
	client, err := sojourn.NewClient(sojourn.Config{BaseURL: "http://" + address, APIKey: processKey})
	if err != nil {
		t.Fatal(err)
	}

	const many = 40
	var mu sync.Mutex
	ran := map[string]int{} // how often each step ran
	halfway := make(chan struct{})
	steps := 0
	worker := sojourn.NewWorker(client, sojourn.WorkerConfig{Concurrency: 8, Logger: slog.New(slog.DiscardHandler)})
	sojourn.Handle(worker, "work", func(ctx *sojourn.Context, in map[string]int) (int, error) {
		sum := 0
		for i := range 3 {
			n, err := sojourn.Step(ctx, fmt.Sprint("step-", i), func(context.Context) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				ran[fmt.Sprint(in["n"], "/", i)]++
				if steps++; steps == many {
					close(halfway)
				}
				return in["n"], nil
			})
			if err != nil {
				return 0, err
			}
			sum += n
		}
		return sum, nil
	})
	working, stop := context.WithCancel(t.Context())
	worked := make(chan error, 1)
	go func() { worked <- worker.Run(working) }()
	t.Cleanup(func() {
		stop()
		if err := <-worked; err != nil {
			t.Errorf("worker: %v", err)
		}
	})

	ids := make([]string, many)
	for i := range ids {
		for {
			x, err := client.Executions.Start(t.Context(), sojourn.StartParams{Workflow: "work", Input: map[string]int{"n": i}, IdempotencyKey: fmt.Sprint("key-", i)})
			if err == nil {
				ids[i] = x.ID
				break
			}
			if t.Context().Err() != nil || !errors.Is(err, sojourn.ErrNotFound) {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Millisecond) // the worker has not registered the workflow yet
		}
	}
	<-halfway
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // killed
	mu.Lock()
	recorded := maps.Clone(ran)
	mu.Unlock()

	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"migrate", "--from", "sqlite:" + data, "--to", database}, nil, nil, &out, &errs); code != 0 {
		t.Fatalf("migrate ended with %d: %s", code, errs.String())
	}
	t.Log(errs.String())
	served(t, address, "--database-url", database)
	for i, id := range ids {
		x, err := client.Executions.Wait(t.Context(), id)
		if err != nil || x.Status != sojourn.StatusCompleted {
			t.Fatalf("execution %d, %s: %+v, %v", i, id, x, err)
		}
		var sum int
		if err := x.DecodeOutput(&sum); err != nil || sum != 3*i {
			t.Errorf("execution %d gave %d, want %d: %v", i, sum, 3*i, err)
		}
		again, err := client.Executions.Start(t.Context(), sojourn.StartParams{Workflow: "work", Input: map[string]int{"n": i}, IdempotencyKey: fmt.Sprint("key-", i)})
		if err != nil || again.ID != id {
			t.Errorf("key %d names %v, want %s: %v", i, again, id, err)
		}
	}
	// A step runs again only when its record was on its way while the server was killed: a few, once more.
	mu.Lock()
	defer mu.Unlock()
	for step, n := range ran {
		if n > 2 || recorded[step] == 0 && n > 1 {
			t.Errorf("step %s ran %d times", step, n)
		}
	}
	out.Reset()
	errs.Reset()
	if code := run(t.Context(), []string{"audit", "--database-url", database}, nil, nil, &out, &errs); code != 0 {
		t.Errorf("audit ended with %d: %s%s", code, out.String(), errs.String())
	}
}
