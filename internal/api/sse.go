package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
)

// sse writes an answer of server-sent events. The text that a handler has put together is sent by flush.
type sse struct {
	x    *exchange
	text []byte // nil while there is nothing to send: a stream that waits keeps no memory
}

// sseChunk is the most that is written under one deadline, so that a slow line is told from a reader who does not read.
const sseChunk = 32 * kib

var (
	headerSSE  = []string{"text/event-stream"}
	headerLive = []string{"no"}
)

func newSSE(x *exchange) *sse { return &sse{x: x} }

// head sends the headers alone.
func (s *sse) head() {
	h := s.x.header()
	h["Content-Type"] = headerSSE
	h["X-Accel-Buffering"] = headerLive // proxies pass on at once what they get
	s.x.status = http.StatusOK
	s.x.w.WriteHeader(http.StatusOK)
}

// begin sends the headers and tells clients when to come back after the end of a connection.
func (s *sse) begin() bool {
	s.head()
	s.grow("retry: 1000\n\n")
	return s.flush()
}

func (s *sse) grow(text string) { s.text = append(s.text, text...) }

// comment keeps the connection alive, and shows whether anybody is there.
func (s *sse) comment() { s.grow(":\n\n") }

// id tells the client where it is, without an event.
func (s *sse) id(place string) { s.grow("id: " + place + "\n\n") }

// reset says that what the client knows may be wrong, and where it is now.
func (s *sse) reset(place string) {
	if place == "" {
		place = "0"
	}
	s.grow("id: " + place + "\nevent: reset\ndata: {}\n\n")
}

// end says that there will be no more events.
func (s *sse) end(p *engine.StreamPage) {
	s.grow("event: end\ndata: ")
	s.text = append(appendEnd(s.text, p), '\n', '\n')
}

// flush sends the text. It returns false when the client has gone or does not read: the connection is then closed.
func (s *sse) flush() bool {
	if len(s.text) == 0 {
		return true
	}
	rest := s.text
	var err error
	for len(rest) > 0 && err == nil {
		n := min(len(rest), sseChunk)
		_ = s.x.control.SetWriteDeadline(time.Now().Add(s.x.api.cfg.StreamTimeout))
		if _, err = s.x.w.Write(rest[:n]); err == nil {
			err = s.x.control.Flush()
		}
		rest = rest[n:]
	}
	s.text = nil
	if err != nil {
		s.x.status, s.x.gone = statusClientGone, true
		return false
	}
	_ = s.x.control.SetWriteDeadline(time.Time{}) // a deadline that passes would end an idle stream
	return true
}

// oneLine makes JSON fit into one line of data: line breaks, which it can have only between its parts, become spaces.
func oneLine(text []byte) {
	for i, c := range text {
		if c == '\n' || c == '\r' {
			text[i] = ' '
		}
	}
}

// wantsPage reports whether the client asked for a page of JSON and not for a stream.
func wantsPage(r *http.Request) bool {
	page := false
	for _, line := range r.Header["Accept"] {
		line = strings.ToLower(line)
		if strings.Contains(line, "text/event-stream") {
			return false
		}
		page = page || strings.Contains(line, "application/json")
	}
	return page
}
