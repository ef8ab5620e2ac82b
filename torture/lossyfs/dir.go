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

// dirNode is a directory. Its maps are guarded by FS.mu.
type dirNode struct {
	fs.Inode
	fsys *FS
	meta meta

	live, durable map[string]fs.InodeEmbedder
	// pending are the names whose durable entry is behind the live one. A
	// rename between directories makes two names pending that become durable
	// together: each lists the other.
	pending map[string][]place
}

// place is a name in a directory.
type place struct {
	dir  *dirNode
	name string
}

// symlinkNode is a symbolic link.
type symlinkNode struct {
	fs.Inode
	meta   meta
	target string
}

var (
	_ fs.NodeOnAdder    = (*dirNode)(nil)
	_ fs.NodeReaddirer  = (*dirNode)(nil)
	_ fs.NodeCreater    = (*dirNode)(nil)
	_ fs.NodeMkdirer    = (*dirNode)(nil)
	_ fs.NodeSymlinker  = (*dirNode)(nil)
	_ fs.NodeLinker     = (*dirNode)(nil)
	_ fs.NodeUnlinker   = (*dirNode)(nil)
	_ fs.NodeRmdirer    = (*dirNode)(nil)
	_ fs.NodeRenamer    = (*dirNode)(nil)
	_ fs.NodeFsyncer    = (*dirNode)(nil)
	_ fs.NodeGetattrer  = (*dirNode)(nil)
	_ fs.NodeSetattrer  = (*dirNode)(nil)
	_ fs.NodeStatfser   = (*dirNode)(nil)
	_ fs.NodeReadlinker = (*symlinkNode)(nil)
	_ fs.NodeGetattrer  = (*symlinkNode)(nil)
)

func (f *FS) newDir(ctx context.Context, mode uint32) *dirNode {
	d := &dirNode{
		fsys: f,
		live: map[string]fs.InodeEmbedder{}, durable: map[string]fs.InodeEmbedder{},
		pending: map[string][]place{},
	}
	d.meta.init(ctx, f.nextIno.Add(1), mode)
	return d
}

// OnAdd hangs entries that were there before the mount into the tree.
func (d *dirNode) OnAdd(ctx context.Context) {
	for name, n := range d.live {
		d.AddChild(name, d.inode(ctx, n), false)
	}
}

// inode makes a tree node of n; it stays until it is unlinked.
func (d *dirNode) inode(ctx context.Context, n fs.InodeEmbedder) *fs.Inode {
	attr := fs.StableAttr{}
	switch n := n.(type) {
	case *dirNode:
		attr = fs.StableAttr{Mode: fuse.S_IFDIR, Ino: n.meta.ino}
	case *fileNode:
		attr = fs.StableAttr{Mode: fuse.S_IFREG, Ino: n.meta.ino}
	case *symlinkNode:
		attr = fs.StableAttr{Mode: fuse.S_IFLNK, Ino: n.meta.ino}
	}
	return d.NewPersistentInode(ctx, n, attr)
}

// set gives name a new live entry, or none when n is nil, and notes that the
// durable one is behind.
func (d *dirNode) set(name string, n fs.InodeEmbedder) error {
	old := d.live[name]
	if n == nil {
		delete(d.live, name)
	} else {
		d.live[name] = n
	}
	d.pending[name] = append([]place{}, d.pending[name]...)
	d.meta.changed()
	if f, ok := n.(*fileNode); ok {
		f.obj.liveLinks++
	}
	if f, ok := old.(*fileNode); ok {
		f.obj.liveLinks--
		return d.fsys.collect(f.obj)
	}
	return nil
}

// commit ends a change of names: lenient metadata is durable at once.
func (d *dirNode) commit(names ...string) error {
	if d.fsys.opts.Metadata != Lenient {
		return nil
	}
	var err error
	for _, name := range names {
		err = errors.Join(err, d.settle(name))
	}
	return err
}

// settle makes the live entry of name the durable one.
func (d *dirNode) settle(name string) error {
	together, ok := d.pending[name]
	if !ok {
		return nil
	}
	delete(d.pending, name)
	old, now := d.durable[name], d.live[name]
	if now == nil {
		delete(d.durable, name)
	} else {
		d.durable[name] = now
	}
	if f, ok := now.(*fileNode); ok {
		f.obj.durableLinks++
	}
	var err error
	for _, p := range together {
		err = errors.Join(err, p.dir.settle(p.name))
	}
	if f, ok := old.(*fileNode); ok {
		f.obj.durableLinks--
		err = errors.Join(err, d.fsys.collect(f.obj))
	}
	return err
}

func (d *dirNode) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	d.fsys.mu.RLock()
	defer d.fsys.mu.RUnlock()
	list := make([]fuse.DirEntry, 0, len(d.live))
	for name, n := range d.live {
		a := n.EmbeddedInode().StableAttr()
		list = append(list, fuse.DirEntry{Name: name, Mode: a.Mode, Ino: a.Ino})
	}
	return fs.NewListDirStream(list), 0
}

// Fsync makes the directory's own names durable, not those below and not the
// content of files.
func (d *dirNode) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	d.fsys.mu.Lock()
	defer d.fsys.mu.Unlock()
	if d.fsys.cut {
		return d.fsys.refuse()
	}
	d.fsys.counters.dirSyncs.Add(1)
	var err error
	for name := range d.pending {
		err = errors.Join(err, d.settle(name))
	}
	return errno(err)
}

