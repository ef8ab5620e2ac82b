package pdftext

import (
	"bytes"
	"compress/zlib"
	"encoding/ascii85"
	"io"
)

// maxFilters bounds the filters stacked on one stream.
const maxFilters = 8

// decode returns the data of s with all filters undone. Data that breaks off is
// returned as far as it goes; data of an unknown or image filter is empty.
func (f *file) decode(s *stream) []byte {
	if s.decoded {
		return s.data
	}
	s.decoded = true
	filters := f.list(s.dict["Filter"])
	params := f.list(s.dict["DecodeParms"])
	data := s.raw
	if len(filters) > maxFilters {
		return nil
	}
	for i, filter := range filters {
		var param dict
		if i < len(params) {
			param = f.dict(params[i])
		}
		switch f.name(filter) {
		case "FlateDecode", "Fl":
			data = f.predict(f.inflate(data), param)
		case "LZWDecode", "LZW":
			early := f.number(param["EarlyChange"], 1) != 0
			data = f.predict(f.unlzw(data, early), param)
		case "ASCII85Decode", "A85":
			data = f.unascii85(data)
		case "ASCIIHexDecode", "AHx":
			l := lexer{f: f, buf: append([]byte{'<'}, data...)}
			data = []byte(l.hex())
		default:
			return nil
		}
	}
	s.data = data
	return data
}

// list returns o as an array: itself, or the one element that it is.
func (f *file) list(o object) array {
	switch o := f.resolve(o).(type) {
	case nil:
		return nil
	case array:
		return o
	default:
		return array{o}
	}
}

func (f *file) inflate(data []byte) []byte {
	reader, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	return f.readAll(reader)
}

// readAll reads what it can, paying for each piece before it grows.
func (f *file) readAll(r io.Reader) []byte {
	var out bytes.Buffer
	piece := make([]byte, 16<<10)
	for {
		n, err := r.Read(piece)
		f.expand(n)
		f.work(n)
		out.Write(piece[:n])
		if err != nil {
			return out.Bytes()
		}
	}
}

func (f *file) unascii85(data []byte) []byte {
	if end := bytes.Index(data, []byte("~>")); end >= 0 {
		data = data[:end]
	}
	return f.readAll(ascii85.NewDecoder(bytes.NewReader(data)))
}

// unlzw decodes the variable-width LZW of PDF, which unlike the standard
// library's may widen its codes one entry early.
func (f *file) unlzw(data []byte, early bool) []byte {
	const clear, end, top = 256, 257, 4096
	type entry struct {
		prefix int
		last   byte
		length int
	}
	table := make([]entry, 258, top)
	for i := range 256 {
		table[i] = entry{prefix: -1, last: byte(i), length: 1}
	}
	var out []byte
	bits, have, width, previous := 0, 0, 9, -1
	ahead := 0
	if early {
		ahead = 1
	}
	for _, c := range data {
		bits = bits<<8 | int(c)
		have += 8
		if have < width {
			continue
		}
		have -= width
		code := bits >> have
		bits &= 1<<have - 1
		switch {
		case code == end:
			return out
		case code == clear:
			table, width, previous = table[:258], 9, -1
			continue
		case code > len(table) || previous < 0 && code >= clear || code == len(table) && previous < 0:
			return out
		}
		whole := code
		if code == len(table) {
			whole = previous
		}
		length := table[whole].length
		f.expand(length + 1)
		f.work(length)
		at := len(out)
		out = append(out, make([]byte, length)...)
		for i, step := length-1, whole; i >= 0; i-- {
			out[at+i] = table[step].last
			step = table[step].prefix
		}
		first := out[at]
		if code == len(table) {
			out = append(out, first)
		}
		if previous >= 0 && len(table) < top {
			table = append(table, entry{previous, first, table[previous].length + 1})
		}
		previous = code
		for width < 12 && len(table)+ahead >= 1<<width {
			width++
		}
	}
	return out
}

// predict undoes the PNG or TIFF prediction that param describes.
func (f *file) predict(data []byte, param dict) []byte {
	predictor := f.number(param["Predictor"], 1)
	if predictor < 2 {
		return data
	}
	colors := f.number(param["Colors"], 1)
	bits := f.number(param["BitsPerComponent"], 8)
	columns := f.number(param["Columns"], 1)
	if !(colors >= 1 && colors <= 32 && bits >= 1 && bits <= 32 && columns >= 1 && columns <= 1<<20) {
		return nil
	}
	pixel := max(1, int(colors*bits)/8)
	row := min((int(colors*bits*columns)+7)/8, len(data))
	if row == 0 {
		return nil
	}
	if predictor == 2 {
		if bits != 8 {
			return data
		}
		out := bytes.Clone(data)
		for at := 0; at < len(out); at += row {
			line := out[at:min(len(out), at+row)]
			for i := pixel; i < len(line); i++ {
				line[i] += line[i-pixel]
			}
		}
		return out
	}
	f.work(len(data))
	out := make([]byte, 0, len(data))
	above := make([]byte, row)
	for len(data) > 1 {
		kind := data[0]
		line := make([]byte, row)
		n := copy(line, data[1:])
		data = data[1+n:]
		for i := range line[:n] {
			var left, corner byte
			if i >= pixel {
				left, corner = line[i-pixel], above[i-pixel]
			}
			switch kind {
			case 1:
				line[i] += left
			case 2:
				line[i] += above[i]
			case 3:
				line[i] += byte((int(left) + int(above[i])) / 2)
			case 4:
				line[i] += paeth(left, above[i], corner)
			}
		}
		out = append(out, line[:n]...)
		above = line
	}
	return out
}

func paeth(left, above, corner byte) byte {
	estimate := int(left) + int(above) - int(corner)
	distance := func(b byte) int {
		d := estimate - int(b)
		if d < 0 {
			return -d
		}
		return d
	}
	switch l, a, c := distance(left), distance(above), distance(corner); {
	case l <= a && l <= c:
		return left
	case a <= c:
		return above
	default:
		return corner
	}
}
