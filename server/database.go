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

// openDatabase opens the database, and keeps trying while it cannot be reached: it may be starting, or failing over.
func (s *Server) openDatabase(ctx context.Context) error {
	o := postgres.Options{
		DSN: s.cfg.Database, Name: s.nodeName(), Readers: max(s.cfg.DatabaseConnections-3, 1), // beside those that commit and listen
		KeepSchema: s.cfg.NoMigrate, NoNotify: s.cfg.NoNotify, Pooler: s.cfg.Pooler, Clock: s.cfg.Clock,
	}
	deadline := time.Now().Add(s.cfg.DatabaseWait)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		db, err := postgres.Open(ctx, o)
		if err == nil {
			s.store, s.database = db, db
			return nil
		}
		if !errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		if !time.Now().Add(pause).Before(deadline) {
			return fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		s.log.Warn("the database cannot be reached; trying again", "database", postgres.Describe(s.cfg.Database), "error", err, "in", pause.String())
		select {
		case <-ctx.Done():
			return ctx.Err()
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
