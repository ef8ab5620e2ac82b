package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojournhq/sojourn/dashboard"
	"github.com/sojournhq/sojourn/internal/api"
	"github.com/sojournhq/sojourn/internal/blob"
	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/postgres"
	"github.com/sojournhq/sojourn/internal/telemetry"
	"github.com/sojournhq/sojourn/internal/webhook"
)

// ErrInUse is a data directory that another server has open.
var ErrInUse = errors.New("the data is in use by another server")

// ErrClosed is returned by Run of a server that is closed or has run.
var ErrClosed = errors.New("the server is closed")

// Server is a Sojourn server. Open makes one, Run serves and releases it.
type Server struct {
	cfg        Config
	log        *slog.Logger
	store      store.Store
	dir        string          // where the data lies on this machine; empty: in a database
	database   *postgres.Store // the store, when it is a database
	files      blob.Store
	engine     *engine.Engine
	root       *engine.Caller
	pages      *dashboard.Handler
	handler    http.Handler       // the gate and what lies behind it
	gate       *gate              // nil before it is built
	listener   *capped            // nil without one
	metrics    *telemetry.Metrics // nil without
	tracing    *telemetry.Tracing // nil without
	http       *http.Server
	guard      *webhook.Guard
	dispatcher *dispatching // nil before it runs
	scheme     string

	stop    context.CancelFunc // ends the engine
	stopped chan struct{}      // closed when the engine has ended
	failed  error              // why it ended; read after stopped

	ready   chan struct{}
	used    atomic.Bool // Run was called
	closing sync.Once
	err     error // of closing
}

// Open opens the data, starts the engine and takes the address, without answering on it yet. Handler, CreateKey and
// the addresses work from now on. Call Run or Close.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s := &Server{cfg: cfg, log: cfg.Log, scheme: "http", ready: make(chan struct{}), stopped: make(chan struct{})}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("server: %w", err), s.Close())
	}
	return s, nil
}

func (s *Server) open(ctx context.Context) (err error) {
	s.http = &http.Server{
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.With("area", "http").Handler(), slog.LevelDebug),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100},
	}
	if s.cfg.TLSCert != "" {
		c, err := loadCertificate(s.cfg.TLSCert, s.cfg.TLSKey, s.log)
		if err != nil {
			return err
		}
		s.scheme, s.http.TLSConfig = "https", c.config()
	}
	if err := s.openStore(ctx); err != nil {
		return err
	}
	if s.files, err = s.openFiles(); err != nil {
		return fmt.Errorf("open the files: %w", err)
	}
	if !s.cfg.NoListener {
		if s.listener, err = listen(ctx, &s.cfg); err != nil {
			return err
		}
	}
	if err := s.openTelemetry(ctx); err != nil {
		return err
	}
	if err := s.openGuard(); err != nil {
		return err
	}
	if err := s.startEngine(ctx); err != nil {
		return err
	}
	if s.root, err = s.engine.Root(ctx, DefaultProject); err != nil {
		return fmt.Errorf("make the project %q: %w", DefaultProject, err)
	}
	if s.cfg.AdminKey != "" {
		if _, err := s.CreateKey(ctx, KeySpec{Name: "fixed", Scopes: []string{"admin"}, Fixed: s.cfg.AdminKey}); err != nil {
			return fmt.Errorf("the fixed API key: %w", err)
		}
	}
	if s.pages, err = dashboard.New(); err != nil {
		return err
	}
	h, err := api.New(s.engine, s.apiConfig())
	if err != nil {
		return err
	}
	if err := s.startDispatcher(ctx, h); err != nil {
		return err
	}
	s.gate = newGate(s.harden(h))
	s.handler = s.gate
	s.http.Handler = s.handler
	return s.writeAdmin()
}

