package engine

import (
	"slices"
	"testing"

	"github.com/sojournhq/sojourn/internal/store"
)

type fakeCommand struct {
	of, n      int64
	ops, bytes int
}

func (c *fakeCommand) weigh() (int, int) { return c.ops, c.bytes }
func (c *fakeCommand) project() int64    { return c.of }
func (c *fakeCommand) need(*store.Need)  {}
func (c *fakeCommand) decide(*tx)        {}
func (c *fakeCommand) settle(error)      {}

// A flood of one project leaves the others their part of each batch; the commands of a project keep their order, and
// everything comes through.
func TestABatchIsShared(t *testing.T) {
	t.Parallel()
	c := newCommitter(&Engine{}, 0, nil)
	put := func(project int64, n, ops, bytes int) {
		for i := range n {
			c.submit(&fakeCommand{of: project, n: int64(i), ops: ops, bytes: bytes})
		}
	}
	put(1, 50_000, 1, 0)
	put(2, 100, 1, 0)
	put(3, 3, 1024, 0)        // reports as large as they may be
	put(4, 40, 1, 1<<20)      // payloads as large as they may be
	next := map[int64]int64{} // by project: the command that must follow
	total := 0
	last := map[int64]int{} // by project: the batch of its last command
	for batch := 1; len(c.queue) > 0; batch++ {
		got := c.next()
		if len(got) == 0 {
			t.Fatal("an empty batch while commands wait")
		}
		ops := 0
		for _, x := range got {
			f := x.(*fakeCommand)
			if f.n != next[f.of] {
				t.Fatalf("command %d of project %d came before %d", f.n, f.of, next[f.of])
			}
			next[f.of]++
			ops += f.ops
			last[f.of] = batch
		}
		if ops > 2*maxBatch {
			t.Errorf("a batch of %d operations", ops)
		}
		total += len(got)
		c.spare = slices.Delete(got, 0, len(got))
	}
	if total != 50_143 {
		t.Errorf("%d commands came through, want 50143", total)
	}
	// Each of four projects has a quarter of a batch at least: 100 operations fit the first, 3 × 1024 take twelve, and
	// 40 MiB twenty, for a batch has 8.
	for project, most := range map[int64]int{2: 1, 3: 13, 4: 21} {
		if last[project] > most {
			t.Errorf("project %d was done in batch %d, want %d at the latest", project, last[project], most)
		}
	}
	// Without a second project a batch is what came first.
	put(1, 2000, 1, 0)
	if got := c.next(); len(got) != maxBatch {
		t.Errorf("alone in the queue a project gets %d, want %d", len(got), maxBatch)
	}
}
