package sojourn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// play runs one execution of a handler until it is in the given state, and stops the worker.
func play(t *testing.T, status string, prepare func(h *harness, x *fakeExecution), handler func(ctx *Context, in numbers) (any, error), options ...HandlerOption) *fakeExecution {
	t.Helper()
	h := newHarness(t, WorkerConfig{})
	Handle(h.w, "work", handler, options...)
	x := h.start("work", `{}`)
	if prepare != nil {
		prepare(h, x)
	}
	h.run()
	h.awaitStatus(x, status)
	h.end()
	if len(h.refusals) > 0 {
		t.Errorf("the worker reported what it should not have: %q", h.refusals)
	}
	return x
}

// give is a step function.
func give[T any](v T) func(context.Context) (T, error) {
	return func(context.Context) (T, error) { return v, nil }
}

func recordedNames(x *fakeExecution) []string {
	var names []string
	for _, st := range x.recorded {
		names = append(names, st.step)
	}
	return names
}

func TestStep_Names(t *testing.T) {
	bubble(t, "repeats are numbered, keys are kept", func(t *testing.T) {
		x := play(t, "completed", nil, func(ctx *Context, _ numbers) (any, error) {
			for range 3 {
				if _, err := Step(ctx, "parse", give(1)); err != nil {
					return nil, err
				}
			}
			for _, key := range []any{7, "a", "a", time.Second, struct{ X int }{1}, "with [brackets]", ""} {
				if _, err := Step(ctx, "item", give(1), Key(key)); err != nil {
					return nil, err
				}
			}
			return nil, nil
		})
		want := []string{
			"parse", "parse#2", "parse#3", "item[7]", "item[a]", "item[a]#2", "item[1s]",
			"item[" + hex16(fnv1a(`{"X":1}`)) + "]", "item[" + hex16(fnv1a("with [brackets]")) + "]", "item[" + hex16(fnv1a("")) + "]",
		}
		if got := recordedNames(x); !slices.Equal(got, want) {
			t.Errorf("steps %q\nwant  %q", got, want)
		}
	})
	for name, handler := range map[string]func(ctx *Context) error{
		"empty":      func(ctx *Context) error { _, err := Step(ctx, "", give(1)); return err },
		"number":     func(ctx *Context) error { _, err := Step(ctx, "parse#2", give(1)); return err },
		"brackets":   func(ctx *Context) error { return ctx.Sleep("a[1]", time.Second) },
		"line break": func(ctx *Context) error { _, err := Step(ctx, "a\nb", give(1)); return err },
		"too long":   func(ctx *Context) error { _, err := Step(ctx, strings.Repeat("é", 51), give(1)); return err },
		"concurrent repeat": func(ctx *Context) error {
			_, err := Step(ctx, "outer", func(context.Context) (int, error) {
				_, inner := Step(ctx, "outer", give(1))
				return 0, inner
			})
			return err
		},
		"repeat in another branch": func(ctx *Context) error {
			g := NewGroup(ctx)
			for range 2 {
				g.Go(func(ctx *Context) error { _, err := Step(ctx, "same", give(1)); return err })
				synctest.Wait() // one after the other: still no fixed order
			}
			return g.Wait()
		},
	} {
		bubble(t, name, func(t *testing.T) {
			var got error
			x := play(t, "failed", nil, func(ctx *Context, _ numbers) (any, error) {
				got = handler(ctx)
				return "never mind", nil // the execution fails all the same
			}, Retry{})
			if x.code != "step_name" || x.attempt != 1 {
				t.Errorf("failed with %s: %s, attempt %d; want step_name at once", x.code, x.message, x.attempt)
			}
			if name == "concurrent repeat" {
				return // the inner error became the outer step's
			}
			if _, ok := errors.AsType[*StepNameError](got); !ok {
				t.Errorf("the handler saw %v, want a StepNameError", got)
			}
		})
	}
}

