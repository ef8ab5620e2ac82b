package jsonx

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// expect reports whether the next value is of the kind; another one is recorded as a problem and skipped.
func (p *Parser) expect(k Kind) bool {
	got := p.Peek()
	if got == k {
		return true
	}
	if got != None {
		message := "must be " + k.String() + ", not " + got.String()
		if got == Null {
			message = "must be " + k.String() + ", not null; leave it out when there is none"
		}
		p.Report(CodeInvalidType, message)
		p.Skip()
	}
	return false
}

// Bytes reads a string of at most max characters, unescaped. The result is valid until the next call of the parser.
func (p *Parser) Bytes(max int) ([]byte, bool) {
	if !p.expect(String) {
		return nil, false
	}
	raw, escaped := p.text()
	if p.err != nil {
		return nil, false
	}
	if escaped {
		p.scratch = appendUnescaped(p.scratch[:0], raw)
		raw = p.scratch
	}
	if len(raw) > max {
		if n := utf8.RuneCount(raw); n > max {
			p.reportRead(CodeTooLong, "must have at most "+strconv.Itoa(max)+" characters, not "+strconv.Itoa(n))
			return nil, false
		}
	}
	return raw, true
}

// String reads a string of at most max characters.
func (p *Parser) String(max int) (string, bool) {
	b, ok := p.Bytes(max)
	return string(b), ok
}

// Bool reads true or false.
func (p *Parser) Bool() (value, ok bool) {
	if !p.expect(Bool) {
		return false, false
	}
	value = p.data[p.pos] == 't'
	p.Skip()
	return value, p.err == nil
}

// Int reads a whole number between min and max. 1e3 and 1.0 are whole numbers too.
func (p *Parser) Int(min, max int64) (int64, bool) {
	if !p.expect(Number) {
		return 0, false
	}
	text := p.number()
	if p.err != nil {
		return 0, false
	}
	n, whole := wholeNumber(text)
	if whole && n >= min && n <= max {
		return n, true
	}
	want := "a whole number from " + strconv.FormatInt(min, 10) + " to " + strconv.FormatInt(max, 10)
	if !whole {
		if f, _ := strconv.ParseFloat(string(text), 64); f == math.Trunc(f) {
			p.reportRead(CodeOutOfRange, "must be "+want+", not "+clip(text))
		} else {
			p.reportRead(CodeInvalidType, "must be "+want+", not the fraction "+clip(text))
		}
		return 0, false
	}
	p.reportRead(CodeOutOfRange, "must be "+want+", not "+clip(text))
	return 0, false
}

// wholeNumber is the value of a number's text when it is an integer that fits.
func wholeNumber(text []byte) (int64, bool) {
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// Float reads a number between min and max.
func (p *Parser) Float(min, max float64) (float64, bool) {
	if !p.expect(Number) {
		return 0, false
	}
	text := p.number()
	if p.err != nil {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f < min || f > max {
		p.reportRead(CodeOutOfRange, "must be a number from "+strconv.FormatFloat(min, 'g', -1, 64)+" to "+
			strconv.FormatFloat(max, 'g', -1, 64)+", not "+clip(text))
		return 0, false
	}
	return f, true
}

// RawObject reads an object and returns its bytes as they stand in the text.
func (p *Parser) RawObject() ([]byte, bool) {
	if !p.expect(Object) {
		return nil, false
	}
	raw := p.Raw()
	return raw, raw != nil
}

// reportRead records a problem with the value that was just read. An array has counted it already.
func (p *Parser) reportRead(code, message string) {
	f := p.frame(p.open)
	if !f.object && p.open > 0 {
		f.count--
		defer func() { f.count++ }()
	}
	p.Report(code, message)
}

// ReportRead records a problem with the value that was read last, when it is not a container that was opened.
func (p *Parser) ReportRead(code, message string) { p.reportRead(code, message) }

func clip(text []byte) string {
	if len(text) > 32 {
		return string(text[:29]) + "…"
	}
	return string(text)
}
