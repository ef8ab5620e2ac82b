package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/sojournhq/sojourn/internal/blob"
	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/teststore"
	"github.com/sojournhq/sojourn/spec"
)

// contract is the OpenAPI document that every exchange of these tests is held to, eigenpalContract that of the dialect.
var (
	contract         = sync.OnceValues(func() (*openapi3.T, error) { return loadContract(spec.OpenAPI) })
	eigenpalContract = sync.OnceValues(func() (*openapi3.T, error) { return loadContract(spec.Eigenpal) })
)

func loadContract(raw []byte) (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		return nil, err
	}
	// For readers an answer may have members that they do not know; for these tests there are none.
	closed := false
	seen := map[*openapi3.Schema]bool{}
	var shut func(r *openapi3.SchemaRef)
	shut = func(r *openapi3.SchemaRef) {
		if r == nil || r.Value == nil || seen[r.Value] {
			return
		}
		s := r.Value
		seen[s] = true
		if len(s.Properties) > 0 && s.AdditionalProperties.Has == nil && s.AdditionalProperties.Schema == nil {
			s.AdditionalProperties.Has = &closed
		}
		for _, p := range s.Properties {
			shut(p)
		}
		shut(s.Items)
		shut(s.AdditionalProperties.Schema)
		for _, group := range []openapi3.SchemaRefs{s.OneOf, s.AnyOf, s.AllOf} {
			for _, x := range group {
				shut(x)
			}
		}
	}
	for _, s := range doc.Components.Schemas {
		shut(s)
	}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for _, r := range op.Responses.Map() {
				for _, media := range r.Value.Content {
					shut(media.Schema)
				}
			}
		}
	}
	return doc, nil
}

// seen collects which operation answered with which status, over all tests.
var seen = struct {
	sync.Mutex
	statuses map[string]map[int]bool // by operationId
}{statuses: map[string]map[int]bool{}}

// contractTransport sends requests and holds each exchange to the contract: an answer is always what the document
// says, and a request that it does not allow is never accepted.
type contractTransport struct {
	t                testing.TB
	native, eigenpal routers.Router
}

func init() {
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.FileBodyDecoder)
	openapi3filter.RegisterBodyDecoder("text/event-stream", openapi3filter.FileBodyDecoder)
}

func newContractTransport(t testing.TB) *contractTransport {
	native, err := contractRouter()
	if err != nil {
		t.Fatal(err)
	}
	eigenpal, err := eigenpalRouter()
	if err != nil {
		t.Fatal(err)
	}
	return &contractTransport{t, native, eigenpal}
}

var (
	contractRouter = sync.OnceValues(func() (routers.Router, error) { return routerOf(contract()) })
	eigenpalRouter = sync.OnceValues(func() (routers.Router, error) { return routerOf(eigenpalContract()) })
)

func routerOf(doc *openapi3.T, err error) (routers.Router, error) {
	if err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc, openapi3.DisableExamplesValidation())
}

func (c *contractTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(answer))
	c.check(r, body, res, answer)
	return res, nil
}

