package postgres

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Options say which database to open and how. Zero fields mean the default.
type Options struct {
	// DSN is the address as libpq knows it, a URL or key=value pairs; several hosts are tried in order, and
	// target_session_attrs=read-write finds the primary among them. Its settings of pools (pool_…) are ignored.
	DSN string
	// Name is what connections are called in pg_stat_activity; default sojourn.
	Name string
	// Committers is how many commits may run at the same time, each on a connection of its own; default 1. More than one
	// commit together finds rows of the other busy.
	Committers int
	// Readers is how many reads may run at the same time; default 8.
	Readers int
	// Pooler says that a pooler hands out another server connection for each transaction: nothing is prepared, and no
	// setting of a session is relied on. Notify is then off.
	Pooler bool
	// ReadOnly opens a database for reading only: Commit fails, nothing is migrated, and no server joins.
	ReadOnly bool
	// KeepSchema refuses a database whose schema this program would have to change.
	KeepSchema bool
	// Filling opens a database that is empty, or that a fill left half done, for Store.Fill.
	Filling bool
	// NoSkipLocked waits for rows that another server has locked and never finds one busy, as on databases that know no
	// SKIP LOCKED.
	NoSkipLocked bool
	// NoNotify sends and hears no hints, as behind a pooler or on databases without NOTIFY.
	NoNotify bool
	// CommitTimeout is how long one round trip of a commit may take; default 20 s.
	CommitTimeout time.Duration
	// AnswerTimeout is how long one read may take, a part of a file among them; default one minute. Audits, backups and
	// migrations take as long as they do.
	AnswerTimeout time.Duration
	// IdleTimeout is how long the database waits within a transaction for a decision before it gives the locks back;
	// default 10 s.
	IdleTimeout time.Duration
	// ConnectTimeout is how long a connection may take to come up; default 5 s.
	ConnectTimeout time.Duration
	// Node is the key of this server; default: one is drawn. The cells of one server have the same.
	Node int64
	// Clock, for tests, is read for the store's time in place of the database's clock.
	Clock func() time.Time
	// Conflict, for tests, makes a transaction fail as with a serialization conflict before it commits, whenever it
	// returns true.
	Conflict func() bool
}

// Store is a store.Store in a PostgreSQL database.
type Store struct {
	options    Options
	clock      ticker
	database   *databaseClock // nil when a test gave its own
	epoch      uint64
	generation int64
	node       int64
	slot       atomic.Int32

	committers, readers *pgxpool.Pool
	tickers             *pgxpool.Pool // of one connection, which nothing else keeps waiting
	alive               alive
	notifier            *notifier // nil: hints are off
	upkeep              *upkeep   // nil: there is none

	keys struct {
		sync.Mutex
		next, end int64
	}
	sweep struct {
		sync.Mutex
		project int64 // where the last sweep of idempotency keys stopped
		key     []byte
	}

	floors    floors
	edgeLimit int64 // of Counts
	effort    effort

	closed  atomic.Bool
	closing sync.Once
}

var _ store.Shared = (*Store)(nil)

// ticker is what a store needs of a clock.
type ticker interface {
	Now() execution.Time
	Advance(to execution.Time)
}

// Open connects to the database and brings its schema up to date. A database that cannot be reached is
// store.ErrUnavailable.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{options: o.complete(), edgeLimit: edgeLimit}
	if err := s.open(patient(ctx)); err != nil {
		s.release()
		return nil, fmt.Errorf("postgres: open: %w", classify(err))
	}
	return s, nil
}

// complete fills in the defaults.
func (o Options) complete() Options {
	if o.Name == "" {
		o.Name = "sojourn"
	}
	if o.Committers <= 0 {
		o.Committers = 1
	}
	if o.Readers <= 0 {
		o.Readers = 8
	}
	if o.CommitTimeout <= 0 {
		o.CommitTimeout = 20 * time.Second
	}
	if o.AnswerTimeout <= 0 {
		o.AnswerTimeout = time.Minute
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 10 * time.Second
	}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = 5 * time.Second
	}
	o.NoNotify = o.NoNotify || o.Pooler
	return o
}

