package sojourn

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type order struct {
	Item string `json:"item"`
	N    int    `json:"n"`
}

// suspends counts how often the lease was given back.
func suspends(x *fakeExecution) (n int) {
	for _, op := range x.ops {
		if op == "suspend" {
			n++
		}
	}
	return n
}

func TestWaitForSignal(t *testing.T) {
	bubble(t, "suspended until it comes", func(t *testing.T) {
		runs := 0
		x := play(t, "completed", func(h *harness, x *fakeExecution) {
			time.AfterFunc(time.Hour, func() { h.signal(x, "paid", `{"item":"book","n":2}`) })
		}, func(ctx *Context, _ numbers) (any, error) {
			runs++
			got, err := WaitForSignal[order](ctx, "paid")
			if runs == 1 && (!errors.Is(err, ErrSuspended) || !errors.Is(context.Cause(ctx), ErrSuspended)) {
				t.Errorf("it returned %v, the context ended with %v", err, context.Cause(ctx))
			}
			return got, err
		})
		if x.output != `{"item":"book","n":2}` || runs != 2 {
			t.Errorf("output %s after %d runs", x.output, runs)
		}
		if want := []string{"wait paid", "suspend", "complete"}; !slices.Equal(x.ops, want) {
			t.Errorf("operations %v", x.ops)
		}
	})
	bubble(t, "sent before", func(t *testing.T) {
		x := play(t, "completed", func(h *harness, x *fakeExecution) {
			h.signal(x, "n", "1")
			h.signal(x, "other", "5")
			h.signal(x, "n", "2")
		}, func(ctx *Context, _ numbers) (any, error) {
			first, err := WaitForSignal[int](ctx, "n")
			if err != nil {
				return nil, err
			}
			second, err := WaitForSignal[json.RawMessage](ctx, "n")
			return []any{first, second}, err
		})
		if want := []string{"wait n", "wait n#2", "complete"}; x.output != "[1,2]" || !slices.Equal(x.ops, want) {
			t.Errorf("output %s, operations %v", x.output, x.ops)
		}
	})
	bubble(t, "without payload, by key", func(t *testing.T) {
		x := play(t, "completed", func(h *harness, x *fakeExecution) {
			h.signal(x, "go[a b]", "null")
		}, func(ctx *Context, _ numbers) (any, error) {
			return WaitForSignal[*order](ctx, "go", Key("a b"))
		})
		if x.output != "null" {
			t.Errorf("output %s", x.output)
		}
	})
	bubble(t, "times out", func(t *testing.T) {
		begin := time.Now()
		x := play(t, "failed", nil, func(ctx *Context, _ numbers) (any, error) {
			_, err := WaitForSignal[order](ctx, "paid", Timeout(90*time.Minute))
			if ctx.Attempt() == 2 && !errors.Is(err, ErrWaitTimeout) {
				t.Errorf("it returned %v", err)
			}
			return nil, err
		}, Retry{})
		if took := time.Since(begin); took < 90*time.Minute || took > 90*time.Minute+time.Second {
			t.Errorf("it took %s", took)
		}
		if x.code != "wait_timeout" || x.message != `signal "paid" did not come in time` || x.attempt != 2 {
			t.Errorf("failed with %s: %s, attempt %d; want no retry", x.code, x.message, x.attempt)
		}
	})
	bubble(t, "a payload of another shape", func(t *testing.T) {
		x := play(t, "failed", func(h *harness, x *fakeExecution) {
			h.signal(x, "paid", `"text"`)
		}, func(ctx *Context, _ numbers) (any, error) { return WaitForSignal[order](ctx, "paid") }, Retry{})
		if x.code != "invalid_payload" || x.attempt != 1 {
			t.Errorf("failed with %s, attempt %d", x.code, x.attempt)
		}
	})
}

