package blob_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/blob"
)

// gateway finds versitygw, an S3 server that keeps its objects in a folder.
func gateway(t *testing.T) string {
	t.Helper()
	local, err := filepath.Abs("../../bin/tools/versitygw")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(local); err == nil {
		return local
	}
	if found, err := exec.LookPath("versitygw"); err == nil {
		return found
	}
	if os.Getenv("SOJOURN_TEST_WIDE") == "1" {
		t.Fatal("versitygw is missing: scripts/install-test-deps.sh installs it")
	}
	t.Skip("versitygw is not installed (scripts/install-test-deps.sh)")
	return ""
}

// serveS3 runs an S3 server with one bucket, and returns its address and the folder of the bucket.
func serveS3(t *testing.T) (endpoint, bucket string) {
	t.Helper()
	program := gateway(t)
	root := t.TempDir()
	bucket = filepath.Join(root, "files")
	if err := os.Mkdir(bucket, 0o700); err != nil {
		t.Fatal(err)
	}
	access, secret := "test", rand.Text()
	t.Setenv("AWS_ACCESS_KEY_ID", access)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	var address string
	for range 5 { // a port that is free now may be taken a moment later
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address = l.Addr().String()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		server := exec.Command(program, "--access", access, "--secret", secret, "--port", address, "posix", root)
		var output strings.Builder
		server.Stdout, server.Stderr = &output, &output
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- server.Wait() }()
		if answers(address, ended) {
			t.Cleanup(func() {
				_ = server.Process.Kill()
				<-ended //nolint:errcheck // it was killed
			})
			return "http://" + address, bucket
		}
		_ = server.Process.Kill()
		t.Log(output.String())
	}
	t.Fatal("the S3 server does not start")
	return "", ""
}

// answers waits until something listens on the address, or the server has ended.
func answers(address string, ended chan error) bool {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-ended:
			ended <- err
			return false
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		cancel()
		if err == nil {
			_ = c.Close()
			return true
		}
	}
	return false
}

// TestS3 keeps contents at a real S3 server, with signed requests and uploads in parts.
func TestS3(t *testing.T) {
	endpoint, bucket := serveS3(t)
	address := func(more string) string {
		return "s3://files?region=us-east-1&use_path_style=true&endpoint=" + url.QueryEscape(endpoint) + more
	}
	s := open(t, address(""))
	if s.Local() {
		t.Error("S3 is a disk of this machine")
	}
	keeps(t, s)

	// An object lies where a folder would have it, so that one can be copied to the other.
	if _, err := s.Put(t.Context(), first, strings.NewReader("kept")); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(bucket, "qe", first)); err != nil || string(b) != "kept" {
		t.Errorf("%q, %v", b, err)
	}
	// Below a prefix there is a store of its own.
	other := open(t, address("&prefix=other/"))
	if _, err := other.Put(t.Context(), second, strings.NewReader("below")); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(names(t, other)); got != "["+second+"]" {
		t.Errorf("below the prefix: %s", got)
	}
	if got := fmt.Sprint(names(t, s)); got != "["+first+"]" {
		t.Errorf("without it: %s", got)
	}
	// Nothing of an upload in parts that was broken off stays at the server.
	if entries, err := os.ReadDir(filepath.Join(bucket, ".sgwtmp", "multipart")); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	} else if len(entries) > 0 {
		t.Errorf("parts left behind: %v", entries)
	}

	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	stranger, err := blob.Open(address(""))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Close() }()
	if _, err := stranger.Put(t.Context(), second, strings.NewReader("x")); err == nil {
		t.Error("a wrong key may write")
	}
}
