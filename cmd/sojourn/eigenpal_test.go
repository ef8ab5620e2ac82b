package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/server"
)

// dev runs `sojourn dev` with the arguments and waits until it answers.
func dev(t *testing.T, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{data: t.TempDir(), ended: make(chan struct{})}
	p.cmd = exec.Command(self, append([]string{"dev", "--data", p.data, "--listen", "127.0.0.1:0", "--api-key", processKey}, args...)...)
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
		if a, err := server.ReadAdmin(p.data); err == nil && alive(t.Context(), a.URL) {
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

// dependsOn makes go test run a test again when one of the files changes that only other programs read.
func dependsOn(t *testing.T, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			if _, err := os.ReadFile(file); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// wide says whether the long tests are wanted.
func wide() bool { return os.Getenv("SOJOURN_TEST_WIDE") != "" }

// python is an interpreter with the packages of scripts/python/NAME.txt.
func python(t *testing.T, name string) string {
	t.Helper()
	dependsOn(t, "../../scripts/python-packages.sh", "../../scripts/python/"+name+".txt")
	cmd := exec.CommandContext(t.Context(), "../../scripts/python-packages.sh", name)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err == nil {
		return strings.TrimSpace(string(out))
	}
	if os.Getenv("CI") != "" || wide() {
		t.Fatalf("the packages of scripts/python/%s.txt are needed: %v\n%s", name, err, problem.String())
	}
	t.Skipf("the packages of scripts/python/%s.txt cannot be installed: %v\n%s", name, err, problem.String())
	return ""
}

// TestEigenpalClient runs EigenPal's own client, unmodified, against a live server: each of its tests is one of ours.
func TestEigenpalClient(t *testing.T) {
	t.Parallel()
	interpreter := python(t, "eigenpal")
	dependsOn(t, "../../docs/eigenpal.md", "testdata/eigenpal/*.py")
	p := dev(t)
	dir, err := filepath.Abs("testdata/eigenpal")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), interpreter, "-B", "-W", "ignore::ResourceWarning", "-m", "unittest", "-v", "client_test", "document_test")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SOJOURN_TEST_URL="+p.url, "SOJOURN_TEST_KEY="+processKey, "PYTHONDONTWRITEBYTECODE=1", "NO_PROXY=127.0.0.1")
	if !wide() {
		cmd.Env = append(cmd.Env, "SOJOURN_TEST_WIDE=")
	}
	out, err := cmd.CombinedOutput()
	ran := 0
	for line := range strings.SplitSeq(string(out), "\n") {
		name, result, ok := strings.Cut(line, " ... ")
		if !ok || !strings.HasPrefix(name, "test_") {
			continue
		}
		_, name, _ = strings.Cut(name, "(") // test_x (client_test.Run.test_x)
		name = strings.TrimSuffix(name, ")")
		ran++
		t.Run(name, func(t *testing.T) {
			switch {
			case strings.HasPrefix(result, "skipped"):
				t.Skip(result)
			case result != "ok":
				t.Error(result)
			}
		})
	}
	if err != nil || ran == 0 {
		t.Errorf("%d tests ran, %v:\n%s", ran, err, out)
	}
}
