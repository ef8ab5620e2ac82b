package invoice

import (
	"regexp"
	"strings"
)

// maxHeaderLines bounds how far down the document the parties are looked for.
const maxHeaderLines = 80

var (
	// number is what an invoice number looks like: it has a digit, and no blanks.
	numberValue = regexp.MustCompile(`^(?:(?i:no|nr|n|num)\b[.:°º]* ?|[#№:]\s*)*([\pL\d][\pL\d._/\\-]*)`)
	hasDigit    = regexp.MustCompile(`\d`)
	placeDate   = regexp.MustCompile(`^(?:\pL[\pL .'-]{1,40}, )?(?:(?:the|den|le|el|il) )?`)
	longWords   = regexp.MustCompile(`\pL{2,}`)
)

// FindHeader looks for the number, dates, currency and parties.
func FindHeader(pages []string) Header {
	lines := readLines(pages)
	n := notation{monthFirst: decideMonthFirst(lines)}
	f := finder{lines: lines, notation: n, top: min(tableStart(lines), maxHeaderLines)}
	var h Header
	h.Currency = findCurrency(lines)
	h.Language = findLanguage(lines)
	h.Number = f.invoiceNumber()
	h.Date = f.labelledDate(headerLabels[fieldDate])
	h.DueDate = f.labelledDate(headerLabels[fieldDue])
	if h.Number != nil && h.Date == nil {
		h.Date = f.loneDate()
	}
	f.parties(&h)
	return h
}

// A finder looks for labelled values.
type finder struct {
	lines    []line
	notation notation
	// top is the number of lines before the table of items.
	top int
}

// value tries to read a value at the beginning of text.
type value func(text string) bool

// search walks over the cells that hold the label, from the top, until read
// accepts what is beside or under it.
func (f *finder) search(l label, read value) bool {
	for i, line := range f.lines {
		for j, c := range line.cells {
			at, ok := findLabel(c.folded, l.text)
			if !ok || at > 0 && needsStart(l.text) && !startsClause(c.folded[:at]) {
				continue
			}
			rest := trimLabel(cutFolded(c.text, c.folded, at+len(l.text)))
			if rest != "" {
				if read(rest) {
					return true
				}
				continue
			}
			if j+1 < len(line.cells) && read(line.cells[j+1].text) {
				return true
			}
			if below, ok := f.below(i, c); ok && read(below.text) {
				return true
			}
		}
	}
	return false
}

// needsStart says that a label of one word is too common to stand in the middle
// of a text: "date" in "delivery date".
func needsStart(label string) bool { return !strings.Contains(label, " ") }

// startsClause reports whether a new thought begins after text.
func startsClause(text string) bool {
	text = strings.TrimRight(text, " ")
	return text == "" || strings.ContainsAny(text[len(text)-1:], ",;|") ||
		strings.HasSuffix(text, "·") || strings.HasSuffix(text, "•") ||
		hasDigit.MatchString(text[max(0, len(text)-1):])
}

// cutFolded returns the part of text from the byte offset that at is in folded.
func cutFolded(text, folded string, at int) string {
	runes := []rune(text)
	return string(runes[min(len(runes), len([]rune(folded[:at]))):])
}

// below returns the cell under c in one of the next two lines.
func (f *finder) below(i int, c cell) (cell, bool) {
	for k := i + 1; k <= i+2 && k < len(f.lines); k++ {
		for _, under := range f.lines[k].cells {
			if under.apart(c) == 0 {
				return under, true
			}
		}
	}
	return cell{}, false
}

func (f *finder) invoiceNumber() *string {
	var out string
	read := func(text string) bool {
		m := numberValue.FindStringSubmatch(text)
		if m == nil || !hasDigit.MatchString(m[1]) {
			return false
		}
		if _, _, isDate := f.notation.date(text); isDate {
			return false
		}
		out = strings.TrimRight(m[1], "._/-")
		return true
	}
	for _, l := range headerLabels[fieldNumber] {
		if f.search(l, read) {
			return &out
		}
	}
	for _, l := range headerLabels[fieldTitle] {
		if f.search(l, read) {
			return &out
		}
	}
	return nil
}

func (f *finder) labelledDate(list []label) *Date {
	var out Date
	read := func(text string) bool {
		date, _, ok := f.notation.date(text)
		if ok {
			out = date
		}
		return ok
	}
	for _, l := range list {
		if f.search(l, read) {
			return &out
		}
	}
	return nil
}

// loneDate finds a cell above the table that is just a date, or a place and a
// date, as letters have.
func (f *finder) loneDate() *Date {
	for _, line := range f.lines[:min(f.top, len(f.lines))] {
		for _, c := range line.cells {
			text := c.text[len(placeDate.FindString(c.text)):]
			if date, n, ok := f.notation.date(text); ok && strings.Trim(text[n:], " .") == "" {
				return &date
			}
		}
	}
	return nil
}

// findCurrency takes the code that is printed most often, else that of the sign
// that stands at numbers most often.
func findCurrency(lines []line) *string {
	codes := map[string]int{}
	signs := map[string]int{}
	for _, l := range lines {
		text := l.text()
		for _, code := range currencyCode.FindAllString(text, -1) {
			codes[code]++
		}
		for _, m := range signedAmount.FindAllStringSubmatch(text, -1) {
			signs[signCodes[m[1]+m[2]]]++
		}
	}
	if code := most(codes); code != "" && (len(signs) == 0 || codes[code] > 0 && agrees(code, signs)) {
		return &code
	}
	if code := most(signs); code != "" {
		return &code
	}
	return nil
}

var (
	signedAmount = regexp.MustCompile(`([€£¥$₹]) ?[-−]?\d|\d ?([€£¥$₹])`)
	signCodes    = map[string]string{"€": "EUR", "£": "GBP", "¥": "JPY", "$": "USD", "₹": "INR"}
)

// agrees reports whether the signs of a document can stand for the code.
func agrees(code string, signs map[string]int) bool {
	sign := most(signs)
	switch code {
	case "AUD", "BRL", "CAD", "MXN", "NZD", "SGD":
		return sign == "USD"
	case "CNY":
		return sign == "JPY"
	}
	return sign == code
}

// most returns the key with the highest count; the first in the alphabet wins a
// draw, so that the answer does not depend on the order of a map.
func most(counts map[string]int) string {
	best := ""
	for key, n := range counts {
		if best == "" || n > counts[best] || n == counts[best] && key < best {
			best = key
		}
	}
	return best
}

// findLanguage counts the cells that are or begin with a label of a language.
// One such cell alone may be chance.
func findLanguage(lines []line) *string {
	counts := map[string]int{}
	var all [][]label
	for _, list := range headerLabels {
		all = append(all, list)
	}
	for _, list := range totalLabels {
		all = append(all, list)
	}
	for _, list := range columnLabels {
		all = append(all, list)
	}
	all = append(all, other)
	for _, l := range lines {
		for _, c := range l.cells {
			words := len(longWords.FindAllString(c.text, -1))
			seen := map[string]bool{}
			for _, list := range all {
				for _, lab := range list {
					if len(lab.text) < 3 || seen[lab.language] || !strings.HasPrefix(c.folded, lab.text) {
						continue
					}
					at, ok := findLabel(c.folded, lab.text)
					if ok && at == 0 && (words <= 3 || strings.Contains(c.text, ":")) {
						seen[lab.language] = true
					}
				}
			}
			for language := range seen {
				counts[language]++
			}
		}
	}
	best := ""
	for _, language := range languages {
		if counts[language] > counts[best] {
			best = language
		}
	}
	if counts[best] < 2 {
		return nil
	}
	return &best
}
