package sojourn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// streamSilence is how long a stream may be silent before the connection is taken for dead: three heartbeats.
	streamSilence = 45 * time.Second
	// streamRetry is when to come back after the end of a connection, unless the server says otherwise.
	streamRetry = time.Second
)

// ErrEventsReset ends a stream of events that cannot go on where it was: the server's data was restored from a backup,
// and what was seen of it may not have happened. Begin anew.
var ErrEventsReset = errors.New("sojourn: the server's data is of another timeline than the events that were seen")

// Events yields the events of an execution with a revision above after, then each one as it happens, and ends after the
// last. No event is missing and none comes twice, also when the connection breaks or the server restarts meanwhile. An
// error ends it: the execution is not there, ctx ended, the server is away for about a minute, or ErrEventsReset.
func (s *ExecutionService) Events(ctx context.Context, id string, after int64) iter.Seq2[Event, error] {
	f := follower{c: s.c, path: executionPath(id, "/events"), last: strconv.FormatInt(max(after, 0), 10)}
	return f.events(ctx)
}

// EventsParams select events of a project. Zero fields do not filter.
type EventsParams struct {
	Workflows []string // names or ids
	Types     []string // such as completed and failed
	After     string   // the ID of the last event that was seen; "": from now
	// Opened is called when the stream is open for the first time: what happens from then on is in it.
	Opened func()
}

// Events yields the events of all executions of the project as they happen, in the order in which the server stored
// them. It does not end by itself, only with an error: ctx ended, the server is away for about a minute, or
// ErrEventsReset. Event.ID is where to go on.
func (c *Client) Events(ctx context.Context, p EventsParams) iter.Seq2[Event, error] {
	f := follower{c: c, path: "/v1/events", query: url.Values{}, last: p.After, opened: p.Opened}
	for _, w := range p.Workflows {
		f.query.Add("workflow_id", w)
	}
	if len(p.Types) > 0 {
		f.query.Set("kinds", strings.Join(p.Types, ","))
	}
	return f.events(ctx)
}

// follower reads a stream over as many connections as it takes.
type follower struct {
	c      *Client
	path   string
	query  url.Values
	last   string // id of the last event that was seen
	opened func()
}

// errStopped says that whoever reads the events has enough, or that they are over.
var errStopped = errors.New("stopped")

// events are those of executions.
func (f follower) events(ctx context.Context) iter.Seq2[Event, error] {
	return streamed(ctx, f, func(f *follower, _ string, data []byte) (Event, bool, error) {
		e := Event{ID: f.last, raw: append(json.RawMessage(nil), data...)}
		if err := json.Unmarshal(data, &e); err != nil {
			return e, false, fmt.Errorf("sojourn: an event of %s is not what the API promises: %w", f.path, err)
		}
		return e, true, nil
	})
}

// streamed yields what decode makes of the events of a stream; with false it passes one by.
func streamed[T any](ctx context.Context, f follower, decode func(f *follower, name string, data []byte) (T, bool, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		f := f // an iterator can be used again
		err := f.follow(ctx, func(name string, data []byte) error {
			switch name {
			case "end":
				return errStopped
			case "reset":
				return ErrEventsReset
			}
			x, ok, err := decode(&f, name, data)
			if err == nil && ok && !yield(x, nil) {
				err = errStopped
			}
			return err
		})
		if !errors.Is(err, errStopped) {
			var none T
			yield(none, err)
		}
	}
}

// follow hands over event by event until each returns an error, which it returns, or the stream cannot go on.
func (f *follower) follow(ctx context.Context, each func(name string, data []byte) error) error {
	delay := time.Duration(0)
	for try := 0; ; {
		if err := pause(ctx, delay); err != nil {
			return &ConnectionError{Method: http.MethodGet, URL: f.c.base + f.path, Err: err}
		}
		got, again, err := f.connect(ctx, each)
		if got {
			try = 0
		}
		var end *eachError
		switch {
		case errors.As(err, &end):
			return end.err
		case ctx.Err() != nil:
			return &ConnectionError{Method: http.MethodGet, URL: f.c.base + f.path, Err: context.Cause(ctx)}
		case err != nil && (!retriable(err, false) || try >= waitPatience):
			return err
		case err != nil:
			delay = max(retryDelay(try), retryAfter(err))
			f.c.log.LogAttrs(ctx, slog.LevelDebug, "a stream is opened again", slog.String("path", f.path), slog.Duration("delay", delay), slog.Any("error", err))
			try++
		default:
			delay = max(again, retryDelay(try)*min(time.Duration(try), 1))
			try++
			if try > waitPatience {
				return &ConnectionError{Method: http.MethodGet, URL: f.c.base + f.path, Err: io.ErrUnexpectedEOF}
			}
		}
	}
}

// eachError is an error of whoever takes the events.
type eachError struct{ err error }

func (e *eachError) Error() string { return e.err.Error() }

// connect reads the stream over one connection. It reports whether that was of use, and when to come back after an end.
func (f *follower) connect(ctx context.Context, each func(name string, data []byte) error) (got bool, again time.Duration, err error) {
	attempt, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(f.c.timeout, func() { cancel(errors.New("the server is silent")) })
	defer silence.Stop()
	r := request{method: http.MethodGet, path: f.path}
	address := f.c.base + f.path
	if len(f.query) > 0 {
		address += "?" + f.query.Encode()
	}
	q, err := http.NewRequestWithContext(attempt, r.method, address, nil)
	if err != nil {
		return false, 0, &eachError{fmt.Errorf("sojourn: %w", err)}
	}
	q.Header["Authorization"] = []string{"Bearer " + f.c.key}
	q.Header["User-Agent"] = []string{f.c.userAgent}
	q.Header["Accept"] = []string{"text/event-stream"}
	if f.last != "" {
		q.Header["Last-Event-Id"] = []string{f.last}
	}
	response, err := f.c.http.Do(q)
	if err != nil {
		return false, 0, f.c.connectionError(attempt, r, err)
	}
	defer func() { _ = response.Body.Close() }() // it is a stream: there is nothing to learn from its end
	if response.StatusCode != http.StatusOK {
		content, err := readAll(response)
		if err != nil {
			return false, 0, f.c.connectionError(attempt, r, err)
		}
		return false, 0, parseError(response.StatusCode, response.Header, content)
	}
	in := newEventReader(response.Body)
	in.id, in.retry = f.last, streamRetry
	began := time.Now()
	defer func() { got = got || time.Since(began) > streamSilence/3 }()
	for {
		silence.Reset(streamSilence)
		e, err := in.next(func() {
			silence.Reset(streamSilence)
			f.last = in.id
			if f.opened != nil && in.id != "" {
				f.opened()
				f.opened = nil
			}
		})
		if errors.Is(err, io.EOF) {
			return got, in.retry, nil
		}
		if err != nil {
			return got, 0, f.c.connectionError(attempt, r, err)
		}
		got = true
		silence.Stop() // the time until the next one is taken is not the server's
		f.last = in.id
		if err := each(e.name, e.data); err != nil {
			return got, 0, &eachError{err}
		}
	}
}
