//go:build unix

package postgres

import (
	"errors"
	"net"
	"syscall"
)

// closedByServer reports, at once and without reading anything, that the server has closed an idle connection or has an
// error to tell.
func closedByServer(nc net.Conn) bool {
	encrypted := false
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc, encrypted = t.NetConn(), true
	}
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	closed := false
	err = raw.Read(func(fd uintptr) bool {
		var first [1]byte
		n, _, err := syscall.Recvfrom(int(fd), first[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		case err != nil || n == 0:
			closed = true
		default:
			closed = encrypted || first[0] == 'E' // of what else may come, notices and settings do no harm
		}
		return true
	})
	return err != nil || closed
}
