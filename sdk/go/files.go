package sojourn

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// FileService is Client.Files.
type FileService struct{ c *Client }

// FileListParams selects files.
type FileListParams struct {
	ExecutionID string // only those that it uses; "": all of the project
	Limit       int    // of a page, at most 100; 0: 20
	Cursor      string // NextCursor of the page before
}

// UploadOption is an option of Upload and UploadPath: MIMEType.
type UploadOption interface{ applyUpload(*uploadOptions) }

type uploadOptions struct{ mimeType string }

type uploadOption func(*uploadOptions)

func (f uploadOption) applyUpload(o *uploadOptions) { f(o) }

// MIMEType says what an uploaded file is. Without it the extension of its name tells.
func MIMEType(mimeType string) UploadOption {
	return uploadOption(func(o *uploadOptions) { o.mimeType = mimeType })
}

// Upload stores a file of the project. It streams; a content that is also an io.Seeker is sent again after a connection
// error, any other is sent once. A file that no execution uses is removed after 24 hours. Only ctx bounds how long it
// may take.
func (s *FileService) Upload(ctx context.Context, name string, content io.Reader, options ...UploadOption) (*File, error) {
	var o uploadOptions
	for _, option := range options {
		option.applyUpload(&o)
	}
	return s.c.uploadFile(ctx, name, o.mimeType, content, "")
}

// UploadPath is Upload for a file of this machine, under its own name.
func (s *FileService) UploadPath(ctx context.Context, path string, options ...UploadOption) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("sojourn: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	return s.Upload(ctx, filepath.Base(path), f, options...)
}

// Get reads what is known of a file.
func (s *FileService) Get(ctx context.Context, id string) (*File, error) {
	b, err := call[fileBody](ctx, s.c, request{method: http.MethodGet, path: filePath(id, "")}, nil)
	if err != nil {
		return nil, err
	}
	return b.file(), nil
}

// Open reads a file's content, which the caller closes. A connection that breaks is made again where it broke; the last
// read fails when what arrived does not have the file's SHA-256.
func (s *FileService) Open(ctx context.Context, id string) (io.ReadCloser, error) {
	return s.c.openFile(ctx, id, "")
}

// Download writes a file's content to w and returns its length. On error part of it may be written.
func (s *FileService) Download(ctx context.Context, id string, w io.Writer) (int64, error) {
	r, err := s.Open(ctx, id)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(w, r)
	return n, errors.Join(err, r.Close())
}

// Delete removes a file. One that an execution uses which has not ended gives an error that is ErrConflict.
func (s *FileService) Delete(ctx context.Context, id string) error {
	_, err := s.c.do(ctx, request{method: http.MethodDelete, path: filePath(id, "")}, nil)
	return err
}

// List reads one page of files, newest first.
func (s *FileService) List(ctx context.Context, p FileListParams) (*Page[*File], error) {
	q := url.Values{}
	set(q, "execution_id", p.ExecutionID)
	page(q, p.Limit, p.Cursor)
	bodies, err := call[Page[fileBody]](ctx, s.c, request{method: http.MethodGet, path: "/v1/files", query: q}, nil)
	if err != nil {
		return nil, err
	}
	out := &Page[*File]{HasMore: bodies.HasMore, NextCursor: bodies.NextCursor}
	for i := range bodies.Data {
		out.Data = append(out.Data, bodies.Data[i].file())
	}
	return out, nil
}

// All reads every file that fits, a page at a time. An error ends it.
func (s *FileService) All(ctx context.Context, p FileListParams) iter.Seq2[*File, error] {
	return pages(p.Cursor, func(cursor string) (*Page[*File], error) {
		p.Cursor = cursor
		return s.List(ctx, p)
	})
}

func filePath(id, rest string) string { return "/v1/files/" + url.PathEscape(id) + rest }

