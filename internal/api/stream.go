package api

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
)

// streamPause is the least time between two reads of a stream: what happens within it is sent together.
const streamPause = 10 * time.Millisecond

// source is what a stream reads from.
type source interface {
	Read(ctx context.Context) (*engine.StreamPage, error)
	Changed() <-chan struct{}
}

// feed is a source with how it is written.
type feed struct {
	source
	// begin appends what comes before everything else; nil: nothing.
	begin func(b []byte) []byte
	// event appends one event, with its id and the empty line at its end.
	event func(b []byte, e *engine.StreamEvent) []byte
	// place appends the id of the place that a page leads to; nil: the events' own ids are all there is.
	place func(b []byte, p *engine.StreamPage) []byte
}

// stream answers with the source's events until the source ends, the client goes away or does not read, its key loses
// its rights, or the server drains. After every end but the first the client comes back and goes on behind what it got.
// Nothing is kept for a reader but the page that is being sent to it.
func (a *API) stream(x *exchange, in *feed) error {
	if !a.streams.enter(x.caller.Key, a.cfg.MaxStreams) {
		return &engine.Error{
			Code: codeRateLimited, RetryAfter: 5 * time.Second,
			Message: "this API key has " + number(float64(a.cfg.MaxStreams)) + " streams open, the most it may have; close one first, or follow the project with one stream instead of each execution with its own",
		}
	}
	defer a.streams.leave(x.caller.Key)
	page, err := in.Read(x.ctx)
	if err != nil {
		return err
	}
	out := newSSE(x)
	if !out.begin() {
		return nil
	}
	if in.begin != nil {
		out.text = in.begin(out.text)
	}
	beat := time.NewTimer(a.cfg.Heartbeat)
	defer beat.Stop()
	for told := ""; ; {
		place := ""
		if in.place != nil {
			place = string(in.place(nil, page))
		}
		if page.Reset {
			out.reset(place)
		}
		for i := range page.Events {
			out.text = in.event(out.text, &page.Events[i])
		}
		if place != told && (told == "" || len(page.Events) > 0 || page.Reset) {
			out.id(place)
			told = place
		}
		if page.Ended {
			out.end(page)
		}
		sent := len(out.text) > 0
		if !out.flush() || page.Ended {
			return nil
		}
		if sent {
			beat.Reset(a.cfg.Heartbeat)
		}
		if !page.More {
			read := time.Now()
			select {
			case <-in.Changed():
				if !a.pause(x, read.Add(streamPause)) {
					return nil
				}
			case <-beat.C:
				if !a.mayStillRead(x) {
					return nil
				}
				out.comment()
				if place != told {
					out.id(place)
					told = place
				}
				if !out.flush() {
					return nil
				}
				beat.Reset(a.cfg.Heartbeat)
			case <-x.ctx.Done():
				return nil
			case <-a.engine.Draining():
				return nil
			}
		}
		if page, err = in.Read(x.ctx); err != nil {
			if x.ctx.Err() == nil {
				a.log.LogAttrs(x.ctx, slog.LevelWarn, "a stream ends early", slog.String("request_id", x.id), slog.String("route", x.pattern()), slog.Any("error", err))
			}
			return nil
		}
	}
}

// pause waits until the instant. It returns false when the stream must end meanwhile.
func (a *API) pause(x *exchange, until time.Time) bool {
	d := time.Until(until)
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-x.ctx.Done():
		return false
	case <-a.engine.Draining():
		return false
	}
}

// mayStillRead reports whether the key that opened the stream, or the sign-in, is still valid for it.
func (a *API) mayStillRead(x *exchange) bool {
	need := x.route.access.scope
	if x.route.ui() {
		s, err := a.engine.SignedIn(x.ctx, x.token())
		return err == nil && s.Caller.Scopes.Has(need)
	}
	key, _ := bearer(x.r.Header)
	c, err := a.engine.Authenticate(x.ctx, key)
	return err == nil && c.Scopes.Has(need)
}

// openStreams counts the streams of each API key.
type openStreams struct {
	mu sync.Mutex
	by map[int64]int
}

// enter takes a place for a stream, if there is one.
func (o *openStreams) enter(key int64, most int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.by[key] >= most {
		return false
	}
	if o.by == nil {
		o.by = map[int64]int{}
	}
	o.by[key]++
	return true
}

func (o *openStreams) leave(key int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.by[key]--; o.by[key] == 0 {
		delete(o.by, key)
	}
}
