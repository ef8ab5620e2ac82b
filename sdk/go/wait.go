package sojourn

import (
	"context"
	"iter"
	"net/http"
	"time"
)

const (
	// longPoll is the hold that Wait asks for; the server answers a little earlier.
	longPoll = 60 * time.Second
	// watchEvery is the pause of Watch while nothing changes; it shortens to watchFast while something does.
	watchEvery = time.Second
	watchFast  = 150 * time.Millisecond
	// watchSlow is that pause while a stream of events tells of changes, watchTogether how long those that follow each
	// other are waited for.
	watchSlow     = 3 * time.Second
	watchTogether = 30 * time.Millisecond
	// waitPatience is how many answers in a row a wait may miss: about a minute, longer than a restart of the server.
	waitPatience = 10
)

// Wait returns the execution once it has ended, or with UntilActionable also once it waits for a signal or an approval.
// It lets the server hold the answer and asks again as long as ctx allows; ending ctx ends the wait and leaves the
// execution alone. Err of the execution says how it ended.
func (s *ExecutionService) Wait(ctx context.Context, id string, options ...GetOption) (*Execution, error) {
	var o getOptions
	for _, option := range options {
		option(&o)
	}
	o.hold = longPoll
	for try := 0; ; {
		asked := time.Now()
		x, err := s.get(ctx, id, o)
		switch {
		case err != nil && ctx.Err() == nil && retriable(err, false) && try < waitPatience:
			// A wait outlives a restart of the server: what it waits for is durable.
			if pause(ctx, max(retryDelay(try), retryAfter(err))) != nil {
				return nil, err
			}
			try++
		case err != nil:
			return nil, err
		case x.Status.Terminal(), o.actionable && x.Actionable():
			return x, nil
		default:
			try = 0
			// A server that does not hold must not be asked in a tight loop.
			if early := time.Second - time.Since(asked); early > 0 {
				if err := pause(ctx, early); err != nil {
					return nil, &ConnectionError{Method: http.MethodGet, URL: s.c.base + executionPath(id, ""), Err: err}
				}
			}
		}
	}
}

func retryAfter(err error) time.Duration {
	if e, ok := err.(*Error); ok { //nolint:errorlint // the client returns it unwrapped
		return e.RetryAfter
	}
	return 0
}

// Watch yields the execution as it is now and again after each change, ending with its final state. Changes that follow
// each other quickly are seen as one. An error ends it; a server that is away for a while does not.
func (s *ExecutionService) Watch(ctx context.Context, id string, options ...GetOption) iter.Seq2[*Execution, error] {
	return func(yield func(*Execution, error) bool) {
		var o getOptions
		for _, option := range options {
			option(&o)
		}
		o.hold = 0
		var hint *hints
		defer func() { hint.stop() }()
		delay := watchFast
		for try := 0; ; {
			x, err := s.get(ctx, id, o)
			switch {
			case err != nil && ctx.Err() == nil && retriable(err, false) && try < waitPatience:
				delay = max(retryDelay(try), retryAfter(err))
				try++
			case err != nil:
				yield(nil, err)
				return
			case x != nil && (o.etag == "" || x.etag != o.etag):
				if !yield(x, nil) || x.Status.Terminal() {
					return
				}
				try, delay, o.etag = 0, watchFast, x.etag
				if hint == nil {
					hint = s.hints(ctx, id, x.Revision)
				}
			default:
				try, delay = 0, min(delay*2, watchEvery)
			}
			if err := hint.wait(ctx, delay, err != nil); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// hints tell a Watch by the stream of events when to look again. Without a stream it looks from time to time.
type hints struct {
	changed chan struct{}
	lost    chan struct{} // closed when there is no stream
	cancel  context.CancelFunc
}

func (s *ExecutionService) hints(ctx context.Context, id string, after int64) *hints {
	h := &hints{changed: make(chan struct{}, 1), lost: make(chan struct{})}
	ctx, h.cancel = context.WithCancel(ctx)
	go func() {
		defer close(h.lost)
		for _, err := range s.Events(ctx, id, after) {
			if err != nil {
				return
			}
			select {
			case h.changed <- struct{}{}:
			default:
			}
		}
	}()
	return h
}

func (h *hints) stop() {
	if h != nil {
		h.cancel()
		<-h.lost
	}
}

// wait waits until there is something new, or for the delay when there is no stream or the server must be left alone.
func (h *hints) wait(ctx context.Context, delay time.Duration, failed bool) error {
	if h == nil || failed {
		return pause(ctx, delay)
	}
	select {
	case <-h.lost:
		return pause(ctx, delay)
	default:
	}
	// Why an execution waits can change without an event: it is looked at from time to time all the same.
	timer := time.NewTimer(watchSlow)
	defer timer.Stop()
	select {
	case <-h.changed:
		return pause(ctx, watchTogether)
	case <-h.lost:
		return pause(ctx, delay)
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Run starts an execution, waits for its end and decodes its output. An execution that did not complete gives an
// *ExecutionFailedError, *ExecutionCancelledError or *ExecutionRejectedError. Ending ctx ends the wait and leaves the
// execution alone.
func Run[Out any](ctx context.Context, c *Client, p StartParams) (Out, error) {
	var out Out
	if p.Wait == 0 {
		p.Wait = longPoll
	}
	x, err := c.Executions.Start(ctx, p)
	if err != nil {
		return out, err
	}
	if !x.Status.Terminal() {
		if x, err = c.Executions.Wait(ctx, x.ID); err != nil {
			return out, err
		}
	}
	return out, x.DecodeOutput(&out)
}

// Result waits for the end of an execution and decodes its output; errors are those of Run.
func Result[Out any](ctx context.Context, c *Client, id string) (Out, error) {
	var out Out
	x, err := c.Executions.Wait(ctx, id)
	if err != nil {
		return out, err
	}
	return out, x.DecodeOutput(&out)
}
