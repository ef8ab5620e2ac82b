package invoice

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sojournhq/sojourn/internal/demo/invoice/pdftext"
)

// The reasons for which [Text] refuses a document. Test for them with errors.Is.
var (
	// ErrNoText means that the document is sound but shows no text, as a scan does.
	ErrNoText = errors.New("the PDF file has no text: it is probably a scan, which needs text recognition first")
	// ErrNotPDF means that the data is something else than a PDF file.
	ErrNotPDF = pdftext.ErrNotPDF
	// ErrEncrypted means that the document is protected by a password.
	ErrEncrypted = pdftext.ErrEncrypted
	// ErrCorrupt means that the document is damaged beyond reading.
	ErrCorrupt = pdftext.ErrCorrupt
	// ErrTooLarge means that the document passes a limit of [Text].
	ErrTooLarge = pdftext.ErrTooLarge
)

// textLimits let through any sensible invoice and stop a hostile file within a
// few seconds.
var textLimits = pdftext.Limits{
	Bytes:    20 << 20,
	Pages:    200,
	Expanded: 64 << 20,
	Glyphs:   500_000,
	Work:     128 << 20,
}

// Text returns the text of a PDF file, one string for each page. Each line is a
// row of the page; what stands apart in the row is apart by two spaces or more,
// and columns line up; an empty line stands for a larger gap between rows.
//
// Files of more than 20 MiB, 200 pages or 500,000 characters are refused. An
// error wraps one of the Err values of this package.
func Text(pdf []byte) (pages []string, err error) {
	read, err := pdftext.Read(pdf, textLimits)
	if err != nil {
		return nil, fmt.Errorf("reading the invoice: %w", err)
	}
	empty := true
	for _, page := range read {
		text := layOut(page.Glyphs)
		empty = empty && text == ""
		pages = append(pages, text)
	}
	if empty {
		return nil, fmt.Errorf("reading the invoice: %w", ErrNoText)
	}
	return pages, nil
}

// Widths of gaps, as fractions of the font size, and of rows.
const (
	wordGap = 0.16
	cellGap = 0.85
	// sameRow is how far baselines in one row may lie apart.
	sameRow = 0.35
	// newBlock is the distance of rows, in font sizes, that makes an empty line.
	newBlock = 1.75
	// maxColumn bounds the length of a line that stray glyphs can force.
	maxColumn = 400
)

// A chunk is text that stands together in one row.
type chunk struct {
	text   strings.Builder
	x, end float64
	size   float64
	row    int
	column int
}

// A row is the glyphs on one baseline.
type row struct {
	y, size float64
	glyphs  []pdftext.Glyph
}

// layOut draws the glyphs of a page on a grid of characters.
func layOut(glyphs []pdftext.Glyph) string {
	rows := intoRows(glyphs)
	var chunks []*chunk
	for i := range rows {
		chunks = append(chunks, intoChunks(rows[i].glyphs, i)...)
	}
	if len(chunks) == 0 {
		return ""
	}
	assignColumns(chunks, len(rows))
	lines := make([]strings.Builder, len(rows))
	at := make([]int, len(rows))
	for _, c := range chunks {
		line := &lines[c.row]
		pad := max(0, c.column-at[c.row])
		line.WriteString(strings.Repeat(" ", pad))
		line.WriteString(c.text.String())
		at[c.row] += pad + utf8.RuneCountInString(c.text.String())
	}
	var out strings.Builder
	last := -1
	for i := range lines {
		if lines[i].Len() == 0 {
			continue
		}
		if last >= 0 {
			out.WriteByte('\n')
			if rows[last].y-rows[i].y > newBlock*min(rows[last].size, rows[i].size) {
				out.WriteByte('\n')
			}
		}
		out.WriteString(lines[i].String())
		last = i
	}
	return out.String()
}

