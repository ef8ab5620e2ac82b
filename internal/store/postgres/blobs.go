package postgres

import (
	"context"
	"fmt"
	"time"
)

// Contents of files are kept beside the executions and apart from them: a content counts from the record that a commit
// makes of it. All of these may be repeated when their outcome is not known.

const instant = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

var (
	beginBlob  = prepare("INSERT INTO blobs (name, touched_at, chunk) VALUES ($1::text, " + instant + ", $2) ON CONFLICT (name) DO NOTHING RETURNING 1")
	touchBlob  = prepare(exactly("UPDATE blobs SET touched_at = " + instant + " WHERE name = $1::text AND size IS NULL AND touched_at > 0 RETURNING 1"))
	addChunk   = prepare("INSERT INTO blob_chunks (name, n, data) VALUES ($1::text, $2, $3) ON CONFLICT (name, n) DO NOTHING")
	finishBlob = prepare(exactly("UPDATE blobs AS b SET size = $2, touched_at = " + instant + " WHERE name = $1::text AND " +
		"(size IS NULL AND touched_at > 0 OR size = $2) AND $2 = (SELECT coalesce(sum(octet_length(data)), 0) FROM blob_chunks AS c WHERE c.name = b.name) RETURNING 1"))
	doomBlob     = prepare("UPDATE blobs SET size = NULL, touched_at = 0 WHERE name = $1::text")
	removeChunks = prepare("DELETE FROM blob_chunks WHERE (name, n) IN (SELECT name, n FROM blob_chunks WHERE name = $1::text ORDER BY n LIMIT $2)")
	removeBlob   = prepare("DELETE FROM blobs WHERE name = $1::text AND size IS NULL AND touched_at = 0")
)

// removedChunks bounds how many chunks one transaction removes.
const removedChunks = 16

// run runs statements in a transaction of their own. It may run them twice.
func (s *Store) run(ctx context.Context, add func(*batch)) error {
	return s.read(ctx, func(c *conn) error {
		b := c.batch(ctx)
		add(b)
		_, err := b.run()
		return err
	})
}

// BeginBlob takes a name for a content in chunks of the given size, which nobody sees yet. It is false when the name is
// taken.
func (s *Store) BeginBlob(ctx context.Context, name string, chunk int) (begun bool, err error) {
	err = s.run(ctx, func(b *batch) {
		b.add(beginBlob, newArgs().name(name).int32(int32(chunk)), func(*row) error {
			begun = true
			return nil
		}, nil)
	})
	if err != nil {
		return false, fmt.Errorf("begin content %s: %w", name, err)
	}
	return begun, nil
}

// AddChunk adds chunk n, from 0, to a content that was begun and neither finished nor removed.
func (s *Store) AddChunk(ctx context.Context, name string, n int, data []byte) error {
	err := s.run(ctx, func(b *batch) {
		b.add(touchBlob, newArgs().name(name).int64(1), nil, nil) // whoever removes it waits
		b.add(addChunk, newArgs().name(name).int32(int32(n)).bytes(data), nil, nil)
	})
	if err != nil {
		return fmt.Errorf("add chunk %d of content %s: %w", n, name, err)
	}
	return nil
}

// FinishBlob makes a content visible that has all of its bytes.
func (s *Store) FinishBlob(ctx context.Context, name string, size int64) error {
	err := s.run(ctx, func(b *batch) {
		b.add(finishBlob, newArgs().name(name).int64(size).int64(1), nil, nil)
	})
	if err != nil {
		return fmt.Errorf("finish content %s: %w", name, err)
	}
	return nil
}

// FindBlob reads the size of a content and of its chunks. ok is false when there is none.
func (s *Store) FindBlob(ctx context.Context, name string) (size int64, chunk int, ok bool, err error) {
	err = s.query(ctx, "SELECT size, chunk FROM blobs WHERE name = $1::text AND size IS NOT NULL", newArgs().name(name), nil, func(r *row) error {
		size, chunk, ok = r.int64(), int(r.int64()), true
		return nil
	})
	if err != nil {
		return 0, 0, false, fmt.Errorf("find content %s: %w", name, err)
	}
	return size, chunk, ok, nil
}

// ReadChunk reads a chunk, nil when it is not there.
func (s *Store) ReadChunk(ctx context.Context, name string, n int) (data []byte, err error) {
	err = s.query(ctx, "SELECT data FROM blob_chunks WHERE name = $1::text AND n = $2", newArgs().name(name).int32(int32(n)), nil, func(r *row) error {
		data = r.bytes()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read chunk %d of content %s: %w", n, name, err)
	}
	return data, nil
}

// RemoveBlob removes a content, whether it is finished or not, some chunks at a time. Nobody sees it from the first on.
func (s *Store) RemoveBlob(ctx context.Context, name string) error {
	if err := s.run(ctx, func(b *batch) { b.add(doomBlob, newArgs().name(name), nil, nil) }); err != nil {
		return fmt.Errorf("remove content %s: %w", name, err)
	}
	for gone := int64(removedChunks); gone == removedChunks; {
		if err := s.run(ctx, func(b *batch) {
			b.add(removeChunks, newArgs().name(name).int64(removedChunks), nil, func(rows int64) error {
				gone = rows
				return nil
			})
		}); err != nil {
			return fmt.Errorf("remove content %s: %w", name, err)
		}
	}
	if err := s.run(ctx, func(b *batch) { b.add(removeBlob, newArgs().name(name), nil, nil) }); err != nil {
		return fmt.Errorf("remove content %s: %w", name, err)
	}
	return nil
}

// BlobNames reads names of contents in order, at most limit, behind the one given.
func (s *Store) BlobNames(ctx context.Context, after string, limit int) ([]string, error) {
	var names []string
	err := s.query(ctx, "SELECT name FROM blobs WHERE size IS NOT NULL AND name > $1::text ORDER BY name LIMIT $2",
		newArgs().name(after).int64(int64(limit)), func() { names = nil }, func(r *row) error {
			names = append(names, r.text())
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read names of contents: %w", err)
	}
	return names, nil
}

// SweepBlobs removes contents that are not finished and to which nothing was added for some time.
func (s *Store) SweepBlobs(ctx context.Context, idle time.Duration) error {
	before := s.Now().Add(-idle)
	var names []string
	if err := s.query(ctx, "SELECT name FROM blobs WHERE size IS NULL AND touched_at < $1", newArgs().int64(int64(max(before, 1))), func() { names = nil },
		func(r *row) error {
			names = append(names, r.text())
			return nil
		}); err != nil {
		return fmt.Errorf("sweep contents: %w", err)
	}
	for _, name := range names {
		if err := s.RemoveBlob(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
