package sojourn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

type numbers struct {
	Values []int `json:"values"`
}

type total struct {
	Sum  int    `json:"sum"`
	Text string `json:"text,omitempty"`
}

// bubble runs a test on virtual time; it fails when a goroutine is left over.
func bubble(t *testing.T, name string, fn func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, fn) })
}

func TestWorker_Outcomes(t *testing.T) {
	type result struct{ status, code, message, output string }
	cases := map[string]struct {
		handler func(ctx *Context, in numbers) (any, error)
		input   string
		want    result
	}{
		"completed": {
			handler: func(_ *Context, in numbers) (any, error) { return total{Sum: in.Values[0] + in.Values[1]}, nil },
			input:   `{"values":[1,2]}`,
			want:    result{status: "completed", output: `{"sum":3}`},
		},
		"output is written as it is": {
			handler: func(*Context, numbers) (any, error) { return map[string]string{"a": "<&> ü \u2028 \x00"}, nil },
			input:   `{}`,
			want:    result{status: "completed", output: `{"a":"<&> ü \u2028 \u0000"}`},
		},
		"null output": {
			handler: func(*Context, numbers) (any, error) { return nil, nil }, input: `{}`,
			want: result{status: "completed", output: `null`},
		},
		"failed": {
			handler: func(*Context, numbers) (any, error) { return nil, errors.New("no luck") }, input: `{}`,
			want: result{status: "failed", code: "error", message: "no luck"},
		},
		"coded": {
			handler: func(*Context, numbers) (any, error) {
				return nil, fmt.Errorf("reading: %w", Coded("bad_page", errors.New("page 3")))
			}, input: `{}`,
			want: result{status: "failed", code: "bad_page", message: "reading: page 3"},
		},
		"rejected": {
			handler: func(*Context, numbers) (any, error) { return nil, Reject("too_old", "older than a year") }, input: `{}`,
			want: result{status: "rejected", code: "too_old", message: "older than a year"},
		},
		"input of another type": {
			handler: func(*Context, numbers) (any, error) { return nil, nil }, input: `{"values":"many"}`,
			want: result{status: "failed", code: "invalid_input", message: "decoding the input: json: cannot unmarshal string into Go struct field numbers.values of type []int"},
		},
		"output that is no JSON": {
			handler: func(*Context, numbers) (any, error) { return func() {}, nil }, input: `{}`,
			want: result{status: "failed", code: "invalid_output", message: "encoding the output: json: unsupported type: func()"},
		},
		"output too large": {
			handler: func(*Context, numbers) (any, error) { return strings.Repeat("x", maxPayload), nil }, input: `{}`,
			want: result{status: "failed", code: "payload_too_large", message: "the output takes 1048578 bytes of at most 1048576"},
		},
		"an error that panics": {
			handler: func(*Context, numbers) (any, error) { return nil, badError{} }, input: `{}`,
			want: result{status: "failed", code: "error", message: "the error cannot be shown: panic: no text"},
		},
	}
	for name, c := range cases {
		bubble(t, name, func(t *testing.T) {
			h := newHarness(t, WorkerConfig{})
			Handle(h.w, "sum", c.handler)
			h.run()
			x := h.start("sum", c.input)
			h.awaitStatus(x, c.want.status)
			h.end()
			if got := (result{x.status, x.code, x.message, x.output}); got != c.want {
				t.Errorf("got %+v\nwant %+v", got, c.want)
			}
		})
	}
}

type badError struct{}

func (badError) Error() string { panic("no text") }

func TestWorker_DetailsOfErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		Handle(h.w, "panic", func(*Context, numbers) (any, error) { panic("boom") })
		Handle(h.w, "exit", func(*Context, numbers) (any, error) { runtime.Goexit(); return nil, nil })
		Handle(h.w, "details", func(*Context, numbers) (any, error) {
			return nil, WithDetails(errors.New("no"), map[string]int{"page": 3})
		})
		Handle(h.w, "list", func(*Context, numbers) (any, error) { return nil, WithDetails(errors.New("no"), []int{1}) })
		h.run()
		panicked, exited, detailed, list := h.start("panic", `{}`), h.start("exit", `{}`), h.start("details", `{}`), h.start("list", `{}`)
		for _, x := range []*fakeExecution{panicked, exited, detailed, list} {
			h.awaitStatus(x, "failed")
		}
		h.end()
		if panicked.code != "panic" || panicked.message != "panic: boom" || !strings.Contains(panicked.details, "TestWorker_DetailsOfErrors") {
			t.Errorf("a panic is reported as %q %q %s", panicked.code, panicked.message, panicked.details)
		}
		if exited.code != "panic" || !strings.Contains(exited.message, "ended its goroutine") {
			t.Errorf("Goexit is reported as %q %q", exited.code, exited.message)
		}
		if detailed.details != `{"page":3}` || list.details != `{"value":[1]}` {
			t.Errorf("details are %s and %s", detailed.details, list.details)
		}
	})
}

