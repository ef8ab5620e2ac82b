//go:build linux

package lossyfs

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// sectorSize is the unit that a disk writes whole or not at all.
const sectorSize = 512

// object is the content of one regular file in its two copies.
type object struct {
	id          uint64
	livePath    string
	durablePath string

	mu            sync.Mutex
	opens         int
	live, durable *os.File // open while opens > 0
	size          int64    // of the live copy
	durableSize   int64
	// floor is the smallest size since the last sync: whatever the durable
	// copy holds from there on was cut off and must not come back.
	floor int64
	// dirty are the bytes of the live copy written since the last sync.
	dirty ranges
	// gone is true once no name and no handle leads to the live copy.
	gone bool

	// Number of names in the two trees; guarded by FS.mu.
	liveLinks, durableLinks int
}

// create makes both copies, empty.
func (o *object) create() error {
	for _, p := range []string{o.livePath, o.durablePath} {
		f, err := os.OpenFile(p, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err != nil {
			return fmt.Errorf("create backing file: %w", err)
		}
		if err := f.Close(); err != nil {
			return fmt.Errorf("create backing file: %w", err)
		}
	}
	return nil
}

// open makes the copies usable until the matching close.
func (o *object) open() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.opens == 0 {
		live, err := os.OpenFile(o.livePath, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		durable, err := os.OpenFile(o.durablePath, os.O_RDWR, 0)
		if err != nil {
			return errors.Join(err, live.Close())
		}
		o.live, o.durable = live, durable
	}
	o.opens++
	return nil
}

func (o *object) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.opens--
	if o.opens > 0 {
		return nil
	}
	err := errors.Join(o.live.Close(), o.durable.Close())
	o.live, o.durable = nil, nil
	return err
}

func (o *object) read(buf []byte, off int64) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.live.ReadAt(buf, off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func (o *object) write(data []byte, off int64) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.live.WriteAt(data, off)
	o.touch(off, off+int64(n))
	return n, err
}

// touch marks [start, end) as newer than the durable copy.
func (o *object) touch(start, end int64) {
	o.dirty.add(start, end)
	o.size = max(o.size, end)
}

func (o *object) truncate(size int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.live.Truncate(size); err != nil {
		return err
	}
	o.size = size
	o.floor = min(o.floor, size)
	o.dirty.clip(size)
	return nil
}

// allocate is fallocate on the live copy. Ranges it may have zeroed count as
// written.
func (o *object) allocate(off, size int64, mode uint32) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := unix.Fallocate(int(o.live.Fd()), mode, off, size); err != nil {
		return err
	}
	end := off + size
	if mode&unix.FALLOC_FL_KEEP_SIZE != 0 {
		end = min(end, o.size)
	}
	if mode&(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_ZERO_RANGE) != 0 {
		o.dirty.add(off, end)
	}
	o.size = max(o.size, end)
	return nil
}

// sync makes the durable copy equal to the live one and returns how many
// bytes that took.
func (o *object) sync() (int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.floor < o.durableSize {
		if err := o.durable.Truncate(o.floor); err != nil {
			return 0, err
		}
		o.durableSize = o.floor
	}
	var copied int64
	for _, s := range o.dirty {
		n, err := copySpan(o.durable, o.live, s)
		copied += n
		if err != nil {
			return copied, err
		}
		o.durableSize = max(o.durableSize, s.end)
	}
	if o.durableSize != o.size {
		if err := o.durable.Truncate(o.size); err != nil {
			return copied, err
		}
		o.durableSize = o.size
	}
	o.dirty, o.floor = o.dirty[:0], o.size
	return copied, nil
}

// forget drops the live copy and all that was never synced.
func (o *object) forget() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gone = true
	o.dirty, o.size, o.floor = nil, o.durableSize, o.durableSize
	return os.Remove(o.livePath)
}

// scatter lets a part of what was never synced reach dst, a file that holds
// the durable copy, as a disk may do by itself before the power fails.
func (o *object) scatter(dst string, how Unsynced, rng *rand.Rand) (err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	cut := o.floor < o.durableSize
	sectors := o.dirty.sectors(sectorSize)
	if how == Lose || o.gone || !cut && len(sectors) == 0 && o.size == o.durableSize {
		return nil
	}
	// keepSize is luck too: a size that grew without data behind it.
	var keepCut, keepSize bool
	switch how {
	case Lose: // returned above
	case Torn:
		keep := rng.IntN(len(sectors) + 2)
		keepCut = keep > 0
		keepSize = keep == len(sectors)+1
		sectors = sectors[:min(keep, len(sectors))]
	case Reordered:
		keepCut, keepSize = rng.IntN(2) == 0, rng.IntN(2) == 0
		luck := rng.Float64()
		kept := sectors[:0]
		for _, s := range sectors {
			if rng.Float64() < luck {
				kept = append(kept, s)
			}
		}
		sectors = kept
	}

	live, err := os.Open(o.livePath)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, live.Close()) }()
	out, err := os.OpenFile(dst, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	size := o.durableSize
	if cut && keepCut {
		if err := out.Truncate(o.floor); err != nil {
			return err
		}
		size = o.floor
	}
	for _, s := range sectors {
		to := min((s+1)*sectorSize, o.size)
		if _, err := copySpan(out, live, span{s * sectorSize, to}); err != nil {
			return err
		}
		size = max(size, to)
	}
	if keepSize && size < o.size {
		return out.Truncate(o.size)
	}
	return nil
}

var copyBuffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// copySpan copies one span of src to the same place in dst.
func copySpan(dst io.WriterAt, src io.ReaderAt, s span) (int64, error) {
	buf := copyBuffers.Get().(*[256 << 10]byte)
	defer copyBuffers.Put(buf)
	var done int64
	for at := s.start; at < s.end; {
		b := buf[:min(int64(len(buf)), s.end-at)]
		n, err := src.ReadAt(b, at)
		if err != nil && (n < len(b) || !errors.Is(err, io.EOF)) {
			return done, fmt.Errorf("read [%d, %d): %w", at, at+int64(len(b)), err)
		}
		if _, err := dst.WriteAt(b, at); err != nil {
			return done, err
		}
		at += int64(len(b))
		done += int64(len(b))
	}
	return done, nil
}
