package pdftext

import (
	"bytes"
	"regexp"
	"slices"
)

// A file is the object graph of one PDF, read lazily.
type file struct {
	data    []byte
	limits  Limits
	left    Limits
	where   map[int]place
	trailer dict
	cache   map[int]object
	// busy marks objects that are being read, so that a cycle reads as null.
	busy   map[int]bool
	packed map[int]map[int]object
	fonts  map[int]*font
}

// A place is where an object stands: at an offset of the file, or in an object
// stream.
type place struct {
	offset int
	packer int
	packed bool
}

func newFile(data []byte, limits Limits) *file {
	return &file{
		data:   data,
		limits: limits,
		left:   limits,
		where:  map[int]place{},
		cache:  map[int]object{},
		busy:   map[int]bool{},
		packed: map[int]map[int]object{},
		fonts:  map[int]*font{},
	}
}

// open finds the objects by the file's own tables and, when those do not lead to
// a page tree, by searching the whole file.
func (f *file) open() {
	f.readTables()
	if f.encrypted() || f.hasPages() {
		f.refuseEncrypted()
		return
	}
	f.rebuild()
	f.refuseEncrypted()
	if !f.hasPages() {
		f.stop(ErrCorrupt, "it has no page tree")
	}
}

func (f *file) encrypted() bool { return f.resolve(f.trailer["Encrypt"]) != nil }

func (f *file) refuseEncrypted() {
	if f.encrypted() {
		f.stop(ErrEncrypted, "remove its protection first")
	}
}

func (f *file) hasPages() bool {
	root := f.dict(f.trailer["Root"])
	return f.dict(root["Pages"]) != nil
}

// readTables follows startxref and the chain of previous sections.
func (f *file) readTables() {
	f.trailer = dict{}
	tail := f.data[max(0, len(f.data)-2048):]
	at := bytes.LastIndex(tail, []byte("startxref"))
	if at < 0 {
		return
	}
	l := lexer{f: f, buf: tail, pos: at + len("startxref")}
	offset, ok := asID(asNumber(l.next(0), -1))
	seen := map[int]bool{}
	queue := []int{offset}
	for ok && len(queue) > 0 {
		offset, queue = queue[0], queue[1:]
		if seen[offset] || offset >= len(f.data) {
			continue
		}
		seen[offset] = true
		section := f.readSection(offset)
		for key, value := range section {
			if _, set := f.trailer[key]; !set {
				f.trailer[key] = value
			}
		}
		for _, key := range []name{"XRefStm", "Prev"} {
			if next, ok := asID(asNumber(section[key], -1)); ok {
				queue = append(queue, next)
			}
		}
	}
}

// readSection reads the table or stream at offset and returns its trailer.
func (f *file) readSection(offset int) dict {
	l := &lexer{f: f, buf: f.data, pos: offset, refs: true}
	l.skipSpace()
	if bytes.HasPrefix(l.buf[l.pos:], []byte("xref")) {
		l.pos += len("xref")
		return f.readTable(l)
	}
	_, value, _ := l.indirect()
	if s, ok := value.(*stream); ok && s.dict["Type"] == name("XRef") {
		f.readXRefStream(s)
		return s.dict
	}
	return nil
}

func (f *file) readTable(l *lexer) dict {
	l.refs = false
	for {
		switch first := l.next(0).(type) {
		case float64:
			id, ok1 := asID(first)
			count, ok2 := asID(asNumber(l.next(0), -1))
			if !ok1 || !ok2 {
				return nil
			}
			for i := range count {
				offset, ok := asID(asNumber(l.next(0), -1))
				l.next(0)
				kind, _ := l.next(0).(keyword)
				if !ok || kind != "n" && kind != "f" {
					return nil
				}
				if kind == "n" {
					f.place(id+i, place{offset: offset})
				}
			}
		case keyword:
			if first != "trailer" {
				return nil
			}
			l.refs = true
			trailer, _ := l.next(0).(dict)
			return trailer
		default:
			return nil
		}
	}
}

func (f *file) readXRefStream(s *stream) {
	widths, _ := s.dict["W"].(array)
	var w [3]int
	if len(widths) < 3 {
		return
	}
	for i := range w {
		n, ok := asID(asNumber(widths[i], -1))
		if !ok || n > 8 {
			return
		}
		w[i] = n
	}
	step := w[0] + w[1] + w[2]
	if step == 0 {
		return
	}
	index, _ := s.dict["Index"].(array)
	if len(index) == 0 {
		index = array{0.0, s.dict["Size"]}
	}
	data := f.decode(s)
	for ; len(index) >= 2; index = index[2:] {
		id, ok1 := asID(asNumber(index[0], -1))
		count, ok2 := asID(asNumber(index[1], -1))
		if !ok1 || !ok2 {
			return
		}
		for i := 0; i < count && len(data) >= step; i++ {
			kind := 1
			if w[0] > 0 {
				kind = bigEndian(data[:w[0]])
			}
			field := bigEndian(data[w[0] : w[0]+w[1]])
			data = data[step:]
			f.work(1)
			switch kind {
			case 1:
				f.place(id+i, place{offset: field})
			case 2:
				f.place(id+i, place{packer: field, packed: true})
			}
		}
	}
}

// place records where an object stands unless a newer section already did.
func (f *file) place(id int, p place) {
	if _, known := f.where[id]; !known {
		f.where[id] = p
	}
}

