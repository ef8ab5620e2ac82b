package main

import (
	"fmt"
	"regexp"
	"strings"
)

// The part of a page that is made from a result stands between two comments, the first of which names the result.
var (
	partBegins = regexp.MustCompile(`<!-- made from (\S+) -->\n`)
	partEnds   = "<!-- end -->\n"
)

// renew puts what a result says into a page, in place of what stood there. source is the path of the result.
func renew(page, source string, r result) (string, error) {
	at := partBegins.FindStringIndex(page)
	if at == nil {
		return "", fmt.Errorf("the page has no line %q", "<!-- made from RESULT -->")
	}
	before, _, ok := strings.Cut(page[at[1]:], partEnds)
	if !ok {
		return "", fmt.Errorf("the page has no line %q behind it", strings.TrimSpace(partEnds))
	}
	fleet, err := estimate(r, billion)
	if err != nil {
		return "", err
	}
	made := fmt.Sprintf("<!-- made from %s -->\n\n%s\nMeasured on %s at commit %s, %s. What each cost, in the dearest of these rows, is what the fleet is reckoned with:\n\n%s\n",
		source, measured(r), r.Machine, r.Commit, r.Date, fleet)
	return page[:at[0]] + made + page[at[1]+len(before):], nil
}

// sourceOf is the path of the result that a page was made from.
func sourceOf(page string) string {
	m := partBegins.FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return m[1]
}
