package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A hint tells other servers that something was committed. It is only a hint: whoever misses one sees the same at its
// next tick.

const (
	channel = "sojourn"
	// hintGap is the least time between two hints of a server.
	hintGap = 10 * time.Millisecond
	// pingEvery is how long a listener is content to hear nothing, and pingWait how long its own ping may take.
	pingEvery = 10 * time.Second
	pingWait  = 5 * time.Second
)

// notifier sends hints over a connection of its own: the first at once, those that follow it closely as one.
type notifier struct {
	s      *Store
	config *pgx.ConnConfig
	wanted chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
}

func startNotifier(s *Store, from *pgxpool.Config) *notifier {
	ctx, cancel := context.WithCancel(context.Background())
	n := &notifier{s: s, config: from.ConnConfig.Copy(), wanted: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
	s.dress(n.config, nil)
	// Waiting for a notification ends without an end of the connection.
	n.config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: c.Conn()}
	}
	go n.run(ctx)
	return n
}

// poke asks for a hint. It never waits.
func (n *notifier) poke() {
	select {
	case n.wanted <- struct{}{}:
	default: // one is wanted already
	}
}

func (n *notifier) stop() {
	n.cancel()
	<-n.done
}

func (n *notifier) run(ctx context.Context) {
	defer close(n.done)
	var c *pgx.Conn
	lose := func() {
		if c != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = c.Close(ctx)
			c = nil
		}
	}
	defer lose()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.wanted:
		}
		if err := n.send(ctx, &c); err != nil {
			lose() // the next hint tries again, on another connection
			pause(ctx, time.Second)
		}
		pause(ctx, hintGap)
	}
}

func (n *notifier) send(ctx context.Context, c **pgx.Conn) (err error) {
	ctx, cancel := context.WithTimeout(ctx, pingWait)
	defer cancel()
	if *c == nil {
		if *c, err = pgx.ConnectConfig(ctx, n.config); err != nil {
			return err
		}
		n.s.newConn((*c).PgConn())
	}
	return n.s.hint(ctx, *c)
}

func (s *Store) hint(ctx context.Context, c *pgx.Conn) error {
	return c.PgConn().CustomData()[connKey].(*conn).query(ctx, "SELECT pg_notify($1, $2)", newArgs().name(channel).name(s.nodeName()), nil)
}

func (s *Store) nodeName() string { return strconv.FormatInt(s.node, 10) }

// errDeaf is a connection that hears nothing any more.
var errDeaf = errors.New("the server's notifications do not arrive")

// Listen calls hint soon after another server has committed, until ctx ends or the connection is lost. It calls it once at
// the beginning, for what was missed before. A connection over which nothing was heard for a while is tested with a hint
// of this server's own. Where hints are off it only waits for ctx to end.
func (s *Store) Listen(ctx context.Context, hint func()) error {
	if s.notifier == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	c, err := s.listener(ctx)
	if err != nil {
		return fmt.Errorf("listen: %w", classify(err))
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Close(ctx)
	}()
	hint()
	pinged := false
	for {
		wait := pingEvery
		if pinged {
			wait = pingWait
		}
		heard, err := s.hear(ctx, c, wait)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("listen: %w", unavailable(err))
		case heard == "" && pinged:
			return fmt.Errorf("listen: %w", unavailable(errDeaf))
		case heard == "":
			pinged = true
			if err := s.ping(ctx, c); err != nil {
				return fmt.Errorf("listen: %w", unavailable(err))
			}
			continue
		case heard != s.nodeName():
			hint()
		}
		pinged = false
	}
}

func (s *Store) listener(ctx context.Context) (*pgx.Conn, error) {
	c, err := pgx.ConnectConfig(ctx, s.notifier.config)
	if err != nil {
		return nil, err
	}
	s.newConn(c.PgConn())
	if _, err := c.PgConn().Exec(ctx, "LISTEN "+channel).ReadAll(); err != nil {
		return nil, errors.Join(err, c.Close(context.WithoutCancel(ctx)))
	}
	return c, nil
}

// hear waits for a notification and returns who sent it, nobody after the time.
func (s *Store) hear(ctx context.Context, c *pgx.Conn, wait time.Duration) (string, error) {
	timed, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	n, err := c.WaitForNotification(timed)
	if err != nil {
		if timed.Err() != nil && ctx.Err() == nil && !c.IsClosed() {
			return "", nil
		}
		return "", err
	}
	return n.Payload, nil
}

func (s *Store) ping(ctx context.Context, c *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, pingWait)
	defer cancel()
	return s.hint(ctx, c)
}
