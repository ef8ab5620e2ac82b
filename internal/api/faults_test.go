package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// brokenStore fails where it is told to.
type brokenStore struct {
	store.Store
	reads atomic.Bool
}

var errBroken = errors.New("disk on fire: secret-path")

func (b *brokenStore) Get(ctx context.Context, project int64, id execution.ID) (*store.Row, error) {
	if b.reads.Load() {
		return nil, errBroken
	}
	return b.Store.Get(ctx, project, id)
}

func (b *brokenStore) List(ctx context.Context, q store.ListQuery) (*store.ListPage, error) {
	if b.reads.Load() {
		return nil, errBroken
	}
	return b.Store.List(ctx, q)
}

// What breaks inside is told to the log, not to the client.
func TestInternalErrors(t *testing.T) {
	t.Parallel()
	var broken *brokenStore
	s := newServer(t, setup{store: func(inner store.Store) store.Store {
		broken = &brokenStore{Store: inner}
		return broken
	}})
	s.workflow("echo")
	x := s.start("echo", map[string]any{})
	broken.reads.Store(true)
	for _, path := range []string{"/v1/executions/" + x.ID, "/v1/executions"} {
		a := s.get(path)
		p := a.problem(500, "internal")
		if strings.Contains(string(a.body), "fire") || !strings.Contains(s.log.String(), p.RequestID) || !strings.Contains(s.log.String(), "disk on fire") {
			t.Errorf("%s\n%s", a.body, s.log)
		}
	}
	// The log says whose client it was, by what EigenPal's clients tell of themselves.
	s.send(request{key: s.key, method: "GET", path: "/api/v1/workflows/executions/" + x.ID, header: map[string]string{
		"X-Eigenpal-Sdk": "python", "X-Eigenpal-Sdk-Version": "0.6.9", "X-Eigenpal-Sdk-Runtime": "python-3.11.2", "X-Eigenpal-Sdk-Os": "linux-x86_64",
	}}).issues(500, "<root>", "internal_error")
	if want := `client="eigenpal python 0.6.9 python-3.11.2 linux-x86_64`; !strings.Contains(s.log.String(), want) {
		t.Errorf("%s is not in the log:\n%s", want, s.log)
	}
	broken.reads.Store(false)
	s.get("/v1/executions/" + x.ID).is(200)
}

func TestUnavailable(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	x := s.start("echo", map[string]any{})
	s.stop()
	for _, a := range []*answer{
		s.post("/v1/executions", `{"workflow_id":"echo","input":{}}`),
		s.post("/v1/executions/"+x.ID+"/cancel", nil),
		s.post("/v1/executions/"+x.ID+"/terminate", nil),
		s.post("/v1/workflows", `{"name":"new"}`),
		s.send(request{key: s.key, method: "PATCH", path: "/v1/workflows/echo", body: `{}`}),
		s.post("/v1/keys", `{"scopes":["admin"]}`),
		s.post("/v1/projects", `{"name":"new"}`),
	} {
		p := a.problem(503, "unavailable")
		if a.header.Get("Retry-After") == "" || !strings.Contains(p.Detail, "Idempotency-Key") {
			t.Errorf("%v %+v", a.header, p)
		}
	}
	s.get("/v1/executions/" + x.ID).is(200)
	var out struct {
		Results []struct {
			Status int
			Error  problemBody
		}
	}
	s.post("/v1/executions/batch", `{"executions":[{"workflow_id":"echo","input":{}}]}`).is(200).into(&out)
	if out.Results[0].Status != 503 {
		t.Errorf("%+v", out)
	}
}

func TestNearlyFullDisk(t *testing.T) {
	t.Parallel()
	var free atomic.Int64
	free.Store(1 << 40)
	s := newServer(t, setup{engine: func(c *engine.Config) {
		c.DiskFree = func() (int64, error) { return free.Load(), nil }
	}})
	w := s.worker(1, "echo")
	s.start("echo", map[string]any{})
	a := w.one()
	if s.engine.LowDisk() {
		t.Fatal("low from the start")
	}
	free.Store(1)
	eventually(t, "the engine sees the disk full", s.engine.LowDisk)
	s.post("/v1/executions", `{"workflow_id":"echo","input":{}}`).problem(507, "insufficient_storage")
	w.done(a.op("complete", nil)) // what runs still finishes
	free.Store(1 << 40)
	eventually(t, "the engine sees room again", func() bool { return !s.engine.LowDisk() })
	s.start("echo", map[string]any{})
}

// A client that sends its body too slowly is cut off; one that waits for a held answer is not.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{plain: true, api: func(c *Config) { c.BodyTimeout = 300 * time.Millisecond }})
	s.workflow("echo")
	res := s.raw("POST /v1/executions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.key + "\r\nContent-Length: 100\r\n\r\n{\"workflow_id\":")
	res.Body.Close()
	if res.StatusCode != 400 {
		t.Errorf("a slow body: %d", res.StatusCode)
	}
	x := s.start("echo", map[string]any{})
	begin := time.Now()
	s.get("/v1/executions/" + x.ID + "?wait=1").is(200)
	s.post("/v1/executions?wait=1", `{"workflow_id":"echo","input":{}}`).is(201)
	if took := time.Since(begin); took < 1900*time.Millisecond {
		t.Errorf("the holds took %s", took)
	}
}

func TestBacklog(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{engine: func(c *engine.Config) { c.MaxBacklog = 2 }})
	s.workflow("echo")
	x := s.start("echo", map[string]any{})
	s.start("echo", map[string]any{})
	a := s.post("/v1/executions", `{"workflow_id":"echo","input":{}}`)
	a.problem(429, "backlog_full")
	if n, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || n < 1 {
		t.Error(a.header)
	}
	s.post("/v1/executions/"+x.ID+"/cancel", nil).is(200)
	s.start("echo", map[string]any{})
}

