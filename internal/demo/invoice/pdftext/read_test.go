package pdftext

import (
	"bytes"
	"compress/lzw"
	"compress/zlib"
	"encoding/ascii85"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// build writes a PDF file whose objects have the numbers 1, 2, …; object 1 is the
// catalog.
func build(objects ...string) []byte {
	var out bytes.Buffer
	out.WriteString("%PDF-1.5\n")
	offsets := make([]int, len(objects))
	for i, body := range objects {
		offsets[i] = out.Len()
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&out, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return out.Bytes()
}

func streamObject(entries string, data []byte) string {
	return fmt.Sprintf("<<%s/Length %d>>\nstream\n%s\nendstream", entries, len(data), data)
}

// onePage builds a file with one page of the given content, whose font F is
// Helvetica unless fonts says otherwise. More objects begin with number 5.
func onePage(content string, more ...string) []byte {
	return build(append([]string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F<</Type/Font/Subtype/Type1/Encoding/WinAnsiEncoding>>/G 5 0 R>>/XObject<</X 6 0 R>>>>>>",
		content,
	}, more...)...)
}

func deflate(data string) []byte {
	var out bytes.Buffer
	encode(zlib.NewWriter(&out), data)
	return out.Bytes()
}

// encode writes data through w, whose writes to memory cannot fail.
func encode(w io.WriteCloser, data string) {
	_, err := io.WriteString(w, data)
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err)
	}
}

// shown returns the text of all glyphs in the order of drawing.
func shown(t *testing.T, data []byte) string {
	t.Helper()
	pages, err := Read(data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, page := range pages {
		for _, g := range page.Glyphs {
			out.WriteString(g.Text)
		}
	}
	return out.String()
}

const hello = "BT /F 12 Tf 10 700 Td (Hello) Tj ET"

func TestFilters(t *testing.T) {
	t.Parallel()
	var a85 bytes.Buffer
	encode(ascii85.NewEncoder(&a85), string(deflate(hello)))
	// Rows of eight bytes, each predicted from the one above it.
	padded := hello + strings.Repeat(" ", 8-len(hello)%8)
	var up bytes.Buffer
	above := make([]byte, 8)
	for row := range len(padded) / 8 {
		line := []byte(padded[8*row : 8*row+8])
		up.WriteByte(2)
		for i := range line {
			up.WriteByte(line[i] - above[i])
		}
		above = line
	}
	// The standard library writes LZW whose codes widen late, as EarlyChange 0.
	var late bytes.Buffer
	encode(lzw.NewWriter(&late, lzw.MSB, 8), hello)
	tests := map[string]string{
		"none":         streamObject("", []byte(hello)),
		"flate":        streamObject("/Filter/FlateDecode", deflate(hello)),
		"flate, cut":   streamObject("/Filter/FlateDecode", deflate(hello + strings.Repeat(" ", 900))[:60]),
		"hex":          streamObject("/Filter/ASCIIHexDecode", []byte(hex.EncodeToString([]byte(hello))+">")),
		"85 and flate": streamObject("/Filter[/ASCII85Decode/FlateDecode]", append(a85.Bytes(), "~>"...)),
		"predictor":    streamObject("/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 8>>", deflate(up.String())),
		"lzw":          streamObject("/Filter/LZWDecode/DecodeParms<</EarlyChange 0>>", late.Bytes()),
		"wrong length": strings.Replace(streamObject("", []byte(hello)), "/Length", "/Length 3/Other", 1),
	}
	for name, content := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := shown(t, onePage(content)); got != "Hello" {
				t.Errorf("shown %q", got)
			}
		})
	}
}

