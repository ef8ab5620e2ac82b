//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/torture/check"
	"github.com/sojournhq/sojourn/torture/lossyfs"
)

var programs binaries

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "torture-test-")
	if err == nil {
		err = readSources()
	}
	if err == nil {
		programs, err = build(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// readSources reads what the programs under test are made of, so that go test does not answer from its cache when that
// has changed.
func readSources() error {
	for _, root := range []string{"../cmd", "../internal", "../server", "../sdk", "../spec", "worker"} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".sql" {
				return err
			}
			_, err = os.ReadFile(path)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// wide skips a test that takes longer than an ordinary run allows.
func wide(t *testing.T) {
	t.Helper()
	if os.Getenv("SOJOURN_TEST_WIDE") == "" {
		t.Skip("set SOJOURN_TEST_WIDE=1")
	}
}

// lines turns writes into lines of the test's log.
type lines struct{ t *testing.T }

func (l lines) Write(p []byte) (int, error) {
	l.t.Helper()
	l.t.Log(string(bytes.TrimRight(p, "\n")))
	return len(p), nil
}

// play runs a plan with a new seed, which the log tells.
func play(t *testing.T, p plan) *verdict {
	t.Helper()
	p.Seed = rand.Uint64N(1_000_000)
	v, err := p.run(t.Context(), programs, t.TempDir(), lines{t})
	if (errors.Is(err, errMissing) || errors.Is(err, pgtest.ErrMissing)) && os.Getenv("CI") != "true" {
		t.Skipf("an error when CI=true: %v", err)
	}
	if err != nil {
		t.Error(err)
	}
	for _, r := range v.Rounds {
		t.Errorf("%s, %s: %s", r.Campaign, r.Round, r.Reason)
	}
	for _, x := range v.Violations {
		t.Errorf("%s", x)
	}
	return v
}

// TestKill is the short form of the whole: kills of the server at random and at failpoints, a worker stopped past its
// lease, and every report with a stale lease.
func TestKill(t *testing.T) {
	p := shortPlan
	v := play(t, p)
	n := v.Nemeses
	if n.Kills != p.Kills || n.Crashes != p.Failpoints || n.Freezes != p.Freezes || n.Fenced < 50 {
		t.Errorf("not every nemesis struck: %+v", n)
	}
	if v.Acked < leastAcks*(p.Kills+p.Failpoints) {
		t.Errorf("only %d starts were acknowledged", v.Acked)
	}
	if v.Told < 20 {
		t.Errorf("only %d signals and decisions were acknowledged", v.Told)
	}
	for _, model := range []string{check.StartOnce, check.Register, check.Leases} {
		if v.Histories[model] < 20 {
			t.Errorf("only %d histories of %s were checked", v.Histories[model], model)
		}
	}
}

// TestFailpoints crashes the server at every failpoint, and must see every edge and every event.
func TestFailpoints(t *testing.T) {
	wide(t)
	p := widePlan
	v := play(t, plan{Kills: p.Kills, Failpoints: -1, WorkerKills: 1, Workers: p.Workers, Coverage: true})
	if len(v.Failpoints) != len(failpoint.Names) {
		t.Errorf("crashed at %v only", v.Failpoints)
	}
}

// TestWorkers kills and stops workers, speaks with stale leases, and runs a step that kills its worker.
func TestWorkers(t *testing.T) {
	wide(t)
	p := widePlan
	v := play(t, plan{WorkerKills: p.WorkerKills, Freezes: p.Freezes, Poison: true, Workers: p.Workers})
	if n := v.Nemeses; n.WorkerKills < p.WorkerKills+5 || n.Freezes != p.Freezes || n.Fenced < 50 || v.Poisoned != 1 {
		t.Errorf("not every nemesis struck: %+v, %d poisoned", n, v.Poisoned)
	}
}

// TestDrain restarts workers and server gently: no lease may be lost and no attempt counted.
func TestDrain(t *testing.T) {
	wide(t)
	if v := play(t, plan{Drains: widePlan.Drains, Workers: widePlan.Workers}); v.Returned == 0 {
		t.Error("no claim was given back: the drains met no work")
	}
}

// TestPowerCut loses what the server did not sync. See lossyfs for what a cut is.
func TestPowerCut(t *testing.T) {
	wide(t)
	if v := play(t, plan{PowerCuts: widePlan.PowerCuts, Workers: widePlan.Workers}); v.Nemeses.PowerCuts < widePlan.PowerCuts {
		t.Errorf("only %d cuts", v.Nemeses.PowerCuts)
	}
}

// TestPowerCutSeesLoss is the proof that TestPowerCut can fail: with synchronous=NORMAL acknowledged starts are gone.
func TestPowerCutSeesLoss(t *testing.T) {
	wide(t)
	play(t, plan{SelfTest: true, Workers: 1})
}

// TestDiskError lets fsyncs and writes fail, and fills a disk.
func TestDiskError(t *testing.T) {
	wide(t)
	t.Run("calls", func(t *testing.T) {
		if v := play(t, plan{DiskErrors: widePlan.DiskErrors, Workers: 2}); v.Nemeses.DiskErrors != widePlan.DiskErrors {
			t.Errorf("%d errors", v.Nemeses.DiskErrors)
		}
	})
	t.Run("full", func(t *testing.T) {
		if v := play(t, plan{FullDisk: true, Workers: 2}); v.Nemeses.DiskErrors != 1 {
			t.Errorf("%d errors", v.Nemeses.DiskErrors)
		}
	})
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// TestCluster has three servers on PostgreSQL with a synchronous standby: kills, lost primaries, bad networks, cut
// connections, and the proof that a standby that lags behind would be seen.
func TestCluster(t *testing.T) {
	wide(t)
	p := clusterWide
	v := play(t, p)
	n := v.Nemeses
	if n.Kills != p.Kills || n.Crashes != p.Failpoints || n.NodeFreezes != p.NodeFreezes || n.Clocks != p.Clocks || n.Rollings != p.Rollings ||
		n.Postmaster != p.Postmaster || n.Failovers != p.Failovers+1 || n.Weathers != 5*p.Weathers || n.Cuts < 8*p.Cuts || n.Terminated < 10 {
		t.Errorf("not every nemesis struck: %+v", n)
	}
	for _, model := range []string{check.StartOnce, check.Register, check.Leases} {
		if v.Histories[model] < 50 {
			t.Errorf("only %d histories of %s were checked", v.Histories[model], model)
		}
	}
	if v.Undecided > v.Operations/1000 {
		t.Errorf("%d histories are undecided", v.Undecided)
	}
}

// TestClusterPlans checks what the forms on PostgreSQL promise.
func TestClusterPlans(t *testing.T) {
	for form, p := range forms["postgres"] {
		p.Seed = 7
		rounds := map[string]int{}
		for _, ch := range p.chapters() {
			if ch.campaign.nodes != p.Nodes || !ch.campaign.duelled {
				t.Errorf("%s: campaign %s has %d servers, duels: %v", form, ch.campaign.name, ch.campaign.nodes, ch.campaign.duelled)
			}
			for _, n := range ch.nemeses {
				rounds[n.name]++
			}
		}
		points := p.Failpoints
		if points < 0 {
			points = len(failpoint.Names)
		}
		for _, name := range failpoint.Names {
			points -= rounds[name]
		}
		if points != 0 {
			t.Errorf("%s: %d rounds at failpoints are missing", form, points)
		}
		for name, want := range map[string]int{
			"kill": p.Kills, "node freeze": p.NodeFreezes, "clock step": p.Clocks, "postmaster kill": p.Postmaster, "terminate": p.Terminates, "failover": p.Failovers,
			"cuts": p.Cuts, "rolling restart": p.Rollings, "reset": p.Weathers, "refuse": p.Weathers, "half-open": p.Weathers,
			"one way": p.Weathers, "delay": p.Weathers, "worker kill": p.WorkerKills, "worker freeze": p.Freezes,
			"self-test": one(p.SelfTest), "poison": one(p.Poison), "fence": min(p.Freezes, 1),
		} {
			if rounds[name] != want {
				t.Errorf("%s: %d rounds of %s, want %d", form, rounds[name], name, want)
			}
		}
	}
}

// TestPlans checks that each form has what it promises, and that a seed means the same schedule again.
func TestPlans(t *testing.T) {
	names := func(p plan) (all []string) {
		for _, ch := range p.chapters() {
			for _, n := range ch.nemeses {
				all = append(all, ch.campaign.name+" "+n.name)
			}
		}
		return all
	}
	count := func(list []string, part string) (n int) {
		for _, name := range list {
			if strings.Contains(name, part) {
				n++
			}
		}
		return n
	}
	for form, p := range map[string]plan{"short": shortPlan, "wide": widePlan, "long": longPlan} {
		p.Seed = 7
		list := names(p)
		if again := names(p); !slices.Equal(list, again) {
			t.Errorf("%s: the same seed gives %v and %v", form, list, again)
		}
		other := p
		other.Seed = 8
		if slices.Equal(list, names(other)) {
			t.Errorf("%s: two seeds give the same schedule", form)
		}
		if form == "short" {
			if chapters := p.chapters(); len(chapters) != 1 || len(list) != p.Kills+p.Failpoints+p.Freezes+p.WorkerKills+1 {
				t.Errorf("short: %d campaigns, rounds %v", len(chapters), list)
			}
			continue
		}
		for part, want := range map[string]int{
			" kill": p.Kills, "points ": len(failpoint.Names), "worker kill": p.WorkerKills, "freeze": p.Freezes, "fence": 1,
			"poison": 1, "drains drain": p.Drains, "power cut": p.PowerCuts, "self-test": 1, "errors ": p.DiskErrors, "full disk": 1,
		} {
			if got := count(list, part); got != want && part != " kill" || got < want {
				t.Errorf("%s: %d rounds of %q, want %d: %v", form, got, part, want, list)
			}
		}
		for _, name := range failpoint.Names {
			if count(list, "points "+name) != 1 {
				t.Errorf("%s: no round at failpoint %s", form, name)
			}
		}
	}
	if longPlan.Kills < 50 || longPlan.PowerCuts < 50 {
		t.Errorf("the long form has %d kills and %d power cuts", longPlan.Kills, longPlan.PowerCuts)
	}
	if len(fates) != int(lossyfs.Reordered)+1 {
		t.Errorf("there are %d fates of what is not synced", len(fates))
	}
}

// TestQuietRoundsAreInvalid has a round without load, and a failpoint that does not exist: neither may pass.
func TestQuietRoundsAreInvalid(t *testing.T) {
	c := &campaign{
		name: "quiet", seed: 1, dir: t.TempDir(), bins: programs, workers: 1, pace: defaultPace, limit: 300 * time.Millisecond, out: io.Discard,
	}
	quiet := nemesis{"quiet", func(c *campaign) (string, error) {
		if err := c.load.rest(); err != nil {
			return "", err
		}
		_, err := c.work(0)
		return "", err
	}}
	if _, err := c.run(t.Context(), []nemesis{crash("no.such.failpoint"), quiet}); err != nil {
		t.Fatal(err)
	}
	for i, r := range c.rounds[:2] {
		if !r.invalid() {
			t.Errorf("round %d, %s: %v, want an invalid round", i, r.name, r.err)
		}
	}
	if len(c.rounds) != 3 || c.rounds[2].err != nil || c.stats.Crashes != 0 || len(c.hits) != 0 {
		t.Errorf("rounds %+v, crashes %d", c.rounds, c.stats.Crashes)
	}
}
