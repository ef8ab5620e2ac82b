package sojourntest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/sdk/go/sojourntest"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	files := srv.Client().Files
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	path := filepath.Join(t.TempDir(), "report.pdf")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := files.UploadPath(within(t), path)
	if err != nil {
		t.Fatal(err)
	}
	if f.Name != "report.pdf" || f.MIMEType != "application/pdf" || f.Size != int64(len(content)) || f.ExpiresAt.IsZero() || f.CreatedAt.IsZero() {
		t.Errorf("%+v", f)
	}
	got, err := files.Get(within(t), f.ID)
	if err != nil || *got != *f {
		t.Errorf("%+v, %v", got, err)
	}
	var back bytes.Buffer
	if n, err := files.Download(within(t), f.ID, &back); err != nil || n != f.Size || !bytes.Equal(back.Bytes(), content) {
		t.Errorf("%d bytes, %v", n, err)
	}
	// A content that cannot be sent twice, of a length that nobody knows.
	piped, err := files.Upload(within(t), "notes", io.MultiReader(strings.NewReader("some "), strings.NewReader("notes")), sojourn.MIMEType("text/plain"))
	if err != nil || piped.Size != 10 || piped.MIMEType != "text/plain" {
		t.Errorf("%+v, %v", piped, err)
	}
	empty, err := files.Upload(within(t), "empty.txt", strings.NewReader(""))
	if err != nil || empty.Size != 0 {
		t.Errorf("%+v, %v", empty, err)
	}
	var listed []string
	for f, err := range files.All(within(t), sojourn.FileListParams{Limit: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, f.Name)
	}
	if strings.Join(listed, " ") != "empty.txt notes report.pdf" {
		t.Errorf("listed %q", listed)
	}
	if err := files.Delete(within(t), f.ID); err != nil {
		t.Error(err)
	}
	if _, err := files.Open(within(t), f.ID); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("after its deletion: %v", err)
	}
	if _, err := files.Upload(within(t), "broken", io.MultiReader(strings.NewReader("x"), &failing{})); !errors.Is(err, errBroken) {
		t.Errorf("a reader that fails: %v", err)
	}
	if _, err := (sojourn.File{ID: piped.ID}).Open(within(t)); err == nil || !strings.Contains(err.Error(), "Client.Files") {
		t.Errorf("outside a handler: %v", err)
	}
}

var errBroken = errors.New("broken")

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, errBroken }

// TestFilesInHandlers reads a file of the input and returns one, in the handler and in steps, under a key that may do
// nothing but run work.
func TestFilesInHandlers(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	type input struct {
		Document sojourn.File  `json:"document"`
		Missing  *sojourn.File `json:"missing"`
	}
	type output struct {
		Upper sojourn.File   `json:"upper"`
		More  []sojourn.File `json:"more"`
	}
	srv.Worker(handling("shout", func(ctx *sojourn.Context, in input) (output, error) {
		var out output
		if in.Missing != nil {
			return out, errors.New("there is a missing file")
		}
		text, err := sojourn.Step(ctx, "read", func(ctx context.Context) (string, error) {
			r, err := in.Document.Open(ctx)
			if err != nil {
				return "", err
			}
			b, err := io.ReadAll(r)
			return string(b), errors.Join(err, r.Close())
		})
		if err != nil {
			return out, err
		}
		out.Upper, err = sojourn.Step(ctx, "write", func(ctx context.Context) (sojourn.File, error) {
			return sojourn.NewFile(ctx, "upper.txt", "", strings.NewReader(strings.ToUpper(text)))
		})
		if err != nil {
			return out, err
		}
		extra, err := ctx.NewFile("extra.bin", "", strings.NewReader("extra"))
		out.More = append(out.More, extra)
		return out, err
	}))
	f, err := srv.Client().Files.Upload(within(t), "quiet.txt", strings.NewReader("quiet words"))
	if err != nil {
		t.Fatal(err)
	}
	x := finish(t, srv, start(t, srv, "shout", map[string]any{"document": f}).ID)
	var out output
	if err := x.DecodeOutput(&out); err != nil || x.Status != sojourn.StatusCompleted {
		t.Fatalf("%s: %s, %v", x.Status, x.Error, err)
	}
	if out.Upper.Name != "upper.txt" || out.Upper.MIMEType != "text/plain; charset=utf-8" || out.Upper.Size != 11 || len(out.More) != 1 || out.More[0].MIMEType != "application/octet-stream" {
		t.Errorf("%+v", out)
	}
	var back bytes.Buffer
	if _, err := srv.Client().Files.Download(within(t), out.Upper.ID, &back); err != nil || back.String() != "QUIET WORDS" {
		t.Errorf("%q, %v", back.String(), err)
	}
	page, err := srv.Client().Files.List(within(t), sojourn.FileListParams{ExecutionID: x.ID})
	if err != nil || len(page.Data) != 3 {
		t.Errorf("%+v, %v", page, err)
	}
	// A reference to nothing fails the execution, and does not hang it.
	srv.Worker(handling("liar", func(*sojourn.Context, struct{}) (sojourn.File, error) {
		return sojourn.File{ID: "file_01jd7x0m8ke9tb3a0r6v5n2w4q"}, nil
	}))
	x = finish(t, srv, start(t, srv, "liar", nil).ID)
	if x.Status != sojourn.StatusFailed || !strings.Contains(x.Error, "output.fileId") {
		t.Errorf("%s: %s", x.Status, x.Error)
	}
}

