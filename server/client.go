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
func (s *Server) Transport() http.RoundTripper { return inProcess{s.handler} }

// inProcess answers requests by calling the handler.
type inProcess struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	// The handler gets a request as a server would have made it, and its context ends with the answer.
	ctx, cancel := context.WithCancel(r.Context())
	in := r.Clone(ctx)
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:0"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := &answer{header: http.Header{}}
	done := make(chan error, 1)
	go func() {
		defer cancel()
		defer func() {
			p := recover()
			_ = in.Body.Close()
			switch err, ok := p.(error); {
			case p == nil:
				done <- nil
			case ok && errors.Is(err, http.ErrAbortHandler):
				done <- errors.New("the server ended the request")
			default:
				done <- fmt.Errorf("panic in the server: %v", p)
			}
		}()
		t.handler.ServeHTTP(w, in)
	}()
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case err := <-done:
		if err != nil {
			return nil, err
		}
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.sent, ContentLength: int64(w.body.Len()),
		Body: io.NopCloser(&w.body), Request: r,
	}, nil
}

// answer collects what a handler writes.
type answer struct {
	header http.Header
	sent   http.Header // as it was when the status was written
	status int
	body   bytes.Buffer
}

func (w *answer) Header() http.Header { return w.header }

func (w *answer) WriteHeader(status int) {
	if w.status == 0 {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *answer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}