// intoRows groups glyphs by baseline, from the top of the page down. A row takes
// the height of its most common size.
func intoRows(glyphs []pdftext.Glyph) []row {
	glyphs = slices.Clone(glyphs)
	slices.SortStableFunc(glyphs, func(a, b pdftext.Glyph) int { return cmp.Compare(b.Y, a.Y) })
	var rows []row
	for _, g := range glyphs {
		if g.Size <= 0 {
			continue
		}
		n := len(rows) - 1
		if n < 0 || rows[n].y-g.Y > sameRow*math.Min(rows[n].size, g.Size) {
			rows = append(rows, row{y: g.Y, size: g.Size})
			n++
		}
		r := &rows[n]
		r.glyphs = append(r.glyphs, g)
		r.size = math.Max(r.size, g.Size)
	}
	return rows
}

// intoChunks joins the glyphs of a row to words and the words to chunks.
func intoChunks(glyphs []pdftext.Glyph, row int) []*chunk {
	slices.SortStableFunc(glyphs, func(a, b pdftext.Glyph) int { return cmp.Compare(a.X, b.X) })
	var chunks []*chunk
	var c *chunk
	space := false
	var drawn pdftext.Glyph
	for _, g := range glyphs {
		text := clean(g.Text)
		if text == "" {
			continue
		}
		if text == " " {
			// A drawn space separates words but does not push columns apart.
			space = space || c != nil
			continue
		}
		// Some producers fake bold by drawing each glyph twice.
		if c != nil && text == clean(drawn.Text) && math.Abs(g.X-drawn.X) < 0.1*g.Size {
			continue
		}
		switch {
		case c == nil || g.X-c.end > cellGap*g.Size:
			c = &chunk{x: g.X, row: row, size: g.Size}
			chunks = append(chunks, c)
		case space || g.X-c.end > wordGap*g.Size:
			c.text.WriteByte(' ')
		}
		c.text.WriteString(text)
		c.end = math.Max(c.end, g.X+g.W)
		space, drawn = false, g
	}
	return chunks
}

// clean maps every kind of blank to one space and drops what cannot be seen.
func clean(text string) string {
	if len(text) == 1 && text[0] > ' ' && text[0] < 0x7f {
		return text
	}
	blank := true
	var out strings.Builder
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			out.WriteByte(' ')
		case r == '\u00ad' || r == '\ufeff' || r == utf8.RuneError || r >= '\u200b' && r <= '\u200f',
			unicode.IsControl(r), unicode.Is(unicode.Co, r):
		default:
			if l := ligature(r); l != "" {
				out.WriteString(l)
			} else {
				out.WriteRune(r)
			}
			blank = false
		}
	}
	if blank && out.Len() > 0 {
		return " "
	}
	return out.String()
}

func ligature(r rune) string {
	switch r {
	case 'ﬀ':
		return "ff"
	case 'ﬁ':
		return "fi"
	case 'ﬂ':
		return "fl"
	case 'ﬃ':
		return "ffi"
	case 'ﬄ':
		return "ffl"
	}
	return ""
}

// assignColumns gives each chunk the column where it starts, such that chunks
// that start at one place on the page do so in the text, their order from left to
// right is kept, and two chunks in a row are at least two columns apart.
func assignColumns(chunks []*chunk, rows int) {
	byX := slices.Clone(chunks)
	slices.SortStableFunc(byX, func(a, b *chunk) int { return cmp.Compare(a.x, b.x) })
	width, runes := 0.0, 0
	for _, c := range chunks {
		width += c.end - c.x
		runes += utf8.RuneCountInString(c.text.String())
	}
	perRune := math.Max(width/float64(max(1, runes)), 0.5)
	taken := make([]int, rows)
	left, previous := byX[0].x, 0
	for i := 0; i < len(byX); {
		end := i + 1
		for end < len(byX) && byX[end].x-byX[i].x < 0.5*perRune {
			end++
		}
		column := max(previous, int(math.Round(math.Min((byX[i].x-left)/perRune, maxColumn))))
		for _, c := range byX[i:end] {
			column = max(column, taken[c.row])
		}
		for _, c := range byX[i:end] {
			// Two chunks of one row cannot start together, but rounding may bring
			// them here.
			c.column = max(column, taken[c.row])
			taken[c.row] = c.column + utf8.RuneCountInString(c.text.String()) + 2
		}
		previous = column
		i = end
	}
}
