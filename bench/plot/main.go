// Command plot draws what an execution costs, from a committed result of the bench, and reckons in a page what a fleet
// for a billion executions a day would need:
//
//	go run ./bench/plot bench/results/FILE.json docs/images/cost.svg docs/scaling.md
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 && len(args) != 3 {
		return errors.New("usage: plot RESULT.json PICTURE.svg [PAGE.md]")
	}
	r, err := read(args[0])
	if err != nil {
		return err
	}
	picture, err := draw(r)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	if err := os.WriteFile(args[1], []byte(picture), 0o644); err != nil || len(args) == 2 {
		return err
	}
	page, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	text, err := renew(string(page), filepath.ToSlash(args[0]), r)
	if err != nil {
		return fmt.Errorf("%s: %w", args[2], err)
	}
	return os.WriteFile(args[2], []byte(text), 0o644)
}

// read reads a result.
func read(path string) (r result, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// result is what picture and page need of a result of the bench.
type result struct {
	Date    string  `json:"date"`
	Commit  string  `json:"commit"`
	Machine string  `json:"machine"`
	Curve   []point `json:"curve"`
	// What an execution with ten steps costs.
	TenServer   float64 `json:"ten_steps_server_cpu_us"`
	TenDatabase float64 `json:"ten_steps_postgres_cpu_us"`
	TenLog      float64 `json:"ten_steps_wal_bytes"`
}

// point is one row of the curve: what an execution costs from start to completion.
type point struct {
	Stored      float64 `json:"stored"`
	Nodes       int     `json:"nodes"`
	Cells       int     `json:"cells"`
	PerSecond   float64 `json:"completed_per_s"`
	ServerCPU   float64 `json:"server_cpu_us"`
	PostgresCPU float64 `json:"postgres_cpu_us"`
	WAL         float64 `json:"wal_bytes"`
	Trips       float64 `json:"round_trips"`
	Disk        float64 `json:"disk_bytes"`
}

// line is one figure by the number of executions that are stored.
type line struct {
	name, colour string
	of           func(point) float64
}

// panel is one picture of those that stand beside each other.
type panel struct {
	title string
	lines []line
}

var panels = []panel{
	{"processor time, µs", []line{
		{"server", "#2563eb", func(p point) float64 { return p.ServerCPU }},
		{"PostgreSQL", "#d97706", func(p point) float64 { return p.PostgresCPU }},
	}},
	{"log of the database, bytes", []line{{"WAL", "#059669", func(p point) float64 { return p.WAL }}}},
	{"round trips to the database", []line{{"round trips", "#7c3aed", func(p point) float64 { return p.Trips }}}},
}

// Sizes of a panel in pixels: the whole, and the margins around the area of the curve.
const (
	wide, high                = 330, 280
	left, right, above, under = 62, 16, 44, 62
)

// draw makes the picture. Lines are one server with more and more stored; rings are more servers, squares more cells,
// labelled with their number.
func draw(r result) (string, error) {
	var alone, more []point
	for _, p := range r.Curve {
		switch {
		case p.Stored <= 0:
			return "", fmt.Errorf("a point with %v executions stored", p.Stored)
		case p.Nodes == 1 && p.Cells <= 1:
			alone = append(alone, p)
		default:
			more = append(more, p)
		}
	}
	if len(alone) < 2 {
		return "", fmt.Errorf("a curve needs two points of one server, not %d", len(alone))
	}
	slices.SortFunc(alone, func(a, b point) int { return int(math.Copysign(1, a.Stored-b.Stored)) })
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", wide*len(panels), high)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#ffffff"/>`+"\n")
	from, to := math.Floor(math.Log10(alone[0].Stored)), math.Ceil(math.Log10(alone[len(alone)-1].Stored))
	for i, panel := range panels {
		most := 0.0
		for _, l := range panel.lines {
			for _, p := range r.Curve {
				most = max(most, l.of(p))
			}
		}
		most = nice(most)
		x := func(stored float64) float64 {
			return float64(i*wide+left) + (math.Log10(stored)-from)/max(to-from, 1)*(wide-left-right)
		}
		y := func(v float64) float64 { return high - under - v/most*(high-above-under) }
		fmt.Fprintf(&b, `<text x="%d" y="22" font-weight="bold" fill="#111827">%s</text>`+"\n", i*wide+left, html.EscapeString(panel.title))
		for n := range 5 {
			v := most * float64(n) / 4
			fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#e5e7eb"/>`+"\n", i*wide+left, (i+1)*wide-right, y(v), y(v))
			fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end" fill="#374151">%s</text>`+"\n", i*wide+left-6, y(v)+4, short(v))
		}
		for e := from; e <= to; e++ {
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#374151">%s</text>`+"\n", x(math.Pow(10, e)), high-under+18, short(math.Pow(10, e)))
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle" fill="#374151">executions stored</text>`+"\n", i*wide+(wide+left)/2, high-under+36)
		for n, l := range panel.lines {
			var path []string
			for _, p := range alone {
				path = append(path, fmt.Sprintf("%.1f,%.1f", x(p.Stored), y(l.of(p))))
			}
			fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(path, " "), l.colour)
			for _, p := range alone {
				fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x(p.Stored), y(l.of(p)), l.colour)
			}
			for _, p := range more {
				cx, cy, label := x(p.Stored), y(l.of(p)), strconv.Itoa(p.Nodes)
				if p.Cells > 1 {
					label = strconv.Itoa(p.Cells)
					fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="8" height="8" fill="none" stroke="%s"/>`+"\n", cx-4, cy-4, l.colour)
				} else {
					fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="5" fill="none" stroke="%s"/>`+"\n", cx, cy, l.colour)
				}
				// Marks of servers and of cells, and of two lines, lie close together: their labels are on different sides.
				beside, anchor := cx+8, "start"
				if (p.Cells > 1) != (n%2 == 1) {
					beside, anchor = cx-8, "end"
				}
				fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" font-size="10" text-anchor="%s" fill="%s">%s</text>`+"\n", beside, cy+4, anchor, l.colour, label)
			}
			fmt.Fprintf(&b, `<text x="%d" y="38" fill="%s">%s</text>`+"\n", i*wide+left+n*90, l.colour, html.EscapeString(l.name))
		}
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" font-size="10" fill="#6b7280">%s</text>`+"\n</svg>\n", left, high-8,
		html.EscapeString(fmt.Sprintf("Each execution from start to completion. ○ more servers, □ more cells. %s, %s, %s", r.Machine, r.Commit, r.Date)))
	return b.String(), nil
}

// nice is a round number that is not smaller.
func nice(v float64) float64 {
	if v <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 4, 8, 10} {
		if n*unit >= v {
			return n * unit
		}
	}
	return 10 * unit
}

// short writes a number with few digits.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'g', 4, 64) + " M"
	case v >= 1e4:
		return strconv.FormatFloat(v/1e3, 'g', 4, 64) + " k"
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
