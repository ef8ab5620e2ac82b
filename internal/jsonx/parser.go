package jsonx

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
)

// MaxDepth is how many objects and arrays may be open inside each other.
const MaxDepth = 64

// Kind is the sort of a JSON value.
type Kind uint8

// The kinds. None is the kind of a text that is broken or over.
const (
	None Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

var kindNames = [...]string{"nothing", "null", "a boolean", "a number", "a string", "an array", "an object"}

// String names the kind with its article: "a number".
func (k Kind) String() string { return kindNames[k] }

// Parser reads one JSON text from front to back. The zero Parser is ready for Reset, and may be reset for another text
// any number of times; it must not be copied.
//
// The caller asks for the value it expects. A value of another kind is recorded as a Problem and skipped, so that one
// pass reports everything that is wrong with a request; a text that is not JSON stops the parser, and End returns why.
// Every value is checked whether it is looked at or not.
type Parser struct {
	data     []byte
	pos      int
	err      *Error
	problems []Problem
	open     int            // containers open now
	shallow  [shallow]frame // the frames of the containers 1..open; frame 0 stands around the text
	deep     []frame        // those beyond, made once when they are needed
	names    []name         // of the open objects, in order
	scratch  []byte
	last     uint64 // fingerprint of the value read last
}

// frame is one open container.
type frame struct {
	object  bool
	pending bool // Next went to a value that has not been read
	named   bool // object: it stands on a member, whose name is below
	escaped bool // the name holds escapes
	count   int32
	first   int32 // object: index of its first name
	start   int32 // object: the current name, between its quotes
	end     int32
	name    uint64 // object: fingerprint of the current name
	sum     uint64
	set     map[string]struct{} // object: its names once there are many
}

// name is one member's name, kept to find duplicates.
// shallow is how many frames a Parser has at hand: few texts are nested deeper, and a Parser may be kept while its
// request waits.
const shallow = 8

// frame is the frame of container i. It stays where it is until Reset.
func (p *Parser) frame(i int) *frame {
	if i < shallow {
		return &p.shallow[i]
	}
	if p.deep == nil {
		p.deep = make([]frame, MaxDepth+1-shallow)
	}
	return &p.deep[i-shallow]
}

type name struct {
	hash       uint64
	start, end int32
	escaped    bool
}

// manyNames is how many names are compared one by one.
const manyNames = 32

// Reset makes the parser read data, which must not change while values returned by the parser are in use.
func (p *Parser) Reset(data []byte) {
	for i := range p.open + 1 {
		*p.frame(i) = frame{}
	}
	p.data, p.pos, p.err, p.problems, p.open, p.names, p.last = data, 0, nil, nil, 0, p.names[:0], 0
	if cap(p.scratch) > 64<<10 {
		p.scratch = nil
	}
	if cap(p.names) > 16<<10 {
		p.names = nil
	}
	if len(data) > math.MaxInt32 {
		p.fail(CodeInvalidJSON, "the text is longer than 2 GiB")
	}
}

// Check reads data as one JSON text and returns its fingerprint.
func Check(data []byte) (uint64, error) {
	var p Parser
	p.Reset(data)
	p.Skip()
	return p.last, p.End()
}

// End reports why the text is not acceptable JSON, or nil when it is. Call it after the outermost value was read.
func (p *Parser) End() error {
	if p.err == nil {
		p.space()
		if p.pos < len(p.data) {
			p.open = 0
			p.fail(CodeInvalidJSON, "there is more text after the JSON value")
		}
	}
	if p.err == nil {
		return nil
	}
	return p.err
}

// Hash is the fingerprint of the value read last: of an object or array that was opened, once Next has returned false.
// It depends on the decoded value: not on the order of an object's members, nor on white space or on how strings are
// escaped; numbers count by their text. It never changes between releases.
func (p *Parser) Hash() uint64 { return p.last }

// Uncount takes the member read last out of its object's fingerprint.
func (p *Parser) Uncount() {
	if f := p.frame(p.open); f.named && !f.pending && p.err == nil {
		f.sum -= mix(f.name, p.last)
		f.count--
	}
}

// Peek is the kind of the next value.
func (p *Parser) Peek() Kind {
	if p.err != nil {
		return None
	}
	p.space()
	if p.pos >= len(p.data) {
		if p.open == 0 && p.pos == 0 {
			p.fail(CodeInvalidJSON, "the text is empty")
		} else {
			p.fail(CodeInvalidJSON, "the text ends where a value should follow")
		}
		return None
	}
	switch c := p.data[p.pos]; c {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return Number
	default:
		p.unexpected("a value")
		return None
	}
}

// Object opens the next value, which should be an object; read its members with Next.
func (p *Parser) Object() bool { return p.expect(Object) && p.enter(true) }

// Array opens the next value, which should be an array; read its elements with Next.
func (p *Parser) Array() bool { return p.expect(Array) && p.enter(false) }

// Next goes to the next member or element of the innermost open container, or closes it and returns false. A value
// that was not read is skipped.
func (p *Parser) Next() bool {
	if p.err != nil {
		return false
	}
	f := p.frame(p.open)
	if f.pending {
		if p.Skip(); p.err != nil {
			return false
		}
	}
	p.space()
	if f.object {
		f.pending = p.nextMember(f)
	} else {
		f.pending = p.nextElement(f)
	}
	return f.pending
}

// Name is the name of the member that Next went to, valid until the next call of the parser.
func (p *Parser) Name() []byte {
	f := p.frame(p.open)
	raw := p.data[f.start:f.end]
	if f.escaped {
		p.scratch = appendUnescaped(p.scratch[:0], raw)
		return p.scratch
	}
	return raw
}

// Skip reads any value.
func (p *Parser) Skip() {
	switch p.Peek() {
	case None:
	case Null:
		p.word("null")
	case Bool:
		if p.data[p.pos] == 't' {
			p.word("true")
		} else {
			p.word("false")
		}
	case Number:
		p.number()
	case String:
		p.text()
	case Array:
		if p.enter(false) {
			for p.Next() {
				p.Skip()
			}
		}
	case Object:
		if p.enter(true) {
			for p.Next() {
				p.Skip()
			}
		}
	}
}

// Raw reads any value and returns its bytes as they stand in the text.
func (p *Parser) Raw() []byte {
	if p.Peek() == None {
		return nil
	}
	start := p.pos
	p.Skip()
	if p.err != nil {
		return nil
	}
	return p.data[start:p.pos:p.pos]
}

func (p *Parser) enter(object bool) bool {
	if p.open == MaxDepth {
		p.fail(CodeTooDeep, "objects and arrays are nested deeper than "+strconv.Itoa(MaxDepth)+" levels; flatten them")
		return false
	}
	p.pos++
	p.open++
	*p.frame(p.open) = frame{object: object, first: int32(len(p.names))}
	return true
}

// leave closes the innermost container, whose closing bracket is the current byte.
func (p *Parser) leave(f *frame) bool {
	p.pos++
	hash := mix(f.sum^seedArray, uint64(f.count))
	if f.object {
		p.names = p.names[:f.first]
		hash = mix(f.sum^seedObject, uint64(f.count))
	}
	f.set = nil
	p.open--
	p.done(hash)
	return false
}

// done takes note of a value that was read to its end.
func (p *Parser) done(hash uint64) {
	p.last = hash
	f := p.frame(p.open)
	f.pending = false
	if f.object {
		f.sum += mix(f.name, hash)
	} else {
		f.sum = mix(f.sum, hash)
	}
	f.count++
}

func (p *Parser) nextElement(f *frame) bool {
	if p.pos < len(p.data) {
		switch c := p.data[p.pos]; {
		case c == ']':
			return p.leave(f)
		case f.count == 0:
			return true
		case c == ',':
			p.pos++
			p.space()
			if p.pos < len(p.data) && p.data[p.pos] == ']' {
				p.unexpected("another element after the comma")
				return false
			}
			return true
		}
	}
	p.unexpected("',' or ']'")
	return false
}

func (p *Parser) nextMember(f *frame) bool {
	first := int(f.first) == len(p.names)
	f.named = false
	if p.pos < len(p.data) && p.data[p.pos] == '}' {
		return p.leave(f)
	}
	if !first {
		if p.pos >= len(p.data) || p.data[p.pos] != ',' {
			p.unexpected("',' or '}'")
			return false
		}
		p.pos++
		p.space()
	}
	if p.pos >= len(p.data) || p.data[p.pos] != '"' {
		p.unexpected("a name in double quotes")
		return false
	}
	start := p.pos + 1
	hash, escaped, ok := p.quoted()
	if !ok {
		return false
	}
	f.start, f.end, f.escaped, f.name, f.named = int32(start), int32(p.pos-1), escaped, hash, true
	if p.duplicate(f) {
		p.fail(CodeDuplicateKey, "this name occurs twice in its object; keep one of them")
		return false
	}
	p.names = append(p.names, name{hash, f.start, f.end, escaped})
	p.space()
	if p.pos >= len(p.data) || p.data[p.pos] != ':' {
		p.unexpected("':'")
		return false
	}
	p.pos++
	return true
}

// duplicate reports whether the current name occurred before in its object.
func (p *Parser) duplicate(f *frame) bool {
	others := p.names[f.first:]
	if len(others) < manyNames {
		for i := range others {
			if o := &others[i]; o.hash == f.name && p.plain(o.start, o.end, o.escaped) == p.plain(f.start, f.end, f.escaped) {
				return true
			}
		}
		return false
	}
	if f.set == nil {
		f.set = make(map[string]struct{}, 4*manyNames)
		for _, o := range others {
			f.set[p.plain(o.start, o.end, o.escaped)] = struct{}{}
		}
	}
	text := p.plain(f.start, f.end, f.escaped)
	if _, ok := f.set[text]; ok {
		return true
	}
	f.set[text] = struct{}{}
	return false
}

func (p *Parser) plain(start, end int32, escaped bool) string {
	if escaped {
		return string(appendUnescaped(nil, p.data[start:end]))
	}
	return string(p.data[start:end])
}

func (p *Parser) space() {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

func (p *Parser) word(w string) {
	if len(p.data)-p.pos < len(w) || string(p.data[p.pos:p.pos+len(w)]) != w {
		p.fail(CodeInvalidJSON, "a bare word that is none of true, false and null")
		return
	}
	p.pos += len(w)
	p.done(mix(seedWord, uint64(w[0])))
}

// number reads a number by the grammar of RFC 8259 and returns its text.
func (p *Parser) number() []byte {
	start, d := p.pos, p.data
	i := start
	digits := func() bool {
		from := i
		for i < len(d) && d[i]-'0' < 10 {
			i++
		}
		return i > from
	}
	if d[i] == '-' {
		i++
	}
	ok := true
	if i < len(d) && d[i] == '0' {
		i++
	} else {
		ok = digits()
	}
	if ok && i < len(d) && d[i] == '.' {
		i++
		ok = digits()
	}
	if ok && i < len(d) && d[i]|0x20 == 'e' {
		i++
		if i < len(d) && (d[i] == '+' || d[i] == '-') {
			i++
		}
		ok = digits()
	}
	if !ok || i < len(d) && d[i]-'0' < 10 {
		p.pos = i
		p.fail(CodeInvalidJSON, "a number that is not written as JSON wants it, such as 12, -0.5 or 1e6")
		return nil
	}
	p.pos = i
	p.done(fingerprint(seedNumber, d[start:i]))
	return d[start:i]
}

// text reads a string as a value and returns what stands between its quotes.
func (p *Parser) text() (raw []byte, escaped bool) {
	start := p.pos + 1
	hash, escaped, ok := p.quoted()
	if !ok {
		return nil, false
	}
	p.done(hash)
	return p.data[start : p.pos-1], escaped
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// quoted reads a string, the current byte being its opening quote, and fingerprints it unescaped.
func (p *Parser) quoted() (hash uint64, escaped, ok bool) {
	d := p.data
	i := p.pos + 1
	start := i
	for {
		// Eight plain ASCII characters at a time: none below space, no quote, no backslash, none above 127.
		for i+8 <= len(d) {
			w := binary.LittleEndian.Uint64(d[i:])
			q, b := w^(ones*'"'), w^(ones*'\\')
			special := (w | (w - ones*0x20) | (q - ones) | (b - ones)) & highs
			if special != 0 {
				i += bits.TrailingZeros64(special) / 8
				break
			}
			i += 8
		}
		if i >= len(d) {
			p.pos = len(d)
			p.fail(CodeInvalidJSON, "a string without its closing quote")
			return 0, false, false
		}
		switch c := d[i]; {
		case c == '"':
			p.pos = i + 1
			if escaped {
				p.scratch = appendUnescaped(p.scratch[:0], d[start:i])
				return fingerprint(seedString, p.scratch), true, true
			}
			return fingerprint(seedString, d[start:i]), false, true
		case c == '\\':
			n, problem := escape(d[i:])
			if problem != "" {
				p.pos = i
				p.fail(CodeInvalidJSON, problem)
				return 0, false, false
			}
			escaped = true
			i += n
		case c < 0x20:
			p.pos = i
			p.fail(CodeInvalidJSON, "a control character inside a string; write it as an escape such as \\n")
			return 0, false, false
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(d[i:])
			if r == utf8.RuneError && n == 1 {
				p.pos = i
				p.fail(CodeInvalidJSON, "bytes that are not UTF-8; encode the body as UTF-8")
				return 0, false, false
			}
			i += n
		}
	}
}

// escape is the length of the escape at the start of d, or what is wrong with it.
func escape(d []byte) (n int, problem string) {
	const broken = "a backslash in a string must be followed by one of \" \\ / b f n r t or u and four hex digits"
	if len(d) < 2 {
		return 0, broken
	}
	switch d[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, ""
	case 'u':
		r, ok := hex4(d)
		switch {
		case !ok:
			return 0, broken
		case r < 0xd800 || r > 0xdfff:
			return 6, ""
		}
		if low, ok := hex4(d[6:]); ok && r < 0xdc00 && low >= 0xdc00 && low <= 0xdfff {
			return 12, ""
		}
		return 0, "an escape of half a surrogate pair, which stands for no character; write both halves or the character itself"
	}
	return 0, broken
}

// hex4 reads \uXXXX.
func hex4(d []byte) (rune, bool) {
	if len(d) < 6 || d[0] != '\\' || d[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range d[2:6] {
		switch {
		case c-'0' < 10:
			r = r<<4 | rune(c-'0')
		case c|0x20-'a' < 6:
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// appendUnescaped appends what raw, a checked string without its quotes, stands for.
func appendUnescaped(dst, raw []byte) []byte {
	for {
		i := slices.Index(raw, '\\')
		if i < 0 {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:i]...)
		raw = raw[i:]
		n := 2
		switch c := raw[1]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, _ := hex4(raw)
			n = 6
			if r >= 0xd800 && r < 0xdc00 {
				low, _ := hex4(raw[6:])
				r = (r-0xd800)<<10 | (low - 0xdc00) + 0x10000
				n = 12
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, c)
		}
		raw = raw[n:]
	}
}

// Offset is how many bytes of the text have been read.
func (p *Parser) Offset() int { return p.pos }
