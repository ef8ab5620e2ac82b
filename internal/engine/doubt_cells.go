package engine

import (
	"slices"

	"github.com/sojournhq/sojourn/internal/store"
)

// handOver gives doubts about executions that have moved to another cell to that cell's committer: here nothing could be
// read of them any more.
func (c *committer) handOver() {
	if c.e.celled == nil {
		return
	}
	c.doubts = slices.DeleteFunc(c.doubts, func(d doubt) bool {
		return c.e.cellOf(d.id) != c.cell && c.e.submit(&movedDoubt{c.e, d, c.e.cellOf(d.id)})
	})
	c.doubtful.Store(len(c.doubts) > 0)
}

// movedDoubt is the command that takes over a doubt. It reads nothing: that is done before the next batch.
type movedDoubt struct {
	e  *Engine
	d  doubt
	at int
}

func (*movedDoubt) project() int64 { return 0 }

func (m *movedDoubt) cell() int { return m.at }

func (*movedDoubt) weigh() (int, int) { return 1, 0 }

func (*movedDoubt) need(*store.Need) {}

func (*movedDoubt) decide(*tx) {}

// settle takes the doubt over, however the batch went: it is not about the doubt.
func (m *movedDoubt) settle(error) {
	c := m.e.committers[m.at]
	c.doubts = append(c.doubts, m.d)
	c.doubtful.Store(true)
}
