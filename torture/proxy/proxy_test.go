package proxy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// soon bounds what should happen at once; never is how long something is watched that must not happen.
const (
	soon  = 10 * time.Second
	never = 100 * time.Millisecond
)

// database stands for PostgreSQL: it refuses encryption, answers each query with its first word, each Execute with the
// word of its statement, and writes down what it got.
type database struct {
	listener net.Listener

	mu   sync.Mutex
	got  []string // texts of queries and executed statements
	ends int      // connections whose end it heard of
}

func newDatabase(t *testing.T) *database {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &database{listener: l}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				d.serve(nc)
				_ = nc.Close()
				d.mu.Lock()
				d.ends++
				d.mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return d
}

func (d *database) serve(nc net.Conn) {
	r := bufio.NewReader(nc)
	for {
		p, err := readPacket(r)
		if err != nil {
			return
		}
		if binary.BigEndian.Uint32(p[4:]) != codeSSL {
			break
		}
		_, _ = nc.Write([]byte{'N'})
	}
	_, _ = nc.Write(message('Z', "I"))
	in := framed{r}
	statement := ""
	for {
		m, _, err := in.next()
		if err != nil {
			return
		}
		text := ""
		switch m[0] {
		case 'P':
			_, rest := cut0(m[5:])
			statement, _ = cut0(rest)
			continue
		case 'B', 'S':
			continue
		case 'E':
			text = statement
		case 'Q':
			text, _ = cut0(m[5:])
		}
		d.mu.Lock()
		d.got = append(d.got, text)
		d.mu.Unlock()
		tag := strings.ToUpper(strings.Fields(text)[0])
		_, _ = nc.Write(message('C', tag+"\x00"))
	}
}

func (d *database) received(text string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.got, text)
}

func (d *database) ended() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ends
}

func message(kind byte, body string) []byte {
	m := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4))
	return append(m, body...)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(soon); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", soon, what)
		}
	}
}

// client is the program.
type client struct {
	t  *testing.T
	nc net.Conn
	r  *bufio.Reader
}

func between(t *testing.T, d *database) *Proxy {
	t.Helper()
	p, err := Listen(t.Context(), d.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if p.Open() != 0 {
			t.Errorf("%d connections are open after Close", p.Open())
		}
	})
	return p
}

func dial(t *testing.T, p *Proxy) *client {
	t.Helper()
	nc, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return &client{t, nc, bufio.NewReader(nc)}
}

// connect also greets.
func connect(t *testing.T, p *Proxy) *client {
	t.Helper()
	c := dial(t, p)
	c.greet()
	if m, err := c.next(soon); err != nil || m[0] != 'Z' {
		t.Fatalf("the greeting was answered with %q, %v", m, err)
	}
	return c
}

func (c *client) greet() {
	c.t.Helper()
	packet := func(code uint32, rest string) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(8+len(rest)))
		return append(binary.BigEndian.AppendUint32(b, code), rest...)
	}
	c.write(packet(codeSSL, ""))
	if b, err := c.r.ReadByte(); err != nil || b != 'N' {
		c.t.Fatalf("the wish for encryption was answered with %q, %v", b, err)
	}
	c.write(packet(3<<16, "user\x00nobody\x00\x00"))
}

func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) query(text string) { c.t.Helper(); c.write(message('Q', text+"\x00")) }

func (c *client) next(within time.Duration) ([]byte, error) {
	if err := c.nc.SetReadDeadline(time.Now().Add(within)); err != nil {
		return nil, err
	}
	m, _, err := (&framed{c.r}).next()
	return m, err
}

// answered expects an answer.
func (c *client) answered(tag string) {
	c.t.Helper()
	if m, err := c.next(soon); err != nil || string(m) != string(message('C', tag+"\x00")) {
		c.t.Fatalf("answered with %q, %v; want %s", m, err, tag)
	}
}

// silence expects nothing, for a while.
func (c *client) silence() {
	c.t.Helper()
	m, err := c.next(never)
	if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
		c.t.Fatalf("heard %q, %v; want nothing", m, err)
	}
}

// broken expects the end of the connection, and returns what came before.
func (c *client) broken() []byte {
	c.t.Helper()
	if err := c.nc.SetReadDeadline(time.Now().Add(soon)); err != nil {
		c.t.Fatal(err)
	}
	rest, err := io.ReadAll(c.r)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		c.t.Fatalf("the connection lives; heard %q", rest)
	}
	return rest
}

func TestFair(t *testing.T) {
	d := newDatabase(t)
	p := between(t, d)
	c := connect(t, p)
	long := "select '" + strings.Repeat("x", 300_000) + "'"
	for _, text := range []string{"begin", long, "commit"} {
		c.query(text)
		c.answered(strings.ToUpper(strings.Fields(text)[0]))
		if !d.received(text) {
			t.Errorf("the server did not get %.20q", text)
		}
	}
	c.prepared("select")
	c.answered("SELECT")
	c.write(message('S', ""))
	eventually(t, "the fourth query", func() bool { return p.Asked() == 4 })
	if p.Passed() < 6 {
		t.Errorf("%d messages were passed on", p.Passed())
	}
	_ = c.nc.Close()
	eventually(t, "the server to hear of the end", func() bool { return d.ended() == 1 })
}

func TestRefused(t *testing.T) {
	p := between(t, newDatabase(t))
	c := connect(t, p)
	p.Set(Refused)
	// The reset may come before or after the connection is seen as open.
	if nc, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Addr()); err == nil {
		(&client{t, nc, bufio.NewReader(nc)}).broken()
		_ = nc.Close()
	}
	c.query("select")
	c.answered("SELECT")
	p.Set(Fair)
	connect(t, p)
	if n := p.Dialled(); n != 3 {
		t.Errorf("%d connections were tried, want 3", n)
	}
}

