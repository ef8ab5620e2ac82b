package main

import (
	"bytes"
	"testing"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/sojournhq/sojourn/sdk/go"
)

func TestShort(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", time.Microsecond: "0.1ms", 740 * time.Microsecond: "0.7ms", 12 * time.Millisecond: "12ms",
		3200 * time.Millisecond: "3.2s", 4*time.Minute + 2*time.Second: "4m02s", 2*time.Hour + 5*time.Minute: "2h05m",
		76 * time.Hour: "3d4h",
	} {
		if got := short(d); got != want {
			t.Errorf("short(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		most int
		want string
	}{{"short", 10, "short"}, {"exactly ten", 11, "exactly ten"}, {"a longer line", 8, "a longe…"}, {"日本語です", 6, "日本…"}, {"ab", 1, "…"}} {
		got := clip(c.text, c.most)
		if got != c.want || lipgloss.Width(got) > c.most {
			t.Errorf("clip(%q, %d) = %q, want %q", c.text, c.most, got, c.want)
		}
	}
}

func TestTextFromOutsideCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	if got := oneLine("a\x1b[2Jb\nc\x00\x7f\u0085d\te"); got != "a[2Jb cd e" {
		t.Errorf("%q", got)
	}
	hostile := "\x1b]0;owned\x07\x1b[2J"
	x := &sojourn.Execution{
		ID: "exec_1", Workflow: &sojourn.WorkflowRef{Name: "w"}, Status: sojourn.StatusFailed, Error: hostile, ErrorCode: "c",
		CreatedAt: time.Now(), StartedAt: time.Now(), CompletedAt: time.Now(), Metadata: map[string]string{hostile: hostile},
		Input: []byte(`{"a":"b` + "\u009b" + `2J"}`), CancelReason: hostile, CancelRequestedAt: time.Now(),
		Steps: []sojourn.StepRecord{
			{Name: hostile, Status: "failed", Error: hostile, ErrorCode: hostile},
			{Name: hostile, Kind: "approval", Status: "rejected", Output: []byte(`{"outcome":"rejected","by":"\u001b[2J","comment":"\u001b]0;\u0007"}`)},
		},
		Awaiting: []sojourn.Awaited{{Kind: "approval", Name: hostile, Step: hostile, Payload: []byte(`"` + "\u009b" + `"`)}},
		Events:   []sojourn.Event{{Type: "failed", Message: hostile, Step: hostile}, {Type: "wait_ended", Name: hostile, Outcome: "approved", By: hostile, Comment: hostile}},
	}
	var out, errs bytes.Buffer
	c := newCLI(nil, nil, &out, &errs)
	c.output = outputWide
	if err := c.describe(x); err != nil {
		t.Fatal(err)
	}
	if err := c.show(x); err != nil {
		t.Fatal(err)
	}
	l := &lines{w: &out, s: c.styles, steps: map[string]string{}}
	l.update(x)
	d := &drawing{w: &out, s: c.styles, width: c.width}
	for _, line := range stepLines(c.plain, x, time.Now(), 0) {
		out.WriteString(line)
	}
	out.WriteString(d.s.bad(failureText(x.ErrorCode, x.Error)))
	x.Status = sojourn.StatusWaiting
	x.Awaiting = append(x.Awaiting, sojourn.Awaited{Kind: "signal", Name: hostile + "'"})
	l.update(x)
	for _, hint := range hints(x) {
		out.WriteString(hint)
	}
	if i := bytes.IndexFunc(out.Bytes(), func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 }); i >= 0 {
		t.Errorf("a control character came through: %q", out.Bytes()[max(0, i-40):i+10])
	}
}

func TestLinesSayEachChangeOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := &lines{w: &out, steps: map[string]string{}}
	half := 0.5
	x := &sojourn.Execution{
		ID: "exec_1", Workflow: &sojourn.WorkflowRef{Name: "w"}, Status: sojourn.StatusRunning, Progress: &half,
		Steps: []sojourn.StepRecord{{ID: "step_1", Name: "a", Status: "running"}},
	}
	l.update(x)
	first := out.Len()
	l.update(x)
	if out.Len() != first {
		t.Errorf("the same state was said again: %s", out.String())
	}
	x.Steps[0].Status = "completed"
	l.update(x)
	if got := bytes.Count(out.Bytes(), []byte("step a")); got != 2 {
		t.Errorf("step a was named %d times, want 2: %s", got, out.String())
	}
}

func TestDrawingReplacesItself(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := newCLI(nil, nil, nil, &out)
	d := &drawing{w: &out, s: newStyles(true), width: c.width}
	d.update(&sojourn.Execution{
		ID: "exec_1", WorkflowID: "wf", Status: sojourn.StatusRunning, CreatedAt: time.Now(),
		Steps: []sojourn.StepRecord{{Name: "a", Status: "running", StartedAt: time.Now()}, {Name: "b", Status: "running", StartedAt: time.Now()}},
	})
	if d.drawn != 3 {
		t.Fatalf("%d lines, want 3", d.drawn)
	}
	out.Reset()
	d.tick()
	if !bytes.HasPrefix(out.Bytes(), []byte("\x1b[3A\r")) || bytes.Count(out.Bytes(), []byte("\n")) != 3 {
		t.Errorf("not drawn in place: %q", out.String())
	}
}

func TestYAMLKeepsOrderAndMeaning(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	in := `{"z":1,"a":{"text":"yes","number":"42","empty":"","lines":"a\nb"},"list":[1.50,null,true,"x: y"],"none":[],"o":{}}`
	if err := writeYAML(&out, []byte(in)); err != nil {
		t.Fatal(err)
	}
	want := "z: 1\na:\n    text: \"yes\"\n    number: \"42\"\n    empty: \"\"\n    lines: |-\n        a\n        b\nlist:\n    - 1.50\n    - null\n    - true\n    - 'x: y'\nnone: []\no: {}\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
