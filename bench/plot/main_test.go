package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPlot(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "r.json"), filepath.Join(dir, "p.svg")
	text := `{"date":"2026-11-22","commit":"abc","machine":"2 × <fast>","curve":[
		{"stored":100000,"nodes":1,"cells":1,"server_cpu_us":160,"postgres_cpu_us":170,"wal_bytes":2100,"round_trips":0.1},
		{"stored":1000,"nodes":1,"cells":1,"server_cpu_us":150,"postgres_cpu_us":160,"wal_bytes":2000,"round_trips":0.1},
		{"stored":100000,"nodes":3,"cells":1,"server_cpu_us":180,"postgres_cpu_us":190,"wal_bytes":2200,"round_trips":0.3},
		{"stored":100000,"nodes":1,"cells":2,"server_cpu_us":180,"postgres_cpu_us":190,"wal_bytes":2200,"round_trips":0.2}]}`
	if err := os.WriteFile(from, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{from, to}); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	elements := map[string]int{}
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
		}
	}
	// Four lines with two points and a ring each; a square for the cells.
	if elements["polyline"] != 4 || elements["circle"] != 12 || elements["rect"] != 5 {
		t.Errorf("the picture has %v", elements)
	}
	if strings.Contains(string(svg), "NaN") || strings.Contains(string(svg), "Inf") {
		t.Error("a coordinate is no number")
	}
}

func TestPlotRefuses(t *testing.T) {
	for name, r := range map[string]result{
		"nothing":   {},
		"one point": {Curve: []point{{Stored: 1000, Nodes: 1}}},
		"no number": {Curve: []point{{Stored: 0, Nodes: 1}, {Stored: 10, Nodes: 1}}},
	} {
		if _, err := draw(r); err == nil {
			t.Errorf("%s: a picture was drawn", name)
		}
	}
	if run(nil) == nil {
		t.Error("no arguments: accepted")
	}
}

func TestNice(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, 0.3: 0.4, 1: 1, 170: 200, 2100: 4000, 9000: 10000} {
		if got := nice(v); got < want*0.999 || got > want*1.001 {
			t.Errorf("nice(%v) = %v, want %v", v, got, want)
		}
	}
}
