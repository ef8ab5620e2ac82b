//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/sojournhq/sojourn/torture/lossyfs"
)

var fates = []string{lossyfs.Lose: "all un-synced lost", lossyfs.Torn: "torn writes", lossyfs.Reordered: "reordered writes"}

// powerCut cuts the power at a random time; what is then found on the disk follows fate.
func powerCut(fate lossyfs.Unsynced) nemesis {
	return nemesis{"power cut", func(c *campaign) (string, error) {
		if c.disk.options.Unsynced != fate {
			// The fate is a property of the mount: this life must begin on one that has it.
			if err := c.srv.kill(); err != nil {
				return "", err
			}
			if err := c.cut(fate); err != nil {
				return "", err
			}
			if _, err := c.restart(); err != nil {
				return "", err
			}
		}
		life := between(c.rand, 200*time.Millisecond, 3*time.Second)
		acks, err := c.work(life)
		if err != nil {
			return fmt.Sprintf("%d acks", acks), err
		}
		if !c.srv.running() {
			return fmt.Sprintf("%d acks", acks), fmt.Errorf("the server ended by itself with %s: %s", c.srv.cmd.ProcessState, c.srv.lastWords())
		}
		if err := c.disk.cut(); err != nil {
			return "", err
		}
		c.load.down.Store(time.Now().UnixNano())
		// From here on every write fails: the server has to give up by itself, and not as if all were well.
		ended := c.srv.awaitEnd(10 * time.Second)
		if ended == nil && c.srv.cmd.ProcessState.ExitCode() == 0 {
			ended = fmt.Errorf("the server ended with code 0 although its disk had failed")
		}
		if err := c.srv.kill(); err != nil {
			return "", err
		}
		c.load.down.Store(0)
		stats := c.disk.fs.Stats()
		if err := c.disk.reboot(fate); err != nil {
			return "", err
		}
		c.stats.PowerCuts++
		detail, err := c.restart(c.slow(c.rand.IntN(4)))
		if err == nil {
			err = ended
		}
		return fmt.Sprintf("%s, after %s, %d acks, %d syncs, %s", fates[fate], life.Round(time.Millisecond), acks, stats.Fsyncs, detail), err
	}}
}

// cut ends a mount, with the server down, so that the next one treats what is not synced in the given way.
func (c *campaign) cut(next lossyfs.Unsynced) error {
	if err := c.disk.cut(); err != nil {
		return err
	}
	return c.disk.reboot(next)
}

// lossProof cuts the power of a server that does not wait for the disk: acknowledged starts must be missing afterwards,
// or the power cuts prove nothing.
func lossProof() nemesis {
	return nemesis{"self-test", func(c *campaign) (string, error) {
		for try := range 5 {
			acks, err := c.work(500 * time.Millisecond)
			if err != nil {
				return "", err
			}
			if err := c.disk.cut(); err != nil {
				return "", err
			}
			if err := c.srv.kill(); err != nil {
				return "", err
			}
			if err := c.disk.reboot(lossyfs.Lose); err != nil {
				return "", err
			}
			c.stats.PowerCuts++
			if _, err := c.restart(); err != nil {
				return "", err
			}
			lost, of, err := c.missing()
			if err != nil {
				return "", err
			}
			if lost > 0 {
				return fmt.Sprintf("cut %d after %d acks: %d of %d acknowledged starts are gone, as they should", try+1, acks, lost, of), nil
			}
		}
		return "", fmt.Errorf("synchronous=NORMAL survived five power cuts: the test cannot see what it is for")
	}}
}

// missing counts the acknowledged starts that the server no longer knows.
func (c *campaign) missing() (lost, of int, err error) {
	e, err := c.evidence()
	if err != nil {
		return 0, 0, err
	}
	stored := map[string]bool{}
	for _, x := range e.Stored {
		stored[x.ID] = true
	}
	for _, k := range e.Ledger.Keys {
		for _, id := range k.Acked {
			of++
			if !stored[id] && !e.Deleted[id] {
				lost++
			}
		}
	}
	return lost, of, nil
}
