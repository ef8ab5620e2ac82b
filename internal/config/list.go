package config

import "strings"

// List is a setting with several values: the flag may be repeated, and commas part values everywhere.
type List []string

// Set adds the values of a flag, variable or key.
func (l *List) Set(text string) error {
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one != "" {
			*l = append(*l, one)
		}
	}
	return nil
}

// String is the values with commas between them.
func (l *List) String() string { return strings.Join(*l, ",") }

// Type names the value in the help of flags.
func (l *List) Type() string { return "list" }
