package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/internal/blob"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/postgres"
	"github.com/sojournhq/sojourn/internal/store/sqlite"
	"github.com/sojournhq/sojourn/internal/store/transfer"
	"github.com/sojournhq/sojourn/internal/telemetry"
	"github.com/sojournhq/sojourn/server"
)

func (c *cli) migrateCommand() *cobra.Command {
	var m migration
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "bring a database's schema up to date, or move a data directory into a database",
		Long: `Bring the schema of the PostgreSQL database up to date. A server does so by itself when it starts, unless it is told
--migrate=false. Servers of this version and of the one before can use the database while it happens and afterwards.

With --from and --to, everything in a data directory is moved into an empty database: executions with their histories,
idempotency keys, timers and files, API keys, webhooks and their secrets. No server may run on the directory, which is
left as it is. Servers of the database then go on with the work; workers and clients need only their new address. A move
that was interrupted is begun again by the same command. At the end everything is counted and audited.`,
		Example: `  sojourn migrate --database-url postgres://sojourn@db.internal/sojourn
  sojourn migrate status
  sojourn migrate --from sqlite:/var/lib/sojourn --to postgres://sojourn@db.internal/sojourn`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if m.from != "" || !m.to.IsZero() {
				return c.move(cmd.Context(), &m)
			}
			return c.migrateUp(cmd.Context())
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&m.from, "from", "", "move from this `place`: sqlite:DIRECTORY")
	fs.Var(&m.to, "to", "move to the empty database at this `url`: postgres://…")
	fs.StringVar(&m.fromFiles, "from-files", "", "the contents of files are at this `url`; default: the folder files of the directory")
	fs.StringVar(&m.toFiles, "to-files", "", "servers of the database will keep files at this `url` (their --files); default: in the database")
	cmd.AddCommand(c.migrateStatusCommand())
	return cmd
}

func (c *cli) needDatabase() (string, error) {
	url := c.databaseURL()
	if url == "" {
		return "", usagef("--database-url is needed (or SOJOURN_DATABASE_URL); a data directory is migrated by the server that opens it")
	}
	return url, nil
}

func (c *cli) migrateUp(ctx context.Context) error {
	url, err := c.needDatabase()
	if err != nil {
		return err
	}
	before, after, err := postgres.Migrate(ctx, postgres.Options{DSN: url})
	if err != nil {
		return err
	}
	if before.Version >= after.Version {
		c.say("%s the schema of %s is version %d; nothing to do", c.styles.good("✓"), postgres.Describe(url), after.Version)
		return nil
	}
	c.say("%s the schema of %s went from version %d to %d", c.styles.good("✓"), postgres.Describe(url), before.Version, after.Version)
	return nil
}

func (c *cli) migrateStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "tell which version the schema of the database has",
		Long: `Tell which version the schema of the database has and which one this program knows. The exit code is 1 when
` + "`sojourn migrate`" + ` has something to do or the database is too new for this program, else 0.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			url, err := c.needDatabase()
			if err != nil {
				return err
			}
			x, err := postgres.SchemaOf(cmd.Context(), postgres.Options{DSN: url})
			if err != nil {
				return err
			}
			state := "current"
			switch {
			case x.Version < x.Known:
				state = "behind"
			case x.Needs > x.Known:
				state = "too new"
			case x.Version > x.Known:
				state = "newer, and usable"
			}
			if c.structured() {
				err = c.value(map[string]any{"version": x.Version, "known": x.Known, "needs": x.Needs, "state": state})
			} else {
				_, err = fmt.Fprintf(c.out, "version %d, this program knows %d: %s\n", x.Version, x.Known, state)
			}
			if err == nil && (x.Version < x.Known || x.Needs > x.Known) {
				err = &exitError{code: exitFailed}
			}
			return err
		},
	}
}

// migration says what moves where.
type migration struct {
	from               string
	to                 telemetry.Secret
	fromFiles, toFiles string
}

// move takes a data directory into a database.
func (c *cli) move(ctx context.Context, m *migration) (err error) {
	dir, ok := strings.CutPrefix(m.from, "sqlite:")
	if !ok || dir == "" {
		return usagef("--from %q: write sqlite:DIRECTORY, the directory of a server's --data", m.from)
	}
	if m.to.IsZero() {
		return usagef("--to is needed: the address of an empty database, as postgres://host/database")
	}
	url := m.to.Reveal()
	source, err := sqlite.Open(ctx, sqlite.Config{Path: dir, ReadOnly: true, Locked: true})
	switch {
	case errors.Is(err, os.ErrNotExist):
		return &exitError{exitNotFound, fmt.Errorf("there is no Sojourn data in %s", dir)}
	case errors.Is(err, store.ErrLocked):
		return fmt.Errorf("%w: %s; stop that one first: what it does meanwhile would be lost", server.ErrInUse, dir)
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := postgres.Open(ctx, postgres.Options{DSN: url, Filling: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	taken := fmt.Sprintf("the database %s", postgres.Describe(url))
	home := filepath.Dir(source.Path())
	var contents int
	last := int64(0)
	report, err := transfer.Run(ctx, source, target, transfer.Options{
		Beside: func(ctx context.Context) (err error) {
			if err := moveKey(ctx, filepath.Join(home, "secret.key"), target); err != nil {
				return err
			}
			from := first(m.fromFiles, "file://"+filepath.ToSlash(absolute(filepath.Join(home, "files"))))
			if contents, err = moveFiles(ctx, from, m.toFiles, target); err != nil {
				err = fmt.Errorf("move the contents of files: %w", err)
			}
			return err
		},
		Progress: func(r transfer.Report) {
			if r.Executions/100_000 > last {
				last = r.Executions / 100_000
				c.say("%d executions", r.Executions)
			}
		},
	})
	if err != nil {
		return notEmpty(err, taken, "a move needs an empty one")
	}
	if c.structured() {
		return c.value(struct {
			transfer.Report
			Contents int `json:"contents"`
		}{report, contents})
	}
	c.say("moved %d executions with %d events, %d idempotency keys, %d files and %d deliveries to %s", report.Executions, report.Events,
		report.Keys, report.Files, report.Deliveries, postgres.Describe(url))
	c.say("%s counted, and every invariant holds", c.styles.good("✓"))
	return nil
}

func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path
}

// moveKey keeps the directory's key of secrets in the database, as its servers do that are given none.
func moveKey(ctx context.Context, path string, target *postgres.Store) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // it was given with --secret-key-file, and so it must be from now on
	}
	if err != nil {
		return err
	}
	if _, err := target.SecretKey(ctx, string(text)); err != nil {
		return fmt.Errorf("keep the key of secrets: %w", err)
	}
	return nil
}

// moveFiles copies the contents of files that are not there yet, and returns how many there are.
func moveFiles(ctx context.Context, from, to string, target *postgres.Store) (n int, err error) {
	in, err := blob.Open(from)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out := blob.OpenDatabase(target)
	if to != "" {
		if out, err = blob.Open(to); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, out.Close()) }()
	}
	return copyContents(ctx, in, out)
}
