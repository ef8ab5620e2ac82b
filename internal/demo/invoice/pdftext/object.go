package pdftext

import (
	"bytes"
	"math"
	"strconv"
)

// maxDepth bounds the nesting of arrays and dictionaries.
const maxDepth = 100

// A PDF object is nil, bool, float64, text, name, array, dict, ref, *stream or,
// in content streams, keyword. Integers are float64 too: every integer that
// matters here is exact in one.
type (
	object  any
	text    string
	name    string
	keyword string
	array   []object
	dict    map[name]object
	ref     struct{ id, gen int }
	stream  struct {
		dict dict
		raw  []byte
		// data is the decoded form, once it was asked for.
		data    []byte
		decoded bool
	}
)

// A lexer reads objects from buf, starting at pos.
type lexer struct {
	f   *file
	buf []byte
	pos int
	// refs says that "1 0 R" is a reference, which it is not in content streams.
	refs bool
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

func isDelimiter(c byte) bool {
	switch c {
	case '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return true
	}
	return false
}

func (l *lexer) skipSpace() {
	start := l.pos
	for l.pos < len(l.buf) {
		c := l.buf[l.pos]
		if c == '%' {
			for l.pos < len(l.buf) && l.buf[l.pos] != '\n' && l.buf[l.pos] != '\r' {
				l.pos++
			}
			continue
		}
		if !isSpace(c) {
			break
		}
		l.pos++
	}
	l.f.work(l.pos - start)
}

func (l *lexer) atEnd() bool {
	l.skipSpace()
	return l.pos >= len(l.buf)
}

// regular returns the run of regular characters at pos.
func (l *lexer) regular() string {
	start := l.pos
	for l.pos < len(l.buf) && !isSpace(l.buf[l.pos]) && !isDelimiter(l.buf[l.pos]) {
		l.pos++
	}
	l.f.work(l.pos - start)
	return string(l.buf[start:l.pos])
}

// next reads one object. At the end of the data, and where no object can be
// read, it returns a keyword: "" at the end. It always moves forward.
func (l *lexer) next(depth int) object {
	l.skipSpace()
	if l.pos >= len(l.buf) {
		return keyword("")
	}
	if depth > maxDepth {
		l.f.stop(ErrCorrupt, "its objects are nested more than %d deep", maxDepth)
	}
	switch c := l.buf[l.pos]; c {
	case '/':
		l.pos++
		return l.name()
	case '(':
		return l.literal()
	case '<':
		if l.pos+1 < len(l.buf) && l.buf[l.pos+1] == '<' {
			l.pos += 2
			return l.dict(depth)
		}
		return l.hex()
	case '[':
		l.pos++
		return l.array(depth)
	case '>':
		if l.pos+1 < len(l.buf) && l.buf[l.pos+1] == '>' {
			l.pos += 2
			return keyword(">>")
		}
		l.pos++
		return keyword(">")
	case ']', '{', '}', ')':
		l.pos++
		return keyword(string(c))
	}
	word := l.regular()
	switch word {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	number, ok := parseNumber(word)
	if !ok {
		return keyword(word)
	}
	if l.refs {
		if id, ok := asID(number); ok {
			if r, ok := l.reference(id); ok {
				return r
			}
		}
	}
	return number
}

// reference reads the rest of "id gen R" if that is what stands here.
func (l *lexer) reference(id int) (ref, bool) {
	back := l.pos
	l.skipSpace()
	number, ok := parseNumber(l.regular())
	if ok {
		if gen, ok := asID(number); ok {
			l.skipSpace()
			if l.regular() == "R" {
				return ref{id, gen}, true
			}
		}
	}
	l.pos = back
	return ref{}, false
}

func (l *lexer) array(depth int) array {
	out := array{}
	for {
		item := l.next(depth + 1)
		if word, ok := item.(keyword); ok {
			if word == "]" || word == "" {
				return out
			}
			if word == ">>" || word == "endobj" {
				l.pos -= len(word)
				return out
			}
			continue
		}
		out = append(out, item)
	}
}

func (l *lexer) dict(depth int) dict {
	out := dict{}
	for {
		switch key := l.next(depth + 1).(type) {
		case keyword:
			if key == ">>" || key == "" {
				return out
			}
			if key == "endobj" || key == "stream" {
				l.pos -= len(key)
				return out
			}
		case name:
			value := l.next(depth + 1)
			if word, ok := value.(keyword); ok {
				l.pos -= len(word)
				if word == ">>" || word == "" {
					continue
				}
				l.pos += len(word)
				continue
			}
			out[key] = value
		}
	}
}

func (l *lexer) name() name {
	raw := l.regular()
	for i := 0; i < len(raw); i++ {
		if raw[i] == '#' {
			return name(unescapeName(raw))
		}
	}
	return name(raw)
}

func unescapeName(raw string) string {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '#' && i+2 < len(raw) {
			if code, err := strconv.ParseUint(raw[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(code))
				i += 2
				continue
			}
		}
		out = append(out, raw[i])
	}
	return string(out)
}

// literal reads a string in parentheses.
func (l *lexer) literal() text {
	start := l.pos
	l.pos++
	var out []byte
	open := 1
	for l.pos < len(l.buf) {
		c := l.buf[l.pos]
		l.pos++
		switch c {
		case '(':
			open++
		case ')':
			open--
			if open == 0 {
				l.f.work(l.pos - start)
				return text(out)
			}
		case '\r':
			if l.pos < len(l.buf) && l.buf[l.pos] == '\n' {
				l.pos++
			}
			c = '\n'
		case '\\':
			var keep bool
			if c, keep = l.escape(); !keep {
				continue
			}
		}
		out = append(out, c)
	}
	l.f.work(l.pos - start)
	return text(out)
}

// escape reads what follows a backslash in a literal string. A line break that
// is escaped stands for nothing.
func (l *lexer) escape() (c byte, keep bool) {
	if l.pos >= len(l.buf) {
		return 0, false
	}
	c = l.buf[l.pos]
	l.pos++
	switch c {
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case '\n':
		return 0, false
	case '\r':
		if l.pos < len(l.buf) && l.buf[l.pos] == '\n' {
			l.pos++
		}
		return 0, false
	}
	if c < '0' || c > '7' {
		return c, true
	}
	code := int(c - '0')
	for range 2 {
		if l.pos >= len(l.buf) || l.buf[l.pos] < '0' || l.buf[l.pos] > '7' {
			break
		}
		code = code*8 + int(l.buf[l.pos]-'0')
		l.pos++
	}
	return byte(code), true
}

// hex reads a string in angle brackets.
func (l *lexer) hex() text {
	start := l.pos
	l.pos++
	var out []byte
	high, odd := byte(0), false
	for l.pos < len(l.buf) {
		c := l.buf[l.pos]
		l.pos++
		if c == '>' {
			break
		}
		digit, ok := hexDigit(c)
		if !ok {
			continue
		}
		if odd {
			out = append(out, high<<4|digit)
		}
		high, odd = digit, !odd
	}
	if odd {
		out = append(out, high<<4)
	}
	l.f.work(l.pos - start)
	return text(out)
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// parseNumber accepts what PDF writers produce: no exponent, an optional sign.
func parseNumber(word string) (float64, bool) {
	if word == "" || len(word) > 40 {
		return 0, false
	}
	digits := false
	for i := 0; i < len(word); i++ {
		c := word[i]
		switch {
		case c >= '0' && c <= '9':
			digits = true
		case c == '.' || (c == '-' || c == '+') && i == 0:
		default:
			return 0, false
		}
	}
	if !digits {
		return 0, false
	}
	number, err := strconv.ParseFloat(word, 64)
	if err != nil || math.IsInf(number, 0) {
		return 0, false
	}
	return number, true
}

// asID returns number as a non-negative integer, if it is one of a sane size.
func asID(number float64) (int, bool) {
	if number < 0 || number > 1<<31 || number != math.Trunc(number) {
		return 0, false
	}
	return int(number), true
}

// indirect reads "id gen obj … endobj" at the position of the lexer.
func (l *lexer) indirect() (ref, object, bool) {
	id, ok1 := l.next(0).(float64)
	gen, ok2 := l.next(0).(float64)
	word, _ := l.next(0).(keyword)
	number, ok3 := asID(id)
	if !ok1 || !ok2 || !ok3 || word != "obj" {
		return ref{}, nil, false
	}
	value := l.next(0)
	if bad, ok := value.(keyword); ok {
		_ = bad // an empty object is null
		value = nil
	}
	if d, ok := value.(dict); ok {
		back := l.pos
		if word, _ := l.next(0).(keyword); word == "stream" {
			return ref{number, int(gen)}, &stream{dict: d, raw: l.streamData(d)}, true
		}
		l.pos = back
	}
	return ref{number, int(gen)}, value, true
}

// streamData returns the bytes after the keyword "stream". It trusts /Length
// only when "endstream" stands where it says.
func (l *lexer) streamData(d dict) []byte {
	if l.pos < len(l.buf) && l.buf[l.pos] == '\r' {
		l.pos++
	}
	if l.pos < len(l.buf) && l.buf[l.pos] == '\n' {
		l.pos++
	}
	rest := l.buf[l.pos:]
	if length, ok := asID(l.f.number(d["Length"], -1)); ok && length <= len(rest) {
		after := lexer{f: l.f, buf: rest[:min(len(rest), length+32)], pos: length}
		after.skipSpace()
		if bytes.HasPrefix(after.buf[after.pos:], []byte("endstream")) {
			l.pos += length
			return rest[:length]
		}
	}
	end := bytes.Index(rest, []byte("endstream"))
	if end < 0 {
		end = len(rest)
	}
	l.f.work(end)
	l.pos += end
	return rest[:end]
}
