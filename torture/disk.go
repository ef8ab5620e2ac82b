//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sojournhq/sojourn/torture/lossyfs"
)

// errMissing is wrapped when this machine lacks what a nemesis needs.
var errMissing = errors.New("missing on this machine")

// powerDisk is a directory whose power can be cut: of what was written, what was not synced is lost.
type powerDisk struct {
	dir     string
	fs      *lossyfs.FS
	cuts    int
	options lossyfs.Options
}

func newPowerDisk(dir string, seed uint64) (*powerDisk, error) {
	d := &powerDisk{dir: dir, options: lossyfs.Options{Seed: seed}}
	return d, d.mount()
}

func (d *powerDisk) mount() (err error) {
	d.options.Dir = filepath.Join(d.dir, "fs")
	d.options.Mountpoint = filepath.Join(d.dir, "disk")
	if d.fs, err = lossyfs.Mount(d.options); errors.Is(err, lossyfs.ErrUnavailable) {
		return fmt.Errorf("%w: %w", errMissing, err)
	}
	return err
}

func (d *powerDisk) path() string { return filepath.Join(d.dir, "disk") }

// cut ends the durability of all that follows. reboot must come next, after the server's end.
func (d *powerDisk) cut() error { return d.fs.Cut() }

// reboot mounts what the cut left. The next cut treats what was not synced in the given way.
func (d *powerDisk) reboot(next lossyfs.Unsynced) error {
	d.cuts++
	image := filepath.Join(d.dir, fmt.Sprintf("image-%03d", d.cuts))
	if err := d.fs.Restore(image); err != nil {
		return err
	}
	if err := d.fs.Close(); err != nil {
		return err
	}
	d.options.Source, d.options.Unsynced = image, next
	d.options.Seed++
	if err := d.mount(); err != nil {
		return err
	}
	return os.RemoveAll(image)
}

func (d *powerDisk) close() error { return d.fs.Close() }

// smallDisk is a directory with little room.
type smallDisk struct{ dir string }

func newSmallDisk(dir string, size string) (*smallDisk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=700,size="+size); err != nil {
		return nil, fmt.Errorf("mount a tmpfs: %w", err)
	}
	return &smallDisk{dir}, nil
}

// grow makes room.
func (d *smallDisk) grow(size string) error {
	return unix.Mount("tmpfs", d.dir, "tmpfs", unix.MS_REMOUNT, "mode=700,size="+size)
}

func (d *smallDisk) close() error {
	var err error
	for range 100 { // a process that was just killed may still be letting go
		if err = unix.Unmount(d.dir, 0); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("unmount %s: %w", d.dir, err)
}
