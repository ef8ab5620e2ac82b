// Package engine decides when the rules of package execution are applied: it takes commands from the API and from its
// own loops, commits them in groups, and hands executions to workers.
//
// Every durable change goes through the committer. What is in memory (the matcher's sessions, waiters, the catalog) is
// derived from the store and can be lost at any moment.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojournhq/sojourn/internal/blob"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/seal"
	"github.com/sojournhq/sojourn/internal/store"
)

// Config configures an Engine. Zero fields mean the defaults.
type Config struct {
	Store store.Store  // required
	Log   *slog.Logger // default: discards

	Lease          time.Duration // how long a silent worker keeps its executions; default 15 s
	Acknowledge    time.Duration // how long a claim may stay unacknowledged; default 5 s
	CancelGrace    time.Duration // how long a worker may take to stop; default 30 s
	Retention      time.Duration // how long finished executions are kept; default 30 days; negative: for ever
	KeyWindow      time.Duration // how long idempotency keys are kept; default 30 days
	MaxBacklog     int64         // most open executions of a project; default 10 million
	DefaultTimeout time.Duration // deadline of executions that name none; default 0: none

	// DiskFree tells the free bytes where the store lies; nil: not watched.
	DiskFree func() (int64, error)
	// LowDisk is the free space below which starts are refused; default 256 MiB.
	LowDisk int64

	// Files keeps the contents of files; nil: files are refused.
	Files     blob.Store
	MaxFile   int64 // most bytes of one file; default 1 GiB
	FileQuota int64 // most bytes of a project's files together; default 50 GiB
	// CheckURL refuses destinations of callbacks and webhooks that this server may not send to; its error says why, as the
	// end of a sentence. Nil: none is refused.
	CheckURL func(*url.URL) error
	// Seal encrypts signing secrets in the store and the tokens of sign-ins; default: a random key, after whose end they
	// cannot be read.
	Seal *seal.Ring

	Metrics Metrics // default: none

	// Name tells people this server from others on the same data; default: the host's name. Version is of its program.
	Name    string
	Version string

	// Pulse is the clock by which workers are alive or lost; default: the store's. A test that moves the store's clock
	// by days gives one that it does not move, for its workers live on in real time.
	Pulse func() execution.Time

	// Trace opens a span around a command's way through the committer and returns what closes it; nil: no traces.
	Trace func(ctx context.Context, name string) func(error)
}

// Metrics receives the engine's measurements. Implementations are quick and safe for concurrent use.
type Metrics interface {
	// Batch is one committed batch: its commands, the time of the whole transaction, and of saving and committing alone.
	Batch(commands int, total, save time.Duration)
	// Dispatched is a claim handed over, and how long the execution had waited for it.
	Dispatched(waited time.Duration)
	// Ended is an execution that reached a final state, and its time from creation.
	Ended(status execution.Status, sojourn time.Duration)
	// LeaseLost is an execution taken from a session that ended.
	LeaseLost()
	// Returned is a claim that did not count.
	Returned(reason string)
	// Fired is how late a timer was.
	Fired(late time.Duration)
}

type noMetrics struct{}

func (noMetrics) Batch(int, time.Duration, time.Duration) {}
func (noMetrics) Dispatched(time.Duration)                {}
func (noMetrics) Ended(execution.Status, time.Duration)   {}
func (noMetrics) LeaseLost()                              {}
func (noMetrics) Returned(string)                         {}
func (noMetrics) Fired(time.Duration)                     {}

// Engine runs executions on one store.
type Engine struct {
	cfg     Config
	store   store.Store
	celled  store.Celled // the store, when it has cells
	log     *slog.Logger
	metrics Metrics
	mint    *mint

	committer  *committer   // of the store's first cell, of most stores the only one
	committers []*committer // by cell
	matcher    *matcher
	waiters    *waiters
	watchers   *watchers
	timekeeper *timekeeper
	recoverer  *recoverer
	janitor    *janitor
	cluster    *cluster // nil: no other server uses the store

	catalog   atomic.Pointer[catalog]
	catalogMu sync.Mutex // held while the catalog changes
	keys      keyCache
	outgoing  outgoing
	opens     sync.Map     // project key -> *atomic.Int64, open executions
	fileBytes sync.Map     // project key -> *atomic.Int64, what its files take
	uploading sync.Map     // ids of files on their way in
	keyed     atomic.Int64 // idempotency keys taken since the janitor's last round

	draining  chan struct{}
	drainOnce sync.Once
	lowDisk   atomic.Bool
	failure   atomic.Pointer[error]
	ready     atomic.Bool
	startedAt execution.Time
	pace      pace
	stopped   chan struct{} // closed when Run has returned
}

