package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const adminKey = "an-admin-key-for-tests"

// running is a server that serves until its stop is called, at the latest at the end of the test.
type running struct {
	*server.Server
	cancel context.CancelFunc
	ended  chan error
}

// run opens and runs a server on a free port.
func run(t *testing.T, cfg server.Config) *running {
	t.Helper()
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	cfg.AdminKey = adminKey
	s, err := server.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{s, cancel, make(chan error, 1)}
	go func() { r.ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if r.ended == nil {
			return
		}
		if err := <-r.ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	select {
	case <-s.Ready():
	case err := <-r.ended:
		r.ended = nil
		t.Fatal(err)
	}
	return r
}

// stop ends the server and returns what Run returned.
func (r *running) stop(t *testing.T) error {
	t.Helper()
	r.cancel()
	select {
	case err := <-r.ended:
		r.ended = nil
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("the server did not stop")
		return nil
	}
}

// reply is what a server answered.
type reply struct {
	status int
	close  bool // the connection ends with it
	text   string
	err    error // there was no answer
}

// call sends a request with the admin key.
func (r *running) call(ctx context.Context, method, path, body string) reply {
	req, err := http.NewRequestWithContext(ctx, method, r.URL()+path, strings.NewReader(body))
	if err != nil {
		return reply{err: err}
	}
	req.Header.Set("Authorization", "Bearer "+adminKey)
	transport := &http.Transport{} // of this call alone, so that it leaves no connection
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return reply{answer.StatusCode, answer.Close, string(text), err}
}

func (r *running) must(t *testing.T, method, path, body string, want int) string {
	t.Helper()
	a := r.call(t.Context(), method, path, body)
	if a.err != nil || a.status != want {
		t.Fatalf("%s %s: %+v, want %d", method, path, a, want)
	}
	return a.text
}

func member(t *testing.T, text, name string) string {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return fmt.Sprint(all[name])
}

func TestDrainEndsHeldRequestsAndLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := run(t, server.Config{Data: dir})
	session := member(t, r.must(t, "POST", "/v1/worker/sessions",
		`{"protocol":1,"capacity":4,"workflows":[{"name":"busy"}]}`, 201), "session_id")
	other := member(t, r.must(t, "POST", "/v1/worker/sessions",
		`{"protocol":1,"capacity":4,"workflows":[{"name":"idle"}]}`, 201), "session_id")
	id := member(t, r.must(t, "POST", "/v1/executions", `{"workflow_id":"busy","input":{}}`, 201), "id")
	taken := r.must(t, "POST", "/v1/worker/poll", `{"session_id":"`+session+`"}`, 200)
	if !strings.Contains(taken, id) {
		t.Fatalf("the worker was not given %s: %s", id, taken)
	}

	held := func(method, path, body string) <-chan reply {
		out := make(chan reply, 1)
		go func() { out <- r.call(context.Background(), method, path, body) }()
		return out
	}
	poll := held("POST", "/v1/worker/poll", `{"session_id":"`+other+`"}`)
	wait := held("GET", "/v1/executions/"+id+"?wait=60", "")
	start := held("POST", "/v1/executions?wait=60", `{"workflow_id":"busy","input":{}}`)
	inFlight(t, r, 3)

	began := time.Now()
	if err := r.stop(t); err != nil {
		t.Fatalf("Run: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the drain took %s although nothing was busy", took)
	}
	if o := <-poll; o.err != nil || o.status != 204 || !o.close {
		t.Errorf("the held poll ended with %+v, want 204 and Connection: close", o)
	}
	if o := <-wait; o.err != nil || o.status != 200 || member(t, o.text, "status") != "running" {
		t.Errorf("the held read ended with %+v, want the running execution", o)
	}
	var second string
	if o := <-start; o.err != nil || o.status != 201 {
		t.Errorf("the held start ended with %+v, want 201", o)
	} else {
		second = member(t, o.text, "id")
	}
	if _, err := os.Stat(filepath.Join(dir, "admin.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("admin.json is still there: %v", err)
	}

	// What was acknowledged is there after the restart, and the attempt of the claim was not used up.
	again := run(t, server.Config{Data: dir})
	for _, id := range []string{id, second} {
		again.must(t, "GET", "/v1/executions/"+id, "", 200)
	}
	if a := member(t, again.must(t, "GET", "/v1/executions/"+id, "", 200), "attempt"); a != "1" {
		t.Errorf("attempt %s after the restart, want 1", a)
	}
}

// inFlight waits until the server is answering n requests besides this one.
func inFlight(t *testing.T, r *running, n int) {
	t.Helper()
	want := fmt.Sprintf("sojourn_http_requests_in_flight %d\n", n+1)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if text := r.must(t, "GET", "/metrics", "", 200); strings.Contains(text, want) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("never %d requests in flight", n)
		}
	}
}

func TestOneServerAtATimeHasTheData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := run(t, server.Config{Data: dir})
	_, err := server.Open(t.Context(), server.Config{Data: dir, Listen: "127.0.0.1:0"})
	if !errors.Is(err, server.ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("a second server got %v, want ErrInUse with the directory", err)
	}
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}
	run(t, server.Config{Data: dir})
}