func TestWaitForApproval(t *testing.T) {
	bubble(t, "approved", func(t *testing.T) {
		x := play(t, "completed", func(h *harness, x *fakeExecution) {
			time.AfterFunc(time.Hour, func() { h.decide(x, "manager", "approved", "fine", "Ada") })
		}, func(ctx *Context, _ numbers) (any, error) {
			return ctx.WaitForApproval("manager", Timeout(72*time.Hour), Payload(order{"book", 2}))
		})
		if x.output != `{"Comment":"fine","By":"Ada","Payload":{"n":1}}` || x.recorded[0].shown != `{"item":"book","n":2}` {
			t.Errorf("output %s, shown %s", x.output, x.recorded[0].shown)
		}
	})
	for name, c := range map[string]struct{ comment, message string }{
		"rejected":                   {"too expensive", "too expensive"},
		"rejected without a comment": {"", `approval "manager" was rejected by Ada`},
	} {
		bubble(t, name, func(t *testing.T) {
			x := play(t, "rejected", func(h *harness, x *fakeExecution) {
				time.AfterFunc(time.Hour, func() { h.decide(x, "manager", "rejected", c.comment, "Ada") })
			}, func(ctx *Context, _ numbers) (any, error) {
				_, err := ctx.WaitForApproval("manager")
				refused, ok := errors.AsType[*ApprovalRejectedError](err)
				if ctx.Attempt() == 2 && (!ok || refused.Approval != "manager" || refused.By != "Ada" || string(refused.Payload) != `{"n":1}`) {
					t.Errorf("it returned %+v", err)
				}
				return nil, errors.Join(errors.New("on the way"), err)
			}, Retry{})
			if x.code != "approval_rejected" || x.message != c.message {
				t.Errorf("rejected with %s: %s", x.code, x.message)
			}
		})
	}
	bubble(t, "a refusal that the handler handles", func(t *testing.T) {
		x := play(t, "completed", func(h *harness, x *fakeExecution) {
			time.AfterFunc(time.Hour, func() { h.decide(x, "manager", "rejected", "no", "") })
		}, func(ctx *Context, _ numbers) (any, error) {
			if _, err := ctx.WaitForApproval("manager"); err != nil && !errors.Is(err, ErrSuspended) {
				return "another way", nil
			}
			return nil, context.Cause(ctx)
		})
		if x.output != `"another way"` {
			t.Errorf("output %s", x.output)
		}
	})
}

func TestWaits_Mismatch(t *testing.T) {
	for name, handler := range map[string]func(ctx *Context) error{
		"a signal was an approval": func(ctx *Context) error { _, err := WaitForSignal[int](ctx, "approval"); return err },
		"an approval was a signal": func(ctx *Context) error { _, err := ctx.WaitForApproval("signal"); return err },
		"a wait was a step":        func(ctx *Context) error { _, err := ctx.WaitForApproval("step"); return err },
		"a step was a wait":        func(ctx *Context) error { _, err := Step(ctx, "signal", give(1)); return err },
		"a sleep was a wait":       func(ctx *Context) error { return ctx.Sleep("signal", time.Hour) },
	} {
		bubble(t, name, func(t *testing.T) {
			x := play(t, "failed", func(_ *harness, x *fakeExecution) {
				x.recorded = []*fakeStep{
					{step: "approval", kind: "wait", wait: "approval"},
					{step: "signal", kind: "wait", wait: "signal"},
					{step: "step", kind: "step", output: `1`},
				}
			}, func(ctx *Context, _ numbers) (any, error) { return nil, handler(ctx) }, Retry{})
			if x.code != "step_mismatch" || x.attempt != 1 {
				t.Errorf("failed with %s, attempt %d", x.code, x.attempt)
			}
		})
	}
}

