package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/pgtest"
)

// browser stands for a browser that is started with an address: it asks there twice and writes down what it was told.
func browser() {
	said := fmt.Sprintln("arguments", strings.Join(os.Args[1:], " "))
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, name := range []string{"first", "second"} {
		res, err := client.Get(os.Args[len(os.Args)-1])
		if err != nil {
			break // who was told once need not be there any more
		}
		_ = res.Body.Close()
		said += fmt.Sprintln(name, res.StatusCode, res.Header.Get("Location"))
	}
	// In one move: the program that started this does not wait for its end.
	if err := os.WriteFile("visiting", []byte(said), 0o600); err != nil {
		panic(err)
	}
	if err := os.Rename("visiting", "visited"); err != nil {
		panic(err)
	}
}

// visit asks as a page of the dashboard does, with the cookie if there is one, and returns the status and the cookie that
// was set.
func visit(t *testing.T, url, method, path, cookie, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if cookie != "" {
		r.Header.Set("Cookie", "__Host-sojourn="+cookie)
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for _, c := range res.Cookies() {
		if c.Name == "__Host-sojourn" {
			cookie = c.Value
		}
	}
	return res.StatusCode, cookie
}

func signIn(t *testing.T, url string) string {
	t.Helper()
	status, cookie := visit(t, url, "POST", "/ui/session", "", `{"api_key":"`+processKey+`"}`)
	if status != http.StatusOK || cookie == "" {
		t.Fatalf("sign-in: %d", status)
	}
	return cookie
}

// A sign-in outlives the server, and nothing of it stands in the log.
func TestASignInOutlivesARestart(t *testing.T) {
	t.Parallel()
	p := serve(t, t.TempDir())
	cookie := signIn(t, p.url)
	if status, _ := visit(t, p.url, "POST", "/ui/session", "", `{"api_key":"another-key-of-nobody"}`); status != http.StatusUnauthorized {
		t.Errorf("a bad key: %d", status)
	}
	if status, _ := visit(t, p.url, "GET", "/ui/v1/executions", cookie, ""); status != http.StatusOK {
		t.Errorf("with the cookie: %d", status)
	}
	if status, _ := visit(t, p.url, "GET", "/v1/executions", cookie, ""); status != http.StatusUnauthorized {
		t.Errorf("with the cookie on /v1: %d", status)
	}
	for path, want := range map[string]string{"/": "text/html", "/executions/exec_1": "text/html", "/nothing": "text/html", "/v1/nothing": "application/problem+json"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", p.url+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if policy := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(res.Header.Get("Content-Type"), want) ||
			!strings.HasPrefix(policy, "default-src 'none'") || want == "text/html" && !strings.Contains(policy, "require-trusted-types-for 'script'") {
			t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
		}
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.wait(t)
	said := p.stderr.String()
	for _, want := range []string{`"msg":"signed in"`, `"msg":"sign-in refused"`, `"address":"127.0.0.1"`} {
		if !strings.Contains(said, want) {
			t.Errorf("the log does not have %s", want)
		}
	}
	for _, secret := range []string{processKey, "another-key-of-nobody", cookie, cookie[:20]} {
		if strings.Contains(said, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	p = serve(t, p.data)
	if status, _ := visit(t, p.url, "GET", "/ui/session", cookie, ""); status != http.StatusOK {
		t.Errorf("after a restart: %d", status)
	}
	key, err := os.ReadFile(filepath.Join(p.data, "secret.key"))
	if err != nil || !regexp.MustCompile(`[A-Za-z0-9+/]{43}=`).Match(key) {
		t.Errorf("%v: what seals it is not in the data directory", err)
	}
}

// Servers of one database accept each other's sign-ins, and all end them with the key.
func TestServersOfAClusterShareSignIns(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	var urls []string
	for range 2 {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		served(t, address, "--database-url", database)
		urls = append(urls, "http://"+address)
	}
	cookies := []string{signIn(t, urls[0]), signIn(t, urls[1])}
	for i, cookie := range cookies {
		for j, url := range urls {
			if status, _ := visit(t, url, "GET", "/ui/v1/info", cookie, ""); status != http.StatusOK {
				t.Errorf("the sign-in at server %d at server %d: %d", i, j, status)
			}
		}
	}
	p := &process{url: urls[1]}
	status, _, text := p.call("GET", "/v1/keys", "")
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	id := regexp.MustCompile(`key_[0-9a-z]{26}`).Find(text)
	if status, _, text := p.call("DELETE", "/v1/keys/"+string(id), ""); status != http.StatusNoContent {
		t.Fatalf("revoke %s: %d %s", id, status, text)
	}
	for _, url := range urls {
		for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
			if status, _ := visit(t, url, "GET", "/ui/v1/info", cookies[0], ""); status == http.StatusUnauthorized {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("the sign-in outlives its key at %s", url)
			}
		}
	}
}
