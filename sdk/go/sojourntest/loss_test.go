package sojourntest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/sdk/go/sojourntest"
)

// tally counts calls by name.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *tally) add(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[name]++
	return c.n[name]
}

func (c *tally) get(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[name]
}

// TestKilledWorker kills a worker inside the third step: the next one runs that step and those after it, not the first
// two.
func TestKilledWorker(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	var ran tally
	inside, causes := make(chan struct{}), make(chan error, 1)
	register := handling("chain", func(ctx *sojourn.Context, in number) (number, error) {
		for i := range 5 {
			var err error
			in, err = sojourn.Step(ctx, fmt.Sprintf("step %d", i), func(ctx context.Context) (number, error) {
				if ran.add(fmt.Sprint(i)) == 1 && i == 2 {
					close(inside)
					<-ctx.Done()
					causes <- context.Cause(ctx)
				}
				return number{in.N*10 + i}, nil
			})
			if err != nil {
				return number{}, err
			}
		}
		return in, nil
	})
	worker := srv.Worker(register)
	x := start(t, srv, "chain", number{0})
	receive(t, inside, "the third step")
	worker.Kill()
	if err := receive(t, causes, "the end of its context"); !errors.Is(err, sojourn.ErrLeaseLost) {
		t.Errorf("the context of a killed worker's step ended with %v", err)
	}
	if x, err := srv.Client().Executions.Get(within(t), x.ID); err != nil || x.Status != sojourn.StatusRunning || x.StatusReason == "executing" {
		t.Errorf("without a worker: %+v, %v", x, err)
	}
	srv.Worker(register)
	x, err := srv.Client().Executions.Wait(within(t), x.ID)
	if err != nil || string(x.Output) != `{"n":1234}` || x.Attempt != 2 {
		t.Fatalf("ended %+v, %v", x, err)
	}
	for i, want := range []int{1, 1, 2, 1, 1} {
		if got := ran.get(fmt.Sprint(i)); got != want {
			t.Errorf("step %d ran %d times, expected %d", i, got, want)
		}
	}
}

// TestPoison kills every worker that runs the step: the execution fails in the end rather than killing workers for ever.
func TestPoison(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	inside := make(chan struct{}, 1)
	register := handling("poison", func(ctx *sojourn.Context, _ struct{}) (number, error) {
		return sojourn.Step(ctx, "deadly", func(ctx context.Context) (number, error) {
			inside <- struct{}{}
			<-ctx.Done()
			return number{}, ctx.Err()
		})
	})
	worker := srv.Worker(register)
	x := start(t, srv, "poison", nil)
	// A worker that dies before it has acknowledged the execution is not counted against it, so it may take some more
	// than five.
	for kills := 1; ; kills++ {
		receive(t, inside, "the step")
		worker.Kill()
		x, err := srv.Client().Executions.Get(within(t), x.ID)
		if err != nil {
			t.Fatal(err)
		}
		if x.Status.Terminal() {
			if x.Status != sojourn.StatusFailed || x.ErrorCode != "poison" || kills < 5 {
				t.Errorf("ended after %d kills: %s, code %q, error %q", kills, x.Status, x.ErrorCode, x.Error)
			}
			return
		}
		if kills == 30 {
			t.Fatalf("%s after %d kills", x.Status, kills)
		}
		worker = srv.Worker(register)
	}
}

// TestServerRestartInsideStep restarts the server while a step runs: its result arrives after that, and it runs once.
func TestServerRestartInsideStep(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	var ran tally
	inside, leave := make(chan struct{}), make(chan struct{})
	srv.Worker(handling("steady", func(ctx *sojourn.Context, in number) (number, error) {
		first, err := sojourn.Step(ctx, "first", func(ctx context.Context) (number, error) {
			ran.add("first")
			close(inside)
			select {
			case <-leave:
				return number{in.N + 1}, nil
			case <-ctx.Done():
				return number{}, context.Cause(ctx)
			}
		})
		if err != nil {
			return number{}, err
		}
		return sojourn.Step(ctx, "second", func(context.Context) (number, error) {
			ran.add("second")
			return number{first.N + 1}, nil
		})
	}))
	x := start(t, srv, "steady", number{40})
	receive(t, inside, "the step")
	srv.Restart()
	close(leave)
	x, err := srv.Client().Executions.Wait(within(t), x.ID, sojourn.IncludeSteps())
	if err != nil || string(x.Output) != `{"n":42}` {
		t.Fatalf("ended %+v, %v", x, err)
	}
	if ran.get("first") != 1 || ran.get("second") != 1 || x.Attempt != 1 || len(x.Steps) != 2 {
		t.Errorf("ran %v, attempt %d, steps %+v", ran.n, x.Attempt, x.Steps)
	}
}

