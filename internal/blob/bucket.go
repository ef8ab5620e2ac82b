package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/memblob" // mem://
	_ "gocloud.dev/blob/s3blob"  // s3://
	"gocloud.dev/gcerrors"
)

// bucket keeps contents as objects of a service.
type bucket struct {
	b  *blob.Bucket
	s3 *uploads // nil: the service is not S3
}

func openBucket(ctx context.Context, u *url.URL) (Store, error) {
	b, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		return nil, fmt.Errorf("blob: open %s: %w", u.Scheme+"://"+u.Host, err)
	}
	store := &bucket{b: b}
	var client *s3.Client
	if b.As(&client) {
		q := u.Query()
		store.s3 = &uploads{
			client: client, bucket: u.Host, prefix: q.Get("prefix"),
			encryption: types.ServerSideEncryption(q.Get("ssetype")), key: q.Get("kmskeyid"),
		}
	}
	return store, nil
}

// Put writes an object, a large one in parts of which one is in memory at a time. An object appears when it is whole.
func (b *bucket) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	k, err := key(name)
	if err != nil {
		return 0, err
	}
	switch taken, err := b.b.Exists(ctx, k); {
	case err != nil:
		return 0, fmt.Errorf("blob: %w", err)
	case taken:
		return 0, fmt.Errorf("%w: %q", ErrExists, name)
	}
	n, err := b.put(ctx, k, reader{ctx, r})
	if err != nil {
		return n, fmt.Errorf("blob: write: %w", err)
	}
	return n, nil
}

func (b *bucket) put(ctx context.Context, key string, r io.Reader) (int64, error) {
	if b.s3 != nil {
		return b.s3.put(ctx, key, r)
	}
	writing, give := context.WithCancel(ctx)
	defer give()
	w, err := b.b.NewWriter(writing, key, &blob.WriterOptions{ContentType: objectType})
	if err != nil {
		return 0, err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, copyBuffer))
	if err != nil {
		give() // the object is given up when its context has ended before Close
		_ = w.Close()
		return n, err
	}
	return n, w.Close()
}

// objectType is the media type of every object: what a file is stands in its record.
const objectType = "application/octet-stream"

// Open reads a part of an object.
func (b *bucket) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	k, err := key(name)
	if err != nil {
		return nil, err
	}
	r, err := b.b.NewRangeReader(ctx, k, offset, length, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fmt.Errorf("%w: %q", ErrNotFound, name)
	}
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	return r, nil
}

// Delete removes an object.
func (b *bucket) Delete(ctx context.Context, name string) error {
	k, err := key(name)
	if err != nil {
		return err
	}
	if err := b.b.Delete(ctx, k); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}

// Each visits every object that is a content.
func (b *bucket) Each(ctx context.Context, visit func(name string) error) error {
	list := b.b.List(nil)
	for {
		o, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("blob: %w", err)
		}
		name, ok := nameOf(o.Key)
		if !ok {
			continue
		}
		if err := visit(name); err != nil {
			return err
		}
	}
}

func (b *bucket) Local() bool { return false }

func (b *bucket) Close() error { return b.b.Close() }
