package jsonx

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

var seeds = []string{
	`{"workflow_id":"echo","input":{"a":[1,2.5e3,-0,"x\u00e9\ud83d\ude00",null,true,false]}}`, `{"a":1,"a":2}`, `"\ud800"`, `[[[[]]]]`, "\"\xff\"",
	`{"":{"":[]}}`, ` [ 1 , 2 ] `, `01`, `1e5`, `{"a":"\u0000"}`, `tru`, `{}{}`, "\ufeff1", `{"k\u0061":1,"ka":2}`, `{"a":1,}`, `[1,]`, `-`, `"`,
}

// FuzzCheck holds Check to encoding/json: it accepts the same texts but for the refusals of the package comment.
func FuzzCheck(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := Check(data)
		want := json.Valid(data) && utf8.Valid(data) && !halfSurrogate(data) && ordinary(data)
		if (err == nil) != want {
			t.Fatalf("%q: %v, want acceptance %v", data, err, want)
		}
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Message == "" || e.Offset > len(data) || !utf8.ValidString(e.Path)) {
			t.Fatalf("%q: %#v", data, err)
		}
	})
}

// ordinary reports whether valid JSON is within MaxDepth and without duplicate names.
func ordinary(data []byte) bool {
	type level struct {
		names map[string]bool
		value bool
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var stack []*level
	done := func() {
		if n := len(stack); n > 0 {
			stack[n-1].value = false
		}
	}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			return false
		}
		var top *level
		if len(stack) > 0 {
			top = stack[len(stack)-1]
		}
		switch x := token.(type) {
		case json.Delim:
			if x == '}' || x == ']' {
				stack = stack[:len(stack)-1]
				done()
				continue
			}
			l := &level{}
			if x == '{' {
				l.names = map[string]bool{}
			}
			if stack = append(stack, l); len(stack) > MaxDepth {
				return false
			}
		case string:
			if top != nil && top.names != nil && !top.value {
				if top.names[x] {
					return false
				}
				top.names[x], top.value = true, true
				continue
			}
			done()
		default:
			done()
		}
	}
}

// halfSurrogate looks for an escape of half a surrogate pair in valid JSON.
func halfSurrogate(data []byte) bool {
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		if data[i+1] != 'u' {
			i++
			continue
		}
		digits := func(at int) string {
			if at+6 > len(data) || data[at] != '\\' || data[at+1] != 'u' {
				return ""
			}
			return strings.ToLower(string(data[at+2 : at+6]))
		}
		first := digits(i)
		i += 5
		if first >= "d800" && first < "dc00" {
			if second := digits(i + 1); second < "dc00" || second > "dfff" {
				return true
			}
			i += 6
		} else if first >= "dc00" && first <= "dfff" {
			return true
		}
	}
	return false
}

// FuzzHash holds the fingerprint to its promise: a text encoded anew has the same, a text with another value another.
func FuzzHash(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), []byte(`{"a":1}`))
	}
	f.Fuzz(func(t *testing.T, data, other []byte) {
		hash, err := Check(data)
		if err != nil {
			return
		}
		again := encode(t, data)
		if h, err := Check(again); err != nil || h != hash {
			t.Fatalf("%q has %#x, encoded anew as %q %#x (%v)", data, hash, again, h, err)
		}
		if h, err := Check(other); err == nil && (h == hash) != bytes.Equal(encode(t, other), again) {
			t.Fatalf("%q and %q: fingerprints %#x and %#x", data, other, hash, h)
		}
	})
}

// encode writes data by another encoder: names sorted, white space gone, other escapes, numbers as they are.
func encode(t *testing.T, data []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// FuzzPull decodes with every getter and must agree with Check on whether the text is JSON.
func FuzzPull(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, choice uint8) {
		var p Parser
		p.Reset(data)
		n := choice
		var read func()
		read = func() {
			n = n*167 + 13
			switch n % 9 {
			case 0:
				p.String(4)
			case 1:
				p.Int(-5, 5)
			case 2:
				p.Float(-1, 1)
			case 3:
				p.Bool()
			case 4, 5:
				for ok := p.Object(); ok && p.Next(); {
					if n%2 == 0 {
						p.Unknown([]string{"input"})
					} else {
						read()
					}
				}
			case 6:
				for ok := p.Array(); ok && p.Next(); {
					read()
				}
			case 7:
				p.RawObject()
			default:
				p.Raw()
			}
		}
		read()
		wantHash, wantErr := Check(data)
		err := p.End()
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, want %v", data, err, wantErr)
		}
		if err == nil && p.Hash() != wantHash {
			t.Fatalf("%q: fingerprint %#x, want %#x", data, p.Hash(), wantHash)
		}
	})
}
