package api

import (
	"strconv"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// Limits of fields.
const (
	maxDuration      = 10 * 365 * 24 * time.Hour
	maxDurationMS    = int64(maxDuration / time.Millisecond)
	maxMetadata      = 32
	maxMetadataKey   = 64
	maxMetadataValue = 256
	maxKey           = 255 // of an idempotency key
	maxName          = 100
	maxRef           = 100 // of a workflow's name or id, or of a version
	maxReason        = 500
	maxDescription   = 2000
	maxText          = 256 // of a text search
	maxStep          = 255
	maxCode          = 100
	maxMessage       = 64 * kib
	maxBatch         = 1000
)

// The append functions write one member with its comma and name; name is `,"name":`. The members of this package's
// objects therefore begin with one that is always there.

func appendText(b []byte, name, s string) []byte {
	if s == "" {
		return b
	}
	return jsonx.AppendString(append(b, name...), s)
}

func appendInt(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(b, name...), n, 10)
}

func appendTime(b []byte, name string, t execution.Time) []byte {
	if t == 0 {
		return b
	}
	b = append(append(b, name...), '"')
	b = appendInstant(b, t)
	return append(b, '"')
}

// appendInstant is execution.Time.Append without the general layout.
func appendInstant(b []byte, t execution.Time) []byte {
	s := t.Std()
	year, month, day := s.Date()
	if year < 0 || year > 9999 {
		return t.Append(b)
	}
	hour, minute, second := s.Clock()
	ms := s.Nanosecond() / int(time.Millisecond)
	two := func(b []byte, n int, end byte) []byte {
		return append(b, byte('0'+n/10), byte('0'+n%10), end)
	}
	b = append(b, byte('0'+year/1000), byte('0'+year/100%10))
	b = two(b, year%100, '-')
	b = two(b, int(month), '-')
	b = two(b, day, 'T')
	b = two(b, hour, ':')
	b = two(b, minute, ':')
	b = two(b, second, '.')
	return append(b, byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}

func appendID(b []byte, name, prefix string, id execution.ID) []byte {
	b = append(append(b, name...), '"')
	b = id.AppendText(b, prefix)
	return append(b, '"')
}

// appendRaw writes a value that is JSON already; nil is left out.
func appendRaw(b []byte, name string, raw []byte) []byte {
	if raw == nil {
		return b
	}
	return append(append(b, name...), raw...)
}

func appendTrue(b []byte, name string, set bool) []byte {
	if !set {
		return b
	}
	return append(append(b, name...), "true"...)
}

func appendStrings(b []byte, name string, list []string) []byte {
	b = append(append(b, name...), '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsonx.AppendString(b, s)
	}
	return append(b, ']')
}

func appendIDs(b []byte, name string, ids []execution.ID) []byte {
	if len(ids) == 0 {
		return b
	}
	b = append(append(b, name...), '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendID(b, "", execution.PrefixExecution, id)
	}
	return append(b, ']')
}

func appendMetadata(b []byte, name string, m map[string]string) []byte {
	if len(m) == 0 {
		return b
	}
	b = append(append(b, name...), '{')
	first := true
	for _, k := range sortedKeys(m) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = jsonx.AppendString(b, k)
		b = append(b, ':')
		b = jsonx.AppendString(b, m[k])
	}
	return append(b, '}')
}

// readMillis reads a duration in milliseconds.
func readMillis(p *jsonx.Parser, low, high int64) (time.Duration, bool) {
	n, ok := p.Int(low, high)
	return time.Duration(n) * time.Millisecond, ok
}

// readInstant reads a point in time.
func readInstant(p *jsonx.Parser) (time.Time, bool) {
	s, ok := p.String(64)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || !inRange(t) {
		p.ReportRead(jsonx.CodeInvalidValue, "must be a time such as 2026-11-21T08:30:00Z, not "+quote(s))
		return time.Time{}, false
	}
	return t, true
}

// readMetadata reads pairs of short texts.
func readMetadata(p *jsonx.Parser, most int) map[string]string {
	if !p.Object() {
		return nil
	}
	m := make(map[string]string, 4)
	n := 0
	for p.Next() {
		name := string(p.Name())
		if n++; n > most {
			if n == most+1 {
				p.Report(jsonx.CodeTooLong, "is one too many: at most "+strconv.Itoa(most)+" are allowed")
			}
			p.Skip()
			continue
		}
		if name == "" || len([]rune(name)) > maxMetadataKey {
			p.Report(jsonx.CodeTooLong, "must have a name of 1 to "+strconv.Itoa(maxMetadataKey)+" characters")
			p.Skip()
			continue
		}
		if value, ok := p.String(maxMetadataValue); ok {
			m[name] = value
		}
	}
	return m
}

// readVersion reads a version's label or number.
func readVersion(p *jsonx.Parser) string {
	if p.Peek() == jsonx.Number {
		n, _ := p.Int(1, 1<<31-1)
		return strconv.FormatInt(n, 10)
	}
	s, ok := p.String(maxRef)
	if ok && s == "" {
		p.ReportRead(jsonx.CodeInvalidValue, "must not be empty; leave it out for the current version")
	}
	return s
}

// readName reads a text that must not be empty.
func readName(p *jsonx.Parser, most int) string {
	s, ok := p.String(most)
	if ok && s == "" {
		p.ReportRead(jsonx.CodeInvalidValue, "must not be empty")
	}
	return s
}

// readStrings reads an array of texts.
func readStrings(p *jsonx.Parser, count, length int) []string {
	if !p.Array() {
		return nil
	}
	list := []string{}
	for n := 0; p.Next(); n++ {
		if n == count {
			p.Report(jsonx.CodeTooLong, "is one too many: at most "+strconv.Itoa(count)+" are allowed")
		}
		if n >= count {
			p.Skip()
			continue
		}
		if s, ok := p.String(length); ok {
			list = append(list, s)
		}
	}
	return list
}

// readList reads an array of texts or one text with commas.
func readList(p *jsonx.Parser, count, length int) []string {
	if p.Peek() == jsonx.String {
		s, ok := p.String(count * (length + 1))
		if !ok {
			return nil
		}
		return strings.Split(s, ",")
	}
	return readStrings(p, count, length)
}
