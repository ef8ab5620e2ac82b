//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/torture/check"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command is the program: 0 when every round passed, 1 when one did not, 2 when the rig itself failed.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("torture", flag.ContinueOnError)
	fs.SetOutput(stderr)
	form, on := "long", "sqlite"
	p := forms[on][form]
	for _, name := range []string{"short", "wide"} {
		fs.BoolFunc(name, "the "+name+" form; give it before other flags", func(string) error {
			form = name
			p = forms[on][form]
			return nil
		})
	}
	fs.Func("store", "`sqlite` or postgres: several servers on PostgreSQL with a synchronous standby; give it before other flags", func(name string) error {
		if forms[name] == nil {
			return errors.New("the stores are sqlite and postgres")
		}
		on = name
		p = forms[on][form]
		return nil
	})
	fs.IntVar(&p.Kills, "kills", p.Kills, "kills of the server at random")
	fs.IntVar(&p.Failpoints, "failpoints", p.Failpoints, "crashes at failpoints; -1: one at each")
	fs.IntVar(&p.PowerCuts, "power-cuts", p.PowerCuts, "power cuts")
	fs.BoolVar(&p.SelfTest, "self-test", p.SelfTest, "see synchronous=NORMAL, or an asynchronous standby, lose what was acknowledged")
	fs.IntVar(&p.Freezes, "freezes", p.Freezes, "workers stopped past their lease")
	fs.IntVar(&p.WorkerKills, "worker-kills", p.WorkerKills, "kills of workers")
	fs.BoolVar(&p.Poison, "poison", p.Poison, "run a step that kills its worker")
	fs.IntVar(&p.Drains, "drains", p.Drains, "rounds of gentle restarts")
	fs.IntVar(&p.DiskErrors, "disk-errors", p.DiskErrors, "failed fsyncs and writes")
	fs.BoolVar(&p.FullDisk, "full-disk", p.FullDisk, "let the disk become full")
	fs.IntVar(&p.Nodes, "nodes", p.Nodes, "servers on PostgreSQL")
	fs.IntVar(&p.NodeFreezes, "node-freezes", p.NodeFreezes, "servers stopped until the others believe them dead; on PostgreSQL, as all that follows")
	fs.IntVar(&p.Clocks, "clock-steps", p.Clocks, "steps of the clock of a server, forward or back")
	fs.IntVar(&p.Rollings, "rollings", p.Rollings, "rolling restarts")
	fs.IntVar(&p.Postmaster, "postmaster-kills", p.Postmaster, "kills of PostgreSQL")
	fs.IntVar(&p.Terminates, "terminates", p.Terminates, "rounds in which PostgreSQL ends connections")
	fs.IntVar(&p.Failovers, "failovers", p.Failovers, "losses of the primary")
	fs.IntVar(&p.Weathers, "weathers", p.Weathers, "rounds of each kind of bad weather between a server and PostgreSQL")
	fs.IntVar(&p.Cuts, "cuts", p.Cuts, "rounds of connections cut at chosen messages")
	fs.BoolVar(&p.Durable, "durable", p.Durable, "let PostgreSQL write through to the disk")
	fs.IntVar(&p.Workers, "workers", p.Workers, "worker processes")
	fs.BoolVar(&p.Coverage, "coverage", p.Coverage, "require that every edge and event was seen")
	seed := fs.Uint64("seed", rand.Uint64N(1_000_000), "draws the schedule")
	keep := fs.String("keep", "", "keep logs, journals and data in this `directory`; default: removed unless something failed")
	if err := fs.Parse(args); err != nil {
		return 2
	}
	if on == "sqlite" && p.Nodes > 0 {
		fmt.Fprintln(stderr, "torture: several servers need -store postgres")
		return 2
	}
	p.Seed = *seed
	v, err := torture(ctx, p, *keep, stdout)
	if v != nil {
		v.Form, v.Store = form, on
		line, _ := json.Marshal(v) // a struct of plain values
		fmt.Fprintf(stdout, "%s\n%d passed, %d failed\n", line, v.Passed, v.Failed)
	}
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "torture:", err)
		return 2
	case v.Failed > 0:
		return 1
	}
	return 0
}

// verdict is the outcome of a run, for programs.
type verdict struct {
	Form       string            `json:"form"`
	Store      string            `json:"store"`
	Seed       uint64            `json:"seed"`
	Passed     int               `json:"passed"`
	Failed     int               `json:"failed"`
	Invalid    int               `json:"invalid"` // of the failed
	Seconds    float64           `json:"seconds"`
	Acked      int               `json:"acked"`
	Unknown    int               `json:"unknown"`
	Stored     int               `json:"stored"`
	Steps      int               `json:"steps"`
	Told       int               `json:"told"`    // acknowledged signals and decisions
	Lost       int               `json:"lost"`    // acknowledged starts
	Doubled    int               `json:"doubled"` // executions of a key that had one, and steps that ran again
	LeasesLost int               `json:"leases_lost"`
	Returned   int               `json:"claims_returned"`
	Poisoned   int               `json:"poisoned"`
	Files      int               `json:"files"`
	Callbacks  int               `json:"callbacks"`  // attempts that arrived
	Operations int               `json:"operations"` // of which histories were checked
	Histories  map[string]int    `json:"histories"`  // with more than one operation, by model
	Undecided  int               `json:"undecided"`
	Nemeses    stats             `json:"nemeses"`
	Failpoints []string          `json:"failpoints"` // at which the server crashed
	States     map[string]int    `json:"states"`
	Edges      map[string]int    `json:"edges"`
	Unseen     []string          `json:"unseen,omitempty"` // edges and events that should have been
	Violations []check.Violation `json:"violations"`
	Rounds     []roundVerdict    `json:"failed_rounds,omitempty"`
	Kept       string            `json:"kept,omitempty"` // where to look
}

