package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// scripted is a listener of connections that a test hands in.
type scripted struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (s *scripted) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}

func (s *scripted) Close() error   { s.once.Do(func() { close(s.done) }); return nil }
func (s *scripted) Addr() net.Addr { return &net.TCPAddr{} }

// from is a connection that comes from an address.
type from struct {
	net.Conn
	addr string
}

func (f from) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(f.addr), 4711))
}

func TestConnectionsAreCapped(t *testing.T) {
	t.Parallel()
	l := &capped{
		Listener: &scripted{conns: make(chan net.Conn), done: make(chan struct{})},
		most:     5, each: 2, from: map[netip.Addr]int{},
	}
	in := l.Listener.(*scripted)
	accepted := make(chan net.Conn)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	connect := func(addr string) (inside net.Conn, admitted bool) {
		t.Helper()
		here, there := net.Pipe()
		in.conns <- from{there, addr}
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			_ = here.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := here.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				<-t.Context().Done()
			}
		}()
		select {
		case c := <-accepted:
			t.Cleanup(func() { _ = c.Close() })
			return c, true
		case <-closed:
			return nil, false
		}
	}
	expect := func(addr string, want bool) net.Conn {
		t.Helper()
		c, got := connect(addr)
		if got != want {
			t.Errorf("a connection from %s was admitted: %t, want %t", addr, got, want)
		}
		return c
	}
	first := expect("192.0.2.1", true)
	expect("192.0.2.1", true)
	expect("192.0.2.1", false)
	expect("2001:db8::1", true)
	expect("2001:db8::2", true)
	expect("2001:db8::3", false) // the same network of 64 bits
	expect("127.0.0.1", true)    // this machine counts for the total alone
	expect("127.0.0.1", false)
	for range 2 {
		if err := first.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
	}
	if open, refused := l.connections(); open != 4 || refused != 3 {
		t.Errorf("%d open and %d refused, want 4 and 3", open, refused)
	}
	expect("192.0.2.1", true)
	expect("192.0.2.9", false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	<-accepted
}

func TestLoopbackIsTold(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "127.8.9.1:80": true, "[::1]:80": true, "localhost:80": true,
		"0.0.0.0:80": false, ":80": false, "[::]:80": false, "192.0.2.1:80": false, "[::ffff:192.0.2.1]:80": false,
		"[::ffff:127.0.0.1]:80": true, "127.0.0.1": false, "": false,
	} {
		if err := onlyLoopback(context.Background(), address); (err == nil) != want {
			t.Errorf("%q: %v, want allowed: %t", address, err, want)
		}
	}
}
