package invoice

import (
	"strings"
	"unicode/utf8"
)

// Bounds on the text that the finders look at, whatever the caller hands in.
const (
	maxLines     = 50_000
	maxLineRunes = 4_000
)

// A cell is text that stands together in a line. start and end are columns.
type cell struct {
	start, end int
	text       string
	// folded is the text in the form that labels are compared in.
	folded string
}

func newCell(start, end int, text string) cell {
	return cell{start: start, end: end, text: text, folded: fold(text)}
}

// A line is one row of a page.
type line struct {
	cells []cell
	page  int
	// gap says that there is a larger gap above.
	gap bool
}

func (c cell) mid() int { return (c.start + c.end) / 2 }

// apart is the number of columns between two cells, 0 when they overlap.
func (c cell) apart(o cell) int {
	switch {
	case c.end <= o.start:
		return o.start - c.end + 1
	case o.end <= c.start:
		return c.start - o.end + 1
	}
	return 0
}

func (l line) text() string {
	words := make([]string, len(l.cells))
	for i, c := range l.cells {
		words[i] = c.text
	}
	return strings.Join(words, "  ")
}

// readLines takes the output of [Text] apart again. The first line of a page
// counts as standing apart.
func readLines(pages []string) []line {
	var out []line
	for number, page := range pages {
		gap := true
		for text := range strings.SplitSeq(page, "\n") {
			cells := readCells(text)
			if len(cells) == 0 {
				gap = true
				continue
			}
			if len(out) >= maxLines {
				return out
			}
			out = append(out, line{cells: cells, page: number, gap: gap})
			gap = false
		}
	}
	return out
}

func readCells(text string) []cell {
	var out []cell
	column := 0
	blanks := 2
	for _, r := range text {
		if r == ' ' || r == '\t' || r == '\r' || r == utf8.RuneError {
			blanks++
			column++
			continue
		}
		if column >= maxLineRunes {
			break
		}
		if blanks >= 2 || len(out) == 0 {
			out = append(out, cell{start: column})
		} else if blanks == 1 {
			out[len(out)-1].text += " "
		}
		c := &out[len(out)-1]
		c.text += string(r)
		column++
		c.end = column
		blanks = 0
	}
	for i := range out {
		out[i].folded = fold(out[i].text)
	}
	return out
}
