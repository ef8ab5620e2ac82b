package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sojournhq/sojourn/internal/config"
	"github.com/sojournhq/sojourn/internal/demo"
	"github.com/sojournhq/sojourn/internal/store/postgres"
	"github.com/sojournhq/sojourn/internal/telemetry"
	"github.com/sojournhq/sojourn/server"
)

func (c *cli) devCommand() *cobra.Command {
	settings := config.Defaults()
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "run a local server with demo workflows",
		Long: `Run a server for trying things out: a worker with demo workflows runs inside it, and its API key is printed.

The key stays the same from run to run (it is kept in the data directory). Commands that run in the same folder find
server and key by themselves.`,
		Example: `  sojourn dev
  sojourn dev --listen 127.0.0.1:8080 --data /tmp/try
  sojourn dev --api-key a-key-for-my-scripts`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settings.Load(cmd.Flags(), c.lookup); err != nil {
				return usagef("%w", err)
			}
			return c.dev(cmd.Context(), settings)
		},
	}
	settings.LogLevel = "warn"
	settings.Flags(cmd.Flags())
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch f.Name {
		case "listen", "data", "api-key", "log-level":
		default:
			f.Hidden = true // all settings of serve work, but are not what dev is for
		}
	})
	hideClientFlags(cmd)
	return cmd
}

func (c *cli) dev(ctx context.Context, s *config.Server) error {
	paceGC(c.env["GOGC"])
	key, err := devKey(s)
	if err != nil {
		return err
	}
	s.APIKey = telemetry.NewSecret(key)
	log := c.logger(s.LogLevel, s.LogFormat)
	s.TraceEndpoint = first(s.TraceEndpoint, c.env["OTEL_EXPORTER_OTLP_ENDPOINT"])
	cfg := serverConfig(s, log)
	// What is tried out listens on this machine, in clear text.
	cfg.CallbackAllow, cfg.CallbackHTTP = append(cfg.CallbackAllow, "127.0.0.0/8", "::1"), true
	cfg.Origins = append(cfg.Origins, localOrigins...)
	srv, err := server.Open(ctx, cfg)
	if err != nil {
		return err
	}
	// The key is written only now that the data is ours: another server may be using it with its own.
	place := s.Data
	if place == "" {
		place = postgres.Describe(s.DatabaseURL.Reveal())
	} else if err := server.WriteSecret(filepath.Join(s.Data, devKeyFile), key); err != nil {
		return errors.Join(err, srv.Close())
	}
	client, err := srv.Client()
	if err != nil {
		return errors.Join(err, srv.Close())
	}
	if err := offerUnserved(ctx, client); err != nil {
		return errors.Join(err, srv.Close())
	}
	worker, ready := newDemoWorker(client, srv.TracerProvider(), log)

	// The worker is there before the first request is answered. The server outlives it, so that it can report what it
	// has finished.
	working, stopWorking := context.WithCancel(ctx)
	defer stopWorking()
	worked := make(chan error, 1)
	go func() { worked <- worker.Run(working) }()
	select {
	case <-ready:
	case err := <-worked:
		return errors.Join(err, srv.Close())
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	served := make(chan error, 1)
	go func() { served <- srv.Run(serving) }()
	board := ""
	if srv.Dashboard() != "" {
		address, err := signInAddress(srv.URL(), key)
		if err != nil {
			stop()
			return errors.Join(err, <-served)
		}
		board = address.String()
	}
	c.welcome(srv.URL(), key, place, board)
	select {
	case err := <-worked:
		if ctx.Err() != nil {
			c.say("stopping")
		}
		stop()
		return errors.Join(err, <-served)
	case err := <-served:
		stopWorking()
		return errors.Join(err, <-worked)
	}
}

// localOrigins are the pages of this machine, which may use the API of `sojourn dev` in a browser.
var localOrigins = []string{
	"http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*", "https://localhost:*", "https://127.0.0.1:*", "https://[::1]:*",
}

// devKey is the key that was given, or that of earlier runs, or a new one.
func devKey(s *config.Server) (string, error) {
	if !s.APIKey.IsZero() {
		return s.APIKey.Reveal(), nil
	}
	text, err := os.ReadFile(filepath.Join(s.Data, devKeyFile))
	if s.Data == "" || errors.Is(err, os.ErrNotExist) {
		return "dev-" + strings.ToLower(rand.Text()), nil
	}
	if err != nil {
		return "", fmt.Errorf("read the key of earlier runs: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// welcome tells a newcomer what runs and what to type next. dashboard is the address that signs in, empty without one.
func (c *cli) welcome(url, key, data, dashboard string) {
	s := c.plain
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("")
	line("  %s is ready at %s", s.bold("Sojourn"), s.live(url))
	line("")
	if dashboard != "" {
		line("  %s  %s", s.faint("Dashboard"), s.live(dashboard))
	} else {
		line("  %s  %s", s.faint("Dashboard"), "not in this binary: `make build` builds it in")
	}
	line("  %s  %s", s.faint("API docs "), url+"/docs")
	line("  %s  %s", s.faint("API key  "), key)
	line("  %s  %s", s.faint("Data     "), data)
	line("")
	line("  Try it in another terminal, in this folder:")
	line("")
	for _, example := range append(slices.Clone(demo.Examples), `sojourn run approval -f question="Ship it?"`, "sojourn execution list") {
		if _, file, reads := strings.Cut(example, "@"); reads {
			if _, err := os.Stat(file); err != nil {
				continue // the folder is not the repository's
			}
		}
		line("    %s", s.good(os.Args[0]+strings.TrimPrefix(example, "sojourn")))
	}
	line("")
	line("  From another folder, or in your own program, first:")
	line("")
	line("    %s", s.good("export SOJOURN_BASE_URL="+url+" SOJOURN_API_KEY="+key))
	line("")
	line("  %s", s.faint("Ctrl-C stops it; what runs goes on at the next start."))
	line("")
	fmt.Fprint(c.out, b.String())
}
