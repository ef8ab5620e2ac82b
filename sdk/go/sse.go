package sojourn

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"
)

// maxEvent bounds one event of a stream.
const maxEvent = 16 << 20

var errEventTooLarge = errors.New("an event of the stream is too large")

// eventReader reads a stream of server-sent events.
type eventReader struct {
	r     *bufio.Reader
	id    string        // of the latest event that is complete, or a later one without an event
	heard string        // the id of what is under way
	retry time.Duration // when to come back, as far as the server said
	begun bool
	cr    bool        // the last line ended in CR
	event streamEvent // under way
}

// streamEvent is one event of a stream; its data is valid until the next one is read.
type streamEvent struct {
	name string
	data []byte
}

func newEventReader(r io.Reader) *eventReader { return &eventReader{r: bufio.NewReader(r)} }

// next reads up to and including the next event. moved is called after every line before that.
func (r *eventReader) next(moved func()) (*streamEvent, error) {
	r.event.name, r.event.data = "", r.event.data[:0]
	lines := false
	r.heard = r.id
	for ; ; moved() {
		line, err := r.line()
		if err != nil {
			return nil, err // what has begun is not an event
		}
		if len(line) == 0 {
			r.id = r.heard
			if lines {
				r.event.data = bytes.TrimSuffix(r.event.data, []byte{'\n'})
				return &r.event, nil
			}
			r.event.name = ""
			continue
		}
		field, value, _ := bytes.Cut(line, []byte{':'})
		value = bytes.TrimPrefix(value, []byte{' '})
		switch string(field) {
		case "event":
			r.event.name = string(value)
		case "data":
			lines = true
			if r.event.data = append(append(r.event.data, value...), '\n'); len(r.event.data) > maxEvent {
				return nil, errEventTooLarge
			}
		case "id":
			if bytes.IndexByte(value, 0) < 0 {
				r.heard = string(value)
			}
		case "retry":
			if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
				r.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
}

// line reads one line without its end, which is LF, CR LF or CR.
func (r *eventReader) line() ([]byte, error) {
	var line []byte
	for {
		c, err := r.r.ReadByte()
		if err != nil {
			return nil, err
		}
		second := r.cr && c == '\n'
		r.cr = c == '\r'
		switch {
		case second: // of a CR LF, whose line was read already: a stream may pause between the two
		case c == '\n' || c == '\r':
			if !r.begun {
				r.begun = true
				line = bytes.TrimPrefix(line, []byte("\ufeff"))
			}
			return line, nil
		default:
			if line = append(line, c); len(line) > maxEvent {
				return nil, errEventTooLarge
			}
		}
	}
}
