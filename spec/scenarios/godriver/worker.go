package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
)

// note appends a word to what the test reads.
func note(id, word string) error {
	f, err := os.OpenFile(filepath.Join(os.Getenv("SCENARIO_DIR"), "notes"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(id + " " + word + "\n")
	return errors.Join(err, f.Close())
}

// pass waits until the test has made the gate.
func pass(ctx context.Context, gate string) error {
	for {
		if _, err := os.Stat(filepath.Join(os.Getenv("SCENARIO_DIR"), gate)); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

type n struct {
	N int `json:"n"`
}

// noted is a step that notes its own name.
func noted(ctx *sojourn.Context, name string, fn func(ctx context.Context) (n, error)) (n, error) {
	return sojourn.Step(ctx, name, func(stepCtx context.Context) (n, error) {
		if err := note(ctx.ExecutionID(), name); err != nil {
			return n{}, err
		}
		return fn(stepCtx)
	})
}

func give(i int) func(context.Context) (n, error) {
	return func(context.Context) (n, error) { return n{i}, nil }
}

// options leave out a timeout of 0.
func options(timeout int64, more ...sojourn.WaitOption) []sojourn.WaitOption {
	if timeout > 0 {
		more = append(more, sojourn.Timeout(time.Duration(timeout)*time.Millisecond))
	}
	return more
}

func register(w *sojourn.Worker) {
	sojourn.Handle(w, "echo", func(_ *sojourn.Context, in json.RawMessage) (json.RawMessage, error) { return in, nil })
	sojourn.Handle(w, "steps", steps)
	sojourn.Handle(w, "repeat", repeat)
	sojourn.Handle(w, "loop", loop)
	sojourn.Handle(w, "flaky", flaky)
	sojourn.Handle(w, "fail", fail)
	sojourn.Handle(w, "reject", func(*sojourn.Context, struct{}) (any, error) { return nil, sojourn.Reject("out_of_scope", "not ours") })
	sojourn.Handle(w, "sleep", sleep)
	sojourn.Handle(w, "held", held)
	sojourn.Handle(w, "patient", patient)
	sojourn.Handle(w, "signal", signalled)
	sojourn.Handle(w, "approval", approval)
	sojourn.Handle(w, "beside", beside)
	sojourn.Handle(w, "log", func(ctx *sojourn.Context, _ struct{}) (struct{}, error) {
		ctx.Log("hello", "n", 1)
		return struct{}{}, nil
	})
}

type number struct {
	Number int `json:"number"`
}

type text struct {
	Text string `json:"text"`
}

func steps(ctx *sojourn.Context, in number) (text, error) {
	doubled, err := sojourn.Step(ctx, "double", func(context.Context) (number, error) {
		return number{2 * in.Number}, note(ctx.ExecutionID(), "double")
	})
	if err != nil {
		return text{}, err
	}
	ctx.Progress(0.5)
	described, err := sojourn.Step(ctx, "describe", func(context.Context) (text, error) {
		return text{fmt.Sprintf("twice %d is %d", in.Number, doubled.Number)}, note(ctx.ExecutionID(), "describe")
	})
	if err != nil {
		return text{}, err
	}
	ctx.Progress(1)
	return described, nil
}

func repeat(ctx *sojourn.Context, in struct {
	Times int `json:"times"`
},
) (map[string]int, error) {
	sum := 0
	for i := 1; i <= in.Times; i++ {
		got, err := sojourn.Step(ctx, "again", func(context.Context) (int, error) { return i, nil })
		if err != nil {
			return nil, err
		}
		sum += got
	}
	return map[string]int{"sum": sum}, nil
}

func loop(ctx *sojourn.Context, in struct {
	Items []string `json:"items"`
},
) (map[string][]string, error) {
	out := make([]string, len(in.Items))
	g := sojourn.NewGroup(ctx)
	for i, item := range in.Items {
		g.Go(func(ctx *sojourn.Context) (err error) {
			out[i], err = sojourn.Step(ctx, "item", func(context.Context) (string, error) {
				return strings.ToUpper(item), nil
			}, sojourn.Key(item))
			return err
		})
	}
	err := g.Wait()
	return map[string][]string{"items": out}, err
}

func flaky(ctx *sojourn.Context, in struct {
	Failures int `json:"failures"`
	Attempts int `json:"attempts"`
},
) (map[string]int, error) {
	return sojourn.Step(ctx, "try", func(stepCtx context.Context) (map[string]int, error) {
		if err := note(ctx.ExecutionID(), "try"); err != nil {
			return nil, err
		}
		try := sojourn.StepAttempt(stepCtx)
		if try <= in.Failures {
			return nil, sojourn.Coded("not_yet", fmt.Errorf("try %d failed", try))
		}
		return map[string]int{"tries": try}, nil
	}, sojourn.Retry{MaxAttempts: in.Attempts, Initial: 10 * time.Millisecond, Coefficient: 1})
}

func fail(ctx *sojourn.Context, _ struct{}) (any, error) {
	_, err := sojourn.Step(ctx, "prepare", func(context.Context) (map[string]bool, error) {
		return map[string]bool{"ready": true}, nil
	})
	if err != nil {
		return nil, err
	}
	return nil, sojourn.WithDetails(sojourn.Coded("broken", errors.New("it broke")), map[string]string{"part": "wheel"})
}

func sleep(ctx *sojourn.Context, in struct {
	MS int64 `json:"ms"`
},
) (map[string]bool, error) {
	if err := note(ctx.ExecutionID(), "begin"); err != nil {
		return nil, err
	}
	if err := ctx.Sleep("nap", time.Duration(in.MS)*time.Millisecond); err != nil {
		return nil, err
	}
	return map[string]bool{"slept": true}, note(ctx.ExecutionID(), "end")
}

type gate struct {
	Gate string `json:"gate"`
}

func held(ctx *sojourn.Context, in gate) (map[string]int, error) {
	sum := 0
	for i, step := range []struct {
		name string
		fn   func(context.Context) (n, error)
	}{
		{"before", give(1)},
		{"held", func(ctx context.Context) (n, error) { return n{2}, pass(ctx, in.Gate) }},
		{"after", give(3)},
	} {
		got, err := noted(ctx, step.name, step.fn)
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", i+1, err)
		}
		sum += got.N
	}
	return map[string]int{"sum": sum}, nil
}

func patient(ctx *sojourn.Context, _ struct{}) (any, error) {
	return sojourn.Step(ctx, "work", func(stepCtx context.Context) (any, error) {
		if err := note(ctx.ExecutionID(), "work"); err != nil {
			return nil, err
		}
		<-stepCtx.Done()
		return nil, errors.Join(context.Cause(stepCtx), note(ctx.ExecutionID(), "stopped"))
	})
}

func signalled(ctx *sojourn.Context, in struct {
	Times   int   `json:"times"`
	Timeout int64 `json:"timeout_ms"`
},
) (map[string][]json.RawMessage, error) {
	received := []json.RawMessage{}
	for range max(in.Times, 1) {
		payload, err := sojourn.WaitForSignal[json.RawMessage](ctx, "go", options(in.Timeout)...)
		if err != nil {
			return nil, err
		}
		if payload == nil {
			payload = json.RawMessage("null")
		}
		received = append(received, payload)
	}
	return map[string][]json.RawMessage{"received": received}, nil
}

type decision struct {
	Approved bool   `json:"approved"`
	Comment  string `json:"comment"`
	By       string `json:"by"`
}

func approval(ctx *sojourn.Context, in struct {
	Question string `json:"question"`
	Timeout  int64  `json:"timeout_ms"`
	Handle   bool   `json:"handle"`
},
) (decision, error) {
	d, err := ctx.WaitForApproval("manager", options(in.Timeout, sojourn.Payload(map[string]string{"question": in.Question}))...)
	if refused, ok := errors.AsType[*sojourn.ApprovalRejectedError](err); ok && in.Handle {
		return decision{false, refused.Comment, refused.By}, nil
	}
	return decision{true, d.Comment, d.By}, err
}

func beside(ctx *sojourn.Context, in gate) (map[string]json.RawMessage, error) {
	var payload json.RawMessage
	g := sojourn.NewGroup(ctx)
	g.Go(func(ctx *sojourn.Context) error {
		_, err := noted(ctx, "held", func(ctx context.Context) (n, error) { return n{2}, pass(ctx, in.Gate) })
		return err
	})
	g.Go(func(ctx *sojourn.Context) (err error) {
		if payload, err = sojourn.WaitForSignal[json.RawMessage](ctx, "go"); err != nil {
			return err
		}
		return note(ctx.ExecutionID(), "signalled")
	})
	err := g.Wait()
	return map[string]json.RawMessage{"payload": payload}, err
}
