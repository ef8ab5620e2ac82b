package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain is also the server that measureChild starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-db" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestServeUntilStopped(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	db := filepath.Join(t.TempDir(), "limit.db")
	go func() { ended <- run(ctx, []string{"-db", db}, w) }()
	var at ready
	if err := json.NewDecoder(r).Decode(&at); err != nil {
		t.Fatal(err)
	}
	if at.PID != os.Getpid() {
		t.Errorf("pid %d, want %d", at.PID, os.Getpid())
	}
	resp, err := http.Post("http://"+at.Addr+"/v1/executions", "application/json", strings.NewReader(`{"workflow_id":"noop"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusCreated {
		t.Errorf("%s, %v", resp.Status, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(db); err != nil {
		t.Error(err)
	}
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-measure", "200ms", "-warmup", "50ms", "-clients", "8"}, &out); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if rate, _ := got["limit_starts_per_s"].(float64); rate <= 0 || got["clients"] != 8.0 {
		t.Errorf("%s", &out)
	}
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"-clients", "x"},
		{"extra"},
		{"-db", "/no/such/dir/limit.db"},
		{"-listen", "nowhere"},
		{"-measure", "10ms", "-clients", "-1"},
	} {
		if err := run(t.Context(), args, io.Discard); err == nil || errors.Is(err, flag.ErrHelp) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
