package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/sdk/go"
)

func (c *cli) fileCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "file",
		Aliases: []string{"files"},
		Short:   "upload, download and list files",
		Args:    cobra.NoArgs,
		RunE:    needsSubcommand,
	}
	cmd.AddCommand(c.fileUploadCommand(), c.fileListCommand(), c.fileGetCommand(), c.fileDownloadCommand(), c.fileDeleteCommand())
	return cmd
}

var fileColumns = []column[*sojourn.File]{
	{title: "ID", text: func(f *sojourn.File) string { return f.ID }},
	{title: "NAME", text: func(f *sojourn.File) string { return oneLine(f.Name) }},
	{title: "SIZE", right: true, text: func(f *sojourn.File) string { return fmt.Sprint(f.Size) }},
	{title: "TYPE", text: func(f *sojourn.File) string { return oneLine(f.MIMEType) }},
	{title: "AGE", right: true, text: func(f *sojourn.File) string { return age(f.CreatedAt) }},
	{title: "EXPIRES", text: func(f *sojourn.File) string { return clock(f.ExpiresAt) }},
	{title: "SHA256", wide: true, text: func(f *sojourn.File) string { return f.SHA256 }},
	{title: "CREATED", wide: true, text: func(f *sojourn.File) string { return clock(f.CreatedAt) }},
}

func fileName(f *sojourn.File) string { return f.ID }

// instant is how the API writes times.
const instant = "2006-01-02T15:04:05.000Z"

// fileRaw is a file as the API shows it.
func fileRaw(f *sojourn.File) any {
	out := &tree{}
	out.set("id", f.ID)
	out.set("filename", f.Name)
	out.set("mime_type", f.MIMEType)
	out.set("size", f.Size)
	out.set("sha256", f.SHA256)
	out.set("created_at", f.CreatedAt.UTC().Format(instant))
	if !f.ExpiresAt.IsZero() {
		out.set("expires_at", f.ExpiresAt.UTC().Format(instant))
	}
	return out
}

// showFile prints one file.
func (c *cli) showFile(f *sojourn.File) error {
	switch c.output {
	case outputName:
		_, err := fmt.Fprintln(c.out, f.ID)
		return err
	case outputTable, outputWide:
		return table(c, []*sojourn.File{f}, fileColumns)
	default:
		return c.value(fileRaw(f))
	}
}

func (c *cli) fileUploadCommand() *cobra.Command {
	var name, mimeType string
	cmd := &cobra.Command{
		Use:   "upload PATH",
		Short: "store a file",
		Long: `Store a file, or standard input with -. It is removed after 24 hours unless an execution refers to it by then.

To start an execution with a file, run and start upload it by themselves: see their flags -F and --file.`,
		Example: `  sojourn file upload contract.pdf
  tar c src | sojourn file upload - --name src.tar
  sojourn run file -F document="{\"fileId\": \"$(sojourn file upload contract.pdf -o name)\"}"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			content, called := c.in, "file"
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return usagef("%w", err)
				}
				defer func() { _ = f.Close() }() // it was only read
				content, called = f, filepath.Base(args[0])
			}
			f, err := client.Files.Upload(cmd.Context(), first(name, called), content, sojourn.MIMEType(mimeType))
			if err != nil {
				return err
			}
			return c.showFile(f)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "`name` of the file; default: that of the path")
	cmd.Flags().StringVar(&mimeType, "type", "", "media `type`, as application/pdf; default: by the extension of the name")
	return cmd
}

func (c *cli) fileListCommand() *cobra.Command {
	var p sojourn.FileListParams
	var all bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "list files, newest first",
		Example: `  sojourn file list
  sojourn file list --execution exec_01jd…`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			var files []*sojourn.File
			for f, err := range client.Files.All(cmd.Context(), p) {
				if err != nil {
					return err
				}
				if files = append(files, f); !all && len(files) == p.Limit {
					break
				}
			}
			if len(files) == 0 && !c.structured() {
				c.say("no files")
				return nil
			}
			return list(c, files, fileColumns, fileName, fileRaw)
		},
	}
	cmd.Flags().StringVar(&p.ExecutionID, "execution", "", "only those that the execution with this `id` refers to")
	cmd.Flags().IntVar(&p.Limit, "limit", 20, "at most this `many`, up to 100")
	cmd.Flags().BoolVar(&all, "all", false, "all of them")
	return cmd
}

func (c *cli) fileGetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "get ID",
		Short: "show what is known of a file",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			f, err := client.Files.Get(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.showFile(f)
		},
	}
}

func (c *cli) fileDownloadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "download ID [PATH]",
		Short: "write a file's content to a path or to standard output",
		Long: `Write a file's content to a new file, into a directory under the file's own name, or to standard output. It appears
under its name only when it is whole, and never overwrites anything.`,
		Example: `  sojourn file download file_01jd… contract.pdf
  sojourn file download file_01jd… downloads/
  sojourn file download file_01jd… | tar t`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			if len(args) == 1 || args[1] == "-" {
				_, err := client.Files.Download(cmd.Context(), args[0], c.out)
				return err
			}
			path := args[1]
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				f, err := client.Files.Get(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				name := filepath.Base(filepath.Clean(f.Name))
				if !filepath.IsLocal(name) {
					name = f.ID
				}
				path = filepath.Join(path, name)
			}
			n, err := writeNew(path, func(w io.Writer) (int64, error) { return client.Files.Download(cmd.Context(), args[0], w) })
			if err != nil {
				return err
			}
			c.say("wrote %s, %d bytes", path, n)
			return nil
		},
	}
}

// writeNew makes a file that appears under its name when it is whole.
func writeNew(path string, fill func(io.Writer) (int64, error)) (n int64, err error) {
	if _, err := os.Lstat(path); err == nil {
		return 0, usagef("%s is there already; a download never overwrites", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".sojourn-download-*")
	if err != nil {
		return 0, err
	}
	defer func() {
		if removed := os.Remove(f.Name()); removed != nil && !errors.Is(removed, os.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	n, err = fill(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return n, err
	}
	// A link, other than a rename, fails when something has the name by now.
	if err := os.Link(f.Name(), path); err != nil {
		return n, err
	}
	return n, nil
}

func (c *cli) fileDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "delete ID…",
		Short: "remove files",
		Long:  "Remove files. One that an execution refers to which has not ended is kept, and the command fails.",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			for _, id := range args {
				if err := client.Files.Delete(cmd.Context(), id); err != nil {
					return err
				}
				c.say("removed %s", id)
			}
			return nil
		},
	}
}
