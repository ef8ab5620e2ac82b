//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/torture/check"
	"github.com/sojournhq/sojourn/torture/journal"
)

// leastAcks is how many starts must be acknowledged between two faults; a quieter round proves nothing.
const leastAcks = 100

// patience is how long everything may take to end once all is healed.
const patience = 60 * time.Second

// campaign is one data directory with its server, workers and clients, and the rounds they suffer.
type campaign struct {
	name    string
	seed    uint64
	dir     string
	bins    binaries
	workers int
	pace    time.Duration
	limit   time.Duration // how much longer than it should a nemesis may take to strike
	out     io.Writer     // a line per round

	nodes   int  // servers on one PostgreSQL; 0: one on SQLite
	durable bool // PostgreSQL writes through to the disk
	duelled bool // executions are fought over

	rand     *rand.Rand
	servers  []*server
	srv      *server // the one whose turn it is in this round
	door     door
	balancer *balancer
	db       *database
	duels    *duels
	receiver *receiver
	fleet    *fleet
	load     *load
	disk     *powerDisk // when the power is cut
	ctx      context.Context
	small    *smallDisk
	env      []string // of every life of the server
	lossy    bool     // the power is cut
	little   bool     // the disk is small
	calm     bool     // nothing kills workers
	called   bool     // some starts ask for callbacks; those that a kill interrupts come half a minute later
	proof    bool     // what is acknowledged gets lost, as it should: nothing is judged

	try    int // of the round, from 0
	losses []check.Loss
	rounds []round
	hits   map[string]bool // failpoints at which a server ended
	stats  stats
}

// stats are what the whole run adds up.
type stats struct {
	Kills       int `json:"kills"`        // of the server, at random
	Crashes     int `json:"crashes"`      // of the server, at failpoints
	WorkerKills int `json:"worker_kills"` // with those by poison
	Freezes     int `json:"freezes"`      // of workers past their lease
	Fenced      int `json:"fenced"`       // reports with a stale lease, all refused
	Drains      int `json:"drains"`       // of servers and workers
	PowerCuts   int `json:"power_cuts"`
	DiskErrors  int `json:"disk_errors"`

	NodeFreezes int `json:"node_freezes,omitempty"`     // of servers that share a database
	Rollings    int `json:"rolling_restarts,omitempty"` // of all servers, one by one
	Postmaster  int `json:"postmaster_kills,omitempty"`
	Terminated  int `json:"terminated,omitempty"` // connections that the database ended
	Failovers   int `json:"failovers,omitempty"`
	Weathers    int `json:"weathers,omitempty"` // bad weather between a server and the database
	Cuts        int `json:"cuts,omitempty"`     // of connections at a chosen message
	Clocks      int `json:"clock_steps,omitempty"`
	Duels       int `json:"duels,omitempty"` // executions that were fought over
}

func (s *stats) add(t stats) {
	s.Kills += t.Kills
	s.Crashes += t.Crashes
	s.WorkerKills += t.WorkerKills
	s.Freezes += t.Freezes
	s.Fenced += t.Fenced
	s.Drains += t.Drains
	s.PowerCuts += t.PowerCuts
	s.DiskErrors += t.DiskErrors
	s.NodeFreezes += t.NodeFreezes
	s.Rollings += t.Rollings
	s.Postmaster += t.Postmaster
	s.Terminated += t.Terminated
	s.Failovers += t.Failovers
	s.Weathers += t.Weathers
	s.Cuts += t.Cuts
	s.Clocks += t.Clocks
	s.Duels += t.Duels
}

// round is one nemesis and what came of it.
type round struct {
	name   string
	detail string
	err    error // a broken promise, or the reason why the round is invalid
	took   time.Duration
}

func (r *round) invalid() bool {
	_, ok := errors.AsType[*invalidError](r.err)
	return ok
}

// mostTries is how often a round is played until it proves something: on a busy machine a nemesis can miss.
const mostTries = 3

// invalidError is a round that proves nothing.
type invalidError struct{ reason string }

func (e *invalidError) Error() string { return "invalid: " + e.reason }

func invalidf(format string, args ...any) error { return &invalidError{fmt.Sprintf(format, args...)} }

// nemesis is what a round does. It returns what to print.
type nemesis struct {
	name string
	do   func(c *campaign) (string, error)
}

