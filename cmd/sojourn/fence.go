package main

import (
	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/internal/store/postgres"
)

func (c *cli) fenceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "fence",
		Short: "begin a new epoch after the database was restored by other means",
		Long: `Tell the database that it was restored by other means than ` + "`sojourn restore`" + `: from a base backup, to a point in time
or from a snapshot of its disk. Run it once, before the first server is started on it.

What the servers of before did after that point in time is gone, and their workers may still be at it. A new epoch begins:
reports of those workers are refused, what they held is offered again, and readers of the stream of events are told that
their place is gone. Doing it twice does no harm. A standby that was promoted lost nothing and needs no fence, when it was
a synchronous one.`,
		Example: `  sojourn fence --database-url postgres://sojourn@db.internal/sojourn`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			url := c.databaseURL()
			if url == "" {
				return usagef("--database-url is needed; a data directory has its new epoch by `sojourn backup` and `sojourn restore`")
			}
			before, after, err := postgres.Fence(cmd.Context(), postgres.Options{DSN: url})
			if err != nil {
				return err
			}
			c.say("%s has a new epoch: %x, it was %x", postgres.Describe(url), after, before)
			return nil
		},
	}
}
