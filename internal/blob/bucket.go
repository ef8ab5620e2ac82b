package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/memblob" // mem://
	_ "gocloud.dev/blob/s3blob"  // s3://
	"gocloud.dev/gcerrors"
)

// bucket keeps contents as objects of a service.
type bucket struct {
	b *blob.Bucket
}

func openBucket(ctx context.Context, u *url.URL) (Store, error) {
	b, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		return nil, fmt.Errorf("blob: open %s: %w", u.Scheme+"://"+u.Host, err)
	}
	return &bucket{b}, nil
}

// Put writes an object, a large one in parts of which few are in memory at a time. An object appears when it is whole.
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
	writing, give := context.WithCancel(ctx)
	defer give()
	w, err := b.b.NewWriter(writing, k, &blob.WriterOptions{
		ContentType: "application/octet-stream", BufferSize: bucketPart, MaxConcurrency: 1, BeforeWrite: b.sparing,
	})
	if err != nil {
		return 0, fmt.Errorf("blob: %w", err)
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{reader{ctx, r}}, make([]byte, copyBuffer))
	if err != nil {
		give() // the object is given up when its context has ended before Close
		_ = w.Close()
		return n, fmt.Errorf("blob: write: %w", err)
	}
	if err := w.Close(); err != nil {
		return n, fmt.Errorf("blob: write: %w", err)
	}
	return n, nil
}

// A large object is sent in parts of this many bytes, one at a time: the least that S3 allows, so that an upload needs
// little memory.
const bucketPart = 5 << 20

// sparing makes an upload to S3 begin with parts at once. Otherwise its first 16 MiB would be gathered in memory to find
// out whether it is large. One that is broken off has time to tell the service to drop its parts.
func (b *bucket) sparing(as func(any) bool) error {
	var uploads *transfermanager.Client
	var client *s3.Client
	if as(&uploads) && b.b.As(&client) {
		*uploads = *transfermanager.New(client, func(o *transfermanager.Options) {
			o.PartSizeBytes, o.MultipartUploadThreshold, o.Concurrency = bucketPart, bucketPart, 1
			o.FailTimeout = 30 * time.Second
			o.RequestChecksumCalculation = client.Options().RequestChecksumCalculation
		})
	}
	return nil
}

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
