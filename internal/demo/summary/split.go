package summary

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxWords is where a text without stops is cut into sentences by force.
const maxWords = 400

// chunkSentences is the number of sentences in a chunk. Scoring a chunk takes
// time by its square.
const chunkSentences = 150

// A Document is a text taken apart.
type Document struct {
	// Title is a guess from the first headings; nil without any.
	Title *string `json:"title"`
	// Headings are in order. They are no sentences.
	Headings   []string   `json:"headings"`
	Paragraphs int        `json:"paragraphs"`
	Words      int        `json:"words"`
	Sentences  []Sentence `json:"sentences"`
}

// A Sentence is one sentence in one line, without marks of emphasis and
// footnotes.
type Sentence struct {
	// Index counts from 0 over the document, Paragraph too.
	Index     int    `json:"index"`
	Paragraph int    `json:"paragraph"`
	Text      string `json:"text"`
	// First says that it opens its paragraph.
	First bool `json:"first"`
}

// A Chunk is a run of sentences that is scored in one step.
type Chunk struct {
	// Number counts from 0; Of is the number of chunks.
	Number    int        `json:"number"`
	Of        int        `json:"of"`
	Sentences []Sentence `json:"sentences"`
	// Total is the number of sentences in the document.
	Total int `json:"total"`
}

// An Outline is what [Compose] needs to know of a document.
type Outline struct {
	Title      *string `json:"title"`
	Paragraphs int     `json:"paragraphs"`
	Sentences  int     `json:"sentences"`
	Words      int     `json:"words"`
	// Chunks is how many steps scoring takes.
	Chunks int `json:"chunks"`
}

// Split takes a text apart into paragraphs and sentences. Plain text with hard
// line breaks, with a paragraph in each line, and simple Markdown are understood.
// Its error wraps [ErrEmpty], [ErrTooLong] or [ErrNotText].
func Split(text string) (Document, error) {
	if err := validate(text); err != nil {
		return Document{}, err
	}
	doc := Document{Headings: []string{}, Sentences: []Sentence{}}
	blocks := paragraphs(text)
	if len(blocks) == 1 && blocks[0].level == 0 && blocks[0].text != strings.ToUpper(blocks[0].text) {
		blocks[0].heading = false // a few words alone, such as "Hello world", are all that is said
	}
	for _, block := range blocks {
		if block.heading {
			doc.Headings = append(doc.Headings, block.text)
			continue
		}
		sentences := sentences(block.text)
		for i, s := range sentences {
			doc.Sentences = append(doc.Sentences, Sentence{
				Index:     len(doc.Sentences),
				Paragraph: doc.Paragraphs,
				Text:      s,
				First:     i == 0,
			})
			doc.Words += len(strings.Fields(s))
		}
		if len(sentences) > 0 {
			doc.Paragraphs++
		}
	}
	if len(doc.Sentences) == 0 {
		return Document{}, ErrEmpty
	}
	doc.Title = title(blocks)
	return doc, nil
}

// Outline returns the numbers of the document.
func (d Document) Outline() Outline {
	return Outline{
		Title:      d.Title,
		Paragraphs: d.Paragraphs,
		Sentences:  len(d.Sentences),
		Words:      d.Words,
		Chunks:     (len(d.Sentences) + chunkSentences - 1) / chunkSentences,
	}
}

// Chunks divides the sentences into runs of about 150.
func (d Document) Chunks() []Chunk {
	var out []Chunk
	of := d.Outline().Chunks
	for first := 0; first < len(d.Sentences); first += chunkSentences {
		last := min(first+chunkSentences, len(d.Sentences))
		out = append(out, Chunk{Number: len(out), Of: of, Sentences: d.Sentences[first:last], Total: len(d.Sentences)})
	}
	return out
}

// A block is a paragraph or a heading in one line.
type block struct {
	text    string
	heading bool
	// level is that of a Markdown heading, 0 for others.
	level int
}

var (
	bullet      = regexp.MustCompile(`^\s{0,6}(?:[-*•+]|\d{1,2}[.)])\s+`)
	footnote    = regexp.MustCompile(`^\[(?:[A-Z0-9]{1,3}|Illustration|Footnote|Transcriber)\b`)
	noteMark    = regexp.MustCompile(`\[(?:[A-Z]|\d{1,3})\]`)
	illustrated = regexp.MustCompile(`\[Illustration[^\]]*\]`)
	underline   = regexp.MustCompile(`^(?:=+|-{3,}|~{3,}|\*{3,}|_{3,}|(?:\* *){3,})$`)
	emphasis    = regexp.MustCompile(`(^|[^\pL\d_])_+([^_]+?)_+($|[^\pL\d_])`)
	stars       = regexp.MustCompile(`\*{1,3}([^*\s][^*]*?)\*{1,3}`)
	link        = regexp.MustCompile(`!?\[([^\]]*)\]\([^)\s]*\)`)
	url         = regexp.MustCompile(`https?://|www\.`)
)