func TestWorker_RetriesTheExecution(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		var steps, calls atomic.Int32
		Handle(h.w, "flaky", func(ctx *Context, _ numbers) (int32, error) {
			if _, err := Step(ctx, "once", func(context.Context) (int32, error) { return steps.Add(1), nil }); err != nil {
				return 0, err
			}
			if calls.Add(1) < 3 {
				return 0, errors.New("not yet")
			}
			return calls.Load(), nil
		}, Retry{MaxAttempts: 5, Initial: 10 * time.Second})
		Handle(h.w, "hopeless", func(*Context, numbers) (any, error) {
			return nil, NonRetryable(errors.New("never"))
		}, Retry{})
		h.run()
		begin := time.Now()
		flaky, hopeless := h.start("flaky", `{}`), h.start("hopeless", `{}`)
		h.awaitStatus(flaky, "completed")
		if took := time.Since(begin); took < 24*time.Second { // 10 s and 20 s, less a fifth
			t.Errorf("the retries took %s", took)
		}
		h.awaitStatus(hopeless, "failed")
		h.end()
		if steps.Load() != 1 || flaky.output != "3" || flaky.attempt != 3 {
			t.Errorf("step ran %d times, output %s, attempt %d", steps.Load(), flaky.output, flaky.attempt)
		}
		if hopeless.attempt != 1 {
			t.Errorf("a NonRetryable error led to attempt %d", hopeless.attempt)
		}
	})
}

func TestWorker_GivesHandlersWhatTheyNeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
		type key struct{}
		var events []string
		h := newHarness(t, WorkerConfig{Interceptors: []Interceptor{
			{
				Execution: func(ctx context.Context, info ExecutionInfo, next func(context.Context) error) error {
					events = append(events, "execution "+info.Workflow+" "+info.TraceParent)
					err := next(context.WithValue(ctx, key{}, "from outside"))
					events = append(events, "execution ended")
					return err
				},
				Step: func(ctx context.Context, info StepInfo, next func(context.Context) error) error {
					events = append(events, fmt.Sprintf("step %s %d", info.Step, info.Attempt))
					return next(ctx)
				},
			},
			{}, // one that wants nothing
			{Step: func(ctx context.Context, _ StepInfo, next func(context.Context) error) error {
				return next(context.WithValue(ctx, key{}, "from the step's"))
			}},
		}})
		var got []string
		Handle(h.w, "show", func(ctx *Context, _ json.RawMessage) (json.RawMessage, error) {
			got = append(got, ctx.ExecutionID(), ctx.Workflow(), fmt.Sprint(ctx.Attempt()), ctx.Metadata()["customer"],
				ctx.CreatedAt().Format(time.RFC3339), TraceParent(ctx), StepKey(ctx), fmt.Sprint(ctx.Value(key{})))
			err := context.Cause(ctx)
			for range 2 {
				_, err = Step(ctx, "charge", func(ctx context.Context) (json.RawMessage, error) {
					ctx, cancel := context.WithCancel(ctx)
					defer cancel()
					got = append(got, StepKey(ctx), fmt.Sprint(StepAttempt(ctx)), TraceParent(ctx), fmt.Sprint(ctx.Value(key{})))
					return nil, nil
				})
			}
			return json.RawMessage(`[1]`), err
		})
		x := h.start("show", `{}`)
		x.trace, x.metadata = trace, map[string]string{"customer": "7"}
		h.run()
		h.awaitStatus(x, "completed")
		h.end()
		want := []string{
			x.id, "show", "1", "7", "2026-11-21T23:59:30Z", trace, x.id, "from outside",
			x.id + "/charge", "1", trace, "from the step's", x.id + "/charge#2", "1", trace, "from the step's",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q\nwant %q", got, want)
		}
		if want := []string{"execution show " + trace, "step charge 1", "step charge#2 1", "execution ended"}; !slices.Equal(events, want) {
			t.Errorf("interceptors saw %q, want %q", events, want)
		}
		if StepKey(t.Context()) != "" || TraceParent(t.Context()) != "" || StepAttempt(t.Context()) != 0 {
			t.Error("a context that is no handler's has a step key, traceparent or attempt")
		}
	})
}

func TestWorker_LimitsConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, WorkerConfig{Concurrency: 3})
		var running, most atomic.Int32
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			return nil, pause(ctx, time.Second)
		})
		h.run()
		var list []*fakeExecution
		for range 20 {
			list = append(list, h.start("work", `{}`))
		}
		synctest.Wait()
		// A server that hands out too much does not overload the worker.
		see(h.fakeServer, func() any {
			for _, s := range h.sessions {
				s.capacity = 100
			}
			h.wake()
			return nil
		})
		for _, x := range list {
			h.awaitStatus(x, "completed")
		}
		h.end()
		if most.Load() != 3 {
			t.Errorf("%d handlers ran at a time, want 3", most.Load())
		}
	})
}