// New makes an engine and reads what it must know from the store. Nothing runs before Run.
func New(ctx context.Context, cfg Config) (*Engine, error) {
	if cfg.Store == nil {
		return nil, errors.New("engine: no store")
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&cfg.Lease, 15*time.Second)
	def(&cfg.Acknowledge, 5*time.Second)
	def(&cfg.CancelGrace, 30*time.Second)
	def(&cfg.Retention, 30*24*time.Hour)
	def(&cfg.KeyWindow, 30*24*time.Hour)
	if cfg.MaxBacklog == 0 {
		cfg.MaxBacklog = 10_000_000
	}
	if cfg.LowDisk == 0 {
		cfg.LowDisk = 256 << 20
	}
	if cfg.MaxFile == 0 {
		cfg.MaxFile = 1 << 30
	}
	if cfg.FileQuota == 0 {
		cfg.FileQuota = 50 << 30
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Seal == nil {
		cfg.Seal = seal.Random()
	}
	if cfg.Metrics == nil {
		cfg.Metrics = noMetrics{}
	}
	if cfg.Pulse == nil {
		cfg.Pulse = cfg.Store.Now
	}
	e := &Engine{
		cfg: cfg, store: cfg.Store, log: cfg.Log, metrics: cfg.Metrics,
		draining: make(chan struct{}), stopped: make(chan struct{}), outgoing: outgoing{make(chan struct{}, 1)},
	}
	e.startedAt = e.store.Now()
	e.mint = newMint(e.store.Now)
	e.cluster = newCluster(e)
	e.split()
	e.matcher = newMatcher(e)
	e.waiters = newWaiters()
	e.watchers = newWatchers()
	e.timekeeper = newTimekeeper(e)
	e.recoverer = newRecoverer(e)
	e.janitor = newJanitor(e)
	if err := e.load(ctx); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	return e, nil
}

// load reads the catalog, the live sessions and what is open.
func (e *Engine) load(ctx context.Context) error {
	records, err := e.store.Catalog(ctx)
	if err != nil {
		return fmt.Errorf("read the catalog: %w", err)
	}
	e.catalog.Store(newCatalog(records))
	for _, p := range records.Projects {
		n, err := e.store.Counts(ctx, store.CountQuery{Project: p.Key})
		if err != nil {
			return fmt.Errorf("count open executions: %w", err)
		}
		var open int64
		for s := execution.Created; s <= execution.Finalizing; s++ {
			open += n.N[s]
		}
		e.open(p.Key).Store(open)
	}
	bytes, err := e.store.FileBytes(ctx)
	if err != nil {
		return fmt.Errorf("add up the files: %w", err)
	}
	for project, n := range bytes {
		e.stored(project).Store(n)
	}
	keys, err := e.store.Keys(ctx, 0)
	if err != nil {
		return fmt.Errorf("read the keys: %w", err)
	}
	e.keys.init(keys)
	return e.matcher.load(ctx)
}

// open is the number of open executions of a project.
func (e *Engine) open(project int64) *atomic.Int64 {
	if n, ok := e.opens.Load(project); ok {
		return n.(*atomic.Int64)
	}
	n, _ := e.opens.LoadOrStore(project, new(atomic.Int64))
	return n.(*atomic.Int64)
}

// Run serves until ctx ends, then finishes what it accepted and returns nil. It returns the error after which the
// store must not be used any more as soon as that happens.
func (e *Engine) Run(ctx context.Context) error {
	defer close(e.stopped)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	committed := make(chan error, len(e.committers))
	for _, c := range e.committers {
		go func() { committed <- c.run(context.WithoutCancel(ctx)) }()
	}
	var wg sync.WaitGroup
	loops := []func(context.Context){e.timekeeper.run, e.recoverer.run, e.janitor.run, e.watchers.run}
	if e.cfg.Files != nil {
		loops = append(loops, (&sweeper{e}).run)
	}
	if e.cluster != nil {
		if err := e.cluster.join(ctx); err == nil {
			loops = append(loops, e.cluster.run)
		}
	}
	for _, loop := range loops {
		wg.Go(func() { loop(background) })
	}
	e.ready.Store(true)
	e.pump()
	var err error
	select {
	case <-ctx.Done():
		e.Drain()
		if e.cluster != nil {
			e.cluster.handOver()
		}
		stop()
		wg.Wait()
		err = e.closeCommitters(committed, len(e.committers))
	case err = <-committed:
		if err != nil {
			e.failure.Store(&err)
			e.log.Error("the store failed, stopping", "error", err)
		}
		e.Drain()
		stop()
		wg.Wait()
		err = errors.Join(err, e.closeCommitters(committed, len(e.committers)-1))
	}
	if e.cluster != nil {
		e.cluster.leave()
	}
	e.ready.Store(false)
	return err
}

// Drain makes the engine unready: nothing new is handed out and held polls end. Reports, heartbeats and reads still work
// until Run's context ends.
func (e *Engine) Drain() {
	e.drainOnce.Do(func() {
		close(e.draining)
		e.waiters.drain()
	})
}

// Draining is closed when the engine drains.
func (e *Engine) Draining() <-chan struct{} { return e.draining }

func (e *Engine) isDraining() bool {
	select {
	case <-e.draining:
		return true
	default:
		return false
	}
}

// Ready is nil when the engine serves, otherwise the reason why not.
func (e *Engine) Ready() error {
	if err := e.failure.Load(); err != nil {
		return fmt.Errorf("the store failed: %w", *err)
	}
	switch {
	case e.isDraining():
		return errors.New("draining")
	case !e.ready.Load():
		return errors.New("starting")
	case e.cluster != nil:
		return e.cluster.reachable()
	}
	return nil
}

// LowDisk reports whether starts are refused because the disk is nearly full.
func (e *Engine) LowDisk() bool { return e.lowDisk.Load() }

// Now is the store's clock.
func (e *Engine) Now() execution.Time { return e.store.Now() }

// traced is do within a span.
func (e *Engine) traced(ctx context.Context, name string, x command, done <-chan error) error {
	if e.cfg.Trace == nil {
		return e.do(x, done)
	}
	end := e.cfg.Trace(ctx, name)
	err := e.do(x, done)
	end(err)
	return err
}

// do submits a command and waits until it is settled.
func (e *Engine) do(x command, done <-chan error) error {
	if !e.submit(x) {
		return e.unavailable(nil)
	}
	return e.outcome(<-done)
}

// outcome is what a caller is told about how its command was settled.
func (e *Engine) outcome(err error) error {
	var refused *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, store.ErrRefused):
		return err // nothing happened, and a repeat would meet the same
	}
	return e.unavailable(err)
}

