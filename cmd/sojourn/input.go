package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sojournhq/sojourn/internal/config"
	"github.com/sojournhq/sojourn/sdk/go"
)

// maxInput is the most bytes of an input that the server takes.
const maxInput = 1 << 20

// startFlags are the flags of a start.
type startFlags struct {
	fields   []field // -f and -F, in the order given
	input    string
	metadata []string
	key      string
	version  string
	priority int
	startAt  string
	delay    config.Duration
	deadline config.Duration
	queueTTL config.Duration
	callback string
}

func (s *startFlags) add(fs *pflag.FlagSet) {
	fs.VarP(&fieldFlag{&s.fields, fieldText}, "field", "f", "input member as text: `name=text`; repeat for more, lines[0].qty=1 reaches inside")
	fs.VarP(&fieldFlag{&s.fields, fieldJSON}, "json-field", "F", "input member as JSON: `name=value`, or name=@file for the JSON or text in a file; any other file is uploaded")
	fs.Var(&fieldFlag{&s.fields, fieldFile}, "file", "input member that is an uploaded file: `name=path`, whatever is in it")
	fs.StringVar(&s.input, "input", "", "whole input: a `JSON` object, @file, or - for standard input; -f and -F then change it")
	fs.StringArrayVar(&s.metadata, "metadata", nil, "`name=text` to find it by later; repeat for more")
	fs.StringVar(&s.key, "idempotency-key", "", "start it only once for this `text`: a repeat answers the first execution")
	fs.StringVar(&s.version, "version", "", "workflow `version`, a label or number; default: the current one")
	fs.IntVar(&s.priority, "priority", 0, "-100 to 100: a higher `number` is taken first")
	fs.StringVar(&s.startAt, "start-at", "", "do not start before this `time`, as 2027-01-31T08:00:00Z")
	fs.Var(&s.delay, "delay", "do not start before this `time` has passed")
	fs.Var(&s.deadline, "deadline", "cancel it when this `time` has passed since its start")
	fs.StringVar(&s.callback, "callback-url", "", "send one signed message to this `url` when it has ended")
	fs.Var(&s.queueTTL, "queue-ttl", "reject it when no worker takes it within this `time`")
	for _, name := range []string{"delay", "deadline", "queue-ttl"} {
		fs.Lookup(name).DefValue = ""
	}
}

// field is one member of the input.
type field struct {
	path, text string
	kind       fieldKind
}

// fieldKind is how the text of a field is meant.
type fieldKind uint8

const (
	fieldText fieldKind = iota
	fieldJSON
	fieldFile
)

// fieldFlag collects fields. Two flags fill one list, so that the members keep the order of the command line.
type fieldFlag struct {
	list *[]field
	kind fieldKind
}

// Set takes one name=text.
func (f *fieldFlag) Set(given string) error {
	path, text, ok := strings.Cut(given, "=")
	if !ok || path == "" {
		if f.kind == fieldFile {
			return errors.New("write name=path")
		}
		return errors.New("write name=text")
	}
	*f.list = append(*f.list, field{path, text, f.kind})
	return nil
}

// String is the default, which is empty.
func (f *fieldFlag) String() string { return "" }

// Type names the value in the help of flags.
func (f *fieldFlag) Type() string { return "name=text" }

// startParams puts a start together.
func (c *cli) startParams(ctx context.Context, workflow string, s *startFlags) (sojourn.StartParams, error) {
	p := sojourn.StartParams{
		Workflow: workflow, IdempotencyKey: s.key, Version: s.version, Priority: s.priority, Trigger: "cli",
		Delay: time.Duration(s.delay), Timeout: time.Duration(s.deadline), QueueTTL: time.Duration(s.queueTTL), CallbackURL: s.callback,
	}
	if s.startAt != "" {
		at, err := time.Parse(time.RFC3339, s.startAt)
		if err != nil {
			return p, usagef("--start-at %q is not a time such as 2027-01-31T08:00:00Z", s.startAt)
		}
		p.StartAt = at
	}
	var err error
	if p.Metadata, err = pairs("--metadata", s.metadata); err != nil {
		return p, err
	}
	p.Input, err = c.readInput(ctx, s)
	return p, err
}

// pairs reads name=text flags.
func pairs(flag string, given []string) (map[string]string, error) {
	if len(given) == 0 {
		return nil, nil
	}
	out := make(map[string]string, len(given))
	for _, g := range given {
		name, text, ok := strings.Cut(g, "=")
		if !ok || name == "" {
			return nil, usagef("%s %q: write name=text", flag, g)
		}
		out[name] = text
	}
	return out, nil
}