// fileBody is a file as the API shows it.
type fileBody struct {
	ID        string    `json:"id"`
	Name      string    `json:"filename"`
	MIMEType  string    `json:"mime_type"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (b *fileBody) file() *File {
	f := File(*b)
	return &f
}

// holdingHeader lets a worker's key act on the files of an execution that it holds.
const holdingHeader = "Sojourn-Lease"

// uploadFile stores a file, for an execution when holding says which. It compares what the server received with what it
// sent.
func (c *Client) uploadFile(ctx context.Context, name, mimeType string, content io.Reader, holding string) (*File, error) {
	mimeType = firstOf(mimeType, mime.TypeByExtension(filepath.Ext(name)), "application/octet-stream")
	r := request{method: http.MethodPost, path: "/v1/files", query: url.Values{"filename": {name}}, header: http.Header{"Content-Type": {mimeType}}}
	if holding != "" {
		r.header[holdingHeader] = []string{holding}
	}
	length, from := int64(-1), int64(0)
	seeker, again := content.(io.Seeker)
	if again {
		var err error
		if from, err = seeker.Seek(0, io.SeekCurrent); err == nil {
			length, err = seeker.Seek(0, io.SeekEnd)
			length -= from
		}
		if again = err == nil; !again {
			length = -1 // such as a pipe
		}
	}
	for try := 0; ; try++ {
		if again {
			if _, err := seeker.Seek(from, io.SeekStart); err != nil {
				return nil, fmt.Errorf("sojourn: %w", err)
			}
		}
		sum := &summed{Reader: content, hash: sha256.New(), closed: make(chan struct{})}
		var b fileBody
		err := c.stream(ctx, r, sum, length, &b)
		if err == nil || again {
			<-sum.closed // until then a part of the request may still read
		}
		if err == nil {
			if b.SHA256 != sum.hex() {
				return nil, errors.Join(fmt.Errorf("sojourn: the server received another file than was sent: SHA-256 %s, not %s", b.SHA256, sum.hex()),
					c.Files.Delete(ctx, b.ID))
			}
			return b.file(), nil
		}
		if failed := sum.err.Load(); failed != nil {
			return nil, fmt.Errorf("sojourn: read the file: %w", *failed)
		}
		if !again || ctx.Err() != nil || try >= c.maxRetries || !retriable(err, false) || pause(ctx, retryDelay(try)) != nil {
			return nil, err
		}
	}
}

// summed hashes what is read, and keeps the error of the reader. Closing it leaves the reader open.
type summed struct {
	io.Reader
	hash   hash.Hash
	err    atomic.Pointer[error]
	once   sync.Once
	closed chan struct{}
}

func (s *summed) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *summed) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	_, _ = s.hash.Write(p[:n]) // never fails
	if err != nil && !errors.Is(err, io.EOF) {
		s.err.Store(&err)
	}
	return n, err
}

func (s *summed) hex() string { return hex.EncodeToString(s.hash.Sum(nil)) }

// openFile begins to read a content.
func (c *Client) openFile(ctx context.Context, id, holding string) (io.ReadCloser, error) {
	d := &download{c: c, ctx: ctx, r: request{method: http.MethodGet, path: filePath(id, "/content"), header: http.Header{}}, hash: sha256.New()}
	if holding != "" {
		d.r.header[holdingHeader] = []string{holding}
	}
	for {
		err := d.connect()
		if err == nil {
			return d, nil
		}
		if d.again(err) != nil {
			return nil, err
		}
	}
}

// download is a content on its way. It connects again when the connection breaks.
type download struct {
	c    *Client
	ctx  context.Context //nolint:containedctx // a reader has no other place for it
	r    request
	hash hash.Hash

	body  io.ReadCloser
	end   context.CancelFunc
	etag  string
	size  int64
	read  int64
	tries int // since something arrived
}

// connect asks for the rest of the content.
func (d *download) connect() error {
	if d.read > 0 {
		d.r.header["Range"] = []string{"bytes=" + strconv.FormatInt(d.read, 10) + "-"}
		d.r.header["If-Range"] = []string{d.etag}
	}
	response, end, err := d.c.open(d.ctx, d.r, nil, 0)
	if err != nil {
		return err
	}
	whole := response.StatusCode == http.StatusOK
	if d.read > 0 && whole || !whole && response.StatusCode != http.StatusPartialContent {
		_ = response.Body.Close()
		end()
		return fmt.Errorf("sojourn: the file changed while it was downloaded (status %d)", response.StatusCode)
	}
	if whole {
		d.etag, d.size = response.Header.Get("Etag"), response.ContentLength
	}
	d.body, d.end = response.Body, end
	return nil
}

// again waits before the next try, or returns why there is none.
func (d *download) again(err error) error {
	if d.ctx.Err() != nil || d.tries >= d.c.maxRetries || !retriable(err, false) {
		return err
	}
	d.tries++
	return pause(d.ctx, retryDelay(d.tries-1))
}

func (d *download) Read(p []byte) (int, error) {
	for {
		if d.body == nil {
			if err := d.connect(); err != nil {
				if d.again(err) != nil {
					return 0, err
				}
				continue
			}
		}
		n, err := d.body.Read(p)
		_, _ = d.hash.Write(p[:n]) // never fails
		d.read += int64(n)
		if n > 0 {
			d.tries = 0
		}
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, io.EOF) && (d.size < 0 || d.read == d.size):
			if sum := `"` + hex.EncodeToString(d.hash.Sum(nil)) + `"`; d.etag != "" && sum != d.etag {
				return n, fmt.Errorf("sojourn: what arrived has the SHA-256 %s, the file has %s", sum, d.etag)
			}
			return n, io.EOF
		case d.ctx.Err() != nil:
			return n, context.Cause(d.ctx)
		}
		_ = d.Close()
		d.body = nil
		broken := d.c.connectionError(d.ctx, d.r, err)
		if d.etag == "" || d.again(broken) != nil {
			return n, broken
		}
		if n > 0 {
			return n, nil
		}
	}
}

// Close ends the download.
func (d *download) Close() error {
	if d.body == nil {
		return nil
	}
	err := d.body.Close()
	d.end()
	return err
}

// stream sends a request with a body of any length and decodes the answer.
func (c *Client) stream(ctx context.Context, r request, body io.ReadCloser, length int64, out *fileBody) error {
	response, end, err := c.open(ctx, r, body, length)
	if err != nil {
		return err
	}
	defer end()
	defer func() { _ = response.Body.Close() }() // it was read to the end, or the error is already known
	content, err := readAll(response)
	if err != nil {
		return c.connectionError(ctx, r, err)
	}
	return decodeAnswer(r, content, out)
}
