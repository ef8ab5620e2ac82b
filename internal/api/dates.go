package api

import (
	"strconv"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/internal/jsonx"
)

// maxShift bounds a relative date; it is more than anything the server keeps.
const maxShift = 100 * 365 * 24 * time.Hour

var shiftUnits = map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}

// parseDate reads an instant as filters give it: an ISO 8601 date or date-time, UTC unless it names a zone, or now()
// followed by any number of shifts such as -7d or + 90m. A space stands for the plus sign that it was before it
// went through a query string. A bare date means its first instant, or its last one when it ends a range.
//
// What lies before 1970 is as good as its first instant, for nothing is older.
func parseDate(text string, now time.Time, end bool) (time.Time, bool) {
	t, ok := readDate(strings.TrimSpace(text), now, end)
	if first := time.UnixMicro(1).UTC(); ok && t.Before(first) {
		return first, true
	}
	return t, ok
}

func readDate(text string, now time.Time, end bool) (time.Time, bool) {
	if rest, ok := strings.CutPrefix(text, "now()"); ok {
		shift, ok := parseShifts(rest)
		return now.Add(shift), ok
	}
	if len(text) == len("2006-01-02") {
		t, err := time.Parse("2006-01-02", text)
		if end {
			t = t.Add(24*time.Hour - time.Microsecond)
		}
		return t, err == nil && inRange(t)
	}
	if len(text) > 64 {
		return time.Time{}, false
	}
	// 2026-01-02T03:04:05 02:00 was 2026-01-02T03:04:05+02:00.
	if i := len(text) - len(" 02:00"); i > 0 && text[i] == ' ' {
		text = text[:i] + "+" + text[i+1:]
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), inRange(t)
		}
	}
	return time.Time{}, false
}

// inRange keeps instants to the years since 1970 that have four digits.
func inRange(t time.Time) bool { return t.Year() >= 1970 && t.Year() <= 9999 }

func parseShifts(s string) (time.Duration, bool) {
	var total time.Duration
	for {
		trimmed := strings.TrimLeft(s, " ")
		if trimmed == "" {
			return total, true
		}
		sign := time.Duration(1)
		switch {
		case trimmed[0] == '-':
			sign, trimmed = -1, trimmed[1:]
		case trimmed[0] == '+':
			trimmed = trimmed[1:]
		case len(trimmed) == len(s):
			return 0, false
		}
		trimmed = strings.TrimLeft(trimmed, " ")
		digits := 0
		for digits < len(trimmed) && trimmed[digits]-'0' < 10 {
			digits++
		}
		if digits == 0 || digits > 12 || digits == len(trimmed) {
			return 0, false
		}
		n, _ := strconv.ParseInt(trimmed[:digits], 10, 64)
		unit := shiftUnits[trimmed[digits]]
		if unit == 0 || n > int64(maxShift/unit) {
			return 0, false
		}
		if total += sign * time.Duration(n) * unit; total > maxShift || total < -maxShift {
			return 0, false
		}
		s = trimmed[digits+1:]
	}
}

const dateHelp = "must be a date such as 2026-11-21, a time such as 2026-11-21T08:30:00Z, or relative such as now()-7d (units s m h d w), not "

// queryDate reads an instant from the query; absent is the zero time.
func (x *exchange) queryDate(name string, end bool) (time.Time, error) {
	text, ok := x.given.get(name)
	if !ok {
		return time.Time{}, nil
	}
	t, ok := parseDate(text, x.start, end)
	if !ok {
		return time.Time{}, badField(name, jsonx.CodeInvalidValue, dateHelp+quote(text))
	}
	return t, nil
}
