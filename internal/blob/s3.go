package blob

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"
)

// bucket keeps contents as objects of an S3-compatible service. An object appears when it is whole.
type bucket struct {
	client     minio.Core
	transport  *http.Transport
	name       string
	prefix     string
	encryption encrypt.ServerSide // nil: the bucket's own
}

// partSize is how much of a large object is sent, and in memory, at a time: the least that S3 allows. An object has at
// most 10,000 parts, so at most 48 GiB.
const partSize = 5 << 20

// parts are buffers for one part each. The library's own uploads make one for each upload, and sign in small pieces that
// are garbage at once: 100 MiB took 30 MiB of memory with them, and takes 10.
var parts = sync.Pool{New: func() any { return new([partSize]byte) }}

// abortWithin is how long the service may take to drop the parts of an upload that was broken off.
const abortWithin = 30 * time.Second

// objectType is the media type of every object: what a file is stands in its record.
const objectType = "application/octet-stream"

// openBucket opens s3://bucket with the parameters region, endpoint, use_path_style, prefix, ssetype and kmskeyid.
func openBucket(u *url.URL) (*bucket, error) {
	if u.Host == "" || u.Path != "" && u.Path != "/" {
		return nil, errors.New("write s3://bucket; a part of the bucket is named by ?prefix=")
	}
	host, secure, given := "s3.amazonaws.com", true, u.Query()
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		if v := os.Getenv(name); v != "" && !given.Has("endpoint") {
			given.Set("endpoint", v)
		}
	}
	o := &minio.Options{Region: cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")), BucketLookup: minio.BucketLookupAuto}
	b := &bucket{name: u.Host}
	var kind, key string
	for name, values := range given {
		value := values[len(values)-1]
		switch name {
		case "region":
			o.Region = value
		case "endpoint":
			e, err := url.Parse(value)
			if err != nil || e.Scheme != "http" && e.Scheme != "https" || e.Host == "" || strings.Trim(e.Path, "/") != "" {
				return nil, fmt.Errorf("endpoint of the bucket: %q is not like https://host:port", value)
			}
			host, secure = e.Host, e.Scheme == "https"
		case "use_path_style":
			path, err := strconv.ParseBool(value)
			if err != nil {
				return nil, fmt.Errorf("use_path_style of the bucket: %q is not true or false", value)
			}
			if path {
				o.BucketLookup = minio.BucketLookupPath
			}
		case "prefix":
			b.prefix = value
		case "ssetype":
			kind = value
		case "kmskeyid":
			key = value
		default:
			return nil, fmt.Errorf("the bucket's address has an unknown parameter %q; known are region, endpoint, use_path_style, prefix, ssetype and kmskeyid", name)
		}
	}
	var err error
	if b.encryption, err = encryption(kind, key); err != nil {
		return nil, err
	}
	if b.transport, err = minio.DefaultTransport(secure); err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	o.Secure, o.Transport, o.Creds = secure, b.transport, identity()
	c, err := minio.New(host, o)
	if err != nil {
		return nil, fmt.Errorf("blob: open s3://%s: %w", u.Host, err)
	}
	b.client = minio.Core{Client: c}
	return b, nil
}

// encryption is what the service does with what it stores, by the names that S3 has for it.
func encryption(kind, key string) (encrypt.ServerSide, error) {
	switch {
	case kind == "aws:kms":
		e, err := encrypt.NewSSEKMS(key, nil)
		if err != nil {
			return nil, fmt.Errorf("blob: %w", err)
		}
		return e, nil
	case key != "":
		return nil, errors.New("kmskeyid of the bucket needs ssetype=aws:kms")
	case kind == "AES256":
		return encrypt.NewSSE(), nil
	case kind == "":
		return nil, nil
	}
	return nil, fmt.Errorf("ssetype of the bucket: %q is not AES256 or aws:kms", kind)
}

// identity is who speaks to the service: by the environment, by the profile of AWS_PROFILE in Amazon's files, or by the
// role of the machine, pod or container.
func identity() *credentials.Credentials {
	chain := []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}}
	if off, _ := strconv.ParseBool(os.Getenv("AWS_EC2_METADATA_DISABLED")); !off || os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE") != "" ||
		os.Getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "" || os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI") != "" {
		chain = append(chain, &credentials.IAM{})
	}
	return credentials.NewChainCredentials(chain)
}