func (c *contractTransport) check(r *http.Request, body []byte, res *http.Response, answer []byte) {
	c.t.Helper()
	name := r.Method + " " + r.URL.RequestURI()
	if res.Header.Get("X-Request-Id") == "" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		c.t.Errorf("%s: headers that every answer has are missing: %v", name, res.Header)
	}
	if res.StatusCode >= 300 && res.StatusCode < 400 && res.StatusCode != http.StatusNotModified {
		c.t.Errorf("%s: redirect %d", name, res.StatusCode)
	}
	errorType, router := "application/problem+json", c.native
	if strings.HasPrefix(r.URL.Path, "/api/") {
		errorType, router = "application/json", c.eigenpal
		if got := res.Header.Get("Content-Type"); got != "application/json" && res.StatusCode != http.StatusNoContent && res.StatusCode != http.StatusNotModified {
			c.t.Errorf("%s: %d with %q: nothing but JSON leaves the dialect", name, res.StatusCode, got)
		}
	}
	if strings.HasPrefix(r.URL.Path, "/approvals/") && !strings.Contains(r.Header.Get("Accept"), "application/json") && strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		errorType = "text/html; charset=utf-8"
	}
	if res.StatusCode >= 400 && res.StatusCode != http.StatusServiceUnavailable && res.Header.Get("Content-Type") != errorType {
		c.t.Errorf("%s: status %d with %q: %.200s", name, res.StatusCode, res.Header.Get("Content-Type"), answer)
	}
	lookup := r.Clone(context.Background())
	lookup.URL.Host, lookup.URL.Scheme, lookup.Host = "", "", ""
	if strings.HasPrefix(r.URL.Path, "/ui/v1/") { // the same API once more, for the dashboard
		lookup.URL.Path, lookup.URL.RawPath = r.URL.Path[len("/ui"):], ""
	}
	if r.Method == http.MethodHead {
		lookup.Method = http.MethodGet
	}
	route, params, err := router.FindRoute(lookup)
	if err != nil || res.StatusCode == http.StatusMethodNotAllowed {
		if r.Method == http.MethodOptions && res.StatusCode == http.StatusNoContent {
			return // a browser's question
		}
		if res.StatusCode != http.StatusNotFound && res.StatusCode != http.StatusMethodNotAllowed {
			c.t.Errorf("%s: the contract does not have it, but the answer is %d", name, res.StatusCode)
		}
		return
	}
	seen.Lock()
	if seen.statuses[route.Operation.OperationID] == nil {
		seen.statuses[route.Operation.OperationID] = map[int]bool{}
	}
	seen.statuses[route.Operation.OperationID][res.StatusCode] = true
	seen.Unlock()
	if r.Method == http.MethodHead || res.StatusCode == http.StatusNotModified && res.Header.Get("Etag") != "" {
		if len(answer) > 0 {
			c.t.Errorf("%s: %d has a body", name, res.StatusCode)
		}
		return
	}
	options := &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, SkipSettingDefaults: true,
	}
	if len(body) > 0 {
		lookup.Body = io.NopCloser(bytes.NewReader(body))
	} else {
		lookup.Body = nil
	}
	if lookup.Header.Get("Content-Type") == "" && len(body) > 0 {
		lookup.Header.Set("Content-Type", "application/json")
	}
	// The validator reads JSON and nothing else.
	options.ExcludeRequestBody = route.Operation.OperationID == "uploadFile" || strings.HasPrefix(lookup.Header.Get("Content-Type"), "multipart/")
	options.ExcludeResponseBody = route.Operation.OperationID == "downloadFile" && res.StatusCode < 300
	in := &openapi3filter.RequestValidationInput{Request: lookup, PathParams: params, Route: route, Options: options}
	if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil && res.StatusCode < 400 && !expected(err) && !partly(answer) {
		c.t.Errorf("%s: accepted with %d, but the contract does not allow it: %v\n%.500s", name, res.StatusCode, err, body)
	}
	out := (&openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: res.StatusCode, Header: res.Header, Options: options,
	}).SetBodyBytes(answer)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		c.t.Errorf("%s: answer %d is not what the contract says: %v\n%.1000s", name, res.StatusCode, err, answer)
	}
}

// expected excuses what the validator cannot express: an absent Content-Type, a spaced list, an empty cursor.
func expected(err error) bool {
	var r *openapi3filter.RequestError
	return errors.As(err, &r) && r.Parameter != nil && (r.Parameter.Name == "cursor" || r.Parameter.Name == "step") && errors.Is(r.Err, openapi3filter.ErrInvalidEmptyValue)
}

// partly reports whether a batch or report was answered item by item with a refusal among them: its items may break
// the contract.
func partly(answer []byte) bool {
	return bytes.HasPrefix(answer, []byte(`{"results":[`)) && (bytes.Contains(answer, []byte(`"error":{"type"`)) || bytes.Contains(answer, []byte(`"ok":false`)))
}

