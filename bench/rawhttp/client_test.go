package rawhttp_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/bench/rawhttp"
)

func start(t *testing.T, h http.HandlerFunc) (addr string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func client(t *testing.T, addr string) *rawhttp.Client {
	t.Helper()
	c := rawhttp.NewClient(addr, 10*time.Second)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func do(t *testing.T, c *rawhttp.Client, req rawhttp.Request) rawhttp.Response {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func headers(t *testing.T, namesAndValues ...string) rawhttp.Headers {
	t.Helper()
	h, err := rawhttp.NewHeaders(namesAndValues...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// echo answers with what it received, one item a line.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	w.Header().Set("X-Remote", r.RemoteAddr)
	if r.Method == "PUT" {
		w.WriteHeader(http.StatusCreated)
	}
	_, _ = fmt.Fprintf(w, "%s %s\n%s\n%s\n%d\n%s\n%v", r.Method, r.URL, r.Host, r.Header.Get("X-Test"), r.ContentLength, body, err)
}

func TestRequestArrivesWhole(t *testing.T) {
	t.Parallel()
	addr := start(t, echo)
	c := client(t, addr)
	h := headers(t, "X-Test", "some value", "Content-Type", "application/json")
	for _, v := range []struct {
		req    rawhttp.Request
		status int
		body   string
	}{
		{rawhttp.Request{Path: "/a?b=c"}, 200, "GET /a?b=c\n" + addr + "\n\n0\n\n<nil>"},
		{rawhttp.Request{Path: "/p", Body: []byte("hello"), Headers: h}, 200, "POST /p\n" + addr + "\nsome value\n5\nhello\n<nil>"},
		{rawhttp.Request{Path: "/p", Body: []byte{}}, 200, "POST /p\n" + addr + "\n\n0\n\n<nil>"},
		{rawhttp.Request{Method: "PUT", Path: "/q", Body: []byte("x")}, 201, "PUT /q\n" + addr + "\n\n1\nx\n<nil>"},
		{rawhttp.Request{Method: "DELETE", Path: "/d"}, 200, "DELETE /d\n" + addr + "\n\n0\n\n<nil>"},
	} {
		resp := do(t, c, v.req)
		if resp.Status != v.status || string(resp.Body) != v.body {
			t.Errorf("%+v: got %d %q, want %d %q", v.req, resp.Status, resp.Body, v.status, v.body)
		}
	}
}

func TestConnectionIsKept(t *testing.T) {
	t.Parallel()
	c := client(t, start(t, echo))
	first := do(t, c, rawhttp.Request{Path: "/"}).Header("x-remote")
	for range 3 {
		if got := do(t, c, rawhttp.Request{Path: "/"}).Header("X-REMOTE"); got != first || got == "" {
			t.Errorf("connection %q, was %q", got, first)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got := do(t, c, rawhttp.Request{Path: "/"}).Header("x-remote"); got == first {
		t.Error("the same connection after Close")
	}
}

func TestBodiesOfEveryFraming(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 30_000)
	c := client(t, start(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chunked":
			for part := range strings.SplitSeq(long, "9") {
				_, _ = io.WriteString(w, part+"9")
				w.(http.Flusher).Flush()
			}
		case "/trailer":
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, "with trailer")
			w.(http.Flusher).Flush()
			w.Header().Set("X-Sum", "1")
		case "/length":
			w.Header().Set("Content-Length", fmt.Sprint(len(long)))
			_, _ = io.WriteString(w, long)
		case "/early":
			w.WriteHeader(http.StatusEarlyHints)
			_, _ = io.WriteString(w, "after 103")
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
		case "/unchanged":
			w.WriteHeader(http.StatusNotModified)
		case "/close":
			w.Header().Set("Connection", "close")
			_, _ = io.WriteString(w, "last")
		}
	}))
	for _, v := range []struct {
		method, path, want string
		status             int
	}{
		{"GET", "/chunked", long + "9", 200},
		{"GET", "/length", long, 200},
		{"HEAD", "/length", "", 200},
		{"GET", "/trailer", "with trailer", 200},
		{"GET", "/early", "after 103", 200},
		{"GET", "/empty", "", 204},
		{"GET", "/unchanged", "", 304},
		{"GET", "/close", "last", 200},
		{"GET", "/length", long, 200},
	} {
		resp := do(t, c, rawhttp.Request{Method: v.method, Path: v.path})
		if resp.Status != v.status || string(resp.Body) != v.want {
			t.Errorf("%s %s: got %d with %d bytes, want %d with %d", v.method, v.path, resp.Status, len(resp.Body), v.status, len(v.want))
		}
	}
}

// script is a server that answers every request on its first connection with
// the same bytes and then closes it.
func script(t *testing.T, answer string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.WriteString(conn, answer)
		}
	}()
	return l.Addr().String()
}

