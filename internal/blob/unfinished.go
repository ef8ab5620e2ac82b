package blob

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// Unfinished is a Store in which a crash in the middle of Put leaves something that Each does not show and that takes
// room for good.
type Unfinished interface {
	// Abandon removes what puts have left that never ended, of those that drop agrees to: it is asked with the name and
	// when the put began, by the clock of the place. It returns how many were removed.
	Abandon(ctx context.Context, drop func(name string, began time.Time) bool) (int, error)
}

// Abandon implements Unfinished: it aborts uploads in parts. A service that cannot list them has none to abort.
func (b *bucket) Abandon(ctx context.Context, drop func(name string, began time.Time) bool) (int, error) {
	removed := 0
	key, upload := "", ""
	for {
		page, err := b.client.ListMultipartUploads(ctx, b.name, b.prefix, key, upload, "", 1000)
		if r := minio.ToErrorResponse(err); err != nil && (r.Code == minio.NotImplemented || r.StatusCode == http.StatusNotImplemented) {
			return removed, nil
		}
		if err != nil {
			return removed, fmt.Errorf("blob: list uploads: %w", err)
		}
		for _, u := range page.Uploads {
			name, ok := nameOf(strings.TrimPrefix(u.Key, b.prefix))
			if !ok || !drop(name, u.Initiated) {
				continue
			}
			if err := b.client.AbortMultipartUpload(ctx, b.name, u.Key, u.UploadID); err != nil && minio.ToErrorResponse(err).Code != "NoSuchUpload" {
				return removed, fmt.Errorf("blob: abort an upload of %q: %w", name, err)
			}
			removed++
		}
		if !page.IsTruncated || page.NextKeyMarker == key && page.NextUploadIDMarker == upload {
			return removed, nil
		}
		key, upload = page.NextKeyMarker, page.NextUploadIDMarker
	}
}
