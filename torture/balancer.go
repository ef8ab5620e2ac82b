//go:build linux

package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// balancer spreads connections over the servers in turn. It knows nothing of their health: a server that refuses is
// passed over, one that is stopped still gets its share.
type balancer struct {
	listener net.Listener
	targets  []string
	wg       sync.WaitGroup

	mu    sync.Mutex
	next  int
	conns map[net.Conn]struct{}
	over  bool
}

func newBalancer(ctx context.Context, targets []string) (*balancer, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &balancer{listener: l, targets: targets, conns: map[net.Conn]struct{}{}}
	b.wg.Go(b.accept)
	return b, nil
}

func (b *balancer) url() string { return "http://" + b.listener.Addr().String() }

// shake ends all connections, as a load balancer does that is configured anew: those that come back are spread evenly
// again, also over a server that was away.
func (b *balancer) shake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for nc := range b.conns {
		_ = nc.Close()
	}
}

// close ends all connections.
func (b *balancer) close() error {
	b.mu.Lock()
	b.over = true
	for nc := range b.conns {
		_ = nc.Close()
	}
	b.mu.Unlock()
	err := b.listener.Close()
	b.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (b *balancer) accept() {
	for {
		nc, err := b.listener.Accept()
		if err != nil {
			return // closed
		}
		if !b.keep(nc) {
			_ = nc.Close()
			return
		}
		b.wg.Go(func() { b.serve(nc) })
	}
}

func (b *balancer) keep(nc net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return false
	}
	b.conns[nc] = struct{}{}
	return true
}

func (b *balancer) drop(nc net.Conn) {
	_ = nc.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, nc)
}

// serve finds a server that accepts and passes everything on until either side ends.
func (b *balancer) serve(client net.Conn) {
	defer b.drop(client)
	b.mu.Lock()
	first := b.next
	b.next++
	b.mu.Unlock()
	for i := range b.targets {
		dialer := net.Dialer{Timeout: 2 * time.Second}
		server, err := dialer.DialContext(context.Background(), "tcp", b.targets[(first+i)%len(b.targets)])
		if err != nil {
			continue
		}
		if !b.keep(server) {
			_ = server.Close()
			return
		}
		defer b.drop(server)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(server, client) // either end ends both
			_ = server.Close()
		}()
		_, _ = io.Copy(client, server)
		_ = client.Close()
		<-done
		return
	}
}
