//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/torture/check"
)

// nodeFreeze stops a server for longer than the others believe that it lives, and lets it go on: it must find out that
// its sessions moved.
func nodeFreeze() nemesis {
	return nemesis{"node freeze", func(c *campaign) (string, error) {
		if _, err := c.work(300 * time.Millisecond); err != nil {
			return "", err
		}
		if err := syscall.Kill(c.srv.pid(), syscall.SIGSTOP); err != nil {
			return "", err
		}
		frozen := between(c.rand, 3*time.Second, 7*time.Second)
		acks, err := c.work(frozen)
		if cont := syscall.Kill(c.srv.pid(), syscall.SIGCONT); cont != nil {
			return "", errors.Join(err, cont)
		}
		detail := fmt.Sprintf("%d acks in %s without it", acks, frozen.Round(time.Millisecond))
		if err != nil {
			return detail, err
		}
		c.stats.NodeFreezes++
		again, err := c.healed(boot)
		return detail + ", " + again, err
	}}
}

// rolling restarts all servers gently, one by one. A client that tries each request twice must not see an error.
func rolling() nemesis {
	return nemesis{"rolling restart", func(c *campaign) (string, error) {
		acks, err := c.work(300 * time.Millisecond)
		if err != nil {
			return fmt.Sprintf("%d acks", acks), err
		}
		began := time.Now()
		careful, err := sojourn.NewClient(sojourn.Config{BaseURL: c.door.url, APIKey: c.door.key, MaxRetries: 1, Timeout: 5 * time.Second})
		if err != nil {
			return "", err
		}
		defer careful.CloseIdleConnections()
		ctx, stop := context.WithCancel(c.ctx)
		var wg sync.WaitGroup
		var mu sync.Mutex
		var seen []error
		served := 0
		for range 4 {
			wg.Go(func() {
				for ctx.Err() == nil {
					s := c.load.make(kind{workflow: "noop"}, nil)
					c.load.note(check.Intent, s.key, s.params.Workflow)
					x, err := careful.Executions.Start(context.WithoutCancel(ctx), s.params)
					mu.Lock()
					if err == nil {
						served++
						c.load.note(check.Acked, s.key, x.ID)
					} else {
						seen = append(seen, err)
						c.load.note(check.Unknown, s.key, cause(err))
					}
					mu.Unlock()
					select {
					case <-ctx.Done():
					case <-time.After(10 * time.Millisecond):
					}
				}
			})
		}
		for _, s := range c.servers {
			if err = s.stop(); err == nil {
				err = s.start(c.ctx, nil, c.env...)
			}
			if err == nil {
				_, err = c.work(500 * time.Millisecond)
			}
			if err != nil {
				break
			}
		}
		stop()
		wg.Wait()
		detail := fmt.Sprintf("%d servers in %.1f s, %d starts beside it", len(c.servers), time.Since(began).Seconds(), served)
		switch {
		case err != nil:
			return detail, err
		case len(seen) > 0:
			return detail, fmt.Errorf("a client with one retry saw %d errors, the first: %w", len(seen), seen[0])
		case served < leastAcks:
			return detail, invalidf("only %d starts of the careful client were acknowledged", served)
		}
		c.stats.Rollings++
		again, err := c.healed(boot)
		return detail + ", " + again, err
	}}
}