func TestFontsAndOperators(t *testing.T) {
	t.Parallel()
	font := "<</Type/Font/Subtype/Type0/Encoding/Identity-H/ToUnicode 7 0 R/DescendantFonts[<</DW 500/W[1[600 700]]>>]>>"
	toUnicode := streamObject("", []byte("1 begincodespacerange <0000> <ffff> endcodespacerange "+
		"2 beginbfchar <0001> <0041> <0002> <00660066> endbfchar 2 beginbfrange <0010> <0012> <0061> <0020> <0021> [<0078> <0079>] endbfrange"))
	form := streamObject("/Subtype/Form/Matrix[1 0 0 1 100 0]", []byte("BT /F 10 Tf (form) Tj ET"))
	tests := map[string]struct{ content, want string }{
		"composite":        {"BT /G 10 Tf <000100020010001200200021> Tj ET", "Affacxy"},
		"form":             {"/X Do", "form"},
		"array":            {"BT /F 10 Tf [(a) -200 (b)] TJ ET", "ab"},
		"quotes":           {"BT /F 10 Tf 12 TL (a) ' 1 2 (b) \" ET", "ab"},
		"escapes":          {`BT /F 10 Tf (\(\101\344\)\\) Tj ET`, `(Aä)\`},
		"actual text":      {"BT /F 10 Tf /Span<</ActualText<feff20ac>>>BDC (EUR) Tj EMC (!) Tj ET", "€!"},
		"inline image":     {"BI /W 1 /H 1 ID (EIx) EI BT /F 10 Tf (a) Tj ET", "a"},
		"sideways ignored": {"BT /F 10 Tf (level) Tj 0 1 -1 0 50 50 Tm (up) Tj ET", "level"},
		"no font":          {"BT (a) Tj ET", ""},
		"unbalanced":       {"Q Q ] >> BT /F 10 Tf (a) Tj", "a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := shown(t, onePage(streamObject("", []byte(test.content)), font, form, toUnicode)); got != test.want {
				t.Errorf("shown %q, want %q", got, test.want)
			}
		})
	}
}

func TestPositions(t *testing.T) {
	font := "<</Type/Font/Subtype/Type1/Encoding<</BaseEncoding/WinAnsiEncoding/Differences[97/a/fi/Euro]>>/FirstChar 97/Widths[500 600 700]>>"
	content := "q 2 0 0 2 0 0 cm BT /G 10 Tf 10 20 Td 1 Tc (ab) Tj [-1000 (c)] TJ ET Q"
	pages, err := Read(onePage(streamObject("", []byte(content)), font), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := []Page{{Glyphs: []Glyph{
		{Text: "a", X: 20, Y: 40, W: 10, Size: 20},
		{Text: "fi", X: 32, Y: 40, W: 12, Size: 20},
		{Text: "€", X: 66, Y: 40, W: 14, Size: 20},
	}}}
	if diff := cmp.Diff(want, pages); diff != "" {
		t.Errorf("glyphs (-want +got):\n%s", diff)
	}
}

// TestTurnedPage reads a page whose text all runs upwards, as on a page that is
// to be turned for reading.
func TestTurnedPage(t *testing.T) {
	content := "BT /F 10 Tf 0 1 -1 0 100 50 Tm (ab) Tj ET"
	pages, err := Read(onePage(streamObject("", []byte(content))), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	g := pages[0].Glyphs
	if len(g) != 2 || g[0].Text != "a" || g[1].X <= g[0].X || g[0].Y != g[1].Y {
		t.Errorf("glyphs of the turned page: %+v", g)
	}
}

// TestObjectStreams reads a file whose objects are packed and whose
// cross-references are a stream, as most files are today.
func TestObjectStreams(t *testing.T) {
	bodies := []string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Contents 5 0 R/Resources<</Font<</F<</Subtype/Type1>>>>>>>>",
	}
	index, packed := "", ""
	for i, body := range bodies {
		index += fmt.Sprintf("%d %d ", i+1, len(packed))
		packed += body + " "
	}
	var out bytes.Buffer
	out.WriteString("%PDF-1.5\n")
	at4 := out.Len()
	fmt.Fprintf(&out, "4 0 obj\n%s\nendobj\n", streamObject(fmt.Sprintf("/Type/ObjStm/N 3/First %d/Filter/FlateDecode", len(index)), deflate(index+packed)))
	at5 := out.Len()
	fmt.Fprintf(&out, "5 0 obj\n%s\nendobj\n", streamObject("", []byte(hello)))
	at6 := out.Len()
	var table bytes.Buffer
	for _, e := range [][3]int{{0, 0, 0}, {2, 4, 0}, {2, 4, 1}, {2, 4, 2}, {1, at4, 0}, {1, at5, 0}, {1, at6, 0}} {
		table.Write([]byte{byte(e[0]), byte(e[1] >> 8), byte(e[1]), byte(e[2])})
	}
	fmt.Fprintf(&out, "6 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF", streamObject("/Type/XRef/W[1 2 1]/Size 7/Root 1 0 R/Filter/FlateDecode", deflate(table.String())), at6)
	if got := shown(t, out.Bytes()); got != "Hello" {
		t.Errorf("shown %q", got)
	}
	// Without the way to the table, the objects are found by searching.
	if got := shown(t, bytes.Replace(out.Bytes(), []byte("startxref"), []byte("---------"), 1)); got != "Hello" {
		t.Errorf("shown %q after repair", got)
	}
}

// TestHostile reads files made to exhaust time, memory or stack. Each must end,
// with text or with a typed error.
func TestHostile(t *testing.T) {
	limits := Limits{Expanded: 16 << 20, Work: 32 << 20}
	bomb := deflate(strings.Repeat("\x00", 40<<20))
	page := streamObject("", []byte(hello))
	deep := strings.Repeat("[", 1<<20)
	tests := map[string]struct {
		data []byte
		want error // nil when it may be read
	}{
		"previous table is itself": {[]byte("%PDF-1.4\nxref\n0 0\ntrailer<</Prev 9/Root 1 0 R>>\nstartxref\n9\n%%EOF"), ErrCorrupt},
		"kids are their parents":   {build("<</Pages 2 0 R>>", "<</Kids[2 0 R 2 0 R]>>"), ErrCorrupt},
		"object is itself":         {build("<</Pages 2 0 R>>", "2 0 R"), ErrCorrupt},
		"length is itself":         {onePage("<</Length 4 0 R>>stream\n" + hello + "\nendstream"), nil},
		"deep nesting":             {build("<</Pages 2 0 R>>", deep), ErrCorrupt},
		"deep nesting in content":  {onePage(streamObject("", []byte(deep))), ErrCorrupt},
		"deep dictionaries":        {build("<</Pages 2 0 R>>", strings.Repeat("<</A", 1<<18)), ErrCorrupt},
		"bomb":                     {onePage(streamObject("/Filter/FlateDecode", bomb)), ErrTooLarge},
		"bomb in a bomb":           {onePage(streamObject("/Filter[/FlateDecode/FlateDecode]", deflate(string(bomb)))), ErrTooLarge},
		"form draws itself":        {onePage(streamObject("", []byte("/X Do")), "null", streamObject("/Subtype/Form", []byte(strings.Repeat("/X Do ", 40)))), ErrTooLarge},
		"form in forms":            {onePage(streamObject("", []byte("/X Do "+hello)), "null", streamObject("/Subtype/Form", []byte("/X Do"))), nil},
		"many glyphs":              {onePage(streamObject("/Filter/FlateDecode", deflate("BT /F 1 Tf ("+strings.Repeat("a", 2<<20)+") Tj"))), ErrTooLarge},
		"long ActualText": {onePage(streamObject("/Filter/FlateDecode", deflate("BT /F 1 Tf "+
			strings.Repeat("/S<</ActualText("+strings.Repeat("a", 4096)+")>>BDC (a) Tj EMC ", 8000)))), ErrTooLarge},
		"xref claims much":    {[]byte("%PDF-1.4\nxref\n0 2147483647\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF"), ErrCorrupt},
		"xref stream claims":  {[]byte("%PDF-1.5\n1 0 obj<</Type/XRef/W[0 0 0]/Index[0 2147483647]/Size 9>>stream\nendstream\nstartxref\n9\n"), ErrCorrupt},
		"huge widths":         {onePage(page, "<</Subtype/Type0/DescendantFonts[<</W[0 2147483647 5]>>]>>"), nil},
		"huge predictor":      {onePage(streamObject("/Filter/FlateDecode/DecodeParms<</Predictor 15/Colors 32/BitsPerComponent 32/Columns 1048576>>", deflate("\x02abc"))), nil},
		"streams without end": {[]byte("%PDF-1.4\n" + strings.Repeat("1 0 obj<<>>stream\n", 1<<19)), ErrTooLarge},
		"infinite numbers":    {onePage(streamObject("", []byte("BT /F 99999999999999999999999999999 Tf 99999999999999999999999999999 0 0 9999999999999999999999 0 0 Tm (a) Tj ET"))), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Read(test.data, limits); !errors.Is(err, test.want) {
				t.Errorf("error = %v, want %v", err, test.want)
			}
		})
	}
}

func TestEncodings(t *testing.T) {
	for _, test := range []struct {
		e    *byteEncoding
		code int
		want rune
	}{
		{&winAnsiEncoding, 0x80, '€'},
		{&winAnsiEncoding, 0x9f, 'Ÿ'},
		{&winAnsiEncoding, 0xfc, 'ü'},
		{&macRomanEncoding, 0x80, 'Ä'},
		{&macRomanEncoding, 0xdb, '€'},
		{&macRomanEncoding, 0xff, 'ˇ'},
		{&standardEncoding, 0xae, 'ﬁ'},
		{&standardEncoding, 0xd0, '—'},
		{&standardEncoding, 0xfb, 'ß'},
		{&standardEncoding, 0x27, '’'},
	} {
		if got := test.e[test.code]; got != test.want {
			t.Errorf("code %#x is %q, want %q", test.code, got, test.want)
		}
	}
	for glyph, want := range map[string]string{
		"A": "A", "adieresis": "a\u0308", "Euro": "€", "f_f_i": "ffi", "uni20AC": "€", "u1F600": "😀",
		"one.oldstyle": "1", "comma": ",", "colon": ":", "g123": "", "uniD800": "", "": "",
	} {
		if got := glyphText(glyph); got != want {
			t.Errorf("glyph %q is %q, want %q", glyph, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(onePage(streamObject("", []byte(hello))))
	f.Add(onePage(streamObject("", []byte("/X Do BI ID EI BT /G 9 Tf <0001> Tj ET")),
		"<</Type/Font/Subtype/Type0/DescendantFonts[<</W[1[600 700] 4 9 2]>>]/ToUnicode 7 0 R>>",
		streamObject("/Subtype/Form", []byte(hello)),
		streamObject("", []byte("<0001> <0041> endbfchar <0010> <0012> <0061> endbfrange"))))
	f.Add([]byte("%PDF-1.5\n1 0 obj<</Type/XRef/W[1 2 1]/Size 3/Root 1 0 R>>stream\nabcdefgh\nendstream\nstartxref\n9\n"))
	f.Add(build("<</Pages 2 0 R>>", "<</Kids[<</Type/Page>>]>>"))
	limits := Limits{Bytes: 1 << 20, Pages: 20, Expanded: 1 << 20, Glyphs: 10_000, Work: 1 << 22}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := Read(data, limits)
		if err == nil {
			return
		}
		for _, known := range []error{ErrNotPDF, ErrEncrypted, ErrCorrupt, ErrTooLarge} {
			if errors.Is(err, known) {
				if strings.Contains(err.Error(), "runtime error") {
					t.Fatalf("a panic was caught: %v", err)
				}
				return
			}
		}
		t.Fatalf("untyped error: %v", err)
	})
}
