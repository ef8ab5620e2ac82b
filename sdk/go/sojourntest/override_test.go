package sojourntest_test

import (
	"context"
	"testing"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/sdk/go/sojourntest"
)

// TestOverrides gives two of three steps their outputs: only the third runs.
func TestOverrides(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	var ran tally
	srv.Worker(handling("three", func(ctx *sojourn.Context, _ struct{}) (number, error) {
		sum := number{}
		for _, name := range []string{"a", "b", "c"} {
			n, err := sojourn.Step(ctx, "add", func(context.Context) (number, error) {
				return number{ran.add(name)}, nil
			}, sojourn.Key(name), sojourn.Input(name))
			if err != nil {
				return number{}, err
			}
			sum.N += n.N
		}
		return sum, nil
	}))
	x, err := srv.Client().Executions.Start(within(t), sojourn.StartParams{
		Workflow: "three", Overrides: map[string]any{"add[a]": number{100}, "add[c]": map[string]int{"n": 1000}},
	})
	if err != nil {
		t.Fatal(err)
	}
	x = finish(t, srv, x.ID)
	if string(x.Output) != `{"n":1101}` || ran.get("a") != 0 || ran.get("b") != 1 || ran.get("c") != 0 {
		t.Errorf("output %s, %d %d %d runs", x.Output, ran.get("a"), ran.get("b"), ran.get("c"))
	}
	overridden := map[string]string{}
	for _, s := range x.Steps {
		if s.Overridden {
			overridden[s.Name] = string(s.Output)
		}
	}
	if len(x.Steps) != 3 || len(overridden) != 2 || overridden["add[a]"] != `{"n":100}` || overridden["add[c]"] != `{"n":1000}` {
		t.Errorf("steps %+v", x.Steps)
	}
	if _, err := srv.Client().Executions.Start(within(t), sojourn.StartParams{Workflow: "three", Overrides: map[string]any{"a": func() {}}}); err == nil {
		t.Error("an output that does not encode was accepted")
	}
}
