package sojourntest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
)

// Worker is a worker that the test runs.
type Worker struct {
	s      *Server
	leash  *leash
	stop   context.CancelFunc
	done   chan struct{} // closed when Run has returned
	err    error         // of Run
	id     atomic.Value  // of its latest session, a string
	once   sync.Once
	active sync.WaitGroup // handlers that run
	killed atomic.Bool
}

// Worker runs a worker with the handlers that register gives it, and returns when it takes work. It ends with the
// server. configure may change its configuration, for example its Concurrency.
func (s *Server) Worker(register func(*sojourn.Worker), configure ...func(*sojourn.WorkerConfig)) *Worker {
	if s.t != nil {
		s.t.Helper()
	}
	w := &Worker{s: s, leash: &leash{next: &s.road, cut: make(chan struct{})}, done: make(chan struct{})}
	client, err := s.newClient(w.leash)
	if err != nil {
		s.fail("Worker: %v", err)
	}
	config := sojourn.WorkerConfig{Name: "test", Logger: slog.New(lastWords{s.log.Handler(), &w.killed})}
	for _, change := range configure {
		change(&config)
	}
	ready := make(chan struct{})
	var once sync.Once
	then := config.OnReady
	config.OnReady = func(session string) {
		w.id.Store(session)
		once.Do(func() { close(ready) })
		if then != nil {
			then(session)
		}
	}
	config.Interceptors = append([]sojourn.Interceptor{{Execution: w.count}}, config.Interceptors...)
	worker := sojourn.NewWorker(client, config)
	register(worker)
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	go func() {
		defer close(w.done)
		w.err = worker.Run(ctx)
	}()
	s.mu.Lock()
	s.workers = append(s.workers, w)
	s.mu.Unlock()
	select {
	case <-ready:
	case <-w.done:
		s.fail("Worker: it ended: %v", w.err)
	case <-time.After(patience):
		s.fail("Worker: it was not ready after %s", patience)
	}
	return w
}

// lastWords passes on what a worker has to say until it is killed; then it would only complain about that.
type lastWords struct {
	slog.Handler
	killed *atomic.Bool
}

// Enabled implements slog.Handler.
func (h lastWords) Enabled(ctx context.Context, level slog.Level) bool {
	return !h.killed.Load() && h.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h lastWords) WithAttrs(attrs []slog.Attr) slog.Handler {
	return lastWords{h.Handler.WithAttrs(attrs), h.killed}
}

// WithGroup implements slog.Handler.
func (h lastWords) WithGroup(name string) slog.Handler {
	return lastWords{h.Handler.WithGroup(name), h.killed}
}

// count knows how many handlers run.
func (w *Worker) count(ctx context.Context, _ sojourn.ExecutionInfo, next func(context.Context) error) error {
	w.active.Add(1)
	defer w.active.Done()
	return next(ctx)
}

// Stop ends the worker as a signal to its process would: it takes no more work, lets its handlers finish within their
// ShutdownGrace and gives back the rest.
func (w *Worker) Stop() {
	if w.s.t != nil {
		w.s.t.Helper()
	}
	w.stop()
	<-w.done
	if w.err != nil && !w.killed.Load() {
		w.s.fail("the worker ended with %v", w.err)
	}
}

// Kill ends the worker as the death of its process would: nothing that it has not reported yet reaches the server, and
// the server takes back what it holds, as it does when a lease is over. Since a handler cannot be killed, its context
// ends with cause sojourn.ErrLeaseLost, and Kill waits until it has returned.
func (w *Worker) Kill() {
	if w.s.t != nil {
		w.s.t.Helper()
	}
	if err := w.kill(); err != nil {
		w.s.fail("Kill: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if err := w.s.server.LoseWorker(ctx, w.id.Load().(string)); err != nil {
		w.s.fail("Kill: %v", err)
	}
}

func (w *Worker) kill() (err error) {
	w.once.Do(func() {
		w.killed.Store(true)
		w.leash.sever()
		w.stop()
		<-w.done
		returned := make(chan struct{})
		go func() {
			w.active.Wait()
			close(returned)
		}()
		select {
		case <-returned:
		case <-time.After(5 * time.Second):
			err = errors.New("a handler still runs 5 seconds after its context has ended")
		}
	})
	return err
}

// end is the end of the worker with its server: a short time for what is just finishing, then no more.
func (w *Worker) end() error {
	w.stop()
	select {
	case <-w.done:
		if w.err != nil && !w.killed.Load() {
			return fmt.Errorf("the worker ended with %w", w.err)
		}
		return nil
	case <-time.After(250 * time.Millisecond):
		return w.kill()
	}
}
