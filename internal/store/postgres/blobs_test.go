package postgres_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sojournhq/sojourn/internal/blob"
	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/internal/store/postgres"
)

// TestBrokenUploadIsSwept leaves a content unfinished, as a server does that is killed: nobody sees it, a sweep removes it
// once it has been idle, and the upload cannot go on then.
func TestBrokenUploadIsSwept(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	s := open(t, postgres.Options{DSN: dsn})
	ctx := t.Context()
	if ok, err := s.BeginBlob(ctx, "file_a", 4); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := s.AddChunk(ctx, "file_a", 0, []byte("abcd")); err != nil {
		t.Fatal(err)
	}
	files := blob.OpenDatabase(s)
	if _, err := files.Open(ctx, "file_a", 0, -1); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("an unfinished content is seen: %v", err)
	}
	visit := func(name string) error { return errors.New(name) }
	if err := files.Each(ctx, visit); err != nil {
		t.Errorf("an unfinished content is visited: %v", err)
	}
	if n := count(t, dsn, "blob_chunks"); n != 1 {
		t.Errorf("%d chunks after a sweep of what is under way, want 1", n)
	}
	// One that is finished with less than was sent is none.
	if err := s.FinishBlob(ctx, "file_a", 8); err == nil {
		t.Error("a content was finished that lacks bytes")
	}
	if err := s.SweepBlobs(ctx, -time.Second); err != nil {
		t.Fatal(err)
	}
	if n, m := count(t, dsn, "blob_chunks"), count(t, dsn, "blobs"); n+m != 0 {
		t.Errorf("%d chunks and %d contents are left", n, m)
	}
	if err := s.AddChunk(ctx, "file_a", 1, []byte("ef")); err == nil {
		t.Error("an upload goes on that was swept")
	}
	if err := s.FinishBlob(ctx, "file_a", 4); err == nil {
		t.Error("an upload was finished that was swept")
	}
	if n := count(t, dsn, "blob_chunks"); n != 0 {
		t.Errorf("%d chunks belong to nobody", n)
	}
}

// TestContentsGoInSteps removes one that has more chunks than a transaction takes, while it is read.
func TestContentsGoInSteps(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	s := open(t, postgres.Options{DSN: dsn})
	files := blob.OpenDatabase(s)
	content := strings.Repeat("0123456789", 2_500_000)
	if _, err := files.Put(t.Context(), "file_b", strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if n := count(t, dsn, "blob_chunks"); n < 40 {
		t.Fatalf("only %d chunks", n)
	}
	r, err := files.Open(t.Context(), "file_b", 600_000, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := make([]byte, 1_000_000)
	if _, err := io.ReadFull(r, b); err != nil || !bytes.Equal(b, []byte(content[600_000:1_600_000])) {
		t.Fatalf("the middle differs, %v", err)
	}
	if err := files.Delete(t.Context(), "file_b"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("a reader of what was removed: %v", err)
	}
	if n, m := count(t, dsn, "blob_chunks"), count(t, dsn, "blobs"); n+m != 0 {
		t.Errorf("%d chunks and %d contents are left", n, m)
	}
}

func count(t *testing.T, dsn, table string) (n int) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if err := c.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
