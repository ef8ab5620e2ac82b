package pdftext

import (
	"slices"
	"sort"
	"unicode/utf16"
)

// maxCMapEntries bounds what one CMap may define.
const maxCMapEntries = 200_000

// A cmap maps character codes to text (a ToUnicode CMap) or to glyph numbers
// (the encoding of a composite font).
type cmap struct {
	// lengths has bit n set when some codes are n bytes long.
	lengths int
	chars   map[uint32]string
	ranges  []cmapRange
	cids    []cmapRange
}

type cmapRange struct {
	low, high uint32
	// text is what low stands for; the last unit counts up from there.
	text []uint16
	// each, when set, names the text of every code in turn.
	each []string
	cid  int
}

// parseCMap reads the operators of a CMap stream that define codes.
func (f *file) parseCMap(data []byte) *cmap {
	m := &cmap{chars: map[uint32]string{}}
	l := lexer{f: f, buf: data}
	var args []object
	entries := 0
	for !l.atEnd() {
		o := l.next(0)
		word, ok := o.(keyword)
		if !ok {
			if len(args) < 4*maxCMapEntries {
				args = append(args, o)
			}
			continue
		}
		step := 3
		switch word {
		case "endcodespacerange":
			step = 2
			for ; len(args) >= step; args = args[step:] {
				if low, ok := args[0].(text); ok && len(low) >= 1 && len(low) <= 4 {
					m.lengths |= 1 << len(low)
				}
			}
		case "endbfchar":
			step = 2
			for ; len(args) >= step; args = args[step:] {
				from, ok1 := code(args[0])
				to, ok2 := args[1].(text)
				if ok1 && ok2 {
					m.chars[from] = utf16Text(string(to))
					entries++
				}
			}
		case "endbfrange":
			for ; len(args) >= step; args = args[step:] {
				m.addRange(args[0], args[1], args[2])
				entries++
			}
		case "endcidrange":
			for ; len(args) >= step; args = args[step:] {
				low, ok1 := code(args[0])
				high, ok2 := code(args[1])
				cid, ok3 := asID(asNumber(args[2], -1))
				if ok1 && ok2 && ok3 {
					m.cids = append(m.cids, cmapRange{low: low, high: high, cid: cid})
					entries++
				}
			}
		case "endcidchar":
			step = 2
			for ; len(args) >= step; args = args[step:] {
				from, ok1 := code(args[0])
				cid, ok2 := asID(asNumber(args[1], -1))
				if ok1 && ok2 {
					m.cids = append(m.cids, cmapRange{low: from, high: from, cid: cid})
					entries++
				}
			}
		}
		args = args[:0]
		if entries > maxCMapEntries {
			f.stop(ErrTooLarge, "a font maps more than %d characters", maxCMapEntries)
		}
	}
	byLow := func(a, b cmapRange) int {
		switch {
		case a.low < b.low:
			return -1
		case a.low > b.low:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(m.ranges, byLow)
	slices.SortStableFunc(m.cids, byLow)
	return m
}

func (m *cmap) addRange(from, to, target object) {
	low, ok1 := code(from)
	high, ok2 := code(to)
	if !ok1 || !ok2 || high < low {
		return
	}
	r := cmapRange{low: low, high: high}
	switch target := target.(type) {
	case text:
		r.text = utf16Units(string(target))
		if len(r.text) == 0 {
			return
		}
	case array:
		for _, item := range target {
			s, _ := item.(text)
			r.each = append(r.each, utf16Text(string(s)))
		}
	default:
		return
	}
	m.ranges = append(m.ranges, r)
}

// code returns a code of one to four bytes as a number. Codes of different
// lengths with the same number do not occur together in practice.
func code(o object) (uint32, bool) {
	s, ok := o.(text)
	if !ok || len(s) == 0 || len(s) > 4 {
		return 0, false
	}
	var n uint32
	for i := range len(s) {
		n = n<<8 | uint32(s[i])
	}
	return n, true
}

func find(ranges []cmapRange, c uint32) (cmapRange, bool) {
	i := sort.Search(len(ranges), func(i int) bool { return ranges[i].low > c }) - 1
	if i < 0 || c > ranges[i].high {
		return cmapRange{}, false
	}
	return ranges[i], true
}

// text returns what c stands for.
func (m *cmap) text(c uint32) (string, bool) {
	if s, ok := m.chars[c]; ok {
		return s, true
	}
	r, ok := find(m.ranges, c)
	if !ok {
		return "", false
	}
	offset := c - r.low
	if r.each != nil {
		if int(offset) < len(r.each) {
			return r.each[offset], true
		}
		return "", false
	}
	units := slices.Clone(r.text)
	units[len(units)-1] += uint16(offset)
	return string(utf16.Decode(units)), true
}

// cid returns the number of the glyph that c selects.
func (m *cmap) cid(c uint32) int {
	r, ok := find(m.cids, c)
	if !ok {
		return 0
	}
	return r.cid + int(c-r.low)
}

func utf16Units(s string) []uint16 {
	units := make([]uint16, 0, len(s)/2)
	if len(s) == 1 {
		return []uint16{uint16(s[0])}
	}
	for i := 0; i+1 < len(s); i += 2 {
		units = append(units, uint16(s[i])<<8|uint16(s[i+1]))
	}
	return units
}

func utf16Text(s string) string { return string(utf16.Decode(utf16Units(s))) }
