// Command worker is the worker process of torture runs: it serves their workflows with the Go SDK and writes down when
// a step's function begins and when Step has returned its result.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/torture/check"
	"github.com/sojournhq/sojourn/torture/journal"
)

func main() {
	url := flag.String("url", "", "address of the server")
	name := flag.String("name", "", "name of the worker")
	path := flag.String("journal", "", "file to write down to")
	concurrency := flag.Int("concurrency", 64, "handlers at a time")
	grace := flag.Duration("grace", 300*time.Millisecond, "time that handlers get when the worker stops")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(*url, *name, *path, *concurrency, *grace, log); err != nil {
		log.Error("the worker failed", "error", err)
		os.Exit(1)
	}
}

// run serves until SIGTERM.
func run(url, name, path string, concurrency int, grace time.Duration, log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	j, err := journal.Create(path)
	if err != nil {
		return err
	}
	// The key is in the environment: SOJOURN_API_KEY.
	client, err := sojourn.NewClient(sojourn.Config{BaseURL: url})
	if err != nil {
		return err
	}
	d := &diary{journal: j, log: log}
	w := sojourn.NewWorker(client, sojourn.WorkerConfig{
		Name: name, Concurrency: concurrency, ShutdownGrace: grace, Logger: log,
		OnReady: func(id string) { d.write(check.Ready, id) },
	})
	register(w, d)
	if err := w.Run(ctx); err != nil {
		return err
	}
	d.write(check.Stopped, name)
	return j.Close()
}

// diary is the worker's journal. A worker that cannot write it must not go on: what it does would be unknown.
type diary struct {
	journal *journal.Journal
	log     *slog.Logger
}

func (d *diary) write(kind string, fields ...string) {
	if err := d.journal.Write(kind, fields...); err != nil {
		d.log.Error("the worker cannot write its journal", "error", err)
		os.Exit(3)
	}
}
