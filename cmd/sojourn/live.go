package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/sojournhq/sojourn/sdk/go"
)

// view shows an execution while it runs.
type view interface {
	// update takes its latest state.
	update(x *sojourn.Execution)
	// tick lets time pass.
	tick()
	// end leaves what should stay on the screen.
	end()
}

// newView draws on a terminal, and prints plain lines elsewhere.
func (c *cli) newView(compact bool) view {
	switch {
	case c.quiet:
		return quietView{}
	case c.terminal(c.err):
		return &drawing{w: c.err, s: c.styles, width: c.width, compact: compact}
	default:
		return &lines{w: c.err, s: c.styles, compact: compact, steps: map[string]string{}}
	}
}

type quietView struct{}

func (quietView) update(*sojourn.Execution) {}
func (quietView) tick()                     {}
func (quietView) end()                      {}

// lines prints one line per change, for logs and pipes.
type lines struct {
	w       io.Writer
	s       styles
	compact bool
	status  string
	percent string
	steps   map[string]string // what was last said of each
}

func (l *lines) say(format string, args ...any) {
	fmt.Fprintf(l.w, "%s  %s\n", l.s.faint(time.Now().Format("15:04:05")), fmt.Sprintf(format, args...))
}

func (l *lines) update(x *sojourn.Execution) {
	if l.status == "" {
		l.say("%s  %s", x.ID, oneLine(workflowName(x)))
	}
	if !l.compact {
		for _, st := range x.Steps {
			now := stepSummary(l.s, st)
			if key := st.ID + st.Name; l.steps[key] != now {
				l.steps[key] = now
				l.say("%s", now)
			}
		}
	}
	if p := percent(x.Progress); p != l.percent && p != "" {
		l.percent = p
		l.say("progress %s", p)
	}
	status := string(x.Status)
	if reason := first(x.StatusReason); reason != "" && !x.Status.Terminal() {
		status += " (" + oneLine(reason) + ")"
	}
	if status == l.status {
		return
	}
	l.status = status
	text := l.s.status(string(x.Status)) + strings.TrimPrefix(status, string(x.Status))
	if x.Status.Terminal() {
		if x.Error != "" || x.ErrorCode != "" {
			text += ": " + failureText(x.ErrorCode, x.Error)
		}
		if d := took(x); d != "" {
			text += l.s.faint(" after " + d)
		}
	}
	l.say("%s", text)
	for _, hint := range hints(x) {
		l.say("%s", l.s.faint(hint))
	}
}

func (l *lines) tick() {}
func (l *lines) end()  {}

// stepSummary is a step in one line.
func stepSummary(s styles, st sojourn.StepRecord) string {
	text := "step " + s.bold(oneLine(st.Name)) + " " + stepStatus(s, st)
	switch {
	case st.Status == "completed" && !st.StartedAt.IsZero():
		text += s.faint(" after " + short(st.CompletedAt.Sub(st.StartedAt)))
	case st.Kind == "sleep" && !st.Until.IsZero():
		text += s.faint(" until " + st.Until.Local().Format("15:04:05"))
	}
	if isWait(st) {
		text += s.faint(waitOutcome(st))
	}
	if st.Attempt > 1 {
		text += s.faint(fmt.Sprintf(" (try %d)", st.Attempt))
	}
	if st.Error != "" && st.Status != "completed" {
		text += ": " + failureText(st.ErrorCode, st.Error)
	}
	return text
}

func stepStatus(s styles, st sojourn.StepRecord) string {
	if st.Kind == "sleep" && st.Status == "waiting" {
		return s.live("sleeps")
	}
	if isWait(st) && st.Status == "waiting" {
		return s.warn("waits for " + article(st.Kind) + " " + st.Kind)
	}
	if st.Status == "waiting" {
		return s.warn("waits to try again")
	}
	return s.status(st.Status)
}

// drawing redraws the same lines of a terminal.
type drawing struct {
	w       io.Writer
	s       styles
	width   func(io.Writer) int
	compact bool
	x       *sojourn.Execution
	drawn   int // lines on the screen
	frame   int
}

func (d *drawing) update(x *sojourn.Execution) {
	d.x = x
	d.draw()
}

func (d *drawing) tick() {
	d.frame++
	if d.x != nil {
		d.draw()
	}
}

func (d *drawing) end() {
	if d.x != nil {
		fmt.Fprintln(d.w)
	}
}