// TestFilesExpire moves the clock: a file goes when nobody uses it, and with the last execution that does.
func TestFilesExpire(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	files := srv.Client().Files
	upload := func(name string) *sojourn.File {
		t.Helper()
		f, err := files.Upload(within(t), name, strings.NewReader(name))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	gone := func(f *sojourn.File) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if _, err := files.Get(within(t), f.ID); errors.Is(err, sojourn.ErrNotFound) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s is still there", f.Name)
			}
		}
	}
	unused, used := upload("unused"), upload("used")
	srv.Worker(handling("echo", func(_ *sojourn.Context, in map[string]sojourn.File) (map[string]sojourn.File, error) { return in, nil }))
	x := finish(t, srv, start(t, srv, "echo", map[string]any{"f": used}).ID)
	srv.Advance(25 * time.Hour)
	gone(unused)
	if _, err := files.Get(within(t), used.ID); err != nil {
		t.Fatal(err)
	}
	if err := srv.Client().Executions.Delete(within(t), x.ID); err != nil {
		t.Fatal(err)
	}
	gone(used)
}

// TestBrokenTransfers cuts connections in the middle of uploads and downloads: both end well.
func TestBrokenTransfers(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t, sojourntest.Listen())
	target, err := url.Parse(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	var cuts atomic.Int32
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = nil
	proxy.ModifyResponse = func(r *http.Response) error {
		if strings.HasSuffix(r.Request.URL.Path, "/content") && cuts.Add(1) <= 2 {
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(io.LimitReader(r.Body, 300_000), &failing{}), r.Body}
		}
		return nil
	}
	var uploads atomic.Int32
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && uploads.Add(1) == 1 {
			_, _ = io.CopyN(io.Discard, r.Body, 300_000)
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(between.Close)
	client, err := sojourn.NewClient(sojourn.Config{BaseURL: between.URL, APIKey: srv.APIKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	f, err := client.Files.Upload(within(t), "f", bytes.NewReader(content))
	if err != nil || f.Size != int64(len(content)) || uploads.Load() != 2 {
		t.Fatalf("%+v after %d uploads: %v", f, uploads.Load(), err)
	}
	var back bytes.Buffer
	if _, err := client.Files.Download(within(t), f.ID, &back); err != nil || !bytes.Equal(back.Bytes(), content) || cuts.Load() != 3 {
		t.Errorf("%d bytes after %d connections: %v", back.Len(), cuts.Load(), err)
	}
}