func TestStep_Replay(t *testing.T) {
	bubble(t, "returns what is recorded", func(t *testing.T) {
		type page struct {
			No   int      `json:"no"`
			Text []string `json:"text"`
		}
		play(t, "completed", func(_ *harness, x *fakeExecution) {
			x.recorded = []*fakeStep{
				{step: "parse", kind: "step", output: `{"no":3,"text":["é"]}`},
				{step: "raw", kind: "step", output: `{ "as" : "is" }`},
				{step: "nothing", kind: "step"},
				{step: "broken", kind: "step", err: "no ink", code: "ink", tries: 2},
				{step: "declined", kind: "step", err: "too old", code: "rejected.age", tries: 1},
				{step: "nap", kind: "sleep", until: time.Now().Add(-time.Hour)},
			}
		}, func(ctx *Context, _ numbers) (any, error) {
			p, err := Step(ctx, "parse", func(context.Context) (page, error) { t.Error("a recorded step ran"); return page{}, nil })
			if err != nil || p.No != 3 || len(p.Text) != 1 || p.Text[0] != "é" {
				t.Errorf("parse: %+v, %v", p, err)
			}
			raw, err := Step(ctx, "raw", give(json.RawMessage(nil)))
			if err != nil || string(raw) != `{"as":"is"}` {
				t.Errorf("raw: %s, %v", raw, err)
			}
			if v, err := Step(ctx, "nothing", give[any](5)); v != nil || err != nil {
				t.Errorf("nothing: %v, %v", v, err)
			}
			_, err = Step(ctx, "broken", give(1), Retry{MaxAttempts: 9})
			if e, ok := errors.AsType[*StepError](err); !ok || e.Step != "broken" || e.Code != "ink" || e.Message != "no ink" || e.Attempts != 2 {
				t.Errorf("broken: %#v", err)
			}
			_, err = Step(ctx, "declined", give(1))
			if e, ok := errors.AsType[*rejectError](err); !ok || e.code != "age" || e.message != "too old" {
				t.Errorf("declined: %#v", err)
			}
			return nil, ctx.Sleep("nap", 24*time.Hour)
		})
	})
	for name, handler := range map[string]func(ctx *Context) error{
		"a sleep was a step": func(ctx *Context) error { return ctx.Sleep("step", time.Hour) },
		"a step was a sleep": func(ctx *Context) error { _, err := Step(ctx, "sleep", give(1)); return err },
		"another type":       func(ctx *Context) error { _, err := Step(ctx, "step", give(1)); return err },
		"another input":      func(ctx *Context) error { _, err := Step(ctx, "hashed", give(1), Input("b")); return err },
	} {
		bubble(t, name, func(t *testing.T) {
			var got error
			x := play(t, "failed", func(_ *harness, x *fakeExecution) {
				x.recorded = []*fakeStep{
					{step: "step", kind: "step", output: `"text"`},
					{step: "sleep", kind: "sleep", until: time.Now().Add(time.Hour)},
					{step: "hashed", kind: "step", output: `1`, hash: hex16(fnv1a(`"a"`))},
				}
			}, func(ctx *Context, _ numbers) (any, error) {
				got = handler(ctx)
				return "never mind", nil
			}, Retry{})
			if _, ok := errors.AsType[*StepMismatchError](got); !ok {
				t.Errorf("the handler saw %v, want a StepMismatchError", got)
			}
			if x.code != "step_mismatch" || x.attempt != 1 {
				t.Errorf("failed with %s, attempt %d; want step_mismatch at once", x.code, x.attempt)
			}
		})
	}
	bubble(t, "the same input", func(t *testing.T) {
		x := play(t, "completed", func(_ *harness, x *fakeExecution) {
			x.recorded = []*fakeStep{{step: "hashed", kind: "step", output: `1`, hash: hex16(fnv1a(`{"a":"<"}`))}, {step: "free", kind: "step", output: `2`}}
		}, func(ctx *Context, _ numbers) (any, error) {
			a, err := Step(ctx, "hashed", give(0), Input(map[string]string{"a": "<"}))
			if err != nil {
				return nil, err
			}
			b, err := Step(ctx, "free", give(0), Input("new"))
			if err != nil {
				return nil, err
			}
			_, err = Step(ctx, "fresh", give(0), Input(1))
			return a + b, err
		})
		if x.output != "3" || x.recorded[2].hash != hex16(fnv1a("1")) {
			t.Errorf("output %s, recorded hash %q", x.output, x.recorded[2].hash)
		}
	})
}

