// Package sojourn starts, watches and runs durable executions: the client and the worker of the Sojourn server.
//
// A client starts executions and waits for them:
//
//	client, err := sojourn.NewClient(sojourn.Config{}) // SOJOURN_API_KEY, SOJOURN_BASE_URL
//	total, err := sojourn.Run[Total](ctx, client, sojourn.StartParams{Workflow: "add-up", Input: numbers})
//
// A worker runs them. Its handlers are ordinary functions whose steps are checkpoints: a step whose result the server
// has recorded is not run again, whatever happens to the process.
//
//	w := sojourn.NewWorker(client, sojourn.WorkerConfig{})
//	sojourn.Handle(w, "add-up", func(ctx *sojourn.Context, in Numbers) (Total, error) {
//		sum, err := sojourn.Step(ctx, "sum", func(ctx context.Context) (int, error) { return in.Sum(), nil })
//		if err != nil {
//			return Total{}, err
//		}
//		return Total{Sum: sum}, nil
//	})
//	err = w.Run(ctx)
//
// # Writing handlers
//
// A handler runs from the top on each attempt, so what it does outside steps must be repeatable, and what it decides
// must follow from its input and from step results. Steps are matched by name: "parse" the first time, "parse#2" when
// the same code runs again in sequence. Where the order is not fixed (concurrent branches) or should not matter
// (loops over a changing list), give each step a [Key].
//
// A step runs at least once, and never again once its result is recorded. [StepKey] gives it a key that is the same on
// every try, to hand to the outside world as an idempotency key.
//
// When a handler sees [ErrSuspended], from a long [Context.Sleep], from a step that backs off, from [WaitForSignal] or
// [Context.WaitForApproval], it returns: the worker is free for other work, and the handler runs again when the wait is
// over. Nothing has failed.
//
// The package depends on the standard library only.
package sojourn
