package repository

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
)

var (
	inlineLink    = regexp.MustCompile(`\]\(\s*<?([^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*)>?(?:\s+["'][^)]*)?\s*\)`)
	referenceLink = regexp.MustCompile(`\]\[([^\]]+)\]`)
	reference     = regexp.MustCompile(`^ {0,3}\[([^\]^]+)\]:\s+<?([^\s>]+)>?`)
	htmlLink      = regexp.MustCompile(`<(?:a|img)\s[^>]*(?:href|src)="([^"]*)"`)
	htmlAnchor    = regexp.MustCompile(`<[a-z0-9]+\s[^>]*(?:id|name)="([^"]+)"`)
	heading       = regexp.MustCompile(`^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$`)
	underline     = regexp.MustCompile(`^ {0,3}(=+|-+)\s*$`)
	fence         = regexp.MustCompile("^\\s*(?:>\\s*)?(```+|~~~+)")
	codeSpan      = regexp.MustCompile("(`+)[^`].*?(`+)")
	linkText      = regexp.MustCompile(`!?\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])`)
	lineAnchor    = regexp.MustCompile(`^L\d+(-L\d+)?$`)
	scheme        = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*:`)
)

// page is what of a Markdown file matters to links.
type page struct {
	links   []link
	anchors map[string]bool
}

type link struct {
	line   int
	target string
}

// parsePage finds a file's links and anchors. Code, fenced or in a line, has neither.
func parsePage(content string) page {
	p := page{anchors: make(map[string]bool)}
	defined := make(map[string]bool)
	var used []link
	addHeading := func(text string) {
		slug := slugOf(text)
		unique := slug
		for n := 1; p.anchors[unique]; n++ {
			unique = slug + "-" + strconv.Itoa(n)
		}
		p.anchors[unique] = true
	}

	open, previous := "", ""
	for i, line := range strings.Split(content, "\n") {
		if m := fence.FindStringSubmatch(line); m != nil && (open == "" || strings.HasPrefix(m[1], open)) {
			if open == "" {
				open = m[1]
			} else {
				open = ""
			}
			previous = ""
			continue
		}
		if open != "" {
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			addHeading(m[1])
		} else if underline.MatchString(line) && strings.TrimSpace(previous) != "" && !strings.HasPrefix(previous, "|") {
			addHeading(strings.TrimSpace(previous))
		}
		previous = line

		text := codeSpan.ReplaceAllString(line, "")
		for _, m := range htmlAnchor.FindAllStringSubmatch(text, -1) {
			p.anchors[m[1]] = true
		}
		if m := reference.FindStringSubmatch(text); m != nil {
			defined[strings.ToLower(m[1])] = true
			p.links = append(p.links, link{i + 1, m[2]})
			continue
		}
		for _, pattern := range []*regexp.Regexp{inlineLink, htmlLink} {
			for _, m := range pattern.FindAllStringSubmatch(text, -1) {
				p.links = append(p.links, link{i + 1, m[1]})
			}
		}
		for _, m := range referenceLink.FindAllStringSubmatch(text, -1) {
			used = append(used, link{i + 1, strings.ToLower(m[1])})
		}
	}
	for _, u := range used {
		if !defined[u.target] {
			p.links = append(p.links, link{u.line, "[" + u.target + "]"})
		}
	}
	return p
}

// slugOf is the anchor that GitHub gives a heading: its words in lower case, joined by hyphens, without punctuation.
func slugOf(text string) string {
	text = linkText.ReplaceAllString(text, "$1")
	var slug strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			slug.WriteRune(r)
		case r == ' ':
			slug.WriteByte('-')
		}
	}
	return slug.String()
}

// brokenLinks lists the links in Markdown files that lead nowhere inside the repository. Addresses on the web are not
// followed: a test must not fail because somebody else's server did.
func brokenLinks(t *testing.T, tree fs.FS) []string {
	t.Helper()
	pages := make(map[string]page)
	var order []string
	walk(t, tree, func(file string) {
		if path.Ext(file) == ".md" && !strings.Contains("/"+file, "/testdata/") {
			pages[file] = parsePage(read(t, tree, file))
			order = append(order, file)
		}
	})

	var violations []string
	for _, file := range order {
		for _, l := range pages[file].links {
			if problem := follow(tree, pages, file, l.target); problem != "" {
				violations = append(violations, fmt.Sprintf("%s:%d: %s", file, l.line, problem))
			}
		}
	}
	return violations
}

func follow(tree fs.FS, pages map[string]page, from, target string) (problem string) {
	switch {
	case target == "":
		return "a link without a target"
	case strings.HasPrefix(target, "["):
		return "no definition of the reference " + target
	case scheme.MatchString(target), strings.HasPrefix(target, "//"):
		return ""
	}
	name, anchor, _ := strings.Cut(target, "#")
	name, _, _ = strings.Cut(name, "?")
	name, err := url.PathUnescape(name)
	if err != nil {
		return fmt.Sprintf("%s is not a valid link: %v", target, err)
	}
	file := from
	switch {
	case strings.HasPrefix(name, "/"):
		file = path.Clean(name[1:])
	case name != "":
		file = path.Join(path.Dir(from), name)
	}
	if file == ".." || strings.HasPrefix(file, "../") {
		return target + " leaves the repository"
	}
	if _, err := fs.Stat(tree, file); err != nil {
		return target + " does not exist"
	}
	if anchor == "" {
		return ""
	}
	if p, isPage := pages[file]; isPage {
		if !p.anchors[anchor] {
			return fmt.Sprintf("%s: no heading #%s in %s", target, anchor, file)
		}
	} else if !lineAnchor.MatchString(anchor) {
		return fmt.Sprintf("%s: only Markdown has anchors other than lines", target)
	}
	return ""
}

func TestMarkdownLinksLeadSomewhere(t *testing.T) {
	_, tree := checkout(t)
	for _, violation := range brokenLinks(t, tree) {
		t.Error(violation)
	}
}

func TestBrokenLinksAreFound(t *testing.T) {
	for text, want := range map[string]string{
		"[a](missing.md)":                            "a.md:3: missing.md does not exist",
		"[a](docs/b.md#nowhere)":                     "no heading #nowhere in docs/b.md",
		"[a](#nowhere)":                              "no heading #nowhere in a.md",
		"[a](../outside.md)":                         "leaves the repository",
		"[a][nope]":                                  "no definition of the reference [nope]",
		"[x]: gone.md":                               "gone.md does not exist",
		`<img src="gone.png">`:                       "gone.png does not exist",
		"![picture](gone.svg \"title\")":             "gone.svg does not exist",
		"[a](go.mod#heading)":                        "only Markdown has anchors",
		"[a]()":                                      "without a target",
		"[a](docs/b.md) and [b](no.md)":              "no.md does not exist",
		"[a](docs/b.md)":                             "",
		"[a](/docs/b.md#two-words-yes--no)":          "",
		"[a](docs/b.md#again-1) [b](docs/b.md#kept)": "",
		"[a](docs) [b](go.mod#L1)":                   "",
		"[a](https://example.com/x#y)":               "",
		"[a](#top-of-a)":                             "",
		"[a](#set-below)\n\nSet below\n===":          "",
		"`[a](missing.md)`":                          "",
		"```\n[a](missing.md)\n# no heading\n```":    "",
		"[a][b]\n\n[b]: docs/b.md":                   "",
		"a table row[1] [x](docs/b.md 'a title')":    "",
	} {
		t.Run(text, func(t *testing.T) {
			tree := fstest.MapFS{
				"go.mod":    {Data: []byte("module x\n")},
				"a.md":      {Data: []byte("# Top of `a`\n\n" + text + "\n")},
				"docs/b.md": {Data: []byte("# B\n\n## Two words: [yes](b.md) / no\n\n## Again\n\n## Again\n\n<a id=\"kept\"></a>\n")},
			}
			expectViolation(t, brokenLinks(t, tree), want)
		})
	}
}
