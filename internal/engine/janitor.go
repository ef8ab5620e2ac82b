package engine

import (
	"context"
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
	janitorEvery = time.Minute
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
	j.disk()
	for {
		select {
		case <-ctx.Done():
			return
		case <-disk.C:
			j.disk()
		case <-clean.C:
			if err := j.round(ctx); err != nil && ctx.Err() == nil {
				j.e.log.Error("could not remove retired executions", "error", err)
			}
		}
	}
}

// disk refuses starts while the disk is nearly full, and allows them again with a little more room, so that the answer
// does not flap.
func (j *janitor) disk() {
	if j.e.cfg.DiskFree == nil {
		return
	}
	free, err := j.e.cfg.DiskFree()
	if err != nil {
		j.e.log.Error("could not read the free disk space", "error", err)
		return
	}
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

// round removes the executions of every workflow that ended before their retention, and old idempotency keys.
func (j *janitor) round(ctx context.Context) error {
	now := j.e.store.Now()
	for _, w := range j.e.catalog.Load().workflows {
		keep := w.record.Load().Retention
		if keep == 0 {
			keep = j.e.cfg.Retention
		}
		if keep < 0 {
			continue
		}
		for range janitorRounds {
			ids, err := j.e.store.Ended(ctx, w.key, now.Add(-keep), janitorSlice)
			if err != nil {
				return err
			}
			if len(ids) == 0 {
				break
			}
			if err := j.remove(ids); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return j.e.write(func(t *tx, _ []*store.Row) { t.changes.SweepKeys = t.now.Add(-j.e.cfg.KeyWindow) })
}

// remove deletes finished executions with all they own but their idempotency keys.
func (j *janitor) remove(ids []execution.ID) error {
	err := j.e.write(func(t *tx, rows []*store.Row) {
		for _, row := range rows {
			if row != nil && row.Status.Final() && !slices.Contains(t.changes.Delete, row) {
				t.remove(row)
			}
		}
	}, ids...)
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
