//go:build unix

package postgres

import (
	"net"
	"testing"
	"time"
)

// TestClosedByServer also checks that looking takes no time and leaves what has come.
func TestClosedByServer(t *testing.T) {
	pair := func() (here, there *net.TCPConn) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		a, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			a.Close()
			b.Close()
		})
		return a.(*net.TCPConn), b.(*net.TCPConn)
	}
	// What the other side did arrives at once on one machine, but not in the same instant.
	becomes := func(nc net.Conn) bool {
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if closedByServer(nc) {
				return true
			}
		}
		return false
	}
	here, there := pair()
	began := time.Now()
	for range 100 {
		if closedByServer(here) {
			t.Fatal("an idle connection counts as closed")
		}
	}
	if took := time.Since(began); took > time.Second/2 {
		t.Errorf("looking a hundred times took %s", took)
	}
	if _, err := there.Write([]byte("N")); err != nil {
		t.Fatal(err)
	}
	if err := here.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var notice [1]byte
	if closedByServer(here) {
		t.Error("a notice counts as the end")
	}
	if _, err := here.Read(notice[:]); err != nil || notice[0] != 'N' {
		t.Errorf("the notice was %q, %v", notice, err)
	}
	if err := there.Close(); err != nil {
		t.Fatal(err)
	}
	if !becomes(here) {
		t.Error("a closed connection counts as open")
	}
	here, there = pair()
	if _, err := there.Write([]byte("E")); err != nil {
		t.Fatal(err)
	}
	if !becomes(here) {
		t.Error("an error that was sent does not count as the end")
	}
}
