package api

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strconv"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// cursorKind says which list a cursor belongs to.
type cursorKind byte

const (
	cursorExecutions cursorKind = 'e'
	cursorWorkflows  cursorKind = 'w'
	cursorLogs       cursorKind = 'l'
	cursorVersions   cursorKind = 'v'
	cursorFiles      cursorKind = 'f'
	cursorEvents     cursorKind = 's'
	cursorDeliveries cursorKind = 'd'
	cursorEndpoints  cursorKind = 'h'
)

// cursorVersion changes when the meaning of a cursor's content does.
const cursorVersion = 1

// A page's default and largest size.
const (
	defaultPage = 20
	maxPage     = 100
)

// appendCursor appends where a list goes on, in a form that means nothing to anyone but this package: a version, the
// list, the place, and a checksum so that a shortened or mistyped cursor is told apart from a place.
func appendCursor(b []byte, kind cursorKind, place []byte) []byte {
	raw := make([]byte, 0, 64)
	raw = append(raw, cursorVersion, byte(kind))
	raw = append(raw, place...)
	raw = binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw))
	return base64.RawURLEncoding.AppendEncode(b, raw)
}

// parseCursor is the place in a cursor of the kind.
func parseCursor(text string, kind cursorKind) ([]byte, bool) {
	if len(text) > 1024 {
		return nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) < 6 {
		return nil, false
	}
	body, sum := raw[:len(raw)-4], raw[len(raw)-4:]
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(sum) || body[0] != cursorVersion || body[1] != byte(kind) {
		return nil, false
	}
	return body[2:], true
}

func badCursor() error {
	return badField("cursor", jsonx.CodeInvalidValue, "is not one that this list gave; pass next_cursor of the previous page unchanged, or leave it out for the first page")
}

// queryCursor reads the place to go on from; nil is the first page. An empty cursor means the first page too, so that
// a client may pass what it has.
func (x *exchange) queryCursor(kind cursorKind) ([]byte, error) {
	text, ok := x.given.get("cursor")
	if !ok || text == "" || text == "null" {
		return nil, nil
	}
	place, ok := parseCursor(text, kind)
	if !ok {
		return nil, badCursor()
	}
	return place, nil
}

// queryPage reads limit and cursor of a list of executions.
func (x *exchange) queryPage() (limit int, before execution.ID, err error) {
	n, err := x.queryInt("limit", 1, maxPage, defaultPage)
	if err != nil {
		return 0, before, err
	}
	place, err := x.queryCursor(cursorExecutions)
	if err != nil {
		return 0, before, err
	}
	if place != nil && copy(before[:], place) != len(place) || len(place) != 0 && len(place) != len(before) {
		return 0, before, badCursor()
	}
	return int(n), before, nil
}

// appendPage ends a list that began with {"data":[.
func appendPage(b []byte, more bool, kind cursorKind, place []byte) []byte {
	b = append(b, `],"has_more":`...)
	b = strconv.AppendBool(b, more)
	if !more {
		return append(b, `,"next_cursor":null`...)
	}
	b = append(b, `,"next_cursor":"`...)
	b = appendCursor(b, kind, place)
	return append(b, '"')
}

// logPlace is a place among log lines as a cursor holds it.
func logPlace(p engine.LogPosition) []byte {
	b := binary.AppendUvarint(nil, uint64(uint32(p.Attempt)))
	b = binary.AppendUvarint(b, uint64(uint32(p.N)))
	return append(b, p.Step...)
}

func parseLogPlace(b []byte) (engine.LogPosition, bool) {
	attempt, n := binary.Uvarint(b)
	if n <= 0 || attempt > 1<<31-1 {
		return engine.LogPosition{}, false
	}
	b = b[n:]
	line, n := binary.Uvarint(b)
	if n <= 0 || line > 1<<31-1 || !validText(string(b[n:])) {
		return engine.LogPosition{}, false
	}
	return engine.LogPosition{Step: string(b[n:]), Attempt: int32(attempt), N: int32(line)}, true
}
