package sojourntest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/sdk/go/sojourntest"
)

type purchase struct {
	Item  string `json:"item"`
	Price int    `json:"price"`
}

type receipt struct {
	Approved string `json:"approved_by"`
	Paid     int    `json:"paid"`
}

// buy waits for a manager, and then for the money.
func buy(ctx *sojourn.Context, in purchase) (receipt, error) {
	decision, err := ctx.WaitForApproval("manager", sojourn.Payload(in), sojourn.Timeout(72*time.Hour))
	if err != nil {
		return receipt{}, err
	}
	paid, err := sojourn.WaitForSignal[int](ctx, "paid", sojourn.Timeout(30*24*time.Hour))
	if err != nil {
		return receipt{}, err
	}
	return receipt{decision.By, paid}, nil
}

func TestApprovalAndSignal(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	worker := srv.Worker(func(w *sojourn.Worker) { sojourn.Handle(w, "buy", buy) })
	executions := srv.Client().Executions
	ctx := t.Context()
	x, err := executions.Start(ctx, sojourn.StartParams{Workflow: "buy", Input: purchase{"desk", 300}})
	if err != nil {
		t.Fatal(err)
	}
	waiting := srv.Await(x.ID, sojourn.StatusWaiting)
	if len(waiting.Awaiting) != 1 || waiting.Awaiting[0].Kind != "approval" || string(waiting.Awaiting[0].Payload) != `{"item":"desk","price":300}` {
		t.Errorf("awaiting %+v", waiting.Awaiting)
	}
	// Nothing is lost while nobody works, nor when the server starts again.
	worker.Stop()
	srv.Advance(48 * time.Hour)
	srv.Restart()
	if _, err := executions.Approve(ctx, x.ID, sojourn.DecisionParams{By: "Ada", Comment: "needed"}); err != nil {
		t.Fatal(err)
	}
	srv.Worker(func(w *sojourn.Worker) { sojourn.Handle(w, "buy", buy) })
	srv.AwaitFunc(ctx, x.ID, "waiting for the money", func(x *sojourn.Execution) bool {
		return x.Actionable() && x.Awaiting[0].Name == "paid"
	})
	if _, err := executions.Signal(ctx, x.ID, "paid", sojourn.SignalParams{Payload: 300}); err != nil {
		t.Fatal(err)
	}
	var got receipt
	if err := srv.Await(x.ID, sojourn.StatusCompleted).DecodeOutput(&got); err != nil || got != (receipt{"Ada", 300}) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := executions.Approve(ctx, x.ID, sojourn.DecisionParams{}); !errors.Is(err, sojourn.ErrAlreadyTerminal) {
		t.Errorf("approving what has ended: %v", err)
	}
}

func TestWaitsTimeOut(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	srv.Worker(func(w *sojourn.Worker) { sojourn.Handle(w, "buy", buy) })
	x, err := srv.Client().Executions.Start(t.Context(), sojourn.StartParams{Workflow: "buy", Input: purchase{"desk", 300}})
	if err != nil {
		t.Fatal(err)
	}
	srv.Await(x.ID, sojourn.StatusWaiting)
	srv.Advance(72*time.Hour - time.Minute)
	if x := srv.Await(x.ID, sojourn.StatusWaiting); x.Attempt != 1 {
		t.Errorf("attempt %d before the time has come", x.Attempt)
	}
	srv.Advance(time.Minute)
	if x := srv.Await(x.ID, sojourn.StatusFailed); x.ErrorCode != "wait_timeout" {
		t.Errorf("failed with %s: %s", x.ErrorCode, x.Error)
	}
}

func TestRejection(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	srv.Worker(func(w *sojourn.Worker) { sojourn.Handle(w, "buy", buy, sojourn.Retry{}) })
	x, err := srv.Client().Executions.Start(t.Context(), sojourn.StartParams{Workflow: "buy", Input: purchase{"yacht", 9_000_000}})
	if err != nil {
		t.Fatal(err)
	}
	srv.Await(x.ID, sojourn.StatusWaiting)
	if _, err := srv.Client().Executions.Reject(t.Context(), x.ID, sojourn.DecisionParams{Comment: "not this year"}); err != nil {
		t.Fatal(err)
	}
	if x := srv.Await(x.ID, sojourn.StatusRejected); x.ErrorCode != "approval_rejected" || x.Error != "not this year" || x.Steps[0].Status != "rejected" {
		t.Errorf("%s: %s, steps %+v", x.ErrorCode, x.Error, x.Steps)
	}
}

// TestWokenBesideWork ends a wait while another branch of the handler holds the lease.
func TestWokenBesideWork(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	release := make(chan struct{})
	begun := make(chan struct{})
	srv.Worker(func(w *sojourn.Worker) {
		sojourn.Handle(w, "beside", func(ctx *sojourn.Context, _ struct{}) (int, error) {
			var n int
			g := sojourn.NewGroup(ctx)
			g.Go(func(ctx *sojourn.Context) error {
				_, err := sojourn.Step(ctx, "work", hold(begun, release))
				return err
			})
			g.Go(func(ctx *sojourn.Context) (err error) {
				n, err = sojourn.WaitForSignal[int](ctx, "n")
				close(release) // only the signal lets the work end
				return err
			})
			err := g.Wait()
			return n, err
		})
	})
	x, err := srv.Client().Executions.Start(t.Context(), sojourn.StartParams{Workflow: "beside"})
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	if _, err := srv.Client().Executions.Signal(t.Context(), x.ID, "n", sojourn.SignalParams{Payload: 5}); err != nil {
		t.Fatal(err)
	}
	if x := srv.Await(x.ID, sojourn.StatusCompleted); string(x.Output) != "5" || x.Attempt != 1 {
		t.Errorf("output %s, attempt %d", x.Output, x.Attempt)
	}
}

// hold is a step that says that it has begun and works until it is released.
func hold(begun chan<- struct{}, release <-chan struct{}) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		close(begun)
		select {
		case <-release:
			return true, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// TestLinkFromAHandler makes a link in a step, before the wait begins, by the worker's own right.
func TestLinkFromAHandler(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t, sojourntest.Listen())
	sent := make(chan string, 1)
	srv.Worker(func(w *sojourn.Worker) {
		sojourn.Handle(w, "ask", func(ctx *sojourn.Context, _ struct{}) (string, error) {
			_, err := sojourn.Step(ctx, "ask", func(stepCtx context.Context) (bool, error) {
				link, err := ctx.CreateApprovalLink(stepCtx, sojourn.ApprovalLinkParams{Name: "manager", ExpiresIn: time.Hour})
				if err == nil {
					sent <- link.Token
				}
				return err == nil, err
			})
			if err != nil {
				return "", err
			}
			decision, err := ctx.WaitForApproval("manager")
			return decision.By, err
		})
	})
	x, err := srv.Client().Executions.Start(t.Context(), sojourn.StartParams{Workflow: "ask"})
	if err != nil {
		t.Fatal(err)
	}
	srv.Await(x.ID, sojourn.StatusWaiting)
	token := <-sent
	decide := func() int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL()+"/approvals/"+token, strings.NewReader(`{"decision":"approve","by":"Ada"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		return answer.StatusCode
	}
	if status := decide(); status != http.StatusOK {
		t.Fatalf("the link answered %d", status)
	}
	if x := srv.Await(x.ID, sojourn.StatusCompleted); string(x.Output) != `"Ada"` {
		t.Errorf("output %s", x.Output)
	}
	if status := decide(); status != http.StatusNotFound {
		t.Errorf("the used link answered %d", status)
	}
	http.DefaultClient.CloseIdleConnections()
}
