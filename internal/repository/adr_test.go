package repository

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

var adrName = regexp.MustCompile(`^([0-9]{4})-[a-z0-9]+(-[a-z0-9]+)*\.md$`)

// misfiledDecisions lists the pages of docs/adr that have no number, share one, or are not in the index.
func misfiledDecisions(t *testing.T, tree fs.FS) []string {
	t.Helper()
	index := read(t, tree, "docs/adr/README.md")
	var violations []string
	byNumber := make(map[string]string)
	walk(t, tree, func(file string) {
		name := path.Base(file)
		if path.Dir(file) != "docs/adr" || name == "README.md" {
			return
		}
		m := adrName.FindStringSubmatch(name)
		if m == nil {
			violations = append(violations, fmt.Sprintf("%s: the name must be NNNN-words-in-lower-case.md", file))
			return
		}
		if first, taken := byNumber[m[1]]; taken {
			violations = append(violations, fmt.Sprintf("%s: %s has the number already", file, first))
		}
		byNumber[m[1]] = name
		if !strings.Contains(index, "("+name+")") {
			violations = append(violations, fmt.Sprintf("%s: not in the index docs/adr/README.md", file))
		}
	})
	return violations
}

func TestDecisionsAreNumberedAndListed(t *testing.T) {
	_, tree := checkout(t)
	for _, violation := range misfiledDecisions(t, tree) {
		t.Error(violation)
	}
}

func TestMisfiledDecisionsAreFound(t *testing.T) {
	for name, want := range map[string]string{
		"0002-unlisted.md": "not in the index",
		"0001-second.md":   "0001-first.md has the number already",
		"decision.md":      "the name must be",
		"0001-first.md":    "",
	} {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{
				"docs/adr/README.md":     {Data: []byte("[1](0001-first.md) [2](0001-second.md)\n")},
				"docs/adr/0001-first.md": {},
			}
			tree["docs/adr/"+name] = &fstest.MapFile{}
			expectViolation(t, misfiledDecisions(t, tree), want)
		})
	}
}