func TestWorker_Drain(t *testing.T) {
	bubble(t, "lets handlers finish", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{ShutdownGrace: 10 * time.Second})
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) {
			_, err := Step(ctx, "long", func(ctx context.Context) (any, error) { return nil, pause(ctx, 5*time.Second) })
			return nil, err
		})
		h.run()
		x := h.start("work", `{}`)
		synctest.Wait()
		late := h.start // a start after the drain began
		begin := time.Now()
		h.stop()
		synctest.Wait()
		y := late("work", `{}`)
		h.end()
		if took := time.Since(begin); took > 6*time.Second {
			t.Errorf("the drain took %s", took)
		}
		if x.status != "completed" || y.status != "pending" {
			t.Errorf("the running one is %s, the late one %s", x.status, y.status)
		}
		if last := h.requests[len(h.requests)-1]; !strings.HasPrefix(last, "DELETE /v1/worker/sessions/sess_") {
			t.Errorf("the last request was %s", last)
		}
	})
	bubble(t, "gives back what is unfinished", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{ShutdownGrace: 10 * time.Second, Concurrency: 2})
		causes := make(chan error, 3)
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) {
			_, err := Step(ctx, "first", func(context.Context) (int, error) { return 1, nil })
			if err != nil {
				return nil, err
			}
			<-ctx.Done()
			causes <- context.Cause(ctx)
			_, err = Step(ctx, "second", func(context.Context) (int, error) { t.Error("a step began during the drain"); return 1, nil })
			return nil, err
		})
		h.run()
		x, y := h.start("work", `{}`), h.start("work", `{}`)
		synctest.Wait()
		see(h.fakeServer, func() any { // a third, beyond the worker's places
			for _, s := range h.sessions {
				s.capacity = 3
			}
			return nil
		})
		z := h.start("work", `{}`)
		synctest.Wait()
		h.stop()
		time.Sleep(time.Second)
		if last := see(h.fakeServer, func() string { return z.ops[len(z.ops)-1] }); last != "return" {
			t.Errorf("the one that waited for a place was not given back at once: %v", z.ops)
		}
		h.end()
		for i := range 2 {
			if err := <-causes; !errors.Is(err, ErrDraining) {
				t.Errorf("cause %d is %v, want ErrDraining", i, err)
			}
		}
		for _, x := range []*fakeExecution{x, y, z} {
			if x.status != "running" || x.lease != "" || x.attempt != 0 || x.ops[len(x.ops)-1] != "return" {
				t.Errorf("%s: status %s, lease %q, attempt %d, ops %v; want it returned and not counted", x.id, x.status, x.lease, x.attempt, x.ops)
			}
		}
		if got := len(x.recorded); got != 1 {
			t.Errorf("%d steps are recorded, want the one that had finished", got)
		}
	})
	bubble(t, "does not wait for ever", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{ShutdownGrace: -1})
		release := make(chan struct{})
		Handle(h.w, "deaf", func(*Context, numbers) (any, error) { <-release; return nil, nil })
		h.run()
		x := h.start("deaf", `{}`)
		synctest.Wait()
		begin := time.Now()
		h.end()
		if took := time.Since(begin); took > 11*time.Second {
			t.Errorf("the drain took %s", took)
		}
		if x.lease != "" || x.ops[len(x.ops)-1] != "interrupted" {
			t.Errorf("the execution was not taken back: %v", x.ops)
		}
		close(release)
	})
}

func TestWorker_SurvivesLostAnswers(t *testing.T) {
	bubble(t, "of a poll", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		var runs, lost atomic.Int32
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) { runs.Add(1); return 1, nil })
		h.after = func(path string, _, answer []byte) error {
			if path == "/v1/worker/poll" && strings.Contains(string(answer), "exec_") && lost.Add(1) == 1 {
				return errCut
			}
			return nil
		}
		h.run()
		begin := time.Now()
		x := h.start("work", `{}`)
		h.awaitStatus(x, "completed")
		if took := time.Since(begin); took < 5*time.Second || took > 7*time.Second {
			t.Errorf("it was offered again after %s, want 5 s", took)
		}
		h.end()
		if runs.Load() != 1 || lost.Load() < 1 || x.attempt != 1 {
			t.Errorf("%d runs, attempt %d", runs.Load(), x.attempt)
		}
	})
	bubble(t, "of a report", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		var runs atomic.Int32
		Handle(h.w, "work", func(ctx *Context, _ numbers) (int, error) {
			return Step(ctx, "one", func(context.Context) (int, error) { return int(runs.Add(1)), nil })
		})
		seen := map[string]bool{}
		h.after = func(path string, body, _ []byte) error {
			if path == "/v1/worker/report" && !seen[string(body)] {
				seen[string(body)] = true
				return errCut
			}
			return nil
		}
		h.run()
		x := h.start("work", `{}`)
		h.awaitStatus(x, "completed")
		h.end()
		if runs.Load() != 1 || x.output != "1" {
			t.Errorf("%d runs, output %s", runs.Load(), x.output)
		}
		if want := []string{"step_completed one", "complete"}; !slices.Equal(x.ops, want) {
			t.Errorf("operations %v, want %v", x.ops, want)
		}
		if bodies := h.bodies["/v1/worker/report"]; len(bodies) != 4 || bodies[0] != bodies[1] || bodies[2] != bodies[3] {
			t.Errorf("reports were not sent again as they were: %q", bodies)
		}
	})
}