func TestStep_Retries(t *testing.T) {
	bubble(t, "in memory when short", func(t *testing.T) {
		var tries []int
		var keys []string
		begin := time.Now()
		x := play(t, "completed", nil, func(ctx *Context, _ numbers) (any, error) {
			return Step(ctx, "flaky", func(ctx context.Context) (int, error) {
				tries, keys = append(tries, StepAttempt(ctx)), append(keys, StepKey(ctx))
				if len(tries) < 3 {
					return 0, errors.New("not yet")
				}
				return 5, nil
			}, Retry{MaxAttempts: 3, Initial: 500 * time.Millisecond, Jitter: -1})
		})
		if took := time.Since(begin); took != 1500*time.Millisecond {
			t.Errorf("the delays added up to %s, want 0.5 s and 1 s", took)
		}
		if !slices.Equal(tries, []int{1, 2, 3}) || keys[0] != keys[2] {
			t.Errorf("tries %v, keys %v", tries, keys)
		}
		if want := []string{"step_failed flaky", "step_failed flaky", "step_completed flaky", "complete"}; !slices.Equal(x.ops, want) || x.attempt != 1 {
			t.Errorf("operations %v, attempt %d", x.ops, x.attempt)
		}
	})
	bubble(t, "suspended when long", func(t *testing.T) {
		var tries []int
		begin := time.Now()
		x := play(t, "completed", nil, func(ctx *Context, _ numbers) (any, error) {
			n, err := Step(ctx, "flaky", func(ctx context.Context) (int, error) {
				tries = append(tries, StepAttempt(ctx))
				if len(tries) < 3 {
					return 0, errors.New("not yet")
				}
				return 5, nil
			}, Retry{MaxAttempts: 3, Initial: time.Minute, Jitter: -1})
			if len(tries) < 3 && !errors.Is(err, ErrSuspended) {
				t.Errorf("Step returned %v, want ErrSuspended", err)
			}
			return n, nil // wrong while suspended, and must not count
		})
		if took := time.Since(begin); took < 3*time.Minute || took > 3*time.Minute+2*time.Second {
			t.Errorf("the delays added up to %s, want 1 min and 2 min", took)
		}
		if !slices.Equal(tries, []int{1, 2, 3}) || x.output != "5" || x.attempt != 3 {
			t.Errorf("tries %v, output %s, attempt %d", tries, x.output, x.attempt)
		}
	})
	bubble(t, "until they are used up", func(t *testing.T) {
		x := play(t, "failed", nil, func(ctx *Context, _ numbers) (any, error) {
			_, err := Step(ctx, "bad", func(context.Context) (int, error) {
				return 0, WithDetails(Coded("no_ink", errors.New("empty")), map[string]int{"left": 0})
			}, Retry{MaxAttempts: 2, Initial: time.Millisecond})
			if e, ok := errors.AsType[*StepError](err); !ok || e.Attempts != 2 || e.Code != "no_ink" || e.Message != "empty" {
				t.Errorf("Step returned %#v", err)
			}
			return nil, fmt.Errorf("printing: %w", err)
		})
		if x.code != "no_ink" || x.message != `printing: step "bad" failed: empty` || x.details != `{"left":0}` {
			t.Errorf("failed with %s: %s %s", x.code, x.message, x.details)
		}
	})
	bubble(t, "not at all", func(t *testing.T) {
		for _, c := range []struct {
			err     error
			code    string
			options []StepOption
		}{
			{NonRetryable(errors.New("never")), "error", []StepOption{Retry{}}},
			{errors.New("once"), "error", nil},
		} {
			runs := 0
			x := play(t, "failed", nil, func(ctx *Context, _ numbers) (any, error) {
				return Step(ctx, "bad", func(context.Context) (int, error) { runs++; return 0, c.err }, c.options...)
			})
			if runs != 1 || x.code != c.code || x.recorded[0].err != c.err.Error() {
				t.Errorf("%v: %d runs, code %s, recorded %q", c.err, runs, x.code, x.recorded[0].err)
			}
		}
	})
	bubble(t, "not after a reject", func(t *testing.T) {
		x := play(t, "rejected", nil, func(ctx *Context, _ numbers) (any, error) {
			return Step(ctx, "check", func(context.Context) (int, error) { return 0, Reject("age", "too old") }, Retry{})
		})
		if x.code != "age" || x.message != "too old" || x.recorded[0].code != "rejected.age" {
			t.Errorf("rejected with %s: %s; step recorded %s", x.code, x.message, x.recorded[0].code)
		}
	})
	bubble(t, "after a panic too", func(t *testing.T) {
		runs := 0
		x := play(t, "completed", nil, func(ctx *Context, _ numbers) (any, error) {
			return Step(ctx, "shaky", func(context.Context) (int, error) {
				if runs++; runs == 1 {
					panic("boom")
				}
				return runs, nil
			}, Retry{Initial: time.Millisecond})
		})
		if x.output != "2" {
			t.Errorf("output %s", x.output)
		}
	})
	bubble(t, "with a failed step kept for the code after it", func(t *testing.T) {
		runs := 0
		x := play(t, "completed", nil, func(ctx *Context, _ numbers) (any, error) {
			_, err := Step(ctx, "first way", func(context.Context) (int, error) { runs++; return 0, errors.New("closed") })
			if err == nil {
				return nil, errors.New("the failed step succeeded when the handler ran again")
			}
			if err := ctx.Sleep("wait", time.Hour); err != nil {
				return nil, err
			}
			return Step(ctx, "second way", give(2))
		})
		if runs != 1 || x.output != "2" || x.attempt != 2 {
			t.Errorf("the failed step ran %d times; output %s, attempt %d", runs, x.output, x.attempt)
		}
	})
}

