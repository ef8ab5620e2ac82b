//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/torture/proxy"
)

// database is PostgreSQL with a synchronous standby, seen by each server through proxies of its own.
type database struct {
	primary, standby *pgtest.Server
	// roads are the proxies of each server, to either machine. Which of them leads to the primary changes.
	roads [][2]*proxy.Proxy
	main  int // index of the proxies that lead to the primary
}

// databaseName is the name of the one database.
const databaseName = "torture"

func newDatabase(ctx context.Context, servers int, durable bool) (*database, error) {
	d := &database{}
	var err error
	d.primary, err = pgtest.Run(ctx, pgtest.Options{Durable: durable, Settings: map[string]string{
		// A standby that was cut off comes back at once.
		"wal_retrieve_retry_interval": "'200ms'",
	}})
	if err == nil {
		err = d.primary.Exec(ctx, "postgres", "CREATE DATABASE "+databaseName)
	}
	if err == nil {
		d.standby, err = d.primary.Standby(ctx)
	}
	for range servers {
		if err != nil {
			break
		}
		var road [2]*proxy.Proxy
		for i, s := range []*pgtest.Server{d.primary, d.standby} {
			if road[i], err = proxy.Listen(ctx, s.Addr); err != nil {
				break
			}
		}
		d.roads = append(d.roads, road)
	}
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// address is the address of the database for the i-th server: both machines, and whichever of them writes.
func (d *database) address(i int) string {
	u, _ := url.Parse(d.primary.DSN(databaseName))
	u.Host = d.roads[i][0].Addr() + "," + d.roads[i][1].Addr()
	q := u.Query()
	q.Set("target_session_attrs", "read-write")
	q.Set("connect_timeout", "2")
	u.RawQuery = q.Encode()
	return u.String()
}

// road is the proxy between the i-th server and the primary.
func (d *database) road(i int) *proxy.Proxy { return d.roads[i][d.main] }

// failover takes the primary away for good and makes the standby the primary. The time is when it began to write. A new
// standby follows it afterwards.
func (d *database) failover(ctx context.Context) (writable time.Time, err error) {
	if err := d.primary.Kill(); err != nil {
		return time.Time{}, err
	}
	return d.promote(ctx)
}

// promote makes the standby of a dead primary the primary.
func (d *database) promote(ctx context.Context) (writable time.Time, err error) {
	if err := d.standby.Promote(ctx); err != nil {
		return time.Time{}, err
	}
	writable = time.Now()
	if err := d.primary.Close(); err != nil {
		return writable, err
	}
	d.primary, d.standby = d.standby, nil
	d.main = 1 - d.main
	return writable, nil
}

// follow gives the primary a standby again.
func (d *database) follow(ctx context.Context) error {
	s, err := d.primary.Standby(ctx)
	if err != nil {
		return err
	}
	d.standby = s
	for _, road := range d.roads {
		road[1-d.main].Retarget(s.Addr)
	}
	return nil
}

func (d *database) close() error {
	var errs []error
	for _, road := range d.roads {
		for _, p := range road {
			if p != nil {
				errs = append(errs, p.Close())
			}
		}
	}
	for _, s := range []*pgtest.Server{d.standby, d.primary} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

// fair heals the network.
func (d *database) fair() {
	for _, road := range d.roads {
		for _, p := range road {
			p.Set(proxy.Fair)
			p.Delay(0)
		}
	}
}

// answers reports whether the server says that it is ready.
func (s *server) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/readyz", nil)
	if err != nil {
		return false
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// healed waits until every server is ready again and work goes on. It tells how long the slowest server took.
func (c *campaign) healed(most time.Duration) (string, error) {
	began := time.Now()
	for i, s := range c.servers {
		err := poll(c.ctx, most, fmt.Sprintf("server %d to be ready again", i), func() (bool, error) {
			if !s.running() {
				return true, nil
			}
			return s.answers(c.ctx), nil
		})
		if err == nil && !s.running() {
			err = fmt.Errorf("server %d ended by itself with %s: %s", i, s.cmd.ProcessState, s.lastWords())
		}
		if err != nil {
			return "", fmt.Errorf("%w: %s", err, s.lastWords())
		}
	}
	ready := time.Since(began)
	acks, err := c.work(0)
	return fmt.Sprintf("all ready after %d ms, then %d acks", ready.Milliseconds(), acks), err
}
