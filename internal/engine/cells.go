package engine

import (
	"errors"
	"sync/atomic"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// A store may have cells with transactions of their own. Each has a committer, and a command goes to the committer of
// the cell that has what the command is about. Most stores are one cell.

// placed is a command that belongs to a cell of the store. Other commands are the first cell's.
type placed interface{ cell() int }

// split makes the committers.
func (e *Engine) split() {
	e.celled, _ = e.store.(store.Celled)
	if e.celled == nil {
		e.committers = []*committer{newCommitter(e, 0, e.store)}
	} else {
		for n := range e.celled.Cells() {
			e.committers = append(e.committers, newCommitter(e, n, e.celled.Cell(n)))
		}
	}
	e.committer = e.committers[0]
}

// closeCommitters lets the committers finish what is queued, and collects how the last n of them ended.
func (e *Engine) closeCommitters(ended <-chan error, n int) error {
	for _, c := range e.committers {
		c.close()
	}
	var errs []error
	for range n {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}

// cellOf is the cell of the store that has what has the id.
func (e *Engine) cellOf(id execution.ID) int {
	if e.celled == nil {
		return 0
	}
	return e.celled.CellOf(id.Shard())
}

// byCell groups ids by the cell that has them, in the order of the cells.
func (e *Engine) byCell(ids []execution.ID) [][]execution.ID {
	if e.celled == nil || len(ids) < 2 {
		return [][]execution.ID{ids}
	}
	groups := make([][]execution.ID, len(e.committers))
	for _, id := range ids {
		n := e.cellOf(id)
		groups[n] = append(groups[n], id)
	}
	return groups
}

// submit queues commands with the committers that they belong to. Those of one cell stay together and in order. It
// returns false when the committers are closed: none will be settled.
func (e *Engine) submit(list ...command) bool {
	if len(e.committers) == 1 {
		return e.committer.submit(list...)
	}
	groups := make([][]command, len(e.committers))
	for _, x := range list {
		n := 0
		if p, ok := x.(placed); ok {
			n = p.cell()
		}
		groups[n] = append(groups[n], x)
	}
	// All or none: a committer closes only together with the others.
	for _, c := range e.committers {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.closed {
			return false
		}
	}
	for n, c := range e.committers {
		if len(groups[n]) > 0 {
			c.queue = append(c.queue, groups[n]...)
			c.cond.Signal()
		}
	}
	return true
}

// eachCell runs fill in a transaction of every cell. What goes wrong with one does not keep the others.
func (e *Engine) eachCell(fill func(t *tx)) error {
	waits := make([]*write, len(e.committers))
	list := make([]command, len(e.committers))
	for n := range e.committers {
		waits[n] = &write{at: n, fill: func(t *tx, _ []*store.Row) { fill(t) }, done: make(chan error, 1)}
		list[n] = waits[n]
	}
	if !e.submit(list...) {
		return e.unavailable(nil)
	}
	var errs []error
	for _, w := range waits {
		if err := e.outcome(<-w.done); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// pass returns when everything that was submitted before has been committed or refused.
func (e *Engine) pass() error { return e.eachCell(func(*tx) {}) }

// openID makes an id for an execution that may be in any shard: in one whose cell answers.
func (e *Engine) openID() execution.ID {
	id := e.mint.id()
	if e.celled == nil {
		return id
	}
	for range 8 * e.celled.Cells() {
		if e.celled.Open(id.Shard()) {
			break
		}
		id = e.mint.id()
	}
	return id
}

// cellSet is a set of cells of the store.
type cellSet struct{ bits atomic.Uint64 }

func (s *cellSet) set(cell int)      { s.bits.Or(1 << cell) }
func (s *cellSet) clear(cell int)    { s.bits.And(^(uint64(1) << cell)) }
func (s *cellSet) has(cell int) bool { return s.bits.Load()>>cell&1 != 0 }

// any reports whether any of the first n cells is in it.
func (s *cellSet) any(n int) bool { return s.bits.Load()&(1<<n-1) != 0 }

// fill makes it the set of all cells, however many there are.
func (s *cellSet) fill() { s.bits.Store(^uint64(0)) }
