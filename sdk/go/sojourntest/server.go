package sojourntest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/server"
)

// patience is how long anything that a test waits for may take in real time.
const patience = 30 * time.Second

// Option is an option of New and Open.
type Option func(*Server)

// StartAt sets the server's clock to the given time. Default: the system's time.
func StartAt(at time.Time) Option {
	return func(s *Server) { s.clock.ahead = time.Until(at.Round(0)) }
}

// Listen makes the server reachable over HTTP on a free port of this machine; see Server.URL. Without it, only clients
// that Server.Client made reach it.
func Listen() Option { return func(s *Server) { s.config.NoListener = false } }

// Logger receives what the server and the workers have to say. Default: warnings go to the test's log; with Open,
// nowhere.
func Logger(log *slog.Logger) Option { return func(s *Server) { s.log = log } }

// Configure changes the server's configuration, for example its CancelGrace. What the package itself needs stays: data,
// listener, clock and key.
func Configure(change func(*server.Config)) Option { return func(s *Server) { change(&s.config) } }

// Server is a Sojourn server in the test's own process. A method that fails ends the test, and so must be called from
// the test's goroutine; of a server that Open made it panics.
type Server struct {
	t      testing.TB // nil when made by Open
	config server.Config
	log    *slog.Logger
	clock  clock
	road   road
	client *sojourn.Client
	dir    string

	mu      sync.Mutex
	server  *server.Server
	served  chan error // of the server's Run, nil without listener
	stop    context.CancelFunc
	workers []*Worker
	closed  bool
}

// New starts a server that ends with the test.
func New(t testing.TB, options ...Option) *Server {
	t.Helper()
	log := newTestLog(t)
	s, err := open(append([]Option{Logger(log.logger())}, options...))
	if err != nil {
		t.Fatalf("sojourntest: %v", err)
	}
	s.t = t
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("sojourntest: %v", err)
		}
		log.close()
	})
	return s
}

// Open starts a server where there is no test to end it, as in TestMain or in an example. Call Close.
func Open(options ...Option) (*Server, error) {
	s, err := open(options)
	if err != nil {
		return nil, fmt.Errorf("sojourntest: %w", err)
	}
	return s, nil
}

func open(options []Option) (*Server, error) {
	s := &Server{log: slog.New(slog.DiscardHandler)}
	s.config.NoListener, s.config.LowDisk = true, -1
	// A test's receiver of callbacks listens on this machine, in clear text.
	s.config.CallbackAllow, s.config.CallbackHTTP = []string{"127.0.0.0/8", "::1"}, true
	for _, option := range options {
		option(s)
	}
	dir, err := os.MkdirTemp("", "sojourntest-")
	if err != nil {
		return nil, err
	}
	s.dir = dir
	s.config.Data, s.config.Memory, s.config.Synchronous = dir, false, "OFF"
	s.config.Listen, s.config.NoAdminFile = "127.0.0.1:0", true
	s.config.AdminKey = "sojourntest-" + rand.Text()
	s.config.Clock, s.config.Log = s.clock.now, s.log
	err = s.boot()
	if err == nil {
		s.client, err = s.newClient(&s.road)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// boot starts a server on the data.
func (s *Server) boot() error {
	srv, err := server.Open(context.Background(), s.config)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Run(ctx) }()
	s.server, s.stop, s.served = srv, stop, served
	select {
	case <-srv.Ready():
	case err := <-served:
		s.server = nil
		return errors.Join(err, errors.New("the server ended"))
	}
	if address := srv.Addr(); address != nil {
		s.config.Listen = address.String() // after a restart, clients find it where it was
	}
	transport := srv.Transport()
	s.road.to.Store(&transport)
	return nil
}

// halt drains and stops the server that runs.
func (s *Server) halt() error {
	if s.server == nil {
		return nil
	}
	s.stop()
	err := <-s.served
	s.road.to.Store(nil)
	s.server = nil
	return err
}

// Close ends the workers and the server and removes the data. New does it at the end of the test.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	for _, w := range slices.Backward(s.workers) {
		errs = append(errs, w.end())
	}
	errs = append(errs, s.halt(), os.RemoveAll(s.dir))
	return errors.Join(errs...)
}

