//go:build linux || darwin

package server

import "golang.org/x/sys/unix"

// diskFree is the free space for ordinary users where the directory lies, in bytes.
func diskFree(dir string) (int64, error) {
	var s unix.Statfs_t
	for {
		err := unix.Statfs(dir, &s)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, err
		}
		return int64(s.Bavail) * int64(s.Bsize), nil //nolint:unconvert // another type on macOS
	}
}

const canWatchDisk = true
