package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"github.com/sojournhq/sojourn/internal/blob"
	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store/postgres"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	first  = "file_01m80navxte008r4ggcbdb53qe"
	second = "file_01m80navxxe008ax5vhby19pk1"
)

func names(t *testing.T, s blob.Store) []string {
	t.Helper()
	list := []string{}
	if err := s.Each(t.Context(), func(name string) error { list = append(list, name); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

func read(t *testing.T, s blob.Store, name string, offset, length int64) string {
	t.Helper()
	r, err := s.Open(t.Context(), name, offset, length)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// keeps holds a store to what Store promises.
func keeps(t *testing.T, s blob.Store) {
	ctx := t.Context()
	if got := names(t, s); len(got) != 0 {
		t.Fatalf("an empty store has %q", got)
	}
	content := strings.Repeat("0123456789", 1_200_000) // more than two parts of an upload to a bucket
	if n, err := s.Put(ctx, first, iotest.OneByteReader(strings.NewReader("short"))); err != nil || n != 5 {
		t.Fatalf("%d, %v", n, err)
	}
	if n, err := s.Put(ctx, second, io.MultiReader(strings.NewReader(content))); err != nil || n != int64(len(content)) {
		t.Fatalf("%d, %v", n, err)
	}
	if got := names(t, s); !slices.Equal(got, []string{first, second}) {
		t.Errorf("names %q", got)
	}
	if got := read(t, s, second, 0, -1); got != content {
		t.Errorf("%d bytes come back of %d", len(got), len(content))
	}
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, -1, "short"}, {0, 2, "sh"}, {1, 3, "hor"}, {3, -1, "rt"}, {4, 1, "t"}} {
		if got := read(t, s, first, c.offset, c.length); got != c.want {
			t.Errorf("%d bytes from %d: %q, want %q", c.length, c.offset, got, c.want)
		}
	}
	if _, err := s.Put(ctx, first, strings.NewReader("other")); !errors.Is(err, blob.ErrExists) || read(t, s, first, 0, -1) != "short" {
		t.Errorf("a name was taken twice: %v", err)
	}
	const third = "file_01m80navxte00000000000000a"
	if n, err := s.Put(ctx, third, strings.NewReader("")); err != nil || n != 0 || read(t, s, third, 0, -1) != "" {
		t.Errorf("an empty content: %d, %v", n, err)
	}
	for range 2 { // the second time there is nothing left
		for _, name := range []string{first, third} {
			if err := s.Delete(ctx, name); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := s.Open(ctx, first, 0, -1); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("a content that was removed: %v", err)
	}
	stop := errors.New("stop")
	if err := s.Each(ctx, func(string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("visiting went on: %v", err)
	}
	if err := s.Delete(ctx, second); err != nil {
		t.Error(err)
	}

	// What is broken off leaves nothing: early, late, and by its context.
	broken := errors.New("broken")
	for _, n := range []int{0, 5, 200_000, 8_000_000} {
		if _, err := s.Put(ctx, first, io.MultiReader(strings.NewReader(content[:n]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("broken after %d bytes: %v", n, err)
		}
		ends, cancel := context.WithCancel(ctx)
		r := io.MultiReader(strings.NewReader(content[:n]), readerFunc(func([]byte) (int, error) { cancel(); return 1, nil }))
		if _, err := s.Put(ends, first, r); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled after %d bytes: %v", n, err)
		}
	}
	if got := names(t, s); len(got) != 0 {
		t.Errorf("left behind: %q", got)
	}

	// Names that a server does not make are refused before anything is touched.
	for _, name := range []string{"", "a", "ab", "../../etc/passwd", "..", "a/b", `a\b`, "a\x00b", "CON.txt", "file.txt", "%2e%2e%2fx", "\u2044x", "FILE", strings.Repeat("x", 65), "x y"} {
		_, putErr := s.Put(ctx, name, strings.NewReader("x"))
		_, openErr := s.Open(ctx, name, 0, -1)
		if !errors.Is(putErr, blob.ErrName) || !errors.Is(openErr, blob.ErrName) || !errors.Is(s.Delete(ctx, name), blob.ErrName) {
			t.Errorf("%q is taken for a name: %v, %v", name, putErr, openErr)
		}
	}
}

// TestDatabase holds the store in a database to what Store promises.
func TestDatabase(t *testing.T) {
	t.Parallel()
	for _, version := range pgtest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s, err := postgres.Open(t.Context(), postgres.Options{DSN: pgtest.Shared(t, version).Database(t)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			keeps(t, blob.OpenDatabase(s))
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func open(t *testing.T, url string) blob.Store {
	t.Helper()
	s, err := blob.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "deep", "files")
	s := open(t, "file://"+filepath.ToSlash(dir))
	if !s.Local() {
		t.Error("a folder is not local")
	}
	keeps(t, s)

	// It comes back after a restart, and what is not ours is passed over.
	if _, err := s.Put(t.Context(), first, strings.NewReader("kept")); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{"README": "x", "qe/other": "x", "zz/" + first: "x", "longer/" + second: "x"} {
		path = filepath.Join(dir, filepath.FromSlash(path))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, "file://"+filepath.ToSlash(dir))
	if got := names(t, again); !slices.Equal(got, []string{first}) || read(t, again, first, 0, -1) != "kept" {
		t.Errorf("after a restart: %q", got)
	}
	info, err := os.Stat(filepath.Join(dir, "qe", first))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// A link within the folder leads nowhere outside it.
func TestFolderIsNotLeft(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	if err := errors.Join(
		os.WriteFile(filepath.Join(outside, first), []byte("secret"), 0o600), os.Symlink(outside, filepath.Join(dir, "qe")),
	); err != nil {
		t.Skip(err) // Windows allows links to few
	}
	s := open(t, "file://"+filepath.ToSlash(dir))
	if _, err := s.Open(t.Context(), first, 0, -1); err == nil {
		t.Error("read through a link")
	}
	if _, err := s.Put(t.Context(), "file_01m80navxte00000000000qe", strings.NewReader("x")); err == nil {
		t.Error("written through a link")
	}
	if err := s.Delete(t.Context(), first); err == nil {
		t.Error("removed through a link")
	}
	if b, err := os.ReadFile(filepath.Join(outside, first)); err != nil || !bytes.Equal(b, []byte("secret")) {
		t.Errorf("%q, %v", b, err)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "files", "/var/files", "file://host/x", "file://", "file:///x?y=z", "gs://bucket", "http://x", "s3://bucket?nonsense=1", "\x00"} {
		if s, err := blob.Open(url); err == nil {
			t.Errorf("%q was opened", url)
			_ = s.Close()
		}
	}
}