// server is the API on a real engine on a real store.
type server struct {
	t      testing.TB
	engine *engine.Engine
	api    *API
	http   *httptest.Server
	client *http.Client
	root   *engine.Caller
	key    string // may do everything in the project "default"
	log    *logBuffer
	files  string // the folder of their contents
	stop   func()
}

// logBuffer collects what is logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// setup changes how a server is made.
type setup struct {
	engine func(*engine.Config)
	api    func(*Config)
	store  func(store.Store) store.Store
	plain  bool // exchanges are not held to the contract
	far    bool // requests seem to come from another machine
}

func newServer(t testing.TB, options ...setup) *server {
	t.Helper()
	db := teststore.Open(t)
	log := &logBuffer{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	// Nothing here may depend on how fast the machine is: leases outlast every test.
	files := t.TempDir()
	contents, err := blob.OpenFolder(files)
	if err != nil {
		t.Fatal(err)
	}
	ec := engine.Config{Store: db, Log: logger, Lease: time.Hour, Acknowledge: time.Hour, Files: contents}
	ac := Config{Version: "test", Log: logger}
	plain, far := false, false
	for _, o := range options {
		if o.store != nil {
			ec.Store = o.store(ec.Store)
		}
		if o.engine != nil {
			o.engine(&ec)
		}
		if o.api != nil {
			o.api(&ac)
		}
		plain, far = plain || o.plain, far || o.far
	}
	e, err := engine.New(t.Context(), ec)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("the engine ended with %v", err)
			}
		})
	}
	a, err := New(e, ac)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, engine: e, api: a, log: log, stop: stop, files: files}
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if far {
			r.RemoteAddr = "192.0.2.7:4711"
		}
		a.ServeHTTP(w, r)
	}))
	s.client = &http.Client{Transport: http.DefaultTransport}
	if !plain {
		s.client.Transport = newContractTransport(t)
	}
	t.Cleanup(func() {
		s.http.CloseClientConnections()
		s.http.Close()
		stop()
		contents.Close()
	})
	if s.root, err = e.Root(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	s.key = s.newKey(engine.KeySpec{Name: "all", Scopes: engine.ScopeAdmin})
	return s
}

// newKey makes a key.
func (s *server) newKey(k engine.KeySpec) string {
	s.t.Helper()
	_, text, err := s.engine.CreateKey(s.t.Context(), s.root, k)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// scoped makes a key with the scopes.
func (s *server) scoped(scopes engine.Scope) string {
	return s.newKey(engine.KeySpec{Name: "scoped", Scopes: scopes})
}

// answer is what came back.
type answer struct {
	t      testing.TB
	name   string
	status int
	header http.Header
	body   []byte
}

// request is one request; body is sent as it is when it is a string or bytes, and as JSON otherwise.
type request struct {
	key    string
	method string
	path   string
	body   any
	header map[string]string
}

func (s *server) send(q request) *answer {
	s.t.Helper()
	var body io.Reader
	switch b := q.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(b)
	case []byte:
		body = bytes.NewReader(b)
	case io.Reader:
		body = b
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			s.t.Fatal(err)
		}
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), q.method, s.http.URL+q.path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if q.key != "" {
		r.Header.Set("Authorization", "Bearer "+q.key)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json") // a page instead of a stream that does not end
	for k, v := range q.header {
		if v == "" {
			r.Header.Del(k)
		} else {
			r.Header.Set(k, v)
		}
	}
	res, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return &answer{t: s.t, name: q.method + " " + q.path, status: res.StatusCode, header: res.Header, body: raw}
}

func (s *server) get(path string) *answer {
	s.t.Helper()
	return s.send(request{key: s.key, method: "GET", path: path})
}

func (s *server) post(path string, body any) *answer {
	s.t.Helper()
	return s.send(request{key: s.key, method: "POST", path: path, body: body})
}

// is checks the status.
func (a *answer) is(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d: %s", a.name, a.status, status, a.body)
	}
	return a
}

// problem is an error as clients see it.
type problemBody struct {
	Type, Title, Detail, Code string
	Status                    int
	Errors                    []struct{ Field, Code, Message string }
	ExecutionStatus           string `json:"execution_status"`
	RequestID                 string `json:"request_id"`
}

