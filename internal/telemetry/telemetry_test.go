package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
)

func TestSecretIsNeverShown(t *testing.T) {
	t.Parallel()
	const text = "very-secret-text"
	s := NewSecret(text)
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+" "+verb+"\n", s, &s)
		fmt.Fprintf(&out, verb+"\n", struct{ Key Secret }{s})
	}
	for _, people := range []bool{true, false} {
		NewLogger(&out, slog.LevelDebug, people).Info("started", "key", s, "at", &s, "all", []any{s}, "group", slog.GroupValue(slog.Any("key", s)))
	}
	encoded, err := json.Marshal(map[string]any{"a": s, "b": &s, "c": map[Secret]int{}})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	fmt.Fprint(&out, errors.Join(fmt.Errorf("key %v", s)))
	if strings.Contains(out.String(), "secret") || strings.Contains(out.String(), "7665") {
		t.Errorf("shown: %s", out.String())
	}
	if !strings.Contains(out.String(), hidden) {
		t.Errorf("nothing says that something is hidden: %s", out.String())
	}
	if s.Reveal() != text || s.IsZero() || !(Secret{}).IsZero() || (Secret{}).String() != "" {
		t.Error("the secret itself is wrong")
	}
}

func TestTextLogIsOneLineARecord(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := NewLogger(&out, slog.LevelInfo, true).With("area", "engine").WithGroup("g")
	log.Debug("hidden")
	log.Warn("two\nlines", "value", "a b\nc", "level", 7)
	line := out.String()
	if strings.Count(line, "\n") != 1 || !strings.Contains(line, " WARN  two⏎lines area=engine ") || !strings.Contains(line, `g.value="a b\nc" g.level=7`) {
		t.Errorf("%q", line)
	}
	if _, err := time.Parse("15:04:05", line[:8]); err != nil {
		t.Error(err)
	}
}

func TestLogCarriesTheTrace(t *testing.T) {
	t.Parallel()
	id, _ := trace.TraceIDFromHex("0af7651916cd43dd8448eb211c80319c")
	span, _ := trace.SpanIDFromHex("b7ad6b7169203331")
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span}))
	var out bytes.Buffer
	log := NewLogger(&out, slog.LevelInfo, false)
	log.InfoContext(ctx, "in")
	log.Info("out")
	in, after, _ := strings.Cut(out.String(), "\n")
	if !strings.Contains(in, `"trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331"`) || strings.Contains(after, "trace_id") {
		t.Error(out.String())
	}
}

func TestSourceIsAskedSeldom(t *testing.T) {
	t.Parallel()
	asked, fail := 0, false
	m := NewMetrics("v", func(context.Context) (*Snapshot, error) {
		asked++
		if fail {
			return nil, errors.New("closed")
		}
		return &Snapshot{Sessions: asked, DiskFree: -1}, nil
	})
	now := time.Now()
	m.scrape.now = func() time.Time { return now }
	scrape := func() string {
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return w.Body.String()
	}
	for range 3 {
		if text := scrape(); !strings.Contains(text, "sojourn_worker_sessions 1\n") || strings.Contains(text, "disk_free") {
			t.Fatal(text)
		}
	}
	now = now.Add(scrapeEvery)
	if text := scrape(); !strings.Contains(text, "sojourn_worker_sessions 2\n") {
		t.Error("old news after five seconds")
	}
	now, fail = now.Add(scrapeEvery), true
	if text := scrape(); strings.Contains(text, "sojourn_worker_sessions") || !strings.Contains(text, "sojourn_build_info") || !strings.Contains(text, "sojourn_store_up 0\n") {
		t.Error("a source that fails must leave out its own measurements alone")
	}
	if asked != 3 {
		t.Errorf("asked %d times, want 3", asked)
	}
}

// What a database does not tell is left out, so that no alarm takes it for zero.
func TestDatabasesAreShown(t *testing.T) {
	t.Parallel()
	m := NewMetrics("v", func(context.Context) (*Snapshot, error) {
		return &Snapshot{Databases: []Database{
			{
				Cell: "a", Servers: 3, Pinned: 90 * time.Second, Horizon: 1234, Tables: []Table{{"executions", 10, 7}},
				Connections: 40, MaxConnections: 100, Standbys: 1, Commits: 5, RoundTrips: 9, CommitRetries: 2,
			},
			{Cell: "b", Servers: 2, Pinned: -1, Horizon: -1, Standbys: -1},
		}}, nil
	})
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text := w.Body.String()
	for _, line := range []string{
		`sojourn_store_up 1`, `sojourn_servers_alive{cell="a"} 3`, `sojourn_servers_alive{cell="b"} 2`,
		`sojourn_database_oldest_transaction_seconds{cell="a"} 90`, `sojourn_database_horizon_transactions{cell="a"} 1234`,
		`sojourn_database_rows{cell="a",state="dead",table="executions"} 7`, `sojourn_database_rows{cell="a",state="live",table="executions"} 10`,
		`sojourn_database_connections{cell="a"} 40`, `sojourn_database_connections_most{cell="a"} 100`,
		`sojourn_database_synchronous_standbys{cell="a"} 1`, `sojourn_database_commits_total{cell="a"} 5`,
		`sojourn_database_commit_round_trips_total{cell="a"} 9`, `sojourn_database_commit_retries_total{cell="a"} 2`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	for _, line := range []string{`sojourn_database_oldest_transaction_seconds{cell="b"`, `sojourn_database_horizon_transactions{cell="b"`, `sojourn_database_synchronous_standbys{cell="b"`} {
		if strings.Contains(text, line) {
			t.Errorf("%s…: shown though it is unknown", line)
		}
	}
}
