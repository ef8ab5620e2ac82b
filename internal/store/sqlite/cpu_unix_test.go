//go:build unix

package sqlite

import (
	"syscall"
	"time"
)

// cpu is the processor time that the process used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
