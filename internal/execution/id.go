package execution

import (
	"encoding/binary"
	"strings"
)

// ID is a UUIDv7: 48 bits of Unix milliseconds, 4 bits version, a 12-bit counter within the millisecond, 2 bits
// variant and 62 random bits, of which the last 10 are the shard. Byte order is time order. The zero ID means none.
type ID [16]byte

// ShardBits is how many of an ID's last bits name its shard.
const ShardBits = 10

// MakeID assembles an ID from its parts. Only the low 12 bits of counter and the low 62 bits of tail are used.
func MakeID(ms int64, counter uint16, tail uint64) ID {
	var id ID
	binary.BigEndian.PutUint64(id[:8], uint64(ms)<<16|0x7000|uint64(counter&0x0fff))
	binary.BigEndian.PutUint64(id[8:], tail&^(3<<62)|2<<62)
	return id
}

// Millis is the Unix time in milliseconds at which the ID was made.
func (id ID) Millis() int64 { return int64(binary.BigEndian.Uint64(id[:8]) >> 16) }

// Order is the ID's time and counter as one 60-bit integer: it rises with creation, is unique within one minting
// process, and serves as an integer key.
func (id ID) Order() int64 {
	hi := binary.BigEndian.Uint64(id[:8])
	return int64(hi>>16<<12 | hi&0x0fff)
}

// Tail is the 62 random bits that Order leaves out.
func (id ID) Tail() int64 { return int64(binary.BigEndian.Uint64(id[8:]) &^ (3 << 62)) }

// IDFromParts is the inverse of Order and Tail.
func IDFromParts(order, tail int64) ID {
	return MakeID(order>>12, uint16(order&0x0fff), uint64(tail))
}

// Shard is the ID's shard, 0 to 1023.
func (id ID) Shard() int { return int(binary.BigEndian.Uint16(id[14:])) & (1<<ShardBits - 1) }

// InShard is the ID with another shard.
func (id ID) InShard(shard int) ID {
	tail := binary.BigEndian.Uint16(id[14:])
	binary.BigEndian.PutUint16(id[14:], tail&^(1<<ShardBits-1)|uint16(shard)&(1<<ShardBits-1))
	return id
}

// IsZero reports whether the ID is the zero ID, which names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// Prefixes of ids in text, one per kind of thing.
const (
	PrefixExecution = "exec_"
	PrefixWorkflow  = "wf_"
	PrefixVersion   = "wfv_"
	PrefixKey       = "key_"
	PrefixSession   = "sess_"
	PrefixProject   = "proj_"
	PrefixEvent     = "evt_"
	PrefixStep      = "step_"
	PrefixFile      = "file_"
	PrefixEndpoint  = "wh_"
)

const (
	alphabet   = "0123456789abcdefghjkmnpqrstvwxyz"
	textLength = 26
)

var alphabetValue = func() (v [256]int8) {
	for i := range v {
		v[i] = -1
	}
	for i := range len(alphabet) {
		v[alphabet[i]] = int8(i)
	}
	return v
}()

// AppendText appends the ID in text to dst: the prefix and 26 lower-case base32 characters, as TypeID writes them.
func (id ID) AppendText(dst []byte, prefix string) []byte {
	var out [textLength]byte
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	for i := textLength - 1; i >= 0; i-- {
		out[i] = alphabet[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return append(append(dst, prefix...), out[:]...)
}

// Text is AppendText as a string.
func (id ID) Text(prefix string) string {
	return string(id.AppendText(make([]byte, 0, 32), prefix))
}

// String is the ID in text with the prefix of an execution.
func (id ID) String() string { return id.Text(PrefixExecution) }

// ParseID reads an ID in text that must carry the prefix. ok is false for anything but a UUIDv7 as AppendText writes it,
// so that no two texts name the same thing: Order and Tail leave the version and the variant out.
func ParseID(prefix, s string) (id ID, ok bool) {
	rest, found := strings.CutPrefix(s, prefix)
	if !found || len(rest) != textLength || rest[0] > '7' {
		return ID{}, false
	}
	var hi, lo uint64
	for i := range textLength {
		v := alphabetValue[rest[i]]
		if v < 0 {
			return ID{}, false
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(v)
	}
	if hi>>12&0xf != 7 || lo>>62 != 2 {
		return ID{}, false
	}
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], lo)
	return id, true
}
