package sojourn

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// script is an http.RoundTripper that gives the next answer of a list to each request, the last one for ever.
type script struct {
	mu       sync.Mutex
	answers  []func(*http.Request) (*canned, error)
	requests []*http.Request
	bodies   []string
	at       []time.Time
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	s.mu.Lock()
	s.requests, s.bodies, s.at = append(s.requests, r), append(s.bodies, string(body)), append(s.at, time.Now())
	answer := s.answers[min(len(s.requests), len(s.answers))-1]
	s.mu.Unlock()
	a, err := answer(r)
	return a.response(), err
}

func status(code int, header http.Header, body string) func(*http.Request) (*canned, error) {
	return func(*http.Request) (*canned, error) { return answerWith(code, header.Clone(), body), nil }
}

func cut(*http.Request) (*canned, error) { return nil, errCut }

// held answers only when the request's context ends, or after d.
func held(d time.Duration, then func(*http.Request) (*canned, error)) func(*http.Request) (*canned, error) {
	return func(r *http.Request) (*canned, error) {
		if err := pause(r.Context(), d); err != nil {
			return nil, r.Context().Err()
		}
		return then(r)
	}
}

func scripted(t *testing.T, config Config, answers ...func(*http.Request) (*canned, error)) (*Client, *script) {
	t.Helper()
	s := &script{answers: answers}
	config.HTTPClient = &http.Client{Transport: s}
	config.APIKey, config.BaseURL = "sjn_key", firstOf(config.BaseURL, "http://server/")
	c, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

const pending = `{"id":"exec_1","workflow_id":"wf_1","workflow":{"id":"wf_1","name":"echo"},"status":"pending","revision":1,"attempt":0,"input":{"a":1},"priority":0,"created_at":"2026-11-21T23:59:30.123Z"}`

func TestNewClient(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		env    map[string]string
		base   string
		err    string
	}{
		"from the environment":  {env: map[string]string{"SOJOURN_API_KEY": "k", "SOJOURN_BASE_URL": "https://x.example/"}, base: "https://x.example"},
		"arguments win":         {config: Config{APIKey: "a", BaseURL: "http://y/sub/"}, env: map[string]string{"SOJOURN_BASE_URL": "https://x.example"}, base: "http://y/sub"},
		"default address":       {config: Config{APIKey: "a"}, base: DefaultBaseURL},
		"no key":                {err: "no API key"},
		"key with a line break": {config: Config{APIKey: "a\nb"}, err: "cannot be in a key"},
		"no scheme":             {config: Config{APIKey: "a", BaseURL: "localhost:7373"}, err: "not an http:// or https:// address"},
		"query":                 {config: Config{APIKey: "a", BaseURL: "http://x?y"}, err: "must not have a query"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SOJOURN_API_KEY", c.env["SOJOURN_API_KEY"])
			t.Setenv("SOJOURN_BASE_URL", c.env["SOJOURN_BASE_URL"])
			client, err := NewClient(c.config)
			switch {
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("error %v, want one with %q", err, c.err)
			case c.err == "" && err != nil:
				t.Error(err)
			case c.err == "" && client.BaseURL() != c.base:
				t.Errorf("base %q, want %q", client.BaseURL(), c.base)
			}
		})
	}
}

