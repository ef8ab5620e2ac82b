package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/signature"
)

// Limits of one attempt.
const (
	attemptTimeout = 15 * time.Second
	maxResponse    = 1 << 20 // more of an answer is not read
	maxExcerpt     = 1 << 10 // more of it is not kept
	maxHeader      = 64 << 10
)

// answer is how a receiver took a message.
type answer struct {
	status     int    // 0: there was none
	problem    string // why it is no good answer
	excerpt    []byte
	retryAfter time.Duration
	stopped    bool // the server stopped before there was one
}

func (a *answer) accepted() bool { return a.status >= 200 && a.status < 300 && a.problem == "" }

// unwell says that the receiver seems unable to take any message, not just this one.
func (a *answer) unwell() bool {
	return a.status == 0 || a.status >= 500 || a.status == http.StatusTooManyRequests || a.status == http.StatusRequestTimeout
}

// sender makes the requests.
type sender struct {
	client *http.Client
	agent  string
}

func newSender(g *Guard, version string, roots *tls.Config) *sender {
	t := &http.Transport{
		Proxy:       nil, // a proxy would connect in place of the guard
		DialContext: g.DialContext, ForceAttemptHTTP2: true, TLSClientConfig: roots, TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConns: 64, MaxIdleConnsPerHost: perDestination, IdleConnTimeout: time.Minute, DisableCompression: true,
		MaxResponseHeaderBytes: maxHeader,
	}
	return &sender{
		client: &http.Client{
			Transport: t, Timeout: attemptTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		agent: "Sojourn/" + version,
	}
}

// send makes one attempt.
func (s *sender) send(ctx context.Context, m *engine.Message, body []byte) answer {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(body))
	if err != nil {
		return answer{problem: "the URL is not valid"}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", s.agent)
	signature.SetHeaders(r.Header, m.ID.Text(execution.PrefixEvent), time.Now(), body, m.Secrets...)
	res, err := s.client.Do(r)
	if err != nil {
		return answer{problem: reason(err), stopped: ctx.Err() != nil}
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	a := answer{status: res.StatusCode, retryAfter: retryAfter(res.Header, time.Now())}
	a.excerpt, err = io.ReadAll(io.LimitReader(res.Body, maxExcerpt))
	a.excerpt = bytes.ToValidUTF8(a.excerpt, []byte("\uFFFD"))
	if len(a.excerpt) > maxExcerpt {
		a.excerpt = bytes.ToValidUTF8(a.excerpt[:maxExcerpt], nil)
	}
	if err == nil {
		// What is read to its end lets the connection be used again. The status was given, whatever becomes of the rest.
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxResponse-maxExcerpt))
	}
	switch {
	case a.status >= 300 && a.status < 400:
		a.problem = fmt.Sprintf("the receiver answered %d; redirects are not followed", a.status)
	case a.status < 200 || a.status >= 300:
		a.problem = fmt.Sprintf("the receiver answered %d", a.status)
	}
	return a
}

// reason is what went wrong, without the URL, whose query may hold a secret.
func reason(err error) string {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		if wrapped.Timeout() {
			return "there was no answer within " + attemptTimeout.String()
		}
		err = wrapped.Err
	}
	if errors.Is(err, errRefused) {
		return "the destination was refused: " + errRefused.Error() + " and not allowed by the server's operator"
	}
	text := strings.ToValidUTF8(err.Error(), "\uFFFD")
	const most = 300
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// retryAfter is how long the receiver asks to be left alone, in seconds or as a date; 0: it does not.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		return max(0, time.Duration(n)*time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
