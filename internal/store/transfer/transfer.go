// Package transfer takes the whole content of one store into another, empty one: a laptop's file into a fleet's database.
package transfer

import (
	"context"
	"errors"
	"fmt"

	"github.com/sojournhq/sojourn/internal/store"
)

// Report says how much was taken over.
type Report struct {
	Projects   int64 `json:"projects"`
	Workflows  int64 `json:"workflows"`
	Executions int64 `json:"executions"`
	Events     int64 `json:"events"`
	Logs       int64 `json:"log_lines"`
	Keys       int64 `json:"idempotency_keys"`
	Files      int64 `json:"files"`
	Deliveries int64 `json:"deliveries"`
}

// Options change a Run. The zero value changes nothing.
type Options struct {
	// Beside takes over what lies beside the stores, while nobody uses the target.
	Beside func(context.Context) error
	// Progress is called after each portion.
	Progress func(Report)
}

// ErrViolated is a copy that does not keep every invariant. The target is then not released for use.
var ErrViolated = errors.New("the copy violates invariants")

// Run fills the target with the content of the source, which nobody may write meanwhile. Executions keep their ids,
// histories, idempotency keys and timers; what workers hold is offered again, since the target has an epoch of its own.
// Before the target is released, executions are counted in it and its audit runs. What ends on the way is begun anew by
// the next Run.
func Run(ctx context.Context, from store.Source, to store.Target, o Options) (Report, error) {
	var r Report
	if err := to.Fill(ctx); err != nil {
		return r, err
	}
	if o.Beside != nil {
		if err := o.Beside(ctx); err != nil {
			return r, err
		}
	}
	var drawn int64
	counted := map[int64]int64{} // executions of each project
	err := from.Export(ctx, func(p *store.Portion) error {
		if err := save(ctx, to, p); err != nil {
			return err
		}
		drawn = max(drawn, p.Drawn)
		for _, row := range p.Insert {
			counted[row.Project]++
		}
		r.add(p)
		if o.Progress != nil {
			o.Progress(r)
		}
		return nil
	})
	if err != nil {
		return r, err
	}
	if err := check(ctx, to, counted); err != nil {
		return r, err
	}
	return r, to.Filled(ctx, drawn)
}

// save commits a portion.
func save(ctx context.Context, to store.Store, p *store.Portion) error {
	var taken error
	err := to.Commit(ctx, &store.Need{Reservations: p.Reserved}, func(l *store.Loaded) *store.Changes {
		taken = nil // it may be called again
		for i, t := range l.Taken {
			if t != nil {
				taken = fmt.Errorf("the idempotency key %q of project %d is there twice", p.Reserved[i].Key, p.Reserved[i].Project)
				return nil
			}
		}
		return &p.Changes
	})
	return errors.Join(taken, err)
}

func (r *Report) add(p *store.Portion) {
	r.Projects += int64(len(p.Projects))
	r.Workflows += int64(len(p.Workflows))
	r.Executions += int64(len(p.Insert))
	r.Events += int64(len(p.Events))
	r.Logs += int64(len(p.Logs))
	r.Keys += int64(len(p.Reserved))
	r.Files += int64(len(p.Files))
	r.Deliveries += int64(len(p.Deliveries))
}

// check counts what came and audits it.
func check(ctx context.Context, to store.Store, counted map[int64]int64) error {
	for project, want := range counted {
		c, err := to.Counts(ctx, store.CountQuery{Project: project, Exact: true})
		if err != nil {
			return err
		}
		var n int64
		for _, one := range c.N {
			n += one
		}
		if n != want {
			return fmt.Errorf("%w: project %d has %d executions, want %d", ErrViolated, project, n, want)
		}
	}
	findings, err := to.Audit(ctx)
	if err != nil {
		return err
	}
	for _, f := range findings {
		err = errors.Join(err, fmt.Errorf("%w: %s: %s", ErrViolated, f.Invariant, f.Subject))
	}
	return err
}