func TestRunServesOnce(t *testing.T) {
	t.Parallel()
	s, err := server.Open(t.Context(), server.Config{Memory: true, NoListener: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); !errors.Is(err, server.ErrClosed) {
		t.Errorf("the second Run: %v, want ErrClosed", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close after Run: %v", err)
	}
}

func TestAddressInUseReleasesTheData(t *testing.T) {
	t.Parallel()
	r := run(t, server.Config{Memory: true})
	dir := t.TempDir()
	if _, err := server.Open(t.Context(), server.Config{Data: dir, Listen: r.Addr().String()}); err == nil {
		t.Fatal("two servers have one address")
	}
	run(t, server.Config{Data: dir})
}

func TestAdminFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := run(t, server.Config{Data: dir})
	info, err := os.Stat(filepath.Join(dir, "admin.json"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("admin.json has mode %o, want 600", info.Mode().Perm())
	}
	admin, err := server.ReadAdmin(dir)
	if err != nil {
		t.Fatal(err)
	}
	if admin.URL != r.URL() || admin.PID != os.Getpid() {
		t.Errorf("admin.json says %s and %d, want %s and %d", admin.URL, admin.PID, r.URL(), os.Getpid())
	}
	use := func(url string) error {
		c, err := sojourn.NewClient(sojourn.Config{BaseURL: url, APIKey: admin.Key, MaxRetries: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseIdleConnections()
		_, err = c.Projects.List(t.Context())
		return err
	}
	if err := use(admin.URL); err != nil {
		t.Fatalf("the key of admin.json: %v", err)
	}
	if err := r.stop(t); err != nil {
		t.Fatal(err)
	}
	again := run(t, server.Config{Data: dir})
	if err := use(again.URL()); !errors.Is(err, sojourn.ErrUnauthenticated) {
		t.Errorf("the key of the last run: %v, want ErrUnauthenticated", err)
	}
	quiet := t.TempDir()
	run(t, server.Config{Data: quiet, NoAdminFile: true})
	if _, err := server.ReadAdmin(quiet); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("admin.json is there although it was not wanted: %v", err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg  server.Config
		want string
	}{
		"memory and data":    {server.Config{Memory: true, Data: "x"}, "Memory goes without Data"},
		"certificate alone":  {server.Config{Memory: true, TLSCert: "x"}, "go together"},
		"no certificate":     {server.Config{Memory: true, TLSCert: "x", TLSKey: "y"}, "TLS certificate"},
		"negative lease":     {server.Config{Memory: true, Lease: -1}, "Lease must not be negative"},
		"short lease":        {server.Config{Memory: true, Lease: time.Millisecond}, "at least 1s"},
		"negative drain":     {server.Config{Memory: true, Drain: -1}, "Drain"},
		"negative backlog":   {server.Config{Memory: true, MaxBacklog: -1}, "MaxBacklog"},
		"short key":          {server.Config{Memory: true, NoListener: true, AdminKey: "short"}, "16"},
		"everybody":          {server.Config{Memory: true, Listen: "0.0.0.0:0"}, "clear text"},
		"every address":      {server.Config{Memory: true, Listen: ":0"}, "clear text"},
		"every v6 address":   {server.Config{Memory: true, Listen: "[::]:0"}, "clear text"},
		"an address abroad":  {server.Config{Memory: true, Listen: "192.0.2.1:0"}, "clear text"},
		"no port":            {server.Config{Memory: true, Listen: "localhost"}, "host:port"},
		"a wrong collector":  {server.Config{Memory: true, NoListener: true, TraceEndpoint: "collector"}, "trace endpoint"},
		"data that is taken": {server.Config{Data: "server_test.go", NoListener: true}, "server_test.go"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := server.Open(t.Context(), c.cfg)
			if err == nil {
				t.Fatal(errors.Join(errors.New("accepted"), s.Close()))
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want one with %q", err, c.want)
			}
		})
	}
}

func TestCreateKey(t *testing.T) {
	t.Parallel()
	r := run(t, server.Config{Memory: true})
	if _, err := r.CreateKey(t.Context(), server.KeySpec{Scopes: []string{"everything"}}); err == nil || !strings.Contains(err.Error(), "everything") {
		t.Errorf("an unknown scope: %v", err)
	}
	key, err := r.CreateKey(t.Context(), server.KeySpec{Name: "starter", Scopes: []string{"executions:start"}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := sojourn.NewClient(sojourn.Config{BaseURL: r.URL(), APIKey: key, MaxRetries: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	if info, err := c.Info(t.Context()); err != nil || info.Key.Name != "starter" || info.Project.Name != server.DefaultProject {
		t.Errorf("info: %+v, %v", info, err)
	}
	if _, err := c.Executions.List(t.Context(), sojourn.ListParams{}); !errors.Is(err, sojourn.ErrForbidden) {
		t.Errorf("list with executions:start alone: %v, want ErrForbidden", err)
	}
}

func TestInProcessClient(t *testing.T) {
	t.Parallel()
	s, err := server.Open(t.Context(), server.Config{Memory: true, NoListener: true})
	if err != nil {
		t.Fatal(err)
	}
	if s.Addr() != nil || s.URL() != "" {
		t.Errorf("without a listener the address is %v and the URL %q", s.Addr(), s.URL())
	}
	c, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Workflows.Create(t.Context(), sojourn.WorkflowParams{Name: "slow"}); err != nil {
		t.Fatal(err)
	}
	x, err := c.Executions.Start(t.Context(), sojourn.StartParams{Workflow: "slow", Input: map[string]string{"text": "é <&>"}})
	if err != nil {
		t.Fatal(err)
	}
	// The end of the caller's context ends a held request.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Executions.Get(ctx, x.ID, sojourn.Hold(time.Minute)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a held read: %v, want the end of its context", err)
	}
	got, err := c.Executions.Get(t.Context(), x.ID)
	if err != nil || !bytes.Contains(got.Input, []byte("é <&>")) {
		t.Errorf("read back %s, %v", got.Input, err)
	}
	if _, err := c.Executions.Get(t.Context(), "exec_00000000000000000000000001"); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("an absent execution: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
