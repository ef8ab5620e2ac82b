package jsonx

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Codes of errors and problems.
const (
	CodeInvalidJSON  = "invalid_json"
	CodeDuplicateKey = "duplicate_key"
	CodeTooDeep      = "too_deep"
	CodeRequired     = "required"
	CodeInvalidType  = "invalid_type"
	CodeInvalidValue = "invalid_value"
	CodeOutOfRange   = "out_of_range"
	CodeTooLong      = "too_long"
	CodeUnknownField = "unknown_field"
)

// Error is a text that is not acceptable JSON.
type Error struct {
	Code    string // CodeInvalidJSON, CodeDuplicateKey or CodeTooDeep
	Path    string // where, as input.lines[2].qty; empty at the outermost value
	Offset  int    // the byte, counted from 0
	Message string // what is wrong there
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	b.WriteString(" (")
	if e.Path != "" {
		b.WriteString("at ")
		b.WriteString(e.Path)
		b.WriteString(", ")
	}
	b.WriteString("byte ")
	b.WriteString(strconv.Itoa(e.Offset))
	b.WriteString(")")
	return b.String()
}

// Problem is one value of a well-formed text that the caller cannot accept.
type Problem struct {
	Field   string // JSON path
	Code    string
	Message string // names the field, what is wrong with it and what would be right
}

// maxProblems bounds how many problems of one text are reported.
const maxProblems = 32

// Problems are what was recorded since Reset, in the order of the text.
func (p *Parser) Problems() []Problem { return p.problems }

// Report records a problem with the member or element that is being read. message continues a sentence that begins
// with the field: "must be …".
func (p *Parser) Report(code, message string) { p.report(p.Path(), code, message) }

// ReportMember records a problem with a member of the innermost open object, by its name, or with the outermost value
// when none is open: use it for members that are missing.
func (p *Parser) ReportMember(parent, member, code, message string) {
	if parent != "" {
		member = parent + "." + member
	}
	p.report(member, code, message)
}

func (p *Parser) report(path, code, message string) {
	if len(p.problems) >= maxProblems || p.err != nil {
		return
	}
	subject := path
	if subject == "" {
		subject = "the body"
	}
	p.problems = append(p.problems, Problem{path, code, subject + " " + message})
}

// Unknown records the current member as one that its object does not have, suggests the nearest of the known names,
// and skips its value.
func (p *Parser) Unknown(known []string) {
	message := "is not a known field"
	if near := Nearest(string(p.Name()), known); near != "" {
		message += `; did you mean "` + near + `"?`
	} else {
		message += "; remove it"
	}
	p.Report(CodeUnknownField, message)
	p.Skip()
}

func (p *Parser) fail(code, message string) {
	if p.err == nil {
		p.err = &Error{Code: code, Path: p.Path(), Offset: p.pos, Message: message}
	}
}

func (p *Parser) unexpected(wanted string) {
	if p.pos >= len(p.data) {
		p.fail(CodeInvalidJSON, "the text ends where "+wanted+" should follow")
		return
	}
	found := "byte 0x" + strconv.FormatUint(uint64(p.data[p.pos]), 16)
	if r, n := utf8.DecodeRune(p.data[p.pos:]); strconv.IsPrint(r) && (r != utf8.RuneError || n > 1) {
		found = strconv.QuoteRune(r)
	}
	p.fail(CodeInvalidJSON, "found "+found+" where "+wanted+" should be")
}

// maxPath bounds a path in bytes.
const maxPath = 240

// Path is the JSON path of the member or element that is being read: input.lines[2].qty. Names that are not plain
// words are quoted. A long path is cut in the middle.
func (p *Parser) Path() string {
	var b []byte
	for i := 1; i <= p.open; i++ {
		f := p.frame(i)
		switch {
		case !f.object:
			b = append(b, '[')
			b = strconv.AppendInt(b, int64(f.count), 10)
			b = append(b, ']')
		case f.named:
			b = appendSegment(b, p.plain(f.start, f.end, f.escaped))
		}
	}
	if len(b) > maxPath {
		head := strings.ToValidUTF8(string(b[:maxPath/2]), "")
		tail := strings.ToValidUTF8(string(b[len(b)-maxPath/2:]), "")
		return head + "…" + tail
	}
	return string(b)
}

func appendSegment(b []byte, name string) []byte {
	plain := name != ""
	for i := range len(name) {
		c := name[i]
		plain = plain && (c|0x20-'a' < 26 || c-'0' < 10 || c == '_' || c == '-')
	}
	if !plain {
		b = append(b, '[')
		b = AppendString(b, name)
		return append(b, ']')
	}
	if len(b) > 0 {
		b = append(b, '.')
	}
	return append(b, name...)
}

// Nearest is the name among known that was probably meant by name, or "" when none is near: the same but for case,
// hyphens and underscores, or a few slips of the finger away.
func Nearest(name string, known []string) string {
	if len(name) > 64 {
		return ""
	}
	folded := fold(name)
	best, bestDistance := "", max(1, len(folded)/3)+1
	for _, k := range known {
		if d := distance(folded, fold(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

func fold(s string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s))
}

// distance counts the insertions, deletions, substitutions and swaps of neighbours that turn a into b.
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, previous, row := rows[(i-1+3)%3], rows[i%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(previous[j]+1, row[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}

// Forget drops the problems recorded after the first n, for a caller that has dealt with them.
func (p *Parser) Forget(n int) { p.problems = p.problems[:min(n, len(p.problems))] }