// TestDrainDoesNotCount stops a worker gracefully in the middle of its work: what it gives back goes on elsewhere, as
// the same attempt.
func TestDrainDoesNotCount(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	inside, causes := make(chan struct{}, 8), make(chan error, 8)
	var ran tally
	register := func(block bool) func(*sojourn.Worker) {
		return handling("movable", func(ctx *sojourn.Context, in number) (number, error) {
			first, err := sojourn.Step(ctx, "first", func(context.Context) (number, error) {
				ran.add(ctx.ExecutionID())
				return number{in.N + 1}, nil
			})
			if err != nil {
				return number{}, err
			}
			return sojourn.Step(ctx, "second", func(ctx context.Context) (number, error) {
				if block {
					inside <- struct{}{}
					<-ctx.Done()
					causes <- context.Cause(ctx)
					return number{}, ctx.Err()
				}
				return number{first.N * 2}, nil
			})
		})
	}
	worker := srv.Worker(register(true), func(c *sojourn.WorkerConfig) { c.ShutdownGrace = 10 * time.Millisecond })
	var all []*sojourn.Execution
	for i := range 3 {
		all = append(all, start(t, srv, "movable", number{i}))
	}
	for range all {
		receive(t, inside, "a step")
	}
	worker.Stop()
	for range all {
		if err := receive(t, causes, "the end of a context"); !errors.Is(err, sojourn.ErrDraining) {
			t.Errorf("a draining worker's context ended with %v", err)
		}
	}
	srv.Worker(register(false))
	for i, x := range all {
		x, err := srv.Client().Executions.Wait(within(t), x.ID)
		if err != nil || string(x.Output) != fmt.Sprintf(`{"n":%d}`, 2*(i+1)) || x.Attempt != 1 {
			t.Errorf("ended %+v, %v", x, err)
		}
		if got := ran.get(x.ID); got != 1 {
			t.Errorf("the first step ran %d times", got)
		}
	}
	workers, err := srv.Client().Workers.List(within(t))
	if err != nil || len(workers) != 1 {
		t.Errorf("%d workers left, %v", len(workers), err)
	}
}

// TestDrainFinishes stops a worker that only needs a moment: it finishes what it has.
func TestDrainFinishes(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	inside, leave := make(chan struct{}), make(chan struct{})
	worker := srv.Worker(handling("brief", func(ctx *sojourn.Context, _ struct{}) (number, error) {
		return sojourn.Step(ctx, "work", func(ctx context.Context) (number, error) {
			close(inside)
			<-leave
			return number{1}, ctx.Err()
		})
	}))
	x := start(t, srv, "brief", nil)
	receive(t, inside, "the step")
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		worker.Stop()
	}()
	awaitDraining(t, srv)
	later := start(t, srv, "brief", nil)
	close(leave)
	receive(t, stopped, "the worker's end")
	out, err := srv.Client().Executions.Get(within(t), x.ID)
	if err != nil || out.Status != sojourn.StatusCompleted {
		t.Errorf("ended %+v, %v", out, err)
	}
	if later, err = srv.Client().Executions.Get(within(t), later.ID); err != nil || later.Status != sojourn.StatusPending {
		t.Errorf("the later one: %+v, %v", later, err)
	}
}

// awaitDraining waits until the only worker takes no more work.
func awaitDraining(t *testing.T, srv *sojourntest.Server) {
	t.Helper()
	for ctx := within(t); ; {
		workers, err := srv.Client().Workers.List(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(workers) == 1 && workers[0].Draining {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// TestStorm kills workers and restarts the server under many executions: all complete with the right result, and no
// step that a handler saw acknowledged ever runs again.
func TestStorm(t *testing.T) {
	t.Parallel()
	const executions, steps = 60, 6
	srv := sojourntest.New(t)
	var acknowledged sync.Map
	register := handling("chain", func(ctx *sojourn.Context, in number) (number, error) {
		for i := range steps {
			var err error
			in, err = sojourn.Step(ctx, "add", func(ctx context.Context) (number, error) {
				if _, again := acknowledged.Load(sojourn.StepKey(ctx)); again {
					return number{}, sojourn.NonRetryable(fmt.Errorf("%s ran again", sojourn.StepKey(ctx)))
				}
				select {
				case <-time.After(rand.N(8 * time.Millisecond)): // work
					return number{in.N + 1}, nil
				case <-ctx.Done():
					return number{}, context.Cause(ctx)
				}
			}, sojourn.Key(i))
			if err != nil {
				return number{}, err
			}
			acknowledged.Store(fmt.Sprintf("%s/add[%d]", ctx.ExecutionID(), i), true)
		}
		return in, nil
	})
	few := func(c *sojourn.WorkerConfig) { c.Concurrency = 8 }
	workers := []*sojourntest.Worker{srv.Worker(register, few), srv.Worker(register, few)}
	var all []*sojourn.Execution
	for i := range executions {
		all = append(all, start(t, srv, "chain", number{1000 * i}))
	}
	for i := range 6 {
		srv.AwaitFunc(within(t), all[i*executions/8].ID, "done", func(x *sojourn.Execution) bool { return x.Status == sojourn.StatusCompleted })
		switch i % 3 {
		case 0:
			workers[0].Kill()
			workers[0] = srv.Worker(register, few)
		case 1:
			workers[1].Stop()
			workers[1] = srv.Worker(register, few)
		case 2:
			srv.Restart()
		}
	}
	for i, x := range all {
		out, err := sojourn.Result[number](within(t), srv.Client(), x.ID)
		if err != nil || out.N != 1000*i+steps {
			t.Errorf("execution %d: %v, %v", i, out, err)
		}
	}
}
