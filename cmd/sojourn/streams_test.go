package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// receiver starts a local receiver of webhooks, and sets RECEIVER to its address: receiver.
func receiver(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: receiver")
	}
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = fmt.Fprint(w, n.Load())
			return
		}
		for _, name := range []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"} {
			if r.Header.Get(name) == "" || r.Header.Get("Content-Type") != "application/json" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
		}
		n.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	ts.Defer(s.Close)
	ts.Setenv("RECEIVER", s.URL)
}

// received demands how many good messages the receiver got: received 2.
func received(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: received NUMBER")
	}
	if got := fetch(ts, ts.Getenv("RECEIVER")); got != args[0] {
		ts.Fatalf("the receiver got %s messages, want %s", got, args[0])
	}
}

// streams waits until the server has as many streams open: streams 2.
func streams(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: streams NUMBER")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if strings.Contains(fetch(ts, ts.Getenv("SERVER")+"/metrics"), fmt.Sprintf("\nsojourn_streams_open %d\n", n)) {
			return
		}
	}
	ts.Fatalf("the server never had %d streams open", n)
}

func fetch(ts *testscript.TestScript, url string) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	ts.Check(err)
	res, err := http.DefaultClient.Do(q)
	ts.Check(err)
	defer func() { _ = res.Body.Close() }() // it was only read
	text, err := io.ReadAll(res.Body)
	ts.Check(err)
	return string(text)
}
