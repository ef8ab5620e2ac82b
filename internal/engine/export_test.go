package engine

import "github.com/sojournhq/sojourn/internal/execution"

// Spread makes the engine's ids differ in time and counter from those of other engines, the i-th of n: the store that a
// test's servers share has them as keys, which that of one server may.
func (e *Engine) Spread(i, n int64) {
	now := e.mint.now
	e.mint.now = func() execution.Time {
		ms := int64(now()) / 1000
		return execution.Time((ms - ms%n + i) * 1000)
	}
}

// Holds reports whether a request waits for the execution.
func (e *Engine) Holds(id execution.ID) bool {
	s := e.waiters.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.by[id]) > 0
}