// TestWaits_BesideWork has a wait that ends while another branch is at work: the server's wake reaches the handler in
// memory, and the lease is kept.
func TestWaits_BesideWork(t *testing.T) {
	work := func(ended *time.Duration, options ...WaitOption) func(ctx *Context, in numbers) (any, error) {
		return func(ctx *Context, _ numbers) (any, error) {
			begin := time.Now()
			g := NewGroup(ctx)
			var n int
			g.Go(func(ctx *Context) error {
				_, err := Step(ctx, "work", func(ctx context.Context) (int, error) { return 1, pause(ctx, time.Hour) })
				return err
			})
			g.Go(func(ctx *Context) (err error) {
				n, err = WaitForSignal[int](ctx, "n", options...)
				*ended = time.Since(begin)
				if errors.Is(err, ErrWaitTimeout) {
					n, err = -1, nil
				}
				return err
			})
			err := g.Wait()
			return n, err
		}
	}
	bubble(t, "woken", func(t *testing.T) {
		var ended time.Duration
		x := play(t, "completed", func(h *harness, x *fakeExecution) {
			time.AfterFunc(10*time.Minute, func() { h.signal(x, "n", "7") })
		}, work(&ended))
		if x.output != "7" || x.attempt != 1 || suspends(x) != 0 || ended < 10*time.Minute || ended > 10*time.Minute+time.Second {
			t.Errorf("output %s, attempt %d, ended after %s; ops %v", x.output, x.attempt, ended, x.ops)
		}
	})
	bubble(t, "times out", func(t *testing.T) {
		var ended time.Duration
		x := play(t, "completed", nil, work(&ended, Timeout(20*time.Minute)))
		if x.output != "-1" || x.attempt != 1 || suspends(x) != 0 || ended < 20*time.Minute || ended > 20*time.Minute+6*time.Second {
			t.Errorf("output %s, attempt %d, ended after %s; ops %v", x.output, x.attempt, ended, x.ops)
		}
	})
	bubble(t, "suspended when the work is done", func(t *testing.T) {
		var ended time.Duration
		x := play(t, "completed", func(h *harness, x *fakeExecution) {
			time.AfterFunc(3*time.Hour, func() { h.signal(x, "n", "7") })
		}, work(&ended))
		if x.output != "7" || x.attempt != 2 || suspends(x) != 1 {
			t.Errorf("output %s, attempt %d; ops %v", x.output, x.attempt, x.ops)
		}
	})
	bubble(t, "a sleep wakes what also waits", func(t *testing.T) {
		x := play(t, "completed", func(h *harness, x *fakeExecution) {
			time.AfterFunc(5*time.Hour, func() { h.signal(x, "n", "7") })
		}, func(ctx *Context, _ numbers) (any, error) {
			g := NewGroup(ctx)
			g.Go(func(ctx *Context) error { return ctx.Sleep("nap", time.Hour) })
			g.Go(func(ctx *Context) error { _, err := WaitForSignal[int](ctx, "n"); return err })
			return nil, g.Wait()
		})
		if suspends(x) != 2 || x.attempt != 3 {
			t.Errorf("attempt %d; ops %v", x.attempt, x.ops)
		}
	})
	bubble(t, "ended while the suspend was on its way", func(t *testing.T) {
		x := play(t, "completed", func(h *harness, x *fakeExecution) {
			h.answer = func(op fakeOp, result map[string]any) map[string]any {
				if op.Op == "wait" && x.attempt == 1 { // its answer says that it is open; then the signal comes
					st := x.recorded[0]
					x.ended, st.end = true, map[string]any{"outcome": "received", "payload": json.RawMessage("3")}
				}
				return result
			}
		}, func(ctx *Context, _ numbers) (any, error) { return WaitForSignal[int](ctx, "n") })
		if x.output != "3" || x.attempt != 2 || suspends(x) != 1 {
			t.Errorf("output %s, attempt %d; ops %v", x.output, x.attempt, x.ops)
		}
	})
}

// TestWaits_Cancel cancels an execution that waits in memory beside other work.
func TestWaits_Cancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) {
			g := NewGroup(ctx)
			g.Go(func(ctx *Context) error {
				_, err := Step(ctx, "work", func(ctx context.Context) (int, error) { return 1, pause(ctx, time.Hour) })
				return err
			})
			g.Go(func(ctx *Context) error {
				_, err := ctx.WaitForApproval("manager")
				if !errors.Is(err, ErrCancelRequested) {
					t.Errorf("the wait returned %v", err)
				}
				return err
			})
			return nil, g.Wait()
		})
		x := h.start("work", `{}`)
		h.run()
		h.await("it waits", func() bool { return slices.Contains(x.ops, "wait manager") })
		h.fakeServer.cancel(x)
		h.awaitStatus(x, "cancelled")
		h.end()
	})
}

