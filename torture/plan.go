//go:build linux

package main

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/torture/lossyfs"
)

// plan is what a run consists of.
type plan struct {
	Kills       int    // of the server, at random
	Failpoints  int    // how many failpoints crash the server; -1: every one
	PowerCuts   int    // beside those of the self-test
	SelfTest    bool   // see synchronous=NORMAL fail; on PostgreSQL, a standby that is not synchronous
	Freezes     int    // workers stopped past their lease
	WorkerKills int    // workers killed, one at a time
	Poison      bool   // a step that kills its worker
	Drains      int    // rounds in which all workers and the server are restarted gently
	DiskErrors  int    // failed fsyncs and writes, each in a life of its own
	FullDisk    bool   // no space left
	Workers     int    // processes
	Together    bool   // everything on one set of data, which is read once: quick, and only for what needs no disk of its own
	Coverage    bool   // every edge and event must have been seen
	Seed        uint64 // of everything that is drawn

	// What follows needs PostgreSQL.
	Nodes       int  // servers; 0: one on SQLite
	Durable     bool // the database writes through to the disk
	NodeFreezes int  // servers stopped until the others believe them dead
	Rollings    int  // rolling restarts
	Clocks      int  // steps of a server's clock
	Postmaster  int  // kills of the database
	Terminates  int  // rounds in which the database ends connections
	Failovers   int  // losses of the primary for good
	Weathers    int  // rounds of each kind of bad weather
	Cuts        int  // rounds of connections cut at chosen messages
}

// forms are the three forms of a run, for each store.
var forms = map[string]map[string]plan{
	"sqlite":   {"short": shortPlan, "wide": widePlan, "long": longPlan},
	"postgres": {"short": clusterShort, "wide": clusterWide, "long": clusterLong},
}

// The forms on PostgreSQL.
var (
	clusterShort = plan{Nodes: 3, Kills: 2, Postmaster: 1, Cuts: 1, Failovers: 1, Workers: 3}
	clusterWide  = plan{
		Nodes: 3, Kills: 4, Failpoints: 4, NodeFreezes: 1, Clocks: 1, Postmaster: 2, Terminates: 1, Failovers: 1, Weathers: 1, Cuts: 2, Rollings: 1,
		WorkerKills: 1, Freezes: 1, SelfTest: true, Workers: 3,
	}
	clusterLong = plan{
		Nodes: 3, Durable: true, Kills: 40, Failpoints: -1, NodeFreezes: 8, Clocks: 8, Postmaster: 15, Terminates: 5, Failovers: 10, Weathers: 6, Cuts: 15,
		Rollings: 4, WorkerKills: 6, Freezes: 4, Poison: true, SelfTest: true, Workers: 4, Coverage: true,
	}
)

// The forms on SQLite.
var (
	shortPlan = plan{Kills: 9, Failpoints: 3, Freezes: 1, Workers: 3, Together: true}
	widePlan  = plan{
		Kills: 15, Failpoints: -1, PowerCuts: 3, SelfTest: true, Freezes: 2, WorkerKills: 4, Poison: true, Drains: 2,
		DiskErrors: 3, FullDisk: true, Workers: 3, Coverage: true,
	}
	longPlan = plan{
		Kills: 60, Failpoints: -1, PowerCuts: 50, SelfTest: true, Freezes: 6, WorkerKills: 12, Poison: true, Drains: 5,
		DiskErrors: 9, FullDisk: true, Workers: 4, Coverage: true,
	}
)

