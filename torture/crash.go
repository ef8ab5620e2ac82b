//go:build linux

package main

import (
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/sojournhq/sojourn/internal/failpoint"
)

// kill kills the server with SIGKILL at a random time.
func kill() nemesis {
	return nemesis{"kill", func(c *campaign) (string, error) {
		life := between(c.rand, 200*time.Millisecond, 3*time.Second)
		acks, err := c.work(life)
		if err != nil {
			return fmt.Sprintf("%d acks", acks), err
		}
		if !c.srv.running() {
			return fmt.Sprintf("%d acks", acks), fmt.Errorf("the server ended by itself with %s: %s", c.srv.cmd.ProcessState, c.srv.lastWords())
		}
		if err := c.srv.kill(); err != nil {
			return "", err
		}
		c.stats.Kills++
		detail, err := c.restart(c.slow(c.rand.IntN(4)))
		return fmt.Sprintf("after %s, %d acks, %s", life.Round(time.Millisecond), acks, detail), err
	}}
}

// slow holds every transaction up for a moment, in one place or another: a disk can be slow anywhere, and an answer that
// is given too early is then seen by its client before the kill.
func (c *campaign) slow(where int) string {
	switch where {
	case 0:
		return "SOJOURN_FAILPOINT=" + failpoint.BatchDecided + ":sleep=3ms"
	case 1:
		return "SOJOURN_FAILPOINT=" + failpoint.BatchSaved + ":sleep=3ms"
	default:
		return "SOJOURN_FAILPOINT="
	}
}

// nth draws at which of its hits a failpoint acts. All but a few are met many times a second.
func (c *campaign) nth(name string) int {
	switch name {
	case failpoint.SessionLost, failpoint.JanitorDeleted:
		return 1
	case failpoint.TimerFired:
		return (12 + c.rand.IntN(15)) * (1 + c.try)
	case failpoint.FileStored, failpoint.MessageSent:
		return (12 + c.rand.IntN(15)) * (1 + c.try)
	case failpoint.FileForgotten:
		return (4 + c.rand.IntN(6)) * (1 + c.try)
	case failpoint.StartAccepted, failpoint.PollTaken, failpoint.ReportCommitted:
		if c.nodes > 0 {
			return (20 + c.rand.IntN(60)) * (1 + c.try)
		}
		return (120 + c.rand.IntN(200)) * (1 + c.try)
	default:
		if c.nodes > 0 {
			return (40 + c.rand.IntN(100)) * (1 + c.try) // batches are fewer, and spread
		}
		return (350 + c.rand.IntN(600)) * (1 + c.try)
	}
}

// crash lets the server kill itself at a failpoint.
func crash(name string) nemesis {
	return nemesis{name, func(c *campaign) (string, error) { return c.crash(name) }}
}

func (c *campaign) crash(name string) (string, error) {
	n := c.nth(name)
	// Some things only one of several servers does, and which one is theirs to decide.
	armedServers := []*server{c.srv}
	if name == failpoint.SessionLost || name == failpoint.JanitorDeleted || name == failpoint.MessageSent {
		armedServers = c.servers
	}
	armed := fmt.Sprintf("SOJOURN_FAILPOINT=%s:exit@%d", name, n)
	switch name {
	case failpoint.BatchDecided:
		armed += "," + failpoint.BatchLoaded + ":sleep=3ms"
	case failpoint.BatchSaved, failpoint.BatchCommitted:
		armed += "," + failpoint.BatchDecided + ":sleep=3ms"
	}
	for _, s := range armedServers {
		c.srv = s
		if err := s.kill(); err != nil {
			return "", err
		}
		if _, err := c.restart(armed); err != nil {
			return "", err
		}
	}
	if c.balancer != nil {
		c.balancer.shake()
	}
	c.load.acks.Store(0)
	deadline := time.Now().Add(c.limit)
	var bait *worker
	for c.up() && time.Now().Before(deadline) && c.ctx.Err() == nil {
		if name == failpoint.SessionLost && bait == nil && c.load.acks.Load() >= leastAcks {
			// A lost session needs a worker that is lost.
			bait = c.fleet.list()[0]
			if err := c.fleet.kill(bait); err != nil {
				return "", err
			}
			c.stats.WorkerKills++
		}
		select {
		case <-c.ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	c.fleetMinimum()
	acks := c.load.acks.Load()
	detail := fmt.Sprintf("hit %d, %d acks", n, acks)
	for _, s := range armedServers {
		if !s.running() {
			c.srv = s
		}
	}
	if c.srv.running() {
		for _, s := range armedServers {
			if err := s.kill(); err != nil { // it is started again without
				return detail, err
			}
		}
		return detail, invalidf("the server did not come to the failpoint within %s", c.limit)
	}
	status, _ := c.srv.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if at := c.srv.hit(""); at != name || status.Signal() != syscall.SIGKILL {
		return detail, fmt.Errorf("the server ended with %s at %q instead: %s", c.srv.cmd.ProcessState, at, c.srv.lastWords())
	}
	for _, s := range armedServers {
		if err := s.kill(); err != nil {
			return detail, err
		}
	}
	again, err := c.restart()
	if err == nil {
		err = c.revive()
	}
	detail += ", " + again
	switch {
	case err != nil:
		return detail, err
	case acks < leastAcks:
		return detail, invalidf("only %d starts were acknowledged before, of at least %d", acks, leastAcks)
	}
	c.stats.Crashes++
	c.hits[name] = true
	return detail, nil
}

// fleetMinimum replaces workers that were lost.
func (c *campaign) fleetMinimum() {
	for len(c.fleet.list()) < c.workers {
		if _, err := c.fleet.add(); err != nil {
			c.report(round{name: "worker", err: err}, false)
			return
		}
	}
}

// crashes are one round for every failpoint, in random order.
func crashes(seed uint64) []nemesis {
	names := slices.Clone(failpoint.Names)
	shuffle(seed, names)
	var list []nemesis
	for _, name := range names {
		list = append(list, crash(name))
	}
	return list
}