func TestStep_Timeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := play(t, "failed", nil, func(ctx *Context, _ numbers) (any, error) {
			_, err := Step(ctx, "slow", func(ctx context.Context) (int, error) { return 0, pause(ctx, time.Hour) },
				StepTimeout(3*time.Second), Retry{MaxAttempts: 2, Initial: time.Millisecond})
			if ctx.Err() != nil {
				t.Errorf("the handler's context ended with its step's: %v", context.Cause(ctx))
			}
			return nil, err
		})
		if x.code != "step_timeout" || !strings.Contains(x.message, "not finished after 3s") || x.recorded[0].tries != 2 {
			t.Errorf("failed with %s: %s after %d tries", x.code, x.message, x.recorded[0].tries)
		}
	})
}

func TestStep_Outputs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, fn := range map[string]func(ctx *Context) error{
			"invalid_output": func(ctx *Context) error { _, err := Step(ctx, "bad", give(func() {}), Retry{}); return err },
			"payload_too_large": func(ctx *Context) error {
				_, err := Step(ctx, "bad", give(strings.Repeat("x", maxPayload)), Retry{})
				return err
			},
		} {
			x := play(t, "failed", nil, func(ctx *Context, _ numbers) (any, error) { return nil, fn(ctx) })
			if x.code != name || x.recorded[0].code != name || x.recorded[0].tries != 1 {
				t.Errorf("%s: failed with %s: %s", name, x.code, x.message)
			}
		}
	})
}

func TestStep_TellsThatItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := play(t, "completed", nil, func(ctx *Context, _ numbers) (any, error) {
			if _, err := Step(ctx, "quick", func(ctx context.Context) (int, error) { return 1, pause(ctx, 200*time.Millisecond) }); err != nil {
				return nil, err
			}
			return Step(ctx, "slow", func(ctx context.Context) (int, error) { return 1, pause(ctx, 300*time.Millisecond) }, Input(1))
		})
		if want := []string{"step_completed quick", "step_started slow", "step_completed slow", "complete"}; !slices.Equal(x.ops, want) {
			t.Errorf("operations %v, want %v", x.ops, want)
		}
	})
}

func TestStep_NoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, WorkerConfig{ReportConnections: 1})
		hold := make(chan struct{})
		h.before = nil
		after := make(chan struct{})
		Handle(h.w, "work", func(ctx *Context, _ numbers) (int, error) {
			sum := 0
			for range 10 {
				n, err := Step(ctx, "fast", give(1), NoWait())
				if err != nil {
					return 0, err
				}
				sum += n
			}
			close(after)
			return sum, nil
		})
		see(h.fakeServer, func() any {
			h.after = func(path string, _, _ []byte) error {
				if path == "/v1/worker/report" {
					<-hold
				}
				return nil
			}
			return nil
		})
		h.run()
		x := h.start("work", `{}`)
		<-after         // the steps did not wait for the first answer
		synctest.Wait() // and the outcome goes with them
		close(hold)
		h.awaitStatus(x, "completed")
		h.end()
		if x.output != "10" || len(x.recorded) != 10 || len(h.bodies["/v1/worker/report"]) > 2 {
			t.Errorf("output %s, %d steps, %d reports", x.output, len(x.recorded), len(h.bodies["/v1/worker/report"]))
		}
	})
}

