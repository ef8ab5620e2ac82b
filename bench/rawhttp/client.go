package rawhttp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Request is one request. Its memory may be used again once Do has returned.
type Request struct {
	// Method defaults to GET, and to POST when there is a body.
	Method string
	// Path begins with a slash and is sent as it is, query included.
	Path string
	// Headers are sent beside Host and Content-Length, which Do adds.
	Headers Headers
	Body    []byte
}

// Headers is a block of header lines, built once for many requests. The zero
// value is empty.
type Headers struct{ block string }

// NewHeaders builds a block from names and values in turn.
func NewHeaders(namesAndValues ...string) (Headers, error) {
	if len(namesAndValues)%2 != 0 {
		return Headers{}, errors.New("rawhttp: headers: a name without a value")
	}
	var b strings.Builder
	for i := 0; i < len(namesAndValues); i += 2 {
		name, value := namesAndValues[i], namesAndValues[i+1]
		if name == "" || strings.ContainsAny(name, "\r\n: ") {
			return Headers{}, fmt.Errorf("rawhttp: headers: bad name %q", name)
		}
		if strings.ContainsAny(value, "\r\n") {
			return Headers{}, fmt.Errorf("rawhttp: headers: line break in the value of %q", name)
		}
		if strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "Host") || strings.EqualFold(name, "Transfer-Encoding") {
			return Headers{}, fmt.Errorf("rawhttp: headers: %q is for the client to send", name)
		}
		b.WriteString(name + ": " + value + "\r\n")
	}
	return Headers{b.String()}, nil
}

// Response is an answer. Head and Body are valid until the next Do of the
// same client.
type Response struct {
	Status int
	// Head are the header lines as they came, without the status line.
	Head []byte
	Body []byte
}

