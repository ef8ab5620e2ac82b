package pdftext

import (
	"bytes"
	"math"

	"golang.org/x/text/unicode/norm"
)

// Bounds on what a content stream may stack up.
const (
	maxForms    = 12
	maxStates   = 256
	maxOperands = 4096
)

// A matrix is the affine transformation [a b c d e f] of the PDF specification.
type matrix [6]float64

var identity = matrix{1, 0, 0, 1, 0, 0}

// times applies m first and n second.
func (m matrix) times(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// A state is the part of the graphics state that moves text.
type state struct {
	ctm                        matrix
	font                       *font
	size, scale, leading, rise float64
	charSpace, wordSpace       float64
}

// A painter runs content streams and collects the glyphs they show.
type painter struct {
	f      *file
	state  state
	stack  []state
	text   matrix
	line   matrix
	glyphs []turned
	depth  int
	// actual is the replacement text of the marked content that is open.
	actual []marked
}

// marked is one level of marked content.
type marked struct {
	replaced bool
	text     string
	// first is the index of the glyph that carries the text, -1 before it is shown.
	first int
}

// turned is a glyph with the direction in which it reads.
type turned struct {
	Glyph
	// dx and dy are the advance vector on the page.
	x, y, dx, dy float64
}

// pages walks the page tree and reads every page.
func (f *file) pages() []Page {
	var out []Page
	root := f.dict(f.trailer["Root"])
	seen := map[int]bool{}
	glyphs := 0
	var walk func(node object, resources dict, depth int)
	walk = func(node object, resources dict, depth int) {
		if r, ok := node.(ref); ok {
			if seen[r.id] {
				return
			}
			seen[r.id] = true
		}
		f.work(1)
		d := f.dict(node)
		if d == nil || depth > maxDepth {
			return
		}
		if own := f.dict(d["Resources"]); own != nil {
			resources = own
		}
		if kids := f.array(d["Kids"]); kids != nil {
			for _, kid := range kids {
				walk(kid, resources, depth+1)
			}
			return
		}
		if len(out) >= f.limits.Pages {
			f.stop(ErrTooLarge, "it has more than %d pages", f.limits.Pages)
		}
		page := f.page(d, resources, f.limits.Glyphs-glyphs)
		glyphs += len(page.Glyphs)
		out = append(out, page)
	}
	walk(root["Pages"], nil, 0)
	if len(out) == 0 {
		f.stop(ErrCorrupt, "it has no pages")
	}
	return out
}

func (f *file) page(d, resources dict, room int) Page {
	var content []byte
	for _, part := range f.list(d["Contents"]) {
		if s, ok := f.resolve(part).(*stream); ok {
			data := f.decode(s)
			f.work(len(data))
			content = append(append(content, data...), '\n')
		}
	}
	p := &painter{f: f, state: state{ctm: identity, scale: 1}, text: identity, line: identity}
	f.left.Glyphs = room
	p.run(content, resources)
	return Page{Glyphs: upright(p.glyphs)}
}

// upright turns the page so that most of its text reads left to right and keeps
// the glyphs that do.
func upright(glyphs []turned) []Glyph {
	direction := func(g turned) int {
		if math.Abs(g.dx) >= math.Abs(g.dy) {
			if g.dx >= 0 {
				return 0
			}
			return 2
		}
		if g.dy > 0 {
			return 1
		}
		return 3
	}
	var votes [4]int
	for _, g := range glyphs {
		votes[direction(g)]++
	}
	most := 0
	for i, n := range votes {
		if n > votes[most] {
			most = i
		}
	}
	out := make([]Glyph, 0, votes[most])
	for _, g := range glyphs {
		if direction(g) != most {
			continue
		}
		switch most {
		case 0:
			g.X, g.Y = g.x, g.y
		case 1:
			g.X, g.Y = g.y, -g.x
		case 2:
			g.X, g.Y = -g.x, -g.y
		case 3:
			g.X, g.Y = -g.y, g.x
		}
		out = append(out, g.Glyph)
	}
	return out
}

func (p *painter) run(content []byte, resources dict) {
	l := &lexer{f: p.f, buf: content}
	var args []object
	for !l.atEnd() {
		o := l.next(0)
		op, ok := o.(keyword)
		if !ok {
			if len(args) < maxOperands {
				args = append(args, o)
			}
			continue
		}
		if op == "BI" {
			skipInlineImage(l)
		} else {
			p.do(op, args, resources)
		}
		args = args[:0]
	}
}

// skipInlineImage moves past the data of an inline image, to its EI.
func skipInlineImage(l *lexer) {
	for !l.atEnd() {
		if word, ok := l.next(0).(keyword); ok && word == "ID" {
			break
		}
	}
	for {
		at := bytes.Index(l.buf[l.pos:], []byte("EI"))
		if at < 0 {
			l.f.work(len(l.buf) - l.pos)
			l.pos = len(l.buf)
			return
		}
		l.f.work(at)
		end := l.pos + at + 2
		before := at == 0 || isSpace(l.buf[l.pos+at-1])
		l.pos = end
		if before && (end == len(l.buf) || isSpace(l.buf[end])) {
			return
		}
	}
}

// do runs one operator. One whose operands are wrong does nothing.
func (p *painter) do(op keyword, args []object, resources dict) {
	p.f.work(32)
	s := &p.state
	number := func(i int) float64 {
		if i < len(args) {
			return asNumber(args[i], 0)
		}
		return 0
	}
	six := func() (matrix, bool) {
		var m matrix
		if len(args) < 6 {
			return m, false
		}
		for i := range m {
			m[i] = number(len(args) - 6 + i)
		}
		return m, true
	}
	shown := func(i int) string {
		if i < len(args) {
			t, _ := args[i].(text)
			return string(t)
		}
		return ""
	}
	switch op {
	case "q":
		if len(p.stack) < maxStates {
			p.stack = append(p.stack, *s)
		}
	case "Q":
		if n := len(p.stack); n > 0 {
			*s = p.stack[n-1]
			p.stack = p.stack[:n-1]
		}
	case "cm":
		if m, ok := six(); ok {
			s.ctm = m.times(s.ctm)
		}
	case "BT":
		p.text, p.line = identity, identity
	case "Tm":
		if m, ok := six(); ok {
			p.text, p.line = m, m
		}
	case "Td":
		p.move(number(0), number(1))
	case "TD":
		s.leading = -number(1)
		p.move(number(0), number(1))
	case "T*":
		p.move(0, -s.leading)
	case "TL":
		s.leading = number(0)
	case "Tc":
		s.charSpace = number(0)
	case "Tw":
		s.wordSpace = number(0)
	case "Tz":
		s.scale = number(0) / 100
	case "Ts":
		s.rise = number(0)
	case "Tf":
		if len(args) >= 2 {
			n, _ := args[0].(name)
			s.font = p.f.font(p.f.dict(resources["Font"])[n])
			s.size = number(1)
		}
	case "gs":
		if len(args) >= 1 {
			n, _ := args[0].(name)
			if pair := p.f.array(p.f.dict(p.f.dict(resources["ExtGState"])[n])["Font"]); len(pair) == 2 {
				s.font, s.size = p.f.font(pair[0]), p.f.number(pair[1], 0)
			}
		}
	case "Tj":
		p.show(shown(0))
	case "'":
		p.move(0, -s.leading)
		p.show(shown(0))
	case "\"":
		s.wordSpace, s.charSpace = number(0), number(1)
		p.move(0, -s.leading)
		p.show(shown(2))
	case "TJ":
		if len(args) == 0 {
			return
		}
		list, _ := args[0].(array)
		for _, item := range list {
			switch item := item.(type) {
			case text:
				p.show(string(item))
			case float64:
				p.advance(-item / 1000 * s.size * s.scale)
			}
		}
	case "BMC":
		p.open(marked{})
	case "BDC":
		p.open(p.markedBy(args, resources))
	case "EMC":
		if n := len(p.actual); n > 0 {
			p.actual = p.actual[:n-1]
		}
	case "Do":
		if len(args) >= 1 {
			n, _ := args[0].(name)
			p.form(p.f.dict(resources["XObject"])[n], resources)
		}
	}
}

func (p *painter) open(m marked) {
	if len(p.actual) < maxStates {
		p.actual = append(p.actual, m)
	}
}

// markedBy reads the property list of marked content.
func (p *painter) markedBy(args []object, resources dict) marked {
	if len(args) < 2 {
		return marked{}
	}
	properties, ok := args[1].(dict)
	if !ok {
		n, _ := args[1].(name)
		properties = p.f.dict(p.f.dict(resources["Properties"])[n])
	}
	replacement, ok := p.f.resolve(properties["ActualText"]).(text)
	if !ok {
		return marked{}
	}
	return marked{replaced: true, text: textString(string(replacement)), first: -1}
}

// textString decodes a string of the document, which is UTF-16 with a mark,
// UTF-8 with a mark, or close to Latin-1.
func textString(s string) string {
	if len(s) >= 2 && s[0] == 0xfe && s[1] == 0xff {
		return utf16Text(s[2:])
	}
	if len(s) >= 3 && s[:3] == "\xef\xbb\xbf" {
		return s[3:]
	}
	out := make([]rune, len(s))
	for i := range len(s) {
		out[i] = rune(s[i])
	}
	return string(out)
}

// form runs a form XObject.
func (p *painter) form(o object, resources dict) {
	s, ok := p.f.resolve(o).(*stream)
	if !ok || p.f.name(s.dict["Subtype"]) != "Form" || p.depth >= maxForms {
		return
	}
	if own := p.f.dict(s.dict["Resources"]); own != nil {
		resources = own
	}
	saved, stack, line, text, actual := p.state, p.stack, p.line, p.text, p.actual
	if list := p.f.array(s.dict["Matrix"]); len(list) == 6 {
		var m matrix
		for i := range m {
			m[i] = p.f.number(list[i], 0)
		}
		p.state.ctm = m.times(p.state.ctm)
	}
	p.depth++
	p.stack, p.actual = nil, nil
	p.run(p.f.decode(s), resources)
	p.depth--
	p.state, p.stack, p.line, p.text, p.actual = saved, stack, line, text, actual
}

func (p *painter) move(x, y float64) {
	p.line = matrix{1, 0, 0, 1, x, y}.times(p.line)
	p.text = p.line
}

func (p *painter) advance(x float64) {
	p.text = matrix{1, 0, 0, 1, x, 0}.times(p.text)
}

func (p *painter) show(s string) {
	if p.state.font == nil {
		return
	}
	st := &p.state
	st.font.chars(s, func(c char) {
		p.f.work(8)
		step := c.width / 1000 * st.size
		p.emit(c.text, step)
		step += st.charSpace
		if c.space {
			step += st.wordSpace
		}
		p.advance(step * st.scale)
	})
}

// emit records a character at the current position. width is unscaled.
func (p *painter) emit(text string, width float64) {
	m := p.text.times(p.state.ctm)
	at := matrix{1, 0, 0, 1, 0, p.state.rise}.times(m)
	dx, dy := m[0]*p.state.scale, m[1]*p.state.scale
	w := width * math.Hypot(dx, dy)
	for i := range p.actual {
		mark := &p.actual[i]
		if !mark.replaced {
			continue
		}
		if mark.first >= 0 && mark.first < len(p.glyphs) {
			g := &p.glyphs[mark.first]
			g.W = math.Max(g.W, math.Hypot(at[4]-g.x, at[5]-g.y)+w)
			return
		}
		text, mark.first = mark.text, len(p.glyphs)
		break
	}
	if text == "" || math.IsNaN(w) || !finite(at[4]) || !finite(at[5]) {
		return
	}
	p.f.left.Glyphs -= 1 + len(text)/16
	if p.f.left.Glyphs < 0 {
		p.f.stop(ErrTooLarge, "it shows more than %d characters", p.f.limits.Glyphs)
	}
	size := math.Abs(p.state.size) * math.Hypot(m[2], m[3])
	p.glyphs = append(p.glyphs, turned{
		Glyph: Glyph{Text: norm.NFC.String(text), W: math.Abs(w), Size: size},
		x:     at[4], y: at[5], dx: dx * sign(p.state.size), dy: dy * sign(p.state.size),
	})
}

// finite also refuses coordinates so large that sums of them would not be exact.
func finite(n float64) bool { return math.Abs(n) < 1e7 }

func sign(n float64) float64 {
	if n < 0 {
		return -1
	}
	return 1
}
