package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/torture/check"
)

// input is that of every workflow.
type input struct {
	Key string `json:"key"`
	// N is how many steps.
	N int `json:"n"`
	// MS is how many milliseconds something takes.
	MS int `json:"ms"`
}

// output repeats the key, so that a result can be traced to its start.
type output struct {
	Key string `json:"key"`
}

func register(w *sojourn.Worker, d *diary) {
	handle := func(name string, body func(*sojourn.Context, input) error, options ...sojourn.HandlerOption) {
		sojourn.Handle(w, name, func(ctx *sojourn.Context, in input) (output, error) {
			return output{in.Key}, body(ctx, in)
		}, options...)
	}
	handle("noop", func(*sojourn.Context, input) error { return nil })
	handle("brief", func(*sojourn.Context, input) error { return nil }, sojourn.Retention(time.Second))
	handle("steps", d.steps)
	handle("sleepy", d.sleepy)
	handle("flaky", d.flaky, sojourn.Retry{MaxAttempts: 3, Initial: 50 * time.Millisecond, Max: 3 * time.Second, Coefficient: 3})
	handle("broken", func(ctx *sojourn.Context, _ input) error {
		return d.step(ctx, "fail", func(context.Context) error { return sojourn.Coded("hopeless", errors.New("it never works")) })
	})
	handle("declined", func(ctx *sojourn.Context, _ input) error {
		if err := d.step(ctx, "look", nothing); err != nil {
			return err
		}
		return sojourn.Reject("declined", "not this one")
	})
	handle("slow", d.slow)
	sojourn.Handle(w, "filed", d.filed)
	handle("signalled", d.signalled)
	handle("approved", d.approved)
	handle("poison", func(ctx *sojourn.Context, _ input) error {
		return d.step(ctx, "crash", func(context.Context) error {
			p, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = p.Kill()
			}
			return errors.Join(err, errors.New("the process survived"))
		})
	})
}

func nothing(context.Context) error { return nil }

// step is a step that is written down. Its result is made up anew in each run, so that a second result would be seen.
func (d *diary) step(ctx *sojourn.Context, name string, body func(context.Context) error, options ...sojourn.StepOption) error {
	id, attempt := ctx.ExecutionID(), strconv.Itoa(ctx.Attempt())
	value, err := sojourn.Step(ctx, name, func(ctx context.Context) (string, error) {
		d.write(check.Ran, id, name, attempt)
		return rand.Text(), body(ctx)
	}, options...)
	if err == nil {
		d.write(check.Recorded, id, name, attempt, value)
	}
	return err
}

// filed reads its document and makes a copy of it, in a step, so that there is one.
func (d *diary) filed(ctx *sojourn.Context, in struct {
	Key      string       `json:"key"`
	Document sojourn.File `json:"document"`
}) (out struct {
	Key  string       `json:"key"`
	File sojourn.File `json:"file"`
}, err error,
) {
	out.Key = in.Key
	if err := d.step(ctx, "before", nothing); err != nil {
		return out, err
	}
	r, err := in.Document.Open(ctx)
	if err != nil {
		return out, err
	}
	content, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return out, err
	}
	out.File, err = sojourn.Step(ctx, "copy", func(ctx context.Context) (sojourn.File, error) {
		return sojourn.NewFile(ctx, "copy.txt", "text/plain", bytes.NewReader(content))
	})
	return out, err
}

// steps are N steps of MS milliseconds.
func (d *diary) steps(ctx *sojourn.Context, in input) error {
	for i := range in.N {
		if err := d.step(ctx, fmt.Sprintf("s%d", i), takes(in.MS)); err != nil {
			return err
		}
		ctx.Progress(float64(i+1) / float64(in.N))
	}
	return nil
}

// sleepy sleeps shortly, in memory, and for MS milliseconds, which should suspend it.
func (d *diary) sleepy(ctx *sojourn.Context, in input) error {
	if err := d.step(ctx, "before", nothing); err != nil {
		return err
	}
	if err := ctx.Sleep("nap", 50*time.Millisecond); err != nil {
		return err
	}
	if err := d.step(ctx, "between", nothing); err != nil {
		return err
	}
	if err := ctx.Sleep("sleep", time.Duration(in.MS)*time.Millisecond); err != nil {
		return err
	}
	return d.step(ctx, "after", nothing)
}

// flaky fails in a step, once with a wait of MS milliseconds, and then as a whole.
func (d *diary) flaky(ctx *sojourn.Context, in input) error {
	if err := d.step(ctx, "first", nothing); err != nil {
		return err
	}
	err := d.step(ctx, "tried", func(ctx context.Context) error {
		if sojourn.StepAttempt(ctx) == 1 {
			return errors.New("not yet")
		}
		return nil
	}, sojourn.Retry{MaxAttempts: 50, Initial: time.Duration(in.MS) * time.Millisecond, Jitter: -1, Coefficient: 1})
	if err != nil {
		return err
	}
	if ctx.Attempt() < 3 && in.N > 0 {
		return errors.New("not this time")
	}
	return d.step(ctx, "last", nothing)
}

// slow is one step between two quick ones that takes MS milliseconds, and listens to a cancel.
func (d *diary) slow(ctx *sojourn.Context, in input) error {
	if err := d.step(ctx, "quick", nothing); err != nil {
		return err
	}
	if err := d.step(ctx, "long", takes(in.MS)); err != nil {
		return err
	}
	return d.step(ctx, "end", nothing)
}

// signalled takes up to N signals, each within MS milliseconds.
func (d *diary) signalled(ctx *sojourn.Context, in input) error {
	for range in.N {
		_, err := sojourn.WaitForSignal[string](ctx, "go", sojourn.Timeout(time.Duration(in.MS)*time.Millisecond))
		if errors.Is(err, sojourn.ErrWaitTimeout) {
			break
		}
		if err != nil {
			return err
		}
	}
	return d.step(ctx, "end", nothing)
}

// approved waits MS milliseconds for a decision, beside a branch that works.
func (d *diary) approved(ctx *sojourn.Context, in input) error {
	g := sojourn.NewGroup(ctx)
	g.Go(func(ctx *sojourn.Context) error { return d.step(ctx, "beside", takes(in.N)) })
	g.Go(func(ctx *sojourn.Context) error {
		_, err := ctx.WaitForApproval("manager", sojourn.Timeout(time.Duration(in.MS)*time.Millisecond))
		if errors.Is(err, sojourn.ErrWaitTimeout) {
			return nil
		}
		return err
	})
	return g.Wait()
}

// takes is the body of a step that lasts.
func takes(ms int) func(context.Context) error {
	return func(ctx context.Context) error {
		if ms <= 0 {
			return nil
		}
		timer := time.NewTimer(time.Duration(ms) * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
