package invoice

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	isoDate    = regexp.MustCompile(`^(\d{4})-(\d{1,2})-(\d{1,2})\b`)
	dottedDate = regexp.MustCompile(`^(\d{1,2})\. ?(\d{1,2})\. ?(\d{4}|\d{2})\b`)
	slashDate  = regexp.MustCompile(`^(\d{1,2})([/-])(\d{1,2})[/-](\d{4}|\d{2})\b`)
	dayFirst   = regexp.MustCompile(`^(\d{1,2})(?:st|nd|rd|th|er|º)?\.? (?:de |of )?(\pL{3,10})\.?,? (?:de |del )?(\d{4})\b`)
	monthFirst = regexp.MustCompile(`^(\pL{3,10})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})\b`)
	slashAny   = regexp.MustCompile(`\b(\d{1,2})/(\d{1,2})/(?:\d{4}|\d{2})\b`)
)

// months maps the first letters of month names in all the languages to their
// numbers. Longer beginnings come before shorter ones.
var months = []struct {
	prefix string
	month  int
}{
	{"janv", 1},
	{"jan", 1},
	{"jän", 1},
	{"ene", 1},
	{"gen", 1},
	{"feb", 2},
	{"fév", 2},
	{"fev", 2},
	{"mär", 3},
	{"mar", 3},
	{"maa", 3},
	{"mrt", 3},
	{"apr", 4},
	{"avr", 4},
	{"abr", 4},
	{"may", 5},
	{"mai", 5},
	{"mag", 5},
	{"mei", 5},
	{"juin", 6},
	{"jun", 6},
	{"giu", 6},
	{"juil", 7},
	{"jul", 7},
	{"lug", 7},
	{"aug", 8},
	{"aoû", 8},
	{"aou", 8},
	{"ago", 8},
	{"sep", 9},
	{"set", 9},
	{"oct", 10},
	{"okt", 10},
	{"ott", 10},
	{"nov", 11},
	{"dec", 12},
	{"dez", 12},
	{"déc", 12},
	{"dic", 12},
}

func monthOf(word string) (int, bool) {
	word = strings.ToLower(word)
	for _, m := range months {
		if strings.HasPrefix(word, m.prefix) {
			return m.month, true
		}
	}
	return 0, false
}

// decideMonthFirst tells 3/4/2026 in America from elsewhere: by a date that can
// only be read one way, else by the currency and the tax.
func decideMonthFirst(lines []line) bool {
	american := false
	for _, l := range lines {
		text := l.text()
		for _, m := range slashAny.FindAllStringSubmatch(text, -1) {
			first, _ := strconv.Atoi(m[1])
			second, _ := strconv.Atoi(m[2])
			if first > 12 {
				return false
			}
			if second > 12 {
				return true
			}
		}
		lower := strings.ToLower(text)
		if strings.Contains(lower, "sales tax") || usState.MatchString(text) {
			american = true
		}
	}
	return american
}

// date reads a date at the beginning of text and returns how many bytes it takes.
func (n notation) date(text string) (Date, int, bool) {
	number := func(s string) int {
		v, _ := strconv.Atoi(s)
		return v
	}
	if m := isoDate.FindStringSubmatch(text); m != nil {
		return day(number(m[1]), number(m[2]), number(m[3]), len(m[0]))
	}
	if m := dottedDate.FindStringSubmatch(text); m != nil {
		return day(number(m[3]), number(m[2]), number(m[1]), len(m[0]))
	}
	if m := slashDate.FindStringSubmatch(text); m != nil {
		first, second := number(m[1]), number(m[3])
		if n.monthFirst && m[2] == "/" {
			first, second = second, first
		}
		return day(number(m[4]), second, first, len(m[0]))
	}
	if m := dayFirst.FindStringSubmatch(text); m != nil {
		if month, ok := monthOf(m[2]); ok {
			return day(number(m[3]), month, number(m[1]), len(m[0]))
		}
	}
	if m := monthFirst.FindStringSubmatch(text); m != nil {
		if month, ok := monthOf(m[1]); ok {
			return day(number(m[3]), month, number(m[2]), len(m[0]))
		}
	}
	return "", 0, false
}

// day checks that the date exists.
func day(year, month, dayOfMonth, length int) (Date, int, bool) {
	if year < 100 {
		year += 2000
	}
	t := time.Date(year, time.Month(month), dayOfMonth, 0, 0, 0, 0, time.UTC)
	if year < 1900 || year > 2999 || int(t.Month()) != month || t.Day() != dayOfMonth {
		return "", 0, false
	}
	return Date(fmt.Sprintf("%04d-%02d-%02d", year, month, dayOfMonth)), length, true
}