func TestSleep(t *testing.T) {
	bubble(t, "short, in memory", func(t *testing.T) {
		begin := time.Now()
		x := play(t, "completed", nil, func(ctx *Context, _ numbers) (any, error) {
			if err := ctx.Sleep("none", 0); err != nil {
				return nil, err
			}
			return nil, ctx.Sleep("short", 2*time.Second)
		})
		if took := time.Since(begin); took != 2*time.Second || x.attempt != 1 {
			t.Errorf("slept %s, attempt %d", took, x.attempt)
		}
		if want := []string{"sleep short", "complete"}; !slices.Equal(x.ops, want) {
			t.Errorf("operations %v", x.ops)
		}
	})
	bubble(t, "long, suspended", func(t *testing.T) {
		begin := time.Now()
		runs := 0
		x := play(t, "completed", nil, func(ctx *Context, _ numbers) (any, error) {
			runs++
			err := ctx.Sleep("long", 24*time.Hour)
			if runs == 1 {
				if !errors.Is(err, ErrSuspended) || !errors.Is(context.Cause(ctx), ErrSuspended) {
					t.Errorf("Sleep returned %v, the context ended with %v", err, context.Cause(ctx))
				}
				if _, err := Step(ctx, "after", give(1)); !errors.Is(err, ErrSuspended) {
					t.Errorf("Step while suspended returned %v", err)
				}
				return "swallowed", nil
			}
			return "slept", err
		})
		if took := time.Since(begin); took < 24*time.Hour || took > 24*time.Hour+time.Second {
			t.Errorf("slept %s", took)
		}
		if x.output != `"slept"` || runs != 2 {
			t.Errorf("output %s after %d runs", x.output, runs)
		}
		if want := []string{"sleep long", "suspend", "complete"}; !slices.Equal(x.ops, want) {
			t.Errorf("operations %v", x.ops)
		}
	})
	bubble(t, "a crash does not restart it", func(t *testing.T) {
		begin := time.Now()
		x := play(t, "completed", func(_ *harness, x *fakeExecution) {
			x.recorded = []*fakeStep{{step: "long", kind: "sleep", until: time.Now().Add(time.Minute)}, {step: "short", kind: "sleep", until: time.Now().Add(time.Minute + time.Second)}}
		}, func(ctx *Context, _ numbers) (any, error) {
			if err := ctx.Sleep("long", time.Hour); err != nil {
				return nil, err
			}
			return nil, ctx.Sleep("short", time.Hour)
		})
		if took := time.Since(begin); took < time.Minute+time.Second || took > time.Minute+3*time.Second {
			t.Errorf("slept %s", took)
		}
		if want := []string{"suspend", "complete"}; !slices.Equal(x.ops, want) {
			t.Errorf("operations %v", x.ops)
		}
	})
}

