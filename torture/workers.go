//go:build linux

package main

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/torture/check"
	"github.com/sojournhq/sojourn/torture/journal"
)

// settleAfter is how long after the end of a session the server may still be taking back what it held.
const settleAfter = 2 * time.Second

// own starts an execution that no client touches.
func (c *campaign) own(workflow string, in map[string]any) (key, id string, err error) {
	s := c.load.make(kind{workflow: workflow, fill: func(_ *rand.Rand, _ *sojourn.StartParams, all map[string]any) { maps.Copy(all, in) }}, c.rand)
	id, _ = c.load.send(c.ctx, s)
	if id == "" {
		return s.key, "", invalidf("a start of %s was not acknowledged", workflow)
	}
	return s.key, id, nil
}

// hold starts executions that keep a worker busy for a while.
func (c *campaign) hold(n, ms int) (ids []string, err error) {
	for range n {
		_, id, err := c.own("slow", map[string]any{"ms": ms})
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// sessions are the live sessions by the names of their workers.
func (c *campaign) sessions() (map[string]sojourn.WorkerInfo, error) {
	list, err := c.load.client.Workers.List(c.ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]sojourn.WorkerInfo{}
	for _, s := range list {
		out[s.Name] = s
	}
	return out, nil
}

// victim picks a worker that is in the middle of a long step, with enough at work around it. ids are executions that
// take as long, some of which it holds.
func (c *campaign) victim() (w *worker, ids []string, acks int64, err error) {
	if acks, err = c.work(200 * time.Millisecond); err != nil {
		return nil, nil, acks, err
	}
	if ids, err = c.hold(4*c.workers, 2500); err != nil {
		return nil, nil, acks, err
	}
	workers := c.fleet.list()
	c.rand.Shuffle(len(workers), func(i, j int) { workers[i], workers[j] = workers[j], workers[i] })
	err = poll(c.ctx, 10*time.Second, "a worker to run one of them", func() (bool, error) {
		for _, w = range workers {
			entries, err := journal.Read(w.journal)
			if err != nil {
				return false, err
			}
			for _, e := range entries {
				if e.Kind == check.Ran && e.Fields[1] == "long" && slices.Contains(ids, e.Fields[0]) {
					return true, nil
				}
			}
		}
		return false, nil
	})
	return w, ids, acks, err
}

// outlive waits until the server has given up the session of a worker that does not answer any more, and remembers
// what G7 promises about that.
func (c *campaign) outlive(w *worker, silent time.Time) (string, error) {
	before, err := c.sessions()
	if err != nil {
		return "", err
	}
	gone, ok := before[w.name]
	if !ok {
		return "", fmt.Errorf("the session of worker %s was given up at once", w.name)
	}
	// A heartbeat that was under way when the worker fell silent may still have counted.
	if err := poll(c.ctx, lease+5*time.Second, "the end of the session of "+w.name, func() (bool, error) {
		s, err := c.sessions()
		if err != nil {
			return false, err
		}
		now, ok := s[w.name]
		if ok && now.ExpiresAt.After(gone.ExpiresAt) {
			gone = now
		}
		return !ok || now.ID != gone.ID, nil
	}); err != nil {
		return "", err
	}
	select {
	case <-time.After(settleAfter):
	case <-c.ctx.Done():
		return "", c.ctx.Err()
	}
	after, err := c.sessions()
	if err != nil {
		return "", err
	}
	apart := duelWorkflows()
	for name, s := range before {
		if name != w.name && !apart[name] && after[name].ID != s.ID {
			return "", invalidf("the session of %s was lost at the same time", name)
		}
	}
	c.losses = append(c.losses, check.Loss{Worker: w.name, Killed: silent, Expires: gone.ExpiresAt, Until: time.Now()})
	return fmt.Sprintf("session ended %d ms after its lease", time.Since(gone.ExpiresAt).Milliseconds()-settleAfter.Milliseconds()), nil
}

// taken is how many of the executions lost their lease after the given time.
func (c *campaign) taken(ids []string, after time.Time) (int, error) {
	n := 0
	for _, id := range ids {
		x, err := c.load.client.Executions.Get(c.ctx, id, sojourn.IncludeEvents())
		if err != nil {
			return n, err
		}
		if slices.ContainsFunc(x.Events, func(e sojourn.Event) bool { return e.Type == "lease_lost" && e.At.After(after) }) {
			n++
		}
	}
	return n, nil
}

// workerKill kills a worker with SIGKILL while it holds executions. They must be offered again, not before its lease is
// over and not much later.
func workerKill() nemesis {
	return nemesis{"worker kill", func(c *campaign) (string, error) {
		w, ids, acks, err := c.victim()
		if err != nil {
			return fmt.Sprintf("%d acks", acks), err
		}
		silent := time.Now()
		if err := c.fleet.kill(w); err != nil {
			return "", err
		}
		c.stats.WorkerKills++
		detail, err := c.outlive(w, silent)
		c.fleetMinimum()
		if err != nil {
			return fmt.Sprintf("%d acks", acks), err
		}
		n, err := c.taken(ids, silent)
		if err == nil && n == 0 {
			err = invalidf("it held nothing")
		}
		return fmt.Sprintf("%d acks, %s, %d of %d watched taken", acks, detail, n, len(ids)), err
	}}
}

// freeze stops a worker past its lease, lets others take over, and lets it go on: nothing it then says may count. What
// it did is judged at the end by the history of what it held.
func freeze() nemesis {
	return nemesis{"worker freeze", func(c *campaign) (string, error) {
		w, ids, acks, err := c.victim()
		if err != nil {
			return fmt.Sprintf("%d acks", acks), err
		}
		silent := time.Now()
		if err := w.signal(syscall.SIGSTOP); err != nil {
			return "", err
		}
		defer func() { _ = w.signal(syscall.SIGCONT) }()
		detail, err := c.outlive(w, silent)
		if err != nil {
			return fmt.Sprintf("%d acks", acks), err
		}
		n, err := c.taken(ids, silent)
		if err != nil {
			return "", err
		}
		if n == 0 {
			return "", invalidf("it held nothing")
		}
		if err := w.signal(syscall.SIGCONT); err != nil {
			return "", err
		}
		c.stats.Freezes++
		// It has to find out, drop everything and begin anew.
		err = poll(c.ctx, 20*time.Second, "worker "+w.name+" to open a new session", func() (bool, error) {
			if !w.alive() {
				return false, errors.New("it ended")
			}
			s, err := c.sessions()
			return err == nil && s[w.name].ID != "", err
		})
		return fmt.Sprintf("%d acks, %s, %d of %d watched taken", acks, detail, n, len(ids)), err
	}}
}

// poison starts an execution whose step kills its worker. It must be given up after five workers, and the sixth lives.
func poison() nemesis {
	return nemesis{"poison", func(c *campaign) (string, error) {
		acks, err := c.work(200 * time.Millisecond)
		if err != nil {
			return fmt.Sprintf("%d acks", acks), err
		}
		_, id, err := c.own("poison", nil)
		if err != nil {
			return "", err
		}
		var x *sojourn.Execution
		began, died := time.Now(), 0
		bury := func() {
			for _, w := range c.fleet.list() {
				if !w.alive() {
					died++
					c.fleet.forget(w)
				}
			}
			c.fleetMinimum()
		}
		err = poll(c.ctx, 90*time.Second, "the poisonous execution to be given up", func() (bool, error) {
			bury()
			x, err = c.load.client.Executions.Get(c.ctx, id)
			return err == nil && x.Status.Terminal(), err
		})
		if err != nil {
			return fmt.Sprintf("%d workers died", died), err
		}
		took := time.Since(began)
		// Whoever comes next lives.
		select {
		case <-time.After(lease + time.Second):
		case <-c.ctx.Done():
		}
		bury()
		c.stats.WorkerKills += died
		detail := fmt.Sprintf("%d acks, %d workers died in %.1f s, %s with code %s", acks, died, took.Seconds(), x.Status, x.ErrorCode)
		if x.Status != sojourn.StatusFailed || x.ErrorCode != "poison" || died != 5 {
			return detail, errors.New("want five dead workers and failed with code poison")
		}
		return detail, nil
	}}
}

// drain restarts every worker, and then the server, as a careful operator does. Nobody may notice.
func drain() nemesis {
	return nemesis{"drain", func(c *campaign) (string, error) {
		acks, err := c.work(500 * time.Millisecond)
		if err != nil {
			return fmt.Sprintf("%d acks", acks), err
		}
		began := time.Now()
		for _, w := range c.fleet.list() {
			if _, err := c.hold(c.workers, 1000); err != nil { // longer than it gets to finish
				return "", err
			}
			if _, err := c.fleet.add(); err != nil {
				return "", err
			}
			if err := c.fleet.stop(w); err != nil {
				return "", err
			}
			c.stats.Drains++
		}
		workers := time.Since(began)
		began = time.Now()
		if err := c.srv.stop(); err != nil {
			return "", err
		}
		c.stats.Drains++
		server := time.Since(began)
		detail, err := c.restart()
		return fmt.Sprintf("%d acks, %d workers in %.1f s, server in %.1f s, %s", acks, c.workers, workers.Seconds(), server.Seconds(), detail), err
	}}
}
