// Package pdftext reads the positioned text of a PDF file that may be hostile.
//
// It understands what document producers write today: classic and stream
// cross-references, object streams, Flate, LZW, ASCII85 and ASCIIHex data with
// PNG and TIFF predictors, simple and composite fonts, ToUnicode and embedded
// CMaps, form XObjects and ActualText. It does not decrypt, draw or validate.
//
// Every loop is paid for from a budget ([Limits]) and every recursion has a
// depth, so a file made to exhaust memory, stack or time gets an error instead.
package pdftext

import (
	"bytes"
	"errors"
	"fmt"
)

// The reasons for which [Read] refuses a file. Test for them with errors.Is.
var (
	// ErrNotPDF means that the data has no PDF header.
	ErrNotPDF = errors.New("not a PDF file")
	// ErrEncrypted means that the file is protected; no password is tried.
	ErrEncrypted = errors.New("the PDF file is encrypted")
	// ErrCorrupt means that no page can be found in the file.
	ErrCorrupt = errors.New("the PDF file is damaged")
	// ErrTooLarge means that reading the file would pass one of the [Limits].
	ErrTooLarge = errors.New("the PDF file is too large")
)

// Limits bound what one call of [Read] may use. A zero field means its default.
type Limits struct {
	// Bytes is the largest file accepted. Default 32 MiB.
	Bytes int
	// Pages is the largest number of pages accepted. Default 500.
	Pages int
	// Expanded bounds the bytes that all streams together decompress to.
	// Default 128 MiB.
	Expanded int
	// Glyphs bounds the characters shown on all pages together. Default 1,000,000.
	Glyphs int
	// Work bounds everything else that is counted: bytes scanned, objects parsed,
	// operators run. Default 256 Mi units, a few seconds of one core at most.
	Work int
}

func (l Limits) withDefaults() Limits {
	set := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	set(&l.Bytes, 32<<20)
	set(&l.Pages, 500)
	set(&l.Expanded, 128<<20)
	set(&l.Glyphs, 1_000_000)
	set(&l.Work, 256<<20)
	return l
}

// A Page holds the glyphs of one page in the order in which they were drawn.
type Page struct {
	Glyphs []Glyph
}

// A Glyph is one drawn character, or the few characters that one drawn shape
// stands for (a ligature). Lengths are points; the page is turned so that most
// of its text reads left to right, and glyphs that read otherwise are left out.
type Glyph struct {
	Text string
	// X is the left edge and W the advance width.
	X, W float64
	// Y is the baseline; it grows upwards.
	Y float64
	// Size is the height of the font.
	Size float64
}

// Read returns the pages of the PDF file in data, in order. Its error wraps one
// of the Err values of this package.
func Read(data []byte, limits Limits) (pages []Page, err error) {
	limits = limits.withDefaults()
	if len(data) > limits.Bytes {
		return nil, fmt.Errorf("%w: it has %d bytes, the limit is %d", ErrTooLarge, len(data), limits.Bytes)
	}
	head := data[:min(len(data), 1024)]
	start := bytes.Index(head, []byte("%PDF-"))
	if start < 0 {
		return nil, fmt.Errorf("%w: it does not begin with %%PDF-", ErrNotPDF)
	}
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case bail:
			pages, err = nil, reason.err
		default:
			// A bug of this package on damaged input must not take the caller down.
			pages, err = nil, fmt.Errorf("%w: %v", ErrCorrupt, reason)
		}
	}()
	f := newFile(data[start:], limits)
	f.open()
	return f.pages(), nil
}

// bail carries an error out of the depth of a parser to [Read].
type bail struct{ err error }

func (f *file) stop(kind error, format string, args ...any) {
	panic(bail{fmt.Errorf("%w: %s", kind, fmt.Sprintf(format, args...))})
}

// work takes n units from the work budget.
func (f *file) work(n int) {
	if n < 0 {
		n = 0
	}
	f.left.Work -= n + 1
	if f.left.Work < 0 {
		f.stop(ErrTooLarge, "reading it takes more work than allowed")
	}
}

// expand takes n bytes from the decompression budget.
func (f *file) expand(n int) {
	f.left.Expanded -= n
	if f.left.Expanded < 0 {
		f.stop(ErrTooLarge, "its streams expand to more than %d bytes", f.limits.Expanded)
	}
}
