package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/internal/blob"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/sqlite"
)

func (c *cli) backupCommand() *cobra.Command {
	var files string
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "copy the data to a file, also while a server uses it",
		Long: `Write a consistent copy of the data in --data or --database-url to a new file, also while servers use it.
` + "`sojourn restore`" + ` puts it into an empty directory or database. Workers of the old servers are then refused.

The contents of files are not in the database file of --data. --files copies them from the folder files of --data to a new folder, which
is restored beside sojourn.db as files. When the server keeps files elsewhere, back them up there, after the database.`,
		Example: `  sojourn backup --data /var/lib/sojourn /backup/sojourn-$(date +%F).db
  sojourn backup --data /var/lib/sojourn --files /backup/files /backup/sojourn.db`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			s, dir, err := c.openData(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			if files != "" && dir == "" {
				return usagef("--files is for a data directory: a backup of a database has the contents that lie in it, and a bucket is backed up where it is")
			}
			if err := s.Backup(cmd.Context(), args[0]); err != nil {
				if errors.Is(err, os.ErrExist) {
					return usagef("%s is there already; a backup never overwrites", args[0])
				}
				return err
			}
			info, err := os.Stat(args[0])
			if err != nil {
				return err
			}
			c.say("wrote %s, %d KiB", args[0], (info.Size()+1023)/1024)
			if files == "" {
				return nil
			}
			// After the database: it has no record of a file whose content comes too late.
			n, err := copyFiles(cmd.Context(), filepath.Join(dir, "files"), files)
			if err != nil {
				return err
			}
			c.say("wrote %s, %d files", files, n)
			return nil
		},
	}
	cmd.Flags().StringVar(&files, "files", "", "copy the contents of files to this new `folder` too")
	return cmd
}

// copyFiles copies a folder of contents to a new one and returns how many there were.
func copyFiles(ctx context.Context, from, to string) (n int, err error) {
	if _, err := os.Lstat(to); err == nil {
		return 0, usagef("%s is there already; a backup never overwrites", to)
	}
	source, err := blob.OpenFolder(from)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := blob.OpenFolder(to)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	return copyContents(ctx, source, target)
}

// copyContents copies every content that is not there yet and returns how many there are.
func copyContents(ctx context.Context, from, to blob.Store) (n int, err error) {
	err = from.Each(ctx, func(name string) error {
		r, err := from.Open(ctx, name, 0, -1)
		if errors.Is(err, blob.ErrNotFound) {
			return nil // removed meanwhile
		}
		if err != nil {
			return err
		}
		if _, err = to.Put(ctx, name, r); errors.Is(err, blob.ErrExists) {
			err = nil
		}
		n++
		return errors.Join(err, r.Close())
	})
	return n, err
}

func (c *cli) auditCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "audit",
		Short: "check the data against every invariant, also while a server uses it",
		Long: `Check the data in --data or --database-url against every invariant that the server promises to keep, also while a server uses it.
It only reads. The exit code is 1 when something is violated.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			s, _, err := c.openData(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			findings, err := s.Audit(cmd.Context())
			if err != nil {
				return err
			}
			if len(findings) == 0 && !c.structured() {
				c.say("%s every invariant holds", c.styles.good("✓"))
				return nil
			}
			type finding struct {
				Invariant string `json:"invariant"`
				Promise   string `json:"promise"`
				Subject   string `json:"subject"`
			}
			err = list(c, findings, []column[store.Finding]{
				{title: "INVARIANT", text: func(f store.Finding) string { return f.Invariant }, style: styles.bad},
				{title: "BROKEN BY", text: func(f store.Finding) string { return f.Subject }},
				{title: "PROMISE", text: func(f store.Finding) string { return f.Promise }},
			}, func(f store.Finding) string { return f.Invariant }, func(f store.Finding) any { return finding(f) })
			if err != nil || len(findings) == 0 {
				return err
			}
			return &exitError{exitFailed, fmt.Errorf("%d violations", len(findings))}
		},
	}
}

// openData opens the data for reading, also while servers use it: the database, or the directory, which is returned too.
func (c *cli) openData(ctx context.Context) (s store.Store, dir string, err error) {
	if url := c.databaseURL(); url != "" {
		s, err = readDatabases(ctx, url)
		return s, "", err
	}
	file, err := sqlite.Open(ctx, sqlite.Config{Path: c.dataDir(), ReadOnly: true})
	if err != nil {
		return nil, "", c.noData(err)
	}
	return file, filepath.Dir(file.Path()), nil
}

// noData explains a directory without data.
func (c *cli) noData(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return &exitError{exitNotFound, fmt.Errorf("there is no Sojourn data in %s; name its directory with --data", c.dataDir())}
	}
	return err
}
