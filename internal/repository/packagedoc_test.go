package repository

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// undocumented lists the packages without a comment that says in at least one sentence what the package is for.
func undocumented(sources []source) []string {
	docs := make(map[string][]source)
	var dirs []string
	for _, s := range sources {
		if strings.HasSuffix(s.name, "_test") {
			continue
		}
		if docs[s.dir] == nil {
			dirs = append(dirs, s.dir)
		}
		docs[s.dir] = append(docs[s.dir], s)
	}
	slices.Sort(dirs)

	var violations []string
	for _, dir := range dirs {
		says := func(s source) bool {
			doc := strings.TrimSpace(s.doc)
			opening := "Package " + s.name + " "
			if s.name == "main" {
				// A program's comment opens with its own name or the word Command.
				opening = ""
			}
			rest, ok := strings.CutPrefix(doc, opening)
			return ok && len(strings.Fields(rest)) >= 3 && strings.Contains(rest, ".")
		}
		if !slices.ContainsFunc(docs[dir], says) {
			violations = append(violations, fmt.Sprintf("%s: no package comment that opens with %q and says in a sentence what it is for",
				dir, "Package "+docs[dir][0].name))
		}
	}
	return violations
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	_, tree := checkout(t)
	for _, violation := range undocumented(sources(t, tree)) {
		t.Error(violation)
	}
}

func TestUndocumentedPackagesAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		tree fstest.MapFS
		want string
	}{
		"no comment":            {fstest.MapFS{"a/a.go": {Data: []byte("package a\n")}}, "a: no package comment"},
		"another name":          {fstest.MapFS{"a/a.go": {Data: []byte("// Package b does this and that.\npackage a\n")}}, "a: no package comment"},
		"no sentence":           {fstest.MapFS{"a/a.go": {Data: []byte("// Package a things\npackage a\n")}}, "a: no package comment"},
		"a detached comment":    {fstest.MapFS{"a/a.go": {Data: []byte("// Package a does this and that.\n\npackage a\n")}}, "a: no package comment"},
		"a program without one": {fstest.MapFS{"a/a.go": {Data: []byte("package main\n")}}, "a: no package comment"},

		"in one file of two": {fstest.MapFS{
			"a/a.go":   {Data: []byte("package a\n")},
			"a/doc.go": {Data: []byte("// Package a does this and that.\npackage a\n")},
		}, ""},
		"a program":                           {fstest.MapFS{"a/a.go": {Data: []byte("// Command a does this and that.\npackage main\n")}}, ""},
		"an external test package needs none": {fstest.MapFS{"a/a_test.go": {Data: []byte("package a_test\n")}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			expectViolation(t, undocumented(sources(t, c.tree)), c.want)
		})
	}
}
