package invoice

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	usState = regexp.MustCompile(`\b[A-Z]{2} \d{5}(?:-\d{4})?$`)
	// postcode matches the last line of an address in the countries whose
	// languages are known here.
	postcode = regexp.MustCompile(`^(?:[A-Z]{1,3}[- ])?\d{4,5}(?: [A-Z]{2})? \pL|\b[A-Z]{2} \d{5}(?:-\d{4})?$|\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}$|\b[A-Z]{2,3} \d{4}$|\b[A-Z]\d[A-Z] \d[A-Z]\d$`)
	contact  = regexp.MustCompile(`(?i)@|\bwww\.|https?:|^(?:tel|phone|fon|telefon|telephone|téléphone|fax|mobil|mobile|e-?mail|web|iban|bic|swift)\b`)
	parted   = regexp.MustCompile(` ?[·•|∙] ?| [–—-] `)
	swissID  = regexp.MustCompile(`\bCHE-\d{3}\.\d{3}\.\d{3}\b`)
	spaced   = regexp.MustCompile(`\s+`)
)

// Sizes of the block that an address makes.
const (
	maxPartyLines = 8
	// maxSkipped is how many lines of a neighbouring column may stand between two
	// lines of a block.
	maxSkipped = 3
	// sameStart is how many columns apart two cells may start and still be
	// aligned.
	sameStart = 2
)

// parties fills in the seller and the buyer. Blocks without a label are taken for
// them only when an invoice number has shown that the document is an invoice.
func (f *finder) parties(h *Header) {
	h.Buyer = f.labelledParty(headerLabels[fieldBuyer])
	h.Seller = f.labelledParty(headerLabels[fieldSeller])
	if h.Number == nil {
		return
	}
	after := -1
	if h.Seller == nil {
		var buyer *Party
		if h.Seller, buyer, after = f.senderLine(); h.Buyer == nil {
			h.Buyer = buyer
		}
	}
	if h.Seller == nil {
		h.Seller, after = f.letterhead()
	}
	if h.Buyer == nil && after >= 0 {
		h.Buyer = f.addressAfter(after)
	}
	if h.Seller != nil && h.Seller.TaxID == nil && (h.Buyer == nil || h.Buyer.TaxID == nil) {
		h.Seller.TaxID = f.anyTaxID()
	}
}

// head returns the lines above the table of items.
func (f *finder) head() []line { return f.lines[:min(f.top, len(f.lines))] }

// labelledParty returns the block beside or under the best of the labels.
func (f *finder) labelledParty(list []label) *Party {
	for _, l := range list {
		for i, line := range f.head() {
			for _, c := range line.cells {
				rest, ok := headedBy(c, l)
				if !ok {
					continue
				}
				if p := f.collect(i, c, rest); p != nil {
					return p
				}
			}
		}
	}
	return nil
}

// headedBy reports whether the cell is the label, alone or with a colon and a
// value after it.
func headedBy(c cell, l label) (rest string, ok bool) {
	if !strings.HasPrefix(c.folded, l.text) {
		return "", false
	}
	rest = strings.TrimLeft(cutFolded(c.text, c.folded, len(l.text)), " ")
	if rest == "" {
		return "", true
	}
	if rest, ok = strings.CutPrefix(rest, ":"); ok {
		return strings.TrimSpace(rest), true
	}
	return "", false
}

// collect reads the block whose first line is first, or else under c, down to the
// next gap or foreign label.
func (f *finder) collect(i int, c cell, first string) *Party {
	var entries []string
	if first != "" {
		entries = append(entries, first)
	}
	extent := c
	skipped := 0
	for k := i + 1; k < len(f.head()) && len(entries) < maxPartyLines; k++ {
		line := f.lines[k]
		if line.gap && len(entries) > 0 && !(len(entries) == 1 && f.continues(line, c)) {
			break
		}
		under, ok := pick(line, c, extent)
		if !ok || isTitle(under) {
			if skipped++; skipped > maxSkipped {
				break
			}
			continue
		}
		if f.foreign(under) {
			break
		}
		entries = append(entries, under.text)
		extent.start, extent.end = min(extent.start, under.start), max(extent.end, under.end)
		skipped = 0
	}
	return party(entries)
}

// continues reports whether line goes on with an address under a name that
// stands apart from it, as on a letterhead.
func (f *finder) continues(l line, c cell) bool {
	under, ok := pick(l, c, c)
	return ok && !f.foreign(under) && !isTitle(under) && (postcode.MatchString(under.text) || hasDigit.MatchString(under.text))
}