// canAnswer is a client whose requests are answered by fn.
func canAnswer(t *testing.T, fn func(r *http.Request, body string) (int, string)) *Client {
	t.Helper()
	c, err := NewClient(Config{APIKey: "k", BaseURL: "http://fake", MaxRetries: 1, HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		var body []byte
		if r.Body != nil {
			body, _ = io.ReadAll(r.Body)
		}
		status, text := fn(r, string(body))
		if status == 0 {
			return nil, errCut
		}
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)), Request: r}, nil
	})}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSignalAndDecide(t *testing.T) {
	bubble(t, "requests", func(t *testing.T) {
		var seen []string
		var keys []string
		c := canAnswer(t, func(r *http.Request, body string) (int, string) {
			seen = append(seen, r.Method+" "+r.URL.EscapedPath()+" "+body)
			keys = append(keys, r.Header.Get("Idempotency-Key"))
			return 200, `{"id":"exec_1","status":"waiting","awaiting":[{"kind":"approval","name":"manager","step":"manager","since":"2026-11-22T03:00:00.000Z","payload":{"a":1}}],"url":"http://x/approvals/t","token":"t","step":"manager","expires_at":"2026-11-29T03:00:00Z"}`
		})
		ctx := t.Context()
		x, err := c.Executions.Signal(ctx, "exec_1", "go[a/b]", SignalParams{Payload: order{"book", 1}, IdempotencyKey: "k1"})
		if err != nil || !x.Actionable() || x.Awaiting[0].Name != "manager" || string(x.Awaiting[0].Payload) != `{"a":1}` {
			t.Errorf("%+v, %v", x, err)
		}
		_, err2 := c.Executions.Signal(ctx, "exec_1", "go", SignalParams{})
		_, err3 := c.Executions.Approve(ctx, "exec_1", DecisionParams{Comment: "fine", By: "Ada", Payload: 1})
		_, err4 := c.Executions.Reject(ctx, "exec_1", DecisionParams{Name: "manager", Step: "manager#2"})
		link, err5 := c.Executions.CreateApprovalLink(ctx, "exec_1", ApprovalLinkParams{Name: "manager", Step: "manager#2", ExpiresIn: time.Hour})
		if err := errors.Join(err2, err3, err4, err5); err != nil {
			t.Fatal(err)
		}
		if link.URL != "http://x/approvals/t" || link.Token != "t" || link.ExpiresAt.IsZero() {
			t.Errorf("link %+v", link)
		}
		want := []string{
			`POST /v1/executions/exec_1/signals/go%5Ba%2Fb%5D {"payload":{"item":"book","n":1}}`,
			`POST /v1/executions/exec_1/signals/go {}`,
			`POST /v1/executions/exec_1/approve {"comment":"fine","by":"Ada","payload":1}`,
			`POST /v1/executions/exec_1/reject {"name":"manager","step":"manager#2"}`,
			`POST /v1/executions/exec_1/approval-links {"name":"manager","step":"manager#2","expires_in_ms":3600000}`,
		}
		if !slices.Equal(seen, want) {
			t.Errorf("requests\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
		}
		if keys[0] != "k1" || len(keys[1]) != 36 {
			t.Errorf("idempotency keys %q", keys)
		}
	})
	bubble(t, "lost answers", func(t *testing.T) {
		tries := map[string]int{}
		c := canAnswer(t, func(r *http.Request, _ string) (int, string) {
			tries[r.URL.Path+r.Header.Get("Idempotency-Key")]++
			return 0, ""
		})
		_, err := c.Executions.Signal(t.Context(), "e", "n", SignalParams{IdempotencyKey: "k"})
		_, err2 := c.Executions.Approve(t.Context(), "e", DecisionParams{})
		if !errors.Is(err, errCut) || !errors.Is(err2, errCut) {
			t.Errorf("%v, %v", err, err2)
		}
		if tries["/v1/executions/e/signals/nk"] != 2 || tries["/v1/executions/e/approve"] != 1 {
			t.Errorf("tries %v: a signal is repeated under its key, a decision never", tries)
		}
	})
	bubble(t, "refusals", func(t *testing.T) {
		c := canAnswer(t, func(*http.Request, string) (int, string) {
			return 409, `{"title":"Conflict","status":409,"code":"not_awaiting","detail":"no approval is awaited"}`
		})
		_, err := c.Executions.Approve(t.Context(), "e", DecisionParams{})
		if !errors.Is(err, ErrNotAwaiting) || !errors.Is(err, ErrConflict) || errors.Is(err, ErrAlreadyTerminal) {
			t.Errorf("%v", err)
		}
		if _, err := c.Executions.Signal(t.Context(), "e", "n", SignalParams{Payload: make(chan int)}); err == nil || !strings.Contains(err.Error(), "encoding the payload") {
			t.Errorf("%v", err)
		}
	})
	bubble(t, "until actionable", func(t *testing.T) {
		n := 0
		var queries []string
		c := canAnswer(t, func(r *http.Request, _ string) (int, string) {
			n++
			queries = append(queries, r.URL.RawQuery)
			if n < 3 {
				return 200, `{"id":"e","status":"running"}`
			}
			return 200, `{"id":"e","status":"waiting","awaiting":[{"kind":"signal","name":"n","step":"n"}]}`
		})
		x, err := c.Executions.Wait(t.Context(), "e", UntilActionable())
		if err != nil || !x.Actionable() || queries[0] != "until=actionable&wait=60" {
			t.Errorf("%+v, %v, %q", x, err, queries)
		}
		if _, err := c.Executions.Start(t.Context(), StartParams{Workflow: "w", Wait: time.Second, UntilActionable: true}); err != nil || queries[len(queries)-1] != "until=actionable&wait=1" {
			t.Errorf("%v, %q", err, queries)
		}
	})
}
