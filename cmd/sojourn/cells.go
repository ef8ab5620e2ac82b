package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/cells"
	"github.com/sojournhq/sojourn/internal/store/postgres"
	"github.com/sojournhq/sojourn/server"
)

func (c *cli) cellsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cells",
		Short: "use several databases as one, and share the executions among them",
		Long: `Several PostgreSQL databases can be used as one: its cells. Name them all, the home first, as URLs with spaces between
them, in --database-url or SOJOURN_DATABASE_URL, for these commands and for every server.

Executions lie in 1024 shards, each of which is in one cell. A database that joins is empty and gets no shards by itself:
stop no server, start each of them again with the longer list, one after the other, then run ` + "`sojourn cells balance`" + `.`,
	}
	cmd.AddCommand(c.cellsStatusCommand(), c.cellsBalanceCommand(), c.cellsMoveCommand())
	return cmd
}

// withCells opens the databases for the time of f.
func (c *cli) withCells(ctx context.Context, f func(*server.Cells) error) (err error) {
	url := c.databaseURL()
	if len(postgres.Addresses(url)) < 2 {
		return usagef("name all databases that are used as one, as URLs with spaces between them, in --database-url or SOJOURN_DATABASE_URL")
	}
	s, err := server.OpenCells(ctx, server.Config{Database: url, DatabaseWait: -1, Version: version, NoListener: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	s.Progress(func(from, to string, shards int) { c.say("moved %d shards from %s to %s", shards, from, to) })
	return f(s)
}

func (c *cli) cellsStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "show which cell has how many shards",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withCells(cmd.Context(), func(s *server.Cells) error {
				list, err := s.Status(cmd.Context())
				if err != nil {
					return err
				}
				for _, x := range list {
					line := fmt.Sprintf("%d  %s  %d shards", x.Number, x.Name, x.Shards)
					if x.Moving > 0 {
						line += fmt.Sprintf(", %d on their way: run sojourn cells balance, unless it runs", x.Moving)
					}
					if _, err := fmt.Fprintln(c.out, line); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func (c *cli) cellsBalanceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "balance",
		Short: "give every cell the same number of shards, while servers go on",
		Long: `Move shards until every cell has the same number of them. Servers go on meanwhile; what they write to shards on their
way is answered 503 for a few seconds and repeated by clients. 32 shards move at a time. When it is interrupted, run it
again. Run one at a time, and only when every server has the whole list of databases.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withCells(cmd.Context(), func(s *server.Cells) error { return s.Balance(cmd.Context()) })
		},
	}
}

func (c *cli) cellsMoveCommand() *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use:   "move FROM TO",
		Short: "move shards from one cell to another, by their numbers",
		Long: `Move shards from one cell to another, while servers go on. A cell without shards has nothing any more but copies of the
catalog; when it is the one with the highest number, its database can be left out of the list.`,
		Example: `  sojourn cells move 2 0 --shards 1024    # empty cell 2`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, errFrom := strconv.Atoi(args[0])
			to, errTo := strconv.Atoi(args[1])
			if errFrom != nil || errTo != nil || n < 1 {
				return usagef("FROM and TO are numbers of cells, and --shards is 1 or more")
			}
			return c.withCells(cmd.Context(), func(s *server.Cells) error { return s.Move(cmd.Context(), from, to, n) })
		},
	}
	cmd.Flags().IntVar(&n, "shards", 32, "move at most this `many` shards")
	return cmd
}

// readDatabases opens a database, or all that are used as one, for reading only.
func readDatabases(ctx context.Context, url string) (store.Store, error) {
	addresses := postgres.Addresses(url)
	if len(addresses) == 1 {
		return postgres.Open(ctx, postgres.Options{DSN: url, ReadOnly: true})
	}
	config := cells.Config{ReadOnly: true}
	for _, dsn := range addresses {
		db, err := postgres.Open(ctx, postgres.Options{DSN: dsn, ReadOnly: true})
		if err == nil {
			config.Cells = append(config.Cells, cells.Cell{Name: postgres.Describe(dsn), Store: db})
			continue
		}
		for _, x := range config.Cells {
			err = errors.Join(err, x.Store.Close())
		}
		return nil, err
	}
	s, err := cells.New(ctx, config)
	if err != nil {
		for _, x := range config.Cells {
			err = errors.Join(err, x.Store.Close())
		}
		return nil, err
	}
	return s, nil
}
