package sojourn

import (
	"context"
	"sync"
)

// Group runs branches of a handler concurrently, like errgroup, and lets the worker know which of them wait: the
// execution is suspended only when every branch sleeps or backs off. Steps of the same name in different branches need
// a Key.
type Group struct {
	c *Context

	mu      sync.Mutex
	done    sync.Cond
	running int
	waiting bool
	err     error
}

// NewGroup makes a group of branches of the handler.
func NewGroup(ctx *Context) *Group {
	g := &Group{c: ctx}
	g.done.L = &g.mu
	return g
}

// Go runs fn in a branch of its own. fn must use the Context it is given. A panic becomes the branch's error.
func (g *Group) Go(fn func(ctx *Context) error) {
	g.mu.Lock()
	g.running++
	g.mu.Unlock()
	a := g.c.a
	a.mu.Lock()
	a.branches++
	a.mu.Unlock()
	go func() {
		err := errBranchExited
		defer func() { g.leave(err) }()
		err = guard(g.c, func(context.Context) error {
			return fn(&Context{Context: g.c.Context, a: a, branch: &branch{}})
		})
	}()
}

var errBranchExited error = &panicError{value: "the branch ended its goroutine"}

func (g *Group) leave(err error) {
	a := g.c.a
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil && g.err == nil {
		g.err = err
	}
	g.running--
	a.mu.Lock()
	if g.running == 0 && g.waiting {
		// The branch's place goes to the one that waits in Wait.
		g.waiting = false
	} else {
		a.branches--
	}
	a.suspendIfParked()
	a.mu.Unlock()
	if g.running == 0 {
		g.done.Broadcast()
	}
}

// Wait waits until every branch has returned, and returns the first error. It does not stop the other branches when
// one fails.
func (g *Group) Wait() error {
	a := g.c.a
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running > 0 {
		g.waiting = true
		a.mu.Lock()
		a.branches--
		a.suspendIfParked()
		a.mu.Unlock()
		for g.running > 0 {
			g.done.Wait()
		}
	}
	return g.err
}
