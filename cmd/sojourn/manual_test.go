package main

import (
	"regexp"

	"github.com/spf13/cobra"
)

// commandPaths are the commands that do something, as one types them.
func commandPaths(cmd *cobra.Command) []string {
	var paths []string
	for _, child := range cmd.Commands() {
		if child.Name() == "help" {
			continue
		}
		if child.HasSubCommands() {
			paths = append(paths, commandPaths(child)...)
			continue
		}
		paths = append(paths, child.CommandPath())
	}
	return paths
}

func containsWord(text, words string) bool {
	return regexp.MustCompile(regexp.QuoteMeta(words) + `\b`).MatchString(text)
}
