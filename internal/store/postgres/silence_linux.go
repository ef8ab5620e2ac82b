package postgres

import (
	"context"
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// silence is how long the other side's kernel may leave what was sent without an answer until the connection is lost. The
// probes of keep-alive do not run while something is under way, and the kernel's own patience is a quarter of an hour.
const silence = 10 * time.Second

// boundSilence sets that on a socket.
func boundSilence(_ context.Context, network, _ string, raw syscall.RawConn) error {
	if network == "unix" {
		return nil
	}
	var set error
	err := raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silence.Milliseconds()))
	})
	return errors.Join(err, set)
}
