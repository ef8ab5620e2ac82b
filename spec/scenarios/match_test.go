package scenarios

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// match says where got differs from what is expected, "" when it does not: objects may have more members, lists may
// not have more elements.
func match(want, got any) string { return matchAt("answer", want, got) }

func matchAt(at string, want, got any) string {
	switch w := want.(type) {
	case string:
		pattern, isPattern := strings.CutPrefix(w, "~")
		text, isText := got.(string)
		switch {
		case w == "<absent>" && got != nil, w == "<any>" && got == nil:
			return fmt.Sprintf("%s is %v, want %s", at, got, w)
		case w == "<absent>" || w == "<any>":
			return ""
		case isPattern && isText && regexp.MustCompile(pattern).MatchString(text):
			return ""
		}
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v, want an object", at, got)
		}
		for _, name := range slices.Sorted(maps.Keys(w)) {
			if problem := matchAt(at+"."+name, w[name], g[name]); problem != "" {
				return problem
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s is %v, want the %d elements %v", at, got, len(w), w)
		}
		for i := range w {
			if problem := matchAt(fmt.Sprintf("%s[%d]", at, i), w[i], g[i]); problem != "" {
				return problem
			}
		}
		return ""
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Sprintf("%s is %#v, want %#v", at, got, want)
	}
	return ""
}

// canonical takes away what two tellers of the same may tell differently: members that are null or an
// empty list, and how many digits a time has.
func canonical(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, inner := range v {
			if list, ok := inner.([]any); inner != nil && (!ok || len(list) > 0) {
				out[name] = canonical(inner)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = canonical(v[i])
		}
		return out
	case string:
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return at.UTC().Format(time.RFC3339Nano)
		}
	}
	return v
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		want, got any
		ok        bool
	}{
		{"a", "a", true},
		{"a", "b", false},
		{"~^a+$", "aaa", true},
		{"~^a+$", "ab", false},
		{"~a", 1.0, false},
		{1.0, 1.0, true},
		{1.0, "1", false},
		{"<absent>", nil, true},
		{"<absent>", "x", false},
		{"<any>", "x", true},
		{"<any>", nil, false},
		{map[string]any{"a": 1.0}, map[string]any{"a": 1.0, "b": 2.0}, true},
		{map[string]any{"a": 1.0}, map[string]any{"b": 2.0}, false},
		{map[string]any{"a": "<absent>"}, map[string]any{"b": 2.0}, true},
		{map[string]any{}, []any{}, false},
		{[]any{map[string]any{"a": 1.0}}, []any{map[string]any{"a": 1.0, "b": 1.0}}, true},
		{[]any{1.0}, []any{1.0, 2.0}, false},
		{[]any{}, nil, false},
	} {
		if problem := match(c.want, c.got); (problem == "") != c.ok {
			t.Errorf("match(%v, %v): %q", c.want, c.got, problem)
		}
	}
	a := canonical(map[string]any{"at": "2026-11-22T03:00:00.120Z", "none": nil, "n": []any{"x"}})
	b := canonical(map[string]any{"at": "2026-11-22T03:00:00.12Z", "n": []any{"x"}})
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%v and %v", a, b)
	}
}
