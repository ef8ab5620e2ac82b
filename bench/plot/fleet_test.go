package main

import (
	"strings"
	"testing"
)

// measurement is a result with round figures, so that what follows from it can be worked out in the head.
var measurement = result{Date: "today", Commit: "abc", Machine: "2 × fast", Curve: []point{
	{Stored: 1_000, Nodes: 1, Cells: 1, PerSecond: 5000, ServerCPU: 100, PostgresCPU: 90, WAL: 2000, Trips: 0.1, Disk: 1500},
	{Stored: 2_000_000, Nodes: 1, PerSecond: 4000, ServerCPU: 80, PostgresCPU: 125, WAL: 1000, Trips: 0.25, Disk: 1000},
}}

func TestEstimate(t *testing.T) {
	a := assumptions{
		PerDay: 86_400_000, Peak: 4, Days: 100, Used: 0.5, Server: 0.1, Database: 2, Log: 16e6, Disk: 4e12, Filled: 0.5, Removal: 1,
		Spare: 1, ExtraSize: 1000,
	}
	text, err := estimate(measurement, a)
	if err != nil {
		t.Fatal(err)
	}
	// 1,000/s on average and 4,000/s at the peak; the dearest of both rows are 100 µs, 125 µs, 2,000 and 1,500 bytes.
	for _, want := range []string{
		"| executions |  | 1,000/s | 4,000/s |",
		"| processors of the servers | 100 µs | 0.1 cores | 0.4 cores |",
		"| processors of the databases | 125 µs | 0.1 cores | 0.5 cores |",
		"| the same with removal | 250 µs | 0.2 cores | 1.0 cores |",
		"| log of the databases (WAL) | 2,000 bytes | 2 MB/s | 8 MB/s |",
		"| the same with removal | 4,000 bytes | 4 MB/s | 16 MB/s |",
		"| round trips to the databases | 0.250 | 250/s | 1,000/s |",
		"| disk after 100 days | 1,500 bytes | 13.0 TB |  |",
		"| 1,000 bytes more of payload: log, and disk | 1,000 bytes | 1 MB/s, 8.6 TB | 4 MB/s |",
		"| servers of 0 cores | 9 | 0.4 cores at the peak, 50 % of each used, and 1 that may be away |",
		"| cells that the databases' disks ask for | 6.5 | 4 TB each, filled to 50 % |",
		"| cells that the databases' processors ask for | 1.0 | 2 cores each, 50 % used at the peak, with removal |",
		"| cells that the databases' logs ask for | 2.0 | 16 MB/s each, 50 % used at the peak, with removal |",
		"| **cells** | **7** | the databases' disks are what limits first |",
		"| executions in each cell | 1,234 million | the curve ends at 2.0 million in one |",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the estimate lacks %q", want)
		}
	}
	if strings.Contains(text, "ten steps") {
		t.Error("ten steps were not measured and are reckoned with")
	}
	a.Days = 1
	if text, err = estimate(measurement, a); err != nil || !strings.Contains(text, "| **cells** | **2** | the databases' logs are") {
		t.Errorf("with little stored: %v\n%s", err, text)
	}
	ten := measurement
	ten.TenServer, ten.TenDatabase, ten.TenLog = 1000, 2000, 10_000
	text, err = estimate(ten, a)
	if err != nil || !strings.Contains(text, "| ten steps in each: processors of the databases | 2,000 µs | 2.0 cores | 8.0 cores |\n") {
		t.Errorf("with ten steps: %v\n%s", err, text)
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestEstimateRefuses(t *testing.T) {
	for i, forget := range []func(*point){
		func(p *point) { p.ServerCPU = 0 },
		func(p *point) { p.PostgresCPU = 0 },
		func(p *point) { p.WAL = 0 },
		func(p *point) { p.Trips = 0 },
		func(p *point) { p.Disk = 0 },
	} {
		p := measurement.Curve[0]
		forget(&p)
		if _, err := estimate(result{Curve: []point{p}}, billion); err == nil {
			t.Errorf("figure %d is missing, and an estimate was made", i)
		}
	}
}

func TestNumber(t *testing.T) {
	for want, got := range map[string]string{
		"0": number(0.4, 0), "999": number(999, 0), "1,000": number(1000, 0), "12,345.7": number(12345.67, 1), "1,234,567": number(1234567, 0),
		"0.050": number(0.05, 3),
	} {
		if got != want {
			t.Errorf("%s is written %s", want, got)
		}
	}
}