// fail ends the test.
func (s *Server) fail(format string, args ...any) {
	if s.t == nil {
		panic("sojourntest: " + fmt.Sprintf(format, args...))
	}
	s.t.Helper()
	s.t.Fatalf("sojourntest: "+format, args...)
}

func (s *Server) newClient(through http.RoundTripper) (*sojourn.Client, error) {
	return sojourn.NewClient(sojourn.Config{
		BaseURL: "http://sojourn.test", APIKey: s.config.AdminKey, HTTPClient: &http.Client{Transport: through}, Logger: s.log,
	})
}

// Client is a client of the server with every right. It needs no listener, and works on after a Restart.
func (s *Server) Client() *sojourn.Client { return s.client }

// URL is where programs on this machine reach the server. The server needs the option Listen.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.config.NoListener {
		s.fail("URL: the server does not listen; make it with the option Listen")
	}
	return s.server.URL()
}

// APIKey is a key with every right, for clients that the test makes itself.
func (s *Server) APIKey() string { return s.config.AdminKey }

// Now is the time of the server.
func (s *Server) Now() time.Time { return s.clock.now().UTC() }

// Advance moves the server's clock forward. When it returns, everything that was due by then has happened on the
// server: sleeping executions are ready to go on, deadlines have passed. What workers make of it takes its time; wait
// for it with Await or sojourn.Result.
func (s *Server) Advance(d time.Duration) {
	if s.t != nil {
		s.t.Helper()
	}
	if d < 0 {
		s.fail("Advance(%s): the time of a server never runs backwards", d)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock.advance(d)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.server.Settle(ctx); err != nil {
		s.fail("Advance(%s): %v", d, err)
	}
}

// AdvanceTo is Advance up to the given time. A time that has passed already is no error.
func (s *Server) AdvanceTo(at time.Time) {
	if s.t != nil {
		s.t.Helper()
	}
	s.Advance(max(at.Sub(s.clock.now()), 0))
}

// Restart stops the server, as a deployment does, and starts it again on the same data. Clients and workers stay and
// reconnect by themselves.
func (s *Server) Restart() {
	if s.t != nil {
		s.t.Helper()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(s.halt(), s.boot()); err != nil {
		s.fail("Restart: %v", err)
	}
}

// Await waits until the execution has the status, and returns it as it is then, with its steps. It fails when the
// execution ends with another status, or has not come there after half a minute.
func (s *Server) Await(id string, status sojourn.Status) *sojourn.Execution {
	if s.t != nil {
		s.t.Helper()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s.AwaitFunc(ctx, id, string(status), func(x *sojourn.Execution) bool { return x.Status == status })
}

// AwaitFunc waits until done is true of the execution, which has its steps, and returns it. It fails with the
// description of what was expected when the execution ends before that, or ctx does.
func (s *Server) AwaitFunc(ctx context.Context, id, expected string, done func(*sojourn.Execution) bool) *sojourn.Execution {
	if s.t != nil {
		s.t.Helper()
	}
	for delay := time.Millisecond; ; delay = min(delay*2, 20*time.Millisecond) {
		x, err := s.client.Executions.Get(ctx, id, sojourn.IncludeSteps())
		switch {
		case err != nil:
			s.fail("waiting until execution %s is %s: %v", id, expected, err)
			return nil
		case done(x):
			return x
		case x.Status.Terminal():
			s.fail("execution %s was to be %s, and is %s: %s", id, expected, x.Status, x.Error)
			return nil
		}
		select {
		case <-ctx.Done():
			s.fail("execution %s was to be %s, and is still %s: %s", id, expected, x.Status, x.StatusMessage)
			return nil
		case <-time.After(delay):
		}
	}
}
