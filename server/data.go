package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/sojournhq/sojourn/internal/blob"
	"github.com/sojournhq/sojourn/internal/seal"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/sqlite"
)

// openStore opens where everything but the contents of files is kept.
func (s *Server) openStore(ctx context.Context) error {
	if s.cfg.Database != "" {
		return s.openDatabase(ctx)
	}
	file, err := sqlite.Open(ctx, sqlite.Config{Path: s.cfg.Data, Memory: s.cfg.Memory, Synchronous: s.cfg.Synchronous, Clock: s.cfg.Clock})
	if err != nil {
		if errors.Is(err, store.ErrLocked) {
			return fmt.Errorf("%w: %s; stop that one first, or use another data directory", ErrInUse, s.cfg.Data)
		}
		return err
	}
	s.store, s.dir = file, filepath.Dir(file.Path())
	return nil
}

// openFiles opens where the contents of files are kept.
func (s *Server) openFiles() (blob.Store, error) {
	switch {
	case s.cfg.Files != "":
		return blob.Open(s.cfg.Files)
	case s.database != nil:
		return blob.OpenDatabase(s.database), nil
	default:
		return blob.OpenFolder(filepath.Join(s.dir, "files"))
	}
}

// secretKeyFile is the file in the data directory with the key under which signing secrets are encrypted.
const secretKeyFile = "secret.key"

// openSeal finds the key under which signing secrets are encrypted.
func (s *Server) openSeal(ctx context.Context) (*seal.Ring, error) {
	switch {
	case s.cfg.SecretKeyFile != "":
		return seal.Read(s.cfg.SecretKeyFile)
	case s.cfg.Memory:
		return seal.Random(), nil
	case s.database != nil:
		return s.databaseSeal(ctx)
	default:
		return seal.ReadOrCreate(filepath.Join(s.dir, secretKeyFile))
	}
}
