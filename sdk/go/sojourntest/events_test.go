package sojourntest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/sdk/go/sojourntest"
)

// TestEventsOverRestarts follows an execution and its project while the server is restarted again and again: no event is
// missing, and none comes twice.
func TestEventsOverRestarts(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]sojourntest.Option{"in the process": nil, "over the network": {sojourntest.Listen()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := sojourntest.New(t, options...)
			client := srv.Client()
			if options != nil {
				var err error
				if client, err = sojourn.NewClient(sojourn.Config{BaseURL: srv.URL(), APIKey: srv.APIKey()}); err != nil {
					t.Fatal(err)
				}
				defer client.CloseIdleConnections()
			}
			const steps, restarts = 30, 3
			passed := make(chan int, steps)
			srv.Worker(handling("chain", func(ctx *sojourn.Context, in number) (number, error) {
				for i := range steps {
					if _, err := sojourn.Step(ctx, fmt.Sprint(i), func(context.Context) (int, error) { return i, nil }); err != nil {
						return in, err
					}
					passed <- i
				}
				return in, nil
			}))
			opened := make(chan struct{})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var wg sync.WaitGroup
			var project []string
			wg.Go(func() {
				for e, err := range client.Events(ctx, sojourn.EventsParams{Workflows: []string{"chain"}, Opened: func() { close(opened) }}) {
					if err != nil {
						t.Error(err)
						return
					}
					if e.Workflow != "chain" || e.WorkflowID == "" || e.ID == "" {
						t.Errorf("%+v", e)
					}
					project = append(project, fmt.Sprint(e.Revision, e.Type))
					if e.Status.Terminal() {
						return
					}
				}
			})
			<-opened
			x, err := client.Executions.Start(ctx, sojourn.StartParams{Workflow: "chain", Input: number{}})
			if err != nil {
				t.Fatal(err)
			}
			var own []string
			wg.Go(func() {
				for e, err := range client.Executions.Events(ctx, x.ID, 0) {
					if err != nil {
						t.Error(err)
						return
					}
					if e.ExecutionID != x.ID || e.ID != fmt.Sprint(e.Revision) || len(e.RawJSON()) == 0 {
						t.Errorf("%+v", e)
					}
					own = append(own, fmt.Sprint(e.Revision, e.Type))
				}
			})
			for range restarts {
				for range steps / (restarts + 1) {
					<-passed
				}
				srv.Restart()
			}
			wg.Wait()
			final, err := client.Executions.Get(ctx, x.ID, sojourn.IncludeEvents())
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, e := range final.Events {
				want = append(want, fmt.Sprint(e.Revision, e.Type))
			}
			if final.Status != sojourn.StatusCompleted || len(want) < steps+3 {
				t.Errorf("%s after %d events", final.Status, len(want))
			}
			if got := strings.Join(own, " "); got != strings.Join(want, " ") {
				t.Errorf("the execution's stream had\n%s\nthe history is\n%s", got, strings.Join(want, " "))
			}
			if got := strings.Join(project, " "); got != strings.Join(want, " ") {
				t.Errorf("the project's stream had\n%s\nthe history is\n%s", got, strings.Join(want, " "))
			}
		})
	}
}

func TestEventsEnd(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	client := srv.Client()
	srv.Worker(handling("echo", func(_ *sojourn.Context, in number) (number, error) { return in, nil }))
	x, err := client.Executions.Start(t.Context(), sojourn.StartParams{Workflow: "echo", Input: number{}})
	if err != nil {
		t.Fatal(err)
	}
	srv.Await(x.ID, sojourn.StatusCompleted)
	for after, want := range []int{3, 2, 1, 0} {
		n := 0
		for e, err := range client.Executions.Events(t.Context(), x.ID, int64(after)) {
			if n++; err != nil || e.Revision != int64(after+n) {
				t.Errorf("after %d: %+v, %v", after, e, err)
			}
		}
		if n != want {
			t.Errorf("after %d: %d events, want %d", after, n, want)
		}
	}
	// Who has enough leaves.
	for _, err := range client.Executions.Events(t.Context(), x.ID, 0) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	one := func(ctx context.Context, id string, after int64) error {
		for _, err := range client.Executions.Events(ctx, id, after) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := one(t.Context(), x.ID, 100); !errors.Is(err, sojourn.ErrEventsReset) {
		t.Errorf("after a revision that is not reached: %v", err)
	}
	var refused *sojourn.Error
	if err := one(t.Context(), "exec_nothing", 0); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("of nothing: %v", err)
	}
	open, err := client.Executions.Start(t.Context(), sojourn.StartParams{Workflow: "echo", Input: number{}, Delay: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for e, err := range client.Executions.Events(ctx, open.ID, 0) {
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			break
		}
		if e.Type != "created" || e.Status != sojourn.StatusCreated {
			t.Errorf("%+v", e)
		}
		cancel()
	}
	for _, err := range client.Events(t.Context(), sojourn.EventsParams{Types: []string{"complete"}}) {
		if !errors.As(err, &refused) || refused.Status != 400 {
			t.Errorf("events of no kind: %v", err)
		}
	}
}

// TestWatchSeesChangesAtOnce watches an execution by its events: every change is seen within moments, also of one that
// has not changed for a while.
func TestWatchSeesChangesAtOnce(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	client := srv.Client()
	stage := make(chan struct{})
	srv.Worker(handling("stages", func(ctx *sojourn.Context, in number) (number, error) {
		for i := range 3 {
			if _, err := sojourn.Step(ctx, fmt.Sprint(i), func(context.Context) (int, error) {
				<-stage
				return i, nil
			}); err != nil {
				return in, err
			}
		}
		return in, nil
	}))
	x, err := client.Executions.Start(t.Context(), sojourn.StartParams{Workflow: "stages", Input: number{}})
	if err != nil {
		t.Fatal(err)
	}
	srv.Await(x.ID, sojourn.StatusRunning)
	var went time.Time
	var slowest time.Duration
	completed := 0
	for x, err := range client.Executions.Watch(t.Context(), x.ID, sojourn.IncludeSteps()) {
		if err != nil {
			t.Fatal(err)
		}
		done := 0
		for _, s := range x.Steps {
			if s.Status == "completed" {
				done++
			}
		}
		if done > completed {
			completed = done
			slowest = max(slowest, time.Since(went))
		}
		if done < 3 {
			went = time.Now()
			select {
			case stage <- struct{}{}:
			case <-time.After(10 * time.Second):
				t.Fatal("the handler does not go on")
			}
		}
	}
	if completed != 3 || slowest > 2500*time.Millisecond {
		t.Errorf("saw %d steps, the slowest after %s", completed, slowest)
	}
}