// problem checks for an error with the status and code.
func (a *answer) problem(status int, code string) problemBody {
	a.t.Helper()
	a.is(status)
	var p problemBody
	a.into(&p)
	if p.Code != code || p.Status != status || p.RequestID != a.header.Get("X-Request-Id") || p.Detail == "" {
		a.t.Fatalf("%s: want code %s: %s", a.name, code, a.body)
	}
	return p
}

// field checks for an error in the named field.
func (a *answer) field(status int, code, field, item string) problemBody {
	a.t.Helper()
	p := a.problem(status, code)
	for _, e := range p.Errors {
		if e.Field == field && e.Code == item {
			return p
		}
	}
	a.t.Fatalf("%s: want %s in field %q: %s", a.name, item, field, a.body)
	return p
}

func (a *answer) into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		a.t.Fatalf("%s: %v: %.300s", a.name, err, a.body)
	}
}

func (a *answer) execution() executionBody {
	a.t.Helper()
	var x executionBody
	a.into(&x)
	return x
}

// executionBody is an execution as clients see it.
type executionBody struct {
	ID            string
	WorkflowID    string `json:"workflow_id"`
	Workflow      *struct{ ID, Name string }
	Version       int
	Status        string
	StatusReason  string `json:"status_reason"`
	StatusMessage string `json:"status_message"`
	Awaiting      []struct {
		Kind, Name, Step, Since string
		ExpiresAt               string `json:"expires_at"`
		Payload                 json.RawMessage
	}
	ResumesAt         string `json:"resumes_at"`
	Revision          int
	Attempt           int
	Input             json.RawMessage
	Output            json.RawMessage
	Error             string
	ErrorCode         string          `json:"error_code"`
	ErrorDetails      json.RawMessage `json:"error_details"`
	Progress          *float64
	Priority          int
	TriggerType       string `json:"trigger_type"`
	Metadata          map[string]string
	CreatedAt         time.Time `json:"created_at"`
	ScheduledAt       string    `json:"scheduled_at"`
	StartedAt         string    `json:"started_at"`
	CompletedAt       string    `json:"completed_at"`
	DeadlineAt        string    `json:"deadline_at"`
	CancelRequestedAt string    `json:"cancel_requested_at"`
	CancelReason      string    `json:"cancel_reason"`
	Redacted          bool
	Deleted           bool
	Steps             []stepBody
	Events            []eventBody
}

type eventBody struct {
	Revision int
	Type     string
	Actor    struct{ Type, ID string }
	Step     string
	Wait     string
	Name     string
	Payload  json.RawMessage
	Outcome  string
	Comment  string
	By       string
}

type stepBody struct {
	ID, Name, Kind, Status string
	Attempt                int
	Overridden             bool
	Until                  string
	NextAttemptAt          string `json:"next_attempt_at"`
	Input, Output          json.RawMessage
	Error                  string
	ErrorCode              string `json:"error_code"`
	Attempts               []struct {
		Attempt          int
		ExecutionAttempt int `json:"execution_attempt"`
		Error            string
	}
}

// workflow creates a workflow with the name.
func (s *server) workflow(name string) {
	s.t.Helper()
	s.post("/v1/workflows", map[string]any{"name": name}).is(201)
}

// start starts an execution of the workflow.
func (s *server) start(workflow string, input any) executionBody {
	s.t.Helper()
	return s.post("/v1/executions", map[string]any{"workflow_id": workflow, "input": input}).is(201).execution()
}

// worker is a session as a worker has it.
type worker struct {
	s        *server
	key      string
	session  string
	received int64
}

// assignment is an execution that a worker was given.
type assignment struct {
	ID, Workflow, Lease string
	Attempt             int
	Input               json.RawMessage
	Metadata            map[string]string
	TraceParent         string `json:"traceparent"`
	Recorded            []struct {
		Step, Kind  string
		Overridden  bool
		Output      json.RawMessage
		Until       string
		UntilInMS   *int64 `json:"until_in_ms"`
		Tries       int
		InputHash   string `json:"input_hash"`
		Error       string
		ErrorCode   string `json:"error_code"`
		NextInMS    *int64 `json:"next_attempt_in_ms"`
		Wait, Name  string
		Ended       *waitEnd
		ExpiresInMS *int64 `json:"expires_in_ms"`
		Unspecified any
	}
}

