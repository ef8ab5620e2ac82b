package main

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// styles are the few colours of the program. They are of the terminal's own palette, so that they fit light and dark.
type styles struct{ on bool }

func newStyles(on bool) styles { return styles{on} }

var (
	styleBad   = lipgloss.NewStyle().Foreground(lipgloss.Red).Bold(true)
	styleGood  = lipgloss.NewStyle().Foreground(lipgloss.Green)
	styleWarn  = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
	styleLive  = lipgloss.NewStyle().Foreground(lipgloss.Cyan)
	styleFaint = lipgloss.NewStyle().Faint(true)
	styleBold  = lipgloss.NewStyle().Bold(true)
)

func (s styles) render(style lipgloss.Style, text string) string {
	if !s.on || text == "" {
		return text
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = style.Render(lines[i])
	}
	return strings.Join(lines, "\n")
}

func (s styles) bad(text string) string   { return s.render(styleBad, text) }
func (s styles) good(text string) string  { return s.render(styleGood, text) }
func (s styles) warn(text string) string  { return s.render(styleWarn, text) }
func (s styles) live(text string) string  { return s.render(styleLive, text) }
func (s styles) faint(text string) string { return s.render(styleFaint, text) }
func (s styles) bold(text string) string  { return s.render(styleBold, text) }

// status colours the name of a state.
func (s styles) status(status string) string {
	switch status {
	case "completed":
		return s.good(status)
	case "failed", "rejected":
		return s.bad(status)
	case "cancelled":
		return s.warn(status)
	case "running", "finalizing":
		return s.live(status)
	default:
		return s.faint(status)
	}
}