func TestWorker_IgnoresASecondDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		var runs atomic.Int32
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) { runs.Add(1); return nil, pause(ctx, time.Second) })
		h.run()
		x := h.start("work", `{}`)
		synctest.Wait()
		see(h.fakeServer, func() any { h.again = x; h.wake(); return nil })
		h.awaitStatus(x, "completed")
		h.end()
		if runs.Load() != 1 || len(h.refusals) > 0 {
			t.Errorf("%d runs, refused %q", runs.Load(), h.refusals)
		}
	})
}

func TestWorker_ReportsOnSeveralConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, WorkerConfig{ReportConnections: 2})
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) { return nil, nil })
		var first atomic.Bool
		hold := make(chan struct{})
		h.before = func(path string, _ []byte) (*canned, error) {
			if path == "/v1/worker/report" && first.CompareAndSwap(false, true) {
				<-hold
			}
			return nil, nil
		}
		h.run()
		x, y := h.start("work", `{}`), h.start("work", `{}`)
		h.await("one of the two past the other's report", func() bool { return x.status == "completed" || y.status == "completed" })
		close(hold)
		h.awaitStatus(x, "completed")
		h.awaitStatus(y, "completed")
		h.end()
	})
}

func TestWorker_SurvivesServerRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) {
			for i := range 20 {
				if _, err := Step(ctx, "tick", func(ctx context.Context) (int, error) { return i, pause(ctx, time.Second) }); err != nil {
					return nil, err
				}
			}
			return nil, nil
		})
		h.run()
		x := h.start("work", `{}`)
		var tries atomic.Int32
		for _, down := range []func() (*canned, error){
			func() (*canned, error) { return nil, errCut },
			func() (*canned, error) { return answerWith(503, http.Header{"Retry-After": {"1"}}, ""), nil },
		} {
			synctest.Wait()
			see(h.fakeServer, func() any {
				h.before = func(string, []byte) (*canned, error) {
					tries.Add(1)
					return down()
				}
				return nil
			})
			time.Sleep(4 * time.Second)
			see(h.fakeServer, func() any { h.before = nil; return nil })
			time.Sleep(4 * time.Second)
		}
		if tries.Load() > 200 {
			t.Errorf("%d requests in 8 s to a server that is away", tries.Load())
		}
		requests := see(h.fakeServer, func() int { h.drains = true; h.wake(); return len(h.requests) })
		time.Sleep(4 * time.Second)
		if n := see(h.fakeServer, func() int { h.drains = false; return len(h.requests) }) - requests; n < 20 || n > 100 {
			t.Errorf("%d requests in 4 s to a server that drains", n)
		}
		h.awaitStatus(x, "completed")
		h.end()
		if x.attempt != 1 || len(h.sessions) != 1 || len(x.recorded) != 20 {
			t.Errorf("attempt %d, %d sessions, %d steps: restarts of 4 s should not be felt", x.attempt, len(h.sessions), len(x.recorded))
		}
	})
}

// canned is an answer that needs no server.
type canned struct {
	status int
	header http.Header
	body   string
}

func answerWith(status int, header http.Header, body string) *canned {
	return &canned{status, header.Clone(), body}
}

func (c *canned) response() *http.Response {
	if c == nil {
		return nil
	}
	if c.header == nil {
		c.header = http.Header{}
	}
	return &http.Response{StatusCode: c.status, Header: c.header, ContentLength: int64(len(c.body)), Body: io.NopCloser(strings.NewReader(c.body))}
}

