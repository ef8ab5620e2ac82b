package limitserver

import (
	"encoding/base32"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// id is an execution's identity: a key that rises with time, which the table
// is ordered by, and random bits that make it hard to guess.
type id struct{ pk, tail int64 }

// counterBits is the room below the milliseconds in a key.
const counterBits = 20

// idSource gives out ids. Only the committer uses it.
type idSource struct{ last int64 }

func (s *idSource) next(now time.Time) id {
	s.last = max(s.last+1, now.UnixMilli()<<counterBits)
	return id{pk: s.last, tail: rand.Int64()}
}

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

func (i id) String() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(i.pk))
	binary.BigEndian.PutUint64(b[8:], uint64(i.tail))
	return "exec_" + idEncoding.EncodeToString(b[:])
}
