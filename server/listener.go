package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// listen opens the listener, and refuses one without TLS that other machines could reach.
func listen(ctx context.Context, cfg *Config) (*capped, error) {
	if cfg.TLSCert == "" && !cfg.InsecureHTTP {
		if err := onlyLoopback(ctx, cfg.Listen); err != nil {
			return nil, err
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return nil, err
	}
	return &capped{
		Listener: l, most: cfg.MaxConnections, each: cfg.MaxConnectionsPerAddress,
		from: map[netip.Addr]int{},
	}, nil
}

// onlyLoopback refuses an address that is not of this machine alone.
func onlyLoopback(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("listen address %q: %w; write host:port, such as %s", address, err, DefaultListen)
	}
	refused := fmt.Errorf("listening on %q without TLS would send API keys in clear text over the network; "+
		"give a TLS certificate and key, listen on 127.0.0.1:%s, or allow it when a proxy in front does the encrypting (--insecure-http, Config.InsecureHTTP)", address, port)
	if host == "" {
		return refused
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return fmt.Errorf("listen address %q: %w", address, err)
	}
	for _, ip := range found {
		if !ip.Unmap().IsLoopback() {
			return refused
		}
	}
	return nil
}

// capped is a listener that disconnects clients above its limits.
type capped struct {
	net.Listener
	most, each int

	mu      sync.Mutex
	open    int
	from    map[netip.Addr]int // connections of other machines, by address
	refused int64
}

// Accept waits for the next connection within the limits.
func (l *capped) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		ip := counted(conn.RemoteAddr())
		if l.admit(ip) {
			return &cappedConn{Conn: conn, l: l, ip: ip}, nil
		}
		if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			continue // the client was gone first
		}
	}
}

// counted is the address that a connection is counted for; the zero address is not limited. An IPv6 network of 64 bits
// counts as one, for one host has that much.
func counted(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	switch {
	case ip.IsLoopback():
		return netip.Addr{}
	case ip.Is6():
		return netip.PrefixFrom(ip, 64).Masked().Addr()
	default:
		return ip
	}
}

func (l *capped) admit(ip netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.most || ip.IsValid() && l.from[ip] >= l.each {
		l.refused++
		return false
	}
	l.open++
	if ip.IsValid() {
		l.from[ip]++
	}
	return true
}

func (l *capped) release(ip netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if !ip.IsValid() {
		return
	}
	if l.from[ip]--; l.from[ip] == 0 {
		delete(l.from, ip)
	}
}

// connections are how many are open, and how many were refused.
func (l *capped) connections() (open int, refused int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open, l.refused
}

// cappedConn gives its place back once, when it is closed.
type cappedConn struct {
	net.Conn
	l    *capped
	ip   netip.Addr
	once sync.Once
}

func (c *cappedConn) Close() error {
	c.once.Do(func() { c.l.release(c.ip) })
	return c.Conn.Close()
}
