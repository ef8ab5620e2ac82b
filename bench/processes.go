package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sojournhq/sojourn/bench/rawhttp"
	"github.com/sojournhq/sojourn/internal/pgtest"
)

// apiKey is the key of the servers that the bench starts.
const apiKey = "bench-key-0123456789abcdef"

// bench is one run with its programs, and the figures so far.
type bench struct {
	options
	dir      string // of the run, removed at the end
	programs map[string]string
	headers  rawhttp.Headers
	progress io.Writer
	figures  map[string]any
	running  []*process

	postgres  *pgtest.Server // nil until it is needed
	databases map[string]string
}

func newBench(ctx context.Context, o options, progress io.Writer) (*bench, error) {
	dir, err := os.MkdirTemp("", "sojourn-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, dir: dir, programs: map[string]string{}, progress: progress, figures: map[string]any{}, databases: map[string]string{}}
	for name, pkg := range map[string]string{"sojourn": "cmd/sojourn", "worker": "bench/worker", "limit": "bench/limit"} {
		path := filepath.Join(dir, name)
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "grpcnotrace", "-ldflags", "-s -w", "-o", path, "github.com/sojournhq/sojourn/"+pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as make build does
		if out, err := cmd.CombinedOutput(); err != nil {
			b.close()
			return nil, fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
		b.programs[name] = path
	}
	b.headers, err = rawhttp.NewHeaders("Content-Type", "application/json", "Authorization", "Bearer "+apiKey)
	if err != nil {
		return nil, err
	}
	b.figures["date"] = time.Now().UTC().Format(time.RFC3339)
	b.figures["machine"] = machine()
	b.figures["commit"] = commit(ctx)
	b.figures["command"] = "go run ./bench " + strings.Join(os.Args[1:], " ")
	b.figures["clients"] = o.clients
	b.figures["store"], b.figures["nodes"] = o.store, o.nodes
	return b, nil
}

func (b *bench) close() {
	for _, p := range b.running {
		p.kill()
	}
	if b.postgres != nil {
		_ = b.postgres.Close()
	}
	_ = os.RemoveAll(b.dir)
}

// machine describes the processor.
func machine() string {
	raw, _ := os.ReadFile("/proc/cpuinfo")
	model, n := "unknown", 0
	for line := range strings.Lines(string(raw)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model, n = strings.TrimSpace(value), n+1
		}
	}
	return fmt.Sprintf("%d × %s", n, model)
}

func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// process is a program that the bench started.
type process struct {
	cmd  *exec.Cmd
	log  *bytes.Buffer
	addr string // host:port of a server
	boot time.Duration
	done chan struct{}

	peers    []*process // further servers on the same data, or workers beside this one
	database string     // address of PostgreSQL: of several databases that are used as one with spaces between
	usage    *usage     // of PostgreSQL, by the last load
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// pids are the processes of p and its peers.
func (p *process) pids() []int {
	list := []int{p.pid()}
	for _, peer := range p.peers {
		list = append(list, peer.pid())
	}
	return list
}

// addrs are the addresses of p and its peers.
func (p *process) addrs() []string {
	list := []string{p.addr}
	for _, peer := range p.peers {
		list = append(list, peer.addr)
	}
	return list
}

// kill ends the process and its peers at once.
func (p *process) kill() {
	for _, peer := range p.peers {
		peer.kill()
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop ends the process and its peers as an operator would.
func (p *process) stop() error {
	for _, peer := range p.peers {
		if err := peer.stop(); err != nil {
			return err
		}
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil
	case <-time.After(40 * time.Second):
		p.kill()
		return errors.New("the process did not stop on SIGTERM")
	}
}

func (b *bench) spawn(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, log: &bytes.Buffer{}, done: make(chan struct{})}
	cmd.Stderr = p.log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = cmd.Wait()
		close(p.done)
	}()
	b.running = append(b.running, p)
	return p, nil
}

// server starts a server on the data directory and waits until it is ready. On PostgreSQL it is all servers, on a
// database of that name.
func (b *bench) server(ctx context.Context, data string, extra ...string) (*process, error) {
	if b.store == "postgres" {
		return b.cluster(ctx, filepath.Base(data), b.nodes, extra...)
	}
	return b.serve(ctx, append([]string{"--data", data}, extra...)...)
}

// serve starts a server and waits until it is ready.
func (b *bench) serve(ctx context.Context, where ...string) (*process, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	args := append([]string{"serve", "--listen", addr, "--api-key", apiKey}, where...)
	began := time.Now()
	p, err := b.spawn(exec.Command(b.programs["sojourn"], args...)) //nolint:noctx // it outlives the call
	if err != nil {
		return nil, err
	}
	p.addr = addr
	for {
		resp, err := http.Get("http://" + addr + "/readyz") //nolint:noctx // bounded by the loop
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				p.boot = time.Since(began)
				return p, nil
			}
		}
		select {
		case <-p.done:
			return nil, fmt.Errorf("the server ended: %s", p.log)
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
		if time.Since(began) > time.Minute {
			return nil, fmt.Errorf("the server is not ready after a minute: %s", p.log)
		}
	}
}

// worker starts a worker process for each server and waits until their sessions are open.
func (b *bench) worker(s *process) (*process, error) {
	w, err := b.workerOf(s, b.programs["worker"])
	for _, peer := range s.peers {
		if err != nil {
			return nil, err
		}
		var beside *process
		if beside, err = b.workerOf(peer, b.programs["worker"]); err == nil {
			w.peers = append(w.peers, beside)
		}
	}
	return w, err
}

// workerOf is worker for another program, for example of another SDK.
func (b *bench) workerOf(s *process, program string, args ...string) (*process, error) {
	cmd := exec.Command(program, args...) //nolint:noctx // it outlives the call
	cmd.Env = append(os.Environ(), "SOJOURN_BASE_URL=http://"+s.addr, "SOJOURN_API_KEY="+apiKey)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	lines := bufio.NewReader(out)
	p, err := b.spawn(cmd)
	if err != nil {
		return nil, err
	}
	if line, err := lines.ReadString('\n'); err != nil || line != "ready\n" {
		return nil, fmt.Errorf("the worker said %q: %s", line, p.log)
	}
	return p, nil
}

// limit starts the limit server.
func (b *bench) limit() (*process, error) {
	cmd := exec.Command(b.programs["limit"], "-db", filepath.Join(b.dir, "limit-"+strconv.Itoa(len(b.running))+".db")) //nolint:noctx // it outlives the call
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p, err := b.spawn(cmd)
	if err != nil {
		return nil, err
	}
	var ready struct {
		Addr string `json:"addr"`
	}
	if err := json.NewDecoder(out).Decode(&ready); err != nil {
		return nil, fmt.Errorf("the limit server did not start: %w: %s", err, p.log)
	}
	p.addr = ready.Addr
	return p, nil
}

// rss is the resident memory of a process in MiB.
func (p *process) rss() float64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid()))
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// call sends one JSON request and decodes the answer into out, when that is not nil.
func (b *bench) call(ctx context.Context, s *process, method, path string, body, out any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.addr+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d: %.300s", method, path, resp.StatusCode, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}
