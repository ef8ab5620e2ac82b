package sojourntest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
)

var errDown = errors.New("sojourntest: the server is down")

// road leads requests to whichever server runs at the moment.
type road struct {
	to atomic.Pointer[http.RoundTripper]
}

// RoundTrip implements http.RoundTripper.
func (r *road) RoundTrip(q *http.Request) (*http.Response, error) {
	to := r.to.Load()
	if to == nil {
		return nil, errDown
	}
	return (*to).RoundTrip(q)
}

// leash is the road of one worker. Once it is cut no request reaches the server any more, no answer comes back, and the
// worker hears that its session is gone, so that it ends at once rather than after the length of its lease.
type leash struct {
	next http.RoundTripper
	once sync.Once
	cut  chan struct{}
}

func (l *leash) sever() { l.once.Do(func() { close(l.cut) }) }

// RoundTrip implements http.RoundTripper.
func (l *leash) RoundTrip(q *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(q.Context())
	defer cancel()
	type result struct {
		response *http.Response
		err      error
	}
	done := make(chan result, 1)
	select {
	case <-l.cut:
		return gone(q), nil
	default:
	}
	go func() {
		response, err := l.next.RoundTrip(q.WithContext(ctx))
		if err == nil {
			// The body is read here, for ctx ends with this request.
			var body bytes.Buffer
			_, err = body.ReadFrom(response.Body)
			err = errors.Join(err, response.Body.Close())
			response.Body = io.NopCloser(&body)
		}
		done <- result{response, err}
	}()
	select {
	case <-l.cut:
		return gone(q), nil
	case r := <-done:
		select {
		case <-l.cut:
			return gone(q), nil
		default:
			return r.response, r.err
		}
	}
}

// gone is how a server answers for a session that it does not know.
func gone(q *http.Request) *http.Response {
	const body = `{"status":404,"code":"session_lost","title":"The worker was killed by its test.","detail":"the worker was killed by its test"}`
	return &http.Response{
		Status: "404 Not Found", StatusCode: http.StatusNotFound, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/problem+json"}, "Content-Length": {strconv.Itoa(len(body))}},
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader([]byte(body))), Request: q,
	}
}
