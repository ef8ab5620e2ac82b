package scenarios

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/pgtest"
)

// mostUnserved is how long an execution may take from its start to its end while servers are replaced. Its worker does
// what it has to do in milliseconds, so that what takes longer is a time in which no poll of the worker was served. Less
// than the lease, so that no recovery of a lost worker can hide in it.
const mostUnserved = 2500 * time.Millisecond

// TestRollingRestart replaces the servers of a cluster one by one under load, with a worker in each language that comes
// to them through a load balancer.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	if !wide() {
		t.Skip("set SOJOURN_TEST_WIDE=1")
	}
	database := pgtest.Database(t)
	var servers []*server
	var addresses []string
	for range 3 {
		s, err := newServer(binaries.sojourn, t.TempDir(), database)
		if err == nil {
			err = s.boot()
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.stop(); err != nil {
				t.Error(err)
			}
			if t.Failed() {
				t.Logf("a server said: %s", s.said)
			}
		})
		servers, addresses = append(servers, s), append(addresses, strings.TrimPrefix(s.url, "http://"))
	}
	var crews []*crew
	for _, l := range languages {
		d, err := l.driver(t.TempDir())
		if errors.Is(err, errNotInstalled) && os.Getenv("CI") != "true" {
			t.Logf("%s is left out, which CI=true makes an error: %v", l.name, err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		c := &crew{name: l.name, way: newBalancer(t, addresses)}
		if err := c.enlist(t, servers[0].url, d); err != nil {
			t.Fatal(err)
		}
		crews = append(crews, c)
	}

	// Each crew is given something to do all the time, through a balancer too.
	way := newBalancer(t, addresses)
	over := make(chan struct{})
	var load sync.WaitGroup
	for _, c := range crews {
		load.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				case <-tick.C:
				}
				// A server that goes answers nothing any more: the same start comes to another one.
				err := eventually("a start", func() error {
					_, status, err := ask(http.MethodPost, way.url+"/v1/executions", c.key,
						map[string]any{"workflow_id": "steps", "input": map[string]int{"number": n}}, "Idempotency-Key", fmt.Sprint("rolling-", n))
					if err == nil && status != http.StatusCreated && status != http.StatusOK {
						err = fmt.Errorf("status %d", status)
					}
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				c.started++
			}
		})
	}
	pass := func() {
		// Executions that come and go between two restarts.
		timer := time.NewTimer(2 * time.Second)
		defer timer.Stop()
		<-timer.C
	}
	for _, s := range servers {
		pass()
		err := s.stop()
		for line := range strings.Lines(s.said.String()) {
			if strings.Contains(line, " ERROR ") {
				t.Errorf("a server that was replaced said: %s", line)
			}
		}
		if err = errors.Join(err, s.boot()); err != nil {
			t.Error(err)
			break
		}
	}
	pass()
	close(over)
	load.Wait()
	for _, c := range crews {
		if err := c.judge(t, servers[0].url); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, c := range crews {
		if err := c.worker.stop(); err != nil {
			t.Error(err)
		}
	}
	if text, err := exec.CommandContext(t.Context(), binaries.sojourn, append([]string{"audit"}, servers[0].place...)...).CombinedOutput(); err != nil {
		t.Errorf("audit: %v: %s", err, text)
	}
}

// crew is a worker in a project of its own, behind a balancer of its own.
type crew struct {
	name    string
	key     string
	way     *balancer
	worker  process
	started int
}

func (c *crew) enlist(t *testing.T, url string, d driver) error {
	t.Helper()
	if _, status, err := ask(http.MethodPost, url+"/v1/projects", key, map[string]string{"name": c.name}); err != nil || status != http.StatusCreated {
		return fmt.Errorf("a project: status %d, %w", status, err)
	}
	made, status, err := ask(http.MethodPost, url+"/v1/keys", key, map[string]any{
		"name": c.name, "project": c.name, "scopes": []string{"executions:read", "executions:start", "workflows:read", "workflows:manage", "workers:run"},
	})
	if err != nil || status != http.StatusCreated {
		return fmt.Errorf("a key: status %d, %v, %w", status, made, err)
	}
	c.key, _ = made.(map[string]any)["key"].(string)
	c.worker = process{
		name: "the worker in " + c.name, args: append(slices.Clone(d.args), "worker"),
		env: append(slices.Clone(d.env), "SOJOURN_BASE_URL="+c.way.url, "SOJOURN_API_KEY="+c.key, "SCENARIO_DIR="+t.TempDir()),
	}
	if err := c.worker.start(false); err != nil {
		return err
	}
	t.Cleanup(func() {
		if err := c.worker.kill(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the worker in %s said: %s", c.name, c.worker.said)
		}
	})
	return eventually("the worker has a session", func() error {
		sessions, _, err := ask(http.MethodGet, url+"/v1/workers", c.key, nil)
		if err != nil {
			return err
		}
		if list, _ := sessions.(map[string]any)["data"].([]any); len(list) != 1 {
			return fmt.Errorf("%v: %s", sessions, c.worker.said)
		}
		return nil
	})
}

