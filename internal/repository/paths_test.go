package repository

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// somebodysPaths are places that exist on one person's machine: home directories, and temporary directories by the
// names that are made up for them. What stands before must not be part of a longer path or an address.
var somebodysPaths = regexp.MustCompile(`(?:^|[^\w./~$}-])(` + strings.Join([]string{
	`/root/[\w.]`,
	`/home/[\w.-]+/[\w.]`,
	`/Users/[\w.-]+/[\w.]`,
	`/var/folders/\w`,
	`/tmp/[\w./-]*[0-9]{6}`,
	`[A-Za-z]:\\+Users\\`,
}, "|") + `)`)

// machinePaths lists the files that name a place on somebody's machine, or one of the given places.
func machinePaths(t *testing.T, tree fs.FS, places ...string) []string {
	t.Helper()
	var violations []string
	walk(t, tree, func(file string) {
		content := read(t, tree, file)
		for number, line := range strings.Split(content, "\n") {
			found := ""
			if m := somebodysPaths.FindStringSubmatch(line); m != nil {
				found = m[1]
			}
			for _, place := range places {
				if strings.Contains(line, place) {
					found = place
				}
			}
			if found != "" {
				violations = append(violations, fmt.Sprintf("%s:%d: %s is a path of one machine", file, number+1, found))
			}
		}
	})
	return violations
}

func TestNoFileNamesOneMachine(t *testing.T) {
	dir, tree := checkout(t)
	var places []string
	// Where this very checkout lies, and the home of whoever runs the test, unless so short that it may be anything.
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	for _, place := range []string{dir, home} {
		if strings.Count(filepath.ToSlash(place), "/") >= 2 {
			places = append(places, place)
		}
	}
	for _, violation := range machinePaths(t, tree, places...) {
		t.Error(violation)
	}
}

func TestMachinePathsAreFound(t *testing.T) {
	slash := "/" // joined below, so that this file passes its own test
	for text, want := range map[string]string{
		"see " + slash + "home/ada/sojourn/go.mod":         "path of one machine",
		"`" + slash + "root/go/pkg`":                       "path of one machine",
		"\"" + slash + "Users/ada/x\"":                     "path of one machine",
		"at " + slash + "tmp/bench-31415926/server":        "path of one machine",
		`C:` + `\Users\ada`:                                "path of one machine",
		"in " + slash + "srv/checkout/sojourn":             "path of one machine",
		"https://example.com" + slash + "home/ada/sojourn": "",
		"sojourn dev --data " + slash + "tmp/try":          "",
		"$HOME" + slash + "root/x and ./home/ada/x":        "",
	} {
		t.Run(text, func(t *testing.T) {
			tree := fstest.MapFS{"a.txt": {Data: []byte("first\n" + text + "\n")}}
			expectViolation(t, machinePaths(t, tree, "/srv"+"/checkout"), want)
		})
	}
}
