//go:build unix && !solaris && !aix

package sqlite

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A lock that was given up is free, also while a program that is being started still has the file.
func TestUnlock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	f, err := lockFile(path)
	if err != nil {
		t.Fatal(err)
	}
	child, err := syscall.Dup(int(f.Fd())) // as between fork and exec
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.NewFile(uintptr(child), path).Close() }()
	if err := unlockFile(f); err != nil {
		t.Fatal(err)
	}
	again, err := lockFile(path)
	if err != nil {
		t.Fatalf("the lock is not free: %v", err)
	}
	if err := unlockFile(again); err != nil {
		t.Error(err)
	}
}