func TestWorker_LosesItsLease(t *testing.T) {
	// slow returns a handler that waits for its context, and the causes it saw.
	slow := func(h *harness, runs *atomic.Int32) chan error {
		causes := make(chan error, 10)
		Handle(h.w, "slow", func(ctx *Context, _ numbers) (any, error) {
			if runs.Add(1) > 1 {
				return "second", nil
			}
			<-ctx.Done()
			causes <- context.Cause(ctx)
			_, err := Step(ctx, "after", func(context.Context) (int, error) { t.Error("a step began without a lease"); return 0, nil })
			if !errors.Is(err, ErrLeaseLost) {
				t.Errorf("Step after the loss: %v", err)
			}
			return "first", nil
		})
		return causes
	}
	expect := func(t *testing.T, h *harness, x *fakeExecution, causes chan error) {
		t.Helper()
		if err := <-causes; !errors.Is(err, ErrLeaseLost) {
			t.Errorf("the handler's context ended with %v, want ErrLeaseLost", err)
		}
		h.awaitStatus(x, "completed")
		h.end()
		if x.output != `"second"` {
			t.Errorf("output %s: a handler without a lease was believed", x.output)
		}
	}
	bubble(t, "when the server is silent", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		var runs atomic.Int32
		causes := slow(h, &runs)
		h.run()
		x := h.start("slow", `{}`)
		synctest.Wait()
		begin := time.Now()
		see(h.fakeServer, func() any {
			h.before = func(string, []byte) (*canned, error) { return nil, errCut }
			return nil
		})
		err := <-causes
		if took := time.Since(begin); took < 10*time.Second || took > 16*time.Second {
			t.Errorf("the loss was noticed after %s, want at most a lease of 15 s", took)
		}
		if h.w.Healthy() {
			t.Error("a worker without contact is healthy")
		}
		causes <- err
		see(h.fakeServer, func() any { h.before = nil; return nil })
		expect(t, h, x, causes)
	})
	bubble(t, "when the server hangs", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		var runs atomic.Int32
		causes := slow(h, &runs)
		h.run()
		x := h.start("slow", `{}`)
		synctest.Wait()
		hang := make(chan struct{})
		see(h.fakeServer, func() any {
			h.before = func(string, []byte) (*canned, error) { <-hang; return nil, errCut }
			return nil
		})
		begin := time.Now()
		err := <-causes
		if took := time.Since(begin); took > 16*time.Second {
			t.Errorf("the loss was noticed after %s", took)
		}
		causes <- err
		see(h.fakeServer, func() any { h.before = nil; return nil })
		close(hang)
		expect(t, h, x, causes)
	})
	bubble(t, "when the session is forgotten", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		var runs atomic.Int32
		causes := slow(h, &runs)
		h.run()
		x := h.start("slow", `{}`)
		synctest.Wait()
		see(h.fakeServer, func() any {
			for _, s := range h.sessions {
				h.fakeServer.end(s, "lost")
			}
			return nil
		})
		expect(t, h, x, causes)
		if len(h.sessions) != 2 {
			t.Errorf("%d sessions, want a second one", len(h.sessions))
		}
	})
	bubble(t, "when the server drops it", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		var runs atomic.Int32
		causes := slow(h, &runs)
		h.run()
		x := h.start("slow", `{}`)
		synctest.Wait()
		see(h.fakeServer, func() any {
			x.session.drop = []string{x.id, "exec_unknown"}
			h.release(x)
			x.ready = time.Now().Add(time.Second)
			h.wake()
			return nil
		})
		expect(t, h, x, causes)
	})
	bubble(t, "when it is offered again", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		var runs atomic.Int32
		causes := slow(h, &runs)
		h.run()
		x := h.start("slow", `{}`)
		synctest.Wait()
		see(h.fakeServer, func() any { h.release(x); h.wake(); return nil })
		expect(t, h, x, causes)
	})
	bubble(t, "when a step finds out", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		var runs atomic.Int32
		Handle(h.w, "slow", func(ctx *Context, _ numbers) (string, error) {
			first := runs.Add(1) == 1
			_, err := Step(ctx, "one", func(context.Context) (int, error) {
				if first {
					see(h.fakeServer, func() any {
						x := h.executions[0]
						x.lease, x.session, x.ready = "other", nil, time.Now().Add(time.Minute)
						return nil
					})
				}
				return 1, nil
			})
			if first && !errors.Is(err, ErrLeaseLost) {
				t.Errorf("Step under a stale lease: %v", err)
			}
			if !first {
				return "second", err
			}
			return "first", nil
		})
		h.run()
		x := h.start("slow", `{}`)
		h.awaitStatus(x, "completed")
		h.end()
		if x.output != `"second"` || runs.Load() != 2 {
			t.Errorf("output %s after %d runs", x.output, runs.Load())
		}
	})
}

func TestWorker_OutcomeOutlivesSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		var runs atomic.Int32
		finish := make(chan struct{})
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) {
			runs.Add(1)
			<-finish
			return "done", nil
		})
		h.run()
		x := h.start("work", `{}`)
		synctest.Wait() // the next poll has acknowledged the delivery
		see(h.fakeServer, func() any {
			h.lease = time.Hour // the server keeps the lease; the worker was told 15 s
			h.before = func(string, []byte) (*canned, error) { return nil, errCut }
			return nil
		})
		close(finish)
		time.Sleep(time.Minute)
		see(h.fakeServer, func() any { h.before = nil; return nil })
		h.awaitStatus(x, "completed")
		h.end()
		if runs.Load() != 1 || x.output != `"done"` {
			t.Errorf("%d runs, output %s: the result of a finished handler was thrown away", runs.Load(), x.output)
		}
	})
}

