package proxy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"regexp"
)

var errMessage = errors.New("proxy: not a message of the protocol")

// reader reads what is passed on as one. more says that the next one is there already.
type reader interface {
	next() (message []byte, more bool, err error)
}

// framed reads messages.
type framed struct {
	r *bufio.Reader
}

func (f *framed) next() ([]byte, bool, error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(f.r, head); err != nil {
		return nil, false, err
	}
	n := int(binary.BigEndian.Uint32(head[1:]))
	if n < 4 || n > mostMessage {
		return nil, false, errMessage
	}
	message := append(head, make([]byte, n-4)...)
	_, err := io.ReadFull(f.r, message[5:])
	return message, f.r.Buffered() > 0, err
}

// chunks reads what cannot be understood.
type chunks struct{ r *bufio.Reader }

func (c chunks) next() ([]byte, bool, error) {
	buf := make([]byte, 32<<10)
	n, err := c.r.Read(buf)
	if n > 0 {
		err = nil
	}
	return buf[:n], c.r.Buffered() > 0, err
}

// watcher says at which places a message is.
type watcher interface {
	places(message []byte) []Place
}

// commit matches the text of a COMMIT, also as the last of several statements.
var commit = regexp.MustCompile(`(?is)(^|;)\s*(commit|end)(\s+(work|transaction))?\s*;?\s*$`)

// frontend follows the program's messages: which prepared statements and portals are a COMMIT.
type frontend struct {
	statements, portals map[string]bool
}

func (f *frontend) places(m []byte) []Place {
	list := []Place{MidRequest}
	body := m[5:]
	switch m[0] {
	case 'Q':
		if text, _ := cut0(body); commit.MatchString(text) {
			list = append(list, BeforeCommit)
		}
	case 'P':
		name, rest := cut0(body)
		text, _ := cut0(rest)
		if f.statements == nil {
			f.statements = map[string]bool{}
		}
		f.statements[name] = commit.MatchString(text)
	case 'B':
		portal, rest := cut0(body)
		name, _ := cut0(rest)
		if f.portals == nil {
			f.portals = map[string]bool{}
		}
		f.portals[portal] = f.statements[name]
	case 'E':
		if portal, _ := cut0(body); f.portals[portal] {
			list = append(list, BeforeCommit)
		}
	}
	return list
}

// backend looks for the answer to a COMMIT.
type backend struct{}

func (backend) places(m []byte) []Place {
	if m[0] == 'C' && bytes.Equal(m[5:], []byte("COMMIT\x00")) {
		return []Place{MidAnswer, AfterCommit}
	}
	return []Place{MidAnswer}
}

// cut0 takes a text that ends with a zero byte.
func cut0(b []byte) (text string, rest []byte) {
	head, rest, _ := bytes.Cut(b, []byte{0})
	return string(head), rest
}
