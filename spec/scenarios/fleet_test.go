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
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// mostUnserved is how long an execution may take from its start to its end while servers are replaced. Its worker does
// what it has to do in milliseconds, so that what takes longer is a time in which no poll of the worker was served. Less
// than the lease, so that no recovery of a lost worker can hide in it.
const mostUnserved = 2500 * time.Millisecond

// fleet are servers on one database, or on several that are used as one, with workers that come to them through load
// balancers.
type fleet struct {
	servers   []*server
	addresses []string
	crews     []*crew
	over      chan struct{}
	load      sync.WaitGroup
	stop      func() // ends the load
}

// newFleet starts a server of each of the programs, and a worker in each of the languages that are wanted.
func newFleet(t *testing.T, database string, programs []string, wanted ...string) *fleet {
	t.Helper()
	f := &fleet{over: make(chan struct{})}
	f.stop = sync.OnceFunc(func() {
		close(f.over)
		f.load.Wait()
	})
	for _, program := range programs {
		s, err := newServer(program, t.TempDir(), database)
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
		f.servers, f.addresses = append(f.servers, s), append(f.addresses, strings.TrimPrefix(s.url, "http://"))
	}
	for _, l := range languages {
		if len(wanted) > 0 && !slices.Contains(wanted, l.name) {
			continue
		}
		d, err := l.driver(t.TempDir())
		if errors.Is(err, errNotInstalled) && os.Getenv("CI") != "true" {
			t.Logf("%s is left out, which CI=true makes an error: %v", l.name, err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		c := &crew{name: l.name, way: newBalancer(t, f.addresses), dir: t.TempDir()}
		if err := c.enlist(t, f.servers[0].url, d); err != nil {
			t.Fatal(err)
		}
		f.crews = append(f.crews, c)
	}
	return f
}

// work gives each crew something to do all the time, through a balancer too, until rest.
func (f *fleet) work(t *testing.T) {
	t.Helper()
	way := newBalancer(t, f.addresses)
	t.Cleanup(f.stop)
	for _, c := range f.crews {
		f.load.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-f.over:
					return
				case <-tick.C:
				}
				// A server that goes answers nothing any more: the same start comes to another one.
				err := eventually("a start", func() error {
					_, status, err := ask(http.MethodPost, way.url+"/v1/executions", c.key,
						map[string]any{"workflow_id": "steps", "input": map[string]int{"number": n}}, "Idempotency-Key", fmt.Sprint("fleet-", n))
					if err == nil && status != http.StatusCreated && status != http.StatusOK {
						err = fmt.Errorf("status %d", status)
					}
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				c.started.Add(1)
			}
		})
	}
}

// pass returns when every crew was given as much again to do.
func (f *fleet) pass(t *testing.T, n int64) {
	t.Helper()
	for _, c := range f.crews {
		from := c.started.Load()
		if err := eventually("more is started", func() error {
			if got := c.started.Load() - from; got < n {
				return fmt.Errorf("%d of %d", got, n)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// rest ends the work and looks at all that was done: each execution once, no step of it twice, none longer than that.
func (f *fleet) rest(t *testing.T, most time.Duration) {
	t.Helper()
	f.stop()
	for _, c := range f.crews {
		if err := c.judge(t, f.servers[0].url, most); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := c.worker.stop(); err != nil {
			t.Error(err)
		}
	}
	if text, err := exec.CommandContext(t.Context(), binaries.sojourn, append([]string{"audit"}, f.servers[0].place...)...).CombinedOutput(); err != nil {
		t.Errorf("audit: %v: %s", err, text)
	}
}

// crew is a worker in a project of its own, behind a balancer of its own.
type crew struct {
	name    string
	key     string
	way     *balancer
	worker  process
	dir     string
	started atomic.Int64
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
		env: append(slices.Clone(d.env), "SOJOURN_BASE_URL="+c.way.url, "SOJOURN_API_KEY="+c.key, "SCENARIO_DIR="+c.dir),
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
func (c *crew) judge(t *testing.T, url string, most time.Duration) error {
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
	if started := c.started.Load(); seen != int(started) || seen < 50 {
		t.Errorf("%s: %d executions, %d were started", c.name, seen, started)
	}
	text, err := os.ReadFile(filepath.Join(c.dir, "notes"))
	if err != nil {
		return err
	}
	noted := map[string]int{}
	for line := range strings.Lines(string(text)) {
		noted[strings.TrimSpace(line)]++
	}
	again := 0
	for line, n := range noted {
		if n == 1 {
			continue
		}
		// A step of which no report was acknowledged runs again when its execution was taken back from the worker, because
		// its delivery did not seem to have arrived.
		again++
		id, _, _ := strings.Cut(line, " ")
		x, _, err := ask(http.MethodGet, url+"/v1/executions/"+id+"?include=events", c.key, nil)
		if err != nil {
			return err
		}
		returned := 0
		events, _ := x.(map[string]any)["events"].([]any)
		for _, e := range events {
			if e.(map[string]any)["type"] == "returned" {
				returned++
			}
		}
		if n > 1+returned {
			t.Errorf("%s: step %s ran %d times, and was taken back %d times", c.name, line, n, returned)
		}
	}
	if len(noted) != 2*seen {
		t.Errorf("%s: %d steps ran, want 2 in each of %d", c.name, len(noted), seen)
	}
	if worst > most {
		t.Errorf("%s: an execution took %s", c.name, worst)
	}
	t.Logf("%s: %d executions, the slowest took %s; %d steps ran again", c.name, seen, worst, again)
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