func TestWorker_Heartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		Handle(h.w, "wait", func(ctx *Context, _ numbers) (any, error) { return nil, pause(ctx, time.Minute) })
		h.run()
		x, y := h.start("wait", `{}`), h.start("wait", `{}`)
		synctest.Wait()
		s := see(h.fakeServer, func() *fakeSession { return x.session })
		h.await("two heartbeats", func() bool { return s.beats >= 2 })
		if want := hex16(fnv1a(x.lease) ^ fnv1a(y.lease)); s.held != 2 || s.digest != want || s.leases != nil {
			t.Errorf("heartbeat says held %d, digest %s, leases %v; want 2, %s, none", s.held, s.digest, s.leases, want)
		}
		see(h.fakeServer, func() any { s.reconcile = true; return nil })
		h.await("leases", func() bool { return s.leases != nil })
		want := []string{x.lease, y.lease}
		slices.Sort(s.leases)
		if !slices.Equal(s.leases, want) {
			t.Errorf("reconciled with %v, want %v", s.leases, want)
		}
		h.awaitStatus(x, "completed")
		h.awaitStatus(y, "completed")
		beats := s.beats
		h.await("another heartbeat", func() bool { return s.beats > beats })
		if s.held != 0 || s.digest != "0000000000000000" {
			t.Errorf("an idle worker holds %d, digest %s", s.held, s.digest)
		}
		h.end()
	})
}

func TestWorker_Cancel(t *testing.T) {
	bubble(t, "reaches a running step", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) {
			_, err := Step(ctx, "long", func(ctx context.Context) (any, error) {
				<-ctx.Done()
				if cause := context.Cause(ctx); !errors.Is(cause, ErrCancelRequested) {
					t.Errorf("the step's context ended with %v", cause)
				}
				return nil, errors.New("killed")
			}, Retry{})
			if !errors.Is(err, ErrCancelRequested) {
				t.Errorf("Step returned %v", err)
			}
			if err := ctx.Sleep("after", time.Hour); !errors.Is(err, ErrCancelRequested) {
				t.Errorf("Sleep returned %v", err)
			}
			return nil, err
		})
		h.run()
		x := h.start("work", `{}`)
		synctest.Wait()
		h.cancel(x)
		h.awaitStatus(x, "cancelled")
		h.end()
		if want := []string{"cancelled"}; !slices.Equal(x.ops, want) {
			t.Errorf("operations %v, want %v: an interrupted step is no failed one", x.ops, want)
		}
	})
	bubble(t, "does not undo a completion", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) { <-ctx.Done(); return "done", nil })
		h.run()
		x := h.start("work", `{}`)
		synctest.Wait()
		h.cancel(x)
		h.awaitStatus(x, "completed")
		h.end()
	})
	bubble(t, "rides on a report", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) {
			_, err := Step(ctx, "one", func(context.Context) (any, error) {
				// Asked for while nothing can tell the worker: the poll is parked, as if the hint were lost.
				see(h.fakeServer, func() any { h.executions[0].cancel = true; return nil })
				return 1, nil
			})
			if !errors.Is(err, ErrCancelRequested) {
				t.Errorf("Step returned %v", err)
			}
			return nil, err
		})
		h.run()
		x := h.start("work", `{}`)
		h.awaitStatus(x, "cancelled")
		h.end()
	})
	bubble(t, "meets a suspend", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) { return nil, ctx.Sleep("long", time.Hour) })
		h.answer = func(op fakeOp, result map[string]any) map[string]any {
			if op.Op == "sleep" {
				h.executions[0].cancel = true // between the sleep and the suspend
			}
			return result
		}
		h.run()
		x := h.start("work", `{}`)
		h.awaitStatus(x, "cancelled")
		h.end()
		if want := []string{"sleep long", "cancelled"}; !slices.Equal(x.ops, want) {
			t.Errorf("operations %v, want %v", x.ops, want)
		}
	})
	bubble(t, "finds one that waits for a place", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{Concurrency: 1})
		ran := 0
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) { ran++; return nil, pause(ctx, time.Minute) })
		h.run()
		x := h.start("work", `{}`)
		synctest.Wait()
		see(h.fakeServer, func() any {
			for _, s := range h.sessions {
				s.capacity = 2
			}
			return nil
		})
		y := h.start("work", `{}`)
		synctest.Wait()
		h.cancel(y)
		h.awaitStatus(x, "completed")
		h.awaitStatus(y, "cancelled")
		h.end()
		if ran != 1 {
			t.Errorf("%d handlers ran, want only the one that was not cancelled", ran)
		}
	})
}