// pick returns the cell of the line that belongs to the block that began at c and
// reaches over extent: one that starts with it, else one that overlaps it.
func pick(l line, c, extent cell) (cell, bool) {
	for _, under := range l.cells {
		if d := under.start - c.start; d >= -sameStart && d <= sameStart {
			return under, true
		}
	}
	for _, under := range l.cells {
		if under.apart(extent) == 0 {
			return under, true
		}
	}
	return cell{}, false
}

// foreign reports whether a cell is a label of something else than an address,
// or a value that is none of its lines.
func (f *finder) foreign(c cell) bool {
	for _, list := range [][]label{
		other, headerLabels[fieldNumber], headerLabels[fieldDate], headerLabels[fieldDue],
		headerLabels[fieldBuyer], headerLabels[fieldSeller],
	} {
		for _, l := range list {
			if _, ok := headedBy(c, l); ok {
				return true
			}
			if rest, ok := strings.CutPrefix(c.folded, l.text); ok && utf8.RuneCountInString(l.text) > 4 {
				if value := strings.TrimLeft(rest, " .:#°º"); value != rest && hasDigit.MatchString(value) && len(value) < 20 {
					return true
				}
			}
		}
	}
	date := c.text[len(placeDate.FindString(c.text)):]
	_, n, ok := f.notation.date(date)
	return ok && strings.Trim(date[n:], " .") == ""
}

// isTitle reports whether the cell is the word for an invoice, also when its
// letters are spaced out, alone or with the number after it.
func isTitle(c cell) bool {
	joined := spaced.ReplaceAllString(c.folded, "")
	for _, l := range headerLabels[fieldTitle] {
		if joined == spaced.ReplaceAllString(l.text, "") {
			return true
		}
		if at, ok := findLabel(c.folded, l.text); ok && at == 0 && len(longWords.FindAllString(c.text, -1)) <= 4 && hasDigit.MatchString(c.text) {
			return true
		}
	}
	return false
}

// party sorts the lines of a block. Telephone numbers and the like are left out.
func party(entries []string) *Party {
	var p Party
	for _, text := range entries {
		text = strings.Trim(text, " ,;")
		switch id := taxID(text); {
		case text == "":
		case id != "":
			p.TaxID = &id
		case contact.MatchString(text):
		case p.Name == "":
			p.Name = text
		default:
			p.Address = append(p.Address, text)
		}
	}
	if p.Name == "" {
		return nil
	}
	if p.Address == nil {
		p.Address = []string{}
	}
	return &p
}

// taxID returns the tax number that text consists of, or "".
func taxID(text string) string {
	if id := swissID.FindString(text); id != "" {
		return id
	}
	rest, _, ok := startsWith(text, headerLabels[fieldTaxID])
	if !ok || !hasDigit.MatchString(rest) || len(rest) > 30 {
		return ""
	}
	return strings.TrimSpace(rest)
}

// anyTaxID returns the first tax number in the document, such as in a footer.
func (f *finder) anyTaxID() *string {
	for _, line := range f.lines {
		for _, c := range line.cells {
			if id := taxID(c.text); id != "" {
				return &id
			}
		}
	}
	return nil
}

// senderLine finds the one-line sender above the window of a German letter, and
// the addressee under it.
func (f *finder) senderLine() (seller, buyer *Party, at int) {
	for i, line := range f.head() {
		for _, c := range line.cells {
			parts := parted.Split(c.text, -1)
			if len(parts) < 3 || len(parts) > 6 {
				continue
			}
			for _, part := range parts[1:] {
				if postcode.MatchString(strings.TrimSpace(part)) {
					return party(parts), f.collect(i, c, ""), i
				}
			}
		}
	}
	return nil, nil, -1
}

// letterhead takes the first block of the document that is no label and no title.
func (f *finder) letterhead() (*Party, int) {
	for i, line := range f.head() {
		for _, c := range line.cells {
			if isTitle(c) || f.foreign(c) || taxID(c.text) != "" || contact.MatchString(c.text) || !longWords.MatchString(c.text) {
				continue
			}
			if p := f.collect(i, c, c.text); p != nil {
				return p, i
			}
		}
	}
	return nil, -1
}

// addressAfter finds the first block after a line that looks like an address.
func (f *finder) addressAfter(after int) *Party {
	for i, line := range f.head() {
		if i <= after || !line.gap {
			continue
		}
		for _, c := range line.cells {
			if isTitle(c) || f.foreign(c) {
				continue
			}
			p := f.collect(i, c, c.text)
			if p == nil || len(p.Address) < 2 {
				continue
			}
			if slices.ContainsFunc(p.Address, postcode.MatchString) {
				return p
			}
		}
	}
	return nil
}
