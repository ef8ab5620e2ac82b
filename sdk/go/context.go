package sojourn

import (
	"context"
	"time"
)

// Context is the context of a handler. It ends when a cancel is requested, the lease is lost, the worker drains or the
// execution is suspended; context.Cause tells which (ErrCancelRequested, ErrLeaseLost, ErrDraining, ErrSuspended).
type Context struct {
	context.Context
	a      *attempt
	branch *branch
}

// branch tells apart the concurrent parts of a handler that a Group runs; its address is its identity.
type branch struct{ _ byte }

type contextKey struct{}

// Value finds the Context itself for the functions of this package, and otherwise what the parent holds.
func (c *Context) Value(key any) any {
	if key == (contextKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// WithContext returns a copy of c that is also parent: its values, deadline and end. parent should derive from c.
func (c *Context) WithContext(parent context.Context) *Context {
	return &Context{parent, c.a, c.branch}
}

// ExecutionID is the execution's id.
func (c *Context) ExecutionID() string { return c.a.id }

// Workflow is the workflow's name.
func (c *Context) Workflow() string { return c.a.workflow }

// Attempt counts the times the execution was given to a worker, from 1.
func (c *Context) Attempt() int { return c.a.number }

// Metadata is what the execution was started with. It must not be changed.
func (c *Context) Metadata() map[string]string { return c.a.metadata }

// CreatedAt is when the execution was started.
func (c *Context) CreatedAt() time.Time { return c.a.createdAt }

// DeadlineAt is when the server cancels the execution, zero when it does not.
func (c *Context) DeadlineAt() time.Time { return c.a.deadlineAt }

// handlerContext finds the Context that ctx derives from, or nil.
func handlerContext(ctx context.Context) *Context {
	c, _ := ctx.Value(contextKey{}).(*Context)
	return c
}

// stepContext is the context of one try of a step.
type stepContext struct {
	context.Context
	c    *Context
	step string
	try  int
}

type stepContextKey struct{}

func (s *stepContext) Value(key any) any {
	switch key {
	case stepContextKey{}:
		return s
	case contextKey{}:
		return s.c
	}
	return s.Context.Value(key)
}

func currentStep(ctx context.Context) *stepContext {
	s, _ := ctx.Value(stepContextKey{}).(*stepContext)
	return s
}

// StepKey is a key that is the same on every try of the step, in every attempt and on every worker: the execution's id
// and the step. Hand it to the outside world as an idempotency key. In a handler, outside steps, it is the execution's
// id; elsewhere it is empty.
func StepKey(ctx context.Context) string {
	if s := currentStep(ctx); s != nil {
		return s.c.a.id + "/" + s.step
	}
	if c := handlerContext(ctx); c != nil {
		return c.a.id
	}
	return ""
}

// StepAttempt is which try of the step this is, from 1; 0 outside steps.
func StepAttempt(ctx context.Context) int {
	if s := currentStep(ctx); s != nil {
		return s.try
	}
	return 0
}

// TraceParent is the W3C traceparent of whoever started the execution, empty when there is none. It is the same in the
// handler and in its steps.
func TraceParent(ctx context.Context) string {
	if c := handlerContext(ctx); c != nil {
		return c.a.traceparent
	}
	return ""
}