func (s *Store) open(ctx context.Context) error {
	config, err := pgxpool.ParseConfig(s.options.DSN)
	if err != nil {
		return err // it hides the password
	}
	if s.readers, err = s.pool(ctx, config, s.options.Readers, nil); err != nil {
		return err
	}
	if s.committers, err = s.pool(ctx, config, s.options.Committers, s.committerSettings()); err != nil {
		return err
	}
	if s.tickers, err = s.pool(ctx, config, 1, s.committerSettings()); err != nil {
		return err
	}
	if err := s.prepareSchema(ctx); err != nil {
		return err
	}
	if err := s.recall(ctx); err != nil {
		return err
	}
	if s.options.ReadOnly {
		return nil
	}
	if err := s.checkFilling(ctx); err != nil {
		return err
	}
	if s.node = s.options.Node; s.node == 0 {
		if s.node, err = s.NewKey(ctx); err != nil {
			return err
		}
	}
	if err := s.join(ctx, store.TickQuery{Name: s.options.Name, TTL: joinTTL}); err != nil {
		return err
	}
	if s.options.Clock == nil { // a test's own time does not pass by itself
		s.upkeep = startUpkeep(s)
	}
	if !s.options.NoNotify {
		s.notifier = startNotifier(s, config)
	}
	return nil
}

// pool makes a pool of connections; none is opened yet.
func (s *Store) pool(ctx context.Context, from *pgxpool.Config, n int, settings map[string]string) (*pgxpool.Pool, error) {
	config := from.Copy()
	config.MaxConns, config.MinConns, config.MinIdleConns = int32(n), 0, 0
	config.MaxConnLifetime, config.MaxConnIdleTime = time.Hour, 5*time.Minute
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false } // see fresh
	s.dress(config.ConnConfig, settings)
	if s.options.Pooler {
		config.BeforeConnect = withoutCancelling
	}
	config.AfterConnect = func(_ context.Context, c *pgx.Conn) error {
		s.newConn(c.PgConn())
		return nil
	}
	return pgxpool.NewWithConfig(ctx, config)
}

// dress sets what all connections have in common.
func (s *Store) dress(c *pgx.ConnConfig, settings map[string]string) {
	c.ConnectTimeout = s.options.ConnectTimeout
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	c.StatementCacheCapacity, c.DescriptionCacheCapacity = 0, 0
	c.OnNotice = notice
	c.DialFunc = (&net.Dialer{
		Timeout:         s.options.ConnectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3},
		ControlContext:  boundSilence,
	}).DialContext
	if !s.options.Pooler {
		c.BuildContextWatcherHandler = cancelOnServer
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = s.options.Name
	}
	if s.options.Pooler {
		return // poolers refuse settings that they do not know
	}
	c.RuntimeParams["jit"], c.RuntimeParams["idle_in_transaction_session_timeout"] = "off", s.idleTimeout()
	maps.Copy(c.RuntimeParams, settings)
}

func (s *Store) idleTimeout() string {
	return strconv.FormatInt(s.options.IdleTimeout.Milliseconds(), 10)
}

// committerSettings make the planner take the same plan for each statement of a commit, whatever it believes about tables
// that were empty when it planned: an index, row by row.
func (s *Store) committerSettings() map[string]string {
	return map[string]string{
		"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
		"enable_bitmapscan": "off", "statement_timeout": strconv.FormatInt(s.options.CommitTimeout.Milliseconds(), 10),
	}
}

func cancelOnServer(c *pgconn.PgConn) ctxwatch.Handler {
	return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: time.Second}
}

var errNoCancelling = errors.New("no request to cancel goes through a pooler")

// withoutCancelling makes a connection hang up on a statement without a request to cancel it, for which pgx dials once
// more. PgBouncer before 1.21 may end when such requests come, and everybody's connections with it
// (https://github.com/pgbouncer/pgbouncer/issues/801). The statement goes on until the pooler sees that nobody waits.
func withoutCancelling(_ context.Context, c *pgx.ConnConfig) error {
	dial := c.DialFunc
	var connected atomic.Bool
	c.AfterConnect = func(context.Context, *pgconn.PgConn) error {
		connected.Store(true)
		return nil
	}
	c.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if connected.Load() {
			return nil, errNoCancelling
		}
		return dial(ctx, network, address)
	}
	return nil
}

