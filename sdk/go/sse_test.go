package sojourn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// readEvents reads a stream to its end.
func readEvents(r io.Reader) (list []string, in *eventReader, err error) {
	in = newEventReader(r)
	for {
		e, err := in.next(func() {})
		if err != nil {
			return list, in, err
		}
		list = append(list, fmt.Sprintf("%s|%s|%s", in.id, e.name, e.data))
	}
}

func TestEventReader(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want string
		id   string
	}{
		"a plain one":                 {"id: 1\nevent: created\ndata: {}\n\n", "1|created|{}", "1"},
		"without spaces":              {"id:1\nevent:created\ndata:{}\n\n", "1|created|{}", "1"},
		"one space is taken":          {"data:  x\n\n", "|| x", ""},
		"comments and heartbeats":     {":\n\n: hello\ndata: x\n:\n\n:\n\n", "||x", ""},
		"several lines of data":       {"data: a\ndata\ndata: b\n\n", "||a\n\nb", ""},
		"the id stays":                {"id: 1\ndata: a\n\ndata: b\n\n", "1||a 1||b", "1"},
		"an id alone":                 {"id: 7\n\ndata: a\n\n", "7||a", "7"},
		"an id is counted at the end": {"data: a\n\nid: 2\ndata: b\n", "||a", ""},
		"an id with NUL":              {"id: 1\n\nid: 2\x003\ndata: a\n\n", "1||a", "1"},
		"an event without data":       {"event: x\n\ndata: a\n\n", "||a", ""},
		"CR LF":                       {"id: 1\r\ndata: a\r\n\r\ndata: b\r\n\r\n", "1||a 1||b", "1"},
		"CR":                          {"id: 1\rdata: a\r\rdata: b\r\r", "1||a 1||b", "1"},
		"a mark at the beginning":     {"\ufeffdata: a\n\n", "||a", ""},
		"unknown fields":              {"x: y\nretry: soon\nretry: 50\ndata\n\n", "||", ""},
		"nothing":                     {"", "", ""},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text))} {
			list, in, err := readEvents(r)
			if got := strings.Join(list, " "); got != c.want || in.id != c.id || !errors.Is(err, io.EOF) {
				t.Errorf("%s: got %q with id %q and %v, want %q with id %q", name, got, in.id, err, c.want, c.id)
			}
		}
	}
	if _, in, _ := readEvents(strings.NewReader("retry: 250\n\n")); in.retry != 250*time.Millisecond {
		t.Errorf("retry after %s", in.retry)
	}
	if _, _, err := readEvents(io.MultiReader(strings.NewReader("data: "), endless{})); !errors.Is(err, errEventTooLarge) {
		t.Errorf("a line without end: %v", err)
	}
	line := append(bytes.Repeat([]byte("data: "), 200_000), '\n')
	if _, _, err := readEvents(bytes.NewReader(bytes.Repeat(line, 20))); !errors.Is(err, errEventTooLarge) {
		t.Errorf("lines without end: %v", err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// However a stream is cut into reads, it has the same events; and what was written is read.
func FuzzEventReader(f *testing.F) {
	f.Add("id: 1\nevent: created\ndata: {}\n\n:\n\ndata: x\r\n\r\n\rdata\r\r", "1", "a", "b")
	f.Add("\ufeff: x\n\nretry: 5\n", "", "", "")
	f.Fuzz(func(t *testing.T, text, id, name, data string) {
		whole, a, errA := readEvents(strings.NewReader(text))
		bits, b, errB := readEvents(iotest.HalfReader(iotest.OneByteReader(strings.NewReader(text))))
		if strings.Join(whole, "\x00") != strings.Join(bits, "\x00") || a.id != b.id || a.retry != b.retry || (errA == nil) != (errB == nil) {
			t.Fatalf("%q: %q and %q", text, whole, bits)
		}
		plain := func(s string) string { return strings.NewReplacer("\n", "", "\r", "", "\x00", "").Replace(s) }
		id, name, data = plain(id), plain(name), plain(data)
		again, _, _ := readEvents(strings.NewReader("id: " + id + "\nevent: " + name + "\ndata: " + data + "\n\n"))
		if want := id + "|" + name + "|" + data; len(again) != 1 || again[0] != want {
			t.Fatalf("%q came back as %q", want, again)
		}
	})
}
