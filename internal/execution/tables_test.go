package execution

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// constants are the values of the package's string constants whose name begins with the prefix.
func constants(t *testing.T, prefix string) []string {
	t.Helper()
	var values []string
	for _, file := range []string{"errors.go", "finish.go", "reason.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				lit, ok := v.Values[0].(*ast.BasicLit)
				if !ok || !strings.HasPrefix(v.Names[0].Name, prefix) {
					continue
				}
				value, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, value)
			}
		}
	}
	slices.Sort(values)
	return values
}

func TestTablesNameEveryConstantOnce(t *testing.T) {
	var codes, reasons, outcomes []string
	for _, c := range Codes {
		codes = append(codes, string(c.Code))
	}
	for _, r := range Reasons {
		reasons = append(reasons, r.Code)
	}
	for _, o := range Outcomes {
		outcomes = append(outcomes, o.Code)
	}
	for prefix, got := range map[string][]string{"Code": codes, "Reason": reasons, "Error": outcomes} {
		slices.Sort(got)
		if want := constants(t, prefix); len(want) < 8 || !slices.Equal(got, want) {
			t.Errorf("the table of %s… constants has %q, the constants are %q", prefix, got, want)
		}
	}
	var commands, moving []string
	for _, c := range Commands {
		commands = append(commands, c.Name)
	}
	for _, m := range Moves {
		if !slices.Contains(moving, m.Command) {
			moving = append(moving, m.Command)
		}
	}
	if !slices.Equal(commands, append([]string{"New"}, moving...)) {
		t.Errorf("Commands has %q, Moves has %q", commands, moving)
	}
}

func TestNamesAreThereAndBack(t *testing.T) {
	for s := range Status(Statuses) {
		if back, ok := ParseStatus(s.String()); !ok || back != s || States[s].Meaning == "" {
			t.Errorf("%d is %q, which is %v", s, s, back)
		}
	}
	for i, name := range Triggers() {
		if back, ok := ParseTrigger(name); !ok || int(back) != i || back.String() != name {
			t.Errorf("trigger %q is %d", name, back)
		}
	}
	for _, name := range []string{"", "Running", "running ", "status(9)"} {
		if s, ok := ParseStatus(name); ok {
			t.Errorf("%q is %s", name, s)
		}
		if tr, ok := ParseTrigger(name); ok {
			t.Errorf("%q is %s", name, tr)
		}
	}
	names := map[string]bool{}
	for k := EventKind(1); int(k) <= EventKinds; k++ {
		if k.String() == "" || k.Meaning() == "" || names[k.String()] {
			t.Errorf("event %d is %q: %q", k, k, k.Meaning())
		}
		names[k.String()] = true
	}
	// What a damaged or newer store may hold does not bring a reader down.
	for got, want := range map[string]string{
		EventKind(0).String(): "event(0)", EventKind(200).String(): "event(200)", EventKind(200).Meaning(): "",
		Trigger(200).String(): "trigger(200)", CancelReason(200).String(): "cancel_reason(200)", CancelByTimeout.String(): "timeout",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for s := range Status(Statuses) {
		if s.Final() && finalEvent(s).String() != s.String() {
			t.Errorf("%s ends with %s", s, finalEvent(s))
		}
	}
	if Open|Final != All || Open&Final != 0 || len(All.List()) != Statuses || All.Has(Status(Statuses)) {
		t.Error("open and final states are not all states once")
	}
}

func TestActorsFitOneInteger(t *testing.T) {
	for _, a := range []Actor{{}, {ActorKey, 1}, {ActorSession, 1 << 60}, {ActorKey, 1<<61 - 1}, {ActorLink, 0}} {
		if back := UnpackActor(a.Pack()); back != a {
			t.Errorf("%v comes back as %v", a, back)
		}
	}
}
