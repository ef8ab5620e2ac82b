// Package fileref finds the references to files within a JSON document and fills them in. A reference is an object with
// the member fileId; it stands wherever a value can stand.
package fileref

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// File is what a reference tells about its file.
type File struct {
	ID     execution.ID
	Name   string
	MIME   string
	Size   int64
	SHA256 [32]byte
}

// Reference is one reference within a document.
type Reference struct {
	ID   execution.ID // zero when Text is no id of a file
	Text string
	Path string // of its member fileId, as documents[0].fileId
}

// member is what makes an object a reference, when its text begins with the prefix of a file's id. A document without
// these bytes has none, which is found out without reading it.
var member = []byte(`"fileId"`)

// Find lists the references of a document, in its order. The document is valid JSON without duplicate members.
func Find(document []byte) []Reference {
	if !bytes.Contains(document, member) {
		return nil
	}
	var list []Reference
	w := walker{in: document, visit: func(r *Reference) *File {
		list = append(list, *r)
		return nil
	}}
	w.value()
	return list
}

// Fill returns the document with the members of each reference as file gives them; others that it has are kept. A
// reference for which file gives nil is left as it is. Without references it returns the document itself.
func Fill(document []byte, file func(execution.ID) *File) []byte {
	if !bytes.Contains(document, member) {
		return document
	}
	w := walker{in: document, out: make([]byte, 0, len(document)+256), fill: true, visit: func(r *Reference) *File {
		if r.ID.IsZero() {
			return nil
		}
		return file(r.ID)
	}}
	w.value()
	w.space()
	return w.out
}

// Append writes a reference.
func Append(b []byte, f *File) []byte {
	b = appendMembers(append(b, '{'), f)
	return append(b, '}')
}

func appendMembers(b []byte, f *File) []byte {
	b = append(b, `"fileId":"`...)
	b = f.ID.AppendText(b, execution.PrefixFile)
	b = append(b, `","filename":`...)
	b = jsonx.AppendString(b, f.Name)
	b = append(b, `,"mimeType":`...)
	b = jsonx.AppendString(b, f.MIME)
	b = append(b, `,"size":`...)
	b = strconv.AppendInt(b, f.Size, 10)
	b = append(b, `,"sha256":"`...)
	b = hex.AppendEncode(b, f.SHA256[:])
	return append(b, '"')
}

// ours reports whether the raw name of a member is one that a reference gets from its file.
func ours(name []byte) bool {
	switch string(name) {
	case `"fileId"`, `"filename"`, `"mimeType"`, `"size"`, `"sha256"`:
		return true
	default:
		return false
	}
}

// walker goes through a document and copies it, with references filled in.
type walker struct {
	in    []byte
	pos   int
	out   []byte
	fill  bool
	path  []segment
	visit func(*Reference) *File
}

type segment struct {
	name  []byte // raw; nil: an element
	index int
}

// copyTo copies the input up to pos.
func (w *walker) copyTo(pos int) {
	pos = min(pos, len(w.in))
	if w.fill {
		w.out = append(w.out, w.in[w.pos:pos]...)
	}
	w.pos = pos
}

func (w *walker) space() {
	i := w.pos
	for i < len(w.in) && (w.in[i] == ' ' || w.in[i] == '\n' || w.in[i] == '\t' || w.in[i] == '\r') {
		i++
	}
	w.copyTo(i)
}

// text copies a string and returns it as it is written.
func (w *walker) text() []byte {
	start, i := w.pos, w.pos+1
	for i < len(w.in) && w.in[i] != '"' {
		if w.in[i] == '\\' {
			i++
		}
		i++
	}
	w.copyTo(min(i+1, len(w.in)))
	return w.in[start:w.pos]
}

func (w *walker) value() {
	w.space()
	if w.pos >= len(w.in) {
		return
	}
	switch w.in[w.pos] {
	case '{':
		w.object()
	case '[':
		w.array()
	case '"':
		w.text()
	default:
		i := w.pos
		for i < len(w.in) && !bytes.ContainsRune([]byte(",]} \n\t\r"), rune(w.in[i])) {
			i++
		}
		w.copyTo(i)
	}
}

func (w *walker) array() {
	w.copyTo(w.pos + 1)
	for i := 0; ; i++ {
		w.space()
		if w.pos >= len(w.in) {
			return
		}
		switch w.in[w.pos] {
		case ']':
			w.copyTo(w.pos + 1)
			return
		case ',':
			w.copyTo(w.pos + 1)
			i--
			continue
		}
		w.path = append(w.path, segment{index: i})
		w.value()
		w.path = w.path[:len(w.path)-1]
	}
}

// object copies an object. When it turns out to be a reference, what was copied is put together anew.
func (w *walker) object() {
	began := len(w.out)
	var others [][2]int // what was copied of members that the file does not give
	var found *Reference
	w.copyTo(w.pos + 1)
	for {
		w.space()
		if w.pos >= len(w.in) {
			return
		}
		if c := w.in[w.pos]; c == '}' {
			w.copyTo(w.pos + 1)
			break
		} else if c == ',' {
			w.copyTo(w.pos + 1)
			continue
		}
		from := len(w.out)
		name := w.text()
		w.space()
		w.copyTo(w.pos + 1) // the colon
		w.space()
		w.path = append(w.path, segment{name: name})
		start := w.pos
		w.value()
		if id, ok := fileID(name, w.in[start:w.pos]); ok {
			found = &Reference{Text: id, Path: w.where()}
			found.ID, _ = execution.ParseID(execution.PrefixFile, id)
		}
		w.path = w.path[:len(w.path)-1]
		if !ours(name) {
			others = append(others, [2]int{from, len(w.out)})
		}
	}
	if found == nil {
		return
	}
	f := w.visit(found)
	if f == nil || !w.fill {
		return
	}
	out := appendMembers([]byte{'{'}, f)
	for _, o := range others {
		out = append(append(out, ','), w.out[o[0]:o[1]]...)
	}
	w.out = append(append(w.out[:began], out...), '}')
}

// fileID is the text of a raw member that makes its object a reference.
func fileID(name, value []byte) (string, bool) {
	if !bytes.Equal(name, member) || len(value) < 2 || value[0] != '"' {
		return "", false
	}
	text := string(value[1 : len(value)-1])
	return text, strings.HasPrefix(text, execution.PrefixFile)
}

// where is the path of the member at hand.
func (w *walker) where() string {
	var b []byte
	for _, s := range w.path {
		if s.name == nil {
			b = append(strconv.AppendInt(append(b, '['), int64(s.index), 10), ']')
			continue
		}
		name := s.name[1 : len(s.name)-1]
		if !plain(name) {
			b = append(append(append(b, '['), s.name...), ']')
			continue
		}
		if len(b) > 0 {
			b = append(b, '.')
		}
		b = append(b, name...)
	}
	if len(b) > maxPath {
		head, tail := strings.ToValidUTF8(string(b[:maxPath/2]), ""), strings.ToValidUTF8(string(b[len(b)-maxPath/2:]), "")
		return head + "…" + tail
	}
	return string(b)
}

// maxPath bounds a path in bytes; a longer one is cut in the middle.
const maxPath = 240

// plain reports whether a raw name can stand in a path without quotes.
func plain(name []byte) bool {
	for _, c := range name {
		if c|0x20-'a' >= 26 && c-'0' >= 10 && c != '_' && c != '-' {
			return false
		}
	}
	return len(name) > 0
}