// Header returns the first value of a header, or "".
func (r Response) Header(name string) string {
	for line := range strings.SplitSeq(string(r.Head), "\n") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(k, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// MaxBody is the longest body that Do accepts, in bytes.
const MaxBody = 64 << 20

// Client sends requests one after the other over one connection. It is not
// for use by several goroutines at a time.
type Client struct {
	addr    string
	timeout time.Duration

	r     *bufio.Reader
	out   []byte
	head  []byte
	body  []byte
	reuse bool

	mu          sync.Mutex // guards what interrupt touches beside Do
	conn        net.Conn
	interrupted bool
}

// NewClient makes a client of host:port. The timeout is for each request
// whole, the connection included; zero is none.
func NewClient(addr string, timeout time.Duration) *Client {
	return &Client{addr: addr, timeout: timeout}
}

// Close closes the connection; the next Do opens another one.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}

// interrupt fails the request in flight and all later ones.
func (c *Client) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interrupted = true
	if c.conn != nil {
		_ = c.conn.Close() // the request reports it
	}
}

// connect opens a connection unless there is one.
func (c *Client) connect(deadline time.Time) error {
	if c.conn != nil {
		return nil
	}
	conn, err := (&net.Dialer{Deadline: deadline}).Dial("tcp", c.addr)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.interrupted {
		return errors.Join(net.ErrClosed, conn.Close())
	}
	c.conn = conn
	if c.r == nil {
		c.r = bufio.NewReader(conn)
	} else {
		c.r.Reset(conn)
	}
	return nil
}

// Do sends a request and reads the answer. After an error the next Do opens a
// new connection; nothing is ever sent twice.
func (c *Client) Do(req Request) (Response, error) {
	var deadline time.Time
	if c.timeout > 0 {
		deadline = time.Now().Add(c.timeout)
	}
	if err := c.connect(deadline); err != nil {
		return Response{}, fmt.Errorf("rawhttp: %w", err)
	}
	resp, err := c.exchange(req, deadline)
	if err != nil {
		err = fmt.Errorf("rawhttp: %s %s: %w", req.Method, req.Path, err)
	}
	if err != nil || !c.reuse {
		if e := c.Close(); err == nil && e != nil {
			err = fmt.Errorf("rawhttp: close: %w", e)
		}
	}
	return resp, err
}

func (c *Client) exchange(req Request, deadline time.Time) (Response, error) {
	if err := c.conn.SetDeadline(deadline); err != nil {
		return Response{}, err
	}
	method := req.Method
	if method == "" {
		method = "GET"
		if req.Body != nil {
			method = "POST"
		}
	}
	b := append(c.out[:0], method...)
	b = append(b, ' ')
	b = append(b, req.Path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, c.addr...)
	b = append(b, "\r\n"...)
	b = append(b, req.Headers.block...)
	if req.Body != nil {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(req.Body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	b = append(b, req.Body...)
	c.out = b
	if _, err := c.conn.Write(b); err != nil {
		return Response{}, err
	}
	for {
		resp, f, err := c.readHead()
		if err != nil {
			return resp, err
		}
		if resp.Status < 200 && resp.Status != 101 {
			continue
		}
		if method == "HEAD" || resp.Status == 204 || resp.Status == 304 || resp.Status == 101 {
			f = framing{close: f.close || resp.Status == 101}
		} else if err := c.readBody(f); err != nil {
			return resp, fmt.Errorf("body: %w", err)
		} else {
			resp.Body = c.body
		}
		c.reuse = !f.close
		return resp, nil
	}
}

// framing says where a body ends.
type framing struct {
	length  int64
	sized   bool
	chunked bool
	close   bool
}

func (c *Client) readHead() (Response, framing, error) {
	var resp Response
	var f framing
	line, err := c.line()
	if err != nil {
		return resp, f, err
	}
	// HTTP/1.1 200 OK
	if len(line) < 12 || string(line[:7]) != "HTTP/1." || line[8] != ' ' {
		return resp, f, fmt.Errorf("bad status line %q", line)
	}
	status, ok := number(line[9:12])
	if !ok || status < 100 {
		return resp, f, fmt.Errorf("bad status line %q", line)
	}
	resp.Status = int(status)
	f.close = line[7] == '0'
	c.head = c.head[:0]
	for {
		line, err := c.line()
		if err != nil {
			return resp, f, err
		}
		if len(line) == 0 {
			resp.Head = c.head
			return resp, f, nil
		}
		c.head = append(append(c.head, line...), '\n')
		switch line[0] | 0x20 {
		case 'c':
			if v, ok := value(line, "content-length"); ok {
				if f.length, f.sized = number(v); !f.sized || f.length > MaxBody {
					return resp, f, fmt.Errorf("bad or too large Content-Length %q", v)
				}
			} else if v, ok := value(line, "connection"); ok {
				f.close = f.close || foldEqual(v, "close")
			}
		case 't':
			if v, ok := value(line, "transfer-encoding"); ok {
				if !foldEqual(v, "chunked") {
					return resp, f, fmt.Errorf("unknown Transfer-Encoding %q", v)
				}
				f.chunked = true
			}
		}
	}
}

func (c *Client) readBody(f framing) error {
	c.body = c.body[:0]
	switch {
	case f.chunked:
		return c.readChunks()
	case f.sized:
		return c.take(int(f.length))
	}
	// Neither: the end of the connection is the end of the body.
	c.reuse = false
	rest, err := io.ReadAll(io.LimitReader(c.r, MaxBody+1))
	if err == nil && len(rest) > MaxBody {
		err = fmt.Errorf("longer than %d bytes", MaxBody)
	}
	c.body = rest
	return err
}

func (c *Client) readChunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size := int64(0)
		digits := 0
		for ; digits < len(line); digits++ {
			d := strings.IndexByte("0123456789abcdef", line[digits]|0x20)
			if d < 0 || digits > 8 {
				break
			}
			size = size<<4 | int64(d)
		}
		if digits == 0 || digits < len(line) && line[digits] != ';' && line[digits] != ' ' {
			return fmt.Errorf("bad chunk size %q", line)
		}
		if int64(len(c.body))+size > MaxBody {
			return fmt.Errorf("longer than %d bytes", MaxBody)
		}
		if size == 0 {
			for { // trailers
				if line, err := c.line(); err != nil || len(line) == 0 {
					return err
				}
			}
		}
		if err := c.take(int(size)); err != nil {
			return err
		}
		if line, err := c.line(); err != nil {
			return err
		} else if len(line) != 0 {
			return fmt.Errorf("chunk longer than its size, then %q", line)
		}
	}
}

// take appends the next n bytes to the body.
func (c *Client) take(n int) error {
	at := len(c.body)
	if need := at + n; need <= cap(c.body) {
		c.body = c.body[:need]
	} else {
		c.body = append(c.body, make([]byte, n)...)
	}
	_, err := io.ReadFull(c.r, c.body[at:])
	return err
}

// line returns the next line without its end. It is valid until the next read.
func (c *Client) line() ([]byte, error) {
	b, err := c.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("line longer than %d bytes", len(b))
	}
	if errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	b = b[:len(b)-1]
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	return b, nil
}

// value returns the value of a header line with the given lower-case name.
func value(line []byte, name string) ([]byte, bool) {
	if len(line) <= len(name) || line[len(name)] != ':' || !foldEqual(line[:len(name)], name) {
		return nil, false
	}
	v := line[len(name)+1:]
	for len(v) > 0 && (v[0] == ' ' || v[0] == '\t') {
		v = v[1:]
	}
	for len(v) > 0 && (v[len(v)-1] == ' ' || v[len(v)-1] == '\t') {
		v = v[:len(v)-1]
	}
	return v, true
}

func foldEqual(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, x := range b {
		if 'A' <= x && x <= 'Z' {
			x |= 0x20
		}
		if x != lower[i] {
			return false
		}
	}
	return true
}

// number reads a decimal without sign.
func number(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 15 {
		return 0, false
	}
	n := int64(0)
	for _, x := range b {
		if x < '0' || x > '9' {
			return 0, false
		}
		n = n*10 + int64(x-'0')
	}
	return n, true
}
