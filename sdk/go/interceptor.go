package sojourn

import (
	"context"
	"slices"
	"time"
)

// Interceptor wraps handlers and steps, for tracing, metrics or values in the context. A function that is nil is left
// out. Each must call next exactly once and return its error, or one that wraps it; the context given to next is the
// one the handler or step gets.
type Interceptor struct {
	Execution func(ctx context.Context, info ExecutionInfo, next func(context.Context) error) error
	// Step wraps each try of a step that really runs, not the replay of a recorded one.
	Step func(ctx context.Context, info StepInfo, next func(context.Context) error) error
}

// ExecutionInfo is what an interceptor knows of an execution.
type ExecutionInfo struct {
	ID          string
	Workflow    string
	Attempt     int
	TraceParent string // W3C traceparent of whoever started the execution; may be empty
	CreatedAt   time.Time
}

// StepInfo is what an interceptor knows of a step.
type StepInfo struct {
	Execution ExecutionInfo
	Step      string // with number and key, as recorded
	Attempt   int    // try of the step, from 1
}

func interceptExecution(list []Interceptor, info ExecutionInfo, last func(context.Context) error) func(context.Context) error {
	next := last
	for _, interceptor := range slices.Backward(list) {
		if wrap, inner := interceptor.Execution, next; wrap != nil {
			next = func(ctx context.Context) error { return wrap(ctx, info, inner) }
		}
	}
	return next
}

func interceptStep(list []Interceptor, info StepInfo, last func(context.Context) error) func(context.Context) error {
	next := last
	for _, interceptor := range slices.Backward(list) {
		if wrap, inner := interceptor.Step, next; wrap != nil {
			next = func(ctx context.Context) error { return wrap(ctx, info, inner) }
		}
	}
	return next
}
