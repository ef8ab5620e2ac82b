//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// postmasterKill kills the database's first process; its others end with it. It is started again on the same data.
func postmasterKill() nemesis {
	return nemesis{"postmaster kill", func(c *campaign) (string, error) {
		acks, err := c.work(between(c.rand, 300*time.Millisecond, 2*time.Second))
		detail := fmt.Sprintf("%d acks", acks)
		if err != nil {
			return detail, err
		}
		began := time.Now()
		if err := c.db.primary.Kill(); err != nil {
			return detail, err
		}
		c.stats.Postmaster++
		if err := c.db.primary.Restart(c.ctx); err != nil {
			return detail, err
		}
		detail += fmt.Sprintf(", database back after %d ms", time.Since(began).Milliseconds())
		again, err := c.healed(boot)
		return detail + ", " + again, err
	}}
}

// terminate lets the database end the servers' connections, one by one, in the middle of what they do.
func terminate() nemesis {
	return nemesis{"terminate", func(c *campaign) (string, error) {
		conn, err := pgx.Connect(c.ctx, c.db.primary.DSN("postgres"))
		if err != nil {
			return "", err
		}
		defer func() { _ = conn.Close(c.ctx) }()
		n := 0
		acks, err := c.work(200 * time.Millisecond)
		for range 30 {
			if err != nil {
				return fmt.Sprintf("%d acks", acks), err
			}
			tag, err := conn.Exec(c.ctx, `SELECT pg_terminate_backend(pid) FROM (
					SELECT pid FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()
					ORDER BY (state = 'active') DESC, random() LIMIT 1
				) AS one`, databaseName)
			if err != nil {
				return "", err
			}
			n += int(tag.RowsAffected())
			select {
			case <-c.ctx.Done():
				return "", c.ctx.Err()
			case <-time.After(between(c.rand, 10*time.Millisecond, 80*time.Millisecond)):
			}
		}
		c.stats.Terminated += n
		detail := fmt.Sprintf("%d connections", n)
		if n < 10 {
			return detail, invalidf("only %d connections were there to end", n)
		}
		again, err := c.healed(boot)
		return detail + ", " + again, err
	}}
}

// failover kills the primary for good; the synchronous standby takes over, with all that was acknowledged.
func failover() nemesis {
	return nemesis{"failover", func(c *campaign) (string, error) {
		acks, err := c.work(between(c.rand, 500*time.Millisecond, 2*time.Second))
		detail := fmt.Sprintf("%d acks", acks)
		if err != nil {
			return detail, err
		}
		began := time.Now()
		writable, err := c.db.failover(c.ctx)
		if err != nil {
			return detail, err
		}
		c.load.acks.Store(0)
		err = poll(c.ctx, boot, "an acknowledgement by the new primary", func() (bool, error) { return c.load.acks.Load() > 0, nil })
		detail += fmt.Sprintf(", promoted after %d ms, first ack %d ms later", writable.Sub(began).Milliseconds(), time.Since(writable).Milliseconds())
		if err != nil {
			return detail, err
		}
		c.stats.Failovers++
		again, err := c.healed(boot)
		if err == nil {
			err = c.db.follow(c.ctx)
		}
		return detail + ", " + again, err
	}}
}

// asyncProof is the proof that a failover can lose what was acknowledged, and that the check sees it: the standby is
// allowed to lag behind, and does.
func asyncProof() nemesis {
	return nemesis{"self-test", func(c *campaign) (string, error) {
		err := c.db.primary.Exec(c.ctx, "postgres", "ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")
		if err != nil {
			return "", err
		}
		if err := c.db.standby.Detach(c.ctx); err != nil {
			return "", err
		}
		acks, err := c.work(500 * time.Millisecond)
		if err != nil {
			return "", err
		}
		if _, err := c.db.failover(c.ctx); err != nil {
			return "", err
		}
		c.stats.Failovers++
		if _, err := c.healed(boot); err != nil {
			return "", err
		}
		lost, of, err := c.missing()
		detail := fmt.Sprintf("%d of %d acknowledged starts are gone, as they should", lost, of)
		if err == nil && lost == 0 {
			err = fmt.Errorf("a standby that was %d acknowledgements behind lost nothing: the test cannot see what it is for", acks)
		}
		return detail, err
	}}
}
