//go:build linux

package lossyfs

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// meta are the attributes of a node other than size and names. They live in
// memory and are durable at once: no program in sight relies on syncing them.
type meta struct {
	mu           sync.Mutex
	ino          uint64
	mode         uint32 // permission bits
	uid, gid     uint32
	atime, mtime time.Time
	ctime        time.Time
}

func (m *meta) init(ctx context.Context, ino uint64, mode uint32) {
	now := time.Now()
	m.ino, m.mode = ino, mode&0o7777
	m.atime, m.mtime, m.ctime = now, now, now
	if c, ok := fuse.FromContext(ctx); ok {
		m.uid, m.gid = c.Uid, c.Gid
	}
}

// changed stamps a change of content.
func (m *meta) changed() {
	now := time.Now()
	m.mu.Lock()
	m.mtime, m.ctime = now, now
	m.mu.Unlock()
}

// perm returns the permission bits.
func (m *meta) perm() uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mode
}

func (m *meta) set(in *fuse.SetAttrIn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if mode, ok := in.GetMode(); ok {
		m.mode = mode & 0o7777
	}
	if uid, ok := in.GetUID(); ok {
		m.uid = uid
	}
	if gid, ok := in.GetGID(); ok {
		m.gid = gid
	}
	if at, ok := in.GetATime(); ok {
		m.atime = at
	}
	if mt, ok := in.GetMTime(); ok {
		m.mtime = mt
	}
	m.ctime = time.Now()
}

func (m *meta) fill(out *fuse.Attr, kind uint32, size int64, nlink int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out.Ino = m.ino
	out.Mode = kind | m.mode
	out.Size = uint64(size)
	out.Blocks = (out.Size + 511) / 512
	out.Blksize = 4096
	out.Nlink = uint32(nlink)
	out.Owner = fuse.Owner{Uid: m.uid, Gid: m.gid}
	out.SetTimes(&m.atime, &m.mtime, &m.ctime)
}

// errno turns an error of the backing directory into what the program sees.
func errno(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[syscall.Errno](err); ok {
		return e
	}
	return syscall.EIO
}
