package sojourntest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/sdk/go/sojourntest"
	"github.com/sojournhq/sojourn/server"
)

// finish waits for the end of an execution.
func finish(t *testing.T, srv *sojourntest.Server, id string) *sojourn.Execution {
	t.Helper()
	x, err := srv.Client().Executions.Wait(within(t), id, sojourn.IncludeSteps())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestRetriesShort(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	runs := make(chan int, 10)
	srv.Worker(handling("flaky", func(ctx *sojourn.Context, _ struct{}) (number, error) {
		runs <- ctx.Attempt()
		return sojourn.Step(ctx, "call", func(ctx context.Context) (number, error) {
			if try := sojourn.StepAttempt(ctx); try < 4 {
				return number{}, sojourn.Coded("busy", fmt.Errorf("try %d", try))
			}
			return number{sojourn.StepAttempt(ctx)}, nil
		}, sojourn.Retry{MaxAttempts: 4, Initial: time.Millisecond, Max: 5 * time.Millisecond})
	}))
	x := finish(t, srv, start(t, srv, "flaky", nil).ID)
	if string(x.Output) != `{"n":4}` || len(runs) != 1 {
		t.Errorf("output %s after %d runs of the handler", x.Output, len(runs))
	}
	step := x.Steps[0]
	if step.Attempt != 4 || len(step.Attempts) != 4 || step.Attempts[2].Error != "try 3" || step.Attempts[2].ErrorCode != "busy" {
		t.Errorf("step %+v", step)
	}
}

// TestRetriesLong has delays of hours: the execution holds no worker meanwhile.
func TestRetriesLong(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	var before tally
	srv.Worker(handling("stubborn", func(ctx *sojourn.Context, _ struct{}) (number, error) {
		if _, err := sojourn.Step(ctx, "before", func(context.Context) (number, error) {
			return number{before.add("before")}, nil
		}); err != nil {
			return number{}, err
		}
		return sojourn.Step(ctx, "call", func(ctx context.Context) (number, error) {
			if try := sojourn.StepAttempt(ctx); try < 3 {
				return number{}, fmt.Errorf("try %d", try)
			}
			return number{sojourn.StepAttempt(ctx)}, nil
		}, sojourn.Retry{MaxAttempts: 3, Initial: time.Hour, Max: 24 * time.Hour, Coefficient: 2, Jitter: -1})
	}))
	x := start(t, srv, "stubborn", nil)
	for try, delay := range []time.Duration{time.Hour, 2 * time.Hour} {
		waiting := srv.AwaitFunc(within(t), x.ID, fmt.Sprintf("waiting after try %d", try+1), func(x *sojourn.Execution) bool {
			return x.StatusReason == "retry_backoff" && x.Steps[1].Attempt == try+1
		})
		if got := waiting.ResumesAt.Sub(srv.Now()); got <= delay-time.Minute || got > delay {
			t.Errorf("try %d resumes in %s, expected %s", try+2, got, delay)
		}
		workers, err := srv.Client().Workers.List(within(t))
		if err != nil || workers[0].Held != 0 {
			t.Errorf("the worker holds %d, %v", workers[0].Held, err)
		}
		srv.Advance(delay)
	}
	x = finish(t, srv, x.ID)
	if string(x.Output) != `{"n":3}` || before.get("before") != 1 {
		t.Errorf("output %s, the step before ran %d times", x.Output, before.get("before"))
	}
}

// TestRetriesOfExecution lets the whole handler be tried again, after a delay that the test skips.
func TestRetriesOfExecution(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	var ran tally
	srv.Worker(handling("again", func(ctx *sojourn.Context, _ struct{}) (number, error) {
		if _, err := sojourn.Step(ctx, "once", func(context.Context) (number, error) { return number{ran.add("once")}, nil }); err != nil {
			return number{}, err
		}
		if ran.add("handler") < 3 {
			return number{}, errors.New("not yet")
		}
		return number{ctx.Attempt()}, nil
	}, sojourn.Retry{MaxAttempts: 3, Initial: time.Minute}))
	x := start(t, srv, "again", nil)
	for attempt := 1; attempt < 3; attempt++ {
		srv.AwaitFunc(within(t), x.ID, "in backoff", func(x *sojourn.Execution) bool {
			return x.StatusReason == "retry_backoff" && x.Attempt == attempt
		})
		srv.Advance(5 * time.Minute)
	}
	x = finish(t, srv, x.ID)
	if string(x.Output) != `{"n":3}` || ran.get("once") != 1 {
		t.Errorf("output %s, the step ran %d times", x.Output, ran.get("once"))
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	retry := sojourn.Retry{MaxAttempts: 5, Initial: time.Millisecond}
	for name, c := range map[string]struct {
		step    func(context.Context) (number, error)
		options []sojourn.StepOption
		status  sojourn.Status
		code    string
		message string
		tries   int
		details string
	}{
		"plain": {
			step:   func(context.Context) (number, error) { return number{}, errors.New("out of paper") },
			status: sojourn.StatusFailed, code: "error", message: "out of paper", tries: 1,
		},
		"retries used up": {
			step:    func(context.Context) (number, error) { return number{}, errors.New("out of paper") },
			options: []sojourn.StepOption{sojourn.Retry{MaxAttempts: 3, Initial: time.Millisecond}},
			status:  sojourn.StatusFailed, code: "error", message: "out of paper", tries: 3,
		},
		"no use": {
			step: func(context.Context) (number, error) {
				return number{}, sojourn.WithDetails(sojourn.NonRetryable(sojourn.Coded("no_paper", errors.New("sold out"))), map[string]int{"left": 0})
			},
			options: []sojourn.StepOption{retry},
			status:  sojourn.StatusFailed, code: "no_paper", message: "sold out", tries: 1, details: `"left":0`,
		},
		"rejected": {
			step: func(context.Context) (number, error) {
				return number{}, sojourn.Reject("too_late", "The shop is closed.")
			},
			options: []sojourn.StepOption{retry},
			status:  sojourn.StatusRejected, code: "too_late", message: "The shop is closed.", tries: 1,
		},
		"panic": {
			step:   func(context.Context) (number, error) { panic("paper jam") },
			status: sojourn.StatusFailed, code: "panic", message: "paper jam", tries: 1, details: "handler_test.go",
		},
		"timeout": {
			step:    func(ctx context.Context) (number, error) { <-ctx.Done(); return number{}, ctx.Err() },
			options: []sojourn.StepOption{sojourn.StepTimeout(5 * time.Millisecond)},
			status:  sojourn.StatusFailed, code: "step_timeout", message: "5ms", tries: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := sojourntest.New(t)
			srv.Worker(handling("print", func(ctx *sojourn.Context, _ struct{}) (number, error) {
				return sojourn.Step(ctx, "print", c.step, c.options...)
			}))
			x := finish(t, srv, start(t, srv, "print", nil).ID)
			if x.Status != c.status || x.ErrorCode != c.code || !strings.Contains(x.Error, c.message) || !strings.Contains(string(x.ErrorDetails), c.details) {
				t.Errorf("%s, code %q, error %q, details %s", x.Status, x.ErrorCode, x.Error, x.ErrorDetails)
			}
			if len(x.Steps) != 1 || x.Steps[0].Attempt != c.tries || x.Steps[0].Status != "failed" {
				t.Errorf("steps %+v", x.Steps)
			}
		})
	}
}

func TestPanicOfHandler(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	srv.Worker(handling("wild", func(_ *sojourn.Context, in number) (number, error) {
		return number{[]int{}[in.N]}, nil
	}))
	x := finish(t, srv, start(t, srv, "wild", nil).ID)
	if x.Status != sojourn.StatusFailed || x.ErrorCode != "panic" || !strings.Contains(x.Error, "index out of range") || !strings.Contains(string(x.ErrorDetails), "TestPanicOfHandler") {
		t.Errorf("%s, code %q, error %q, details %s", x.Status, x.ErrorCode, x.Error, x.ErrorDetails)
	}
	// The worker lives on.
	if y := finish(t, srv, start(t, srv, "wild", nil).ID); y.Status != sojourn.StatusFailed {
		t.Errorf("the next one is %s", y.Status)
	}
}

// TestCompensation takes another road after a step has failed, and the same road again after a long sleep.
func TestCompensation(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	var ran tally
	srv.Worker(handling("trip", func(ctx *sojourn.Context, _ struct{}) (string, error) {
		_, err := sojourn.Step(ctx, "charge", func(context.Context) (number, error) {
			ran.add("charge")
			return number{}, sojourn.Coded("declined", errors.New("the card was declined"))
		})
		var failed *sojourn.StepError
		if !errors.As(err, &failed) {
			return "", fmt.Errorf("charge: %w", err)
		}
		if err := ctx.Sleep("grace", 24*time.Hour); err != nil {
			return "", err
		}
		return sojourn.Step(ctx, "release seats", func(context.Context) (string, error) {
			ran.add("release")
			return "released: " + failed.Code, nil
		})
	}))
	x := start(t, srv, "trip", nil)
	srv.Await(x.ID, sojourn.StatusWaiting)
	srv.Advance(24 * time.Hour)
	x = finish(t, srv, x.ID)
	if string(x.Output) != `"released: declined"` || ran.get("charge") != 1 || ran.get("release") != 1 {
		t.Errorf("output %s, error %s, ran %v", x.Output, x.Error, ran.n)
	}
}

// TestMismatch continues executions with code that their records do not fit.
func TestMismatch(t *testing.T) {
	t.Parallel()
	first := func(ctx *sojourn.Context, _ struct{}) (string, error) {
		if _, err := sojourn.Step(ctx, "quote", func(context.Context) (string, error) { return "12 EUR", nil }, sojourn.Input("gold")); err != nil {
			return "", err
		}
		return "", ctx.Sleep("wait", time.Hour)
	}
	for name, second := range map[string]func(*sojourn.Context, struct{}) (string, error){
		"another input": func(ctx *sojourn.Context, _ struct{}) (string, error) {
			return sojourn.Step(ctx, "quote", func(context.Context) (string, error) { return "", nil }, sojourn.Input("silver"))
		},
		"another type": func(ctx *sojourn.Context, _ struct{}) (string, error) {
			_, err := sojourn.Step(ctx, "quote", func(context.Context) (number, error) { return number{}, nil })
			return "", err
		},
		"a step that was a sleep": func(ctx *sojourn.Context, _ struct{}) (string, error) {
			return sojourn.Step(ctx, "wait", func(context.Context) (string, error) { return "", nil })
		},
		"a sleep that was a step": func(ctx *sojourn.Context, _ struct{}) (string, error) {
			return "", ctx.Sleep("quote", time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := sojourntest.New(t)
			worker := srv.Worker(handling("deal", first))
			x := start(t, srv, "deal", nil)
			srv.Await(x.ID, sojourn.StatusWaiting)
			worker.Stop()
			srv.Worker(handling("deal", second))
			srv.Advance(time.Hour)
			if x = finish(t, srv, x.ID); x.Status != sojourn.StatusFailed || x.ErrorCode != "step_mismatch" {
				t.Errorf("%s, code %q, error %q", x.Status, x.ErrorCode, x.Error)
			}
		})
	}
}

// TestGroup runs branches at a time: one sleeps long while others work, and the execution is suspended when all that is
// left is to wait.
func TestGroup(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	var ran tally
	srv.Worker(handling("fan", func(ctx *sojourn.Context, _ struct{}) ([]int, error) {
		results := make([]int, 3)
		g := sojourn.NewGroup(ctx)
		for i := range results {
			g.Go(func(ctx *sojourn.Context) error {
				if i == 0 {
					if err := ctx.Sleep("late", 48*time.Hour); err != nil {
						return err
					}
				}
				out, err := sojourn.Step(ctx, "work", func(context.Context) (number, error) {
					ran.add(fmt.Sprint(i))
					return number{i * i}, nil
				}, sojourn.Key(i))
				results[i] = out.N
				return err
			})
		}
		return results, g.Wait()
	}))
	x := start(t, srv, "fan", nil)
	srv.Await(x.ID, sojourn.StatusWaiting)
	if ran.get("1") != 1 || ran.get("2") != 1 || ran.get("0") != 0 {
		t.Errorf("before the sleep was over: %v", ran.n)
	}
	srv.Advance(48 * time.Hour)
	x = finish(t, srv, x.ID)
	if string(x.Output) != `[0,1,4]` {
		t.Errorf("%s: %s %s", x.Status, x.Output, x.Error)
	}
	for i := range 3 {
		if got := ran.get(fmt.Sprint(i)); got != 1 {
			t.Errorf("step %d ran %d times", i, got)
		}
	}
}

// TestCancel stops a step that runs: its context ends at once, and no step after it is recorded.
func TestCancel(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	inside, causes := make(chan struct{}), make(chan error, 2)
	srv.Worker(handling("long", func(ctx *sojourn.Context, _ struct{}) (number, error) {
		_, err := sojourn.Step(ctx, "work", func(ctx context.Context) (number, error) {
			close(inside)
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return number{}, ctx.Err()
		})
		_, next := sojourn.Step(ctx, "more", func(context.Context) (number, error) { return number{}, nil })
		causes <- next
		return number{}, err
	}))
	x := start(t, srv, "long", nil)
	receive(t, inside, "the step")
	y, err := srv.Client().Executions.Cancel(within(t), x.ID, sojourn.CancelParams{Reason: "not needed"})
	if err != nil || y.CancelRequestedAt.IsZero() || y.CancelReason != "requested" {
		t.Fatalf("Cancel = %+v, %v", y, err)
	}
	for range 2 {
		if err := receive(t, causes, "the cancel"); !errors.Is(err, sojourn.ErrCancelRequested) {
			t.Errorf("the handler saw %v", err)
		}
	}
	if y, err = srv.Client().Executions.Wait(within(t), x.ID, sojourn.IncludeSteps(), sojourn.IncludeEvents()); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(y.Events, func(e sojourn.Event) bool { return e.Message == "not needed" }) {
		t.Errorf("the reason is not in the events %+v", y.Events)
	}
	if y.Status != sojourn.StatusCancelled {
		t.Errorf("ended %+v", y)
	}
	for _, step := range y.Steps {
		if step.Name != "work" || step.Status == "completed" {
			t.Errorf("step %+v", step)
		}
	}
	if _, ok := errors.AsType[*sojourn.ExecutionCancelledError](y.Err()); !ok {
		t.Errorf("Err = %v", y.Err())
	}
	if _, err := srv.Client().Executions.Cancel(within(t), x.ID, sojourn.CancelParams{}); !errors.Is(err, sojourn.ErrAlreadyTerminal) {
		t.Errorf("a second Cancel: %v", err)
	}
}

// TestCancelWhileSuspended needs no worker.
func TestCancelWhileSuspended(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	worker := srv.Worker(handling("nap", func(ctx *sojourn.Context, _ struct{}) (number, error) {
		return number{}, ctx.Sleep("nap", time.Hour)
	}))
	x := start(t, srv, "nap", nil)
	srv.Await(x.ID, sojourn.StatusWaiting)
	worker.Stop()
	if y, err := srv.Client().Executions.Cancel(within(t), x.ID, sojourn.CancelParams{}); err != nil || y.Status != sojourn.StatusCancelled {
		t.Errorf("Cancel = %+v, %v", y, err)
	}
}

// TestCancelForced cancels an execution whose handler does not listen: after the grace the server ends it by itself,
// and what the handler says later changes nothing.
func TestCancelForced(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t, sojourntest.Configure(func(c *server.Config) { c.CancelGrace = time.Minute }))
	inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	srv.Worker(handling("deaf", func(ctx *sojourn.Context, _ struct{}) (number, error) {
		close(inside)
		<-leave
		<-ctx.Done() // it did end, in time
		left <- context.Cause(ctx)
		return number{1}, nil
	}))
	x := start(t, srv, "deaf", nil)
	receive(t, inside, "the handler")
	if _, err := srv.Client().Executions.Cancel(within(t), x.ID, sojourn.CancelParams{}); err != nil {
		t.Fatal(err)
	}
	srv.Advance(time.Minute)
	y, err := srv.Client().Executions.Get(within(t), x.ID)
	if err != nil || y.Status != sojourn.StatusCancelled {
		t.Fatalf("after the grace: %+v, %v", y, err)
	}
	close(leave)
	if err := receive(t, left, "the handler's end"); !errors.Is(err, sojourn.ErrCancelRequested) && !errors.Is(err, sojourn.ErrLeaseLost) {
		t.Errorf("the handler's context ended with %v", err)
	}
	if z := finish(t, srv, x.ID); z.Status != sojourn.StatusCancelled || z.Revision != y.Revision {
		t.Errorf("ended %s at revision %d after %d", z.Status, z.Revision, y.Revision)
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	next := make(chan float64)
	srv.Worker(handling("bar", func(ctx *sojourn.Context, _ struct{}) (struct{}, error) {
		for value := range next {
			ctx.Progress(value)
		}
		return struct{}{}, nil
	}))
	x := start(t, srv, "bar", nil)
	at := func(want float64) {
		t.Helper()
		srv.AwaitFunc(within(t), x.ID, fmt.Sprintf("at %v", want), func(x *sojourn.Execution) bool { return x.Progress != nil && *x.Progress == want })
	}
	next <- 0.25
	at(0.25)
	next <- 0.5
	at(0.5)
	next <- 0.1 // never falls
	next <- 0.75
	at(0.75)
	close(next)
	events, err := srv.Client().Executions.Wait(within(t), x.ID, sojourn.IncludeEvents())
	if err != nil {
		t.Fatal(err)
	}
	last := 0.0
	for _, e := range events.Events {
		if e.Progress != nil {
			if *e.Progress <= last {
				t.Errorf("progress %v after %v", *e.Progress, last)
			}
			last = *e.Progress
		}
	}
	if last != 0.75 {
		t.Errorf("the last progress is %v", last)
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	srv.Worker(handling("chatty", func(ctx *sojourn.Context, _ struct{}) (number, error) {
		ctx.Log("begun", "who", "handler")
		out, err := sojourn.Step(ctx, "talk", func(ctx context.Context) (number, error) {
			sojourn.Logger(ctx).Warn("talking", "try", sojourn.StepAttempt(ctx))
			if sojourn.StepAttempt(ctx) == 1 {
				return number{}, errors.New("lost the thread")
			}
			return number{1}, nil
		}, sojourn.Retry{Initial: time.Millisecond})
		ctx.Log("done")
		return out, err
	}))
	x := finish(t, srv, start(t, srv, "chatty", nil).ID)
	read := func(p sojourn.LogParams) []string {
		var lines []string
		for line, err := range srv.Client().Executions.AllLogs(within(t), x.ID, p) {
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", line.Step, line.Level, line.Message, line.Fields)))
		}
		return lines
	}
	// In order within the handler and within each step. The last lines are there when the outcome is.
	all := []string{
		`info begun {"who":"handler"}`, `info done`, `talk warn talking {"try":1}`, `talk warn talking {"try":2}`,
	}
	if got := read(sojourn.LogParams{}); !slices.Equal(got, all) {
		t.Errorf("lines %q", got)
	}
	if got := read(sojourn.LogParams{Step: "talk"}); !slices.Equal(got, all[2:]) {
		t.Errorf("lines of the step %q", got)
	}
	if got := read(sojourn.LogParams{Limit: 1}); !slices.Equal(got, all) {
		t.Errorf("lines in pages of one %q", got)
	}
}

// TestConcurrency starts more than a worker may run at a time.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	inside, leave := make(chan struct{}, 100), make(chan struct{})
	srv.Worker(handling("heavy", func(ctx *sojourn.Context, _ struct{}) (struct{}, error) {
		inside <- struct{}{}
		<-leave
		return struct{}{}, nil
	}), func(c *sojourn.WorkerConfig) { c.Concurrency = 3 })
	var all []*sojourn.Execution
	for range 8 {
		all = append(all, start(t, srv, "heavy", nil))
	}
	for range 3 {
		receive(t, inside, "a handler")
	}
	counts, err := srv.Client().Executions.Counts(within(t), sojourn.CountParams{Workflow: "heavy"})
	if err != nil || counts.Counts[sojourn.StatusRunning] != 3 || counts.Counts[sojourn.StatusPending] != 5 {
		t.Errorf("counts %+v, %v", counts, err)
	}
	close(leave)
	for _, x := range all {
		if x := finish(t, srv, x.ID); x.Status != sojourn.StatusCompleted {
			t.Errorf("%s: %s", x.Status, x.Error)
		}
	}
	if len(inside) != 5 {
		t.Errorf("%d more handlers ran, expected 5", len(inside))
	}
}

// TestTraceParent carries the starter's trace through the execution to its steps, also after a suspend.
func TestTraceParent(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	seen := make(chan string, 10)
	srv.Worker(handling("traced", func(ctx *sojourn.Context, _ struct{}) (struct{}, error) {
		seen <- sojourn.TraceParent(ctx)
		if err := ctx.Sleep("pause", time.Hour); err != nil {
			return struct{}{}, err
		}
		return sojourn.Step(ctx, "step", func(ctx context.Context) (struct{}, error) {
			seen <- sojourn.TraceParent(ctx)
			return struct{}{}, nil
		})
	}))
	x, err := srv.Client().Executions.Start(within(t), sojourn.StartParams{Workflow: "traced", TraceParent: parent})
	if err != nil {
		t.Fatal(err)
	}
	srv.Await(x.ID, sojourn.StatusWaiting)
	srv.Advance(time.Hour)
	finish(t, srv, x.ID)
	for range 3 {
		if got := receive(t, seen, "the trace"); got != parent {
			t.Errorf("the handler saw %q", got)
		}
	}
}

// TestContextOfHandler is what a handler knows of its execution.
func TestContextOfHandler(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	type facts struct {
		ID, Workflow, Key, StepKey string
		Attempt                    int
		Metadata                   map[string]string
		CreatedAt                  time.Time
	}
	srv.Worker(handling("who", func(ctx *sojourn.Context, _ json.RawMessage) (facts, error) {
		return sojourn.Step(ctx, "facts", func(step context.Context) (facts, error) {
			return facts{
				ctx.ExecutionID(), ctx.Workflow(), sojourn.StepKey(ctx), sojourn.StepKey(step), ctx.Attempt(), ctx.Metadata(), ctx.CreatedAt(),
			}, nil
		}, sojourn.Key("a"))
	}))
	x, err := srv.Client().Executions.Start(within(t), sojourn.StartParams{Workflow: "who", Metadata: map[string]string{"team": "blue"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := sojourn.Result[facts](within(t), srv.Client(), x.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != x.ID || got.Workflow != "who" || got.Key != x.ID || got.StepKey != x.ID+"/facts[a]" || got.Attempt != 1 ||
		got.Metadata["team"] != "blue" || !got.CreatedAt.Equal(x.CreatedAt) {
		t.Errorf("%+v of %+v", got, x)
	}
}

// TestPayloadLimits fails clearly when a step or a handler returns more than is kept.
func TestPayloadLimits(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	big := strings.Repeat("x", 1<<20)
	srv.Worker(func(w *sojourn.Worker) {
		sojourn.Handle(w, "big-step", func(ctx *sojourn.Context, _ struct{}) (int, error) {
			text, err := sojourn.Step(ctx, "big", func(context.Context) (string, error) { return big, nil })
			return len(text), err
		})
		sojourn.Handle(w, "big-output", func(*sojourn.Context, struct{}) (string, error) { return big, nil })
		sojourn.Handle(w, "fits", func(ctx *sojourn.Context, _ struct{}) (string, error) {
			return sojourn.Step(ctx, "fits", func(context.Context) (string, error) { return big[:1<<20-2], nil })
		})
	})
	for _, workflow := range []string{"big-step", "big-output"} {
		if x := finish(t, srv, start(t, srv, workflow, nil).ID); x.Status != sojourn.StatusFailed || x.ErrorCode != "payload_too_large" {
			t.Errorf("%s: %s, code %q, error %q", workflow, x.Status, x.ErrorCode, x.Error)
		}
	}
	if x := finish(t, srv, start(t, srv, "fits", nil).ID); len(x.Output) != 1<<20 {
		t.Errorf("%s, %d bytes, error %q", x.Status, len(x.Output), x.Error)
	}
}
