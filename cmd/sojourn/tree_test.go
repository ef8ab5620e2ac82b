package main

import (
	"encoding/json"
	"reflect"
	"testing"
)

func FuzzDecodeTree(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":{"b":[1,2.50,"x",null,true]}}`, `[`, `{"a":1,"a":2}`, `"\ud800"`, `1 2`, `{"a`, `[[[]]]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := decodeTree(text)
		if err != nil {
			return
		}
		again, err := plainJSON(v)
		if err != nil {
			t.Fatalf("%q was read and cannot be written: %v", text, err)
		}
		var before, after any
		if json.Unmarshal(text, &before) != nil || json.Unmarshal(again, &after) != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("%q became %q", text, again)
		}
	})
}

func TestAssign(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ root, path, want string }{
		{`{}`, "a", `{"a":1}`},
		{`{"a":0,"b":2}`, "a", `{"a":1,"b":2}`},
		{`{}`, "a.b.c", `{"a":{"b":{"c":1}}}`},
		{`{"a":[0]}`, "a[0]", `{"a":[1]}`},
		{`{"a":[0]}`, "a[1].b", `{"a":[0,{"b":1}]}`},
		{`{}`, "a[0][0]", `{"a":[[1]]}`},
		{`{}`, "a[1]", ""},
		{`{}`, "", ""},
		{`{}`, ".a", ""},
		{`{}`, "a.", ""},
		{`{}`, "a[", ""},
		{`{}`, "a[-1]", ""},
		{`{"a":1}`, "a.b", ""},
		{`{"a":1}`, "a[0]", ""},
		{`{"a":{}}`, "a[0]", ""},
		{`{"a":[]}`, "a.b", ""},
	} {
		root, err := decodeTree([]byte(c.root))
		if err != nil {
			t.Fatal(err)
		}
		root, err = assign(root, c.path, 1)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s at %q: accepted", c.root, c.path)
			}
			continue
		}
		text, _ := plainJSON(root)
		if err != nil || string(text) != c.want {
			t.Errorf("%s at %q: %s, %v, want %s", c.root, c.path, text, err, c.want)
		}
	}
}