func bigEndian(b []byte) int {
	n := 0
	for _, c := range b {
		n = n<<8 | int(c)
	}
	return n
}

var objectStart = regexp.MustCompile(`(?:^|[\r\n\s])(\d{1,10})\s+\d{1,5}\s+obj\b`)

// rebuild searches the file for objects, as for one whose tables are broken.
// The last object with a number wins, as it does in an updated file.
func (f *file) rebuild() {
	f.work(4 * len(f.data))
	f.where = map[int]place{}
	f.cache = map[int]object{}
	f.packed = map[int]map[int]object{}
	trailer := dict{}
	var packers []int
	for _, at := range objectStart.FindAllSubmatchIndex(f.data, -1) {
		number, _ := parseNumber(string(f.data[at[2]:at[3]]))
		id, ok := asID(number)
		if !ok {
			continue
		}
		f.where[id] = place{offset: at[2]}
		peek := f.data[at[2]:min(len(f.data), at[2]+300)]
		if bytes.Contains(peek, []byte("/ObjStm")) {
			packers = append(packers, id)
		}
		if bytes.Contains(peek, []byte("/XRef")) {
			l := lexer{f: f, buf: f.data, pos: at[2], refs: true}
			if _, value, ok := l.indirect(); ok {
				if s, ok := value.(*stream); ok {
					merge(trailer, s.dict)
				}
			}
		}
	}
	for _, packer := range slices.Compact(slices.Sorted(slices.Values(packers))) {
		for id := range f.unpack(packer) {
			if _, known := f.where[id]; !known {
				f.where[id] = place{packer: packer, packed: true}
			}
		}
	}
	for at := 0; ; {
		next := bytes.Index(f.data[at:], []byte("trailer"))
		if next < 0 {
			break
		}
		at += next + len("trailer")
		l := lexer{f: f, buf: f.data, pos: at, refs: true}
		d, _ := l.next(0).(dict)
		merge(trailer, d)
	}
	f.trailer = trailer
	if f.hasPages() {
		return
	}
	for _, id := range slices.Sorted(mapKeys(f.where)) {
		if d := f.dict(ref{id: id}); d["Type"] == name("Catalog") {
			f.trailer["Root"] = ref{id: id}
		}
	}
}

func mapKeys(m map[int]place) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for id := range m {
			if !yield(id) {
				return
			}
		}
	}
}

func merge(into, from dict) {
	for _, key := range []name{"Root", "Encrypt", "Info"} {
		if value, ok := from[key]; ok {
			into[key] = value
		}
	}
}

// resolve follows references to the object itself. What is missing, broken or
// refers to itself is nil.
func (f *file) resolve(o object) object {
	for range 32 {
		r, ok := o.(ref)
		if !ok {
			return o
		}
		o = f.object(r.id)
	}
	return nil
}

func (f *file) object(id int) object {
	if value, ok := f.cache[id]; ok {
		return value
	}
	p, ok := f.where[id]
	if !ok || f.busy[id] || len(f.busy) > maxDepth {
		return nil
	}
	f.busy[id] = true
	defer delete(f.busy, id)
	var value object
	if p.packed {
		value = f.unpack(p.packer)[id]
	} else if p.offset >= 0 && p.offset < len(f.data) {
		l := lexer{f: f, buf: f.data, pos: p.offset, refs: true}
		if found, o, ok := l.indirect(); ok && found.id == id {
			value = o
		}
	}
	f.cache[id] = value
	return value
}

// unpack returns the objects in the object stream with the given number.
func (f *file) unpack(packer int) map[int]object {
	if objects, ok := f.packed[packer]; ok {
		return objects
	}
	objects := map[int]object{}
	f.packed[packer] = objects
	if f.where[packer].packed {
		return objects
	}
	s, ok := f.object(packer).(*stream)
	if !ok {
		return objects
	}
	data := f.decode(s)
	count, ok1 := asID(f.number(s.dict["N"], -1))
	first, ok2 := asID(f.number(s.dict["First"], -1))
	if !ok1 || !ok2 || first > len(data) {
		return objects
	}
	index := lexer{f: f, buf: data[:first]}
	for i := 0; i < count && !index.atEnd(); i++ {
		id, ok1 := asID(asNumber(index.next(0), -1))
		offset, ok2 := asID(asNumber(index.next(0), -1))
		if !ok1 || !ok2 || first+offset >= len(data) {
			continue
		}
		body := lexer{f: f, buf: data, pos: first + offset, refs: true}
		value := body.next(0)
		if _, bad := value.(keyword); bad {
			value = nil
		}
		objects[id] = value
	}
	return objects
}

// dict returns o as a dictionary, that of a stream included, or nil.
func (f *file) dict(o object) dict {
	switch o := f.resolve(o).(type) {
	case dict:
		return o
	case *stream:
		return o.dict
	}
	return nil
}

func (f *file) array(o object) array {
	a, _ := f.resolve(o).(array)
	return a
}

func (f *file) number(o object, otherwise float64) float64 {
	return asNumber(f.resolve(o), otherwise)
}

func (f *file) name(o object) name {
	n, _ := f.resolve(o).(name)
	return n
}

func asNumber(o object, otherwise float64) float64 {
	if n, ok := o.(float64); ok {
		return n
	}
	return otherwise
}