func TestRetarget(t *testing.T) {
	one, two := newDatabase(t), newDatabase(t)
	p := between(t, one)
	old := connect(t, p)
	p.Retarget(two.listener.Addr().String())
	for _, c := range []*client{old, connect(t, p)} {
		c.query("select")
		c.answered("SELECT")
	}
	if !one.received("select") || !two.received("select") {
		t.Errorf("the old one got %v, the new one %v", one.got, two.got)
	}
}

// TestSilent also checks what makes a connection half-open: its end is not heard either, and it never comes back.
func TestSilent(t *testing.T) {
	d := newDatabase(t)
	p := between(t, d)
	quiet, busy, closed := connect(t, p), connect(t, p), connect(t, p)
	p.Set(Silent)
	late := dial(t, p)
	busy.query("lost")
	busy.silence()
	late.write([]byte{0, 0, 0, 8})
	late.silence()
	_ = closed.nc.Close()
	eventually(t, "three half-open connections", func() bool {
		n := 0
		p.mu.Lock()
		defer p.mu.Unlock()
		for c := range p.conns {
			if c.isLost() {
				n++
			}
		}
		return n == 3
	})
	p.Set(Fair)
	busy.query("again")
	busy.silence()
	if d.received("lost") || d.received("again") || d.ended() != 0 {
		t.Errorf("the server got %v and heard of %d ends", d.got, d.ended())
	}
	quiet.query("select")
	quiet.answered("SELECT")
	connect(t, p)
	if n := p.Sweep(); n != 3 {
		t.Errorf("%d connections were swept, want 3", n)
	}
	busy.broken()
	late.broken()
	eventually(t, "the server to hear of two ends", func() bool { return d.ended() == 2 })
	quiet.query("select")
	quiet.answered("SELECT")
}

func TestDeaf(t *testing.T) {
	d := newDatabase(t)
	p := between(t, d)
	c := connect(t, p)
	p.Set(Deaf)
	c.query("insert")
	eventually(t, "the request", func() bool { return d.received("insert") })
	c.silence()
	p.Set(Fair)
	c.query("select")
	c.silence()
	if d.received("select") {
		t.Error("the half-open connection came back")
	}
}

func TestDelay(t *testing.T) {
	p := between(t, newDatabase(t))
	c := connect(t, p)
	p.Delay(40 * time.Millisecond)
	began := time.Now()
	c.query("select")
	c.answered("SELECT")
	if took := time.Since(began); took < 80*time.Millisecond {
		t.Errorf("there and back took %s, want twice 40 ms", took)
	}
}

func TestReset(t *testing.T) {
	p := between(t, newDatabase(t))
	a, b := connect(t, p), connect(t, p)
	if n := p.Reset(); n != 2 {
		t.Errorf("%d connections were reset", n)
	}
	a.broken()
	b.broken()
	connect(t, p)
}

// prepared sends a statement as pgx does in a batch: Parse, Bind, Execute.
func (c *client) prepared(text string) {
	c.t.Helper()
	c.write(slices.Concat(
		message('P', "s1\x00"+text+"\x00\x00\x00"), message('B', "\x00s1\x00\x00\x00\x00\x00\x00\x00"), message('E', "\x00\x00\x00\x00\x00"),
	))
}

func TestCut(t *testing.T) {
	for _, x := range []struct {
		place     Place
		text      string // at which it strikes
		prepared  bool
		received  bool // by the server
		something bool // of the answer arrives
	}{
		{MidRequest, "select 'a rather long request'", false, false, false},
		{MidAnswer, "select", false, true, true},
		{BeforeCommit, "commit", false, false, false},
		{BeforeCommit, "COMMIT", true, false, false},
		{BeforeCommit, "insert; commit;", false, false, false},
		{AfterCommit, "commit", false, true, false},
		{AfterCommit, "commit", true, true, false},
	} {
		t.Run(fmt.Sprintf("%d %s", x.place, x.text), func(t *testing.T) {
			d := newDatabase(t)
			p := between(t, d)
			c, other := connect(t, p), connect(t, p)
			n := 2
			if x.place == BeforeCommit || x.place == AfterCommit {
				n = 1
			}
			struck := p.Cut(x.place, n)
			c.query("first")
			c.answered("FIRST")
			select {
			case <-struck:
				t.Fatal("it struck at another message")
			default:
			}
			if x.prepared {
				c.prepared(x.text)
			} else {
				c.query(x.text)
			}
			if rest := c.broken(); (len(rest) > 0) != x.something {
				t.Errorf("%q arrived", rest)
			}
			select {
			case <-struck:
			case <-time.After(soon):
				t.Error("the cut does not say that it struck")
			}
			eventually(t, "the server to hear of the end", func() bool { return d.ended() == 1 })
			if d.received(x.text) != x.received {
				t.Errorf("the server got %q", d.got)
			}
			// It strikes once.
			for _, c := range []*client{other, connect(t, p)} {
				c.query(x.text)
				c.answered(strings.ToUpper(strings.Fields(x.text)[0]))
			}
		})
	}
}

func TestCommit(t *testing.T) {
	for text, want := range map[string]bool{
		"commit": true, " COMMIT ;": true, "end": true, "commit work": true, "insert into x values (1); commit": true,
		"select 'commit'": false, "update x set committed = true": false, "rollback": false, "select x from y where z = 'a' -- commit": false,
		"commit prepared 'x'": false,
	} {
		if got := commit.MatchString(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