// opResult is the answer to one operation.
type opResult struct {
	OK, Duplicate, Suspended, Final bool
	WakeAt                          string `json:"wake_at"`
	RetryAt                         string `json:"retry_at"`
	DelayMS                         *int64 `json:"delay_ms"`
	Ended                           *waitEnd
	ExpiresInMS                     *int64 `json:"expires_in_ms"`
	Code, Message                   string
}

func (s *server) worker(capacity int, workflows ...string) *worker {
	s.t.Helper()
	list := []map[string]any{}
	for _, w := range workflows {
		list = append(list, map[string]any{"name": w})
	}
	var out struct {
		SessionID string `json:"session_id"`
	}
	s.post("/v1/worker/sessions", map[string]any{"protocol": 1, "name": "w", "capacity": capacity, "workflows": list}).is(201).into(&out)
	return &worker{s: s, key: s.key, session: out.SessionID}
}

// poll waits for executions and signals.
func (w *worker) poll(wait time.Duration) (executions []assignment, cancel, drop []string) {
	w.s.t.Helper()
	var out struct {
		Delivery     int64
		Executions   []assignment
		Cancel, Drop []string
	}
	w.s.post("/v1/worker/poll", map[string]any{"session_id": w.session, "received": w.received, "wait_ms": wait.Milliseconds()}).is(200).into(&out)
	if out.Delivery > 0 {
		w.received = out.Delivery
	}
	return out.Executions, out.Cancel, out.Drop
}

// one waits for one execution.
func (w *worker) one() assignment {
	w.s.t.Helper()
	for range 20 {
		if got, _, _ := w.poll(2 * time.Second); len(got) > 0 {
			return got[0]
		}
	}
	w.s.t.Fatal("no execution came")
	return assignment{}
}

// op is one operation on an assignment.
func (a *assignment) op(kind string, fields map[string]any) map[string]any {
	out := map[string]any{"id": a.ID, "lease": a.Lease, "op": kind}
	maps.Copy(out, fields)
	return out
}

func (w *worker) report(ops ...map[string]any) []opResult {
	w.s.t.Helper()
	if ops == nil {
		ops = []map[string]any{}
	}
	var out struct{ Results []opResult }
	w.s.post("/v1/worker/report", map[string]any{"session_id": w.session, "received": w.received, "operations": ops}).is(200).into(&out)
	if len(out.Results) != len(ops) {
		w.s.t.Fatalf("%d results for %d operations", len(out.Results), len(ops))
	}
	return out.Results
}

// done reports operations that must be accepted.
func (w *worker) done(ops ...map[string]any) []opResult {
	w.s.t.Helper()
	results := w.report(ops...)
	for i, r := range results {
		if !r.OK {
			w.s.t.Fatalf("%v: %s: %s", ops[i]["op"], r.Code, r.Message)
		}
	}
	return results
}

// eventually repeats the check until it holds.
func eventually(t testing.TB, what string, check func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !check() {
		if time.Now().After(deadline) {
			t.Fatalf("did not happen: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// state is everything that a refused request must leave as it was.
func (s *server) state() string {
	s.t.Helper()
	var b strings.Builder
	for _, path := range []string{"/v1/executions?limit=100", "/v1/executions/counts", "/v1/workflows?limit=100", "/v1/keys", "/v1/projects"} {
		var v map[string]any
		s.get(path).is(200).into(&v)
		drop(v)
		fmt.Fprintln(&b, v)
	}
	return b.String()
}

// drop removes what changes by reading or by time alone.
func drop(v any) {
	switch x := v.(type) {
	case map[string]any:
		delete(x, "last_used_at")
		delete(x, "status_message")
		for _, y := range x {
			drop(y)
		}
	case []any:
		for _, y := range x {
			drop(y)
		}
	}
}