// readInput is the input that the flags describe, as JSON. Files are uploaded when everything else is in order.
func (c *cli) readInput(ctx context.Context, s *startFlags) (json.RawMessage, error) {
	whole := json.RawMessage("{}")
	if s.input != "" {
		text, from, err := c.content(s.input)
		if err != nil {
			return nil, err
		}
		if err := checkObject(text); err != nil {
			return nil, usagef("%s: %w", from, err)
		}
		whole = text
	}
	if len(s.fields) == 0 {
		return whole, nil // as it is written, numbers included
	}
	root, err := decodeTree(whole)
	if err != nil {
		return nil, usagef("--input: %w", err)
	}
	uploads := map[*tree]string{} // what stands for a file until it is uploaded, and its path
	for _, f := range s.fields {
		var v any = f.text
		upload := ""
		switch f.kind {
		case fieldText:
		case fieldJSON:
			v, upload, err = c.memberValue(f.text)
		case fieldFile:
			upload = strings.TrimPrefix(f.text, "@")
			_, err = os.Stat(upload)
		}
		if err == nil && upload != "" {
			place := &tree{}
			v, uploads[place] = place, upload
		}
		if err == nil {
			root, err = assign(root, f.path, v)
		}
		if err != nil {
			return nil, usagef("%s: %w", f.path, err)
		}
	}
	for place, path := range uploads {
		if err := c.uploadInto(ctx, place, path); err != nil {
			return nil, err
		}
	}
	return plainJSON(root)
}

// uploadInto uploads a file and makes its place in the input a reference to it.
func (c *cli) uploadInto(ctx context.Context, place *tree, path string) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	f, err := client.Files.UploadPath(ctx, path)
	if err != nil {
		return err
	}
	c.say("uploaded %s, %s", path, f.ID)
	place.set("fileId", f.ID)
	return nil
}

// memberValue is the value of -F: JSON, the JSON in a file, or the text of a file that holds none. A file that holds
// neither, or too much for an input, is to be uploaded: then it is the path.
func (c *cli) memberValue(text string) (v any, upload string, err error) {
	path, isFile := strings.CutPrefix(text, "@")
	if !isFile && text != "-" {
		v, err := decodeTree([]byte(text))
		if err != nil {
			return nil, "", fmt.Errorf("%q is not JSON (for a text use -f): %w", text, err)
		}
		return v, "", nil
	}
	isFile = isFile && path != "-"
	if info, err := os.Stat(path); isFile && err == nil && info.Mode().IsRegular() && info.Size() > maxInput {
		return nil, path, nil
	}
	content, from, err := c.content(text)
	if err != nil {
		return nil, "", err
	}
	if v, err := decodeTree(content); err == nil {
		return v, "", nil
	}
	if validText(content) {
		return string(content), "", nil
	}
	if isFile {
		return nil, path, nil
	}
	return nil, "", fmt.Errorf("%s holds neither JSON nor text", from)
}

// content is what @file or - stands for, or the text itself, and where it comes from.
func (c *cli) content(arg string) (text []byte, from string, err error) {
	var r io.Reader
	switch name, isFile := strings.CutPrefix(arg, "@"); {
	case arg == "-" || arg == "@-":
		r, from = c.in, "standard input"
		if c.terminal(c.in) {
			c.say("reading the input from standard input; end it with Ctrl-D")
		}
	case isFile:
		f, err := os.Open(name)
		if err != nil {
			return nil, name, usagef("%w", err)
		}
		defer func() { _ = f.Close() }() // it was only read
		r, from = f, name
	default:
		return []byte(arg), "--input", nil
	}
	text, err = io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return nil, from, fmt.Errorf("read %s: %w", from, err)
	}
	if len(text) > maxInput {
		return nil, from, usagef("%s has more than 1 MiB, the most an input can have; put what is large elsewhere and send its address", from)
	}
	return text, from, nil
}

// checkObject refuses what is not one JSON object, and says where.
func checkObject(text []byte) error {
	v, err := decodeTree(text)
	if err != nil {
		return err
	}
	if _, ok := v.(*tree); !ok {
		return errors.New("the input must be a JSON object, such as {\"name\": \"Ada\"}")
	}
	return nil
}

// where turns an offset into line and column.
func where(text []byte, offset int64) string {
	before := string(text[:min(max(offset-1, 0), int64(len(text)))])
	line := strings.Count(before, "\n") + 1
	col := len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
	return "line " + strconv.Itoa(line) + ", column " + strconv.Itoa(col)
}

// completeWorkflows offers the names of the server's workflows.
func (c *cli) completeWorkflows(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	client, err := c.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := completionContext(cmd)
	defer cancel()
	var names []string
	for w, err := range client.Workflows.All(ctx, sojourn.WorkflowListParams{Limit: 100}) {
		if err != nil {
			break
		}
		if strings.HasPrefix(w.Name, typed) {
			names = append(names, cobra.CompletionWithDesc(w.Name, oneLine(w.Description)))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeExecutions offers the latest executions; with states, only those in one of them.
func (c *cli) completeExecutions(states ...sojourn.Status) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		client, err := c.client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := completionContext(cmd)
		defer cancel()
		page, err := client.Executions.List(ctx, sojourn.ListParams{Limit: 100, Status: states})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var ids []string
		for _, x := range page.Data {
			if strings.HasPrefix(x.ID, typed) {
				ids = append(ids, cobra.CompletionWithDesc(x.ID, workflowName(x)+" "+string(x.Status)+" "+age(x.CreatedAt)+" ago"))
			}
		}
		return ids, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}