func TestAnswersByTheByte(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"HTTP/1.1 200 OK\r\n\r\nuntil the end":                                                                        "until the end",
		"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok":                                                              "ok",
		"HTTP/1.1 200\x20\r\ncontent-LENGTH:\t2 \r\n\r\nok":                                                           "ok",
		"HTTP/1.1 200 OK\nContent-Length: 2\n\nok":                                                                    "ok",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":                                 "ok",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nA;ext=1\r\n0123456789\r\n01 \r\nx\r\n0\r\nT: 1\r\n\r\n": "0123456789x",
	} {
		resp, err := rawhttp.NewClient(script(t, answer), 10*time.Second).Do(rawhttp.Request{Path: "/"})
		if err != nil || resp.Status != 200 || string(resp.Body) != want {
			t.Errorf("%q: got %d %q, %v; want %q", answer, resp.Status, resp.Body, err, want)
		}
	}
}

func TestBadAnswersAreErrors(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"":                         "unexpected EOF",
		"SSH-2.0-OpenSSH\r\n":      "bad status line",
		"HTTP/1.1 2x0 OK\r\n\r\n":  "bad status line",
		"HTTP/1.1 99 Odd!\r\n\r\n": "bad status line",
		"HTTP/1.1 200 OK\r\nX: y":  "unexpected EOF",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n":                        "Content-Length",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n":               "Content-Length",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc":                      "unexpected EOF",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n":                   "Transfer-Encoding",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n":          "bad chunk size",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n":    "chunk longer than its size",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n":    "longer than",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n": "bad chunk size",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n":     "unexpected EOF",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 5000) + "\r\n\r\n":      "line longer than",
	} {
		resp, err := rawhttp.NewClient(script(t, answer), 10*time.Second).Do(rawhttp.Request{Path: "/"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %d %q, %v; want an error with %q", answer, resp.Status, resp.Body, err, want)
		}
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	addr := start(t, func(http.ResponseWriter, *http.Request) { <-stuck })
	defer close(stuck)
	c := rawhttp.NewClient(addr, 50*time.Millisecond)
	if _, err := c.Do(rawhttp.Request{Path: "/"}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want a timeout", err)
	}
}

func TestServerGoneAndBack(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(echo))
	c := client(t, s.Listener.Addr().String())
	do(t, c, rawhttp.Request{Path: "/"})
	s.CloseClientConnections()
	if _, err := c.Do(rawhttp.Request{Path: "/"}); err == nil {
		t.Error("no error on a connection that the server closed")
	}
	do(t, c, rawhttp.Request{Path: "/"})
	s.Close()
	if _, err := c.Do(rawhttp.Request{Path: "/"}); err == nil {
		t.Error("no error without a server")
	}
	if _, err := c.Do(rawhttp.Request{Path: "/"}); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v, want connection refused", err)
	}
}

func TestBadHeaders(t *testing.T) {
	t.Parallel()
	for _, kv := range [][]string{
		{"X"},
		{"", "v"},
		{"X Y", "v"},
		{"X:", "v"},
		{"X", "v\r\nY: z"},
		{"content-length", "3"},
		{"Host", "h"},
	} {
		if _, err := rawhttp.NewHeaders(kv...); err == nil {
			t.Errorf("%q accepted", kv)
		}
	}
}

func BenchmarkDo(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok")
	}))
	defer s.Close()
	c := rawhttp.NewClient(s.Listener.Addr().String(), time.Minute)
	body := []byte(`{"workflow_id":"noop"}`)
	for b.Loop() {
		if _, err := c.Do(rawhttp.Request{Path: "/", Body: body}); err != nil {
			b.Fatal(err)
		}
	}
}
