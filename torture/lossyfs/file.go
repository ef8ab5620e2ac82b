//go:build linux

package lossyfs

import (
	"context"
	"errors"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// fileNode is a regular file.
type fileNode struct {
	fs.Inode
	fsys *FS
	meta meta
	obj  *object
}

var (
	_ fs.NodeOpener    = (*fileNode)(nil)
	_ fs.NodeReader    = (*fileNode)(nil)
	_ fs.NodeWriter    = (*fileNode)(nil)
	_ fs.NodeFsyncer   = (*fileNode)(nil)
	_ fs.NodeReleaser  = (*fileNode)(nil)
	_ fs.NodeAllocater = (*fileNode)(nil)
	_ fs.NodeGetattrer = (*fileNode)(nil)
	_ fs.NodeSetattrer = (*fileNode)(nil)
)

// handle stands for one open of a file; all state is in the file's object.
type handle struct{}

func (n *fileNode) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	n.fsys.mu.RLock()
	defer n.fsys.mu.RUnlock()
	if err := n.obj.open(); err != nil {
		return nil, 0, errno(err)
	}
	if flags&syscall.O_TRUNC != 0 {
		if err := n.truncate(0); err != nil {
			return nil, 0, errno(errors.Join(err, n.obj.close()))
		}
	}
	return &handle{}, fuse.FOPEN_KEEP_CACHE, 0
}

func (n *fileNode) Release(context.Context, fs.FileHandle) syscall.Errno {
	n.fsys.mu.Lock()
	defer n.fsys.mu.Unlock()
	return errno(errors.Join(n.obj.close(), n.fsys.collect(n.obj)))
}

func (n *fileNode) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	got, err := n.obj.read(dest, off)
	return fuse.ReadResultData(dest[:got]), errno(err)
}

func (n *fileNode) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	n.fsys.mu.RLock()
	defer n.fsys.mu.RUnlock()
	if n.fsys.cut {
		return 0, n.fsys.refuse()
	}
	done, err := n.obj.write(data, off)
	n.meta.changed()
	n.fsys.counters.writes.Add(1)
	n.fsys.counters.bytesWritten.Add(int64(done))
	return uint32(done), errno(err)
}

// Fsync serves fsync and fdatasync alike: a size that is needed to read the
// data back is part of the data.
func (n *fileNode) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	n.fsys.mu.RLock()
	defer n.fsys.mu.RUnlock()
	if n.fsys.cut {
		return n.fsys.refuse()
	}
	copied, err := n.obj.sync()
	n.fsys.counters.fsyncs.Add(1)
	n.fsys.counters.bytesSynced.Add(copied)
	return errno(err)
}

func (n *fileNode) Allocate(_ context.Context, _ fs.FileHandle, off, size uint64, mode uint32) syscall.Errno {
	n.fsys.mu.RLock()
	defer n.fsys.mu.RUnlock()
	if n.fsys.cut {
		return n.fsys.refuse()
	}
	const known = unix.FALLOC_FL_KEEP_SIZE | unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_ZERO_RANGE
	if mode&^uint32(known) != 0 {
		return syscall.EOPNOTSUPP
	}
	n.meta.changed()
	return errno(n.obj.allocate(int64(off), int64(size), mode))
}

func (n *fileNode) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.fsys.mu.RLock()
	defer n.fsys.mu.RUnlock()
	n.fill(&out.Attr)
	return 0
}

// fill needs FS.mu, for the number of links.
func (n *fileNode) fill(out *fuse.Attr) {
	n.obj.mu.Lock()
	size := n.obj.size
	n.obj.mu.Unlock()
	n.meta.fill(out, fuse.S_IFREG, size, n.obj.liveLinks)
}

func (n *fileNode) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	n.fsys.mu.RLock()
	defer n.fsys.mu.RUnlock()
	if n.fsys.cut {
		return n.fsys.refuse()
	}
	if size, ok := in.GetSize(); ok {
		if err := n.obj.open(); err != nil {
			return errno(err)
		}
		if err := errors.Join(n.truncate(int64(size)), n.obj.close()); err != nil {
			return errno(err)
		}
	}
	n.meta.set(in)
	n.fill(&out.Attr)
	return 0
}

// truncate needs FS.mu and an open object.
func (n *fileNode) truncate(size int64) error {
	if n.fsys.cut {
		return n.fsys.refuse()
	}
	n.meta.changed()
	return n.obj.truncate(size)
}