func TestStart_SendsWhatItIsGiven(t *testing.T) {
	c, s := scripted(t, Config{UserAgent: "tool/1"}, status(201, http.Header{"Idempotency-Key-Expires": {"2026-12-21T00:00:00Z"}}, pending))
	x, err := c.Executions.Start(t.Context(), StartParams{
		Workflow: "echo", Input: map[string]string{"html": "<b>&"}, Timeout: time.Minute, Delay: 1, QueueTTL: 1500 * time.Millisecond,
		StartAt: time.Date(2027, 1, 2, 3, 4, 5, 6e6, time.FixedZone("", 3600)), Metadata: map[string]string{"k": "v"}, Priority: -3,
		Version: "v2", IdempotencyKey: "mine", Trigger: "cli", TraceParent: "00-a", Wait: 2500 * time.Millisecond, IncludeSteps: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := s.requests[0]
	if got, want := r.URL.String(), "http://server/v1/executions?include=steps&wait=3"; got != want || r.Method != "POST" {
		t.Errorf("%s %s, want %s", r.Method, got, want)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer sjn_key", "Idempotency-Key": "mine", "Traceparent": "00-a", "Content-Type": "application/json",
		"User-Agent": "tool/1 sojourn-go/" + sdkVersion,
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	want := `{"workflow_id":"echo","input":{"html":"<b>&"},"timeout_ms":60000,"start_at":"2027-01-02T02:04:05.006Z","delay_ms":1,"queue_ttl_ms":1500,"metadata":{"k":"v"},"priority":-3,"version":"v2","trigger":"cli"}`
	if s.bodies[0] != want {
		t.Errorf("body %s\nwant %s", s.bodies[0], want)
	}
	if x.ID != "exec_1" || x.Workflow.Name != "echo" || x.Status != StatusPending || x.Replayed || x.KeyExpires.IsZero() || string(x.RawJSON()) != pending {
		t.Errorf("execution %+v", x)
	}
	c, s = scripted(t, Config{}, status(200, http.Header{"Idempotent-Replay": {"true"}}, `{"id":"exec_1","deleted":true}`))
	if x, err = c.Executions.Start(t.Context(), StartParams{Workflow: "echo"}); err != nil || !x.Replayed || !x.Deleted {
		t.Errorf("replay of a deleted one: %+v, %v", x, err)
	}
	if s.bodies[0] != `{"workflow_id":"echo","input":{}}` {
		t.Errorf("the least start is %s", s.bodies[0])
	}
	if _, err := c.Executions.Start(t.Context(), StartParams{Workflow: "echo", Input: func() {}}); err == nil || !strings.Contains(err.Error(), "encoding the input") {
		t.Errorf("an input that is no JSON: %v", err)
	}
	if _, err := c.Executions.Start(t.Context(), StartParams{Workflow: "echo", Input: json.RawMessage(`{"a":`)}); err == nil || !strings.Contains(err.Error(), "not valid JSON") {
		t.Errorf("a raw input that is no JSON: %v", err)
	}
}

func TestClient_Retries(t *testing.T) {
	for name, c := range map[string]struct {
		answers []func(*http.Request) (*canned, error)
		config  Config
		tries   int
		is      error
		atLeast time.Duration
		atMost  time.Duration
	}{
		"connection errors":     {answers: list(cut, cut, status(201, nil, pending)), tries: 3, atMost: 1500 * time.Millisecond},
		"unavailable":           {answers: list(status(503, nil, ""), status(502, nil, "<html>"), status(201, nil, pending)), tries: 3, atMost: 1500 * time.Millisecond},
		"request timeout":       {answers: list(status(408, nil, ""), status(201, nil, pending)), tries: 2, atMost: 500 * time.Millisecond},
		"rate limit":            {answers: list(status(429, http.Header{"Retry-After": {"7"}}, ""), status(201, nil, pending)), tries: 2, atLeast: 7 * time.Second, atMost: 7 * time.Second},
		"too long a rate limit": {answers: list(status(429, http.Header{"Retry-After": {"3600"}}, "")), tries: 1, is: ErrRateLimited},
		"no answer in time":     {answers: list(held(time.Hour, cut), status(201, nil, pending)), tries: 2, atLeast: 30 * time.Second, atMost: 31 * time.Second},
		"at most twice":         {answers: list(status(500, nil, "")), tries: 3, is: ErrUnavailable, atMost: 1500 * time.Millisecond},
		"as often as told":      {answers: list(cut), config: Config{MaxRetries: 5}, tries: 6, is: errCut, atMost: 20 * time.Second},
		"never":                 {answers: list(cut), config: Config{MaxRetries: -1}, tries: 1, is: errCut},
		"not what is wrong":     {answers: list(status(400, nil, "")), tries: 1, is: ErrInvalid},
		"not a full disk":       {answers: list(status(507, nil, "")), tries: 1, is: ErrUnavailable},
		"not a redirect":        {answers: list(status(302, http.Header{"Location": {"/elsewhere"}}, "")), tries: 1},
	} {
		bubble(t, name, func(t *testing.T) {
			client, s := scripted(t, c.config, c.answers...)
			if name == "not a redirect" {
				client.http.CheckRedirect = newHTTPClient().CheckRedirect
			}
			begin := time.Now()
			_, err := client.Executions.Start(t.Context(), StartParams{Workflow: "echo"})
			took := time.Since(begin)
			if len(s.requests) != c.tries {
				t.Errorf("%d tries, want %d", len(s.requests), c.tries)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %v, want %v", err, c.is)
			}
			if failed := c.is != nil || name == "not a redirect"; failed != (err != nil) {
				t.Errorf("error %v", err)
			}
			if took < c.atLeast || c.atMost > 0 && took > c.atMost {
				t.Errorf("took %s, want %s to %s", took, c.atLeast, c.atMost)
			}
			key := s.requests[0].Header.Get("Idempotency-Key")
			for i, r := range s.requests {
				if got := r.Header.Get("Idempotency-Key"); got != key || len(key) != 36 || s.bodies[i] != s.bodies[0] {
					t.Errorf("try %d has key %q and body %s", i, got, s.bodies[i])
				}
			}
		})
	}
	bubble(t, "not what nobody would know of", func(t *testing.T) {
		client, s := scripted(t, Config{}, cut)
		if _, err := client.Keys.Create(t.Context(), KeyParams{Scopes: []string{ScopeStart}}); err == nil || len(s.requests) != 1 {
			t.Errorf("%d tries to make a key, error %v", len(s.requests), err)
		}
	})
	bubble(t, "not past the caller's deadline", func(t *testing.T) {
		client, s := scripted(t, Config{}, status(429, http.Header{"Retry-After": {"10"}}, ""))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begin := time.Now()
		if _, err := client.Executions.Get(ctx, "exec_1"); !errors.Is(err, ErrRateLimited) || time.Since(begin) > 0 || len(s.requests) != 1 {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
	})
}

func list[T any](items ...T) []T { return items }

func TestIdempotencyKeys(t *testing.T) {
	var keys []string
	for range 10_000 {
		keys = append(keys, NewIdempotencyKey())
	}
	if !slices.IsSorted(keys) || len(slices.Compact(slices.Clone(keys))) != len(keys) {
		t.Error("keys are not in the order of their making")
	}
	if k := keys[0]; len(k) != 36 || k[14] != '7' || !strings.ContainsRune("89ab", rune(k[19])) {
		t.Errorf("%s is no UUIDv7", k)
	}
}

func TestErrors(t *testing.T) {
	const problem = `{"type":"x","title":"Bad Request","status":400,"detail":"the body has 2 problems","code":"invalid_request","request_id":"req_1",
		"errors":[{"field":"input.lines[2].qty","code":"out_of_range","message":"must be at least 1, is 0"},{"field":"timeout_ms","code":"invalid_type","message":"must be a number"}]}`
	c, _ := scripted(t, Config{}, status(400, http.Header{"X-Request-Id": {"req_2"}}, problem))
	_, err := c.Executions.Start(t.Context(), StartParams{Workflow: "x"})
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	if e.Status != 400 || e.Code != "invalid_request" || e.RequestID != "req_2" || len(e.Fields) != 2 || e.Fields[0].Field != "input.lines[2].qty" || string(e.Body) != problem {
		t.Errorf("%+v", e)
	}
	if want := "sojourn: 400 invalid_request: the body has 2 problems; input.lines[2].qty: must be at least 1, is 0; timeout_ms: must be a number (request req_2)"; e.Error() != want {
		t.Errorf("says %q", e.Error())
	}
	all := []error{ErrInvalid, ErrUnauthenticated, ErrForbidden, ErrNotFound, ErrDeleted, ErrConflict, ErrAlreadyTerminal, ErrNotFinished, ErrIdempotencyMismatch, ErrRateLimited, ErrUnavailable}
	for _, c := range []struct {
		status int
		code   string
		is     []error
	}{
		{400, "invalid_json", list(ErrInvalid)},
		{401, "unauthenticated", list(ErrUnauthenticated)},
		{403, "forbidden", list(ErrForbidden)},
		{404, "not_found", list(ErrNotFound)},
		{409, "already_terminal", list(ErrConflict, ErrAlreadyTerminal)},
		{409, "not_finished", list(ErrConflict, ErrNotFinished)},
		{410, "deleted", list(ErrDeleted)},
		{413, "payload_too_large", list(ErrInvalid)},
		{415, "unsupported_media_type", list(ErrInvalid)},
		{422, "idempotency_mismatch", list(ErrIdempotencyMismatch)},
		{429, "backlog_full", list(ErrRateLimited)},
		{500, "internal", list(ErrUnavailable)},
		{507, "insufficient_storage", list(ErrUnavailable)},
	} {
		err := error(&Error{Status: c.status, Code: c.code})
		for _, target := range all {
			if errors.Is(err, target) != slices.Contains(c.is, target) {
				t.Errorf("%d %s is %v: %t", c.status, c.code, target, errors.Is(err, target))
			}
		}
	}
	c, _ = scripted(t, Config{}, status(409, nil, `{"code":"already_terminal","title":"Conflict","execution_status":"failed"}`))
	_, err = c.Executions.Cancel(t.Context(), "exec_1", CancelParams{})
	if e, ok := errors.AsType[*Error](err); !ok || e.ExecutionStatus != StatusFailed || !errors.Is(err, ErrAlreadyTerminal) {
		t.Errorf("cancel of a failed one: %#v", err)
	}
	c, _ = scripted(t, Config{MaxRetries: -1}, status(502, http.Header{"Retry-After": {"Fri, 31 Dec 1999 23:59:59 GMT"}}, "<html>Bad gateway\x00</html>"))
	_, err = c.Info(t.Context())
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != "" || !strings.Contains(e.Message, "Bad gateway") || e.RetryAfter != 0 {
		t.Errorf("an answer that is not the server's: %#v", err)
	}
	c, _ = scripted(t, Config{MaxRetries: -1}, cut)
	_, err = c.Info(t.Context())
	if e, ok := errors.AsType[*ConnectionError](err); !ok || e.Method != "GET" || e.URL != "http://server/v1/info" || !errors.Is(err, errCut) || e.Timeout() {
		t.Errorf("no answer: %#v", err)
	}
	c, _ = scripted(t, Config{}, status(200, nil, `{"version":5}`))
	if _, err = c.Info(t.Context()); err == nil || !strings.Contains(err.Error(), "not what the API promises") {
		t.Errorf("an answer of another shape: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the caller went home"))
	c, s := scripted(t, Config{}, held(time.Hour, cut))
	if _, err = c.Info(ctx); err == nil || !strings.Contains(err.Error(), "the caller went home") || len(s.requests) > 1 {
		t.Errorf("after the caller's cancel: %v", err)
	}
}

func TestParsing_KeepsWhatItDoesNotKnow(t *testing.T) {
	const future = `{"id":"exec_1","workflow_id":"wf_1","workflow":null,"status":"hibernating","a_new_member":{"x":[1]},"revision":7,"progress":0.5,
		"trigger_type":"moon","steps":[{"id":"step_1","name":"a","kind":"dance","status":"dancing","attempt":1,"attempts":[{"attempt":1,"execution_attempt":2,"mood":"good"}]}],
		"events":[{"revision":1,"type":"sung","at":"2026-11-21T23:59:30.123Z","actor":{"type":"muse","id":"m"}}]}`
	c, s := scripted(t, Config{}, status(200, nil, future))
	x, err := c.Executions.Get(t.Context(), "exec_1/../x", IncludeSteps(), IncludeEvents(), Hold(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.requests[0].URL.RequestURI(), "/v1/executions/exec_1%2F..%2Fx?include=steps%2Cevents&wait=60"; got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
	if x.Status != "hibernating" || x.Status.Terminal() || x.Workflow != nil || *x.Progress != 0.5 || x.Steps[0].Status != "dancing" || x.Steps[0].Attempts[0].ExecutionAttempt != 2 || x.Events[0].Actor.Type != "muse" {
		t.Errorf("%+v", x)
	}
	if !strings.Contains(string(x.RawJSON()), "a_new_member") {
		t.Error("RawJSON has lost a member")
	}
}

func TestPaging(t *testing.T) {
	page := func(next string, ids ...string) func(*http.Request) (*canned, error) {
		type item struct {
			ID string `json:"id"`
		}
		var items []item
		for _, id := range ids {
			items = append(items, item{id})
		}
		var cursor *string
		if next != "" {
			cursor = &next
		}
		b, _ := json.Marshal(map[string]any{"data": items, "has_more": next != "", "next_cursor": cursor, "counts": map[string]int{"created": 0, "failed": 3}, "searched_until": "2026-11-21T23:59:30.123Z"})
		return status(200, nil, string(b))
	}
	params := ListParams{
		Status: []Status{StatusFailed, StatusCancelled}, Workflow: "echo", CreatedFrom: "now()-7d", CreatedTo: "2026-11-21",
		Metadata: map[string]string{"customer": "7 & 8"}, Trigger: []string{"api", "cli"}, Text: "größe", Limit: 2, Counts: true,
	}
	c, s := scripted(t, Config{}, page("c1", "a", "b"), page("c2", "c"), page("", "d"))
	var got []string
	for x, err := range c.Executions.All(t.Context(), params) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, x.ID)
	}
	if !slices.Equal(got, list("a", "b", "c", "d")) || len(s.requests) != 3 {
		t.Errorf("read %v in %d requests", got, len(s.requests))
	}
	want := url.Values{
		"status": {"failed,cancelled"}, "workflow_id": {"echo"}, "created_from": {"now()-7d"}, "created_to": {"2026-11-21"},
		"metadata[customer]": {"7 & 8"}, "trigger": {"api,cli"}, "text": {"größe"}, "limit": {"2"}, "include": {"counts"},
	}
	if q := s.requests[0].URL.Query(); !reflect.DeepEqual(q, want) {
		t.Errorf("first query %v\nwant %v", q, want)
	}
	if q := s.requests[2].URL.Query(); q.Get("cursor") != "c2" || q.Get("status") != "failed,cancelled" {
		t.Errorf("last query %v", q)
	}
	c, _ = scripted(t, Config{MaxRetries: -1}, page("c1", "a", "b"), cut)
	got = nil
	for x, err := range c.Executions.All(t.Context(), ListParams{}) {
		if err != nil {
			got = append(got, "error")
			continue
		}
		got = append(got, x.ID)
	}
	if !slices.Equal(got, list("a", "b", "error")) {
		t.Errorf("with an error on the way: %v", got)
	}
	c, s = scripted(t, Config{}, page("c1", "a", "b"))
	for _, err := range c.Executions.All(t.Context(), ListParams{}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if len(s.requests) != 1 {
		t.Errorf("%d requests for one item", len(s.requests))
	}
	p, err := c.Executions.List(t.Context(), ListParams{})
	if err != nil || p.Counts.Counts[StatusFailed] != 3 || p.Counts.Total != 3 || p.SearchedUntil.IsZero() || !p.HasMore || p.NextCursor != "c1" {
		t.Errorf("page %+v, %v", p, err)
	}
	c, _ = scripted(t, Config{}, status(200, nil, `{"counts":{"failed":4,"pending":1},"total":5,"exact":false}`))
	if n, err := c.Executions.Counts(t.Context(), CountParams{Workflow: "x"}); err != nil || n.Counts[StatusFailed] != 4 || n.Total != 5 || n.Exact {
		t.Errorf("counts %+v, %v", n, err)
	}
}

func TestWait(t *testing.T) {
	running := status(200, http.Header{"Etag": {`W/"3"`}}, strings.Replace(pending, "pending", "running", 1))
	ended := func(state, rest string) func(*http.Request) (*canned, error) {
		return status(200, http.Header{"Etag": {`W/"9"`}}, strings.Replace(pending, `"pending"`, `"`+state+`"`+rest, 1))
	}
	bubble(t, "asks again until the end", func(t *testing.T) {
		c, s := scripted(t, Config{}, held(58*time.Second, running), held(58*time.Second, running), held(10*time.Second, ended("completed", `,"output":{"n":1}`)))
		begin := time.Now()
		x, err := c.Executions.Wait(t.Context(), "exec_1", IncludeSteps())
		if err != nil || x.Status != StatusCompleted || time.Since(begin) != 126*time.Second || len(s.requests) != 3 {
			t.Errorf("%+v after %s and %d requests: %v", x, time.Since(begin), len(s.requests), err)
		}
		if q := s.requests[2].URL.RawQuery; q != "include=steps&wait=60" {
			t.Errorf("asked %s", q)
		}
	})
	bubble(t, "does not hurry a server that does not hold", func(t *testing.T) {
		c, s := scripted(t, Config{}, running)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := c.Executions.Wait(ctx, "exec_1")
		if !errors.Is(err, context.DeadlineExceeded) || len(s.requests) > 11 {
			t.Errorf("%d requests in 10 s, %v", len(s.requests), err)
		}
	})
	bubble(t, "outlives a restart of the server", func(t *testing.T) {
		c, s := scripted(t, Config{}, running, cut, cut, cut, cut, status(503, http.Header{"Retry-After": {"2"}}, ""), ended("completed", ""))
		if _, err := c.Executions.Wait(t.Context(), "exec_1"); err != nil || len(s.requests) != 7 {
			t.Errorf("%d requests, %v", len(s.requests), err)
		}
		c, _ = scripted(t, Config{}, cut)
		if _, err := c.Executions.Wait(t.Context(), "exec_1"); !errors.Is(err, errCut) {
			t.Errorf("a server that stays away: %v", err)
		}
		c, s = scripted(t, Config{}, status(404, nil, ""))
		if _, err := c.Executions.Wait(t.Context(), "exec_1"); !errors.Is(err, ErrNotFound) || len(s.requests) != 1 {
			t.Errorf("an execution that is not there: %v", err)
		}
	})
	bubble(t, "gives typed outcomes", func(t *testing.T) {
		type out struct{ N int }
		run := func(end func(*http.Request) (*canned, error)) (out, error) {
			c, _ := scripted(t, Config{}, status(201, nil, pending), end)
			return Run[out](t.Context(), c, StartParams{Workflow: "echo"})
		}
		if v, err := run(ended("completed", `,"output":{"n":7}`)); v.N != 7 || err != nil {
			t.Errorf("%v, %v", v, err)
		}
		_, err := run(ended("failed", `,"error":"no ink","error_code":"ink"`))
		if e, ok := errors.AsType[*ExecutionFailedError](err); !ok || e.Code != "ink" || e.Message != "no ink" || e.Execution.ID != "exec_1" {
			t.Errorf("failed: %#v", err)
		}
		_, err = run(ended("cancelled", `,"error_code":"timeout"`))
		if e, ok := errors.AsType[*ExecutionCancelledError](err); !ok || e.Code != "timeout" || e.Error() != "sojourn: execution exec_1 was cancelled (timeout)" {
			t.Errorf("cancelled: %#v", err)
		}
		_, err = run(ended("rejected", `,"error":"too old","error_code":"age"`))
		if e, ok := errors.AsType[*ExecutionRejectedError](err); !ok || e.Code != "age" {
			t.Errorf("rejected: %#v", err)
		}
		if _, err = run(ended("completed", `,"output":"text"`)); err == nil || !strings.Contains(err.Error(), "decoding the output of exec_1") {
			t.Errorf("an output of another type: %v", err)
		}
		c, _ := scripted(t, Config{}, ended("completed", `,"output":{"n":8}`))
		if v, err := Result[out](t.Context(), c, "exec_1"); v.N != 8 || err != nil {
			t.Errorf("%v, %v", v, err)
		}
		if err := (&Execution{ID: "exec_1", Status: StatusRunning}).DecodeOutput(new(out)); !errors.Is(err, ErrNotFinished) {
			t.Errorf("output of a running one: %v", err)
		}
	})
	bubble(t, "watches changes", func(t *testing.T) {
		same := func(r *http.Request) (*canned, error) {
			if r.Header.Get("If-None-Match") != `W/"3"` {
				t.Errorf("If-None-Match: %q", r.Header.Get("If-None-Match"))
			}
			return answerWith(304, nil, ""), nil
		}
		c, s := scripted(t, Config{}, running, same, same, same, same, cut, cut, cut, same, ended("failed", ""))
		streamless(c)
		var seen []Status
		for x, err := range c.Executions.Watch(t.Context(), "exec_1") {
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, x.Status)
		}
		if !slices.Equal(seen, list(StatusRunning, StatusFailed)) || len(s.requests) != 10 {
			t.Errorf("saw %v in %d requests", seen, len(s.requests))
		}
		ctx, cancel := context.WithCancel(t.Context())
		c, _ = scripted(t, Config{}, running, same)
		streamless(c)
		for x, err := range c.Executions.Watch(ctx, "exec_1") {
			if x != nil {
				cancel()
			} else if !errors.Is(err, context.Canceled) {
				t.Errorf("after the end of the context: %v", err)
			}
		}
		cancel()
	})
}

func TestBatch(t *testing.T) {
	c, s := scripted(t, Config{}, status(200, nil, `{"results":[{"status":201,"execution":`+pending+`},{"status":404,"error":{"code":"not_found","title":"Not Found","detail":"no workflow nope"}}]}`))
	results, err := c.Executions.StartBatch(t.Context(), []StartParams{{Workflow: "echo", Input: json.RawMessage(`{"a":1}`)}, {Workflow: "nope", IdempotencyKey: "k"}})
	if err != nil {
		t.Fatal(err)
	}
	if results[0].Execution.ID != "exec_1" || results[0].Error != nil || results[1].Execution != nil || !errors.Is(results[1].Error, ErrNotFound) || results[1].Error.Message != "no workflow nope" {
		t.Errorf("%+v", results)
	}
	var body struct {
		Executions []startBody `json:"executions"`
	}
	if err := json.Unmarshal([]byte(s.bodies[0]), &body); err != nil || len(body.Executions[0].IdempotencyKey) != 36 || body.Executions[1].IdempotencyKey != "k" {
		t.Errorf("body %s", s.bodies[0])
	}
	if _, err := c.Executions.StartBatch(t.Context(), make([]StartParams, 3)); err == nil || !strings.Contains(err.Error(), "2 of 3") {
		t.Errorf("an answer of the wrong length: %v", err)
	}
}

func TestRequests(t *testing.T) {
	zero := time.Duration(0)
	ctx := t.Context()
	for want, call := range map[string]func(c *Client) error{
		`POST /v1/executions/e/cancel {"reason":"no","grace_ms":0}`: func(c *Client) error { _, err := c.Executions.Cancel(ctx, "e", CancelParams{"no", &zero}); return err },
		`POST /v1/executions/e/terminate {}`:                        func(c *Client) error { _, err := c.Executions.Terminate(ctx, "e", ""); return err },
		`DELETE /v1/executions/e `:                                  func(c *Client) error { return c.Executions.Delete(ctx, "e") },
		`DELETE /v1/executions/e?mode=redact `:                      func(c *Client) error { return c.Executions.Redact(ctx, "e") },
		`GET /v1/executions/e/logs?attempt=2&cursor=c&limit=5&step=parse%5B1%5D `: func(c *Client) error {
			_, err := c.Executions.Logs(ctx, "e", LogParams{"parse[1]", 2, 5, "c"})
			return err
		},
		`POST /v1/executions/cancel {"filter":{},"limit":5}`: func(c *Client) error { _, err := c.Executions.CancelAll(ctx, CancelAllParams{Limit: 5}); return err },
		`POST /v1/executions/cancel {"filter":{"status":["pending"],"workflow_id":"w"}}`: func(c *Client) error {
			_, err := c.Executions.CancelAll(ctx, CancelAllParams{Filter: CancelFilter{Status: list(StatusPending), Workflow: "w"}})
			return err
		},
		`GET /v1/executions/counts?created_from=now%28%29-1d `: func(c *Client) error {
			_, err := c.Executions.Counts(ctx, CountParams{CreatedFrom: "now()-1d"})
			return err
		},
		`GET /v1/workflows?limit=3&search=inv `: func(c *Client) error {
			_, err := c.Workflows.List(ctx, WorkflowListParams{Search: "inv", Limit: 3})
			return err
		},
		`GET /v1/workflows/echo `: func(c *Client) error { _, err := c.Workflows.Get(ctx, "echo"); return err },
		`POST /v1/workflows {"name":"echo","version":"v1","timeout_ms":1000}`: func(c *Client) error {
			_, err := c.Workflows.Create(ctx, WorkflowParams{Name: "echo", Version: "v1", Timeout: time.Second})
			return err
		},
		`PATCH /v1/workflows/echo {"retention_ms":0}`: func(c *Client) error {
			_, err := c.Workflows.Update(ctx, "echo", WorkflowUpdate{Retention: &zero})
			return err
		},
		`DELETE /v1/workflows/echo `: func(c *Client) error { return c.Workflows.Delete(ctx, "echo") },
		`GET /v1/workflows/echo/versions?cursor=c `: func(c *Client) error {
			_, err := c.Workflows.Versions(ctx, "echo", WorkflowListParams{Cursor: "c"})
			return err
		},
		`POST /v1/workflows/echo/versions {"input_schema":{"type":"object"},"version":"v2","current":false}`: func(c *Client) error {
			_, err := c.Workflows.AddVersion(ctx, "echo", VersionParams{Label: "v2", InputSchema: json.RawMessage(`{"type":"object"}`), NotCurrent: true})
			return err
		},
		`PUT /v1/workflows/echo/versions/current {"version":"v2"}`: func(c *Client) error { _, err := c.Workflows.SetCurrentVersion(ctx, "echo", "v2"); return err },
		`POST /v1/keys {"name":"n","scopes":["workers:run"],"rate_limit":"10/s"}`: func(c *Client) error {
			_, err := c.Keys.Create(ctx, KeyParams{Name: "n", Scopes: list(ScopeWorkers), RateLimit: "10/s"})
			return err
		},
		`GET /v1/keys `:                        func(c *Client) error { _, err := c.Keys.List(ctx); return err },
		`DELETE /v1/keys/key_1 `:               func(c *Client) error { return c.Keys.Revoke(ctx, "key_1") },
		`GET /v1/workers `:                     func(c *Client) error { _, err := c.Workers.List(ctx); return err },
		`GET /v1/projects `:                    func(c *Client) error { _, err := c.Projects.List(ctx); return err },
		`POST /v1/projects {"name":"billing"}`: func(c *Client) error { _, err := c.Projects.Create(ctx, "billing"); return err },
		`GET /v1/info `:                        func(c *Client) error { _, err := c.Info(ctx); return err },
	} {
		c, s := scripted(t, Config{BaseURL: "http://server"}, status(200, nil, `{}`))
		if err := call(c); err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if got := s.requests[0].Method + " " + s.requests[0].URL.RequestURI() + " " + s.bodies[0]; got != want {
			t.Errorf("sent %s\nwant %s", got, want)
		}
	}
	c, _ := scripted(t, Config{}, status(200, nil, `{"data":[{"id":"a"},{"id":"b"}],"has_more":false,"next_cursor":null}`))
	n := 0
	for _, err := range c.Workflows.All(ctx, WorkflowListParams{}) {
		n, _ = n+1, err
	}
	for _, err := range c.Workflows.AllVersions(ctx, "x") {
		n, _ = n+1, err
	}
	for _, err := range c.Keys.All(ctx) {
		n, _ = n+1, err
	}
	for _, err := range c.Executions.AllLogs(ctx, "x", LogParams{}) {
		n, _ = n+1, err
	}
	if n != 8 {
		t.Errorf("walked over %d items, want 8", n)
	}
}

func TestClient_OverRealConnections(t *testing.T) {
	c, err := NewClient(Config{APIKey: "k", BaseURL: "http://127.0.0.1:1", MaxRetries: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	_, err = c.Info(t.Context())
	if _, ok := errors.AsType[*ConnectionError](err); !ok {
		t.Errorf("a port nobody listens on: %v", err)
	}
}

// streamless makes the client's server one that knows no streams.
func streamless(c *Client) {
	next := c.http.Transport
	c.http.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			return &http.Response{StatusCode: http.StatusNotFound, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		}
		return next.RoundTrip(r)
	})
}
