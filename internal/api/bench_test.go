package api

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// sink is a ResponseWriter that costs next to nothing.
type sink struct {
	header http.Header
	status int
	n      int
}

func (s *sink) Header() http.Header { return s.header }

func (s *sink) WriteHeader(status int) { s.status = status }

func (s *sink) Write(b []byte) (int, error) { s.n += len(b); return len(b), nil }

const benchBody = `{"workflow_id":"echo","input":{"customer":"1138","lines":[{"sku":"a-1","qty":2},{"sku":"b-7","qty":1}],"note":"deliver after noon"},"metadata":{"team":"red"}}`

// request makes a request without the cost of parsing one.
func benchRequest(key string, i int) *http.Request {
	r, _ := http.NewRequest("POST", "/v1/executions", bytes.NewReader([]byte(benchBody)))
	r.RemoteAddr = "127.0.0.1:4711"
	r.Header = http.Header{"Authorization": {"Bearer " + key}, "Content-Type": {"application/json"}, "Idempotency-Key": {"key-" + strconv.Itoa(i)}}
	return r
}

// BenchmarkStart is a start through the whole API and engine, without the network; BenchmarkStartEngine the engine's
// share of it. Their difference is what the API costs.
func BenchmarkStart(b *testing.B) {
	s := newServer(b, setup{plain: true})
	s.workflow("echo")
	b.ReportAllocs()
	b.SetParallelism(64)
	b.RunParallel(func(p *testing.PB) {
		w := &sink{header: http.Header{}}
		for i := 0; p.Next(); i++ {
			clear(w.header)
			r := benchRequest(s.key, i)
			delete(r.Header, "Idempotency-Key")
			s.api.ServeHTTP(w, r)
			if w.status != 201 {
				b.Fatal(w.status)
			}
		}
	})
}

// BenchmarkStartEigenpal is the same start in the EigenPal dialect: what it takes more than BenchmarkStart is what the
// dialect costs.
func BenchmarkStartEigenpal(b *testing.B) {
	s := newServer(b, setup{plain: true})
	s.workflow("echo")
	body := []byte(`{"input":{"customer":"1138","lines":[{"sku":"a-1","qty":2},{"sku":"b-7","qty":1}],"note":"deliver after noon"}}`)
	b.ReportAllocs()
	b.SetParallelism(64)
	b.RunParallel(func(p *testing.PB) {
		w := &sink{header: http.Header{}}
		for p.Next() {
			clear(w.header)
			r, _ := http.NewRequest("POST", "/api/v1/workflows/echo/run?version=latest", bytes.NewReader(body))
			r.RemoteAddr = "127.0.0.1:4711"
			r.Header = http.Header{"Authorization": {"Bearer " + s.key}, "Content-Type": {"application/json"}, "X-Eigenpal-Sdk": {"python"}}
			s.api.ServeHTTP(w, r)
			if w.status != 201 {
				b.Fatal(w.status)
			}
		}
	})
}

func BenchmarkStartEngine(b *testing.B) {
	s := newServer(b, setup{plain: true})
	s.workflow("echo")
	caller, err := s.engine.Authenticate(b.Context(), s.key)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetParallelism(64)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			r := &engine.StartRequest{Workflow: "echo", Input: []byte(`{"customer":"1138","lines":[{"sku":"a-1","qty":2},{"sku":"b-7","qty":1}],"note":"deliver after noon"}`), Metadata: map[string]string{"team": "red"}}
			if _, err := s.engine.Start(b.Context(), caller, r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkInfo is the fixed cost of a request: routing, authentication, headers.
func BenchmarkInfo(b *testing.B) {
	s := newServer(b, setup{plain: true})
	w := &sink{header: http.Header{}}
	r := httptest.NewRequest("GET", "/v1/info", nil)
	r.Header.Set("Authorization", "Bearer "+s.key)
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		s.api.ServeHTTP(w, r)
	}
}

// BenchmarkBareJSON is the yardstick: decode with encoding/json into a struct, encode another.
func BenchmarkBareJSON(b *testing.B) {
	w := &sink{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		r := benchRequest("", 1)
		var q struct {
			WorkflowID string          `json:"workflow_id"`
			Input      json.RawMessage `json:"input"`
			Metadata   map[string]string
		}
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &q); err != nil {
			b.Fatal(err)
		}
		out, _ := json.Marshal(map[string]any{"id": "x", "workflow_id": q.WorkflowID, "input": q.Input, "status": "pending"})
		w.Header()["Content-Type"] = headerJSON
		w.WriteHeader(201)
		_, _ = w.Write(out)
	}
}

func BenchmarkDecodeStart(b *testing.B) {
	body := []byte(benchBody)
	b.ReportAllocs()
	for b.Loop() {
		r := &engine.StartRequest{}
		if err := parse(body, func(p *jsonx.Parser) { readStart(p, r, -1) }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeReport(b *testing.B) {
	body := []byte(`{"session_id":"sess_01m80bjxkse00bqc7k3kxcqcd9","received":1,"operations":[`)
	for i := range 16 {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"id":"exec_01m80bjxkse00bqc7k3kxcqcd9","lease":"1-0sxc4eenqgnghxp54g2pjjrmfc","op":"step_completed","step":"fetch-the-page","try":1,"duration_ms":12,"output":{"ok":true,"n":5}}`...)
	}
	body = append(body, `]}`...)
	b.ReportAllocs()
	for b.Loop() {
		var r reportRequest
		if err := parse(body, func(p *jsonx.Parser) { readReport(p, &r) }); err != nil || len(r.operations) != 16 {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeExecution(b *testing.B) {
	a := &API{}
	id, _ := execution.ParseID(execution.PrefixExecution, "exec_01m80bjxkse00bqc7k3kxcqcd9")
	v := &engine.View{Workflow: &engine.WorkflowInfo{ID: id, Name: "echo"}, WorkflowID: id, Input: []byte(`{"customer":"1138"}`), CreatedAt: 1_800_000_000_000_000, Details: &engine.StartDetails{Metadata: map[string]string{"team": "red"}}}
	v.ID, v.Status, v.Revision = id, execution.Pending, 1
	v.Reason, v.HasReason = execution.Reason{Code: "queued", Message: "waits for a free worker"}, true
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = a.appendExecution(out[:0], v, parts{})
	}
}
