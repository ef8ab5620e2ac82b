package sojourntest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/sdk/go/sojourntest"
	"github.com/sojournhq/sojourn/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type number struct {
	N int `json:"n"`
}

// within ends with the test or after a time that no test here needs.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// start starts an execution.
func start(t *testing.T, srv *sojourntest.Server, workflow string, input any) *sojourn.Execution {
	t.Helper()
	x, err := srv.Client().Executions.Start(within(t), sojourn.StartParams{Workflow: workflow, Input: input})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// receive waits for a value from a handler.
func receive[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-within(t).Done():
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// handling makes a register function for one workflow.
func handling[In, Out any](workflow string, fn func(*sojourn.Context, In) (Out, error), options ...sojourn.HandlerOption) func(*sojourn.Worker) {
	return func(w *sojourn.Worker) { sojourn.Handle(w, workflow, fn, options...) }
}

func TestRun(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	srv.Worker(handling("double", func(ctx *sojourn.Context, in number) (number, error) {
		return sojourn.Step(ctx, "double", func(context.Context) (number, error) { return number{2 * in.N}, nil })
	}))
	out, err := sojourn.Run[number](within(t), srv.Client(), sojourn.StartParams{Workflow: "double", Input: number{21}})
	if err != nil || out.N != 42 {
		t.Errorf("Run = %v, %v", out, err)
	}
}

// TestAdvance lets a month pass: the sleep suspends the execution and holds no worker, and ends when its time has come.
func TestAdvance(t *testing.T) {
	t.Parallel()
	begin := time.Date(2031, time.January, 31, 12, 0, 0, 0, time.UTC)
	srv := sojourntest.New(t, sojourntest.StartAt(begin))
	runs := make(chan int, 10)
	srv.Worker(handling("patient", func(ctx *sojourn.Context, _ struct{}) (number, error) {
		runs <- ctx.Attempt()
		if err := ctx.Sleep("a month", 30*24*time.Hour); err != nil {
			return number{}, err
		}
		return number{ctx.Attempt()}, nil
	}))
	x := srv.Await(start(t, srv, "patient", nil).ID, sojourn.StatusWaiting)
	if got := x.CreatedAt; got.Before(begin) || got.After(begin.Add(time.Minute)) {
		t.Errorf("created at %s, the clock began at %s", got, begin)
	}
	if got := x.ResumesAt.Sub(x.CreatedAt); got < 30*24*time.Hour || got > 30*24*time.Hour+time.Minute {
		t.Errorf("resumes after %s", got)
	}
	receive(t, runs, "the first run")
	srv.Advance(29 * 24 * time.Hour)
	if y := srv.Await(x.ID, sojourn.StatusWaiting); y.Revision != x.Revision {
		t.Errorf("something happened a day early: revision %d after %d", y.Revision, x.Revision)
	}
	srv.AdvanceTo(x.ResumesAt)
	if y, err := srv.Client().Executions.Get(within(t), x.ID); err != nil || y.Status == sojourn.StatusWaiting {
		t.Errorf("still waiting when Advance has returned: %v", err)
	}
	y, err := srv.Client().Executions.Wait(within(t), x.ID)
	if err != nil || y.Status != sojourn.StatusCompleted {
		t.Fatalf("ended %+v, %v", y, err)
	}
	if got := receive(t, runs, "the second run"); got != 2 || len(runs) > 0 {
		t.Errorf("the second run is attempt %d, and %d more followed", got, len(runs))
	}
	if y.CompletedAt.Before(x.ResumesAt) {
		t.Errorf("completed at %s, before %s", y.CompletedAt, x.ResumesAt)
	}
	if now := srv.Now(); now.Before(x.ResumesAt) || now.After(x.ResumesAt.Add(time.Minute)) {
		t.Errorf("Now = %s", now)
	}
}

// TestAdvanceKeepsWorkers moves the clock far beyond every lease while handlers run: nothing is taken from them.
func TestAdvanceKeepsWorkers(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	entered, leave := make(chan int, 10), make(chan struct{})
	srv.Worker(handling("busy", func(ctx *sojourn.Context, _ struct{}) (number, error) {
		return sojourn.Step(ctx, "work", func(ctx context.Context) (number, error) {
			entered <- sojourn.StepAttempt(ctx)
			select {
			case <-leave:
				return number{7}, nil
			case <-ctx.Done():
				return number{}, context.Cause(ctx)
			}
		})
	}))
	x := start(t, srv, "busy", nil)
	receive(t, entered, "the step")
	for range 10 {
		srv.Advance(365 * 24 * time.Hour)
	}
	close(leave)
	out, err := sojourn.Result[number](within(t), srv.Client(), x.ID)
	if err != nil || out.N != 7 {
		t.Errorf("result %v, %v", out, err)
	}
	if len(entered) > 0 {
		t.Errorf("the step ran again")
	}
}

// TestAdvancePassesDeadlines lets what is due happen: a start time, a deadline, the end of a retention.
func TestAdvancePassesDeadlines(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	srv.Worker(handling("sleepy", func(ctx *sojourn.Context, _ struct{}) (struct{}, error) {
		return struct{}{}, ctx.Sleep("long", 1000*time.Hour)
	}))
	executions := srv.Client().Executions
	x, err := executions.Start(within(t), sojourn.StartParams{Workflow: "sleepy", Delay: time.Hour, Timeout: 3 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if x.Status != sojourn.StatusCreated {
		t.Errorf("status %s, expected created", x.Status)
	}
	srv.Advance(time.Hour)
	srv.Await(x.ID, sojourn.StatusWaiting)
	srv.Advance(2 * time.Hour)
	x, err = executions.Get(within(t), x.ID)
	if err != nil || x.Status != sojourn.StatusCancelled {
		t.Fatalf("after its deadline: %+v, %v", x, err)
	}
	srv.Advance(31 * 24 * time.Hour)
	if _, err := executions.Get(within(t), x.ID); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("after its retention: %v", err)
	}
}

// TestRestart restarts the server while an execution sleeps; clients, the worker and the address stay the same.
func TestRestart(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t, sojourntest.Listen())
	srv.Worker(handling("nap", func(ctx *sojourn.Context, in number) (number, error) {
		return in, ctx.Sleep("nap", time.Hour)
	}))
	url := srv.URL()
	x := start(t, srv, "nap", number{5})
	srv.Await(x.ID, sojourn.StatusWaiting)
	srv.Restart()
	if srv.URL() != url {
		t.Errorf("the server has moved from %s to %s", url, srv.URL())
	}
	srv.Await(x.ID, sojourn.StatusWaiting)
	srv.Advance(time.Hour)
	out, err := sojourn.Result[number](within(t), srv.Client(), x.ID)
	if err != nil || out.N != 5 {
		t.Errorf("result %v, %v", out, err)
	}
}

// TestListen reaches the server over HTTP with a client of the test's own.
func TestListen(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t, sojourntest.Listen())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL()+"/v1/executions", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+srv.APIKey())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), `"data":[]`) {
		t.Errorf("%d %s, %v", response.StatusCode, body, err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t, sojourntest.Configure(func(c *server.Config) { c.ExecutionTimeout = time.Hour }))
	if _, err := srv.Client().Workflows.Create(within(t), sojourn.WorkflowParams{Name: "idle"}); err != nil {
		t.Fatal(err)
	}
	x := start(t, srv, "idle", nil)
	if got := x.DeadlineAt.Sub(x.CreatedAt); got < time.Hour || got > time.Hour+time.Minute {
		t.Errorf("the deadline is %s after creation", got)
	}
	srv.Advance(time.Hour)
	srv.Await(x.ID, sojourn.StatusCancelled)
}

func TestOpen(t *testing.T) {
	t.Parallel()
	srv, err := sojourntest.Open()
	if err != nil {
		t.Fatal(err)
	}
	worker := srv.Worker(handling("echo", func(_ *sojourn.Context, in number) (number, error) { return in, nil }))
	out, err := sojourn.Run[number](within(t), srv.Client(), sojourn.StartParams{Workflow: "echo", Input: number{3}})
	if err != nil || out.N != 3 {
		t.Errorf("Run = %v, %v", out, err)
	}
	worker.Stop()
	for range 2 {
		if err := srv.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("URL without Listen did not panic")
			}
		}()
		srv.URL()
	}()
}
