package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/sojournhq/sojourn/sdk/go"
)

// Client is a client of this server inside its own process, with every right in the default project. It needs no
// listener and no key; workers can use it too. It works until the server stops: stop workers before that, so that they
// can report what they have finished.
func (s *Server) Client() (*sojourn.Client, error) {
	base := s.URL()
	if base == "" {
		base = "http://sojourn.internal"
	}
	return sojourn.NewClient(sojourn.Config{
		BaseURL: base, APIKey: s.engine.Lend(s.root),
		HTTPClient: &http.Client{Transport: s.Transport()},
	})
}

// Transport answers requests, whatever host they name, inside this process: for an http.Client that needs no listener.
func (s *Server) Transport() http.RoundTripper { return inProcess{s.gate} }

// inProcess answers requests by calling the handler.
type inProcess struct{ gate *gate }

// RoundTrip implements http.RoundTripper.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	// The handler gets a request as a server would have made it, and its context ends with the answer.
	if t.gate.closing.Err() != nil {
		return nil, ErrClosed
	}
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(t.gate.closing, cancel)
	in := r.Clone(ctx)
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:0"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := &answer{header: http.Header{}, streams: make(chan struct{})}
	done := make(chan error, 1)
	go func() {
		defer stop()
		defer cancel()
		defer func() {
			p := recover()
			_ = in.Body.Close()
			var end error
			switch err, ok := p.(error); {
			case p == nil:
			case ok && errors.Is(err, http.ErrAbortHandler):
				end = errors.New("the server ended the request")
			default:
				end = fmt.Errorf("panic in the server: %v", p)
			}
			if w.writer != nil {
				_ = w.writer.CloseWithError(end) // never fails
			}
			done <- end
		}()
		t.gate.ServeHTTP(w, in)
	}()
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-w.streams:
		unread := context.AfterFunc(ctx, func() { _ = w.reader.CloseWithError(context.Cause(ctx)) })
		return w.response(r, -1, &streamed{io.MultiReader(&w.body, w.reader), w.reader, func() { unread(); cancel() }}), nil
	case err := <-done:
		if err != nil {
			return nil, err
		}
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.response(r, int64(w.body.Len()), io.NopCloser(&w.body)), nil
}

// streamed is the body of an answer that is read while it is written.
type streamed struct {
	io.Reader
	pipe *io.PipeReader
	done func()
}

// Close tells the handler that nobody reads any more.
func (s *streamed) Close() error {
	s.done()
	return s.pipe.Close()
}

// answer collects what a handler writes. From the first Flush on it is a stream: the reader gets what is written then
// as it is written.
type answer struct {
	header  http.Header
	sent    http.Header // as it was when the status was written
	status  int
	body    bytes.Buffer  // what was written before
	streams chan struct{} // closed when it became a stream
	reader  *io.PipeReader
	writer  *io.PipeWriter
}

func (w *answer) response(r *http.Request, length int64, body io.ReadCloser) *http.Response {
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.sent, ContentLength: length, Body: body, Request: r,
	}
}

func (w *answer) Header() http.Header { return w.header }

func (w *answer) WriteHeader(status int) {
	if w.status == 0 {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *answer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.writer != nil {
		return w.writer.Write(b)
	}
	return w.body.Write(b)
}

// Flush makes the answer a stream.
func (w *answer) Flush() {
	if w.writer != nil {
		return
	}
	w.WriteHeader(http.StatusOK)
	w.reader, w.writer = io.Pipe()
	close(w.streams)
}
