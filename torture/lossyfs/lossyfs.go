//go:build linux

package lossyfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// ErrUnavailable is wrapped by every error of [Mount] that means that this
// machine cannot mount FUSE file systems: no /dev/fuse, no right to mount and
// no fusermount either.
var ErrUnavailable = errors.New("FUSE is not available")

// Unsynced says what of the data that was never synced an image holds.
type Unsynced int

const (
	// Lose keeps nothing: the image is exactly what was synced.
	Lose Unsynced = iota
	// Torn keeps, for each file, a random prefix of its un-synced sectors, in
	// order of their place in the file. An un-synced truncation comes first.
	Torn
	// Reordered keeps, for each file, a random subset of its un-synced
	// sectors, an un-synced truncation or not, and a grown size or not.
	Reordered
)

// Metadata says when a create, link, rename or unlink becomes durable.
type Metadata int

const (
	// Strict makes names durable by an fsync of their directory only, the
	// least that POSIX promises. Without it a synced new file is lost and a
	// removed one is back.
	Strict Metadata = iota
	// Lenient makes names durable at once, as if every change of a directory
	// were followed by an fsync of it. File content still needs its own.
	Lenient
)

// Options say how [Mount] works. The zero value loses everything un-synced
// and is strict about names.
type Options struct {
	// Mountpoint is made if it does not exist. Default: a directory in Dir.
	Mountpoint string
	// Dir takes the two copies and the image; nothing may be in it but what
	// an earlier file system left there. Default: a new temporary directory,
	// removed by Close.
	Dir string
	// Source is a directory tree to begin with, taken as durable; usually
	// what Restore made after an earlier cut. Default: empty.
	Source string
	// Unsynced is the fate of data that was never synced.
	Unsynced Unsynced
	// Metadata is the rule for names.
	Metadata Metadata
	// Seed makes the choices of Torn and Reordered repeatable: same seed,
	// same operations, same image.
	Seed uint64
}

// FS is a mounted file system. Its methods may be called at the same time.
type FS struct {
	opts       Options
	dir        string
	ownDir     bool
	mountpoint string
	server     *fuse.Server
	root       *dirNode
	nextIno    atomic.Uint64
	counters   counters
	patience   time.Duration // how long Close waits for a busy mount

	// mu is held for reading by what changes or syncs content, and for
	// writing by what changes names, and by Cut: so the cut is one instant
	// between operations.
	mu     sync.RWMutex
	cut    bool
	cutErr error
	images uint64 // made so far; each gets its own random numbers

	closing  sync.Once
	closeErr error
}

type counters struct {
	writes, bytesWritten  atomic.Int64
	fsyncs, dirSyncs      atomic.Int64
	bytesSynced, refusals atomic.Int64
}

// Stats are counts since the mount.
type Stats struct {
	// Writes and BytesWritten count write requests of the kernel, which may
	// join or split those of the program.
	Writes, BytesWritten int64
	// Fsyncs counts fsync and fdatasync of files, DirSyncs fsync of
	// directories; those refused after the cut are not in it.
	Fsyncs, DirSyncs int64
	// BytesSynced is what the syncs carried to the durable copy.
	BytesSynced int64
	// Refused counts changes and syncs that failed because of the cut.
	Refused int64
}

// Mount mounts a new file system. It needs Close.
func Mount(opts Options) (*FS, error) {
	if opts.Unsynced < Lose || opts.Unsynced > Reordered {
		return nil, fmt.Errorf("lossyfs: Options.Unsynced: %d is not one of Lose, Torn, Reordered", opts.Unsynced)
	}
	if opts.Metadata < Strict || opts.Metadata > Lenient {
		return nil, fmt.Errorf("lossyfs: Options.Metadata: %d is not one of Strict, Lenient", opts.Metadata)
	}
	if err := unix.Access("/dev/fuse", unix.R_OK|unix.W_OK); err != nil {
		return nil, fmt.Errorf("lossyfs: %w: /dev/fuse: %w", ErrUnavailable, err)
	}
	f := &FS{opts: opts, dir: opts.Dir, mountpoint: opts.Mountpoint, patience: 5 * time.Second}
	if err := f.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("lossyfs: %w", err), f.clean())
	}
	// All changes pass through the kernel, so its caches are right for ever.
	// It must not drop pages by itself when a time stamp moves: doing that
	// under a process that writes to a map is a risk and helps nobody.
	timeout := time.Hour
	root := fs.StableAttr{Ino: f.root.meta.ino}
	server, err := fs.Mount(f.mountpoint, f.root, &fs.Options{
		MountOptions: fuse.MountOptions{
			Name: "lossyfs", FsName: "lossyfs",
			DirectMount:              true,
			DisableXAttrs:            true,
			ExplicitDataCacheControl: true,
			Options:                  []string{"default_permissions"},
		},
		EntryTimeout: &timeout, AttrTimeout: &timeout,
		NullPermissions: true,
		RootStableAttr:  &root,
	})
	if err != nil {
		err = fmt.Errorf("lossyfs: %w: mount %s: %w", ErrUnavailable, f.mountpoint, err)
		return nil, errors.Join(err, f.clean())
	}
	f.server = server
	return f, nil
}

