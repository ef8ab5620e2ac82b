package scenarios

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
	"sync"
	"syscall"
	"time"
)

// patience is how long anything may take that is expected to happen.
const patience = 30 * time.Second

const key = "scenarios-key-0123456789abcdef"

// process is a program under test, one life after the other.
type process struct {
	name string
	args []string
	env  []string

	cmd  *exec.Cmd
	in   io.WriteCloser
	out  io.Reader
	done chan struct{}
	said *tail
}

// tail keeps the end of what a process writes.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.buf.Len() > 1<<20 {
		t.buf.Next(t.buf.Len() / 2)
	}
	return t.buf.Write(b)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := t.buf.Bytes()
	return string(bytes.TrimSpace(text[max(0, len(text)-3000):]))
}

// start begins a life. With pipes its input and output are the caller's.
func (p *process) start(pipes bool) error {
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Env = append(os.Environ(), p.env...)
	p.said = &tail{}
	cmd.Stderr = p.said
	tether(cmd)
	var err error
	if pipes {
		if p.in, err = cmd.StdinPipe(); err == nil {
			p.out, err = cmd.StdoutPipe()
		}
	} else {
		cmd.Stdout = p.said
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	p.cmd, p.done = cmd, make(chan struct{})
	if !pipes {
		p.reap()
	}
	return nil
}

// reap notes the end of the process. What it writes to a pipe must have been read by then.
func (p *process) reap() {
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait() // its ProcessState says it all
		close(done)
	}(p.cmd, p.done)
}

func (p *process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// kill is SIGKILL.
func (p *process) kill() error {
	if !p.running() {
		return nil
	}
	return errors.Join(p.cmd.Process.Kill(), p.awaitEnd())
}

// stop is SIGTERM; the process must end with code 0.
func (p *process) stop() error {
	if !p.running() {
		return nil
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := p.awaitEnd(); err != nil {
		return errors.Join(err, p.cmd.Process.Kill())
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with %s after SIGTERM: %s", p.name, p.cmd.ProcessState, p.said)
	}
	return nil
}

func (p *process) awaitEnd() error {
	select {
	case <-p.done:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s did not end within %s: %s", p.name, patience, p.said)
	}
}

// server is one address and one folder of data.
type server struct {
	process
	place []string // the flags that say where its data lies
	url   string
}

// newServer makes a server on the database, or on a folder in dir when the address is empty.
func newServer(bin, dir, database string) (*server, error) {
	// Every life has the same port, as a real server's would.
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	s := &server{place: []string{"--data", filepath.Join(dir, "data")}, url: "http://" + address}
	if database != "" {
		s.place = []string{"--database-url", database}
	}
	s.process = process{name: "the server", args: append([]string{
		bin, "serve", "--listen", address, "--api-key", key, "--lease", "3s", "--cancel-grace", "10s", "--drain", "10s", "--log-format", "text",
		"--callback-allow", "127.0.0.1", "--callback-allow-http",
	}, s.place...)}
	return s, nil
}

// boot starts the server and waits until it is ready.
func (s *server) boot() error {
	if err := s.start(false); err != nil {
		return err
	}
	return eventually("the server is ready", func() error {
		if !s.running() {
			return fmt.Errorf("it ended with %s: %s", s.cmd.ProcessState, s.said)
		}
		_, status, err := ask(http.MethodGet, s.url+"/readyz", "", nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
}

// eventually tries until it works.
func eventually(what string, try func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := try()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %s: %s: %w", patience, what, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// ask is one HTTP request.
func ask(method, url, auth string, body any, headers ...string) (answer any, status int, err error) {
	var content io.Reader
	if body != nil {
		text, ok := body.(string)
		if !ok {
			b, err := json.Marshal(body)
			if err != nil {
				return nil, 0, err
			}
			text = string(b)
		}
		content = bytes.NewReader([]byte(text))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, content)
	if err != nil {
		return nil, 0, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if auth != "" {
		r.Header.Set("Authorization", "Bearer "+auth)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, 0, err
	}
	if json.Unmarshal(text, &answer) != nil {
		answer = string(text)
	}
	return answer, res.StatusCode, nil
}

// client is a driver that does commands.
type client struct {
	process
	mu      sync.Mutex
	seq     int
	waiting map[int]chan answer
	ended   error
}

type answer struct {
	Seq   int            `json:"seq"`
	OK    any            `json:"ok"`
	Error map[string]any `json:"error"`
}

func (c *client) boot() error {
	if err := c.start(true); err != nil {
		return err
	}
	c.waiting = map[int]chan answer{}
	go func() {
		lines := bufio.NewScanner(c.out)
		lines.Buffer(nil, 16<<20)
		var err error
		for err == nil && lines.Scan() {
			var a answer
			if err = json.Unmarshal(lines.Bytes(), &a); err == nil {
				c.mu.Lock()
				if to := c.waiting[a.Seq]; to != nil {
					to <- a
				} else {
					err = fmt.Errorf("an answer to nothing: %s", lines.Bytes())
				}
				delete(c.waiting, a.Seq)
				c.mu.Unlock()
			}
		}
		_, _ = io.Copy(io.Discard, c.out) // what comes after nonsense is not read
		c.reap()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended = errors.Join(err, lines.Err(), errors.New("it ended"))
		for _, to := range c.waiting {
			close(to)
		}
	}()
	return nil
}

// do has the client do a command.
func (c *client) do(command string, with any) (answer, error) {
	c.mu.Lock()
	if c.ended != nil {
		c.mu.Unlock()
		return answer{}, fmt.Errorf("%s: %w: %s", c.name, c.ended, c.said)
	}
	c.seq++
	to := make(chan answer, 1)
	c.waiting[c.seq] = to
	line, err := json.Marshal(map[string]any{"seq": c.seq, "do": command, "with": with})
	if err == nil {
		_, err = c.in.Write(append(line, '\n'))
	}
	c.mu.Unlock()
	if err != nil {
		return answer{}, err
	}
	select {
	case a, ok := <-to:
		if !ok {
			return answer{}, fmt.Errorf("%s ended in the middle of %s: %s", c.name, command, c.said)
		}
		return a, nil
	case <-time.After(patience):
		return answer{}, fmt.Errorf("%s did not answer %s within %s: %s", c.name, line, patience, c.said)
	}
}

// end closes the input: the client must end with code 0.
func (c *client) end() error {
	if c.cmd == nil {
		return nil
	}
	if err := c.in.Close(); err != nil {
		return err
	}
	if err := c.awaitEnd(); err != nil {
		return errors.Join(err, c.cmd.Process.Kill())
	}
	if code := c.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with %s: %s", c.name, c.cmd.ProcessState, c.said)
	}
	return nil
}
