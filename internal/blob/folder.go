package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// folder keeps contents as files of this machine. Every path is opened beneath the root, which no name and no symbolic
// link can leave.
type folder struct {
	root *os.Root
}

// OpenFolder opens a folder, which is created if need be.
func OpenFolder(dir string) (Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	return &folder{root}, nil
}

// Put writes a content under its name at once: a content counts from the record that the caller makes afterwards, so
// one that a crash has cut off is nobody's.
func (d *folder) Put(ctx context.Context, name string, r io.Reader) (n int64, err error) {
	k, err := key(name)
	if err != nil {
		return 0, err
	}
	sub := filepath.Dir(k)
	made := true
	if err := d.root.Mkdir(sub, 0o700); errors.Is(err, fs.ErrExist) {
		made = false
	} else if err != nil {
		return 0, fmt.Errorf("blob: %w", err)
	}
	f, err := d.root.OpenFile(k, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return 0, fmt.Errorf("%w: %q", ErrExists, name)
	}
	if err != nil {
		return 0, fmt.Errorf("blob: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.root.Remove(k))
		}
	}()
	n, err = io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{reader{ctx, r}}, make([]byte, copyBuffer))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return n, fmt.Errorf("blob: write: %w", err)
	}
	err = d.syncDir(sub)
	if err == nil && made {
		err = d.syncDir(".")
	}
	if err != nil {
		return n, fmt.Errorf("blob: %w", err)
	}
	return n, nil
}

// copyBuffer is how much of a content is in memory at a time.
const copyBuffer = 64 << 10

// reader ends with the context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// Open reads a part of a content.
func (d *folder) Open(_ context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	k, err := key(name)
	if err != nil {
		return nil, err
	}
	f, err := d.root.Open(k)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %q", ErrNotFound, name)
	}
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	if offset > 0 {
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			return nil, errors.Join(fmt.Errorf("blob: %w", err), f.Close())
		}
	}
	if length < 0 {
		return f, nil
	}
	return part{io.LimitReader(f, length), f}, nil
}

// part reads from one and closes the other.
type part struct {
	io.Reader
	io.Closer
}

// Delete removes a content.
func (d *folder) Delete(_ context.Context, name string) error {
	k, err := key(name)
	if err != nil {
		return err
	}
	if err := d.root.Remove(k); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}

// Each visits every content.
func (d *folder) Each(ctx context.Context, visit func(name string) error) error {
	subs, err := d.names(".")
	if err != nil {
		return err
	}
	for _, sub := range subs {
		if len(sub) != 2 {
			continue
		}
		names, err := d.names(sub)
		if err != nil {
			return err
		}
		for _, n := range names {
			name, ok := nameOf(sub + "/" + n)
			if !ok {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := visit(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// names lists a directory. One that is not there, or is none, has nothing.
func (d *folder) names(dir string) ([]string, error) {
	info, err := d.root.Stat(dir)
	if err != nil || !info.IsDir() {
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, fmt.Errorf("blob: %w", err)
	}
	f, err := d.root.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	names, err := f.Readdirnames(-1)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	return names, nil
}

func (d *folder) Local() bool { return true }

func (d *folder) Close() error { return d.root.Close() }
