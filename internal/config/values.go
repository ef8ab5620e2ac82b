package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	second = Duration(time.Second)
	day    = 24 * time.Hour
)

// Duration is a length of time such as 90s, 1h30m or 30d. It is never negative.
type Duration time.Duration

// ParseDuration reads a length of time: Go's notation, and whole days as in 30d or 7d12h.
func ParseDuration(text string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not a length of time such as 45s, 1h30m or 30d", text)
	rest := strings.TrimSpace(text)
	var days time.Duration
	if before, after, ok := strings.Cut(rest, "d"); ok {
		n, err := strconv.ParseUint(before, 10, 16)
		if err != nil {
			return 0, bad
		}
		days, rest = time.Duration(n)*day, after
		if rest == "" {
			rest = "0"
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || days > 0 && d > math.MaxInt64-days || strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "+") {
		return 0, bad
	}
	return days + d, nil
}

// Set reads the value of a flag, variable or key.
func (d *Duration) Set(text string) error {
	v, err := ParseDuration(text)
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}

// String is the length in the notation that Set reads.
func (d *Duration) String() string {
	v := time.Duration(*d)
	if v >= day && v%day == 0 {
		return strconv.FormatInt(int64(v/day), 10) + "d"
	}
	text := v.String()
	text = strings.TrimSuffix(text, "m0s") // 1h0m0s
	if before, ok := strings.CutSuffix(text, "h0"); ok {
		return before + "h"
	}
	if text != v.String() {
		text += "m"
	}
	return text
}

// Type names the value in the help of flags.
func (d *Duration) Type() string { return "time" }

// Size is a number of bytes such as 512MiB or 2GB.
type Size int64

var units = []struct {
	name string
	size int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
	{"", 1},
}

// Set reads the value of a flag, variable or key.
func (s *Size) Set(text string) error {
	given := strings.TrimSpace(text)
	for _, u := range units {
		number, ok := cutSuffixFold(given, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.size {
			break
		}
		*s = Size(n * u.size)
		return nil
	}
	return fmt.Errorf("%q is not a size such as 256MiB or 2GB", text)
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if len(s) < len(suffix) || !strings.EqualFold(s[len(s)-len(suffix):], suffix) {
		return s, false
	}
	return s[:len(s)-len(suffix)], true
}

// String is the size in the largest unit that shows it whole.
func (s *Size) String() string {
	for i := 3; i >= 0; i-- {
		if n := int64(*s); n != 0 && n%units[i].size == 0 {
			return strconv.FormatInt(n/units[i].size, 10) + units[i].name
		}
	}
	return strconv.FormatInt(int64(*s), 10)
}

// Type names the value in the help of flags.
func (s *Size) Type() string { return "space" }
