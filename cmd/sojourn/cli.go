package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/sojournhq/sojourn/internal/telemetry"
)

// cli is one run of the program: where it reads and writes, and the flags that every command has.
type cli struct {
	env    map[string]string
	in     io.Reader
	out    io.Writer
	err    io.Writer
	styles styles // of standard error
	plain  styles // of standard output

	url    string
	apiKey string
	data   string
	db     telemetry.Secret // --database-url
	output string
	quiet  bool

	dataGiven bool
	dbGiven   bool
}

func newCLI(env map[string]string, in io.Reader, out, errw io.Writer) *cli {
	c := &cli{env: env, in: in, out: out, err: errw}
	c.styles = newStyles(c.colors(errw))
	c.plain = newStyles(c.colors(out))
	return c
}

// lookup finds an environment variable.
func (c *cli) lookup(name string) (string, bool) {
	v, ok := c.env[name]
	return v, ok
}

// terminal reports whether w is a terminal that understands control sequences.
func (c *cli) terminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && c.env["TERM"] != "dumb"
}

// colors reports whether output to w is coloured: NO_COLOR forbids it, CLICOLOR_FORCE demands it, otherwise terminals
// have it.
func (c *cli) colors(w io.Writer) bool {
	if c.env["NO_COLOR"] != "" {
		return false
	}
	if force := c.env["CLICOLOR_FORCE"]; force != "" && force != "0" {
		return true
	}
	return c.terminal(w) && c.env["CLICOLOR"] != "0"
}

// width is how many columns w has.
func (c *cli) width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return 80
}

const (
	groupServer  = "server"
	groupWork    = "work"
	groupManage  = "manage"
	outputHelp   = "`form` of the output: table, wide, json, jsonl, yaml or name"
	description  = "Sojourn runs work that must not get lost: every step it acknowledged survives a crash."
	rootExamples = `  sojourn dev                                     try it: a local server with demo workflows
  sojourn run echo -f name=Ada                    start a workflow, watch it, print its result
  sojourn execution list --status running,waiting
  sojourn execution watch exec_01jd…`
)

// command is the whole command line.
func (c *cli) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "sojourn",
		Short:         description,
		Long:          description,
		Example:       rootExamples,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if f := cmd.Flags().Lookup("data"); f != nil {
				c.dataGiven = f.Changed
			}
			if f := cmd.Flags().Lookup("database-url"); f != nil {
				c.dbGiven = f.Changed
			}
			if c.dataGiven && c.dbGiven {
				return usagef("--data and --database-url exclude each other")
			}
			if !slices.Contains(outputs, c.output) {
				return usagef("-o %s: choose one of %s", c.output, strings.Join(outputs, ", "))
			}
			return nil
		},
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w; see `%s --help`", err, cmd.CommandPath())
	})
	root.AddGroup(
		&cobra.Group{ID: groupServer, Title: "Run a server:"},
		&cobra.Group{ID: groupWork, Title: "Work with executions:"},
		&cobra.Group{ID: groupManage, Title: "Look after it:"},
	)
	c.clientFlags(root.PersistentFlags())
	add := func(group string, commands ...*cobra.Command) {
		for _, x := range commands {
			x.GroupID = group
			root.AddCommand(x)
		}
	}
	add(groupServer, c.devCommand(), c.serveCommand())
	add(groupWork, c.runCommand(), c.executionCommand(), c.eventsCommand(), c.workflowCommand(), c.workerCommand(), c.fileCommand())
	add(groupManage, c.keyCommand(), c.webhookCommand(), c.listenCommand(), c.projectCommand(), c.backupCommand(), c.restoreCommand(), c.migrateCommand(), c.fenceCommand(), c.auditCommand(), c.cellsCommand(), c.healthCommand(), c.dashboardCommand())
	root.AddCommand(c.versionCommand())
	wrapArgs(root)
	return root
}

// clientFlags are the flags of every command that talks to a server.
func (c *cli) clientFlags(fs *pflag.FlagSet) {
	fs.StringVar(&c.url, "url", "", "`address` of the server (SOJOURN_BASE_URL); default: the server of --data, else http://127.0.0.1:7373")
	fs.StringVar(&c.apiKey, "api-key", "", "API `key` (SOJOURN_API_KEY); default: the key of the server of --data")
	fs.StringVar(&c.data, "data", "", "data `directory` of a server on this machine; default .sojourn")
	fs.Var(&c.db, "database-url", "`url` of the PostgreSQL database of servers (SOJOURN_DATABASE_URL), for commands that open the data themselves")
	fs.StringVarP(&c.output, "output", "o", "table", outputHelp)
	fs.BoolVarP(&c.quiet, "quiet", "q", false, "print data and errors only")
}

// wrapArgs turns cobra's complaints about arguments into usage errors that help.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			switch {
			case err == nil:
				return nil
			case !cmd.HasSubCommands():
				return usagef("%d arguments do not fit; usage: %s", len(args), cmd.UseLine())
			}
			text := fmt.Sprintf("there is no command %q", cmd.CommandPath()+" "+args[0])
			if cmd.SuggestionsMinimumDistance <= 0 {
				cmd.SuggestionsMinimumDistance = 2
			}
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				text += "; did you mean " + strings.Join(near, " or ") + "?"
			}
			return usagef("%s (`%s --help` lists them)", text, cmd.CommandPath())
		}
	}
	for _, child := range cmd.Commands() {
		wrapArgs(child)
	}
}

// interrupted reports whether the user or the system asked the program to stop.
func interrupted(ctx context.Context) bool { return ctx.Err() != nil }
