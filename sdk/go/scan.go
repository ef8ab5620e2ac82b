package sojourn

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

// scanner reads the server's answers on the hot path without reflection or copies. It accepts JSON, skips members it
// does not know, and keeps the first error: after one, every method returns a zero value at once.
type scanner struct {
	b   []byte
	i   int
	err error
}

var errScan = errors.New("the answer is not the JSON the protocol promises")

func (s *scanner) fail() {
	if s.err == nil {
		s.err = errScan
	}
}

// peek skips white space and returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.err == nil && s.peek() == c {
		s.i++
		return true
	}
	return false
}

func (s *scanner) need(c byte) {
	if !s.take(c) {
		s.fail()
	}
}

// members calls fn for each member of the object that comes next; fn must consume the value. A null counts as {}.
func (s *scanner) members(fn func(key []byte)) {
	if s.null() {
		return
	}
	s.need('{')
	if s.take('}') {
		return
	}
	for s.err == nil {
		key := s.textBytes()
		s.need(':')
		if s.err != nil {
			return
		}
		fn(key)
		if s.take('}') {
			return
		}
		s.need(',')
	}
}

// elements calls fn for each element of the array that comes next; fn must consume it. A null counts as [].
func (s *scanner) elements(fn func()) {
	if s.null() {
		return
	}
	s.need('[')
	if s.take(']') {
		return
	}
	for s.err == nil {
		fn()
		if s.take(']') {
			return
		}
		s.need(',')
	}
}

func (s *scanner) null() bool {
	if s.err == nil && s.peek() == 'n' && bytes.HasPrefix(s.b[s.i:], []byte("null")) {
		s.i += 4
		return true
	}
	return false
}

// text reads a string; null is "".
func (s *scanner) text() string {
	if s.null() {
		return ""
	}
	return string(s.textBytes())
}

// textBytes reads a string; the result may point into the input.
func (s *scanner) textBytes() []byte {
	s.need('"')
	if s.err != nil {
		return nil
	}
	start, plain := s.i, true
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			quoted := s.b[start:s.i]
			s.i++
			if plain {
				return quoted
			}
			var out string
			if json.Unmarshal(s.b[start-1:s.i], &out) != nil {
				s.fail()
			}
			return []byte(out)
		case c == '\\':
			plain = false
			s.i += 2
		case c < ' ':
			s.fail()
			return nil
		case c >= utf8.RuneSelf:
			plain = false // let encoding/json judge it
			s.i++
		default:
			s.i++
		}
	}
	s.fail()
	return nil
}

// integer reads a whole number; null is 0. A fraction is cut off.
func (s *scanner) integer() int64 {
	if s.null() || s.err != nil {
		return 0
	}
	s.peek()
	start := s.i
	for s.i < len(s.b) && (s.b[s.i] == '-' || s.b[s.i] == '+' || s.b[s.i] == '.' || s.b[s.i]|0x20 == 'e' || s.b[s.i] >= '0' && s.b[s.i] <= '9') {
		s.i++
	}
	text := string(s.b[start:s.i])
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != f || f < -1<<62 || f > 1<<62 {
		s.fail()
		return 0
	}
	return int64(f)
}

// boolean reads true or false; null is false.
func (s *scanner) boolean() bool {
	switch {
	case s.null() || s.err != nil:
	case s.peek() == 't' && bytes.HasPrefix(s.b[s.i:], []byte("true")):
		s.i += 4
		return true
	case s.peek() == 'f' && bytes.HasPrefix(s.b[s.i:], []byte("false")):
		s.i += 5
	default:
		s.fail()
	}
	return false
}

// raw consumes any value and returns its text, which points into the input. It finds the end of the value; whether the
// inside is well-formed is left to whoever decodes it.
func (s *scanner) raw() []byte {
	if s.err != nil {
		return nil
	}
	c := s.peek()
	start := s.i
	switch c {
	case '"':
		s.skipText()
	case '{', '[':
		depth := 0
		for s.i < len(s.b) {
			switch s.b[s.i] {
			case '"':
				s.skipText()
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			s.i++
			if depth == 0 {
				return s.b[start:s.i]
			}
		}
		s.fail()
	default:
		for s.i < len(s.b) {
			switch s.b[s.i] {
			case ',', '}', ']', ' ', '\t', '\n', '\r', ':', '"', '{', '[':
			default:
				s.i++
				continue
			}
			break
		}
		if s.i == start {
			s.fail()
		}
	}
	if s.err != nil {
		return nil
	}
	return s.b[start:s.i]
}

func (s *scanner) skipText() {
	for s.i++; s.i < len(s.b); s.i++ {
		switch s.b[s.i] {
		case '\\':
			s.i++
		case '"':
			s.i++
			return
		}
	}
	s.i = len(s.b)
	s.fail()
}

// end demands that nothing but white space is left.
func (s *scanner) end() error {
	if s.err == nil && s.peek() != 0 {
		s.fail()
	}
	return s.err
}

const hexDigits = "0123456789abcdef"

// appendText appends text as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendText(b []byte, text string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			if r, n := utf8.DecodeRuneInString(text[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			b = append(append(b, text[start:i]...), `\ufffd`...)
			i++
			start = i
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, text[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(b, text[start:]...), '"')
}
