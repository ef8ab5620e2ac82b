// Command bench measures Sojourn from outside: server, worker and load are processes of their own on one machine, and
// every figure per second stands beside what a bare server reaches in the same run.
//
//	go run ./bench             everything; some minutes
//	go run ./bench -quick      the same on less data; under a minute
//	go run ./bench -store postgres -nodes 3   servers on PostgreSQL, which shares the machine
//
// Output is one JSON object (-o json) or a table. README.md beside this file explains the figures.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sort"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	quick   bool
	format  string
	only    string
	clients int
	rows    int
	second  time.Duration // how long each rate is measured
	keep    string
	store   string        // sqlite or postgres
	version string        // of PostgreSQL
	nodes   int           // servers on PostgreSQL
	pin     time.Duration // how old a snapshot gets beside the load
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o := options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.BoolVar(&o.quick, "quick", false, "less data and shorter runs: under a minute")
	flags.StringVar(&o.format, "o", "table", "output `format`: table or json")
	flags.StringVar(&o.only, "only", "", "comma-separated `parts` to run: "+strings.Join(partNames(), ", ")+" (default: all)")
	flags.IntVar(&o.clients, "clients", 64, "`number` of connections of the load")
	flags.IntVar(&o.rows, "rows", 0, "executions stored for the lists (default 1,000,000; 100,000 with -quick)")
	flags.DurationVar(&o.second, "time", 0, "`time` for each rate (default 8s; 2s with -quick)")
	flags.StringVar(&o.keep, "keep", "", "keep the data of the lists in this `directory`, and use what is there")
	flags.StringVar(&o.store, "store", "sqlite", "`store` of the servers: sqlite or postgres")
	flags.StringVar(&o.version, "postgres", "15", "`version` of PostgreSQL")
	flags.IntVar(&o.nodes, "nodes", 1, "`number` of servers on one PostgreSQL")
	flags.DurationVar(&o.pin, "pin", 0, "`age` that a snapshot reaches in the part pinned (default 10m; 15s with -quick)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || o.format != "table" && o.format != "json" {
		return fmt.Errorf("usage: bench [-quick] [-o table|json]; unexpected %q", append(flags.Args(), o.format))
	}
	if o.rows == 0 {
		o.rows = 1_000_000
		if o.quick {
			o.rows = 100_000
		}
	}
	switch {
	case o.store != "sqlite" && o.store != "postgres":
		return fmt.Errorf("-store is sqlite or postgres, not %q", o.store)
	case o.nodes < 1 || o.store == "sqlite" && o.nodes > 1:
		return errors.New("-nodes is 1 with SQLite, and at least 1 with PostgreSQL")
	}
	if o.pin == 0 {
		o.pin = 10 * time.Minute
		if o.quick {
			o.pin = 15 * time.Second
		}
	}
	if o.second == 0 {
		o.second = 8 * time.Second
		if o.quick {
			o.second = 2 * time.Second
		}
	}
	b, err := newBench(ctx, o, progress)
	if err != nil {
		return err
	}
	defer b.close()
	for _, p := range parts {
		if o.only != "" && !strings.Contains(","+o.only+",", ","+p.name+",") || p.full && o.quick && o.only == "" || p.store != "" && p.store != o.store {
			continue
		}
		began := time.Now()
		if err := p.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fmt.Fprintf(progress, "%-10s %6.1f s\n", p.name, time.Since(began).Seconds())
	}
	b.relate()
	if o.format == "json" {
		enc := json.NewEncoder(out)
		return enc.Encode(b.figures)
	}
	names := make([]string, 0, len(b.figures))
	for name := range b.figures {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(out, "%-34s %v\n", name, b.figures[name])
	}
	return nil
}