func (e *Engine) unavailable(err error) error {
	return &Error{
		Code: CodeUnavailable, RetryAfter: time.Second, Err: err,
		Message: "the outcome is unknown or the server is stopping: repeat the request with the same Idempotency-Key",
	}
}

// write commits changes that need no rule: records of the catalog, keys, sessions.
type write struct {
	at    int // cell of the store
	loads []execution.ID
	fill  func(t *tx, rows []*store.Row)
	first int
	some  bool // fill does what it can while other servers have some of the executions locked
	left  int  // executions that were locked
	done  chan error
}

func (w *write) partial() bool { return w.some }

// project is the engine's own: what goes this way is rare and small.
func (w *write) project() int64 { return 0 }

func (w *write) cell() int { return w.at }

func (w *write) weigh() (int, int) { return max(1, len(w.loads)), 0 }

func (w *write) need(n *store.Need) {
	w.first = len(n.Executions)
	n.Executions = append(n.Executions, w.loads...)
}

func (w *write) decide(t *tx) {
	w.left = 0
	if t.loaded.Busy != nil {
		for _, locked := range t.loaded.Busy[w.first : w.first+len(w.loads)] {
			if locked {
				w.left++
			}
		}
	}
	w.fill(t, t.loaded.Executions[w.first:w.first+len(w.loads)])
}

func (w *write) settle(err error) { w.done <- err }

// write commits what fill adds to the changes; fill may load the given executions, which must be in one cell of the
// store, and run rules on them. Without executions it is about what the first cell has.
func (e *Engine) write(fill func(t *tx, rows []*store.Row), loads ...execution.ID) error {
	cell := 0
	if len(loads) > 0 {
		cell = e.cellOf(loads[0])
	}
	return e.writeIn(cell, fill, loads...)
}

// writeIn is write for a cell of the store.
func (e *Engine) writeIn(cell int, fill func(t *tx, rows []*store.Row), loads ...execution.ID) error {
	w := &write{at: cell, loads: loads, fill: fill, done: make(chan error, 1)}
	return e.do(w, w.done)
}

// writeEach runs fill on each of the executions that are there, n of them in one command. When the database refuses a
// command, it is split until the guilty execution stands alone: the others are not held up by it. The error is the last
// one met; errBusy says that other servers had some of the executions locked.
func (e *Engine) writeEach(ids []execution.ID, n int, fill func(t *tx, row *store.Row)) error {
	var failed error
	for _, ids := range e.byCell(ids) {
		if err := e.writeCell(ids, n, fill); err != nil {
			failed = err
		}
	}
	return failed
}

// writeCell is writeEach for executions of one cell.
func (e *Engine) writeCell(ids []execution.ID, n int, fill func(t *tx, row *store.Row)) error {
	var failed error
	for ; len(ids) > 0; ids = ids[min(n, len(ids)):] {
		part := ids[:min(n, len(ids))]
		w := &write{at: e.cellOf(part[0]), loads: part, some: true, done: make(chan error, 1)}
		w.fill = func(t *tx, rows []*store.Row) {
			for _, row := range rows {
				if row != nil {
					fill(t, row)
				}
			}
		}
		err := e.do(w, w.done)
		if err == nil && w.left > 0 {
			failed = errBusy
			continue
		}
		if err == nil {
			continue
		}
		failed = err
		if errors.Is(err, store.ErrRefused) && len(part) > 1 {
			failed = e.writeCell(part, (len(part)+1)/2, fill)
		}
		if failed != nil && !errors.Is(failed, store.ErrRefused) {
			return failed
		}
	}
	return failed
}

// random is a number from 0 to 1 for jitter.
func random() float64 { return rand.Float64() }
