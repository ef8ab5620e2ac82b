package sojourn

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync/atomic"
	"time"
)

// lastKeyTime makes keys of one process strictly ordered: 48 bits of milliseconds and 12 bits within the millisecond.
var lastKeyTime atomic.Uint64

// NewIdempotencyKey makes a key for StartParams.IdempotencyKey: a UUIDv7. Keys made later sort later, so that the
// server's index of keys grows at its end.
func NewIdempotencyKey() string {
	now := time.Now()
	stamp := uint64(now.UnixMilli())<<12 | uint64(now.Nanosecond()%1e6)*4096/1e6
	for {
		last := lastKeyTime.Load()
		stamp = max(stamp, last+1)
		if lastKeyTime.CompareAndSwap(last, stamp) {
			break
		}
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], stamp>>12<<16|0x7000|stamp&0xfff)
	_, _ = rand.Read(b[8:]) // documented never to fail
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
