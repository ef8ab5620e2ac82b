//go:build linux

package lossyfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Cut is the power cut: from this instant on nothing becomes durable, and
// every change and every sync fails with EIO. Reads still work, so that the
// program can be killed at leisure. When Cut returns, the image is complete
// in DurableDir. Further calls return what the first one did.
func (f *FS) Cut() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut {
		return f.cutErr
	}
	f.cut = true
	f.cutErr = f.image(filepath.Join(f.dir, "image"), os.Link)
	return f.cutErr
}

// DurableDir is the directory tree that the cut left, or "" before Cut. It is
// gone after Close unless Options.Dir was given. Opening a database in it
// changes it; use Restore for a copy.
func (f *FS) DurableDir() string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.cut {
		return ""
	}
	return filepath.Join(f.dir, "image")
}

// Restore copies to dst what the cut left. Before Cut it copies what a cut at
// this instant would leave, and the file system goes on; all changes wait
// meanwhile. dst must not exist or be an empty directory.
func (f *FS) Restore(dst string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := emptyDir(dst); err != nil {
		return fmt.Errorf("lossyfs: restore: %w", err)
	}
	if !f.cut {
		return f.image(dst, copyFile)
	}
	if f.cutErr != nil {
		return f.cutErr
	}
	if err := copyTree(dst, filepath.Join(f.dir, "image")); err != nil {
		return fmt.Errorf("lossyfs: restore: %w", err)
	}
	return nil
}

func emptyDir(dir string) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && len(list) > 0 {
		err = fmt.Errorf("%s is not empty", dir)
	}
	return err
}

// image builds the durable tree in dst, taking files there by put(from, to),
// and then lets chance add to them what Options.Unsynced allows. It needs mu
// for writing.
func (f *FS) image(dst string, put func(from, to string) error) error {
	f.images++
	files := map[*object]string{}
	if err := f.root.image(dst, put, files); err != nil {
		return fmt.Errorf("lossyfs: image: %w", err)
	}
	for o, path := range files {
		// A generator per file: map order must not matter.
		rng := rand.New(rand.NewPCG(f.opts.Seed, f.images<<48^o.id))
		if err := o.scatter(path, f.opts.Unsynced, rng); err != nil {
			return fmt.Errorf("lossyfs: image of %s: %w", path, err)
		}
	}
	return nil
}

func (d *dirNode) image(dst string, put func(from, to string) error, files map[*object]string) error {
	if err := os.MkdirAll(dst, 0o755); err != nil {
		return err
	}
	for name, n := range d.durable {
		to := filepath.Join(dst, name)
		var err error
		switch n := n.(type) {
		case *dirNode:
			err = n.image(to, put, files)
		case *symlinkNode:
			err = os.Symlink(n.target, to)
		case *fileNode:
			if first, ok := files[n.obj]; ok {
				err = os.Link(first, to)
				break
			}
			if err = put(n.obj.durablePath, to); err == nil {
				files[n.obj] = to
				err = os.Chmod(to, os.FileMode(n.meta.perm()&0o777))
			}
		}
		if err != nil {
			return err
		}
	}
	return os.Chmod(dst, os.FileMode(d.meta.perm()&0o777))
}

// load fills a directory that is not mounted yet from a tree on disk.
func (f *FS) load(src string, d *dirNode) error {
	list, err := os.ReadDir(src)
	if err != nil {
		return err
	}
	ctx := context.Background()
	for _, e := range list {
		from := filepath.Join(src, e.Name())
		info, err := e.Info()
		if err != nil {
			return err
		}
		mode := uint32(info.Mode().Perm())
		switch info.Mode().Type() {
		case fs.ModeDir:
			sub := f.newDir(ctx, mode)
			sub.meta.uid, sub.meta.gid = d.meta.uid, d.meta.gid
			err = errors.Join(d.set(e.Name(), sub), f.load(from, sub))
		case fs.ModeSymlink:
			n := &symlinkNode{}
			n.meta.init(ctx, f.nextIno.Add(1), 0o777)
			if n.target, err = os.Readlink(from); err == nil {
				err = d.set(e.Name(), n)
			}
		case 0:
			var n *fileNode
			if n, err = f.newFile(ctx, mode); err == nil {
				n.meta.uid, n.meta.gid = d.meta.uid, d.meta.gid
				n.obj.size, n.obj.durableSize, n.obj.floor = info.Size(), info.Size(), info.Size()
				err = errors.Join(copyFile(from, n.obj.livePath), copyFile(from, n.obj.durablePath), d.set(e.Name(), n))
			}
		default:
			err = fmt.Errorf("%s: neither file, directory nor symbolic link", from)
		}
		if err == nil {
			err = d.settle(e.Name())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func copyTree(dst, src string) error {
	return filepath.WalkDir(src, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dst, rel)
		info, err := e.Info()
		if err != nil {
			return err
		}
		switch info.Mode().Type() {
		case fs.ModeDir:
			return os.MkdirAll(to, info.Mode().Perm()|0o700)
		case fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(target, to)
		default: // there are only files else
			return errors.Join(copyFile(path, to), os.Chmod(to, info.Mode().Perm()))
		}
	})
}

// copyFile copies content, over what may be at to.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