// run plays the rounds and judges. An error is of the rig, not of the server.
func (c *campaign) run(ctx context.Context, nemeses []nemesis) (v *check.Verdict, err error) {
	c.ctx = ctx
	c.rand = rand.New(rand.NewPCG(c.seed, 0))
	c.hits = map[string]bool{}
	if c.limit == 0 {
		c.limit = 30 * time.Second
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.open(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	for _, n := range nemeses {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for c.try = 0; ; c.try++ {
			c.srv = c.servers[c.rand.IntN(len(c.servers))]
			began := time.Now()
			detail, err := n.do(c)
			r := round{n.name, detail, err, time.Since(began)}
			again := c.try < mostTries-1 && r.invalid() && ctx.Err() == nil
			c.report(r, again)
			c.fleetMinimum()
			// Whatever went wrong, the next round begins with all servers.
			if err := c.revive(); err != nil {
				c.report(round{name: n.name + ": restart", err: err}, false)
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if !again {
				break
			}
		}
	}
	if c.proof {
		return &check.Verdict{}, nil
	}
	began := time.Now()
	v, err = c.judge()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	c.report(round{"check", describe(v), broken(v), time.Since(began)}, false)
	return v, nil
}

// report prints a round and counts it, unless it is played again.
func (c *campaign) report(r round, again bool) {
	result := "passed"
	switch {
	case again:
		result = r.err.Error() + "; once more"
	case r.err != nil:
		result = "FAILED: " + r.err.Error()
	}
	if !again {
		c.rounds = append(c.rounds, r)
	}
	fmt.Fprintf(c.out, "%-8s %-22s %5.1f s  %s: %s\n", c.name, r.name, r.took.Seconds(), r.detail, result)
}

func describe(v *check.Verdict) string {
	return fmt.Sprintf("%d acknowledged, %d unknown, %d stored, %d steps, %d leases lost, %d claims returned, %d files, %d callbacks, %d operations in %d histories",
		v.Acked, v.Unknown, v.Stored, v.Steps, v.Lost, v.Returned, v.Files, v.Messages, v.Operations, v.Histories[check.StartOnce]+v.Histories[check.Register]+v.Histories[check.Leases])
}

// broken is an error that tells the first few violations.
func broken(v *check.Verdict) error {
	if len(v.Violations) == 0 {
		return nil
	}
	const most = 8
	text := make([]string, 0, most+1)
	for i, x := range v.Violations {
		if i == most {
			text = append(text, fmt.Sprintf("and %d more", len(v.Violations)-most))
			break
		}
		text = append(text, x.String())
	}
	return errors.New(strings.Join(text, "; "))
}

// open starts server, workers and clients.
func (c *campaign) open() (err error) {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	data := filepath.Join(c.dir, "data")
	if c.lossy {
		if c.disk, err = newPowerDisk(c.dir, c.seed); err != nil {
			return err
		}
		data = filepath.Join(c.disk.path(), "data")
	}
	if c.little {
		if c.small, err = newSmallDisk(filepath.Join(c.dir, "small"), "16m"); err == nil {
			data = filepath.Join(c.small.dir, "data")
		} else if !errors.Is(err, unix.EPERM) {
			return err
		}
	}
	if c.receiver, err = newReceiver(c.ctx); err != nil {
		return err
	}
	if err := c.openServers(data); err != nil {
		return err
	}
	c.fleet = &fleet{bin: c.bins.worker, dir: c.dir, door: c.door}
	for range c.workers {
		if _, err := c.fleet.add(); err != nil {
			return err
		}
	}
	callback := ""
	if c.called {
		callback = c.receiver.url
	}
	if c.load, err = newLoad(c.door, filepath.Join(c.dir, "clients.journal"), fmt.Sprintf("%s-%x", c.name, c.seed), callback, c.pace); err != nil {
		return err
	}
	if err := c.load.prepare(c.ctx); err != nil {
		return err
	}
	c.load.run(c.ctx, c.seed)
	if c.duelled {
		c.duels = c.fight()
	}
	return nil
}

// openServers starts the one server on its data, or several on one PostgreSQL behind a balancer.
func (c *campaign) openServers(data string) (err error) {
	if c.nodes > 0 {
		if c.db, err = newDatabase(c.ctx, c.nodes, c.durable); err != nil {
			return err
		}
	}
	var addresses []string
	for i := range max(c.nodes, 1) {
		s, err := newServer(c.ctx, c.bins.server, c.dir, data)
		if err != nil {
			return err
		}
		if c.nodes > 0 {
			s.name = fmt.Sprintf("node%d", i)
			s.data, s.database = filepath.Join(c.dir, s.name), c.db.address(i)
		}
		c.servers = append(c.servers, s)
		addresses = append(addresses, "127.0.0.1:"+s.port)
		if err := s.start(c.ctx, nil, c.env...); err != nil {
			return err
		}
	}
	c.srv = c.servers[0]
	c.door = door{c.srv.url, c.srv.key}
	if c.nodes > 0 {
		if c.balancer, err = newBalancer(c.ctx, addresses); err != nil {
			return err
		}
		c.door.url = c.balancer.url()
	}
	return nil
}

// revive starts the servers that do not run.
func (c *campaign) revive() error {
	for _, s := range c.servers {
		if !s.running() {
			if err := s.start(c.ctx, nil, c.env...); err != nil {
				return err
			}
		}
	}
	return nil
}

// up reports whether all servers run.
func (c *campaign) up() bool {
	for _, s := range c.servers {
		if !s.running() {
			return false
		}
	}
	return true
}

// close ends all processes and mounts.
func (c *campaign) close() error {
	var errs []error
	if c.duels != nil {
		c.duels.close()
	}
	if c.load != nil {
		errs = append(errs, c.load.close())
	}
	if c.fleet != nil {
		errs = append(errs, c.fleet.close())
	}
	for _, s := range c.servers {
		errs = append(errs, s.kill())
	}
	if c.balancer != nil {
		errs = append(errs, c.balancer.close())
	}
	if c.db != nil {
		errs = append(errs, c.db.close())
	}
	if c.receiver != nil {
		errs = append(errs, c.receiver.close())
	}
	if c.disk != nil {
		errs = append(errs, c.disk.close())
	}
	if c.small != nil {
		errs = append(errs, c.small.close())
	}
	return errors.Join(errs...)
}

// work lets the clients work for the given time and until enough was acknowledged, and returns how much that was. It
// ends early when a server ends.
func (c *campaign) work(least time.Duration) (acks int64, err error) {
	c.load.acks.Store(0)
	began := time.Now()
	for {
		acks = c.load.acks.Load()
		since := time.Since(began)
		switch {
		case !c.up():
			return acks, nil
		case since >= least && acks >= leastAcks:
			return acks, nil
		case since > least+c.limit:
			return acks, invalidf("only %d starts were acknowledged in %s, of at least %d", acks, since.Round(time.Second), leastAcks)
		}
		select {
		case <-c.ctx.Done():
			return acks, c.ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// restart starts the next life and tells how long that took.
func (c *campaign) restart(env ...string) (string, error) {
	began := time.Now()
	err := c.srv.start(c.ctx, nil, append(append([]string{}, c.env...), env...)...)
	return fmt.Sprintf("ready after %d ms", time.Since(began).Milliseconds()), err
}

// judge heals, waits for the end of everything, and compares what is known with what is stored.
func (c *campaign) judge() (*check.Verdict, error) {
	if c.db != nil {
		c.db.fair()
		if _, err := c.healed(boot); err != nil {
			return nil, err
		}
	}
	if c.duels != nil {
		c.duels.rest()
	}
	if err := c.load.rest(); err != nil {
		return nil, err
	}
	for len(c.fleet.list()) < max(c.workers, 1) {
		if _, err := c.fleet.add(); err != nil {
			return nil, err
		}
	}
	settled := c.load.settle(c.ctx)
	ended := poll(c.ctx, patience, "every execution to end", func() (bool, error) {
		n, err := c.load.client.Executions.Counts(c.ctx, sojourn.CountParams{})
		if err != nil {
			return false, err
		}
		open := int64(0)
		for status, count := range n.Counts {
			if !status.Terminal() {
				open += count
			}
		}
		return open == 0, nil
	})
	if c.duels != nil {
		c.duels.close()
		c.stats.Duels += c.duels.fought
	}
	evidence, err := c.evidence()
	if err != nil {
		return nil, err
	}
	v := check.Judge(evidence)
	if settled != nil {
		v.Violations = append(v.Violations, check.Violation{Rule: check.Unfinished, Subject: settled.Error()})
	}
	if ended != nil {
		v.Violations = append(v.Violations, check.Violation{Rule: check.Unfinished, Subject: ended.Error()})
	}
	if late := c.load.late.Load(); late > 0 {
		v.Violations = append(v.Violations, check.Violation{Rule: "acked_after_failure", Subject: fmt.Sprintf("%d starts that were sent after the disk had failed", late)})
	}
	if c.calm {
		// The drain at the end is part of the promise.
		for _, w := range c.fleet.list() {
			if err := c.fleet.stop(w); err != nil {
				v.Violations = append(v.Violations, check.Violation{Rule: "drain", Subject: err.Error()})
			}
		}
	}
	for _, s := range c.servers {
		if err := s.stop(); err != nil {
			v.Violations = append(v.Violations, check.Violation{Rule: "drain", Subject: err.Error()})
		}
	}
	if c.db != nil {
		c.srv.database = c.db.primary.DSN(databaseName)
	}
	if err := c.srv.audit(c.ctx); err != nil {
		v.Violations = append(v.Violations, check.Violation{Rule: "audit", Subject: err.Error()})
	}
	return v, nil
}

// evidence reads the journals and everything that is stored.
func (c *campaign) evidence() (*check.Evidence, error) {
	entries, err := journal.Read(filepath.Join(c.dir, "clients.journal"))
	if err != nil {
		return nil, err
	}
	ledger, err := check.ReadLedger(entries)
	if err != nil {
		return nil, err
	}
	work, err := c.fleet.work()
	if err != nil {
		return nil, err
	}
	e := &check.Evidence{
		Ledger: ledger, Work: work, Deleted: map[string]bool{}, Brief: map[string]bool{"brief": true},
		Losses: c.losses, Silent: duelWorkflows(), Calm: c.calm, Operations: c.load.operations.list(),
	}
	if c.duelled {
		if err := c.load.operations.save(filepath.Join(c.dir, "operations.json")); err != nil {
			return nil, err
		}
	}
	var ids []string
	listed := map[string]bool{}
	for x, err := range c.load.client.Executions.All(c.ctx, sojourn.ListParams{Limit: 100}) {
		if err != nil {
			return nil, fmt.Errorf("list what is stored: %w", err)
		}
		ids = append(ids, x.ID)
		listed[x.ID] = true
	}
	inList := len(ids)
	// What was acknowledged and is not in the list is asked for by its id.
	for _, k := range ledger.Keys {
		for _, id := range k.Acked {
			if !listed[id] {
				ids = append(ids, id)
				listed[id] = true
			}
		}
	}
	var mu sync.Mutex
	var errs []error
	var missing []string
	var wg sync.WaitGroup
	for part := range clients {
		wg.Go(func() {
			for i := part; i < len(ids); i += clients {
				x, err := c.load.client.Executions.Get(c.ctx, ids[i], sojourn.IncludeSteps(), sojourn.IncludeEvents())
				mu.Lock()
				switch {
				case err == nil:
					e.Stored = append(e.Stored, x)
					if i >= inList {
						e.Unlisted = append(e.Unlisted, x.ID)
					}
				case errors.Is(err, sojourn.ErrDeleted):
					e.Deleted[ids[i]] = true
				case errors.Is(err, sojourn.ErrNotFound):
					missing = append(missing, ids[i])
				default:
					errs = append(errs, err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if err := errors.Join(append(errs, c.retired(e, missing))...); err != nil {
		return nil, err
	}
	if e.Files, err = c.load.facts(c.ctx, e.Stored); err != nil {
		return nil, err
	}
	// A message that was under way when its server was killed is sent again when its lease is over, one that was refused
	// after five seconds. What never comes is told by the check.
	ended := c.load.expected(e.Stored)
	_ = poll(c.ctx, patience, "callbacks", func() (bool, error) { return c.receiver.told(ended), nil })
	e.Called = c.load.called
	e.Messages, err = c.receiver.list()
	return e, err
}

// retired finds those of the missing executions that the server removed by their retention: their keys outlive them.
func (c *campaign) retired(e *check.Evidence, missing []string) error {
	for key, k := range e.Ledger.Keys {
		if !e.Brief[k.Workflow] || len(k.Acked) == 0 || !slices.Contains(missing, k.Acked[0]) {
			continue
		}
		x, err := c.load.client.Executions.Start(c.ctx, sojourn.StartParams{
			Workflow: k.Workflow, Input: map[string]any{"key": key}, IdempotencyKey: key,
		})
		if refused, ok := errors.AsType[*sojourn.Error](err); ok && refused.Status < 500 {
			continue // the server does not even know the workflow: nothing speaks for a removal
		}
		if err != nil {
			return err
		}
		if x.Replayed && x.Deleted {
			e.Deleted[x.ID] = true
		}
	}
	return nil
}
