// Command limit runs the limit server of the bench as a process of its own.
//
//	limit [-listen 127.0.0.1:0] [-db FILE]
//
// prints one line of JSON with its address and process id once it serves, and
// stops on SIGINT or SIGTERM. With
//
//	limit -measure 3s [-clients 64] [-warmup 1s]
//
// it starts such a process, loads it and prints one JSON object with what it
// reached.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sojournhq/sojourn/bench/limit/limitserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "limit:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("limit", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "`address` to serve on; port 0 takes a free one")
	db := flags.String("db", "", "new database `file` (default: one in a temporary directory, removed at the end)")
	measure := flags.Duration("measure", 0, "load a server of its own for this `time` and print the result")
	warmup := flags.Duration("warmup", time.Second, "with -measure: `time` that does not count")
	clients := flags.Int("clients", 64, "with -measure: `number` of connections")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *db == "" {
		dir, err := os.MkdirTemp("", "limit-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		*db = filepath.Join(dir, "limit.db")
	}
	if *measure > 0 {
		return measureChild(ctx, out, *db, *clients, *warmup, *measure)
	}
	return serve(ctx, out, *listen, *db)
}

// ready is the line that the server prints once it serves.
type ready struct {
	Addr string `json:"addr"`
	PID  int    `json:"pid"`
}

func serve(ctx context.Context, out io.Writer, listen, db string) (err error) {
	s, err := limitserver.Open(db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	web := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(l) }()
	if err := json.NewEncoder(out).Encode(ready{l.Addr().String(), os.Getpid()}); err != nil {
		return errors.Join(err, web.Close())
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := web.Shutdown(grace); err != nil {
		return errors.Join(err, web.Close())
	}
	return nil
}

// measureChild measures a server in another process, so that load and server
// share nothing but the machine.
func measureChild(ctx context.Context, out io.Writer, db string, clients int, warmup, duration time.Duration) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "-db", db)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stderr = os.Stderr
	lines, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
	}()
	line, err := bufio.NewReader(lines).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("the server did not start: %w", err)
	}
	var at ready
	if err := json.Unmarshal(line, &at); err != nil {
		return fmt.Errorf("the server said %q: %w", line, err)
	}
	res, err := limitserver.Measure(ctx, at.Addr, at.PID, clients, warmup, duration)
	if err != nil {
		return err
	}
	if res.Errors > 0 {
		return fmt.Errorf("%d of %d starts failed, one with: %w", res.Errors, res.Errors+res.Requests, res.FirstError)
	}
	perStart := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(max(1, res.Requests)) }
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string]any{
		"limit_starts_per_s":      res.PerSecond,
		"clients":                 clients,
		"seconds":                 res.Elapsed.Seconds(),
		"starts":                  res.Requests,
		"latency":                 res.Latency,
		"server_cpu_us_per_start": perStart(res.CPU[at.PID]),
		"load_cpu_us_per_start":   perStart(res.OwnCPU),
	})
}