// startEngine makes the engine and lets it run until stop.
func (s *Server) startEngine(ctx context.Context) (err error) {
	ec := engine.Config{
		Store: s.store, Log: s.log.With("area", "engine"), Version: s.cfg.Version,
		Lease: s.cfg.Lease, CancelGrace: s.cfg.CancelGrace, Retention: s.cfg.Retention,
		Files: s.files, MaxFile: s.cfg.MaxFile, FileQuota: s.cfg.FileQuota,
		MaxBacklog: s.cfg.MaxBacklog, DefaultTimeout: s.cfg.ExecutionTimeout, LowDisk: s.cfg.LowDisk,
		CheckURL: s.guard.CheckURL,
	}
	if ec.Seal, err = s.openSeal(ctx); err != nil {
		return err
	}
	if s.cfg.Clock != nil {
		ec.Pulse = store.NewClock(nil, s.store.Now()).Now
	}
	if s.metrics != nil {
		ec.Metrics = s.metrics
	}
	if s.tracing != nil {
		ec.Trace = s.tracing.Command
	}
	if s.watchesDisk() && s.cfg.LowDisk >= 0 {
		ec.DiskFree = func() (int64, error) { return diskFree(s.dir) }
	}
	if s.engine, err = engine.New(ctx, ec); err != nil {
		return err
	}
	if s.metrics != nil {
		s.metrics.Streams(s.engine.Streams)
		s.observeOthers()
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	go func() {
		defer close(s.stopped)
		s.failed = s.engine.Run(running)
	}()
	return nil
}

// watchesDisk reports whether the data lies on a disk of this machine whose free space can be read.
func (s *Server) watchesDisk() bool { return canWatchDisk && s.dir != "" }

// harden adds to every answer what only the server as a whole knows.
func (s *Server) harden(h http.Handler) http.Handler {
	if s.scheme != "https" {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		h.ServeHTTP(w, r)
	})
}

// writeAdmin lets tools of the same user manage the server while it runs.
func (s *Server) writeAdmin() error {
	if !s.hasAdminFile() {
		return nil
	}
	return writeAdmin(s.cfg.Data, Admin{URL: s.URL(), Key: s.engine.Lend(s.root), PID: os.Getpid()})
}

func (s *Server) hasAdminFile() bool {
	return s.listener != nil && s.cfg.Data != "" && !s.cfg.NoAdminFile
}

// Handler answers all requests, also before and without Run.
func (s *Server) Handler() http.Handler { return s.handler }

// Addr is the address of the listener, nil without one.
func (s *Server) Addr() net.Addr {
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// URL is where clients on this machine reach the server; empty without a listener.
func (s *Server) URL() string {
	if s.listener == nil {
		return ""
	}
	address := s.listener.Addr().String()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return s.scheme + "://" + address
	}
	if ip := net.ParseIP(host); ip.IsUnspecified() {
		host = "127.0.0.1"
		if wanted, _, _ := net.SplitHostPort(s.cfg.Listen); wanted == "[::]" || wanted == "::" {
			host = "::1"
		}
	} else if wanted, _, err := net.SplitHostPort(s.cfg.Listen); err == nil && net.ParseIP(wanted) == nil && wanted != "" {
		host = wanted // a name, which a certificate may be made for
	}
	return s.scheme + "://" + net.JoinHostPort(host, port)
}

// Dashboard is the address of the dashboard: below Config.PublicURL if there is one. It is empty without a listener, and
// when the program was built without the dashboard's front end.
func (s *Server) Dashboard() string {
	if s.URL() == "" || !s.pages.Built() {
		return ""
	}
	return s.publicURL() + "/"
}

// Ready is closed when Run answers requests.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Close stops the server at once and releases the data. After Run there is nothing left to close.
func (s *Server) Close() error {
	s.used.Store(true)
	s.closing.Do(func() { s.err = s.release() })
	return s.err
}

// release ends everything, in the order in which the parts need each other.
func (s *Server) release() error {
	var errs []error
	if s.listener != nil {
		if err := s.http.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
		if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
		if s.hasAdminFile() && s.handler != nil {
			if err := os.Remove(filepath.Join(s.cfg.Data, adminFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	if s.dispatcher != nil {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		s.dispatcher.end(now)
	}
	if s.stop != nil {
		s.engine.Drain()
		s.stop()
		<-s.stopped
	}
	if s.gate != nil && !s.gate.close(afterFailure) {
		s.log.Warn("requests that do not end were left behind")
	}
	if s.stop != nil {
		if s.failed != nil {
			errs = append(errs, fmt.Errorf("the store failed: %w", s.failed))
		}
	}
	if s.tracing != nil {
		late, cancel := context.WithTimeout(context.Background(), afterFailure)
		defer cancel()
		if err := s.tracing.Shutdown(late); err != nil {
			s.log.Warn("the last traces could not be sent", "error", err)
		}
	}
	if s.files != nil {
		errs = append(errs, s.files.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}
