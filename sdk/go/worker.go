package sojourn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// WorkerConfig configures a Worker. Zero fields mean the defaults.
type WorkerConfig struct {
	// Name shows in the list of workers. Default: host name and process id.
	Name string
	// Version of the worker's program, shown in the list of workers.
	Version string
	// Concurrency is how many handlers may run at a time. Default 64.
	Concurrency int
	// ShutdownGrace is how long handlers may go on after Run's context has ended, before theirs are cancelled.
	// Default 25 s; negative: none.
	ShutdownGrace time.Duration
	// ReportConnections is how many requests may carry results at a time. Default 2. All results of one execution stay
	// in order on one of them.
	ReportConnections int
	// Logger gets what the worker has to say: trouble with the server, lost leases, panics. Default: slog.Default().
	Logger *slog.Logger
	// Interceptors wrap handlers and steps; the first is the outermost.
	Interceptors []Interceptor
	// OnReady is called each time a session with the server begins: first when the worker starts, again after the
	// server has forgotten it.
	OnReady func(sessionID string)
}

// Worker runs handlers for executions that the server gives it. Register handlers with Handle, then call Run.
type Worker struct {
	client   *Client
	config   WorkerConfig
	log      *slog.Logger
	handlers map[string]*handler
	order    []*handler

	mu      sync.Mutex
	started bool
	session *session // the live one, nil while there is none
	running int      // handlers that have not returned, of any session
	queue   []*attempt
	stopped chan struct{} // closed and replaced whenever running falls to 0
}

// NewWorker makes a worker.
func NewWorker(client *Client, config WorkerConfig) *Worker {
	if config.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "worker"
		}
		config.Name = fmt.Sprintf("%s-%d", host, os.Getpid())
	}
	if config.Concurrency <= 0 {
		config.Concurrency = 64
	}
	config.Concurrency = min(config.Concurrency, 10_000)
	switch {
	case config.ShutdownGrace == 0:
		config.ShutdownGrace = 25 * time.Second
	case config.ShutdownGrace < 0:
		config.ShutdownGrace = 0
	}
	if config.ReportConnections <= 0 {
		config.ReportConnections = 2
	}
	log := config.Logger
	if log == nil {
		log = slog.Default()
	}
	return &Worker{client: client, config: config, log: log.With("worker", config.Name), handlers: map[string]*handler{}, stopped: make(chan struct{})}
}

func (w *Worker) register(h *handler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !validWorkflowName(h.name):
		panic(fmt.Sprintf("sojourn.Handle: %q is not a workflow name: use lower-case letters, digits, \".\", \"_\" and \"-\", at most 100, not \"executions\"", h.name))
	case w.handlers[h.name] != nil:
		panic(fmt.Sprintf("sojourn.Handle: workflow %q has a handler already", h.name))
	case w.started:
		panic("sojourn.Handle: called after Run")
	}
	w.handlers[h.name] = h
	w.order = append(w.order, h)
}

// Run serves the registered workflows until ctx ends, then drains: it takes no new work, lets handlers finish within
// ShutdownGrace, gives back what is unfinished, and returns nil. It survives restarts of the server. It returns an error
// at once when the server refuses the worker: a wrong key, a missing scope, an invalid schema. A worker runs once.
func (w *Worker) Run(ctx context.Context) error {
	w.mu.Lock()
	switch {
	case w.started:
		w.mu.Unlock()
		return errors.New("sojourn: a worker runs only once")
	case len(w.handlers) == 0:
		w.mu.Unlock()
		return errors.New("sojourn: the worker has no handler: call Handle before Run")
	}
	w.started = true
	w.mu.Unlock()
	for {
		s, err := w.open(ctx)
		if ctx.Err() != nil {
			if s != nil {
				s.stop(errDrained)
				s.drain()
			}
			return nil
		}
		if err != nil {
			return err
		}
		w.setSession(s)
		err = s.serve(ctx)
		w.setSession(nil)
		if !errors.Is(err, errSessionLost) {
			w.awaitHandlers(handlerUnwind)
			return err
		}
		w.log.LogAttrs(ctx, slog.LevelWarn, "the server no longer knows the worker's session; starting another", slog.String("session_id", s.id))
	}
}

// Healthy reports whether the worker has a session and has heard from the server within its lease.
func (w *Worker) Healthy() bool {
	w.mu.Lock()
	s := w.session
	w.mu.Unlock()
	return s != nil && s.silence() < s.lease
}

func (w *Worker) setSession(s *session) {
	w.mu.Lock()
	w.session = s
	w.mu.Unlock()
	if s != nil && w.config.OnReady != nil {
		w.config.OnReady(s.id)
	}
}

// launch runs the attempt's handler now, or as soon as another one returns.
func (w *Worker) launch(a *attempt) {
	w.mu.Lock()
	if w.running >= w.config.Concurrency {
		w.queue = append(w.queue, a)
		w.mu.Unlock()
		return
	}
	w.running++
	w.mu.Unlock()
	go w.work(a)
}

// work runs handlers until none is queued.
func (w *Worker) work(a *attempt) {
	defer func() {
		// Also when a handler ended the goroutine with runtime.Goexit.
		w.mu.Lock()
		w.running--
		var next *attempt
		if len(w.queue) > 0 {
			next, w.queue = w.queue[0], w.queue[1:]
			w.running++
		} else if w.running == 0 {
			close(w.stopped)
			w.stopped = make(chan struct{})
		}
		w.mu.Unlock()
		if next != nil {
			go w.work(next)
		}
	}()
	a.run()
}

// unqueue takes out what waits for a free place.
func (w *Worker) unqueue() []*attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	queue := w.queue
	w.queue = nil
	return queue
}

// awaitHandlers waits until no handler runs, at most for the given time.
func (w *Worker) awaitHandlers(most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		w.mu.Lock()
		running, stopped := w.running, w.stopped
		w.mu.Unlock()
		if running == 0 {
			return
		}
		select {
		case <-stopped:
		case <-timer.C:
			w.log.LogAttrs(context.Background(), slog.LevelWarn, "handlers still run although their contexts have ended", slog.Int("handlers", running))
			return
		}
	}
}
