package sojourn

import (
	"context"
	"errors"
	"io"
	"time"
)

// File refers to a file that the server keeps. As a field of an input or output it encodes to a reference, by which the
// execution uses the file; the server checks the ID and fills in the rest. Use *File for one that may be missing.
type File struct {
	ID       string `json:"fileId"`
	Name     string `json:"filename"` // what its sender called it, without directories
	MIMEType string `json:"mimeType"` // what its sender said it is
	Size     int64  `json:"size"`     // in bytes
	SHA256   string `json:"sha256"`   // in hex

	// CreatedAt and ExpiresAt are set by Client.Files only. A file without ExpiresAt is used by an execution.
	CreatedAt time.Time `json:"-"`
	ExpiresAt time.Time `json:"-"`
}

// errNoHandler is the use of a worker's function elsewhere.
var errNoHandler = errors.New("sojourn: this context is not that of a handler or step; use Client.Files")

// Open reads the file's content. ctx is the context of a handler or of one of its steps; the execution must use the
// file, and the worker must still hold it. Elsewhere use Client.Files.Open. The caller closes the reader. A connection
// that breaks is made again where it broke; the last read fails when what arrived does not have the file's SHA256.
func (f File) Open(ctx context.Context) (io.ReadCloser, error) {
	c := handlerContext(ctx)
	if c == nil {
		return nil, errNoHandler
	}
	return c.a.s.w.client.openFile(ctx, f.ID, c.a.holding())
}

// NewFile stores a file for the execution whose handler or step ctx belongs to. The file is the execution's at once and
// lives as long as it; put it into an output for others to find. A handler that is run again makes the file again,
// unless this happens in a step. mimeType may be empty: then the name's extension tells it.
func NewFile(ctx context.Context, name, mimeType string, content io.Reader) (File, error) {
	c := handlerContext(ctx)
	if c == nil {
		return File{}, errNoHandler
	}
	f, err := c.a.s.w.client.uploadFile(ctx, name, mimeType, content, c.a.holding())
	if err != nil {
		return File{}, err
	}
	return *f, nil
}

// NewFile is the function of that name for this handler.
func (c *Context) NewFile(name, mimeType string, content io.Reader) (File, error) {
	return NewFile(c, name, mimeType, content)
}

// holding is how the attempt proves that it holds its execution.
func (a *attempt) holding() string { return a.id + " " + a.lease }
