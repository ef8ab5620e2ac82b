package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// assumptions are what the estimate of a fleet takes for given and no bench measures.
type assumptions struct {
	PerDay    float64 // executions
	Peak      float64 // the highest rate by the average
	Days      float64 // how long an execution is kept
	Used      float64 // part of a processor or of a log's rate that is planned with at the peak
	Server    float64 // cores of a machine with a server
	Database  float64 // cores of a machine with a database
	Log       float64 // bytes a second that a database's log and its standby take
	Disk      float64 // bytes of a database's disk
	Filled    float64 // part of the disk that is planned with
	Removal   float64 // what it costs the database to remove an execution, by what it costs to have it done
	Spare     float64 // servers that may be away
	ExtraSize float64 // bytes of payload in the row that tells what more of it would add
}

var billion = assumptions{
	PerDay: 1e9, Peak: 3, Days: 30, Used: 0.5, Server: 4, Database: 16, Log: 200e6, Disk: 8e12, Filled: 0.7, Removal: 1, Spare: 1, ExtraSize: 1024,
}

// costs are what one execution costs: the highest of all points of the curve, each by itself.
type costs struct{ server, database, log, trips, disk float64 }

func dearest(curve []point) (c costs, err error) {
	for _, p := range curve {
		c.server, c.database = max(c.server, p.ServerCPU), max(c.database, p.PostgresCPU)
		c.log, c.trips, c.disk = max(c.log, p.WAL), max(c.trips, p.Trips), max(c.disk, p.Disk)
	}
	if c.server <= 0 || c.database <= 0 || c.log <= 0 || c.trips <= 0 || c.disk <= 0 {
		return c, errors.New("the curve does not say what an execution costs: it needs server_cpu_us, postgres_cpu_us, wal_bytes, round_trips and disk_bytes")
	}
	return c, nil
}

// need is how many cells one thing asks for.
type need struct {
	of    string
	cells float64
}

// estimate writes what a fleet must have, as tables.
func estimate(r result, a assumptions) (string, error) {
	c, err := dearest(r.Curve)
	if err != nil {
		return "", err
	}
	average := a.PerDay / 86_400
	peak := average * a.Peak
	whole := 1 + a.Removal
	cores := func(rate, us float64) string { return number(rate*us/1e6, 1) + " cores" }
	rate := func(bytes float64) string { return number(bytes/1e6, 0) + " MB/s" }

	var b strings.Builder
	fmt.Fprintf(&b, "| | for one execution | on average | at the peak |\n|---|---:|---:|---:|\n")
	row := func(name, one, usual, most string) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, one, usual, most)
	}
	row("executions", "", number(average, 0)+"/s", number(peak, 0)+"/s")
	row("processors of the servers", number(c.server, 0)+" µs", cores(average, c.server), cores(peak, c.server))
	row("processors of the databases", number(c.database, 0)+" µs", cores(average, c.database), cores(peak, c.database))
	row("the same with removal", number(c.database*whole, 0)+" µs", cores(average, c.database*whole), cores(peak, c.database*whole))
	row("log of the databases (WAL)", number(c.log, 0)+" bytes", rate(average*c.log), rate(peak*c.log))
	row("the same with removal", number(c.log*whole, 0)+" bytes", rate(average*c.log*whole), rate(peak*c.log*whole))
	row("round trips to the databases", number(c.trips, 3), number(average*c.trips, 0)+"/s", number(peak*c.trips, 0)+"/s")
	stored := a.PerDay * a.Days
	row(fmt.Sprintf("disk after %s days", number(a.Days, 0)), number(c.disk, 0)+" bytes", number(stored*c.disk/1e12, 1)+" TB", "")
	row(fmt.Sprintf("%s bytes more of payload: log, and disk", number(a.ExtraSize, 0)), number(a.ExtraSize, 0)+" bytes",
		rate(average*a.ExtraSize)+", "+number(stored*a.ExtraSize/1e12, 1)+" TB", rate(peak*a.ExtraSize))
	if r.TenServer > 0 && r.TenDatabase > 0 && r.TenLog > 0 {
		row("ten steps in each: processors of the servers", number(r.TenServer, 0)+" µs", cores(average, r.TenServer), cores(peak, r.TenServer))
		row("ten steps in each: processors of the databases", number(r.TenDatabase, 0)+" µs", cores(average, r.TenDatabase), cores(peak, r.TenDatabase))
		row("ten steps in each: log", number(r.TenLog, 0)+" bytes", rate(average*r.TenLog), rate(peak*r.TenLog))
	}

	servers := math.Ceil(peak*c.server/1e6/(a.Server*a.Used)) + a.Spare
	needs := []need{
		{"the databases' disks", stored * c.disk / (a.Disk * a.Filled)},
		{"the databases' processors", peak * c.database * whole / 1e6 / (a.Database * a.Used)},
		{"the databases' logs", peak * c.log * whole / (a.Log * a.Used)},
	}
	most := needs[0]
	for _, n := range needs[1:] {
		if n.cells > most.cells {
			most = n
		}
	}
	cells := math.Ceil(most.cells)
	fmt.Fprintf(&b, "\n| what the fleet has | how many | from |\n|---|---:|---|\n")
	fmt.Fprintf(&b, "| servers of %s cores | %s | %s at the peak, %s %% of each used, and %s that may be away |\n",
		number(a.Server, 0), number(servers, 0), cores(peak, c.server), number(a.Used*100, 0), number(a.Spare, 0))
	for _, n := range needs {
		fmt.Fprintf(&b, "| cells that %s ask for | %s | %s |\n", n.of, number(n.cells, 1), map[string]string{
			needs[0].of: fmt.Sprintf("%s TB each, filled to %s %%", number(a.Disk/1e12, 0), number(a.Filled*100, 0)),
			needs[1].of: fmt.Sprintf("%s cores each, %s %% used at the peak, with removal", number(a.Database, 0), number(a.Used*100, 0)),
			needs[2].of: fmt.Sprintf("%s each, %s %% used at the peak, with removal", rate(a.Log), number(a.Used*100, 0)),
		}[n.of])
	}
	fmt.Fprintf(&b, "| **cells** | **%s** | %s are what limits first |\n", number(cells, 0), most.of)
	fmt.Fprintf(&b, "| executions in each cell | %s million | the curve ends at %s million in one |\n",
		number(stored/cells/1e6, 0), number(largest(r.Curve)/1e6, 1))
	return b.String(), nil
}

// largest is the most executions stored at a point of the curve.
func largest(curve []point) (n float64) {
	for _, p := range curve {
		n = max(n, p.Stored)
	}
	return n
}

// measured writes the points of the curve as a table.
func measured(r result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| stored | servers | cells | completed/s | server, µs | PostgreSQL, µs | log, bytes | round trips | disk, bytes |\n")
	fmt.Fprintf(&b, "|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, p := range r.Curve {
		fmt.Fprintf(&b, "| %s | %d | %d | %s | %s | %s | %s | %s | %s |\n", number(p.Stored, 0), p.Nodes, max(p.Cells, 1), number(p.PerSecond, 0),
			number(p.ServerCPU, 0), number(p.PostgresCPU, 0), number(p.WAL, 0), number(p.Trips, 3), number(p.Disk, 0))
	}
	return b.String()
}

// number writes a number with commas between thousands.
func number(v float64, digits int) string {
	whole, fraction, _ := strings.Cut(strconv.FormatFloat(v, 'f', digits, 64), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return whole
}
