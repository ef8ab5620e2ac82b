package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sojournhq/sojourn/internal/seal"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/postgres"
)

// ErrUnreachable is a database that could not be reached for as long as Config.DatabaseWait.
var ErrUnreachable = errors.New("the database cannot be reached")

// The pauses between attempts to reach the database.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 5 * time.Second
)

// openDatabase opens the database, or the several that are used as one.
func (s *Server) openDatabase(ctx context.Context) error {
	addresses := postgres.Addresses(s.cfg.Database)
	db, err := s.reach(ctx, addresses[0], 0)
	if err != nil {
		return err
	}
	if len(addresses) == 1 {
		s.store, s.database = db, db
		if err := alone(ctx, db); err != nil {
			return errors.Join(err, db.Close())
		}
		return nil
	}
	return s.joinCells(ctx, db, addresses)
}

// reach opens one database, and keeps trying while it cannot be reached: it may be starting, or failing over. node is the
// key of this server, 0: it is drawn.
func (s *Server) reach(ctx context.Context, dsn string, node int64) (*postgres.Store, error) {
	o := postgres.Options{
		DSN: dsn, Node: node, Name: s.nodeName(), Readers: max(s.cfg.DatabaseConnections-3, 1), // beside those that commit and listen
		KeepSchema: s.cfg.NoMigrate, NoNotify: s.cfg.NoNotify, Pooler: s.cfg.Pooler, Clock: s.cfg.Clock,
	}
	deadline := time.Now().Add(s.cfg.DatabaseWait)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		db, err := postgres.Open(ctx, o)
		if err == nil {
			return db, nil
		}
		if !errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
			return nil, err
		}
		if !time.Now().Add(pause).Before(deadline) {
			return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		s.log.Warn("the database cannot be reached; trying again", "database", postgres.Describe(dsn), "error", err, "in", pause.String())
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// nodeName is what the server is called among those that share the database.
func (s *Server) nodeName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "sojourn"
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}

// databaseSeal is the ring of the key that lies in the database, made by the first server.
func (s *Server) databaseSeal(ctx context.Context) (*seal.Ring, error) {
	text, err := s.database.SecretKey(ctx, seal.NewKeyFile())
	if err != nil {
		return nil, err
	}
	return seal.Parse(text, "the key in the database")
}
