// Package otelsojourn traces the handlers and steps of a worker with OpenTelemetry, in the trace of whoever started the
// execution.
package otelsojourn

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/sojournhq/sojourn/sdk/go"
)

// Interceptor makes a span of each run of a handler and, inside it, of each try of a step. Give it to
// sojourn.WorkerConfig. The context that a step gets carries its span.
func Interceptor(provider trace.TracerProvider) sojourn.Interceptor {
	tracer := provider.Tracer("github.com/sojournhq/sojourn/sdk/go/otelsojourn")
	return sojourn.Interceptor{
		Execution: func(ctx context.Context, info sojourn.ExecutionInfo, next func(context.Context) error) error {
			ctx, span := tracer.Start(follow(ctx, info), "run "+info.Workflow, trace.WithSpanKind(trace.SpanKindConsumer),
				trace.WithAttributes(
					attribute.String("sojourn.execution.id", info.ID),
					attribute.String("sojourn.workflow", info.Workflow),
					attribute.Int("sojourn.execution.attempt", info.Attempt),
				))
			return end(span, next(ctx))
		},
		Step: func(ctx context.Context, info sojourn.StepInfo, next func(context.Context) error) error {
			ctx, span := tracer.Start(follow(ctx, info.Execution), "step "+info.Step, trace.WithAttributes(
				attribute.String("sojourn.execution.id", info.Execution.ID),
				attribute.String("sojourn.step", info.Step),
				attribute.Int("sojourn.step.attempt", info.Attempt),
			))
			return end(span, next(ctx))
		},
	}
}

// follow puts the trace of the starter into ctx, unless ctx is in a trace already.
func follow(ctx context.Context, info sojourn.ExecutionInfo) context.Context {
	if info.TraceParent == "" || trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": info.TraceParent})
}

func end(span trace.Span, err error) error {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
	return err
}
