package engine

import (
	"testing"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// odd is a store with two cells, of which the second has the odd shards.
type odd struct{ store.Celled }

func (odd) Cells() int           { return 2 }
func (odd) CellOf(shard int) int { return shard % 2 }

// A doubt about an execution that has moved is resolved in the cell that has it, and does not stop the committer of the
// other one for good.
func TestDoubtsMoveWithTheirExecutions(t *testing.T) {
	t.Parallel()
	e := &Engine{celled: odd{}}
	e.committers = []*committer{newCommitter(e, 0, nil), newCommitter(e, 1, nil)}
	e.committer = e.committers[0]
	here, there := execution.MakeID(1, 1, 4), execution.MakeID(1, 2, 5)
	c := e.committers[0]
	c.doubts = []doubt{{id: here}, {id: there}}
	c.handOver()
	if len(c.doubts) != 1 || c.doubts[0].id != here || !c.doubtful.Load() {
		t.Errorf("the first cell still doubts %+v", c.doubts)
	}
	other := e.committers[1]
	if len(other.queue) != 1 {
		t.Fatalf("%d commands for the other cell", len(other.queue))
	}
	other.queue[0].settle(nil)
	if len(other.doubts) != 1 || other.doubts[0].id != there || !other.doubtful.Load() {
		t.Errorf("the second cell doubts %+v", other.doubts)
	}
	c.doubts = nil
	c.handOver()
	if c.doubtful.Load() {
		t.Error("there is nothing left to doubt")
	}
}