func shuffle[T any](seed uint64, list []T) {
	r := rand.New(rand.NewPCG(seed, 99))
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// chapter is a campaign with its rounds.
type chapter struct {
	campaign *campaign
	nemeses  []nemesis
}

// perCampaign is how many rounds of one sort a campaign takes: its data must be read whole at its end.
const perCampaign = 12

// chapters turns the plan into campaigns.
func (p plan) chapters() []chapter {
	var list []chapter
	add := func(c *campaign, n []nemesis) {
		c.seed = p.Seed + uint64(len(list))
		if c.workers == 0 {
			c.workers = p.Workers
		}
		c.nodes, c.durable = p.Nodes, p.Durable
		c.duelled = c.duelled || p.Nodes > 0
		list = append(list, chapter{c, n})
	}
	repeat := func(n int, make func(i int) nemesis) []nemesis {
		var out []nemesis
		for i := range n {
			out = append(out, make(i))
		}
		return out
	}

	points := crashes(p.Seed)
	if p.Together {
		// The janitor comes by every ten seconds only, and callbacks would hold up the end.
		points = slices.DeleteFunc(points, func(n nemesis) bool {
			return n.name == failpoint.JanitorDeleted || n.name == failpoint.MessageSent
		})
	}
	if p.Failpoints >= 0 {
		points = points[:min(p.Failpoints, len(points))]
	}
	if p.Nodes > 0 {
		all := append(points, repeat(p.Kills, func(int) nemesis { return kill() })...)
		all = append(all, repeat(p.NodeFreezes, func(int) nemesis { return nodeFreeze() })...)
		all = append(all, repeat(p.Clocks, func(int) nemesis { return clockStep() })...)
		all = append(all, repeat(p.Postmaster, func(int) nemesis { return postmasterKill() })...)
		all = append(all, repeat(p.Terminates, func(int) nemesis { return terminate() })...)
		all = append(all, repeat(p.Failovers, func(int) nemesis { return failover() })...)
		all = append(all, repeat(p.Cuts, func(int) nemesis { return cuts() })...)
		for range p.Weathers {
			all = append(all, weathers()...)
		}
		shuffle(p.Seed, all)
		for part := range slices.Chunk(all, 2*perCampaign) {
			add(&campaign{name: "cluster", called: true}, part)
		}
		workers := repeat(p.WorkerKills, func(int) nemesis { return workerKill() })
		workers = append(workers, repeat(p.Freezes, func(int) nemesis { return freeze() })...)
		if p.Freezes > 0 {
			workers = append(workers, fence())
		}
		if p.Poison {
			workers = append(workers, poison())
		}
		if len(workers) > 0 {
			add(&campaign{name: "workers"}, workers)
		}
		if p.Rollings > 0 {
			add(&campaign{name: "rolling", calm: true}, repeat(p.Rollings, func(int) nemesis { return rolling() }))
		}
		if p.SelfTest {
			add(&campaign{name: "async", proof: true}, []nemesis{asyncProof()})
		}
		return list
	}
	if p.Together {
		// Everything on one set of data, to be read once.
		all := append(points, repeat(p.Kills, func(int) nemesis { return kill() })...)
		all = append(all, repeat(p.WorkerKills, func(int) nemesis { return workerKill() })...)
		all = append(all, repeat(p.Freezes, func(int) nemesis { return freeze() })...)
		all = append(all, fence())
		shuffle(p.Seed, all)
		add(&campaign{name: "short", duelled: true}, all)
		return list
	}
	for left := p.Kills; left > 0; left -= perCampaign {
		add(&campaign{name: "kills", duelled: true, called: left == p.Kills}, repeat(min(left, perCampaign), func(int) nemesis { return kill() }))
	}
	if len(points) > 0 {
		add(&campaign{name: "points", called: true}, points)
	}
	workers := repeat(p.WorkerKills, func(int) nemesis { return workerKill() })
	workers = append(workers, repeat(p.Freezes, func(int) nemesis { return freeze() })...)
	if p.Freezes > 0 {
		workers = append(workers, fence())
	}
	shuffle(p.Seed, workers)
	if p.Poison {
		workers = append(workers, poison())
	}
	if len(workers) > 0 {
		add(&campaign{name: "workers"}, workers)
	}
	if p.Drains > 0 {
		add(&campaign{name: "drains", calm: true}, repeat(p.Drains, func(int) nemesis { return drain() }))
	}
	for left := p.PowerCuts; left > 0; left -= perCampaign {
		first := p.PowerCuts - left
		// With more load the log is long enough for checkpoints to be cut in the middle.
		add(&campaign{name: "power", lossy: true, pace: 20 * time.Millisecond}, repeat(min(left, perCampaign), func(i int) nemesis {
			// A fate stays for two cuts in long runs: changing it costs a restart.
			at := first + i
			if p.PowerCuts > 6 {
				at /= 2
			}
			return powerCut(lossyfs.Unsynced(at % 3))
		}))
	}
	if p.SelfTest {
		add(&campaign{name: "normal", lossy: true, proof: true, env: []string{"SOJOURN_UNSAFE_SYNCHRONOUS=NORMAL"}}, []nemesis{lossProof()})
	}
	if p.DiskErrors > 0 {
		add(&campaign{name: "errors"}, repeat(p.DiskErrors, func(i int) nemesis { return failing(failures[i%len(failures)]) }))
	}
	if p.FullDisk {
		add(&campaign{name: "full", little: true}, []nemesis{fullDisk()})
	}
	return list
}