func TestWorker_RefusedOperations(t *testing.T) {
	bubble(t, "one that cannot be read", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{ReportConnections: 1})
		Handle(h.w, "work", func(ctx *Context, in numbers) (int, error) {
			if in.Values[0] > 0 { // while the first one's report is under way, the others gather in the next
				if err := pause(ctx, time.Millisecond); err != nil {
					return 0, err
				}
			}
			return Step(ctx, "one", func(context.Context) (int, error) { return in.Values[0], nil })
		})
		first := true
		h.before = func(path string, body []byte) (*canned, error) {
			if path == "/v1/worker/report" && first {
				first = false
				time.Sleep(2 * time.Millisecond)
			}
			if path == "/v1/worker/report" && strings.Contains(string(body), `"output":666`) {
				return answerWith(400, nil, `{"code":"invalid_request","title":"Bad Request","detail":"output: 666 is not allowed"}`), nil
			}
			return nil, nil
		}
		var list []*fakeExecution
		for i := range 9 {
			list = append(list, h.start("work", fmt.Sprintf(`{"values":[%d]}`, i)))
		}
		bad := h.start("work", `{"values":[666]}`)
		h.run()
		for _, x := range list {
			h.awaitStatus(x, "completed")
		}
		h.awaitStatus(bad, "failed")
		h.end()
		if n := len(h.bodies["/v1/worker/report"]); n < 5 {
			t.Errorf("%d reports reached the server; the refused one was not divided", n)
		}
		if bad.code != "invalid_request" || !strings.Contains(bad.message, "666 is not allowed") {
			t.Errorf("the refused one failed with %s: %s", bad.code, bad.message)
		}
	})
	bubble(t, "one that follows a refused one", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		h.answer = func(op fakeOp, result map[string]any) map[string]any {
			if op.Op == "log" {
				return map[string]any{"ok": false, "code": "log_limit", "message": "too many lines"}
			}
			return result
		}
		Handle(h.w, "work", func(ctx *Context, _ numbers) (int, error) {
			ctx.Log("one line")
			ctx.Log("another")
			n, err := Step(ctx, "one", func(context.Context) (int, error) { return 1, nil })
			ctx.Log("a third")
			return n, err
		})
		h.run()
		x := h.start("work", `{}`)
		h.awaitStatus(x, "completed")
		h.end()
		if x.attempt != 1 || len(x.recorded) != 1 {
			t.Errorf("attempt %d, %d steps", x.attempt, len(x.recorded))
		}
	})
	bubble(t, "an outcome", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		h.answer = func(op fakeOp, result map[string]any) map[string]any {
			if op.Op == "step_completed" && op.Step == "big" || op.Op == "complete" {
				return refuse("history_limit")
			}
			return result
		}
		// The fake has completed what it then refuses: undo that.
		apply := h.answer
		h.answer = func(op fakeOp, result map[string]any) map[string]any {
			x := h.executions[0]
			if op.Op == "complete" && x.status == "completed" {
				x.status, x.lease, x.session = "running", op.Lease, h.onlySession()
			}
			return apply(op, result)
		}
		Handle(h.w, "work", func(ctx *Context, _ numbers) (int, error) {
			_, err := Step(ctx, "big", func(context.Context) (int, error) { return 1, nil })
			step, ok := errors.AsType[*StepError](err)
			if !ok || step.Code != "history_limit" {
				t.Errorf("Step returned %v", err)
			}
			return 1, nil
		})
		h.run()
		x := h.start("work", `{}`)
		h.awaitStatus(x, "failed")
		h.end()
		if x.code != "history_limit" {
			t.Errorf("failed with %s", x.code)
		}
	})
}

func (f *fakeServer) onlySession() *fakeSession {
	for _, s := range f.sessions {
		return s
	}
	return nil
}

func TestWorker_GivesUp(t *testing.T) {
	refusal := func(status int, code string) func(string, []byte) (*canned, error) {
		return func(string, []byte) (*canned, error) {
			return answerWith(status, nil, fmt.Sprintf(`{"code":%q,"title":"x","detail":"no"}`, code)), nil
		}
	}
	bubble(t, "when its key is wrong", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		Handle(h.w, "work", func(*Context, numbers) (any, error) { return nil, nil })
		h.before = refusal(401, "unauthenticated")
		if err := h.w.Run(t.Context()); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("Run: %v", err)
		}
	})
	bubble(t, "when its key is revoked", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		ended := make(chan error, 1)
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) {
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return nil, nil
		})
		h.run()
		h.start("work", `{}`)
		synctest.Wait()
		see(h.fakeServer, func() any { h.before = refusal(403, "forbidden"); return nil })
		if err := <-h.done; !errors.Is(err, ErrForbidden) {
			t.Errorf("Run: %v", err)
		}
		if err := <-ended; !errors.Is(err, ErrLeaseLost) {
			t.Errorf("the handler's context ended with %v", err)
		}
	})
	bubble(t, "but not while the server is away", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		var ready []string
		h.w.config.OnReady = func(id string) { ready = append(ready, id) }
		Handle(h.w, "work", func(*Context, numbers) (any, error) { return nil, nil })
		h.before = func(string, []byte) (*canned, error) { return nil, errCut }
		x := h.start("work", `{}`)
		h.run()
		time.Sleep(time.Minute)
		if h.w.Healthy() {
			t.Error("a worker without a session is healthy")
		}
		see(h.fakeServer, func() any { h.before = nil; return nil })
		h.awaitStatus(x, "completed")
		if !h.w.Healthy() || len(ready) != 1 {
			t.Errorf("healthy %t, sessions %v", h.w.Healthy(), ready)
		}
		h.end()
	})
	bubble(t, "when told to while the server is away", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		Handle(h.w, "work", func(*Context, numbers) (any, error) { return nil, nil })
		h.before = func(string, []byte) (*canned, error) { return nil, errCut }
		h.run()
		time.Sleep(time.Minute)
		h.end()
	})
}

