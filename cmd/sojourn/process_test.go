package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/server"
)

// asProgram makes the test binary be the program itself.
const asProgram = "SOJOURN_TEST_AS_PROGRAM"

const processKey = "a-key-for-process-tests"

// process is a running `sojourn serve`.
type process struct {
	cmd    *exec.Cmd
	data   string
	url    string
	stderr lockedBuffer
	ended  chan struct{}
	err    error // of Wait, after ended
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serve runs the program on a data directory, under the command in front of it if there is one, and waits until it
// answers.
func serve(t *testing.T, data string, front ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{data: data, ended: make(chan struct{})}
	args := append(front, self, "serve", "--data", data, "--listen", "127.0.0.1:0", "--api-key", processKey)
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	p.cmd.Stderr = &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("the server said:\n%s", p.stderr.String())
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if a, err := server.ReadAdmin(data); err == nil && alive(t.Context(), a.URL) {
			p.url = a.URL
			return p
		}
		select {
		case <-p.ended:
			t.Fatalf("the server ended at once: %v\n%s", p.err, p.stderr.String())
		default:
		}
		if time.Now().After(end) {
			t.Fatal("the server never answered")
		}
	}
}

// wait is the exit code, once the process has ended.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatal("the server did not end")
		return 0
	}
}

// call sends a request; the status is 0 when there was no answer.
func (p *process) call(method, path, body string) (int, http.Header, []byte) {
	r, err := http.NewRequestWithContext(context.Background(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "Bearer "+processKey)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, nil
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, nil, nil
	}
	if answer.Close {
		answer.Header.Set("Connection", "close")
	}
	return answer.StatusCode, answer.Header, text
}

func idOf(t *testing.T, text []byte) string {
	t.Helper()
	var x struct{ ID, Session string }
	if err := json.Unmarshal(bytes.ReplaceAll(text, []byte("session_id"), []byte("session")), &x); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return x.ID + x.Session
}

// audited demands that the data keeps every invariant.
func audited(t *testing.T, data string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"audit", "--data", data}, nil, nil, &out, &errs); code != 0 {
		t.Errorf("audit ended with %d:\n%s%s", code, out.String(), errs.String())
	}
}

func TestTermDrainsAndExitsCleanly(t *testing.T) {
	t.Parallel()
	p := serve(t, t.TempDir())
	status, _, text := p.call("POST", "/v1/worker/sessions", `{"protocol":1,"capacity":4,"workflows":[{"name":"idle"}]}`)
	if status != 201 {
		t.Fatalf("session: %d %s", status, text)
	}
	session := idOf(t, text)
	held := make(chan string, 1)
	go func() {
		status, header, _ := p.call("POST", "/v1/worker/poll", `{"session_id":"`+session+`"}`)
		held <- fmt.Sprint(status, " ", header.Get("Connection"))
	}()
	for end := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		if _, _, text := p.call("GET", "/metrics", ""); bytes.Contains(text, []byte("sojourn_http_requests_in_flight 2\n")) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the poll was never held")
		}
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(t); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if got := <-held; got != "204 close" {
		t.Errorf("the held poll was answered %q, want 204 close", got)
	}
	if _, err := server.ReadAdmin(p.data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("admin.json is still there: %v", err)
	}
	audited(t, p.data)
}

func TestKilledServerIsNoObstacle(t *testing.T) {
	t.Parallel()
	p := serve(t, t.TempDir())
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.wait(t)
	// Its admin.json is still there, and nobody answers: keys are made by opening the data.
	if _, err := server.ReadAdmin(p.data); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"key", "create", "--data", p.data, "--scopes", "admin"}, nil, nil, &out, &errs); code != 0 || !strings.HasPrefix(out.String(), "sjn_live_") {
		t.Errorf("key create ended with %d: %s%s", code, out.String(), errs.String())
	}
	serve(t, p.data)
}

// TestDiskErrorStopsTheServer lets the n-th wait for the disk fail. After the first error nothing may be acknowledged,
// the process must end by itself with an error, and a restart must find every execution that was acknowledged.
func TestDiskErrorStopsTheServer(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("strace is needed to make the disk fail: apt-get install strace")
		}
		t.Skip("strace, which makes the disk fail, is not installed")
	}
	if err := exec.Command(strace, "-qq", "-e", "inject=fsync:error=EIO", "true").Run(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("strace cannot trace here: %v", err)
		}
		t.Skipf("strace cannot trace here: %v", err)
	}
	type fault struct{ name, inject string }
	faults := []fault{
		{"once", "fsync,fdatasync:error=EIO:when=16"},
		{"from then on", "fsync,fdatasync:error=EIO:when=25+"},
		{"no room", "pwrite64:error=ENOSPC:when=120+"},
	}
	if os.Getenv("SOJOURN_TEST_WIDE") != "" {
		for n := 17; n < 100; n += 4 {
			faults = append(faults,
				fault{fmt.Sprintf("wait %d", n), fmt.Sprintf("fsync,fdatasync:error=EIO:when=%d", n)},
				fault{fmt.Sprintf("write %d", 5*n), fmt.Sprintf("pwrite64:error=EIO:when=%d", 5*n)})
		}
	}
	for _, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			p := serve(t, data)
			if status, _, text := p.call("POST", "/v1/workflows", `{"name":"work"}`); status != 201 {
				t.Fatalf("workflow: %d %s", status, text)
			}
			if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			p.wait(t)

			trace := filepath.Join(t.TempDir(), "trace")
			p = serve(t, data, strace, "-f", "-qq", "-o", trace, "-e", "trace=fsync,fdatasync,pwrite64", "-e", "inject="+c.inject)
			var acknowledged []string
			failed := false
			for end := time.Now().Add(patience); !failed || len(acknowledged) == 0; {
				status, _, text := p.call("POST", "/v1/executions", fmt.Sprintf(`{"workflow_id":"work","input":{"n":%d}}`, len(acknowledged)))
				if status == 201 {
					acknowledged = append(acknowledged, idOf(t, text))
				} else {
					failed = true
				}
				if time.Now().After(end) {
					t.Fatalf("the disk never failed in %d starts", len(acknowledged))
				}
			}
			for range 20 {
				if status, _, text := p.call("POST", "/v1/executions", `{"workflow_id":"work","input":{}}`); status >= 200 && status < 300 {
					t.Fatalf("acknowledged after the disk had failed: %d %s", status, text)
				}
			}
			if code := p.wait(t); code == 0 {
				t.Error("exit code 0 after the disk had failed")
			}
			if !strings.Contains(p.stderr.String(), "the store failed") {
				t.Errorf("the log does not say that the store failed")
			}

			p = serve(t, data)
			for _, id := range acknowledged {
				if status, _, text := p.call("GET", "/v1/executions/"+id, ""); status != 200 {
					t.Errorf("%s was acknowledged and is lost: %d %s", id, status, text)
				}
			}
			if status, _, text := p.call("POST", "/v1/executions", `{"workflow_id":"work","input":{}}`); status != 201 {
				t.Errorf("a start after the repair: %d %s", status, text)
			}
			audited(t, data)
			t.Logf("%d starts were acknowledged before the error", len(acknowledged))
		})
	}
}
