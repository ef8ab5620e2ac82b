package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/sojournhq/sojourn/internal/telemetry"
	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/sdk/go/otelsojourn"
	"github.com/sojournhq/sojourn/server"
)

// traces is a collector of spans.
type traces struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*tracev1.Span
	raw   bytes.Buffer
}

func newTraces(t *testing.T) *traces {
	c := &traces{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			body = z
		}
		text, err := io.ReadAll(body)
		var in collector.ExportTraceServiceRequest
		if err = errors.Join(err, proto.Unmarshal(text, &in)); err != nil || r.URL.Path != "/v1/traces" {
			http.Error(w, "not for us", http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.raw.Write(text)
		for _, rs := range in.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				c.spans = append(c.spans, ss.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(c.Close)
	return c
}

// buffer is a log that may be written and read at the same time.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// work runs a worker until the test calls the returned function.
func work(t *testing.T, c *sojourn.Client, config sojourn.WorkerConfig, register func(*sojourn.Worker)) (stop func()) {
	t.Helper()
	ready := make(chan struct{})
	up := sync.OnceFunc(func() { close(ready) })
	config.OnReady = func(string) { up() }
	w := sojourn.NewWorker(c, config)
	register(w)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the worker: %v", err)
		}
	})
	t.Cleanup(stop)
	select {
	case <-ready:
	case <-time.After(20 * time.Second):
		t.Fatal("the worker never got its session")
	}
	return stop
}

func TestOneTraceFromClientToStep(t *testing.T) {
	c := newTraces(t)
	r := run(t, server.Config{Memory: true, TraceEndpoint: c.URL})
	client, err := r.Client()
	if err != nil {
		t.Fatal(err)
	}
	stop := work(t, client, sojourn.WorkerConfig{
		Interceptors: []sojourn.Interceptor{otelsojourn.Interceptor(r.TracerProvider())},
	}, func(w *sojourn.Worker) {
		sojourn.Handle(w, "traced", func(ctx *sojourn.Context, _ struct{}) (string, error) {
			return sojourn.Step(ctx, "look", func(context.Context) (string, error) { return "seen", nil })
		})
	})
	const trace = "0af7651916cd43dd8448eb211c80319c"
	got, err := sojourn.Run[string](t.Context(), client, sojourn.StartParams{
		Workflow: "traced", TraceParent: "00-" + trace + "-b7ad6b7169203331-01",
	})
	if err != nil || got != "seen" {
		t.Fatalf("%q, %v", got, err)
	}
	stop()
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}
	parents := map[string]string{} // of the spans of the trace, by name
	names := map[string]string{"b7ad6b7169203331": "the client"}
	for _, s := range c.spans {
		names[hex.EncodeToString(s.SpanId)] = s.Name
	}
	for _, s := range c.spans {
		if hex.EncodeToString(s.TraceId) == trace {
			parents[s.Name] = names[hex.EncodeToString(s.ParentSpanId)]
		}
	}
	for name, parent := range map[string]string{
		"POST /v1/executions": "the client",
		"engine.start":        "POST /v1/executions",
		"run traced":          "POST /v1/executions",
		"step look":           "run traced",
	} {
		if got, ok := parents[name]; !ok || got != parent {
			t.Errorf("the span %q has the parent %q (found: %t), want %q", name, got, ok, parent)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	r := run(t, server.Config{Memory: true, Version: "1.2.3"})
	r.must(t, "POST", "/v1/workflows", `{"name":"nobody-serves-it"}`, 201)
	for range 3 {
		r.must(t, "POST", "/v1/executions", `{"workflow_id":"nobody-serves-it","input":{}}`, 201)
	}
	client, err := r.Client()
	if err != nil {
		t.Fatal(err)
	}
	work(t, client, sojourn.WorkerConfig{Concurrency: 7}, func(w *sojourn.Worker) {
		sojourn.Handle(w, "served", func(*sojourn.Context, struct{}) (int, error) { return 1, nil })
	})
	if _, err := sojourn.Run[int](t.Context(), client, sojourn.StartParams{Workflow: "served"}); err != nil {
		t.Fatal(err)
	}
	r.must(t, "GET", "/nothing/here", "", 404)
	text := r.must(t, "GET", "/metrics", "", 200)
	lines := strings.Split(text, "\n")
	for _, want := range []string{
		`sojourn_build_info{version="1.2.3"} 1`,
		`sojourn_queue_executions{project="default",workflow="nobody-serves-it"} 3`,
		`sojourn_executions_open{status="pending"} 3`,
		`sojourn_worker_sessions 1`,
		`sojourn_worker_capacity 7`,
		`sojourn_disk_low 0`,
		`sojourn_leases_lost_total 0`,
		`sojourn_execution_seconds_count{status="completed"} 1`,
		`sojourn_dispatch_wait_seconds_count 1`,
		`sojourn_http_requests_total{method="POST",route="/v1/workflows",status="201"} 1`,
		`sojourn_http_requests_total{method="other",route="other",status="404"} 1`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	for _, prefix := range []string{
		`sojourn_queue_oldest_seconds{project="default",workflow="nobody-serves-it"} `,
		`sojourn_commit_batch_commands_count `, `sojourn_commit_seconds_count{part="save"} `,
		`sojourn_commit_seconds_count{part="transaction"} `, `sojourn_timer_lateness_seconds_count `,
		`sojourn_store_bytes{part="data"} `, `sojourn_store_bytes{part="wal"} `, `sojourn_connections_open `, `sojourn_streams_open 0`, `go_goroutines `,
	} {
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, prefix) }) {
			t.Errorf("the metrics lack %s", prefix)
		}
	}
	none := run(t, server.Config{Memory: true, NoMetrics: true})
	none.must(t, "GET", "/metrics", "", 404)
}

