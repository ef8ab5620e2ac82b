package engine

import (
	"cmp"
	"maps"
	"slices"
)

// share takes a batch out of a queue that holds more than one batch: every project gets an equal part, and what one does
// not need goes to the others, so that a project that floods the queue does not delay the rest. The commands of one
// project keep their order. first is how many commands from the head make a batch, room how many operations; the
// committer's mutex is held.
func (c *committer) share(first, room int) []command {
	demand := map[int64]int{}
	for _, x := range c.queue {
		demand[x.project()] += weight(x)
	}
	if len(demand) == 1 {
		batch := c.queue[:first:first]
		c.queue = append(c.spare[:0], c.queue[first:]...)
		c.spare = nil
		return batch
	}
	for p := range demand {
		c.crowd.note(p)
	}
	maps.DeleteFunc(c.credit, func(p int64, _ int) bool { return demand[p] == 0 })
	projects := slices.SortedFunc(maps.Keys(demand), func(a, b int64) int {
		return cmp.Or(cmp.Compare(demand[a], demand[b]), cmp.Compare(a, b))
	})
	for left, i := room, 0; i < len(projects); i++ {
		part := min(demand[projects[i]], left/(len(projects)-i))
		c.credit[projects[i]] += part
		left -= part
	}
	var batch []command
	rest := c.spare[:0]
	c.spare = nil
	full := map[int64]bool{}
	for _, x := range c.queue {
		p, w := x.project(), weight(x)
		// A project saves its parts until they pay for its next command.
		if full[p] || c.credit[p] < w {
			full[p] = true
			rest = append(rest, x)
			continue
		}
		c.credit[p] -= w
		batch = append(batch, x)
	}
	if len(batch) == 0 { // everybody saves: the head of the queue goes first
		batch = append(batch, rest[0])
		rest = slices.Delete(rest, 0, 1)
	}
	c.queue = rest
	return batch
}

// weight is what a command takes of a batch: an operation, or as many bytes as a batch has for one.
func weight(x command) int {
	ops, bytes := x.weigh()
	return ops + bytes/(maxBatchBytes/maxBatch)
}
