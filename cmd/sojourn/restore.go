package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/cells"
	"github.com/sojournhq/sojourn/internal/store/postgres"
	"github.com/sojournhq/sojourn/internal/store/sqlite"
)

func (c *cli) restoreCommand() *cobra.Command {
	var files string
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "put a backup into an empty directory or database",
		Long: `Put a backup that ` + "`sojourn backup`" + ` wrote into the directory of --data or the database of --database-url, where
nothing may be yet. Workers of the old servers are then refused: what they held is offered again.

A backup of several databases that are used as one is a folder with a file for each: restore every one of them, into an
empty database of its own. One alone cannot be taken back: the others would know of what it does not.

--files puts the copied contents of files beside the data.`,
		Example: `  sojourn restore /backup/sojourn.db --data /var/lib/sojourn --files /backup/files
  sojourn restore /backup/sojourn.backup --database-url postgres://sojourn@db.internal/sojourn`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if url := c.databaseURL(); url != "" {
				if err := oneDatabase(url, args[0]); err != nil {
					return err
				}
				if files != "" {
					return usagef("--files is for a data directory: restore them where the servers of the database keep files")
				}
				if err := postgres.Restore(cmd.Context(), postgres.Options{DSN: url}, args[0]); err != nil {
					return notEmpty(err, "the database "+postgres.Describe(url), "a backup goes into an empty one")
				}
				c.say("restored %s to %s", args[0], postgres.Describe(url))
				return c.sayCell(cmd.Context(), url)
			}
			return c.restoreFile(cmd.Context(), args[0], files)
		},
	}
	cmd.Flags().StringVar(&files, "files", "", "also put the contents of files there, from this `folder` of a backup")
	return cmd
}

// oneDatabase refuses several databases, and the folder that is the backup of several.
func oneDatabase(url, from string) error {
	if n := len(postgres.Addresses(url)); n > 1 {
		return usagef("%d databases are named: restore the file of each, one after the other, with its own --database-url, all from the same backup; "+
			"one database alone cannot be taken back to a backup while the others go on", n)
	}
	if info, err := os.Stat(from); err == nil && info.IsDir() {
		return usagef("%s is a folder, the backup of several databases: restore each file in it (%s and so on) into an empty database of its own", from, cells.BackupName(0))
	}
	return nil
}

// sayCell says so when what was restored is only a part.
func (c *cli) sayCell(ctx context.Context, url string) (err error) {
	s, err := postgres.Open(ctx, postgres.Options{DSN: url, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	seat, err := s.Seat(ctx)
	if err != nil || seat == nil {
		return err
	}
	c.say("this is number %d of databases that are used as one: restore the others from the same backup before a server starts", seat.Number)
	return nil
}

// notEmpty says what to do about a place that is taken.
func notEmpty(err error, place, advice string) error {
	if errors.Is(err, store.ErrNotEmpty) {
		return usagef("%s is not empty; %s", place, advice)
	}
	return err
}

// restoreFile puts the copy of a SQLite store into the data directory.
func (c *cli) restoreFile(ctx context.Context, from, files string) error {
	dir := c.dataDir()
	target := filepath.Join(dir, sqlite.FileName)
	if _, err := os.Lstat(target); err == nil {
		return usagef("there is data in %s already; restore to an empty directory", dir)
	}
	// What is no backup is refused before anything is made of it.
	s, err := sqlite.Open(ctx, sqlite.Config{Path: from, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("%s is no backup: %w", from, err)
	}
	if err := s.Close(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if files != "" {
		n, err := copyFiles(ctx, files, filepath.Join(dir, "files"))
		if err != nil {
			return err
		}
		c.say("restored %d files", n)
	}
	if err := copyWhole(from, target); err != nil {
		return err
	}
	c.say("restored %s to %s", from, dir)
	return nil
}

// copyWhole copies a file to a new one, which has its name only when it is complete and on the disk.
func copyWhole(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.CreateTemp(filepath.Dir(to), ".restore-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if removed := os.Remove(out.Name()); removed != nil && !errors.Is(removed, os.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	// A link, other than a rename, fails when something has the name by now.
	return os.Link(out.Name(), to)
}
