package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"go.yaml.in/yaml/v4"
)

// Forms of the output.
const (
	outputTable     = "table"
	outputWide      = "wide"
	outputJSON      = "json"
	outputJSONLines = "jsonl"
	outputYAML      = "yaml"
	outputName      = "name"
)

var outputs = []string{outputTable, outputWide, outputJSON, outputJSONLines, outputYAML, outputName}

// structured reports whether the output is for programs: data as the server has it.
func (c *cli) structured() bool {
	return c.output == outputJSON || c.output == outputJSONLines || c.output == outputYAML
}

// column is one column of a table.
type column[T any] struct {
	title string
	wide  bool // only with -o wide
	right bool // numbers
	text  func(T) string
	style func(styles, string) string // nil: plain
}

// list prints items in the form that -o asks for.
func list[T any](c *cli, items []T, columns []column[T], name func(T) string, raw func(T) any) error {
	switch c.output {
	case outputName:
		for _, x := range items {
			if _, err := fmt.Fprintln(c.out, name(x)); err != nil {
				return err
			}
		}
		return nil
	case outputJSON, outputYAML:
		all := make([]any, len(items))
		for i, x := range items {
			all[i] = raw(x)
		}
		return c.value(all)
	case outputJSONLines:
		for _, x := range items {
			if err := c.value(raw(x)); err != nil {
				return err
			}
		}
		return nil
	default:
		return table(c, items, columns)
	}
}

// table prints aligned columns without lines, so that tools can cut them.
func table[T any](c *cli, items []T, columns []column[T]) error {
	var shown []column[T]
	for _, col := range columns {
		if !col.wide || c.output == outputWide {
			shown = append(shown, col)
		}
	}
	cells := make([][]string, len(items))
	widths := make([]int, len(shown))
	for j, col := range shown {
		widths[j] = len(col.title)
	}
	for i, x := range items {
		cells[i] = make([]string, len(shown))
		for j, col := range shown {
			text := oneLine(col.text(x))
			if text == "" {
				text = "-"
			}
			cells[i][j] = text
			widths[j] = max(widths[j], lipgloss.Width(text))
		}
	}
	var b bytes.Buffer
	row := func(texts []string, style func(j int, text string) string) {
		for j, text := range texts {
			pad := strings.Repeat(" ", widths[j]-lipgloss.Width(text))
			switch last := j == len(texts)-1; {
			case shown[j].right:
				b.WriteString(pad + style(j, text))
			case last:
				b.WriteString(style(j, text))
			default:
				b.WriteString(style(j, text) + pad)
			}
			if j < len(texts)-1 {
				b.WriteString("  ")
			}
		}
		b.WriteByte('\n')
	}
	titles := make([]string, len(shown))
	for j, col := range shown {
		titles[j] = col.title
	}
	row(titles, func(_ int, text string) string { return c.plain.faint(text) })
	for _, texts := range cells {
		row(texts, func(j int, text string) string {
			if shown[j].style == nil || text == "-" {
				return text
			}
			return shown[j].style(c.plain, text)
		})
	}
	_, err := c.out.Write(b.Bytes())
	return err
}

// value prints one value in the structured form that -o asks for; json when it asks for none.
func (c *cli) value(v any) error {
	text, err := plainJSON(v)
	if err != nil {
		return err
	}
	switch c.output {
	case outputJSONLines:
	case outputYAML:
		return writeYAML(c.out, text)
	default:
		if text, err = indent(text); err != nil {
			return err
		}
	}
	_, err = c.out.Write(append(text, '\n'))
	return err
}

// plainJSON encodes without the escapes that only HTML needs.
func plainJSON(v any) ([]byte, error) {
	if raw, ok := v.(json.RawMessage); ok {
		var b bytes.Buffer
		err := json.Compact(&b, raw)
		return b.Bytes(), err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func indent(text []byte) ([]byte, error) {
	var b bytes.Buffer
	err := json.Indent(&b, text, "", "  ")
	return b.Bytes(), err
}

// writeYAML prints JSON as YAML. The order of members stays.
func writeYAML(w io.Writer, text []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil { // JSON is YAML
		return err
	}
	block(&doc)
	out, err := yaml.Marshal(&doc)
	if err != nil {
		return err
	}
	_, err = w.Write(out)
	return err
}

// oldBooleans are texts that readers of YAML 1.1 take for true or false unless they are quoted.
var oldBooleans = []string{"y", "n", "yes", "no", "on", "off"}

// block turns JSON's flow style into YAML's block style, and its quotes into those that are needed.
func block(n *yaml.Node) {
	if len(n.Content) > 0 {
		n.Style &^= yaml.FlowStyle
	}
	if n.Kind == yaml.ScalarNode {
		if n.Tag == "!!str" && slices.Contains(oldBooleans, strings.ToLower(n.Value)) {
			return
		}
		n.Style &^= yaml.DoubleQuotedStyle
		if n.Tag == "!!str" {
			n.SetString(n.Value)
		}
	}
	for _, child := range n.Content {
		block(child)
	}
}

// say prints chatter to standard error.
func (c *cli) say(format string, args ...any) {
	if !c.quiet {
		fmt.Fprintf(c.err, format+"\n", args...)
	}
}

// oneLine keeps text from outside from breaking a line or steering the terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0:
			return -1
		default:
			return r
		}
	}, s)
}

// clip shortens a line to the columns it may have.
func clip(s string, most int) string {
	if lipgloss.Width(s) <= most {
		return s
	}
	for i := range s {
		if lipgloss.Width(s[:i]) > most-1 {
			_, size := lastRune(s[:i])
			return s[:i-size] + "…"
		}
	}
	return s
}

func lastRune(s string) (rune, int) {
	r := []rune(s)
	last := r[len(r)-1]
	return last, len(string(last))
}

// short is a length of time for people: 740ms, 3.2s, 4m12s, 2h05m, 3d4h.
func short(d time.Duration) string {
	switch {
	case d <= 0:
		return "0s"
	case d < 100*time.Microsecond:
		return "0.1ms"
	case d < time.Millisecond:
		return fmt.Sprintf("%.1fms", float64(d)/1e6)
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
	}
}

// age is how long ago something was.
func age(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return whole(time.Since(t))
}

// whole is short in whole seconds, for what changes while one looks.
func whole(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%ds", max(int(d.Seconds()), 0))
	}
	return short(d)
}

// clock is a time as a list shows it.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}