func TestGroup(t *testing.T) {
	bubble(t, "suspends when every branch waits", func(t *testing.T) {
		begin := time.Now()
		var b atomic.Int32
		x := play(t, "completed", nil, func(ctx *Context, _ numbers) (any, error) {
			g := NewGroup(ctx)
			g.Go(func(ctx *Context) error { return ctx.Sleep("a", time.Hour) })
			g.Go(func(ctx *Context) error {
				_, err := Step(ctx, "b", func(ctx context.Context) (int32, error) { return b.Add(1), pause(ctx, 10*time.Minute) })
				if err != nil {
					return err
				}
				return ctx.Sleep("b rests", 10*time.Minute)
			})
			g.Go(func(ctx *Context) error {
				inner := NewGroup(ctx)
				inner.Go(func(ctx *Context) error { return ctx.Sleep("c", time.Minute) })
				inner.Go(func(ctx *Context) error { return ctx.Sleep("d", 2*time.Minute) })
				if err := inner.Wait(); err != nil {
					return err
				}
				_, err := Step(ctx, "after c and d", give(1))
				return err
			})
			return nil, g.Wait()
		})
		if took := time.Since(begin); took < time.Hour || took > time.Hour+2*time.Second {
			t.Errorf("took %s", took)
		}
		// In memory while b works, then two suspends: until b has rested, and until a is over.
		var suspends int
		for _, op := range x.ops {
			if op == "suspend" {
				suspends++
			}
		}
		if suspends != 2 || b.Load() != 1 || x.attempt != 3 {
			t.Errorf("%d suspends, b ran %d times, attempt %d; ops %v", suspends, b.Load(), x.attempt, x.ops)
		}
	})
	bubble(t, "keeps the lease while a branch backs off", func(t *testing.T) {
		begin := time.Now()
		fails := 0
		x := play(t, "completed", nil, func(ctx *Context, _ numbers) (any, error) {
			g := NewGroup(ctx)
			g.Go(func(ctx *Context) error {
				_, err := Step(ctx, "flaky", func(context.Context) (int, error) {
					if fails++; fails == 1 {
						return 0, errors.New("not yet")
					}
					return 1, nil
				}, Retry{Initial: time.Minute, Jitter: -1})
				return err
			})
			g.Go(func(ctx *Context) error {
				_, err := Step(ctx, "busy", func(ctx context.Context) (int, error) { return 1, pause(ctx, 30*time.Second) })
				return err
			})
			return nil, g.Wait()
		})
		if took := time.Since(begin); took < time.Minute || took > time.Minute+5*time.Second {
			t.Errorf("took %s, want the back-off of 1 min", took)
		}
		if fails != 2 || x.attempt != 2 || !slices.Contains(x.ops, "suspend") {
			t.Errorf("%d runs, attempt %d, ops %v: want busy to finish, then a suspend", fails, x.attempt, x.ops)
		}
	})
	bubble(t, "lets a step of any goroutine finish", func(t *testing.T) {
		x := play(t, "completed", nil, func(ctx *Context, _ numbers) (any, error) {
			begun, done := make(chan struct{}), make(chan error, 1)
			go func() {
				_, err := Step(ctx, "aside", func(ctx context.Context) (int, error) {
					close(begun)
					return 1, pause(ctx, 10*time.Second)
				})
				done <- err
			}()
			if ctx.Attempt() == 1 {
				<-begun
			}
			err := ctx.Sleep("long", time.Hour)
			if aside := <-done; aside != nil {
				t.Errorf("the step beside the sleep ended with %v", aside)
			}
			return nil, err
		})
		if want := []string{"sleep long", "step_started aside", "step_completed aside", "suspend", "complete"}; !slices.Equal(x.ops, want) {
			t.Errorf("operations %v, want %v", x.ops, want)
		}
	})
	bubble(t, "returns the first error", func(t *testing.T) {
		x := play(t, "failed", nil, func(ctx *Context, _ numbers) (any, error) {
			g := NewGroup(ctx)
			g.Go(func(ctx *Context) error {
				return errors.Join(pause(ctx, time.Second), errors.New("second"))
			})
			g.Go(func(*Context) error { panic("first") })
			g.Go(func(*Context) error { return nil })
			return nil, g.Wait()
		})
		if x.code != "panic" || x.message != "panic: first" {
			t.Errorf("failed with %s: %s", x.code, x.message)
		}
		play(t, "completed", nil, func(ctx *Context, _ numbers) (any, error) { return nil, NewGroup(ctx).Wait() })
	})
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := play(t, "completed", nil, func(ctx *Context, _ numbers) (any, error) {
			for i := range 1000 {
				ctx.Progress(float64(i) / 1000)
				if err := pause(ctx, time.Millisecond); err != nil {
					return nil, err
				}
			}
			ctx.Progress(0.9995)
			return nil, nil
		})
		if n := len(x.progress); n < 5 || n > 12 {
			t.Errorf("%d values in a second: %v", n, x.progress)
		}
		if !slices.IsSorted(x.progress) || x.progress[0] != 0 || x.progress[len(x.progress)-1] != 0.9995 {
			t.Errorf("values %v: want the first, the last and some between", x.progress)
		}
		x = play(t, "completed", nil, func(ctx *Context, _ numbers) (any, error) { ctx.Progress(-1); ctx.Progress(7); return nil, nil })
		if !slices.Equal(x.progress, []float64{0, 1}) {
			t.Errorf("values %v", x.progress)
		}
	})
}

