package jsonx

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestAppendString(t *testing.T) {
	for _, s := range []string{"", "plain", "a\"b\\c/d", "\x00\x01\b\f\n\r\t\x1f\x7f", "é😀\u2028\u2029", "bad\xffutf\xed\xa0\x80", "\xc3", strings.Repeat("long ", 100)} {
		var back string
		text := AppendString(nil, s)
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%q: %s: %v", s, text, err)
		}
		if want := string([]rune(s)); back != want {
			t.Errorf("%q came back as %q", s, back)
		}
		if string(AppendString(nil, []byte(s))) != string(text) {
			t.Errorf("%q differs as bytes", s)
		}
	}
}

func TestAppendFloat(t *testing.T) {
	for _, f := range []float64{0, 1, -1, 0.1, 1e-7, -1e-7, 1e21, 123456.789, math.MaxFloat64, math.SmallestNonzeroFloat64} {
		var back float64
		text := AppendFloat(nil, f)
		if err := json.Unmarshal(text, &back); err != nil || back != f {
			t.Errorf("%v became %s: %v", f, text, err)
		}
	}
}