// Put writes an object: in one request when it is small, otherwise part by part, with one of them in memory.
func (b *bucket) Put(ctx context.Context, name string, r io.Reader) (int64, error) {
	k, err := b.key(name)
	if err != nil {
		return 0, err
	}
	switch _, err := b.client.StatObject(ctx, b.name, k, minio.StatObjectOptions{}); {
	case err == nil:
		return 0, fmt.Errorf("%w: %q", ErrExists, name)
	case !missing(err):
		return 0, fmt.Errorf("blob: %w", err)
	}
	n, err := b.put(ctx, k, reader{ctx, r})
	if err != nil {
		return n, fmt.Errorf("blob: write: %w", err)
	}
	return n, nil
}

func (b *bucket) put(ctx context.Context, key string, r io.Reader) (n int64, err error) {
	o := minio.PutObjectOptions{ContentType: objectType, ServerSideEncryption: b.encryption}
	buffer := parts.Get().(*[partSize]byte)
	defer func() {
		if err == nil {
			parts.Put(buffer) // otherwise a connection may still read it
		}
	}()
	k, last, err := fill(r, buffer[:])
	if err != nil {
		return 0, err
	}
	if last {
		content := buffer[:k]
		_, err = b.client.PutObject(ctx, b.name, key, bytes.NewReader(content), int64(k), "", digest(content), o)
		return int64(k), err
	}
	upload, err := b.client.NewMultipartUpload(ctx, b.name, key, o)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err == nil {
			return
		}
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWithin)
		defer cancel()
		err = errors.Join(err, b.client.AbortMultipartUpload(late, b.name, key, upload))
	}()
	var sent []minio.CompletePart
	for ; k > 0; k, last, err = fill(r, buffer[:]) {
		content, number := buffer[:k], len(sent)+1
		part, err := b.client.PutObjectPart(ctx, b.name, key, upload, number, bytes.NewReader(content), int64(k),
			minio.PutObjectPartOptions{Sha256Hex: digest(content), DisableContentSha256: true, SSE: b.encryption})
		if err != nil {
			return n, fmt.Errorf("part %d: %w", number, err)
		}
		n += int64(k)
		sent = append(sent, minio.CompletePart{PartNumber: number, ETag: part.ETag})
		if last {
			break
		}
	}
	if err != nil {
		return n, err
	}
	_, err = b.client.CompleteMultipartUpload(ctx, b.name, key, upload, sent, minio.PutObjectOptions{ServerSideEncryption: b.encryption})
	return n, err
}

// fill reads until the buffer is full or, with last, until there is no more.
func fill(r io.Reader, buffer []byte) (n int, last bool, err error) {
	n, err = io.ReadFull(r, buffer)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, true, nil
	}
	return n, false, err
}

// digest is what the request's signature covers of its body, and what the service checks it against.
func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Open reads a part of an object.
func (b *bucket) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	k, err := b.key(name)
	if err != nil {
		return nil, err
	}
	var o minio.GetObjectOptions
	switch {
	case length == 0:
		if _, err := b.client.StatObject(ctx, b.name, k, o); err != nil {
			return nil, found(err, name)
		}
		return http.NoBody, nil
	case length > 0:
		err = o.SetRange(offset, offset+length-1)
	case offset > 0:
		err = o.SetRange(offset, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	r, _, _, err := b.client.GetObject(ctx, b.name, k, o)
	if err != nil {
		return nil, found(err, name)
	}
	return r, nil
}

// Delete removes an object.
func (b *bucket) Delete(ctx context.Context, name string) error {
	k, err := b.key(name)
	if err != nil {
		return err
	}
	if err := b.client.RemoveObject(ctx, b.name, k, minio.RemoveObjectOptions{}); err != nil && !missing(err) {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}

// Each visits every object that is a content.
func (b *bucket) Each(ctx context.Context, visit func(name string) error) error {
	for o := range b.client.ListObjectsIter(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix, Recursive: true}) {
		if o.Err != nil {
			return fmt.Errorf("blob: %w", o.Err)
		}
		name, ok := nameOf(strings.TrimPrefix(o.Key, b.prefix))
		if !ok {
			continue
		}
		if err := visit(name); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (b *bucket) Local() bool { return false }

func (b *bucket) Close() error {
	b.transport.CloseIdleConnections()
	return nil
}

func (b *bucket) key(name string) (string, error) {
	k, err := key(name)
	return b.prefix + k, err
}

// missing reports whether the service said that there is no such object.
func missing(err error) bool { return minio.ToErrorResponse(err).Code == minio.NoSuchKey }

func found(err error, name string) error {
	if missing(err) {
		return fmt.Errorf("%w: %q", ErrNotFound, name)
	}
	return fmt.Errorf("blob: %w", err)
}
