package engine

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"sync"

	"github.com/sojournhq/sojourn/internal/execution"
)

// mint makes ids and lease tokens. Its ids rise, also within a millisecond.
type mint struct {
	now func() execution.Time

	mu    sync.Mutex
	order int64 // milliseconds and counter of the latest id
	rnd   [1024]byte
	off   int
}

func newMint(now func() execution.Time) *mint {
	// Ids may run ahead of the clock when many are made within a millisecond. The store's clock is not behind the latest
	// one that is stored, but it may stand in the same millisecond.
	m := &mint{now: now, order: (int64(now())/1000+1)<<12 - 1}
	m.off = len(m.rnd)
	return m
}

// take returns 16 random bytes; m.mu is held.
func (m *mint) take() []byte {
	if m.off == len(m.rnd) {
		_, _ = rand.Read(m.rnd[:]) // never fails
		m.off = 0
	}
	b := m.rnd[m.off : m.off+16]
	m.off += 16
	return b
}

// id makes a new ID.
func (m *mint) id() execution.ID {
	ms := int64(m.now()) / 1000
	m.mu.Lock()
	m.order = max(m.order+1, ms<<12)
	order, tail := m.order, binary.BigEndian.Uint64(m.take())
	m.mu.Unlock()
	return execution.MakeID(order>>12, uint16(order&0xfff), tail)
}

// in makes a new ID in the shard.
func (m *mint) in(shard int) execution.ID { return m.id().InShard(shard) }

// leaseText makes a lease token for the given attempt: the attempt and 128 random bits.
func (m *mint) leaseText(attempt int32) string {
	var id execution.ID
	m.mu.Lock()
	copy(id[:], m.take())
	m.mu.Unlock()
	b := make([]byte, 0, 40)
	b = strconv.AppendInt(b, int64(attempt), 10)
	return string(id.AppendText(append(b, '-'), ""))
}

// fingerprint is what the store keeps of a lease token. The epoch is part of it, so that no token of a timeline that a
// restored backup has left is ever current again.
func fingerprint(epoch uint64, token string) execution.Lease {
	var buf [72]byte
	b := binary.BigEndian.AppendUint64(buf[:0], epoch)
	sum := sha256.Sum256(append(b, token...))
	return execution.Lease(sum[:16])
}
