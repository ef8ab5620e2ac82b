package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/store"
)

// janitor removes what its retention allows, and watches the disk.
type janitor struct {
	e *Engine
}

const (
	diskEvery    = time.Second
	janitorEvery = 10 * time.Second
	// janitorSlice bounds one deletion, so that it does not hold up other commands.
	janitorSlice = 64
	// janitorRounds bounds how many slices of one workflow a round removes.
	janitorRounds = 256
)

func newJanitor(e *Engine) *janitor { return &janitor{e: e} }

func (j *janitor) run(ctx context.Context) {
	disk := time.NewTicker(diskEvery)
	defer disk.Stop()
	clean := time.NewTicker(janitorEvery)
	defer clean.Stop()
	j.disk(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-disk.C:
			j.disk(ctx)
		case <-clean.C:
			if !j.e.first() {
				continue
			}
			if err := j.round(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, errBusy) {
				j.e.log.Error("could not remove retired executions", "error", err)
			}
		}
	}
}

// disk refuses starts while the disk is nearly full, and allows them again with a little more room, so that the answer
// does not flap.
func (j *janitor) disk(ctx context.Context) {
	if j.e.cfg.DiskFree == nil {
		return
	}
	free, err := j.e.cfg.DiskFree()
	if err != nil {
		j.e.log.Error("could not read the free disk space", "error", err)
		return
	}
	free = j.room(ctx, free)
	low := j.e.lowDisk.Load()
	switch {
	case !low && free < j.e.cfg.LowDisk:
		j.e.lowDisk.Store(true)
		j.e.log.Warn("the disk is nearly full, starts are refused", "free_bytes", free, "limit_bytes", j.e.cfg.LowDisk)
	case low && free > j.e.cfg.LowDisk+j.e.cfg.LowDisk/8:
		j.e.lowDisk.Store(false)
		j.e.log.Info("the disk has room again, starts are accepted", "free_bytes", free)
	}
}

// room is what starts may still take: the free disk and, when that is little, the room inside the data that deletions
// have made. The write-ahead log needs real disk, so that only counts while a quarter of the limit is left of it.
func (j *janitor) room(ctx context.Context, free int64) int64 {
	if free > 2*j.e.cfg.LowDisk || free < j.e.cfg.LowDisk/4 {
		return free
	}
	u, err := j.e.store.Usage(ctx)
	if err != nil {
		if ctx.Err() == nil {
			j.e.log.Error("could not read what the data takes", "error", err)
		}
		return free
	}
	return free + u.Free
}

// round removes the executions of every workflow that ended before their retention, and old idempotency keys. What goes
// wrong with one workflow does not keep the others.
func (j *janitor) round(ctx context.Context) error {
	e := j.e
	now := e.store.Now()
	var errs []error
	if err := j.deleted(ctx, now); err != nil {
		errs = append(errs, err)
	}
	for _, w := range e.catalog.Load().workflows {
		keep := w.record.Load().Retention
		if keep == 0 {
			keep = e.cfg.Retention
		}
		if keep < 0 {
			continue
		}
		for range janitorRounds {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			ids, err := e.store.Ended(ctx, w.key, now.Add(-keep), janitorSlice)
			if err == nil && len(ids) > 0 {
				err = j.remove(ids)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("workflow %q: %w", w.info.Name, err))
				break
			}
			if len(ids) < janitorSlice {
				break
			}
		}
	}
	if err := j.deliveries(ctx, now.Add(-deliveryRetention)); err != nil {
		errs = append(errs, err)
	}
	// The sweep must walk through the keys faster than new ones are added.
	servers := int64(1)
	if e.cluster != nil {
		servers = int64(len(e.cluster.place.Load().nodes))
	}
	sweeps := 1 + 2*servers*e.keyed.Swap(0)/keysPerSweep
	for range min(sweeps, janitorRounds) {
		if err := e.eachCell(func(t *tx) {
			t.changes.SweepKeys, t.changes.SweepLinks = t.now.Add(-e.cfg.KeyWindow), t.now
		}); err != nil {
			errs = append(errs, err)
			break
		}
	}
	errs = append(errs, j.files(ctx))
	return errors.Join(errs...)
}

// files removes the files that have expired.
func (j *janitor) files(ctx context.Context) error {
	for range janitorRounds {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		ids, err := j.e.store.ExpiredFiles(ctx, j.e.store.Now(), janitorSlice)
		if err != nil || len(ids) == 0 {
			return err
		}
		refused, err := j.e.removeFiles(ctx, 0, ids, func(now execution.Time, f *store.LoadedFile) error {
			if f == nil || f.Mark == fileGone || f.ExpiresAt == 0 || f.ExpiresAt > now {
				return errStillUsed
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("remove expired files: %w", err)
		}
		if refused != nil || len(ids) < janitorSlice {
			return nil
		}
	}
	return nil
}

// errStillUsed keeps a file that was found expired and is not any more.
var errStillUsed = errors.New("the file is used again, or gone")

// keysPerSweep is how many idempotency keys one sweep of a store looks at.
const keysPerSweep = 1000

// remove deletes finished executions with all they own but their idempotency keys.
func (j *janitor) remove(ids []execution.ID) error {
	err := j.e.writeEach(ids, janitorSlice, func(t *tx, row *store.Row) {
		if row.Status.Final() && !slices.Contains(t.changes.Delete, row) {
			t.remove(row)
		}
	})
	if err == nil {
		_ = failpoint.Hit(failpoint.JanitorDeleted)
	}
	return err
}

// remove takes a finished execution out of the store and out of the counts.
func (t *tx) remove(row *store.Row) {
	t.changes.Delete = append(t.changes.Delete, row)
	t.changes.Counts[store.CountKey{
		Project: row.Project, Workflow: row.Workflow, Status: row.Status, Hour: store.HourOf(row.ID),
	}]--
}
