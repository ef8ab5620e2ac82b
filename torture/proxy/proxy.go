// Package proxy stands between a program and PostgreSQL and breaks their connections in the ways in which networks do:
// it refuses, falls silent, delays, and cuts a connection at a chosen message, also after a commit was carried out and
// before its answer. It reads the protocol's messages and knows nothing else of either side.
package proxy

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// Weather is what the network does to everything until it is changed.
type Weather int

// The kinds of weather.
const (
	Fair    Weather = iota // all is passed on
	Refused                // new connections are reset, those that are open live on
	Silent                 // what is sent is lost in both directions, and nobody is told: connections become half-open
	Deaf                   // requests arrive, answers are lost
)

// Place is where a connection is cut.
type Place int

// The places.
const (
	// MidRequest is the middle of a message to the server.
	MidRequest Place = iota + 1
	// MidAnswer is the middle of a message from the server.
	MidAnswer
	// BeforeCommit is a COMMIT that the server never gets.
	BeforeCommit
	// AfterCommit is the answer to a COMMIT that was carried out, which the program never gets.
	AfterCommit
)

// Proxy listens on an address of its own and passes connections on to its target.
type Proxy struct {
	listener net.Listener
	ctx      context.Context
	end      context.CancelFunc
	wg       sync.WaitGroup

	mu      sync.Mutex
	target  string
	weather Weather
	latency time.Duration
	cut     *cut
	conns   map[*conn]struct{}
	passed  int64
	dialled int64
	asked   int64
}

// cut is an armed cut.
type cut struct {
	place Place
	left  int // messages at that place until it strikes
	done  chan struct{}
}

// Listen makes a proxy in front of target, an address of host and port.
func Listen(ctx context.Context, target string) (*Proxy, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: l, target: target, conns: map[*conn]struct{}{}}
	p.ctx, p.end = context.WithCancel(context.WithoutCancel(ctx))
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is the proxy's address.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Retarget sends new connections elsewhere. Those that are open stay.
func (p *Proxy) Retarget(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Set changes the weather. A connection that lost something in silence stays half-open when the weather is fair again:
// neither side hears of the other until Sweep or Reset.
func (p *Proxy) Set(w Weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weather = w
}

// Delay holds everything up by the given time in either direction.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = d
}

// Cut arms one cut: at the n-th message, from 1, of all connections that comes to the place, its connection is reset
// on both sides. The channel is closed when that has happened. A cut that has not yet struck is replaced.
func (p *Proxy) Cut(place Place, n int) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = &cut{place, n, make(chan struct{})}
	return p.cut.done
}

// Reset resets all connections that are open, and returns how many there were.
func (p *Proxy) Reset() int { return p.reset(func(*conn) bool { return true }) }

// Sweep resets the half-open connections, as keep-alive probes find them after a while, and returns how many there were.
func (p *Proxy) Sweep() int { return p.reset((*conn).isLost) }

func (p *Proxy) reset(which func(*conn) bool) (n int) {
	p.mu.Lock()
	var list []*conn
	for c := range p.conns {
		if which(c) {
			list = append(list, c)
		}
	}
	p.mu.Unlock()
	for _, c := range list {
		c.reset()
	}
	return len(list)
}

// Open is how many connections are open.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// Dialled is how many connections the program tried to make, those that were refused among them.
func (p *Proxy) Dialled() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dialled
}

// Asked is how many queries the program has sent: simple ones, and groups of messages that end with Sync.
func (p *Proxy) Asked() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// Passed is how many messages were passed on.
func (p *Proxy) Passed() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passed
}

// Close resets everything and stops listening.
func (p *Proxy) Close() error {
	p.end()
	err := p.listener.Close()
	p.Reset()
	p.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *Proxy) accept() {
	for {
		nc, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		c := &conn{proxy: p, client: nc, gone: make(chan struct{})}
		p.mu.Lock()
		p.dialled++
		refused := p.weather == Refused || p.ctx.Err() != nil
		if !refused {
			p.conns[c] = struct{}{}
		}
		p.mu.Unlock()
		if refused {
			abort(nc)
			continue
		}
		p.wg.Go(func() {
			c.serve()
			p.mu.Lock()
			delete(p.conns, c)
			p.mu.Unlock()
		})
	}
}

// sky is the weather and the latency of the moment.
func (p *Proxy) sky() (Weather, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.weather, p.latency
}

// strikes counts a message that came to a place, and says whether the connection is cut there. struck is then to be
// closed after the cut.
func (p *Proxy) strikes(place Place) (struck chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut == nil || p.cut.place != place {
		return nil
	}
	if p.cut.left--; p.cut.left > 0 {
		return nil
	}
	struck = p.cut.done
	p.cut = nil
	return struck
}

// abort closes a connection with a reset.
func abort(nc net.Conn) {
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = nc.Close()
}