// Retry-After is true: before it the key is refused, at it the key is let through.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64
	clock.Store(time.Now().UnixNano())
	now := func() time.Time { return time.Unix(0, clock.Load()) }
	s := newServer(t, setup{api: func(c *Config) { c.Now = now }})
	for _, perSecond := range []float64{0.1, 1, 2.5, 10} {
		key := s.newKey(engine.KeySpec{Name: fmt.Sprint(perSecond), Scopes: engine.ScopeRead, RateLimit: perSecond})
		ask := func() *answer { return s.send(request{key: key, method: "GET", path: "/v1/info"}) }
		burst := int(math.Max(1, math.Ceil(perSecond)))
		for range burst {
			ask().is(200)
		}
		a := ask()
		p := a.problem(429, "rate_limited")
		wait, err := strconv.Atoi(a.header.Get("Retry-After"))
		if err != nil || wait < 1 || !strings.Contains(p.Detail, fmt.Sprint(perSecond)) {
			t.Fatalf("%v %+v", a.header, p)
		}
		// Refused requests cost nothing.
		for range 5 {
			ask().is(429)
		}
		if perSecond < 1 {
			clock.Add(int64(time.Duration(wait-1) * time.Second))
			ask().is(429)
			clock.Add(int64(time.Second))
		} else {
			clock.Add(int64(time.Duration(wait) * time.Second))
		}
		ask().is(200)
	}
	// A key without a limit has none.
	for range 50 {
		s.get("/v1/info").is(200)
	}
}

// Bad keys from one address are slowed down; good ones from the same address are not.
func TestFailedAuthentication(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64
	clock.Store(time.Now().UnixNano())
	s := newServer(t, setup{plain: true, api: func(c *Config) {
		c.Now = func() time.Time { return time.Unix(0, clock.Load()) }
		c.FailedAuth = Rate{PerSecond: 0.5, Burst: 3}
	}})
	from := func(address, key string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/v1/info", nil)
		r.RemoteAddr = address
		r.Header.Set("Authorization", "Bearer "+key)
		w := httptest.NewRecorder()
		s.api.ServeHTTP(w, r)
		return w
	}
	for range 3 {
		if w := from("192.0.2.1:1000", "wrong"); w.Code != 401 {
			t.Fatal(w.Code)
		}
	}
	w := from("192.0.2.1:2000", "wrong")
	if w.Code != 429 || w.Header().Get("Retry-After") != "2" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := from("192.0.2.1:1000", s.key); w.Code != 200 {
		t.Errorf("a good key: %d", w.Code)
	}
	if w := from("192.0.2.2:1000", "wrong"); w.Code != 401 {
		t.Errorf("another address: %d", w.Code)
	}
	clock.Add(int64(2 * time.Second))
	if w := from("192.0.2.1:1000", "wrong"); w.Code != 401 {
		t.Errorf("after the time: %d", w.Code)
	}
	// One IPv6 network counts as one address.
	for i := range 3 {
		from(fmt.Sprintf("[2001:db8:1:2::%d]:1", i+1), "wrong")
	}
	if w := from("[2001:db8:1:2:ffff::9]:1", "wrong"); w.Code != 429 {
		t.Errorf("the same network: %d", w.Code)
	}
	if w := from("[2001:db8:1:3::1]:1", "wrong"); w.Code != 401 {
		t.Errorf("another network: %d", w.Code)
	}
}

func TestLimitersForget(t *testing.T) {
	l := newLimiters(hashInt)
	now := time.Now()
	for i := range int64(limiterShards * limitersPerShard * 2) {
		l.take(i, 1, 1, now)
	}
	for i := range l.shards {
		if n := len(l.shards[i].byName); n > limitersPerShard || n != l.shards[i].recent.Len() {
			t.Fatalf("a shard of %d", n)
		}
	}
	// A key whose limit changes is held to the new one.
	if l.take(-1, 1, 1, now) != 0 || l.take(-1, 1, 1, now) == 0 || l.take(-1, 100, 100, now.Add(time.Second)) != 0 {
		t.Error("the limit did not change")
	}
}

func TestProblems(t *testing.T) {
	for code, s := range statuses {
		p := problemOf(&engine.Error{Code: code, Message: "m"})
		if p.status != s.status || p.detail != "m" && code != codeInternal {
			t.Errorf("%s: %+v", code, p)
		}
		if (s.status == http.StatusTooManyRequests || s.status == http.StatusServiceUnavailable) && p.retryAfter <= 0 {
			t.Errorf("%s: no Retry-After", code)
		}
	}
	for _, err := range []error{errors.New("secret"), &engine.Error{Code: "made_up", Message: "secret"}, fmt.Errorf("secret: %w", errBroken)} {
		if p := problemOf(err); p.code != codeInternal || p.status != 500 || strings.Contains(p.detail, "secret") {
			t.Errorf("%v: %+v", err, p)
		}
	}
	wrapped := fmt.Errorf("while: %w", &execution.Error{Code: execution.CodeAlreadyTerminal, Status: execution.Failed, Message: "m"})
	if p := problemOf(wrapped); p.status != 409 || p.execution != "failed" {
		t.Errorf("%+v", p)
	}
	for _, err := range []error{context.DeadlineExceeded, fmt.Errorf("secret: %w", engine.ErrUnavailable)} {
		if p := problemOf(err); p.status != 503 || p.retryAfter <= 0 || strings.Contains(p.detail, "secret") {
			t.Errorf("%v: %+v", err, p)
		}
	}
}
