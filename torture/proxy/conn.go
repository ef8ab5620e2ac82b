package proxy

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"
)

// conn is one connection of the program, with the proxy's own to the server.
type conn struct {
	proxy          *Proxy
	client, server net.Conn

	mu   sync.Mutex
	lost bool // something was lost in it: it carries nothing any more
	over bool
	gone chan struct{}
}

// mostMessage bounds a message; PostgreSQL's own bound is 1 GiB.
const mostMessage = 256 << 20

// serve passes on until one side ends.
func (c *conn) serve() {
	defer c.reset()
	if !c.dial() {
		return
	}
	fromClient, fromServer := bufio.NewReaderSize(c.client, 64<<10), bufio.NewReaderSize(c.server, 64<<10)
	plain, ok := c.greet(fromClient, fromServer)
	if !ok {
		return
	}
	var requests, answers reader = &framed{r: fromClient}, &framed{r: fromServer}
	if !plain {
		requests, answers = chunks{fromClient}, chunks{fromServer}
	}
	var wg sync.WaitGroup
	wg.Go(func() { c.pump(requests, c.server, &frontend{}) })
	wg.Go(func() { c.pump(answers, c.client, backend{}) })
	wg.Wait()
}

// dial connects to the server. In silence nobody answers.
func (c *conn) dial() bool {
	p := c.proxy
	p.mu.Lock()
	target, weather := p.target, p.weather
	p.mu.Unlock()
	if weather == Silent {
		c.lose()
		<-c.gone
		return false
	}
	d := net.Dialer{Timeout: 5 * time.Second}
	nc, err := d.DialContext(p.ctx, "tcp", target)
	if err != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		abort(nc)
		return false
	}
	c.server = nc
	return true
}

// Codes of the packets with which a connection begins.
const (
	codeSSL    = 80877103
	codeGSS    = 80877104
	codeCancel = 80877102
)

// greet passes on the packets before the messages. plain is false when the rest is encrypted.
func (c *conn) greet(client, server *bufio.Reader) (plain, ok bool) {
	for {
		packet, err := readPacket(client)
		if err != nil || !c.pass(c.server, packet, true) {
			return false, false
		}
		switch code := binary.BigEndian.Uint32(packet[4:]); code {
		case codeSSL, codeGSS:
			answer, err := server.ReadByte()
			if err != nil || !c.pass(c.client, []byte{answer}, false) {
				return false, false
			}
			if answer != 'N' && answer != 'E' {
				return false, true
			}
		case codeCancel:
			return false, true
		default:
			return true, true
		}
	}
}

// readPacket reads a packet without a type.
func readPacket(r *bufio.Reader) ([]byte, error) {
	head := make([]byte, 8)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(head))
	if n < 8 || n > 64<<10 {
		return nil, errMessage
	}
	packet := append(head, make([]byte, n-8)...)
	_, err := io.ReadFull(r, packet[8:])
	return packet, err
}

// pump passes messages on in one direction. What has arrived together leaves together.
func (c *conn) pump(from reader, to net.Conn, w watcher) {
	_, framed := from.(*framed)
	var out []byte
	for {
		message, more, err := from.next()
		if err != nil {
			c.ended()
			return
		}
		if framed {
			if struck, half := c.struck(w, message); struck != nil {
				if half {
					_, _ = to.Write(append(out, message[:len(message)/2]...))
				}
				c.reset()
				close(struck)
				return
			}
		}
		c.proxy.mu.Lock()
		c.proxy.passed++
		if framed && to == c.server && (message[0] == 'Q' || message[0] == 'S') {
			c.proxy.asked++
		}
		c.proxy.mu.Unlock()
		if out = append(out, message...); more && len(out) < 64<<10 {
			continue
		}
		if !c.pass(to, out, to == c.server) {
			return
		}
		out = out[:0]
	}
}

// struck says whether the connection is cut at the message, and whether half of it is to be passed on before.
func (c *conn) struck(w watcher, message []byte) (struck chan struct{}, half bool) {
	for _, place := range w.places(message) {
		if struck := c.proxy.strikes(place); struck != nil {
			return struck, place == MidRequest || place == MidAnswer
		}
	}
	return nil, false
}

// ended is the end of one direction: the other side is told, unless the connection is half-open.
func (c *conn) ended() {
	weather, _ := c.proxy.sky()
	if weather == Silent {
		c.lose() // the end is lost as well
	}
	if !c.isLost() {
		c.reset()
		return
	}
	<-c.gone
}

// pass writes as the weather says. It is false when the connection is over.
func (c *conn) pass(to net.Conn, data []byte, request bool) bool {
	weather, latency := c.proxy.sky()
	if latency > 0 {
		timer := time.NewTimer(latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.gone:
			return false
		}
	}
	if weather == Silent || weather == Deaf && !request {
		c.lose()
	}
	if c.isLost() && (weather != Deaf || !request) {
		return true // and nobody gets it
	}
	if _, err := to.Write(data); err != nil {
		c.ended()
		return false
	}
	return true
}

func (c *conn) lose() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = true
}

func (c *conn) isLost() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

// reset ends both sides at once.
func (c *conn) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	c.over = true
	close(c.gone)
	abort(c.client)
	if c.server != nil {
		abort(c.server)
	}
}
