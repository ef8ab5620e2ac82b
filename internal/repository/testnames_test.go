package repository

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

var (
	namedTest   = regexp.MustCompile("`(Test[A-Z][A-Za-z0-9_]*)`")
	definedTest = regexp.MustCompile(`(?m)^func (Test[A-Z][A-Za-z0-9_]*)\(`)
	promise     = regexp.MustCompile(`(?m)^\*\*(G\d+) [^*]+\*\*`)
)

// missingTests lists the tests that the documentation names and nobody wrote, and the promises that name none: a promise
// is worth what its test is.
func missingTests(t *testing.T, tree fs.FS) []string {
	t.Helper()
	defined := map[string]bool{}
	var pages []string
	walk(t, tree, func(file string) {
		switch {
		case strings.HasSuffix(file, "_test.go"):
			for _, m := range definedTest.FindAllStringSubmatch(read(t, tree, file), -1) {
				defined[m[1]] = true
			}
		case path.Dir(file) == "docs" && path.Ext(file) == ".md":
			pages = append(pages, file)
		}
	})
	var violations []string
	for _, page := range pages {
		text := read(t, tree, page)
		for _, m := range namedTest.FindAllStringSubmatch(text, -1) {
			if v := fmt.Sprintf("%s: there is no test %s", page, m[1]); !defined[m[1]] && !slices.Contains(violations, v) {
				violations = append(violations, v)
			}
		}
		if page != "docs/guarantees.md" {
			continue
		}
		at := promise.FindAllStringSubmatchIndex(text, -1)
		for i, m := range at {
			end := len(text)
			if i+1 < len(at) {
				end = at[i+1][0]
			}
			if !namedTest.MatchString(text[m[0]:end]) {
				violations = append(violations, fmt.Sprintf("%s: promise %s names no test", page, text[m[2]:m[3]]))
			}
		}
	}
	return violations
}

func TestPromisesNameTheirTests(t *testing.T) {
	_, tree := checkout(t)
	for _, violation := range missingTests(t, tree) {
		t.Error(violation)
	}
}

func TestMissingTestsAreFound(t *testing.T) {
	for text, want := range map[string]string{
		"**G1 Durable.** It is.\nTests: `TestKept`.\n":                                           "",
		"**G1 Durable.** It is.\nTests: `TestGone`.\n":                                           "there is no test TestGone",
		"**G1 Durable.** It is.\n\n**G2 Once.** It is.\nTests: `TestKept`.\n":                    "promise G1 names no test",
		"**G1 Durable.** It is.\nTests: `TestKept`.\n\n**G2 Once.** It is.\n\n## Not promised\n": "promise G2 names no test",
	} {
		t.Run(text, func(t *testing.T) {
			tree := fstest.MapFS{
				"docs/guarantees.md": {Data: []byte(text)},
				"a/a_test.go":        {Data: []byte("package a\n\nfunc TestKept(t *testing.T) {}\n")},
			}
			expectViolation(t, missingTests(t, tree), want)
		})
	}
}
