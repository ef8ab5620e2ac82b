//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/torture/proxy"
)

// number is the index of the server whose turn it is.
func (c *campaign) number() int { return slices.Index(c.servers, c.srv) }

// keepAlive is how long a half-open connection lives on: what the server's kernel takes to find that nobody answers, which
// the proxy's own kernel cannot play, because it does answer.
const keepAlive = 11 * time.Second

// weather lets one server's network to the database be bad for a while; the others go on.
func weather(name string, shortest, longest time.Duration, set func(p *proxy.Proxy)) nemesis {
	return nemesis{name, func(c *campaign) (string, error) {
		if _, err := c.work(200 * time.Millisecond); err != nil {
			return "", err
		}
		p := c.db.road(c.number())
		before := p.Passed() + p.Dialled()
		set(p)
		lasting := between(c.rand, shortest, longest)
		acks, err := c.work(lasting)
		c.db.fair()
		detail := fmt.Sprintf("%d acks in %s of it", acks, lasting.Round(time.Millisecond))
		if err != nil {
			return detail, err
		}
		if p.Passed()+p.Dialled() == before {
			return detail, invalidf("the server did not use its connections")
		}
		c.stats.Weathers++
		found := make(chan int, 1)
		probe := time.AfterFunc(keepAlive, func() { found <- p.Sweep() })
		again, err := c.healed(boot)
		stayed := 0
		if probe.Stop() {
			stayed = p.Sweep() // nothing waited for them
		} else {
			stayed = <-found
		}
		return fmt.Sprintf("%s, %s, %d connections stayed half-open", detail, again, stayed), err
	}}
}

// weathers are all kinds of bad weather.
func weathers() []nemesis {
	return []nemesis{
		weather("reset", 500*time.Millisecond, time.Second, func(p *proxy.Proxy) { p.Reset() }),
		weather("refuse", time.Second, 3*time.Second, func(p *proxy.Proxy) {
			p.Set(proxy.Refused)
			p.Reset()
		}),
		weather("half-open", 2*time.Second, 6*time.Second, func(p *proxy.Proxy) { p.Set(proxy.Silent) }),
		weather("one way", 2*time.Second, 6*time.Second, func(p *proxy.Proxy) { p.Set(proxy.Deaf) }),
		weather("delay", 2*time.Second, 4*time.Second, func(p *proxy.Proxy) { p.Delay(30 * time.Millisecond) }),
	}
}

// cuts cuts connections of one server at chosen messages, most often where a commit's outcome becomes unknown.
func cuts() nemesis {
	return nemesis{"cuts", func(c *campaign) (string, error) {
		acks, err := c.work(200 * time.Millisecond)
		if err != nil {
			return fmt.Sprintf("%d acks", acks), err
		}
		p := c.db.road(c.number())
		unknown := c.load.unknown.Load()
		places := []proxy.Place{
			proxy.AfterCommit, proxy.BeforeCommit, proxy.AfterCommit, proxy.MidAnswer, proxy.AfterCommit, proxy.MidRequest,
			proxy.AfterCommit, proxy.BeforeCommit, proxy.AfterCommit, proxy.AfterCommit,
		}
		n := 0
		for _, place := range places {
			most := 12
			if place == proxy.MidAnswer || place == proxy.MidRequest {
				most = 400
			}
			select {
			case <-p.Cut(place, 1+c.rand.IntN(most)):
				n++
			case <-time.After(5 * time.Second):
			case <-c.ctx.Done():
				return "", c.ctx.Err()
			}
		}
		c.stats.Cuts += n
		detail := fmt.Sprintf("%d of %d cuts, %d starts with unknown outcome", n, len(places), c.load.unknown.Load()-unknown)
		if n < len(places)-2 {
			return detail, invalidf("only %d of %d cuts struck", n, len(places))
		}
		again, err := c.healed(boot)
		return detail + ", " + again, err
	}}
}