type roundVerdict struct {
	Campaign string `json:"campaign"`
	Round    string `json:"round"`
	Reason   string `json:"reason"`
}

// defaultPace is the longest pause of a client, unless a campaign has its own. It leaves the two cores of a small machine
// enough for everything to be drained and read in the end.
const defaultPace = 60 * time.Millisecond

// mostViolations is how many a verdict tells one by one.
const mostViolations = 50

// binaries are the programs of the run.
type binaries struct{ server, worker string }

// build compiles the server with failpoints, and the worker.
func build(ctx context.Context, dir string) (binaries, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/sojournhq/sojourn").Output()
	if err != nil {
		return binaries{}, fmt.Errorf("find the module: %w", err)
	}
	b := binaries{filepath.Join(dir, "sojourn"), filepath.Join(dir, "worker")}
	for _, args := range [][]string{
		{"build", "-tags", "failpoints", "-o", b.server, "./cmd/sojourn"},
		{"build", "-o", b.worker, "./torture/worker"},
	} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = strings.TrimSpace(string(root))
		if out, err := cmd.CombinedOutput(); err != nil {
			return b, fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return b, nil
}

// torture runs the plan. The verdict is nil when the rig failed before there was one.
func torture(ctx context.Context, p plan, keep string, out io.Writer) (*verdict, error) {
	dir := keep
	if dir == "" {
		made, err := os.MkdirTemp("", "torture-")
		if err != nil {
			return nil, err
		}
		dir = made
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	bins, err := build(ctx, dir)
	if err != nil {
		return nil, err
	}
	v, err := p.run(ctx, bins, dir, out)
	if line, jerr := json.MarshalIndent(v, "", "  "); jerr == nil {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, "verdict.json"), line, 0o600))
	}
	if v.Failed > 0 || keep != "" {
		v.Kept = dir
	} else {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return v, err
}

// run plays all campaigns in the directory. The verdict is never nil; an error is of the rig.
func (p plan) run(ctx context.Context, bins binaries, dir string, out io.Writer) (*verdict, error) {
	began := time.Now()
	fmt.Fprintf(out, "seed %d\n", p.Seed)
	v := &verdict{Seed: p.Seed, Violations: []check.Violation{}, Failpoints: []string{}}
	sum := &check.Verdict{}
	hits := map[string]bool{}
	var errs []error
	for i, ch := range p.chapters() {
		c := ch.campaign
		c.dir, c.bins, c.out = filepath.Join(dir, fmt.Sprintf("%02d-%s", i, c.name)), bins, out
		if c.pace == 0 {
			c.pace = defaultPace
		}
		judged, err := c.run(ctx, ch.nemeses)
		if err != nil {
			errs = append(errs, err)
			c.report(round{name: "rig", err: err}, false)
		}
		if judged != nil {
			sum.Merge(judged)
		}
		for _, r := range c.rounds {
			if r.err == nil {
				v.Passed++
				continue
			}
			v.Failed++
			if r.invalid() {
				v.Invalid++
			}
			v.Rounds = append(v.Rounds, roundVerdict{c.name, r.name, r.err.Error()})
		}
		v.Nemeses.add(c.stats)
		maps.Copy(hits, c.hits)
		if ctx.Err() != nil {
			break
		}
	}
	v.take(sum)
	v.Failpoints = append(v.Failpoints, slices.Sorted(maps.Keys(hits))...)
	if p.Coverage {
		v.Unseen = unseen(p, sum, hits)
		if len(v.Unseen) > 0 {
			v.Failed++
			v.Invalid++
			v.Rounds = append(v.Rounds, roundVerdict{"all", "coverage", "invalid: never seen: " + strings.Join(v.Unseen, ", ")})
			fmt.Fprintf(out, "coverage: FAILED: never seen: %s\n", strings.Join(v.Unseen, ", "))
		} else {
			v.Passed++
		}
	}
	v.Seconds = time.Since(began).Seconds()
	return v, errors.Join(errs...)
}

func (v *verdict) take(sum *check.Verdict) {
	v.Acked, v.Unknown, v.Stored, v.Steps, v.Told = sum.Acked, sum.Unknown, sum.Stored, sum.Steps, sum.Told
	v.LeasesLost, v.Returned, v.Poisoned = sum.Lost, sum.Returned, sum.Poisoned
	v.States, v.Edges = sum.States, sum.Edges
	v.Files, v.Callbacks = sum.Files, sum.Messages
	v.Operations, v.Histories, v.Undecided = sum.Operations, sum.Histories, sum.Undecided
	v.Violations = append(v.Violations, sum.Violations[:min(len(sum.Violations), mostViolations)]...)
	rules := sum.Rules()
	v.Lost = rules[check.AckedLost] + rules[check.StepLost] + rules[check.CancelLost] + rules[check.FileLost] + rules[check.CallbackLost]
	v.Doubled = rules[check.Doubled] + rules[check.StepRerun] + rules[check.StepChanged]
}

// unseen is what a full run should have met and did not.
func unseen(p plan, sum *check.Verdict, hits map[string]bool) []string {
	var list []string
	for _, edge := range check.Reachable {
		if sum.Edges[edge] == 0 {
			list = append(list, edge)
		}
	}
	for _, kind := range check.Kinds {
		if sum.Events[kind] == 0 {
			list = append(list, "event "+kind)
		}
	}
	if p.Failpoints < 0 {
		for _, name := range failpoint.Names {
			if !hits[name] {
				list = append(list, "failpoint "+name)
			}
		}
	}
	return list
}