// draw replaces what was drawn before, in one write so that nothing flickers.
func (d *drawing) draw() {
	now := time.Now()
	width := d.width(d.w)
	text := []string{d.header(now)}
	if !d.compact {
		steps := stepLines(d.s, d.x, now, d.frame)
		if most := 30; len(steps) > most {
			hidden := len(steps) - most
			steps = append([]string{d.s.faint(fmt.Sprintf("  … %d earlier steps", hidden))}, steps[hidden:]...)
		}
		text = append(text, steps...)
	}
	if x := d.x; x.Progress != nil && !x.Status.Terminal() {
		text = append(text, "  "+bar(d.s, *x.Progress, min(40, width-12))+" "+percent(x.Progress))
	}
	if x := d.x; x.StatusMessage != "" && !x.Status.Terminal() && x.Status != sojourn.StatusRunning {
		text = append(text, "  "+d.s.faint(oneLine(x.StatusMessage)))
	}
	for _, hint := range hints(d.x) {
		text = append(text, "  "+d.s.faint(hint))
	}
	if x := d.x; x.Status.Terminal() && (x.Error != "" || x.ErrorCode != "") {
		text = append(text, "  "+d.s.bad(failureText(x.ErrorCode, x.Error)))
	}
	var b strings.Builder
	if d.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", d.drawn)
	}
	for _, line := range text {
		b.WriteString("\x1b[2K" + lipgloss.NewStyle().MaxWidth(width-1).Render(line) + "\n")
	}
	b.WriteString("\x1b[0J") // what a longer drawing left below
	d.drawn = len(text)
	_, _ = io.WriteString(d.w, b.String())
}

func (d *drawing) header(now time.Time) string {
	x := d.x
	began := x.CreatedAt
	until := now
	if x.Status.Terminal() {
		until = x.CompletedAt
	}
	text := fmt.Sprintf("%s %s  %s  %s", mark(d.s, string(x.Status), d.frame), d.s.bold(oneLine(workflowName(x))),
		d.s.status(string(x.Status)), d.s.faint(short(roundLive(until.Sub(began), x.Status.Terminal()))))
	if x.Attempt > 1 {
		text += d.s.faint(fmt.Sprintf("  attempt %d", x.Attempt))
	}
	return text + "  " + d.s.faint(x.ID)
}

// roundLive keeps running clocks from showing digits that nobody can read.
func roundLive(d time.Duration, final bool) time.Duration {
	if final {
		return d
	}
	return d.Round(100 * time.Millisecond)
}

var frames = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

// mark is the sign in front of a line.
func mark(s styles, status string, frame int) string {
	switch status {
	case "completed":
		return s.good("✓")
	case "failed", "rejected":
		return s.bad("✗")
	case "cancelled":
		return s.warn("⊘")
	case "running", "finalizing":
		return s.live(frames[frame%len(frames)])
	case "waiting":
		return s.warn("◷")
	default:
		return s.faint("·")
	}
}

// stepLines are the steps of an execution, one line each, aligned.
func stepLines(s styles, x *sojourn.Execution, now time.Time, frame int) []string {
	width := 0
	for _, st := range x.Steps {
		width = max(width, lipgloss.Width(oneLine(st.Name)))
	}
	width = min(width, 40)
	out := make([]string, len(x.Steps))
	for i, st := range x.Steps {
		name := clip(oneLine(st.Name), width)
		pad := strings.Repeat(" ", width-lipgloss.Width(name))
		status := st.Status
		if status == "running" && x.Status.Terminal() {
			status = "cancelled" // its end was not reported
		}
		text := fmt.Sprintf("  %s %s%s", mark(s, status, frame), name, pad)
		switch {
		case isWait(st) && status == "waiting":
			text += "  " + s.warn("waits for "+article(st.Kind)+" "+st.Kind) + s.faint(timeLeft(st.Until, now))
		case isWait(st):
			text += "  " + s.faint(fmt.Sprintf("%7s", short(st.CompletedAt.Sub(st.StartedAt)))+waitOutcome(st))
		case st.Kind == "sleep" && status == "waiting":
			text += "  " + s.faint("sleeps, "+short(max(st.Until.Sub(now), 0).Round(100*time.Millisecond))+" left")
		case status == "waiting":
			text += "  " + s.warn("tries again in "+short(max(st.NextAttemptAt.Sub(now), 0).Round(100*time.Millisecond)))
		case st.StartedAt.IsZero():
		case !st.CompletedAt.IsZero():
			text += "  " + s.faint(fmt.Sprintf("%7s", short(st.CompletedAt.Sub(st.StartedAt))))
		case status == "running":
			text += "  " + s.faint(fmt.Sprintf("%7s", short(roundLive(now.Sub(st.StartedAt), false))))
		}
		if st.Attempt > 1 {
			text += s.faint(fmt.Sprintf("  try %d", st.Attempt))
		}
		if st.Error != "" && status != "completed" {
			text += "  " + s.bad(failureText(st.ErrorCode, st.Error))
		}
		out[i] = text
	}
	return out
}

// bar is a progress bar.
func bar(s styles, part float64, width int) string {
	width = max(width, 4)
	full := min(int(part*float64(width)), width)
	return s.live(strings.Repeat("━", full)) + s.faint(strings.Repeat("─", width-full))
}