// TestSecretsStayInside puts a text of its own into everything that is private, and looks for it in all that the server
// shows of itself.
func TestSecretsStayInside(t *testing.T) {
	const canary = "canary7x3q"
	var out buffer
	c := newTraces(t)
	log := telemetry.NewLogger(&out, slog.LevelDebug, false)
	r := run(t, server.Config{Memory: true, Log: log, TraceEndpoint: c.URL})
	client, err := r.Client()
	if err != nil {
		t.Fatal(err)
	}
	stop := work(t, client, sojourn.WorkerConfig{
		Logger: log, Interceptors: []sojourn.Interceptor{otelsojourn.Interceptor(r.TracerProvider())},
	}, func(w *sojourn.Worker) {
		sojourn.Handle(w, "private", func(ctx *sojourn.Context, in map[string]string) (map[string]string, error) {
			return sojourn.Step(ctx, "keep", func(context.Context) (map[string]string, error) {
				ctx.Log("kept", "what", in["text"])
				return in, nil
			})
		})
	})
	fixed := canary + "-fixed-key-of-a-project"
	key, err := r.CreateKey(t.Context(), server.KeySpec{Scopes: []string{"admin"}, Fixed: fixed})
	if err != nil {
		t.Fatal(err)
	}
	made, err := r.CreateKey(t.Context(), server.KeySpec{Scopes: []string{"admin"}})
	if err != nil {
		t.Fatal(err)
	}
	x, err := client.Executions.Start(t.Context(), sojourn.StartParams{
		Workflow: "private", Input: map[string]string{"text": canary + "-input"},
		Metadata: map[string]string{canary + "-name": canary + "-value"}, IdempotencyKey: canary + "-idempotency",
	})
	if err != nil {
		t.Fatal(err)
	}
	if x, err = client.Executions.Wait(t.Context(), x.ID); err != nil || !bytes.Contains(x.Output, []byte(canary)) {
		t.Fatalf("%s, %v", x.Output, err)
	}
	// Requests of every kind of trouble, each with the text where somebody might log it.
	for _, q := range []struct{ method, path, key, body string }{
		{"GET", "/v1/info", key, ""},
		{"GET", "/v1/info", made, ""},
		{"GET", "/v1/info", canary + "-unknown-key-is-this", ""},
		{"GET", "/v1/info", "sjn_live_" + canary + "_damaged", ""},
		{"POST", "/v1/executions", key, `{"workflow_id":"private","input":{"` + canary + `":`},
		{"POST", "/v1/executions", key, `{"workflow_id":"private","` + canary + `":1}`},
		{"POST", "/v1/executions", key, `{"workflow_id":"` + canary + `","input":{}}`},
		{"GET", "/v1/executions?text=" + canary, key, ""},
		{"GET", "/v1/executions?" + canary + "=1", key, ""},
		{"GET", "/" + canary, key, ""},
		{"POST", "/v1/worker/poll", key, `{"session_id":"` + canary + `"}`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), q.method, r.URL()+q.path, strings.NewReader(q.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+q.key)
		req.Header.Set("User-Agent", canary)
		transport := &http.Transport{}
		answer, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		transport.CloseIdleConnections()
	}
	cookie := r.signIn(t, key)
	for _, q := range []struct{ method, path, cookie, body string }{
		{"GET", "/ui/v1/info", cookie, ""},
		{"GET", "/ui/v1/info?" + canary, cookie, ""},
		{"GET", "/ui/session", canary, ""},
		{"POST", "/ui/session", "", `{"api_key":"` + canary + `-unknown-key"}`},
		{"POST", "/ui/session", "", `{"api_key":"` + canary},
		{"GET", "/signin?" + canary, cookie, ""},
		{"DELETE", "/ui/session", cookie, ""},
	} {
		r.page(t, q.method, q.path, q.cookie, q.body)
	}
	metrics := r.must(t, "GET", "/metrics", "", 200)
	stop()
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}
	if len(c.spans) == 0 || out.String() == "" {
		t.Fatalf("%d spans and %d bytes of log: the test saw nothing", len(c.spans), len(out.String()))
	}
	for where, text := range map[string]string{"log": out.String(), "metrics": metrics, "traces": c.raw.String()} {
		for _, secret := range []string{canary, made, made[len(made)-40:], adminKey, cookie, cookie[:30]} {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("the %s shows %q: …%q", where, secret, text[max(0, i-200):min(len(text), i+100)])
			}
		}
	}
}

// page sends what a page of the dashboard sends, and returns the cookie that came back.
func (r *running) page(t *testing.T, method, path, cookie, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", "__Host-sojourn="+cookie)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	for _, c := range answer.Cookies() {
		return c.Value
	}
	return ""
}

func (r *running) signIn(t *testing.T, key string) string {
	t.Helper()
	cookie := r.page(t, "POST", "/ui/session", "", `{"api_key":"`+key+`"}`)
	if len(cookie) < 60 {
		t.Fatalf("the cookie is %q", cookie)
	}
	return cookie
}
