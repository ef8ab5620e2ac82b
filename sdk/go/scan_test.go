package sojourn

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

// walk reads any value through the scanner's typed methods and returns what encoding/json would.
func walk(s *scanner) any {
	switch s.peek() {
	case '{':
		m := map[string]any{}
		s.members(func(key []byte) {
			name := string(key)
			m[name] = walk(s)
		})
		return m
	case '[':
		l := []any{}
		s.elements(func() { l = append(l, walk(s)) })
		return l
	case '"':
		return s.text()
	case 't', 'f':
		return s.boolean()
	case 'n':
		if !s.null() {
			s.fail()
		}
		return nil
	default:
		return float64(s.integer())
	}
}

func TestScanner(t *testing.T) {
	const text = ` { "a" : [ 1 , -2 , 3e2 , [ ] , { } ] , "b\n" : "é\u00e9\"\\\/ \ud83d\ude00" , "c" : true , "d" : false , "e" : null , "f" : { "g" : "]}" } } `
	s := scanner{b: []byte(text)}
	got := walk(&s)
	if err := s.end(); err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if !bytes.Equal(a, b) {
		t.Errorf("read %s\nwant %s", a, b)
	}
	for _, bad := range []string{``, `{`, `{"a"`, `{"a":}`, `{"a":1,}`, `[1`, `[1,]`, `"a`, "\"\n\"", `"\x"`, `tru`, `nul`, `-`, `{}x`, `{1:2}`, `"\`} {
		s := scanner{b: []byte(bad)}
		walk(&s)
		if s.end() == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	s = scanner{b: []byte(`{"x":[{"a":"}\"]"},2],"y":12.5,"z":"q"}`)}
	raw := map[string]string{}
	s.members(func(key []byte) { name := string(key); raw[name] = string(s.raw()) })
	if s.end() != nil || raw["x"] != `[{"a":"}\"]"},2]` || raw["y"] != "12.5" || raw["z"] != `"q"` {
		t.Errorf("raw values %q, %v", raw, s.err)
	}
	s = scanner{b: []byte(`[null,null,null,null]`)}
	s.need('[')
	if s.text() != "" || !s.take(',') || s.integer() != 0 || !s.take(',') || s.boolean() || !s.take(',') {
		t.Error("null is not the zero value")
	}
}

func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		`{"delivery":1,"executions":[{"id":"exec_1","input":{"a":[1,"x"]},"recorded":[{"step":"a","output":"é"}]}],"cancel":[]}`,
		`{"results":[{"ok":true},{"ok":false,"code":"stale_lease","message":"no\n\u0000"}]}`, `[1e400,-0,"\ud800"]`, `{"a":nullx}`, "\xff", `"\`, `{"":"` + "\x80" + `"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := scanner{b: data}
		got := walk(&s)
		ok := s.end() == nil
		if json.Valid(data) {
			// Everything that is JSON can be read, save numbers beyond 64 bits.
			if !ok {
				if strings.ContainsAny(string(data), "0123456789") {
					return
				}
				t.Fatalf("%q is JSON and was refused", data)
			}
			var want any
			if err := json.Unmarshal(data, &want); err != nil {
				return
			}
			truncate(&want)
			a, _ := json.Marshal(got)
			b, _ := json.Marshal(want)
			if !bytes.Equal(a, b) {
				t.Fatalf("%q was read as %s, want %s", data, a, b)
			}
		}
		raw := scanner{b: data}
		if v := raw.raw(); raw.err == nil && !bytes.Contains(data, v) {
			t.Fatal("raw gave what is not in the input")
		}
		(&session{w: &Worker{}}).parseDelivery(data) //nolint:errcheck // it must not panic
		(&reporter{s: &session{}}).parse(data)       //nolint:errcheck // it must not panic
	})
}

// truncate does to numbers what the scanner does.
func truncate(v *any) {
	switch x := (*v).(type) {
	case float64:
		*v = math.Trunc(x) + 0
	case []any:
		for i := range x {
			truncate(&x[i])
		}
	case map[string]any:
		for k, item := range x {
			truncate(&item)
			x[k] = item
		}
	}
}

func FuzzAppendText(f *testing.F) {
	for _, seed := range []string{"", "plain", "a\"b\\c\n\r\t\x00\x1f\x7f", "é\u2028😀", "\xff\xfea\xc3", "\xed\xa0\x80"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b := appendText(nil, text)
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q became %s: %v", text, b, err)
		}
		if want := strings.ToValidUTF8(text, "\uFFFD"); utf8.ValidString(text) && got != want {
			t.Fatalf("%q became %s", text, b)
		}
		if !utf8.Valid(b) {
			t.Fatalf("%q became invalid UTF-8", text)
		}
		if clipped := clip(text, 10); len(clipped) > 10 || len(text) <= 10 && utf8.ValidString(text) && clipped != text || !utf8.ValidString(clipped) {
			t.Fatalf("clip(%q) = %q", text, clipped)
		}
	})
}