func (d *dirNode) Create(ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	d.fsys.mu.Lock()
	defer d.fsys.mu.Unlock()
	if e := d.vacant(name); e != 0 {
		return nil, nil, 0, e
	}
	n, err := d.fsys.newFile(ctx, mode)
	if err == nil {
		err = n.obj.open()
	}
	if err == nil {
		err = errors.Join(d.set(name, n), d.commit(name))
	}
	if err != nil {
		return nil, nil, 0, errno(err)
	}
	n.fill(&out.Attr)
	return d.inode(ctx, n), &handle{}, fuse.FOPEN_KEEP_CACHE, 0
}

// vacant tells whether name can be created now.
func (d *dirNode) vacant(name string) syscall.Errno {
	if d.fsys.cut {
		return d.fsys.refuse()
	}
	if d.live[name] != nil {
		return syscall.EEXIST
	}
	return 0
}

func (d *dirNode) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	d.fsys.mu.Lock()
	defer d.fsys.mu.Unlock()
	if e := d.vacant(name); e != 0 {
		return nil, e
	}
	n := d.fsys.newDir(ctx, mode)
	if err := errors.Join(d.set(name, n), d.commit(name)); err != nil {
		return nil, errno(err)
	}
	n.meta.fill(&out.Attr, fuse.S_IFDIR, 0, 2)
	return d.inode(ctx, n), 0
}

func (d *dirNode) Symlink(ctx context.Context, target, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	d.fsys.mu.Lock()
	defer d.fsys.mu.Unlock()
	if e := d.vacant(name); e != 0 {
		return nil, e
	}
	n := &symlinkNode{target: target}
	n.meta.init(ctx, d.fsys.nextIno.Add(1), 0o777)
	if err := errors.Join(d.set(name, n), d.commit(name)); err != nil {
		return nil, errno(err)
	}
	n.meta.fill(&out.Attr, fuse.S_IFLNK, int64(len(target)), 1)
	return d.inode(ctx, n), 0
}

func (d *dirNode) Link(_ context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	d.fsys.mu.Lock()
	defer d.fsys.mu.Unlock()
	if e := d.vacant(name); e != 0 {
		return nil, e
	}
	n, ok := target.(*fileNode)
	if !ok {
		return nil, syscall.EPERM
	}
	if n.obj.liveLinks == 0 {
		return nil, syscall.ENOENT
	}
	if err := errors.Join(d.set(name, n), d.commit(name)); err != nil {
		return nil, errno(err)
	}
	n.fill(&out.Attr)
	return n.EmbeddedInode(), 0
}

func (d *dirNode) Unlink(_ context.Context, name string) syscall.Errno {
	d.fsys.mu.Lock()
	defer d.fsys.mu.Unlock()
	if d.fsys.cut {
		return d.fsys.refuse()
	}
	if d.live[name] == nil {
		return syscall.ENOENT
	}
	return errno(errors.Join(d.set(name, nil), d.commit(name)))
}

func (d *dirNode) Rmdir(_ context.Context, name string) syscall.Errno {
	d.fsys.mu.Lock()
	defer d.fsys.mu.Unlock()
	if d.fsys.cut {
		return d.fsys.refuse()
	}
	if e := removableDir(d.live[name]); e != 0 {
		return e
	}
	return errno(errors.Join(d.set(name, nil), d.commit(name)))
}

func removableDir(n fs.InodeEmbedder) syscall.Errno {
	sub, ok := n.(*dirNode)
	switch {
	case n == nil:
		return syscall.ENOENT
	case !ok:
		return syscall.ENOTDIR
	case len(sub.live) > 0:
		return syscall.ENOTEMPTY
	}
	return 0
}

// Rename is atomic across a cut: both names become durable together, in an
// fsync of either directory.
func (d *dirNode) Rename(_ context.Context, name string, newParent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	d.fsys.mu.Lock()
	defer d.fsys.mu.Unlock()
	if d.fsys.cut {
		return d.fsys.refuse()
	}
	to, ok := newParent.(*dirNode)
	if !ok {
		return syscall.EXDEV
	}
	moved, there := d.live[name], to.live[newName]
	if moved == nil {
		return syscall.ENOENT
	}
	var left fs.InodeEmbedder
	switch flags {
	case 0:
		if _, ok := there.(*dirNode); ok {
			if e := removableDir(there); e != 0 {
				return e
			}
		}
	case unix.RENAME_NOREPLACE:
		if there != nil {
			return syscall.EEXIST
		}
	case unix.RENAME_EXCHANGE:
		if there == nil {
			return syscall.ENOENT
		}
		left = there
	default:
		return syscall.EINVAL
	}
	// No content may be without a name in between: the new name comes first,
	// and what an exchange sends back is held.
	held, _ := left.(*fileNode)
	if held != nil {
		held.obj.liveLinks++
	}
	err := errors.Join(to.set(newName, moved), d.set(name, left))
	if held != nil {
		held.obj.liveLinks--
	}
	d.pending[name] = append(d.pending[name], place{to, newName})
	to.pending[newName] = append(to.pending[newName], place{d, name})
	return errno(errors.Join(err, d.commit(name), to.commit(newName)))
}

func (d *dirNode) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.meta.fill(&out.Attr, fuse.S_IFDIR, 0, 2)
	return 0
}

func (d *dirNode) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	d.fsys.mu.RLock()
	defer d.fsys.mu.RUnlock()
	if d.fsys.cut {
		return d.fsys.refuse()
	}
	d.meta.set(in)
	d.meta.fill(&out.Attr, fuse.S_IFDIR, 0, 2)
	return 0
}

// Statfs answers with the disk behind, so that checks for free space mean
// something.
func (d *dirNode) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	return d.fsys.statfs(out)
}

func (n *symlinkNode) Readlink(context.Context) ([]byte, syscall.Errno) {
	return []byte(n.target), 0
}

func (n *symlinkNode) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.meta.fill(&out.Attr, fuse.S_IFLNK, int64(len(n.target)), 1)
	return 0
}
