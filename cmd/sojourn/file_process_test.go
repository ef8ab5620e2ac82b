package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

// peak is the most memory that the process has had, in bytes.
func (p *process) peak(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscan(text, &kib); err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// noise is a content that no compression and no cache makes smaller.
type noise struct{ *rand.ChaCha8 }

func newNoise(n int64) io.Reader { return io.LimitReader(noise{rand.NewChaCha8([32]byte{1})}, n) }

// stored are the contents in the server's folder.
func (p *process) stored(t *testing.T) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(p.data, "files"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// TestLargeFilesTakeLittleMemory uploads 100 MiB as a body and as part of a form, and reads it back: the server never
// takes more than 32 MiB for it.
func TestLargeFilesTakeLittleMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it reads /proc")
	}
	t.Run("folder", largeFiles)
	t.Run("S3", func(t *testing.T) {
		t.Setenv("SOJOURN_FILES", serveS3(t))
		largeFiles(t)
	})
}

// serveS3 runs an S3 server and returns what --files is to say about it.
func serveS3(t *testing.T) string {
	t.Helper()
	program, err := filepath.Abs("../../bin/tools/versitygw")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		if program, err = exec.LookPath("versitygw"); err != nil && os.Getenv("SOJOURN_TEST_WIDE") == "1" {
			t.Fatal("versitygw is missing: scripts/install-test-deps.sh installs it")
		} else if err != nil {
			t.Skip("versitygw is not installed (scripts/install-test-deps.sh)")
		}
	}
	root := t.TempDir()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := errors.Join(l.Close(), os.Mkdir(filepath.Join(root, "files"), 0o700)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	s3 := exec.Command(program, "--access", "test", "--secret", "test-secret", "--port", address, "posix", root)
	if err := s3.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s3.Process.Kill()
		_ = s3.Wait()
	})
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address); err == nil {
			_ = c.Close()
			return "s3://files?region=us-east-1&use_path_style=true&endpoint=" + url.QueryEscape("http://"+address)
		}
		if time.Now().After(end) {
			t.Fatal("the S3 server does not start")
		}
	}
}

func largeFiles(t *testing.T) {
	const size = 100 << 20
	p := serve(t, t.TempDir())
	if status, _, text := p.call("POST", "/v1/files", "small"); status != 201 {
		t.Fatalf("%d %s", status, text)
	}
	if status, _, text := p.call("POST", "/v1/workflows", `{"name":"file"}`); status != 201 {
		t.Fatalf("%d %s", status, text)
	}
	before := p.peak(t)
	sum := sha256.New()
	if _, err := io.Copy(sum, newNoise(size)); err != nil {
		t.Fatal(err)
	}
	want := hex.EncodeToString(sum.Sum(nil))
	post := func(path, kind string, body io.Reader, out any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "POST", p.url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+processKey)
		r.Header.Set("Content-Type", kind)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err := errors.Join(err, answer.Body.Close(), json.Unmarshal(text, out)); err != nil || answer.StatusCode != 201 {
			t.Fatalf("%d %s: %v", answer.StatusCode, text, err)
		}
	}
	var file struct{ ID, SHA256 string }
	post("/v1/files", "application/octet-stream", newNoise(size), &file)
	if file.SHA256 != want {
		t.Errorf("SHA-256 %s, want %s", file.SHA256, want)
	}
	body, pipe := io.Pipe()
	form := multipart.NewWriter(pipe)
	go func() {
		part, err := form.CreateFormFile("document", "large.bin")
		if err == nil {
			_, err = io.Copy(part, newNoise(size))
		}
		if err == nil {
			err = errors.Join(form.WriteField("execution", `{"workflow_id":"file"}`), form.Close())
		}
		_ = pipe.CloseWithError(err)
	}()
	var started struct {
		Input struct{ Document struct{ SHA256 string } }
	}
	post("/v1/executions", form.FormDataContentType(), body, &started)
	if started.Input.Document.SHA256 != want {
		t.Errorf("SHA-256 %s, want %s", started.Input.Document.SHA256, want)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", p.url+"/v1/files/"+file.ID+"/content", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+processKey)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	sum.Reset()
	_, err = io.Copy(sum, answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil || hex.EncodeToString(sum.Sum(nil)) != want {
		t.Errorf("what comes back differs: %v", err)
	}
	grown := p.peak(t) - before
	t.Logf("%d MiB of memory before, %d KiB more for the files", before>>20, grown>>10)
	if grown > 32<<20 && !raced {
		t.Errorf("the server took %d MiB more", grown>>20)
	}
}

// TestKilledDuringUpload kills the server between the first byte and the record: there is no such file afterwards, and
// what it left is removed once it is a day old.
func TestKilledDuringUpload(t *testing.T) {
	t.Parallel()
	p := serve(t, t.TempDir())
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := fmt.Fprintf(c, "POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 1000000\r\n\r\n%s", processKey, bytes.Repeat([]byte("x"), 500_000)); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); len(p.stored(t)) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the upload never began")
		}
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
	left := p.stored(t)
	if len(left) != 1 {
		t.Fatalf("left behind: %q", left)
	}
	// A day passes.
	old := execution.MakeID(time.Now().Add(-25*time.Hour).UnixMilli(), 1, 12345).Text(execution.PrefixFile)
	aged := filepath.Join(p.data, "files", old[len(old)-2:], old)
	if err := errors.Join(os.MkdirAll(filepath.Dir(aged), 0o700), os.Rename(left[0], aged)); err != nil {
		t.Fatal(err)
	}
	p = serve(t, p.data)
	if status, _, text := p.call("GET", "/v1/files", ""); status != 200 || !bytes.Contains(text, []byte(`"data":[]`)) {
		t.Errorf("%d %s", status, text)
	}
	for end := time.Now().Add(patience); len(p.stored(t)) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never swept: %q", p.stored(t))
		}
	}
}
