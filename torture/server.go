//go:build linux

package main

import (
	"bytes"
	"context"
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
)

// lease is short, so that losing one does not take long.
const lease = 2 * time.Second

// boot is how long a server may take until it is ready.
const boot = 30 * time.Second

// server is the server under test: one address, one key, a process after the other.
type server struct {
	bin, dir  string // the binary; where logs go
	data      string
	database  string // address of PostgreSQL; empty: SQLite in data
	name      string // in the names of its files, when there are several
	url, port string
	key       string
	options   []string // further flags
	life      int

	cmd  *exec.Cmd
	wrap bool // the process of cmd is strace's, the server is its child
	done chan struct{}
}

// door is where clients and workers come in.
type door struct{ url, key string }

func newServer(ctx context.Context, bin, dir, data string) (*server, error) {
	// Every life uses the same port, as a real server would.
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err = errors.Join(err, l.Close()); err != nil {
		return nil, err
	}
	return &server{bin: bin, dir: dir, data: data, port: port, url: "http://127.0.0.1:" + port, key: "torture-key-0123456789"}, nil
}

// start begins a life and waits until it is ready. The variables go into its environment; wrapper, if any, is put in
// front of the command. A server that ends before it is ready is an error unless it ended by the failpoint it was armed with.
func (s *server) start(ctx context.Context, wrapper []string, env ...string) error {
	s.life++
	args := append([]string{s.bin, "serve"}, s.where()...)
	args = append(args, "--listen", "127.0.0.1:"+s.port, "--api-key", s.key, "--lease", lease.String(),
		"--cancel-grace", "1s", "--drain", "10s", "--low-disk", "0", "--log-format", "text", "--callback-allow", "127.0.0.1", "--callback-allow-http",
	)
	args = append(append(append([]string{}, wrapper...), args...), s.options...)
	log, err := os.Create(s.logFile())
	if err != nil {
		return err
	}
	s.cmd = exec.Command(args[0], args[1:]...) //nolint:noctx // its end is what the run is about
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.Env = append(os.Environ(), "SOJOURN_FAILPOINT_LOG="+s.hitFile(), "SOJOURN_CLOCK="+s.clockFile())
	s.cmd.Env = append(s.cmd.Env, env...)
	// Nothing of it outlives the run.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s.wrap = len(wrapper) > 0
	if err := errors.Join(s.cmd.Start(), log.Close()); err != nil {
		return err
	}
	s.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait() // its ProcessState says it all
		close(done)
	}(s.cmd, s.done)
	return s.awaitReady(ctx)
}

// where says where the data lies.
func (s *server) where() []string {
	if s.database != "" {
		return []string{"--database-url", s.database}
	}
	return []string{"--data", s.data}
}

func (s *server) logFile() string {
	return filepath.Join(s.dir, fmt.Sprintf("%sserver-%03d.log", s.name, s.life))
}

func (s *server) hitFile() string {
	return filepath.Join(s.dir, fmt.Sprintf("%shits-%03d", s.name, s.life))
}

// clockFile says how far the server's clock is set.
func (s *server) clockFile() string { return filepath.Join(s.dir, s.name+"clock") }

func (s *server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, boot)
	defer cancel()
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/readyz", nil)
		if err != nil {
			return err
		}
		if res, err := client.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-s.done:
			if s.hit("") != "" {
				return nil // at a failpoint that lies on the way up
			}
			return fmt.Errorf("the server ended with %s before it was ready: %s", s.cmd.ProcessState, s.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready after %s: %s", boot, s.lastWords())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// hit is the failpoint at which this life ended, or one of those it met with the given name; "" when there is none.
func (s *server) hit(name string) string {
	text, err := os.ReadFile(s.hitFile())
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		at, exited := strings.CutSuffix(line, " exit")
		if name == "" && exited || name != "" && line == name {
			return at
		}
	}
	return ""
}

// lastWords are the end of the log.
func (s *server) lastWords() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	text = bytes.TrimSpace(text)
	if len(text) > 600 {
		text = text[len(text)-600:]
	}
	return strings.ReplaceAll(string(text), "\n", " | ")
}

func (s *server) running() bool {
	if s.done == nil {
		return false
	}
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// pid is the server's own process, also under strace.
func (s *server) pid() int {
	if !s.wrap {
		return s.cmd.Process.Pid
	}
	p := strconv.Itoa(s.cmd.Process.Pid)
	text, err := os.ReadFile("/proc/" + p + "/task/" + p + "/children")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	pid, _ := strconv.Atoi(first)
	return pid
}

// kill is kill -9.
func (s *server) kill() error {
	if !s.running() {
		return nil
	}
	if pid := s.pid(); pid > 0 {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return s.awaitEnd(10 * time.Second)
}

// stop is SIGTERM: the server must drain and end with code 0.
func (s *server) stop() error {
	if !s.running() {
		return nil
	}
	if err := syscall.Kill(s.pid(), syscall.SIGTERM); err != nil {
		return err
	}
	if err := s.awaitEnd(25 * time.Second); err != nil {
		return err
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the server ended its drain with %s: %s", s.cmd.ProcessState, s.lastWords())
	}
	return nil
}

func (s *server) awaitEnd(most time.Duration) error {
	select {
	case <-s.done:
		return nil
	case <-time.After(most):
		return fmt.Errorf("the server did not end within %s", most)
	}
}

// audit runs the server's own check of its data.
func (s *server) audit(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, s.bin, append([]string{"audit"}, s.where()...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("audit: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}
