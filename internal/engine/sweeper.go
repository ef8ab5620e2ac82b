package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/sojournhq/sojourn/internal/blob"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// sweeper removes contents of files that have no record: an upload or a removal was cut off by a crash.
type sweeper struct {
	e *Engine
}

const (
	sweepEvery = 6 * time.Hour
	// sweepAge is how old a content without a record must be, by its name: its upload has ended long ago.
	sweepAge = store.FileGrace
	// sweepSlice bounds how many records one command asks for.
	sweepSlice = 256
)

func (s *sweeper) run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if s.e.first() {
			if err := s.round(ctx); err != nil && ctx.Err() == nil {
				s.e.log.Error("could not sweep the files", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// round goes through all contents once.
func (s *sweeper) round(ctx context.Context) error {
	old := s.e.store.Now().Add(-sweepAge)
	var ids []execution.ID
	err := s.e.cfg.Files.Each(ctx, func(name string) error {
		id, ok := execution.ParseID(execution.PrefixFile, name)
		if !ok || execution.Time(id.Millis()*1000) > old {
			return nil
		}
		if _, busy := s.e.uploading.Load(id); busy {
			return nil
		}
		if ids = append(ids, id); len(ids) < sweepSlice {
			return nil
		}
		defer func() { ids = ids[:0] }()
		return s.remove(ctx, ids)
	})
	if err == nil {
		err = s.remove(ctx, ids)
	}
	if err == nil {
		err = s.abandon(ctx, old)
	}
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return nil
}

// abandon removes what uploads have left that a crash cut off, where that is not seen among the contents.
func (s *sweeper) abandon(ctx context.Context, old execution.Time) error {
	files, ok := s.e.cfg.Files.(blob.Unfinished)
	if !ok {
		return nil
	}
	n, err := files.Abandon(ctx, func(name string, began time.Time) bool {
		id, ok := execution.ParseID(execution.PrefixFile, name)
		if !ok || execution.TimeOf(began) > old {
			return false
		}
		_, busy := s.e.uploading.Load(id)
		return !busy
	})
	if n > 0 {
		s.e.log.Info("removed what uploads that were cut off had left", "uploads", n)
	}
	return err
}

// remove removes those of the contents that have no record.
func (s *sweeper) remove(ctx context.Context, ids []execution.ID) error {
	if len(ids) == 0 {
		return nil
	}
	var orphans []execution.ID
	err := s.e.writeFiles(&fileWrite{files: ids, fill: func(_ *tx, _ []*store.Row, files []*store.LoadedFile) {
		orphans = orphans[:0]
		for i, f := range files {
			if f == nil {
				orphans = append(orphans, ids[i])
			}
		}
	}})
	if err != nil {
		return err
	}
	for _, id := range orphans {
		if err := s.e.cfg.Files.Delete(ctx, id.Text(execution.PrefixFile)); err != nil {
			return err
		}
		s.e.log.Info("removed the content of a file that has no record", "file_id", id.Text(execution.PrefixFile))
	}
	return nil
}
