package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

const (
	// countEach bounds the projects whose open executions one tick counts.
	countEach = 2
	// countEvery is the shortest time between two counts.
	countEvery = 2 * time.Second
	// filesEvery is how often the room that files take is added up.
	filesEvery = 30 * time.Second
	// filesMost is how often at least, whatever is on its way in.
	filesMost = 10 * time.Minute
)

// count brings the limits of projects into line with what other servers did: they are soft, and a second old.
func (c *cluster) count(ctx context.Context) {
	e := c.e
	now := e.pulse()
	c.mu.Lock()
	var projects []int64
	if now.Sub(c.countedAt) >= countEvery {
		for p := range c.counted {
			if len(projects) == countEach {
				break
			}
			projects = append(projects, p)
			if c.counted[p]--; c.counted[p] <= 0 {
				delete(c.counted, p)
			}
		}
		c.countedAt = now
	}
	anyway := now.Sub(c.files) >= filesMost
	files := e.cfg.Files != nil && now.Sub(c.files) >= filesEvery && (anyway || !e.uploads())
	if files {
		c.files = now
	}
	c.mu.Unlock()
	for _, p := range projects {
		counter := e.open(p)
		was := counter.Load()
		n, err := e.store.Counts(ctx, store.CountQuery{Project: p})
		if err != nil {
			if ctx.Err() == nil {
				e.log.Warn("could not count open executions", "error", err)
			}
			break
		}
		var open int64
		for s := execution.Created; s <= execution.Finalizing; s++ {
			open += n.N[s]
		}
		counter.CompareAndSwap(was, open) // what was committed here meanwhile may be in the count or not
	}
	if !files {
		return
	}
	was := map[int64]int64{}
	e.fileBytes.Range(func(project, n any) bool {
		was[project.(int64)] = n.(*atomic.Int64).Load()
		return true
	})
	if !anyway && e.uploads() {
		return // one that began meanwhile: what it takes so far is counted, and has no record
	}
	bytes, err := e.store.FileBytes(ctx)
	if err != nil {
		if ctx.Err() == nil {
			e.log.Warn("could not add up the files", "error", err)
		}
		return
	}
	for project := range was {
		if _, ok := bytes[project]; !ok {
			bytes[project] = 0
		}
	}
	for project, n := range bytes {
		e.stored(project).CompareAndSwap(was[project], n)
	}
}

// uploads reports whether files are on their way in: what they take so far is counted, and may have no record.
func (e *Engine) uploads() bool {
	busy := false
	e.uploading.Range(func(_, _ any) bool {
		busy = true
		return false
	})
	return busy
}

// dueDeliveries says whether a look at the outbox may find something, so that servers of an idle cluster do not look.
type dueDeliveries struct {
	mu   sync.Mutex
	next execution.Time // of the earliest known; 0: none
	look bool           // something may be due
}

// told takes over when the earliest delivery of all is due. It reports whether that is now.
func (d *dueDeliveries) told(next, now execution.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = next
	due := next != 0 && next <= now
	d.look = d.look || due
	return due
}

// changed notes that deliveries were written here.
func (d *dueDeliveries) changed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.look = true
}

// due reports whether to look, and when the next delivery is due otherwise.
func (d *dueDeliveries) due(now execution.Time) (look bool, next execution.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	look = d.look || d.next != 0 && d.next <= now
	d.look = false
	return look, d.next
}

// looked takes over what a look found.
func (d *dueDeliveries) looked(p *DuePage) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.look = d.look || len(p.Due) > 0 || p.More
	if p.Next != 0 && (d.next == 0 || p.Next < d.next) {
		d.next = p.Next
	}
}

// overdueDelivery is how late a message is before another server sends it than the one whose part it is in. The part of
// a server that is gone is divided anew much sooner; this one hangs.
const overdueDelivery = 30 * time.Second

// dueDeliveries is DueDeliveries of the engine in a cluster.
func (c *cluster) dueDeliveries(ctx context.Context, q DueQuery) (*DuePage, error) {
	look, next := c.deliveries.due(q.Now)
	if !look {
		return &DuePage{Next: next, Last: q.From - 1}, nil
	}
	q.Part = c.e.part()
	page, err := c.store.DueDeliveries(ctx, q)
	if err == nil && len(page.Due) == 0 && !q.Part.All() && next != 0 && next.Add(overdueDelivery) <= q.Now {
		q.Part = store.Part{}
		page, err = c.store.DueDeliveries(ctx, q)
	}
	if err != nil {
		c.deliveries.changed()
		return nil, err
	}
	c.deliveries.looked(page)
	return page, nil
}