// prepareSchema brings the schema up to date, or checks it.
func (s *Store) prepareSchema(ctx context.Context) error {
	return s.read(ctx, func(c *conn) error {
		if err := checkServer(c); err != nil {
			return err
		}
		if !s.options.ReadOnly && !s.options.KeepSchema {
			_, err := migrate(ctx, c)
			return err
		}
		x, err := readSchema(ctx, c)
		if err != nil {
			return err
		}
		return x.check()
	})
}

// checkServer refuses a server of a version that lacks what the store needs.
func checkServer(c *conn) error {
	version := c.pg.ParameterStatus("server_version")
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(strings.Fields(major + " ")[0]); err == nil && n < 14 {
		return errTooOld(version)
	}
	return nil
}

// recall reads what the database remembers.
func (s *Store) recall(ctx context.Context) error {
	return s.read(ctx, func(c *conn) error {
		if !s.options.ReadOnly {
			var b [8]byte
			_, _ = rand.Read(b[:])
			epoch := int64(binary.LittleEndian.Uint64(b[:])>>1) | 1
			if err := c.query(ctx, `INSERT INTO meta (name, value) VALUES ('epoch', $1), ('generation', 1), ('catalog', 1)
ON CONFLICT (name) DO NOTHING`, newArgs().int64(epoch), nil); err != nil {
				return err
			}
			if err := s.order(ctx, c); err != nil {
				return err
			}
		}
		var latest execution.Time
		asked := time.Now()
		var shown execution.Time
		err := c.query(ctx, `SELECT (SELECT value FROM meta WHERE name = 'epoch'), (SELECT value FROM meta WHERE name = 'generation'),
(SELECT at FROM feed ORDER BY generation DESC, xid DESC LIMIT 1), clock_timestamp()`, nil, func(r *row) error {
			s.epoch, s.generation = uint64(r.int64()), r.int64()
			latest, shown = r.time(), r.timestamp()
			return nil
		})
		if err != nil {
			return err
		}
		if s.options.Clock != nil {
			s.clock = store.NewClock(s.options.Clock, latest)
			return nil
		}
		s.database = newDatabaseClock(asked, shown, latest)
		s.clock = s.database
		return nil
	})
}

// Now is the store's clock: the database's.
func (s *Store) Now() execution.Time { return s.clock.Now() }

// Epoch identifies the timeline of the data.
func (s *Store) Epoch() uint64 { return s.epoch }

// Node is this server's key.
func (s *Store) Node() int64 { return s.node }

// keyBlock is how many integer keys one value of the sequence stands for, which is drawn with them.
const keyBlock = 16

// NewKey draws an integer key.
func (s *Store) NewKey(ctx context.Context) (int64, error) {
	s.keys.Lock()
	defer s.keys.Unlock()
	if s.keys.next == s.keys.end {
		var block int64
		if err := s.query(ctx, "SELECT nextval('drawn_keys')", nil, nil, func(r *row) error {
			block = r.int64()
			return nil
		}); err != nil {
			return 0, fmt.Errorf("draw a key: %w", err)
		}
		s.keys.next, s.keys.end = block*keyBlock, block*keyBlock+keyBlock
	}
	key := s.keys.next
	s.keys.next++
	return key, nil
}

// Close waits for the reads under way and releases the connections. No Commit may be under way.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.closed.Store(true)
		s.release()
	})
	return nil
}

func (s *Store) release() {
	if s.notifier != nil {
		s.notifier.stop()
	}
	if s.upkeep != nil {
		s.upkeep.stop()
	}
	s.alive.wg.Wait()
	for _, p := range []*pgxpool.Pool{s.committers, s.tickers, s.readers} {
		if p != nil {
			p.Close()
		}
	}
}