// paragraphs joins lines to blocks.
func paragraphs(text string) []block {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n\n", "\ufeff", "", "\u00ad", "").Replace(text)
	lines := strings.Split(text, "\n")
	single := onePerLine(lines)
	var out []block
	var current []string
	fenced := false
	flush := func() {
		if b, ok := newBlock(current); ok {
			out = append(out, b)
		}
		current = nil
	}
	for _, line := range lines {
		bare := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(bare, "```"):
			flush()
			fenced = !fenced
		case fenced:
		case bare == "":
			flush()
		case underline.MatchString(bare):
			if len(current) == 1 && bare[0] != '*' && bare[0] != '_' {
				out = append(out, block{text: clean(current[0]), heading: true, level: 1})
				current = nil
			}
			flush()
		case strings.HasPrefix(bare, "#"):
			flush()
			level := len(bare) - len(strings.TrimLeft(bare, "#"))
			if name := strings.Trim(bare, "# "); name != "" && level <= 6 {
				out = append(out, block{text: clean(name), heading: true, level: level})
			}
		case bullet.MatchString(line) && (len(current) == 0 || bullet.MatchString(current[0])):
			flush()
			current = []string{line}
		default:
			current = append(current, line)
			if single {
				flush()
			}
		}
	}
	flush()
	return out
}

// onePerLine tells a text with a paragraph in each line from one whose lines are
// broken at a width.
func onePerLine(lines []string) bool {
	long, full, empty := 0, 0, 0
	for i, line := range lines {
		switch n := utf8.RuneCountInString(line); {
		case strings.TrimSpace(line) == "":
			empty++
		case n > 200:
			long++
		case n > 50 && i+1 < len(lines) && strings.TrimSpace(lines[i+1]) != "":
			full++
		}
	}
	return long > full
}

// newBlock makes one line of a paragraph. Tables, notes and pictures are left
// out.
func newBlock(lines []string) (block, bool) {
	if len(lines) == 0 {
		return block{}, false
	}
	first := strings.TrimSpace(lines[0])
	if footnote.MatchString(first) && !strings.HasPrefix(first, "[Illustration") {
		return block{}, false
	}
	var joined strings.Builder
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if i > 0 && !strings.HasSuffix(joined.String()[max(0, joined.Len()-1):], "-") {
			joined.WriteByte(' ')
		}
		joined.WriteString(line)
	}
	text := joined.String()
	text = bullet.ReplaceAllString(text, "")
	text = clean(text)
	if text == "" || !mostlyLetters(text) {
		return block{}, false
	}
	return block{text: text, heading: isHeading(text, len(lines))}, true
}

// clean takes marks of emphasis, notes and links off and joins blanks.
func clean(text string) string {
	text = illustrated.ReplaceAllString(text, " ")
	text = noteMark.ReplaceAllString(text, "")
	text = link.ReplaceAllString(text, "$1")
	// Twice, since two emphasised words may share the blank between them.
	text = emphasis.ReplaceAllString(text, "$1$2$3")
	text = emphasis.ReplaceAllString(text, "$1$2$3")
	text = stars.ReplaceAllString(text, "$1")
	text = strings.TrimLeft(text, "> ")
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "_", "")), " ")
}

// mostlyLetters is false for tables and rules.
func mostlyLetters(text string) bool {
	letters, others := 0, 0
	for _, r := range text {
		switch {
		case unicode.IsLetter(r) || unicode.IsMark(r):
			letters++
		case !unicode.IsSpace(r):
			others++
		}
	}
	return letters > 0 && letters >= 2*others
}

// isHeading guesses from the shape: short and without a full stop, or all in
// capitals.
func isHeading(text string, lines int) bool {
	words := strings.Fields(text)
	if lines > 3 || len(words) > 16 {
		return false
	}
	if upper, lower := letterCases(text); upper > 0 && lower <= upper/4 {
		return true
	}
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(text, `"'”’»)]`))
	if strings.ContainsRune(".!?;,:…。！？", last) || len(words) > 12 {
		return false
	}
	first, _ := utf8.DecodeRuneInString(text)
	return !unicode.IsLower(first)
}

func letterCases(text string) (upper, lower int) {
	for _, r := range text {
		switch {
		case unicode.IsUpper(r):
			upper++
		case unicode.IsLower(r):
			lower++
		}
	}
	return upper, lower
}

// Bounds on the guess of a title.
const (
	titleBlocks = 30
	titleRunes  = 120
)

// title takes the Markdown heading of the first level, or else the first
// headings, which on a title page stand in several lines.
func title(blocks []block) *string {
	head := blocks[:min(len(blocks), titleBlocks)]
	for _, b := range head {
		if b.level == 1 {
			return &b.text
		}
	}
	var out string
	for _, b := range head {
		if !b.heading {
			if out != "" {
				break
			}
			continue
		}
		if out != "" && (utf8.RuneCountInString(out)+utf8.RuneCountInString(b.text) > titleRunes || b.level > 0) {
			break
		}
		out = strings.TrimSpace(out + " " + b.text)
		if strings.HasSuffix(out, ".") {
			break
		}
	}
	out = strings.TrimRight(out, ".: ")
	if out == "" {
		return nil
	}
	if utf8.RuneCountInString(out) > titleRunes {
		out = string([]rune(out)[:titleRunes-1]) + "…"
	}
	return &out
}
