package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

// Tracing makes spans and sends them to a collector.
type Tracing struct {
	provider *trace.TracerProvider
	tracer   api.Tracer
}

// NewTracing sends spans over OTLP/HTTP to the collector at the URL; without a path that is /v1/traces. Which traces
// are kept follows the standard variables OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG; trouble with the collector
// goes to the log and never holds up a request.
func NewTracing(ctx context.Context, endpoint, version string, log *slog.Logger) (*Tracing, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("trace endpoint %q is not an http:// or https:// address, such as http://127.0.0.1:4318", endpoint)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1/traces"
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()))
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	about, err := resource.New(ctx, resource.WithFromEnv(), resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "sojourn"), attribute.String("service.version", version)))
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	// OpenTelemetry has one place for errors in the whole process.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces could not be sent", "error", err) }))
	p := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(about))
	return &Tracing{provider: p, tracer: p.Tracer("github.com/sojournhq/sojourn")}, nil
}

// Provider makes tracers whose spans go to the same collector.
func (t *Tracing) Provider() api.TracerProvider { return t.provider }

// Shutdown sends what is left.
func (t *Tracing) Shutdown(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Command opens a span around a command of the engine. It is engine.Config.Trace.
func (t *Tracing) Command(ctx context.Context, name string) func(error) {
	if !api.SpanContextFromContext(ctx).IsValid() {
		return func(error) {} // of the engine itself, or of a request that is not traced
	}
	_, span := t.tracer.Start(ctx, name)
	return func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}

// TraceParent is the W3C trace context of ctx, for a worker to go on with.
func TraceParent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// Observer sees every request of the API: it counts them, and makes spans of those that somebody may want to follow.
// Metrics and Tracing may be nil.
type Observer struct {
	Metrics *Metrics
	Tracing *Tracing
}

// silent are the routes without spans: they come all the time and belong to no piece of work.
var silent = map[string]bool{
	"/healthz": true, "/readyz": true, "/metrics": true, "/v1/worker/poll": true, "/v1/worker/heartbeat": true,
}

// Started implements api.Observer.
func (o *Observer) Started(r *http.Request, route string) context.Context {
	if o.Metrics != nil {
		o.Metrics.inFlight.Inc()
	}
	ctx := r.Context()
	if o.Tracing == nil || silent[route] {
		return ctx
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	ctx, _ = o.Tracing.tracer.Start(ctx, r.Method+" "+route, api.WithSpanKind(api.SpanKindServer), api.WithAttributes(
		attribute.String("http.request.method", r.Method), attribute.String("http.route", route),
	))
	return ctx
}

// Finished implements api.Observer.
func (o *Observer) Finished(ctx context.Context, method, route string, status int, took time.Duration) {
	if o.Metrics != nil {
		o.Metrics.inFlight.Dec()
		o.Metrics.request(method, route, status, took)
	}
	if o.Tracing == nil || silent[route] {
		return
	}
	span := api.SpanFromContext(ctx)
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
	span.End()
}
