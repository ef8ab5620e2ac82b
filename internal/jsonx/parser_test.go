package jsonx

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func check(t *testing.T, text string) uint64 {
	t.Helper()
	h, err := Check([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return h
}

func TestCheckAccepts(t *testing.T) {
	for _, text := range []string{
		`null`, `true`, ` false `, `0`, `-0`, `-0.5e+10`, `1E9`, `1e999`, `""`, `"é\u00e9\ud83d\ude00\u0000"`, `[]`, `[ ]`, `[1 , 2]`,
		`{}`, `{ "a" : { } , "b" : [ [ ] ] }`, `{"":1}`, `"\"\\\/\b\f\n\r\t"`, strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth),
		"\"\u2028\x7f\"", `{"a":1,"A":2}`,
	} {
		check(t, text)
	}
}

func TestCheckRefuses(t *testing.T) {
	many := func(extra string) string {
		var b strings.Builder
		b.WriteString(`{"x":{`)
		for i := range 100 {
			fmt.Fprintf(&b, `"k%d":1,`, i)
		}
		return b.String() + extra + `:1}}`
	}
	for _, c := range []struct{ text, code, path string }{
		{``, CodeInvalidJSON, ""},
		{`  `, CodeInvalidJSON, ""},
		{`{`, CodeInvalidJSON, ""},
		{`{"a"`, CodeInvalidJSON, "a"},
		{`{"a":`, CodeInvalidJSON, "a"},
		{`{"a":1`, CodeInvalidJSON, ""},
		{`{"a":1,}`, CodeInvalidJSON, ""},
		{`{"a":{"b":[1,2,{"c":tru}]}}`, CodeInvalidJSON, "a.b[2].c"},
		{`{"a":1 "b":2}`, CodeInvalidJSON, ""},
		{`{a:1}`, CodeInvalidJSON, ""},
		{`{'a':1}`, CodeInvalidJSON, ""},
		{`[1,]`, CodeInvalidJSON, "[1]"},
		{`[1 2]`, CodeInvalidJSON, "[1]"},
		{`[,1]`, CodeInvalidJSON, "[0]"},
		{`01`, CodeInvalidJSON, ""},
		{`1.`, CodeInvalidJSON, ""},
		{`.5`, CodeInvalidJSON, ""},
		{`+1`, CodeInvalidJSON, ""},
		{`1e`, CodeInvalidJSON, ""},
		{`-`, CodeInvalidJSON, ""},
		{`NaN`, CodeInvalidJSON, ""},
		{`nul`, CodeInvalidJSON, ""},
		{`{} {}`, CodeInvalidJSON, ""},
		{`{}x`, CodeInvalidJSON, ""},
		{"\ufeff{}", CodeInvalidJSON, ""},
		{`{"a":"` + "\n" + `"}`, CodeInvalidJSON, "a"},
		{`{"a":"` + "\xff" + `"}`, CodeInvalidJSON, "a"},
		{`{"a":"` + "\xed\xa0\x80" + `"}`, CodeInvalidJSON, "a"},
		{`{"` + "\xc0\xaf" + `":1}`, CodeInvalidJSON, ""},
		{`{"a":"\ud800"}`, CodeInvalidJSON, "a"},
		{`{"a":"\udc00"}`, CodeInvalidJSON, "a"},
		{`{"a":"\ud800\ud800"}`, CodeInvalidJSON, "a"},
		{`{"a":"\ud800x"}`, CodeInvalidJSON, "a"},
		{`{"a":"\u12g4"}`, CodeInvalidJSON, "a"},
		{`{"a":"\x"}`, CodeInvalidJSON, "a"},
		{`{"a":"abc`, CodeInvalidJSON, "a"},
		{`{"a":"abc\`, CodeInvalidJSON, "a"},
		{`{"a":1,"a":2}`, CodeDuplicateKey, "a"},
		{`{"input":{"lines":[{},{"qty":1,"q\u0074y":2}]}}`, CodeDuplicateKey, "input.lines[1].qty"},
		{`{"a":{"":1,"":2}}`, CodeDuplicateKey, `a[""]`},
		{many(`"k50"`), CodeDuplicateKey, "x.k50"},
		{many(`"\u006b99"`), CodeDuplicateKey, "x.k99"},
		{strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1), CodeTooDeep, strings.Repeat("[0]", MaxDepth)},
		{strings.Repeat(`{"a":`, 100_000), CodeTooDeep, strings.Repeat("a.", MaxDepth-1) + "a"},
		{strings.Repeat(`[`, 1_000_000), CodeTooDeep, strings.Repeat("[0]", MaxDepth)},
	} {
		_, err := Check([]byte(c.text))
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.60q: got %v, want an error", c.text, err)
			continue
		}
		if e.Code != c.code || e.Path != c.path {
			t.Errorf("%.60q: got %s at %q (%v), want %s at %q", c.text, e.Code, e.Path, err, c.code, c.path)
		}
		if e.Offset < 0 || e.Offset > len(c.text) {
			t.Errorf("%.60q: offset %d", c.text, e.Offset)
		}
	}
}

func TestNamesInManyObjectsAreNotDuplicates(t *testing.T) {
	var b strings.Builder
	b.WriteString("[")
	for i := range 200 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"a":{"a":[{"a":1}]},"b":%d,"k%d":{}}`, i, i)
	}
	b.WriteString("]")
	check(t, b.String())
}

func TestHash(t *testing.T) {
	same := [][]string{
		{`{"a":1,"b":[1,2]}`, `{ "b":[1, 2],"\u0061":1}`},
		{`"é\n"`, `"\u00e9\u000a"`, `"\u00E9\n"`},
		{`{"x":{"a":null,"b":true}}`, `{"x":{"b":true,"a":null}}`},
	}
	for _, group := range same {
		for _, text := range group[1:] {
			if check(t, text) != check(t, group[0]) {
				t.Errorf("%s and %s differ", group[0], text)
			}
		}
	}
	different := []string{
		`null`, `true`, `false`, `0`, `1`, `1.0`, `10`, `-1`, `""`, `"0"`, `"1"`, `"null"`, `"\u0000"`, `"\u0000\u0000"`, `[]`, `{}`, `[null]`,
		`[[]]`, `[{}]`, `[1,2]`, `[2,1]`, `[[1],2]`, `[1,[2]]`, `{"a":1}`, `{"a":"1"}`, `{"1":"a"}`, `{"a":{"b":1}}`, `{"a":{},"b":1}`,
		`{"b":{},"a":1}`, `{"a":[1]}`, `{"a":1,"b":2}`, `{"a":2,"b":1}`, `"abcdefgh"`, `"abcdefghi"`, `"abcdefgh\u0000"`, `[""]`, `["",""]`,
	}
	seen := map[uint64]string{}
	for _, text := range different {
		h := check(t, text)
		if other, ok := seen[h]; ok {
			t.Errorf("%s and %s are alike", text, other)
		}
		seen[h] = text
	}
}

// Fingerprints are stored beside idempotency keys, so they must not change between releases.
func TestHashIsStable(t *testing.T) {
	const want = 0xcd3eef86cbfef321
	if got := check(t, `{"workflow_id":"echo","input":{"n":[1,2.5,"three",null,true]}}`); got != want {
		t.Errorf("fingerprint is %#x, was %#x", got, uint64(want))
	}
}

func TestPull(t *testing.T) {
	var p Parser
	p.Reset([]byte(`{"name":"caf\u00e9","n":1e3,"f":-0.25,"on":true,"raw": {"x": [1, 2]},"ignored":[{"y":1}],"list":["a","b"],"obj":{"q":1}}`))
	var got []string
	if !p.Object() {
		t.Fatal(p.End())
	}
	for p.Next() {
		switch string(p.Name()) {
		case "name":
			s, ok := p.String(4)
			got = append(got, s, fmt.Sprint(ok))
		case "n":
			n, ok := p.Int(0, 1000)
			got = append(got, fmt.Sprint(n, ok))
		case "f":
			f, ok := p.Float(-1, 1)
			got = append(got, fmt.Sprint(f, ok))
		case "on":
			b, ok := p.Bool()
			got = append(got, fmt.Sprint(b, ok))
		case "raw":
			raw, ok := p.RawObject()
			got = append(got, string(raw), fmt.Sprint(ok))
		case "list":
			for ok := p.Array(); ok && p.Next(); {
				s, _ := p.String(1)
				got = append(got, s)
			}
		case "obj":
			for ok := p.Object(); ok && p.Next(); {
				got = append(got, string(p.Name()))
			}
		}
	}
	if err := p.End(); err != nil || len(p.Problems()) > 0 {
		t.Fatal(err, p.Problems())
	}
	want := `[café true 1000 true -0.25 true true true {"x": [1, 2]} true a b q]`
	if s := fmt.Sprint(got); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func TestPulledAndSkippedHashAlike(t *testing.T) {
	text := []byte(`{"a":1,"b":{"c":[1,"x"]},"key":"k"}`)
	var p Parser
	p.Reset(text)
	p.Object()
	for p.Next() {
		switch string(p.Name()) {
		case "a":
			p.Int(0, 9)
		case "b":
			for ok := p.Object(); ok && p.Next(); {
				for ok := p.Array(); ok && p.Next(); {
					p.Raw()
				}
			}
		case "key":
			p.String(10)
			p.Uncount()
		}
	}
	if got, want := p.Hash(), check(t, `{"b":{"c":[1,"x"]},"a":1}`); got != want {
		t.Errorf("%#x, want %#x", got, want)
	}
	if err := p.End(); err != nil {
		t.Fatal(err)
	}
}

func TestProblems(t *testing.T) {
	var p Parser
	p.Reset([]byte(`{"name":5,"n":1.5,"big":99,"huge":1e300,"s":"toolong","list":["ok","toolong",7],"obj":[],"gone":null,"timeoutMs":1,"zzz":{"a":1}}`))
	p.Object()
	for p.Next() {
		switch string(p.Name()) {
		case "name":
			p.String(9)
		case "n", "big", "huge":
			p.Int(1, 10)
		case "s":
			p.String(3)
		case "list":
			for ok := p.Array(); ok && p.Next(); {
				p.String(3)
			}
		case "obj":
			p.RawObject()
		case "gone":
			p.Bool()
		default:
			p.Unknown([]string{"name", "timeout_ms"})
		}
	}
	p.ReportMember("", "input", CodeRequired, "is required")
	if err := p.End(); err != nil {
		t.Fatal(err)
	}
	want := []Problem{
		{"name", CodeInvalidType, "name must be a string, not a number"},
		{"n", CodeInvalidType, "n must be a whole number from 1 to 10, not the fraction 1.5"},
		{"big", CodeOutOfRange, "big must be a whole number from 1 to 10, not 99"},
		{"huge", CodeOutOfRange, "huge must be a whole number from 1 to 10, not 1e300"},
		{"s", CodeTooLong, "s must have at most 3 characters, not 7"},
		{"list[1]", CodeTooLong, "list[1] must have at most 3 characters, not 7"},
		{"list[2]", CodeInvalidType, "list[2] must be a string, not a number"},
		{"obj", CodeInvalidType, "obj must be an object, not an array"},
		{"gone", CodeInvalidType, "gone must be a boolean, not null; leave it out when there is none"},
		{"timeoutMs", CodeUnknownField, `timeoutMs is not a known field; did you mean "timeout_ms"?`},
		{"zzz", CodeUnknownField, "zzz is not a known field; remove it"},
		{"input", CodeRequired, "input is required"},
	}
	if len(p.Problems()) != len(want) {
		t.Fatalf("got %d problems: %+v", len(p.Problems()), p.Problems())
	}
	for i, got := range p.Problems() {
		if got != want[i] {
			t.Errorf("got  %+v\nwant %+v", got, want[i])
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"workflow_id", "input", "timeout_ms", "metadata", "idempotency_key"}
	for name, want := range map[string]string{
		"workflowId": "workflow_id", "workflow": "workflow_id", "inptu": "input", "Input": "input", "timeout": "timeout_ms", "meta-data": "metadata",
		"idempotencyKey": "idempotency_key", "callback_url": "", "": "", strings.Repeat("x", 1000): "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("%.20s: got %q, want %q", name, got, want)
		}
	}
}

func TestPathsOfOddNames(t *testing.T) {
	_, err := Check([]byte(`{"a.b":{"c d":[{"é\"":x}]}}`))
	var e *Error
	if !errors.As(err, &e) || e.Path != `["a.b"]["c d"][0]["é\""]` {
		t.Errorf("got %v", err)
	}
	_, err = Check([]byte(`{"` + strings.Repeat("ü", 5000) + `":x}`))
	if !errors.As(err, &e) || len(e.Path) > maxPath+8 {
		t.Errorf("path of %d bytes", len(e.Path))
	}
}

// A parser that is reused must not carry anything over from a text that broke.
func TestResetAfterError(t *testing.T) {
	var p Parser
	for range 3 {
		p.Reset([]byte(`{"a":{"b":[{"c":1,"c":2}]}}`))
		p.Skip()
		if p.End() == nil {
			t.Fatal("accepted")
		}
		p.Reset([]byte(`{"a":{"b":[{"c":1}]}}`))
		p.Skip()
		if err := p.End(); err != nil {
			t.Fatal(err)
		}
		if p.Hash() != check(t, `{"a":{"b":[{"c":1}]}}`) {
			t.Fatal("another fingerprint")
		}
	}
}

func TestNoGarbage(t *testing.T) {
	text := []byte(`{"workflow_id":"echo","input":{"name":"Ann","lines":[{"qty":1,"price":2.5},{"qty":2,"price":3.5}],"note":"a longer text without escapes"},"timeout_ms":1000}`)
	var p Parser
	run := func() {
		p.Reset(text)
		p.Object()
		for p.Next() {
			switch string(p.Name()) {
			case "workflow_id":
				p.Bytes(100)
			case "timeout_ms":
				p.Int(1, 10000)
			default:
				p.Raw()
			}
		}
		if p.End() != nil {
			t.Fatal(p.End())
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParse(b *testing.B) {
	text := []byte(`{"workflow_id":"echo","input":{"name":"Ann","lines":[{"qty":1,"price":2.5},{"qty":2,"price":3.5}],"note":"a longer text without escapes"},"timeout_ms":1000}`)
	var p Parser
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		p.Reset(text)
		p.Skip()
		if p.End() != nil {
			b.Fatal(p.End())
		}
	}
}