// prepare makes the directories and loads the source.
func (f *FS) prepare() error {
	if f.dir == "" {
		dir, err := os.MkdirTemp("", "lossyfs-")
		if err != nil {
			return err
		}
		f.dir, f.ownDir = dir, true
	}
	if f.mountpoint == "" {
		f.mountpoint = filepath.Join(f.dir, "mnt")
	}
	// A process that was killed leaves its mount behind, dead.
	if err := unix.Statfs(f.mountpoint, new(unix.Statfs_t)); errors.Is(err, syscall.ENOTCONN) {
		if err := unix.Unmount(f.mountpoint, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount the dead mount %s: %w", f.mountpoint, err)
		}
	}
	for _, name := range []string{"live", "durable", "image"} {
		if err := os.RemoveAll(filepath.Join(f.dir, name)); err != nil {
			return err
		}
	}
	for _, p := range []string{filepath.Join(f.dir, "live"), filepath.Join(f.dir, "durable"), f.mountpoint} {
		if err := os.MkdirAll(p, 0o755); err != nil {
			return err
		}
	}
	f.root = f.newDir(context.Background(), 0o755)
	f.root.meta.uid, f.root.meta.gid = uint32(os.Geteuid()), uint32(os.Getegid())
	if f.opts.Source != "" {
		if err := f.load(f.opts.Source, f.root); err != nil {
			return fmt.Errorf("load Options.Source: %w", err)
		}
	}
	return nil
}

// newFile makes an empty regular file that has no name yet.
func (f *FS) newFile(ctx context.Context, mode uint32) (*fileNode, error) {
	id := f.nextIno.Add(1)
	base := strconv.FormatUint(id, 10)
	n := &fileNode{fsys: f, obj: &object{
		id:          id,
		livePath:    filepath.Join(f.dir, "live", base),
		durablePath: filepath.Join(f.dir, "durable", base),
	}}
	n.meta.init(ctx, id, mode)
	return n, n.obj.create()
}

// collect removes the copies of an object that nothing leads to any more. It
// needs mu for writing.
func (f *FS) collect(o *object) error {
	o.mu.Lock()
	idle := o.opens == 0 && o.liveLinks == 0
	gone := o.gone
	o.mu.Unlock()
	if !idle {
		return nil
	}
	if !gone {
		if err := o.forget(); err != nil {
			return err
		}
	}
	if o.durableLinks > 0 || f.cut {
		return nil
	}
	if err := os.Remove(o.durablePath); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// refuse is the answer to every change after the cut.
func (f *FS) refuse() syscall.Errno {
	f.counters.refusals.Add(1)
	return syscall.EIO
}

func (f *FS) statfs(out *fuse.StatfsOut) syscall.Errno {
	var s syscall.Statfs_t
	if err := syscall.Statfs(f.dir, &s); err != nil {
		return errno(err)
	}
	out.FromStatfsT(&s)
	return 0
}

// Mountpoint is the directory for the program under test.
func (f *FS) Mountpoint() string { return f.mountpoint }

// Stats returns the counts so far.
func (f *FS) Stats() Stats {
	c := &f.counters
	return Stats{
		Writes: c.writes.Load(), BytesWritten: c.bytesWritten.Load(),
		Fsyncs: c.fsyncs.Load(), DirSyncs: c.dirSyncs.Load(),
		BytesSynced: c.bytesSynced.Load(), Refused: c.refusals.Load(),
	}
}

// Close unmounts and, unless Options.Dir was given, removes everything but
// what Restore made. It waits up to five seconds for programs to close their
// files; then it detaches the mount all the same and says so in the error.
// Further calls return what the first one did.
func (f *FS) Close() error {
	f.closing.Do(func() { f.closeErr = errors.Join(f.unmount(), f.clean()) })
	return f.closeErr
}

func (f *FS) unmount() error {
	var err error
	for deadline := time.Now().Add(f.patience); ; {
		if err = f.server.Unmount(); err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			break
		}
	}
	err = fmt.Errorf("lossyfs: %s is still in use, detached: %w", f.mountpoint, err)
	if e := unix.Unmount(f.mountpoint, unix.MNT_DETACH); e != nil {
		err = fmt.Errorf("lossyfs: %s is still in use and cannot be detached: %w", f.mountpoint, e)
	}
	return err
}

// clean removes what prepare made in a directory of its own.
func (f *FS) clean() error {
	if !f.ownDir {
		return nil
	}
	// Never descend into a mount that could not be removed.
	for _, name := range []string{"live", "durable", "image"} {
		if err := os.RemoveAll(filepath.Join(f.dir, name)); err != nil {
			return err
		}
	}
	if f.opts.Mountpoint == "" {
		if err := os.Remove(f.mountpoint); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return os.Remove(f.dir)
}
