package engine

import (
	"slices"
	"testing"

	"github.com/sojournhq/sojourn/internal/execution"
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

// clockStore is a store that has nothing but a clock.
type clockStore struct {
	store.Store
	now execution.Time
}

func (s *clockStore) Now() execution.Time { return s.now }

// A flood of one project leaves the others their part of each batch; the commands of a project keep their order, and
// everything comes through.
func TestABatchIsShared(t *testing.T) {
	t.Parallel()
	clock := &clockStore{now: 1}
	c := newCommitter(&Engine{store: clock}, 0, nil)
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
	// Each of four projects has a quarter of a batch at least, and in company batches have a quarter of their size: 64
	// operations, 512 KiB. Besides, one command goes first when everybody saves.
	for project, most := range map[int64]int{2: 2, 3: 49, 4: 81} {
		if last[project] > most {
			t.Errorf("project %d was done in batch %d, want %d at the latest", project, last[project], most)
		}
	}
	// Without a second project a batch is what came first, a whole one as soon as the company is forgotten.
	put(1, 2000, 1, 0)
	if got := c.next(); len(got) != maxBatch/crowdedPart {
		t.Errorf("in company a batch has %d commands, want %d", len(got), maxBatch/crowdedPart)
	}
	c.queue = nil
	clock.now = clock.now.Add(crowdedFor)
	put(1, 2000, 1, 0)
	if got := c.next(); len(got) != maxBatch {
		t.Errorf("alone in the queue a project gets %d, want %d", len(got), maxBatch)
	}
}

// Many workers with room for many executions ask for more than a batch should have: their claims are parted, so that
// nobody waits for all of them.
func TestLargeClaimsAreParted(t *testing.T) {
	t.Parallel()
	c := newCommitter(&Engine{store: &clockStore{now: 1}}, 0, nil)
	ask := func(project int64, most int) *claim {
		return &claim{session: &session{record: store.Session{Project: project}}, most: most}
	}
	for range 64 {
		c.submit(ask(1, maxClaim))
	}
	for left := 64; left > 0; {
		got := len(c.next())
		if got == 0 || got > maxBatch/maxClaim {
			t.Fatalf("a batch of %d claims for %d executions each", got, maxClaim)
		}
		left -= got
	}
	// A small claim costs its look into the queue all the same.
	if n, _ := ask(1, 1).weigh(); n != 16 {
		t.Errorf("a small claim weighs %d", n)
	}
	// In company no project's claims make a batch that takes long.
	c.submit(ask(1, 1), ask(2, 1))
	c.next()
	for range 64 {
		c.submit(ask(1, maxClaim))
	}
	c.submit(ask(2, 1))
	if got := c.next(); len(got) > 2 {
		t.Errorf("in company a batch has %d large claims", len(got))
	}
}
