package pdftext

import (
	"math"
	"strings"
)

// maxWidths bounds the widths that one font may list.
const maxWidths = 1 << 17

// A font turns the bytes of a string into characters and advance widths, in
// thousandths of the font size.
type font struct {
	composite bool
	toUnicode *cmap
	// simple maps the bytes of a simple font to text.
	simple [256]string
	// cids maps the codes of a composite font to glyph numbers; nil is identity.
	cids *cmap
	// unicode says that the codes of a composite font are UTF-16 themselves.
	unicode bool
	widths  map[int]float64
	width   float64
}

// A char is one character code of a shown string.
type char struct {
	text  string
	width float64
	// space says that it is the one-byte code 32, which word spacing widens.
	space bool
}

// font returns the font that o refers to, parsed once per file.
func (f *file) font(o object) *font {
	if r, ok := o.(ref); ok {
		if known, ok := f.fonts[r.id]; ok {
			return known
		}
		f.fonts[r.id] = f.parseFont(f.dict(o))
		return f.fonts[r.id]
	}
	return f.parseFont(f.dict(o))
}

func (f *file) parseFont(d dict) *font {
	out := &font{widths: map[int]float64{}, width: 500}
	if s, ok := f.resolve(d["ToUnicode"]).(*stream); ok {
		out.toUnicode = f.parseCMap(f.decode(s))
	}
	if f.name(d["Subtype"]) == "Type0" {
		f.parseComposite(out, d)
		return out
	}
	scale := 1.0
	if matrix := f.array(d["FontMatrix"]); f.name(d["Subtype"]) == "Type3" && len(matrix) > 0 {
		scale = math.Abs(f.number(matrix[0], 0.001)) * 1000
	}
	descriptor := f.dict(d["FontDescriptor"])
	if missing := f.number(descriptor["MissingWidth"], 0); missing > 0 {
		out.width = missing
	}
	first := int(clamp(f.number(d["FirstChar"], 0), 0, 255))
	for i, w := range f.array(d["Widths"]) {
		if first+i > 255 {
			break
		}
		out.widths[first+i] = f.number(w, 0) * scale
	}
	f.parseEncoding(out, d, descriptor)
	return out
}

func (f *file) parseComposite(out *font, d dict) {
	out.composite = true
	descendants := f.array(d["DescendantFonts"])
	var descendant dict
	if len(descendants) > 0 {
		descendant = f.dict(descendants[0])
	}
	out.width = f.number(descendant["DW"], 1000)
	f.parseCIDWidths(out, f.array(descendant["W"]))
	switch encoding := f.resolve(d["Encoding"]).(type) {
	case *stream:
		out.cids = f.parseCMap(f.decode(encoding))
	case name:
		out.unicode = strings.Contains(string(encoding), "UCS2") || strings.Contains(string(encoding), "UTF16")
	}
}

// parseCIDWidths reads "first [w w …]" and "first last w" groups.
func (f *file) parseCIDWidths(out *font, list array) {
	for len(list) >= 2 {
		first, ok := asID(f.number(list[0], -1))
		if !ok {
			return
		}
		if each := f.array(list[1]); each != nil {
			for i, w := range each {
				if len(out.widths) > maxWidths {
					return
				}
				f.work(1)
				out.widths[first+i] = f.number(w, out.width)
			}
			list = list[2:]
			continue
		}
		if len(list) < 3 {
			return
		}
		last, ok := asID(f.number(list[1], -1))
		if !ok || last-first > maxWidths {
			return
		}
		w := f.number(list[2], out.width)
		for id := first; id <= last; id++ {
			if len(out.widths) > maxWidths {
				return
			}
			f.work(1)
			out.widths[id] = w
		}
		list = list[3:]
	}
}

// parseEncoding fills the table of a simple font from its base encoding and the
// differences to it.
func (f *file) parseEncoding(out *font, d, descriptor dict) {
	base := &standardEncoding
	if f.name(d["Subtype"]) == "TrueType" {
		base = &winAnsiEncoding
	}
	var differences array
	choose := func(n name) {
		switch n {
		case "WinAnsiEncoding":
			base = &winAnsiEncoding
		case "MacRomanEncoding":
			base = &macRomanEncoding
		case "StandardEncoding":
			base = &standardEncoding
		}
	}
	switch encoding := f.resolve(d["Encoding"]).(type) {
	case name:
		choose(encoding)
	case dict:
		choose(f.name(encoding["BaseEncoding"]))
		differences = f.array(encoding["Differences"])
	}
	for i, r := range base {
		if r != 0 {
			out.simple[i] = string(r)
		}
	}
	at := 0
	for _, item := range differences {
		switch item := f.resolve(item).(type) {
		case float64:
			at = int(clamp(item, 0, 256))
		case name:
			if at < 256 {
				out.simple[at] = glyphText(string(item))
				at++
			}
		}
	}
}

func clamp(n, low, high float64) float64 { return math.Max(low, math.Min(high, n)) }

// chars splits a shown string into character codes.
func (t *font) chars(s string, yield func(char)) {
	if !t.composite {
		for i := range len(s) {
			c := char{text: t.simple[s[i]], space: s[i] == ' '}
			if t.toUnicode != nil {
				if text, ok := t.toUnicode.text(uint32(s[i])); ok {
					c.text = text
				}
			}
			c.width = t.width
			if w, ok := t.widths[int(s[i])]; ok {
				c.width = w
			}
			yield(c)
		}
		return
	}
	for len(s) > 0 {
		n := t.codeLength(len(s))
		number, _ := code(text(s[:n]))
		c := char{space: n == 1 && s[0] == ' '}
		cid := int(number)
		if t.cids != nil {
			cid = t.cids.cid(number)
		}
		switch {
		case t.toUnicode != nil:
			c.text, _ = t.toUnicode.text(number)
		case t.unicode:
			c.text = utf16Text(s[:n])
		}
		c.width = t.width
		if w, ok := t.widths[cid]; ok {
			c.width = w
		}
		s = s[n:]
		yield(c)
	}
}

// codeLength is two bytes for nearly every composite font; one that only has
// codes of another length says so in its embedded CMap.
func (t *font) codeLength(have int) int {
	want := 2
	if t.cids != nil && t.cids.lengths != 0 && t.cids.lengths&(1<<2) == 0 {
		for n := 1; n <= 4; n++ {
			if t.cids.lengths&(1<<n) != 0 {
				want = n
				break
			}
		}
	}
	return min(want, have)
}
