package sojourn

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

const (
	retryFirst = 500 * time.Millisecond
	retryMost  = 8 * time.Second
	// retryPatience is the longest Retry-After that is waited for; a longer one is the caller's decision.
	retryPatience = time.Minute
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 256 << 20
)

// request is one call of the API: it may be sent several times.
type request struct {
	method string
	path   string // begins with /v1
	query  url.Values
	header http.Header
	body   []byte        // JSON; nil: none
	hold   time.Duration // how long the server may hold the answer
	within time.Duration // bounds one attempt, without the hold; 0: Config.Timeout
	once   bool          // an unknown outcome must not be repeated
	apart  bool          // it goes over a connection of its kind
}

// answer is what came back, a success.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends the request, retries it as Config.MaxRetries allows, and decodes a success into out unless out is nil.
func (c *Client) do(ctx context.Context, r request, out any) (*answer, error) {
	for try := 0; ; try++ {
		a, err := c.send(ctx, r)
		if err == nil {
			if out != nil && len(a.body) > 0 && a.status != http.StatusNotModified {
				if err := decodeAnswer(r, a.body, out); err != nil {
					return nil, err
				}
			}
			return a, nil
		}
		if ctx.Err() != nil || try >= c.maxRetries || !retriable(err, r.once) {
			return nil, err
		}
		delay := retryDelay(try)
		if e, ok := err.(*Error); ok && e.RetryAfter > 0 { //nolint:errorlint // send returns it unwrapped
			if e.RetryAfter > retryPatience {
				return nil, err
			}
			delay = e.RetryAfter
		}
		if until, ok := ctx.Deadline(); ok && time.Until(until) < delay {
			return nil, err
		}
		c.log.LogAttrs(ctx, slog.LevelDebug, "retrying a request",
			slog.String("method", r.method), slog.String("path", r.path), slog.Duration("delay", delay), slog.Any("error", err))
		if pause(ctx, delay) != nil {
			return nil, err
		}
	}
}

// send sends the request once. The error is an *Error, a *ConnectionError or one of building the request.
func (c *Client) send(ctx context.Context, r request) (*answer, error) {
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	within := c.timeout
	if r.within > 0 {
		within = r.within
	}
	attempt, cancel := context.WithTimeout(ctx, within+r.hold)
	defer cancel()
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	q, err := http.NewRequestWithContext(attempt, r.method, address, body)
	if err != nil {
		return nil, fmt.Errorf("sojourn: %w", err)
	}
	maps.Copy(q.Header, r.header)
	q.Header["Authorization"] = []string{"Bearer " + c.key}
	q.Header["User-Agent"] = []string{c.userAgent}
	q.Header["Accept"] = []string{"application/json"}
	if r.body != nil {
		q.Header["Content-Type"] = []string{"application/json"}
	}
	client := c.http
	if r.apart {
		client = c.apart
	}
	response, err := client.Do(q)
	if err != nil {
		return nil, c.connectionError(ctx, r, err)
	}
	defer func() { _ = response.Body.Close() }() // it was read to the end, or the error is already known
	content, err := readAll(response)
	if err != nil {
		return nil, c.connectionError(ctx, r, err)
	}
	if response.StatusCode >= 200 && response.StatusCode < 300 || response.StatusCode == http.StatusNotModified {
		return &answer{response.StatusCode, response.Header, content}, nil
	}
	return nil, parseError(response.StatusCode, response.Header, content)
}

// open sends a request once and returns its answer, a success, before its body was read. end releases it. Only ctx bounds
// how long the bodies may take; the answer to a request without one must begin within Config.Timeout. The body is closed
// when nothing is read of it any more. A length below 0 is not known.
func (c *Client) open(ctx context.Context, r request, body io.ReadCloser, length int64) (response *http.Response, end context.CancelFunc, err error) {
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	end = func() { cancel(nil) }
	defer func() {
		if err != nil {
			cancel(nil)
		}
	}()
	q, err := http.NewRequestWithContext(ctx, r.method, address, http.NoBody)
	if err != nil {
		return nil, nil, fmt.Errorf("sojourn: %w", err)
	}
	switch {
	case body == nil:
		timer := time.AfterFunc(c.timeout, func() { cancel(fmt.Errorf("no answer within %s", c.timeout)) })
		defer timer.Stop()
	case length == 0:
		_ = body.Close() // there is nothing in it to send
	default:
		q.Body, q.ContentLength = body, length
	}
	maps.Copy(q.Header, r.header)
	q.Header["Authorization"] = []string{"Bearer " + c.key}
	q.Header["User-Agent"] = []string{c.userAgent}
	response, err = c.http.Do(q)
	if err != nil {
		return nil, nil, c.connectionError(ctx, r, err)
	}
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		return response, end, nil
	}
	content, err := readAll(response)
	_ = response.Body.Close() // it was read to the end, or the error is already known
	if err != nil {
		return nil, nil, c.connectionError(ctx, r, err)
	}
	return nil, nil, parseError(response.StatusCode, response.Header, content)
}

// decodeAnswer reads the JSON of a success.
func decodeAnswer(r request, content []byte, out any) error {
	if err := json.Unmarshal(content, out); err != nil {
		return fmt.Errorf("sojourn: the answer to %s %s is not what the API promises: %w", r.method, r.path, err)
	}
	return nil
}

// connectionError names the request without its query, and lets the caller's own cancellation show through.
func (c *Client) connectionError(ctx context.Context, r request, err error) error {
	if u, ok := err.(*url.Error); ok { //nolint:errorlint // the outermost one repeats what ConnectionError says
		err = u.Err
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return &ConnectionError{Method: r.method, URL: c.base + r.path, Err: err}
}

func readAll(response *http.Response) ([]byte, error) {
	if n := response.ContentLength; n >= 0 && n <= maxAnswer {
		content := make([]byte, n)
		_, err := io.ReadFull(response.Body, content)
		return content, err
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(content) > maxAnswer {
		err = fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	return content, err
}

func retriable(err error, once bool) bool {
	switch e := err.(type) { //nolint:errorlint // send returns them unwrapped
	case *ConnectionError:
		return !once
	case *Error:
		switch {
		case e.Status == http.StatusTooManyRequests:
			return true
		case e.Status == http.StatusRequestTimeout, e.Status >= 500:
			return !once && e.Status != http.StatusNotImplemented && e.Status != http.StatusInsufficientStorage
		}
	}
	return false
}

// retryDelay is the wait before try+1 more: full jitter, so that clients who failed together do not return together.
func retryDelay(try int) time.Duration {
	most := min(retryFirst<<min(try, 10), retryMost)
	return max(rand.N(most), most/10)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// encode gives v as JSON without HTML escapes, so that what is stored reads as it was written.
func encode(v any) ([]byte, error) {
	if raw, ok := v.(json.RawMessage); ok && len(raw) > 0 {
		if !json.Valid(raw) {
			return nil, fmt.Errorf("the json.RawMessage is not valid JSON")
		}
		return raw, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

// call is do for a JSON body and a typed answer.
func call[T any](ctx context.Context, c *Client, r request, body any) (*T, error) {
	if body != nil {
		b, err := encode(body)
		if err != nil {
			return nil, fmt.Errorf("sojourn: %w", err)
		}
		r.body = b
	}
	out := new(T)
	if _, err := c.do(ctx, r, out); err != nil {
		return nil, err
	}
	return out, nil
}
