package check

import (
	"testing"

	"github.com/sojournhq/sojourn/sdk/go"
)

func TestFiles(t *testing.T) {
	for name, x := range map[string]struct {
		fact FileFact
		want string
	}{
		"kept":          {FileFact{Found: true, Same: true}, ""},
		"removed":       {FileFact{Deleted: true}, ""},
		"lost":          {FileFact{}, FileLost},
		"changed":       {FileFact{Found: true}, FileChanged},
		"still there":   {FileFact{Deleted: true, Found: true, Same: true}, FileKept},
		"other content": {FileFact{Deleted: true, Found: true}, FileKept},
	} {
		v := &Verdict{}
		v.files(&Evidence{Files: []FileFact{x.fact}})
		if got := v.Rules(); x.want == "" && len(got) > 0 || x.want != "" && got[x.want] != 1 {
			t.Errorf("%s: %v, want %q", name, got, x.want)
		}
	}
}

func TestCallbacks(t *testing.T) {
	byID := map[string]*sojourn.Execution{"x": {ID: "x", Status: sojourn.StatusCompleted, Revision: 3, Input: []byte(`{"key":"k"}`)}}
	good := Message{ID: "m", Execution: "x", Status: "completed", Revision: 3, Body: "b"}
	with := func(change func(*Message)) Message {
		m := good
		change(&m)
		return m
	}
	for name, x := range map[string]struct {
		list []Message
		want string
	}{
		"told":               {[]Message{good}, ""},
		"told twice":         {[]Message{good, good}, ""},
		"refused, then told": {[]Message{with(func(m *Message) { m.Refused = true }), good}, ""},
		"never told":         {nil, CallbackLost},
		"refused only":       {[]Message{with(func(m *Message) { m.Refused = true })}, CallbackLost},
		"two messages":       {[]Message{good, with(func(m *Message) { m.ID = "n" })}, CallbackChanged},
		"another body":       {[]Message{good, with(func(m *Message) { m.Body = "c" })}, CallbackChanged},
		"another end":        {[]Message{with(func(m *Message) { m.Status = "failed" })}, CallbackWrong},
		"of nothing":         {[]Message{good, with(func(m *Message) { m.Execution = "y" })}, CallbackWrong},
	} {
		v := &Verdict{}
		v.callbacks(&Evidence{Messages: x.list, Called: map[string]bool{"k": true}}, byID)
		if got := v.Rules(); x.want == "" && len(got) > 0 || x.want != "" && got[x.want] != 1 {
			t.Errorf("%s: %v, want %q", name, got, x.want)
		}
	}
	v := &Verdict{}
	v.callbacks(&Evidence{}, byID)
	if len(v.Violations) > 0 {
		t.Errorf("nobody asked for a callback: %v", v.Violations)
	}
}