func TestWorker_RefusesMisuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		if err := h.w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "Handle") {
			t.Errorf("Run without handlers: %v", err)
		}
		nothing := func(*Context, numbers) (any, error) { return nil, nil }
		panics := func(name string) (text string) {
			defer func() { text = fmt.Sprint(recover()) }()
			Handle(h.w, name, nothing)
			return ""
		}
		for _, name := range []string{"", "Upper", "-dash", "executions", "white space", strings.Repeat("a", 101)} {
			if text := panics(name); !strings.Contains(text, "is not a workflow name") {
				t.Errorf("Handle(%q): %s", name, text)
			}
		}
		Handle(h.w, "work.v1-2_3", nothing)
		if text := panics("work.v1-2_3"); !strings.Contains(text, "has a handler already") {
			t.Errorf("a second handler: %s", text)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := h.w.Run(ctx); err != nil {
			t.Errorf("Run with a context that has ended: %v", err)
		}
		if err := h.w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "only once") {
			t.Errorf("a second Run: %v", err)
		}
		if text := panics("late"); !strings.Contains(text, "after Run") {
			t.Errorf("a late handler: %s", text)
		}
	})
}

func TestWorker_RegistersWorkflows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, WorkerConfig{Version: "1.2", Concurrency: 7})
		Handle(h.w, "plain", func(*Context, numbers) (any, error) { return nil, nil })
		Handle(h.w, "full", func(*Context, numbers) (any, error) { return nil, nil },
			VersionLabel("v2"), Description("does all"), InputSchema(json.RawMessage(`{"type":"object"}`)), Timeout(time.Minute), Retention(time.Hour))
		h.run()
		h.await("a session", func() bool { return len(h.sessions) == 1 })
		h.end()
		var got, want any
		if err := json.Unmarshal([]byte(h.bodies["/v1/worker/sessions"][0]), &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(`{"protocol":1,"name":"test","sdk":"go/`+sdkVersion+`","version":"1.2","capacity":7,"workflows":[
			{"name":"plain"},
			{"name":"full","version":"v2","description":"does all","input_schema":{"type":"object"},"timeout_ms":60000,"retention_ms":3600000}]}`), &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("registered %v\nwant %v", got, want)
		}
	})
}

func TestWorker_ManyExecutions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, WorkerConfig{Concurrency: 500, ReportConnections: 3})
		h.maxOps = 64 // several reports each round
		var mu sync.Mutex
		ran := map[string]int{}
		Handle(h.w, "ten", func(ctx *Context, _ numbers) (int, error) {
			sum := 0
			for i := range 10 {
				n, err := Step(ctx, "step", func(ctx context.Context) (int, error) {
					mu.Lock()
					defer mu.Unlock()
					ran[StepKey(ctx)]++
					return i, nil
				})
				if err != nil {
					return 0, err
				}
				sum += n
			}
			return sum, nil
		})
		var lost atomic.Int32
		h.after = func(path string, _, _ []byte) error {
			if path == "/v1/worker/report" && lost.Add(1)%5 == 0 {
				return errCut
			}
			return nil
		}
		h.run()
		var list []*fakeExecution
		for range 1000 {
			list = append(list, h.start("ten", `{}`))
		}
		for _, x := range list {
			h.awaitStatus(x, "completed")
		}
		h.end()
		for _, text := range h.refusals {
			if text != "complete  already_terminal" { // a repeat after a lost answer
				t.Fatalf("the server refused %q", text)
			}
		}
		for _, x := range list {
			if x.output != "45" || x.attempt != 1 {
				t.Fatalf("%s: output %s, attempt %d", x.id, x.output, x.attempt)
			}
			for i, st := range x.recorded {
				if st.output != fmt.Sprint(i) {
					t.Fatalf("%s: steps out of order", x.id)
				}
			}
		}
		for key, n := range ran {
			if n != 1 {
				t.Fatalf("%s ran %d times", key, n)
			}
		}
	})
}
