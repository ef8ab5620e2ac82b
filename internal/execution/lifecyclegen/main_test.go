package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/sojournhq/sojourn/internal/execution"
)

func TestCommittedPageIsUpToDate(t *testing.T) {
	committed, err := os.ReadFile("../../../docs/lifecycle.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, page()) {
		t.Error("docs/lifecycle.md differs from what the tables say: run go generate ./internal/execution")
	}
}

func TestPageNamesEverything(t *testing.T) {
	text := string(page())
	var want []string
	for _, s := range execution.States {
		want = append(want, "| `"+s.Name+"` |", s.Meaning)
	}
	for k := execution.EventKind(1); int(k) <= execution.EventKinds; k++ {
		want = append(want, "| `"+k.String()+"` |")
	}
	for _, c := range execution.Commands {
		want = append(want, "| "+c.Name+" |")
	}
	for _, r := range execution.Reasons {
		want = append(want, "| `"+r.Code+"` |")
	}
	for _, o := range execution.Outcomes {
		want = append(want, "| `"+o.Code+"` |")
	}
	for _, c := range execution.Codes {
		want = append(want, "| `"+string(c.Code)+"` |")
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("the page does not have %q", w)
		}
	}
}

func TestPictureHasEveryEdgeThatACommandMakes(t *testing.T) {
	text := string(page())
	for _, m := range execution.Moves {
		if edge := "    " + m.From.String() + " --> " + m.To.String() + ": "; m.From != m.To && !strings.Contains(text, edge) {
			t.Errorf("the picture does not have %q of %s", edge, m.Command)
		}
	}
}
