package fileref_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/fileref"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

const known = "file_01m80navxte008r4ggcbdb53qe"

func file(id execution.ID) *fileref.File {
	if id.Text(execution.PrefixFile) != known {
		return nil
	}
	return &fileref.File{ID: id, Name: `a "b".pdf`, MIME: "application/pdf", Size: 7, SHA256: [32]byte{1, 2}}
}

const members = `"fileId":"` + known + `","filename":"a \"b\".pdf","mimeType":"application/pdf","size":7,"sha256":"0102` +
	"000000000000000000000000000000000000000000000000000000000000" + `"`

func TestFill(t *testing.T) {
	t.Parallel()
	const ref = `{"fileId":"` + known + `"}`
	for _, c := range []struct{ in, want string }{
		{`{}`, `{}`},
		{`{"fileId":5}`, `{"fileId":5}`},
		{`{"fileId":"other"}`, `{"fileId":"other"}`},
		{`{"fileId":"file_x"}`, `{"fileId":"file_x"}`},
		{`{"x":"\"fileId\":\"` + known + `\""}`, `{"x":"\"fileId\":\"` + known + `\""}`},
		{ref, `{` + members + `}`},
		{` { "fileId" : "` + known + `" } `, ` {` + members + `} `},
		{`[ 1.50 , ` + ref + `,true]`, `[ 1.50 , {` + members + `},true]`},
		{`{"a":{"b":[[` + ref + `]]},"c":1e5}`, `{"a":{"b":[[{` + members + `}]]},"c":1e5}`},
		{`{"size":1,"page":3,"fileId":"` + known + `","sha256":"lie","note":{"x":[1,2]}}`, `{` + members + `,"page":3,"note":{"x":[1,2]}}`},
		{`{"inner":` + ref + `,"fileId":"` + known + `"}`, `{` + members + `,"inner":{` + members + `}}`},
		{`{"filename":` + ref + `,"fileId":"` + known + `"}`, `{` + members + `}`},
		{`{"fileId":"file_01m80navxte008r4ggcbdb53q0","size":1}`, `{"fileId":"file_01m80navxte008r4ggcbdb53q0","size":1}`},
		{`"fileId"`, `"fileId"`},
		{`null`, `null`},
	} {
		if got := string(fileref.Fill([]byte(c.in), file)); got != c.want {
			t.Errorf("%s\nbecame %s\nwant   %s", c.in, got, c.want)
		}
	}
	plain := []byte(`{"a":[1,2,3]}`)
	if got := fileref.Fill(plain, file); &got[0] != &plain[0] {
		t.Error("a document without references was copied")
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	in := `{"a":{"fileId":"` + known + `"},"list":[0,{"x y":{"fileId":"file_nothing"}}],"fileId":"plain","deep-1":[[{"fileId":"` + known + `","more":{"fileId":"file_"}}]]}`
	var got []string
	for _, r := range fileref.Find([]byte(in)) {
		got = append(got, r.Path+" "+r.Text+" "+map[bool]string{true: "zero", false: "id"}[r.ID.IsZero()])
	}
	want := []string{
		"a.fileId " + known + " id", `list[1]["x y"].fileId file_nothing zero`, "deep-1[0][0].more.fileId file_ zero", "deep-1[0][0].fileId " + known + " id",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
	if refs := fileref.Find([]byte(`{"x":1}`)); refs != nil {
		t.Errorf("found %+v", refs)
	}
	long := `{"` + strings.Repeat("n", 5000) + `":{"fileId":"file_x"}}`
	if refs := fileref.Find([]byte(long)); len(refs) != 1 || len(refs[0].Path) > 250 {
		t.Errorf("a path of %d bytes", len(refs[0].Path))
	}
}

// FuzzFill fills any acceptable document: what comes out is acceptable, the same but for its references, and filling it
// again changes nothing.
func FuzzFill(f *testing.F) {
	for _, s := range []string{
		`{"fileId":"` + known + `"}`, `[{"fileId":"` + known + `","a":"\\\"","b":[{}]}]`, `{"a\"":{"fileId":"` + known + `"}}`, `{"fileId":"\u0066ile_x"}`, `"\\"`, ` [ ] `, `-0.1e+5`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if _, err := jsonx.Check(in); err != nil {
			return
		}
		refs := fileref.Find(in)
		out := fileref.Fill(bytes.Clone(in), file)
		if _, err := jsonx.Check(out); err != nil {
			t.Fatalf("%s became %s: %v", in, out, err)
		}
		if again := fileref.Fill(bytes.Clone(out), file); !bytes.Equal(again, out) {
			t.Errorf("%s became %s and that %s", in, out, again)
		}
		if len(refs) == 0 && !bytes.Equal(in, out) {
			t.Errorf("%s has no references and became %s", in, out)
		}
		var before, after any
		if json.Unmarshal(in, &before) != nil || json.Unmarshal(out, &after) != nil {
			return
		}
		if diff := cmp.Diff(stripped(before), stripped(after)); diff != "" {
			t.Errorf("%s became %s:\n%s", in, out, diff)
		}
	})
}

// stripped is a value without what a reference gets from its file.
func stripped(v any) any {
	switch x := v.(type) {
	case map[string]any:
		if x["fileId"] == known {
			for _, name := range []string{"filename", "mimeType", "size", "sha256"} {
				delete(x, name)
			}
		}
		for k := range x {
			x[k] = stripped(x[k])
		}
	case []any:
		for i := range x {
			x[i] = stripped(x[i])
		}
	}
	return v
}
