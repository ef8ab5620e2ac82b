package webhook_test

import (
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/store/teststore"
	"github.com/sojournhq/sojourn/internal/webhook"
)

func guard(t *testing.T, c webhook.GuardConfig) *webhook.Guard {
	t.Helper()
	g, err := webhook.NewGuard(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Addresses inside are refused in every way of writing them, when a URL is given and when it is connected to.
func TestAddressesInsideAreRefused(t *testing.T) {
	t.Parallel()
	g := guard(t, webhook.GuardConfig{AllowHTTP: true})
	for _, host := range []string{
		"127.0.0.1", "127.1.2.3", "[::1]", "[::]", "0.0.0.0", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "10.0.0.1", "172.16.0.1", "192.168.1.1",
		"169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "100.100.100.200", "100.64.0.1", "[fe80::1]", "[fe80::1%25lo]", "[64:ff9b::7f00:1]",
		"[64:ff9b:1::1]", "[2002:7f00:1::]", "224.0.0.1", "[ff02::1]", "255.255.255.255", "192.0.0.1", "198.18.0.1", "240.0.0.1",
		"localhost", "LOCALHOST.", "a.localhost", "8.8.8.8:22", "8.8.8.8:8080", "[2606:4700::1111]:6379",
	} {
		u, err := url.Parse("http://" + host + "/x")
		if err != nil {
			t.Fatal(err)
		}
		if g.CheckURL(u) == nil {
			t.Errorf("%s passes the check of the URL", host)
		}
		address := u.Host
		if u.Port() == "" {
			address = net.JoinHostPort(u.Hostname(), "80")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		conn, err := g.DialContext(ctx, "tcp", address)
		cancel()
		if err == nil {
			_ = conn.Close()
			t.Errorf("%s is connected to", host)
		} else if _, bad := netip.ParseAddr(u.Hostname()); bad == nil && !strings.Contains(err.Error(), "not public") {
			t.Errorf("%s: it was not the guard that refused it: %v", host, err)
		}
	}
	for _, host := range []string{"8.8.8.8", "[2606:4700::1111]:443", "example.com", "example.com:8443", "127.0.0.1.example.com"} {
		if err := g.CheckURL(&url.URL{Scheme: "https", Host: host}); err != nil {
			t.Errorf("%s is refused: %v", host, err)
		}
	}
	if err := guard(t, webhook.GuardConfig{}).CheckURL(&url.URL{Scheme: "http", Host: "example.com"}); err == nil || !strings.Contains(err.Error(), "https://") {
		t.Errorf("clear text: %v", err)
	}
}

// What the operator allows is reached, on any port, and nothing beside it.
func TestWhatIsAllowed(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	address := strings.TrimPrefix(s.URL, "http://")
	_, port, _ := net.SplitHostPort(address)
	for allow, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.0/8": true, "127.0.0.2/8": true, "::1": false, "127.0.0.2": false, "10.0.0.0/8": false, "hooks.internal": false,
	} {
		g := guard(t, webhook.GuardConfig{Allow: []string{allow}, AllowHTTP: true})
		if err := g.CheckURL(&url.URL{Scheme: "http", Host: address}); (err == nil) != want {
			t.Errorf("with %s allowed: %v", allow, err)
		}
		conn, err := g.DialContext(t.Context(), "tcp", address)
		if (err == nil) != want {
			t.Errorf("with %s allowed: %v", allow, err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
	named := guard(t, webhook.GuardConfig{Allow: []string{"LocalHost."}, AllowHTTP: true})
	if err := named.CheckURL(&url.URL{Scheme: "http", Host: "localhost:" + port}); err != nil {
		t.Error(err)
	}
	if conn, err := named.DialContext(t.Context(), "tcp", "localhost:"+port); err != nil {
		t.Error(err)
	} else {
		_ = conn.Close()
	}
	if _, err := named.DialContext(t.Context(), "tcp", address); err == nil {
		t.Error("the address behind an allowed name is reached by itself")
	}
	for _, bad := range []string{"10.0.0.0/33", "http://x", "a b", "", "*.example.com", "x:80"} {
		if _, err := webhook.NewGuard(webhook.GuardConfig{Allow: []string{bad}}); err == nil {
			t.Errorf("%q is understood", bad)
		}
	}
}

// nameServer answers each question for an address with the next of the addresses, and then always with the last one.
func nameServer(t *testing.T, asked *atomic.Int32, addresses ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	go func() {
		defer close(done)
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			q := b[:n]
			end := 12
			for end < n && q[end] != 0 {
				end += int(q[end]) + 1
			}
			end += 5
			if n < end {
				continue
			}
			kind := binary.BigEndian.Uint16(q[end-4:])
			a := append([]byte(nil), q[:end]...)
			a[2], a[3] = 0x81, 0x80                       // an answer
			copy(a[4:12], []byte{0, 1, 0, 0, 0, 0, 0, 0}) // one question
			if kind == 1 {
				i := min(int(asked.Add(1)), len(addresses)) - 1
				a[7] = 1
				a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				a = append(a, net.ParseIP(addresses[i]).To4()...)
			}
			_, _ = conn.WriteTo(a, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// A name that is public when it is looked at, and this machine when it is connected to, reaches nothing.
func TestRebinding(t *testing.T) {
	t.Parallel()
	inside, reached := receiver(t, accept)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(inside, "http://"))
	var asked atomic.Int32
	resolver := nameServer(t, &asked, "93.184.215.14", "127.0.0.1")
	if got, err := resolver.LookupHost(t.Context(), "rebind.test"); err != nil || len(got) != 1 || got[0] != "93.184.215.14" {
		t.Fatalf("the first look: %v, %v", got, err) // what a check before connecting would see
	}
	g := guard(t, webhook.GuardConfig{AllowHTTP: true, Resolver: resolver})
	for _, p := range []string{port, "80"} {
		if err := g.CheckURL(&url.URL{Scheme: "http", Host: "rebind.test:" + p}); err != nil {
			t.Fatal(err)
		}
	}
	b := run(t, teststore.Open(t), func(c *webhook.Config) { c.Guard = g })
	b.finished("http://rebind.test:" + port + "/")
	b.finished("http://rebind.test/")
	b.eventually("both were tried", func() bool {
		list := b.deliveries()
		return len(list) == 2 && list[0].Attempts > 0 && list[1].Attempts > 0
	})
	for _, d := range b.deliveries() {
		if v := b.delivery(d.ID); v.State != engine.DeliveryPending || !strings.Contains(v.Log[0].Error, "the destination was refused") {
			t.Errorf("%+v", v.Log)
		}
	}
	if asked.Load() < 2 {
		t.Errorf("the name was looked up %d times: the test proves nothing", asked.Load())
	}
	if len(reached.all()) > 0 {
		t.Errorf("reached: %s", reached)
	}
}

// A proxy in the environment would connect in place of the guard.
func TestNoProxy(t *testing.T) {
	proxied, reached := receiver(t, accept)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxied)
	}
	b := run(t, teststore.Open(t), func(c *webhook.Config) { c.Guard = guard(t, webhook.GuardConfig{AllowHTTP: true}) })
	b.finished("http://nowhere.invalid/")
	b.eventually("it was tried", func() bool { return b.deliveries()[0].Attempts > 0 })
	if len(reached.all()) > 0 {
		t.Errorf("the proxy was used: %s", reached)
	}
}
