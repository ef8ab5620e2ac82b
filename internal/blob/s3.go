package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// s3Part is how many bytes of a large object are sent at a time: the least that S3 allows, so that an upload needs
// little memory. An object has at most 10,000 parts, so at most 48 GiB.
const s3Part = 5 << 20

// parts are buffers for one part each.
var parts = sync.Pool{New: func() any { return new([s3Part]byte) }}

// abortWithin is how long the service may take to drop the parts of an upload that was broken off.
const abortWithin = 30 * time.Second

// uploads writes objects to S3.
type uploads struct {
	client         *s3.Client
	bucket, prefix string
	encryption     types.ServerSideEncryption // empty: the bucket's own
	key            string                     // with which the service encrypts; empty: its own
}

// put writes an object: in one request when it is small, otherwise part by part, with one of them in memory. The uploads
// of gocloud.dev gather 16 MiB first, and leave the parts of what is broken off.
func (u *uploads) put(ctx context.Context, key string, r io.Reader) (n int64, err error) {
	client, bucket, kind := u.client, u.bucket, objectType
	key = u.prefix + key
	var kms *string
	if u.key != "" {
		kms = &u.key
	}
	buffer := parts.Get().(*[s3Part]byte)
	defer func() {
		if err == nil {
			parts.Put(buffer) // otherwise a connection may still read it
		}
	}()
	k, err := io.ReadFull(r, buffer[:])
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		_, err := client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &bucket, Key: &key, Body: bytes.NewReader(buffer[:k]), ContentType: &kind, ServerSideEncryption: u.encryption, SSEKMSKeyId: kms,
		})
		return int64(k), err
	case err != nil:
		return int64(k), err
	}
	var checksum types.ChecksumAlgorithm
	if client.Options().RequestChecksumCalculation != aws.RequestChecksumCalculationWhenRequired {
		checksum = types.ChecksumAlgorithmCrc32
	}
	upload, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &bucket, Key: &key, ContentType: &kind, ServerSideEncryption: u.encryption, SSEKMSKeyId: kms, ChecksumAlgorithm: checksum,
	})
	if err != nil {
		return 0, err
	}
	defer func() {
		if err == nil {
			return
		}
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWithin)
		defer cancel()
		_, aborted := client.AbortMultipartUpload(late, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: upload.UploadId})
		err = errors.Join(err, aborted)
	}()
	var sent []types.CompletedPart
	for last := false; k > 0; {
		number := int32(len(sent) + 1)
		part, err := client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &bucket, Key: &key, UploadId: upload.UploadId, PartNumber: &number, Body: bytes.NewReader(buffer[:k]), ChecksumAlgorithm: checksum,
		})
		if err != nil {
			return n, fmt.Errorf("part %d: %w", number, err)
		}
		n += int64(k)
		sent = append(sent, types.CompletedPart{
			PartNumber: &number, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32, ChecksumCRC32C: part.ChecksumCRC32C,
			ChecksumCRC64NVME: part.ChecksumCRC64NVME, ChecksumSHA1: part.ChecksumSHA1, ChecksumSHA256: part.ChecksumSHA256,
		})
		if last {
			break
		}
		k, err = io.ReadFull(r, buffer[:])
		if last = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF); err != nil && !last {
			return n, err
		}
	}
	_, err = client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &bucket, Key: &key, UploadId: upload.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: sent},
	})
	return n, err
}