func TestLogger(t *testing.T) {
	bubble(t, "keeps lines by step", func(t *testing.T) {
		x := play(t, "completed", nil, func(ctx *Context, _ numbers) (any, error) {
			ctx.Log("begin", "n", 1, "took", time.Second)
			_, err := Step(ctx, "parse", func(ctx context.Context) (int, error) {
				log := Logger(ctx).With("page", 3).WithGroup("g").With("deep", true)
				log.Warn("odd\nline", "err", errors.New("x"), "bad", func() {})
				log.Debug("detail")
				log.Error("")
				return 1, nil
			})
			return nil, err
		})
		want := []string{
			`info begin {"n":1,"took":"1s"}`,
			"parse warn odd\nline {\"g.bad\":\"!json: unsupported type: func()\",\"g.deep\":true,\"g.err\":\"x\",\"page\":3}",
			`parse debug detail {"g.deep":true,"page":3}`,
			`parse error  {"g.deep":true,"page":3}`,
		}
		if !slices.Equal(x.logs, want) {
			t.Errorf("lines %q\nwant  %q", x.logs, want)
		}
		Logger(t.Context()).Info("nowhere")
	})
	bubble(t, "drops lines rather than block", func(t *testing.T) {
		h := newHarness(t, WorkerConfig{})
		hold := make(chan struct{})
		Handle(h.w, "work", func(ctx *Context, _ numbers) (any, error) {
			for i := range 3 * maxUnsentLines {
				ctx.Log(fmt.Sprint("line ", i))
			}
			close(hold)
			if err := pause(ctx, time.Second); err != nil {
				return nil, err
			}
			ctx.Log("last")
			return nil, nil
		})
		h.after = func(path string, _, _ []byte) error {
			if path == "/v1/worker/report" {
				<-hold
			}
			return nil
		}
		h.run()
		x := h.start("work", `{}`)
		h.awaitStatus(x, "completed")
		h.end()
		n := len(x.logs)
		if n < maxUnsentLines || n > maxUnsentLines+300 || x.logs[n-1] != "info last" || !strings.HasSuffix(x.logs[n-2], "lines were dropped here: the server could not be reached") {
			t.Errorf("%d lines, the last two %q", n, x.logs[n-2:])
		}
	})
}

func TestContext_WithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := play(t, "failed", nil, func(ctx *Context, _ numbers) (any, error) {
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := Step(ctx.WithContext(short), "slow", func(ctx context.Context) (int, error) { return 0, pause(ctx, time.Minute) }, Retry{})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Step returned %v", err)
			}
			if _, err := Step(ctx, "quick", give(1)); err != nil {
				t.Errorf("the handler's own context ended too: %v", err)
			}
			return nil, err
		})
		if got := recordedNames(x); !slices.Equal(got, []string{"quick"}) {
			t.Errorf("recorded %q: a step stopped by its own caller's deadline is not a failed one", got)
		}
	})
}

func TestRetry_Delays(t *testing.T) {
	r := Retry{Initial: time.Second, Max: 10 * time.Second, Coefficient: 3, Jitter: -1}.complete()
	for try, want := range map[int]time.Duration{1: time.Second, 2: 3 * time.Second, 3: 9 * time.Second, 4: 10 * time.Second, 1000: 10 * time.Second} {
		if got := r.delay(try); got != want {
			t.Errorf("after try %d: %s, want %s", try, got, want)
		}
	}
	r = Retry{}.complete()
	if r.MaxAttempts != 3 || r.Initial != time.Second || r.Max != 5*time.Minute || r.Coefficient != 2 || r.Jitter != 0.2 {
		t.Errorf("defaults are %+v", *r)
	}
	for range 1000 {
		if d := r.delay(2); d < 1600*time.Millisecond || d > 2*time.Second {
			t.Fatalf("a jitter of 0.2 made %s of 2 s", d)
		}
	}
	if r := (Retry{MaxAttempts: -1, Initial: time.Hour}).complete(); r.MaxAttempts != unlimitedAttempts || r.Max != time.Hour {
		t.Errorf("unlimited attempts of an hour are %+v", *r)
	}
	if got, want := string(Retry{MaxAttempts: 4, Initial: 1500 * time.Microsecond}.complete().appendJSON(nil)), `{"max_attempts":4,"initial_interval_ms":2,"max_interval_ms":300000,"coefficient":2,"jitter":0.2}`; got != want {
		t.Errorf("on the wire %s, want %s", got, want)
	}
}
