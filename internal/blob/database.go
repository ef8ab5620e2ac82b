package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Table is what a store in a database is made of: contents in chunks, under names. Its methods may be called at the same
// time.
type Table interface {
	// BeginBlob takes a name for a content in chunks of the given size, which nobody sees yet. It is false when the name
	// is taken.
	BeginBlob(ctx context.Context, name string, chunk int) (bool, error)
	// AddChunk adds chunk n, from 0, to a content that was begun and neither finished nor removed.
	AddChunk(ctx context.Context, name string, n int, data []byte) error
	// FinishBlob makes a content visible that has all of its bytes.
	FinishBlob(ctx context.Context, name string, size int64) error
	// FindBlob reads the size of a content and of its chunks. ok is false when there is none, or it is not finished.
	FindBlob(ctx context.Context, name string) (size int64, chunk int, ok bool, err error)
	// ReadChunk reads a chunk, nil when it is not there.
	ReadChunk(ctx context.Context, name string, n int) ([]byte, error)
	// RemoveBlob removes a content, finished or not, in bounded steps. It is no error when there is none.
	RemoveBlob(ctx context.Context, name string) error
	// BlobNames reads names of finished contents in order, at most limit, behind the one given.
	BlobNames(ctx context.Context, after string, limit int) ([]string, error)
	// SweepBlobs removes contents that are not finished and to which nothing was added for the given time.
	SweepBlobs(ctx context.Context, idle time.Duration) error
}

const (
	// chunkSize is how much of a content is in one row of a database, and in memory at a time.
	chunkSize = 512 << 10
	// uploadIdle is how long an upload may stand still before it counts as broken off.
	uploadIdle = time.Hour
	// namesAtOnce is how many names Each reads in one go.
	namesAtOnce = 1000
)

// database keeps contents in the chunks of a Table.
type database struct{ table Table }

// OpenDatabase keeps contents in a database that all servers share, beside what they store there. The caller closes the
// database.
func OpenDatabase(t Table) Store { return &database{t} }

// Put writes a content chunk by chunk, each of them durable. It is visible with the last.
func (d *database) Put(ctx context.Context, name string, r io.Reader) (n int64, err error) {
	if err := CheckName(name); err != nil {
		return 0, fmt.Errorf("%w: %q", err, name)
	}
	begun, err := d.table.BeginBlob(ctx, name, chunkSize)
	if err != nil {
		return 0, fmt.Errorf("blob: %w", err)
	}
	if !begun {
		return 0, fmt.Errorf("%w: %q", ErrExists, name)
	}
	defer func() {
		if err != nil {
			// What cannot be removed now is swept later.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			err = errors.Join(err, d.table.RemoveBlob(ctx, name))
		}
	}()
	buf := make([]byte, chunkSize)
	for i := 0; ; i++ {
		got, err := io.ReadFull(reader{ctx, r}, buf)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return n, fmt.Errorf("blob: write: %w", err)
		}
		if got > 0 {
			if err := d.table.AddChunk(ctx, name, i, buf[:got]); err != nil {
				return n, fmt.Errorf("blob: write: %w", err)
			}
			n += int64(got)
		}
		if last {
			break
		}
	}
	if err := d.table.FinishBlob(ctx, name, n); err != nil {
		return n, fmt.Errorf("blob: %w", err)
	}
	return n, nil
}

// Open reads a part of a content. Between reads it holds nothing of the database.
func (d *database) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := CheckName(name); err != nil {
		return nil, fmt.Errorf("%w: %q", err, name)
	}
	size, chunk, ok, err := d.table.FindBlob(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	if !ok || chunk <= 0 {
		return nil, fmt.Errorf("%w: %q", ErrNotFound, name)
	}
	offset = max(offset, 0)
	end := size
	if length >= 0 && length < size-min(offset, size) {
		end = offset + length
	}
	return &chunks{ctx: ctx, table: d.table, name: name, chunk: int64(chunk), at: offset, end: end}, nil
}

// chunks reads a content from one place to another.
type chunks struct {
	ctx     context.Context
	table   Table
	name    string
	chunk   int64
	at, end int64
	held    []byte // read from the table, but not by the caller
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(c.held) == 0 {
		if c.at >= c.end {
			return 0, io.EOF
		}
		data, err := c.table.ReadChunk(c.ctx, c.name, int(c.at/c.chunk))
		if err != nil {
			return 0, fmt.Errorf("blob: read: %w", err)
		}
		begin, stop := c.at%c.chunk, min(c.chunk, c.end-c.at/c.chunk*c.chunk)
		if int64(len(data)) < stop {
			return 0, fmt.Errorf("blob: read: %w: %q", ErrNotFound, c.name) // it was removed meanwhile
		}
		c.held = data[begin:stop]
	}
	n := copy(p, c.held)
	c.held, c.at = c.held[n:], c.at+int64(n)
	return n, nil
}

func (c *chunks) Close() error {
	c.held, c.at = nil, c.end
	return nil
}

// Delete removes a content.
func (d *database) Delete(ctx context.Context, name string) error {
	if err := CheckName(name); err != nil {
		return fmt.Errorf("%w: %q", err, name)
	}
	if err := d.table.RemoveBlob(ctx, name); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}

// Each visits every content, and before that removes what uploads that were broken off have left.
func (d *database) Each(ctx context.Context, visit func(name string) error) error {
	if err := d.table.SweepBlobs(ctx, uploadIdle); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	for after := ""; ; {
		names, err := d.table.BlobNames(ctx, after, namesAtOnce)
		if err != nil {
			return fmt.Errorf("blob: %w", err)
		}
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := visit(name); err != nil {
				return err
			}
			after = name
		}
		if len(names) < namesAtOnce {
			return nil
		}
	}
}

func (d *database) Local() bool { return false }

func (d *database) Close() error { return nil }
