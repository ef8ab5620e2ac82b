package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/internal/config"
	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/store/postgres"
	"github.com/sojournhq/sojourn/internal/telemetry"
	"github.com/sojournhq/sojourn/server"
)

func (c *cli) serveCommand() *cobra.Command {
	settings := config.Defaults()
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "run a server",
		Long: `Run a server until SIGTERM or Ctrl-C, then drain and exit.

Every setting is a flag, an environment variable (--max-backlog is SOJOURN_MAX_BACKLOG) and a key of the YAML file
(max-backlog: 1000000). A flag wins over the variable, the variable over the file.

Everything lies in --data, which one server at a time may have, or in a PostgreSQL database (--database-url), which any
number of servers share. Make the first key with: sojourn key create --data DIRECTORY --name me --scopes admin`,
		Example: `  sojourn serve --data /var/lib/sojourn
  sojourn serve --listen :7373 --tls-cert cert.pem --tls-key key.pem
  sojourn serve --config /etc/sojourn.yaml
  SOJOURN_DATABASE_URL=postgres://sojourn@db.internal/sojourn sojourn serve`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settings.Load(cmd.Flags(), c.lookup); err != nil {
				return usagef("%w", err)
			}
			return c.serve(cmd.Context(), settings)
		},
	}
	settings.Flags(cmd.Flags())
	hideClientFlags(cmd)
	return cmd
}

// hideClientFlags leaves the flags of clients out of the help of a command that is none.
func hideClientFlags(cmd *cobra.Command) {
	help := cmd.HelpFunc()
	cmd.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		for _, name := range []string{"url", "output", "quiet"} {
			if f := cmd.InheritedFlags().Lookup(name); f != nil {
				f.Hidden = true
			}
		}
		help(cmd, args)
	})
}

func (c *cli) serve(ctx context.Context, s *config.Server) error {
	paceGC(c.env["GOGC"])
	log := c.logger(s.LogLevel, s.LogFormat)
	s.TraceEndpoint = first(s.TraceEndpoint, c.env["OTEL_EXPORTER_OTLP_ENDPOINT"])
	cfg := serverConfig(s, log)
	if failpoint.Enabled {
		// The power-cut tests must see that a server which does not wait for the disk loses what it acknowledged.
		cfg.Synchronous = c.env["SOJOURN_UNSAFE_SYNCHRONOUS"]
	}
	srv, err := server.Open(ctx, cfg)
	if err != nil {
		return err
	}
	place, name := "data", s.Data
	if !s.DatabaseURL.IsZero() {
		place, name = "database", postgres.Describe(s.DatabaseURL.Reveal())
	}
	attrs := []slog.Attr{slog.String("url", srv.URL()), slog.String(place, name), slog.String("version", version)}
	if board := srv.Dashboard(); board != "" {
		attrs = append(attrs, slog.String("dashboard", board))
	}
	log.LogAttrs(ctx, slog.LevelInfo, "serving", attrs...)
	if err := srv.Run(ctx); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// serverConfig turns settings into the configuration of the package server, where zero means the default.
func serverConfig(s *config.Server, log *slog.Logger) server.Config {
	off := func(n int64) int64 { // a setting of 0 switches off what a zero field leaves at its default
		if n == 0 {
			return -1
		}
		return n
	}
	return server.Config{
		Data: s.Data, Database: s.DatabaseURL.Reveal(), DatabaseConnections: s.DatabaseConnections,
		DatabaseWait: time.Duration(off(int64(s.DatabaseWait))), NoNotify: !s.DatabaseNotify, Pooler: s.DatabasePooler, NoMigrate: !s.Migrate,
		Listen: s.Listen, TLSCert: s.TLSCert, TLSKey: s.TLSKey, InsecureHTTP: s.InsecureHTTP,
		AdminKey: s.APIKey.Reveal(), Retention: time.Duration(off(int64(s.Retention))),
		ExecutionTimeout: time.Duration(s.Timeout), Lease: time.Duration(s.Lease),
		CancelGrace: time.Duration(s.CancelGrace), Drain: time.Duration(s.Drain), MaxBacklog: s.MaxBacklog,
		Files: s.Files, MaxFile: int64(s.MaxFile), FileQuota: int64(s.FileQuota),
		LowDisk: off(int64(s.LowDisk)), MaxConnections: s.MaxConnections,
		MaxConnectionsPerAddress: s.MaxConnectionsPerAddress, NoMetrics: !s.Metrics, TraceEndpoint: s.TraceEndpoint,
		PublicURL: s.PublicURL, Origins: s.CORSOrigins, CallbackAllow: s.CallbackAllow, CallbackHTTP: s.CallbackHTTP, SecretKeyFile: s.SecretKeyFile,
		Log: log, Version: version,
	}
}

// logger writes the server's log to standard error.
func (c *cli) logger(level, format string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	forPeople := format == "text" || format != "json" && c.terminal(c.err)
	return telemetry.NewLogger(c.err, l, forPeople)
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if c.output == outputJSON || c.output == outputJSONLines || c.output == outputYAML {
				return c.value(map[string]string{"version": version})
			}
			_, err := fmt.Fprintln(c.out, "sojourn", version)
			return err
		},
	}
}