// judge looks at every execution once all have ended, and at the connections of the worker.
func (c *crew) judge(t *testing.T, url string) error {
	t.Helper()
	var worst time.Duration
	seen := 0
	for cursor := ""; ; {
		var page map[string]any
		err := eventually("all have ended", func() error {
			open, status, err := ask(http.MethodGet, url+"/v1/executions?limit=1&status=created,pending,running,waiting", c.key, nil)
			if err != nil || status != http.StatusOK {
				return fmt.Errorf("status %d, %v, %w", status, open, err)
			}
			if list, _ := open.(map[string]any)["data"].([]any); len(list) > 0 {
				return fmt.Errorf("%v", list[0])
			}
			got, status, err := ask(http.MethodGet, url+"/v1/executions?limit=100&cursor="+cursor, c.key, nil)
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("status %d: %v", status, got)
			}
			page, _ = got.(map[string]any)
			return err
		})
		if err != nil {
			return err
		}
		list, _ := page["data"].([]any)
		for _, item := range list {
			x := item.(map[string]any)
			created, err1 := time.Parse(time.RFC3339, fmt.Sprint(x["created_at"]))
			ended, err2 := time.Parse(time.RFC3339, fmt.Sprint(x["completed_at"]))
			if err := errors.Join(err1, err2); err != nil || x["status"] != "completed" || x["attempt"] != 1.0 {
				t.Errorf("%s: %v: %v", c.name, x, err)
				continue
			}
			worst = max(worst, ended.Sub(created))
			seen++
		}
		if cursor, _ = page["next_cursor"].(string); cursor == "" {
			break
		}
	}
	if seen != c.started || seen < 50 {
		t.Errorf("%s: %d executions, %d were started", c.name, seen, c.started)
	}
	if worst > mostUnserved {
		t.Errorf("%s: an execution took %s", c.name, worst)
	}
	polls, mixed := c.way.polls()
	t.Logf("%s: %d executions, the slowest took %s; polls came over %d connections", c.name, seen, worst, polls)
	// One at a time: the first, and another one for each server that went, or two when the next one was about to go.
	if polls > 8 || polls < 2 {
		t.Errorf("%s: polls came over %d connections", c.name, polls)
	}
	if mixed > 0 {
		t.Errorf("%s: %d connections of polls had other requests too", c.name, mixed)
	}
	return nil
}

// balancer spreads connections over servers in turn and passes over one that refuses.
type balancer struct {
	url string

	mu   sync.Mutex
	next int
	seen map[int]map[string]bool // what was asked for over each connection
}

func newBalancer(t *testing.T, targets []string) *balancer {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{url: "http://" + l.Addr().String(), seen: map[int]map[string]bool{}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var conns sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		conns.Wait()
	})
	conns.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return // closed
			}
			conns.Go(func() { b.serve(ctx, nc, targets) })
		}
	})
	return b
}

func (b *balancer) serve(ctx context.Context, client net.Conn, targets []string) {
	defer func() { _ = client.Close() }()
	b.mu.Lock()
	number := b.next
	b.next++
	b.mu.Unlock()
	for i := range targets {
		server, err := (&net.Dialer{}).DialContext(ctx, "tcp", targets[(number+i)%len(targets)])
		if err != nil {
			continue
		}
		stop := context.AfterFunc(ctx, func() { _ = server.Close() })
		defer stop()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(server, io.TeeReader(client, &listener{b: b, number: number})) // either end ends both
			_ = server.Close()
		}()
		_, _ = io.Copy(client, server)
		_ = client.Close()
		<-done
		return
	}
}

// listener notes which requests of the worker protocol come over a connection.
type listener struct {
	b      *balancer
	number int
}

func (l *listener) Write(p []byte) (int, error) {
	for rest := p; ; {
		_, after, ok := bytes.Cut(rest, []byte(" /v1/worker/"))
		if !ok {
			return len(p), nil
		}
		name, _, _ := bytes.Cut(after, []byte(" "))
		l.b.mu.Lock()
		if l.b.seen[l.number] == nil {
			l.b.seen[l.number] = map[string]bool{}
		}
		l.b.seen[l.number][string(name)] = true
		l.b.mu.Unlock()
		rest = after
	}
}

// polls counts the connections over which polls came, and those of them that had other requests than to open a session.
func (b *balancer) polls() (all, mixed int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, names := range b.seen {
		if !names["poll"] {
			continue
		}
		all++
		others := maps.Clone(names)
		delete(others, "poll")
		delete(others, "sessions")
		if len(others) > 0 {
			mixed++
		}
	}
	return all, mixed
}
